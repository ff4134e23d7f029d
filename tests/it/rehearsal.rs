//! A rehearsal shows what the tick then does, and does none of it.

use std::sync::Arc;

use lemming::chronicle::outlook::outlook;
use lemming::clock::Clock as _;
use lemming::domain::credits::Credits;
use lemming::engine::{Idle, Rehearsal, rehearse, run_tick};
use lemming::record::plan::{Plan, SkipReason, Trigger};
use lemming::store::faults::{Fault, Faulty, Op};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::world::{World, name, says};

/// Rehearses, and sees that nothing was written or called.
async fn rehearsed(world: &World, trigger: &Trigger) -> Rehearsal {
    let (before, requests, calls) = (world.all().await, world.requests(), world.calls().len());
    let rehearsal = rehearse(&world.context(), trigger).await.unwrap().expect("a clock");
    for due in rehearsal.left() {
        rehearsal.opening(due).await.unwrap();
    }
    let made = world.requests() - requests;
    assert_eq!((made.put, made.delete, world.calls().len()), (0, 0, calls));
    assert_eq!(world.all().await, before);
    rehearsal
}

/// What of a plan is not drawn anew by each runner.
fn decided(plan: &Plan) -> Value {
    let mut plan = json!(plan);
    for drawn in ["nonce", "by"] {
        plan.as_object_mut().unwrap().remove(drawn);
    }
    plan
}

/// A world of one with tools who edits, two who read her, and one that waits for mail.
async fn world() -> World {
    let mut world = World::new(|request| {
        let view = &request.view;
        Ok(match (view.agent.as_str(), view.step) {
            ("ada", 0) => json!({
                "tool_calls": [{"tool": "file_write", "arguments": {"path": "shared/board.txt", "text": view.tick.to_string()}}],
                "memory_updates": [{"key": "log", "op": "append", "value": view.tick.0}],
            })
            .to_string(),
            (agent, _) => says(&format!("{agent} in {}", view.tick)),
        })
    });
    world.org["limits"] = json!({"lease": "5ms"});
    world.found().await;
    world.agent("ada", json!({"permissions": {"read_outboxes": ["dan"], "tools": ["file_write"]}})).await;
    world.agent("bob", json!({"permissions": {"read_outboxes": ["ada"]}, "schedule": {"run_every_n_ticks": 2}})).await;
    world.agent("cy", json!({"permissions": {"read_outboxes": ["*"]}})).await;
    let when =
        json!({"schedule": {"run_every_n_ticks": 1, "when": "on_message"}, "permissions": {"read_outboxes": []}});
    world.agent("dan", when).await;
    world
}

#[tokio::test]
async fn a_rehearsal_plans_what_the_tick_plans_and_shows_the_prompts_that_it_makes() {
    let world = world().await;
    let mut compared = 0;
    for tick in 1..=10 {
        // People edit, write and command in between: a rehearsal takes it in as the tick does.
        match tick {
            3 => world.mail(tick, "human", Some(&["dan"]), "hello").await,
            4 => world.put("agents/ada/memory/told.json", &json!({"value": "by hand"})).await,
            5 => {
                let edit = json!({"action": "memory", "agent": "cy", "key": "k", "operation": "set", "value": 5});
                world.command(tick, edit).await;
            }
            6 => world.agent("eve", json!({"permissions": {"read_outboxes": []}})).await,
            // A version of ours from before: the tick uses the truth, and rewrites the view.
            7 => world.raw.put_path("agents/ada/memory/log.json", old_log(&world).await).await.unwrap(),
            _ => {}
        }
        let rehearsal = rehearsed(&world, &Trigger::Invocation).await;
        assert!(!rehearsal.is_open && rehearsal.idle.is_none());
        let mut openings = Vec::new();
        for due in rehearsal.left() {
            openings.push((due.agent.clone(), rehearsal.opening(due).await.unwrap()));
        }
        world.tick().await;
        assert_eq!(decided(rehearsal.plan()), decided(&world.plan(tick).await), "tick {tick}");
        for (agent, opening) in openings {
            let turn = world.turn(tick, agent.as_str()).await;
            assert!(turn.spent.paid <= opening.first_call.times(8));
            if opening.waits_for.is_empty() {
                assert_eq!(opening.prompt, turn.prompt, "{agent} in tick {tick}");
                assert_eq!(opening.inbox, turn.inbox, "{agent} in tick {tick}");
                compared += 1;
            } else {
                assert_ne!(agent.as_str(), "ada", "she is the first");
            }
        }
    }
    assert!(compared > 15, "{compared}");
}

/// The second version of a memory of ada.
async fn old_log(world: &World) -> bytes::Bytes {
    let state = lemming::engine::load_at(&world.raw, lemming::domain::time::Tick(2)).await.unwrap();
    let key = lemming::store::Key::parse("agents/ada/memory/log.json").unwrap();
    lemming::engine::recorded(&world.raw, &state, &key).await.unwrap().expect("a version")
}

#[tokio::test]
async fn who_reads_others_of_the_tick_is_shown_with_their_names() {
    let world = world().await;
    let rehearsal = rehearsed(&world, &Trigger::Invocation).await;
    let found = outlook(&rehearsal, false).await.unwrap();
    let waits: Vec<(&str, Vec<&str>)> = found
        .due
        .iter()
        .map(|due| (due.agent.as_str(), due.waits_for.iter().map(|name| name.as_str()).collect()))
        .collect();
    assert_eq!(waits, [("ada", vec![]), ("cy", vec!["ada"])]);
    assert!(found.due.iter().all(|due| due.prompt.is_none() && due.prompt_bytes > 100));
}

#[tokio::test]
async fn what_a_tick_may_cost_is_no_less_than_what_it_costs() {
    let mut world = World::new(|request| Ok(says(request.view.agent.as_str())));
    world.org["budget"] = json!({"credits": 0.08, "per": "total"});
    world.found().await;
    for agent in ["ada", "bob"] {
        world.agent(agent, json!({})).await;
    }
    world.agent("cy", json!({"credits": {"max_credits": 0.01}})).await;
    let found = outlook(&rehearsed(&world, &Trigger::Invocation).await, true).await.unwrap();
    let budget = found.budget.clone().expect("a budget");
    assert_eq!(found.due.len(), 2);
    assert!(found.due.iter().all(|due| due.prompt.as_ref().is_some_and(|prompt| prompt.len() == 2)));
    assert_eq!(found.grant_credits, budget.left, "the whole budget is set aside");
    assert!(found.worst_credits <= found.grant_credits);
    let skipped: Vec<_> = found.skipped.iter().map(|skipped| (skipped.agent.as_str(), skipped.reason)).collect();
    assert_eq!(skipped, [("cy", SkipReason::NoCredits)]);
    assert_eq!(found.skipped[0].had_credits, Some(Credits::from_micros(10_000)));
    world.tick().await;
    let charged: Credits = world.closed(1).await.turns.values().map(|turn| turn.charge.total()).sum();
    let first: Credits = found.due.iter().map(|due| due.first_call_credits).sum();
    assert!(charged <= found.worst_credits && !charged.is_zero());
    assert!(charged <= first + Credits::from_micros(2_000), "each turn was one call, and an action");
}

#[tokio::test]
async fn of_an_open_tick_what_is_left_is_rehearsed() {
    let world = world().await;
    world.tick().await;
    // Killed in ada's second call, with the first answer recorded.
    let gate = Gate::closing_at(3);
    let mut context = world.context();
    let mut thinker = world.thinker.clone();
    thinker.gate = Some(gate.clone());
    context.providers = Arc::new(thinker);
    tokio::select! {
        _ = run_tick(&context, Trigger::Invocation) => panic!("it ends"),
        () = gate.hit() => {}
    }
    let rehearsal = rehearsed(&world, &Trigger::Invocation).await;
    assert!(rehearsal.is_open);
    assert_eq!(decided(rehearsal.plan()), decided(&world.plan(2).await));
    let found = outlook(&rehearsal, true).await.unwrap();
    assert_eq!((found.open, found.done.len(), found.due.len()), (true, 0, 3));
    assert_eq!(found.due[0].recorded_answers, 1);
    let ada = found.due[0].prompt.clone().expect("a prompt");
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    while world.state().await.tick.0 < 2 {
        world.run(Trigger::Invocation).await.unwrap();
    }
    assert_eq!(world.turn(2, "ada").await.prompt, ada);
}

#[tokio::test]
async fn a_rehearsal_works_where_nothing_may_be_written() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let faulty = Faulty::new(objects.clone(), 1);
    let world = World::through(objects, Arc::new(faulty.clone()), |request| Ok(says(request.view.agent.as_str())));
    world.found().await;
    world.agent("ada", json!({})).await;
    world.tick().await;
    world.raw.put_path("agents/ada/workspace/a.txt", "edit".into()).await.unwrap();
    for nth in 1..=50 {
        faulty.fail_next(Op::Put, nth, Fault::Denied);
        faulty.fail_next(Op::Delete, nth, Fault::Denied);
    }
    let rehearsal = rehearsed(&world, &Trigger::Invocation).await;
    assert_eq!(outlook(&rehearsal, true).await.unwrap().due.len(), 1);
    assert_eq!(faulty.injected(), 0, "nothing was even tried");
    assert!(world.run(Trigger::Invocation).await.is_err(), "a tick is refused");
}

#[tokio::test]
async fn a_trigger_that_would_start_nothing_is_told_so() {
    let mut world = World::new(|_| Ok(says("x")));
    world.org["pace"] = json!({"every": "5m"});
    world.found().await;
    world.agent("ada", json!({"schedule": {"run_every_n_ticks": 2}})).await;
    let slot = Trigger::Slot { time: world.clock.now() };
    let rehearsal = rehearsed(&world, &slot).await;
    assert!(rehearsal.idle.is_none(), "the first slot is anchored");
    world.run(slot.clone()).await.unwrap();
    assert_eq!(rehearse(&world.context(), &slot).await.unwrap().err(), Some(Idle::SlotPassed));
    let wake = rehearsed(&world, &Trigger::Wake { named: vec![] }).await;
    assert_eq!(wake.idle, Some(Idle::NothingToDo));
    let named = rehearsed(&world, &Trigger::Wake { named: vec![name("ada")] }).await;
    assert_eq!((named.idle, named.left().count()), (None, 1));
}
