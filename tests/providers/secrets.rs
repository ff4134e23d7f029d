//! A secret is planted wherever one may lie, the real program works with it, and everything that it
//! writes is searched.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::peer::{Peer, Reply};

/// What all planted secrets have in common.
const MARK: &str = "hunter2";

fn write(root: &Path, path: &str, value: &Value) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
    std::fs::write(path, serde_json::to_vec_pretty(value).expect("json")).expect("file");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

/// Runs the program with secrets in its environment, and searches what it says.
async fn run(org: &TempDir, keys: &TempDir, peer: &Peer, args: &[&str]) -> String {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(["--store", org.path().to_str().expect("path")]).args(args);
    command.env_clear().env("HOME", keys.path());
    command.env("THE_KEY", format!("sk-env-{MARK}")).env("OPENAI_API_KEY", format!("sk-usual-{MARK}"));
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", format!("aws-{MARK}"));
    // The most that a person can ask of the logs, dependencies by name.
    command.env("LEMMING_LOG", "trace,genai=trace,h2=trace,hyper=trace,hyper_util=trace,reqwest=trace");
    command.env("AWS_SESSION_TOKEN", format!("token-{MARK}")).env("AWS_REGION", "eu-west-1");
    command.env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &peer.url).env("AWS_ENDPOINT_URL_SSM", &peer.url);
    let output = command.output().await.expect("run");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains(MARK), "{args:?}: {said}");
    said
}

/// What a spiteful provider answers: the key that it was sent, in every place where it fits.
fn echoes() -> Vec<Reply> {
    let all = format!("sk-env-{MARK} sk-file-{MARK} aws-{MARK} token-{MARK}");
    let is_given =
        || json!({"SecretString": format!("sk-secret-{MARK}"), "Parameter": {"Value": format!("sk-{MARK}")}});
    [401, 403, 404, 400, 429, 500, 503, 200]
        .into_iter()
        .map(Reply::Echoes)
        .chain([
            // A secret that AWS gives out goes on to a provider that answers with the same.
            Reply::Says(200, vec![("X-Echo", all.clone())], is_given().to_string()),
            Reply::Says(200, Vec::new(), all.clone()),
            Reply::Says(307, vec![("Location", format!("http://127.0.0.1:9/?{MARK}"))], String::new()),
            Reply::CutOff(all),
            Reply::HangsUp,
        ])
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_secret_is_in_no_record_log_error_or_document() {
    for reply in echoes() {
        let peer = Peer::answering([reply]).await;
        let (org, keys) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        std::fs::write(keys.path().join("key"), format!("sk-file-{MARK}\n")).expect("file");
        write(org.path(), "org.json", &json!({"format": 1, "name": "Test"}));
        let file = format!("file:{}", keys.path().join("key").display());
        let mut models = serde_json::Map::new();
        for (name, provider, key) in [
            ("openai", "openai", Some("env:THE_KEY")),
            ("anthropic", "anthropic", Some(file.as_str())),
            ("gemini", "gemini", Some("env:THE_KEY")),
            ("ollama", "ollama", Some("env:THE_KEY")),
            ("bedrock", "bedrock", None),
            ("secret", "openai", Some("aws-secretsmanager:lemming")),
            ("parameter", "openai", Some("aws-ssm:/lemming")),
        ] {
            let mut model = json!({"provider": provider, "model_name": "m", "base_url": peer.url,
                "price": {"input": 1, "output": 1}, "context_tokens": 32_768});
            if let Some(key) = key {
                model["key"] = key.into();
            }
            models.insert(name.to_owned(), model);
            let resume = json!({"name": name, "title": "T", "short_description": "T.", "instructions": "T.",
                "model": {"key": name}, "permissions": {"read_outboxes": []}});
            write(org.path(), &format!("agents/{name}/resume.json"), &resume);
        }
        write(org.path(), "config/models.json", &Value::Object(models));
        let run = |args: &'static [&'static str]| run(&org, &keys, &peer, args);
        let said = run(&["-vv", "--log-format", "json", "tick", "--json"]).await;
        run(&["models", "test", "gemini"]).await;
        assert!(said.contains("failed"), "{said}");
        for args in [
            &["models", "--json"] as &'static [&'static str],
            &["models", "test", "openai"],
            &["models", "test", "bedrock", "--json"],
            &["models", "test", "secret", "--json"],
            &["validate", "--json"],
            &["status", "--json"],
            &["inspect", "anthropic", "--json"],
            &["logs"],
            &["credits", "export", "--json"],
        ] {
            run(args).await;
        }
        assert!(peer.got().len() > 7, "the models were called");
        for file in files(org.path()) {
            let bytes = std::fs::read(&file).expect("file");
            assert!(!String::from_utf8_lossy(&bytes).contains(MARK), "{}", file.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_a_person_wrote_into_the_models_goes_no_further() {
    let peer = Peer::answering([Reply::HangsUp]).await;
    for (field, value) in [
        ("key", format!("sk-{MARK}")),
        ("base_url", format!("http://user:{MARK}@127.0.0.1:1/")),
        ("base_url", format!("http://127.0.0.1:1/?key={MARK}")),
    ] {
        let (org, keys) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        write(org.path(), "org.json", &json!({"format": 1, "name": "Test"}));
        let mut model = json!({"provider": "openai", "model_name": "m", "price": {"input": 1, "output": 1}});
        model[field] = value.into();
        write(org.path(), "config/models.json", &json!({ "m": model }));
        let resume = json!({"name": "ada", "title": "T", "short_description": "T.", "instructions": "T.",
            "model": {"key": "m"}});
        write(org.path(), "agents/ada/resume.json", &resume);
        for args in [
            &["-vv", "tick", "--json"] as &[&str],
            &["tick"],
            &["validate", "--json"],
            &["validate"],
            &["models", "--json"],
            &["models", "test", "m"],
            &["models", "use", "ollama:x"],
            &["status", "--json"],
            &["credits", "--json"],
        ] {
            run(&org, &keys, &peer, args).await;
        }
        let is_models = |file: &Path| file.ends_with("config/models.json");
        for file in files(org.path()).into_iter().filter(|file| !is_models(file)) {
            let bytes = std::fs::read(&file).expect("file");
            assert!(!String::from_utf8_lossy(&bytes).contains(MARK), "{}", file.display());
        }
    }
}
