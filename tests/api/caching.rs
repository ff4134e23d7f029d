//! What a client may keep of the answers, and how it asks whether they have changed.

use lemming::api::Access;

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
        assert_eq!(raw(&world, path, &[]).await.header("cache-control"), wanted, "{path}");
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
