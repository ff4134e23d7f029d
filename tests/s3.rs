//! The store over a real S3 server: `localstack/check.sh` starts one and runs this.
//!
//! Without `LEMMING_TEST_S3_URL` nothing is tested: it names the store, such as
//! `s3://bucket/org?endpoint=http://127.0.0.1:7070&region=us-east-1&allow_http=true`. Credentials
//! come from `AWS_*`, as for the program.

#![allow(clippy::disallowed_methods, reason = "a test of the outside world asks the environment for it")]

use bytes::Bytes;
use futures::future::join_all;
use lemming::domain::path::RelativePath;
use lemming::domain::time::Tick;
use lemming::store::open::{Opened, open};
use lemming::store::probe::probe_create;
use lemming::store::{Created, Key, Prefix, Store};
use object_store::path::Path;
use uuid::Uuid;

const VARIABLE: &str = "LEMMING_TEST_S3_URL";

/// The store that the environment names, and a prefix of it that nobody has used.
fn fresh() -> Option<(Opened, Path, String)> {
    let Some(url) = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty()) else {
        #[expect(clippy::print_stderr, reason = "a test that did not run should say so")]
        {
            eprintln!("skipped: {VARIABLE} is not set (run localstack/check.sh)");
        }
        return None;
    };
    let opened = open(&url, std::env::vars()).expect("a store");
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("randomness");
    let nonce = Uuid::from_bytes(random).simple().to_string();
    let root = opened.prefix.clone().join(format!("test-{nonce}"));
    Some((opened, root, nonce))
}

fn body(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_keeps_the_promise_of_create() {
    let Some((opened, root, nonce)) = fresh() else { return };
    probe_create(opened.store.as_ref(), &root, &nonce).await.expect("create if absent is atomic");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_runners_one_wins_and_the_others_adopt_its_bytes() {
    let Some((opened, root, _)) = fresh() else { return };
    let store = Store::new(opened.store, root, opened.lists_freely);
    for round in 1..=20 {
        let key = Key::Plan(Tick(round));
        let bodies: Vec<Bytes> = (0..16).map(|rival| body(&format!("{round} {rival}"))).collect();
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
                Created::Unknown => panic!("the server did not say"),
            }
        }
        assert_eq!(winners, 1, "round {round}");
        store.delete_path(&key.path()).await.expect("deleted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_written_listed_dated_and_deleted() {
    let Some((opened, root, _)) = fresh() else { return };
    let store = Store::new(opened.store, root, opened.lists_freely);
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
    store.put_path("agents/ada/resume.json", body("{}")).await.expect("written");
    store.put_path("agents/bob/resume.json", body("{}")).await.expect("written");
    assert_eq!(store.folders(&Prefix::Agents).await.expect("folders"), ["ada", "bob"]);
    let stored: Bytes = body("the same");
    store.create_pure(&Key::Closed(Tick(1)), stored.clone()).await.expect("created");
    store.create_pure(&Key::Closed(Tick(1)), stored).await.expect("equal bytes are success");
    assert!(store.create_pure(&Key::Closed(Tick(1)), body("other")).await.is_err());
    for path in store.list(&Prefix::Everything).await.expect("list") {
        store.delete_path(&path).await.expect("deleted");
        store.delete_path(&path).await.expect("deleting what is missing is no error");
    }
    assert!(store.list(&Prefix::Everything).await.expect("list").is_empty());
}
