//! Events for those who ask now and then, where nobody can keep a stream open: behind a function, say.

use super::MAX_TICKS_BACK;
use super::cursor::Cursor;
use super::event::{Told, What};
use super::walk::{Next, Walk};
use crate::domain::time::{Tick, Timestamp};
use crate::engine::{EngineError, load};
use crate::record::erased::Collected;
use crate::store::{Key, Store};

/// Some events, and where the next ones are.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The events, in the order in which they are told.
    pub events: Vec<Told>,
    /// The cursor behind them.
    pub cursor: Cursor,
    /// Whether there are more by now.
    pub more: bool,
}

/// The events behind a cursor, or those of the open tick; at most `limit`.
///
/// While nothing happened it is two requests; else what a look takes, the state before the tick, and the chains of an
/// open tick from their beginnings.
///
/// # Errors
/// The store failed, or the records contradict each other.
pub async fn page(store: &Store, after: Option<Cursor>, limit: usize, now: Timestamp) -> Result<Page, EngineError> {
    let (mut walk, mut events) = match after {
        None => (Walk::behind(store, load(store).await?.state), Vec::new()),
        Some(cursor) => match whereabouts(store, &cursor).await? {
            Whereabouts::Newest => return Ok(Page { events: Vec::new(), cursor, more: false }),
            Whereabouts::Near => (Walk::from(store, cursor), Vec::new()),
            Whereabouts::Far => anew(store, now).await?,
        },
    };
    let mut looked = Next::Now;
    while looked == Next::Now && events.len() < limit {
        looked = walk.look().await?;
        if looked == Next::Lost {
            let (from, reset) = anew(store, now).await?;
            (walk, events, looked) = (from, reset, Next::Now);
        }
        while events.len() <= limit
            && let Some(told) = walk.take(now)
        {
            events.extend(told);
        }
    }
    let more = events.len() > limit || looked == Next::Now;
    events.truncate(limit);
    let last = events.last().and_then(|event| event.cursor.clone()).filter(|_| more);
    Ok(Page { events, cursor: last.unwrap_or_else(|| walk.cursor().clone()), more })
}

/// Where a cursor stands.
enum Whereabouts {
    /// Nothing has happened since.
    Newest,
    /// It may be followed.
    Near,
    /// It is of a tick that there is not, or of one that is too long ago.
    Far,
}

async fn whereabouts(store: &Store, cursor: &Cursor) -> Result<Whereabouts, EngineError> {
    let last = cursor.last_whole();
    let is_possible = last.0 < u64::MAX - MAX_TICKS_BACK - 1;
    if !is_possible || (last > Tick(0) && store.get(&Key::Closed(last)).await?.is_none()) {
        return Ok(Whereabouts::Far);
    }
    // Only where there is a next tick there can be a hundredth.
    if store.get(&Key::Plan(last.next())).await?.is_none() {
        let is_whole = *cursor == Cursor::after(last);
        return Ok(if is_whole { Whereabouts::Newest } else { Whereabouts::Far });
    }
    let is_far = store.get(&Key::Closed(Tick(last.0 + MAX_TICKS_BACK + 1))).await?.is_some();
    // What turns of given-up ticks said and did is not told any more.
    let is_given_up = match store.read::<Collected>(&Key::Collected).await? {
        Some(collected) => collected.turns > last,
        None => false,
    };
    Ok(if is_far || is_given_up { Whereabouts::Far } else { Whereabouts::Near })
}

async fn anew(store: &Store, now: Timestamp) -> Result<(Walk, Vec<Told>), EngineError> {
    let walk = Walk::behind(store, load(store).await?.state);
    let events = vec![reset(walk.cursor().clone(), now)];
    Ok((walk, events))
}

/// Tells somebody who was away for too long, or comes from elsewhere, to load everything anew, and to go on at a cursor.
#[must_use]
pub fn reset(cursor: Cursor, now: Timestamp) -> Told {
    let reason = "what happened since then is not told any more: load anew, and go on from here".to_owned();
    Told::new(cursor, now, What::Reset { reason })
}
