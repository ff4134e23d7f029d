//! Ticks: a line for each, and the whole of one.

mod list;
mod shards;
mod show;

use serde::Serialize;
use utoipa::ToSchema;

pub use self::list::{Bounds, Found, Row, list, page};
pub(super) use self::shards::shard_of;
pub use self::shards::{Shard, shards};
pub(super) use self::show::line;
pub use self::show::{FileLine, FoundLine, Hashes, Inputs, MemoryLine, Missed, TickView, TurnLine, show};

/// Where a tick stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TickState {
    /// Planned, and not closed.
    Open,
    /// Closed: nothing of it changes any more.
    Closed,
}
