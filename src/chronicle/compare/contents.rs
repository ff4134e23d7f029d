//! Memories and files that differ.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::text::{Hunk, hunks};
use super::value::{ValueChange, changes};
use super::{Change, content};
use crate::chronicle::PARALLEL;
use crate::chronicle::moment::Moment;
use crate::domain::ids::Sha;
use crate::domain::memory::MemoryFile;
use crate::domain::name::{AgentName, MemoryKey};
use crate::engine::EngineError;
use crate::store::Key;

/// A memory with another value.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MemoryDiff {
    /// Whose.
    pub agent: AgentName,
    /// The key.
    pub key: MemoryKey,
    /// What became of it.
    pub change: Change,
    /// What differs in its value.
    pub value: Vec<ValueChange>,
    /// Whether a content is gone from the records, so that nothing more can be said.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

/// A file with another content.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FileDiff {
    /// Where it lies.
    pub path: String,
    /// What became of it.
    pub change: Change,
    /// The hash of its bytes on the first side.
    pub before_sha256: Option<Sha>,
    /// The hash of its bytes on the second side.
    pub after_sha256: Option<Sha>,
    /// How many bytes it had; `null`: there was none, or it is erased.
    pub before_bytes: Option<usize>,
    /// How many it has.
    pub after_bytes: Option<usize>,
    /// The lines that differ; absent: it is no text, too long, or erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<Hunk>>,
}

enum Diff {
    Memory(MemoryDiff),
    File(FileDiff),
}

/// One content on both sides: the hash that the index has, and the bytes, unless they are erased.
type Sided = [(Option<Sha>, Option<Bytes>); 2];

pub(super) async fn compare(
    before: &Moment,
    after: &Moment,
    only: Option<&AgentName>,
) -> Result<(Vec<MemoryDiff>, Vec<FileDiff>), EngineError> {
    let indexed = |moment: &Moment, path: &str| moment.state.files.get(path).and_then(|file| file.sha256.clone());
    let paths: BTreeSet<&String> = before.state.files.keys().chain(after.state.files.keys()).collect();
    let differing = paths.into_iter().filter_map(|path| {
        let (one, other) = (indexed(before, path), indexed(after, path));
        let key = Key::parse(path).filter(|_| one != other)?;
        is_wanted(&key, path, [before, after], only).then_some((key, one, other))
    });
    let differing: Vec<(Key, Option<Sha>, Option<Sha>)> = differing.collect();
    let compared = stream::iter(differing).map(|(key, one, other)| async move {
        let read = |moment, sha: &Option<Sha>| {
            let (key, is_there) = (&key, sha.is_some());
            async move { if is_there { content(Moment::store(moment), moment, key).await } else { Ok(None) } }
        };
        let (before, after) = futures::try_join!(read(before, &one), read(after, &other))?;
        Ok::<_, EngineError>(difference(&key, [(one, before), (other, after)]))
    });
    let compared: Vec<Option<Diff>> = compared.buffered(PARALLEL).try_collect().await?;
    let (mut memory, mut files) = (Vec::new(), Vec::new());
    for diff in compared.into_iter().flatten() {
        match diff {
            Diff::Memory(diff) => memory.push(diff),
            Diff::File(diff) => files.push(diff),
        }
    }
    Ok((memory, files))
}

/// Says whether a content is of the agent: it lies in its folder, or it was the last to write it.
fn is_wanted(key: &Key, path: &str, sides: [&Moment; 2], only: Option<&AgentName>) -> bool {
    let Some(only) = only else { return true };
    match key {
        Key::Memory(agent, _) | Key::Workspace(agent, _) => agent == only,
        _ => sides.iter().any(|side| side.state.files.get(path).and_then(|file| file.agent.as_ref()) == Some(only)),
    }
}

fn difference(key: &Key, sides: Sided) -> Option<Diff> {
    let [(one, before), (other, after)] = sides;
    let change = Change::of(one.is_some(), other.is_some())?;
    let erased = (one.is_some() && before.is_none()) || (other.is_some() && after.is_none());
    match key {
        Key::Memory(agent, of) => {
            let value = |bytes: Option<&Bytes>| bytes.and_then(|bytes| MemoryFile::value_in(bytes).ok());
            let (before, after) = (value(before.as_ref()), value(after.as_ref()));
            let value = if erased { Vec::new() } else { changes(before.as_ref(), after.as_ref()) };
            // Set anew to what it was: only the time differs.
            if value.is_empty() && !erased {
                return None;
            }
            Some(Diff::Memory(MemoryDiff { agent: agent.clone(), key: of.clone(), change, value, erased }))
        }
        Key::Workspace(..) | Key::Shared(_) => {
            let text = |bytes: &Option<Bytes>| match bytes {
                Some(bytes) => std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).map(str::to_owned),
                None => Some(String::new()),
            };
            let lines = match (text(&before), text(&after)) {
                (Some(before), Some(after)) if !erased => hunks(&before, &after),
                _ => None,
            };
            Some(Diff::File(FileDiff {
                path: key.path(),
                change,
                before_bytes: before.map(|bytes| bytes.len()),
                after_bytes: after.map(|bytes| bytes.len()),
                before_sha256: one,
                after_sha256: other,
                lines,
            }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sided(bytes: Option<&'static [u8]>) -> (Option<Sha>, Option<Bytes>) {
        (bytes.map(Sha::of), bytes.map(Bytes::from_static))
    }

    fn file(before: Option<&'static [u8]>, after: Option<&'static [u8]>) -> FileDiff {
        let key = Key::parse("shared/a").expect("a key");
        match difference(&key, [sided(before), sided(after)]) {
            Some(Diff::File(diff)) => diff,
            _ => panic!("no file"),
        }
    }

    #[test]
    fn a_file_that_is_no_text_is_told_by_its_size() {
        for bytes in [&b"\xff\xfe"[..], b"a\0b"] {
            let diff = file(Some(b"text\n"), Some(bytes));
            assert_eq!((diff.change, diff.lines, diff.after_bytes), (Change::Changed, None, Some(bytes.len())));
        }
        assert_eq!(file(None, Some(b"a\n")).lines.map(|lines| lines.len()), Some(1), "nothing is an empty text");
    }

    #[test]
    fn what_is_erased_is_not_told_as_empty() {
        let key = Key::parse("agents/ada/memory/k.json").expect("a key");
        let erased = (Some(Sha::of(b"x")), None);
        let found = difference(&key, [erased.clone(), sided(Some(br#"{"value": 1}"#))]);
        let Some(Diff::Memory(diff)) = found else { panic!("no memory") };
        assert!(diff.erased && diff.value.is_empty());
        let Some(Diff::File(diff)) = difference(&Key::parse("shared/a").expect("a key"), [erased, sided(None)]) else {
            panic!("no file")
        };
        assert_eq!((diff.change, diff.before_bytes, diff.lines), (Change::Removed, None, None));
    }
}
