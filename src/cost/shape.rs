//! What an organisation is made of, as far as it costs something.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::domain::credits::Credits;
use crate::domain::model::Usage;
use crate::domain::pace::Span;

/// The length of a month: a twelfth of 365.25 days, in milliseconds.
pub const MONTH_MS: u64 = 2_629_800_000;

/// Up to so many steps through slots and schedules, slots in which somebody fires are counted exactly.
const COUNTED: u64 = 4_000_000;

/// A mean, exact to a thousandth and rounded up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mean(u64);

impl Mean {
    /// A whole number.
    #[must_use]
    pub const fn whole(n: u64) -> Self {
        Self(n.saturating_mul(1_000))
    }

    /// The mean of a sum over so many; none of none is 0.
    #[must_use]
    pub const fn of(sum: u64, count: u64) -> Self {
        if count == 0 { Self(0) } else { Self(sum.saturating_mul(1_000).div_ceil(count)) }
    }

    /// The sum over `n`, rounded up.
    #[must_use]
    pub fn times(self, n: u64) -> u64 {
        u64::try_from((u128::from(self.0) * u128::from(n)).div_ceil(1_000)).unwrap_or(u64::MAX)
    }

    /// The sum of two.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is over `n`; 0 if nothing is.
    #[must_use]
    pub const fn over(self, n: u64) -> Self {
        Self(self.0.saturating_sub(n.saturating_mul(1_000)))
    }
}

impl fmt::Display for Mean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1_000, self.0 % 1_000);
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Mean {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // At most a thousandth, of counts: the nearest float prints as these digits.
        self.to_string().parse::<serde_json::Number>().map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

/// Agents with one schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Group {
    /// They fire in every so many slots.
    pub period: u64,
    /// The offset within the period.
    pub offset: u64,
    /// Whether they run only with unread mail.
    pub on_message: bool,
    /// How many they are.
    pub agents: u64,
}

/// What the models of turns cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// Credits of so many turns as below.
    pub credits: Credits,
    /// How many turns that is of.
    pub turns: u64,
    /// Whether it was paid, or is worked out from a price list.
    pub measured: bool,
    /// Where it is from: the models, and the day of their prices.
    pub source: String,
}

/// A mean turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// Entries that it says.
    pub messages: Mean,
    /// Memory keys and files that it changes, and values that leave a memory.
    pub changes: Mean,
    /// Memory keys and files that it reads.
    pub reads: Mean,
    /// Entries of earlier ticks that it reads.
    pub entries_read: Mean,
    /// Answers of its model; all but the last are journalled.
    pub calls: Mean,
    /// Tokens of the prompts of all calls.
    pub input_tokens: Mean,
    /// Tokens of all answers.
    pub output_tokens: Mean,
    /// Bytes of its record.
    pub record_bytes: Mean,
    /// How long one call takes, in milliseconds.
    pub call_ms: u64,
    /// What its tokens cost; absent: nobody knows.
    pub tokens: Option<Tokens>,
}

impl Turn {
    /// What is assumed of a turn that nobody has seen: one call with a prompt of 3,000 tokens and an answer of 400, that reads
    /// one entry and three memory keys, says one thing and changes one key.
    #[must_use]
    pub fn assumed() -> Self {
        Self {
            messages: Mean::whole(1),
            changes: Mean::whole(1),
            reads: Mean::whole(3),
            entries_read: Mean::whole(1),
            calls: Mean::whole(1),
            input_tokens: Mean::whole(3_000),
            output_tokens: Mean::whole(400),
            record_bytes: Self::record_bytes(3_000, 400),
            call_ms: 5_000,
            tokens: None,
        }
    }

    /// Bytes of a record with so many tokens: four of each, escaped, and what stands around them.
    #[must_use]
    pub fn record_bytes(input_tokens: u64, output_tokens: u64) -> Mean {
        Mean::whole(input_tokens.saturating_add(output_tokens).saturating_mul(5).saturating_add(3_000))
    }

    /// The tokens of a mean turn, none of them cached.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let (input_tokens, output_tokens) = (self.input_tokens.times(1), self.output_tokens.times(1));
        Usage { input_tokens, output_tokens, ..Usage::default() }
    }
}

/// An organisation, as far as it costs something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// The agents that have a folder.
    pub agents: u64,
    /// Those that may run, by schedule.
    pub groups: Vec<Group>,
    /// The length of a slot.
    pub every: Span,
    /// `limits.agents_per_hold`.
    pub agents_per_hold: u64,
    /// `limits.agents_per_shard`.
    pub agents_per_shard: u64,
    /// `limits.max_parallel_turns`.
    pub max_parallel_turns: u64,
    /// A mean turn.
    pub turn: Turn,
}

impl Shape {
    /// The slots of a month.
    #[must_use]
    pub fn slots(&self) -> u64 {
        MONTH_MS.div_ceil(u64::try_from(self.every.as_ms()).unwrap_or(1).max(1))
    }

    /// How many agents that may run wait for mail.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.groups.iter().filter(|group| group.on_message).map(|group| group.agents).sum()
    }

    /// The turns of a month if everybody of these groups runs at each fire point.
    pub(super) fn turns(&self, which: impl Fn(&Group) -> bool) -> u64 {
        let slots = self.slots();
        let turns = |group: &Group| group.agents.saturating_mul(slots.div_ceil(group.period.max(1)));
        self.groups.iter().filter(|group| which(group)).map(turns).fold(0, u64::saturating_add)
    }

    /// The slots of a month in which somebody of these groups fires; never less than there are.
    pub(super) fn slots_that_fire(&self, which: impl Fn(&Group) -> bool) -> u64 {
        let slots = self.slots();
        let phases: BTreeSet<(u64, u64)> = self
            .groups
            .iter()
            .filter(|group| which(group) && group.agents > 0)
            .map(|group| (group.period.max(1), group.offset % group.period.max(1)))
            .collect();
        let count = u64::try_from(phases.len()).unwrap_or(u64::MAX);
        let at_most = phases.iter().map(|(period, _)| slots.div_ceil(*period)).fold(0, u64::saturating_add).min(slots);
        if phases.iter().any(|(period, _)| *period == 1) {
            return slots;
        }
        if slots.saturating_mul(count) > COUNTED {
            return at_most;
        }
        let fires = |slot: u64| phases.iter().any(|(period, offset)| (slot + offset) % period == 0);
        u64::try_from((0..slots).filter(|slot| fires(*slot)).count()).unwrap_or(at_most)
    }

    /// How many agents fire in a mean slot, whether or not they have mail.
    pub(super) fn firing(&self) -> u64 {
        let slots = self.slots().max(1);
        self.turns(|_| true).div_ceil(slots).min(self.agents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_rounded_up_and_shown_without_zeros() {
        assert_eq!(Mean::of(1, 3).times(3), 2);
        assert_eq!(Mean::of(1, 3).to_string(), "0.334");
        assert_eq!(Mean::whole(20).to_string(), "20");
        assert_eq!(Mean::of(5, 2).over(1).to_string(), "1.5");
        assert_eq!(Mean::of(7, 0), Mean::default());
        assert_eq!(serde_json::to_string(&Mean::of(5, 2)).expect("json"), "2.5");
    }

    fn shape(every: &str, groups: &[(u64, u64, bool, u64)]) -> Shape {
        let group = |(period, offset, on_message, agents): &(u64, u64, bool, u64)| Group {
            period: *period,
            offset: *offset,
            on_message: *on_message,
            agents: *agents,
        };
        Shape {
            agents: groups.iter().map(|group| group.3).sum(),
            groups: groups.iter().map(group).collect(),
            every: every.parse().expect("span"),
            agents_per_hold: 16,
            agents_per_shard: 64,
            max_parallel_turns: 128,
            turn: Turn {
                messages: Mean::whole(1),
                changes: Mean::whole(1),
                reads: Mean::whole(1),
                entries_read: Mean::whole(1),
                calls: Mean::whole(1),
                input_tokens: Mean::whole(1_000),
                output_tokens: Mean::whole(100),
                record_bytes: Mean::whole(4_000),
                call_ms: 1_000,
                tokens: None,
            },
        }
    }

    #[test]
    fn slots_in_which_several_fire_count_once() {
        // A month has 730.5 hours.
        let hours = |groups: &[(u64, u64, bool, u64)]| shape("1h", groups).slots_that_fire(|_| true);
        assert_eq!(shape("1h", &[]).slots(), 731);
        assert_eq!(hours(&[]), 0);
        assert_eq!(hours(&[(2, 0, false, 5)]), 366);
        assert_eq!(hours(&[(2, 0, false, 5), (4, 0, true, 1)]), 366);
        assert_eq!(hours(&[(2, 0, false, 5), (2, 1, true, 1)]), 731);
        assert_eq!(hours(&[(1, 0, false, 1), (7, 3, false, 1)]), 731);
        // Too many to be counted: as if none fired with another.
        let many: Vec<_> = (0..20_000).map(|offset| (20_000, offset, false, 1)).collect();
        assert_eq!(shape("1h", &many).slots_that_fire(|_| true), 731);
    }

    #[test]
    fn who_fires_seldom_has_few_turns() {
        let shape = shape("1h", &[(1, 0, true, 3), (731, 0, false, 10)]);
        assert_eq!(shape.turns(|group| group.on_message), 3 * 731);
        assert_eq!(shape.turns(|group| !group.on_message), 10);
        assert_eq!(shape.firing(), 4);
        assert_eq!(shape.waiting(), 3);
    }
}
