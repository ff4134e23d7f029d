//! A gate that every operation passes: it closes at the nth, and what stands before it waits, as a
//! process does that the system has stopped. Dropped there, it is a crash.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::watch;

/// A gate that closes at its nth passage, and then stays closed for whoever stands before it.
#[derive(Debug)]
pub struct Gate {
    passed: AtomicU64,
    closes_at: u64,
    hit: watch::Sender<bool>,
    open: watch::Sender<bool>,
    /// At every so many passages it stays closed for as long as the other says.
    naps: Option<(u64, Duration)>,
}

impl Gate {
    /// A gate that closes at the passage of this number, from 1.
    pub fn closing_at(n: u64) -> Arc<Self> {
        let (hit, open) = (watch::channel(false).0, watch::channel(false).0);
        Arc::new(Self { passed: AtomicU64::new(0), closes_at: n, hit, open, naps: None })
    }

    /// A gate that never closes for good, but at every `n`th passage for a while.
    pub fn napping(n: u64, nap: Duration) -> Arc<Self> {
        let (hit, open) = (watch::channel(false).0, watch::channel(false).0);
        Arc::new(Self { passed: AtomicU64::new(0), closes_at: u64::MAX, hit, open, naps: Some((n, nap)) })
    }

    /// Goes through, unless it is closed.
    pub async fn pass(&self) {
        let passage = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some((_, nap)) = self.naps.filter(|(n, _)| passage.is_multiple_of(*n)) {
            tokio::time::sleep(nap).await;
        }
        if passage >= self.closes_at {
            let mut open = self.open.subscribe();
            if !*open.borrow() {
                self.hit.send_replace(true);
                let _ = open.wait_for(|open| *open).await;
            }
        }
    }

    /// Says that somebody stands before the closed gate.
    pub fn knock(&self) {
        self.hit.send_replace(true);
    }

    /// Waits until somebody stands before the closed gate.
    pub async fn hit(&self) {
        let _ = self.hit.subscribe().wait_for(|hit| *hit).await;
    }

    /// Lets everybody through for good.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

/// A store behind a gate, which every operation passes before and after it is applied.
#[derive(Debug)]
pub struct Gated {
    pub inner: Arc<dyn ObjectStore>,
    pub gate: Arc<Gate>,
}

impl fmt::Display for Gated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gated")
    }
}

#[async_trait]
impl ObjectStore for Gated {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.gate.pass().await;
        let done = self.inner.put_opts(location, payload, opts).await;
        self.gate.pass().await;
        done
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.gate.pass().await;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (gate, inner) = (self.gate.clone(), self.inner.clone());
        locations
            .then(move |location| {
                let (gate, inner) = (gate.clone(), inner.clone());
                async move {
                    gate.pass().await;
                    let one = futures::stream::once(async move { location }).boxed();
                    inner.delete_stream(one).next().await.unwrap()
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (gate, listing) = (self.gate.clone(), self.inner.list(prefix));
        futures::stream::once(async move { gate.pass().await })
            .flat_map(|()| futures::stream::empty())
            .chain(listing)
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.gate.pass().await;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
