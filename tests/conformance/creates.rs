//! Put-if-absent, on which everything rests.

use std::sync::Arc;

use futures::future::join_all;
use object_store::{Error, ObjectStore};

use super::{create, keys, overwrite, read};

/// Writers of one key at the same time.
pub(crate) const RIVALS: usize = 16;

pub(crate) async fn a_second_create_fails_and_changes_nothing(store: &dyn ObjectStore) {
    create(store, "create/a", "first").await.expect("create");
    for body in ["second", "first", ""] {
        let again = create(store, "create/a", body).await;
        assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{body:?}: {again:?}");
    }
    assert_eq!(read(store, "create/a").await.expect("read"), "first");
    create(store, "create/empty", "").await.expect("an empty object");
    assert_eq!(read(store, "create/empty").await.expect("read"), "");
    assert!(matches!(create(store, "create/empty", "x").await, Err(Error::AlreadyExists { .. })));
    overwrite(store, "create/plain", "put").await.expect("put");
    assert!(matches!(create(store, "create/plain", "x").await, Err(Error::AlreadyExists { .. })), "after a plain put");
}

pub(crate) async fn one_of_many_creates_wins(store: &Arc<dyn ObjectStore>, rounds: usize) {
    for round in 0..rounds {
        // The folders are new too: creating them is part of the race.
        let key = format!("race/{round}/a/b");
        let rivals = (0..RIVALS).map(|rival| {
            let (store, key) = (Arc::clone(store), key.clone());
            tokio::spawn(async move { create(&*store, &key, &rival.to_string()).await.map(|()| rival) })
        });
        let mut winners = Vec::new();
        for answer in join_all(rivals).await {
            match answer.expect("join") {
                Ok(rival) => winners.push(rival),
                Err(Error::AlreadyExists { .. }) => {}
                Err(error) => panic!("round {round}: {error}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        assert_eq!(read(&**store, &key).await.expect("read"), winners[0].to_string(), "round {round}");
        assert_eq!(keys(&**store, &format!("race/{round}")).await, [key]);
    }
}

/// Who sees that a key is taken reads all of the winner's bytes, though they are many.
pub(crate) async fn a_create_is_whole_for_whoever_sees_it(store: &Arc<dyn ObjectStore>) {
    let bodies: Vec<String> = (0..RIVALS).map(|rival| format!("{rival:02} ").repeat(20_000)).collect();
    for round in 0..4 {
        let rivals = bodies.iter().cloned().map(|body| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let key = format!("whole/{round}");
                match create(&*store, &key, &body).await {
                    Ok(()) | Err(Error::AlreadyExists { .. }) => read(&*store, &key).await,
                    Err(error) => Err(error),
                }
            })
        });
        let seen: Vec<String> =
            join_all(rivals).await.into_iter().map(|seen| seen.expect("join").expect("read")).collect();
        assert!(bodies.contains(&seen[0]), "round {round}: {} bytes of nobody", seen[0].len());
        assert!(seen.iter().all(|other| *other == seen[0]), "round {round}: two objects were seen at one key");
    }
}
