//! Delivery after a tick, and at triggers that start none: within a budget, and never past the runner's deadline.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::compose::Org;
use crate::delivery::{Courier, PassTerms};
use crate::engine::{Context, Ending, Outcome};

/// The longest that delivery keeps a runner.
pub const BUDGET: Duration = Duration::from_secs(10);

/// The longest that one delivery may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What a pass has beside, to note what it did.
const TO_NOTE: Duration = Duration::from_millis(500);

/// Delivers what is due by the rules, after what became of a trigger. Without rules it asks nothing of anybody.
///
/// A failure is logged and noted, and never the tick's: what did not arrive is tried again after a later one.
pub async fn deliver(org: &Org, ctx: &Context, outcome: &Outcome) {
    if !matches!(outcome.ending(), Ending::Closed | Ending::Idle) || ctx.stop.is_requested() {
        return;
    }
    let Some(present) = ctx.memo.present() else { return };
    if Courier::rules(&present.settings, None).next().is_none() || present.tick.0 == 0 {
        return;
    }
    let budget = Instant::now() + BUDGET;
    let until = ctx.terms.deadline.map_or(budget, |deadline| deadline.leave().min(budget));
    let terms = PassTerms { until, timeout: REQUEST_TIMEOUT, stop: &ctx.stop, at_once: false, only: None };
    // Nor may a store that does not answer keep the runner: what is not noted is tried again.
    let (courier, present) = (org.courier(), present.into());
    let _ = timeout_at(until + TO_NOTE, courier.pass(&present, &terms)).await;
}
