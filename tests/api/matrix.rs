//! Every route of the API's document against every key: refused exactly where it should be.
//!
//! The routes are those of the document itself, so that a new one is asked, too; one that changes something is named here with
//! the scope that it must need.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use lemming::api::keys::{hash, new_key};
use lemming::api::limit::Rate;
use lemming::api::place::{self, Wakers};
use lemming::api::wake::{Elsewhere, Waker};
use lemming::api::{Access, ApiState, Settings, router};
use lemming::clock::SystemEntropy;
use lemming::config::Environment;
use lemming::runner::compose::{Org, open};
use lemming::store::Key;
use lemming::template;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{World, bearer, request};

/// What changes something, and what it needs.
const CHANGING: [(&str, &str, &str); 21] = [
    ("post", "/api/messages", "send"),
    ("post", "/api/agents/{name}/credits", "control"),
    ("post", "/api/credits", "control"),
    ("put", "/api/agents/{name}/paused", "control"),
    ("put", "/api/paused", "control"),
    ("put", "/api/agents/{name}/memory/{key}", "control"),
    ("delete", "/api/agents/{name}/memory/{key}", "control"),
    ("post", "/api/agents/{name}/memory/{key}/archive", "control"),
    ("post", "/api/agents/{name}/files/restore", "control"),
    ("post", "/api/shared/files/restore", "control"),
    ("post", "/api/approvals/{id}", "control"),
    ("post", "/api/deliveries/retry", "control"),
    ("post", "/api/engine/tick", "control"),
    ("post", "/api/agents", "edit"),
    ("post", "/api/agents/clone", "edit"),
    ("delete", "/api/agents/{name}", "edit"),
    ("post", "/api/agents/{name}/restore", "edit"),
    ("put", "/api/agents/{name}/enabled", "edit"),
    ("put", "/api/agents/{name}/resume", "edit"),
    ("put", "/api/config", "edit"),
    ("put", "/api/models", "edit"),
];

/// The same, whose body is not of the same kind in each direction: settings by their old names.
const ALSO_CHANGING: [(&str, &str, &str); 1] = [("post", "/api/engine/config", "edit")];

/// What nobody needs a key for: probes, documents, and what checks who asks by itself.
const OPEN: [&str; 8] = [
    "/api/health",
    "/api/ready",
    "/api/openapi.json",
    "/api/docs",
    "/api/hooks/{name}",
    "/livez",
    "/readyz",
    "/metrics",
];

/// The name of a key, its role, its scopes, and what that lets it do.
type Holder = (&'static str, Option<&'static str>, &'static [&'static str], &'static [&'static str]);

/// Keys, and what they may.
const HOLDERS: [Holder; 8] = [
    ("viewer", Some("viewer"), &[], &["read"]),
    ("operator", Some("operator"), &[], &["read", "send", "control"]),
    ("admin", Some("admin"), &[], &["read", "send", "control", "edit"]),
    ("reader", None, &["read"], &["read"]),
    ("sender", None, &["send"], &["send"]),
    ("controller", None, &["control"], &["control"]),
    ("editor", None, &["edit"], &["edit"]),
    ("nothing", None, &[], &[]),
];

/// One operation of the document.
#[derive(Debug, Clone)]
struct Route {
    method: String,
    path: String,
    /// What it needs; none: nothing.
    scope: Option<String>,
}

/// The operations of the document that a server serves.
async fn routes(router: &Router) -> Vec<Route> {
    let document =
        World::ask_of(router, request("GET", "/api/openapi.json", &[]).body(Body::empty()).unwrap()).await.body;
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let security =
                operation["security"].as_array().unwrap_or_else(|| panic!("{method} {path} does not say who may"));
            let scopes: Vec<&Value> = security.iter().flat_map(|one| one["key"].as_array().expect("scopes")).collect();
            assert!(scopes.len() <= 1, "{method} {path} needs one scope: {security:?}");
            let scope = scopes.first().map(|scope| scope.as_str().expect("a scope").to_owned());
            routes.push(Route { method: method.clone(), path: path.clone(), scope });
        }
    }
    assert!(routes.len() >= 25, "{}", routes.len());
    routes
}

/// The path with something in the place of each name.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.trim_start_matches("{*").trim_matches(['{', '}']) {
        "name" if part.starts_with('{') => "nobody",
        "tick" if part.starts_with('{') => "1",
        "id" if part.starts_with('{') => "01890000-0000-7000-8000-000000000000",
        _ if part.starts_with('{') => "x",
        _ => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

async fn status(router: &Router, method: &str, path: &str, key: Option<&str>) -> u16 {
    let key = key.map(bearer);
    let mut headers = vec![("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
    // What follows for as long as somebody listens is not waited for.
    if method == "get" {
        headers = vec![("accept", "application/json")];
    }
    headers.extend(key.iter().map(|key| ("authorization", key.as_str())));
    let asked =
        request(&method.to_ascii_uppercase(), path, &headers).body(Body::from(if method == "get" { "" } else { "{}" }));
    router.clone().oneshot(asked.unwrap()).await.expect("infallible").status().as_u16()
}

/// Writes keys for all holders, and gives them with what they may.
async fn holders(org: &Org) -> Vec<(&'static str, String, &'static [&'static str])> {
    let mut file = json!({});
    let mut made = Vec::new();
    for (name, role, scopes, may) in HOLDERS {
        let key = new_key(&SystemEntropy);
        file[name] = json!({"sha256": hash(&key), "scopes": scopes});
        if let Some(role) = role {
            file[name]["role"] = json!(role);
        }
        made.push((name, key.expose().to_owned(), may));
    }
    let elsewhere = new_key(&SystemEntropy);
    file["elsewhere"] = json!({"sha256": hash(&elsewhere), "role": "admin", "orgs": ["lab"]});
    made.push(("elsewhere", elsewhere.expose().to_owned(), &[]));
    org.store.put(&Key::api_keys(), file.to_string().into()).await.expect("written");
    made
}

fn settings() -> Settings {
    Settings { rate: Rate { per_second: 1_000_000, burst: 1_000_000 }, ..Settings::new(Access::Keys) }
}

#[tokio::test]
async fn what_changes_something_needs_what_it_should_and_nothing_else_is_open() {
    let world = World::new(Access::Keys).await;
    let mut named = BTreeSet::new();
    for route in routes(&world.router).await {
        let Route { method, path, scope } = &route;
        if OPEN.contains(&path.as_str()) {
            continue;
        }
        let wanted = CHANGING.iter().chain(&ALSO_CHANGING).find(|(known, at, _)| known == method && at == path);
        match (method.as_str(), wanted) {
            ("get" | "head", None) => assert_eq!(scope.as_deref(), Some("read"), "{route:?}"),
            (_, Some((.., wanted))) => {
                assert_eq!(scope.as_deref(), Some(*wanted), "{route:?}");
                named.insert((method.clone(), path.clone()));
            }
            (_, None) => panic!("{route:?} changes something and is not in this file's table"),
        }
    }
    assert_eq!(named.len(), CHANGING.len() + ALSO_CHANGING.len(), "the document lacks some of {named:?}");
}

#[tokio::test]
async fn every_route_refuses_every_key_that_it_should_and_no_other() {
    let world = World::with(settings(), Arc::new(object_store::memory::InMemory::new())).await;
    let keys = holders(&world.org).await;
    let mut all = routes(&world.router).await;
    // Which is no part of the document: its protocol has one of its own.
    all.push(Route { method: "post".to_owned(), path: "/mcp".to_owned(), scope: Some("read".to_owned()) });
    for Route { method, path, scope } in &all {
        let Some(scope) = scope else { continue };
        let at = filled(path);
        assert_eq!(status(&world.router, method, &at, None).await, 401, "{method} {path} without a key");
        for unknown in ["lemming_0", "", "null", "undefined"] {
            assert_eq!(status(&world.router, method, &at, Some(unknown)).await, 401, "{method} {path} {unknown:?}");
        }
        for (name, key, may) in keys.iter().filter(|(name, ..)| *name != "elsewhere") {
            let found = status(&world.router, method, &at, Some(key)).await;
            match may.contains(&scope.as_str()) {
                true => {
                    assert!(![401, 403, 405].contains(&found) && found < 500, "{name} may {method} {path}: {found}")
                }
                false => assert_eq!(found, 403, "{name} may not {method} {path}"),
            }
        }
    }
}

#[tokio::test]
async fn a_key_of_one_organisation_opens_no_other() {
    let above = open("memory:///place", &Environment::new(["lemming"], [])).expect("a place");
    for folder in ["desk", "lab"] {
        for (key, text) in template::files(&template::Wishes::default()) {
            above.child(folder).store.put(&key, text.into()).await.expect("written");
        }
    }
    let keys = holders(&above).await;
    let [ours, theirs] = ["desk", "lab"].map(|folder| (folder, new_key(&SystemEntropy)));
    for (folder, key) in [&ours, &theirs] {
        let file = json!({"own": {"sha256": hash(key), "role": "admin"}});
        above.child(folder).store.put(&Key::api_keys(), file.to_string().into()).await.expect("written");
    }
    let state = ApiState::new(above.clone(), settings(), Arc::new(Elsewhere)).above();
    let wakers: Wakers = Arc::new(|_| Arc::new(Elsewhere) as Arc<dyn Waker>);
    let place = place::each(state, None, wakers);
    let alone = router(ApiState::new(above.child("desk"), settings(), Arc::new(Elsewhere)));
    for Route { method, path, scope } in routes(&alone).await {
        let (Some(scope), Some(rest)) = (scope, path.strip_prefix("/api/")) else { continue };
        let at = filled(&format!("/api/orgs/desk/{rest}"));
        for (name, key, may) in &keys {
            let found = status(&place, &method, &at, Some(key)).await;
            match (*name, may.contains(&scope.as_str())) {
                ("elsewhere", _) => assert_eq!(found, 401, "{method} {at}: a key for lab"),
                (_, true) => {
                    assert!(![401, 403, 405].contains(&found) && found < 500, "{name} may {method} {at}: {found}")
                }
                (_, false) => assert_eq!(found, 403, "{name} may not {method} {at}"),
            }
        }
        let found = status(&place, &method, &at, Some(theirs.1.expose())).await;
        assert_eq!(found, 401, "{method} {at}: the key of lab itself");
        let found = status(&place, &method, &at, Some(ours.1.expose())).await;
        assert!(![401, 403, 405].contains(&found) && found < 500, "{method} {at}: the organisation's own key: {found}");
        assert_eq!(status(&place, &method, &at, None).await, 401, "{method} {at}");
    }
}

#[tokio::test]
async fn nothing_is_changed_by_what_a_form_of_another_page_can_send() {
    let world = World::new(Access::Open).await;
    for Route { method, path, scope } in routes(&world.router).await {
        if method == "get" || scope.is_none() {
            continue;
        }
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data")] {
            let headers: Vec<(&str, &str)> = kind.map(|kind| ("content-type", kind)).into_iter().collect();
            let asked = request(&method.to_ascii_uppercase(), &filled(&path), &headers).body(Body::from("{}")).unwrap();
            let answer = world.ask(asked).await;
            assert_eq!(answer.error(), (415, "unsupported_media_type", ""), "{method} {path} {kind:?}");
        }
    }
    assert_eq!(world.woken(), 0);
}
