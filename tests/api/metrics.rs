//! `/metrics` and the probes: who may ask, of what, and what is answered.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use lemming::api::place::{self, Wakers};
use lemming::api::wake::{Elsewhere, Waker};
use lemming::api::{Access, ApiState, Settings};
use lemming::config::Environment;
use lemming::runner::compose::open;
use lemming::template;
use tower::ServiceExt as _;

use super::world::{World, bearer, request};

/// The status, the media type and the text of an answer.
async fn get(router: &Router, path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
    let asked = request("GET", path, headers).body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(asked).await.expect("infallible");
    let status = answer.status().as_u16();
    let media_type = answer.headers().get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = to_bytes(Body::new(answer.into_body()), usize::MAX).await.expect("a body");
    (status, media_type, String::from_utf8(body.to_vec()).expect("utf-8"))
}

#[tokio::test]
async fn probes_say_ok_without_a_key() {
    let world = World::new(Access::Keys).await;
    for path in ["/livez", "/readyz"] {
        let (status, media_type, text) = get(&world.router, path, &[]).await;
        assert_eq!((status, text.as_str()), (200, "ok\n"), "{path}");
        assert!(media_type.starts_with("text/plain"), "{media_type}");
    }
    let empty = lemming::store::Store::new(
        Arc::new(object_store::memory::InMemory::new()),
        object_store::path::Path::from("org"),
        true,
    );
    let world = World::over(Settings::new(Access::Keys), empty).await;
    assert_eq!(get(&world.router, "/livez", &[]).await.0, 200, "it lives");
    assert_eq!(get(&world.router, "/readyz", &[]).await.0, 503, "and there is nothing to work for");
}

#[tokio::test]
async fn metrics_need_a_key_that_reads_as_soon_as_there_are_keys() {
    let world = World::new(Access::Local).await;
    assert_eq!(get(&world.router, "/metrics", &[]).await.0, 200, "on this machine, without keys");
    let [reader, sender] = world.keys([("reader", &["read"]), ("sender", &["send"])]).await;
    // The keys are read again after a while.
    world.clock.advance(Duration::from_secs(11));
    for path in ["/metrics", "/api/metrics"] {
        assert_eq!(get(&world.router, path, &[]).await.0, 401, "{path}");
        assert_eq!(get(&world.router, path, &[("authorization", &bearer(&sender))]).await.0, 403, "{path}");
        let (status, _, text) = get(&world.router, path, &[("authorization", &bearer(&reader))]).await;
        assert_eq!(status, 200, "{path}");
        assert!(text.contains("\nlemming_up{org="), "{text}");
        assert!(!text.contains(&reader[10..]), "a key is in an answer");
    }
}

#[tokio::test]
async fn metrics_come_as_who_scrapes_asks() {
    let world = World::new(Access::Local).await;
    world.tick().await;
    let (_, media_type, plain) = get(&world.router, "/metrics", &[]).await;
    assert_eq!(media_type, "text/plain; version=0.0.4; charset=utf-8");
    assert!(plain.contains("# TYPE lemming_ticks_total counter\n"), "{plain}");
    let accept = [("accept", "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2")];
    let (_, media_type, open) = get(&world.router, "/metrics", &accept).await;
    assert_eq!(media_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(open.contains("# TYPE lemming_ticks counter\n") && open.ends_with("# EOF\n"), "{open}");
    let name = lemming::chronicle::settings(&world.org.store).await.expect("settings").name;
    assert!(open.contains(&format!("lemming_ticks_total{{org=\"{name}\"}} 1\n")), "{open}");
    assert_eq!(get(&world.router, "/metrics?org=elsewhere", &[]).await.0, 404);
    assert_eq!(get(&world.router, "/metrics?orgs=x", &[]).await.0, 400);
}

#[tokio::test]
async fn a_server_of_several_organisations_tells_of_each_by_its_folder() {
    let above = open("memory:///place", &Environment::new(["lemming"], [])).expect("a place");
    for folder in ["desk", "lab"] {
        for (key, text) in template::files(&template::Wishes::default()) {
            above.child(folder).store.put(&key, text.into()).await.expect("written");
        }
    }
    let state = ApiState::new(above.clone(), Settings::new(Access::Local), Arc::new(Elsewhere)).above();
    let wakers: Wakers = Arc::new(|_| Arc::new(Elsewhere) as Arc<dyn Waker>);
    let router = place::each(state, None, wakers);
    let orgs = |text: &str| {
        let found: Vec<bool> =
            ["desk", "lab"].map(|org| text.contains(&format!("\nlemming_up{{org=\"{org}\"}} 1\n"))).to_vec();
        found
    };
    let (status, _, text) = get(&router, "/metrics", &[]).await;
    assert_eq!((status, orgs(&text)), (200, vec![true, true]), "{text}");
    assert_eq!(text.matches("# TYPE lemming_up gauge").count(), 1);
    for path in ["/metrics?org=lab", "/api/orgs/lab/metrics"] {
        let (status, _, text) = get(&router, path, &[]).await;
        assert_eq!((status, orgs(&text)), (200, vec![false, true]), "{path}: {text}");
    }
    assert_eq!(get(&router, "/metrics?org=nowhere", &[]).await.0, 404);
    for path in ["/livez", "/readyz"] {
        assert_eq!(get(&router, path, &[]).await.0, 200, "{path}");
    }
}
