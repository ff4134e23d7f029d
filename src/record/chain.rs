//! A shard's chain: hold, hold, release, ..., seal. Extended by creating the next number.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Nonce, record};
use crate::domain::credits::Credits;
use crate::domain::name::{AgentName, RunnerId};

/// One link of a chain (`ticks/<tick>/shards/<s>/<seq:04>.json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The format of this record.
    pub format: u32,
    /// Tells our bytes from a rival's.
    pub nonce: Nonce,
    /// The invocation that wrote it.
    pub by: RunnerId,
    /// What it does.
    #[serde(flatten)]
    pub what: Extension,
}
record!(Link, "a shard's chain");

/// What a link does to its chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "link", rename_all = "snake_case")]
pub enum Extension {
    /// Licences for these agents, for whoever wrote it.
    Hold {
        /// The agents, in canonical order.
        start: Vec<AgentName>,
    },
    /// The writer leaves, having stopped all its calls; what each of its uncommitted licences spent.
    Release {
        /// One for each licence that ends here.
        spent: Vec<Settled>,
    },
    /// All turns are committed and their views written; no licence can be added.
    Seal,
}

/// A licence that ended without a commit of its holder, and what it really spent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// The link that gave the licence.
    pub seq: u32,
    /// The agent it was for.
    pub agent: AgentName,
    /// What calls with an answer cost.
    pub paid: Credits,
    /// What calls without an answer may have cost.
    pub unanswered: Credits,
}

/// A licence: the right to work on one turn, given by link `seq` of shard `shard`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct LicenceId {
    /// The number of the shard.
    pub shard: u32,
    /// The number of the link.
    pub seq: u32,
}
