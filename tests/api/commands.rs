//! Commands: what the next tick carries out, in whose name, and how often.

use std::time::Duration;

use axum::body::Body;
use lemming::api::wake::{Bell, Waker as _, answer};
use lemming::api::{Access, ApiState, Settings, router};
use lemming::engine::{Stop, load};
use serde_json::{Value, json};

use crate::world::{Answer, World, bearer, request};

async fn ok(world: &World, method: &str, path: &str, body: Value) -> Answer {
    // Commands of one millisecond have no order.
    world.clock.advance(Duration::from_millis(1));
    let answer = world.change(method, path, &body, &[]).await;
    assert_eq!(answer.status, 202, "{method} {path}: {}", answer.body);
    assert_eq!(answer.body["ordered"]["by"], "human");
    assert!(answer.body["ordered"]["name"].is_string() && answer.body["ordered"]["sent_at"].is_string());
    answer
}

/// The desk, whose editor keeps a list, has a file, and waits for a yes to another call.
async fn waiting() -> World {
    let world = World::new(Access::Local).await;
    let rules =
        json!({"approvals": {"rules": [{"tools": ["file_write"], "agents": ["critic"], "approval": "always"}]}});
    world.write("config/tools.json", &rules).await;
    let call = |text: &str| json!({"tool": "file_write", "arguments": {"path": "workspace/a.md", "text": text}});
    let script = json!({"rules": [
        {"agent": "editor", "when": {"tick": 1}, "answer": {
            "memory_updates": [{"key": "log", "op": "set", "value": ["old", "new"]}],
            "tool_calls": [call("first")]}},
        {"agent": "critic", "when": {"tick": 1}, "answer": {"tool_calls": [call("asked")]}},
        {"answer": {}},
    ]});
    world.write("config/script.json", &script).await;
    for agent in ["editor", "critic"] {
        let path = format!("agents/{agent}/resume.json");
        let mut resume = world.json(&path).await.expect("a resume");
        resume["permissions"]["tools"] = json!(["file_write"]);
        resume["schedule"]["when"] = json!("always");
        resume["schedule"]["run_every_n_ticks"] = json!(1);
        resume["schedule"]["phase_offset"] = json!(0);
        world.write(&path, &resume).await;
    }
    world.tick().await;
    world
}

#[tokio::test]
async fn each_command_is_what_the_next_tick_carries_out() {
    let world = waiting().await;
    ok(&world, "POST", "/api/agents/editor/credits", json!({"add": 0.25})).await;
    ok(&world, "POST", "/api/credits", json!({"add": 1})).await;
    ok(&world, "PUT", "/api/agents/writer/paused", json!({"paused": true})).await;
    ok(&world, "PUT", "/api/paused", json!({"paused": true})).await;
    ok(&world, "PUT", "/api/paused", json!({"paused": false})).await;
    ok(&world, "PUT", "/api/agents/editor/memory/plan", json!({"value": {"a": 1}})).await;
    ok(&world, "PUT", "/api/agents/editor/memory/plan", json!({"value": {"b": 2}, "operation": "merge"})).await;
    ok(&world, "PUT", "/api/agents/editor/memory/tags", json!({"value": "x", "operation": "append"})).await;
    ok(&world, "POST", "/api/agents/editor/memory/log/archive", json!({"keep": 1})).await;
    ok(&world, "POST", "/api/agents/editor/files/restore", json!({"path": "a.md", "at": 0})).await;
    assert_eq!(world.woken(), 10);
    let report = world.tick().await;
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    let state = load(&world.org.store).await.expect("loaded").state;
    let writer = &state.agents.iter().find(|(name, _)| name.as_str() == "writer").expect("the writer").1;
    assert!(writer.paused && !state.paused);
    let value = async |key: &str| {
        world.json(&format!("agents/editor/memory/{key}.json")).await.expect("a memory")["value"].clone()
    };
    assert_eq!(value("plan").await, json!({"a": 1, "b": 2}));
    assert_eq!(value("tags").await, json!(["x"]));
    ok(&world, "DELETE", "/api/agents/editor/memory/tags", Value::Null).await;
    world.tick().await;
    assert_eq!(world.text("agents/editor/memory/tags.json").await, None);
}

#[tokio::test]
async fn a_command_is_in_the_name_of_the_key_and_given_once_however_often_it_is_sent() {
    let world = World::new(Access::Keys).await;
    let [ada, bob] = world.keys([("ada", &["control"]), ("bob", &["control"])]).await;
    let give = async |key: &str, repeat: &str, add: f64| {
        let headers = [("authorization", bearer(key)), ("idempotency-key", repeat.to_owned())];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        world.change("POST", "/api/credits", json!({"add": add}), &headers).await
    };
    let first = give(&ada, "k", 1.0).await;
    assert_eq!((first.status.as_u16(), &first.body["ordered"]["by"]), (202, &json!("ada")));
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(give(&ada, "k", 1.0).await.body, first.body);
    assert_eq!(world.commands().await.len(), 1);
    for other in [give(&ada, "l", 1.0).await, give(&ada, "k", 2.0).await, give(&bob, "k", 1.0).await] {
        assert_eq!(other.status, 202);
        assert_ne!(other.body["ordered"]["name"], first.body["ordered"]["name"]);
    }
    assert_eq!(world.commands().await.len(), 4);
    let long = "k".repeat(256);
    assert_eq!(give(&ada, &long, 1.0).await.error(), (400, "usage", ""));
}

#[tokio::test]
async fn what_cannot_be_carried_out_is_refused_and_nothing_is_ordered() {
    let world = waiting().await;
    for (method, path, body, wanted) in [
        ("POST", "/api/agents/nobody/credits", json!({"add": 1}), (404, "not_found", "")),
        ("POST", "/api/agents/editor/credits", json!({"add": 0}), (400, "usage", "/add")),
        ("POST", "/api/agents/editor/credits", json!({"add": -1}), (400, "usage", "/add")),
        ("POST", "/api/agents/editor/credits", json!({"add": 1, "to": "ada"}), (400, "usage", "/to")),
        ("POST", "/api/agents/editor/credits", json!({}), (400, "usage", "")),
        ("PUT", "/api/agents/editor/paused", json!({"paused": "yes"}), (400, "usage", "/paused")),
        ("PUT", "/api/agents/editor/memory/a%20b", json!({"value": 1}), (400, "usage", "")),
        ("PUT", "/api/agents/editor/memory/plan", json!({}), (400, "usage", "")),
        ("PUT", "/api/agents/editor/memory/plan", json!({"value": 1, "operation": "merge"}), (400, "usage", "/value")),
        (
            "PUT",
            "/api/agents/editor/memory/plan",
            json!({"value": 1, "operation": "delete"}),
            (400, "usage", "/operation"),
        ),
        ("DELETE", "/api/agents/editor/memory/nothing", json!({}), (404, "not_found", "")),
        ("POST", "/api/agents/editor/memory/nothing/archive", json!({}), (404, "not_found", "")),
        ("POST", "/api/agents/editor/memory/log/archive", json!({"keep": 0}), (400, "usage", "/keep")),
        ("POST", "/api/agents/editor/files/restore", json!({"path": "../x", "at": 1}), (400, "usage", "/path")),
        ("POST", "/api/agents/editor/files/restore", json!({"path": "none.md", "at": 1}), (400, "not_found", "/path")),
        ("POST", "/api/shared/files/restore", json!({"path": "x", "at": 99}), (404, "not_found", "/at")),
        ("POST", "/api/approvals/x", json!({"verdict": "denied"}), (404, "not_found", "")),
        ("POST", "/api/deliveries/retry", json!({"rule": "none"}), (400, "not_found", "/rule")),
        ("POST", "/api/engine/tick", json!({"ticks": 9}), (400, "usage", "/ticks")),
        ("POST", "/api/agents/%ff/credits", json!({"add": 1}), (400, "usage", "")),
    ] {
        let answer = world.change(method, path, &body, &[]).await;
        assert_eq!(answer.error(), wanted, "{method} {path} {body}: {}", answer.body);
    }
    let plain = request("DELETE", "/api/agents/editor/memory/log", &[]).body(Body::empty()).unwrap();
    assert_eq!(world.ask(plain).await.error(), (415, "unsupported_media_type", ""), "as a form could");
    assert!(world.commands().await.is_empty());
    assert_eq!(world.woken(), 0);
    let mut org = world.json("org.json").await.expect("settings");
    org.as_object_mut().expect("an object").remove("budget");
    world.write("org.json", &org).await;
    assert_eq!(world.change("POST", "/api/credits", json!({"add": 1}), &[]).await.error(), (409, "conflict", ""));
}

#[tokio::test]
async fn a_call_that_waits_is_answered_by_the_hash_of_what_was_shown() {
    let world = waiting().await;
    let state = load(&world.org.store).await.expect("loaded").state;
    let (id, waits) = state.approvals.iter().next().expect("a call that waits");
    let path = format!("/api/approvals/{id}");
    let sha = waits.arguments_sha256.to_string();
    let other = lemming::domain::ids::Sha::of(b"other").to_string();
    for (body, wanted) in [
        (json!({"verdict": "approved"}), (400, "usage", "/arguments_sha256")),
        (json!({"verdict": "approved", "arguments_sha256": "x"}), (400, "usage", "/arguments_sha256")),
        (json!({"verdict": "approved", "arguments_sha256": other}), (409, "conflict", "/arguments_sha256")),
        (json!({"verdict": "approved", "arguments_sha256": sha, "reason": "r"}), (400, "usage", "/reason")),
        (json!({"verdict": "denied", "arguments": {}}), (400, "usage", "/arguments")),
        (json!({"verdict": "denied", "reason": "r".repeat(5000)}), (400, "usage", "/reason")),
        (json!({"verdict": "maybe"}), (400, "usage", "/verdict")),
    ] {
        let answer = world.change("POST", &path, &body, &[]).await;
        assert_eq!(answer.error(), wanted, "{body}: {}", answer.body);
    }
    let instead = json!({"path": "workspace/a.md", "text": "changed"});
    let yes = json!({"verdict": "approved", "arguments_sha256": sha, "arguments": instead});
    let given = ok(&world, "POST", &path, yes.clone()).await;
    assert_eq!(given.body["ordered"]["action"], "approve");
    world.tick().await;
    assert_eq!(world.text("agents/critic/workspace/a.md").await.as_deref(), Some("changed"));
    let late = world.change("POST", &path, yes, &[]).await;
    assert_eq!(late.status, 404, "{}", late.body);
}

#[tokio::test]
async fn a_tick_is_run_by_the_server_and_a_server_that_runs_none_says_so() {
    let world = World::new(Access::Local).await;
    let bell = Bell::default();
    let routes =
        router(ApiState::new(world.org.clone(), Settings::new(Access::Local), std::sync::Arc::new(bell.clone())));
    let ask =
        || request("POST", "/api/engine/tick", &[("content-type", "application/json")]).body(Body::from("{}")).unwrap();
    let asked = World::ask_of(&routes, ask()).await;
    assert_eq!((asked.status.as_u16(), &asked.body["ordered"]["after"]), (202, &json!(0)));
    let (stopper, stop) = Stop::channel();
    let closed = async || load(&world.org.store).await.expect("loaded").state;
    let watch = async {
        while closed().await.tick.0 == 0 {
            tokio::task::yield_now().await;
        }
        // Asked for often while nothing listens yet, it is run once more.
        (0..3).for_each(|_| assert!(bell.tick()));
        bell.wake();
        while closed().await.tick.0 == 1 {
            tokio::task::yield_now().await;
        }
        stopper.stop();
    };
    tokio::join!(answer(&bell, &world.org, &stop), watch);
    let state = closed().await;
    assert_eq!((state.tick.0, state.clock.0), (2, 2), "each was a step of the schedule");
    let quiet = router(ApiState::new(
        world.org.clone(),
        Settings::new(Access::Local),
        std::sync::Arc::new(lemming::api::wake::Elsewhere),
    ));
    let refused = World::ask_of(&quiet, ask()).await;
    assert_eq!(refused.error(), (409, "conflict", ""));
    assert!(refused.text("hint").contains("--no-wake"));
    let retry =
        request("POST", "/api/deliveries/retry", &[("content-type", "application/json")]).body(Body::from("{}"));
    assert_eq!(World::ask_of(&quiet, retry.unwrap()).await.error(), (409, "conflict", ""));
    let none = world.change("POST", "/api/deliveries/retry", "{}", &[]).await;
    assert_eq!((none.status.as_u16(), &none.body), (200, &json!({"rules": {}})), "without rules nothing is sent");
}
