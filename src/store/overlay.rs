//! A store in memory over another one: what is written stays in memory, what is hidden is not there.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::Store;

type Shows = Arc<dyn Fn(&str) -> bool + Send + Sync>;

impl Store {
    /// A store in memory that begins as this one is, as far as `shows` says yes to a path from the
    /// organisation's root. Nothing that is done to it reaches this one.
    #[must_use]
    pub fn over(&self, shows: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        let root = self.clone();
        let shows: Shows = Arc::new(move |path| shows(path));
        let at = move |location: &Path| root.relative(location).is_some_and(|path| shows(&path));
        let objects = Overlay { below: Arc::clone(&self.objects), above: InMemory::new(), shows: Arc::new(at) };
        Self { objects: Arc::new(objects), root: self.root.clone(), lists_freely: true, place: None }
    }

    /// A store in memory that begins as this one is, and on which listing is as dear. Nothing that is done to it
    /// reaches this one.
    #[must_use]
    pub fn scratch(&self) -> Self {
        Self { lists_freely: self.lists_freely, ..self.over(|_| true) }
    }
}

struct Overlay {
    below: Arc<dyn ObjectStore>,
    above: InMemory,
    shows: Arc<dyn Fn(&Path) -> bool + Send + Sync>,
}

impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overlay").field("below", &self.below).finish_non_exhaustive()
    }
}

impl fmt::Display for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Overlay({})", self.below)
    }
}

fn unsupported(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.to_owned(), implementer: "Overlay".to_owned() }
}

#[async_trait]
impl ObjectStore for Overlay {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.above.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(unsupported("put_multipart"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match self.above.get_opts(location, options.clone()).await {
            Err(Error::NotFound { .. }) if (self.shows)(location) => self.below.get_opts(location, options).await,
            got => got,
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.above.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let shows = Arc::clone(&self.shows);
        let below = self.below.list(prefix).try_filter(move |meta| futures::future::ready(shows(&meta.location)));
        let above = self.above.list(prefix);
        let both = async move {
            let above: Vec<ObjectMeta> = above.try_collect().await?;
            let below: Vec<ObjectMeta> = below.try_collect().await?;
            let hidden = |meta: &ObjectMeta| above.iter().any(|new| new.location == meta.location);
            let kept: Vec<ObjectMeta> = below.into_iter().filter(|meta| !hidden(meta)).collect();
            Ok::<_, Error>(stream::iter(above.into_iter().chain(kept).map(Ok)))
        };
        stream::once(both).try_flatten().boxed()
    }

    /// A folder of which nothing is shown may still be named: it is not looked into.
    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut listed = self.above.list_with_delimiter(prefix).await?;
        let below = self.below.list_with_delimiter(prefix).await?;
        listed.common_prefixes.extend(below.common_prefixes);
        listed.common_prefixes.sort_unstable();
        listed.common_prefixes.dedup();
        let is_new = |meta: &ObjectMeta| listed.objects.iter().all(|new| new.location != meta.location);
        let kept: Vec<ObjectMeta> =
            below.objects.into_iter().filter(|meta| (self.shows)(&meta.location) && is_new(meta)).collect();
        listed.objects.extend(kept);
        Ok(listed)
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(unsupported("copy"))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::domain::name::{AgentName, MemoryKey};
    use crate::store::{Created, Key, Prefix, Store};
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use std::sync::Arc;

    #[tokio::test]
    async fn what_is_done_above_is_not_done_below() {
        let store = Store::new(Arc::new(InMemory::new()), Path::from("org"), false);
        let ada = AgentName::new("ada").expect("name");
        let key = |key: &str| Key::Memory(ada.clone(), MemoryKey::new(key).expect("key"));
        for (at, text) in [("a", "below"), ("b", "below"), ("secret", "below")] {
            store.put(&key(at), Bytes::from(text)).await.expect("put");
        }
        let over = store.over(|path| !path.contains("secret"));
        assert_eq!(over.get(&key("a")).await.expect("get"), Some("below".into()));
        assert_eq!(over.get(&key("secret")).await.expect("get"), None);
        over.put(&key("a"), "above".into()).await.expect("put");
        assert_eq!(over.create_own(&key("secret"), "new".into()).await.expect("create"), Created::Won);
        assert_eq!(over.create_own(&key("secret"), "late".into()).await.expect("create"), Created::Lost("new".into()));
        over.put(&key("c"), "above".into()).await.expect("put");
        assert_eq!(over.get(&key("a")).await.expect("get"), Some("above".into()));
        let listed = over.list(&Prefix::Memory(ada.clone())).await.expect("list");
        assert_eq!(listed, ["a", "b", "c", "secret"].map(|name| key(name).path()));
        let bob = AgentName::new("bob").expect("name");
        over.put(&Key::Resume(bob), "{}".into()).await.expect("put");
        assert_eq!(over.folders(&Prefix::Agents).await.expect("folders"), ["ada", "bob"]);
        assert_eq!(store.folders(&Prefix::Agents).await.expect("folders"), ["ada"]);
        assert_eq!(store.get(&key("a")).await.expect("get"), Some("below".into()));
        assert_eq!(store.list(&Prefix::Memory(ada)).await.expect("list").len(), 3);
    }
}
