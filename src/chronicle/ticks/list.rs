//! The last ticks, a line each.

use futures::stream::{self, StreamExt as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::TickState;
use crate::chronicle::{PARALLEL, TickRecords, moment::Moment, tick as records_of};
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::domain::time::{Clock, Tick, Timestamp};
use crate::engine::EngineError;
use crate::record::closed::Closed;
use crate::record::plan::{Plan, Trigger};
use crate::store::{Key, Store};

/// A tick in a few numbers.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = TickRow)]
pub struct Row {
    /// Its number.
    pub tick: Tick,
    /// Its clock.
    pub clock: Clock,
    /// When it was planned.
    pub time: Timestamp,
    /// Where it stands.
    pub state: TickState,
    /// What asked for it.
    pub trigger: Trigger,
    /// How many agents were due.
    pub due: usize,
    /// How many turns went well.
    pub ok: usize,
    /// How many failed.
    pub failed: usize,
    /// How many agents were due and did not run.
    pub skipped: usize,
    /// How many messages agents said.
    pub messages: usize,
    /// How many came in from outside.
    pub mail: usize,
    /// What was charged; of an open tick nothing is yet.
    pub cost_credits: Credits,
    /// The hash of its closed record: it vouches for all before it.
    pub sha256: Option<Sha>,
}

/// Ticks that were looked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// The newest first.
    pub ticks: Vec<Row>,
    /// Whether there may be older ones.
    pub more: bool,
}

/// How far to look back.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// At most so many ticks are shown.
    pub limit: usize,
    /// At most so many are looked at.
    pub ticks: u64,
}

/// The last ticks at a moment, the newest first; with an agent, those that it was due in. The present also has an open one.
///
/// # Errors
/// The store failed, or a record is missing or cannot be read.
pub async fn list(moment: &Moment, bounds: Bounds, agent: Option<&AgentName>) -> Result<Found, EngineError> {
    back(moment.store(), (moment.state.tick, !moment.is_past), bounds, agent).await
}

async fn back(
    store: &Store,
    (last, with_open): (Tick, bool),
    bounds: Bounds,
    agent: Option<&AgentName>,
) -> Result<Found, EngineError> {
    let mut ticks = Vec::new();
    if with_open && let Some(records) = records_of(store, last.next()).await? {
        let row = open(&records);
        ticks.extend((bounds.limit > 0 && concerns(&records.plan, agent)).then_some(row));
    }
    let oldest = last.0.saturating_sub(bounds.ticks) + 1;
    let back = (oldest.max(1)..=last.0).rev().map(Tick);
    let mut rows = stream::iter(back).map(|tick| closed(store, tick, agent)).buffered(PARALLEL);
    let mut seen = last.next();
    while ticks.len() < bounds.limit {
        let Some(row) = rows.next().await else { break };
        seen = seen.previous();
        ticks.extend(row?);
    }
    Ok(Found { ticks, more: seen.0 > 1 })
}

/// The ticks at a moment before `before`, the newest first: at most `limit`, and at most `ticks` are looked at. Older ones are
/// before the tick that is given besides, if there may be any.
///
/// # Errors
/// The store failed, or a record is missing or cannot be read.
pub async fn page(
    moment: &Moment,
    before: Option<Tick>,
    (limit, ticks): (usize, u64),
    agent: Option<&AgentName>,
) -> Result<(Vec<Row>, Option<Tick>), EngineError> {
    let (last, with_open) = match before {
        Some(before) if before <= moment.state.tick => (before.previous(), false),
        _ => (moment.state.tick, !moment.is_past),
    };
    let found = back(moment.store(), (last, with_open), Bounds { limit, ticks }, agent).await?;
    let rest = match found.ticks.last() {
        Some(row) if found.ticks.len() >= limit => Some(row.tick),
        // All that was looked at is shown; what lies before it may hold more.
        _ => Some(Tick(last.0.saturating_sub(ticks) + 1)),
    };
    Ok((found.ticks, rest.filter(|rest| found.more && rest.0 > 1)))
}

fn concerns(plan: &Plan, agent: Option<&AgentName>) -> bool {
    let Some(agent) = agent else { return true };
    plan.due.iter().any(|due| due.agent == *agent) || plan.skipped.iter().any(|skipped| skipped.agent == *agent)
}

fn begun(plan: &Plan) -> Row {
    Row {
        tick: plan.tick,
        clock: plan.clock,
        time: plan.time,
        state: TickState::Open,
        trigger: plan.trigger.clone(),
        due: plan.due.len(),
        ok: 0,
        failed: 0,
        skipped: plan.skipped.len(),
        messages: 0,
        mail: 0,
        cost_credits: Credits::ZERO,
        sha256: None,
    }
}

fn open(records: &TickRecords) -> Row {
    let said = crate::chronicle::event::messages(records);
    let mail = said.iter().filter(|message| message.position.rank == 0).count();
    let ok = records.turns.iter().filter(|turn| turn.status.is_good()).count();
    Row { ok, failed: records.turns.len() - ok, messages: said.len() - mail, mail, ..begun(&records.plan) }
}

/// A closed tick, if it concerns the agent.
async fn closed(store: &Store, tick: Tick, agent: Option<&AgentName>) -> Result<Option<Row>, EngineError> {
    let (plan, closed) = futures::try_join!(async { store.read::<Plan>(&Key::Plan(tick)).await }, async {
        store.read_with_bytes::<Closed>(&Key::Closed(tick)).await
    })?;
    let missing = |what: &str| EngineError::Damaged { tick, message: format!("{what} is missing") };
    let plan = plan.ok_or_else(|| missing("plan.json"))?;
    let (closed, bytes) = closed.ok_or_else(|| missing("closed.json"))?;
    if !concerns(&plan, agent) {
        return Ok(None);
    }
    let ok = closed.turns.values().filter(|turn| turn.status.is_good()).count();
    let mail = closed.entries.iter().filter(|entry| entry.mail).count();
    Ok(Some(Row {
        state: TickState::Closed,
        ok,
        failed: closed.turns.len() - ok,
        messages: closed.entries.len() - mail,
        mail,
        cost_credits: closed.turns.values().map(|turn| turn.charge.total()).sum(),
        sha256: Some(Sha::of(&bytes)),
        ..begun(&plan)
    }))
}
