//! Our own write is known as ours, whatever became of its answer.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use lemming::domain::time::Tick;
use lemming::store::{Created, Key};
use object_store::ObjectStore;

use super::creates::RIVALS;
use super::layer::{at, body};

/// What becomes of a put on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is refused for now, and was not applied.
    ErrorBefore,
    /// It is applied, and answered with an error.
    ErrorAfter,
    /// It is applied, and the connection breaks before the answer.
    ResetAfter,
    /// The connection breaks before it is applied.
    ResetBefore,
    /// It is not applied and reported as a conflict, though nothing is there: S3's 409.
    ConflictBefore,
}

const ALL: [Trouble; 5] =
    [Trouble::ErrorBefore, Trouble::ErrorAfter, Trouble::ResetAfter, Trouble::ResetBefore, Trouble::ConflictBefore];

/// Lets these befall the next puts, one each.
pub(crate) type Befall<'a> = dyn Fn(&[Trouble]) + Sync + 'a;

/// Runs all of this over a store on the way to which puts can be made to fail.
pub(crate) async fn all(objects: &Arc<dyn ObjectStore>, befall: &Befall<'_>) {
    an_own_write_is_won(objects, befall).await;
    a_rivals_write_is_lost(objects, befall).await;
    of_many_in_trouble_one_wins(objects, befall).await;
}

async fn an_own_write_is_won(objects: &Arc<dyn ObjectStore>, befall: &Befall<'_>) {
    let store = at(objects, "own/won");
    for (tick, trouble) in (1..).zip(ALL) {
        let key = Key::Plan(Tick(tick));
        befall(&[trouble]);
        let outcome = store.create_own(&key, body("ours")).await.expect("answer");
        assert_eq!(outcome, Created::Won, "{trouble:?}");
        assert_eq!(store.get(&key).await.expect("answer"), Some(body("ours")), "{trouble:?}");
        let rival = store.create_own(&key, body("theirs")).await.expect("answer");
        assert_eq!(rival, Created::Lost(body("ours")), "{trouble:?}");
        befall(&[trouble]);
        store.create_pure(&Key::Closed(Tick(tick)), body("what follows")).await.expect("created");
    }
}

async fn a_rivals_write_is_lost(objects: &Arc<dyn ObjectStore>, befall: &Befall<'_>) {
    let store = at(objects, "own/lost");
    for (tick, trouble) in (1..).zip(ALL) {
        let key = Key::Plan(Tick(tick));
        let rival = store.create_own(&key, body("theirs")).await.expect("answer");
        assert_eq!(rival, Created::Won);
        befall(&[trouble]);
        let outcome = store.create_own(&key, body("ours")).await.expect("answer");
        assert_eq!(outcome, Created::Lost(body("theirs")), "{trouble:?}");
        assert_eq!(store.get(&key).await.expect("answer"), Some(body("theirs")), "{trouble:?}");
    }
}

async fn of_many_in_trouble_one_wins(objects: &Arc<dyn ObjectStore>, befall: &Befall<'_>) {
    let store = at(objects, "own/race");
    for tick in 1..=10 {
        let key = Key::Plan(Tick(tick));
        befall(&ALL);
        let bodies: Vec<Bytes> = (0..RIVALS).map(|rival| body(&format!("{tick} {rival}"))).collect();
        let outcomes = join_all(bodies.iter().map(|body| store.create_own(&key, body.clone()))).await;
        let there = store.get(&key).await.expect("answer").expect("object");
        for (outcome, own) in outcomes.into_iter().zip(&bodies) {
            let expected = if there == own { Created::Won } else { Created::Lost(there.clone()) };
            assert_eq!(outcome.expect("answer"), expected, "round {tick}");
        }
        assert!(bodies.contains(&there), "round {tick}: bytes of nobody");
    }
}
