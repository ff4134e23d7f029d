//! The files that go into a job and come out of it. Paths are those of the file tools: `workspace/...`
//! may be changed, `shared/...` is there to be read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::path::RelativePath;
use crate::tool::MAX_FILE_BYTES;

/// The most files that a job gets.
pub const MAX_COPIED_FILES: usize = 2_000;

/// The most bytes of files that a job gets.
pub const MAX_COPIED_BYTES: usize = 16 << 20;

/// The most files that come out of a job.
pub const MAX_CHANGED_FILES: usize = 200;

/// The most bytes of files that come out of a job.
pub const MAX_CHANGED_BYTES: usize = 4 << 20;

/// The folder whose changes come back.
pub(super) const WORKSPACE: &str = "workspace";

/// The files that a job gets, by path.
pub type Copied = BTreeMap<String, String>;

/// What a job did to its files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// New and changed files, by path.
    pub written: BTreeMap<String, String>,
    /// Files that are gone.
    pub deleted: Vec<String>,
    /// What was not taken, and why.
    pub notes: Vec<String>,
}

impl Changes {
    /// Says whether a job on these files may have made such changes. The helper sees to that, but what runs in it may
    /// have broken it.
    pub(super) fn are_allowed(&self, files: &Copied) -> bool {
        let plain = |path: &str| path.strip_prefix("workspace/").is_some_and(|rest| RelativePath::new(rest).is_ok());
        let bytes: usize = self.written.values().map(String::len).sum();
        self.written.len() <= MAX_CHANGED_FILES
            && bytes <= MAX_CHANGED_BYTES
            && self.written.iter().all(|(path, text)| plain(path) && text.len() <= MAX_FILE_BYTES)
            && self.deleted.iter().all(|path| plain(path) && files.contains_key(path))
    }
}

/// Says why a job's file cannot be one of the workspace, beside those that are there and those that it wrote.
pub(super) fn objection(path: &str, there: &Copied, written: &Copied) -> Option<String> {
    let Some(rest) = path.strip_prefix("workspace/") else {
        return Some(format!("{path:?} is not in workspace/, where alone files may be changed"));
    };
    if let Err(error) = RelativePath::new(rest) {
        return Some(error.to_string());
    }
    // In a bucket a key may be the beginning of another one, on a disk it may not.
    let is_file = |path: &str| there.contains_key(path) || written.contains_key(path);
    if let Some((at, _)) = path.match_indices('/').find(|(at, _)| is_file(&path[..*at])) {
        return Some(format!("{path:?} would be in {:?}, which is a file", &path[..at]));
    }
    let folder = format!("{path}/");
    let is_inside = |files: &Copied| files.range(folder.clone()..).next().is_some_and(|(p, _)| p.starts_with(&folder));
    (is_inside(there) || is_inside(written)).then(|| format!("{path:?} is a folder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_that_was_broken_changes_nothing_but_files_of_the_workspace() {
        let files = Copied::from([("workspace/a".to_owned(), String::new()), ("shared/a".to_owned(), String::new())]);
        let written =
            |path: &str, text: String| Changes { written: [(path.to_owned(), text)].into(), ..Changes::default() };
        let deleted = |path: &str| Changes { deleted: vec![path.to_owned()], ..Changes::default() };
        for good in [Changes::default(), written("workspace/b", "b".to_owned()), deleted("workspace/a")] {
            assert!(good.are_allowed(&files), "{good:?}");
        }
        for bad in [
            written("shared/a", String::new()),
            written("workspace/../a", String::new()),
            written("agents/ada/resume.json", String::new()),
            written("workspace/b", "b".repeat(MAX_FILE_BYTES + 1)),
            deleted("shared/a"),
            deleted("workspace/b"),
        ] {
            assert!(!bad.are_allowed(&files), "{:?}{:?}", bad.written.keys(), bad.deleted);
        }
        let many = (0..=MAX_CHANGED_FILES).map(|i| (format!("workspace/{i}"), String::new())).collect();
        assert!(!Changes { written: many, ..Changes::default() }.are_allowed(&files));
    }

    #[test]
    fn only_plain_paths_of_the_workspace_are_taken_and_no_file_is_a_folder() {
        let files = |paths: &[&str]| paths.iter().map(|path| ((*path).to_owned(), String::new())).collect::<Copied>();
        let (there, written) = (files(&["workspace/a", "workspace/d/x"]), files(&["workspace/e/f"]));
        for good in ["workspace/a", "workspace/b", "workspace/d/y", "workspace/e/f", "workspace/dx", "workspace/d x"] {
            assert_eq!(objection(good, &there, &written), None, "{good}");
        }
        for bad in [
            "a",
            "shared/a",
            "home/a",
            "workspace",
            "workspace/",
            "workspace/../a",
            "/workspace/a",
            "workspace/.a",
            "workspace/a/b",
            "workspace/d",
            "workspace/e",
            "workspace/e/f/g",
            "workspace//a",
        ] {
            assert!(objection(bad, &there, &written).is_some(), "{bad}");
        }
    }
}
