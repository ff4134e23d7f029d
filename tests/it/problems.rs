//! What is wrong, in one place, with what to do.

use std::sync::Arc;

use lemming::chronicle::moment::Moment;
use lemming::chronicle::problems::{Trouble, problems};
use lemming::clock::Clock as _;
use lemming::domain::toolbox::Effect;
use serde_json::json;

use crate::approvals::LetterBox;
use crate::tools::call;
use crate::world::{World, says};

async fn found(world: &World) -> Vec<Trouble> {
    problems(&Moment::now(&world.raw).await.unwrap(), world.clock.now(), 64).await.unwrap()
}

#[tokio::test]
async fn each_problem_is_told_once_with_its_agent_since_when_and_what_to_do() {
    let mut world = World::new(|request| {
        let view = &request.view;
        Ok(match (view.agent.as_str(), view.tick.0) {
            ("ada", 1) => json!({"tool_calls": [call("post", json!({"to": "bob"}))]}).to_string(),
            ("bob", 2..) => "no contract".to_owned(),
            _ => says("fine"),
        })
    });
    world.tools.push(Arc::new(LetterBox::new(Effect::Once)));
    world.found().await;
    world.agent("ada", json!({"permissions": {"tools": ["post"]}})).await;
    world.agent("bob", json!({})).await;
    world.agent("cyd", json!({"enabled": false})).await;
    assert_eq!(found(&world).await, []);
    world.tick().await;
    let asked = world.turn(1, "ada").await.waiting.remove(0).id;
    let waits = found(&world).await;
    let told: Vec<_> = waits.iter().map(|trouble| (trouble.kind.as_str(), trouble.since.unwrap().0)).collect();
    assert_eq!(told, [("waiting_approval", 1)], "{waits:?}");
    assert_eq!(waits[0].advice, Some(format!("lemming approvals approve {asked}")));
    for _ in 0..2 {
        world.tick().await;
    }
    let of_bob = |found: Vec<Trouble>| -> Vec<(String, u64, String)> {
        let of_bob =
            found.into_iter().filter(|trouble| trouble.agent.as_ref().is_some_and(|agent| agent.as_str() == "bob"));
        of_bob.map(|trouble| (trouble.kind, trouble.since.unwrap().0, trouble.advice.unwrap())).collect()
    };
    let failing = ("failing".to_owned(), 2, "lemming inspect bob --turns 1".to_owned());
    assert_eq!(of_bob(found(&world).await), [failing]);
    for _ in 0..3 {
        world.tick().await;
    }
    let told = of_bob(found(&world).await);
    assert_eq!(told[0], ("backed_off".to_owned(), 2, "lemming ticks why bob".to_owned()), "{told:?}");
    assert!(told.iter().any(|(kind, since, _)| kind == "dead_letters" && *since == 4), "{told:?}");
    world.put("config/tools.json", &json!({"servers": {"files": {"url": "http://127.0.0.1:1/"}}})).await;
    world.agent("cyd", json!({"enabled": true, "credits": {"max_credits": 0.000_001}})).await;
    let all = found(&world).await;
    let kinds: Vec<&str> = all.iter().map(|trouble| trouble.kind.as_str()).collect();
    assert!(kinds.contains(&"tools_not_accepted"), "{all:?}");
    assert!(all.iter().all(|trouble| trouble.advice.is_some()), "there is something to do about each: {all:?}");
}
