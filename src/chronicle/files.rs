//! Files of workspaces and of `shared/`, for people: which there are, and since when.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::moment::Moment;
use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::engine::EngineError;
use crate::record::state::FileState;
use crate::store::{Key, Prefix};

/// Whose files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The workspace of an agent.
    Workspace(AgentName),
    /// `shared/`.
    Shared,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FileNote {
    /// The path from the organisation's root.
    pub path: String,
    /// The tick that last changed it; absent where no turn has read or written it yet.
    pub changed: Option<Tick>,
    /// The agent whose turn wrote it, or found it edited; absent where a command restored it.
    pub by: Option<AgentName>,
}

impl Place {
    /// The path of its folder from the organisation's root.
    #[must_use]
    pub fn path(&self) -> String {
        self.prefix().path()
    }

    fn prefix(&self) -> Prefix {
        match self {
            Self::Workspace(agent) => Prefix::Workspace(agent.clone()),
            Self::Shared => Prefix::Shared,
        }
    }

    /// Says whether a file is one of this place.
    #[must_use]
    pub fn has(&self, key: &Key) -> bool {
        match (self, key) {
            (Self::Workspace(agent), Key::Workspace(owner, _)) => agent == owner,
            (Self::Shared, Key::Shared(_)) => true,
            _ => false,
        }
    }
}

/// The files of a place by path: those that lie there now, or those that the records had then.
///
/// # Errors
/// The store failed.
pub async fn files(moment: &Moment, place: &Place) -> Result<Vec<FileNote>, EngineError> {
    let is_here = |path: &String| Key::parse(path).is_some_and(|key| place.has(&key));
    let known: BTreeMap<&String, &FileState> =
        moment.recorded_below(&place.prefix()).filter(|(path, _)| is_here(path)).collect();
    let paths: Vec<String> = match moment.is_past {
        true => known.keys().map(|path| (*path).clone()).collect(),
        false => {
            let mut listed = moment.store().list(&place.prefix()).await?;
            listed.retain(is_here);
            listed.sort_unstable();
            listed
        }
    };
    let note = |path: String| {
        let known = known.get(&path);
        FileNote { changed: known.map(|file| file.tick), by: known.and_then(|file| file.agent.clone()), path }
    };
    Ok(paths.into_iter().map(note).collect())
}
