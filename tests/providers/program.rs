//! The real program, an organisation of one, and a model on the network.

use serde_json::{Value, json};

use crate::peer::{Peer, Reply};
use crate::world::KEY;

async fn lemming(folder: &std::path::Path, args: &[&str]) -> Value {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(["--store", folder.to_str().expect("path"), "--json"]).args(args);
    let output = command.env_clear().env("THE_KEY", KEY).output().await.expect("run");
    assert!(output.status.success(), "{args:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn write(root: &std::path::Path, path: &str, value: &Value) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
    std::fs::write(path, value.to_string()).expect("file");
}

fn completion(message: &Value, (input, cached, output): (u64, u64, u64)) -> Reply {
    Reply::json(&json!({"id": format!("chatcmpl-{input}"), "model": "gpt-4.1-mini-2025-04-14",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
            "prompt_tokens_details": {"cached_tokens": cached}}}))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_switches_to_a_model_uses_a_tool_answers_and_pays_what_it_was_billed() {
    let call = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "list_agents", "arguments": "{}"}}]});
    let says = json!({"outbox_entries": [{"kind": "message", "payload": {"text": "There are two of us."},
        "recipients": ["human"]}], "memory_updates": [{"key": "count", "value": 2}]});
    let text = json!({"role": "assistant", "content": says.to_string()});
    let slow = Reply::Says(429, vec![("Retry-After", "0".to_owned())], "{}".to_owned());
    let peer = Peer::answering([
        completion(&text, (20, 0, 5)),
        slow,
        completion(&call, (1_000, 0, 10)),
        completion(&text, (2_000, 1_000, 100)),
    ])
    .await;
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    let write = |path: &str, value: &Value| write(root, path, value);
    write("org.json", &json!({"format": 1, "name": "Test"}));
    write("config/models.json", &json!({}));
    let resume = json!({"name": "ada", "title": "T", "short_description": "T.", "instructions": "T.",
        "model": {"key": "none"}, "permissions": {"read_outboxes": [], "tools": ["list_agents"]}});
    write("agents/ada/resume.json", &resume);

    let url = format!("{}v1", peer.url);
    let switched =
        lemming(root, &["models", "use", "openai:gpt-4.1-mini", "--key", "env:THE_KEY", "--base-url", &url]).await;
    assert_eq!((&switched["model"], &switched["problem"]), (&json!("gpt-4.1-mini"), &Value::Null));
    let tried = lemming(root, &["models", "test", "gpt-4.1-mini"]).await;
    assert_eq!((&tried["usage"]["input_tokens"], &tried["cost_credits"]), (&json!(20), &json!(0.000_016)));

    lemming(root, &["tick"]).await;
    let got = peer.got();
    assert_eq!(got.len(), 4);
    assert_eq!(got[3].body["messages"][3]["tool_call_id"], "call_1", "results go back within the turn");
    let turn: Value =
        serde_json::from_slice(&std::fs::read(root.join("ticks/000000000001/turns/ada.json")).expect("turn"))
            .expect("json");
    assert_eq!(turn["status"], "ok", "{turn}");
    let receipt = &turn["exchanges"][1]["receipt"];
    assert_eq!(
        (&receipt["response_id"], &receipt["usage"]["cached_input_tokens"]),
        (&json!("chatcmpl-2000"), &json!(1000))
    );
    assert_eq!(receipt["reported_model"], "gpt-4.1-mini-2025-04-14");
    assert_eq!(turn["exchanges"][0]["receipt"]["attempts"], 2, "asked again after 429");
    assert!(receipt["price"]["as_of"].is_string());
    // 0.4 in, 0.1 cached, 1.6 out, per million.
    let ledger = lemming(root, &["credits", "export"]).await;
    let costs: Vec<&Value> = ledger["lines"].as_array().expect("lines").iter().map(|line| &line["cost"]).collect();
    assert_eq!(costs, [&json!(0.000_416), &json!(0.000_66), &Value::Null]);
    assert_eq!(ledger["lines"][2]["paid"], json!(0.001_076), "{ledger}");
    let inbox = lemming(root, &["inbox"]).await;
    assert!(inbox.to_string().contains("There are two of us."), "{inbox}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_organisation_on_a_compatible_server_works_and_its_accounts_say_what_was_billed() {
    let says = json!({"outbox_entries": [{"kind": "message", "payload": {"text": "Done."}, "recipients": ["human"]}]});
    let text = json!({"role": "assistant", "content": says.to_string()});
    let peer = Peer::answering([completion(&text, (1_000, 0, 100))]).await;
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    let url = format!("{}v1", peer.url);
    let new = ["bootstrap", "--model", "openai_compatible:served", "--base-url", &url, "--price", "1,2"];
    assert_eq!(lemming(root, &new).await["model"], "served");
    lemming(root, &["send", "editor", "Please write about lemmings."]).await;
    for _ in 0..6 {
        lemming(root, &["tick"]).await;
    }
    let got = peer.got();
    assert!(!got.is_empty() && got.iter().all(|got| got.body["model"] == "served"));
    let accounts = lemming(root, &["credits"]).await;
    let paid = accounts["agents"].as_array().expect("agents").iter().map(|agent| agent["paid"].as_f64().expect("paid"));
    let action = serde_json::from_slice::<Value>(&std::fs::read(root.join("org.json")).expect("file")).expect("json");
    let action = action.pointer("/credits/cost_per_action").and_then(Value::as_f64).unwrap_or(0.0);
    let billed = got.len() as f64 * (0.001_2 + action);
    assert!((paid.sum::<f64>() - billed).abs() < 1e-9, "{} calls: {accounts}", got.len());
    assert!(lemming(root, &["inbox"]).await.to_string().contains("Done."));
}

/// The program on a machine that trusts nobody, as an image without certificates is.
async fn without_certificates(store: &str, args: &[&str], env: &[(&str, &str)]) -> std::process::Output {
    let nothing = tempfile::tempdir().expect("folder");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(["--store", store]).args(args).env_clear().envs(env.iter().copied());
    command.env("SSL_CERT_FILE", nothing.path().join("none.pem")).env("SSL_CERT_DIR", nothing.path());
    command.output().await.expect("run")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_clear_needs_no_certificates() {
    let says = json!({"outbox_entries": [{"kind": "message", "payload": {"text": "Done."}, "recipients": ["human"]}]});
    let answer = json!({"model": "m", "created_at": "2026-11-26T12:00:00Z", "done": true, "done_reason": "stop",
        "message": {"role": "assistant", "content": says.to_string()}, "prompt_eval_count": 20, "eval_count": 5});
    let peer = Peer::answering([Reply::json(&answer)]).await;
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    let write = |path: &str, value: &Value| write(root, path, value);
    write("org.json", &json!({"format": 1, "name": "Test"}));
    let of = |url: &str| {
        json!({"m": {"provider": "ollama", "model_name": "m", "base_url": url, "context_tokens": 4096,
            "price": {"input": 0.1, "output": 0.1}}})
    };
    write("config/models.json", &of(&peer.url));
    let resume = json!({"name": "ada", "title": "T", "short_description": "T.", "instructions": "T.",
        "model": {"key": "m", "max_tokens": 100}});
    write("agents/ada/resume.json", &resume);
    let store = root.to_str().expect("path");
    let ticked = without_certificates(store, &["tick"], &[]).await;
    assert!(ticked.status.success(), "{ticked:?}");
    assert_eq!(peer.got().len(), 1, "{ticked:?}");

    // And one that needs them says so.
    write("config/models.json", &of("https://127.0.0.1:9/"));
    let failed = without_certificates(store, &["models", "test", "m"], &[]).await;
    let said = String::from_utf8_lossy(&failed.stderr).to_lowercase();
    assert!(!failed.status.success() && said.contains("certificate"), "{failed:?}");

    // A bucket is spoken to as well: this one says that it has nothing.
    let missing = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>".to_owned();
    let bucket = Peer::answering([Reply::Says(404, vec![], missing)]).await;
    let keys = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ENDPOINT", bucket.url.trim_end_matches('/')),
    ];
    let failed = without_certificates("s3://bucket/org", &["status"], &keys).await;
    let said = String::from_utf8_lossy(&failed.stderr).to_lowercase();
    assert!(!failed.status.success() && !said.contains("certificate"), "{failed:?}");
    assert!(!bucket.got().is_empty(), "{failed:?}");
}
