//! An organisation that was copied to a store which breaks the promise of create: no tick begins there.

use std::sync::Arc;

use lemming::engine::{EngineError, Outcome, note_probed, run_tick};
use lemming::record::plan::Trigger;
use lemming::store::faults::Liar;
use lemming::store::probe::{ProbeError, RACES, RIVALS};
use lemming::store::{Key, Prefix, Store};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::{Value, json};

use crate::world::{World, says};

/// An organisation with one agent whose runners see its store through `seen`, at a place.
async fn at(place: &str, seen: fn(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>) -> World {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut world = World::through(objects.clone(), seen(objects), |_| Ok(says("hello")));
    world.found().await;
    world.agent("ada", json!({})).await;
    moved(&mut world, place);
    world
}

/// The same objects at another place.
fn moved(world: &mut World, place: &str) {
    world.store = Store::new(world.counting.clone(), Path::from("org"), false).with_place(place);
}

fn honest(store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
    store
}

fn liar(store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
    Arc::new(Liar::ignoring(store))
}

fn racer(store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
    Arc::new(Liar::racing(store))
}

/// The error of a tick that must not begin.
async fn refused(world: &World) -> ProbeError {
    let before = world.all().await;
    let error = world.run(Trigger::Invocation).await.expect_err("refused");
    assert!(!error.may_help_later());
    assert_eq!(world.all().await, before, "nothing is written, and the probe is gone");
    assert!(world.calls().is_empty());
    match error {
        EngineError::Untrusted(error) => *error,
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn no_tick_begins_on_a_store_that_ignores_the_condition() {
    let world = at("s3://bucket", liar).await;
    assert!(matches!(refused(&world).await, ProbeError::Ignored));
}

#[tokio::test]
async fn no_tick_begins_on_a_store_that_keeps_the_condition_only_while_nobody_races() {
    let world = at("s3://bucket", racer).await;
    assert!(matches!(refused(&world).await, ProbeError::Raced { winners: RIVALS }));
}

#[tokio::test]
async fn an_open_tick_that_was_copied_to_a_liar_is_not_gone_on_with() {
    for (seen, ignores) in [(liar as fn(_) -> _, true), (racer, false)] {
        let mut world = at("s3://honest", honest).await;
        world.tick().await;
        // The second tick was planned, and no more.
        let ctx = world.context();
        run_tick(&ctx, Trigger::Invocation).await.expect("tick");
        let records = world.raw.list(&Prefix::Everything).await.expect("list");
        for path in
            records.iter().filter(|path| path.starts_with("ticks/000000000002/") && !path.ends_with("plan.json"))
        {
            world.raw.delete_path(path).await.expect("deleted");
        }
        let calls = world.calls().len();
        let copy = World::through(world.objects.clone(), seen(world.objects.clone()), |_| Ok(says("hello")));
        world.counting = copy.counting.clone();
        moved(&mut world, "s3://elsewhere");
        let error = world.run(Trigger::Invocation).await.expect_err("refused");
        assert_eq!(matches!(error, EngineError::Untrusted(error) if matches!(*error, ProbeError::Ignored)), ignores);
        assert_eq!(world.calls().len(), calls);
    }
}

#[tokio::test]
async fn not_even_a_missing_checkpoint_is_written_before_the_probe() {
    let mut world = at("s3://honest", honest).await;
    for _ in 0..9 {
        world.tick().await;
    }
    world.raw.delete_path("checkpoints/000000000008.json").await.expect("deleted");
    let copy = World::through(world.objects.clone(), liar(world.objects.clone()), |_| Ok(says("hello")));
    world.counting = copy.counting.clone();
    moved(&mut world, "s3://elsewhere");
    let before = world.all().await;
    let error = world.run(Trigger::Invocation).await.expect_err("refused");
    assert!(matches!(error, EngineError::Untrusted(_)), "{error:?}");
    assert_eq!(world.all().await, before);
}

#[tokio::test]
async fn a_place_is_probed_once_and_a_copy_at_another_place_again() {
    let probe = (2 + RACES * RIVALS) as u64;
    let mut world = at("s3://one", honest).await;
    let plain = World::new(|_| Ok(says("hello")));
    plain.found().await;
    plain.agent("ada", json!({})).await;
    for (place, probes) in [
        ("s3://one", true),
        ("s3://one", false),
        ("s3://two", true),
        // The hint names both by now.
        ("s3://one", false),
        ("s3://two", false),
    ] {
        moved(&mut world, place);
        let (before, plain_before) = (world.requests(), plain.requests());
        world.tick().await;
        plain.tick().await;
        let (made, plain_made) = (world.requests() - before, plain.requests() - plain_before);
        assert_eq!(made.put - plain_made.put, if probes { probe } else { 0 }, "{place}");
        if !probes {
            assert_eq!(made, plain_made, "a place that was probed costs no request");
        }
    }
    let head: Value =
        serde_json::from_slice(&world.raw.get(&Key::Head).await.expect("read").expect("hint")).expect("json");
    assert_eq!(head["probed"].as_array().map(Vec::len), Some(2), "{head}");
}

#[tokio::test]
async fn a_process_probes_once_even_where_the_hint_cannot_say_so() {
    let world = at("s3://one", honest).await;
    let ctx = world.context();
    let mut made = Vec::new();
    for _ in 0..3 {
        world.raw.delete_path(&Key::Head.path()).await.expect("deleted");
        let before = world.requests();
        run_tick(&ctx, Trigger::Invocation).await.expect("tick");
        made.push((world.requests() - before).put);
    }
    assert!(made[0] > made[1] && made[1] == made[2], "{made:?}");
}

#[tokio::test]
async fn where_nothing_is_due_nothing_is_probed() {
    let mut world = at("s3://one", honest).await;
    world.org["pace"] = json!({"every": "1h"});
    world.found().await;
    let time = lemming::clock::Clock::now(world.clock.as_ref());
    let first = world.run(Trigger::Slot { time }).await.expect("tick");
    assert!(matches!(first, Outcome::Ran(_)));
    moved(&mut world, "s3://two");
    let before = world.requests();
    let again = world.run(Trigger::Slot { time }).await.expect("idle");
    assert!(matches!(again, Outcome::Idle { .. }), "{again:?}");
    assert_eq!((world.requests() - before).put, 0);
}

#[tokio::test]
async fn a_new_organisation_says_that_its_store_was_probed_and_the_first_tick_believes_it() {
    let world = at("s3://one", honest).await;
    note_probed(&world.store).await.expect("noted");
    let before = world.requests();
    world.tick().await;
    assert!((world.requests() - before).put < RIVALS as u64);
    note_probed(&world.store).await.expect("noted");
    let head: Value =
        serde_json::from_slice(&world.raw.get(&Key::Head).await.expect("read").expect("hint")).expect("json");
    assert_eq!(head["tick"], 1, "a hint that knows more stays");
}
