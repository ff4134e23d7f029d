//! Waking: one tick at a time, however often the bell is rung.

use std::sync::Arc;

use lemming::api::wake::{Bell, Waker as _, answer};
use lemming::api::{Access, Settings};
use lemming::engine::{Stop, load};
use lemming::store::counting::Counting;
use lemming::store::faults::{Fault, Faulty, Op};
use object_store::memory::InMemory;
use serde_json::json;

use crate::world::{World, hello};

/// Answers the bell until `done` says so, and stops.
async fn until(world: &World, bell: &Bell, done: impl AsyncFn() -> bool) {
    let (stopper, stop) = Stop::channel();
    let watch = async {
        while !done().await {
            tokio::task::yield_now().await;
        }
        stopper.stop();
    };
    tokio::join!(answer(bell, &world.org, &stop), watch);
}

#[tokio::test]
async fn mail_wakes_those_whom_it_is_for_and_the_clock_stands_still() {
    let world = World::new(Access::Local).await;
    assert_eq!(world.post(hello(), &[]).await.status, 201);
    let bell = Bell::default();
    bell.wake();
    until(&world, &bell, async || world.mail().await.is_empty()).await;
    let state = load(&world.org.store).await.expect("loaded").state;
    assert_eq!((state.tick.0, state.clock.0), (1, 0), "a wake is no step of the schedule");
}

#[tokio::test]
async fn a_bell_that_was_rung_often_is_heard_once() {
    let counting = Arc::new(Counting::new(Arc::new(InMemory::new())));
    let counter = counting.counter();
    let world = World::with(Settings::new(Access::Local), counting).await;
    let bell = Bell::default();
    let cost_of = async |rings: usize| {
        let before = counter.read();
        (0..rings).for_each(|_| bell.wake());
        let (stopper, stop) = Stop::channel();
        let watch = async {
            // Until nothing more is asked of the store.
            let mut last = counter.read();
            let mut calm = 0;
            while calm < 1_000 {
                tokio::task::yield_now().await;
                let now = counter.read();
                calm = if now == last { calm + 1 } else { 0 };
                last = now;
            }
            stopper.stop();
        };
        tokio::join!(answer(&bell, &world.org, &stop), watch);
        counter.read() - before
    };
    let none = cost_of(0).await;
    assert_eq!((none.get, none.put), (0, 0), "nobody rang");
    let one = cost_of(1).await;
    assert!(one.get > 0 && one.put == 0, "a wake without mail writes nothing: {one:?}");
    assert_eq!(cost_of(1_000).await, one);
}

#[tokio::test]
async fn a_wake_that_the_store_kept_from_working_is_tried_again() {
    let faulty = Faulty::new(Arc::new(InMemory::new()), 1);
    let world = World::with(Settings::new(Access::Local), Arc::new(faulty.clone())).await;
    assert_eq!(world.post(hello(), &[]).await.status, 201);
    let bell = Bell::default();
    bell.wake();
    faulty.fail_next(Op::Get, 1, Fault::FailBefore);
    until(&world, &bell, async || faulty.injected() > 0 && world.mail().await.is_empty()).await;
    assert_eq!(load(&world.org.store).await.expect("loaded").state.tick.0, 1);
}

#[tokio::test]
async fn what_a_person_has_to_mend_is_not_tried_again_and_the_bell_is_still_heard() {
    let world = World::new(Access::Local).await;
    let models = world.org.store.get_path("config/models.json").await.expect("read").expect("there");
    world.write("config/models.json", &json!([])).await;
    assert_eq!(world.post(hello(), &[]).await.status, 201);
    let bell = Bell::default();
    bell.wake();
    let requests = std::cell::Cell::new(0);
    until(&world, &bell, async || {
        requests.set(requests.get() + 1);
        requests.get() > 500
    })
    .await;
    assert_eq!(world.mail().await.len(), 1, "it waits");
    world.org.store.put_path("config/models.json", models).await.expect("written");
    bell.wake();
    until(&world, &bell, async || world.mail().await.is_empty()).await;
}
