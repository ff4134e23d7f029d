//! Past turns run again from their records. That they come out the same is part of every audit.

use std::sync::Arc;
use std::time::Duration;

use lemming::domain::credits::Credits;
use lemming::domain::time::Tick;
use lemming::engine::{Replayed, replay, run_tick};
use lemming::provider::{CallError, CallErrorKind};
use lemming::record::encode;
use lemming::record::plan::Trigger;
use lemming::record::turn::TurnRecord;
use lemming::store::Key;
use serde_json::json;

use crate::audit::Expect;
use crate::gate::Gate;
use crate::world::{Thinker, World, name, says};

/// A world in which `ada` uses tools and `bob` answers her.
async fn world() -> World {
    let mut world = World::new(|request| {
        let view = &request.view;
        let answer = match (view.agent.as_str(), view.step) {
            ("ada", 0) => json!({
                "tool_calls": [
                    {"tool": "file_write", "arguments": {"path": "shared/board.txt", "text": format!("{}", view.tick)}},
                    {"tool": "memory_write", "arguments": {"key": "log", "value": view.tick, "operation": "append"}},
                    {"tool": "memory_search", "arguments": {"query": "1"}},
                    {"tool": "file_read", "arguments": {"path": "workspace/notes.txt"}},
                ],
                "memory_updates": [{"key": "seen", "value": view.inbox.len()}],
            }),
            (agent, step) => {
                json!({"outbox_entries": [{"payload": {"text": format!("{agent} {step}: {:?}", view.results)}}]})
            }
        };
        Ok(answer.to_string())
    });
    world.org["memory"] = json!({"max_list_items": 2, "archive_after_ticks": 2});
    world.org["limits"] = json!({"lease": "5ms"});
    world.found().await;
    let tools = json!(["file_read", "file_write", "memory_write", "memory_search"]);
    world.agent("ada", json!({"permissions": {"tools": tools}})).await;
    world.agent("bob", json!({})).await;
    world
}

async fn replayed(world: &World, tick: u64) -> Vec<Replayed> {
    replay(&world.replaying(), Tick(tick), None).await.unwrap().expect("a planned tick")
}

/// Writes a changed record over a turn.
async fn tamper(world: &World, tick: u64, agent: &str, change: impl FnOnce(&mut TurnRecord)) {
    let mut record = world.turn(tick, agent).await;
    change(&mut record);
    world.raw.put(&Key::Turn(Tick(tick), name(agent)), encode(&record).into()).await.unwrap();
}

#[tokio::test]
async fn a_replay_calls_no_model_and_writes_nothing() {
    let world = world().await;
    for tick in 1..=5 {
        world.raw.put_path("agents/ada/workspace/notes.txt", format!("edit {tick}").into()).await.unwrap();
        world.put("agents/ada/memory/told.json", &json!({"value": tick})).await;
        world.tick().await;
    }
    let (calls, before) = (world.calls(), world.all().await);
    for tick in 1..=5 {
        let turns = replayed(&world, tick).await;
        assert_eq!(turns.iter().map(|turn| turn.agent.as_str()).collect::<Vec<_>>(), ["ada", "bob"]);
        assert!(turns.iter().all(Replayed::is_equal), "{turns:?}");
    }
    assert_eq!((world.calls(), world.all().await), (calls, before));
    assert!(replay(&world.replaying(), Tick(6), None).await.unwrap().is_none(), "it was not planned");
    let bob = replay(&world.replaying(), Tick(2), Some(&name("bob"))).await.unwrap().unwrap();
    assert_eq!(bob.len(), 1);
}

#[tokio::test]
async fn a_tampered_answer_is_reported_with_what_follows_from_it() {
    let world = world().await;
    world.tick().await;
    world.tick().await;
    tamper(&world, 2, "bob", |record| record.exchanges[0].answer = says("something else")).await;
    let turns = replayed(&world, 2).await;
    assert!(turns[0].is_equal());
    assert!(!turns[1].is_equal() && !turns[1].is_as_closed);
    let difference = turns[1].difference.as_ref().expect("a difference");
    assert_eq!(difference.pointer, "/effects/outbox/0/payload/text");
    assert_eq!(difference.replayed, Some(json!("something else")));
    // The effect is changed with the answer: the tick still knows.
    tamper(&world, 2, "bob", |record| {
        let text = json!("something else");
        record.effects.outbox[0].payload.insert("text".to_owned(), text);
    })
    .await;
    let bob = &replayed(&world, 2).await[1];
    assert!(bob.difference.is_none() && !bob.is_as_closed && !bob.is_equal());
}

#[tokio::test]
async fn a_tampered_result_prompt_or_bill_is_reported() {
    let world = world().await;
    world.tick().await;
    let record = world.turn(1, "ada").await;
    type Change = fn(&mut TurnRecord);
    let cases: [(&str, Change); 4] = [
        ("/exchanges/0/results/3/result", |record| record.exchanges[0].results[3].result = json!("x")),
        ("/prompt/1/content", |record| record.prompt[1].content.push('x')),
        ("/exchanges/1/receipt/cost_credits", |record| record.exchanges[1].receipt.cost_credits = Credits::ZERO),
        ("/exchanges/0/receipt/request", |record| record.exchanges[0].receipt.request = None),
    ];
    for (pointer, change) in cases {
        tamper(&world, 1, "ada", change).await;
        let difference = replayed(&world, 1).await[0].difference.clone().expect("a difference");
        assert_eq!(difference.pointer, pointer);
        tamper(&world, 1, "ada", |tampered| tampered.clone_from(&record)).await;
        assert!(replayed(&world, 1).await[0].is_equal());
    }
}

#[tokio::test]
async fn a_turn_of_another_prompt_builder_says_so() {
    let world = world().await;
    world.tick().await;
    tamper(&world, 1, "bob", |record| record.prompt_version += 1).await;
    let turns = replayed(&world, 1).await;
    let version = world.turn(1, "bob").await.prompt_version;
    assert_eq!((turns[0].other_prompt_version, turns[1].other_prompt_version), (None, Some(version)));
    assert!(!turns[1].is_equal());
}

#[tokio::test(start_paused = true)]
async fn failed_turns_and_lost_money_come_out_the_same() {
    let failures = Arc::new(std::sync::Mutex::new(vec![
        CallErrorKind::Unanswered,
        CallErrorKind::RateLimited,
        CallErrorKind::Refused,
        CallErrorKind::ContextTooLong,
        CallErrorKind::TimedOut,
        CallErrorKind::Misconfigured,
    ]));
    let fails = failures.clone();
    let mut world = World::new(move |request| match request.view.tick.0 {
        // Some calls are answered at a later attempt.
        tick if tick % 2 == 1 => match fails.lock().unwrap().pop() {
            Some(kind) => Err(CallError::new(kind, format!("{kind:?} in tick {tick}"))),
            None => Ok("no contract".to_owned()),
        },
        tick => Ok(says(&format!("tick {tick}"))),
    });
    world.org["limits"] = json!({"max_prompt_tokens": 4000});
    world.found().await;
    world.agent("ada", json!({"limits": {"max_turn_credits": 0.02}})).await;
    for tick in 1..=16 {
        world.put("agents/ada/memory/told.json", &json!({"value": tick})).await;
        world.tick().await;
        world.clock.advance(Duration::from_secs(1));
    }
    let seen = world.audit(&Expect::default()).await;
    assert!(seen.failed >= 6, "{seen:?}");
}

#[tokio::test]
async fn an_edit_that_came_in_the_middle_of_a_turn_comes_there_again() {
    let mut world = World::new(|request| {
        let call = |tool: &str, arguments| json!({"tool_calls": [{"tool": tool, "arguments": arguments}]});
        let path = "shared/list.txt";
        let answer = match request.view.step {
            // There is nothing yet, ...
            0 => call("file_delete", json!({"path": path})),
            // ... and now there is what a person wrote.
            1 => call("file_write", json!({"path": path, "text": "mine"})),
            _ => json!({"outbox_entries": [{"payload": {"text": "done"}}]}),
        };
        Ok(answer.to_string())
    });
    world.found().await;
    world.agent("ada", json!({"permissions": {"tools": ["file_delete", "file_write"]}})).await;
    world.org["limits"] = json!({"lease": "5ms"});
    world.found().await;
    // A call passes the gate twice: this is before the third, when the first two are in the journal.
    let gate = Gate::closing_at(5);
    let mut context = world.context();
    context.providers = Arc::new(Thinker { gate: Some(gate.clone()), ..world.thinker.clone() });
    tokio::select! {
        _ = run_tick(&context, Trigger::Invocation) => panic!("it is over before it dies"),
        () = gate.hit() => {}
    }
    world.raw.put_path("shared/list.txt", "theirs".into()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(world.tick().await.closed);
    let turn = world.turn(1, "ada").await;
    assert!(!turn.exchanges[0].results[0].ok, "there was nothing to delete: {:?}", turn.exchanges[0].results);
    assert_eq!((turn.imports.len(), turn.edits_at_start, &turn.edits_found_after[..]), (1, 0, &[2][..]));
    let again = replayed(&world, 1).await;
    assert!(again.iter().all(Replayed::is_equal), "{again:?}");
}
