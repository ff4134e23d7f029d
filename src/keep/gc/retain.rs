//! Retention: what is older than `org.json` says is given up.

use std::num::NonZeroU64;

use bytes::Bytes;

use super::{Collector, Needs, Report, Told};
use crate::domain::org::Retention;
use crate::domain::time::Tick;
use crate::engine::{EngineError, load};
use crate::record::encode;
use crate::record::erased::Collected;
use crate::record::plan::Plan;
use crate::record::turn::TurnRecord;
use crate::store::{Key, Store};

/// The last so many ticks are kept, whatever is set.
pub const ALWAYS_KEPT: u64 = 16;

/// Gives up what is older than it is to be kept, or says what would be. Goes on where the last run ended.
///
/// # Errors
/// The store failed or refuses; or a record is missing or damaged, and nothing of its turn was given up.
pub async fn retain(store: &Store, retention: &Retention, is_dry: bool, told: Told<'_>) -> Result<Report, EngineError> {
    let state = load(store).await?.state;
    let was = store.read::<Collected>(&Key::Collected).await?.unwrap_or_else(Collected::nothing);
    let cut = |after: Option<NonZeroU64>| {
        after.map_or(Tick(0), |after| Tick(state.tick.0.saturating_sub(after.get().max(ALWAYS_KEPT))))
    };
    let turns = cut(retention.turns_after_ticks).max(was.turns);
    // A journal and an outbox hold what a turn's record holds.
    let steps = cut(retention.steps_after_ticks).max(was.steps).max(turns);
    let outbox = cut(retention.outbox_after_ticks).max(was.outbox).max(turns);
    let mut marks = Collected { turns, steps, outbox, ..was.clone() };
    let first = |done: Tick, until: Tick| (done < until).then(|| done.next());
    let firsts = [first(was.turns_done, turns), first(was.steps_done, steps), first(was.outbox_done, outbox)];
    let Some(first) = firsts.into_iter().flatten().min() else { return Ok(Report::default()) };
    let last = turns.max(steps).max(outbox);
    if !is_dry {
        // Said before anything is given up, so that nobody takes it for a loss.
        store.put(&Key::Collected, Bytes::from(encode(&marks))).await?;
    }
    let mut collector = Collector::new(store, &state, Needs::of(&state, false), is_dry);
    let mut first_kept = None;
    for tick in (first.0..=last.0).map(Tick) {
        told(tick, last);
        let key = Key::Plan(tick);
        let missing = |path: String| EngineError::Damaged { tick, message: format!("{path} is missing") };
        let plan = store.read::<Plan>(&key).await?.ok_or_else(|| missing(key.path()))?;
        for due in &plan.due {
            let key = Key::Turn(tick, due.agent.clone());
            let found = store.read_with_bytes::<TurnRecord>(&key).await?;
            let (turn, bytes) = found.ok_or_else(|| missing(key.path()))?;
            if was.steps_done < tick && tick <= steps {
                collector.delete_steps(&turn).await?;
            }
            if was.outbox_done < tick && tick <= outbox {
                collector.delete_views(&plan, &turn, false).await?;
            }
            if was.turns_done < tick && tick <= turns && turn.erased.is_none() {
                if collector.keep(&turn) {
                    first_kept = first_kept.or(Some(tick));
                } else {
                    collector.stub(&turn, &bytes).await?;
                }
            }
        }
    }
    if !is_dry {
        marks.turns_done = first_kept.map_or(turns, Tick::previous).max(was.turns_done);
        (marks.steps_done, marks.outbox_done) = (steps, outbox);
        store.put(&Key::Collected, Bytes::from(encode(&marks))).await?;
    }
    Ok(collector.report)
}
