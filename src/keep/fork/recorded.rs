//! The answers that the origin's models gave after the point, carried by the fork.
//!
//! Carried, and not read from the origin when they are wanted: a fork stands alone. Whoever ticks it needs no access to
//! the origin, which may be deleted, and what a request is answered with does not depend on what becomes of it.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::copy::{AT_ONCE, once};
use super::{ForkError, Told};
use crate::domain::org::OrgConfig;
use crate::domain::time::Tick;
use crate::record::encode;
use crate::record::plan::Plan;
use crate::record::recording::{RecordedTick, Recording};
use crate::record::turn::TurnRecord;
use crate::store::{Key, Prefix, Store};

/// The last tick of which there are answers: the origin's last, or the last that it carries itself.
pub(super) fn until(origin: &OrgConfig, last: Tick) -> Tick {
    origin.forked_from.as_ref().map_or(last, |forked| forked.recorded_until.max(last))
}

/// Writes the answers of the ticks after `at`, and says how many there are.
pub(super) async fn carry(
    from: &Store,
    to: &Store,
    at: Tick,
    last: Tick,
    origin: &OrgConfig,
    told: Told<'_>,
) -> Result<u64, ForkError> {
    let mut answers = 0;
    for tick in (at.0 + 1..=last.0).map(Tick) {
        told(tick, last);
        let key = Key::Plan(tick);
        let plan = from.read::<Plan>(&key).await?.ok_or_else(|| ForkError::Missing { path: key.path() })?;
        let due = plan.due.iter().map(|due| due.agent.clone());
        let turns = stream::iter(due.collect::<Vec<_>>()).map(|agent| async move {
            let Some(turn) = from.read::<TurnRecord>(&Key::Turn(tick, agent)).await? else { return Ok(0) };
            of_turn(to, &turn).await
        });
        answers += turns.buffer_unordered(AT_ONCE).try_fold(0, |sum, n| async move { Ok(sum + n) }).await?;
        let recorded =
            RecordedTick { format: 1, tick, trigger: plan.trigger.clone(), time: plan.time, seed: plan.seed };
        once(to, &Key::RecordedTick(tick), encode(&recorded)).await?;
    }
    if until(origin, last) > last {
        answers += of_a_fork(from, to, last.max(at)).await?;
    }
    Ok(answers)
}

async fn of_turn(to: &Store, turn: &TurnRecord) -> Result<u64, ForkError> {
    let mut answers = 0;
    // Of what was given up no answer is left.
    if turn.erased.is_some() {
        return Ok(0);
    }
    for (step, exchange) in (0..).zip(&turn.exchanges) {
        let receipt = &exchange.receipt;
        // Records of before requests were hashed cannot be compared.
        let Some(request) = &receipt.request else { continue };
        let recording = Recording {
            format: 1,
            tick: turn.tick,
            agent: turn.agent.clone(),
            step,
            model: receipt.model.clone(),
            answer: exchange.answer.clone(),
            tool_calls: exchange.tool_calls.clone(),
            usage: receipt.usage,
            reported_model: receipt.reported_model.clone(),
            response_id: receipt.response_id.clone(),
        };
        once(to, &Key::Recorded(request.clone()), encode(&recording)).await?;
        answers += 1;
    }
    Ok(answers)
}

/// What the origin, a fork itself, carries of ticks that it has not come to.
async fn of_a_fork(from: &Store, to: &Store, last: Tick) -> Result<u64, ForkError> {
    let mut answers = 0;
    for path in from.list(&Prefix::Recorded).await? {
        let Some(key) = Key::parse(&path) else { continue };
        match &key {
            Key::Recorded(_) => {
                if let Some(recording) = from.read::<Recording>(&key).await?
                    && recording.tick > last
                {
                    once(to, &key, encode(&recording)).await?;
                    answers += 1;
                }
            }
            Key::RecordedTick(tick) if *tick > last => {
                if let Some(recorded) = from.read::<RecordedTick>(&key).await? {
                    once(to, &key, encode(&recorded)).await?;
                }
            }
            _ => {}
        }
    }
    Ok(answers)
}
