//! The plan: a tick's immutable input.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::approval::Decision;
use super::erased::Erased;
use super::state::{Facts, Problem};
use super::turn::{FileChange, MemoryChange};
use super::{Nonce, record};
use crate::domain::archive::Archived;
use crate::domain::credits::Credits;
use crate::domain::ids::{Seed, Sha};
use crate::domain::ingress::{Control, Mail};
use crate::domain::name::{AgentName, IngressName, RunnerId};
use crate::domain::org::Visibility;
use crate::domain::pace::Anchor;
use crate::domain::time::{Clock, Tick, Timestamp};

/// What asked for the tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trigger {
    /// Somebody: each is one tick and advances the clock by one.
    Invocation,
    /// A schedule: its own scheduled time says which slot.
    Slot {
        /// The scheduled time, not the time of arrival.
        time: Timestamp,
    },
    /// An event: keeps the clock; runs who has mail, and these.
    Wake {
        /// Agents that run whether they have mail or not.
        named: Vec<AgentName>,
    },
}

/// The clocks that this plan stands for, last plan's excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockRange {
    /// The first.
    pub from: Clock,
    /// The last: this plan's clock.
    pub to: Clock,
}

/// Why an agent is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The schedule.
    Schedule,
    /// A slot that nobody triggered.
    CatchUp,
    /// Unread mail alone.
    Mail,
    /// A call of it that waited was answered: by yes, by no, or by nobody in time.
    Approval,
    /// A wake that names the agent.
    Named,
}

/// An agent that runs in this tick, and the money it may use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Due {
    /// Who.
    pub agent: AgentName,
    /// The place in canonical order, from 1.
    pub rank: u32,
    /// Why.
    pub because: Cause,
    /// The resume that it runs with.
    pub resume: Sha,
    /// q: the worst case of one model call.
    pub call_credits: Credits,
    /// w: the least that a turn needs: one call and `cost_per_action`.
    pub least_credits: Credits,
    /// r: what one attempt at the turn may cost.
    pub attempt_credits: Credits,
    /// g: what all attempts together may cost, set aside from the account and the budget.
    pub grant_credits: Credits,
}

/// Why an agent that was due does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// The account holds less than one call may cost.
    NoCredits,
    /// The organisation's budget holds less than one call may cost.
    NoBudget,
    /// Paused by a person.
    Paused,
    /// The resume names a model that `config/models.json` does not have.
    UnknownModel,
    /// The resume cannot be read.
    BrokenResume,
    /// It keeps failing, and is left alone for a growing number of its periods.
    Failing,
}

impl SkipReason {
    /// The reason as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoCredits => "no_credits",
            Self::NoBudget => "no_budget",
            Self::Paused => "paused",
            Self::UnknownModel => "unknown_model",
            Self::BrokenResume => "broken_resume",
            Self::Failing => "failing",
        }
    }
}

/// An agent that was due and does not run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Skipped {
    /// Who.
    pub agent: AgentName,
    /// Why not.
    pub reason: SkipReason,
}

/// What the resume check found of one agent, where it differs from what was known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Found {
    /// A new or changed resume.
    Resume {
        /// The hash of its bytes, pinned at `inputs/<sha>`.
        resume: Sha,
        /// What planning reads of it.
        facts: Facts,
    },
    /// The folder or its resume is gone.
    Gone,
    /// The resume cannot be read; the agent is not run.
    Broken,
}

/// An ingress object that this plan admits, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Admitted {
    /// Its name, single-use.
    pub name: IngressName,
    /// What it holds.
    #[serde(flatten)]
    pub item: Item,
}

/// What an admitted object holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AdmittedItem)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A command.
    Control(Control),
    /// A message.
    Mail(Mail),
}

/// A top-up as it took effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Credited {
    /// Whose account; absent: the organisation's budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// What was added: no more than fits below `max_credits`.
    pub credits: Credits,
}

/// `ticks/<tick>/plan.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The format of this record.
    pub format: u32,
    /// This is a stub: mail or memory in it was given up on request. All else is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erased>,
    /// Tells our bytes from a rival's.
    pub nonce: Nonce,
    /// The invocation that planned.
    pub by: RunnerId,
    /// The tick.
    pub tick: Tick,
    /// The clock that the schedule sees.
    pub clock: Clock,
    /// When: never before the last plan's. Entries, memories and budget windows carry it.
    pub time: Timestamp,
    /// What asked for the tick.
    pub trigger: Trigger,
    /// The clocks that this plan stands for; absent for a wake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<ClockRange>,
    /// What ties slots to the clock, at slot pace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// From which ids are derived.
    pub seed: Seed,
    /// What agents of this tick see of each other.
    pub visibility: Visibility,
    /// The version of the prompt builder.
    pub prompt_version: u32,
    /// The hash of the closed record before; absent for the first tick.
    pub previous: Option<Sha>,
    /// The `org.json` of this tick, pinned at `inputs/<sha>`.
    pub org: Sha,
    /// The `config/models.json` of this tick, pinned at `inputs/<sha>`.
    pub models: Sha,
    /// The `config/tools.json` of this tick, pinned at `inputs/<sha>`; absent: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Sha>,
    /// The `config/tools.lock.json` of this tick, pinned at `inputs/<sha>`; absent: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools_lock: Option<Sha>,
    /// The window of the budget that this tick's charges belong to.
    pub budget_window: String,
    /// What the resume check found that was not known.
    pub found: BTreeMap<AgentName, Found>,
    /// Who runs, in canonical order.
    pub due: Vec<Due>,
    /// Who was due and does not run.
    pub skipped: Vec<Skipped>,
    /// The due agents by shard, each in canonical order.
    pub shards: Vec<Vec<AgentName>>,
    /// Admitted ingress: control first, then mail, in name order.
    pub ingress: Vec<Admitted>,
    /// Admitted names that no listing shows any more.
    pub forgotten: Vec<IngressName>,
    /// Top-ups as they took effect.
    pub credited: Vec<Credited>,
    /// Memory edits by command, as they took effect: before the turns of this tick.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub memory: BTreeMap<AgentName, Vec<MemoryChange>>,
    /// What leaves memories for the archive by command.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub archive: BTreeMap<AgentName, Vec<Archived>>,
    /// Files of workspaces and of `shared/` that are restored by command: what a turn of this tick writes or imports
    /// there counts instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileChange>,
    /// Answers to calls that waited for one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
    /// What a person should know.
    pub problems: Vec<Problem>,
}
record!(Plan, "a plan");
