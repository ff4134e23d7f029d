//! Load: the state after the last closed tick, in a bounded number of requests.
//!
//! The head hint says where to look first; closed records are contiguous, so that whoever finds
//! the hint wrong gallops and bisects. Then the newest checkpoint at or below, and the closed
//! records after it, each checked against the hash that its successor names.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::EngineError;
use super::memo::Memo;
use super::trust;
use crate::domain::ids::Sha;
use crate::domain::time::Tick;
use crate::mutant::{self, Mutant};
use crate::record::closed::Closed;
use crate::record::state::State;
use crate::record::{Record, RecordError, decode, encode};
use crate::store::{Key, Store, StoreError};

/// A checkpoint is written every so many ticks.
pub const CHECKPOINT_EVERY: u64 = 8;

/// No organisation has so many ticks: with one each millisecond it would take centuries.
const MOST_AT_A_STEP: u64 = 1 << 44;

/// `head.json`: a hint of the last closed tick. A lie is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The format of this record.
    pub format: u32,
    /// The last closed tick that the writer knew.
    pub tick: Tick,
    /// Where the store was probed: the first 16 digits of the hash of each place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probed: Vec<String>,
}

impl Record for Head {
    const KIND: &'static str = "the head hint";
    fn format(&self) -> u32 {
        self.format
    }
}

/// The state of an organisation, and the checkpoint that somebody ought to write.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The state after the last closed tick.
    pub state: State,
    /// A checkpoint that is missing, with its bytes.
    pub missing_checkpoint: Option<(Tick, Bytes)>,
}

/// Loads the state after the last closed tick. Writes nothing.
///
/// # Errors
/// The store did not answer, a record is of a newer format, or the records contradict each other.
pub async fn load(store: &Store) -> Result<Loaded, EngineError> {
    let mut seen = Seen::new(store);
    let last = seen.last_closed().await?;
    seen.rebuild(last).await
}

/// Loads as [`load`] does, unless this process has just closed the last tick itself and knows the
/// state after it. The hash of the stored record says whether it does.
///
/// # Errors
/// As [`load`].
pub(super) async fn load_known(store: &Store, memo: &Memo) -> Result<(Arc<State>, Option<(Tick, Bytes)>), EngineError> {
    let mut seen = Seen::new(store);
    let last = seen.last_closed().await?;
    trust::take_over(memo, store, std::mem::take(&mut seen.probed));
    if let Some(bytes) = seen.closed.get(&last)
        && let Some(state) = memo.state_after(last, &Sha::of(bytes))
    {
        return Ok((state, None));
    }
    let Loaded { state, missing_checkpoint } = seen.rebuild(last).await?;
    Ok((Arc::new(state), missing_checkpoint))
}

/// Loads the state as it was after `tick`. Writes nothing.
///
/// # Errors
/// As [`load`]; a tick that is not closed is [`EngineError::Damaged`].
pub async fn load_at(store: &Store, tick: Tick) -> Result<State, EngineError> {
    let mut seen = Seen::new(store);
    Ok(seen.rebuild(tick).await?.state)
}

/// The closed records read so far, and what the hint says of the store.
struct Seen<'a> {
    store: &'a Store,
    closed: BTreeMap<Tick, Bytes>,
    probed: Vec<String>,
}

impl<'a> Seen<'a> {
    fn new(store: &'a Store) -> Self {
        Self { store, closed: BTreeMap::new(), probed: Vec::new() }
    }
}

impl Seen<'_> {
    async fn is_closed(&mut self, tick: Tick) -> Result<bool, EngineError> {
        let Some(bytes) = self.store.get(&Key::Closed(tick)).await? else { return Ok(false) };
        self.closed.insert(tick, bytes);
        Ok(true)
    }

    async fn last_closed(&mut self) -> Result<Tick, EngineError> {
        // A hint that cannot be read is no worse than a wrong one.
        let hint = match self.store.read::<Head>(&Key::Head).await {
            Ok(Some(head)) => {
                self.probed = head.probed;
                head.tick
            }
            Ok(None) => Tick(0),
            Err(StoreError::Record { .. }) => Tick(0),
            Err(error) => return Err(error.into()),
        };
        let mut last = Tick(0);
        if hint.0 > 0 && hint.0 < u64::MAX / 4 && self.is_closed(hint).await? {
            last = hint;
        }
        if hint.0 > 0 && mutant::is(Mutant::TheHintIsAHint) {
            return Ok(hint);
        }
        let mut step = 1;
        while self.is_closed(Tick(last.0 + step)).await? {
            last = Tick(last.0 + step);
            if step > MOST_AT_A_STEP {
                let message = "is closed, like all before it: the store answers whatever is asked".to_owned();
                return Err(EngineError::Damaged { tick: last, message });
            }
            step *= 2;
        }
        while step > 1 {
            step /= 2;
            if self.is_closed(Tick(last.0 + step)).await? {
                last = Tick(last.0 + step);
            }
        }
        Ok(last)
    }

    async fn rebuild(&mut self, last: Tick) -> Result<Loaded, EngineError> {
        let (mut state, due) = self.newest_checkpoint(last).await?;
        let missing: Vec<Tick> =
            (state.tick.0 + 1..=last.0).map(Tick).filter(|tick| !self.closed.contains_key(tick)).collect();
        // Read a bounded number at once: without checkpoints this is the whole history.
        for ticks in missing.chunks(64) {
            let store = self.store;
            let reads = ticks.iter().map(|tick| async move {
                let key = Key::Closed(*tick);
                store.get(&key).await.map(|found| (*tick, found))
            });
            for (tick, found) in try_join_all(reads).await? {
                let Some(bytes) = found else {
                    return Err(EngineError::Damaged { tick, message: "closed.json is missing".to_owned() });
                };
                self.closed.insert(tick, bytes);
            }
        }
        let mut missing_checkpoint = None;
        while state.tick < last {
            let tick = state.tick.next();
            let Some(bytes) = self.closed.remove(&tick) else {
                return Err(EngineError::Damaged { tick, message: "closed.json is missing".to_owned() });
            };
            let key = Key::Closed(tick);
            let closed: Closed = decode(&bytes).map_err(|source| StoreError::Record { key, source })?;
            if closed.previous != state.closed {
                let message = "closed.json does not name the hash of the one before".to_owned();
                return Err(EngineError::Damaged { tick, message });
            }
            super::apply::apply(&mut state, &closed, Sha::of(&bytes));
            if Some(tick) == due {
                missing_checkpoint = Some((tick, Bytes::from(encode(&state))));
            }
        }
        Ok(Loaded { state, missing_checkpoint })
    }

    /// The newest checkpoint at or below `last`, and the one that is missing between them.
    async fn newest_checkpoint(&mut self, last: Tick) -> Result<(State, Option<Tick>), EngineError> {
        let newest = last.0 - last.0 % CHECKPOINT_EVERY;
        let mut tick = newest;
        while tick > 0 {
            match self.store.read::<State>(&Key::Checkpoint(Tick(tick))).await {
                Ok(Some(state)) => return Ok((state, (tick < newest).then_some(Tick(newest)))),
                // It is a cache: one that is damaged is no worse than a missing one.
                Ok(None) | Err(StoreError::Record { source: RecordError::Malformed { .. }, .. }) => {}
                Err(error) => return Err(error.into()),
            }
            tick -= CHECKPOINT_EVERY;
        }
        Ok((State::founding(), (newest > 0).then_some(Tick(newest))))
    }
}
