//! Several organisations behind one server.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use lemming::api::keys::{hash, new_key};
use lemming::api::place::{self, Wakers};
use lemming::api::wake::{Elsewhere, Waker};
use lemming::api::{Access, ApiState, Settings};
use lemming::clock::SystemEntropy;
use lemming::config::Environment;
use lemming::runner::compose::{Org, open};
use lemming::store::Key;
use lemming::template;
use serde_json::{Value, json};

use super::world::{Answer, World, bearer, request};

/// A place with the organisations `desk` and `lab`, and a folder that is none.
async fn place_of(access: Access, default: Option<&str>) -> (Org, Router) {
    let above = open("memory:///place", &Environment::new(["lemming"], [])).expect("a place");
    for folder in ["desk", "lab"] {
        let wishes = template::Wishes { name: Some(folder.to_owned()), ..template::Wishes::default() };
        for (key, text) in template::files(&wishes) {
            above.child(folder).store.put(&key, text.into()).await.expect("written");
        }
    }
    above.store.put_path("notes/readme.txt", "hello".into()).await.expect("written");
    let state = ApiState::new(above.clone(), Settings::new(access), Arc::new(Elsewhere)).above();
    let wakers: Wakers = Arc::new(|_| Arc::new(Elsewhere) as Arc<dyn Waker>);
    (above, place::each(state, default.map(str::to_owned), wakers))
}

async fn get(router: &Router, path: &str, key: Option<&str>) -> Answer {
    let key = key.map(bearer);
    let headers: Vec<(&str, &str)> = key.iter().map(|key| ("authorization", key.as_str())).collect();
    World::ask_of(router, request("GET", path, &headers).body(Body::empty()).unwrap()).await
}

/// Writes keys of these names, and gives them.
async fn keys<const N: usize>(org: &Org, keys: [(&str, Value); N]) -> [String; N] {
    let made = keys.map(|(name, key)| (name, key, new_key(&SystemEntropy)));
    let mut file = json!({});
    for (name, key, secret) in &made {
        file[*name] = key.clone();
        file[*name]["sha256"] = json!(hash(secret));
    }
    org.store.put(&Key::api_keys(), file.to_string().into()).await.expect("written");
    made.map(|(_, _, secret)| secret.expose().to_owned())
}

#[tokio::test]
async fn each_organisation_answers_by_its_name() {
    let (_, router) = place_of(Access::Local, None).await;
    for folder in ["desk", "lab"] {
        let status = get(&router, &format!("/api/orgs/{folder}/status"), None).await;
        assert_eq!((status.status.as_u16(), status.body["org"].as_str()), (200, Some(folder)));
        let me = get(&router, &format!("/api/orgs/{folder}/me"), None).await;
        assert_eq!((me.body["org"].as_str(), me.body["role"].as_str()), (Some(folder), Some("admin")));
    }
    let unnamed = get(&router, "/api/status", None).await;
    assert!(unnamed.error().0 == 404 && unnamed.text("hint").contains("/api/orgs"), "{}", unnamed.body);
    for path in
        ["/api/orgs/notes/status", "/api/orgs/nowhere/status", "/api/orgs/../status", "/api/orgs/desk", "/api/status"]
    {
        assert_eq!(get(&router, path, None).await.error().0, 404, "{path}");
    }
}

#[tokio::test]
async fn the_default_one_answers_without_a_name_too() {
    let (_, router) = place_of(Access::Local, Some("lab")).await;
    assert_eq!(get(&router, "/api/status", None).await.body["org"], "lab");
    let orgs = get(&router, "/api/orgs", None).await.body;
    let told: Vec<(&str, bool)> = orgs["orgs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|org| (org["name"].as_str().unwrap(), org["is_default"].as_bool().unwrap()))
        .collect();
    assert_eq!(told, [("desk", false), ("lab", true)]);
    let first = get(&router, "/api/orgs?limit=1", None).await.body;
    assert_eq!((first["orgs"].as_array().unwrap().len(), &first["next_cursor"]), (1, &json!("desk")));
    let rest = get(&router, "/api/orgs?limit=1&cursor=desk", None).await.body;
    assert_eq!((&rest["orgs"][0]["name"], &rest["next_cursor"]), (&json!("lab"), &Value::Null));
    assert_eq!(get(&router, "/api/ready", None).await.status, 200);
}

#[tokio::test]
async fn an_organisation_that_is_served_alone_is_the_default_one() {
    let world = World::new(Access::Local).await;
    let router = place::alone(ApiState::new(world.org.clone(), Settings::new(Access::Local), Arc::new(Elsewhere)));
    let orgs = get(&router, "/api/orgs", None).await.body;
    assert_eq!((&orgs["orgs"][0]["name"], orgs["orgs"].as_array().unwrap().len()), (&json!("default"), 1));
    let status = get(&router, "/api/orgs/default/status", None).await;
    assert_eq!(status.body, get(&router, "/api/status", None).await.body);
    assert_eq!(get(&router, "/api/orgs/other/status", None).await.error().0, 404);
}

#[tokio::test]
async fn a_key_opens_its_own_organisation_and_one_above_opens_all_or_those_it_names() {
    let (above, router) = place_of(Access::Keys, Some("desk")).await;
    let [desk] = keys(&above.child("desk"), [("desk", json!({"role": "viewer"}))]).await;
    let [all, lab] =
        keys(&above, [("all", json!({"role": "viewer"})), ("lab", json!({"role": "admin", "orgs": ["lab"]}))]).await;
    for (path, key, wanted) in [
        ("/api/orgs/desk/status", Some(&desk), 200),
        ("/api/status", Some(&desk), 200),
        ("/api/orgs/lab/status", Some(&desk), 401),
        ("/api/orgs/desk/status", Some(&all), 200),
        ("/api/orgs/lab/status", Some(&all), 200),
        ("/api/orgs/lab/status", Some(&lab), 200),
        ("/api/orgs/desk/status", Some(&lab), 401),
        ("/api/orgs/desk/status", None, 401),
        // Whether there is one is nobody's business who has no key.
        ("/api/orgs/nowhere/status", None, 401),
        ("/api/orgs/nowhere/status", Some(&desk), 401),
        ("/api/orgs/nowhere/status", Some(&all), 404),
        ("/api/orgs", None, 401),
    ] {
        let answer = get(&router, path, key.map(String::as_str)).await;
        assert_eq!(answer.status.as_u16(), wanted, "{path}: {}", answer.body);
    }
    let names = async |key: &str| -> Vec<String> {
        let orgs = get(&router, "/api/orgs", Some(key)).await.body;
        orgs["orgs"].as_array().unwrap().iter().map(|org| org["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&all).await, ["desk", "lab"]);
    assert_eq!(names(&lab).await, ["lab"]);
}

#[tokio::test]
async fn a_server_on_loopback_answers_to_no_foreign_name_even_of_what_is_not_there() {
    let (_, router) = place_of(Access::Local, None).await;
    let asked = request("GET", "/api/orgs/nowhere/status", &[("host", "evil.example")]).body(Body::empty()).unwrap();
    let answer = World::ask_of(&router, asked).await;
    assert_eq!(answer.error(), (403, "forbidden", ""));
    assert!(!answer.header("x-request-id").is_empty());
}
