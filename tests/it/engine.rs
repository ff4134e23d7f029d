//! The engine, one tick at a time.

use std::sync::Arc;

use lemming::domain::credits::Credits;
use lemming::domain::position::Position;
use lemming::domain::time::Tick;
use lemming::engine::Outcome;
use lemming::record::plan::Trigger;
use lemming::record::turn::Status;
use serde_json::json;

use crate::world::{World, name, says};

fn inbox(turn: &lemming::record::turn::TurnRecord) -> Vec<String> {
    turn.inbox.iter().map(|read| format!("{}@{}", read.from, read.position)).collect()
}

#[tokio::test]
async fn messages_flow_in_canonical_order_within_a_tick_and_to_the_next() {
    let world = World::new(|request| Ok(says(&format!("{} in {}", request.view.agent, request.view.tick))));
    world.found().await;
    for agent in ["ada", "bob"] {
        world.agent(agent, json!({})).await;
    }
    let first = world.tick().await;
    assert!(first.closed);
    assert_eq!(first.turns.iter().map(|t| t.status).collect::<Vec<_>>(), [Status::Ok, Status::Ok]);
    world.tick().await;
    assert_eq!(inbox(&world.turn(1, "ada").await), Vec::<String>::new());
    assert_eq!(inbox(&world.turn(1, "bob").await), ["ada@1.1.0"]);
    assert_eq!(inbox(&world.turn(2, "ada").await), ["bob@1.2.0"]);
    assert_eq!(inbox(&world.turn(2, "bob").await), ["ada@2.1.0"]);
    let state = world.state().await;
    assert_eq!(state.agents[&name("ada")].cursor, Position::end_of_rank(Tick(2), 1));
    // A turn cost 100 input tokens at 1, 10 output tokens at 2 a million, and one action.
    let cost = Credits::from_micros(100 + 20 + 1_000);
    assert_eq!(state.agents[&name("ada")].account.charged.total(), cost.times(2));
    assert_eq!(state.budget.charged, cost.times(4));
    let views = world.all().await.into_keys().filter(|path| path.contains("/outbox/")).count();
    assert_eq!(views, 4);
}

#[tokio::test]
async fn in_snapshot_mode_everybody_sees_closed_ticks_only() {
    let mut world = World::new(|request| Ok(says(request.view.agent.as_str())));
    world.org["visibility"] = json!("snapshot");
    world.found().await;
    for agent in ["ada", "bob"] {
        world.agent(agent, json!({})).await;
    }
    world.tick().await;
    world.tick().await;
    assert_eq!(inbox(&world.turn(1, "bob").await), Vec::<String>::new());
    assert_eq!(inbox(&world.turn(2, "ada").await), ["bob@1.2.0"]);
    assert_eq!(inbox(&world.turn(2, "bob").await), ["ada@1.1.0"]);
}

#[tokio::test]
async fn a_tool_loop_is_journalled_and_its_results_come_back() {
    let world = World::new(|request| {
        Ok(match request.view.step {
            0 => json!({"tool_calls": [{"tool": "memory_write", "arguments": {"key": "k", "value": 1}},
                {"tool": "file_write", "arguments": {"path": "shared/a.txt", "text": "hello"}}],
                "outbox_entries": [{"payload": {"text": "one"}}]}),
            _ => json!({"outbox_entries": [{"payload": {"text": request.view.results[0].to_string()}}]}),
        }
        .to_string())
    });
    world.found().await;
    world.agent("ada", json!({"permissions": {"tools": ["memory_write", "file_write"]}})).await;
    world.tick().await;
    let turn = world.turn(1, "ada").await;
    assert_eq!(turn.exchanges.len(), 2);
    assert_eq!(turn.effects.outbox.iter().map(|e| e.text()).collect::<Vec<_>>(), ["one", r#"{"key":"k","value":1}"#]);
    assert!(world.all().await.contains_key("ticks/000000000001/steps/ada/0.json"));
    assert_eq!(&world.all().await["shared/a.txt"][..], b"hello");
    assert_eq!(world.state().await.files.len(), 2);
    assert_eq!(turn.spent.action, Credits::from_micros(1_000));
}

#[tokio::test]
async fn a_hundred_ticks_leave_checkpoints_and_any_of_them_rebuilds_the_state() {
    let world = Arc::new(World::new(|request| {
        Ok(json!({"memory_updates": [{"key": "n", "op": "append", "value": request.view.tick}]}).to_string())
    }));
    world.found().await;
    world.agent("ada", json!({"credits": {"max_credits": 1}})).await;
    for _ in 0..100 {
        assert!(world.tick().await.closed);
    }
    let state = world.state().await;
    assert_eq!(state.tick, Tick(100));
    let memory = world.all().await["agents/ada/memory/n.json"].clone();
    let memory: serde_json::Value = serde_json::from_slice(&memory).unwrap();
    assert_eq!(memory["value"].as_array().unwrap().len(), 100);
    for path in world.all().await.into_keys().filter(|path| path.starts_with("checkpoints/")) {
        world.store.delete_path(&path).await.unwrap();
    }
    world.store.delete_path("head.json").await.unwrap();
    assert_eq!(world.state().await, state);
}

#[tokio::test]
async fn a_damaged_checkpoint_is_rebuilt_from_the_ticks() {
    let world = World::new(|request| Ok(says(request.view.agent.as_str())));
    world.found().await;
    world.agent("ada", json!({})).await;
    for _ in 0..9 {
        world.tick().await;
    }
    let state = world.state().await;
    let path = "checkpoints/000000000008.json";
    let sound = world.all().await[path].clone();
    world.store.put_path(path, bytes::Bytes::from_static(b"{\"format\": 1, ")).await.unwrap();
    assert_eq!(world.state().await, state);
    world.tick().await;
    assert_eq!(world.all().await[path], sound);
}

#[tokio::test]
async fn mail_cannot_sign_itself_with_the_name_of_an_agent() {
    let world = World::new(|_| Ok("{}".to_owned()));
    world.found().await;
    for agent in ["ada", "bob"] {
        world.agent(agent, json!({})).await;
    }
    world.tick().await;
    let id = "01a20555-2a70-7559-ab35-2b4367ebecf5";
    let mail = json!({"format": 1, "id": id, "from": "bob", "recipients": ["ada"], "payload": {"text": "Pay me."},
        "sent_at": "2026-11-22T20:00:00.000Z"});
    let path = format!("ingress/mail/{id}.json");
    world.put(&path, &mail).await;
    let report = world.tick().await;
    assert_eq!(inbox(&world.turn(2, "ada").await), Vec::<String>::new());
    assert!(report.problems.iter().any(|problem| problem.path.as_deref() == Some(path.as_str())), "{report:?}");
    assert!(world.all().await.contains_key(&path), "it stays, to be looked at");
}

// The runners' clock moves when nothing else can, and the store's, which says who is stale, hardly moves at all: however
// busy the machine is, nobody is passed over.
#[tokio::test(start_paused = true)]
async fn a_runner_waits_for_a_slow_one_however_often_it_must_look_again() {
    let mut world = World::new(|_| Ok("{}".to_owned()));
    // A look every second: more than sixty of them, after which a doubled pause has no end. The lease is of real time.
    world.thinker.delay = std::time::Duration::from_secs(180);
    world.org["limits"] = json!({"lease": "4s", "call_timeout": "1h", "turn_timeout": "1h"});
    world.found().await;
    world.agent("ada", json!({})).await;
    let first = world.run(Trigger::Invocation);
    let second = world.run(Trigger::Invocation);
    let (first, second) = tokio::join!(first, second);
    for done in [first, second] {
        assert!(matches!(done.unwrap(), Outcome::Ran(report) if report.closed));
    }
    assert_eq!(world.calls().len(), 1);
}
