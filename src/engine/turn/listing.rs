//! What lies in one of the two areas of files: what the records know, and what people put there.

use std::collections::{BTreeMap, BTreeSet};

use super::super::EngineError;
use super::super::run::Run;
use crate::domain::name::AgentName;
use crate::domain::path::RelativePath;
use crate::store::{Key, Prefix};
use crate::tool::limits::MAX_LISTED_FILES;

/// Of files that the records call deleted and that are there, so many are looked at.
pub(super) const LOOKED_AT: usize = 16;

/// One listing of an area: kept for the turn, so that a bucket is asked once.
#[derive(Debug, Clone, Default)]
pub(super) struct Area {
    /// Paths from the organisation's root.
    found: BTreeSet<String>,
    /// How many have names that are no keys.
    pub(super) unusable: usize,
    /// Whether there are more.
    pub(super) cut: bool,
}

/// The areas and the folder in them that a tool names.
pub(super) fn areas(agent: &AgentName, folder: Option<&str>) -> Result<Vec<(Prefix, String)>, String> {
    let (own, shared) = (Prefix::Workspace(agent.clone()), Prefix::Shared);
    let whole = |prefix: Prefix| {
        let path = format!("{}/", prefix.path());
        (prefix, path)
    };
    let Some(folder) = folder.map(|folder| folder.strip_suffix('/').unwrap_or(folder)) else {
        return Ok(vec![whole(own), whole(shared)]);
    };
    let (area, below) = folder.split_once('/').map_or((folder, None), |(area, below)| (area, Some(below)));
    let (prefix, mut path) = match area {
        "workspace" => whole(own),
        "shared" => whole(shared),
        _ => return Err(format!("{folder:?} is neither workspace nor shared, nor a folder in one of them")),
    };
    if let Some(below) = below {
        let below = RelativePath::new(below).map_err(|error| error.to_string())?;
        path = format!("{path}{below}/");
    }
    Ok(vec![(prefix, path)])
}

/// Lists an area.
pub(super) async fn list(run: &Run, prefix: &Prefix) -> Result<Area, EngineError> {
    let (paths, cut) = run.ctx.store.list_some(prefix, MAX_LISTED_FILES).await?;
    let mut area = Area { cut, ..Area::default() };
    for path in paths {
        match Key::parse(&path) {
            Some(Key::Probe(..)) => {}
            Some(_) => drop(area.found.insert(path)),
            None => area.unusable += 1,
        }
    }
    Ok(area)
}

/// The files of an area, from the organisation's root, and those that only a look can tell of: the records call them
/// deleted, and they are there.
pub(super) fn files(
    run: &Run,
    area: &Area,
    folder: &str,
    seen: &BTreeMap<String, Option<String>>,
) -> (BTreeSet<String>, Vec<String>) {
    let mut files: BTreeSet<String> = area.found.iter().filter(|path| path.starts_with(folder)).cloned().collect();
    let mut doubtful = Vec::new();
    let known = run.state.files.range(folder.to_owned()..).take_while(|(path, _)| path.starts_with(folder));
    for (path, index) in known {
        let listed = area.found.contains(path);
        match &index.sha256 {
            // A person deleted what is missing, unless it may be our own deletion, arrived late.
            Some(_) if listed || area.cut || index.may_miss_by_our_deletion(run.tick()) => {
                files.insert(path.clone());
            }
            None if listed && !seen.contains_key(path) => {
                files.remove(path);
                doubtful.push(path.clone());
            }
            Some(_) | None => {}
        }
    }
    for (path, text) in seen.range(folder.to_owned()..).take_while(|(path, _)| path.starts_with(folder)) {
        match text {
            Some(_) => files.insert(path.clone()),
            None => files.remove(path),
        };
    }
    (files, doubtful)
}
