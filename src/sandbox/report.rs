//! What the helper answers.

use serde::{Deserialize, Serialize};

use super::Changes;

/// The helper's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// A program ran.
    Ran(Ran),
    /// Code ran, to its end or to an exception.
    Valued(Valued),
    /// A server is started next: what follows on the standard output is its own. With what it is run without, if anything.
    Serving(Vec<String>),
    /// The job was not begun: this system has no working sandbox, for these reasons.
    Unconfined(Vec<String>),
    /// The job could not be done, for this reason.
    Refused(String),
}

impl Report {
    /// What the job did to the files, if it was done.
    #[must_use]
    pub fn changes(&self) -> Option<&Changes> {
        match self {
            Self::Ran(ran) => Some(&ran.changes),
            Self::Valued(valued) => Some(&valued.changes),
            Self::Serving(_) | Self::Unconfined(_) | Self::Refused(_) => None,
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It ended with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It filled the scratch folder and was stopped.
    Full,
}

/// What a program wrote to an output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Printed {
    /// Its beginning.
    pub text: String,
    /// How many bytes follow that are not in it.
    pub left_out_bytes: u64,
}

impl Printed {
    /// Takes the first `max` bytes of an output.
    #[must_use]
    pub fn of(bytes: &[u8], max: usize) -> Self {
        let mut end = bytes.len().min(max);
        // A character that is cut in half is left out whole.
        while end < bytes.len() && end > 0 && bytes[end] & 0xc0 == 0x80 {
            end -= 1;
        }
        let left_out_bytes = (bytes.len() - end) as u64;
        Self { text: String::from_utf8_lossy(&bytes[..end]).into_owned(), left_out_bytes }
    }
}

/// A program that ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// Its standard output.
    pub stdout: Printed,
    /// Its standard error.
    pub stderr: Printed,
    /// What it did to the files.
    pub changes: Changes,
}

/// Code that ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Valued {
    /// The value of its last expression, as Python shows it; none: it has none, or an exception ended it.
    pub value: Option<Printed>,
    /// The exception that ended it, with its traceback.
    pub exception: Option<Printed>,
    /// What it printed.
    pub stdout: Printed,
    /// What it did to the files.
    pub changes: Changes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_cut_between_characters_and_says_how_much_is_missing() {
        let text = "aä";
        let printed = |max| Printed::of(text.as_bytes(), max);
        assert_eq!(printed(3), Printed { text: "aä".to_owned(), left_out_bytes: 0 });
        assert_eq!(printed(2), Printed { text: "a".to_owned(), left_out_bytes: 2 });
        assert_eq!(printed(0), Printed { text: String::new(), left_out_bytes: 3 });
        assert_eq!(Printed::of(b"a\xff", 5).text, "a\u{fffd}");
    }
}
