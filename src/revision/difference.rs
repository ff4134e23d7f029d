//! What differs between two versions of a file, for people.

use similar::TextDiff;

/// So many lines that stay are shown around those that do not.
const CONTEXT: usize = 2;

/// The lines that differ, as a unified difference without a head; a word where it is no text. A missing file is empty.
#[must_use]
pub fn difference(before: Option<&[u8]>, after: Option<&[u8]>) -> String {
    let text = |bytes: Option<&[u8]>| std::str::from_utf8(bytes.unwrap_or_default()).map(str::to_owned);
    match (text(before), text(after)) {
        (Ok(before), Ok(after)) => {
            let lines = TextDiff::from_lines(&before, &after);
            lines.unified_diff().context_radius(CONTEXT).missing_newline_hint(false).to_string()
        }
        _ => "other bytes\n".to_owned(),
    }
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
}
