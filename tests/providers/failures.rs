//! What goes wrong on the way, the same for every wire format.

use std::time::Duration;

use lemming::provider::{CallCost, CallErrorKind};
use serde_json::{Value, json};

use crate::peer::{Peer, Reply};
use crate::world::{KEY, ask, open, request};

/// One model of each wire format.
fn models(url: &str) -> Vec<Value> {
    let model = |provider: &str| {
        json!({"provider": provider, "model_name": "m", "base_url": url, "key": "env:THE_KEY", "context_tokens": 4096,
            "provider_config": if provider == "bedrock" { json!({"region": "eu-west-1"}) } else { json!({}) }})
    };
    ["openai", "anthropic", "gemini", "ollama", "bedrock", "openai_resp"].map(model).to_vec()
}

/// How each wire format answers, and what must come of it.
async fn check(reply: Reply, kind: CallErrorKind, cost: CallCost, said: &str) {
    let peer = Peer::answering([reply]).await;
    for model in models(&peer.url) {
        let provider = model["provider"].clone();
        let error = ask(model, &request("m")).await.expect_err("an error");
        assert_eq!((error.kind, error.cost), (kind, cost), "{provider}: {error}");
        assert!(error.message.contains(said), "{provider}: {error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{provider}: {error:?}");
    }
}

#[tokio::test]
async fn too_many_requests_say_when_to_come_back() {
    let body = json!({"error": {"type": "rate_limit_error", "message": "Slow down."}}).to_string();
    let peer = Peer::answering([Reply::Says(429, vec![("Retry-After", "7".to_owned())], body)]).await;
    for model in models(&peer.url) {
        let error = ask(model, &request("m")).await.expect_err("an error");
        assert_eq!((error.kind, error.cost), (CallErrorKind::RateLimited, CallCost::Nothing), "{error}");
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    }
}

#[tokio::test]
async fn an_error_of_the_provider_may_have_cost_something() {
    let reply = Reply::status(500, &json!({"error": {"message": format!("The key {KEY} broke us")}}));
    check(reply, CallErrorKind::Unanswered, CallCost::Unknown, "HTTP 500: The key [redacted] broke us").await;
}

#[tokio::test]
async fn an_error_of_the_provider_about_length_may_have_cost_something_too() {
    let reply = Reply::status(500, &json!({"error": {"message": "the context length was exceeded"}}));
    check(reply, CallErrorKind::ContextTooLong, CallCost::Unknown, "HTTP 500").await;
}

#[tokio::test]
async fn a_wait_in_the_body_is_read_where_no_header_says_it() {
    // Source: cloud.google.com/apis/design/errors, RetryInfo; as Gemini answers 429.
    let body = json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Please retry.", "details": [
        {"@type": "type.googleapis.com/google.rpc.Help"},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "6.5s"}]}});
    let peer = Peer::answering([Reply::status(429, &body)]).await;
    for model in models(&peer.url) {
        let error = ask(model, &request("m")).await.expect_err("an error");
        assert_eq!(error.retry_after, Some(Duration::from_millis(6500)), "{error}");
    }
}

#[tokio::test]
async fn numbers_of_tokens_that_nobody_can_have_used_are_none() {
    let huge = u64::MAX;
    let usage = json!({"inputTokens": huge, "outputTokens": huge, "cacheReadInputTokens": huge});
    for (provider, answer) in [
        (
            "ollama",
            json!({"message": {"role": "assistant", "content": "{}"}, "done": true, "done_reason": "stop",
            "prompt_eval_count": huge, "eval_count": huge}),
        ),
        (
            "bedrock",
            json!({"output": {"message": {"content": [{"text": "{}"}]}}, "stopReason": "end_turn", "usage": usage}),
        ),
        (
            "gemini",
            json!({"candidates": [{"content": {"parts": [{"text": "{}"}], "role": "model"}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": huge, "toolUsePromptTokenCount": huge, "candidatesTokenCount": huge,
            "thoughtsTokenCount": huge}}),
        ),
    ] {
        let peer = Peer::answering([Reply::json(&answer)]).await;
        let model = models(&peer.url).into_iter().find(|model| model["provider"] == provider).expect("model");
        match ask(model, &request("m")).await {
            Ok(answer) => assert_eq!(answer.usage, None, "{provider}"),
            Err(error) => assert_eq!(error.cost, CallCost::Unknown, "{provider}: {error}"),
        }
    }
}

#[tokio::test]
async fn an_answer_that_thought_until_the_end_blames_no_mail() {
    for (provider, answer) in [
        (
            "ollama",
            json!({"message": {"role": "assistant", "content": "", "thinking": "Hm."}, "done": true,
            "done_reason": "length", "prompt_eval_count": 20, "eval_count": 500}),
        ),
        (
            "bedrock",
            json!({"output": {"message": {"content": []}}, "stopReason": "max_tokens",
            "usage": {"inputTokens": 20, "outputTokens": 500}}),
        ),
        (
            "anthropic",
            json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "max_tokens",
            "content": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}],
            "usage": {"input_tokens": 20, "output_tokens": 500}}),
        ),
    ] {
        let peer = Peer::answering([Reply::json(&answer)]).await;
        let model = models(&peer.url).into_iter().find(|model| model["provider"] == provider).expect("model");
        let error = ask(model, &request("m")).await.expect_err("nothing said");
        assert_eq!(error.kind, CallErrorKind::Misconfigured, "{provider}: {error}");
        assert!(error.message.contains("raise max_tokens"), "{provider}: {error}");
        assert!(matches!(error.cost, CallCost::Used(usage) if usage.output_tokens == 500), "{provider}: {error:?}");
    }
}

#[tokio::test]
async fn what_raises_the_bill_past_the_worst_case_is_no_extra() {
    for (provider, extra) in [
        ("openai", json!({"max_tokens": 100_000})),
        ("openai", json!({"max_completion_tokens": 100_000})),
        ("openai", json!({"n": 4})),
        ("openai_resp", json!({"max_output_tokens": 100_000})),
        ("anthropic", json!({"max_tokens": 100_000})),
        ("anthropic", json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]})),
        ("gemini", json!({"generationConfig": {"topK": 3}})),
        ("bedrock", json!({"max_tokens": 100_000})),
    ] {
        let mut model = models("http://127.0.0.1:9/").into_iter().find(|m| m["provider"] == provider).expect("model");
        model["provider_config"]["extra_body"] = extra.clone();
        let error = open(model.clone()).await.expect_err("refused");
        assert!(error.message.contains("extra_body"), "{provider} {extra}: {error}");
        model["provider_config"]["extra_body"] = json!({"top_p": 0.9});
        open(model).await.expect("harmless");
    }
}

#[tokio::test]
async fn a_key_that_is_not_accepted_is_not_repeated() {
    let reply = Reply::status(401, &json!({"error": {"message": format!("Incorrect API key provided: {KEY}")}}));
    check(reply, CallErrorKind::Misconfigured, CallCost::Nothing, "does not accept the key").await;
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_none() {
    let reply = Reply::CutOff("{\"choices\": [".to_owned());
    check(reply, CallErrorKind::Unanswered, CallCost::Unknown, "the connection to the provider broke").await;
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_none() {
    let reply = Reply::Says(200, Vec::new(), format!("<html>{KEY}"));
    check(reply, CallErrorKind::Unanswered, CallCost::Unknown, "is not JSON").await;
}

#[tokio::test]
async fn an_answer_of_another_shape_is_none() {
    for shape in [json!({"hello": KEY}), json!([1, 2]), json!(null)] {
        check(Reply::json(&shape), CallErrorKind::Unanswered, CallCost::Unknown, "the provider's answer").await;
    }
}

#[tokio::test]
async fn a_peer_that_hangs_up_may_have_cost_something() {
    check(Reply::HangsUp, CallErrorKind::Unanswered, CallCost::Unknown, "the connection to the provider broke").await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let elsewhere = Peer::answering([Reply::json(&json!({}))]).await;
    let reply = Reply::Says(307, vec![("Location", elsewhere.url.clone())], String::new());
    check(reply, CallErrorKind::Misconfigured, CallCost::Nothing, "HTTP 307").await;
    assert!(elsewhere.got().is_empty());
}

#[tokio::test]
async fn nobody_there_costs_nothing_and_may_help_later() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port");
    let url = format!("http://{}/", listener.local_addr().expect("address"));
    drop(listener);
    for model in models(&url) {
        let error = ask(model, &request("m")).await.expect_err("an error");
        assert_eq!((error.kind, error.cost), (CallErrorKind::Unanswered, CallCost::Nothing), "{error}");
        assert!(error.message.contains("cannot connect"), "{error}");
    }
}

#[tokio::test]
async fn a_call_to_a_silent_peer_ends_when_it_is_dropped() {
    let peer = Peer::answering([Reply::Never]).await;
    for model in models(&peer.url) {
        let provider = open(model).await.expect("provider");
        let request = request("m");
        let before = peer.got().len();
        let mut call = provider.complete(&request);
        // Until the peer has it; then nobody waits any longer.
        while peer.got().len() == before {
            assert!(futures::poll!(&mut call).is_pending());
            tokio::task::yield_now().await;
        }
        drop(call);
    }
}
