//! Stores that break the promise of a create: one ignores the condition, one keeps it only while nobody races.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// How a store breaks the promise.
#[derive(Debug, Clone, Copy)]
enum Lie {
    /// It accepts a create and overwrites what is there.
    Ignores,
    /// It looks whether an object is there, and then writes it.
    Races,
}

/// A store that breaks the promise of a create.
#[derive(Debug)]
pub struct Liar {
    inner: Arc<dyn ObjectStore>,
    lie: Lie,
}

impl Liar {
    /// A store that accepts a create and overwrites what is there.
    #[must_use]
    pub fn ignoring(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, lie: Lie::Ignores }
    }

    /// A store whose creates that are under way together all win, and that refuses one that comes later.
    #[must_use]
    pub fn racing(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, lie: Lie::Races }
    }
}

impl fmt::Display for Liar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Liar({:?}, {})", self.lie, self.inner)
    }
}

#[async_trait]
impl ObjectStore for Liar {
    async fn put_opts(&self, location: &Path, payload: PutPayload, mut opts: PutOptions) -> Result<PutResult> {
        if let (Lie::Races, PutMode::Create) = (self.lie, &opts.mode) {
            if self.inner.head(location).await.is_ok() {
                let source = "injected: 412 Precondition Failed".into();
                return Err(Error::AlreadyExists { path: location.to_string(), source });
            }
            // Whoever else is under way looks as well, before anybody writes.
            tokio::task::yield_now().await;
        }
        opts.mode = PutMode::Overwrite;
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
