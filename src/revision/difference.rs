//! What differs between two versions of a file, for people.

use std::fmt::Write as _;

use crate::chronicle::compare::{Sign, hunks_around};

/// So many lines that stay are shown around those that do not.
const CONTEXT: usize = 2;

/// The lines that differ, as a unified difference without a head; a few words where it is no text, or one that is too long
/// to be compared by lines. A missing file is empty.
#[must_use]
pub fn difference(before: Option<&[u8]>, after: Option<&[u8]>) -> String {
    let text = |bytes: Option<&[u8]>| std::str::from_utf8(bytes.unwrap_or_default()).map(str::to_owned);
    let (Ok(before), Ok(after)) = (text(before), text(after)) else { return "other bytes\n".to_owned() };
    if before == after {
        return String::new();
    }
    let Some(hunks) = hunks_around(&before, &after, CONTEXT) else {
        let size = |text: &str| format!("{} lines, {} bytes", text.lines().count(), text.len());
        return format!("too long to be compared by lines: before {}; after {}\n", size(&before), size(&after));
    };
    let range = |start: usize, lines: usize| match lines {
        1 => start.to_string(),
        _ => format!("{start},{lines}"),
    };
    let mut shown = String::new();
    for hunk in hunks {
        let (old, new) = (range(hunk.old_start, hunk.old_lines), range(hunk.new_start, hunk.new_lines));
        // Writing to a string does not fail.
        let _ = writeln!(shown, "@@ -{old} +{new} @@");
        for line in hunk.lines {
            let sign = match line.sign {
                Sign::Both => ' ',
                Sign::Old => '-',
                Sign::New => '+',
            };
            let _ = writeln!(shown, "{sign}{}", line.text);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_differ_and_those_around_them_are_shown() {
        let before = "a\nb\nc\nd\ne\nf\n";
        let shown = difference(Some(before.as_bytes()), Some(before.replace("e\n", "E\n").as_bytes()));
        assert_eq!(shown, "@@ -3,4 +3,4 @@\n c\n d\n-e\n+E\n f\n");
        assert_eq!(difference(None, Some(b"x\n")), "@@ -0,0 +1 @@\n+x\n");
        assert_eq!(difference(Some(b"x"), Some(b"x")), "");
        assert_eq!(difference(Some(b"\xff"), Some(b"x")), "other bytes\n");
    }

    #[test]
    fn texts_that_are_too_long_are_told_of_by_their_size() {
        let text = |word: &str| (0..40_000).map(|n| format!("{word} {n}\n")).collect::<String>();
        let (before, after) = (text("a"), text("b"));
        let shown = difference(Some(before.as_bytes()), Some(after.as_bytes()));
        assert!(shown.starts_with("too long to be compared by lines: before 40000 lines, "), "{shown}");
        assert_eq!(difference(Some(before.as_bytes()), Some(before.as_bytes())), "");
    }
}
