//! Changes of memories and files by command: what each becomes, pinned in the plan before any turn of its tick.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde_json::Value;

use super::recorded::Version;
use super::{EngineError, load, recorded};
use crate::domain::archive::{self, Archived, Because};
use crate::domain::ingress::Action;
use crate::domain::memory::{MemoryFile, Operation};
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::time::Tick;
use crate::record::plan::{Admitted, Item};
use crate::record::state::{Problem, State};
use crate::record::turn::{Content, FileChange, MemoryChange};
use crate::store::{Key, Store};

/// The most bytes that one plan archives: what is more has to be asked for again.
const MAX_ARCHIVED_BYTES: usize = 4 * 1024 * 1024;

/// What admitted commands lead to.
#[derive(Debug, Default)]
pub(super) struct Commanded {
    /// Memories at their new values.
    pub(super) memory: BTreeMap<AgentName, Vec<MemoryChange>>,
    /// What leaves memories for the archive.
    pub(super) archive: BTreeMap<AgentName, Vec<Archived>>,
    /// Files of workspaces and of all at the versions that they are given back.
    pub(super) files: Vec<FileChange>,
    /// Commands that came to nothing.
    pub(super) problems: Vec<Problem>,
}

/// Works out what the admitted commands ask for.
pub(super) async fn commanded(store: &Store, state: &State, ingress: &[Admitted]) -> Result<Commanded, EngineError> {
    let mut work = Work { store, state, done: Commanded::default(), archived_bytes: 0 };
    for admitted in ingress {
        let Item::Control(control) = &admitted.item else { continue };
        match &control.action {
            Action::Memory { agent, key, operation, value } => {
                if state.agents.contains_key(agent) {
                    work.edit(agent, key, *operation, value).await?;
                }
            }
            Action::Archive { agent, key, keep, unchanged_since } => {
                if state.agents.contains_key(agent) && !work.changed_after(agent, key, *unchanged_since) {
                    work.archive(agent, key, *keep).await?;
                }
            }
            Action::PutBack { agent, key, items } => {
                if state.agents.contains_key(agent) {
                    work.put_back(agent, key, items).await?;
                }
            }
            Action::RestoreFile { path, tick } => work.restore(path, *tick).await?,
            Action::TopUp { .. }
            | Action::Pause { .. }
            | Action::Resume { .. }
            | Action::Approve { .. }
            | Action::Deny { .. }
            | Action::Edited { .. } => {}
        }
    }
    Ok(work.done)
}

struct Work<'a> {
    store: &'a Store,
    state: &'a State,
    done: Commanded,
    archived_bytes: usize,
}

impl Work<'_> {
    async fn edit(
        &mut self,
        agent: &AgentName,
        key: &MemoryKey,
        operation: Operation,
        value: &Value,
    ) -> Result<(), EngineError> {
        let before = match operation {
            Operation::Set | Operation::Delete => None,
            Operation::Append | Operation::Merge => self.value(agent, key).await?,
        };
        self.change(agent, key, operation, operation.apply(before, value.clone()));
        Ok(())
    }

    /// Takes a memory to the archive, or of a list all but its newest items.
    async fn archive(
        &mut self,
        agent: &AgentName,
        key: &MemoryKey,
        keep: Option<NonZeroU32>,
    ) -> Result<(), EngineError> {
        let Some(mut value) = self.value(agent, key).await? else {
            self.problem(agent, key, "was not archived: there is no such memory");
            return Ok(());
        };
        let (because, left) = match (keep, &mut value) {
            (None, value) => (Because::Command, value.take()),
            (Some(keep), Value::Array(list)) => {
                let shed = archive::shed(list, usize::try_from(keep.get()).unwrap_or(usize::MAX));
                (Because::Overflow, Value::Array(shed))
            }
            (Some(_), _) => {
                self.problem(agent, key, "was not compacted: it is no list");
                return Ok(());
            }
        };
        if keep.is_some() && left.as_array().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let bytes = left.to_string().len();
        if self.archived_bytes > 0 && self.archived_bytes + bytes > MAX_ARCHIVED_BYTES {
            self.problem(agent, key, "was not archived: it is too much for one tick; ask for it again");
            return Ok(());
        }
        self.archived_bytes += bytes;
        let archived = Archived { key: key.clone(), because, value: left };
        self.done.archive.entry(agent.clone()).or_default().push(archived);
        match keep {
            None => self.change(agent, key, Operation::Delete, None),
            Some(_) => self.change(agent, key, Operation::Set, Some(value)),
        }
        Ok(())
    }

    /// Puts items back where they left a list: before those that it has.
    async fn put_back(&mut self, agent: &AgentName, key: &MemoryKey, items: &[Value]) -> Result<(), EngineError> {
        let list = match self.value(agent, key).await? {
            Some(Value::Array(list)) => list,
            None | Some(Value::Null) => Vec::new(),
            Some(_) => {
                self.problem(agent, key, "got no items back: it is no list any more");
                return Ok(());
            }
        };
        let value = items.iter().cloned().chain(list).collect();
        self.change(agent, key, Operation::Set, Some(Value::Array(value)));
        Ok(())
    }

    /// Gives a file the version back that it had after a tick.
    async fn restore(&mut self, path: &str, tick: Tick) -> Result<(), EngineError> {
        let mut problem = |message: String| self.done.problems.push(Problem::new("not_restored", message).at(path));
        if !matches!(Key::parse(path), Some(Key::Workspace(..) | Key::Shared(_))) {
            problem("was not restored: it is no file of a workspace or of shared/".to_owned());
            return Ok(());
        }
        if tick > self.state.tick {
            problem(format!("was not restored: tick {tick} is not closed"));
            return Ok(());
        }
        let then = load::load_at(self.store, tick).await?;
        if then.files.get(path).is_none_or(|file| file.sha256.is_none()) && !self.state.files.contains_key(path) {
            problem(format!("was not restored: there was no such file after tick {tick}"));
            return Ok(());
        }
        let change = match recorded::version(self.store, &then, path).await? {
            Some(Version { change, is_erased }) => {
                if is_erased
                    && change.sha256.is_some()
                    && recorded::content(self.store, &change.content).await?.is_none()
                {
                    problem(format!("was not restored: what it held after tick {tick} was erased"));
                    return Ok(());
                }
                change
            }
            None if then.files.get(path).is_some_and(|file| file.sha256.is_some()) => {
                problem(format!("was not restored: what it held after tick {tick} is no longer in the records"));
                return Ok(());
            }
            None => FileChange { path: path.to_owned(), content: Content::Deleted, sha256: None },
        };
        self.done.files.retain(|earlier| earlier.path != path);
        self.done.files.push(change);
        Ok(())
    }

    fn change(&mut self, agent: &AgentName, key: &MemoryKey, operation: Operation, value: Option<Value>) {
        let change = MemoryChange { key: key.clone(), operation, value };
        self.done.memory.entry(agent.clone()).or_default().push(change);
    }

    fn problem(&mut self, agent: &AgentName, key: &MemoryKey, what: &str) {
        let path = Key::Memory(agent.clone(), key.clone()).path();
        self.done
            .problems
            .push(Problem::new("command_without_effect", format!("the memory {key} {what}")).of(agent).at(path));
    }

    fn earlier(&self, agent: &AgentName, key: &MemoryKey) -> Option<&MemoryChange> {
        self.done.memory.get(agent)?.iter().rev().find(|change| change.key == *key)
    }

    /// Says whether the memory was changed after a tick, by a turn or by a command before this one.
    fn changed_after(&self, agent: &AgentName, key: &MemoryKey, tick: Option<Tick>) -> bool {
        let Some(tick) = tick else { return false };
        let path = Key::Memory(agent.clone(), key.clone()).path();
        self.earlier(agent, key).is_some() || self.state.files.get(&path).is_some_and(|file| file.tick > tick)
    }

    /// The value of a key after the commands so far, or else as the closed ticks have it.
    async fn value(&self, agent: &AgentName, key: &MemoryKey) -> Result<Option<Value>, EngineError> {
        if let Some(earlier) = self.earlier(agent, key) {
            return Ok(earlier.value.clone());
        }
        let bytes = recorded::memory(self.store, self.state, agent, key).await?;
        Ok(bytes.and_then(|bytes| MemoryFile::value_in(&bytes).ok()))
    }
}
