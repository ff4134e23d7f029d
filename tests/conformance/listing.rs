//! Listings: complete, of whole segments, after an offset, and true at once.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::{create, keys};

/// Requests under way at a time where there are thousands.
const PARALLEL: usize = 32;

pub(crate) async fn listings_have_what_is_below_the_prefix(store: &dyn ObjectStore) {
    let all = ["list/a", "list/a-b", "list/b/c", "list/b/c.json", "list/b-c/d", "list/bb"];
    for key in all {
        create(store, key, key).await.expect("create");
    }
    let mut sorted = all.map(str::to_owned);
    sorted.sort();
    assert_eq!(keys(store, "list").await, sorted);
    assert_eq!(keys(store, "list/b").await, ["list/b/c", "list/b/c.json"], "whole segments only");
    assert!(keys(store, "list/a").await.is_empty(), "an object is not below itself");
    let metas: Vec<_> = store.list(Some(&Path::from("list/b"))).try_collect().await.expect("list");
    for listed in metas {
        let head = store.head(&listed.location).await.expect("head");
        assert_eq!((&listed.location, listed.size), (&head.location, head.size));
        assert_eq!(listed.size, listed.location.as_ref().len() as u64);
        // A header of HTTP has no milliseconds.
        let apart = (listed.last_modified - head.last_modified).num_milliseconds().abs();
        assert!(apart < 1000, "{listed:?} {head:?}");
    }
}

pub(crate) async fn a_listing_begins_after_its_offset(store: &dyn ObjectStore) {
    let all = ["offset/1", "offset/2/a", "offset/2/b", "offset/2-x", "offset/20", "offset/3"];
    for key in all {
        create(store, key, "x").await.expect("create");
    }
    for offset in ["offset/1", "offset/2", "offset/2/a", "offset/2/b", "offset/2/c", "offset/2-x", "offset/3", "a", "z"]
    {
        let mut expected: Vec<_> = all.iter().copied().filter(|key| *key > offset).collect();
        expected.sort_unstable();
        let mut found: Vec<_> = store
            .list_with_offset(Some(&Path::from("offset")), &Path::from(offset))
            .map_ok(|meta| meta.location.to_string())
            .try_collect()
            .await
            .expect("list");
        found.sort();
        assert_eq!(found, expected, "after {offset}");
    }
}

pub(crate) async fn one_level_has_objects_and_prefixes(store: &dyn ObjectStore) {
    for key in ["level/z", "level/a", "level/m/x", "level/m/y/z", "level/b/x"] {
        create(store, key, "x").await.expect("create");
    }
    let mut level = store.list_with_delimiter(Some(&Path::from("level"))).await.expect("list");
    level.objects.sort_by(|a, b| a.location.cmp(&b.location));
    level.common_prefixes.sort();
    let objects: Vec<_> = level.objects.iter().map(|meta| meta.location.as_ref()).collect();
    assert_eq!(objects, ["level/a", "level/z"]);
    assert_eq!(level.common_prefixes, [Path::from("level/b"), Path::from("level/m")]);
    let root = store.list_with_delimiter(None).await.expect("list");
    assert!(root.common_prefixes.contains(&Path::from("level")));
}

/// List after write, list after delete, with writers beside each other.
pub(crate) async fn what_was_written_or_deleted_is_listed_so_at_once(store: &Arc<dyn ObjectStore>) {
    let writers = (0..8).map(|writer| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let folder = format!("fresh/{writer}");
            let mut expected = Vec::new();
            for number in 0..10 {
                let key = format!("{folder}/{number}");
                create(&*store, &key, "x").await.expect("create");
                expected.push(key);
                assert_eq!(keys(&*store, &folder).await, expected, "after a create");
            }
            while let Some(key) = expected.pop() {
                store.delete(&Path::from(key)).await.expect("delete");
                assert_eq!(keys(&*store, &folder).await, expected, "after a delete");
            }
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.expect("a writer");
    }
}

/// More than any page holds, below folders and in them.
pub(crate) async fn many_keys_are_all_listed(store: &Arc<dyn ObjectStore>, many: usize) {
    let folders = 50;
    let mut expected: Vec<String> = (0..many).map(|key| format!("many/{:02}/{key:06}", key % folders)).collect();
    let puts: Vec<_> = expected.iter().map(|key| create(&**store, key, key)).collect();
    stream::iter(puts).buffer_unordered(PARALLEL).try_collect::<Vec<()>>().await.expect("create");
    expected.sort();
    let found = keys(&**store, "many").await;
    assert_eq!(found.len(), expected.len());
    assert!(found == expected, "other keys are listed than were written");
    let level = store.list_with_delimiter(Some(&Path::from("many"))).await.expect("list");
    assert_eq!((level.objects.len(), level.common_prefixes.len()), (0, folders.min(many)));
    let middle = &expected[many / 2];
    let after: Vec<_> = store
        .list_with_offset(Some(&Path::from("many")), &Path::from(middle.as_str()))
        .try_collect()
        .await
        .expect("list");
    assert_eq!(after.len(), many - many / 2 - 1, "after {middle}");
}
