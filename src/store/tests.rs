//! The conformance suite over memory, and over stores that misbehave.

use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::throttle::{ThrottleConfig, ThrottledStore};
use tokio::time::Instant;

use super::conformance::own::{self, Trouble};
use super::conformance::{self, Scale};
use super::faults::{Fault, Faulty, Odds, Op};
use super::{Created, Key, Store, StoreError};
use crate::domain::time::Tick;

/// What is run on a store that answers at once.
pub(super) const FULL: Scale = Scale { races: 200, keys: 10_000, conditions: true };

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_conforms() {
    conformance::all(Arc::new(InMemory::new()), FULL).await;
}

async fn knows_its_own_writes(inner: Arc<dyn ObjectStore>) {
    let faulty = Faulty::new(inner, 1);
    let store: Arc<dyn ObjectStore> = Arc::new(faulty.clone());
    own::all(&store, &|troubles: &[Trouble]| {
        for (nth, trouble) in (1..).zip(troubles) {
            let fault = match trouble {
                Trouble::ErrorBefore => Fault::Throttle,
                Trouble::ResetBefore => Fault::FailBefore,
                Trouble::ErrorAfter | Trouble::ResetAfter => Fault::FailAfter,
                Trouble::ConflictBefore => Fault::FalseConflict,
            };
            faulty.fail_next(Op::Put, nth, fault);
        }
    })
    .await;
    assert!(faulty.injected() > 50, "{} faults", faulty.injected());
}

#[tokio::test]
async fn an_own_write_to_memory_is_known_whatever_became_of_its_answer() {
    knows_its_own_writes(Arc::new(InMemory::new())).await;
}

#[cfg(unix)]
#[tokio::test]
async fn an_own_write_to_a_folder_is_known_whatever_became_of_its_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    knows_its_own_writes(Arc::new(super::local::LocalStore::new(folder.path()))).await;
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_stays_unknown_is_an_error_that_says_why() {
    let faulty = Faulty::new(Arc::new(InMemory::new()), 1).with_odds(Odds { fail_before: 1000, ..Odds::default() });
    let store = Store::new(Arc::new(faulty), Path::ROOT, false);
    let error = store.create_own(&Key::Head, "x".into()).await.expect_err("nobody can know");
    assert!(!error.is_final(), "{error:?}");
    let said = error.chain();
    assert!(said.contains("whether head.json was written") && said.contains("the connection of this put"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_believed_only_where_it_answers_the_first_try() {
    let faulty = Faulty::new(Arc::new(InMemory::new()), 1);
    let store = Store::new(Arc::new(faulty.clone()), Path::ROOT, false);
    faulty.fail_next(Op::Put, 1, Fault::Denied);
    let error = store.create_own(&Key::Head, "x".into()).await.expect_err("refused");
    assert!(error.is_final(), "nothing was written: {error:?}");

    // The first try was not applied, and nobody knows: the second's refusal is no reason to give up.
    faulty.fail_next(Op::Put, 1, Fault::FailBefore);
    faulty.fail_next(Op::Put, 2, Fault::Denied);
    assert_eq!(store.create_own(&Key::Head, "x".into()).await.expect("created"), Created::Won);

    // It was applied, and who may not read cannot tell.
    faulty.fail_next(Op::Put, 1, Fault::FailAfter);
    faulty.fail_next(Op::Get, 1, Fault::Denied);
    let key = Key::Plan(Tick(1));
    let error = store.create_own(&key, "x".into()).await.expect_err("nobody can know");
    assert!(matches!(error, StoreError::Uncertain { .. }), "{error:?}");
    assert_eq!(store.get(&key).await.expect("answer"), Some("x".into()), "it is there all the same");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_its_time_to_fail_is_given_up_before_a_lease_is_long_over() {
    let faulty = Faulty::new(Arc::new(InMemory::new()), 1).with_odds(Odds { fail_before: 1000, ..Odds::default() });
    let wait = Duration::from_secs(20);
    let slow = ThrottleConfig { wait_put_per_call: wait, wait_get_per_call: wait, ..ThrottleConfig::default() };
    let store = Store::new(Arc::new(ThrottledStore::new(faulty, slow)), Path::ROOT, false);
    let began = Instant::now();
    let error = store.create_own(&Key::Head, "x".into()).await.expect_err("nobody can know");
    assert!(matches!(error, StoreError::Uncertain { .. }), "{error:?}");
    // One create, one look; five of each would be more than three minutes.
    assert_eq!(began.elapsed().as_secs(), 40);
}
