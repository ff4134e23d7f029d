//! Taking an organisation away, and bringing one in: from an archive, or from a folder of the original system.
//!
//! An archive is a gzipped tar of the organisation's files by their paths, `export.json` first and `org.json` last: before
//! that one is there, there is no organisation, so that an import which was broken off leaves none and can be gone on with.
//! What comes in is hostile: nothing is written but at keys of an organisation, and nothing over something else.

pub mod archive;
mod entries;
pub mod original;

use serde::{Deserialize, Serialize};

pub use self::entries::{Hostile, Limits};
use crate::domain::ids::Sha;
use crate::domain::time::Tick;
use crate::store::Key;

/// The first file of an archive.
pub const MANIFEST: &str = "export.json";

/// The format of archives that this version writes.
pub const FORMAT: u32 = 1;

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the archive.
    pub format: u32,
    /// The last closed tick that it holds.
    pub tick: Tick,
    /// The hash of that tick's closed record; null before the first.
    pub closed: Option<Sha>,
}

/// The tick that an object is of; none where it is of no tick.
fn tick_of(key: &Key) -> Option<Tick> {
    match key {
        Key::Plan(tick)
        | Key::Link(tick, ..)
        | Key::Heartbeat(tick, ..)
        | Key::Step(tick, ..)
        | Key::Turn(tick, _)
        | Key::Closing(tick)
        | Key::Closed(tick)
        | Key::Delivery(_, tick)
        | Key::Checkpoint(tick)
        | Key::Outbox(_, tick, _) => Some(*tick),
        Key::Archive(..) => key.archived_from().map(|(_, tick)| tick),
        _ => None,
    }
}

/// Says whether an object belongs to a copy of an organisation: hints, heartbeats and probes are of one place and time.
fn travels(key: &Key) -> bool {
    !matches!(key, Key::Head | Key::Heartbeat(..) | Key::Closing(_) | Key::Probe(..))
}
