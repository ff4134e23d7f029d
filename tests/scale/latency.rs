//! How long S3 takes, drawn from tables: the same on every system, with a tail.
//!
//! No vendor publishes a distribution, so this one is put together from what was written of S3 Standard by November 2026, for a
//! client in the bucket's region:
//!
//! - AWS says that small objects take "roughly 100-200 milliseconds", and that one connection carries 85 to 90 MB/s
//!   (Amazon S3 User Guide, "Performance design patterns" and "Performance guidelines");
//! - SlateDB's documentation expects 50 to 100 ms for a PUT (<https://slatedb.io/docs/performance>);
//! - PUTs of 60 kB from a Lambda function took 60 to 133 ms (<https://kkc.github.io/2020/03/16/s3-latency/>);
//! - the shape is about log-normal with a long tail (<https://spiraldb.com/post/so-you-want-to-use-object-storage>, April 2025).

use std::time::Duration;

use crate::dice::Dice;

/// What is asked of the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Put,
    Get,
    List,
    Delete,
}

/// Points of a distribution: so many of ten thousand requests take at most so many milliseconds; between two points, evenly.
type Points = &'static [(u64, u64)];

const READ: Points = &[(0, 12), (1_000, 18), (5_000, 30), (9_000, 75), (9_900, 200), (9_990, 500), (10_000, 1_200)];

const WRITE: Points = &[(0, 25), (1_000, 40), (5_000, 60), (9_000, 120), (9_900, 300), (9_990, 800), (10_000, 2_000)];

/// What one connection carries.
const BYTES_A_MS: u64 = 85_000;

impl Kind {
    fn points(self) -> Points {
        match self {
            Self::Get => READ,
            Self::Put | Self::List | Self::Delete => WRITE,
        }
    }

    /// Says whether the bucket counts it as a write, against the lower of its rates.
    pub fn writes(self) -> bool {
        matches!(self, Self::Put | Self::Delete)
    }
}

/// How long one request takes that carries so many bytes.
pub fn draw(dice: &Dice, kind: Kind, bytes: usize) -> Duration {
    let at = dice.below(10_000);
    let points = kind.points();
    let first = points.iter().rposition(|point| point.0 <= at).unwrap_or(0);
    let ((from, low), (to, high)) = (points[first], points[first + 1]);
    let micros = low * 1_000 + (high - low) * 1_000 * (at - from) / (to - from);
    Duration::from_micros(micros + bytes as u64 * 1_000 / BYTES_A_MS)
}

/// The pauses of our own client between the requests that the bucket refused: see `store::open::bucket`.
pub struct Pauses<'a> {
    dice: &'a Dice,
    next_ms: u64,
    left: u32,
}

impl<'a> Pauses<'a> {
    pub fn new(dice: &'a Dice) -> Self {
        Self { dice, next_ms: 100, left: 4 }
    }
}

impl Iterator for Pauses<'_> {
    type Item = Duration;
    fn next(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let following = self.dice.between(100, (self.next_ms * 2).max(101)).min(2_000);
        Some(Duration::from_millis(std::mem::replace(&mut self.next_ms, following)))
    }
}
