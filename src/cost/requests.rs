//! How many requests an organisation makes of its bucket: the bounds of the protocol (docs/BENCHMARKS.md, "Requests"), for one
//! runner without faults. A test holds them against a store that counts.

use crate::store::counting::{LIST_PAGE, Requests};

use super::Shape;

/// Up to so many agents, every resume is read in every slot; above, of those that do not fire a sixteenth.
const READ_ALL: u64 = 200;
const ROTATION: u64 = 16;

/// Hint, closed records, checkpoint, settings, and what else is read once.
const READS_ONCE: u64 = 15;

/// Whether a slot goes on is asked after each tick: the hint, the closed record and whether there is a later one, settings.
const READS_AFTERWARDS: u64 = 5;

/// A checkpoint is written every eighth tick; a memory is listed in every eighth turn of its agent.
const EIGHTH: u64 = 8;

/// What was done in some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Slots in which nothing was to do.
    pub idle_slots: u64,
    /// Ticks.
    pub ticks: u64,
    /// Turns, of all ticks together.
    pub turns: u64,
    /// Messages and commands from outside.
    pub ingress: u64,
}

/// The most requests that this work makes, without the puts of whoever sent the messages.
#[must_use]
pub fn requests(shape: &Shape, work: &Work) -> Requests {
    let Work { idle_slots, ticks, turns, ingress } = *work;
    let turn = &shape.turn;
    let shards = turns.div_ceil(shape.agents_per_shard.max(1)).saturating_add(ticks).min(turns.max(ticks));
    let looks = idle_slots.saturating_add(ticks);
    let put = turns
        + turn.messages.times(turns)
        + turn.changes.times(turns)
        + turn.calls.over(1).times(turns)
        + turns.div_ceil(shape.agents_per_hold.max(1))
        + 2 * shards
        + 4 * ticks
        + ticks.div_ceil(EIGHTH);
    let get = resumes_of(shape, looks, ticks, turns)
        + turns
        + turn.reads.times(turns)
        + turn.entries_read.times(turns)
        + ingress
        + READS_ONCE * looks
        + READS_AFTERWARDS * ticks;
    // After each tick it is looked whether something came in meanwhile.
    let list = turns.div_ceil(EIGHTH) + looks.saturating_mul(2 + shape.agents / LIST_PAGE) + ticks;
    Requests { put, get, list, delete: ingress }
}

/// The resumes that are read when the slots are looked at.
fn resumes_of(shape: &Shape, looks: u64, ticks: u64, turns: u64) -> u64 {
    if shape.agents <= READ_ALL {
        return looks.saturating_mul(shape.agents);
    }
    let firing = shape.firing();
    let due = if ticks == 0 { 0 } else { turns.div_ceil(ticks) };
    let resting = |read: u64| (shape.agents.saturating_sub(read)).div_ceil(ROTATION);
    let read = firing.max(due).min(shape.agents);
    (looks - ticks) * (firing + resting(firing)) + ticks * (read + resting(read))
}

/// The bytes that this work adds to the bucket for good, without earlier versions of what it writes over.
#[must_use]
pub fn bytes(shape: &Shape, work: &Work) -> u64 {
    let Work { ticks, turns, .. } = *work;
    let turn = &shape.turn;
    let messages = turn.messages.times(turns);
    let changes = turn.changes.times(turns);
    // What a record of each kind takes at most, measured: tests/it/cost.rs.
    let records =
        turn.record_bytes.times(turns).saturating_add(turn.calls.over(1).times(turn.record_bytes.times(turns)));
    let views = messages * 700;
    let plans = ticks * 1_500 + turns * 450 + work.ingress * 1_000;
    let closes = ticks * 1_500 + turns * 400 + messages * 400 + changes * 250;
    let chains = ticks * 400 + turns * 60 + turns.div_ceil(shape.agents_per_hold.max(1)) * 400;
    let checkpoint = 2_000 + shape.agents * 1_000 + shape.agents * turn.reads.times(1) * 400;
    [records, views, plans, closes, chains, ticks.div_ceil(EIGHTH).saturating_mul(checkpoint)]
        .into_iter()
        .fold(0, u64::saturating_add)
}
