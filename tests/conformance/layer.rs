//! What `store::Store` makes of a store.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use lemming::domain::path::RelativePath;
use lemming::domain::time::Tick;
use lemming::store::probe::probe_create;
use lemming::store::{Created, Key, Prefix, Store};
use object_store::ObjectStore;
use object_store::path::Path;

use super::creates::RIVALS;

pub(crate) fn at(objects: &Arc<dyn ObjectStore>, root: &str) -> Store {
    Store::new(Arc::clone(objects), Path::from(root), false)
}

pub(crate) fn body(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) async fn the_probe_is_content(objects: &Arc<dyn ObjectStore>) {
    for nonce in ["one", "two"] {
        probe_create(&**objects, &Path::from("layer/probed"), nonce).await.expect("create if absent is atomic");
    }
    assert!(super::keys(&**objects, "layer/probed").await.is_empty(), "the probe leaves nothing");
}

pub(crate) async fn of_many_runners_one_wins_and_the_others_adopt_its_bytes(objects: &Arc<dyn ObjectStore>) {
    let store = at(objects, "layer/race");
    for round in 1..=20 {
        let key = Key::Plan(Tick(round));
        let bodies: Vec<Bytes> = (0..RIVALS).map(|rival| body(&format!("{round} {rival}"))).collect();
        let outcomes = join_all(bodies.iter().map(|body| store.create_own(&key, body.clone()))).await;
        let there = store.get(&key).await.expect("answer").expect("object");
        let mut winners = 0;
        for (outcome, own) in outcomes.into_iter().zip(&bodies) {
            match outcome.expect("answer") {
                Created::Won => {
                    winners += 1;
                    assert_eq!(there, own);
                }
                Created::Lost(found) => assert_eq!(there, found),
            }
        }
        assert_eq!(winners, 1, "round {round}");
    }
}

pub(crate) async fn objects_are_written_listed_dated_and_deleted(objects: &Arc<dyn ObjectStore>) {
    let store = at(objects, "layer/a b/org");
    let shared = |path: &str| Key::Shared(RelativePath::new(path).expect("path"));
    let keys = [shared("a b/ä.md"), shared("index.md"), Key::Head];
    assert_eq!(store.get(&keys[0]).await.expect("answer"), None);
    assert_eq!(store.last_modified(&keys[0]).await.expect("answer"), None);
    for key in &keys {
        store.put(key, body("first")).await.expect("written");
        store.put(key, body("second")).await.expect("written over");
        assert_eq!(store.get(key).await.expect("answer"), Some(body("second")));
        assert!(store.last_modified(key).await.expect("answer").is_some());
    }
    assert_eq!(store.list(&Prefix::Shared).await.expect("list"), ["shared/a b/ä.md", "shared/index.md"]);
    assert_eq!(store.list(&Prefix::Everything).await.expect("list").len(), 3);
    let (some, more) = store.list_some(&Prefix::Everything, 2).await.expect("list");
    assert_eq!((some.len(), more), (2, true));
    store.put_path("agents/ada/resume.json", body("{}")).await.expect("written");
    store.put_path("agents/bob/resume.json", body("{}")).await.expect("written");
    assert_eq!(store.folders(&Prefix::Agents).await.expect("folders"), ["ada", "bob"]);
    let stored = body("the same");
    store.create_pure(&Key::Closed(Tick(1)), stored.clone()).await.expect("created");
    store.create_pure(&Key::Closed(Tick(1)), stored).await.expect("equal bytes are success");
    assert!(store.create_pure(&Key::Closed(Tick(1)), body("other")).await.is_err());
    for path in store.list(&Prefix::Everything).await.expect("list") {
        store.delete_path(&path).await.expect("deleted");
        store.delete_path(&path).await.expect("deleting what is missing is no error");
    }
    assert!(store.list(&Prefix::Everything).await.expect("list").is_empty());
}

/// A lease is the time between two objects' dates, so that they must be of one clock.
pub(crate) async fn the_clock_of_the_store_goes_forward(objects: &Arc<dyn ObjectStore>) {
    let store = at(objects, "layer/clock");
    let mut last = None;
    for number in 0..10 {
        for key in [Key::Plan(Tick(number)), Key::Head] {
            store.put(&key, body(&number.to_string())).await.expect("written");
            let now = store.last_modified(&key).await.expect("answer");
            assert!(now.is_some() && now >= last, "{key} of {now:?} was written after {last:?}");
            last = now;
        }
    }
}
