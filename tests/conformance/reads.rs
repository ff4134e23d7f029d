//! Reads, overwrites and deletes of single objects.

use std::sync::Arc;

use futures::future::join_all;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _};

use super::{create, keys, overwrite, read};

pub(crate) async fn missing_objects_are_not_found(store: &dyn ObjectStore) {
    for key in ["missing", "missing/a/b"] {
        assert!(matches!(read(store, key).await, Err(Error::NotFound { .. })), "{key}");
        let head = store.head(&Path::from(key)).await;
        assert!(matches!(head, Err(Error::NotFound { .. })), "{key}");
        // Success here, NotFound there: whoever deletes must bear both.
        let deleted = store.delete(&Path::from(key)).await;
        assert!(matches!(deleted, Ok(()) | Err(Error::NotFound { .. })), "{key}: {deleted:?}");
    }
    assert!(keys(store, "missing").await.is_empty());
    let level = store.list_with_delimiter(Some(&Path::from("missing"))).await.expect("list");
    assert!(level.objects.is_empty() && level.common_prefixes.is_empty());
}

pub(crate) async fn an_overwrite_replaces_the_whole_object(store: &dyn ObjectStore) {
    for body in ["a long first body", "short", "", "again"] {
        overwrite(store, "overwrite/a", body).await.expect("put");
        assert_eq!(read(store, "overwrite/a").await.expect("read"), body);
    }
    let meta = store.head(&Path::from("overwrite/a")).await.expect("head");
    assert_eq!((meta.size, meta.location.as_ref()), (5, "overwrite/a"));
    assert_eq!(keys(store, "overwrite").await, ["overwrite/a"]);
}

pub(crate) async fn overwrites_at_the_same_time_leave_one_of_them(store: &Arc<dyn ObjectStore>) {
    let bodies: Vec<String> = (0..16).map(|rival: usize| rival.to_string().repeat(5000)).collect();
    let rivals = bodies.iter().cloned().map(|body| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            overwrite(&*store, "rivals/a", &body).await?;
            // Never a part of one, whoever reads.
            read(&*store, "rivals/a").await
        })
    });
    for seen in join_all(rivals).await {
        assert!(bodies.contains(&seen.expect("join").expect("put")));
    }
    assert_eq!(keys(&**store, "rivals").await, ["rivals/a"]);
}

/// Read after create, after overwrite, and after delete, with writers beside each other.
pub(crate) async fn what_was_written_is_read_at_once(store: &Arc<dyn ObjectStore>) {
    let writers = (0..8).map(|writer| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            for round in 0..10 {
                let key = format!("fresh-reads/{writer}/{round}");
                // Asking before it is there must not make anybody remember that it is not.
                assert!(matches!(read(&*store, &key).await, Err(Error::NotFound { .. })), "{key}");
                create(&*store, &key, "first").await.expect("create");
                assert_eq!(read(&*store, &key).await.expect("read"), "first", "{key}");
                overwrite(&*store, &key, "second").await.expect("put");
                assert_eq!(read(&*store, &key).await.expect("read"), "second", "{key}");
                store.delete(&Path::from(key.as_str())).await.expect("delete");
                assert!(matches!(read(&*store, &key).await, Err(Error::NotFound { .. })), "{key}");
            }
        })
    });
    for writer in join_all(writers).await {
        writer.expect("a writer");
    }
}

pub(crate) async fn keys_are_kept_as_they_are(store: &dyn ObjectStore) {
    let long = "x".repeat(200);
    let odd = [
        "a b",
        "ä-ö-日本",
        "🦫",
        "100%",
        "%2e",
        "%2F",
        "a~b",
        "a=b&c+d",
        "a@b",
        "x..y",
        "a.",
        "'q'",
        "\"q\"",
        "(1)",
        "UPPER",
        "upper",
        "a,b;c",
        "!$^`|<>[]{}",
        "a:b",
        "#?",
        long.as_str(),
    ];
    let key = |name: &str| format!("odd/{name}/{name}.json");
    for name in odd {
        create(store, &key(name), name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read(store, &key(name)).await.expect("read"), name);
    }
    let mut expected: Vec<_> = odd.iter().map(|name| key(name)).collect();
    expected.sort();
    assert_eq!(keys(store, "odd").await, expected);
    for name in odd {
        assert_eq!(keys(store, &format!("odd/{name}")).await.len(), 1, "below {name}");
        store.delete(&Path::parse(key(name)).expect("a key")).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert!(keys(store, "odd").await.is_empty());
}

pub(crate) async fn a_deleted_object_is_gone_and_its_key_free(store: &dyn ObjectStore) {
    create(store, "delete/a/b", "x").await.expect("create");
    create(store, "delete/a/c", "x").await.expect("create");
    store.delete(&Path::from("delete/a/b")).await.expect("delete");
    assert!(matches!(read(store, "delete/a/b").await, Err(Error::NotFound { .. })));
    assert_eq!(keys(store, "delete").await, ["delete/a/c"]);
    create(store, "delete/a/b", "again").await.expect("create");
    assert_eq!(read(store, "delete/a/b").await.expect("read"), "again");
}

pub(crate) async fn ranges_are_honoured(store: &dyn ObjectStore) {
    create(store, "range/a", "0123456789").await.expect("create");
    let key = Path::from("range/a");
    let get = async |range: GetRange| {
        let result = store.get_opts(&key, GetOptions::new().with_range(Some(range))).await?;
        Ok::<_, Error>((result.range.clone(), result.meta.size, result.bytes().await?))
    };
    assert_eq!(get((2..5).into()).await.expect("get"), (2..5, 10, "234".into()));
    assert_eq!(get(GetRange::Offset(8)).await.expect("get"), (8..10, 10, "89".into()));
    assert_eq!(get((8..99).into()).await.expect("get"), (8..10, 10, "89".into()));
    get((20..30).into()).await.expect_err("outside");
    let parts = store.get_ranges(&key, &[0..2, 8..10]).await.expect("get");
    assert_eq!(parts, ["01", "89"]);
    match get(GetRange::Suffix(3)).await {
        Ok(last) => assert_eq!(last, (7..10, 10, "789".into())),
        // Azure has none.
        Err(error) => assert!(matches!(error, Error::NotSupported { .. }), "{error}"),
    }
}

pub(crate) async fn conditions_are_honoured(store: &dyn ObjectStore) {
    let key = Path::from("condition/a");
    overwrite(store, key.as_ref(), "first").await.expect("put");
    let first = store.head(&key).await.expect("head").e_tag;
    assert!(first.is_some(), "an object has a tag");
    let unless = async |tag: &Option<String>| {
        store.get_opts(&key, GetOptions::new().with_if_none_match(tag.clone())).await.map(drop)
    };
    assert!(matches!(unless(&first).await, Err(Error::NotModified { .. })));
    overwrite(store, key.as_ref(), "second").await.expect("put");
    let second = store.head(&key).await.expect("head").e_tag;
    assert_ne!(first, second, "other bytes have another tag");
    unless(&first).await.expect("it has changed");
    let only_if =
        async |tag: &Option<String>| store.get_opts(&key, GetOptions::new().with_if_match(tag.clone())).await.map(drop);
    only_if(&second).await.expect("it is the same");
    assert!(matches!(only_if(&first).await, Err(Error::Precondition { .. })));
}
