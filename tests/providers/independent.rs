//! The same against an implementation of the interfaces that others wrote: `make models`.

use lemming::provider::CallErrorKind;
use serde_json::{Value, json};

use crate::world::{ask, request, second};

/// One model of each wire format that it speaks.
fn models() -> Option<Vec<Value>> {
    let Ok(url) = std::env::var("LEMMING_TEST_AIMOCK_URL") else {
        println!("skipped: LEMMING_TEST_AIMOCK_URL is not set; `make models` sets it");
        return None;
    };
    let model = |provider: &str, name: &str, path: &str, config: Value| {
        json!({"provider": provider, "model_name": name, "base_url": format!("{url}{path}"), "key": "env:THE_KEY",
            "context_tokens": 4096, "provider_config": config})
    };
    Some(vec![
        model("openai", "gpt-4.1-mini", "v1/", json!({})),
        model("openai_resp", "gpt-5-mini", "v1/", json!({})),
        model("anthropic", "claude-sonnet-4-5", "v1/", json!({})),
        model("gemini", "gemini-2.5-flash", "v1beta/", json!({})),
        model("ollama", "llama3.2", "", json!({"tool_calls": "native"})),
        model("bedrock", "anthropic.claude-3-5-haiku-20241022-v1:0", "", json!({"region": "eu-west-1"})),
    ])
}

#[tokio::test]
async fn an_independent_server_understands_every_wire_format() {
    for model in models().into_iter().flatten() {
        let provider = model["provider"].clone();
        let name = model["model_name"].as_str().expect("name").to_owned();
        let answer = ask(model.clone(), &request(&name)).await.unwrap_or_else(|error| panic!("{provider}: {error}"));
        assert_eq!(answer.text, "{\"notes\":\"hi\"}", "{provider}");
        if provider == "openai" {
            let usage = answer.usage.expect("usage");
            assert_eq!((usage.input_tokens, usage.output_tokens), (100, 7));
            assert!(answer.response_id.is_some() && answer.reported_model.is_some());
        }
        let mut calling = request(&name);
        calling.messages[1].content = "Please look into the file.".to_owned();
        let answer = ask(model.clone(), &calling).await.unwrap_or_else(|error| panic!("{provider}: {error}"));
        assert_eq!(answer.tool_calls.len(), 1, "{provider}: {answer:?}");
        assert_eq!(answer.tool_calls[0].tool, "file_read", "{provider}");
        assert_eq!(answer.tool_calls[0].arguments, json!({"path": "a.txt"}), "{provider}");
        let answer = ask(model.clone(), &second(&name)).await.unwrap_or_else(|error| panic!("{provider}: {error}"));
        assert_eq!(answer.text, "{\"notes\":\"hi\"}", "{provider}: results go back");
        for (text, kind) in
            [("This is too many.", CallErrorKind::RateLimited), ("Now break down.", CallErrorKind::Unanswered)]
        {
            let mut failing = request(&name);
            failing.messages[1].content = text.to_owned();
            let error = ask(model.clone(), &failing).await.expect_err("an error");
            assert_eq!(error.kind, kind, "{provider}: {error}");
        }
    }
}
