//! What the targets stand on: a small organisation in memory, whose agent says nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lemming::clock::{Clock, Entropy};
use lemming::domain::ids::Seed;
use lemming::domain::model::Model;
use lemming::domain::name::ModelKey;
use lemming::domain::time::Timestamp;
use lemming::engine::{Context, EngineError, Memo, Outcome, Silent, Stop, run_tick};
use lemming::provider::{Answer, CallError, Provider, Providers, Request};
use lemming::record::plan::Trigger;
use lemming::store::{Key, Store};
use object_store::memory::InMemory;
use object_store::path::Path;

const ORG: &str = r#"{"format": 1, "name": "Fuzzed", "budget": {"credits": 100, "per": "day"}}"#;

const MODELS: &str = r#"{"m": {"provider": "quiet", "price": {"input": 1, "output": 1}}}"#;

const RESUME: &str = r#"{
  "name": "ada", "title": "T", "short_description": "S", "instructions": "I", "model": {"key": "m", "max_tokens": 64},
  "permissions": {"read_outboxes": "all", "tools": []}, "schedule": {"run_every_n_ticks": 1},
  "credits": {"max_credits": 10}
}"#;

/// The files of the organisation, by their paths.
#[must_use]
pub fn files() -> BTreeMap<&'static str, Vec<u8>> {
    [("org.json", ORG), ("config/models.json", MODELS), ("agents/ada/resume.json", RESUME)]
        .map(|(path, text)| (path, text.as_bytes().to_vec()))
        .into()
}

/// An organisation in memory.
#[derive(Debug)]
pub struct World {
    /// Its files.
    pub store: Store,
}

impl World {
    /// An organisation with these files.
    ///
    /// # Panics
    /// A path is none of an organisation's.
    pub async fn of(files: BTreeMap<&str, Vec<u8>>) -> Self {
        let store = Store::new(Arc::new(InMemory::new()), Path::ROOT, true);
        for (path, bytes) in files {
            let key = Key::parse(path).unwrap_or_else(|| panic!("{path} is no key"));
            store.put(&key, Bytes::from(bytes)).await.expect("a put in memory");
        }
        Self { store }
    }

    /// Runs a tick.
    ///
    /// # Errors
    /// As of `run_tick`.
    pub async fn tick(&self) -> Result<Outcome, EngineError> {
        let ctx = Context {
            store: self.store.clone(),
            providers: Arc::new(Quiet),
            tools: Vec::new(),
            clock: Arc::new(Still),
            entropy: Arc::new(Counted::default()),
            memo: Arc::new(Memo::default()),
            seed: Some(Seed(1)),
            stop: Stop::never(),
            terms: lemming::engine::Terms::default(),
            connector: Arc::new(lemming::tool::Unconnected),
            progress: Arc::new(Silent),
        };
        run_tick(&ctx, Trigger::Invocation).await
    }
}

/// Does something that waits for nothing but memory.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}

/// The model: it says nothing.
#[derive(Debug)]
pub struct Quiet;

#[async_trait]
impl Provider for Quiet {
    async fn complete(&self, _: &Request) -> Result<Answer, CallError> {
        let text = "{\"outbox_entries\": []}".to_owned();
        Ok(Answer { text, tool_calls: Vec::new(), usage: None, reported_model: None, response_id: None })
    }
}

#[async_trait]
impl Providers for Quiet {
    async fn open(&self, _: &ModelKey, _: &Model) -> Result<Arc<dyn Provider>, CallError> {
        Ok(Arc::new(Self))
    }
}

#[derive(Debug)]
struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(1_767_225_600_000)
    }

    async fn sleep(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

/// Numbers instead of entropy, so that an input does the same each time.
#[derive(Debug, Default)]
struct Counted(AtomicU64);

impl Entropy for Counted {
    fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        bytes
    }
}
