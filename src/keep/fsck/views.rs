//! Views against the records. What people and agents both write may be a person's edit, which is theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};

use super::tree::Tree;
use super::{Mend, Report};
use crate::domain::ids::Sha;
use crate::domain::memory::MemoryFile;
use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::engine::{Code, EngineError, Finding, ProvenTick, kept_views, may_miss_by_our_deletion, recorded};
use crate::record::plan::Plan;
use crate::record::state::{FileState, State};
use crate::record::turn::TurnRecord;
use crate::store::{Key, Store};

/// How many files are read at once.
const AT_ONCE: usize = 32;

/// The views of a tick that are written once: outboxes and archives. Of an open tick they may not be written yet.
pub(super) async fn kept(
    store: &Store,
    proven: &ProvenTick,
    outbox_until: Tick,
    tree: &mut Tree,
    report: &mut Report,
) -> Result<(), EngineError> {
    let Some(plan) = &proven.plan else { return Ok(()) };
    for turn in proven.turns.values().filter(|turn| turn.erased.is_some()) {
        // Files that may be left of what was given up are no strangers.
        for said in &turn.effects.outbox {
            tree.expect_view(&Key::Outbox(turn.agent.clone(), turn.tick, said.id));
        }
    }
    let views: Vec<(Key, Bytes)> = proven.turns.values().flat_map(|turn| kept_views(plan, turn)).collect();
    let read = |(key, bytes): (Key, Bytes)| async move {
        let found = store.get(&key).await;
        (key, bytes, found)
    };
    let mut reads = std::pin::pin!(stream::iter(views).map(read).buffered(AT_ONCE));
    while let Some((key, bytes, found)) = reads.next().await {
        tree.expect_view(&key);
        let found = found?;
        let (code, message) = match &found {
            Some(found) if *found == bytes => continue,
            Some(_) => (Code::StaleView, "it is not what the turn's record says; editing it has no effect"),
            None if proven.closed.is_none() => continue,
            None if matches!(key, Key::Outbox(..)) && plan.tick <= outbox_until => continue,
            None => (Code::MissingView, "the turn's record has it, and the file is missing"),
        };
        report.add(Finding::new(code, key.path(), message));
        report.mends.push(Mend {
            path: key.path(),
            was: found.map(|found| Sha::of(&found)),
            bytes: Some(bytes),
            is_of_a_person: false,
        });
    }
    Ok(())
}

/// The paths that an open tick writes: their views may be old or new.
pub(super) fn written(plan: Option<&Plan>, turns: &BTreeMap<AgentName, Arc<TurnRecord>>) -> BTreeSet<String> {
    let commanded = plan.iter().flat_map(|plan| &plan.memory);
    let memory = |(agent, key)| Key::Memory(agent, key).path();
    let mut paths: BTreeSet<String> = commanded
        .flat_map(|(agent, changes)| changes.iter().map(|change| (agent.clone(), change.key.clone())))
        .map(memory)
        .collect();
    for turn in turns.values() {
        let own = turn.effects.memory.iter().map(|change| (turn.agent.clone(), change.key.clone()));
        paths.extend(own.map(memory));
        paths.extend(turn.effects.files.iter().map(|change| change.path.clone()));
    }
    paths
}

/// Memory, workspace and shared files against the state. `written`: what an open tick writes is left out.
pub(super) async fn live(
    store: &Store,
    state: &State,
    written: &BTreeSet<String>,
    tree: &Tree,
    report: &mut Report,
) -> Result<(), EngineError> {
    let paths: BTreeSet<&String> = state.files.keys().chain(&tree.files).collect();
    let paths: Vec<String> = paths.into_iter().filter(|path| !written.contains(*path)).cloned().collect();
    let read = |path: String| async move { (store.get_path(&path).await, path) };
    let mut reads = std::pin::pin!(stream::iter(paths).map(read).buffered(AT_ONCE));
    while let Some((found, path)) = reads.next().await {
        let Some(key) = Key::parse(&path) else { continue };
        let found = match found {
            Ok(found) => found,
            Err(error) if error.is_about_one_object() => {
                report.add(Finding::new(Code::Edited, path, format!("it cannot be read: {}", error.chain())));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let sha = found.as_ref().map(|bytes| Sha::of(bytes));
        let index = state.files.get(&path);
        if sha.as_ref() == index.and_then(|index| index.sha256.as_ref()) {
            continue;
        }
        let (code, message) = judge(state, &key, index, found.as_ref());
        let truth = recorded(store, state, &key).await?;
        let expected = index.and_then(|index| index.sha256.as_ref());
        if truth.as_ref().map(|bytes| Sha::of(bytes)).as_ref() != expected {
            let message = "the records hold no content with the hash that the ticks give for this file";
            report.add(Finding::new(Code::Missing, path, message));
            continue;
        }
        report.mends.push(Mend { path: path.clone(), was: sha, bytes: truth, is_of_a_person: code == Code::Edited });
        report.add(Finding::new(code, path, message));
    }
    Ok(())
}

/// Whether what lies there is an old version of ours or a person's: by the rules that a turn goes by.
fn judge(state: &State, key: &Key, index: Option<&FileState>, found: Option<&Bytes>) -> (Code, &'static str) {
    let Some(bytes) = found else {
        return match may_miss_by_our_deletion(state, key, state.tick.next()) {
            true => {
                (Code::MissingView, "an older deletion of ours came late: the next turn that reads it writes it again")
            }
            false => (Code::Edited, "a person deleted it: imported by the next turn that reads it"),
        };
    };
    let is_ours = match key {
        Key::Memory(agent, of) => serde_json::from_slice::<MemoryFile>(bytes)
            .is_ok_and(|file| file.is_ours() && file.agent == *agent && file.key == *of),
        _ => index.is_some_and(|index| {
            let sha = Sha::of(bytes);
            index.versions.iter().any(|version| version == sha.short())
        }),
    };
    match (is_ours, key) {
        (true, _) => (Code::StaleView, "an older version of ours: the next turn that reads it writes it again"),
        (false, Key::Memory(..)) if MemoryFile::value_in(bytes).is_err() => {
            (Code::Edited, "a person wrote it, and it cannot be read: left alone until it can")
        }
        (false, _) if index.is_none() => {
            (Code::Edited, "a person put it there: imported by the first turn that reads it")
        }
        (false, _) => (Code::Edited, "a person changed it: imported by the next turn that reads it"),
    }
}
