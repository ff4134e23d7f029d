//! What an agent does at a moment: one rule for whoever watches and for whoever asks once.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::PARALLEL;
use super::moment::Moment;
use super::ticks::shards;
use crate::domain::name::AgentName;
use crate::engine::EngineError;
use crate::record::plan::{Plan, SkipReason};
use crate::record::state::State;
use crate::record::turn::{Status, TurnRecord};
use crate::store::Key;

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// A runner works on its turn.
    Thinking,
    /// It is due in the open tick.
    Due,
    /// Its turn in the open tick is committed.
    Done,
    /// Its last turn, or that in the open tick, failed.
    Failed,
    /// It was due and had too little money.
    OutOfCredits,
    /// Its resume cannot be read.
    Broken,
    /// A person paused it, or the whole organisation.
    Paused,
    /// Its resume says that it is not to run.
    Disabled,
    /// A call of it waits for a person's yes.
    Waiting,
    /// Nothing.
    Idle,
}

impl Doing {
    /// The word as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Thinking => "thinking",
            Self::Due => "due",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::OutOfCredits => "out_of_credits",
            Self::Broken => "broken",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
            Self::Waiting => "waiting",
            Self::Idle => "idle",
        }
    }
}

/// How far the turns of an open tick are.
#[derive(Debug, Clone, Default)]
pub struct UnderWay {
    /// Who is due.
    pub due: BTreeSet<AgentName>,
    /// Whose turns a runner has in hand.
    pub held: BTreeSet<AgentName>,
    /// Whose turns are committed, and how they ended.
    pub committed: BTreeMap<AgentName, Status>,
}

/// The newest tick as far as it tells what agents do.
#[derive(Debug, Clone, Default)]
pub struct Latest {
    /// Its turns, if it is open.
    pub open: Option<UnderWay>,
    /// Who was due in it and does not run.
    pub skipped: BTreeMap<AgentName, SkipReason>,
}

impl Latest {
    /// Reads the open tick, or the last closed one where none is open.
    ///
    /// # Errors
    /// The store failed, or a record cannot be read.
    pub async fn read(moment: &Moment) -> Result<Self, EngineError> {
        let (store, last) = (moment.store(), moment.state.tick);
        let next = match moment.is_past {
            true => None,
            false => store.read::<Plan>(&Key::Plan(last.next())).await?,
        };
        let Some(plan) = next else {
            let plan = store.read::<Plan>(&Key::Plan(last)).await?;
            return Ok(Self { open: None, skipped: plan.as_ref().map(reasons).unwrap_or_default() });
        };
        let mut open = UnderWay { due: plan.due.iter().map(|due| due.agent.clone()).collect(), ..UnderWay::default() };
        for shard in shards(store, &plan).await? {
            open.held.extend(shard.agents.iter().filter(|agent| shard.worker(agent).is_some()).cloned());
        }
        let tick = plan.tick;
        let read = |agent: AgentName| async move { store.read::<TurnRecord>(&Key::Turn(tick, agent)).await };
        let mut turns = stream::iter(open.due.clone()).map(read).buffered(PARALLEL);
        while let Some(turn) = turns.next().await {
            open.committed.extend(turn?.map(|turn| (turn.agent, turn.status)));
        }
        drop(turns);
        Ok(Self { skipped: reasons(&plan), open: Some(open) })
    }
}

/// Why those did not run that a plan passes over.
pub(super) fn reasons(plan: &Plan) -> BTreeMap<AgentName, SkipReason> {
    plan.skipped.iter().map(|skipped| (skipped.agent.clone(), skipped.reason)).collect()
}

/// What an agent does, by the state after the last closed tick and what the newest tick tells.
#[must_use]
pub fn doing(
    state: &State,
    name: &AgentName,
    open: Option<&UnderWay>,
    skipped: &BTreeMap<AgentName, SkipReason>,
) -> Doing {
    let Some(agent) = state.agents.get(name) else { return Doing::Idle };
    if let Some(open) = open.filter(|open| open.due.contains(name)) {
        return match open.committed.get(name) {
            Some(Status::Failed) => Doing::Failed,
            Some(_) => Doing::Done,
            None if open.held.contains(name) => Doing::Thinking,
            None => Doing::Due,
        };
    }
    let failed = || agent.last_turn.as_ref().is_some_and(|turn| turn.status == Status::Failed);
    match skipped.get(name) {
        _ if agent.broken => Doing::Broken,
        _ if !agent.facts.enabled => Doing::Disabled,
        _ if agent.paused || state.paused => Doing::Paused,
        Some(SkipReason::NoCredits | SkipReason::NoBudget) => Doing::OutOfCredits,
        Some(SkipReason::Failing | SkipReason::UnknownModel) => Doing::Failed,
        _ if failed() => Doing::Failed,
        _ if state.approvals.values().any(|asked| asked.agent == *name && asked.verdict.is_none()) => Doing::Waiting,
        _ => Doing::Idle,
    }
}
