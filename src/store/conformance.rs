//! What the engine needs of any store, as plain functions over one: a new store's test is a list of calls.
//!
//! Every function works below a prefix of its own, so that all of them can run on one bucket.

use std::sync::Arc;

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutMode};

/// Runs all of them.
pub(super) async fn all(store: Arc<dyn ObjectStore>) {
    missing_objects_are_not_found(&*store).await;
    a_second_create_fails_and_changes_nothing(&*store).await;
    one_of_many_creates_wins(&store).await;
    an_overwrite_replaces_the_whole_object(&*store).await;
    overwrites_at_the_same_time_leave_one_of_them(&store).await;
    listings_have_what_is_below_the_prefix(&*store).await;
    a_listing_begins_after_its_offset(&*store).await;
    one_level_has_objects_and_prefixes(&*store).await;
    keys_are_kept_as_they_are(&*store).await;
    a_deleted_object_is_gone_and_its_key_free(&*store).await;
    ranges_and_conditions_are_honoured(&*store).await;
    a_thousand_keys_are_all_listed(&store).await;
    copies_have_the_content(&*store).await;
}

pub(super) async fn create(store: &dyn ObjectStore, key: &str, body: &str) -> Result<(), Error> {
    store.put_opts(&Path::parse(key)?, body.to_owned().into(), PutMode::Create.into()).await.map(drop)
}

pub(super) async fn overwrite(store: &dyn ObjectStore, key: &str, body: &str) -> Result<(), Error> {
    store.put(&Path::parse(key)?, body.to_owned().into()).await.map(drop)
}

pub(super) async fn read(store: &dyn ObjectStore, key: &str) -> Result<String, Error> {
    let body = store.get(&Path::parse(key)?).await?.bytes().await?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

pub(super) async fn keys(store: &dyn ObjectStore, prefix: &str) -> Vec<String> {
    let mut keys: Vec<String> = store
        .list(Some(&Path::from(prefix)))
        .map_ok(|meta| meta.location.to_string())
        .try_collect()
        .await
        .expect("list");
    // No store promises an order.
    keys.sort();
    keys
}

async fn missing_objects_are_not_found(store: &dyn ObjectStore) {
    for key in ["missing", "missing/a/b"] {
        assert!(matches!(read(store, key).await, Err(Error::NotFound { .. })), "{key}");
        let head = store.head(&Path::from(key)).await;
        assert!(matches!(head, Err(Error::NotFound { .. })), "{key}");
    }
    assert!(keys(store, "missing").await.is_empty());
    let level = store.list_with_delimiter(Some(&Path::from("missing"))).await.expect("list");
    assert!(level.objects.is_empty() && level.common_prefixes.is_empty());
}

async fn a_second_create_fails_and_changes_nothing(store: &dyn ObjectStore) {
    create(store, "create/a", "first").await.expect("create");
    for body in ["second", "first"] {
        assert!(matches!(create(store, "create/a", body).await, Err(Error::AlreadyExists { .. })), "{body}");
    }
    assert_eq!(read(store, "create/a").await.expect("read"), "first");
    create(store, "create/empty", "").await.expect("an empty object");
    assert_eq!(read(store, "create/empty").await.expect("read"), "");
    assert!(matches!(create(store, "create/empty", "x").await, Err(Error::AlreadyExists { .. })));
}

async fn one_of_many_creates_wins(store: &Arc<dyn ObjectStore>) {
    for round in 0..20 {
        // The folders are new too: creating them is part of the race.
        let key = format!("race/{round}/a/b");
        let rivals = (0..16).map(|rival| {
            let (store, key) = (Arc::clone(store), key.clone());
            tokio::spawn(async move { create(&*store, &key, &rival.to_string()).await.map(|()| rival) })
        });
        let answers = futures::future::join_all(rivals).await;
        let mut winners = Vec::new();
        for answer in answers {
            match answer.expect("join") {
                Ok(rival) => winners.push(rival),
                Err(Error::AlreadyExists { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        assert_eq!(read(&**store, &key).await.expect("read"), winners[0].to_string());
        assert_eq!(keys(&**store, &format!("race/{round}")).await, [key]);
    }
}

async fn an_overwrite_replaces_the_whole_object(store: &dyn ObjectStore) {
    for body in ["a long first body", "short", "", "again"] {
        overwrite(store, "overwrite/a", body).await.expect("put");
        assert_eq!(read(store, "overwrite/a").await.expect("read"), body);
    }
    let meta = store.head(&Path::from("overwrite/a")).await.expect("head");
    assert_eq!((meta.size, meta.location.as_ref()), (5, "overwrite/a"));
    assert_eq!(keys(store, "overwrite").await, ["overwrite/a"]);
}

async fn overwrites_at_the_same_time_leave_one_of_them(store: &Arc<dyn ObjectStore>) {
    let bodies: Vec<String> = (0..16).map(|rival: usize| rival.to_string().repeat(5000)).collect();
    let rivals = bodies.iter().cloned().map(|body| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            overwrite(&*store, "rivals/a", &body).await?;
            // Never a part of one, whoever reads.
            read(&*store, "rivals/a").await
        })
    });
    for seen in futures::future::join_all(rivals).await {
        assert!(bodies.contains(&seen.expect("join").expect("put")));
    }
    assert_eq!(keys(&**store, "rivals").await, ["rivals/a"]);
}

async fn listings_have_what_is_below_the_prefix(store: &dyn ObjectStore) {
    let all = ["list/a", "list/a-b", "list/b/c", "list/b/c.json", "list/b-c/d", "list/bb"];
    for key in all {
        create(store, key, "x").await.expect("create");
    }
    let mut sorted = all.map(str::to_owned);
    sorted.sort();
    assert_eq!(keys(store, "list").await, sorted);
    assert_eq!(keys(store, "list/b").await, ["list/b/c", "list/b/c.json"], "whole segments only");
    assert!(keys(store, "list/a").await.is_empty(), "an object is not below itself");
    let metas: Vec<_> = store.list(Some(&Path::from("list/b"))).try_collect().await.expect("list");
    for meta in metas {
        assert_eq!(meta, store.head(&meta.location).await.expect("head"));
    }
}

async fn a_listing_begins_after_its_offset(store: &dyn ObjectStore) {
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

async fn one_level_has_objects_and_prefixes(store: &dyn ObjectStore) {
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

async fn keys_are_kept_as_they_are(store: &dyn ObjectStore) {
    let odd = ["a b", "ä-ö-日本", "100%", "%2e", "a~b", "a=b&c+d", "a@b", "x..y", "a.", "'q'", "(1)", "UPPER", "a,b;c"];
    for name in odd {
        let key = format!("odd/{name}/{name}.json");
        create(store, &key, name).await.expect("create");
        assert_eq!(read(store, &key).await.expect("read"), name);
    }
    let mut expected: Vec<_> = odd.iter().map(|name| format!("odd/{name}/{name}.json")).collect();
    expected.sort();
    assert_eq!(keys(store, "odd").await, expected);
}

async fn a_deleted_object_is_gone_and_its_key_free(store: &dyn ObjectStore) {
    create(store, "delete/a/b", "x").await.expect("create");
    create(store, "delete/a/c", "x").await.expect("create");
    store.delete(&Path::from("delete/a/b")).await.expect("delete");
    assert!(matches!(read(store, "delete/a/b").await, Err(Error::NotFound { .. })));
    assert_eq!(keys(store, "delete").await, ["delete/a/c"]);
    create(store, "delete/a/b", "again").await.expect("create");
}

async fn ranges_and_conditions_are_honoured(store: &dyn ObjectStore) {
    create(store, "range/a", "0123456789").await.expect("create");
    let key = Path::from("range/a");
    let get = async |range: GetRange| {
        let result = store.get_opts(&key, GetOptions::new().with_range(Some(range))).await?;
        Ok::<_, Error>((result.range.clone(), result.meta.size, result.bytes().await?))
    };
    assert_eq!(get((2..5).into()).await.expect("get"), (2..5, 10, "234".into()));
    assert_eq!(get(GetRange::Offset(8)).await.expect("get"), (8..10, 10, "89".into()));
    assert_eq!(get(GetRange::Suffix(3)).await.expect("get"), (7..10, 10, "789".into()));
    assert_eq!(get((8..99).into()).await.expect("get"), (8..10, 10, "89".into()));
    get((20..30).into()).await.expect_err("outside");
    let parts = store.get_ranges(&key, &[0..2, 8..10]).await.expect("get");
    assert_eq!(parts, ["01", "89"]);
    let e_tag = store.head(&key).await.expect("head").e_tag;
    let same = store.get_opts(&key, GetOptions::new().with_if_none_match(e_tag.clone())).await;
    assert!(matches!(same, Err(Error::NotModified { .. })));
    store.get_opts(&key, GetOptions::new().with_if_match(e_tag)).await.expect("get");
}

async fn a_thousand_keys_are_all_listed(store: &Arc<dyn ObjectStore>) {
    for key in 0..1000 {
        create(&**store, &format!("many/{:02}/{key:04}", key % 50), &key.to_string()).await.expect("create");
    }
    let mut expected: Vec<_> = (0..1000).map(|key| format!("many/{:02}/{key:04}", key % 50)).collect();
    expected.sort();
    assert_eq!(keys(&**store, "many").await, expected);
}

async fn copies_have_the_content(store: &dyn ObjectStore) {
    create(store, "copy/a", "content").await.expect("create");
    store.copy(&Path::from("copy/a"), &Path::from("copy/b")).await.expect("copy");
    assert_eq!(read(store, "copy/b").await.expect("read"), "content");
    let taken = store.copy_if_not_exists(&Path::from("copy/a"), &Path::from("copy/b")).await;
    assert!(matches!(taken, Err(Error::AlreadyExists { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_conforms() {
    all(Arc::new(object_store::memory::InMemory::new())).await;
}
