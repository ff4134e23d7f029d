//! What people want to know of a tool before they permit it: what it may touch, and within which limits.
//!
//! [`super::Tool`] is what a model needs; this is the same tools for those who write resumes.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::limits;
use crate::sandbox::{MAX_COPIED_BYTES, MAX_COPIED_FILES};

/// What a call may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Only looks, at what the organisation has.
    Reads,
    /// Leaves changes in memory, files or the organisation itself, with the turn's commit.
    Writes,
    /// Runs a program or code in a sandbox, and leaves changes of files.
    Runs,
    /// Asks somebody outside of the organisation, who learns what is asked.
    Outside,
}

impl Reach {
    /// The effect as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::Runs => "runs",
            Self::Outside => "outside",
        }
    }
}

/// What a built-in tool may touch, and its own limits, for people; those of all tools are [`limits`]. None of a tool that
/// is not built in.
#[must_use]
pub fn facts(tool: &str) -> Option<(Reach, Vec<String>)> {
    use Reach::{Outside, Reads, Runs, Writes};
    let (effect, limits) = match tool {
        "create_agent" => (
            Writes,
            vec![
                format!("{} agents a turn", limits::MAX_CREATED_AGENTS),
                format!("a resume of {}", size(limits::MAX_RESUME_BYTES)),
                format!("none beyond {} agents", limits::MAX_AGENTS),
                "no more permissions and credits than its creator has".to_owned(),
            ],
        ),
        "file_delete" => (Writes, Vec::new()),
        "file_list" => (Reads, vec![format!("{} files of each area", limits::MAX_LISTED_FILES)]),
        "file_read" => (
            Reads,
            vec![
                format!("files of {}", size(limits::MAX_READ_BYTES)),
                format!("{} at a time", size(limits::MAX_TEXT_BYTES)),
            ],
        ),
        "file_search" => (
            Reads,
            vec![
                format!("{} files", limits::MAX_SEARCHED_FILES),
                format!("{} of text", size(limits::MAX_SEARCHED_BYTES)),
                format!("{} lines", limits::MAX_MATCHES),
                seconds(limits::SEARCH_TIME),
            ],
        ),
        "file_write" => (Writes, vec![format!("files of {}", size(limits::MAX_FILE_BYTES))]),
        "list_agents" => (Reads, vec![format!("{} agents", limits::MAX_LISTED_AGENTS)]),
        "memory_delete" => (Writes, Vec::new()),
        "memory_list" | "memory_read" | "memory_search" => (Reads, Vec::new()),
        "memory_write" => (
            Writes,
            vec![
                format!("values of {}", size(limits::MAX_MEMORY_BYTES)),
                format!("no new key beyond {}", limits::MAX_MEMORY_KEYS),
            ],
        ),
        "python" => (Runs, vec!["10 s".to_owned(), copied()]),
        "shell" => (Runs, vec!["the programs of org.json, tools.shell.allow".to_owned(), "30 s".to_owned(), copied()]),
        "web_fetch" => (
            Outside,
            vec![
                "GET alone".to_owned(),
                size(limits::MAX_WEB_BYTES),
                seconds(limits::WEB_TIME),
                format!("{} redirects", limits::MAX_REDIRECTS),
                "public addresses, and those of org.json, tools.web_fetch.allow_hosts".to_owned(),
            ],
        ),
        "web_search" => (
            Outside,
            vec![
                format!("{} characters", limits::MAX_QUERY_CHARS),
                format!("{} results", limits::MAX_SEARCH_RESULTS),
                seconds(limits::WEB_TIME),
                "the search engine of org.json, tools.web_search".to_owned(),
            ],
        ),
        _ => return None,
    };
    Some((effect, limits))
}

fn copied() -> String {
    format!("copies of {MAX_COPIED_FILES} files and {}", size(MAX_COPIED_BYTES))
}

fn size(bytes: usize) -> String {
    match bytes {
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ => format!("{} KiB", bytes >> 10),
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::toolbox::Effect;

    #[test]
    fn every_tool_says_what_it_may_touch() {
        for tool in super::super::builtin() {
            assert!(facts(tool.name()).is_some(), "{} is not in the catalogue", tool.name());
        }
        for tool in ["python", "shell"] {
            assert_eq!(facts(tool).map(|facts| facts.0), Some(Reach::Runs), "{tool}");
        }
        assert_eq!(facts("teleport"), None);
    }

    #[test]
    fn a_tool_that_is_not_repeatable_or_asks_outside_does_not_only_look() {
        for tool in super::super::builtin() {
            let outside = tool.asks_outside(&serde_json::json!({}));
            let reach = facts(tool.name()).map(|facts| facts.0);
            // What means the same is a question to a model, which the organisation chose for it.
            if outside && tool.name() != "memory_search" {
                assert_eq!(reach, Some(Reach::Outside), "{}", tool.name());
            }
            assert!(tool.effect() == Effect::None || reach != Some(Reach::Reads), "{}", tool.name());
        }
    }

    #[test]
    fn limits_are_those_of_the_page_on_tools() {
        let page = include_str!("../../docs/TOOLS.md");
        for (tool, said) in [("file_write", "100 KiB"), ("web_fetch", "5 redirects"), ("file_search", "10 s")] {
            let (_, limits) = facts(tool).expect("a tool");
            assert!(limits.iter().any(|limit| limit.contains(said)), "{tool}: {limits:?}");
            let row = page.lines().find(|line| line.starts_with(&format!("| [`{tool}`]"))).expect("a row");
            assert!(row.contains(said), "{row}");
        }
    }
}
