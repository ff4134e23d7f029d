//! Which ticks a reading command looks at: so many back, or from one to another.

use std::str::FromStr;

use crate::chronicle::search::Ticks;
use crate::domain::time::Tick;

/// Ticks as a person names them: `N`, `A..B`, `A..` or `..B`, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TickRange {
    /// The last so many.
    Back(u64),
    /// From one to another.
    FromTo(Option<u64>, Option<u64>),
}

impl TickRange {
    /// The ticks that are meant, where `last` is the last closed one.
    pub(super) fn up_to(self, last: Tick) -> Ticks {
        match self {
            Self::Back(n) => Ticks { first: Tick((last.0 + 1).saturating_sub(n)), last },
            Self::FromTo(from, to) => {
                Ticks { first: Tick(from.unwrap_or(1)), last: Tick(to.unwrap_or(last.0).min(last.0)) }
            }
        }
    }
}

impl FromStr for TickRange {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "it must be N, A..B, A.. or ..B".to_owned();
        let number = |text: &str| match text {
            "" => Ok(None),
            text => text.parse::<u64>().map(Some).map_err(|_| wrong()),
        };
        let Some((from, to)) = text.split_once("..") else {
            return number(text)?.map(Self::Back).ok_or_else(wrong);
        };
        match (number(from)?, number(to)?) {
            (None, None) => Err(wrong()),
            (Some(from), Some(to)) if from > to => Err("the first tick comes after the last".to_owned()),
            (from, to) => Ok(Self::FromTo(from, to)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_counted_back_or_named() {
        for (text, first, last) in
            [("3", 8, 10), ("30", 0, 10), ("2..4", 2, 4), ("2..", 2, 10), ("..4", 1, 4), ("5..90", 5, 10)]
        {
            let ticks = text.parse::<TickRange>().expect(text).up_to(Tick(10));
            assert_eq!((ticks.first.0, ticks.last.0), (first, last), "{text}");
        }
        for wrong in ["", "..", "4..2", "a", "1..b", "-1"] {
            assert!(wrong.parse::<TickRange>().is_err(), "{wrong}");
        }
    }
}
