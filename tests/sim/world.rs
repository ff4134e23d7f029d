//! A world from a seed: an organisation in a bucket, runners that race and die, people, faults; and in the
//! end one runner that works, and auditors.

use std::future::Future;
use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use lemming::clock::Clock as _;
use lemming::domain::name::AgentName;
use lemming::domain::time::Timestamp;
use lemming::engine::{Context, Deadline, EngineError, Memo, Outcome, Part, Silent, Stop, Terms, run_tick};
use lemming::mutant::{self, Mutant};
use lemming::record::plan::Trigger;
use lemming::runner::deadline::within;
use lemming::store::{Store, StoreError};
use object_store::path::Path;
use tokio::task::JoinSet;

use crate::audit::{Evidence, Expect, Seen, audit};
use crate::bucket::{Bucket, Hand};
use crate::dice::Dice;
use crate::minds::{Minds, Moods};
use crate::network::{Connection, Network, Odds, ROOT};
use crate::outside::{self, Line};
use crate::people::{AGENTS, MEMORIES, People, Traits};
use crate::process::{Process, Temper};

/// What a world was like, if all was well in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    pub seen: Seen,
    pub crashes: u64,
    pub faults: u64,
    pub events: u64,
    pub digest: u64,
    pub virtual_ms: i64,
}

impl Report {
    /// Adds what another world was like.
    pub fn add(&mut self, other: &Self) {
        let (all, seen) = (&mut self.seen, &other.seen);
        all.ticks += seen.ticks;
        all.turns += seen.turns;
        all.failed += seen.failed;
        all.read += seen.read;
        all.calls += seen.calls;
        all.imports += seen.imports;
        all.steps += seen.steps;
        all.holds += seen.holds;
        all.releases += seen.releases;
        all.forfeited += seen.forfeited;
        all.born += seen.born;
        self.crashes += other.crashes;
        self.faults += other.faults;
        self.events += other.events;
    }
}

/// Lives through the world of a seed. The error is the first thing that must never be.
pub fn live(seed: u64, loud: bool) -> Result<Report, String> {
    in_its_own_time(World::live(seed, loud))
}

/// Runs what happens in a world on one thread, with a clock that moves when nothing else can. A panic is an error.
pub fn in_its_own_time<T>(life: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    match runtime.block_on(AssertUnwindSafe(life).catch_unwind()) {
        Ok(lived) => lived,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            Err(text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default())
        }
    }
}

pub struct World {
    pub network: Arc<Network>,
    pub people: People,
    pub traits: Traits,
    moods: Moods,
    crashes: AtomicU64,
    over: AtomicBool,
}

impl World {
    fn new(seed: u64, loud: bool) -> Self {
        let dice = Dice::new(seed);
        let calm = seed.is_multiple_of(8);
        let traits = Traits {
            agents: usize::try_from(dice.between(2, AGENTS.len() as u64)).unwrap_or(2),
            poor: !calm && dice.chance(3_500),
            snapshot: dice.chance(4_000),
            slot_s: if dice.chance(3_000) { dice.between(5, 40) } else { 0 },
            lease_ms: if seed % 8 == 5 { 2_000 } else { *dice.pick(&[2_000, 5_000, 30_000]) },
            calm,
            drowsy: seed % 8 == 5,
        };
        let odds = match dice.below(4) {
            _ if seed % 8 == 3 => {
                Odds { late: 1_200, twice: 300, latency_ms: 60, latest_ms: 60_000, ..Odds::default() }
            }
            _ if calm => Odds { latency_ms: 40, ..Odds::default() },
            0 => Odds { latency_ms: 120, ..Odds::default() },
            1 => Odds {
                before: 100,
                after: 100,
                late: 60,
                twice: 60,
                throttled: 60,
                false_conflict: 60,
                own_conflict: 60,
                latency_ms: 120,
                latest_ms: 20_000,
            },
            _ => Odds {
                before: 300,
                after: 400,
                late: 300,
                twice: 200,
                throttled: 150,
                false_conflict: 200,
                own_conflict: 200,
                latency_ms: 150,
                latest_ms: 120_000,
            },
        };
        let moods = match calm {
            true => Moods { tools: 4_000, slowest_ms: 600, ..Moods::default() },
            false => Moods {
                fails: dice.below(1_500),
                garbage: dice.below(800),
                refuses: dice.below(800),
                silent: 300,
                repeats: 200,
                native: *dice.pick(&[0, 5_000]),
                writes: seed % 8 == 3,
                tools: if seed % 8 == 5 { 8_500 } else { dice.between(2_000, 7_000) },
                slowest_ms: *dice.pick(&[300, 3_000, 25_000]),
            },
        };
        Self::of(dice, traits, moods, odds, loud)
    }

    /// A world with these traits.
    pub fn of(dice: Dice, traits: Traits, moods: Moods, odds: Odds, loud: bool) -> Self {
        let network = Arc::new(Network::new(Bucket::new(loud), dice));
        network.set_odds(odds);
        let people = People::new(Arc::clone(&network), traits);
        let (crashes, over) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { network, people, traits, moods, crashes, over }
    }

    async fn live(seed: u64, loud: bool) -> Result<Report, String> {
        let world = Arc::new(Self::new(seed, loud));
        world.people.found();
        let dice = &world.network.dice;
        let mut runners = JoinSet::new();
        for number in 0..dice.between(2, 4) {
            let world = Arc::clone(&world);
            runners.spawn(async move { world.runner(usize::try_from(number).unwrap_or_default()).await });
        }
        let mut people = JoinSet::new();
        for _ in 0..2 {
            let world = Arc::clone(&world);
            people.spawn(async move { world.person().await });
        }
        let life = dice.time(40_000, 240_000);
        let ends = tokio::time::Instant::now() + life;
        while tokio::time::Instant::now() < ends {
            tokio::time::sleep(Duration::from_secs(1)).await;
            world.look()?;
            while let Some(done) = runners.try_join_next() {
                done.map_err(|error| format!("a runner: {error}"))?;
            }
        }
        world.over.store(true, Ordering::Relaxed);
        // People finish what they are about; runners end now, or go on for as long as they like.
        while let Some(done) = people.join_next().await {
            done.map_err(|error| format!("a person: {error}"))?;
        }
        if !world.traits.calm && dice.chance(5_000) {
            runners.abort_all();
            while let Some(done) = runners.join_next().await {
                if let Err(error) = done
                    && error.is_panic()
                {
                    return Err(format!("a runner: {error}"));
                }
            }
        }
        world.heal(runners).await
    }

    /// Fails if the witness objects to anything.
    pub fn look(&self) -> Result<(), String> {
        match self.network.bucket.inner().witness.objection() {
            Some(objection) => Err(objection.to_owned()),
            None => Ok(()),
        }
    }

    async fn person(&self) {
        while !self.over.load(Ordering::Relaxed) {
            tokio::time::sleep(self.network.dice.time(300, 9_000)).await;
            self.people.act().await;
            self.collect_garbage();
        }
    }

    /// What no collector of garbage may do, for the mutants that do it.
    fn collect_garbage(&self) {
        let (fences, turns) = (mutant::is(Mutant::FencesStay), mutant::is(Mutant::TurnRecordsStay));
        if !fences && !turns {
            return;
        }
        let bucket = &self.network.bucket;
        for (path, _) in bucket.below("ticks/") {
            let closed = format!("{}/closed.json", &path[..18]);
            if bucket.get(&closed).is_some() && (path.contains("/turns/") == turns) && !path.ends_with("closed.json") {
                bucket.delete(Hand::Runner(99), &path);
            }
        }
    }

    /// One scheduler and its processes: each makes invocations until it dies, then another begins.
    async fn runner(&self, number: usize) {
        let dice = &self.network.dice;
        while !self.over.load(Ordering::Relaxed) {
            let temper = match self.traits.calm {
                true => Temper::default(),
                false => Temper {
                    stalls: if self.traits.drowsy { 60 } else { *dice.pick(&[0, 0, 20, 40]) },
                    longest_stall_ms: if self.traits.drowsy { 9_000 } else { *dice.pick(&[5_000, 60_000, 300_000]) },
                    skew_ms: i64::try_from(dice.below(600_000)).unwrap_or_default() - 300_000,
                },
            };
            let process = Process::new(Hand::Runner(number), Arc::clone(&self.network), temper);
            let memo = Arc::new(Memo::default());
            while !self.over.load(Ordering::Relaxed) {
                if !self.invoke(&process, &memo).await {
                    break;
                }
                tokio::time::sleep(dice.time(50, 6_000)).await;
            }
            tokio::time::sleep(dice.time(50, 4_000)).await;
        }
    }

    /// One invocation; says whether its process still lives.
    async fn invoke(&self, process: &Arc<Process>, memo: &Arc<Memo>) -> bool {
        let dice = &self.network.dice;
        let (stop, stopped) = Stop::channel();
        let context = Context { terms: self.terms(), ..self.context(process, memo, stopped) };
        let trigger = self.trigger(process);
        let tick = run_tick(&context, trigger);
        if self.traits.calm {
            return self.over_with(tick.await);
        }
        let tick = within(context.terms.deadline, &stop, tick);
        let dies = dice.chance(3_000).then(|| dice.time(1, 15_000));
        let leaves = dice.chance(1_000).then(|| dice.time(1, 8_000));
        let after = |time: Option<Duration>| async move {
            match time {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let told = async {
            after(leaves).await;
            stop.stop();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = after(dies) => {
                self.crashes.fetch_add(1, Ordering::Relaxed);
                self.network.bucket.note(&format!("{:?} dies", process.hand));
                false
            }
            ended = tick => self.over_with(ended),
            () = told => true,
        }
    }

    /// Records that contradict each other are nobody's fault but ours.
    pub fn over_with(&self, ended: Result<Outcome, EngineError>) -> bool {
        if let Ok(Outcome::Ran(report)) = &ended {
            let skipped: Vec<String> =
                report.skipped.iter().map(|s| format!("{} ({})", s.agent, s.reason.as_str())).collect();
            self.network.bucket.note(&format!("tick {} ends; skipped: {skipped:?}", report.tick));
        }
        if let Err(error) = ended {
            self.network.bucket.note(&format!("a tick ends: {}", chain(&error)));
            let is_ours = matches!(
                &error,
                EngineError::Damaged { .. }
                    | EngineError::Store(StoreError::Conflict { .. } | StoreError::Record { .. })
            );
            // Where nothing fails, nothing may.
            if is_ours || self.traits.calm {
                self.network.bucket.inner().witness.object(chain(&error));
            }
        }
        true
    }

    /// Some wait for nobody, some have little time, some begin with a part of their own.
    fn terms(&self) -> Terms {
        let dice = &self.network.dice;
        let count = NonZeroU32::new(3).expect("three");
        Terms {
            leaves_what_is_held: dice.chance(3_000),
            goes_on: dice.chance(1_000),
            deadline: dice.chance(2_000).then(|| Deadline::after(dice.time(500, 20_000))),
            part: dice.chance(1_000).then(|| Part { index: u32::try_from(dice.below(3)).unwrap_or_default(), count }),
            only: None,
        }
    }

    fn trigger(&self, process: &Process) -> Trigger {
        let dice = &self.network.dice;
        match dice.below(10) {
            0 => Trigger::Wake { named: vec![] },
            1 if !self.traits.calm => {
                let agent = AGENTS[usize::try_from(dice.below(self.traits.agents as u64)).unwrap_or_default()];
                Trigger::Wake { named: vec![AgentName::new(agent).expect("a name")] }
            }
            2..=7 if self.traits.slot_s > 0 => {
                // A scheduler's own time, now and then delivered again or late.
                let slot = i64::try_from(self.traits.slot_s * 1_000).unwrap_or(1_000);
                let now = process.now().unix_ms() - i64::try_from(dice.below(3)).unwrap_or_default() * slot;
                Trigger::Slot { time: Timestamp::from_unix_ms(now - now.rem_euclid(slot)) }
            }
            _ => Trigger::Invocation,
        }
    }

    pub fn context(&self, process: &Arc<Process>, memo: &Arc<Memo>, stop: Stop) -> Context {
        let connection = Connection { network: Arc::clone(&self.network), process: Arc::clone(process) };
        let line = Line { network: Arc::clone(&self.network), process: Arc::clone(process) };
        let minds = Minds { network: Arc::clone(&self.network), process: Arc::clone(process), moods: self.moods };
        Context {
            store: Store::new(Arc::new(connection), Path::from(ROOT), self.traits.lease_ms == 5_000),
            providers: Arc::new(minds),
            tools: lemming::tool::builtin().into_iter().chain(outside::tools(Some(&line))).collect(),
            clock: Arc::clone(process) as _,
            entropy: Arc::clone(process) as _,
            memo: Arc::clone(memo),
            seed: None,
            stop,
            terms: Terms::default(),
            connector: Arc::new(lemming::tool::Unconnected),
            progress: Arc::new(Silent),
        }
    }

    /// The faults stop. One runner, beside those that still stumble home, finishes what is open and goes on; everybody
    /// is heard; and the auditors look.
    async fn heal(self: Arc<Self>, mut runners: JoinSet<()>) -> Result<Report, String> {
        let calm = self.traits.calm;
        self.network.set_odds(Odds { latency_ms: 20, ..Odds::default() });
        let healer = Self { moods: Moods { tools: 3_000, slowest_ms: 200, ..Moods::default() }, ..self.copy() };
        let process = Process::new(Hand::Runner(10), Arc::clone(&self.network), Temper::default());
        let memo = Arc::new(Memo::default());
        healer.within("one runner finishes the open tick", healer.finish_open(&process, &memo)).await?;
        if !calm {
            self.people.mend().await;
        }
        healer.within("ticks go on", healer.ticks(&process, &memo, 3)).await?;
        while let Some(done) = runners.join_next().await {
            done.map_err(|error| format!("a runner: {error}"))?;
        }
        self.look()?;
        let settled = async {
            while self.network.is_busy() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        self.within("all writes arrive", settled.map(Ok)).await?;
        healer.within("ticks go on", healer.ticks(&process, &memo, 2)).await?;
        let mut touched = std::collections::BTreeSet::new();
        if !calm {
            touched.extend(self.edits_are_seen(&healer, &process, &memo).await?);
            // Read by nobody since they were written last, or since a late deletion arrived, they may be stale.
            let inner = self.network.bucket.inner();
            let is_file = |path: &&String| path.starts_with("shared/") || path.contains("/workspace/");
            touched.extend(inner.witness.known().filter(is_file).cloned());
            touched.extend(inner.witness.edits.keys().filter(|path| !path.contains("/memory/")).cloned());
        }
        self.look()?;
        let evidence = self.evidence();
        for path in evidence.objects.keys() {
            if path.starts_with("ingress/") && path.ends_with(".json") {
                return Err(format!("{path} is never admitted"));
            }
        }
        let expect = Expect { exactly_once: calm, touched, stale_views: false };
        let seen = audit(&evidence, &expect).await;
        outside::audit(&self.network);
        let bucket = &self.network.bucket;
        let inner = bucket.inner();
        Ok(Report {
            seen,
            crashes: self.crashes.load(Ordering::Relaxed),
            faults: self.network.faults.load(Ordering::Relaxed),
            events: inner.trace.events,
            digest: inner.trace.digest(),
            virtual_ms: bucket.now_ms() - crate::bucket::BEGINNING_MS,
        })
    }

    fn copy(&self) -> Self {
        Self {
            network: Arc::clone(&self.network),
            people: People::new(Arc::clone(&self.network), self.traits),
            traits: self.traits,
            moods: self.moods,
            crashes: AtomicU64::new(0),
            over: AtomicBool::new(true),
        }
    }

    /// What a person edits while nothing is open is what the next turn has. Says which edits had no turn after them.
    async fn edits_are_seen(
        &self,
        healer: &Self,
        process: &Arc<Process>,
        memo: &Arc<Memo>,
    ) -> Result<Vec<String>, String> {
        let mut edits = Vec::new();
        for agent in &AGENTS[..self.traits.agents] {
            let key = self.network.dice.pick(&MEMORIES);
            // A key that the records know is looked at in every turn; others by listing, now and then.
            let path = format!("agents/{agent}/memory/{key}.json");
            if self.network.bucket.inner().witness.is_known(&path) {
                self.people.write_memory(&path);
                edits.push((path, *agent));
            }
        }
        let from = self.last_tick();
        healer.within("ticks go on", healer.ticks(process, memo, 2)).await?;
        let mut unseen = Vec::new();
        for (path, agent) in edits {
            // Who cannot pay does not run, and sees nothing yet.
            let turns = (from + 1..=self.last_tick()).map(|tick| format!("ticks/{tick:012}/turns/{agent}.json"));
            let Some(next) = turns.filter_map(|turn| self.network.bucket.get(&turn)).next() else {
                unseen.push(path);
                continue;
            };
            let turn: serde_json::Value = serde_json::from_slice(&next.bytes).unwrap_or_default();
            let imports = turn["imports"].as_array().into_iter().chain(turn["unimported"].as_array());
            if !imports.flatten().any(|import| import["path"] == path.as_str()) {
                return Err(format!("the edit of {path} after tick {from} was not seen"));
            }
        }
        Ok(unseen)
    }

    pub fn last_tick(&self) -> u64 {
        let closed = self.network.bucket.below("ticks/");
        closed.iter().filter(|(path, _)| path.ends_with("closed.json")).count() as u64
    }

    /// Finishes the tick that is open, whatever people have done to the files that the next one needs.
    async fn finish_open(&self, process: &Arc<Process>, memo: &Arc<Memo>) -> Result<(), String> {
        let open = format!("ticks/{:012}", self.last_tick() + 1);
        while self.network.bucket.get(&format!("{open}/plan.json")).is_some()
            && self.network.bucket.get(&format!("{open}/closed.json")).is_none()
        {
            let context = self.context(process, memo, Stop::never());
            self.over_with(run_tick(&context, Trigger::Invocation).await);
            self.look()?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Runs ticks until so many more are closed, and nothing waits to be admitted.
    pub async fn ticks(&self, process: &Arc<Process>, memo: &Arc<Memo>, more: u64) -> Result<(), String> {
        let until = self.last_tick() + more;
        loop {
            let waiting = self.network.bucket.below("ingress/");
            let waits = waiting.iter().any(|(path, _)| path.ends_with(".json"));
            if self.last_tick() >= until && !waits {
                return Ok(());
            }
            let context = self.context(process, memo, Stop::never());
            self.over_with(run_tick(&context, Trigger::Invocation).await);
            self.look()?;
            // At slot pace, the next slot.
            tokio::time::sleep(Duration::from_secs(self.traits.slot_s) + Duration::from_millis(50)).await;
        }
    }

    /// Whatever a world still has to do, it does within two hours of its own time.
    pub async fn within(&self, what: &str, work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
        match tokio::time::timeout(Duration::from_secs(7_200), work).await {
            Ok(done) => done,
            Err(_) => Err(format!("it does not come about that {what}")),
        }
    }

    pub fn evidence(&self) -> Evidence {
        let inner = self.network.bucket.inner();
        Evidence {
            objects: inner.objects.iter().map(|(path, object)| (path.clone(), object.bytes.clone())).collect(),
            calls: inner.witness.calls.clone(),
            sent: inner.witness.sent.clone(),
            tools: lemming::tool::builtin().into_iter().chain(outside::tools(None)).collect(),
        }
    }
}

/// An error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
