//! Configuration from elsewhere, such as a checkout of a repository: what an organisation's files are to be equal to.
//!
//! Taken are the files that people write, `org.json`, `config/**` and the resumes, and nothing else: no memory, no records, no
//! keys. A file that the source does not have stays as it is; of agents that it does not have, only those are put away that
//! are to be.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use crate::chronicle;
use crate::domain::name::AgentName;
use crate::edit;
use crate::revision::Revision;
use crate::store::{Area, Key, Prefix, Store, StoreError};

/// The most files of a configuration beside the resumes.
const MAX_FILES: usize = 10_000;

/// The most bytes of one of its files.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// What says in `org.json` that an organisation is a fork: a fact about it, and no setting.
const ORIGIN: &str = "forked_from";

/// How many files are read at once.
const PARALLEL: usize = 16;

/// Why a configuration cannot be used. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// There is nothing of one.
    #[error("it has none of org.json, config/ and agents/NAME/resume.json")]
    Nothing,
    /// Agents are to be put away for those of the source, and it has none.
    #[error("it has no agents: all that there are would be removed")]
    NoAgents,
    /// It is larger than any configuration.
    #[error("{0}")]
    TooLarge(String),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// What an organisation's files are to become.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    /// The changes.
    pub revision: Revision,
    /// Agents that are put away.
    pub removed: Vec<AgentName>,
    /// Agents that the source does not have, and that stay.
    pub kept: Vec<AgentName>,
    /// Files in the source's `config/` that are not taken, and folders of agents that can be none.
    pub ignored: Vec<String>,
}

/// What makes an organisation's configuration equal to that of a source. Reads only.
///
/// # Errors
/// The source is none that can be used, or a store failed.
pub async fn compare(org: &Store, source: &Store, prune: bool) -> Result<Configuration, ConfigurationError> {
    let mut found = Configuration::default();
    let mut keys = vec![Key::Org];
    let listed = source.list_sizes(&Prefix::Area(Area::Config), MAX_FILES).await?;
    let listed = listed
        .ok_or_else(|| ConfigurationError::TooLarge(format!("its folder config has more than {MAX_FILES} files")))?;
    for (path, bytes) in listed {
        match Key::parse(&path) {
            // Who holds a key is no matter of a repository.
            Some(key @ (Key::Models | Key::Config(_))) if key != Key::api_keys() => {
                if bytes > MAX_FILE_BYTES {
                    let message = format!("{path} has {bytes} bytes, more than {MAX_FILE_BYTES}");
                    return Err(ConfigurationError::TooLarge(message));
                }
                keys.push(key);
            }
            _ => found.ignored.push(path),
        }
    }
    let folders = source.folders(&Prefix::Agents).await?;
    for folder in folders {
        match AgentName::new(folder.clone()) {
            Ok(name) if name.may_be_an_agent() => keys.push(Key::Resume(name)),
            // Names that mean something else.
            Ok(_) => {}
            Err(_) => found.ignored.push(format!("{}/{folder}", Prefix::Agents.path())),
        }
    }
    let read = |key: Key| async move {
        let (ours, theirs) = futures::try_join!(org.get(&key), source.get(&key))?;
        Ok::<_, StoreError>((key, ours, theirs))
    };
    let mut reads = stream::iter(keys).map(read).buffered(PARALLEL);
    let mut agents = BTreeSet::new();
    let mut is_something = false;
    while let Some((key, ours, theirs)) = reads.try_next().await? {
        let Some(theirs) = theirs else { continue };
        is_something = true;
        if let Key::Resume(name) = &key {
            agents.insert(name.clone());
        }
        let theirs = match (&key, &ours) {
            (Key::Org, Some(ours)) => with_origin_of(ours, theirs),
            _ => theirs,
        };
        found.revision.set(key, ours, Some(theirs));
    }
    drop(reads);
    if !is_something {
        return Err(ConfigurationError::Nothing);
    }
    // Whoever comes back is removed no more.
    for name in chronicle::removed(org).await?.intersection(&agents) {
        found.revision.put(org, Key::Removed(name.clone()), None).await?;
    }
    for name in chronicle::agents(org).await?.into_iter().filter(|name| !agents.contains(name)) {
        let resume: Option<Bytes> = org.get(&Key::Resume(name.clone())).await?;
        match resume {
            Some(resume) if prune => {
                found.revision.put_away(org, &name, resume).await?;
                found.removed.push(name);
            }
            Some(_) => found.kept.push(name),
            // A folder without a resume is nobody's.
            None => {}
        }
    }
    if prune && agents.is_empty() {
        return Err(ConfigurationError::NoAgents);
    }
    Ok(found)
}

/// Settings of a source, with what the organisation itself is a fork of: by that it finds its recorded answers, and the name
/// that its agents know. Where one of them cannot be read, those of the source as they are: the check has more to say.
fn with_origin_of(ours: &Bytes, theirs: Bytes) -> Bytes {
    let (Ok(mine), Ok(other)) = (serde_json::from_slice::<Value>(ours), serde_json::from_slice::<Value>(&theirs))
    else {
        return theirs;
    };
    let Ok(text) = std::str::from_utf8(&theirs) else { return theirs };
    let merged = match (mine.get(ORIGIN), other.get(ORIGIN)) {
        (mine, other) if mine == other => return theirs,
        (Some(mine), _) => edit::set(text, &[ORIGIN], mine),
        (None, _) => edit::remove(text, ORIGIN),
    };
    merged.map_or(theirs.clone(), Bytes::from)
}
