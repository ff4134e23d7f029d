//! How an organisation stands.

use futures::stream::{self, StreamExt as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::PARALLEL;
use super::credits::Budget;
use super::moment::Moment;
use crate::domain::credits::Credits;
use crate::domain::name::AgentName;
use crate::domain::resume::Resume;
use crate::domain::time::{Clock, Tick, Timestamp};
use crate::engine::EngineError;
use crate::record::plan::{Plan, Skipped};
use crate::record::state::{Authors, LastTurn, Problem, State};
use crate::record::turn::TurnRecord;
use crate::store::{Key, Prefix, Store, StoreError};

/// How an agent stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentStatus {
    /// Its name.
    pub name: AgentName,
    /// Its job title; absent where its resume cannot be read.
    pub title: Option<String>,
    /// Whether it may be due.
    pub enabled: bool,
    /// Whether a person paused it.
    pub paused: bool,
    /// What its account holds, as of the last closed tick.
    pub credits_left: Credits,
    /// Whether that is below its soft cap.
    pub below_soft_cap: bool,
    /// How its last turn went.
    pub last_turn: Option<LastTurn>,
    /// How many of its last turns failed in a row.
    pub failures: u32,
    /// How many messages it has not read yet, as of the last closed tick.
    pub unread: usize,
    /// Why it cannot run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// A tick that was begun and is not closed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OpenTick {
    /// Its number.
    pub tick: Tick,
    /// When it was planned.
    pub time: Timestamp,
    /// Who is due.
    pub due: Vec<AgentName>,
    /// Whose turns are committed.
    pub committed: Vec<AgentName>,
    /// Who was due and does not run.
    pub skipped: Vec<Skipped>,
}

/// How an organisation stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = OrganisationStatus)]
pub struct Status {
    /// What people call it.
    pub org: String,
    /// Where it is.
    pub store: String,
    /// The last closed tick; 0 before the first.
    pub tick: Tick,
    /// Its clock.
    pub clock: Clock,
    /// When it was planned.
    pub time: Option<Timestamp>,
    /// Whether a person paused the organisation.
    pub paused: bool,
    /// A tick that is not closed.
    pub open: Option<OpenTick>,
    /// The agents, by name.
    pub agents: Vec<AgentStatus>,
    /// The budget, if there is one.
    pub budget: Option<Budget>,
    /// Messages and commands that the next tick will find.
    pub waiting_ingress: usize,
    /// What a person should know.
    pub problems: Vec<Problem>,
}

/// Reads how an organisation stands. `place` is shown as it is.
///
/// # Errors
/// There is no organisation, the store failed, or the records contradict each other.
pub async fn status(store: &Store, place: &str, now: Timestamp) -> Result<Status, EngineError> {
    status_at(&Moment::now(store).await?, place, now).await
}

/// Reads how an organisation stands, or how it stood at a moment: then no tick was open, and of what was waiting nothing
/// is known. `place` is shown as it is.
///
/// # Errors
/// There is no organisation, the store failed, or the records contradict each other.
pub async fn status_at(moment: &Moment, place: &str, now: Timestamp) -> Result<Status, EngineError> {
    let (store, state) = (moment.store(), &moment.state);
    let org = moment.settings().await?;
    let names = moment.agents().await?;
    let mut found = Vec::with_capacity(names.len());
    let authors = &Authors::of(state);
    let mut each = stream::iter(names).map(|name| agent(moment, authors, name)).buffered(PARALLEL);
    while let Some(agent) = each.next().await {
        found.push(agent?.0);
    }
    drop(each);
    let now = if moment.is_past { state.time.unwrap_or(now) } else { now };
    Ok(Status {
        store: place.to_owned(),
        tick: state.tick,
        clock: state.clock,
        time: state.time,
        paused: state.paused,
        open: if moment.is_past { None } else { open(store, state.tick.next()).await? },
        budget: Budget::at(&org, state, now),
        waiting_ingress: if moment.is_past { 0 } else { waiting(store, state).await? },
        problems: problems(state, &found),
        agents: found,
        org: org.name,
    })
}

/// How an agent stands at a moment, and its resume: the last good one where the present one cannot be read.
pub(super) async fn agent(
    moment: &Moment,
    authors: &Authors,
    name: AgentName,
) -> Result<(AgentStatus, Option<Resume>), EngineError> {
    let (store, state) = (moment.store(), &moment.state);
    let known = state.agents.get(&name);
    let mut broken = None;
    let mut resume = match moment.resume(&name).await {
        Ok(Ok(resume)) => Some(resume),
        Ok(Err(error)) => {
            broken = Some(error);
            None
        }
        // One file that the store refuses, such as a link out of the organisation.
        Err(EngineError::Store(error)) if error.is_final() => {
            broken = Some(crate::causes::causes(&error).join(": "));
            None
        }
        Err(error) => return Err(error),
    };
    if moment.is_past && known.is_some_and(|known| known.broken) {
        broken = Some("resume.json could not be read".to_owned());
    }
    if resume.is_none()
        && let Some(known) = known
    {
        // The last good version.
        let pinned = store.get(&Key::Input(known.resume.clone())).await?;
        resume = pinned.and_then(|bytes| Resume::parse(&bytes, &name).ok());
    }
    let limits = resume.as_ref().map(|resume| &resume.credits);
    let credits_left = match known {
        Some(known) => known.account.balance,
        None => limits.map_or(Credits::ZERO, |limits| limits.opening()),
    };
    let status = AgentStatus {
        title: resume.as_ref().map(|resume| resume.title.clone()),
        enabled: resume.as_ref().is_some_and(|resume| resume.enabled),
        paused: known.is_some_and(|known| known.paused),
        credits_left,
        below_soft_cap: limits.is_some_and(|limits| credits_left < limits.soft_cap),
        last_turn: known.and_then(|known| known.last_turn.clone()),
        failures: known.map_or(0, |known| known.failures),
        unread: known.map_or(0, |known| authors.inbox(state, &name, &known.facts.reads).len()),
        broken,
        name,
    };
    Ok((status, resume))
}

async fn open(store: &Store, tick: Tick) -> Result<Option<OpenTick>, StoreError> {
    let Some(plan) = store.read::<Plan>(&Key::Plan(tick)).await? else { return Ok(None) };
    let due: Vec<AgentName> = plan.due.iter().map(|due| due.agent.clone()).collect();
    let read = |agent: AgentName| async move {
        let turn = store.read::<TurnRecord>(&Key::Turn(tick, agent.clone())).await?;
        Ok::<_, StoreError>(turn.map(|_| agent))
    };
    let mut committed = Vec::new();
    let mut turns = stream::iter(due.clone()).map(read).buffered(PARALLEL);
    while let Some(turn) = turns.next().await {
        committed.extend(turn?);
    }
    drop(turns);
    Ok(Some(OpenTick { tick, time: plan.time, due, committed, skipped: plan.skipped }))
}

async fn waiting(store: &Store, state: &State) -> Result<usize, StoreError> {
    let paths = store.list(&Prefix::Ingress).await?;
    let is_new = |path: &&String| match Key::parse(path) {
        Some(Key::Mail(name) | Key::Control(name)) => !state.admitted.contains_key(&name),
        _ => false,
    };
    Ok(paths.iter().filter(is_new).count())
}

/// What the last tick found, and what can be seen now.
fn problems(state: &State, agents: &[AgentStatus]) -> Vec<Problem> {
    let mut problems = state.problems.clone();
    for agent in agents {
        let path = Some(Key::Resume(agent.name.clone()).path());
        let told = |kind: &str, problems: &[Problem]| {
            problems.iter().any(|problem| problem.kind == kind && problem.agent.as_ref() == Some(&agent.name))
        };
        if let Some(message) = &agent.broken
            && !told("broken_resume", &problems)
        {
            let message = message.clone();
            problems.push(Problem {
                kind: "broken_resume".to_owned(),
                agent: Some(agent.name.clone()),
                path: path.clone(),
                message,
            });
        }
        if agent.below_soft_cap && !told("soft_cap", &problems) {
            let message = format!("{} has {} credits left, less than its soft cap", agent.name, agent.credits_left);
            problems.push(Problem { kind: "soft_cap".to_owned(), agent: Some(agent.name.clone()), path, message });
        }
    }
    problems
}
