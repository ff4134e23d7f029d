//! A folder of the original system, LeMMing 1.0.0, becomes an organisation.
//!
//! Source of its layout: the formats of LeMMing v1.0.0. `agents/NAME/{resume.json,outbox,memory,workspace}`, `shared/`, and
//! `lemming/config/{org_config,models,credits,tick}.json`. What becomes of each is in docs/MIGRATION.md; what has no place here
//! is listed with the reason, and nothing is guessed that costs money.

mod history;
mod settings;
mod staff;

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde_json::Value;

use crate::domain::memory::MemoryFile;
use crate::domain::name::{AgentName, ModelKey};
use crate::engine::EngineError;
use crate::record::encode;
use crate::revision::{Revision, RevisionError};
use crate::runner::compose::Org;
use crate::schema::FileKind;
use crate::store::{Created, Key, Prefix, Store, StoreError};
use crate::template::LeftOut;
use crate::validate::{Finding, ValidateError};

/// How many files are read or written at once.
const PARALLEL: usize = 16;

/// The most files of such a folder.
const MAX_FILES: usize = 1_000_000;

/// The most bytes of one of them.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// `max_outbox_age_ticks` where the original's settings do not say it.
const MAX_AGE: u64 = 100;

/// What a person wants of an import.
#[derive(Debug, Clone)]
pub struct Options {
    /// What people call the organisation.
    pub name: String,
    /// Turns the signs of phase offsets.
    pub negate_offsets: bool,
}

/// What an import came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Original {
    /// The agents that came along.
    pub agents: Vec<AgentName>,
    /// The models.
    pub models: Vec<ModelKey>,
    /// Memory files.
    pub memories: usize,
    /// Files of workspaces and of all.
    pub files: usize,
    /// Messages that are kept to be read by people, in the archives of those who said them.
    pub archived: usize,
    /// Messages that somebody had not read yet, as mail.
    pub mail: usize,
    /// The tick counter of the original.
    pub tick: u64,
    /// What a person should know, and perhaps change.
    pub notes: Vec<String>,
    /// What has no place here.
    pub left_out: Vec<LeftOut>,
}

/// Why there is no organisation.
#[derive(Debug, thiserror::Error)]
pub enum OriginalError {
    /// It would not be valid. Nothing was written.
    #[error("it would not be valid")]
    Wrong(Vec<Finding>),
    /// It has no agents that could come along.
    #[error("it has no agents that could come along")]
    NoAgents,
    /// It is larger than such a folder is.
    #[error("it has more than {MAX_FILES} files")]
    TooLarge,
    /// Something else lies where one of its files belongs.
    #[error("{0} is there already, with other content")]
    Conflict(String),
    /// The new organisation cannot be checked.
    #[error(transparent)]
    Validate(#[from] ValidateError),
    /// It cannot be written.
    #[error(transparent)]
    Revision(#[from] RevisionError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Says whether a folder is one of the original system.
///
/// # Errors
/// The store failed.
pub async fn is_original(store: &Store) -> Result<bool, StoreError> {
    if store.get(&Key::Org).await?.is_some() {
        return Ok(false);
    }
    for name in ["org_config", "models", "credits", "tick"] {
        if store.get_path(&format!("lemming/config/{name}.json")).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is being put together.
#[derive(Debug, Default)]
struct Draft {
    done: Original,
    /// Files that a person would write; `org.json` among them.
    written: BTreeMap<Key, Bytes>,
    /// Everything else.
    others: Vec<(Key, Bytes)>,
    /// How old an entry may be and still be unread, in ticks.
    max_age: u64,
}

impl Draft {
    fn leave(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.done.left_out.push(LeftOut { path: path.into(), reason: reason.into() });
    }

    fn note(&mut self, note: impl Into<String>) {
        self.done.notes.push(note.into());
    }
}

/// A JSON file of the original; what is none is left out.
async fn json(source: &Store, path: &str, draft: &mut Draft) -> Result<Value, StoreError> {
    let Some(bytes) = source.get_path(path).await? else { return Ok(Value::Null) };
    Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
        draft.leave(path, format!("is no JSON: {error}"));
        Value::Null
    }))
}

/// Makes an organisation of a folder of the original system; `org.json` is written last.
///
/// # Errors
/// It would not be valid, or something lies in the way: there is no organisation then.
pub async fn import(source: &Store, dest: &Org, options: &Options) -> Result<Original, OriginalError> {
    let mut draft = Draft { max_age: MAX_AGE, ..Draft::default() };
    let listed = source.list_sizes(&Prefix::Everything, MAX_FILES).await?.ok_or(OriginalError::TooLarge)?;
    let config = |name: &str| format!("lemming/config/{name}.json");
    let org = json(source, &config("org_config"), &mut draft).await?;
    let models = json(source, &config("models"), &mut draft).await?;
    let credits = json(source, &config("credits"), &mut draft).await?;
    let tick = json(source, &config("tick"), &mut draft).await?;
    settings::name_what_is_wrong(&credits, &tick, &mut draft);
    draft.done.tick = settings::tick(&tick);
    settings::models(&models, &mut draft);
    settings::org(&org, &credits, &options.name, &mut draft);
    let staff = staff::hire(source, &listed, &credits, options, &mut draft).await?;
    if staff.is_empty() {
        return Err(OriginalError::NoAgents);
    }
    for (path, bytes) in &listed {
        file(source, path, *bytes, &staff, &mut draft).await?;
    }
    history::deliver(source, &listed, &staff, dest.clock().now(), &mut draft).await?;
    for kind in FileKind::ALL {
        draft.others.push((kind.key(), Bytes::from(encode(&kind.schema()))));
    }
    let mut revision = Revision::default();
    for (key, bytes) in std::mem::take(&mut draft.written) {
        revision.set(key, None, Some(bytes));
    }
    let verdict = revision.check(dest).await?;
    if !verdict.errors.is_empty() {
        return Err(OriginalError::Wrong(verdict.errors));
    }
    draft.done.notes.extend(verdict.others.iter().map(ToString::to_string));
    write(&dest.store, std::mem::take(&mut draft.others)).await?;
    revision.write(&dest.store).await?;
    draft.done.agents = staff.into_keys().collect();
    draft.done.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(draft.done)
}

/// Memory, workspaces and files of all; what is handled elsewhere is passed over, and the rest left out.
async fn file(
    source: &Store,
    path: &str,
    bytes: u64,
    staff: &staff::Staff,
    draft: &mut Draft,
) -> Result<(), StoreError> {
    let parts: Vec<&str> = path.split('/').collect();
    let owner = |name: &str| AgentName::new(name).ok().filter(|name| staff.contains_key(name));
    let key = match parts.as_slice() {
        ["lemming", "config", "org_config.json" | "models.json" | "credits.json" | "tick.json"] => return Ok(()),
        ["agents", _, "outbox", _] | ["agents", _, "resume.json"] => return Ok(()),
        ["shared", ..] => Key::parse(path).ok_or("its path is none that an organisation has"),
        ["agents", name, "memory", rest @ ..] if owner(name).is_some() => match (Key::parse(path), rest) {
            (Some(key), [_]) => Ok(key),
            // Archived by the original, under whatever names.
            _ => Key::parse(&format!("agents/{name}/archive/original/{}", rest.join("/")))
                .ok_or("its path is none that an organisation has"),
        },
        ["agents", name, "workspace", ..] if owner(name).is_some() => {
            Key::parse(path).ok_or("its path is none that an organisation has")
        }
        ["agents", name, "logs", ..] if owner(name).is_some() => {
            Err("what happened is in the records here; they begin with the first tick")
        }
        ["agents", name, "resume.txt"] if owner(name).is_some() => {
            Err("was replaced by resume.json in the original already")
        }
        ["agents", name, ..] if owner(name).is_none() => Err("is of no agent that came along"),
        ["lemming", "config", ..] => Err("is a setting that has no counterpart here"),
        _ => Err("is no part of an organisation"),
    };
    let key = match key {
        Ok(_) if bytes > MAX_FILE_BYTES => Err("is larger than any file here"),
        key => key,
    };
    let key = match key {
        Ok(key) => key,
        Err(reason) => {
            draft.leave(path, reason);
            return Ok(());
        }
    };
    let Some(content) = source.get_path(path).await? else { return Ok(()) };
    if matches!(key, Key::Memory(..)) {
        if let Err(error) = MemoryFile::value_in(&content) {
            draft.leave(path, error);
            return Ok(());
        }
        draft.done.memories += 1;
    } else {
        draft.done.files += 1;
    }
    draft.others.push((key, content));
    Ok(())
}

async fn write(store: &Store, files: Vec<(Key, Bytes)>) -> Result<(), OriginalError> {
    let one = |(key, bytes): (Key, Bytes)| async move {
        match store.create_own(&key, bytes.clone()).await? {
            Created::Won => Ok(()),
            Created::Lost(there) if there == bytes => Ok(()),
            Created::Lost(_) => Err(OriginalError::Conflict(key.path())),
        }
    };
    stream::iter(files).map(one).buffered(PARALLEL).try_collect().await
}
