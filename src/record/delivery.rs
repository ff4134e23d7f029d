//! What a rule of delivery has sent: for a tick with something to send, a record; for the rule, a hint.
//!
//! The record is created once all of a tick is settled, and says how it went. The hint holds what is not settled yet. It is
//! written over at will: a lie in it, or its loss, means that something is sent again, under the same id.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Nonce, record};
use crate::domain::name::MemoryKey;
use crate::domain::time::{Tick, Timestamp};

/// How it went with one entry or problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The receiver took it.
    Delivered,
    /// It was too old to be tried again.
    GivenUp,
    /// Its contents were erased before it was sent.
    Erased,
}

/// One entry or problem that needs nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SettledDelivery)]
pub struct Settled {
    /// The entry's id, or the one that a problem has by its place.
    pub id: Uuid,
    /// How it went.
    pub fate: Fate,
    /// When.
    pub at: Timestamp,
    /// What the last attempt came to, where it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `deliveries/<rule>/<tick>.json`: what of a closed tick was sent, and how it went. Created when all of it is settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Delivered {
    /// The format of this record.
    pub format: u32,
    /// Tells our bytes from those of a rival.
    pub nonce: Nonce,
    /// The rule.
    pub rule: MemoryKey,
    /// The tick.
    pub tick: Tick,
    /// All that matched, in the order of the tick.
    pub settled: Vec<Settled>,
}
record!(Delivered, "a record of deliveries");

/// A tick of which not all is settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PendingDelivery)]
pub struct Pending {
    /// The tick.
    pub tick: Tick,
    /// What of it is settled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settled: Vec<Settled>,
    /// How many entries or problems are not.
    pub left: u64,
    /// How often one of them was tried in vain.
    pub attempts: u32,
    /// Not before then is it tried again; absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// What the last attempt came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What was given up of a tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GivenUp {
    /// The tick.
    pub tick: Tick,
    /// How many entries or problems.
    pub count: u64,
    /// When.
    pub at: Timestamp,
    /// What the last attempt came to.
    pub error: String,
}

/// The last tick that a rule sent something of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastDelivered {
    /// The tick.
    pub tick: Tick,
    /// When.
    pub at: Timestamp,
}

/// `deliveries/<rule>/next.json`: how far a rule has come. A hint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Headway {
    /// The format of this record.
    pub format: u32,
    /// The first tick that was not looked at; of those before, [`Self::pending`] has what is not settled.
    pub next: Tick,
    /// Ticks of which something is left to send.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Pending>,
    /// How often in a row the receiver did not answer, or was in trouble.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// Until then the receiver is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// What was given up lately, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<GivenUp>,
    /// What was sent last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastDelivered>,
}
record!(Headway, "a hint of deliveries");

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Headway {
    /// Nothing is sent yet, and this tick is the first to look at.
    #[must_use]
    pub fn from(next: Tick) -> Self {
        Self { format: 1, next, pending: Vec::new(), failures: 0, not_before: None, given_up: Vec::new(), last: None }
    }
}
