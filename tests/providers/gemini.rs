//! Gemini `generateContent`.

use lemming::provider::CallErrorKind;
use serde_json::{Value, json};

use crate::peer::{Peer, Reply};
use crate::world::{KEY, ask, last, request, second};

const NAME: &str = "gemini-2.5-flash";

fn model(peer: &Peer) -> Value {
    json!({"provider": "gemini", "model_name": NAME, "base_url": format!("{}v1beta", peer.url), "key": "env:THE_KEY"})
}

/// Source: ai.google.dev/api/generate-content
fn content(parts: &Value) -> Value {
    json!({
        "candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 400, "cachedContentTokenCount": 300, "candidatesTokenCount": 20,
            "thoughtsTokenCount": 80, "totalTokenCount": 500},
        "modelVersion": "gemini-2.5-flash",
        "responseId": "mAitaLmkHPPlz7IPvtfUqQ4"
    })
}

#[tokio::test]
async fn thoughts_are_billed_as_part_of_the_answer() {
    let peer = Peer::answering([Reply::json(&content(&json!([{"text": "{\"notes\":\"hi\"}"}])))]).await;
    let answer = ask(model(&peer), &last(NAME)).await.expect("answer");
    assert_eq!(answer.text, "{\"notes\":\"hi\"}");
    let usage = answer.usage.expect("usage");
    assert_eq!((usage.input_tokens, usage.cached_input_tokens), (400, 300));
    assert_eq!((usage.output_tokens, usage.reasoning_output_tokens), (100, 80));
    assert_eq!(answer.response_id.as_deref(), Some("mAitaLmkHPPlz7IPvtfUqQ4"));
    assert_eq!(answer.reported_model.as_deref(), Some("gemini-2.5-flash"));
    let got = peer.only();
    assert_eq!(got.path, "/v1beta/models/gemini-2.5-flash:generateContent");
    assert_eq!(got.headers["x-goog-api-key"], KEY);
    assert_eq!(got.body["systemInstruction"]["parts"][0]["text"], "You are one agent of an organisation.");
    let config = &got.body["generationConfig"];
    assert_eq!((&config["maxOutputTokens"], &config["temperature"]), (&json!(500), &json!(0.5)));
    assert_eq!(config["responseMimeType"], "application/json");
    assert!(config["responseJsonSchema"]["properties"]["outbox_entries"].is_object());
}

#[tokio::test]
async fn a_tool_call_is_read_and_its_result_goes_back_by_name() {
    // Source: ai.google.dev/gemini-api/docs/function-calling
    let parts = json!([{"functionCall": {"name": "file_read", "args": {"path": "a.txt"}}}]);
    let peer = Peer::answering([Reply::json(&content(&parts))]).await;
    let answer = ask(model(&peer), &second(NAME)).await.expect("answer");
    assert_eq!(answer.tool_calls[0].tool, "file_read");
    assert_eq!(answer.tool_calls[0].arguments, json!({"path": "a.txt"}));
    let body = peer.only().body;
    assert_eq!(body["tools"][0]["functionDeclarations"][0]["name"], "file_read");
    assert!(body["generationConfig"].get("responseJsonSchema").is_none(), "not beside tools");
    let contents = body["contents"].to_string();
    assert!(contents.contains("functionResponse") && contents.contains("file_read"), "{contents}");
}

#[tokio::test]
async fn a_blocked_prompt_is_refused() {
    // Source: ai.google.dev/api/generate-content#PromptFeedback
    let blocked = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8}, "modelVersion": "gemini-2.5-flash"});
    let peer = Peer::answering([Reply::json(&blocked)]).await;
    let error = ask(model(&peer), &request(NAME)).await.expect_err("blocked");
    assert_eq!(error.kind, CallErrorKind::Refused, "{error}");
    assert!(error.message.contains("PROHIBITED_CONTENT"), "{error}");
}

#[tokio::test]
async fn an_answer_stopped_for_safety_is_refused() {
    let mut reply = content(&json!([{"text": "I"}]));
    reply["candidates"][0]["finishReason"] = "SAFETY".into();
    let peer = Peer::answering([Reply::json(&reply)]).await;
    assert_eq!(ask(model(&peer), &request(NAME)).await.expect_err("stopped").kind, CallErrorKind::Refused);
}
