//! Fork: a new organisation that is as another one was after a tick, and goes on by itself.
//!
//! What it takes along is immutable, so that its chain is the origin's up to the point. Beside that it carries the
//! origin's later answers: where it asks the same again, byte for byte, nobody is asked and nothing is paid. The origin
//! is only read. `org.json` comes last: until then there is no organisation, and the same fork can be made to the end.

mod copy;
mod recorded;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::chronicle::moment::{Moment, MomentError};
use crate::domain::org::{ForkedFrom, OrgConfig};
use crate::domain::time::Tick;
use crate::edit::{self, EditError};
use crate::engine::{EngineError, Head, load};
use crate::record::recording::ForkMark;
use crate::record::{decode, encode};
use crate::store::{Created, Key, Prefix, Store, StoreError};

/// Why no fork was made.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    /// No such point.
    #[error(transparent)]
    Moment(#[from] MomentError),
    /// No tick is closed.
    #[error("there is no closed tick to fork from")]
    NothingYet,
    /// There is an organisation at the destination.
    #[error("there is an organisation at the destination already")]
    Taken,
    /// There is something else at the destination.
    #[error("the destination is not empty: it holds {path}")]
    Occupied {
        /// A path there.
        path: String,
    },
    /// A half-made fork of something else is at the destination.
    #[error("the destination holds a half-made fork of {name:?} at tick {tick}")]
    OtherFork {
        /// The name of its origin.
        name: String,
        /// The tick.
        tick: Tick,
    },
    /// A record of the origin is missing.
    #[error("{path} of the origin is missing")]
    Missing {
        /// Where.
        path: String,
    },
    /// The origin's `org.json` cannot be changed.
    #[error("org.json")]
    Edit(#[from] EditError),
    /// A record cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for ForkError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// After which tick; absent: the last closed one.
    pub at: Option<Tick>,
    /// What people call the fork; absent: after its origin.
    pub name: Option<String>,
    /// Where the origin is, as people may see it.
    pub place: Option<String>,
    /// Where the destination's store was probed, if it has a place.
    pub probed: Vec<String>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forked {
    /// What people call it.
    pub name: String,
    /// From where.
    pub forked_from: ForkedFrom,
    /// How many ticks it took along.
    pub ticks: u64,
    /// How many later answers it carries.
    pub answers: u64,
    /// Whether a half-made fork was completed.
    pub completed: bool,
}

/// Is told which tick is being taken along, and which is the last.
pub type Told<'a> = &'a (dyn Fn(Tick, Tick) + Sync);

/// Makes an organisation at `to` that is as the one at `from` was after a tick. Only reads at `from`.
///
/// # Errors
/// There is no such point; something else is at the destination; or a store failed, and the same fork, made again, goes
/// on with what is there.
pub async fn fork(from: &Store, to: &Store, wish: &Wish, told: Told<'_>) -> Result<Forked, ForkError> {
    let last = load(from).await?.state.tick;
    let at = wish.at.unwrap_or(last);
    if at == Tick(0) {
        return Err(ForkError::NothingYet);
    }
    let moment = Moment::of(from, Some(at)).await?;
    let state = &moment.state;
    let (Some(sha256), Some(pinned)) = (state.closed.clone(), state.org.clone()) else {
        return Err(ForkError::NothingYet);
    };
    let key = Key::Input(pinned);
    let text = from.get(&key).await?.ok_or_else(|| ForkError::Missing { path: key.path() })?;
    let origin: OrgConfig = moment.settings().await?;
    let recorded_until = recorded::until(&origin, last);
    let forked_from = ForkedFrom {
        store: wish.place.clone(),
        name: origin.name.clone(),
        known_as: origin.known_as().to_owned(),
        tick: at,
        sha256,
        recorded_until,
    };
    let completed = begin(to, &forked_from).await?;
    copy::ticks(from, to, state, told).await?;
    copy::files(from, to, &moment).await?;
    let answers = recorded::carry(from, to, at, last, &origin, told).await?;
    let head = Head { format: 1, tick: at, probed: wish.probed.clone() };
    to.put(&Key::Head, Bytes::from(encode(&head))).await?;
    let name = wish.name.clone().unwrap_or_else(|| format!("{} (fork at tick {at})", origin.name));
    let text = String::from_utf8_lossy(&text);
    let text = edit::set(&text, &["name"], &json!(name))?;
    let text = edit::set(&text, &["forked_from"], &json!(forked_from))?;
    match to.create_own(&Key::Org, Bytes::from(text)).await? {
        Created::Won => {}
        Created::Lost(_) => return Err(ForkError::Taken),
    }
    Ok(Forked { name, forked_from, ticks: at.0, answers, completed })
}

/// Marks the destination, and says whether the same fork was begun there before.
async fn begin(to: &Store, forked_from: &ForkedFrom) -> Result<bool, ForkError> {
    if to.get(&Key::Org).await?.is_some() {
        return Err(ForkError::Taken);
    }
    let mark = ForkMark { format: 1, forked_from: forked_from.clone() };
    let was_begun = to.get(&Key::ForkMark).await?.is_some();
    if !was_begun && let Some(path) = to.list_some(&Prefix::Everything, 1).await?.0.into_iter().next() {
        return Err(ForkError::Occupied { path });
    }
    match to.create_own(&Key::ForkMark, Bytes::from(encode(&mark))).await? {
        // Equal bytes are won, too.
        Created::Won => Ok(was_begun),
        Created::Lost(bytes) => {
            let theirs: ForkMark =
                decode(&bytes).map_err(|source| StoreError::Record { key: Key::ForkMark, source })?;
            let ForkedFrom { name, tick, sha256, .. } = theirs.forked_from;
            match (tick, &sha256) == (forked_from.tick, &forked_from.sha256) {
                true => Ok(true),
                false => Err(ForkError::OtherFork { name, tick }),
            }
        }
    }
}
