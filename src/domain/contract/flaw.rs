//! Small departures from JSON that are mended while reading, each counted.

/// Something that is no JSON but that was read all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    TrailingComma,
    Comment,
    ControlCharacter,
    Escape,
    Surrogate,
    NumberRange,
    DuplicateKey,
}

impl Flaw {
    pub(super) const ALL: [Self; 7] = [
        Self::TrailingComma,
        Self::Comment,
        Self::ControlCharacter,
        Self::Escape,
        Self::Surrogate,
        Self::NumberRange,
        Self::DuplicateKey,
    ];

    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::TrailingComma => "a comma stands before a closing bracket: ignored",
            Self::Comment => "JSON has no comments: ignored",
            Self::ControlCharacter => "a line break or another control character in a string must be escaped: kept",
            Self::Escape => "a backslash in a string starts no escape: kept as a backslash",
            Self::Surrogate => "half of a surrogate pair is no character: replaced",
            Self::NumberRange => "a number is out of range: replaced by null",
            Self::DuplicateKey => "a field stands twice in one object: the last one counts",
        }
    }
}

/// How often each flaw was met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Flaws([usize; Flaw::ALL.len()]);

impl Flaws {
    pub(super) fn add(&mut self, flaw: Flaw) {
        self.0[flaw as usize] += 1;
    }

    pub(super) fn count(&self, flaw: Flaw) -> usize {
        self.0[flaw as usize]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|n| *n == 0)
    }
}
