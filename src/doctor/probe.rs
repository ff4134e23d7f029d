//! The objects that an examination makes: every one is remembered before it is written, and deleted in the end.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};

use super::latency::Watch;
use super::report::Latency;
use crate::domain::name::IngressName;
use crate::store::{Area, Key, Store, StoreError};

/// How long deleting one object may take in the end.
const PATIENCE: Duration = Duration::from_secs(20);

/// After an interruption, a create that was on its way may land so much later.
const LATE: Duration = Duration::from_secs(1);

/// How many are deleted at once.
const AT_ONCE: usize = 8;

/// One examination's objects.
#[derive(Debug)]
pub(super) struct Probe<'a> {
    store: &'a Store,
    run: IngressName,
    watch: Watch,
    written: Mutex<BTreeSet<Key>>,
    /// Folders that were not there before, the deepest first.
    folders: Vec<PathBuf>,
}

impl<'a> Probe<'a> {
    pub(super) fn new(store: &'a Store, root: Option<&Path>, run: IngressName) -> Self {
        Self { store, run, watch: Watch::default(), written: Mutex::default(), folders: missing_folders(root) }
    }

    /// The key of an object in an area.
    pub(super) fn key(&self, area: Area, name: &str) -> Key {
        let name = IngressName::new(name).unwrap_or_else(|_| unreachable!("names of probes are letters and digits"));
        Key::Probe(area, self.run.clone(), name)
    }

    /// A body that nobody else writes.
    pub(super) fn body(&self, text: &str) -> Bytes {
        Bytes::from(format!("{} {text}", self.run))
    }

    fn written(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates an object, and takes the time.
    pub(super) async fn create(&self, key: &Key, body: &Bytes) -> Result<Option<String>, StoreError> {
        self.watch.time("create", self.race(key, body)).await
    }

    /// Creates an object while others do.
    pub(super) async fn race(&self, key: &Key, body: &Bytes) -> Result<Option<String>, StoreError> {
        self.written().insert(key.clone());
        self.store.create_once(key, body.clone()).await
    }

    /// Writes an object.
    pub(super) async fn put(&self, key: &Key, body: &Bytes) -> Result<(), StoreError> {
        self.written().insert(key.clone());
        self.watch.time("overwrite", self.store.put(key, body.clone())).await
    }

    /// Reads an object.
    pub(super) async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.watch.time("read", self.store.get(key)).await
    }

    /// Deletes an object of ours.
    pub(super) async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.watch.time("delete", self.store.delete_path(&key.path())).await?;
        self.written().remove(key);
        Ok(())
    }

    /// Takes the time of a listing.
    pub(super) async fn listing<T>(&self, list: impl Future<Output = T>) -> T {
        self.watch.time("list", list).await
    }

    pub(super) fn latencies(&self) -> Vec<Latency> {
        self.watch.latencies()
    }

    /// Deletes all that may be left, and names what could not be deleted. After an interruption it does so twice.
    pub(super) async fn clean(&self, interrupted: bool) -> Vec<String> {
        if interrupted && !self.store.lists_freely() {
            self.delete_all().await;
            tokio::time::sleep(LATE).await;
        }
        let left = self.delete_all().await;
        for folder in &self.folders {
            // One that is not empty, or was never made, stays as it is.
            let _ = std::fs::remove_dir(folder);
        }
        left
    }

    async fn delete_all(&self) -> Vec<String> {
        let written: Vec<Key> = self.written().iter().cloned().collect();
        let deletes = stream::iter(written).map(|key| async move {
            let path = key.path();
            let deleted = tokio::time::timeout(PATIENCE, self.store.delete_path(&path)).await;
            match deleted {
                Ok(Ok(())) => None,
                // What was never written cannot be left.
                _ => match tokio::time::timeout(PATIENCE, self.store.get(&key)).await {
                    Ok(Ok(None)) => None,
                    Ok(Err(error)) if error.is_denied() => None,
                    _ => Some(path),
                },
            }
        });
        deletes.buffered(AT_ONCE).filter_map(std::future::ready).collect().await
    }
}

/// The folders that the objects of an examination need and that are not there yet, the deepest first.
fn missing_folders(root: Option<&Path>) -> Vec<PathBuf> {
    let Some(root) = root else { return Vec::new() };
    let mut missing = BTreeSet::new();
    for area in Area::ALL {
        let folder = root.join(area.path());
        missing.extend(folder.ancestors().take_while(|folder| !folder.exists()).map(Path::to_path_buf));
    }
    let mut missing: Vec<PathBuf> = missing.into_iter().collect();
    missing.sort_by_key(|folder| std::cmp::Reverse(folder.components().count()));
    missing
}
