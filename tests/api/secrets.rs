//! No answer tells a secret: those of the environment that files name, and those of the API's own keys.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use lemming::api::limit::Rate;
use lemming::api::{Access, Settings};
use lemming::domain::ids::Sha;
use lemming::store::Store;
use lemming::template;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{World, bearer, hello, request};

/// What the organisation's files name, and what must be in no answer.
const PLANTED: [(&str, &str); 6] = [
    ("HOOK_SECRET", "whsec_cGxhbnRlZC1ob29rLXNlY3JldA=="),
    ("REPORTS_SECRET", "whsec_cGxhbnRlZC1yZXBvcnRzLXNlY3JldA=="),
    ("REPORTS_URL", "https://planted-address.example/very-secret-path"),
    ("MODEL_KEY", "sk-planted-model-key"),
    ("CRM_TOKEN", "planted-crm-token"),
    ("SEARCH_KEY", "planted-search-key"),
];

async fn world() -> World {
    let settings = Settings { rate: Rate { per_second: 1_000_000, burst: 1_000_000 }, ..Settings::new(Access::Keys) };
    let world = World::within(settings, Store::new(Arc::new(InMemory::new()), Path::from("org"), true), &PLANTED);
    for (key, text) in template::files(&template::Wishes::default()) {
        world.org.store.put(&key, text.into()).await.expect("written");
    }
    let mut org = world.json("org.json").await.expect("settings");
    org["hooks"] = json!({"shop": {"auth": {"style": "standard", "secret": "env:HOOK_SECRET"}, "to": ["editor"]}});
    org["deliver"] = json!([{"name": "reports", "match": {"to": ["human"]}, "to": {"webhook":
        {"url": "env:REPORTS_URL", "secret": "env:REPORTS_SECRET", "headers": {"Authorization": "Bearer env:CRM_TOKEN"}}}}]);
    world.write("org.json", &org).await;
    let mut models = world.json("config/models.json").await.expect("models");
    models["hosted"] =
        json!({"provider": "openai", "model_name": "x", "key": "env:MODEL_KEY", "price": {"input": 1, "output": 1}});
    world.write("config/models.json", &models).await;
    let http =
        json!({"method": "GET", "url": "https://crm.example/x", "headers": {"Authorization": "Bearer env:CRM_TOKEN"}});
    let tool =
        json!({"description": "Looks a customer up", "arguments": {"type": "object"}, "http": http, "effect": "none"});
    world.write("config/tools.json", &json!({"tools": {"crm": tool}})).await;
    world
}

#[tokio::test]
async fn no_answer_of_any_route_holds_a_secret() {
    let world = world().await;
    let [key, other] = world.keys([("watch", &["read"]), ("talk", &["send"])]).await;
    world.post(hello(), &[("x-api-key", &other)]).await;
    world.tick().await;
    let bearer = bearer(&key);
    let document = world.get("/api/openapi.json").await.body;
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        if item.get("get").is_none() {
            continue;
        }
        for name in ["editor", "watch", "shop", "crm"] {
            let parts = path.split('/').map(|part| match part.trim_matches(['{', '}', '*']) {
                "tick" if part.starts_with('{') => "1",
                "path" if part.starts_with('{') => "config/keys.json",
                "key" if part.starts_with('{') => "count",
                _ if part.starts_with('{') => name,
                _ => part,
            });
            let at = parts.collect::<Vec<_>>().join("/");
            let headers = [("authorization", bearer.as_str()), ("accept", "application/json")];
            let response =
                world.router.clone().oneshot(request("GET", &at, &headers).body(Body::empty()).unwrap()).await;
            let (parts, body) = response.expect("infallible").into_parts();
            let body = to_bytes(body, 64 * 1024 * 1024).await.expect("a body");
            let shown = format!("{:?}\n{}", parts.headers, String::from_utf8_lossy(&body));
            assert!(parts.status.as_u16() < 500, "{at}: {shown}");
            for secret in PLANTED.iter().map(|(_, secret)| *secret).chain([&key[10..], &other[10..]]) {
                assert!(!shown.contains(secret), "{at} tells {secret}: {shown}");
            }
            for key in [&key, &other] {
                assert!(!shown.contains(Sha::of(key.as_bytes()).as_str()), "{at} tells the hash of a key");
            }
            asked += 1;
        }
    }
    assert!(asked >= 4 * 5, "{asked}");
}

#[tokio::test]
async fn no_refusal_of_a_change_holds_a_secret() {
    let world = world().await;
    let file = world.text("config/models.json").await.expect("models");
    let [key] = world.keys([("edit", &["edit", "control"])]).await;
    let headers = [("x-api-key", key.as_str()), ("if-match", "*")];
    let mut models: Value = serde_json::from_str(&file).expect("json");
    models["hosted"]["price"] = json!("free");
    for (method, path, body) in [
        ("PUT", "/api/models", models),
        ("PUT", "/api/models?dry_run=true", json!({"hosted": {"provider": "openai", "key": "env:MODEL_KEY"}})),
        (
            "PUT",
            "/api/config?dry_run=true",
            json!({"format": 1, "hooks": {"shop": {"auth": {"secret": "env:HOOK_SECRET"}}}}),
        ),
        ("POST", "/api/deliveries/retry", json!({"rule": "HOOK_SECRET"})),
    ] {
        let answer = world.change(method, path, &body, &headers).await;
        let shown = answer.body.to_string();
        for secret in PLANTED.iter().map(|(_, secret)| *secret).chain([&key[10..]]) {
            assert!(!shown.contains(secret), "{method} {path} tells {secret}: {shown}");
        }
    }
}
