//! What a runner does while a model thinks.

use std::sync::Arc;
use std::time::Duration;

use lemming::engine::run_tick;
use lemming::record::plan::Trigger;
use serde_json::json;

use crate::gate::Gate;
use crate::world::{World, says};

/// `ada`, `bob`, who reads her, and `cy`, who reads him.
async fn chain() -> World {
    let world = World::new(|request| Ok(says(request.view.agent.as_str())));
    world.found().await;
    world.agent("ada", json!({"permissions": {"read_outboxes": []}})).await;
    world.agent("bob", json!({"permissions": {"read_outboxes": ["ada"]}})).await;
    world.agent("cy", json!({"permissions": {"read_outboxes": ["bob"]}})).await;
    world
}

/// Runs a tick up to its nth model call, and holds it there until `seen` is true. A call passes its gate twice.
async fn while_the_call_waits(world: &World, n: u64, seen: impl AsyncFn() -> bool) {
    let gate = Gate::closing_at(2 * n - 1);
    let mut context = world.context();
    let mut thinker = world.thinker.clone();
    thinker.gate = Some(gate.clone());
    context.providers = Arc::new(thinker);
    let looking = async {
        gate.hit().await;
        while !seen().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        gate.open();
    };
    let both = async { tokio::join!(run_tick(&context, Trigger::Invocation), looking) };
    let (done, ()) =
        tokio::time::timeout(Duration::from_secs(20), both).await.expect("it is seen while the call waits");
    done.unwrap();
}

#[tokio::test]
async fn a_turn_reads_its_own_memory_while_it_waits_for_others() {
    let world = chain().await;
    let before = world.requests().list;
    // The folders of agents, the ingress, and the first look at each of three memories.
    while_the_call_waits(&world, 1, async || world.requests().list - before == 5).await;
    assert_eq!(world.requests().list - before, 5, "nothing is looked at twice");
}

#[tokio::test]
async fn views_are_written_while_the_next_turn_waits_for_its_model() {
    let world = chain().await;
    let said = |paths: Vec<String>| paths.iter().any(|path| path.starts_with("agents/ada/outbox/"));
    while_the_call_waits(&world, 2, async || said(world.all().await.into_keys().collect())).await;
}

#[tokio::test]
async fn a_turn_that_nobody_waits_for_writes_its_own_views() {
    let world = chain().await;
    while_the_call_waits(&world, 3, async || {
        let all = world.all().await;
        ["ada", "bob"].iter().all(|agent| all.keys().any(|path| path.starts_with(&format!("agents/{agent}/outbox/"))))
    })
    .await;
    assert!(world.all().await.keys().any(|path| path.starts_with("agents/cy/outbox/")));
}
