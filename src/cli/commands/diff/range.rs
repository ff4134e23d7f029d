//! Ticks as people name a range of them.

use std::str::FromStr;

use crate::domain::time::Tick;

/// From after one tick to after another; without an end: to the last closed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: Tick,
    pub(super) to: Option<Tick>,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no range of ticks: it must be A..B, A.., ..B or B, such as 5..8");
        let tick = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| digits).map(Tick).ok_or_else(wrong)
        };
        let Some((from, to)) = text.split_once("..") else {
            let to = tick(text)?;
            return match to {
                Tick(0) => Err("tick 0 is before the first: it changed nothing".to_owned()),
                to => Ok(Self { from: to.previous(), to: Some(to) }),
            };
        };
        if from.is_empty() && to.is_empty() {
            return Err(wrong());
        }
        let from = if from.is_empty() { Tick(0) } else { tick(from)? };
        Ok(Self { from, to: if to.is_empty() { None } else { Some(tick(to)?) } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_people_write_them() {
        let range = |from, to: Option<u64>| Ok(Range { from: Tick(from), to: to.map(Tick) });
        for (text, expected) in [
            ("5..8", range(5, Some(8))),
            ("5..", range(5, None)),
            ("..8", range(0, Some(8))),
            ("8", range(7, Some(8))),
            ("1", range(0, Some(1))),
            ("8..5", range(8, Some(5))),
        ] {
            assert_eq!(text.parse::<Range>(), expected, "{text}");
        }
        for text in ["", "..", "0", "a..b", "5..8..9", "5...8", "-1", "+5", "5..+8", " 5", "99999999999999999999999"] {
            assert!(text.parse::<Range>().is_err(), "{text}");
        }
    }
}
