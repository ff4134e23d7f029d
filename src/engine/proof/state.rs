//! The state before a tick, proven: the checkpoint that a load begins with must follow from the one before it, and the
//! closed records after it must be a chain.

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};

use super::super::fold::Hashed;
use super::super::load::CHECKPOINT_EVERY;
use super::super::replay::first_of;
use super::super::{EngineError, apply};
use super::finding::{Code, Finding};
use super::records::{AT_ONCE, Lies, take};
use crate::domain::ids::Sha;
use crate::domain::time::Tick;
use crate::record::closed::Closed;
use crate::record::encode;
use crate::record::state::State;
use crate::store::{Key, Store};

/// The state after `last`, and what is wrong with the records that it rests on; no state where they do not give one.
pub(super) async fn after(
    store: &Store,
    last: Tick,
    findings: &mut Vec<Finding>,
) -> Result<Option<State>, EngineError> {
    let key = Key::Closed(last);
    if last.0 > 0 && store.get(&key).await?.is_none() {
        // Or whoever names a tick that was never reached would wait for all the checkpoints before it to be looked for.
        findings.push(Finding::at(Code::Missing, &key, "later ticks rest on it, and it is missing"));
        return Ok(None);
    }
    let (mut state, proven) = begin(store, last, findings).await?;
    let ticks = (state.tick.0 + 1..=last.0).map(Tick);
    let get = |tick: Tick| async move { (tick, store.get(&Key::Closed(tick)).await) };
    let mut reads = std::pin::pin!(stream::iter(ticks).map(get).buffered(AT_ONCE));
    while let Some((tick, bytes)) = reads.next().await {
        let Some(next) = step(&state, tick, bytes?, findings) else { return Ok(None) };
        apply::apply(&mut state, &next.value, next.sha);
        if let Some((at, bytes)) = &proven
            && *at == tick
        {
            compare_checkpoint(&state, bytes, findings);
        }
    }
    Ok(Some(state))
}

/// What is wrong where the tick after a state names another closed record than the one that is there.
pub(super) fn chain<'a>(before: &State, mut named: impl Iterator<Item = &'a Option<Sha>>) -> Option<Finding> {
    let named = named.find(|named| **named != before.closed)?;
    let word = |sha: &Option<Sha>| sha.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let (is, next) = (word(&before.closed), before.tick.next());
    let message = format!("its hash is {is}, and tick {next} was made on {}", word(named));
    Some(Finding::at(Code::WrongHash, &Key::Closed(before.tick), message))
}

/// Reads the closed record that follows a state.
fn step(state: &State, tick: Tick, bytes: Option<Bytes>, findings: &mut Vec<Finding>) -> Option<Hashed<Closed>> {
    let key = Key::Closed(tick);
    match take::<Closed>(&key, bytes, findings) {
        Lies::Record(closed) => {
            findings.extend(chain(state, std::iter::once(&closed.value.previous)));
            Some(closed)
        }
        Lies::Nothing => {
            findings.push(Finding::at(Code::Missing, &key, "later ticks rest on it, and it is missing"));
            None
        }
        Lies::Rubbish(_) => None,
    }
}

/// Where to begin: the second newest checkpoint at or below `last`, and the newest, which must follow from it.
async fn begin(
    store: &Store,
    last: Tick,
    findings: &mut Vec<Finding>,
) -> Result<(State, Option<(Tick, Bytes)>), EngineError> {
    let mut newest = None;
    let mut tick = last.0 - last.0 % CHECKPOINT_EVERY;
    while tick > 0 {
        let key = Key::Checkpoint(Tick(tick));
        let bytes = store.get(&key).await?;
        match take::<State>(&key, bytes.clone(), findings) {
            Lies::Record(found) if newest.is_some() => return Ok((found.value, newest)),
            Lies::Record(found) if found.value.tick == Tick(tick) => newest = bytes.map(|bytes| (Tick(tick), bytes)),
            Lies::Record(_) => findings.push(Finding::at(Code::WrongState, &key, "it is of another tick")),
            // It is a cache: a tick does without.
            Lies::Nothing | Lies::Rubbish(_) => {}
        }
        tick -= CHECKPOINT_EVERY;
    }
    Ok((State::founding(), newest))
}

/// Compares a checkpoint with the state that the ticks give.
pub(super) fn compare_checkpoint(state: &State, bytes: &Bytes, findings: &mut Vec<Finding>) {
    if encode(state) == *bytes {
        return;
    }
    let stored: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    let rebuilt = serde_json::to_value(state).unwrap_or_default();
    let difference = stored.and_then(|stored| first_of(&stored, &rebuilt));
    let finding = Finding::at(Code::WrongState, &Key::Checkpoint(state.tick), "the ticks give another state");
    findings.push(finding.with(difference));
}
