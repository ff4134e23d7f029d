//! Anthropic messages.

use lemming::provider::{CallCost, CallErrorKind};
use serde_json::{Value, json};

use crate::peer::{Peer, Reply};
use crate::world::{KEY, ask, last, request, second};

const NAME: &str = "claude-sonnet-4-5";

fn model(peer: &Peer) -> Value {
    json!({"provider": "anthropic", "model_name": NAME, "base_url": format!("{}v1", peer.url), "key": "env:THE_KEY"})
}

/// Source: docs.claude.com/en/api/messages
fn message(content: &Value, stop_reason: &str) -> Value {
    json!({
        "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": {"input_tokens": 95, "cache_creation_input_tokens": 248, "cache_read_input_tokens": 1800,
            "cache_creation": {"ephemeral_5m_input_tokens": 248, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 503, "service_tier": "standard"}
    })
}

#[tokio::test]
async fn a_text_comes_with_what_was_cached_and_what_was_written_to_the_cache() {
    let content = json!([{"type": "text", "text": "{\"notes\":\"hi\"}"}]);
    let peer = Peer::answering([Reply::json(&message(&content, "end_turn"))]).await;
    let answer = ask(model(&peer), &request(NAME)).await.expect("answer");
    assert_eq!(answer.text, "{\"notes\":\"hi\"}");
    let usage = answer.usage.expect("usage");
    assert_eq!((usage.input_tokens, usage.cached_input_tokens), (95 + 248 + 1800, 1800));
    assert_eq!((usage.cache_write_input_tokens, usage.output_tokens), (248, 503));
    assert_eq!(answer.response_id.as_deref(), Some("msg_013Zva2CMHLNnXjNJJKqJ2EF"));
    assert_eq!(answer.reported_model.as_deref(), Some("claude-sonnet-4-5-20250929"));
}

#[tokio::test]
async fn the_request_holds_rules_tools_and_key_and_asks_to_cache_the_rules() {
    let content = json!([{"type": "text", "text": "{}"}]);
    let peer = Peer::answering([Reply::json(&message(&content, "end_turn"))]).await;
    let mut request = request(NAME);
    request.temperature = 1.5;
    let mut model = model(&peer);
    model["price"] = json!({"input": 3, "cached_input": 0.3, "cache_write_input": 3.75, "output": 15});
    ask(model, &request).await.expect("answer");
    let got = peer.only();
    assert_eq!(got.path, "/v1/messages");
    assert_eq!((got.headers["x-api-key"].as_str(), got.headers["anthropic-version"].as_str()), (KEY, "2023-06-01"));
    let system = &got.body["system"][0];
    assert_eq!(system["text"], "You are one agent of an organisation.");
    assert_eq!(system["cache_control"]["type"], "ephemeral");
    assert_eq!(got.body["tools"][0]["input_schema"]["required"], json!(["path"]));
    assert_eq!((&got.body["max_tokens"], &got.body["temperature"]), (&json!(500), &json!(1.0)));
}

#[tokio::test]
async fn nothing_is_written_to_a_cache_at_a_price_that_is_not_known() {
    let content = json!([{"type": "text", "text": "{}"}]);
    let peer = Peer::answering([Reply::json(&message(&content, "end_turn"))]).await;
    ask(model(&peer), &request(NAME)).await.expect("answer");
    assert!(!peer.only().body.to_string().contains("cache_control"));
}

#[tokio::test]
async fn a_tool_call_is_read_and_its_result_goes_back_under_its_id() {
    // Source: docs.claude.com/en/docs/agents-and-tools/tool-use/overview
    let content = json!([
        {"type": "text", "text": "I'll look."},
        {"type": "tool_use", "id": "toolu_01A09q90qw90lq917835lq9", "name": "file_read", "input": {"path": "a.txt"}}
    ]);
    let peer = Peer::answering([Reply::json(&message(&content, "tool_use"))]).await;
    let answer = ask(model(&peer), &second(NAME)).await.expect("answer");
    assert_eq!(answer.text, "I'll look.");
    assert_eq!(answer.tool_calls[0].id.as_deref(), Some("toolu_01A09q90qw90lq917835lq9"));
    assert_eq!(answer.tool_calls[0].arguments, json!({"path": "a.txt"}));
    let messages = peer.only().body["messages"].clone();
    assert_eq!(messages[1]["content"][1]["type"], "tool_use");
    assert_eq!(messages[2]["content"][0]["tool_use_id"], "call_1");
    assert_eq!(messages.as_array().expect("list").len(), 3, "{messages}");
}

#[tokio::test]
async fn the_last_call_shows_no_calls_of_tools_that_it_is_not_told_of() {
    let content = json!([{"type": "text", "text": "{}"}]);
    let peer = Peer::answering([Reply::json(&message(&content, "end_turn"))]).await;
    ask(model(&peer), &last(NAME)).await.expect("answer");
    let body = peer.only().body;
    assert!(body.get("tools").is_none());
    assert!(!body["messages"].to_string().contains("tool_use_id"), "{body}");
}

#[tokio::test]
async fn a_refusal_is_billed_and_a_full_window_is_named() {
    // Source: docs.claude.com/en/api/handling-stop-reasons
    for (stop_reason, kind) in
        [("refusal", CallErrorKind::Refused), ("model_context_window_exceeded", CallErrorKind::ContextTooLong)]
    {
        let content = json!([{"type": "text", "text": "I"}]);
        let peer = Peer::answering([Reply::json(&message(&content, stop_reason))]).await;
        let error = ask(model(&peer), &request(NAME)).await.expect_err(stop_reason);
        assert_eq!(error.kind, kind);
        assert!(matches!(error.cost, CallCost::Used(usage) if usage.output_tokens == 503));
    }
}

#[tokio::test]
async fn an_answer_without_numbers_stays_at_its_worst_case() {
    let mut reply = message(&json!([{"type": "text", "text": "{}"}]), "end_turn");
    reply["usage"].as_object_mut().expect("object").remove("input_tokens");
    let peer = Peer::answering([Reply::json(&reply)]).await;
    assert_eq!(ask(model(&peer), &request(NAME)).await.expect("answer").usage, None);
}
