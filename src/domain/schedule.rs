//! When an agent runs: the seed's rule, as a pure function of the clock.
//!
//! Source: LeMMing v1.0.0, plan.md, "Scheduling": an agent with period `N` and offset runs when
//! `(clock + (offset % N)) % N == 0`; its fire point `((-offset) % N) / N` orders the agents of
//! one tick. Remainders are never negative here, for any 64-bit offset.

use std::cmp::Ordering;
use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::time::Clock;

/// Whether an agent runs at every fire point or only when it has mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// At every fire point.
    #[default]
    Always,
    /// At fire points and wakes, and only with unread mail: an agent with nothing to do costs nothing.
    OnMessage,
}

/// `schedule` of a resume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Schedule {
    /// The period N in steps of the clock, at least 1.
    #[schema(value_type = u64, minimum = 1)]
    pub run_every_n_ticks: NonZeroU64,
    /// Moves the fire point: the agent runs at the clocks where (clock + (offset % N)) % N is 0.
    #[serde(default)]
    pub phase_offset: i64,
    /// Whether the agent runs at every fire point or only with unread mail.
    #[serde(default)]
    pub when: When,
    /// Fields that this version does not know.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { run_every_n_ticks: NonZeroU64::MIN, phase_offset: 0, when: When::Always, extra: Map::new() }
    }
}

/// The place of an agent within its period, as the fraction `numerator / period`, below 1.
#[derive(Debug, Clone, Copy)]
pub struct FirePoint {
    numerator: u64,
    period: u64,
}

impl Schedule {
    /// Says whether the clock is at a fire point of this schedule.
    #[must_use]
    pub fn fires_at(&self, clock: Clock) -> bool {
        let period = i128::from(self.run_every_n_ticks.get());
        (i128::from(clock.0) + i128::from(self.phase_offset).rem_euclid(period)).rem_euclid(period) == 0
    }

    /// Says whether any clock in `from..=to` is a fire point.
    #[must_use]
    pub fn fires_within(&self, from: Clock, to: Clock) -> bool {
        let period = i128::from(self.run_every_n_ticks.get());
        let ahead = (-i128::from(from.0) - i128::from(self.phase_offset)).rem_euclid(period);
        i128::from(from.0) + ahead <= i128::from(to.0)
    }

    /// The first clock after `clock` at which this schedule fires, if 64 bits can hold it.
    #[must_use]
    pub fn next_after(&self, clock: Clock) -> Option<Clock> {
        let period = i128::from(self.run_every_n_ticks.get());
        let next = i128::from(clock.0) + 1;
        let ahead = (-next - i128::from(self.phase_offset)).rem_euclid(period);
        i64::try_from(next + ahead).ok().map(Clock)
    }

    /// The fire point, which ranks the agents of a tick.
    #[must_use]
    pub fn fire_point(&self) -> FirePoint {
        let period = self.run_every_n_ticks.get();
        let numerator = (-i128::from(self.phase_offset)).rem_euclid(i128::from(period));
        FirePoint { numerator: u64::try_from(numerator).unwrap_or(0), period }
    }
}

impl FirePoint {
    /// The fire point as a number from 0 to below 1, for people; order by the type itself.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown to people only; the order is exact")]
    pub fn as_f64(self) -> f64 {
        self.numerator as f64 / self.period as f64
    }
}

impl Ord for FirePoint {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = u128::from(self.numerator) * u128::from(other.period);
        let right = u128::from(other.numerator) * u128::from(self.period);
        left.cmp(&right)
    }
}

impl PartialOrd for FirePoint {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for FirePoint {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for FirePoint {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedule(period: u64, offset: i64) -> Schedule {
        let run_every_n_ticks = NonZeroU64::new(period).expect("period");
        Schedule { run_every_n_ticks, phase_offset: offset, ..Schedule::default() }
    }

    #[test]
    fn the_seeds_rule_holds() {
        for (period, offset, fires) in [
            (1, 0, vec![1, 2, 3, 4, 5, 6]),
            (3, 0, vec![3, 6]),
            (3, 1, vec![2, 5]),
            (3, -1, vec![1, 4]),
            (3, 4, vec![2, 5]),
            (4, i64::MIN, vec![4]),
            (2, i64::MAX, vec![1, 3, 5]),
            (u64::MAX, -5, vec![5]),
        ] {
            let s = schedule(period, offset);
            let at: Vec<i64> = (1..=6).filter(|c| s.fires_at(Clock(*c))).collect();
            assert_eq!(at, fires, "every {period}, offset {offset}");
        }
    }

    #[test]
    fn fire_points_order_exactly() {
        assert!(schedule(4, 0).fire_point() < schedule(4, -1).fire_point());
        assert!(schedule(4, 1).fire_point() > schedule(4, 2).fire_point());
        assert_eq!(schedule(4, -2).fire_point(), schedule(2, 1).fire_point());
        assert!(schedule(u64::MAX, -1).fire_point() < schedule(u64::MAX - 1, -1).fire_point());
    }

    proptest! {
        #[test]
        fn next_after_is_the_first_fire_point(period in 1u64..50, offset: i64, clock in -1000i64..1000) {
            let s = schedule(period, offset);
            let next = s.next_after(Clock(clock)).expect("in range").0;
            prop_assert!((clock + 1..next).all(|c| !s.fires_at(Clock(c))));
            prop_assert!(s.fires_at(Clock(next)));
            prop_assert_eq!(s.fires_within(Clock(clock + 1), Clock(clock + 20)), next <= clock + 20);
        }
    }
}
