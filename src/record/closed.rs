//! The closed record: what a tick changed, chained by hashes to all it was made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::approval::{Pending, Verdict};
use super::record;
use super::state::{Charge, Problem, Unread};
use super::turn::Status;
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::name::{AgentName, IngressName, ModelKey};
use crate::domain::pace::Anchor;
use crate::domain::position::Position;
use crate::domain::time::{Clock, Tick, Timestamp};
use crate::record::plan::{Credited, Found};

/// What a tick changed for one agent that was due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnFold {
    /// The hash of the turn record.
    pub sha256: Sha,
    /// How the turn ended.
    pub status: Status,
    /// Charged to the account and the budget, for every licence that was given.
    pub charge: Charge,
    /// The cursor after the tick, where it moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Position>,
    /// After a failure that the mail can have caused: where the inbox ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blamed: Option<Position>,
    /// After a failure because a model did not answer: that model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreached: Option<ModelKey>,
    /// Entries given up after three such failures: the cursor passes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dead_letters: Vec<Position>,
    /// Calls that wait for a person's yes from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Pending>,
    /// Calls that waited, and of whose answer the agent has heard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<Uuid>,
}

/// A file at a new version, in the order in which the changes take effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileFold {
    /// The path from the organisation's root.
    pub path: String,
    /// The hash of the bytes; absent: deleted.
    pub sha256: Option<Sha>,
    /// The agent whose turn record holds the content; absent: the plan does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
}

/// An agent that a turn created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Born {
    /// Who created it.
    pub by: AgentName,
    /// The hash of its resume.
    pub resume: Sha,
    /// What planning reads of it.
    pub facts: super::state::Facts,
    /// What its creator gave it.
    pub credits: Credits,
    /// Just before its creator's turn.
    pub cursor: Position,
}

/// `ticks/<tick>/closed.json`: a pure function of the records that it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Closed {
    /// The format of this record.
    pub format: u32,
    /// The tick.
    pub tick: Tick,
    /// Its clock.
    pub clock: Clock,
    /// Its plan's time.
    pub time: Timestamp,
    /// The hash of the closed record before; absent for the first tick.
    pub previous: Option<Sha>,
    /// The hash of the plan.
    pub plan: Sha,
    /// The hashes of each shard's chain, in order.
    pub chains: Vec<Vec<Sha>>,
    /// What ties slots to the clock.
    pub anchor: Option<Anchor>,
    /// The `org.json` used.
    pub org: Sha,
    /// The `config/models.json` used.
    pub models: Sha,
    /// The `config/tools.json` used, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Sha>,
    /// The `config/tools.lock.json` used, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools_lock: Option<Sha>,
    /// What the resume check found that was not known.
    pub found: BTreeMap<AgentName, Found>,
    /// The agents that were due.
    pub turns: BTreeMap<AgentName, TurnFold>,
    /// Agents that turns created.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub born: BTreeMap<AgentName, Born>,
    /// The window of the budget that the charges belong to.
    pub budget_window: String,
    /// Top-ups as they took effect.
    pub credited: Vec<Credited>,
    /// The organisation's pause after the tick, where a command changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Agents' pauses after the tick, where a command changed them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paused_agents: BTreeMap<AgentName, bool>,
    /// What was said, admitted mail first, in the order of the positions.
    pub entries: Vec<Unread>,
    /// The age at which unread entries expire, in steps of the clock.
    pub max_outbox_age_ticks: u32,
    /// Files at new versions, in the order in which the changes take effect.
    pub files: Vec<FileFold>,
    /// Names of admitted ingress.
    pub admitted: Vec<IngressName>,
    /// Names that are no longer remembered.
    pub forgotten: Vec<IngressName>,
    /// Answers to calls that waited for one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub decided: BTreeMap<Uuid, Verdict>,
    /// What a person should know.
    pub problems: Vec<Problem>,
}
record!(Closed, "a closed record");
