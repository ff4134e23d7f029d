//! Paths of files that agents and people share the use of: workspace, shared, archive.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest path in bytes.
pub const MAX_PATH_BYTES: usize = 512;

/// A relative path of plain segments joined by `/`: it cannot leave its folder on any store.
///
/// Refused: empty segments, `.` and `..`, a leading dot, a trailing dot or space, backslashes,
/// control characters, `%`, and `# : * ? " < > |`, which some file system or store treats as
/// something else.
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

fn objection(path: &str) -> Option<&'static str> {
    if path.is_empty() || path.len() > MAX_PATH_BYTES {
        return Some("it must have 1 to 512 bytes");
    }
    if path.chars().any(|c| c.is_control() || r#"\%#:*?"<>|"#.contains(c)) {
        return Some("it has a control character or one of \\ % # : * ? \" < > |");
    }
    // Characters that look like others or turn the direction of what a person reads.
    if path
        .chars()
        .any(|c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'))
    {
        return Some("it has an invisible character");
    }
    path.split('/').find_map(|segment| match segment {
        "" => Some("it has an empty segment, or begins or ends with /"),
        s if s.starts_with('.') => Some("a segment begins with a dot"),
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
        for good in ["a", "notes/a b.md", "ä/ö.txt", "a/b/c.json", "x..y"] {
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
            &"a".repeat(513),
        ] {
            assert!(RelativePath::new(bad).is_err(), "{bad:?}");
        }
    }
}
