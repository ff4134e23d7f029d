//! What comes in from outside: mail, and commands to the organisation itself.
//!
//! Two prefixes, so that who may mail cannot mint: `ingress/mail/` and `ingress/control/`.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::credits::Credits;
use super::ids::Sha;
use super::memory::Operation;
use super::name::{AgentName, MemoryKey};
use super::outbox::{Importance, Kind};
use super::time::{Tick, Timestamp};

/// The most bytes of an ingress object: a larger one is never admitted, but left where it is and reported.
pub const MAX_INGRESS_BYTES: usize = 256 * 1024;

/// How deep an ingress object may nest: a plan that holds it nests deeper, and must be read again.
pub const MAX_INGRESS_DEPTH: usize = 96;

/// Who wrote an ingress object, for the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Author(pub String);

/// A message from outside (`ingress/mail/<uuidv7>.json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mail {
    /// The format of this object: 1.
    pub format: u32,
    /// Its id, equal to the object's name where that is a UUID.
    pub id: Uuid,
    /// Who sent it: `human`, unless a webhook or another organisation did.
    #[serde(default = "AgentName::human")]
    pub from: AgentName,
    /// Who may read it; `null`: everyone.
    #[serde(default)]
    pub recipients: Option<Vec<AgentName>>,
    /// What it is for.
    #[serde(default)]
    pub kind: Kind,
    /// What is said; by convention its text is at `text`.
    pub payload: Map<String, Value>,
    /// Free labels.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How early it is shown.
    #[serde(default)]
    pub importance: Importance,
    /// The entry that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Uuid>,
    /// The conversation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<Uuid>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// How many turns by mail alone led to it, where another organisation sent it: so that two that answer each other come
    /// to an end, as two agents do.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// A command to the organisation (`ingress/control/<uuidv7>.json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Control {
    /// The format of this object: 1.
    pub format: u32,
    /// Who gave it.
    pub by: Author,
    /// When.
    pub sent_at: Timestamp,
    /// What is to be done.
    #[serde(flatten)]
    pub action: Action,
}

/// What a control object asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Adds credits to an agent's account, or to the organisation's budget in its present window.
    TopUp {
        /// Whose account; absent: the organisation's budget.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentName>,
        /// How much.
        credits: Credits,
    },
    /// Nobody, or not this agent, is due until `resume`.
    Pause {
        /// Which agent; absent: the whole organisation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentName>,
    },
    /// Undoes `pause`.
    Resume {
        /// Which agent; absent: the whole organisation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentName>,
    },
    /// Edits a memory before the turns of the tick.
    Memory {
        /// Whose memory.
        agent: AgentName,
        /// Which key.
        key: MemoryKey,
        /// What is done to it.
        operation: Operation,
        /// With which value.
        #[serde(default)]
        value: Value,
    },
    /// Takes a memory to the archive, before the turns of the tick.
    Archive {
        /// Whose memory.
        agent: AgentName,
        /// Which key.
        key: MemoryKey,
        /// Of a list, how many of the newest items stay; absent: the whole memory goes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<u32>, minimum = 1)]
        keep: Option<NonZeroU32>,
        /// Only if nobody changed it after this tick.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unchanged_since: Option<Tick>,
    },
    /// Puts items back at the beginning of a list, before the turns of the tick.
    PutBack {
        /// Whose memory.
        agent: AgentName,
        /// Which key.
        key: MemoryKey,
        /// The items, the oldest first.
        items: Vec<Value>,
    },
    /// Gives a file of a workspace or of `shared/` the version back that it had after a tick, or deletes it, if it had
    /// none. What a turn of the admitting tick writes there counts instead.
    RestoreFile {
        /// The path from the organisation's root.
        path: String,
        /// After which tick.
        tick: Tick,
    },
    /// Says yes to a call that waits: to the arguments of this hash, and to no others.
    Approve {
        /// The question's id, which is the call's.
        approval: Uuid,
        /// The hash of the arguments that the person was shown.
        arguments_sha256: Sha,
        /// The arguments that it is to be made with instead; absent: those that were shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arguments: Option<Value>,
    },
    /// Says no to a call that waits.
    Deny {
        /// The question's id.
        approval: Uuid,
        /// Why, for the agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}
