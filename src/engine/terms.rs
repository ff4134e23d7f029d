//! The terms on which an invocation works: until when, whether it waits for others, and where it begins.
//!
//! They decide how much of a tick this invocation does, never what is done: whatever it leaves, the next one resumes.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::time::Tick;

/// The terms of one invocation. The default waits for others, has no end, and begins anywhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms {
    /// Whether it leaves an open tick that live runners hold, instead of waiting for them.
    pub leaves_what_is_held: bool,
    /// When it must be over.
    pub deadline: Option<Deadline>,
    /// Whether it only goes on with what another invocation left open: without slots it begins no tick of its own.
    pub goes_on: bool,
    /// Which part of the shards it begins with; afterwards it helps with the others.
    pub part: Option<Part>,
    /// The only tick that it works on: with another one next, or open, it starts nothing.
    pub only: Option<Tick>,
}

/// A part of a tick's shards: one of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which, from 0 and below `count`.
    pub index: u32,
    /// Of how many.
    pub count: NonZeroU32,
}

/// When an invocation must be over.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    begin: Instant,
    leave: Instant,
}

impl Deadline {
    /// An invocation that begins now and is killed after `left`.
    ///
    /// It leaves a little earlier: its calls are stopped then, and its shards released.
    #[must_use]
    pub fn after(left: Duration) -> Self {
        let begin = Instant::now();
        // What a release takes on a bucket, with a retry; of a short time no more than a quarter.
        let margin = (left / 20).clamp(Duration::from_millis(500), Duration::from_secs(10)).min(left / 4);
        // Nothing that anybody waits for lasts a hundred years, and a clock cannot tell.
        let leave = begin.checked_add(left.saturating_sub(margin)).unwrap_or(begin);
        Self { begin, leave }
    }

    /// When its calls are to be stopped.
    #[must_use]
    pub fn leave(&self) -> Instant {
        self.leave
    }

    /// Says whether something that begins now, and takes as long as expected, would not be over in time.
    ///
    /// In the first half of an invocation there is always time: it was started to do something, and an expectation
    /// that was once wrong must not keep it from that for ever.
    pub(super) fn is_too_near(&self, expected: Duration) -> bool {
        let whole = self.leave - self.begin;
        self.leave.saturating_duration_since(Instant::now()) < expected.min(whole / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn deadline_after(whole: Duration, passed: Duration) -> Deadline {
        let deadline = Deadline::after(whole);
        tokio::time::advance(passed).await;
        deadline
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_begun_only_if_it_can_be_finished() {
        let deadline = deadline_after(100 * SECOND, 60 * SECOND).await;
        assert!(!deadline.is_too_near(34 * SECOND), "35 of 95 seconds are left");
        assert!(deadline.is_too_near(36 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn in_the_first_half_there_is_time_whatever_is_expected() {
        let deadline = deadline_after(100 * SECOND, 47 * SECOND).await;
        assert!(!deadline.is_too_near(Duration::MAX));
        let deadline = deadline_after(100 * SECOND, 48 * SECOND).await;
        assert!(deadline.is_too_near(Duration::MAX));
    }

    #[tokio::test(start_paused = true)]
    async fn it_leaves_before_it_is_killed() {
        for (whole_ms, margin_ms) in [(1_000, 250), (3_000, 500), (60_000, 3_000), (900_000, 10_000), (0, 0)] {
            let deadline = Deadline::after(Duration::from_millis(whole_ms));
            assert_eq!(deadline.leave() - Instant::now(), Duration::from_millis(whole_ms - margin_ms), "{whole_ms}");
        }
    }
}
