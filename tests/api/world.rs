//! An organisation in memory, a clock that is set by hand, and its API without a socket.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use lemming::api::auth::Peer;
use lemming::api::keys::{hash, new_key};
use lemming::api::wake::Waker;
use lemming::api::{Access, ApiState, Settings, router};
use lemming::clock::{Clock, SystemEntropy};
use lemming::config::Environment;
use lemming::domain::time::Timestamp;
use lemming::engine::{Outcome, Silent, Stop, Terms, TickReport, run_tick};
use lemming::record::plan::Trigger;
use lemming::runner::compose::{Org, open};
use lemming::store::{Key, Prefix, Store};
use lemming::template;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// What the variable that hooks name holds.
pub const HOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A clock that moves only when told.
#[derive(Debug)]
pub struct HandClock(AtomicI64);

impl HandClock {
    pub fn advance(&self, duration: Duration) {
        self.0.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
    }
    async fn sleep(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

/// Counts how often it is told.
#[derive(Debug, Default)]
pub struct Told(AtomicUsize);

impl Waker for Told {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The status, the code and the pointer of an error, whose envelope is as it should be.
    pub fn error(&self) -> (u16, &str, &str) {
        let fields: Vec<&str> = self.body["error"].as_object().expect("an error").keys().map(String::as_str).collect();
        assert!(fields.iter().all(|field| ["code", "message", "pointer", "hint"].contains(field)), "{fields:?}");
        assert!(self.text("message").len() > 5, "{}", self.body);
        (self.status.as_u16(), self.text("code"), self.text("pointer"))
    }

    pub fn text(&self, field: &str) -> &str {
        self.body["error"][field].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// The template's organisation, and its API.
pub struct World {
    pub org: Org,
    pub clock: Arc<HandClock>,
    pub told: Arc<Told>,
    pub router: Router,
}

impl World {
    pub async fn new(access: Access) -> Self {
        Self::with(Settings::new(access), Arc::new(InMemory::new())).await
    }

    /// Over these objects, which may misbehave: the files are put there as they are.
    pub async fn with(settings: Settings, objects: Arc<dyn ObjectStore>) -> Self {
        let store = Store::new(objects, Path::from("org"), true);
        let world = Self::over(settings, store).await;
        for (key, text) in template::files(&template::Wishes::default()) {
            world.org.store.put(&key, text.into()).await.expect("written");
        }
        world
    }

    /// Over a store as it is.
    pub async fn over(settings: Settings, store: Store) -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(1_800_000_000_000)));
        let secret = ("HOOK_SECRET".to_owned(), HOOK_SECRET.to_owned());
        let environment = Environment::new(["lemming"], [secret]);
        let mut org = open("memory:///", &environment).expect("a place").with_clock(clock.clone());
        org.store = store;
        let told = Arc::new(Told::default());
        let router = router(ApiState::new(org.clone(), settings, told.clone()));
        Self { org, clock, told, router }
    }

    /// Adds keys of these names and scopes, and gives the keys.
    pub async fn keys<const N: usize>(&self, keys: [(&str, &[&str]); N]) -> [String; N] {
        let made = keys.map(|(name, scopes)| (name, scopes, new_key(&SystemEntropy)));
        let file: Value = made
            .iter()
            .map(|(name, scopes, key)| ((*name).to_owned(), json!({"sha256": hash(key), "scopes": scopes})))
            .collect();
        self.write(&Key::api_keys().path(), &file).await;
        made.map(|(_, _, key)| key.expose().to_owned())
    }

    pub async fn write(&self, path: &str, value: &Value) {
        self.org.store.put_path(path, value.to_string().into()).await.expect("written");
    }

    /// The paths of what is in the mail slot.
    pub async fn mail(&self) -> Vec<String> {
        let all = self.org.store.list(&Prefix::Ingress).await.expect("a listing");
        all.into_iter().filter(|path| path.starts_with("ingress/mail/")).collect()
    }

    /// How often the organisation was woken.
    pub fn woken(&self) -> usize {
        self.told.0.load(Ordering::SeqCst)
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        Self::ask_of(&self.router, request).await
    }

    pub async fn ask_of(router: &Router, request: Request<Body>) -> Answer {
        let response = router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("json") };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(request("GET", path, &[]).body(Body::empty()).unwrap()).await
    }

    /// Posts a message with these headers besides the usual ones.
    pub async fn post(&self, body: impl ToString, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers);
        self.ask(request("POST", "/api/messages", &all).body(Body::from(body.to_string())).unwrap()).await
    }

    pub async fn tick(&self) -> TickReport {
        let ctx = self.org.context(None, Terms::default(), Stop::never(), Arc::new(Silent));
        match run_tick(&ctx, Trigger::Invocation).await.expect("a tick") {
            Outcome::Ran(report) => report,
            other => panic!("{other:?}"),
        }
    }
}

/// A request from this machine, or from where `x-test-peer` says.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> axum::http::request::Builder {
    let mut request = Request::builder().method(method).uri(path);
    let named =
        |name: &str| headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
    let peer: IpAddr = named("x-test-peer").unwrap_or("127.0.0.1").parse().unwrap();
    request = request.extension(Peer(peer));
    if named("host").is_none() {
        request = request.header("host", "localhost:8080");
    }
    headers
        .iter()
        .filter(|(name, _)| *name != "x-test-peer")
        .fold(request, |request, (name, value)| request.header(*name, *value))
}

pub fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

pub fn hello() -> Value {
    json!({"recipients": ["editor"], "text": "Hello"})
}
