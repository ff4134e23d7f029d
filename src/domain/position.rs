//! Where an entry stands in the one order that all agents read in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::time::Tick;

/// The place of one entry: tick, rank of its author in that tick, index in its turn.
///
/// Mail from outside that plan `t` admits has rank 0 of tick `t`. As a cursor it is inclusive:
/// everything at or below it was read, or was not readable. The index `u32::MAX`, written `end`,
/// is past every entry of its rank. In JSON a position is text: `"12.3.0"`, `"12.3.end"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Position {
    /// The tick of the turn, or of the plan that admitted the mail.
    pub tick: Tick,
    /// The author's rank in the plan, from 1; 0 for admitted mail.
    pub rank: u32,
    /// The index of the entry in its turn, from 0.
    pub index: u32,
}

impl Position {
    /// Before everything.
    pub const START: Self = Self { tick: Tick(0), rank: 0, index: 0 };

    /// The place of one entry.
    #[must_use]
    pub const fn new(tick: Tick, rank: u32, index: u32) -> Self {
        Self { tick, rank, index }
    }

    /// Past every entry of that rank.
    #[must_use]
    pub const fn end_of_rank(tick: Tick, rank: u32) -> Self {
        Self { tick, rank, index: u32::MAX }
    }

    /// Past every entry of that tick.
    #[must_use]
    pub const fn end_of_tick(tick: Tick) -> Self {
        Self { tick, rank: u32::MAX, index: u32::MAX }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |n: u32| if n == u32::MAX { "end".to_owned() } else { n.to_string() };
        write!(f, "{}.{}.{}", self.tick, part(self.rank), part(self.index))
    }
}

/// A text that is not a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a position: it must be TICK.RANK.INDEX, each a number or `end`")]
pub struct PositionError(String);

impl FromStr for Position {
    type Err = PositionError;
    fn from_str(text: &str) -> Result<Self, PositionError> {
        let wrong = || PositionError(text.chars().take(40).collect());
        let part = |t: &str| if t == "end" { Some(u32::MAX) } else { t.parse().ok() };
        let mut parts = text.split('.');
        let tick = parts.next().and_then(|t| t.parse().ok()).ok_or_else(wrong)?;
        let rank = parts.next().and_then(part).ok_or_else(wrong)?;
        let index = parts.next().and_then(part).ok_or_else(wrong)?;
        if parts.next().is_some() {
            return Err(wrong());
        }
        Ok(Self { tick: Tick(tick), rank, index })
    }
}

impl TryFrom<String> for Position {
    type Error = PositionError;
    fn try_from(text: String) -> Result<Self, PositionError> {
        text.parse()
    }
}

impl From<Position> for String {
    fn from(position: Position) -> Self {
        position.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_back_and_keep_their_order() {
        let all = [
            Position::START,
            Position::new(Tick(1), 0, 3),
            Position::end_of_rank(Tick(1), 0),
            Position::new(Tick(1), 1, 0),
            Position::end_of_tick(Tick(1)),
            Position::new(Tick(2), 0, 0),
        ];
        assert!(all.is_sorted());
        for position in all {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        for bad in ["", "1", "1.2", "1.2.3.4", "a.b.c", "1.2.-3"] {
            assert!(bad.parse::<Position>().is_err(), "{bad}");
        }
    }
}
