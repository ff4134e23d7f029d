//! A bucket that takes as long as S3, bears as many requests a second, and counts what is asked of it.
//!
//! It loses and forges nothing: faults are the business of `tests/sim`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use lemming::store::counting::{LIST_PAGE, Requests};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::time::Instant;

use crate::dice::Dice;
use crate::latency::{Kind, Pauses, draw};

/// Where the organisation lies in the bucket.
pub const ROOT: &str = "org";

/// The first moment.
pub const BEGINNING_MS: i64 = 1_800_000_000_000;

/// What the bucket bears: S3 promises at least so much for a partition of its keys, and a new bucket is one partition
/// (Amazon S3 User Guide, "Performance design patterns").
const WRITES_A_SECOND: u64 = 3_500;
const READS_A_SECOND: u64 = 5_500;

#[derive(Debug, Clone)]
struct Object {
    bytes: Bytes,
    modified_ms: i64,
}

/// When things happened in the tick that is measured, in milliseconds since it was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    pub planned_ms: u64,
    pub last_turn_ms: u64,
    pub last_seal_ms: u64,
    pub closed_ms: u64,
}

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<String, Object>,
    requests: Requests,
    by_folder: BTreeMap<String, Requests>,
    throttled: u64,
    marks: Marks,
    marked_from: Option<Instant>,
    /// The second that is being counted, and the writes and reads of it.
    second: (u64, u64, u64),
}

/// The bucket.
#[derive(Debug)]
pub struct Bucket {
    began: Instant,
    dice: Dice,
    limited: bool,
    inner: Mutex<Inner>,
}

impl Bucket {
    pub fn new(dice: Dice, limited: bool) -> Self {
        Self { began: Instant::now(), dice, limited, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bucket's clock.
    pub fn now_ms(&self) -> i64 {
        BEGINNING_MS + i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Puts an object there before anybody looks.
    pub fn lay(&self, path: &str, text: &str) {
        let modified_ms = self.now_ms();
        self.inner()
            .objects
            .insert(path.to_owned(), Object { bytes: Bytes::copy_from_slice(text.as_bytes()), modified_ms });
    }

    /// Counts from here on.
    pub fn start_counting(&self) {
        let inner = &mut *self.inner();
        (inner.requests, inner.throttled, inner.marks) = (Requests::default(), 0, Marks::default());
        inner.by_folder.clear();
        inner.marked_from = Some(Instant::now());
    }

    pub fn requests(&self) -> Requests {
        self.inner().requests
    }

    /// The requests by what they were for: the folder, and within a tick the kind of record.
    pub fn by_folder(&self) -> BTreeMap<String, Requests> {
        self.inner().by_folder.clone()
    }

    /// How many requests were refused because there were too many; they are not billed.
    pub fn throttled(&self) -> u64 {
        self.inner().throttled
    }

    pub fn marks(&self) -> Marks {
        self.inner().marks
    }

    pub fn bytes(&self) -> u64 {
        self.inner().objects.values().map(|object| object.bytes.len() as u64).sum()
    }

    /// Says whether a request is refused. S3 does not say how it counts: here, by full seconds.
    fn refuses(&self, kind: Kind) -> bool {
        if !self.limited {
            return false;
        }
        let second = self.began.elapsed().as_secs();
        let inner = &mut *self.inner();
        if inner.second.0 != second {
            inner.second = (second, 0, 0);
        }
        let (made, most) = match kind.writes() {
            true => (&mut inner.second.1, WRITES_A_SECOND),
            false => (&mut inner.second.2, READS_A_SECOND),
        };
        *made += 1;
        let refused = *made > most;
        inner.throttled += u64::from(refused);
        refused
    }

    fn count(&self, kind: Kind, path: &str) {
        let inner = &mut *self.inner();
        let mut parts = path.split('/');
        let folder = match (parts.next(), parts.next(), parts.next()) {
            (Some("ticks"), _, Some(record)) => format!("ticks/{record}"),
            (Some("agents"), Some(_), Some(part)) => format!("agents/{part}"),
            (first, ..) => first.unwrap_or_default().to_owned(),
        };
        for requests in [&mut inner.requests, inner.by_folder.entry(folder).or_default()] {
            match kind {
                Kind::Put => requests.put += 1,
                Kind::Get => requests.get += 1,
                Kind::List => requests.list += 1,
                Kind::Delete => requests.delete += 1,
            }
        }
    }

    fn write(&self, path: &str, bytes: Bytes, creates: bool) -> bool {
        let modified_ms = self.now_ms();
        let inner = &mut *self.inner();
        if creates && inner.objects.contains_key(path) {
            return false;
        }
        let at = inner.marked_from.map_or(0, |from| u64::try_from(from.elapsed().as_millis()).unwrap_or_default());
        if path.ends_with("/plan.json") {
            inner.marks.planned_ms = at;
        } else if path.ends_with("/closed.json") {
            inner.marks.closed_ms = at;
        } else if path.contains("/turns/") {
            inner.marks.last_turn_ms = at;
        } else if path.contains("/shards/") && !path.contains("/hb/") {
            inner.marks.last_seal_ms = at;
        }
        inner.objects.insert(path.to_owned(), Object { bytes, modified_ms });
        true
    }

    fn get(&self, path: &str) -> Option<Object> {
        self.inner().objects.get(path).cloned()
    }

    fn below(&self, prefix: &str) -> Vec<(String, u64, i64)> {
        let inner = self.inner();
        let from = inner.objects.range(prefix.to_owned()..).take_while(|(path, _)| path.starts_with(prefix));
        from.map(|(path, o)| (path.clone(), o.bytes.len() as u64, o.modified_ms)).collect()
    }

    /// The folders and the objects directly below a prefix.
    fn directly_below(&self, prefix: &str) -> (Vec<String>, Vec<(String, u64, i64)>) {
        let inner = self.inner();
        let (mut folders, mut objects, mut from) = (Vec::new(), Vec::new(), prefix.to_owned());
        while let Some((path, object)) =
            inner.objects.range(from.clone()..).next().filter(|(p, _)| p.starts_with(prefix))
        {
            match path[prefix.len()..].split_once('/') {
                Some((name, _)) => {
                    folders.push(format!("{prefix}{name}"));
                    // The first key after all of that folder.
                    from = format!("{prefix}{name}0");
                }
                None => {
                    objects.push((path.clone(), object.bytes.len() as u64, object.modified_ms));
                    from = format!("{path}\0");
                }
            }
        }
        (folders, objects)
    }
}

/// A runner's connections to the bucket.
#[derive(Debug, Clone)]
pub struct Connection {
    pub bucket: Arc<Bucket>,
    open: Arc<AtomicU64>,
    peak: Arc<AtomicU64>,
}

/// A request under way.
struct Open<'a>(&'a AtomicU64);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("simulated: {0}")]
struct Simulated(&'static str);

fn failure(what: &'static str) -> Error {
    Error::Generic { store: "Simulated", source: Simulated(what).into() }
}

fn inside(location: &Path) -> String {
    location.as_ref().strip_prefix(ROOT).unwrap_or(location.as_ref()).trim_start_matches('/').to_owned()
}

fn meta(path: &str, size: u64, modified_ms: i64) -> ObjectMeta {
    ObjectMeta {
        location: Path::from(format!("{ROOT}/{path}")),
        last_modified: DateTime::from_timestamp_millis(modified_ms).unwrap_or_default(),
        size,
        e_tag: None,
        version: None,
    }
}

impl Connection {
    pub fn new(bucket: Arc<Bucket>) -> Self {
        Self { bucket, open: Arc::default(), peak: Arc::default() }
    }

    /// The most requests that were under way at once.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Makes a request: waits until it has arrived and is let in, does it, waits for the answer.
    async fn ask<T>(&self, kind: Kind, path: &str, sent: usize, act: impl FnOnce(&Bucket) -> (T, usize)) -> Result<T> {
        let bucket = &self.bucket;
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(open, Ordering::Relaxed);
        let _open = Open(&self.open);
        let mut pauses = Pauses::new(&bucket.dice);
        let way = loop {
            let way = draw(&bucket.dice, kind, sent) / 2;
            tokio::time::sleep(way).await;
            if !bucket.refuses(kind) {
                break way;
            }
            tokio::time::sleep(way).await;
            match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(failure("503 Slow Down, after all retries")),
            }
        };
        bucket.count(kind, path);
        let (answer, received) = act(bucket);
        tokio::time::sleep(way + Duration::from_micros(received as u64 * 1_000 / 85_000)).await;
        Ok(answer)
    }

    /// Reads a listing of so many results, page by page.
    async fn pages<T>(&self, prefix: &str, act: impl FnOnce(&Bucket) -> (T, u64)) -> Result<T> {
        let mut results = 0;
        let found = self
            .ask(Kind::List, prefix, 0, |bucket| {
                let (found, count) = act(bucket);
                results = count;
                (found, 0)
            })
            .await?;
        for _ in 1..results.div_ceil(LIST_PAGE) {
            self.ask(Kind::List, prefix, 0, |_| ((), 0)).await?;
        }
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
        let (path, bytes) = (inside(location), Bytes::from(payload));
        let creates = match opts.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => return Err(failure("no conditional update is ever needed")),
        };
        let size = bytes.len();
        match self.ask(Kind::Put, &path, size, |bucket| (bucket.write(&path, bytes, creates), 0)).await? {
            true => Ok(PutResult { e_tag: None, version: None, extensions: Default::default() }),
            false => Err(Error::AlreadyExists {
                path: location.to_string(),
                source: Simulated("412 Precondition Failed").into(),
            }),
        }
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(failure("no multipart upload is ever needed"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = inside(location);
        let found = self.ask(Kind::Get, &path, 0, |bucket| {
            let found = bucket.get(&path);
            let size = found.as_ref().filter(|_| !options.head).map_or(0, |object| object.bytes.len());
            (found, size)
        });
        let Some(Object { bytes, modified_ms }) = found.await? else {
            return Err(Error::NotFound { path: location.to_string(), source: Simulated("404 Not Found").into() });
        };
        let size = bytes.len() as u64;
        let body = if options.head { Bytes::new() } else { bytes };
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::once(async move { Ok(body) }).boxed()),
            meta: meta(&path, size, modified_ms),
            range: 0..size,
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
                    let path = inside(&location);
                    let delete = |bucket: &Bucket| (drop(bucket.inner().objects.remove(&path)), 0);
                    connection.ask(Kind::Delete, &path, 0, delete).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (connection, prefix) = (self.clone(), folder(prefix));
        stream::once(async move {
            let below = |bucket: &Bucket| {
                let found = bucket.below(&prefix);
                let count = found.len() as u64;
                (found, count)
            };
            let found = connection.pages(&prefix, below).await?;
            Ok::<_, Error>(stream::iter(found.into_iter().map(|(path, size, at)| Ok(meta(&path, size, at)))))
        })
        .try_flatten()
        .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = folder(prefix);
        let directly = |bucket: &Bucket| {
            let found = bucket.directly_below(&prefix);
            let count = (found.0.len() + found.1.len()) as u64;
            (found, count)
        };
        let (folders, objects) = self.pages(&prefix, directly).await?;
        let common_prefixes = folders.into_iter().map(|path| Path::from(format!("{ROOT}/{path}"))).collect();
        let objects = objects.into_iter().map(|(path, size, at)| meta(&path, size, at)).collect();
        Ok(ListResult { common_prefixes, objects, extensions: Default::default() })
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(failure("no copy is ever needed"))
    }
}
