//! What a client may keep of the answers, and how it asks whether they have changed.

use lemming::api::Access;
use serde_json::{Value, json};

use super::worked::{raw, worked};

const FOREVER: &str = "private, max-age=31536000, immutable";
const UNTIL_CHANGED: &str = "private, no-cache";

#[tokio::test]
async fn records_of_closed_ticks_are_kept_for_good_and_the_rest_until_it_has_changed() {
    let world = worked(Access::Local).await;
    for (path, wanted) in [
        ("/api/ticks/2", FOREVER),
        ("/api/ticks/1/turns/editor", FOREVER),
        ("/api/diff?from=1&to=2", FOREVER),
        ("/api/status?at=2", FOREVER),
        ("/api/messages?at=2", FOREVER),
        ("/api/agents/editor/resume?at=2", FOREVER),
        ("/api/agents/editor/why?tick=1", FOREVER),
        ("/api/diff", UNTIL_CHANGED),
        ("/api/status", UNTIL_CHANGED),
        ("/api/agents", UNTIL_CHANGED),
        ("/api/agents/editor/resume", UNTIL_CHANGED),
        ("/api/config", UNTIL_CHANGED),
        ("/api/shared/files/terms.md", UNTIL_CHANGED),
        ("/api/org-graph?format=dot", UNTIL_CHANGED),
        ("/api/me", "no-store"),
        ("/api/agents/nobody", "no-store"),
        ("/api/agents?limit=0", "no-store"),
    ] {
        let known = if path.contains('?') { format!("{path}&v=a1b2") } else { format!("{path}?v=a1b2") };
        let answer = raw(&world, &known, &[]).await;
        if !matches!(path, "/api/me") {
            assert_eq!(answer.header("cache-control"), wanted, "{known}");
        }
        // Without it, an address does not say of which organisation: another one may be served there tomorrow.
        let plain = raw(&world, path, &[]).await;
        assert_eq!(plain.header("cache-control"), if wanted == FOREVER { UNTIL_CHANGED } else { wanted }, "{path}");
        if plain.status == 200 && wanted != "no-store" {
            assert!(plain.header("vary").contains("x-api-key"), "{path}: {}", plain.header("vary"));
            assert_eq!(plain.bytes, answer.bytes, "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_kept_for_good_stays_as_it_was_whatever_people_change() {
    let world = worked(Access::Local).await;
    let paths = [
        "/api/status?at=2",
        "/api/agents?at=2",
        "/api/agents/editor?at=2",
        "/api/problems?at=2",
        "/api/credits?at=2",
        "/api/org-graph?at=2",
        "/api/messages?at=2",
        "/api/ticks/2",
        "/api/diff?from=1&to=2",
    ];
    let mut before = Vec::new();
    for path in paths {
        before.push(raw(&world, path, &[]).await.bytes);
    }
    world.write("config/tools.json", &json!({"servers": {"s": {"url": "https://example.com/mcp"}}})).await;
    let mut resume: Value =
        serde_json::from_slice(&world.org.store.get_path("agents/editor/resume.json").await.unwrap().unwrap()).unwrap();
    resume["title"] = json!("Somebody else");
    world.write("agents/editor/resume.json", &resume).await;
    let mut org: Value = serde_json::from_slice(&world.org.store.get_path("org.json").await.unwrap().unwrap()).unwrap();
    org["name"] = json!("Another name");
    world.write("org.json", &org).await;
    for (path, before) in paths.into_iter().zip(before) {
        let after = raw(&world, path, &[]).await.bytes;
        assert_eq!(String::from_utf8_lossy(&after), String::from_utf8_lossy(&before), "{path}");
    }
}

#[tokio::test]
async fn who_has_the_newest_is_told_so_without_a_body() {
    let world = worked(Access::Local).await;
    for path in [
        "/api/agents",
        "/api/ticks/2",
        "/api/agents/editor/resume",
        "/api/shared/files/terms.md",
        "/api/messages?limit=2",
    ] {
        let first = raw(&world, path, &[]).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.len() == 66 && tag.starts_with('"') && tag.ends_with('"'), "{path}: {tag}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = raw(&world, path, &[("if-none-match", &known)]).await;
            assert_eq!(
                (again.status.as_u16(), again.bytes.len(), again.header("etag")),
                (304, 0, tag.as_str()),
                "{path} {known}"
            );
            assert_eq!(again.header("content-type"), "", "{path}");
            assert_eq!(again.header("cache-control"), first.header("cache-control"), "{path}");
        }
        assert_eq!(raw(&world, path, &[("if-none-match", "\"other\"")]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_tag_changes_with_what_it_is_of() {
    let world = worked(Access::Local).await;
    let before = raw(&world, "/api/agents", &[]).await.header("etag").to_owned();
    world.tick().await;
    assert_eq!(raw(&world, "/api/agents", &[("if-none-match", &before)]).await.status, 200);
}
