//! Each misbehaviour does what it says, once.

use super::*;

use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;

fn store(seed: u64) -> Faulty {
    Faulty::new(Arc::new(InMemory::new()), seed)
}

async fn create(store: &Faulty, key: &str) -> Result<PutResult> {
    store.put_opts(&Path::from(key), "x".into(), PutMode::Create.into()).await
}

async fn exists(store: &Faulty, key: &str) -> bool {
    store.inner.head(&Path::from(key)).await.is_ok()
}

#[tokio::test]
async fn a_scripted_fault_hits_the_nth_operation_of_its_kind_and_no_other() {
    let store = store(1);
    store.fail_next(Op::Put, 2, Fault::FailBefore);
    store.fail_next(Op::Get, 1, Fault::Throttle);
    create(&store, "a").await.expect("the first");
    create(&store, "b").await.expect_err("the second");
    create(&store, "c").await.expect("the third");
    assert!(!exists(&store, "b").await);
    let throttled = store.get(&Path::from("a")).await.expect_err("throttled").to_string();
    assert!(throttled.contains("503"), "{throttled}");
    store.get(&Path::from("a")).await.expect("only once");
    assert_eq!(store.injected(), 2);
}

#[tokio::test]
async fn each_fault_applies_a_create_or_does_not_and_reports_what_it_says() {
    for (fault, applied, conflict) in [
        (Fault::FailBefore, false, false),
        (Fault::FailAfter, true, false),
        (Fault::FalseConflict, false, true),
        (Fault::OwnConflict, true, true),
        (Fault::Throttle, false, false),
    ] {
        let store = store(1);
        store.fail_next(Op::Put, 1, fault);
        let error = create(&store, "a").await.expect_err("fault");
        assert_eq!(matches!(error, Error::AlreadyExists { .. }), conflict, "{fault:?}");
        assert_eq!(exists(&store, "a").await, applied, "{fault:?}");
    }
}

#[tokio::test]
async fn a_late_put_lands_at_a_later_operation_and_loses_to_who_came_before_it() {
    let store = store(1);
    store.fail_next(Op::Put, 1, Fault::Late(2));
    store.fail_next(Op::Put, 2, Fault::Late(100));
    create(&store, "a").await.expect_err("late");
    create(&store, "b").await.expect_err("later");
    assert!(!exists(&store, "a").await);
    store.get(&Path::from("a")).await.expect("landed at this operation");
    store.put(&Path::from("b"), "rival".into()).await.expect("put");
    assert_eq!(store.land_all().await, 1);
    assert_eq!(store.get(&Path::from("b")).await.expect("get").bytes().await.expect("bytes"), "rival");
}

#[tokio::test]
async fn listings_are_shuffled_or_break_off() {
    let store = store(7);
    for i in 0..20 {
        create(&store, &format!("{i:02}")).await.expect("create");
    }
    let sorted: Vec<_> = store.list(None).map_ok(|meta| meta.location).try_collect().await.expect("list");
    store.fail_next(Op::List, 1, Fault::Shuffle);
    let mut shuffled: Vec<_> = store.list(None).map_ok(|meta| meta.location).try_collect().await.expect("list");
    assert_ne!(shuffled, sorted);
    shuffled.sort();
    assert_eq!(shuffled, sorted);
    store.fail_next(Op::List, 1, Fault::FailAfter);
    let broken: Vec<_> = store.list(None).collect().await;
    assert_eq!(broken.iter().filter(|found| found.is_ok()).count(), 10);
    assert!(broken.last().is_some_and(Result::is_err));
    store.fail_next(Op::List, 1, Fault::Throttle);
    store.list_with_delimiter(None).await.expect_err("throttled");
}

#[tokio::test]
async fn a_delete_that_fails_after_it_applied_has_deleted() {
    let store = store(1);
    create(&store, "a").await.expect("create");
    store.fail_next(Op::Delete, 1, Fault::FailBefore);
    store.delete(&Path::from("a")).await.expect_err("before");
    assert!(exists(&store, "a").await);
    store.fail_next(Op::Delete, 1, Fault::FailAfter);
    store.delete(&Path::from("a")).await.expect_err("after");
    assert!(!exists(&store, "a").await);
}

#[tokio::test]
async fn the_same_seed_does_the_same_and_another_does_not() {
    async fn run(seed: u64) -> (Vec<String>, u64) {
        let store = store(seed).with_odds(Odds::all(60));
        let mut answers = Vec::new();
        for i in 0..300 {
            answers.push(format!("{:?}", create(&store, &format!("{}", i % 100)).await.err()));
        }
        store.set_odds(Odds::default());
        store.land_all().await;
        let found: Vec<_> =
            store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.expect("list");
        answers.extend(found);
        (answers, store.injected())
    }
    let (first, again, other) = (run(1).await, run(1).await, run(2).await);
    assert_eq!(first, again);
    assert_ne!(first.0, other.0);
    assert!(first.1 > 50, "{}", first.1);
}
