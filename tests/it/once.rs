//! Runners that are dropped, or that sleep and come back, at every place where they wait, over calls that may not be made
//! twice: whoever receives them never sees one id twice, and the records say what is known.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use lemming::domain::toolbox::Effect;
use lemming::engine::{Context, Outcome as Ran, run_tick};
use lemming::record;
use lemming::record::approval::Outcome;
use lemming::record::plan::Trigger;
use lemming::tool::{CallFailure, Desk, Tool};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::approvals::LetterBox;
use crate::audit::Expect;
use crate::crash::behind;
use crate::gate::Gate;
use crate::tools::call;
use crate::world::{World, says};

/// A letter box whose calls wait before and after they are received, as those over a network do.
#[derive(Debug, Clone)]
struct Distant {
    inner: LetterBox,
    gate: Arc<Gate>,
}

#[async_trait]
impl Tool for Distant {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn description(&self) -> &str {
        self.inner.description()
    }
    fn arguments(&self) -> Value {
        self.inner.arguments()
    }
    fn effect(&self) -> Effect {
        self.inner.effect()
    }
    async fn call(&self, arguments: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        self.gate.pass().await;
        let answer = self.inner.call(arguments, desk).await;
        self.gate.pass().await;
        answer
    }
    fn asks_outside(&self, _: &Value) -> bool {
        true
    }
}

/// What is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    /// Two calls that no rule lets wait, one after the other.
    Once,
    /// A call that a person has said yes to, and one after it that needs none.
    Approved,
}

/// An organisation with one tick to be stopped in: the next one makes the calls.
async fn world(story: Story, letters: &LetterBox) -> World {
    let mut world = World::new(move |request| {
        let view = &request.view;
        let post = |text: &str| Ok(json!({"tool_calls": [call("post", json!({"text": text}))]}).to_string());
        match (story, view.tick.0, view.step) {
            (Story::Once, 1, _) => Ok(says("nothing yet")),
            (Story::Once, 2, 0) => post("first"),
            (Story::Once, 2, 1) => post("second"),
            (Story::Approved, 1, 0) => post("asked"),
            (Story::Approved, 2, 0) => {
                Ok(json!({"tool_calls": [call("memory_write", json!({"key": "k", "value": 1}))]}).to_string())
            }
            _ => Ok(says("done")),
        }
    });
    world.org["limits"] = json!({"lease": "5ms"});
    world.tools.push(Arc::new(letters.clone()));
    world.found().await;
    if story == Story::Once {
        let rules = json!({"approvals": {"rules": [{"tools": ["post"], "approval": "never"}]}});
        world.put("config/tools.json", &rules).await;
    }
    world.agent("ada", json!({"permissions": {"tools": ["post", "memory_write"]}})).await;
    world.tick().await;
    if story == Story::Approved {
        let asked = world.turn(1, "ada").await.waiting.remove(0);
        let sha = record::hash(&asked.arguments);
        world.command(1, json!({"action": "approve", "approval": asked.id, "arguments_sha256": sha})).await;
    }
    world
}

/// A runner whose store, model and tool are behind a gate.
fn gated(world: &World, letters: &LetterBox, gate: &Arc<Gate>) -> Context {
    let mut context = behind(world, gate);
    context.tools.retain(|tool| tool.name() != "post");
    context.tools.push(Arc::new(Distant { inner: letters.clone(), gate: gate.clone() }));
    context
}

async fn finish(world: &World) {
    let done = tokio::time::timeout(Duration::from_secs(5), async {
        while world.state().await.tick.0 < 2 {
            assert!(matches!(world.run(Trigger::Invocation).await.unwrap(), Ran::Ran(_)));
        }
    });
    done.await.expect("one runner finishes what another began");
}

/// How a call ended, as the records say.
type Ends = BTreeSet<&'static str>;

/// Stops a runner at the `n`th passage; nothing if it got through.
async fn stopped_at(story: Story, n: u64, comes_back: bool, ends: &mut Ends) -> Option<()> {
    let letters = LetterBox::new(Effect::Once);
    let world = world(story, &letters).await;
    let gate = Gate::closing_at(n);
    let context = gated(&world, &letters, &gate);
    let through = AtomicBool::new(false);
    {
        let mut first = Box::pin(run_tick(&context, Trigger::Invocation));
        tokio::select! {
            biased;
            done = &mut first => {
                assert!(matches!(done.unwrap(), Ran::Ran(report) if report.closed));
                through.store(true, Ordering::SeqCst);
            }
            () = gate.hit() => {}
        }
        if !through.load(Ordering::SeqCst) {
            match (comes_back, n.is_multiple_of(2)) {
                (false, _) => {
                    drop(first);
                    finish(&world).await;
                }
                (true, true) => {
                    finish(&world).await;
                    gate.open();
                    first.await.unwrap();
                }
                (true, false) => {
                    let wakes = async {
                        tokio::time::sleep(Duration::from_millis(6)).await;
                        gate.open();
                        first.await.unwrap();
                    };
                    futures::future::join(finish(&world), wakes).await;
                }
            }
        }
    }
    world.tick().await;
    let what = format!("{story:?} at {n}, comes back: {comes_back}");
    let received = letters.received.lock().unwrap().clone();
    let ids: BTreeSet<Uuid> = received.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), received.len(), "{what}: one id twice: {received:?}");
    let turn = world.turn(2, "ada").await;
    assert!(turn.status.is_good(), "{what}: {:?}", turn.failure);
    match story {
        Story::Once => {
            let results: Vec<_> = turn.exchanges.iter().flat_map(|exchange| &exchange.results).collect();
            assert_eq!(results.len(), 2, "{what}");
            for result in results {
                let id = result.call.unwrap_or_else(|| panic!("{what}: a call that reaches outside has an id"));
                // Who is told that it was made can rely on it.
                assert!(!result.ok || ids.contains(&id), "{what}: {result:?}");
                assert!(result.ok != result.unknown, "{what}: {result:?}");
                ends.insert(match (result.ok, ids.contains(&id)) {
                    (true, _) => "made",
                    (false, true) => "unknown, and made",
                    (false, false) => "unknown, and not made",
                });
            }
            // Nobody makes a call that no record has.
            let named: BTreeSet<Uuid> =
                turn.exchanges.iter().flat_map(|exchange| &exchange.results).filter_map(|result| result.call).collect();
            assert!(ids.is_subset(&named), "{what}: {received:?}");
        }
        Story::Approved => {
            assert!(received.len() <= 1, "{what}: {received:?}");
            let settled = &turn.answered[0];
            assert_ne!(settled.outcome, Outcome::NotMade, "{what}");
            assert!(settled.outcome != Outcome::Made || ids.contains(&settled.id), "{what}: {settled:?}");
            assert!(world.state().await.approvals.is_empty(), "{what}");
            ends.insert(match (settled.outcome, received.len()) {
                (Outcome::Made, _) => "made",
                (_, 1) => "unknown, and made",
                _ => "unknown, and not made",
            });
        }
    }
    let is_told = |result: bool| {
        let unknown = world.closed(2);
        async move { unknown.await.problems.iter().any(|problem| problem.kind == "unknown_effect") == result }
    };
    let any = turn.exchanges.iter().flat_map(|exchange| &exchange.results).any(|result| result.unknown)
        || turn.answered.iter().any(|settled| settled.outcome == Outcome::Unknown);
    assert!(is_told(any).await, "{what}: what nobody knows is told as a problem, and nothing else is");
    world.audit(&Expect { stale_views: comes_back, ..Expect::default() }).await;
    (!through.load(Ordering::SeqCst)).then_some(())
}

async fn everywhere(story: Story, comes_back: bool) {
    let (mut n, mut ends) = (1, Ends::new());
    while stopped_at(story, n, comes_back, &mut ends).await.is_some() {
        n += 1;
    }
    assert!(n > 30, "{n} places to stop at");
    // Who comes back makes the call after all, under its id: until then nobody knows whether it will be.
    let expected = if comes_back {
        Ends::from(["made", "unknown, and made"])
    } else {
        Ends::from(["made", "unknown, and made", "unknown, and not made"])
    };
    assert_eq!(ends, expected, "{story:?}, {comes_back}");
}

#[tokio::test]
async fn a_runner_that_dies_anywhere_over_a_call_leaves_it_made_once_or_unknown() {
    everywhere(Story::Once, false).await;
}

#[tokio::test]
async fn a_runner_that_stalls_anywhere_over_a_call_does_not_make_it_after_another() {
    everywhere(Story::Once, true).await;
}

#[tokio::test]
async fn a_runner_that_dies_anywhere_over_an_approved_call_leaves_it_made_once_or_unknown() {
    everywhere(Story::Approved, false).await;
}

#[tokio::test]
async fn a_runner_that_stalls_anywhere_over_an_approved_call_does_not_make_it_after_another() {
    everywhere(Story::Approved, true).await;
}
