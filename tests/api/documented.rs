//! The OpenAPI document and the routes: each is what the other says.

use axum::http::StatusCode;
use lemming::api::Access;
use serde_json::{Map, Value, json};

use super::worked::{Raw, raw, worked};
use super::world::World;

/// What stands for the parts of paths, and for parameters that must be given.
const PARTS: [(&str, &str); 6] = [
    ("{name}", "editor"),
    ("{tick}", "1"),
    ("{key}", "questions"),
    ("{path}", "terms.md"),
    ("{id}", "0000"),
    ("{org}", "default"),
];

/// Routes that answer as long as somebody listens, or that no client of JSON asks.
const ELSEWHERE: [&str; 4] = ["/api/events", "/api/ws", "/ws", "/metrics"];

/// The routes that only look.
fn looks(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let looks = paths.iter().filter(|(path, item)| item.get("get").is_some() && !ELSEWHERE.contains(&path.as_str()));
    looks.map(|(path, item)| (path.clone(), item["get"].clone())).collect()
}

/// A path with values for its parts and for the parameters that must be given.
async fn filled(world: &World, path: &str, operation: &Value) -> String {
    let mut filled = path.to_owned();
    if path.starts_with("/api/threads/") {
        let thread = world.get("/api/threads").await.body["threads"][0]["id"].as_str().unwrap().to_owned();
        filled = filled.replace("{id}", &thread);
    }
    if path.starts_with("/api/templates/") {
        filled = filled.replace("{name}", "brief_desk");
    }
    if path.starts_with("/api/agents/{name}/files/") {
        filled = filled.replace("{path}", "notes/plan.html");
    }
    if path.ends_with("/memory/{key}") {
        let memory = world.get("/api/agents/editor/memory").await.body;
        filled = filled.replace("{key}", memory["memory"][0]["key"].as_str().expect("a memory"));
    }
    for (part, value) in PARTS {
        filled = filled.replace(part, value);
    }
    let none = Vec::new();
    let parameters = operation["parameters"].as_array().unwrap_or(&none);
    let needed = parameters.iter().filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
    let needed: Vec<String> =
        needed.map(|parameter| format!("{}=storage", parameter["name"].as_str().unwrap())).collect();
    if needed.is_empty() { filled } else { format!("{filled}?{}", needed.join("&")) }
}

/// What is wrong with an answer by the document.
fn wrong(document: &Value, operation: &Value, answer: &Raw) -> Option<String> {
    let said = &operation["responses"][answer.status.as_str()];
    if said.is_null() {
        return Some(format!("{} is not documented: {}", answer.status, answer.text()));
    }
    if answer.status == StatusCode::NOT_MODIFIED {
        return None;
    }
    let kind = answer.header("content-type").split(';').next().unwrap_or_default();
    let content = &said["content"][kind];
    if content.is_null() {
        return Some(format!("{kind} is not documented"));
    }
    if kind != "application/json" {
        return None;
    }
    let mut schema: Map<String, Value> = content["schema"].as_object().cloned().unwrap_or_default();
    schema.insert("components".to_owned(), document["components"].clone());
    let validator = jsonschema::validator_for(&Value::Object(schema)).expect("a schema");
    let body = answer.json();
    let errors: Vec<String> =
        validator.iter_errors(&body).take(3).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    (!errors.is_empty()).then(|| errors.join("; "))
}

#[tokio::test]
async fn every_documented_look_answers_what_is_documented() {
    let world = worked(Access::Local).await;
    let document = world.get("/api/openapi.json").await.body;
    let looks = looks(&document);
    assert!(looks.len() >= 40, "{}", looks.len());
    let mut found = Vec::new();
    for (path, operation) in looks {
        let path = filled(&world, &path, &operation).await;
        let parameters = operation["parameters"].to_string();
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut asked = vec![path.clone(), format!("{path}{joint}nonsense=1")];
        asked.extend(parameters.contains("\"at\"").then(|| format!("{path}{joint}at=2")));
        asked.extend(parameters.contains("\"limit\"").then(|| format!("{path}{joint}limit=0")));
        for path in asked {
            let answer = raw(&world, &path, &[]).await;
            found.extend(wrong(&document, &operation, &answer).map(|wrong| format!("{path}: {wrong}")));
        }
        let answer = raw(&world, &path, &[]).await;
        let is_there = answer.status == StatusCode::OK || path.starts_with("/api/approvals/");
        assert!(is_there, "{path}: {} {}", answer.status, answer.text());
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn every_route_is_in_the_document() {
    let world = World::new(Access::Local).await;
    let document = world.get("/api/openapi.json").await.body;
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/api/agents",
        "/api/agents/{name}",
        "/api/agents/{name}/credits",
        "/api/agents/{name}/files",
        "/api/agents/{name}/files/{path}",
        "/api/agents/{name}/inbox",
        "/api/agents/{name}/logs",
        "/api/agents/{name}/memory",
        "/api/agents/{name}/memory-archive",
        "/api/agents/{name}/memory/{key}",
        "/api/agents/{name}/resume",
        "/api/agents/{name}/turns",
        "/api/agents/{name}/why",
        "/api/approvals",
        "/api/approvals/{id}",
        "/api/config",
        "/api/credits",
        "/api/credits/ledger",
        "/api/deliveries",
        "/api/diff",
        "/api/engine/config",
        "/api/ingress",
        "/api/messages",
        "/api/models",
        "/api/org-graph",
        "/api/problems",
        "/api/search",
        "/api/shared/files",
        "/api/shared/files/{path}",
        "/api/spend",
        "/api/status",
        "/api/templates",
        "/api/templates/{name}",
        "/api/threads",
        "/api/threads/{id}",
        "/api/ticks",
        "/api/ticks/next",
        "/api/ticks/{tick}",
        "/api/ticks/{tick}/turns/{name}",
        "/api/tools",
    ] {
        let operation = &paths.get(path).unwrap_or_else(|| panic!("{path} is not in the document"))["get"];
        assert_eq!(operation["tags"], json!(["look"]), "{path}");
        assert!(operation["summary"].as_str().is_some_and(|summary| summary.len() > 8), "{path}");
        assert_eq!(operation["security"], json!([{"key": ["read"]}]), "{path}");
        assert!(operation["responses"]["304"].is_object(), "{path}");
    }
    let names: Vec<&str> = paths.keys().map(String::as_str).collect();
    assert!(names.iter().all(|path| !path.contains('*')), "{names:?}");
}

#[tokio::test]
async fn the_reference_page_is_there_for_everybody() {
    let world = World::new(Access::Keys).await;
    let page = raw(&world, "/api/docs", &[]).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; script-src 'self'"));
    for file in page.text().split("\"../").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert_eq!(raw(&world, &format!("/{file}"), &[]).await.status, 200, "{file}");
    }
    assert_eq!(raw(&world, "/api/openapi.json", &[]).await.status, 200);
}

#[tokio::test]
async fn no_two_operations_have_one_name() {
    let world = World::new(Access::Local).await;
    let document = world.get("/api/openapi.json").await.body;
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.values().flat_map(|item| item.as_object().expect("an item").values());
    let mut names: Vec<&str> = operations
        .filter_map(|operation| operation.get("operationId"))
        .map(|id| id.as_str().expect("a name"))
        .collect();
    let all = names.len();
    assert!(all > 60, "{all}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
