//! `/mcp`: the organisation for an assistant over HTTP, behind the same gate as the rest.

use std::sync::Arc;

use axum::body::Body;
use lemming::api::body::MAX_BODY_BYTES;
use lemming::api::lambda;
use lemming::api::{Access, Settings};
use object_store::memory::InMemory;
use serde_json::{Value, json};

use crate::world::{Answer, World, bearer, request};

/// What every client sends along.
const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");

/// A request of the protocol.
pub fn ask(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
}

fn call(tool: &str, arguments: Value) -> Value {
    ask("tools/call", &json!({"name": tool, "arguments": arguments}))
}

async fn post(world: &World, body: impl ToString, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("content-type", "application/json"), ACCEPT];
    all.extend(headers);
    world.ask(request("POST", "/mcp", &all).body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn each_request_stands_for_itself_and_is_answered_whole() {
    let world = World::new(Access::Local).await;
    let hello =
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let answer = post(&world, ask("initialize", &hello), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("mcp-session-id"), "", "there are no sessions");
    assert!(!answer.header("x-request-id").is_empty());
    assert_eq!(answer.body["result"]["protocolVersion"], "2025-06-18");
    let noted = post(&world, json!({"jsonrpc": "2.0", "method": "notifications/initialized"}), &[]).await;
    assert_eq!(noted.status, 202);
    let answer = post(&world, call("status", json!({})), &[("mcp-protocol-version", "2025-06-18")]).await;
    assert_eq!(answer.body["id"], 7);
    assert_eq!(answer.body["result"]["structuredContent"]["tick"], 0, "{}", answer.body);
}

#[tokio::test]
async fn without_a_key_it_can_only_be_read_and_a_key_says_the_rest() {
    let world = World::new(Access::Local).await;
    let message = || call("send_message", json!({"recipients": ["editor"], "text": "Hello"}));
    let answer = post(&world, message(), &[]).await;
    assert_eq!(answer.body["result"]["isError"], true, "{}", answer.body);
    assert!(world.mail().await.is_empty());
    let [sender, controller] = world.keys([("desk", &["read", "send"]), ("boss", &["read", "control"])]).await;
    world.clock.advance(std::time::Duration::from_secs(11));
    assert_eq!(post(&world, message(), &[]).await.status, 401, "now one is needed");
    let answer = post(&world, message(), &[("authorization", &bearer(&sender))]).await;
    assert_ne!(answer.body["result"]["isError"], true, "{}", answer.body);
    assert_eq!((world.mail().await.len(), world.woken()), (1, 1));
    let pause = call("pause", json!({"agent": "editor"}));
    let answer = post(&world, &pause, &[("x-api-key", &sender)]).await;
    assert!(answer.body["result"]["content"][0]["text"].as_str().unwrap_or_default().contains("the key desk"));
    let answer = post(&world, &pause, &[("x-api-key", &controller)]).await;
    assert_eq!(answer.body["result"]["structuredContent"]["by"], "boss", "{}", answer.body);
    assert_eq!(world.woken(), 2);
}

#[tokio::test]
async fn what_is_no_request_of_the_protocol_is_refused() {
    let world = World::new(Access::Local).await;
    for method in ["GET", "DELETE", "PUT"] {
        let answer = world.ask(request(method, "/mcp", &[ACCEPT]).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.error().0, 405, "{method}");
    }
    let plain = request("POST", "/mcp", &[("content-type", "text/plain"), ACCEPT]).body(Body::from("{}")).unwrap();
    assert_eq!(world.ask(plain).await.error().0, 415);
    assert_eq!(post(&world, " ".repeat(MAX_BODY_BYTES + 1), &[]).await.error().0, 413);
    assert_eq!(post(&world, "{}", &[("host", "evil.example")]).await.error().0, 403);
    assert_eq!(post(&world, "{}", &[("origin", "https://evil.example")]).await.error().0, 403);
    let unknown = post(&world, ask("no/such", &json!({})), &[]).await;
    assert!(unknown.body["error"]["code"].is_number(), "{}", unknown.body);
    let tool = post(&world, call("no_such", json!({})), &[]).await;
    assert!(tool.body["error"]["message"].as_str().unwrap_or_default().contains("no_such"), "{}", tool.body);
}

#[tokio::test]
async fn a_function_answers_it_as_a_server_does() {
    let world = World::with(Settings::new(Access::Keys), Arc::new(InMemory::new())).await;
    let [key] = world.keys([("desk", &["read"])]).await;
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/mcp", "rawQueryString": "",
        "headers": {"content-type": "application/json", "accept": ACCEPT.1, "x-api-key": key},
        "requestContext": {"http": {"method": "POST", "path": "/mcp", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7",
            "userAgent": "agent"}, "stage": "$default", "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_i64},
        "body": call("list_agents", json!({})).to_string(), "isBase64Encoded": false,
    });
    let answer = lambda::answer(event, &world.router, "id").await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let body: Value = serde_json::from_str(answer["body"].as_str().expect("a body")).expect("json");
    assert!(
        body["result"]["structuredContent"]["agents"].as_array().is_some_and(|agents| !agents.is_empty()),
        "{body}"
    );
}
