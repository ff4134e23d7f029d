//! Stores that misbehave, for tests: [`Faulty`] as networks do, [`Liar`] as some clones of S3 do.
//!
//! Every misbehaviour is drawn from a seed, or scripted with [`Faulty::fail_next`]. Nothing runs on its own: a put that
//! lands late lands at the beginning of a later operation, so a test that is run again does the same.

mod liar;
mod plan;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

pub use liar::Liar;
pub use plan::{Fault, Odds, Op};

use plan::{LatePut, State};

/// A store in front of another that misbehaves as a network does.
#[derive(Debug, Clone)]
pub struct Faulty {
    inner: Arc<dyn ObjectStore>,
    state: Arc<Mutex<State>>,
}

impl Faulty {
    /// A store that behaves until it is told otherwise.
    #[must_use]
    pub fn new(inner: Arc<dyn ObjectStore>, seed: u64) -> Self {
        Self { inner, state: Arc::new(Mutex::new(State::new(seed))) }
    }

    /// Misbehaves from the start.
    #[must_use]
    pub fn with_odds(self, odds: Odds) -> Self {
        self.set_odds(odds);
        self
    }

    /// Changes how often it misbehaves; `Odds::default()` ends it, but for the script and puts that are still late.
    pub fn set_odds(&self, odds: Odds) {
        self.state().odds = odds;
    }

    /// Makes the nth operation of this kind from now on, counted from 1, misbehave.
    pub fn fail_next(&self, op: Op, nth: u32, fault: Fault) {
        self.state().script.push((op, nth.max(1), fault));
    }

    /// How many misbehaviours there were.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.state().injected
    }

    /// Applies all puts that are still late, in the order they were made; returns how many.
    pub async fn land_all(&self) -> usize {
        let due: Vec<LatePut> = self.state().late.drain(..).collect();
        let landed = due.len();
        self.apply(due).await;
        landed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an operation: lands what is due and decides what goes wrong.
    async fn begin(&self, op: Op, create: bool) -> Option<Fault> {
        let (due, fault) = {
            let mut state = self.state();
            (state.due(), state.decide(op, create))
        };
        self.apply(due).await;
        fault
    }

    async fn apply(&self, due: Vec<LatePut>) {
        for put in due {
            // Whoever asked is gone: nobody learns how it went.
            let _ = self.inner.put_opts(&put.location, put.payload, put.opts).await;
        }
    }

    async fn delete_one(&self, location: Path) -> Result<Path> {
        let fault = self.begin(Op::Delete, false).await;
        if matches!(fault, None | Some(Fault::FailAfter)) {
            let one = stream::once(async move { Ok(location) }).boxed();
            let deleted = self.inner.delete_stream(one).try_collect::<Vec<_>>().await?;
            if let (None, Some(location)) = (fault, deleted.into_iter().next()) {
                return Ok(location);
            }
        }
        Err(failure(fault, "delete"))
    }

    fn listing(&self, listing: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
        let store = self.clone();
        async move {
            let fault = store.begin(Op::List, false).await;
            let mut found: Vec<Result<ObjectMeta>> = match fault {
                None => return Ok::<_, Error>(listing),
                Some(Fault::Shuffle | Fault::FailAfter) => listing.collect().await,
                fault => return Err(failure(fault, "list")),
            };
            if fault == Some(Fault::Shuffle) {
                store.state().rng.shuffle(&mut found);
            } else {
                found.truncate(found.len() / 2);
                found.push(Err(failure(fault, "list")));
            }
            Ok(stream::iter(found).boxed())
        }
        .into_stream()
        .try_flatten()
        .boxed()
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let fault = self.begin(Op::Put, opts.mode == PutMode::Create).await;
        match fault {
            None => return self.inner.put_opts(location, payload, opts).await,
            Some(Fault::FailAfter) => {
                self.inner.put_opts(location, payload, opts).await?;
            }
            Some(Fault::OwnConflict) => {
                self.inner.put_opts(location, payload, opts).await?;
                return Err(conflict(location));
            }
            Some(Fault::FalseConflict) => return Err(conflict(location)),
            Some(Fault::Late(wait)) => {
                let mut state = self.state();
                state.put_later(wait, location.clone(), payload, opts);
            }
            Some(Fault::FailBefore | Fault::Throttle | Fault::Shuffle | Fault::Denied) => {}
        }
        Err(failure(fault, "put"))
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match self.begin(Op::Get, false).await {
            None => self.inner.get_opts(location, options).await,
            fault => Err(failure(fault, "get")),
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .then(move |location| {
                let store = store.clone();
                async move { store.delete_one(location?).await }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (Arc::clone(&self.inner), prefix.cloned());
        // Asked for only when it is read, so that what lands late at its beginning is listed.
        self.listing(async move { store.list(prefix.as_ref()) }.into_stream().flatten().boxed())
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix, offset) = (Arc::clone(&self.inner), prefix.cloned(), offset.clone());
        self.listing(async move { store.list_with_offset(prefix.as_ref(), &offset) }.into_stream().flatten().boxed())
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let fault = self.begin(Op::List, false).await;
        if !matches!(fault, None | Some(Fault::Shuffle)) {
            return Err(failure(fault, "list"));
        }
        let mut listed = self.inner.list_with_delimiter(prefix).await?;
        if fault.is_some() {
            let mut state = self.state();
            state.rng.shuffle(&mut listed.objects);
            state.rng.shuffle(&mut listed.common_prefixes);
        }
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// What the client of a bucket says after its own retries have failed.
#[derive(Debug, thiserror::Error)]
enum Injected {
    #[error("injected: the connection of this {0} was closed")]
    Broken(&'static str),
    #[error("injected: 503 Slow Down for this {0}")]
    Throttled(&'static str),
    #[error("injected: 403 Forbidden for this {0}")]
    Denied(&'static str),
    #[error("injected: 409 Conflict")]
    Conflict,
}

fn failure(fault: Option<Fault>, op: &'static str) -> Error {
    if fault == Some(Fault::Denied) {
        return Error::PermissionDenied { path: op.to_owned(), source: Injected::Denied(op).into() };
    }
    let source = if fault == Some(Fault::Throttle) { Injected::Throttled(op) } else { Injected::Broken(op) };
    Error::Generic { store: "Faulty", source: source.into() }
}

fn conflict(location: &Path) -> Error {
    Error::AlreadyExists { path: location.to_string(), source: Injected::Conflict.into() }
}
