//! OpenAI chat completions, and what speaks like them.

use lemming::provider::{CallCost, CallErrorKind};
use serde_json::{Value, json};

use crate::peer::{Peer, Reply};
use crate::world::{KEY, ask, last, request, second};

fn model(peer: &Peer) -> Value {
    json!({"provider": "openai", "model_name": "gpt-4.1-mini", "base_url": format!("{}v1", peer.url), "key": "env:THE_KEY"})
}

/// Source: platform.openai.com/docs/api-reference/chat/object
fn completion(message: &Value, finish_reason: &str) -> Value {
    json!({
        "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG",
        "object": "chat.completion",
        "created": 1_741_570_283,
        "model": "gpt-4.1-mini-2025-04-14",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": 1117,
            "completion_tokens": 46,
            "total_tokens": 1163,
            "prompt_tokens_details": {"cached_tokens": 1000, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 12, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}
        },
        "service_tier": "default",
        "system_fingerprint": "fp_fc9f1d7035"
    })
}

fn text(text: &str) -> Value {
    json!({"role": "assistant", "content": text, "refusal": null, "annotations": []})
}

#[tokio::test]
async fn a_text_comes_with_its_tokens_by_class_its_id_and_its_model() {
    let peer = Peer::answering([Reply::json(&completion(&text("{\"notes\":\"hi\"}"), "stop"))]).await;
    let answer = ask(model(&peer), &request("gpt-4.1-mini")).await.expect("answer");
    assert_eq!(answer.text, "{\"notes\":\"hi\"}");
    let usage = answer.usage.expect("usage");
    assert_eq!((usage.input_tokens, usage.cached_input_tokens), (1117, 1000));
    assert_eq!((usage.output_tokens, usage.reasoning_output_tokens), (46, 12));
    assert_eq!(answer.response_id.as_deref(), Some("chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG"));
    assert_eq!(answer.reported_model.as_deref(), Some("gpt-4.1-mini-2025-04-14"));
}

#[tokio::test]
async fn the_request_holds_rules_tools_schema_and_key() {
    let peer = Peer::answering([Reply::json(&completion(&text("{}"), "stop"))]).await;
    ask(model(&peer), &request("gpt-4.1-mini")).await.expect("answer");
    let got = peer.only();
    assert_eq!(got.path, "/v1/chat/completions");
    assert_eq!(got.headers["authorization"], format!("Bearer {KEY}"));
    let body = &got.body;
    assert_eq!(body["model"], "gpt-4.1-mini");
    assert_eq!(body["messages"][0], json!({"role": "system", "content": "You are one agent of an organisation."}));
    assert_eq!((&body["max_tokens"], &body["temperature"]), (&json!(500), &json!(0.5)));
    assert_eq!(body["tools"][0]["function"]["name"], "file_read");
    assert_eq!(body["tools"][0]["function"]["parameters"]["required"], json!(["path"]));
    let schema = &body["response_format"]["json_schema"];
    assert_eq!((&body["response_format"]["type"], &schema["strict"]), (&json!("json_schema"), &json!(false)));
    assert!(schema["schema"]["properties"]["outbox_entries"].is_object());
}

#[tokio::test]
async fn a_tool_call_is_read_and_its_result_goes_back_under_its_id() {
    // Source: platform.openai.com/docs/guides/function-calling
    let call = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "call_12345xyz", "type": "function",
            "function": {"name": "file_read", "arguments": "{\"path\":\"a.txt\"}"}}]});
    let peer = Peer::answering([Reply::json(&completion(&call, "tool_calls"))]).await;
    let answer = ask(model(&peer), &second("gpt-4.1-mini")).await.expect("answer");
    assert_eq!(answer.text, "");
    assert_eq!(answer.tool_calls[0].id.as_deref(), Some("call_12345xyz"));
    assert_eq!(answer.tool_calls[0].arguments, json!({"path": "a.txt"}));
    let messages = peer.only().body["messages"].clone();
    assert_eq!(messages[2]["tool_calls"][0]["id"], "call_1");
    assert_eq!((&messages[3]["role"], &messages[3]["tool_call_id"]), (&json!("tool"), &json!("call_1")));
    assert_eq!(messages.as_array().expect("list").len(), 4, "nothing is said twice: {messages}");
}

#[tokio::test]
async fn the_last_call_has_neither_tools_nor_native_calls_in_its_past() {
    let peer = Peer::answering([Reply::json(&completion(&text("{}"), "stop"))]).await;
    ask(model(&peer), &last("gpt-4.1-mini")).await.expect("answer");
    let body = peer.only().body;
    assert!(body.get("tools").is_none());
    assert!(!body["messages"].to_string().contains("tool_call_id"), "{body}");
    assert!(body["messages"][2]["content"].as_str().expect("text").contains("tool_calls"));
}

#[tokio::test]
async fn a_model_that_thinks_gets_no_temperature_and_its_own_limit() {
    let peer = Peer::answering([Reply::json(&completion(&text("{}"), "stop"))]).await;
    let mut model = model(&peer);
    model["model_name"] = "gpt-5-mini".into();
    ask(model, &request("gpt-5-mini")).await.expect("answer");
    let body = peer.only().body;
    assert!(body.get("temperature").is_none() && body.get("max_tokens").is_none(), "{body}");
    assert_eq!(body["max_completion_tokens"], 500);
}

#[tokio::test]
async fn the_name_of_a_model_is_sent_whole() {
    let peer = Peer::answering([Reply::json(&completion(&text("{}"), "stop"))]).await;
    let model = json!({"provider": "openai_compatible", "model_name": "qwen-max", "base_url": peer.url});
    ask(model, &request("qwen-max")).await.expect("answer");
    let got = peer.only();
    assert_eq!((&got.body["model"], got.body.get("reasoning_effort")), (&json!("qwen-max"), None));
    assert_eq!(got.headers["authorization"], "Bearer none", "no key but the one that the model names");
}

#[tokio::test]
async fn azure_gets_its_own_header_and_version() {
    // Source: learn.microsoft.com/azure/ai-services/openai/reference
    let peer = Peer::answering([Reply::json(&completion(&text("{}"), "stop"))]).await;
    let base = format!("{}openai/deployments/d/?api-version=2024-10-21", peer.url);
    let model = json!({"provider": "azure", "model_name": "gpt-4.1-mini", "base_url": base, "key": "env:THE_KEY"});
    ask(model, &request("gpt-4.1-mini")).await.expect("answer");
    let got = peer.only();
    assert_eq!(got.path, "/openai/deployments/d/chat/completions?api-version=2024-10-21");
    assert_eq!(got.headers["api-key"], KEY);
}

#[tokio::test]
async fn a_refusal_and_a_filtered_answer_are_refused_and_billed() {
    // Source: platform.openai.com/docs/guides/structured-outputs#refusals
    let refusal = json!({"role": "assistant", "content": null, "refusal": "I'm sorry, I cannot assist with that."});
    for reply in [completion(&refusal, "stop"), completion(&text(""), "content_filter")] {
        let peer = Peer::answering([Reply::json(&reply)]).await;
        let error = ask(model(&peer), &request("gpt-4.1-mini")).await.expect_err("refused");
        assert_eq!(error.kind, CallErrorKind::Refused);
        assert!(matches!(error.cost, CallCost::Used(usage) if usage.output_tokens == 46), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_thought_until_the_end_says_what_to_raise() {
    let peer = Peer::answering([Reply::json(&completion(&text(""), "length"))]).await;
    let error = ask(model(&peer), &request("gpt-4.1-mini")).await.expect_err("nothing said");
    assert_eq!(error.kind, CallErrorKind::Misconfigured);
    assert!(error.message.contains("raise max_tokens"), "{error}");
    assert!(matches!(error.cost, CallCost::Used(_)));
}

#[tokio::test]
async fn an_answer_without_numbers_stays_at_its_worst_case() {
    let mut reply = completion(&text("{}"), "stop");
    reply.as_object_mut().expect("object").remove("usage");
    let peer = Peer::answering([Reply::json(&reply)]).await;
    let answer = ask(model(&peer), &request("gpt-4.1-mini")).await.expect("answer");
    assert_eq!(answer.usage, None);
}
