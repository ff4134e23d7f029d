//! A tick is stopped at every place where it waits for something, and somebody else finishes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lemming::engine::{Context, EngineError, Outcome, run_tick};
use lemming::record::plan::Trigger;
use lemming::store::Store;
use object_store::path::Path;
use serde_json::json;

use crate::audit::{Expect, Seen};
use crate::gate::{Gate, Gated};
use crate::world::World;

/// An organisation with all that a tick can have: steps, a shared file, memory, mail, a top-up.
async fn world() -> World {
    let answers = AtomicU64::new(0);
    let mut world = World::new(move |request| {
        let view = &request.view;
        // No two answers are the same, as with real models.
        let answer = answers.fetch_add(1, Ordering::Relaxed);
        let texts: Vec<String> = view.inbox.iter().map(|entry| entry.text()).collect();
        let tick = view.tick.0;
        Ok(match (view.agent.as_str(), view.step) {
            ("ada", 0) => json!({
                "outbox_entries": [{"payload": {"text": format!("ada begins {tick}, {answer}")}}],
                "memory_updates": [{"key": "log", "op": "append", "value": tick}],
                "tool_calls": [
                    {"tool": "file_read", "arguments": {"path": "shared/board.txt"}},
                    {"tool": "file_write", "arguments": {"path": "shared/board.txt", "text": format!("ada {tick}")}},
                    {"tool": "memory_write", "arguments": {"key": "log", "value": "tool", "operation": "append",
                        "cap": 2}},
                ],
            }),
            ("ada", 1) => json!({
                "outbox_entries": [{"payload": {"text": format!("ada goes on, {answer}: {}", view.results[0])}}],
                "tool_calls": [
                    {"tool": "file_write", "arguments": {"path": "workspace/own.txt", "text": format!("own {tick}")}},
                ],
            }),
            ("bob", _) => json!({
                "outbox_entries": [{"payload": {"text": format!("bob heard, {answer}: {}", texts.join(" | "))}}],
                "memory_updates": [{"key": "heard", "op": "set", "value": texts},
                    {"key": "all", "op": "append", "value": texts, "cap": 1}],
            }),
            ("cyd", _) if tick == 1 => json!({"memory_updates": [{"key": "once", "op": "set", "value": "early"}]}),
            (agent, _) => json!({
                "outbox_entries": [{"payload": {"text": format!("{agent} says {tick} to {}", texts.len())},
                    "recipients": ["ada"]}],
                "memory_updates": [{"key": "log", "op": "append", "value": tick}],
            }),
        }
        .to_string())
    });
    world.org["limits"] = json!({"lease": "5ms", "agents_per_hold": 2});
    world.found().await;
    let tools = json!(["file_read", "file_write", "memory_write"]);
    world.agent("ada", json!({"permissions": {"tools": tools}, "credits": {"max_credits": 2}})).await;
    world.agent("bob", json!({})).await;
    world.agent("cyd", json!({"permissions": {"read_outboxes": []}, "memory": {"archive_after_ticks": 1}})).await;
    world.tick().await;
    world.mail(1, "human", None, "hello").await;
    world.command(2, json!({"action": "top_up", "agent": "ada", "credits": 1})).await;
    world.command(3, json!({"action": "memory", "agent": "bob", "key": "told", "operation": "set", "value": 7})).await;
    world
}

/// A runner behind a gate of its own.
pub fn behind(world: &World, gate: &Arc<Gate>) -> Context {
    let gated = Gated { inner: world.objects.clone(), gate: gate.clone() };
    let mut context = world.context();
    context.store = Store::new(Arc::new(gated), Path::from("org"), false);
    let mut thinker = world.thinker.clone();
    thinker.gate = Some(gate.clone());
    context.providers = Arc::new(thinker);
    context
}

async fn finish(world: &World) {
    let done = tokio::time::timeout(Duration::from_secs(5), async {
        while world.state().await.tick.0 < 2 {
            assert!(matches!(world.run(Trigger::Invocation).await.unwrap(), Outcome::Ran(_)));
        }
    });
    done.await.expect("one runner finishes what another began");
    for _ in 0..2 {
        world.tick().await;
    }
}

/// Stops a runner at the `n`th passage; says what an audit saw, or nothing if it got through.
async fn stopped_at(n: u64, goes_on: bool) -> Option<Seen> {
    let world = world().await;
    let gate = Gate::closing_at(n);
    let context = behind(&world, &gate);
    let mut first = Box::pin(run_tick(&context, Trigger::Invocation));
    tokio::select! {
        biased;
        done = &mut first => {
            assert!(matches!(done.unwrap(), Outcome::Ran(report) if report.closed));
            return None;
        }
        () = gate.hit() => {}
    }
    if goes_on {
        // A stalled runner wakes up when somebody else has finished, or is about to.
        let second = finish(&world);
        if n.is_multiple_of(2) {
            second.await;
            gate.open();
            let late: Result<Outcome, EngineError> = first.await;
            late.unwrap();
        } else {
            let wakes = async {
                tokio::time::sleep(Duration::from_millis(6)).await;
                gate.open();
                first.await.unwrap();
            };
            futures::future::join(second, wakes).await;
        }
        world.tick().await;
    } else {
        drop(first);
        finish(&world).await;
    }
    let stale_views = goes_on;
    Some(world.audit(&Expect { stale_views, ..Expect::default() }).await)
}

#[tokio::test]
async fn a_runner_that_dies_anywhere_leaves_a_tick_that_another_one_finishes() {
    let mut n = 1;
    let mut forfeited = 0;
    while let Some(seen) = stopped_at(n, false).await {
        assert_eq!((seen.ticks, seen.turns, seen.failed), (4, 12, 0), "stopped at {n}");
        forfeited += seen.holds;
        n += 1;
    }
    assert!(n > 70, "{n} places to stop at");
    assert!(forfeited > 0);
}

#[tokio::test]
async fn a_runner_that_stalls_anywhere_and_goes_on_later_does_no_harm() {
    let mut n = 1;
    while let Some(seen) = stopped_at(n, true).await {
        assert_eq!(seen.failed, 0, "stopped at {n}");
        n += 1;
    }
    assert!(n > 70, "{n} places to stop at");
}

#[tokio::test]
async fn a_runner_that_slept_for_several_ticks_undoes_nothing_of_them() {
    for n in 1.. {
        let mut world = World::new(|request| {
            let tick = request.view.tick.0;
            let memories = json!([{"key": format!("new_{tick}"), "op": "set", "value": tick}]);
            Ok(json!({"memory_updates": memories}).to_string())
        });
        world.org["limits"] = json!({"lease": "5ms"});
        world.found().await;
        world.agent("ada", json!({})).await;
        let gate = Gate::closing_at(n);
        let context = behind(&world, &gate);
        let mut first = Box::pin(run_tick(&context, Trigger::Invocation));
        tokio::select! {
            biased;
            done = &mut first => {
                done.unwrap();
                assert!(n > 15, "{n} places to stop at");
                return;
            }
            () = gate.hit() => {}
        }
        let others = async {
            while world.state().await.tick.0 < 4 {
                world.run(Trigger::Invocation).await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(5), others).await.expect("others go on");
        gate.open();
        first.await.unwrap();
        for _ in 0..2 {
            world.tick().await;
        }
        let seen = world.audit(&Expect { stale_views: true, ..Expect::default() }).await;
        assert_eq!((seen.failed, seen.imports), (0, 0), "stopped at {n}: nobody edited anything");
        assert!(world.all().await.contains_key("agents/ada/memory/new_2.json"), "stopped at {n}");
    }
}

#[tokio::test]
async fn a_turn_that_kills_three_runners_fails_and_the_tick_goes_on() {
    let world = world().await;
    let mut deaths = 0;
    while world.state().await.tick.0 < 2 {
        // The gate of the model alone: whoever calls it for bob dies.
        let gate = Gate::closing_at(1);
        let mut context = world.context();
        let mut thinker = world.thinker.clone();
        let (mind, dies) = (thinker.mind.clone(), gate.clone());
        thinker.mind = Arc::new(move |request| {
            if request.view.agent.as_str() == "bob" && request.view.tick.0 == 2 {
                dies.knock();
            }
            mind(request)
        });
        thinker.delay = Duration::from_millis(1);
        context.providers = Arc::new(thinker);
        let first = Box::pin(run_tick(&context, Trigger::Invocation));
        tokio::select! {
            biased;
            () = gate.hit() => deaths += 1,
            done = first => { done.unwrap(); }
        }
        assert!(deaths <= 3, "no fourth licence is given");
    }
    assert_eq!(deaths, 3);
    assert_eq!(world.turn(2, "bob").await.failure.unwrap().kind, lemming::record::turn::FailureKind::Crashed);
    world.tick().await;
    let seen = world.audit(&Expect::default()).await;
    assert_eq!((seen.ticks, seen.failed), (3, 1));
}
