//! The difference between two texts, by lines.

use serde::Serialize;
use similar::{ChangeTag, TextDiff};
use utoipa::ToSchema;

/// Longer texts are not compared by lines: who compares them has tools for it.
const MOST_BYTES: usize = 256 * 1024;

/// Nor are texts of more lines: with as many that differ a comparison takes seconds.
const MOST_LINES: usize = 8_192;

/// How many lines are shown before and after a change.
const AROUND: usize = 3;

/// Lines that changed, with some around them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Hunk {
    /// The first line of the old text, from 1.
    pub old_start: usize,
    /// How many lines of the old text.
    pub old_lines: usize,
    /// The first line of the new text, from 1.
    pub new_start: usize,
    /// How many lines of the new text.
    pub new_lines: usize,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A line of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = HunkLine)]
pub struct Line {
    /// What became of it.
    pub sign: Sign,
    /// The line, without its end.
    pub text: String,
    /// Whether the text ends here, without a line break.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_line_break: bool,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum Sign {
    /// It stands in both texts.
    #[serde(rename = " ")]
    Both,
    /// It stands in the old text alone.
    #[serde(rename = "-")]
    Old,
    /// It stands in the new text alone.
    #[serde(rename = "+")]
    New,
}

/// The lines that differ; `None` where one of the texts is too long.
#[must_use]
pub(super) fn hunks(before: &str, after: &str) -> Option<Vec<Hunk>> {
    hunks_around(before, after, AROUND)
}

/// The lines that differ, with so many that stay around them; `None` where one of the texts is too long.
#[must_use]
pub(crate) fn hunks_around(before: &str, after: &str, around: usize) -> Option<Vec<Hunk>> {
    let is_long = |text: &str| text.len() > MOST_BYTES || text.lines().nth(MOST_LINES).is_some();
    if is_long(before) || is_long(after) {
        return None;
    }
    let diff = TextDiff::from_lines(before, after);
    let groups = diff.grouped_ops(around);
    let hunks = groups.iter().filter_map(|ops| {
        let (first, last) = (ops.first()?, ops.last()?);
        let (old, new) = (first.old_range().start..last.old_range().end, first.new_range().start..last.new_range().end);
        let changes = ops.iter().flat_map(|op| diff.iter_changes(op));
        let lines = changes.map(|change| Line {
            sign: match change.tag() {
                ChangeTag::Equal => Sign::Both,
                ChangeTag::Delete => Sign::Old,
                ChangeTag::Insert => Sign::New,
            },
            text: change.value().trim_end_matches(['\n', '\r']).to_owned(),
            no_line_break: change.missing_newline(),
        });
        // As in every unified difference: of nothing, the line before it is named.
        let start = |range: &std::ops::Range<usize>| if range.is_empty() { range.start } else { range.start + 1 };
        Some(Hunk {
            old_start: start(&old),
            old_lines: old.len(),
            new_start: start(&new),
            new_lines: new.len(),
            lines: lines.collect(),
        })
    });
    Some(hunks.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(before: &str, after: &str) -> Vec<String> {
        let line = |line: &Line| {
            let sign = serde_json::json!(line.sign);
            format!("{}{}", sign.as_str().unwrap_or("?"), line.text)
        };
        let hunk = |hunk: &Hunk| {
            let head = format!("{},{} {},{}", hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines);
            [head].into_iter().chain(hunk.lines.iter().map(line)).collect::<Vec<_>>()
        };
        hunks(before, after).expect("short").iter().flat_map(hunk).collect()
    }

    #[test]
    fn changed_lines_come_with_three_around_them() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
        let after = before.replace("2\n3", "2\nthree").replace("12\n", "12\n13\n");
        assert_eq!(
            shown(before, &after),
            ["1,6 1,6", " 1", " 2", "-3", "+three", " 4", " 5", " 6", "10,3 10,4", " 10", " 11", " 12", "+13"]
                .map(str::to_owned)
        );
    }

    #[test]
    fn a_text_that_begins_or_ends_is_all_new_or_all_old() {
        assert_eq!(shown("", "a\nb\n"), ["0,0 1,2", "+a", "+b"]);
        assert_eq!(shown("a\n", ""), ["1,1 0,0", "-a"]);
        assert!(shown("a\n", "a\n").is_empty());
    }

    #[test]
    fn a_missing_line_break_at_the_end_is_a_difference() {
        let hunks = hunks("a", "a\n").expect("short");
        let lines: Vec<(Sign, bool)> = hunks[0].lines.iter().map(|line| (line.sign, line.no_line_break)).collect();
        assert_eq!(lines, [(Sign::Old, true), (Sign::New, false)]);
    }

    #[test]
    fn what_is_too_long_is_not_compared() {
        assert_eq!(hunks("a", &"b".repeat(MOST_BYTES + 1)), None);
        assert_eq!(hunks("a", &"b\n".repeat(MOST_LINES + 1)), None);
        assert!(hunks("a", &"b\n".repeat(MOST_LINES)).is_some());
    }
}
