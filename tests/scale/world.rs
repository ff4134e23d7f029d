//! Ticks of a large organisation by any number of runners, in the time of a clock that moves when nothing else can.
//!
//! The engine is the real one. Time is what the bucket and the models take: what processors take is no part of it.

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use lemming::clock::{Clock, Entropy};
use lemming::domain::model::{Model, Usage};
use lemming::domain::name::ModelKey;
use lemming::domain::time::Timestamp;
use lemming::engine::{Context, Part, Silent, Stop, Terms, run_tick};
use lemming::provider::{Answer, CallError, Provider, Providers, Request};
use lemming::record::plan::Trigger;
use lemming::store::Store;
use lemming::store::counting::Requests;
use object_store::path::Path;
use serde_json::json;
use tokio::time::Instant;

use crate::bucket::{BEGINNING_MS, Bucket, Connection, Marks, ROOT};
use crate::dice::Dice;

/// The length of a slot: longer than any tick here takes.
const SLOT: Duration = Duration::from_secs(24 * 3_600);

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub agents: u64,
    /// So many of them are due in every slot, the others hardly ever.
    pub due: u64,
    pub runners: u64,
    /// How long a model thinks, from and to, in milliseconds.
    pub model_ms: (u64, u64),
    /// Whether the bucket bears no more than S3 promises for one partition.
    pub limited: bool,
    /// `limits.max_parallel_turns` and `limits.agents_per_shard`.
    pub parallel: u64,
    pub per_shard: u64,
    /// The tick that is measured; those before it are run by one runner.
    pub tick: u64,
    /// Whether one runner begins and the others come when the plan is there; else all come at once.
    pub helpers_come_later: bool,
    /// Whether runners wait for each other, as `lemming tick` does; else they leave what others hold, as a scheduler's do.
    pub waits: bool,
    pub seed: u64,
}

/// What it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    pub turns: u64,
    pub calls: u64,
    pub marks: Marks,
    /// Until the last runner had ended.
    pub ended_ms: u64,
    /// How long all runners ran, taken together.
    pub runner_ms: u64,
    pub requests: Requests,
    pub by_folder: Vec<(String, Requests)>,
    pub throttled: u64,
    /// Invocations that ended with an error, and were made again.
    pub failed: u64,
    /// The most requests that one runner had under way at once.
    pub peak: u64,
    /// What lies in the bucket after it.
    pub bytes: u64,
}

impl Figures {
    /// The turns' share of the time, if all turns that may run at once always did.
    pub fn ideal_ms(&self, case: &Case) -> u64 {
        let mean = u64::midpoint(case.model_ms.0, case.model_ms.1);
        self.turns * mean / (case.runners * case.parallel).min(self.turns.max(1))
    }
}

/// A runner's clock and entropy.
#[derive(Debug)]
struct Process {
    bucket: Arc<Bucket>,
    dice: Dice,
}

#[async_trait]
impl Clock for Process {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.bucket.now_ms())
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Entropy for Process {
    fn bytes(&self) -> [u8; 16] {
        self.dice.bytes()
    }
}

/// A model that thinks for a while, says one thing to whoever reads it, and keeps one memory.
#[derive(Debug)]
struct Mind {
    dice: Dice,
    model_ms: (u64, u64),
    calls: AtomicU64,
}

#[derive(Debug, Clone)]
struct Minds(Arc<Mind>);

#[async_trait]
impl Providers for Minds {
    async fn open(&self, _: &ModelKey, _: &Model) -> Result<Arc<dyn Provider>, CallError> {
        Ok(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Provider for Minds {
    async fn complete(&self, request: &Request) -> Result<Answer, CallError> {
        let mind = &self.0;
        mind.calls.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(mind.dice.time(mind.model_ms.0, mind.model_ms.1)).await;
        let view = &request.view;
        let text = json!({
            "outbox_entries": [{"payload": {"text": format!("{} has counted to {}.", view.agent, view.tick)}}],
            "memory_updates": [{"key": "count", "op": "set", "value": view.tick}],
        });
        let usage = Some(Usage { input_tokens: 900, output_tokens: 60, ..Usage::default() });
        Ok(Answer { text: text.to_string(), tool_calls: Vec::new(), usage, reported_model: None, response_id: None })
    }
}

fn name(i: u64) -> String {
    format!("a{i:06}")
}

/// A ring in snapshot mode: each agent is due in every slot, and reads the one before it.
fn found(bucket: &Bucket, case: &Case) {
    let org = json!({"format": 1, "name": "scale", "visibility": "snapshot", "pace": {"every": "1d"},
        "credits": {"cost_per_action": 0},
        "limits": {"max_parallel_turns": case.parallel, "agents_per_shard": case.per_shard, "max_prompt_tokens": 4000}});
    bucket.lay("org.json", &org.to_string());
    let models = json!({"m": {"provider": "test", "price": {"input": 0.1, "output": 0.5}}});
    bucket.lay("config/models.json", &models.to_string());
    for i in 0..case.agents {
        let resume = json!({
            "name": name(i), "title": "Link", "short_description": "A link of the ring.",
            "instructions": "Say something to the next one, and count.", "model": {"key": "m", "max_tokens": 200},
            "permissions": {"read_outboxes": [name((i + case.agents - 1) % case.agents)]},
            "credits": {"max_credits": 100, "soft_cap": 0},
            "schedule": {"run_every_n_ticks": if i < case.due { 1 } else { 500_000 }},
        });
        bucket.lay(&format!("agents/{}/resume.json", name(i)), &resume.to_string());
    }
}

/// One runner, in a process of its own: it begins with nothing in memory, and is started again if its tick fails.
struct Runner {
    connection: Connection,
    process: Arc<Process>,
    minds: Minds,
    tick: u64,
    part: Option<Part>,
    leaves: bool,
}

impl Runner {
    /// Works until the tick is closed, or others hold all that is left of it. Gives how long it ran, and how often it failed.
    async fn run(&self) -> (Duration, u64) {
        let began = Instant::now();
        let trigger = Trigger::Slot { time: Timestamp::from_unix_ms(BEGINNING_MS + slot_ms(self.tick)) };
        for failed in 0.. {
            let context = Context {
                store: Store::new(Arc::new(self.connection.clone()), Path::from(ROOT), false),
                providers: Arc::new(self.minds.clone()),
                tools: lemming::tool::builtin(),
                clock: Arc::clone(&self.process) as _,
                entropy: Arc::clone(&self.process) as _,
                memo: Arc::default(),
                seed: None,
                stop: Stop::never(),
                terms: Terms { part: self.part, leaves_what_is_held: self.leaves, ..Terms::default() },
                connector: Arc::new(lemming::tool::Unconnected),
                progress: Arc::new(Silent),
            };
            match run_tick(&context, trigger.clone()).await {
                Ok(_) => return (began.elapsed(), failed),
                Err(error) if failed < 200 => {
                    let _ = error;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => panic!("a runner does not come along: {error}: {:?}", std::error::Error::source(&error)),
            }
        }
        unreachable!("it ends or panics")
    }
}

fn slot_ms(tick: u64) -> i64 {
    i64::try_from(tick).unwrap_or(i64::MAX) * i64::try_from(SLOT.as_millis()).unwrap_or(i64::MAX)
}

async fn live(case: Case) -> Figures {
    let bucket = Arc::new(Bucket::new(Dice::new(case.seed), case.limited));
    found(&bucket, &case);
    let mind = Mind { dice: Dice::new(case.seed ^ 0xa1), model_ms: case.model_ms, calls: AtomicU64::new(0) };
    let minds = Minds(Arc::new(mind));
    let runner = |tick: u64, number: u64| Runner {
        connection: Connection::new(Arc::clone(&bucket)),
        process: Arc::new(Process {
            bucket: Arc::clone(&bucket),
            dice: Dice::new(case.seed.wrapping_mul(1_000_003) ^ (tick << 20) ^ number),
        }),
        minds: minds.clone(),
        tick,
        // As pods of an Indexed Job: each begins at its own part of the shards.
        part: NonZeroU32::new(u32::try_from(case.runners).unwrap_or(u32::MAX))
            .map(|count| Part { index: u32::try_from(number).unwrap_or_default(), count }),
        leaves: !case.waits,
    };
    for tick in 1..case.tick {
        runner(tick, 0).run().await;
        let next = Duration::from_millis(u64::try_from(slot_ms(tick + 1)).unwrap_or_default());
        tokio::time::sleep_until(Instant::now() + next.saturating_sub(elapsed(&bucket))).await;
    }
    minds.0.calls.store(0, Ordering::Relaxed);
    bucket.start_counting();
    let began = Instant::now();
    let runners: Vec<Runner> = (0..case.runners).map(|number| runner(case.tick, number)).collect();
    let works = runners.iter().enumerate().map(|(number, runner)| {
        let bucket = &bucket;
        async move {
            while case.helpers_come_later && number > 0 && bucket.marks().planned_ms == 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            runner.run().await
        }
    });
    let ran = join_all(works).await;
    assert!(bucket.marks().closed_ms > 0, "the tick is left open");
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Figures {
        turns: case.due.min(case.agents),
        calls: minds.0.calls.load(Ordering::Relaxed),
        marks: bucket.marks(),
        ended_ms: ms(began.elapsed()),
        runner_ms: ran.iter().map(|(duration, _)| ms(*duration)).sum(),
        requests: bucket.requests(),
        by_folder: bucket.by_folder().into_iter().collect(),
        throttled: bucket.throttled(),
        failed: ran.iter().map(|(_, failed)| failed).sum(),
        peak: runners.iter().map(|runner| runner.connection.peak()).max().unwrap_or_default(),
        bytes: bucket.bytes(),
    }
}

fn elapsed(bucket: &Bucket) -> Duration {
    Duration::from_millis(u64::try_from(bucket.now_ms() - BEGINNING_MS).unwrap_or_default())
}

/// Simulates a case. The same case gives the same figures.
pub fn simulate(case: Case) -> Figures {
    in_its_own_time(live(case))
}

fn in_its_own_time<T>(life: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(life)
}
