//! What a tick tells whoever asked for it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::credits::Credits;
use crate::domain::name::{AgentName, RunnerId};
use crate::domain::time::{Clock, Tick};
use crate::record::plan::Skipped;
use crate::record::state::Problem;
use crate::record::turn::Status;

/// How one turn went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TurnReport {
    /// Whose.
    pub agent: AgentName,
    /// How it ended.
    pub status: Status,
    /// What was charged for it, over all attempts.
    pub cost_credits: Credits,
    /// How many entries it said.
    pub messages: usize,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// How often its answers broke the contract; of a turn that another runner closed, 0: its record was not read.
    pub violations: usize,
}

/// How a tick went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TickReport {
    /// The tick.
    pub tick: Tick,
    /// Its clock.
    pub clock: Clock,
    /// Whether it is closed; otherwise the next invocation resumes it.
    pub closed: bool,
    /// Whether somebody else had begun it.
    pub resumed: bool,
    /// Who works on what is left of it, where this runner did not wait for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<RunnerId>,
    /// The tick of somebody else that was still open, and had to be finished before this one was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_first: Option<Box<TickReport>>,
    /// Who was due, in canonical order.
    pub due: Vec<AgentName>,
    /// The turns committed so far, in canonical order; of an open tick, those of shards that this runner worked on.
    pub turns: Vec<TurnReport>,
    /// Who was due and did not run.
    pub skipped: Vec<Skipped>,
    /// What a person should know.
    pub problems: Vec<Problem>,
}

/// Why a trigger started nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Idle {
    /// The slot was planned before: a redelivery, or a second scheduler.
    SlotPassed,
    /// Nobody is due that could be paid, and nothing admissible has arrived.
    NothingToDo,
    /// There is something to do, and no time for a turn: the next invocation does it.
    NoTime,
    /// A person paused the organisation, and nothing admissible has arrived.
    Paused,
    /// The only tick that was asked for is closed already.
    TickPassed,
    /// Ticks before the only one that was asked for have not run yet.
    TickAhead,
    /// There is no agent, not even one whose resume is broken, and nothing admissible has arrived.
    NoAgents,
}

/// What became of a trigger.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// A tick ran. It is closed, unless the runner was told to stop.
    Ran(TickReport),
    /// Nothing was started, and nothing written.
    Idle {
        /// Why.
        reason: Idle,
    },
}

impl TickReport {
    /// This tick, and before it what had to be finished first.
    pub fn in_order(&self) -> impl Iterator<Item = &Self> {
        let mut ticks: Vec<&Self> = std::iter::successors(Some(self), |tick| tick.finished_first.as_deref()).collect();
        ticks.reverse();
        ticks.into_iter()
    }

    /// What became of it, in a word.
    #[must_use]
    pub fn ending(&self) -> Ending {
        match (self.closed, self.held_by.is_empty()) {
            (true, _) => Ending::Closed,
            (false, true) => Ending::Partial,
            (false, false) => Ending::Held,
        }
    }
}

impl Outcome {
    /// What became of the trigger, in a word.
    #[must_use]
    pub fn ending(&self) -> Ending {
        match self {
            Self::Ran(report) => report.ending(),
            Self::Idle { reason: Idle::NoTime } => Ending::Partial,
            Self::Idle { .. } => Ending::Idle,
        }
    }
}

/// How an invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It started nothing, and wrote nothing.
    Idle,
    /// The tick is closed.
    Closed,
    /// The tick is open, and other runners are at work on all that is left of it.
    Held,
    /// Time was over: the next invocation goes on with the open tick, or begins what this one did not.
    Partial,
}

impl Ending {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Closed => "closed",
            Self::Held => "held",
            Self::Partial => "partial",
        }
    }
}
