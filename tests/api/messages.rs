//! `POST /api/messages`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use lemming::api::{Access, Settings};
use lemming::chronicle::message::{Bounds, newest};
use lemming::domain::ingress::{MAX_INGRESS_BYTES, Mail};
use lemming::store::faults::{Fault, Faulty, Odds, Op};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};
use serde_json::{Value, json};

use crate::world::{World, hello};

/// What the editor was told, in order.
async fn told(world: &World) -> Vec<String> {
    let last = lemming::engine::load(&world.org.store).await.expect("loaded").state.tick;
    let bounds = Bounds { last, messages: 100, ticks: 100 };
    let found = newest(&world.org.store, bounds, |entry| entry.mail).await.expect("found");
    found.messages.into_iter().map(|message| message.text).collect()
}

#[tokio::test]
async fn a_message_goes_into_the_mail_slot_and_wakes_the_organisation() {
    let world = World::new(Access::Local).await;
    let new = json!({"recipients": ["editor", "critic", "editor"], "text": "Should we move?", "kind": "request", "importance": "high"});
    let answer = world.post(new, &[]).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let sent: Mail = serde_json::from_value(answer.body["sent"].clone()).expect("a mail");
    assert_eq!(world.mail().await, [format!("ingress/mail/{}.json", sent.id)]);
    let stored = world.org.store.get_path(&world.mail().await[0]).await.expect("read").expect("there");
    assert_eq!(serde_json::from_slice::<Mail>(&stored).expect("a mail"), sent);
    let shown: Value = serde_json::from_slice(&stored).expect("json");
    assert_eq!(
        (&shown["from"], &shown["kind"], &shown["importance"]),
        (&json!("human"), &json!("request"), &json!("high"))
    );
    assert_eq!(shown["recipients"], json!(["editor", "critic"]), "each once");
    assert_eq!(world.woken(), 1);
    let report = world.tick().await;
    assert!(report.due.iter().any(|agent| agent.as_str() == "editor"), "{report:?}");
    assert!(world.mail().await.is_empty(), "admitted");
    assert_eq!(told(&world).await, ["Should we move?"]);

    let everyone = world.post(json!({"recipients": null, "text": "Thank you all."}), &[]).await;
    assert_eq!((everyone.status.as_u16(), &everyone.body["sent"]["recipients"]), (201, &Value::Null));
    let reply = json!({"recipients": ["editor"], "text": "And?", "reply_to": &sent.id.to_string()[..13]});
    let reply = world.post(reply, &[]).await;
    assert_eq!(reply.body["sent"]["reply_to"], json!(sent.id), "{}", reply.body);
    assert_eq!(reply.body["sent"]["thread_id"], json!(sent.id));
}

#[tokio::test]
async fn whatever_is_wrong_with_a_message_is_named_and_nothing_is_sent() {
    let world = World::new(Access::Local).await;
    let long = "x".repeat(MAX_INGRESS_BYTES + 1);
    // Within the limit of bodies, and beyond that of what a tick admits.
    let nearly = "x".repeat(MAX_INGRESS_BYTES - 100);
    for (body, status, code, pointer) in [
        ("{".to_owned(), 400, "usage", ""),
        (String::new(), 400, "usage", ""),
        ("[]".to_owned(), 400, "usage", ""),
        (json!({"text": "x"}).to_string(), 400, "usage", ""),
        (json!({"recipients": ["editor"]}).to_string(), 400, "usage", ""),
        (json!({"recipients": "editor", "text": "x"}).to_string(), 400, "usage", "/recipients"),
        (json!({"recipients": ["editor", 5], "text": "x"}).to_string(), 400, "usage", "/recipients/1"),
        (json!({"recipients": [], "text": "x"}).to_string(), 400, "usage", "/recipients"),
        (json!({"recipients": ["editor", "editr"], "text": "x"}).to_string(), 400, "not_found", "/recipients/1"),
        (json!({"recipients": ["human"], "text": "x"}).to_string(), 400, "usage", "/recipients/0"),
        (json!({"recipients": ["../editor"], "text": "x"}).to_string(), 400, "not_found", "/recipients/0"),
        (json!({"recipients": null, "text": " \n"}).to_string(), 400, "usage", "/text"),
        (json!({"recipients": null, "text": 5}).to_string(), 400, "usage", "/text"),
        (json!({"recipients": null, "text": "x", "kind": "order"}).to_string(), 400, "usage", "/kind"),
        (json!({"recipients": null, "text": "x", "importance": "HIGH"}).to_string(), 400, "usage", "/importance"),
        (json!({"recipients": null, "text": "x", "from": "editor"}).to_string(), 400, "usage", "/from"),
        (json!({"recipients": null, "text": "x", "reply_to": "xyz!"}).to_string(), 400, "usage", "/reply_to"),
        (json!({"recipients": null, "text": "x", "reply_to": "01234567"}).to_string(), 400, "not_found", "/reply_to"),
        (r#"{"recipients": null, "text": "a", "text": "b"}"#.to_owned(), 400, "usage", ""),
        (json!({"recipients": null, "text": long}).to_string(), 413, "too_large", ""),
        (json!({"recipients": null, "text": nearly}).to_string(), 413, "too_large", "/text"),
    ] {
        let answer = world.post(&body, &[]).await;
        let shown = &body[..body.len().min(80)];
        assert_eq!(answer.error(), (status, code, pointer), "{shown}: {}", answer.body);
    }
    let answer = world.post(json!({"recipients": ["editr"], "text": "x"}), &[]).await;
    assert_eq!(answer.text("hint"), "did you mean editor?");
    for key in ["", " ", "ä", &"k".repeat(256)] {
        let answer = world.post(hello(), &[("idempotency-key", key)]).await;
        assert_eq!(answer.error(), (400, "usage", ""), "{key:?}");
    }
    assert!(world.mail().await.is_empty());
    assert_eq!(world.woken(), 0);
}

#[tokio::test]
async fn the_longest_message_that_is_taken_is_admitted() {
    let world = World::new(Access::Local).await;
    let (mut fits, mut fails) = (0, MAX_INGRESS_BYTES);
    while fails - fits > 1 {
        let middle = fits.midpoint(fails);
        let answer = world.post(json!({"recipients": ["editor"], "text": "x".repeat(middle.max(1))}), &[]).await;
        match answer.status.as_u16() {
            201 => fits = middle,
            413 => fails = middle,
            _ => panic!("{}", answer.body),
        }
        world.clock.advance(Duration::from_secs(1));
    }
    assert!(fits > MAX_INGRESS_BYTES - 1_000, "{fits}");
    let report = world.tick().await;
    assert!(report.problems.iter().all(|problem| problem.kind != "broken_ingress"), "{:?}", report.problems);
    assert!(world.mail().await.is_empty());
}

#[tokio::test]
async fn a_repeated_message_is_delivered_once_also_after_it_was_admitted() {
    let world = World::new(Access::Local).await;
    let key = [("idempotency-key", "order-17")];
    let first = world.post(hello(), &key).await;
    world.clock.advance(Duration::from_secs(5));
    let second = world.post(hello(), &key).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_eq!(first.body, second.body, "the same answer, with the time of the first");
    assert_eq!(world.mail().await.len(), 1);
    let other = world.post(json!({"recipients": ["editor"], "text": "Something else"}), &key).await;
    assert_ne!(
        other.body["sent"]["id"], first.body["sent"]["id"],
        "another text under the same key is another message"
    );
    world.tick().await;
    assert_eq!(world.post(hello(), &key).await.status, 201);
    world.tick().await;
    let mut all = told(&world).await;
    all.sort();
    assert_eq!(all, ["Hello", "Something else"]);
    assert!(world.mail().await.is_empty(), "what came again was put away");
}

#[tokio::test]
async fn something_else_under_its_name_is_a_conflict() {
    let world = World::new(Access::Local).await;
    let key = [("idempotency-key", "k")];
    assert_eq!(world.post(hello(), &key).await.status, 201);
    let path = world.mail().await.remove(0);
    world.write(&path, &json!({"format": 1})).await;
    assert_eq!(world.post(hello(), &key).await.error(), (409, "conflict", ""));
}

#[tokio::test]
async fn where_the_organisation_has_gone_nothing_is_taken() {
    let world = World::new(Access::Local).await;
    world.org.store.delete_path("org.json").await.expect("deleted");
    assert_eq!(world.post(hello(), &[]).await.error(), (503, "not_found", ""));
    assert_eq!(world.post(json!({"recipients": null, "text": "hi"}), &[]).await.error(), (503, "not_found", ""));
    assert!(world.mail().await.is_empty());
    assert_eq!(world.woken(), 0);
}

#[tokio::test]
async fn a_store_that_fails_is_told_without_what_it_says() {
    let faulty = Faulty::new(Arc::new(InMemory::new()), 1);
    let world = World::with(Settings::new(Access::Local), Arc::new(faulty.clone())).await;
    faulty.fail_next(Op::List, 1, Fault::FailBefore);
    assert_eq!(world.post(hello(), &[]).await.error(), (503, "store", ""));
    assert_eq!(world.woken(), 0);
    // The create is applied, and its answer lost: it is settled by reading, and sent once.
    faulty.fail_next(Op::Put, 1, Fault::FailAfter);
    assert_eq!(world.post(hello(), &[]).await.status, 201);
    assert_eq!(world.mail().await.len(), 1);
    faulty.set_odds(Odds { fail_before: 1000, ..Odds::default() });
    world.clock.advance(Duration::from_secs(60));
    let answer = world.post(hello(), &[]).await;
    assert_eq!(answer.error(), (503, "store", ""));
    assert!(!answer.body.to_string().contains("injected"), "{}", answer.body);
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_not_waited_for_for_ever() {
    let settings = Settings { request_timeout: Duration::from_millis(20), ..Settings::new(Access::Keys) };
    let silent = lemming::store::Store::new(Arc::new(Silent), Path::from("org"), true);
    let world = World::over(settings, silent).await;
    let answer = world.post(hello(), &[]).await;
    assert_eq!(answer.error(), (503, "timeout", ""));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.text("hint").contains("Idempotency-Key"));
}

/// A store that never answers.
#[derive(Debug)]
struct Silent;

impl std::fmt::Display for Silent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("silent")
    }
}

#[async_trait]
impl ObjectStore for Silent {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        std::future::pending().await
    }
    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        std::future::pending().await
    }
    async fn get_opts(&self, _: &Path, _: GetOptions) -> Result<GetResult> {
        std::future::pending().await
    }
    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        Box::pin(futures::stream::pending())
    }
    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        Box::pin(futures::stream::pending())
    }
    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        std::future::pending().await
    }
    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        std::future::pending().await
    }
}
