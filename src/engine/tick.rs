//! One invocation: load, plan, hold, work, commit, seal, close.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::fold::Hashed;
use super::inputs::{self, Checked, Settings};
use super::plan::{self, Situation, may_be_due};
use super::report::{Idle, Outcome, TickReport, TurnReport};
use super::run::Run;
use super::shard::look::Listing;
use super::shard::{self, End};
use super::timing::{Timing, timing};
use super::trust;
use super::turn::Committed;
use super::{Context, EngineError, Part, close, command, load};
use crate::domain::ids::Sha;
use crate::domain::name::{AgentName, RunnerId};
use crate::domain::org::OrgConfig;
use crate::domain::time::Tick;
use crate::mutant::{self, Mutant};
use crate::record::closed::Closed;
use crate::record::plan::{Found, Plan, Trigger};
use crate::record::recording::RecordedTick;
use crate::record::state::State;
use crate::record::{decode, encode};
use crate::store::{Created, Key, StoreError};
use crate::telemetry::spans;

/// The first pause of a runner that waits for another.
const FIRST_PATIENCE: Duration = Duration::from_millis(50);

/// How often a runner looks for the plan of another part's runner before it makes one of its own ...
const PLAN_LOOKS: u32 = 32;

/// ... and the pause before each look.
const PLAN_PAUSE: Duration = Duration::from_millis(25);

/// How long a runner that could close a tick leaves that to whoever was the first that could, and for each [`AT_ONCE`] turns
/// that are to be read for it: five times as long as a bucket takes.
const CLOSERS_PATIENCE: Duration = Duration::from_millis(250);

/// The shortest pause between its looks meanwhile.
const CLOSERS_LOOK: Duration = Duration::from_millis(20);

/// How many shards a runner looks at side by side that has begun with its own, and how many chains it reads when it closes.
const LOOKS_AT_ONCE: usize = 32;

/// How many objects are read or written at once where there is one for each agent: what a bucket that takes 60 ms bears of
/// one runner (S3: 3,500 writes and 5,500 reads a second).
const AT_ONCE: usize = 192;

/// Runs one tick, or the rest of an open one.
///
/// At invocation pace, helping to finish an open tick *is* the invocation, whoever asks for it. A slot or a wake first
/// finishes the open tick, and then asks for its own, if there is time for another turn.
///
/// # Errors
/// The store failed or refuses, a settings file is wrong, or the records contradict each other.
/// What was committed stays; the next invocation resumes.
pub async fn run_tick(ctx: &Context, trigger: Trigger) -> Result<Outcome, EngineError> {
    let by = ctx.entropy.runner_id();
    let mut helped = None;
    loop {
        if let Some(report) = helped.take_if(|_| !ctx.may_go_on()) {
            return Ok(Outcome::Ran(report));
        }
        let early = match mutant::is(Mutant::IngressIsListedLast) {
            true => Some(inputs::ingress(&ctx.store, &State::founding(), usize::MAX).await?),
            false => None,
        };
        let (before, missing_checkpoint) = load::load_known(&ctx.store, &ctx.memo).await?;
        if let Some((tick, bytes)) = missing_checkpoint {
            trust::ensure(ctx).await?;
            close::write_checkpoint(&ctx.store, tick, bytes).await?;
        }
        ctx.memo.keep_last(before.tick, before.clock);
        let tick = before.tick.next();
        if let Some(reason) = ctx.terms.only.and_then(|only| another(only, tick)) {
            return Ok(helped.map_or(Outcome::Idle { reason }, Outcome::Ran));
        }
        let (plan, settings, ours) = match ctx.store.read_with_bytes::<Plan>(&Key::Plan(tick)).await? {
            Some((plan, bytes)) => adopt(ctx, plan, &bytes).await?,
            None => match make_plan(ctx, &by, &before, &trigger, early, true).instrument(spans::plan(tick)).await? {
                Ok(planned) => planned,
                Err(reason) => {
                    return Ok(helped.map_or(Outcome::Idle { reason }, Outcome::Ran));
                }
            },
        };
        check_plan(&plan.value, &before)?;
        let run = Arc::new(Run::new(ctx.clone(), by.clone(), &before, plan, settings));
        let span = spans::tick(&run.plan.value);
        let report = finish(&run, &before, !ours).instrument(span.clone()).await?;
        spans::tick_ended(&span, report.closed);
        if report.closed {
            ctx.memo.keep_last(report.tick, report.clock);
        }
        // Runners of one slot need not ask again what it is for.
        let slot_is_done = is_slot_of(&trigger, &run);
        let helping_is_all = !matches!(trigger, Trigger::Wake { .. }) && run.settings.org.value.pace.every.is_none();
        let report = TickReport { finished_first: helped.take().map(Box::new), ..report };
        if ours || !report.closed || helping_is_all || slot_is_done {
            return Ok(Outcome::Ran(report));
        }
        helped = Some(report);
    }
}

/// Says whether a plan is of the slot that a trigger asks for, or of a later one: then the slot has passed. A fork may have lived
/// a tick of its origin instead.
fn is_slot_of(trigger: &Trigger, run: &Run) -> bool {
    let org = &run.settings.org.value;
    let (Trigger::Slot { time: asked }, Trigger::Slot { time: planned }) = (trigger, &run.plan.value.trigger) else {
        return false;
    };
    org.pace.every.is_some() && org.forked_from.is_none() && asked <= planned
}

/// Why the next tick is not the only one that was asked for; `None` where it is.
fn another(only: Tick, next: Tick) -> Option<Idle> {
    match only.cmp(&next) {
        Ordering::Less => Some(Idle::TickPassed),
        Ordering::Equal => None,
        Ordering::Greater => Some(Idle::TickAhead),
    }
}

/// A plan, the settings that it pins, and whether it is ours.
type Planned = (Hashed<Plan>, Settings, bool);

/// Makes the plan of the next tick. A loser uses the winner's.
async fn make_plan(
    ctx: &Context,
    by: &RunnerId,
    before: &State,
    trigger: &Trigger,
    early: Option<inputs::Ingress>,
    relives: bool,
) -> Result<Result<Planned, Idle>, EngineError> {
    let settings = inputs::settings(&ctx.store).await?;
    ctx.memo.keep_settings(&settings.org.sha, &settings.org.value);
    let org = settings.org.value.clone();
    let (timing, relived) = match timed(ctx, &org, before, trigger, relives).await? {
        Ok(timed) => timed,
        Err(idle) => return Ok(Err(idle)),
    };
    // An invocation that only goes on begins no tick of its own, unless a slot says which.
    if ctx.terms.goes_on && org.pace.every.is_none() && !matches!(trigger, Trigger::Wake { .. }) {
        return Ok(Err(Idle::NothingToDo));
    }
    if let Some(planned) = await_plan(ctx, before).await? {
        return Ok(Ok(planned));
    }
    let Proposal { draft, check, ingress } =
        propose(ctx, by, before, &settings, &timing, early, relived.as_ref()).await?;
    let plan = match draft.idle {
        // What the origin ran for has not come here.
        Some(_) if relived.is_some() => return Box::pin(make_plan(ctx, by, before, trigger, None, false)).await,
        Some(idle) => return Ok(Err(idle)),
        None => draft.plan,
    };
    if !ctx.has_time_for_a_turn(org.limits.call_timeout.duration()) {
        return Ok(Err(Idle::NoTime));
    }
    tracing::debug!(phase = "plan", event = "tick_planning", tick = plan.tick.0, "a tick is being planned");
    trust::ensure(ctx).await?;
    pin_inputs(ctx, before, &settings, &check.checked, &plan).await?;
    delete_remembered(ctx, before, &ingress).await;
    let key = Key::Plan(plan.tick);
    let bytes = Bytes::from(encode(&plan));
    let (plan, settings, ours) = match ctx.store.create_own(&key, bytes.clone()).await? {
        Created::Won => (Hashed { value: plan, sha: Sha::of(&bytes) }, settings, true),
        Created::Lost(theirs) => {
            let plan = decode(&theirs).map_err(|source| StoreError::Record { key, source })?;
            adopt(ctx, plan, &theirs).await?
        }
    };
    let planned = &plan.value;
    for skipped in &planned.skipped {
        tracing::info!(event = "agent_skipped", tick = planned.tick.0, agent = %skipped.agent,
            reason = skipped.reason.as_str(), "an agent is due and does not run");
    }
    tracing::info!(
        event = "tick_planned",
        tick = planned.tick.0,
        clock = planned.clock.0,
        agent_count = planned.due.len(),
        skipped = planned.skipped.len(),
        ours,
        "a tick is planned"
    );
    Ok(Ok((plan, settings, ours)))
}

/// Which clock a trigger asks for, and in a fork which tick of its origin that is.
pub(super) async fn timed(
    ctx: &Context,
    org: &OrgConfig,
    before: &State,
    trigger: &Trigger,
    relives: bool,
) -> Result<Result<(Timing, Option<RecordedTick>), Idle>, EngineError> {
    let relived = match relives {
        true => recorded_tick(ctx, org, before.tick.next(), trigger).await?,
        false => None,
    };
    if let Some(tick) = relived
        && let Ok(timing) = timing(before, org, &tick.trigger, tick.time)
    {
        return Ok(Ok((timing, Some(tick))));
    }
    Ok(timing(before, org, trigger, ctx.clock.now()).map(|timing| (timing, None)))
}

/// A plan that is not written yet, and what it was made from.
pub(super) struct Proposal {
    pub(super) draft: plan::Draft,
    pub(super) check: inputs::Check,
    ingress: inputs::Ingress,
}

/// Reads what a plan is made from, and makes it. Writes nothing.
pub(super) async fn propose(
    ctx: &Context,
    by: &RunnerId,
    before: &State,
    settings: &Settings,
    timing: &Timing,
    early: Option<inputs::Ingress>,
    relived: Option<&RecordedTick>,
) -> Result<Proposal, EngineError> {
    let org = &settings.org.value;
    let wanted = |name: &_| may_be_due(before, timing, org, name);
    let check = inputs::resumes(ctx, before, timing.clock, wanted).await?;
    let limit = usize::try_from(org.limits.max_ingress_items.get()).unwrap_or(usize::MAX);
    let ingress = match early {
        Some(early) => early.without(before, limit),
        None => inputs::ingress(&ctx.store, before, limit).await?,
    };
    let commanded = command::commanded(&ctx.store, before, &ingress.items).await?;
    let situation = Situation {
        state: before,
        settings,
        check: &check,
        ingress: &ingress,
        timing,
        seed: ctx.seed.or(relived.map(|tick| tick.seed)).unwrap_or_else(|| ctx.entropy.seed()),
        by: by.clone(),
        nonce: ctx.entropy.nonce(),
    };
    let draft = plan::draft(situation, commanded);
    Ok(Proposal { draft, check, ingress })
}

/// In a fork: when its origin had this tick, and what asked for it. Asked for the same again, a fork lives it at the same
/// time with the same ids, so that its prompts are the same where nothing was changed. A wake is of here and now, and who
/// names another seed wants other ids than those.
async fn recorded_tick(
    ctx: &Context,
    org: &OrgConfig,
    tick: Tick,
    trigger: &Trigger,
) -> Result<Option<RecordedTick>, EngineError> {
    let is_recorded = org.forked_from.as_ref().is_some_and(|forked| tick <= forked.recorded_until);
    if !is_recorded || matches!(trigger, Trigger::Wake { .. }) {
        return Ok(None);
    }
    let recorded: Option<RecordedTick> = ctx.store.read(&Key::RecordedTick(tick)).await?;
    Ok(recorded.filter(|recorded| ctx.seed.is_none_or(|seed| seed == recorded.seed)))
}

/// Takes somebody else's plan, with the settings that it pins.
async fn adopt(ctx: &Context, plan: Plan, bytes: &Bytes) -> Result<Planned, EngineError> {
    trust::ensure(ctx).await?;
    let settings = inputs::pinned_settings(&ctx.store, inputs::Pins::of(&plan)).await?;
    ctx.memo.keep_settings(&settings.org.sha, &settings.org.value);
    Ok((Hashed { value: plan, sha: Sha::of(bytes) }, settings, false))
}

/// The plan of another part's runner, if it comes soon.
///
/// Runners that are started together would all read every resume to make one and the same plan, and most of them for
/// nothing: all but the first part's wait for it a little, and plan if it does not come.
async fn await_plan(ctx: &Context, before: &State) -> Result<Option<Planned>, EngineError> {
    if ctx.terms.part.is_none_or(|part| part.index == 0) {
        return Ok(None);
    }
    for _ in 0..PLAN_LOOKS {
        tokio::select! {
            biased;
            () = ctx.stop.requested() => return Ok(None),
            () = ctx.clock.sleep(PLAN_PAUSE) => {}
        }
        if let Some((plan, bytes)) = ctx.store.read_with_bytes::<Plan>(&Key::Plan(before.tick.next())).await? {
            return adopt(ctx, plan, &bytes).await.map(Some);
        }
    }
    Ok(None)
}

/// Writes every version of a settings file or resume that this plan is the first to use.
pub(super) async fn pin_inputs(
    ctx: &Context,
    before: &State,
    settings: &Settings,
    checked: &BTreeMap<crate::domain::name::AgentName, Checked>,
    plan: &Plan,
) -> Result<(), EngineError> {
    let mut inputs: BTreeMap<&Sha, &Bytes> = BTreeMap::new();
    if before.org.as_ref() != Some(&plan.org) {
        inputs.insert(&settings.org.sha, &settings.org.bytes);
    }
    if before.models.as_ref() != Some(&plan.models) {
        inputs.insert(&settings.models.sha, &settings.models.bytes);
    }
    let tools = (&settings.toolbox.as_ref().map(|pinned| (&pinned.sha, &pinned.bytes)), &before.tools);
    let lock = (&settings.accepted.as_ref().map(|pinned| (&pinned.sha, &pinned.bytes)), &before.tools_lock);
    for (pinned, known) in [tools, lock] {
        inputs.extend(pinned.filter(|(sha, _)| known.as_ref() != Some(*sha)));
    }
    for (name, found) in &plan.found {
        if let (Found::Resume { .. }, Some(Checked::Resume(resume))) = (found, checked.get(name)) {
            inputs.insert(&resume.sha, &resume.bytes);
        }
    }
    let writes = inputs.into_iter().map(|(sha, bytes)| (Key::Input(sha.clone()), bytes.clone()));
    // The first tick of a large organisation pins every resume: a bounded number at once, as a bucket bears.
    let writes: Vec<(Key, Bytes)> = writes.collect();
    let write = |(key, bytes)| async move { ctx.store.create_pure(&key, bytes).await };
    futures::stream::iter(writes).map(write).buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await?;
    Ok(())
}

/// Deletes again what was admitted before and is still listed.
async fn delete_remembered(ctx: &Context, before: &State, ingress: &inputs::Ingress) {
    let remembered = ingress.listed.iter().filter(|path| match Key::parse(path) {
        Some(Key::Control(name) | Key::Mail(name)) => before.admitted.contains_key(&name),
        _ => false,
    });
    close::delete(&ctx.store, remembered.cloned()).await;
}

/// A plan that does not follow from the state is not worked on.
pub(super) fn check_plan(plan: &Plan, before: &State) -> Result<(), EngineError> {
    if plan.previous != before.closed {
        let message = "plan.json does not name the hash of the closed record before".to_owned();
        return Err(EngineError::Damaged { tick: plan.tick, message });
    }
    Ok(())
}

/// Works on all shards until they are sealed, and closes the tick; or leaves, if told to.
async fn finish(run: &Arc<Run>, before: &State, resumed: bool) -> Result<TickReport, EngineError> {
    let count = run.plan.value.shards.len();
    let mut sealed = BTreeMap::new();
    let mut turns = Committed::new();
    let mut patience = FIRST_PATIENCE;
    let mut own = run.ctx.terms.part.map(|part| share(part, count));
    // How many shards are looked at side by side. At first no more than it can fill, in an order of its own, so that
    // runners that come together do not all ask for the same; later, most are sealed, and are to be read only.
    let fills = shards_at_once(run);
    let slots = &Semaphore::new(fills);
    let mut looks = fills;
    // Whether others are at work, or have been: from the start where the tick is open and nothing of it is our part.
    let mut others_work = resumed && own.is_none();
    loop {
        // Runners begin at different shards.
        let first = start_shard(run, count);
        let open = (0..count).map(|i| (i + first) % count).filter(|shard| !sealed.contains_key(shard));
        // At first with its own alone: or whoever plans would hold all before the others have read the plan.
        let own = own.take();
        let open: Vec<usize> = open.filter(|shard| own.as_ref().is_none_or(|own| own.contains(shard))).collect();
        let listing = if others_work { Some(Listing::read(run).await?) } else { None };
        others_work = true;
        let ends: Vec<(usize, Result<End, EngineError>)> = futures::stream::iter(open)
            .map(|shard| {
                let number = number(shard);
                let listing = listing.as_ref();
                async move { (shard, shard::work(run, number, listing, slots).await) }
            })
            .buffer_unordered(looks)
            .collect()
            .await;
        looks = fills.max(LOOKS_AT_ONCE);
        let mut wait = None;
        let mut holders = Vec::new();
        let (mut has_left, mut has_sealed) = (false, false);
        for (shard, end) in ends {
            match end? {
                End::Sealed { chain, turns: done } => {
                    turns.extend(done);
                    has_sealed |= chain.sealer() == Some(&run.by);
                    sealed.insert(shard, chain);
                }
                End::Busy { holder, look_again } => {
                    run.ctx.progress.waiting(run.tick(), number(shard), &holder);
                    wait = Some(wait.map_or(look_again, |wait: Duration| wait.min(look_again)));
                    holders.push(holder);
                }
                End::Left { turns: done } => {
                    turns.extend(done);
                    has_left = true;
                }
            }
        }
        if sealed.len() == count {
            if let Some(closed) = closed_by_another(run, &turns).await? {
                return Ok(report(run, &turns, Some(&closed), resumed));
            }
            let whole = sealed.into_iter().map(|(shard, chain)| chain.whole(run, number(shard)));
            let chains = futures::stream::iter(whole).buffered(LOOKS_AT_ONCE).try_collect();
            let (chains, ()) = futures::try_join!(chains, read_missing(run, &mut turns))?;
            let closed = close::close(run, before, chains, &turns).await?;
            return Ok(report(run, &turns, Some(&closed), resumed));
        }
        // Of two that find each other at work, the one that seals last looks again, and finds all sealed. To close then
        // takes a moment, whatever time is left.
        let looks_again = has_sealed && !has_left && !run.ctx.stop.is_requested();
        if (own.is_some() && !run.is_leaving()) || looks_again {
            continue;
        }
        if run.is_leaving() {
            return Ok(report(run, &turns, None, resumed));
        }
        let is_held = run.ctx.terms.leaves_what_is_held && holders.len() == count - sealed.len();
        if let Some(wait) = wait.filter(|_| !is_held).map(|wait| wait.min(patience)) {
            // Most holders are done in a moment: look again soon, and then less and less often.
            patience = patience.saturating_mul(2);
            tokio::select! {
                biased;
                () = run.ctx.stop.requested() => {}
                () = run.ctx.clock.sleep(wait) => {}
            }
        }
        if let Some((closed, _)) = run.ctx.store.read_with_bytes::<Closed>(&Key::Closed(run.tick())).await? {
            // Somebody else has closed it: that record tells how the turns of others ended.
            return Ok(report(run, &turns, Some(&closed), resumed));
        }
        if is_held {
            holders.sort();
            holders.dedup();
            return Ok(TickReport { held_by: holders, ..report(run, &turns, None, resumed) });
        }
    }
}

/// The closed record, if another runner closes the tick.
///
/// Runners that seal at about the same moment all find all shards sealed. Each may close; all at once they would each read
/// every turn of the others, to make the very same record. So the first of them says that it does, and the others leave
/// that to it, as long as it takes where it is alive.
async fn closed_by_another(run: &Run, turns: &Committed) -> Result<Option<Closed>, EngineError> {
    let missing = run.plan.value.due.len().saturating_sub(turns.len());
    if missing == 0 {
        return Ok(None);
    }
    let store = &run.ctx.store;
    let closed = Key::Closed(run.tick());
    let (found, is_first) = futures::join!(store.read(&closed), is_first_to_close(run));
    if let Some(closed) = found? {
        return Ok(Some(closed));
    }
    if is_first {
        return Ok(None);
    }
    let reads = u32::try_from(missing.div_ceil(AT_ONCE)).unwrap_or(u32::MAX);
    let patience = CLOSERS_PATIENCE.saturating_mul(reads.saturating_add(1));
    let pause = CLOSERS_LOOK.max(patience / 16);
    let mut left = patience;
    while !left.is_zero() && !run.is_leaving() {
        tokio::select! {
            biased;
            () = run.ctx.stop.requested() => {}
            () = run.ctx.clock.sleep(pause) => {}
        }
        left = left.saturating_sub(pause);
        if let Some(closed) = store.read(&closed).await? {
            return Ok(Some(closed));
        }
    }
    Ok(None)
}

/// Says whether nobody has said before us that they close the tick. A hint: where it cannot be written, we close.
async fn is_first_to_close(run: &Run) -> bool {
    let claim = encode(&serde_json::json!({ "by": run.by }));
    match run.ctx.store.create_own(&Key::Closing(run.tick()), Bytes::from(claim)).await {
        Ok(Created::Won) => true,
        Ok(Created::Lost(_)) => false,
        Err(error) => {
            tracing::debug!(%error, "it was not written who closes the tick");
            true
        }
    }
}

/// Reads the turns of shards that others sealed, a bounded number at once. Only whoever closes needs them.
async fn read_missing(run: &Run, turns: &mut Committed) -> Result<(), EngineError> {
    let missing = run.plan.value.due.iter().map(|due| &due.agent).filter(|agent| !turns.contains_key(*agent));
    let missing: Vec<AgentName> = missing.cloned().collect();
    let read = |agent: AgentName| async move {
        let found = run.ctx.store.read_with_bytes(&Key::Turn(run.tick(), agent.clone())).await?;
        Ok::<_, StoreError>(
            found.map(|(value, bytes)| (agent, Hashed { value: Arc::new(value), sha: Sha::of(&bytes) })),
        )
    };
    let mut found = futures::stream::iter(missing).map(read).buffer_unordered(AT_ONCE);
    while let Some(turn) = found.next().await {
        turns.extend(turn?);
    }
    Ok(())
}

/// The number of a shard, by its place in the plan.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// The shards of a part: at least one, which it then shares with the next.
fn share(part: Part, count: usize) -> Range<usize> {
    let of = |index: u64| {
        let shards = u64::try_from(count).unwrap_or(u64::MAX);
        usize::try_from(shards.saturating_mul(index) / u64::from(part.count.get())).unwrap_or(count)
    };
    let index = u64::from(part.index);
    of(index)..of(index + 1).max(of(index) + 1)
}

/// Where a runner begins: at its part of the shards, or anywhere.
fn start_shard(run: &Run, count: usize) -> usize {
    if let Some(part) = run.ctx.terms.part {
        return share(part, count).start % count.max(1);
    }
    let bytes = run.by.as_str().bytes();
    bytes.fold(0, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte))) % count.max(1)
}

fn shards_at_once(run: &Run) -> usize {
    let limits = &run.settings.org.value.limits;
    usize::try_from(limits.max_parallel_turns.get().div_ceil(limits.agents_per_hold.get())).unwrap_or(1).max(1)
}

fn report(run: &Run, turns: &Committed, closed: Option<&Closed>, resumed: bool) -> TickReport {
    let plan = &run.plan.value;
    let said = Said::of(closed.filter(|_| turns.len() < plan.due.len()));
    let done = plan.due.iter().filter_map(|due| {
        let fold = closed.and_then(|closed| closed.turns.get(&due.agent));
        match turns.get(&due.agent) {
            Some(turn) => {
                let record = &turn.value;
                let own = record.spent.paid + record.spent.unanswered + record.spent.action;
                Some(TurnReport {
                    agent: record.agent.clone(),
                    status: record.status,
                    cost_credits: fold.map_or(own, |turn| turn.charge.total()),
                    messages: record.effects.outbox.len(),
                    failure: record.failure.as_ref().map(|failure| failure.message.clone()),
                    violations: record.violations.len(),
                })
            }
            None => fold.map(|fold| TurnReport {
                agent: due.agent.clone(),
                status: fold.status,
                cost_credits: fold.charge.total(),
                messages: said.messages.get(&due.agent).copied().unwrap_or_default(),
                failure: said.failures.get(&due.agent).map(|message| (*message).to_owned()),
                violations: 0,
            }),
        }
    });
    TickReport {
        tick: plan.tick,
        clock: plan.clock,
        closed: closed.is_some(),
        resumed,
        due: plan.due.iter().map(|due| due.agent.clone()).collect(),
        turns: done.collect(),
        skipped: plan.skipped.clone(),
        held_by: Vec::new(),
        finished_first: None,
        problems: closed.map_or_else(|| plan.problems.clone(), |closed| closed.problems.clone()),
    }
}

/// What a closed record tells of turns whose own records were not read.
#[derive(Default)]
struct Said<'a> {
    messages: BTreeMap<&'a AgentName, usize>,
    failures: BTreeMap<&'a AgentName, &'a str>,
}

impl<'a> Said<'a> {
    fn of(closed: Option<&'a Closed>) -> Self {
        let mut said = Self::default();
        for entry in closed.iter().flat_map(|closed| &closed.entries).filter(|entry| !entry.mail) {
            *said.messages.entry(&entry.from).or_default() += 1;
        }
        let problems = closed.iter().flat_map(|closed| &closed.problems);
        for problem in problems.filter(|problem| problem.kind == "turn_failed") {
            if let Some(agent) = &problem.agent {
                said.failures.insert(agent, &problem.message);
            }
        }
        said
    }
}

/// A tick can be sent to another thread: a runner spawns it onto a worker.
#[cfg(test)]
#[test]
fn a_tick_can_be_spawned() {
    fn spawnable<T: Send + 'static>(_: T) {}
    let tick: fn(Context) = |ctx| spawnable(async move { run_tick(&ctx, Trigger::Invocation).await });
    let _ = tick;
}
