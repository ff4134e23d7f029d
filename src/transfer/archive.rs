//! An organisation as an archive.

use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use tokio::sync::mpsc;

use super::entries::{self, Hostile, Limits};
use super::{FORMAT, MANIFEST, Manifest, tick_of, travels};
use crate::domain::time::Tick;
use crate::engine::{EngineError, load};
use crate::record::encode;
use crate::store::{Created, Key, Prefix, Store, StoreError};

/// How many objects are read or written at once.
const PARALLEL: usize = 16;

/// So many objects of an archive may wait to be written.
const WAITING: usize = 8;

/// What an export came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// The last closed tick that is in it.
    pub tick: Tick,
    /// How many files it holds.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// Files that are no part of an organisation, or whose names are none, and stay behind.
    pub left_behind: Vec<String>,
    /// Whether the organisation went on meanwhile, or a tick was open: what agents changed since the last tick of the archive
    /// is in it as if a person had done it.
    pub went_on: bool,
}

/// Why there is no archive. What was written of it is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Mail was taken by a tick that is not in the archive.
    #[error("a tick took mail while it was exported")]
    WentOn,
    /// The archive cannot be written.
    #[error("the archive cannot be written")]
    Write(#[from] io::Error),
    /// The organisation cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

type Archive = tar::Builder<GzEncoder<Box<dyn Write + Send>>>;

/// Writes an organisation as it was after its last closed tick. The same organisation gives the same bytes. Reads only.
///
/// # Errors
/// The organisation cannot be read, the archive cannot be written, or ticks went on in a way that would lose mail.
pub async fn export(store: &Store, to: Box<dyn Write + Send>, with_keys: bool) -> Result<Exported, ExportError> {
    if store.get(&Key::Org).await?.is_none() {
        return Err(EngineError::NoOrg.into());
    }
    // Mail is looked for before the records: what a tick takes in between is then in these.
    let ingress = store.list(&Prefix::Ingress).await?;
    let state = load(store).await?.state;
    let mut done = Exported { tick: state.tick, files: 0, bytes: 0, left_behind: Vec::new(), went_on: false };
    let mut archive = tar::Builder::new(GzEncoder::new(to, Compression::default()));
    archive.mode(tar::HeaderMode::Deterministic);
    let manifest = Manifest { format: FORMAT, tick: state.tick, closed: state.closed.clone() };
    append(&mut archive, MANIFEST, &encode(&manifest))?;
    // And written first: what a tick takes after the last one of the archive must not be lost with that tick.
    let is_in_records = |key: &Key| match key {
        Key::Mail(name) | Key::Control(name) => state.admitted.contains_key(name),
        _ => false,
    };
    let ingress = ingress.iter().filter_map(|path| Key::parse(path));
    let ingress: Vec<Key> = ingress.filter(|key| travels(key) && !is_in_records(key)).collect();
    if write(store, &mut archive, ingress, &mut done).await? > 0 {
        return Err(ExportError::WentOn);
    }
    let mut keys = Vec::new();
    for path in store.list(&Prefix::Everything).await? {
        match Key::parse(&path) {
            None => done.left_behind.push(path),
            Some(Key::Org | Key::Mail(_) | Key::Control(_)) => {}
            Some(key) if key == Key::api_keys() && !with_keys => {}
            Some(key) if travels(&key) && tick_of(&key).is_none_or(|tick| tick <= state.tick) => keys.push(key),
            Some(_) => {}
        }
    }
    write(store, &mut archive, keys, &mut done).await?;
    if write(store, &mut archive, vec![Key::Org], &mut done).await? > 0 {
        return Err(EngineError::NoOrg.into());
    }
    done.went_on = store.get(&Key::Plan(state.tick.next())).await?.is_some();
    archive.into_inner()?.finish()?.flush()?;
    Ok(done)
}

/// Writes objects; how many of them are gone by now.
async fn write(store: &Store, archive: &mut Archive, keys: Vec<Key>, done: &mut Exported) -> Result<u64, ExportError> {
    let read = |key: Key| async move {
        let bytes = store.get(&key).await?;
        Ok::<_, StoreError>((key, bytes))
    };
    let mut reads = stream::iter(keys).map(read).buffered(PARALLEL);
    let mut gone = 0;
    while let Some((key, bytes)) = reads.try_next().await? {
        let Some(bytes) = bytes else {
            gone += 1;
            continue;
        };
        append(archive, &key.path(), &bytes)?;
        done.files += 1;
        done.bytes += bytes.len() as u64;
    }
    Ok(gone)
}

fn append(archive: &mut Archive, path: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    archive.append_data(&mut header, path, bytes)
}

/// What an import came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// The last closed tick.
    pub tick: Tick,
    /// How many files were written, or were there already with the same content.
    pub files: u64,
    /// Whether API keys were in the archive, and left out.
    pub keys_left_out: bool,
}

/// Why nothing came of an archive: there is no organisation, and what was written of it can be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is an organisation already.
    #[error("there is an organisation already")]
    Taken,
    /// It is no archive of an organisation, or not one that may be taken.
    #[error(transparent)]
    Hostile(#[from] Hostile),
    /// Something else lies where a file of the archive belongs.
    #[error("{0} is there already, with other content")]
    Conflict(String),
    /// What it says of itself is not what it holds.
    #[error(
        "the records in it end with tick {found}, and not as they should with tick {said}: it was changed, or is damaged"
    )]
    Records {
        /// What it says.
        said: Tick,
        /// What it holds.
        found: Tick,
    },
    /// The store failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// Reads an archive into a place where there is no organisation. `org.json` is written last, once all has come and the
/// records end with the tick that the archive says. Whether each of them is as it was written is for `fsck` to say.
///
/// # Errors
/// It is refused, or the store failed; the place has no organisation then.
pub async fn import(
    from: Box<dyn Read + Send>,
    store: &Store,
    limits: Limits,
    with_keys: bool,
) -> Result<Imported, ImportError> {
    if store.get(&Key::Org).await?.is_some() {
        return Err(ImportError::Taken);
    }
    let (send, receive) = mpsc::channel(WAITING);
    // Unpacking keeps a thread busy; it ends with the channel.
    let reader =
        tokio::task::spawn_blocking(move || entries::read(from, limits, |entry| send.blocking_send(entry).is_ok()));
    let written = take(receive, store, with_keys).await;
    let read = reader.await.map_err(EngineError::of_task)?;
    // What the archive is guilty of comes before what is missing because of it.
    let manifest = read?;
    let (mut done, org) = written?;
    done.tick = manifest.tick;
    let Some(org) = org else { return Err(Hostile::CutOff.into()) };
    let state = load(store).await?.state;
    if state.tick != manifest.tick || state.closed != manifest.closed {
        return Err(ImportError::Records { said: manifest.tick, found: state.tick });
    }
    create(store, Key::Org, org).await?;
    done.files += 1;
    Ok(done)
}

/// Writes what comes, all but `org.json`, which is handed back.
async fn take(
    receive: mpsc::Receiver<(Key, Bytes)>,
    store: &Store,
    with_keys: bool,
) -> Result<(Imported, Option<Bytes>), ImportError> {
    let mut done = Imported { tick: Tick(0), files: 0, keys_left_out: false };
    let mut org = None;
    let received = stream::unfold(receive, |mut receive| async move { Some((receive.recv().await?, receive)) });
    let mut writes = std::pin::pin!(
        received
            .map(|(key, bytes)| async move {
                if key == Key::Org {
                    return Ok::<_, ImportError>(Some((key, bytes)));
                }
                if key == Key::api_keys() && !with_keys {
                    return Ok(Some((key, Bytes::new())));
                }
                create(store, key, bytes).await.map(|()| None)
            })
            .buffered(PARALLEL)
    );
    while let Some(written) = writes.try_next().await? {
        match written {
            Some((Key::Org, bytes)) => org = Some(bytes),
            Some(_) => done.keys_left_out = true,
            None => done.files += 1,
        }
    }
    Ok((done, org))
}

async fn create(store: &Store, key: Key, bytes: Bytes) -> Result<(), ImportError> {
    match store.create_own(&key, bytes.clone()).await? {
        Created::Won => Ok(()),
        Created::Lost(there) if there == bytes => Ok(()),
        Created::Lost(_) => Err(ImportError::Conflict(key.path())),
    }
}
