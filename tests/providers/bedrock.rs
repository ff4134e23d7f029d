//! Amazon Bedrock `Converse`, signed.

use lemming::provider::CallErrorKind;
use serde_json::{Value, json};

use crate::peer::{Peer, Reply};
use crate::world::{KEY, open_with, request, second};

const NAME: &str = "anthropic.claude-3-5-haiku-20241022-v1:0";
const AWS: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    ("AWS_SESSION_TOKEN", "a-session-token"),
    ("AWS_REGION", "eu-central-1"),
];

fn model(peer: &Peer) -> Value {
    json!({"provider": "bedrock", "model_name": NAME, "base_url": peer.url})
}

/// Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
fn converse(content: &Value, stop_reason: &str) -> Reply {
    let body = json!({
        "metrics": {"latencyMs": 1175},
        "output": {"message": {"content": content, "role": "assistant"}},
        "stopReason": stop_reason,
        "usage": {"inputTokens": 30, "outputTokens": 628, "totalTokens": 1658,
            "cacheReadInputTokens": 900, "cacheWriteInputTokens": 100}
    });
    let id = ("x-amzn-RequestId", "5d1d9b5c-1b1a-4c55-a1a3-7f5b4d5a2a11".to_owned());
    Reply::Says(200, vec![id], body.to_string())
}

#[tokio::test]
async fn a_request_is_signed_and_its_answer_is_billed_with_its_cache() {
    let peer = Peer::answering([converse(&json!([{"text": "{\"notes\":\"hi\"}"}]), "end_turn")]).await;
    let provider = open_with(model(&peer), &AWS, None).await.expect("provider");
    let answer = provider.complete(&request(NAME)).await.expect("answer");
    assert_eq!(answer.text, "{\"notes\":\"hi\"}");
    let usage = answer.usage.expect("usage");
    assert_eq!((usage.input_tokens, usage.cached_input_tokens, usage.cache_write_input_tokens), (1030, 900, 100));
    assert_eq!(usage.output_tokens, 628);
    assert_eq!(answer.response_id.as_deref(), Some("5d1d9b5c-1b1a-4c55-a1a3-7f5b4d5a2a11"));
    let got = peer.only();
    assert_eq!(got.path, "/model/anthropic.claude-3-5-haiku-20241022-v1%3A0/converse");
    let signature = &got.headers["authorization"];
    assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{signature}");
    assert!(signature.contains("/eu-central-1/bedrock/aws4_request"), "{signature}");
    assert_eq!(got.headers["x-amz-security-token"], "a-session-token");
    assert!(got.headers.contains_key("x-amz-date") && got.headers.contains_key("x-amz-content-sha256"));
    assert_eq!(got.body["system"][0]["text"], "You are one agent of an organisation.");
    assert_eq!(got.body["inferenceConfig"], json!({"maxTokens": 500, "temperature": 0.5}));
    assert_eq!(got.body["toolConfig"]["tools"][0]["toolSpec"]["name"], "file_read");
}

#[tokio::test]
async fn a_tool_call_is_read_and_its_result_goes_back_under_its_id() {
    // Source: docs.aws.amazon.com/bedrock/latest/userguide/tool-use-examples.html
    let content = json!([{"text": "I'll look."},
        {"toolUse": {"toolUseId": "tooluse_kZJMlvQmRJ6eAyJE5GIl7Q", "name": "file_read", "input": {"path": "a.txt"}}}]);
    let peer = Peer::answering([converse(&content, "tool_use")]).await;
    let provider = open_with(model(&peer), &AWS, None).await.expect("provider");
    let answer = provider.complete(&second(NAME)).await.expect("answer");
    assert_eq!(answer.tool_calls[0].id.as_deref(), Some("tooluse_kZJMlvQmRJ6eAyJE5GIl7Q"));
    let messages = peer.only().body["messages"].clone();
    assert_eq!(messages[1]["content"][1]["toolUse"]["toolUseId"], "call_1");
    assert_eq!(messages[2]["content"][0]["toolResult"]["toolUseId"], "call_1");
    let roles: Vec<&str> = messages.as_array().expect("list").iter().filter_map(|m| m["role"].as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
}

#[tokio::test]
async fn a_key_of_bedrock_takes_the_signature_s_place() {
    let peer = Peer::answering([converse(&json!([{"text": "{}"}]), "end_turn")]).await;
    let mut model = model(&peer);
    model["key"] = "env:THE_KEY".into();
    let vars = [("THE_KEY", KEY), ("AWS_REGION", "eu-central-1")];
    open_with(model, &vars, None).await.expect("provider").complete(&request(NAME)).await.expect("answer");
    assert_eq!(peer.only().headers["authorization"], format!("Bearer {KEY}"));
}

#[tokio::test]
async fn the_shared_credentials_file_is_part_of_the_chain() {
    let peer = Peer::answering([converse(&json!([{"text": "{}"}]), "end_turn")]).await;
    let home = tempfile::tempdir().expect("folder");
    std::fs::create_dir(home.path().join(".aws")).expect("folder");
    let file = "[work]\naws_access_key_id = AKIDOFFILE\naws_secret_access_key = hunter2\n";
    std::fs::write(home.path().join(".aws/credentials"), file).expect("file");
    let vars =
        [("HOME", home.path().to_str().expect("path")), ("AWS_PROFILE", "work"), ("AWS_DEFAULT_REGION", "eu-west-1")];
    let provider = open_with(model(&peer), &vars, None).await.expect("provider");
    provider.complete(&request(NAME)).await.expect("answer");
    assert!(peer.only().headers["authorization"].contains("Credential=AKIDOFFILE/"));
}

#[tokio::test]
async fn errors_of_bedrock_have_their_kinds() {
    for (status, body, kind) in [
        (400, json!({"message": "Input is too long for requested model."}), CallErrorKind::ContextTooLong),
        (
            403,
            json!({"message": "The security token included in the request is invalid."}),
            CallErrorKind::Misconfigured,
        ),
        (429, json!({"message": "Too many requests, please wait before trying again."}), CallErrorKind::RateLimited),
        (503, json!({"message": "Bedrock is unable to process your request."}), CallErrorKind::Unanswered),
    ] {
        let peer = Peer::answering([Reply::status(status, &body)]).await;
        let provider = open_with(model(&peer), &AWS, None).await.expect("provider");
        assert_eq!(provider.complete(&request(NAME)).await.expect_err("error").kind, kind, "{status}");
    }
    let peer = Peer::answering([converse(&json!([]), "guardrail_intervened")]).await;
    let provider = open_with(model(&peer), &AWS, None).await.expect("provider");
    assert_eq!(provider.complete(&request(NAME)).await.expect_err("error").kind, CallErrorKind::Refused);
}
