//! The organisation's files: keys, reads, plain puts, and the one conditional write.
//!
//! This module alone knows keys ([`Key`]) and object stores. It refuses to decide anything: what
//! a record means is the engine's business. Start with [`Store`] and [`create`].

#[cfg(test)]
#[path = "../../tests/conformance/mod.rs"]
mod conformance;
pub mod counting;
pub mod create;
pub mod faults;
pub mod key;
#[cfg(unix)]
pub mod local;
pub mod open;
mod overlay;
pub mod probe;
#[cfg(test)]
mod tests;
pub mod trouble;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, PutResult};

pub use self::create::Created;
pub use self::key::{Area, Key, Prefix};
use self::probe::ProbeError;
use crate::domain::ids::Sha;
use crate::domain::time::Timestamp;
use crate::record::{Record, RecordError, decode};

/// An operation on the store that did not work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store answered with an error.
    #[error("{operation} {path}")]
    Store {
        /// What was tried.
        operation: &'static str,
        /// At which path.
        path: String,
        /// What the store says.
        #[source]
        source: Box<object_store::Error>,
    },
    /// Bytes at a key are no record of its kind.
    #[error("{key}")]
    Record {
        /// The key.
        key: Key,
        /// What is wrong with them.
        #[source]
        source: RecordError,
    },
    /// Bytes that are a pure function of the records differ from ours.
    #[error("{key} holds other bytes than the records give: the organisation is damaged, or two versions differ")]
    Conflict {
        /// The key.
        key: Key,
    },
    /// A create was neither confirmed nor refused.
    #[error("the store did not say whether {key} was written")]
    Uncertain {
        /// The key.
        key: Key,
        /// What became of the last try.
        #[source]
        source: Box<StoreError>,
    },
}

impl StoreError {
    /// Says whether the store refuses for good: trying again cannot help.
    #[must_use]
    pub fn is_final(&self) -> bool {
        use object_store::Error as E;
        match self {
            Self::Store { .. } if self.is_about_one_object() => true,
            Self::Store { source, .. } => matches!(
                source.as_ref(),
                E::PermissionDenied { .. }
                    | E::Unauthenticated { .. }
                    | E::NotSupported { .. }
                    | E::NotImplemented { .. }
                    | E::InvalidPath { .. }
                    | E::UnknownConfigurationKey { .. }
            ),
            Self::Record { .. } | Self::Conflict { .. } => true,
            Self::Uncertain { .. } => false,
        }
    }
}

impl StoreError {
    /// Says whether the store works, and only this object cannot be used: a person put a symbolic link there, or a file
    /// where it needs a folder, or a folder in its place.
    #[must_use]
    pub fn is_about_one_object(&self) -> bool {
        #[cfg(unix)]
        return matches!(self, Self::Store { source, .. } if local::is_about_one_object(source));
        #[cfg(not(unix))]
        false
    }

    /// Says whether the store says that there is an object already.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Store { source, .. } if matches!(**source, object_store::Error::AlreadyExists { .. }))
    }

    /// Says whether the store knows who asks, and does not let them.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        let refuses = |source: &object_store::Error| matches!(source, object_store::Error::PermissionDenied { .. });
        let kind = crate::causes::find::<std::io::Error>(self).map(std::io::Error::kind);
        matches!(self, Self::Store { source, .. } if refuses(source))
            || matches!(kind, Some(PermissionDenied | ReadOnlyFilesystem))
    }

    /// Says whether a disk has no room for what was to be written.
    #[must_use]
    pub fn is_for_want_of_room(&self) -> bool {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let kind = crate::causes::find::<std::io::Error>(self).map(std::io::Error::kind);
        matches!(kind, Some(StorageFull | QuotaExceeded | FileTooLarge))
    }

    /// What was being done and why it failed: in a few words if the cause is a known one, else all that was said.
    #[must_use]
    pub fn brief(&self) -> String {
        match trouble::Trouble::of(self).and_then(|trouble| trouble.cause) {
            Some(cause) => format!("{self}: {cause}"),
            None => self.chain(),
        }
    }

    /// The error and all its causes, on one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let message = error.to_string();
            if !text.contains(&message) {
                text.push_str(": ");
                text.push_str(&message);
            }
            cause = error.source();
        }
        text
    }
}

/// An organisation's place in an object store.
#[derive(Debug, Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    root: Path,
    lists_freely: bool,
    place: Option<String>,
}

impl Store {
    /// An organisation at `root` of a store. `lists_freely`: listing costs next to nothing.
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectStore>, root: Path, lists_freely: bool) -> Self {
        Self { objects, root, lists_freely, place: None }
    }

    /// The same, which knows where it is: `identity` is the same wherever the same bucket is meant, and never another.
    #[must_use]
    pub fn with_place(self, identity: &str) -> Self {
        Self { place: Some(Sha::of(identity.as_bytes()).short().to_owned()), ..self }
    }

    /// What its place is called in the hint: the first 16 digits of a hash. None is asked of a folder or of memory.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// Finds out whether the store keeps the one promise that everything rests on. `nonce` is new each time.
    ///
    /// # Errors
    /// It does not, or it did not answer.
    pub async fn probe(&self, nonce: &str) -> Result<(), ProbeError> {
        probe::probe(self.objects.as_ref(), &self.root, nonce, self.lists_freely).await
    }

    /// Says whether listing costs next to nothing (local disk, memory).
    #[must_use]
    pub fn lists_freely(&self) -> bool {
        self.lists_freely
    }

    fn at(&self, path: &str) -> Path {
        key::under(&self.root, path)
    }

    fn error(operation: &'static str, path: &Path) -> impl FnOnce(object_store::Error) -> StoreError {
        move |source| StoreError::Store { operation, path: path.to_string(), source: Box::new(source) }
    }

    /// The bytes at a key, if there are any.
    ///
    /// # Errors
    /// The store did not answer, or refuses.
    pub async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.get_path(&key.path()).await
    }

    /// The bytes at a path from the organisation's root, if there are any.
    ///
    /// # Errors
    /// The store did not answer, or refuses.
    pub async fn get_path(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        let path = self.at(path);
        let got = match self.objects.get_opts(&path, GetOptions::default()).await {
            Ok(got) => got,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(Self::error("reading", &path)(source)),
        };
        got.bytes().await.map(Some).map_err(Self::error("reading", &path))
    }

    /// The record at a key, if there is one.
    ///
    /// # Errors
    /// The store did not answer or refuses, or the bytes are no record of this kind.
    pub async fn read<R: Record>(&self, key: &Key) -> Result<Option<R>, StoreError> {
        Ok(self.read_with_bytes(key).await?.map(|(record, _)| record))
    }

    /// The record at a key and its bytes, if there is one.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_with_bytes<R: Record>(&self, key: &Key) -> Result<Option<(R, Bytes)>, StoreError> {
        let Some(bytes) = self.get(key).await? else { return Ok(None) };
        let record = decode(&bytes).map_err(|source| StoreError::Record { key: key.clone(), source })?;
        Ok(Some((record, bytes)))
    }

    /// When the object at a key was last written, by the store's own clock.
    ///
    /// # Errors
    /// The store did not answer, or refuses.
    pub async fn last_modified(&self, key: &Key) -> Result<Option<Timestamp>, StoreError> {
        let path = self.at(&key.path());
        match self.objects.head(&path).await {
            Ok(meta) => Ok(Some(Timestamp::new(meta.last_modified))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(Self::error("looking at", &path)(source)),
        }
    }

    /// Writes an object, over whatever is there. For views and hints; nothing is committed by it.
    ///
    /// # Errors
    /// The store did not answer, or refuses.
    pub async fn put(&self, key: &Key, body: Bytes) -> Result<(), StoreError> {
        self.put_path(&key.path(), body).await
    }

    /// Writes an object at a path from the organisation's root, over whatever is there.
    ///
    /// # Errors
    /// The store did not answer, or refuses.
    pub async fn put_path(&self, path: &str, body: Bytes) -> Result<(), StoreError> {
        let path = self.at(path);
        let written = self.objects.put(&path, PutPayload::from_bytes(body)).await;
        written.map(drop).map_err(Self::error("writing", &path))
    }

    /// One create, and what the store says of it; the version that the store gave it, if it keeps versions.
    ///
    /// To find out about a store. What commits is [`Self::create_own`]: any error of this may be our own write that landed.
    ///
    /// # Errors
    /// The store says that it did not create the object.
    pub async fn create_once(&self, key: &Key, body: Bytes) -> Result<Option<String>, StoreError> {
        self.create_once_at(&key.path(), body).await
    }

    async fn create_once_at(&self, path: &str, body: Bytes) -> Result<Option<String>, StoreError> {
        let path = self.at(path);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let written = self.objects.put_opts(&path, PutPayload::from_bytes(body), options).await;
        let version = |written: PutResult| written.version.filter(|version| version != "null");
        written.map(version).map_err(Self::error("creating", &path))
    }

    /// Deletes the object at a path from the organisation's root; one that is missing is no error.
    ///
    /// # Errors
    /// The store did not answer, or refuses.
    pub async fn delete_path(&self, path: &str) -> Result<(), StoreError> {
        let path = self.at(path);
        match self.objects.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(Self::error("deleting", &path)(source)),
        }
    }

    /// The paths below a prefix, from the organisation's root, sorted.
    ///
    /// # Errors
    /// The store did not answer, or refuses.
    pub async fn list(&self, prefix: &Prefix) -> Result<Vec<String>, StoreError> {
        Ok(self.list_times(prefix).await?.into_iter().map(|(path, _)| path).collect())
    }

    /// At most `limit` of the paths below a prefix, sorted, and whether there are more.
    ///
    /// # Errors
    /// The store did not answer, or refuses.
    pub async fn list_some(&self, prefix: &Prefix, limit: usize) -> Result<(Vec<String>, bool), StoreError> {
        let path = self.at(&prefix.path());
        let listed = self.objects.list(Some(&path)).take(limit.saturating_add(1));
        let found: Vec<_> = listed.try_collect().await.map_err(Self::error("listing", &path))?;
        let mut paths: Vec<String> = found.iter().filter_map(|meta| self.relative(&meta.location)).collect();
        let more = paths.len() > limit;
        paths.truncate(limit);
        paths.sort_unstable();
        Ok((paths, more))
    }

    /// The paths below a prefix with the sizes of their objects in bytes, sorted; `None` where there are more than `limit`.
    ///
    /// # Errors
    /// The store did not answer, or refuses.
    pub async fn list_sizes(&self, prefix: &Prefix, limit: usize) -> Result<Option<Vec<(String, u64)>>, StoreError> {
        let path = self.at(&prefix.path());
        let listed = self.objects.list(Some(&path)).take(limit.saturating_add(1));
        let found: Vec<_> = listed.try_collect().await.map_err(Self::error("listing", &path))?;
        if found.len() > limit {
            return Ok(None);
        }
        let mut paths: Vec<(String, u64)> =
            found.iter().filter_map(|meta| Some((self.relative(&meta.location)?, meta.size))).collect();
        paths.sort_unstable();
        Ok(Some(paths))
    }

    /// The paths below a prefix with when their objects were last written, by the store's own clock, sorted.
    ///
    /// # Errors
    /// The store did not answer, or refuses.
    pub async fn list_times(&self, prefix: &Prefix) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let path = self.at(&prefix.path());
        let found: Vec<_> =
            self.objects.list(Some(&path)).try_collect().await.map_err(Self::error("listing", &path))?;
        let timed = |meta: &ObjectMeta| Some((self.relative(&meta.location)?, Timestamp::new(meta.last_modified)));
        let mut paths: Vec<(String, Timestamp)> = found.iter().filter_map(timed).collect();
        paths.sort_unstable();
        Ok(paths)
    }

    /// At most `limit` of the paths below a prefix that come after a key, sorted.
    ///
    /// # Errors
    /// The store did not answer, or refuses.
    pub async fn list_after(&self, prefix: &Prefix, after: &Key, limit: usize) -> Result<Vec<String>, StoreError> {
        let (path, after) = (self.at(&prefix.path()), self.at(&after.path()));
        let listed = self.objects.list_with_offset(Some(&path), &after).take(limit);
        let found: Vec<_> = listed.try_collect().await.map_err(Self::error("listing", &path))?;
        let mut paths: Vec<String> = found.iter().filter_map(|meta| self.relative(&meta.location)).collect();
        paths.sort_unstable();
        Ok(paths)
    }

    /// The names of the folders directly below a prefix, sorted.
    ///
    /// # Errors
    /// The store did not answer, or refuses.
    pub async fn folders(&self, prefix: &Prefix) -> Result<Vec<String>, StoreError> {
        let path = self.at(&prefix.path());
        let found = self.objects.list_with_delimiter(Some(&path)).await.map_err(Self::error("listing", &path))?;
        let mut names: Vec<String> =
            found.common_prefixes.iter().filter_map(|p| p.filename().map(str::to_owned)).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn relative(&self, location: &Path) -> Option<String> {
        let rest = location.prefix_match(&self.root)?;
        Some(rest.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"))
    }

    async fn pause(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}
