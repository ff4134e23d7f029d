//! The dashboard's files, as a browser gets them.

use axum::body::{Body, to_bytes};
use lemming::api::Access;
use tower::ServiceExt as _;

use super::world::{World, request};

#[tokio::test]
async fn the_page_needs_no_key_and_may_load_nothing_of_others() {
    let world = World::new(Access::Keys).await;
    let asked = request("GET", "/", &[]).body(Body::empty()).unwrap();
    let response = world.router.clone().oneshot(asked).await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(response.status(), 200);
    assert!(header("content-type").starts_with("text/html"));
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let tag = header("etag");
    let page = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert!(page.starts_with(b"<!doctype html>"));
    let again = world.ask(request("GET", "/", &[("if-none-match", &tag)]).body(Body::empty()).unwrap()).await;
    assert_eq!((again.status.as_u16(), again.header("etag")), (304, tag.as_str()));
}

#[tokio::test]
async fn what_is_no_file_of_the_page_is_nothing() {
    let world = World::new(Access::Keys).await;
    for path in
        ["/mod.rs", "/README.md", "/../Cargo.toml", "/api", "/api/", "/api/nothing", "/index.html/", "//index.html"]
    {
        let answer = world.get(path).await;
        assert_eq!(answer.error(), (404, "not_found", ""), "{path}");
    }
    let posted = world.ask(request("POST", "/", &[]).body(Body::empty()).unwrap()).await;
    assert_eq!(posted.error(), (404, "not_found", ""));
}
