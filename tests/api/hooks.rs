//! `POST /api/hooks/NAME`: who is let in, what becomes of it, and that a redelivery makes one message.

use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lemming::api::Access;
use lemming::api::lambda::answer;
use lemming::domain::ingress::{MAX_INGRESS_BYTES, Mail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::world::{Answer, HOOK_SECRET, World, request};

/// HMAC by its definition (RFC 2104), with nothing of ours.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |byte: u8| block.map(|b| b ^ byte);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The world's clock in seconds, `ahead` of it.
fn seconds(ahead: i64) -> String {
    (1_800_000_000 + ahead).to_string()
}

async fn world() -> World {
    let world = World::new(Access::Keys).await;
    let auth = |style: &str| json!({"style": style, "secret": "env:HOOK_SECRET"});
    let mut hmac = auth("hmac");
    hmac["header"] = json!("X-Shop-Hmac");
    hmac["encoding"] = json!("base64");
    hmac["prefix"] = json!("sha256=");
    let bytes = world.org.store.get_path("org.json").await.unwrap().unwrap();
    let mut org: Value = serde_json::from_slice(&bytes).unwrap();
    org["hooks"] = json!({
        "github": {"auth": auth("github"), "to": ["editor"], "kind": "request", "tags": ["code"],
            "text": "{{ event }} {{ body.action }}: {{ body.issue.title }}"},
        "slack": {"auth": auth("slack")},
        "standard": {"auth": auth("standard"), "to": ["editor"]},
        "plain": {"auth": auth("secret"), "to": ["editor"], "text": "{{ body | nope }}"},
        "shop": {"auth": hmac, "to": ["editor"]},
        "editor": {"auth": auth("secret"), "to": ["critic"]},
        "Unfit-Name": {"auth": auth("secret"), "to": ["editor"]},
        "unset": {"auth": {"style": "secret", "secret": "env:NOT_SET"}},
    });
    world.write("org.json", &org).await;
    world
}

async fn post(world: &World, hook: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
    let path = format!("/api/hooks/{hook}");
    world.ask(request("POST", &path, headers).body(Body::from(body.to_owned())).unwrap()).await
}

async fn mail(world: &World) -> Mail {
    let paths = world.mail().await;
    assert_eq!(paths.len(), 1, "{paths:?}");
    serde_json::from_slice(&world.org.store.get_path(&paths[0]).await.unwrap().unwrap()).unwrap()
}

fn github(body: &str, delivery: &str) -> Vec<(&'static str, String)> {
    vec![
        ("x-hub-signature-256", format!("sha256={}", hex(&hmac(HOOK_SECRET.as_bytes(), body.as_bytes())))),
        ("x-github-event", "issues".to_owned()),
        ("x-github-delivery", delivery.to_owned()),
        ("content-type", "application/json".to_owned()),
    ]
}

fn slack(body: &str, ahead: i64) -> Vec<(&'static str, String)> {
    let signed = format!("v0:{}:{body}", seconds(ahead));
    vec![
        ("x-slack-request-timestamp", seconds(ahead)),
        ("x-slack-signature", format!("v0={}", hex(&hmac(HOOK_SECRET.as_bytes(), signed.as_bytes())))),
    ]
}

fn standard(body: &str, id: &str, ahead: i64) -> Vec<(&'static str, String)> {
    let key = STANDARD.decode(HOOK_SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("{id}.{}.{body}", seconds(ahead));
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds(ahead)),
        ("webhook-signature", format!("v1,AAAA v1,{}", STANDARD.encode(hmac(&key, signed.as_bytes())))),
    ]
}

fn borrowed<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

const ISSUE: &str = r#"{"action": "opened", "issue": {"title": "It breaks"}}"#;

#[tokio::test]
async fn a_delivery_of_github_becomes_one_message_however_often_it_comes() {
    let world = world().await;
    let headers = github(ISSUE, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    let first = post(&world, "github", ISSUE, &borrowed(&headers)).await;
    assert_eq!((first.status.as_u16(), &first.body["received"]["new"]), (202, &json!(true)), "{}", first.body);
    let mail = mail(&world).await;
    assert_eq!(
        (mail.from.as_str(), mail.kind.as_str(), mail.tags.as_slice()),
        ("github", "request", &["code".to_owned()][..])
    );
    assert_eq!(mail.payload["text"], "issues opened: It breaks");
    assert_eq!((&mail.payload["hook"], &mail.payload["event"]), (&json!("github"), &json!("issues")));
    assert_eq!(mail.payload["body"], serde_json::from_str::<Value>(ISSUE).unwrap());
    assert_eq!(world.woken(), 1);
    let again = post(&world, "github", ISSUE, &borrowed(&headers)).await;
    assert_eq!((again.status.as_u16(), &again.body["received"]["id"]), (200, &first.body["received"]["id"]));
    assert_eq!(world.mail().await.len(), 1);
    let report = world.tick().await;
    assert!(report.due.iter().any(|agent| agent.as_str() == "editor"), "{report:?}");
    let admitted = post(&world, "github", ISSUE, &borrowed(&headers)).await;
    assert_eq!((admitted.status.as_u16(), &admitted.body["received"]["new"]), (200, &json!(false)));
    assert!(world.mail().await.is_empty(), "a name is admitted once");
    let other = github(ISSUE, "another");
    assert_eq!(post(&world, "github", ISSUE, &borrowed(&other)).await.status, 202);
}

#[tokio::test]
async fn who_does_not_know_the_secret_learns_nothing() {
    let world = world().await;
    let wrong_body = github("{}", "d");
    let mut no_prefix = github(ISSUE, "d");
    no_prefix[0].1 = no_prefix[0].1.replace("sha256=", "");
    let mut short = github(ISSUE, "d");
    short[0].1.pop();
    let early = slack(ISSUE, -301);
    let late = slack(ISSUE, 301);
    let mut moved = slack(ISSUE, 0);
    moved[0].1 = seconds(1);
    let old = standard(ISSUE, "m", -301);
    let mut renamed = standard(ISSUE, "m", 0);
    renamed[0].1 = "n".to_owned();
    let raw = [("x-hook-secret", "wrong".to_owned())];
    let none: [(&str, String); 0] = [];
    let cases: [(&str, &[(&'static str, String)]); 14] = [
        ("github", &none),
        ("github", &wrong_body),
        ("github", &no_prefix),
        ("github", &short),
        ("slack", &none),
        ("slack", &early),
        ("slack", &late),
        ("slack", &moved),
        ("standard", &old),
        ("standard", &renamed),
        ("plain", &raw),
        ("shop", &raw),
        ("nosuch", &none),
        ("a%20b", &raw),
    ];
    let mut answers = std::collections::BTreeSet::new();
    for (hook, headers) in cases {
        let refused = post(&world, hook, ISSUE, &borrowed(headers)).await;
        assert_eq!(refused.error(), (401, "unauthorized", ""), "{hook} {headers:?}");
        answers.insert(refused.body.to_string());
    }
    assert_eq!(answers.len(), 1, "all are told alike: {answers:?}");
    assert!(world.mail().await.is_empty());
    assert_eq!(world.woken(), 0);
    let unset = post(&world, "unset", ISSUE, &[("x-hook-secret", "x")]).await;
    assert_eq!(unset.error(), (503, "failed", ""));
    assert!(!unset.body.to_string().contains("NOT_SET"), "{}", unset.body);
    let get = world.get("/api/hooks/github").await;
    assert_eq!(get.error(), (405, "method_not_allowed", ""));
}

#[tokio::test]
async fn slack_is_answered_its_challenge_and_its_events_are_known_by_their_id() {
    let world = world().await;
    let challenge =
        r#"{"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}"#;
    let unsigned = post(&world, "slack", challenge, &[]).await;
    assert_eq!(unsigned.status, 401);
    let answered = post(&world, "slack", challenge, &borrowed(&slack(challenge, 0))).await;
    assert_eq!(answered.body, json!({"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}));
    assert!(world.mail().await.is_empty());
    let event =
        r#"{"type": "event_callback", "event_id": "Ev08MFMKH6", "event": {"type": "app_mention", "text": "hi"}}"#;
    assert_eq!(post(&world, "slack", event, &borrowed(&slack(event, 0))).await.status, 202);
    assert_eq!(
        post(&world, "slack", event, &borrowed(&slack(event, 60))).await.status,
        200,
        "sent again a minute later"
    );
    let mail = mail(&world).await;
    assert_eq!((mail.recipients.as_ref(), &mail.payload["event"]), (None, &json!("app_mention")));
    let command = "command=%2Fask&text=why%3F";
    let mut headers = slack(command, 0);
    headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
    let answered = post(&world, "slack", command, &borrowed(&headers)).await;
    assert_eq!((answered.status.as_u16(), &answered.body["received"]["event"]), (202, &json!("/ask")));
}

#[tokio::test]
async fn the_other_styles_are_taken_and_a_sender_that_an_agent_is_called_like_is_human() {
    let world = world().await;
    let body = r#"{"type": "invoice.paid"}"#;
    let accepted = post(&world, "standard", body, &borrowed(&standard(body, "msg_1", -299))).await;
    assert_eq!((accepted.status.as_u16(), &accepted.body["received"]["event"]), (202, &json!("invoice.paid")));
    let digest = format!("sha256={}", STANDARD.encode(hmac(HOOK_SECRET.as_bytes(), b"not json")));
    let shop = [("x-shop-hmac", digest.as_str()), ("idempotency-key", "7")];
    assert_eq!(post(&world, "shop", "not json", &shop).await.status, 202);
    assert_eq!(post(&world, "shop", "not json", &shop).await.status, 200);
    let bearer = format!("Bearer {HOOK_SECRET}");
    for hook in ["plain", "editor", "Unfit-Name"] {
        for _ in 0..2 {
            let accepted = post(&world, hook, "{}", &[("authorization", &bearer)]).await;
            assert_eq!(accepted.status, 202, "without an id each is a new one: {}", accepted.body);
        }
    }
    let mut senders = Vec::new();
    for path in world.mail().await {
        let mail: Mail = serde_json::from_slice(&world.org.store.get_path(&path).await.unwrap().unwrap()).unwrap();
        assert!(!mail.payload["text"].as_str().unwrap().is_empty());
        senders.push(mail.from.as_str().to_owned());
    }
    senders.sort_unstable();
    assert_eq!(senders, ["human", "human", "human", "human", "plain", "plain", "shop", "standard"]);
    let report = world.tick().await;
    assert!(report.problems.iter().all(|problem| problem.kind != "broken_ingress"), "{:?}", report.problems);
}

#[tokio::test]
async fn bodies_are_bounded_and_whoever_knocks_too_often_waits() {
    let world = world().await;
    let long = "x".repeat(MAX_INGRESS_BYTES + 1);
    assert_eq!(post(&world, "github", &long, &[]).await.error(), (413, "too_large", ""));
    let large = format!("{{\"x\": \"{}\"}}", "y".repeat(200 * 1024));
    let accepted = post(&world, "github", &large, &borrowed(&github(&large, "large"))).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    let mail = mail(&world).await;
    assert_eq!((&mail.payload["body"], &mail.payload["body_left_out_bytes"]), (&Value::Null, &json!(large.len())));
    let mut last = 0;
    for _ in 0..200 {
        last = post(&world, "nosuch", "{}", &[]).await.status.as_u16();
    }
    assert_eq!(last, 429);
    let elsewhere = github(ISSUE, "elsewhere");
    let mut elsewhere = borrowed(&elsewhere);
    elsewhere.push(("x-test-peer", "192.0.2.9"));
    assert_eq!(post(&world, "github", ISSUE, &elsewhere).await.status, 202, "others get in all the same");
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(post(&world, "nosuch", "{}", &[]).await.status, 401);
}

#[tokio::test]
async fn behind_a_function_the_body_is_checked_as_it_was_sent() {
    let world = world().await;
    let headers: Value = github(ISSUE, "f").into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/api/hooks/github", "rawQueryString": "", "headers": headers,
        "requestContext": {
            "accountId": "anonymous", "apiId": "id", "domainName": "id.lambda-url.eu-west-2.on.aws", "domainPrefix": "id",
            "http": {"method": "POST", "path": "/api/hooks/github", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": "a"},
            "requestId": "id", "routeKey": "$default", "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_i64,
        },
        "body": STANDARD.encode(ISSUE), "isBase64Encoded": true,
    });
    let answered = answer(event, &world.router, "request").await;
    assert_eq!(answered["statusCode"], 202, "{answered}");
    assert_eq!(mail(&world).await.payload["text"], "issues opened: It breaks");
}
