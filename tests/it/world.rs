//! A world to run ticks in: a memory store, a clock that stands still, entropy from a seed, and a
//! model that answers by a function.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lemming::clock::{Clock, Entropy};
use lemming::domain::credits::Credits;
use lemming::domain::ids::{Seed, Sha};
use lemming::domain::model::{Model, Price, Usage};
use lemming::domain::name::{AgentName, ModelKey};
use lemming::domain::time::{Tick, Timestamp};
use lemming::engine::{Context, EngineError, Outcome, Replaying, Silent, Stop, TickReport, load, run_tick};
use lemming::provider::replay::Replay;
use lemming::provider::{Answer, CallError, Provider, Providers, Request, ToolCall};
use lemming::record::Record;
use lemming::record::closed::Closed;
use lemming::record::plan::{Plan, Trigger};
use lemming::record::state::State;
use lemming::record::turn::TurnRecord;
use lemming::store::counting::{Counting, Requests};
use lemming::store::{Key, Store};
use lemming::tool::{Connector, Tool, Unconnected};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::{Value, json};

use crate::audit::{Call, Evidence, Expect, Seen};
use crate::gate::Gate;

pub type Mind = Arc<dyn Fn(&Request) -> Result<String, CallError> + Send + Sync>;

/// A clock that moves only when told; sleeping takes no time but yields.
#[derive(Debug)]
pub struct HandClock(AtomicI64);

impl HandClock {
    pub fn advance(&self, duration: Duration) {
        self.0.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl HandClock {
    pub fn back(&self, duration: Duration) {
        self.0.fetch_sub(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

impl Entropy for SeededEntropy {
    fn bytes(&self) -> [u8; 16] {
        let n = self.0.fetch_add(1, Ordering::SeqCst);
        let sha = Sha::of(&n.to_be_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&sha.as_str().as_bytes()[..16]);
        bytes
    }
}

/// A model that answers by a function, and logs every call.
#[derive(Clone)]
pub struct Thinker {
    pub mind: Mind,
    pub calls: Arc<Mutex<Vec<Call>>>,
    pub delay: Duration,
    /// What a call passes before and after it is paid.
    pub gate: Option<Arc<Gate>>,
}

impl fmt::Debug for Thinker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Thinker")
    }
}

/// The tokens of every answer.
const USAGE: Usage = Usage {
    input_tokens: 100,
    cached_input_tokens: 0,
    cache_write_input_tokens: 0,
    output_tokens: 10,
    reasoning_output_tokens: 0,
};

/// An answer `{"native": [calls], "text": ..}` stands for one with calls in the provider's own way.
fn native(answer: String) -> (String, Vec<ToolCall>) {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(&answer) else { return (answer, Vec::new()) };
    match fields.remove("native") {
        None => (answer, Vec::new()),
        Some(calls) => {
            let text = fields.remove("text").and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default();
            (text, serde_json::from_value(calls).unwrap())
        }
    }
}

#[derive(Debug)]
struct Priced {
    thinker: Thinker,
    price: Price,
}

#[async_trait]
impl Provider for Priced {
    async fn complete(&self, request: &Request) -> Result<Answer, CallError> {
        let (view, thinker) = (&request.view, &self.thinker);
        if let Some(gate) = &thinker.gate {
            gate.pass().await;
        }
        let answer = (thinker.mind)(request);
        let bytes: usize = request.messages.iter().map(|message| message.content.len()).sum();
        let paid = match &answer {
            Ok(_) => self.price.of(USAGE),
            // A provider may bill for an answer that nobody got.
            Err(error) if error.kind.may_have_cost() => {
                self.price.worst(u64::try_from(bytes).unwrap(), u64::from(request.max_tokens))
            }
            Err(_) => Credits::ZERO,
        };
        let call = Call { tick: view.tick, agent: view.agent.clone(), step: view.step, paid };
        thinker.calls.lock().unwrap().push(call);
        if !thinker.delay.is_zero() {
            tokio::time::sleep(thinker.delay).await;
        }
        if let Some(gate) = &thinker.gate {
            gate.pass().await;
        }
        let (text, tool_calls) = native(answer?);
        Ok(Answer { text, tool_calls, usage: Some(USAGE), reported_model: None, response_id: None })
    }
}

#[async_trait]
impl Providers for Thinker {
    async fn open(&self, _: &ModelKey, model: &Model) -> Result<Arc<dyn Provider>, CallError> {
        Ok(Arc::new(Priced { thinker: self.clone(), price: model.price.clone() }))
    }
}

pub struct World {
    pub objects: Arc<dyn ObjectStore>,
    /// The store as the runners have it.
    pub store: Store,
    /// The same objects without anything in front, for people and auditors.
    pub raw: Store,
    /// Names of ingress that a person put there.
    pub sent: Mutex<BTreeSet<String>>,
    pub counting: Arc<Counting<Arc<dyn ObjectStore>>>,
    pub clock: Arc<HandClock>,
    pub thinker: Thinker,
    pub org: Value,
    pub tools: Vec<Arc<dyn Tool>>,
    /// What makes the tools that the organisation brings itself.
    pub connector: Arc<dyn Connector>,
    entropy: AtomicU64,
}

impl World {
    pub fn new(mind: impl Fn(&Request) -> Result<String, CallError> + Send + Sync + 'static) -> Self {
        Self::over(Arc::new(InMemory::new()), mind)
    }

    pub fn over(
        objects: Arc<dyn ObjectStore>,
        mind: impl Fn(&Request) -> Result<String, CallError> + Send + Sync + 'static,
    ) -> Self {
        Self::through(objects.clone(), objects, mind)
    }

    /// A world whose runners see `objects` through `seen`.
    pub fn through(
        objects: Arc<dyn ObjectStore>,
        seen: Arc<dyn ObjectStore>,
        mind: impl Fn(&Request) -> Result<String, CallError> + Send + Sync + 'static,
    ) -> Self {
        let counting = Arc::new(Counting::new(seen));
        let store = Store::new(counting.clone(), Path::from("org"), false);
        Self {
            raw: Store::new(objects.clone(), Path::from("org"), true),
            objects,
            store,
            sent: Mutex::default(),
            counting,
            clock: Arc::new(HandClock(AtomicI64::new(1_800_000_000_000))),
            thinker: Thinker { mind: Arc::new(mind), calls: Arc::default(), delay: Duration::ZERO, gate: None },
            org: json!({"format": 1, "name": "test", "credits": {"cost_per_action": 0.001}}),
            tools: lemming::tool::builtin(),
            connector: Arc::new(Unconnected),
            entropy: AtomicU64::new(0),
        }
    }

    /// Draws nonces and runners from somewhere else.
    pub fn start_entropy(&mut self, seed: u64) {
        self.entropy = AtomicU64::new(seed);
    }

    pub async fn found(&self) {
        self.put("org.json", &self.org).await;
        let price = json!({"input": 1, "output": 2});
        self.put("config/models.json", &json!({"m": {"provider": "test", "price": price}})).await;
    }

    pub async fn put(&self, path: &str, value: &Value) {
        let bytes = serde_json::to_vec_pretty(value).unwrap();
        self.raw.put_path(path, Bytes::from(bytes)).await.unwrap();
    }

    /// Puts a message into the mail slot; its name is a number, so that names sort as they are sent.
    pub async fn mail(&self, number: u64, from: &str, to: Option<&[&str]>, text: &str) {
        let id = format!("00000000-0000-7000-8000-{number:012}");
        self.sent.lock().unwrap().insert(id.clone());
        let mail = json!({"format": 1, "id": id, "from": from, "recipients": to, "payload": {"text": text},
            "sent_at": "2027-01-15T08:00:00.000Z"});
        self.put(&format!("ingress/mail/{id}.json"), &mail).await;
    }

    /// Gives a command through the ingress.
    pub async fn command(&self, number: u64, mut action: Value) {
        let id = format!("00000000-0000-7000-9000-{number:012}");
        self.sent.lock().unwrap().insert(id.clone());
        merge(&mut action, json!({"format": 1, "by": "test", "sent_at": "2027-01-15T08:00:00.000Z"}));
        self.put(&format!("ingress/control/{id}.json"), &action).await;
    }

    pub async fn agent(&self, name: &str, change: Value) {
        let mut resume = json!({
            "name": name, "title": "Test", "short_description": "Tests.", "instructions": "Test.",
            "model": {"key": "m", "max_tokens": 100},
            "permissions": {"read_outboxes": ["*"]},
        });
        merge(&mut resume, change);
        self.put(&format!("agents/{name}/resume.json"), &resume).await;
    }

    pub fn context(&self) -> Context {
        Context {
            store: self.store.clone(),
            providers: Arc::new(self.thinker.clone()),
            tools: self.tools.clone(),
            clock: self.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(self.entropy.fetch_add(1, Ordering::SeqCst))),
            seed: Some(Seed(7)),
            stop: Stop::never(),
            terms: lemming::engine::Terms::default(),
            memo: Arc::default(),
            connector: self.connector.clone(),
            progress: Arc::new(Silent),
        }
    }

    pub async fn tick(&self) -> TickReport {
        match run_tick(&self.context(), Trigger::Invocation).await.unwrap() {
            Outcome::Ran(report) => report,
            Outcome::Idle { reason } => panic!("idle: {reason:?}"),
        }
    }

    pub async fn state(&self) -> State {
        load(&self.raw).await.unwrap().state
    }

    pub async fn read<R: Record>(&self, key: Key) -> R {
        self.raw.read(&key).await.unwrap().unwrap_or_else(|| panic!("{key} is missing"))
    }

    pub async fn turn(&self, tick: u64, agent: &str) -> TurnRecord {
        self.read(Key::Turn(Tick(tick), name(agent))).await
    }

    pub async fn closed(&self, tick: u64) -> Closed {
        self.read(Key::Closed(Tick(tick))).await
    }

    pub async fn plan(&self, tick: u64) -> Plan {
        self.read(Key::Plan(Tick(tick))).await
    }

    pub fn requests(&self) -> Requests {
        self.counting.counter().read()
    }

    /// Every object by path, with its bytes.
    pub async fn all(&self) -> BTreeMap<String, Bytes> {
        let mut all = BTreeMap::new();
        for path in self.raw.list(&lemming::store::Prefix::Everything).await.unwrap() {
            if let Some(bytes) = self.raw.get_path(&path).await.unwrap() {
                all.insert(path, bytes);
            }
        }
        all
    }

    /// What auditors go by.
    pub async fn evidence(&self) -> Evidence {
        Evidence {
            objects: self.all().await,
            calls: self.calls(),
            sent: self.sent.lock().unwrap().clone(),
            tools: self.tools.clone(),
        }
    }

    /// Lets auditors look at all of it.
    pub async fn audit(&self, expect: &Expect) -> Seen {
        crate::audit::audit(&self.evidence().await, expect).await
    }

    /// What a replay needs.
    pub fn replaying(&self) -> Replaying {
        let answers = |record: Arc<TurnRecord>| -> Arc<dyn Providers> { Arc::new(Replay::of(record)) };
        Replaying { store: self.raw.clone(), tools: self.tools.clone(), connector: self.connector.clone(), answers }
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.thinker.calls.lock().unwrap().clone()
    }

    pub async fn run(&self, trigger: Trigger) -> Result<Outcome, EngineError> {
        run_tick(&self.context(), trigger).await
    }
}

pub fn name(name: &str) -> AgentName {
    AgentName::new(name).unwrap()
}

pub fn merge(base: &mut Value, change: Value) {
    match (base, change) {
        (Value::Object(base), Value::Object(change)) => {
            for (key, value) in change {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, change) => *base = change,
    }
}

/// An answer that says one thing.
pub fn says(text: &str) -> String {
    json!({"outbox_entries": [{"payload": {"text": text}}]}).to_string()
}
