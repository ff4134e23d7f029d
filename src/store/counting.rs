//! Counts the requests that an organisation makes, as its bucket bills them.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};
use serde::Serialize;

/// How many objects a bucket lists in one request.
pub const LIST_PAGE: u64 = 1000;

/// Numbers of requests, by what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// Puts of any mode, and copies.
    pub put: u64,
    /// Gets, also of a part or of the metadata only.
    pub get: u64,
    /// Pages of listings: one for each call and one for each further 1,000 results.
    pub list: u64,
    /// Deleted objects.
    pub delete: u64,
}

impl Add for Requests {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            put: self.put + other.put,
            get: self.get + other.get,
            list: self.list + other.list,
            delete: self.delete + other.delete,
        }
    }
}

/// What was added since an earlier reading; never below zero.
impl Sub for Requests {
    type Output = Self;
    fn sub(self, earlier: Self) -> Self {
        Self {
            put: self.put.saturating_sub(earlier.put),
            get: self.get.saturating_sub(earlier.get),
            list: self.list.saturating_sub(earlier.list),
            delete: self.delete.saturating_sub(earlier.delete),
        }
    }
}

/// The running count of one [`Counting`] store.
#[derive(Debug, Default)]
pub struct Counter {
    put: AtomicU64,
    get: AtomicU64,
    list: AtomicU64,
    delete: AtomicU64,
}

impl Counter {
    /// The requests so far.
    #[must_use]
    pub fn read(&self) -> Requests {
        Requests {
            put: self.put.load(Ordering::Relaxed),
            get: self.get.load(Ordering::Relaxed),
            list: self.list.load(Ordering::Relaxed),
            delete: self.delete.load(Ordering::Relaxed),
        }
    }
}

/// A store that counts what is asked of it, whether it succeeds or not. Retries of the client below are not seen.
#[derive(Debug)]
pub struct Counting<T> {
    inner: T,
    counter: Arc<Counter>,
}

impl<T: ObjectStore> Counting<T> {
    /// Counts the requests to a store.
    pub fn new(inner: T) -> Self {
        Self { inner, counter: Arc::default() }
    }

    /// The count, which can be read while the store is in use.
    #[must_use]
    pub fn counter(&self) -> Arc<Counter> {
        Arc::clone(&self.counter)
    }

    fn paged<I: 'static>(&self, listing: BoxStream<'static, I>) -> BoxStream<'static, I> {
        let counter = self.counter();
        increment(&counter.list);
        let mut results = 0;
        listing
            .inspect(move |_| {
                if results > 0 && results % LIST_PAGE == 0 {
                    increment(&counter.list);
                }
                results += 1;
            })
            .boxed()
    }
}

impl<T: ObjectStore> fmt::Display for Counting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counting({})", self.inner)
    }
}

#[async_trait]
impl<T: ObjectStore> ObjectStore for Counting<T> {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        increment(&self.counter.put);
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        increment(&self.counter.put);
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        increment(&self.counter.get);
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let counter = self.counter();
        let locations = locations.inspect(move |location| {
            if location.is_ok() {
                increment(&counter.delete);
            }
        });
        self.inner.delete_stream(locations.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.paged(self.inner.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.paged(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        increment(&self.counter.list);
        let listed = self.inner.list_with_delimiter(prefix).await?;
        let results = (listed.objects.len() + listed.common_prefixes.len()) as u64;
        self.counter.list.fetch_add(results.saturating_sub(1) / LIST_PAGE, Ordering::Relaxed);
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        increment(&self.counter.put);
        self.inner.copy_opts(from, to, options).await
    }
}

fn increment(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    use futures::TryStreamExt as _;
    use object_store::ObjectStoreExt as _;
    use object_store::memory::InMemory;

    #[tokio::test]
    async fn requests_are_counted_as_they_are_billed() {
        let inner: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let store = Counting::new(inner);
        let counter = store.counter();
        for i in 0..1001 {
            store.put(&Path::from(format!("a/{i:04}")), "x".into()).await.expect("put");
        }
        let puts = counter.read();
        assert_eq!(puts, Requests { put: 1001, ..Requests::default() });

        store.head(&Path::from("a/0001")).await.expect("head");
        store.get(&Path::from("a/none")).await.expect_err("get");
        store.delete(&Path::from("a/0001")).await.expect("delete");
        let listed: Vec<_> = store.list(None).try_collect().await.expect("list");
        assert_eq!(listed.len(), 1000, "exactly one page");
        assert_eq!(counter.read() - puts, Requests { put: 0, get: 2, list: 1, delete: 1 });

        store.put(&Path::from("a/0001"), "x".into()).await.expect("put");
        let before = counter.read();
        let _: Vec<_> = store.list(None).try_collect().await.expect("list");
        store.list_with_delimiter(Some(&Path::from("a"))).await.expect("list");
        store.list_with_delimiter(None).await.expect("list");
        assert_eq!((counter.read() - before).list, 5);
        assert_eq!(before + Requests::default(), before);
    }
}
