//! What stays in a memory and what leaves it for the archive, and how the archive is read.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use super::super::super::EngineError;
use super::super::memory::{self, Memory};
use super::Bench;
use crate::domain::archive::{self, Archived, Because};
use crate::domain::contract::Violation;
use crate::domain::memory::Operation;
use crate::domain::name::{AgentName, MemoryKey};
use crate::record::turn::{FileChange, MemoryChange};
use crate::store::{Key, Prefix, StoreError};
use crate::tool::{ArchiveNote, CallFailure, ToolError};

/// How many files of the archive are read at once.
const READS_AT_ONCE: usize = 32;

/// The keys that a person changed, or whose file cannot be read and is left alone.
pub(super) fn fresh(agent: &AgentName, memory: &Memory) -> BTreeSet<MemoryKey> {
    edited(agent, &memory.imports).chain(memory.unreadable.iter().cloned()).collect()
}

/// The memory keys among a person's edits.
pub(super) fn edited<'a>(agent: &'a AgentName, imports: &'a [FileChange]) -> impl Iterator<Item = MemoryKey> + 'a {
    imports.iter().filter_map(|import| memory::memory_key(&import.path, agent))
}

impl Bench<'_> {
    /// Changes a memory key; a refusal is told to the model as a violation. With `cap`, an append
    /// leaves the newest so many items in the list; the others go to the archive.
    pub(in super::super) async fn remember(
        &mut self,
        key: MemoryKey,
        operation: Operation,
        value: Value,
        cap: Option<NonZeroU32>,
    ) -> Result<Option<Violation>, EngineError> {
        if self.looked.insert(key.clone()) {
            // Who writes a path unread in this turn reads it first, importing what is there.
            let (found, import) = memory::read_one(self.run, &self.due.agent, &key).await?;
            if let Some(found) = found {
                self.values.insert(key.clone(), found);
            }
            self.imports.extend(import);
        }
        let mut after = operation.apply(self.values.get(&key).cloned(), value);
        let limit = self.run.settings.org.value.limits.max_inline_bytes.get();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut shed = Vec::new();
        if let (Operation::Append, Some(Value::Array(list))) = (operation, &mut after) {
            let cap = cap.map(|cap| usize::try_from(cap.get()).unwrap_or(usize::MAX));
            if let Some(most) = [cap, self.keeping.max_list_items].into_iter().flatten().min() {
                shed = archive::shed(list, most);
            }
            if bytes(list) > limit && list.last().is_some_and(|newest| bytes(newest) + 2 <= limit) {
                let most = archive::newest_within(list, limit);
                shed.extend(archive::shed(list, most));
            }
        }
        if after.as_ref().is_some_and(|value| bytes(value) > limit) {
            let message = format!("the value of {key} would have more than {limit} bytes: it was left as it is");
            return Ok(Some(Violation { pointer: "/memory_updates".to_owned(), message }));
        }
        if let Some(message) = after.as_ref().and_then(|after| self.objection(&key, after, &shed, limit)) {
            return Ok(Some(Violation { pointer: "/memory_updates".to_owned(), message }));
        }
        self.leave(&key, Because::Overflow, shed);
        self.change(key, operation, after);
        Ok(None)
    }

    fn change(&mut self, key: MemoryKey, operation: Operation, after: Option<Value>) {
        match &after {
            Some(value) => self.values.insert(key.clone(), value.clone()),
            None => self.values.remove(&key),
        };
        self.fresh.insert(key.clone());
        self.since.memory.retain(|change| change.key != key);
        self.since.memory.push(MemoryChange { key, operation, value: after });
    }

    /// Puts items that leave a list into the archive.
    fn leave(&mut self, key: &MemoryKey, because: Because, items: Vec<Value>) {
        if !items.is_empty() {
            let archived = Archived { key: key.clone(), because, value: Value::Array(items) };
            archive::add(&mut self.since.archive, archived);
        }
    }

    /// Ends a good turn: lists that are longer than they may be lose their oldest items, and keys that
    /// rested for too long go, all to the archive; what is too much for one record goes with the next turn.
    /// What cannot be read, a person is at work on.
    pub(in super::super) fn tidy(&mut self) {
        let (long, old): (Vec<_>, Vec<_>) = {
            let tidied = || self.values.iter().filter(|(key, _)| !self.unreadable.contains(*key));
            let most = self.keeping.max_list_items.unwrap_or(usize::MAX);
            let long = tidied().filter(|(_, value)| value.as_array().is_some_and(|list| list.len() > most));
            let old = tidied().filter(|(key, _)| self.has_rested(key));
            (long.map(|(key, _)| key.clone()).collect(), old.map(|(key, _)| key.clone()).collect())
        };
        for key in long {
            if self.has_archived_enough() {
                return;
            }
            if let (Some(Value::Array(mut list)), Some(most)) = (self.values.remove(&key), self.keeping.max_list_items)
            {
                let shed = archive::shed(&mut list, most);
                self.leave(&key, Because::Overflow, shed);
                self.change(key, Operation::Set, Some(Value::Array(list)));
            }
        }
        for key in old {
            if self.has_archived_enough() {
                return;
            }
            if let Some(value) = self.values.remove(&key) {
                archive::add(&mut self.since.archive, Archived { key: key.clone(), because: Because::Age, value });
                self.change(key, Operation::Delete, None);
            }
        }
    }

    /// Says whether nobody changed a key for as many ticks as it may rest.
    fn has_rested(&self, key: &MemoryKey) -> bool {
        let Some(most) = self.keeping.archive_after_ticks else { return false };
        let path = Key::Memory(self.due.agent.clone(), key.clone()).path();
        let commanded = self.run.plan.value.memory.get(&self.due.agent);
        let is_fresh = self.fresh.contains(key)
            || self.keeping.pinned.contains(key)
            || commanded.is_some_and(|changes| changes.iter().any(|change| change.key == *key));
        let changed = self.run.state.files.get(&path).map(|file| file.tick);
        !is_fresh && changed.is_some_and(|changed| self.run.tick().0 >= changed.0.saturating_add(most))
    }

    /// The files of the archive, of one key or all, the newest first.
    pub(super) async fn archive_notes(&self, key: Option<&MemoryKey>) -> Result<Vec<ArchiveNote>, EngineError> {
        let prefix = Prefix::Archive(self.due.agent.clone(), key.cloned());
        let own = format!("agents/{}/", self.due.agent);
        let mut notes: Vec<ArchiveNote> = Vec::new();
        for path in self.run.ctx.store.list(&prefix).await? {
            let of = Key::parse(&path).and_then(|key| key.archived_from());
            // What an open tick has archived is not of the past yet.
            if of.as_ref().is_none_or(|(_, tick)| *tick < self.run.tick())
                && let Some(path) = path.strip_prefix(&own)
            {
                let (key, tick) = of.unzip();
                notes.push(ArchiveNote { path: path.to_owned(), key, tick });
            }
        }
        notes.sort_by(|a, b| b.tick.cmp(&a.tick).then_with(|| a.path.cmp(&b.path)));
        Ok(notes)
    }

    /// The texts of files of the archive, by the paths that [`Self::archive_notes`] gives; none for one
    /// that is missing or no text.
    pub(super) async fn archive_texts(&self, paths: &[String]) -> Result<Vec<Option<String>>, CallFailure> {
        let mut keys = Vec::new();
        for path in paths {
            match Key::parse(&format!("agents/{}/{path}", self.due.agent)) {
                Some(key @ Key::Archive(..)) => keys.push(key),
                _ => return Err(ToolError(format!("{path:?} is no path in archive/")).into()),
            }
        }
        let store = &self.run.ctx.store;
        let reads = stream::iter(keys).map(|key| async move { store.get(&key).await });
        let read: Result<Vec<_>, StoreError> = reads.buffered(READS_AT_ONCE).try_collect().await;
        let read = read.map_err(|error| CallFailure::Broken(Box::new(EngineError::from(error))))?;
        Ok(read.into_iter().map(|bytes| String::from_utf8(bytes?.to_vec()).ok()).collect())
    }
}

pub(super) fn bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_string(value).map_or(usize::MAX, |text| text.len())
}
