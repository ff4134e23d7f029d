//! The network between a process and the bucket: slow, and it lies. An operation fails before or after it
//! was applied, a create meets itself, a write arrives minutes later, listings come in any order.
//!
//! What is on its way when its sender dies arrives all the same.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::oneshot;

use crate::bucket::{Bucket, Hand, Object};
use crate::dice::Dice;
use crate::process::Process;

/// Where the organisation lies in the bucket.
pub const ROOT: &str = "org";

/// How often each goes wrong, in ten thousand operations, and how slow all are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Odds {
    pub before: u64,
    pub after: u64,
    pub late: u64,
    /// A write arrives and is acknowledged, and once more later: a client's own retry.
    pub twice: u64,
    pub false_conflict: u64,
    pub own_conflict: u64,
    pub throttled: u64,
    /// The most that one way takes, in milliseconds.
    pub latency_ms: u64,
    /// The most that a late write takes.
    pub latest_ms: u64,
}

/// The network of a world.
#[derive(Debug)]
pub struct Network {
    pub bucket: Bucket,
    pub dice: Dice,
    odds: Mutex<Odds>,
    /// Writes on their way, those included whose senders have given them up or are dead.
    on_their_way: AtomicU64,
    /// What a model said last.
    pub said: Mutex<String>,
    /// What has gone wrong so far.
    pub faults: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Before,
    After,
    Late(Duration),
    Twice(Duration),
    FalseConflict,
    OwnConflict,
    Throttled,
}

impl Network {
    pub fn new(bucket: Bucket, dice: Dice) -> Self {
        Self {
            bucket,
            dice,
            odds: Mutex::default(),
            on_their_way: AtomicU64::new(0),
            said: Mutex::default(),
            faults: AtomicU64::new(0),
        }
    }

    pub fn set_odds(&self, odds: Odds) {
        *self.odds.lock().expect("odds") = odds;
    }

    /// Says whether a write is on its way.
    pub fn is_busy(&self) -> bool {
        self.on_their_way.load(Ordering::Relaxed) > 0
    }

    fn odds(&self) -> Odds {
        *self.odds.lock().expect("odds")
    }

    async fn travel(&self) {
        tokio::time::sleep(self.dice.time(1, self.odds().latency_ms.max(1))).await;
    }

    fn fault(&self, writes: bool, creates: bool) -> Fault {
        let odds = self.odds();
        let mut draw = self.dice.below(10_000);
        let kinds = [
            (odds.before, Fault::Before),
            (odds.throttled, Fault::Throttled),
            (if writes { odds.after } else { 0 }, Fault::After),
            (if writes { odds.late } else { 0 }, Fault::Late(Duration::ZERO)),
            (if writes { odds.twice } else { 0 }, Fault::Twice(Duration::ZERO)),
            (if creates { odds.false_conflict } else { 0 }, Fault::FalseConflict),
            (if creates { odds.own_conflict } else { 0 }, Fault::OwnConflict),
        ];
        for (chance, fault) in kinds {
            if draw < chance {
                self.faults.fetch_add(1, Ordering::Relaxed);
                return match fault {
                    Fault::Late(_) => Fault::Late(self.dice.time(500, odds.latest_ms.max(500))),
                    Fault::Twice(_) => Fault::Twice(self.dice.time(500, odds.latest_ms.max(500))),
                    fault => fault,
                };
            }
            draw -= chance;
        }
        Fault::None
    }
}

/// A process's connection to the bucket.
#[derive(Debug, Clone)]
pub struct Connection {
    pub network: Arc<Network>,
    pub process: Arc<Process>,
}

#[derive(Debug, thiserror::Error)]
#[error("simulated: {0}")]
struct Simulated(&'static str);

fn failure(what: &'static str) -> Error {
    Error::Generic { store: "Simulated", source: Simulated(what).into() }
}

fn conflict(path: &Path) -> Error {
    Error::AlreadyExists { path: path.to_string(), source: Simulated("409 Conflict").into() }
}

fn missing(path: &Path) -> Error {
    Error::NotFound { path: path.to_string(), source: Simulated("404 Not Found").into() }
}

fn inside(location: &Path) -> String {
    location.as_ref().strip_prefix(ROOT).unwrap_or(location.as_ref()).trim_start_matches('/').to_owned()
}

fn meta(path: &str, object: &Object) -> ObjectMeta {
    ObjectMeta {
        location: Path::from(format!("{ROOT}/{path}")),
        last_modified: DateTime::from_timestamp_millis(object.modified_ms).unwrap_or_default(),
        size: object.bytes.len() as u64,
        e_tag: None,
        version: None,
    }
}

/// What a write does to the bucket when it arrives.
#[derive(Clone)]
enum Write {
    Create(bytes::Bytes),
    Put(bytes::Bytes),
    Delete,
}

impl Connection {
    fn hand(&self) -> Hand {
        self.process.hand
    }

    /// Sends a write off. It arrives after a while, whatever becomes of its sender.
    fn send(&self, path: &str, write: Write, delay: Duration) -> oneshot::Receiver<bool> {
        let (answer, answered) = oneshot::channel();
        let (network, hand, path) = (Arc::clone(&self.network), self.hand(), path.to_owned());
        network.on_their_way.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let applied = match write {
                Write::Create(bytes) => network.bucket.create(hand, &path, bytes),
                Write::Put(bytes) => {
                    network.bucket.put(hand, &path, bytes);
                    true
                }
                Write::Delete => network.bucket.delete(hand, &path),
            };
            network.on_their_way.fetch_sub(1, Ordering::Relaxed);
            let _ = answer.send(applied);
        });
        answered
    }

    async fn write(&self, location: &Path, write: Write) -> Result<bool> {
        self.process.pass().await;
        let (network, path) = (&self.network, inside(location));
        let creates = matches!(write, Write::Create(_));
        let there = network.dice.time(1, network.odds().latency_ms.max(1));
        let fault = network.fault(true, creates);
        if fault != Fault::None {
            network.bucket.note(&format!("{:?} {fault:?} at {path}", self.hand()));
        }
        let arrived = match fault {
            Fault::Before | Fault::Throttled | Fault::FalseConflict => None,
            Fault::Late(by) => {
                drop(self.send(&path, write, there + by));
                None
            }
            Fault::Twice(by) => {
                drop(self.send(&path, write.clone(), there + by));
                Some(self.send(&path, write, there))
            }
            Fault::None | Fault::After | Fault::OwnConflict => Some(self.send(&path, write, there)),
        };
        let applied = match arrived {
            Some(arrived) => {
                // It is on its way now, whatever becomes of us.
                self.process.pass().await;
                arrived.await.unwrap_or(false)
            }
            None => false,
        };
        network.travel().await;
        self.process.pass().await;
        match fault {
            Fault::None | Fault::Twice(_) => Ok(applied),
            Fault::OwnConflict | Fault::FalseConflict => Err(conflict(location)),
            Fault::Throttled => Err(failure("503 Slow Down")),
            Fault::Before | Fault::After | Fault::Late(_) => Err(failure("the connection was closed")),
        }
    }

    /// Asks something; `answer` is what the bucket has when the question arrives.
    async fn ask<T>(&self, answer: impl FnOnce(&Bucket) -> T) -> Result<T> {
        self.process.pass().await;
        let fault = self.network.fault(false, false);
        self.network.travel().await;
        let answer = answer(&self.network.bucket);
        self.network.travel().await;
        self.process.pass().await;
        match fault {
            Fault::None => Ok(answer),
            Fault::Throttled => Err(failure("503 Slow Down")),
            _ => Err(failure("the connection was closed")),
        }
    }

    async fn listed(&self, prefix: String) -> Result<Vec<ObjectMeta>> {
        let mut found: Vec<ObjectMeta> =
            self.ask(|bucket| bucket.below(&prefix).iter().map(|(path, object)| meta(path, object)).collect()).await?;
        self.network.dice.shuffle(&mut found);
        Ok(found)
    }
}

fn folder(prefix: Option<&Path>) -> String {
    match prefix.map(inside) {
        Some(path) if !path.is_empty() => format!("{path}/"),
        _ => String::new(),
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Simulated")
    }
}

#[async_trait]
impl ObjectStore for Connection {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let bytes = bytes::Bytes::from(payload);
        let write = match opts.mode {
            PutMode::Create => Write::Create(bytes),
            PutMode::Overwrite => Write::Put(bytes),
            PutMode::Update(_) => return Err(failure("no conditional update is ever needed")),
        };
        match self.write(location, write).await? {
            true => Ok(PutResult { e_tag: None, version: None, extensions: Default::default() }),
            false => Err(conflict(location)),
        }
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(failure("no multipart upload is ever needed"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = inside(location);
        let object = self.ask(|bucket| bucket.get(&path)).await?.ok_or_else(|| missing(location))?;
        let body = if options.head { bytes::Bytes::new() } else { object.bytes.clone() };
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::once(async move { Ok(body) }).boxed()),
            meta: meta(&path, &object),
            range: 0..object.bytes.len() as u64,
            attributes: Default::default(),
            extensions: Default::default(),
        })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let connection = self.clone();
        locations
            .then(move |location| {
                let connection = connection.clone();
                async move {
                    let location = location?;
                    // As on S3, a missing object is no error.
                    connection.write(&location, Write::Delete).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (connection, prefix) = (self.clone(), folder(prefix));
        stream::once(
            async move { connection.listed(prefix).await.map(|found| stream::iter(found.into_iter().map(Ok))) },
        )
        .try_flatten()
        .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = folder(prefix);
        let (mut objects, mut folders) = (Vec::new(), Vec::new());
        for meta in self.listed(prefix.clone()).await? {
            let path = inside(&meta.location);
            match path[prefix.len()..].split_once('/') {
                Some((name, _)) => folders.push(Path::from(format!("{ROOT}/{prefix}{name}"))),
                None => objects.push(meta),
            }
        }
        folders.sort_unstable();
        folders.dedup();
        self.network.dice.shuffle(&mut folders);
        Ok(ListResult { common_prefixes: folders, objects, extensions: Default::default() })
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(failure("no copy is ever needed"))
    }
}
