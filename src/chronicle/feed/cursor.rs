//! How far somebody was told: which ticks wholly, and of an open one what.
//!
//! A cursor stands for itself. Whoever has one goes on exactly behind it, at any server and after any pause: nothing is
//! told twice, and nothing is left out. In an open tick turns begin and end in no order, so that it says so of each.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::time::Tick;

/// The longest text that can be a cursor, in bytes.
const MAX_TEXT_BYTES: usize = 1024;

/// Of so many turns behind the first one that has not ended a text says what was told. In a tick with more than these
/// at once, whoever resumes from the text may be told twice that one of the others began or ended.
const WINDOW: usize = 2048;

/// No plan has a larger place than this.
const MAX_TURNS: usize = 1 << 24;

/// What was told of one turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// Nothing.
    #[default]
    Due,
    /// That it began.
    Started,
    /// That it ended, and all that it brought.
    Ended,
}

/// What was told of the turns of a tick, by their places in the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Turns {
    /// All before this place were told to their ends; that at it was not.
    first: usize,
    /// Of those from that place on, without what says nothing at its end.
    later: Vec<Turn>,
    /// A turn of which not all was told, and how many events of its end were.
    part: Option<(usize, usize)>,
}

impl Turns {
    pub(super) fn get(&self, place: usize) -> Turn {
        match place.checked_sub(self.first) {
            None => Turn::Ended,
            Some(place) => self.later.get(place).copied().unwrap_or_default(),
        }
    }

    /// All before this place were told to their ends; that at it was not.
    pub(super) fn first(&self) -> usize {
        self.first
    }

    pub(super) fn set(&mut self, place: usize, turn: Turn) {
        let Some(at) = place.checked_sub(self.first).filter(|_| self.get(place) < turn) else { return };
        if self.later.len() <= at {
            self.later.resize(at + 1, Turn::Due);
        }
        self.later[at] = turn;
        let ended = self.later.iter().take_while(|turn| **turn == Turn::Ended).count();
        self.later.drain(..ended);
        self.first += ended;
        if turn == Turn::Ended && self.part.is_some_and(|(partly, _)| partly == place) {
            self.part = None;
        }
    }

    /// The turn of whose end not all was told, and how many events of it were.
    pub(super) fn part(&self) -> Option<(usize, usize)> {
        self.part
    }

    /// Reads two bits for each turn from the first on that has not ended.
    fn take_bits(&mut self, bits: &str) -> Result<(), NoCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(bits).map_err(|_| NoCursor)?;
        let places = bytes.iter().flat_map(|byte| [0, 2, 4, 6].map(|at| (byte >> at) & 3));
        for (place, turn) in (self.first..).zip(places) {
            match turn {
                0 => {}
                1 => self.set(place, Turn::Started),
                2 => self.set(place, Turn::Ended),
                _ => return Err(NoCursor),
            }
        }
        Ok(())
    }

    fn covers(&self, other: &Self) -> bool {
        let end = (other.first + other.later.len()).max(self.first);
        let has_part = |(place, told)| {
            self.get(place) == Turn::Ended || self.part.is_some_and(|(known, all)| known == place && all >= told)
        };
        (self.first..end).all(|place| self.get(place) >= other.get(place)) && other.part.is_none_or(has_part)
    }
}

/// What was told of a tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// So many events of its plan.
    Opening(usize),
    /// Its plan, and these of its turns.
    Turns(Turns),
    /// Its plan, its turns, and so many events of its close.
    Closing(usize),
    /// All.
    Whole,
}

/// How far somebody was told. As text it is opaque, and safe in an address, a header and a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(super) tick: Tick,
    pub(super) part: Part,
}

impl Cursor {
    /// Behind all of a tick; behind 0 is before everything.
    #[must_use]
    pub const fn after(tick: Tick) -> Self {
        Self { tick, part: Part::Whole }
    }

    /// The last tick of which everything was told.
    #[must_use]
    pub fn last_whole(&self) -> Tick {
        match self.part {
            Part::Whole => self.tick,
            _ => self.tick.previous(),
        }
    }

    /// Says whether all that was told to the other was told here, too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        use Part::{Closing, Opening, Turns, Whole};
        if self.tick != other.tick {
            return self.tick > other.tick;
        }
        match (&self.part, &other.part) {
            (Whole, _) | (Closing(_), Opening(_) | Turns(_)) | (Turns(_), Opening(_)) => true,
            (Opening(told), Opening(other)) | (Closing(told), Closing(other)) => told >= other,
            (Turns(told), Turns(other)) => told.covers(other),
            _ => false,
        }
    }

    /// What was told of the turns of a tick; `None` where that is all.
    pub(super) fn turns(&self) -> Option<&Turns> {
        match &self.part {
            Part::Turns(turns) => Some(turns),
            _ => None,
        }
    }

    /// The same, behind so many of all events of the plan.
    pub(super) fn opening(&self, told: usize, all: usize) -> Self {
        let part = if told < all { Part::Opening(told) } else { Part::Turns(Turns::default()) };
        Self { tick: self.tick, part }
    }

    /// The same, behind the beginning of a turn.
    pub(super) fn started(&self, place: usize) -> Self {
        let mut turns = self.turns().cloned().unwrap_or_default();
        turns.set(place, Turn::Started);
        Self { tick: self.tick, part: Part::Turns(turns) }
    }

    /// The same, behind so many of all events of a turn's end.
    pub(super) fn ending(&self, place: usize, told: usize, all: usize) -> Self {
        let mut turns = self.turns().cloned().unwrap_or_default();
        if told < all {
            turns.part = Some((place, told));
        } else {
            turns.set(place, Turn::Ended);
        }
        Self { tick: self.tick, part: Part::Turns(turns) }
    }

    /// The same, behind so many of all events of the close.
    pub(super) fn closing(&self, told: usize, all: usize) -> Self {
        let part = if told < all { Part::Closing(told) } else { Part::Whole };
        Self { tick: self.tick, part }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.tick)?;
        match &self.part {
            Part::Whole => Ok(()),
            Part::Opening(told) => write!(f, ".o{told}"),
            Part::Closing(told) => write!(f, ".c{told}"),
            Part::Turns(turns) => {
                write!(f, ".t{}", turns.first)?;
                let shown = &turns.later[..turns.later.len().min(WINDOW)];
                let bytes: Vec<u8> = shown
                    .chunks(4)
                    .map(|four| (0..).zip(four).fold(0, |byte, (at, turn)| byte | ((*turn as u8) << (2 * at))))
                    .collect();
                if !bytes.is_empty() {
                    write!(f, ".b{}", URL_SAFE_NO_PAD.encode(bytes))?;
                }
                match turns.part {
                    Some((place, told)) => write!(f, ".e{place}.{told}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor of the live events")]
pub struct NoCursor;

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(NoCursor);
        }
        let mut parts = text.split('.').peekable();
        if parts.next() != Some("1") {
            return Err(NoCursor);
        }
        let tick = Tick(parts.next().and_then(number).ok_or(NoCursor)?);
        let place = |text: &str| number(text).and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= MAX_TURNS);
        let part = match parts.next().map(|part| part.split_at_checked(1)) {
            None => Part::Whole,
            Some(Some(("o", told))) => Part::Opening(place(told).ok_or(NoCursor)?),
            Some(Some(("c", told))) => Part::Closing(place(told).ok_or(NoCursor)?),
            Some(Some(("t", first))) => {
                let mut turns = Turns { first: place(first).ok_or(NoCursor)?, ..Turns::default() };
                if let Some(bits) = parts.next_if(|part| part.starts_with('b')) {
                    turns.take_bits(&bits[1..])?;
                }
                if let Some(part) = parts.next() {
                    let partly = part.strip_prefix('e').and_then(place).ok_or(NoCursor)?;
                    let told = parts.next().and_then(place).ok_or(NoCursor)?;
                    turns.part = Some((partly, told)).filter(|_| turns.get(partly) != Turn::Ended);
                }
                Part::Turns(turns)
            }
            Some(_) => return Err(NoCursor),
        };
        // Nothing happens in a tick 0, and no tick comes after the last number.
        let is_possible = tick.0 < u64::MAX && (tick.0 > 0 || part == Part::Whole);
        if parts.next().is_some() || !is_possible { Err(NoCursor) } else { Ok(Self { tick, part }) }
    }
}

/// A number as we write it: digits, and no more of them than it needs.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn turns() -> impl Strategy<Value = Turns> {
        let states = prop::collection::vec(0..3_u8, 0..40);
        (states, prop::option::of((0..40_usize, 1..5_usize))).prop_map(|(states, part)| {
            let mut turns = Turns::default();
            for (place, state) in (0..).zip(states) {
                turns.set(place, [Turn::Due, Turn::Started, Turn::Ended][usize::from(state)]);
            }
            turns.part = part.filter(|(place, _)| turns.get(*place) != Turn::Ended);
            turns
        })
    }

    fn cursors() -> impl Strategy<Value = Cursor> {
        let part = prop_oneof![
            Just(Part::Whole),
            (0..9_usize).prop_map(Part::Opening),
            (0..9_usize).prop_map(Part::Closing),
            turns().prop_map(Part::Turns),
        ];
        (1..4_u64, part).prop_map(|(tick, part)| Cursor { tick: Tick(tick), part })
    }

    proptest! {
        #[test]
        fn a_cursor_is_what_its_text_says(cursor in cursors()) {
            let text = cursor.to_string();
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{}", text);
            prop_assert_eq!(text.parse::<Cursor>(), Ok(cursor));
        }

        #[test]
        fn covering_is_an_order(a in cursors(), b in cursors(), c in cursors()) {
            prop_assert!(a.covers(&a));
            prop_assert!(!(a.covers(&b) && b.covers(&a)) || a == b, "{} {}", a, b);
            prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
        }

        #[test]
        fn whatever_is_told_next_covers_what_was_told(cursor in turns(), place in 0..50_usize, told in 1..4_usize) {
            let cursor = Cursor { tick: Tick(3), part: Part::Turns(cursor) };
            prop_assert!(cursor.started(place).covers(&cursor));
            if cursor.turns().is_some_and(|turns| turns.part.is_none()) {
                prop_assert!(cursor.ending(place, told, 3).covers(&cursor));
            }
            prop_assert!(cursor.closing(told, 3).covers(&cursor));
        }

        #[test]
        fn any_text_is_a_cursor_or_none(text in "(1\\.)?[0-9]{0,4}(\\.[octbe]?[0-9A-Za-z_-]{0,6}){0,4}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
            }
        }
    }

    #[test]
    fn cursors_look_like_this() {
        let tick = |part| Cursor { tick: Tick(12), part };
        let opened = tick(Part::Opening(1));
        let some = opened.opening(2, 2).started(0).ending(0, 1, 1).started(2).started(1).ending(2, 3, 3);
        for (cursor, text) in [
            (Cursor::after(Tick(0)), "1.0"),
            (tick(Part::Whole), "1.12"),
            (opened, "1.12.o1"),
            (tick(Part::Turns(Turns::default())), "1.12.t0"),
            (some.clone(), "1.12.t1.bCQ"),
            (some.ending(1, 1, 4), "1.12.t1.bCQ.e1.1"),
            (some.ending(1, 4, 4), "1.12.t3"),
            (some.closing(2, 3), "1.12.c2"),
            (some.closing(3, 3), "1.12"),
        ] {
            assert_eq!(cursor.to_string(), text);
            assert_eq!(text.parse(), Ok(cursor));
        }
        for text in
            ["", "1", "1.", "2.1", "1.x", "1.01", "1.+1", "1.0.o1", "1.3.", "1.3.x", "1.3.t", "1.3.t0.b_", "1.3.é"]
        {
            assert_eq!(text.parse::<Cursor>(), Err(NoCursor), "{text}");
        }
        assert_eq!("1.18446744073709551615".parse::<Cursor>(), Err(NoCursor), "there is none after it");
    }

    #[test]
    fn the_text_of_a_huge_tick_is_bounded_and_forgets_only_what_is_far_ahead() {
        let mut cursor = Cursor { tick: Tick(1), part: Part::Turns(Turns::default()) };
        for place in (1..9_000).rev() {
            cursor = cursor.started(place);
        }
        let text = cursor.to_string();
        assert!(text.len() < MAX_TEXT_BYTES, "{}", text.len());
        let read: Cursor = text.parse().expect("a cursor");
        assert!(cursor.covers(&read) && !read.covers(&cursor));
        let turns = read.turns().expect("turns");
        assert_eq!(
            [0, 1, WINDOW - 1, WINDOW].map(|place| turns.get(place)),
            [Turn::Due, Turn::Started, Turn::Started, Turn::Due]
        );
    }
}
