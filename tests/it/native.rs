//! Tools that a model calls in its provider's own way, beside or instead of contract JSON.

use std::sync::{Arc, Mutex};

use lemming::domain::prompt::{Message, Role};
use lemming::provider::Request;
use serde_json::{Value, json};

use crate::audit::Expect;
use crate::turns::die_in_call;
use crate::world::{World, says};

/// What a model was asked.
type Asked = Arc<Mutex<Vec<Request>>>;

/// A world of `ada`, who may write and read her memory, and what her model is asked.
async fn of_ada(change: Value, answers: impl Fn(&Request) -> String + Send + Sync + 'static) -> (World, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let mut world = World::new(move |request| {
        log.lock().unwrap().push(request.clone());
        Ok(answers(request))
    });
    world.org["limits"] = json!({"lease": "5ms"});
    crate::world::merge(&mut world.org, change);
    world.found().await;
    world.agent("ada", json!({"permissions": {"tools": ["memory_read", "memory_write"]}})).await;
    (world, asked)
}

/// An answer that says `text` and calls tools in the provider's own way.
fn native(text: &str, calls: &[(&str, &str, Value)]) -> String {
    let calls: Vec<Value> =
        calls.iter().map(|(id, tool, arguments)| json!({"id": id, "tool": tool, "arguments": arguments})).collect();
    json!({"native": calls, "text": text}).to_string()
}

fn write(id: &'static str, key: &str) -> (&'static str, &'static str, Value) {
    (id, "memory_write", json!({"key": key, "value": 1}))
}

fn message(asked: &Asked, request: usize, role: Role) -> Message {
    let asked = asked.lock().unwrap();
    asked[request].messages.iter().rfind(|message| message.role == role).expect("such a message").clone()
}

#[tokio::test]
async fn the_results_of_native_calls_come_back_under_their_ids() {
    let (world, asked) = of_ada(json!({}), |request| match request.view.step {
        0 => native("One moment.", &[write("c1", "one"), ("c2", "memory_fly", json!({}))]),
        _ => says("done"),
    })
    .await;
    world.tick().await;
    let calls = message(&asked, 1, Role::Assistant).calls;
    assert_eq!(calls.iter().map(|call| call.id.as_deref()).collect::<Vec<_>>(), [Some("c1"), Some("c2")]);
    let results = message(&asked, 1, Role::Tool).results;
    assert_eq!(results.iter().map(|result| result.id.as_str()).collect::<Vec<_>>(), ["c1", "c2"]);
    assert!(results[0].content.contains("true") && results[1].content.contains("no tool"), "{results:?}");
    let turn = world.turn(1, "ada").await;
    assert!(turn.violations.is_empty(), "{:?}", turn.violations);
    assert_eq!((turn.exchanges[0].answer.as_str(), turn.exchanges[0].tool_calls.len()), ("One moment.", 2));
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn a_model_is_told_of_its_tools_but_for_the_last_call_that_fits() {
    let (world, asked) = of_ada(json!({"limits": {"max_steps": 2}}), |request| match request.view.step {
        0 => native("", &[write("c1", "one")]),
        _ => native("", &[write("c2", "two")]),
    })
    .await;
    world.tick().await;
    let tools: Vec<usize> = asked.lock().unwrap().iter().map(|request| request.tools.len()).collect();
    assert_eq!(tools, [2, 0]);
    let turn = world.turn(1, "ada").await;
    assert!(turn.violations[0].message.contains("were not made"), "{:?}", turn.violations);
    assert_eq!(turn.effects.memory.len(), 1);
}

#[tokio::test]
async fn native_calls_and_those_of_the_contract_are_made_in_this_order() {
    let (world, _) = of_ada(json!({}), |request| match request.view.step {
        0 => {
            let contract = json!({"notes": "both", "tool_calls": [{"tool": "memory_write",
                "arguments": {"key": "k", "value": "of the contract"}}]});
            native(&contract.to_string(), &[("c1", "memory_write", json!({"key": "k", "value": "native"}))])
        }
        _ => says("done"),
    })
    .await;
    world.tick().await;
    let turn = world.turn(1, "ada").await;
    assert_eq!(turn.exchanges[0].results.len(), 2);
    assert_eq!(turn.effects.memory[0].value, Some(json!("of the contract")));
}

#[tokio::test]
async fn an_answer_with_too_many_native_calls_has_a_result_for_each() {
    let calls: Vec<_> = (0..40).map(|_| write("c", "k")).collect();
    let (world, asked) = of_ada(json!({}), move |request| match request.view.step {
        0 => native("", &calls),
        _ => says("done"),
    })
    .await;
    world.tick().await;
    let results = message(&asked, 1, Role::Tool).results;
    assert_eq!(results.len(), 40);
    let made = world.turn(1, "ada").await.exchanges[0].results.iter().filter(|result| result.ok).count();
    assert_eq!(made, 32);
}

#[tokio::test]
async fn a_crash_after_a_native_call_repeats_nothing() {
    let (world, asked) = of_ada(json!({}), |request| match request.view.step {
        0 => native("", &[write("c1", "one")]),
        1 => native("", &[write("c2", "two")]),
        _ => says("done"),
    })
    .await;
    die_in_call(&world, "ada", 2).await;
    world.tick().await;
    let steps: Vec<u32> = asked.lock().unwrap().iter().map(|request| request.view.step).collect();
    assert_eq!(steps, [0, 1, 2, 2], "only the call that nobody answered is made again");
    {
        let asked = asked.lock().unwrap();
        assert_eq!(asked[2].messages, asked[3].messages, "whoever resumes a turn asks the very same");
    }
    assert_eq!(message(&asked, 3, Role::Tool).results[0].id, "c2");
    world.audit(&Expect::default()).await;
}
