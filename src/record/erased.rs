//! Erasure: what is left of a record whose contents were given up, and how far that has gone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::record;
use crate::domain::ids::Sha;
use crate::domain::time::Tick;

/// In a record that stands in for another: the one that it replaces had this hash, which is the one that others name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Erased {
    /// The hash of the record as it was committed.
    pub sha256: Sha,
}

/// `collected.json`: up to which tick `gc` has given up what. Whoever looks for something older is not surprised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// The format of this record.
    pub format: u32,
    /// Turn records up to this tick may be stubs.
    pub turns: Tick,
    /// Steps up to this tick may be missing.
    pub steps: Tick,
    /// Outbox files up to this tick may be missing.
    pub outbox: Tick,
    /// Turn records up to this tick are stubs.
    pub turns_done: Tick,
    /// Steps up to this tick are gone.
    pub steps_done: Tick,
    /// Outbox files up to this tick are gone.
    pub outbox_done: Tick,
}
record!(Collected, "what was given up");

impl Collected {
    /// Nothing was.
    #[must_use]
    pub const fn nothing() -> Self {
        let none = Tick(0);
        Self {
            format: 1,
            turns: none,
            steps: none,
            outbox: none,
            turns_done: none,
            steps_done: none,
            outbox_done: none,
        }
    }
}

/// `erasing/<sha256>.json`: an erasure on request that is not at its end, under the hash of [`Self::what`]. What was erased
/// first no longer says by what the rest is known, so that this does; deleted when nothing is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasing {
    /// The format of this record.
    pub format: u32,
    /// What must go, in words.
    pub what: String,
    /// The ids of the messages.
    pub ids: BTreeSet<Uuid>,
    /// The texts that are looked for.
    pub texts: BTreeSet<String>,
    /// The blobs that hold it.
    pub blobs: BTreeSet<Sha>,
}
record!(Erasing, "an erasure");
