//! Ollama `/api/chat`.

use lemming::provider::{CallCost, CallErrorKind};
use serde_json::{Value, json};

use crate::peer::{Peer, Reply};
use crate::world::{ask, open, request, second};

fn model(peer: &Peer, config: Value) -> Value {
    json!({"provider": "ollama", "model_name": "llama3.2", "base_url": peer.url, "context_tokens": 4096,
        "provider_config": config})
}

/// Source: docs.ollama.com/api/chat
fn reply(message: &Value, done_reason: &str, read: u64, written: u64) -> Value {
    json!({
        "model": "llama3.2",
        "created_at": "2023-12-12T14:13:43.416799Z",
        "message": message,
        "done": true,
        "done_reason": done_reason,
        "total_duration": 5_191_566_416_u64,
        "load_duration": 2_154_458,
        "prompt_eval_count": read,
        "prompt_eval_duration": 383_809_000,
        "eval_count": written,
        "eval_duration": 4_799_921_000_u64
    })
}

fn says(text: &str) -> Value {
    json!({"role": "assistant", "content": text})
}

#[tokio::test]
async fn each_request_says_how_large_the_window_is_and_holds_the_contract() {
    let peer = Peer::answering([Reply::json(&reply(&says("{\"notes\":\"hi\"}"), "stop", 26, 298))]).await;
    let answer = ask(model(&peer, json!({})), &request("llama3.2")).await.expect("answer");
    assert_eq!(answer.text, "{\"notes\":\"hi\"}");
    let usage = answer.usage.expect("usage");
    assert_eq!((usage.input_tokens, usage.output_tokens), (26, 298));
    let got = peer.only();
    assert_eq!(got.path, "/api/chat");
    assert!(!got.headers.contains_key("authorization"));
    let body = &got.body;
    assert_eq!((&body["options"]["num_ctx"], &body["options"]["num_predict"]), (&json!(4096), &json!(500)));
    assert_eq!((&body["truncate"], &body["shift"], &body["stream"]), (&json!(false), &json!(false), &json!(false)));
    assert_eq!(body["messages"][0]["role"], "system");
    assert!(body["format"]["properties"]["outbox_entries"].is_object(), "{body}");
    assert!(body.get("tools").is_none(), "the contract's own calls, as `format` shuts out native ones");
}

#[tokio::test]
async fn native_tools_take_the_place_of_the_format() {
    let call = json!({"role": "assistant", "content": "",
        "tool_calls": [{"function": {"name": "file_read", "arguments": {"path": "a.txt"}}}]});
    let peer = Peer::answering([Reply::json(&reply(&call, "stop", 169, 15))]).await;
    let config = json!({"tool_calls": "native"});
    let answer = ask(model(&peer, config), &second("llama3.2")).await.expect("answer");
    assert_eq!(answer.tool_calls[0].tool, "file_read");
    assert_eq!(answer.tool_calls[0].arguments, json!({"path": "a.txt"}));
    let body = peer.only().body;
    assert!(body.get("format").is_none());
    assert_eq!(body["tools"][0]["function"]["name"], "file_read");
    assert_eq!(body["messages"][3]["tool_name"], "file_read");
}

#[tokio::test]
async fn an_answer_whose_numbers_show_that_something_was_dropped_is_none() {
    let mut long = request("llama3.2");
    long.messages[1].content = "A sentence of ten words is what you read here. ".repeat(100);
    for (case, request, said) in [
        (reply(&says("{}"), "stop", 4000, 96), request("llama3.2"), "fill the window"),
        (reply(&says("{"), "length", 3000, 200), request("llama3.2"), "edge of the window"),
        (reply(&says("{}"), "stop", 200, 5), long, "it dropped the rest"),
    ] {
        let peer = Peer::answering([Reply::json(&case)]).await;
        let error = ask(model(&peer, json!({})), &request).await.expect_err(said);
        assert_eq!(error.kind, CallErrorKind::ContextTooLong, "{error}");
        assert!(error.message.contains(said), "{error}");
        assert!(matches!(error.cost, CallCost::Used(_)));
    }
}

#[tokio::test]
async fn an_answer_cut_at_its_own_limit_is_an_answer() {
    let peer = Peer::answering([Reply::json(&reply(&says("{\"notes\":"), "length", 26, 500))]).await;
    let answer = ask(model(&peer, json!({})), &request("llama3.2")).await.expect("answer");
    assert_eq!(answer.text, "{\"notes\":");
}

#[tokio::test]
async fn a_prompt_that_newer_versions_refuse_is_too_long() {
    // Source: server/prompt.go of Ollama 0.12, with `truncate: false`.
    let body = json!({"error": "the input length exceeds the context length"});
    let peer = Peer::answering([Reply::status(400, &body)]).await;
    let error = ask(model(&peer, json!({})), &request("llama3.2")).await.expect_err("too long");
    assert_eq!(error.kind, CallErrorKind::ContextTooLong);
}

#[tokio::test]
async fn a_model_without_a_window_is_not_called() {
    let model = json!({"provider": "ollama", "model_name": "llama3.2"});
    let error = open(model).await.expect_err("no window");
    assert!(error.message.contains("set context_tokens"), "{error}");
}
