//! What a turn has done so far: its effects, collected in memory, and the desk that tools work at.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

mod keep;
mod meaning;

use super::super::EngineError;
use super::super::run::Run;
use super::call::Meter;
use super::files;
use super::memory::Memory;
use crate::domain::archive::Archived;
use crate::domain::contract::Draft;
use crate::domain::ids::Sha;
use crate::domain::memory::{Keeping, Operation};
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::outbox::{Meta, OutboxEntry};
use crate::domain::resume::Resume;
use crate::record::plan::Due;
use crate::record::turn::{Effects, FileChange, Receipt};
use crate::store::Key;
use crate::tool::{AgentCard, ArchiveNote, CallFailure, Desk, Meanings, ToolError};

/// One turn's effects, buffered: nothing of them happens before the commit.
pub(super) struct Bench<'a> {
    run: &'a Run,
    due: &'a Due,
    resume: &'a Resume,
    inbox: &'a [OutboxEntry],
    hops: u32,
    meter: &'a Meter,
    /// Bills for texts that were turned into vectors.
    pub(super) embeddings: Vec<Receipt>,
    /// The memory, with the changes of this turn.
    values: BTreeMap<MemoryKey, Value>,
    /// The keys that were looked at or changed in this turn, also those without a value.
    looked: BTreeSet<MemoryKey>,
    /// Keys that were changed in this turn, by itself or by a person, or whose file cannot be read.
    fresh: BTreeSet<MemoryKey>,
    /// Keys whose files cannot be read: a person is at work on them.
    unreadable: BTreeSet<MemoryKey>,
    /// How much of it stays.
    keeping: Keeping,
    /// What left it up to the last step.
    pub(super) archived: Vec<Archived>,
    /// Files read or written in this turn.
    seen: BTreeMap<String, Option<String>>,
    /// Edits found since the last step.
    pub(super) imports: Vec<FileChange>,
    /// Effects since the last step.
    pub(super) since: Effects,
    /// Entries said up to the last step.
    pub(super) said: usize,
}

impl<'a> Bench<'a> {
    pub(super) fn new(
        run: &'a Run,
        due: &'a Due,
        resume: &'a Resume,
        inbox: &'a [OutboxEntry],
        hops: u32,
        memory: Memory,
        meter: &'a Meter,
    ) -> Self {
        Self {
            run,
            due,
            resume,
            inbox,
            hops,
            meter,
            embeddings: Vec::new(),
            fresh: keep::fresh(&due.agent, &memory),
            unreadable: memory.unreadable,
            values: memory.values,
            looked: memory.looked,
            keeping: resume.memory.within(&run.settings.org.value.memory),
            archived: Vec::new(),
            seen: BTreeMap::new(),
            imports: memory.imports,
            since: Effects::default(),
            said: 0,
        }
    }

    pub(super) fn values(&self) -> &BTreeMap<MemoryKey, Value> {
        &self.values
    }

    /// Says what an answer drafts.
    pub(super) fn say(&mut self, draft: Draft) {
        let plan = &self.run.plan.value;
        let index = u32::try_from(self.said + self.since.outbox.len()).unwrap_or(u32::MAX);
        let answered = draft.reply_to.and_then(|id| self.inbox.iter().find(|entry| entry.id == id));
        let inherited = answered.map(|entry| entry.meta.thread_id.unwrap_or(entry.id));
        self.since.outbox.push(OutboxEntry {
            id: plan.seed.entry_id(plan.tick, &self.due.agent, index),
            tick: plan.tick,
            agent: self.due.agent.clone(),
            kind: draft.kind,
            payload: draft.payload,
            tags: draft.tags,
            recipients: draft.recipients,
            created_at: plan.time,
            meta: Meta {
                thread_id: draft.thread_id.or(inherited),
                reply_to: draft.reply_to,
                hops: self.hops,
                importance: draft.importance,
                extra: draft.meta,
            },
        });
    }

    /// Begins anew with the memory that a rival's step 0 was given.
    pub(super) fn begin_with(&mut self, memory: Memory) {
        self.fresh = keep::fresh(&self.due.agent, &memory);
        self.values = memory.values;
        self.looked = memory.looked;
    }

    /// Forgets the files that were read or written for a step that a rival was first to take: what is
    /// read of them from now on is read, and imported, anew.
    pub(super) fn forget(&mut self, effects: &Effects, imports: &[FileChange]) {
        for change in imports.iter().chain(&effects.files) {
            self.seen.remove(&change.path);
        }
    }

    /// Takes what a journalled step did instead of what was done here since the step before.
    pub(super) async fn adopt(&mut self, effects: &Effects, imports: &[FileChange]) -> Result<(), EngineError> {
        self.since = Effects::default();
        self.imports.clear();
        for change in &effects.memory {
            self.looked.insert(change.key.clone());
            self.fresh.insert(change.key.clone());
            match &change.value {
                Some(value) => self.values.insert(change.key.clone(), value.clone()),
                None => self.values.remove(&change.key),
            };
        }
        // What was imported or written is not read again: the file may be another one by now.
        self.fresh.extend(keep::edited(&self.due.agent, imports));
        for change in imports.iter().chain(&effects.files) {
            let bytes = files::content_bytes(self.run, &change.content).await?;
            let text = bytes.map(|bytes| String::from_utf8(bytes.to_vec())).transpose();
            // What is no text is refused again, when it is read again.
            if let Ok(text) = text {
                self.seen.insert(change.path.clone(), text);
            }
        }
        Ok(())
    }

    /// Ends a step: what was done since the last one.
    pub(super) fn take(&mut self) -> (Effects, Vec<FileChange>) {
        (std::mem::take(&mut self.since), std::mem::take(&mut self.imports))
    }

    async fn look(&mut self, path: &str) -> Result<(Key, Option<String>), CallFailure> {
        let key = files::key(&self.due.agent, path).map_err(ToolError)?;
        if let Some(seen) = self.seen.get(&key.path()) {
            return Ok((key, seen.clone()));
        }
        let file = files::read(self.run, &key).await.map_err(|error| CallFailure::Broken(Box::new(error)))?;
        self.imports.extend(file.import);
        let text = match file.bytes {
            None => None,
            Some(bytes) => match String::from_utf8(bytes.to_vec()) {
                Ok(text) => Some(text),
                Err(_) => return Err(ToolError(format!("{path} is not text")).into()),
            },
        };
        self.seen.insert(key.path(), text.clone());
        Ok((key, text))
    }
}

#[async_trait]
impl Desk for Bench<'_> {
    fn memory(&self, key: &MemoryKey) -> Option<Value> {
        self.values.get(key).cloned()
    }

    fn memory_keys(&self) -> Vec<MemoryKey> {
        self.values.keys().cloned().collect()
    }

    async fn change_memory(
        &mut self,
        key: MemoryKey,
        operation: Operation,
        value: Value,
        cap: Option<NonZeroU32>,
    ) -> Result<(), CallFailure> {
        match self.remember(key, operation, value, cap).await {
            Ok(None) => Ok(()),
            Ok(Some(violation)) => Err(ToolError(violation.message).into()),
            Err(error) => Err(CallFailure::Broken(Box::new(error))),
        }
    }

    fn left_memory(&self) -> Vec<Archived> {
        self.archived.iter().chain(&self.since.archive).cloned().collect()
    }

    async fn archive(&mut self, key: Option<&MemoryKey>) -> Result<Vec<ArchiveNote>, CallFailure> {
        self.archive_notes(key).await.map_err(|error| CallFailure::Broken(Box::new(error)))
    }

    async fn read_archive(&mut self, paths: &[String]) -> Result<Vec<Option<String>>, CallFailure> {
        self.archive_texts(paths).await
    }

    async fn meanings(&mut self, texts: &[String]) -> Result<Meanings, CallFailure> {
        self.vectors(texts).await.map_err(|error| CallFailure::Broken(Box::new(error)))
    }

    fn agents(&self) -> Vec<AgentCard> {
        let present = self.run.state.agents.iter().filter(|(_, agent)| agent.present);
        let reads = &self.resume.permissions.read_outboxes;
        present.map(|(name, _)| AgentCard { name: name.clone(), readable: reads.allows(name) }).collect()
    }

    async fn read_file(&mut self, path: &str) -> Result<Option<String>, CallFailure> {
        Ok(self.look(path).await?.1)
    }

    async fn write_file(&mut self, path: &str, text: String) -> Result<(), CallFailure> {
        let (key, _) = match self.look(path).await {
            // What is no text may still be written over: the import keeps it.
            Err(CallFailure::Refused(_)) if files::key(&self.due.agent, path).is_ok() => {
                (files::key(&self.due.agent, path).map_err(ToolError)?, None)
            }
            looked => looked?,
        };
        let broken = |error: EngineError| CallFailure::Broken(Box::new(error));
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let sha = Sha::of(&bytes);
        let content = files::store_content(self.run, &bytes, &sha).await.map_err(broken)?;
        let path = key.path();
        self.since.files.retain(|change| change.path != path);
        self.since.files.push(FileChange { path: path.clone(), content, sha256: Some(sha) });
        self.seen.insert(path, Some(text));
        Ok(())
    }

    fn files(&self) -> Vec<String> {
        let own = format!("agents/{}/", self.due.agent);
        let known = self.run.state.files.iter().filter(|(_, file)| file.sha256.is_some()).map(|(path, _)| path);
        let written = self.since.files.iter().map(|change| &change.path);
        let shown = known.chain(written).filter_map(|path| {
            let path = path.strip_prefix(&own).unwrap_or(path);
            (path.starts_with("workspace/") || path.starts_with("shared/")).then(|| path.to_owned())
        });
        let mut files: Vec<String> = shown.collect();
        files.sort_unstable();
        files.dedup();
        files
    }
}

/// Who may be addressed, for the contract parser.
pub(super) struct AddressBook<'a> {
    pub(super) run: &'a Run,
    pub(super) resume: &'a Resume,
}

impl crate::domain::contract::Addresses for AddressBook<'_> {
    fn knows(&self, name: &AgentName) -> bool {
        name.is_human() || self.run.knows(name)
    }

    fn may_address(&self, name: &AgentName) -> bool {
        name.is_human() || self.resume.permissions.send_outboxes.as_ref().is_none_or(|send| send.allows(name))
    }

    fn restricted(&self) -> Option<Vec<AgentName>> {
        let send = self.resume.permissions.send_outboxes.as_ref().filter(|send| !send.is_everybody())?;
        Some(send.names().to_vec())
    }
}
