//! What advances the clock: invocations, or slots of real time.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::time::{Clock, Timestamp};

/// What becomes of slots that nobody triggered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// They are named in the next plan, and nothing else.
    #[default]
    Skip,
    /// Who was due in any of them is due now, once.
    One,
}

/// A length of time, written as people write it: `"200ms"`, `"30s"`, `"5m"`, `"1h"`, `"1d"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

/// A text that is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a length of time: it must be a whole number above 0 with ms, s, m, h or d, such as \"5m\"")]
pub struct SpanError(String);

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Span {
    /// A length of time, cut to the millisecond, at least one.
    #[must_use]
    pub fn new(duration: Duration) -> Self {
        Self(Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)))
    }

    /// The length of time.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// The length of time in milliseconds.
    #[must_use]
    pub fn as_ms(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX)
    }
}

impl std::str::FromStr for Span {
    type Err = SpanError;
    fn from_str(text: &str) -> Result<Self, SpanError> {
        let wrong = || SpanError(text.chars().take(40).collect());
        let unit = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let factor = UNITS.iter().find(|(name, _)| *name == &text[unit..]).ok_or_else(wrong)?.1;
        let ms = text[..unit].parse::<u64>().ok().and_then(|n| n.checked_mul(factor));
        match ms {
            // Ten years: what no clock arithmetic here can overflow.
            Some(ms) if ms > 0 && ms <= 3_653 * 86_400_000 => Ok(Self(Duration::from_millis(ms))),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (unit, factor) = UNITS.iter().find(|(_, factor)| ms.is_multiple_of(*factor)).unwrap_or(&("ms", 1));
        f.pad(&format!("{}{unit}", ms / factor))
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;
    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time: a whole number and ms, s, m, h or d, such as \"5m\".",
            "type": "string",
            "pattern": "^[0-9]*[1-9][0-9]*(ms|s|m|h|d)$",
        })
    }
}

/// What ties slots to the clock; every plan at slot pace carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The length of a slot.
    pub every: Span,
    /// The beginning of the first slot.
    pub t0: Timestamp,
    /// The clock in the first slot.
    pub c0: Clock,
}

impl Anchor {
    /// The anchor that a first trigger under a new `every` sets: its slot follows the last clock,
    /// and begins half a period before it, so that jitter stays inside a slot.
    #[must_use]
    pub fn new(every: Span, trigger: Timestamp, last: Clock) -> Self {
        let t0 = Timestamp::from_unix_ms(trigger.unix_ms() - every.as_ms() / 2);
        Self { every, t0, c0: Clock(last.0 + 1) }
    }

    /// The clock of the slot that `time` lies in: c0 + floor((time - t0) / every).
    #[must_use]
    pub fn clock_at(&self, time: Timestamp) -> Clock {
        Clock(self.c0.0 + (time.unix_ms() - self.t0.unix_ms()).div_euclid(self.every.as_ms()))
    }

    /// The middle of the slot of a clock: when its trigger is expected.
    #[must_use]
    pub fn time_of(&self, clock: Clock) -> Timestamp {
        let slots = clock.0.saturating_sub(self.c0.0).saturating_mul(self.every.as_ms());
        Timestamp::from_unix_ms(self.t0.unix_ms().saturating_add(slots).saturating_add(self.every.as_ms() / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        for (text, ms) in [("200ms", 200), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000), ("1d", 86_400_000)] {
            let span: Span = text.parse().expect(text);
            assert_eq!(span.as_ms(), ms);
            assert_eq!(span.to_string(), text);
        }
        assert_eq!("90s".parse::<Span>().expect("90s").to_string(), "90s");
        for bad in ["", "5", "m", "0s", "-5m", "5 m", "5M", "1.5h", "99999999d", "18446744073709551616s"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn jitter_of_less_than_half_a_slot_changes_no_clock() {
        let every: Span = "5m".parse().expect("span");
        let first = Timestamp::from_unix_ms(1_000_000_000);
        let anchor = Anchor::new(every, first, Clock(7));
        assert_eq!(anchor.clock_at(first), Clock(8));
        for (slots, jitter) in [(1, 149_999), (1, -150_000), (12, 0), (-1, 10)] {
            let time = Timestamp::from_unix_ms(first.unix_ms() + slots * 300_000 + jitter);
            assert_eq!(anchor.clock_at(time), Clock(8 + slots));
            assert_eq!(anchor.time_of(Clock(8 + slots)).unix_ms(), first.unix_ms() + slots * 300_000);
        }
    }
}
