//! Deliveries: whatever becomes of the receiver and of the runner, every matching entry arrives, and twice only under the
//! same id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lemming::config::Environment;
use lemming::delivery::{
    Carrier, Courier, Failure, Looked, Occasion, Outside, PassTerms, RulePass, Sending, headway, stuck,
};
use lemming::domain::ids::Sha;
use lemming::domain::name::MemoryKey;
use lemming::domain::org::OrgConfig;
use lemming::domain::time::Tick;
use lemming::engine::Stop;
use lemming::record::delivery::{Delivered, Fate};
use lemming::store::{Key, Store};
use object_store::path::Path;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::gate::{Gate, Gated};
use crate::world::{SeededEntropy, World};

/// What a receiver saw of one request.
#[derive(Debug, Clone)]
struct Seen {
    headers: HeaderMap,
    body: Vec<u8>,
}

/// How a receiver behaves at its nth request, from 0.
type Manners = Arc<dyn Fn(usize) -> Reply + Send + Sync>;

enum Reply {
    Status(u16, &'static [(&'static str, &'static str)]),
    Huge,
    Never,
}

struct Receiver {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    async fn new(manners: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let state = (Arc::clone(&seen), Arc::new(manners) as Manners);
        let router = Router::new().route("/hook", post(receive)).with_state(state);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let stop = Stop::never();
        let task = tokio::spawn(async move { lemming::api::server::serve(listener, router, &stop).await });
        Self { url, seen, task }
    }

    fn ids(&self) -> Vec<String> {
        let id = |seen: &Seen| seen.headers["webhook-id"].to_str().unwrap().to_owned();
        self.seen.lock().unwrap().iter().map(id).collect()
    }
}

async fn receive(
    State((seen, manners)): State<(Arc<Mutex<Vec<Seen>>>, Manners)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let n = {
        let mut seen = seen.lock().unwrap();
        seen.push(Seen { headers, body: body.to_vec() });
        seen.len() - 1
    };
    match manners(n) {
        Reply::Status(status, headers) => {
            let mut response = StatusCode::from_u16(status).unwrap().into_response();
            for (name, value) in headers {
                response.headers_mut().insert(*name, value.parse().unwrap());
            }
            response
        }
        Reply::Huge => vec![b'x'; 64 << 20].into_response(),
        Reply::Never => std::future::pending().await,
    }
}

/// An organisation whose agents say something each tick.
async fn world(rules: Value) -> World {
    let mut world = World::new(|request| {
        let view = &request.view;
        Ok(json!({"outbox_entries": [
            {"kind": "report", "tags": ["daily"], "payload": {"text": format!("{} <says> & {}", view.agent, view.tick)},
                "recipients": ["human"]},
            {"payload": {"text": "aside"}},
        ]})
        .to_string())
    });
    world.org["deliver"] = rules;
    world.org["limits"] = json!({"max_outbox_age_ticks": 5});
    world.found().await;
    world.agent("ada", json!({"permissions": {"send_outboxes": ["*"]}})).await;
    world.agent("bob", json!({"permissions": {"send_outboxes": ["*"]}})).await;
    world
}

fn webhook(url: &str) -> Value {
    json!([{"name": "out", "match": {"kind": ["report"]}, "to": {"webhook": {"url": url}}}])
}

fn rule() -> MemoryKey {
    MemoryKey::new("out").unwrap()
}

fn environment() -> Environment {
    let vars = [("SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), ("TOKEN", "t0ken"), ("RAW", "plain secret")];
    Environment::new(["lemming"], vars.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// A process that delivers for a world: new each time, so that it knows what the store knows.
fn courier(world: &World) -> Courier {
    courier_with(world, Arc::new(Outside::new(environment(), "memory:///".to_owned())))
}

fn courier_with(world: &World, carrier: Arc<dyn Carrier>) -> Courier {
    Courier {
        store: world.store.clone(),
        clock: world.clock.clone(),
        entropy: Arc::new(SeededEntropy::new(99)),
        carrier,
        looked: Arc::new(Looked::default()),
    }
}

async fn occasion(world: &World) -> Occasion {
    let bytes = world.raw.get(&Key::Org).await.unwrap().unwrap();
    let org: OrgConfig = serde_json::from_slice(&bytes).unwrap();
    let state = world.state().await;
    Occasion { org: Arc::new(org), org_sha: Sha::of(&bytes), last: state.tick, clock: state.clock }
}

async fn deliver_within(world: &World, courier: &Courier, timeout: Duration) -> RulePass {
    let stop = Stop::never();
    let until = Instant::now() + Duration::from_secs(10);
    let terms = PassTerms { until, timeout, stop: &stop, at_once: false, only: None };
    let mut done = courier.pass(&occasion(world).await, &terms).await;
    done.remove(&rule()).unwrap().unwrap()
}

async fn deliver(world: &World) -> RulePass {
    deliver_within(world, &courier(world), Duration::from_secs(10)).await
}

/// The ids of all reports so far.
async fn reports(world: &World) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for tick in 1..=world.state().await.tick.0 {
        for agent in ["ada", "bob"] {
            let turn = world.turn(tick, agent).await;
            ids.extend(turn.effects.outbox.iter().filter(|e| e.kind.as_str() == "report").map(|e| e.id.to_string()));
        }
    }
    ids
}

fn later(world: &World) {
    world.clock.advance(Duration::from_secs(16 * 60));
}

/// HMAC by its definition (RFC 2104), with nothing of ours.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |byte: u8| block.map(|b| b ^ byte);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

#[tokio::test]
async fn what_matches_arrives_signed_as_standard_webhooks_ask() {
    let receiver = Receiver::new(|_| Reply::Status(204, &[])).await;
    let mut rules = webhook(&receiver.url);
    rules[0]["to"]["webhook"]["secret"] = json!("env:SECRET");
    rules[0]["to"]["webhook"]["headers"] = json!({"Authorization": "Bearer env:TOKEN"});
    let world = world(rules).await;
    world.tick().await;
    let went = deliver(&world).await;
    assert_eq!(went, RulePass { delivered: 2, left: 0, given_up: 0, error: None });
    let seen = receiver.seen.lock().unwrap().clone();
    for Seen { headers, body } in &seen {
        let text = |name: &str| headers[name].to_str().unwrap();
        assert_eq!(text("authorization"), "Bearer t0ken");
        assert_eq!(text("content-type"), "application/json");
        assert_eq!(text("idempotency-key"), text("webhook-id"));
        let signed = [text("webhook-id").as_bytes(), b".", text("webhook-timestamp").as_bytes(), b".", body].concat();
        let digest = hmac_sha256(&STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap(), &signed);
        assert_eq!(text("webhook-signature"), format!("v1,{}", STANDARD.encode(digest)));
        let document: Value = serde_json::from_slice(body).unwrap();
        assert_eq!((&document["type"], &document["rule"]), (&json!("entry"), &json!("out")));
        assert_eq!(document["data"]["id"], json!(text("webhook-id")));
        assert_eq!(document["data"]["kind"], json!("report"));
    }
    assert_eq!(receiver.ids().into_iter().collect::<BTreeSet<_>>(), reports(&world).await);
    let record: Delivered = world.read(Key::Delivery(rule(), Tick(1))).await;
    assert!(record.settled.iter().all(|settled| settled.fate == Fate::Delivered) && record.settled.len() == 2);
    assert_eq!(deliver(&world).await, RulePass::default(), "and once");
    assert_eq!(receiver.ids().len(), 2);
}

#[tokio::test]
async fn nothing_new_costs_one_request_for_each_rule_and_no_rule_none() {
    let receiver = Receiver::new(|_| Reply::Status(200, &[])).await;
    let world = world(webhook(&receiver.url)).await;
    for _ in 0..3 {
        world.tick().await;
    }
    let courier = courier(&world);
    deliver_within(&world, &courier, Duration::from_secs(10)).await;
    let occasion = occasion(&world).await;
    let before = world.requests();
    let stop = Stop::never();
    let until = Instant::now() + Duration::from_secs(10);
    let terms = PassTerms { until, timeout: Duration::from_secs(10), stop: &stop, at_once: false, only: None };
    courier.pass(&occasion, &terms).await;
    let spent = json!(world.requests() - before);
    let all: u64 = spent.as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(all, 1, "{spent}");
    let none = Occasion { org: Arc::new(OrgConfig::new("none")), ..occasion };
    let before = world.requests();
    assert!(courier.pass(&none, &terms).await.is_empty());
    assert_eq!(json!(world.requests() - before), json!(lemming::store::counting::Requests::default()));
}

#[tokio::test]
async fn ticks_without_a_match_leave_no_object_and_the_hint_moves_now_and_then() {
    let mut rules = webhook("http://127.0.0.1:1/");
    rules[0]["match"] = json!({"tags": ["never"]});
    let world = world(rules).await;
    let mut writes = 0;
    let mut last = None;
    for _ in 0..20 {
        world.tick().await;
        deliver(&world).await;
        let hint = headway(&world.raw, &rule()).await.unwrap();
        writes += usize::from(hint != last);
        last = hint;
    }
    assert!(writes <= 4, "{writes}");
    let objects: Vec<String> = world.all().await.into_keys().filter(|path| path.starts_with("deliveries/")).collect();
    assert_eq!(objects, ["deliveries/out/next.json"]);
}

#[tokio::test]
async fn a_receiver_that_is_down_is_left_alone_for_a_while_and_then_gets_everything() {
    let receiver = Receiver::new(|n| match n {
        0..6 => Reply::Status([500, 503, 429, 408, 404, 302][n], &[("location", "http://127.0.0.1:1/x")]),
        _ => Reply::Status(200, &[]),
    })
    .await;
    let world = world(webhook(&receiver.url)).await;
    world.tick().await;
    let went = deliver(&world).await;
    assert_eq!(went.delivered, 0);
    let seen = receiver.ids().len();
    assert_eq!(deliver(&world).await.error, None, "it rests");
    assert_eq!(receiver.ids().len(), seen, "and is not asked");
    for _ in 0..8 {
        world.tick().await;
        later(&world);
        deliver(&world).await;
    }
    let wanted = reports(&world).await;
    assert_eq!(receiver.ids().into_iter().collect::<BTreeSet<_>>(), wanted);
    assert!(
        stuck(&world.raw, &occasion(&world).await.org, lemming::clock::Clock::now(&*world.clock))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_receiver_that_applies_and_then_fails_sees_the_same_id_again() {
    let receiver = Receiver::new(|n| Reply::Status(if n < 3 { 500 } else { 200 }, &[])).await;
    let world = world(webhook(&receiver.url)).await;
    world.tick().await;
    for _ in 0..5 {
        deliver(&world).await;
        later(&world);
    }
    let mut bodies: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for seen in receiver.seen.lock().unwrap().iter() {
        let id = seen.headers["webhook-id"].to_str().unwrap().to_owned();
        bodies.entry(id).or_default().insert(seen.body.clone());
    }
    assert_eq!(bodies.keys().cloned().collect::<BTreeSet<_>>(), reports(&world).await);
    assert!(bodies.values().all(|bodies| bodies.len() == 1), "the same bytes under the same id");
}

#[tokio::test]
async fn a_receiver_that_never_answers_keeps_the_pass_no_longer_than_it_may() {
    let receiver = Receiver::new(|_| Reply::Never).await;
    let world = world(webhook(&receiver.url)).await;
    world.tick().await;
    let went = deliver_within(&world, &courier(&world), Duration::from_millis(50)).await;
    assert_eq!((went.delivered, went.left), (0, 2));
    assert_eq!(went.error.as_deref(), Some("no answer within 50 ms"));
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let receiver = Receiver::new(|_| Reply::Huge).await;
    let world = world(webhook(&receiver.url)).await;
    world.tick().await;
    assert_eq!(deliver(&world).await.delivered, 2);
}

#[tokio::test]
async fn what_does_not_arrive_in_time_is_given_up_recorded_and_shown() {
    let receiver = Receiver::new(|_| Reply::Status(500, &[])).await;
    let world = world(webhook(&receiver.url)).await;
    for _ in 0..8 {
        world.tick().await;
        deliver(&world).await;
        later(&world);
    }
    let record: Delivered = world.read(Key::Delivery(rule(), Tick(1))).await;
    assert!(record.settled.iter().all(|settled| settled.fate == Fate::GivenUp), "{record:?}");
    assert_eq!(record.settled[0].error.as_deref(), Some("the receiver answered 500"));
    let org = occasion(&world).await.org;
    let stuck = stuck(&world.raw, &org, lemming::clock::Clock::now(&*world.clock)).await.unwrap();
    assert_eq!(stuck.len(), 1);
    assert_eq!((stuck[0].to, stuck[0].given_up[0].tick, stuck[0].given_up[0].count), ("webhook", Tick(1), 2));
    assert!(stuck[0].waiting > 0 && stuck[0].attempts > 0, "{stuck:?}");
}

#[tokio::test]
async fn a_hint_that_is_lost_or_lies_means_no_more_than_repeats() {
    let receiver = Receiver::new(|_| Reply::Status(200, &[])).await;
    let world = world(webhook(&receiver.url)).await;
    for _ in 0..3 {
        world.tick().await;
    }
    deliver(&world).await;
    let hint = Key::DeliveryHint(rule());
    let lie = json!({"format": 1, "next": 99_999}).to_string();
    for bytes in ["", "{}", "[1]", &lie] {
        world.raw.put(&hint, bytes.to_owned().into()).await.unwrap();
        world.tick().await;
        deliver(&world).await;
    }
    let ids = receiver.ids();
    assert_eq!(ids.iter().cloned().collect::<BTreeSet<_>>(), reports(&world).await);
    assert_eq!(ids.len(), reports(&world).await.len(), "the records of ticks keep even these from being sent again");
}

#[tokio::test]
async fn what_waits_is_found_again_by_the_same_process_when_its_hint_is_lost_or_written_over() {
    let receiver = Receiver::new(|n| Reply::Status(if n < 3 { 503 } else { 200 }, &[])).await;
    let world = world(webhook(&receiver.url)).await;
    let before = json!({"format": 1, "next": 1}).to_string();
    world.tick().await;
    let courier = courier(&world);
    let hint = Key::DeliveryHint(rule());
    // Somebody else wrote, who had not come as far; nobody did; and what this process itself would write fits nothing.
    for bytes in [before.as_str(), "", "{}"] {
        deliver_within(&world, &courier, Duration::from_secs(10)).await;
        world.raw.put(&hint, bytes.to_owned().into()).await.unwrap();
        later(&world);
    }
    for _ in 0..2 {
        later(&world);
        deliver_within(&world, &courier, Duration::from_secs(10)).await;
    }
    assert_eq!(receiver.ids().into_iter().collect::<BTreeSet<_>>(), reports(&world).await);
    assert!(world.raw.get(&Key::Delivery(rule(), Tick(1))).await.unwrap().is_some(), "all of it arrived");
}

#[tokio::test]
async fn a_rule_that_fails_hinders_no_other_and_one_without_its_secret_says_so() {
    let receiver = Receiver::new(|_| Reply::Status(200, &[])).await;
    let down = json!({"name": "down", "to": {"webhook": {"url": "http://127.0.0.1:1/"}}});
    let unset = json!({"name": "unset", "to": {"webhook": {"url": receiver.url, "secret": "env:NOT_SET"}}});
    let good = webhook(&receiver.url)[0].clone();
    let world = world(json!([down, unset, good])).await;
    world.tick().await;
    assert_eq!(deliver(&world).await.delivered, 2);
    let org = occasion(&world).await.org;
    let stuck = stuck(&world.raw, &org, lemming::clock::Clock::now(&*world.clock)).await.unwrap();
    let said: Vec<&str> = stuck.iter().map(|stuck| stuck.error.as_deref().unwrap()).collect();
    assert_eq!(said.len(), 2);
    assert!(said[1].contains("NOT_SET is not set") && stuck[1].attempts == 0, "{stuck:?}");
}

#[tokio::test]
async fn chats_get_escaped_text_and_problems_an_id_of_their_own() {
    let receiver = Receiver::new(|_| Reply::Status(200, &[])).await;
    let slack =
        json!({"name": "out", "match": {"agent": ["ada"], "to": ["human"]}, "to": {"slack": {"url": receiver.url}}});
    let problems =
        json!({"name": "ills", "match": {"problems": ["broken_resume"]}, "to": {"webhook": {"url": receiver.url}}});
    let world = world(json!([slack, problems])).await;
    world.put("agents/cyd/resume.json", &json!({"name": "cyd"})).await;
    world.tick().await;
    deliver(&world).await;
    world.tick().await;
    deliver(&world).await;
    let bodies: Vec<Value> =
        receiver.seen.lock().unwrap().iter().map(|seen| serde_json::from_slice(&seen.body).unwrap()).collect();
    let texts: BTreeSet<&str> = bodies.iter().filter_map(|body| body["text"].as_str()).collect();
    assert_eq!(
        texts,
        BTreeSet::from(["*ada* (report)\nada &lt;says&gt; &amp; 1", "*ada* (report)\nada &lt;says&gt; &amp; 2"])
    );
    let ills: Vec<&Value> = bodies.iter().filter(|body| body["type"] == "problem").collect();
    assert_eq!(ills.len(), 1, "what stays wrong is sent once: {ills:?}");
    assert_eq!((&ills[0]["data"]["agent"], &ills[0]["data"]["tick"]), (&json!("cyd"), &json!(1)));
    let closed = world.raw.get(&Key::Closed(Tick(1))).await.unwrap().unwrap();
    assert_eq!(ills[0]["data"]["id"], json!(lemming::delivery::problem_id(&Sha::of(&closed), 0)));
}

#[tokio::test]
async fn a_rule_is_about_ticks_that_were_made_under_it() {
    let receiver = Receiver::new(|_| Reply::Status(200, &[])).await;
    let mut world = world(json!([])).await;
    world.tick().await;
    world.tick().await;
    world.org["deliver"] = webhook(&receiver.url);
    world.put("org.json", &world.org).await;
    world.tick().await;
    assert_eq!(deliver(&world).await.delivered, 2, "of the third tick alone");
}

#[tokio::test]
async fn files_and_mail_of_others_arrive_once_and_in_a_loop_come_to_an_end() {
    let out = tempfile::tempdir().unwrap();
    let there = tempfile::tempdir().unwrap();
    let place = |dir: &tempfile::TempDir| dir.path().to_str().unwrap().to_owned();
    std::fs::write(there.path().join("org.json"), "{}").unwrap();
    let file = json!({"name": "file", "match": {"kind": ["report"]}, "to": {"file": {"store": place(&out)}}});
    let mail = json!({"name": "out", "match": {"kind": ["report"]}, "to": {"ingress": {"store": place(&there)}}});
    let world = world(json!([file, mail])).await;
    world.mail(1, "human", Some(&["ada"]), "hello").await;
    world.tick().await;
    assert_eq!(deliver(&world).await.delivered, 2);
    // As if the runner had died before it took note.
    world.raw.delete_path("deliveries/out/next.json").await.unwrap();
    world.raw.delete_path("deliveries/out/000000000001.json").await.unwrap();
    assert_eq!(deliver(&world).await.delivered, 2);
    let names = |dir: std::path::PathBuf| {
        let all = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        all.collect::<BTreeSet<_>>()
    };
    let ids = reports(&world).await;
    assert_eq!(names(out.path().to_owned()), ids.iter().map(|id| format!("000000000001_{id}.json")).collect());
    assert_eq!(names(there.path().join("ingress/mail")), ids.iter().map(|id| format!("{id}.json")).collect());
    let first = ids.first().unwrap();
    let bytes = std::fs::read(there.path().join(format!("ingress/mail/{first}.json"))).unwrap();
    let mail: lemming::domain::ingress::Mail = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((mail.from.as_str(), mail.id.to_string()), ("test", first.clone()));
    assert_eq!(mail.recipients, None);
}

#[tokio::test]
async fn the_hops_of_mail_from_elsewhere_count() {
    let world = world(json!([])).await;
    world.agent("cyd", json!({"schedule": {"on": "mail"}})).await;
    let mail = json!({"format": 1, "id": "00000000-0000-7000-8000-000000000001", "from": "elsewhere", "hops": 7,
        "recipients": ["cyd"], "payload": {"text": "x"}, "sent_at": "2027-01-15T08:00:00.000Z"});
    world.put("ingress/mail/00000000-0000-7000-8000-000000000001.json", &mail).await;
    world.tick().await;
    let closed = world.closed(1).await;
    assert_eq!(closed.entries.iter().find(|entry| entry.mail).map(|entry| entry.hops), Some(7));
}

#[tokio::test]
async fn mail_in_the_name_of_an_agent_there_is_not_sent() {
    let there = tempfile::tempdir().unwrap();
    std::fs::write(there.path().join("org.json"), "{}").unwrap();
    std::fs::create_dir_all(there.path().join("agents/test")).unwrap();
    std::fs::write(there.path().join("agents/test/resume.json"), "{}").unwrap();
    let to = json!({"ingress": {"store": there.path().to_str().unwrap()}});
    let world = world(json!([{"name": "out", "to": to}])).await;
    world.tick().await;
    let went = deliver(&world).await;
    assert!(went.delivered == 0 && went.error.as_ref().is_some_and(|e| e.contains("is an agent")), "{went:?}");
    assert!(!there.path().join("ingress").exists());
}

/// A receiver without a network, behind the same gate as the store.
#[derive(Debug)]
struct Fake {
    gate: Arc<Gate>,
    seen: Arc<Mutex<Vec<(String, Value)>>>,
}

#[async_trait]
impl Carrier for Fake {
    async fn carry(&self, sending: Sending<'_>) -> Result<(), Failure> {
        self.gate.pass().await;
        let document = sending.parcel.document(sending.org, sending.rule);
        self.seen.lock().unwrap().push((sending.parcel.id.to_string(), document));
        self.gate.pass().await;
        Ok(())
    }
}

#[tokio::test]
async fn a_runner_that_dies_anywhere_in_a_pass_loses_nothing_and_repeats_under_the_same_id() {
    let mut died = 0;
    for passage in 1.. {
        let world = world(webhook("http://receiver.example/")).await;
        world.tick().await;
        world.tick().await;
        let seen: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let gate = Gate::closing_at(passage);
        let mut first = courier_with(&world, Arc::new(Fake { gate: gate.clone(), seen: seen.clone() }));
        let gated = Gated { inner: world.objects.clone(), gate: gate.clone() };
        first.store = Store::new(Arc::new(gated), Path::from("org"), false);
        let dies = tokio::select! {
            biased;
            () = gate.hit() => true,
            _ = deliver_within(&world, &first, Duration::from_secs(600)) => false,
        };
        drop(first);
        died += u64::from(dies);
        let open = Gate::closing_at(u64::MAX);
        for _ in 0..2 {
            let next = courier_with(&world, Arc::new(Fake { gate: open.clone(), seen: seen.clone() }));
            deliver_within(&world, &next, Duration::from_secs(600)).await;
        }
        let mut documents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (id, document) in seen.lock().unwrap().iter() {
            documents.entry(id.clone()).or_default().insert(document.to_string());
        }
        assert_eq!(documents.keys().cloned().collect::<BTreeSet<_>>(), reports(&world).await, "passage {passage}");
        assert!(documents.values().all(|documents| documents.len() == 1), "passage {passage}");
        for tick in [1, 2] {
            let record: Delivered = world.read(Key::Delivery(rule(), Tick(tick))).await;
            assert_eq!(record.settled.len(), 2);
        }
        if !dies {
            break;
        }
    }
    assert!(died > 20, "{died}");
}
