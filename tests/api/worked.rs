//! An organisation after some ticks: the brief desk of the template, which was asked a question.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode};
use lemming::api::Access;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::world::{World, request};

/// So many ticks has it run: the question is answered by then.
pub const TICKS: u64 = 8;

/// The brief desk after it was asked, with files that a person put there.
pub async fn worked(access: Access) -> World {
    let world = World::new(access).await;
    world.org.store.put_path("agents/editor/workspace/notes/plan.html", "<script>1</script>".into()).await.unwrap();
    world.org.store.put_path("shared/terms.md", "Be brief.\n".into()).await.unwrap();
    world.org.store.put_path("shared/zoo.md", "Ant, bee.\n".into()).await.unwrap();
    let letter = lemming::ingress::Draft {
        recipients: Some(vec!["editor".to_owned()]),
        kind: lemming::domain::outbox::Kind::Message,
        importance: lemming::domain::outbox::Importance::Normal,
        text: "Should we move our nightly backups to object storage?".to_owned(),
        reply_to: None,
    };
    let letter = letter.check(&world.org.store).await.expect("a letter");
    world.org.postbox().send(letter).await.expect("sent");
    for _ in 0..TICKS {
        world.clock.advance(std::time::Duration::from_secs(3600));
        world.tick().await;
    }
    world
}

/// An answer as it came.
pub struct Raw {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Raw {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Asks for a path with these headers.
pub async fn raw(world: &World, path: &str, headers: &[(&str, &str)]) -> Raw {
    let asked = request("GET", path, headers).body(Body::empty()).unwrap();
    let response = world.router.clone().oneshot(asked).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("a body").to_vec();
    Raw { status: parts.status, headers: parts.headers, bytes }
}

/// All items of a list, page by page.
pub async fn all(world: &World, path: &str, list: &str, limit: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..1_000 {
        let joint = if path.contains('?') { '&' } else { '?' };
        let next = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = world.get(&format!("{path}{joint}limit={limit}{next}")).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        let found = page.body[list].as_array().unwrap_or_else(|| panic!("{path} has no {list}: {}", page.body));
        assert!(found.len() <= limit, "{path}");
        items.extend(found.iter().cloned());
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => {
                assert_eq!(page.body["next_cursor"], json!(null), "{path}");
                return items;
            }
        }
    }
    panic!("{path} has no end");
}
