//! A shard: its chain is extended by creating the next number, and whoever extends it holds it.
//!
//! A hold gives licences; the turns that they allow run side by side, as the dependencies between
//! them let them. A holder that was passed finishes its licences and takes none. Nothing here
//! trusts a clock for safety: a wrong one makes two runners work on one turn, and one of them lose.

mod lease;
pub(super) mod look;
mod order;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use futures::future::try_join_all;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::Instrument as _;

use self::look::{Chain, Listing, Look};
use self::order::Order;
use self::work::{Event, Over, Work};
use super::EngineError;
use super::commit::{Published, commit, publish};
use super::fold::Hashed;
use super::licence::{FORFEITS, Licences};
use super::run::Run;
use super::turn::{self, Attempt, Committed, Meter, Permit, Preparation};
use crate::domain::ids::Sha;
use crate::domain::name::{AgentName, RunnerId};
use crate::domain::org::Visibility;
use crate::mutant::{self, Mutant};
use crate::record::chain::{Extension, LicenceId, Link, Settled};
use crate::record::turn::TurnRecord;
use crate::record::{decode, encode};
use crate::store::{Created, Key, StoreError};
use crate::telemetry::spans;

/// How work on a shard ended.
#[derive(Debug)]
pub(super) enum End {
    /// All its turns are committed, and their views written. Of one that others sealed the turns were not read.
    Sealed { chain: Chain, turns: Committed },
    /// Somebody else holds it, and is alive.
    Busy { holder: RunnerId, look_again: std::time::Duration },
    /// We were told to leave, and have released it.
    Left { turns: Committed },
}

/// Works on a shard until it is sealed, held by somebody else, or we are told to leave. `slots`: on so many at once. `listing`:
/// of all chains, where others are expected to have done, or to do, all that there is to do.
pub(super) async fn work(
    run: &Arc<Run>,
    number: u32,
    listing: Option<&Listing>,
    slots: &Semaphore,
) -> Result<End, EngineError> {
    if let Some(listing) = listing {
        match listing.look(run, number).await? {
            Look::Sealed(chain) => return Ok(End::Sealed { chain, turns: Committed::new() }),
            Look::Busy { holder, look_again } => return Ok(End::Busy { holder, look_again }),
            Look::Open => {}
        }
    }
    let mut shard = Shard::open(run, number).await?;
    let _slot = match slots.try_acquire() {
        Ok(slot) => Some(slot),
        Err(_) if shard.is_sealed() => None,
        Err(_) => {
            let slot = slots.acquire().await.ok();
            // It may have changed hands meanwhile.
            shard.read_chain().await?;
            slot
        }
    };
    if shard.is_sealed() {
        return Ok(End::Sealed { chain: Chain::Whole(shard.chain), turns: shard.committed });
    }
    if let Some(holder) = shard.other_holder().cloned() {
        if let Some(look_again) = lease::alive_for(run, number, shard.last_seq(), &holder).await? {
            return Ok(End::Busy { holder, look_again });
        }
        tracing::info!(event = "shard_passed", tick = run.tick().0, shard = number, holder = %holder,
            "a stale holder is passed over");
        shard.passed = Some(shard.last_seq());
    }
    if !shard.chain.is_empty() {
        shard.read_turns().await?;
    }
    shard.drive().await
}

/// Where the work on a shard has led.
enum Way {
    Sealed,
    Busy { holder: RunnerId, look_again: std::time::Duration },
    Leave,
}

/// A turn under a licence of ours.
#[derive(Clone)]
struct Mine {
    id: LicenceId,
    meter: Arc<Meter>,
    preparation: Arc<Preparation>,
}

struct Shard<'a> {
    run: &'a Arc<Run>,
    number: u32,
    agents: &'a [AgentName],
    /// Agents before this one are licensed, given up or committed.
    next: usize,
    chain: Vec<Hashed<Link>>,
    licences: Licences,
    committed: Committed,
    /// Which of them wait for which.
    order: Order,
    /// Licences of ours whose turns are not committed yet.
    mine: BTreeMap<AgentName, Mine>,
    /// Turns to be started once those that they depend on are committed; without a licence they
    /// are given up.
    waiting: Vec<usize>,
    /// Turns that get no licence any more, until they are committed as failed.
    given_up: BTreeSet<AgentName>,
    /// Turns that run now.
    running: usize,
    /// How many of them are being committed.
    committing: Arc<AtomicUsize>,
    /// How many commits the next hold waits for, if it does.
    gathers: Option<usize>,
    /// The last link of a stale holder, if we pass it: until the chain goes on, nobody else holds.
    passed: Option<u32>,
    /// Whether every link is ours: then nobody else can have committed or journalled anything.
    sole: bool,
}

impl<'a> Shard<'a> {
    async fn open(run: &'a Arc<Run>, number: u32) -> Result<Self, EngineError> {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let agents = run.plan.value.shards.get(index).map_or(&[][..], Vec::as_slice);
        let mut shard = Self {
            run,
            number,
            agents,
            next: 0,
            chain: Vec::new(),
            licences: Licences::default(),
            committed: Committed::new(),
            order: Order::new(run, agents),
            mine: BTreeMap::new(),
            waiting: Vec::new(),
            given_up: BTreeSet::new(),
            running: 0,
            committing: Arc::default(),
            gathers: None,
            passed: None,
            sole: true,
        };
        shard.read_chain().await?;
        Ok(shard)
    }

    /// Reads the links after those that are known.
    async fn read_chain(&mut self) -> Result<(), EngineError> {
        // Nothing comes after a seal.
        while !self.is_sealed() {
            let Some(link) = look::link(self.run, self.number, self.next_seq()).await? else { break };
            self.push(link);
        }
        Ok(())
    }

    fn push(&mut self, link: Hashed<Link>) {
        let id = LicenceId { shard: self.number, seq: self.next_seq() };
        self.licences.extend(id, &link.value, |name| self.run.due(name));
        self.sole &= link.value.by == self.run.by;
        self.chain.push(link);
    }

    fn next_seq(&self) -> u32 {
        u32::try_from(self.chain.len()).unwrap_or(u32::MAX)
    }

    fn last_seq(&self) -> u32 {
        self.next_seq().saturating_sub(1)
    }

    fn last(&self) -> Option<&Link> {
        self.chain.last().map(|link| &link.value)
    }

    fn is_sealed(&self) -> bool {
        self.last().is_some_and(|link| link.what == Extension::Seal)
    }

    /// Says whether every turn is committed.
    fn is_done(&self) -> bool {
        self.order.is_done()
    }

    /// Says whether an agent's turn is committed, or in our hands.
    fn is_taken(&self, agent: &AgentName) -> bool {
        self.committed.contains_key(agent) || self.mine.contains_key(agent) || self.given_up.contains(agent)
    }

    /// Says whether there are turns that nobody here has begun: they wait for those that run to make room.
    fn has_more(&self) -> bool {
        let open = self.agents.get(self.next..).unwrap_or_default();
        open.iter().any(|agent| !self.is_taken(agent))
    }

    /// Who holds the shard now, if it is somebody else.
    fn other_holder(&self) -> Option<&RunnerId> {
        let link = self.last()?;
        let passed = self.passed == Some(self.last_seq());
        (matches!(link.what, Extension::Hold { .. }) && link.by != self.run.by && !passed).then_some(&link.by)
    }

    /// Takes in a committed turn.
    fn add(&mut self, agent: AgentName, turn: Hashed<Arc<TurnRecord>>) {
        self.order.commit(&agent);
        self.committed.insert(agent, turn);
    }

    /// Reads the turns that are committed by now.
    async fn read_turns(&mut self) -> Result<(), EngineError> {
        let store = &self.run.ctx.store;
        let tick = self.run.tick();
        let open = self.agents.iter().filter(|agent| !self.committed.contains_key(*agent));
        let reads = open.map(|agent| async move {
            let found = store.read_with_bytes::<TurnRecord>(&Key::Turn(tick, agent.clone())).await?;
            Ok::<_, StoreError>(
                found.map(|(value, bytes)| (agent.clone(), Hashed { value: Arc::new(value), sha: Sha::of(&bytes) })),
            )
        });
        let found = try_join_all(reads).await?;
        for (agent, turn) in found.into_iter().flatten() {
            self.add(agent, turn);
        }
        Ok(())
    }

    /// Holds, works, seals. If something fails, it stops its calls and releases the shard: what failed
    /// here may succeed elsewhere, at once.
    async fn drive(mut self) -> Result<End, EngineError> {
        let mut work = Work::default();
        match self.go_on(&mut work).await {
            Ok(Way::Sealed) => Ok(End::Sealed { chain: Chain::Whole(self.chain), turns: self.committed }),
            Ok(Way::Leave) => {
                self.release().await?;
                Ok(End::Left { turns: self.committed })
            }
            Ok(Way::Busy { holder, look_again }) => Ok(End::Busy { holder, look_again }),
            Err(error) => {
                work.stop().await;
                if let Err(unreleased) = self.release().await {
                    tracing::debug!(error = %unreleased, "a shard was not released: its lease will end");
                }
                Err(error)
            }
        }
    }

    /// Goes on until the shard is sealed, in other hands, or to be left.
    async fn go_on(&mut self, work: &mut Work) -> Result<Way, EngineError> {
        let run = self.run;
        let mut heartbeat = lease::Heartbeat::new(run, self.number);
        loop {
            self.start_ready(work);
            let stopping = run.is_leaving();
            if stopping && mutant::is(Mutant::CallsStopBeforeRelease) {
                self.release().await?;
            }
            if self.running == 0 && work.is_empty() {
                if self.is_sealed() {
                    self.read_turns().await?;
                    return Ok(Way::Sealed);
                }
                // To seal takes a moment: it is done even where there is no time for another turn.
                if stopping && (!self.is_done() || run.ctx.stop.is_requested()) {
                    return Ok(Way::Leave);
                }
                if let Some(holder) = self.other_holder().cloned() {
                    let look_again = lease::patience(run);
                    return Ok(Way::Busy { holder, look_again });
                }
                if self.is_done() && mutant::is(Mutant::ShardsAreSealed) {
                    return Ok(Way::Sealed);
                }
                if self.is_done() {
                    self.seal().await?;
                    continue;
                }
            }
            if !stopping && self.other_holder().is_none() && self.hold().await? {
                heartbeat.beaten();
                self.start_ready(work);
                self.prepare_waiting(work);
                continue;
            }
            self.start_ready(work);
            if work.is_empty() {
                if self.running == 0 && self.waiting.is_empty() && !run.is_leaving() && !self.is_done() {
                    let message = format!("shard {} has agents that can be neither run nor given up", self.number);
                    return Err(EngineError::Damaged { tick: run.tick(), message });
                }
                continue;
            }
            let event = tokio::select! {
                biased;
                event = work.next() => event,
                beat = heartbeat.beat(), if self.running > 0 => {
                    beat?;
                    continue;
                }
            };
            match event {
                Some(Event::Aside(done)) => done?,
                Some(Event::Turn(agent, over)) => {
                    self.running -= 1;
                    let over = over?;
                    if !matches!(over, Over::Stopped) {
                        self.committing.fetch_sub(1, Relaxed);
                        self.gathers = self.gathers.map(|left| left.saturating_sub(1));
                    }
                    match over {
                        Over::Committed(Published(turn)) => {
                            self.mine.remove(&agent);
                            self.add(agent, turn.clone());
                            let run = Arc::clone(run);
                            work.write_views(async move { publish(&run, &turn.value).await });
                        }
                        Over::Complete(turn) => {
                            self.mine.remove(&agent);
                            self.add(agent, turn);
                        }
                        Over::Stopped => {}
                    }
                }
                None => {}
            }
        }
    }

    /// Starts the turns whose dependencies are committed.
    fn start_ready(&mut self, work: &mut Work) {
        if self.waiting.is_empty() || self.run.is_leaving() {
            return;
        }
        let order = &self.order;
        // What somebody else has committed in the meantime needs no call of ours.
        self.waiting.retain(|place| !order.is_committed(*place));
        let ready: Vec<usize> = self.waiting.extract_if(.., |place| order.is_ready(*place)).collect();
        // One after another in the only shard: nothing else could run beside it.
        let alone = ready.len() == 1 && self.running == 0 && self.run.plan.value.shards.len() == 1;
        for place in ready {
            let Some(agent) = self.agents.get(place) else { continue };
            self.running += 1;
            let turn = self.turn(agent.clone(), self.order.is_awaited(place) || self.has_more());
            if alone { work.run_here(turn) } else { work.spawn(turn) }
        }
    }

    /// Reads what the turns that wait for others read of their own, so that it is there when they
    /// start. Only where nobody else can have begun them.
    fn prepare_waiting(&self, work: &mut Work) {
        if !self.sole {
            return;
        }
        let waiting = self.waiting.iter().filter_map(|place| self.agents.get(*place));
        let begun: Vec<(AgentName, Arc<Preparation>)> =
            waiting.filter_map(|agent| Some((agent.clone(), Arc::clone(&self.mine.get(agent)?.preparation)))).collect();
        if begun.is_empty() {
            return;
        }
        let run = Arc::clone(self.run);
        let reads = begun.into_iter().map(move |(agent, preparation)| {
            let run = Arc::clone(&run);
            async move {
                let Some(due) = run.due(&agent) else { return Ok(()) };
                preparation.of(&run, due, true, None).await.map(drop)
            }
        });
        work.spawn(async move { Event::Aside(try_join_all(reads).await.map(drop)) });
    }

    /// The future of one turn: under its licence, or to be given up.
    fn turn(&self, agent: AgentName, awaited: bool) -> impl Future<Output = Event> + Send + 'static {
        let run = Arc::clone(self.run);
        let committed = self.readable(&agent);
        let mine = self.mine.get(&agent).cloned();
        let forfeits = self.licences.forfeited(&agent, &run.by);
        let first = self.sole;
        let committing = Arc::clone(&self.committing);
        run.ctx.progress.turn_started(run.tick(), &agent);
        let span = spans::turn(run.tick(), &agent);
        let told = span.clone();
        let work = async move {
            if let Some(due) = run.due(&agent) {
                spans::turn_due(&told, due);
            }
            let over = async {
                let Some(published) = attempt(&run, &agent, mine, forfeits, first, &committed, &committing).await?
                else {
                    return Ok(Over::Stopped);
                };
                spans::turn_ended(&told, &published.0.value);
                if awaited {
                    return Ok(Over::Committed(published));
                }
                // Nobody waits for it, or for its place: it writes its own views.
                let Published(turn) = published;
                publish(&run, &turn.value).await?;
                Ok(Over::Complete(turn))
            };
            let over = over.await;
            Event::Turn(agent, over)
        };
        work.instrument(span)
    }

    /// The committed turns that an agent reads.
    fn readable(&self, agent: &AgentName) -> Committed {
        if self.run.plan.value.visibility == Visibility::Snapshot {
            return Committed::new();
        }
        let Some(reads) = self.run.agent(agent).map(|agent| &agent.facts.reads) else { return Committed::new() };
        if reads.is_everybody() {
            return self.committed.clone();
        }
        let named = reads.names().iter().filter_map(|name| self.committed.get_key_value(name));
        named.map(|(name, turn)| (name.clone(), turn.clone())).collect()
    }

    /// Says whether the next hold waits for turns that are being committed.
    ///
    /// Answers that come together make room one after another, within the time of a commit. One hold for all of them is one
    /// write for all of them, and one link for everybody who reads the chain. It waits for no commits but those that were under
    /// way when there first was room.
    fn gathers_more(&mut self) -> bool {
        let left = self.gathers.unwrap_or_else(|| self.committing.load(Relaxed));
        self.gathers = (left > 0).then_some(left);
        left > 0
    }

    /// Takes a hold for the next agents, if there are any and it is time; says whether the shard
    /// changed.
    async fn hold(&mut self) -> Result<bool, EngineError> {
        // The next hold is taken once every turn of the last has begun: a crash forfeits less.
        if !self.waiting.is_empty() {
            return Ok(false);
        }
        let limits = &self.run.settings.org.value.limits;
        let in_flight = self.running;
        let free = usize::try_from(limits.max_parallel_turns.get()).unwrap_or(usize::MAX).saturating_sub(in_flight);
        let most = usize::try_from(limits.agents_per_hold.get()).unwrap_or(usize::MAX);
        if free == 0 || (free < most && self.gathers_more()) {
            return Ok(false);
        }
        let most = most.min(free);
        let mut start = Vec::new();
        while self.agents.get(self.next).is_some_and(|agent| self.is_taken(agent)) {
            self.next += 1;
        }
        let agents = self.agents;
        for agent in &agents[self.next.min(agents.len())..] {
            if self.is_taken(agent) {
                continue;
            }
            if start.len() >= most {
                break;
            }
            let Some(due) = self.run.due(agent) else { continue };
            let left = due.grant_credits.saturating_sub(self.licences.counted(agent));
            let forfeits = self.licences.forfeited(agent, &self.run.by);
            if left < due.least_credits || forfeits >= FORFEITS {
                if start.is_empty() && in_flight == 0 {
                    self.given_up.insert(agent.clone());
                    self.waiting.extend(self.order.place(agent));
                    continue;
                }
                break;
            }
            if forfeits + 1 >= FORFEITS {
                // It has ended two runners: it is started alone, when nothing else runs here.
                if start.is_empty() && in_flight == 0 && self.waiting.is_empty() {
                    start.push(agent.clone());
                }
                break;
            }
            start.push(agent.clone());
        }
        if start.is_empty() {
            return Ok(!self.waiting.is_empty());
        }
        let seq = self.next_seq();
        if !self.extend(Extension::Hold { start: start.clone() }, "hold").await? {
            return Ok(true);
        }
        tracing::debug!(
            event = "shard_held",
            tick = self.run.tick().0,
            shard = self.number,
            by = %self.run.by,
            agent_count = start.len(),
            "a hold is won"
        );
        let action = self.run.settings.org.value.credits.cost_per_action;
        let id = LicenceId { shard: self.number, seq };
        for agent in start {
            let licence = self.licences.of_agent(&agent).find(|licence| licence.id == id);
            let ceiling = licence.map(|licence| licence.ceiling).unwrap_or_default();
            let meter = Arc::new(Meter::new(ceiling, action));
            self.waiting.extend(self.order.place(&agent));
            self.mine.insert(agent, Mine { id, meter, preparation: Arc::default() });
        }
        Ok(true)
    }

    /// Extends the chain. Lost: the chain is read on, and `false`.
    async fn extend(&mut self, what: Extension, phase: &'static str) -> Result<bool, EngineError> {
        let key = Key::Link(self.run.tick(), self.number, self.next_seq());
        let link = Link { format: 1, nonce: self.run.ctx.entropy.nonce(), by: self.run.by.clone(), what };
        tracing::debug!(
            phase,
            event = "chain_extended",
            tick = self.run.tick().0,
            shard = self.number,
            "a shard's chain is being extended"
        );
        let bytes = Bytes::from(encode(&link));
        match self.run.ctx.store.create_own(&key, bytes.clone()).await? {
            Created::Won => {
                self.push(Hashed { value: link, sha: Sha::of(&bytes) });
                Ok(true)
            }
            Created::Lost(theirs) => {
                let value: Link = decode(&theirs).map_err(|source| StoreError::Record { key, source })?;
                self.push(Hashed { value, sha: Sha::of(&theirs) });
                self.read_chain().await?;
                self.read_turns().await?;
                Ok(false)
            }
        }
    }

    /// Seals the shard. Who was not its sole holder from the start writes all its views again:
    /// whoever committed may have died before writing them.
    async fn seal(&mut self) -> Result<(), EngineError> {
        if !self.sole && !mutant::is(Mutant::SealersWriteAllViews) {
            let run = self.run;
            try_join_all(self.committed.values().map(|turn| publish(run, &turn.value))).await?;
        }
        if self.extend(Extension::Seal, "seal").await? {
            tracing::debug!(event = "shard_sealed", tick = self.run.tick().0, shard = self.number, "a shard is sealed");
        }
        Ok(())
    }

    /// Releases the shard: all calls are stopped, and each licence that ends here says what it spent.
    async fn release(&mut self) -> Result<(), EngineError> {
        let is_ours = |link: &Link| link.by == self.run.by && matches!(link.what, Extension::Hold { .. });
        if !self.last().is_some_and(is_ours) {
            return Ok(());
        }
        let spent = self.mine.iter().map(|(agent, mine)| {
            let (paid, unanswered) = mine.meter.released();
            Settled { seq: mine.id.seq, agent: agent.clone(), paid, unanswered }
        });
        let spent = spent.collect();
        self.extend(Extension::Release { spent }, "release").await?;
        tracing::info!(
            event = "shard_released",
            tick = self.run.tick().0,
            shard = self.number,
            "a shard is released for whoever comes next"
        );
        Ok(())
    }
}

/// One attempt at a turn, to its commit; `None`: it was stopped. `committing` counts it from when its commit begins.
async fn attempt(
    run: &Run,
    agent: &AgentName,
    licence: Option<Mine>,
    forfeits: u32,
    first: bool,
    committed: &Committed,
    committing: &AtomicUsize,
) -> Result<Option<Published>, EngineError> {
    let Some(due) = run.due(agent) else { return Ok(None) };
    let Some(Mine { id, meter, preparation }) = licence else {
        let record = turn::give_up(run, due, forfeits > 0, committed).await?;
        committing.fetch_add(1, Relaxed);
        return commit(run, record).await.map(Some);
    };
    let _permit = run.permits.acquire().await;
    if run.is_leaving() {
        return Ok(None);
    }
    let (_alone, _beside);
    if forfeits + 1 >= FORFEITS {
        _alone = run.alone.write().await;
    } else {
        _beside = run.alone.read().await;
    }
    let permit = Permit { licence: id, meter: &meter, first, recorded: None, changes: &[] };
    let begin = Instant::now();
    match turn::work(run, due, permit, &preparation, committed).await? {
        Attempt::Done(record) => {
            meter.commits(&record.spent);
            committing.fetch_add(1, Relaxed);
            let published = commit(run, *record).await?;
            run.ctx.memo.turn_took(begin.elapsed());
            Ok(Some(published))
        }
        Attempt::Stopped => Ok(None),
    }
}
