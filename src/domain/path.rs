//! Paths of files that agents and people share the use of: workspace, shared, archive.

use std::fmt;

use icu_normalizer::ComposingNormalizerBorrowed;
use serde::{Deserialize, Serialize};

/// Longest path in bytes.
pub const MAX_PATH_BYTES: usize = 512;

/// Longest segment in bytes: a file name of any file system, with room for what staging adds.
pub const MAX_SEGMENT_BYTES: usize = 200;

/// A relative path of plain segments joined by `/`: it cannot leave its folder on any store.
///
/// Refused: empty segments, `.` and `..`, a leading dot, a trailing dot or space, backslashes,
/// control characters, `%`, and `# : * ? " < > |`, which some file system or store treats as
/// something else; and text that is not in Unicode's form NFKC, or has a character that is not seen or looks like `/` or
/// `\\`: two names that look the same are the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelativePath(String);

/// A text that is not such a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} is not a path that may be used here: {why}")]
pub struct PathError {
    path: String,
    why: &'static str,
}

impl RelativePath {
    /// Checks a path.
    ///
    /// # Errors
    /// The path could leave its folder or means something else on some store; the message says why.
    pub fn new(path: impl Into<String>) -> Result<Self, PathError> {
        let path = path.into();
        match objection(&path) {
            None => Ok(Self(path)),
            Some(why) => Err(PathError { path: path.chars().take(80).collect(), why }),
        }
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();

/// Characters that show nothing or change what stands beside them. Source: Unicode 17, `Default_Ignorable_Code_Point`, and
/// separators of lines.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Characters that a reader takes for a separator, and that NFKC keeps.
fn is_like_a_slash(c: char) -> bool {
    matches!(
        c,
        '\u{2044}'
            | '\u{2215}'
            | '\u{2216}'
            | '\u{29f5}'
            | '\u{29f8}'
            | '\u{29f9}'
            | '\u{27cb}'
            | '\u{27cd}'
            | '\u{1735}'
    )
}

fn objection(path: &str) -> Option<&'static str> {
    if path.is_empty() || path.len() > MAX_PATH_BYTES {
        return Some("it must have 1 to 512 bytes");
    }
    if path.chars().any(|c| c.is_control() || r#"\%#:*?"<>|"#.contains(c)) {
        return Some("it has a control character or one of \\ % # : * ? \" < > |");
    }
    // Characters that look like others or turn the direction of what a person reads.
    if path.chars().any(is_invisible) {
        return Some("it has an invisible character");
    }
    if path.chars().any(is_like_a_slash) {
        return Some("it has a character that looks like a slash");
    }
    if !NFKC.is_normalized(path) {
        return Some("it is not in Unicode's form NFKC: a character in it stands for others");
    }
    path.split('/').find_map(|segment| match segment {
        "" => Some("it has an empty segment, or begins or ends with /"),
        s if s.starts_with('.') => Some("a segment begins with a dot"),
        s if s.len() > MAX_SEGMENT_BYTES => Some("a segment has more than 200 bytes"),
        s if s.ends_with(['.', ' ']) || s.starts_with(' ') => {
            Some("a segment ends with a dot, or begins or ends with a space")
        }
        _ => None,
    })
}

impl TryFrom<String> for RelativePath {
    type Error = PathError;
    fn try_from(path: String) -> Result<Self, PathError> {
        Self::new(path)
    }
}

impl From<RelativePath> for String {
    fn from(path: RelativePath) -> Self {
        path.0
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_cannot_leave_their_folder() {
        for good in ["a", "notes/a b.md", "ä/ö.txt", "a/b/c.json", "x..y", "日本/雪.md", &"a".repeat(200)] {
            assert!(RelativePath::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/./b",
            ".git",
            "a\\b",
            "C:a",
            "a%2e",
            "a\0b",
            "a\nb",
            "a ",
            " a",
            "a.",
            "a#1",
            "a\u{202e}b",
            "a\u{200b}",
            "..\u{2044}a",
            "\u{ff0e}\u{ff0e}/a",
            "a\u{ff0f}b",
            "\u{2025}/a",
            "\u{2024}\u{2024}/a",
            "a\u{2215}b",
            "a\u{a0}",
            "e\u{301}",
            "a\u{ad}b",
            "a\u{e0041}",
            "a\u{2028}b",
            &"a".repeat(201),
            &format!("b/{}", "ä".repeat(101)),
            &"a".repeat(513),
        ] {
            assert!(RelativePath::new(bad).is_err(), "{bad:?}");
        }
    }
}
