//! Files of the workspace and of `shared/`, as a turn reads them: the truth of the records, and
//! people's edits. A version of ours is known by its hash in the index.

use bytes::Bytes;

use super::super::run::Run;
use super::super::{EngineError, recorded};
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::domain::path::RelativePath;
use crate::mutant::{self, Mutant};
use crate::record::turn::{Content, FileChange};
use crate::store::Key;

/// A file as it was found.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// What it holds; none: there is no file.
    pub(super) bytes: Option<Bytes>,
    /// A person's edit.
    pub(super) import: Option<FileChange>,
}

/// The key of a path that a tool names: `workspace/...` of this agent, or `shared/...`.
pub(super) fn key(agent: &AgentName, path: &str) -> Result<Key, String> {
    let (area, rest) = path.split_once('/').unwrap_or((path, ""));
    let rest = RelativePath::new(rest).map_err(|error| error.to_string());
    match area {
        "workspace" => Ok(Key::Workspace(agent.clone(), rest?)),
        "shared" => Ok(Key::Shared(rest?)),
        _ => Err(format!("{path:?} is neither in workspace/ nor in shared/")),
    }
}

/// Reads a file as of the last closed tick, with a person's edit if there is one; `may_inline`: which the record may
/// hold itself.
pub(super) async fn read(run: &Run, key: &Key, may_inline: bool) -> Result<File, EngineError> {
    let path = key.path();
    let index = run.state.files.get(&path);
    let current = index.and_then(|index| index.sha256.as_ref());
    let Some(bytes) = run.ctx.store.get(key).await? else {
        let late = recorded::may_miss_by_our_deletion(&run.state, key, run.tick());
        return match current {
            None => Ok(File { bytes: None, import: None }),
            Some(_) if late => restore(run, key).await,
            Some(_) => {
                let import = FileChange { path, content: Content::Deleted, sha256: None };
                Ok(File { bytes: None, import: Some(import) })
            }
        };
    };
    let sha = Sha::of(&bytes);
    if current == Some(&sha) {
        return Ok(File { bytes: Some(bytes), import: None });
    }
    let forgets = mutant::is(Mutant::StaleViewsAreNoEdits);
    if !forgets && index.is_some_and(|index| index.versions.iter().any(|version| version == sha.short())) {
        return restore(run, key).await;
    }
    let content = store_content(run, &bytes, &sha, may_inline).await?;
    Ok(File { bytes: Some(bytes), import: Some(FileChange { path, content, sha256: Some(sha) }) })
}

/// Writes the truth over an older version of ours.
async fn restore(run: &Run, key: &Key) -> Result<File, EngineError> {
    let bytes = recorded::file(run, &run.state, &key.path()).await?;
    match &bytes {
        Some(bytes) => run.ctx.store.put(key, bytes.clone()).await?,
        None => run.ctx.store.delete_path(&key.path()).await?,
    }
    Ok(File { bytes, import: None })
}

/// How a record holds some bytes: inline if they are short text and it may, else in a blob, which is written
/// before the record that names it.
pub(super) async fn store_content(
    run: &Run,
    bytes: &Bytes,
    sha: &Sha,
    may_inline: bool,
) -> Result<Content, EngineError> {
    let inline = usize::try_from(run.settings.org.value.limits.max_inline_bytes.get()).unwrap_or(usize::MAX);
    match std::str::from_utf8(bytes) {
        Ok(text) if may_inline && text.len() <= inline => Ok(Content::Text(text.to_owned())),
        _ => {
            run.ctx.store.create_pure(&Key::Blob(sha.clone()), bytes.clone()).await?;
            Ok(Content::Blob(sha.clone()))
        }
    }
}
