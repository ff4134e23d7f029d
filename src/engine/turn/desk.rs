//! What a turn has done so far: its effects, collected in memory, and the desk that tools work at.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use uuid::Uuid;

mod keep;
mod load;
mod meaning;

pub(super) use self::load::Load;
use super::super::run::Run;
use super::super::{EngineError, recorded};
use super::listing::{self, Area};
use super::memory::Memory;
use super::meter::Meter;
use super::{Permit, create, files};
use crate::domain::archive::Archived;
use crate::domain::contract::Draft;
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::memory::{Keeping, Operation};
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::outbox::{Meta, OutboxEntry};
use crate::domain::resume::{Permissions, Resume};
use crate::domain::tools::ToolSettings;
use crate::record::plan::Due;
use crate::record::turn::{Content, Effects, FileChange, NewAgent, Receipt};
use crate::store::Key;
use crate::tool::{AgentCard, ArchiveNote, CallFailure, Desk, Listing, Meanings, RecordedCall, ToolError};

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
    /// The template as this turn has it, once it has looked.
    pub(super) template: Option<Sha>,
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
    /// Files that were looked at and are no text.
    binary: BTreeSet<String>,
    /// Edits found since the last step.
    pub(super) imports: Vec<FileChange>,
    /// Effects since the last step.
    pub(super) since: Effects,
    /// Entries said up to the last step.
    pub(super) said: usize,
    /// Agents asked for up to the last step.
    pub(super) asked_for: Vec<NewAgent>,
    /// What the steps so far take in the records.
    pub(super) load: Load,
    /// Of a turn that is run again: what the call returned that is being made, and what its step changed.
    pub(super) then: Option<Then>,
    /// Of a turn that is run again: files whose contents nobody knows for now, as a program wrote them and a later call
    /// of the same answer changed them.
    pub(super) doubtful: BTreeSet<String>,
    /// Whether one of them was looked at.
    pub(super) saw_doubtful: bool,
    /// The id of the call that is being made.
    pub(super) call_id: Uuid,
    /// What was listed in this turn.
    listed: BTreeMap<String, Area>,
    /// Memory and files as they were at the last step.
    settled: Settled,
}

/// A call as the record has it of a turn that is run again.
pub(super) struct Then {
    pub(super) ok: bool,
    pub(super) result: Value,
    pub(super) files: Vec<FileChange>,
}

/// Memory and files as a turn saw them at a step.
#[derive(Default)]
struct Settled {
    values: BTreeMap<MemoryKey, Value>,
    looked: BTreeSet<MemoryKey>,
    fresh: BTreeSet<MemoryKey>,
    seen: BTreeMap<String, Option<String>>,
    binary: BTreeSet<String>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(
        run: &'a Run,
        due: &'a Due,
        resume: &'a Resume,
        inbox: &'a [OutboxEntry],
        hops: u32,
        memory: Memory,
        permit: Permit<'a>,
    ) -> Self {
        Self {
            run,
            due,
            resume,
            inbox,
            hops,
            meter: permit.meter,
            embeddings: Vec::new(),
            template: permit.recorded.and_then(|record| record.template.clone()),
            fresh: keep::fresh(&due.agent, &memory),
            unreadable: memory.unreadable,
            values: memory.values,
            looked: memory.looked,
            keeping: resume.memory.within(&run.settings.org.value.memory),
            archived: Vec::new(),
            seen: BTreeMap::new(),
            binary: BTreeSet::new(),
            imports: memory.imports,
            since: Effects::default(),
            said: 0,
            asked_for: Vec::new(),
            load: Load::default(),
            then: None,
            doubtful: BTreeSet::new(),
            saw_doubtful: false,
            call_id: Uuid::nil(),
            listed: BTreeMap::new(),
            settled: Settled::default(),
        }
    }

    /// The names of the agents that this turn has asked for.
    pub(super) fn asked_for(&self) -> Vec<AgentName> {
        self.asked_for.iter().chain(&self.since.creates).map(|child| child.resume.name.clone()).collect()
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

    /// Keeps how memory and files stand at a step, for [`Self::go_back`].
    pub(super) fn keep(&mut self) {
        self.settled = Settled {
            values: self.values.clone(),
            looked: self.looked.clone(),
            fresh: self.fresh.clone(),
            seen: self.seen.clone(),
            binary: self.binary.clone(),
        };
    }

    /// Forgets what was done since the last step: a rival's step counts instead.
    pub(super) fn go_back(&mut self) {
        let settled = std::mem::take(&mut self.settled);
        (self.values, self.looked, self.fresh) = (settled.values, settled.looked, settled.fresh);
        (self.seen, self.binary) = (settled.seen, settled.binary);
    }

    /// Begins anew with the memory that a rival's step 0 was given.
    pub(super) fn begin_with(&mut self, memory: Memory) {
        self.fresh = keep::fresh(&self.due.agent, &memory);
        self.values = memory.values;
        self.looked = memory.looked;
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
            let bytes = recorded::content(&self.run.ctx.store, &change.content).await?;
            let text = bytes.map(|bytes| String::from_utf8(bytes.to_vec())).transpose();
            match text {
                Ok(text) => {
                    self.binary.remove(&change.path);
                    self.seen.insert(change.path.clone(), text);
                }
                Err(_) => {
                    self.seen.remove(&change.path);
                    self.binary.insert(change.path.clone());
                }
            }
        }
        Ok(())
    }

    /// Ends a step: what was done since the last one.
    pub(super) fn take(&mut self) -> (Effects, Vec<FileChange>) {
        (std::mem::take(&mut self.since), std::mem::take(&mut self.imports))
    }

    /// The file that makes a path one that cannot be written: one above it or below it.
    fn unwritable(&self, path: &str) -> Option<String> {
        let is_there = |path: &str| match self.seen.get(path) {
            Some(seen) => seen.is_some(),
            None => self.run.state.files.get(path).is_some_and(|file| file.sha256.is_some()),
        };
        let above = path.match_indices('/').map(|(end, _)| &path[..end]).find(|above| is_there(above));
        let folder = format!("{path}/");
        let below = || {
            let known = self.run.state.files.range(folder.clone()..).map(|(path, _)| path);
            let seen = self.seen.range(folder.clone()..).map(|(path, _)| path);
            let inside = |path: &&String| path.starts_with(&folder);
            known.take_while(inside).chain(seen.take_while(inside)).find(|path| is_there(path))
        };
        let found = above.map(str::to_owned).or_else(|| below().cloned())?;
        Some(shown(&found, &format!("agents/{}/", self.due.agent)).unwrap_or(found))
    }

    /// Says whether a file that was looked at is there and is no text.
    fn is_binary(&self, path: &str) -> bool {
        self.binary.contains(path)
    }

    fn change_file(&mut self, change: FileChange, text: Option<String>) {
        let path = change.path.clone();
        self.since.files.retain(|change| change.path != path);
        self.since.files.push(change);
        self.binary.remove(&path);
        self.doubtful.remove(&path);
        self.seen.insert(path, text);
    }

    /// Nobody knows what this file holds, until it is changed again.
    pub(super) fn doubt(&mut self, path: &str) {
        self.doubtful.extend(files::key(&self.due.agent, path).ok().map(|key| key.path()));
    }

    async fn look(&mut self, path: &str) -> Result<(Key, Option<String>), CallFailure> {
        let key = files::key(&self.due.agent, path).map_err(ToolError)?;
        self.saw_doubtful |= self.doubtful.contains(&key.path());
        if let Some(seen) = self.seen.get(&key.path()) {
            return Ok((key, seen.clone()));
        }
        let no_text = || Err(ToolError(format!("{path} is not text")).into());
        if self.binary.contains(&key.path()) {
            return no_text();
        }
        let file = files::read(self.run, &key, self.may_inline()).await.map_err(|error| failed(path, error))?;
        self.imports.extend(file.import);
        let text = match file.bytes {
            None => None,
            Some(bytes) => match String::from_utf8(bytes.to_vec()) {
                Ok(text) => Some(text),
                Err(_) => {
                    self.binary.insert(key.path());
                    return no_text();
                }
            },
        };
        self.seen.insert(key.path(), text.clone());
        Ok((key, text))
    }
}

/// What a tool may be told of an error of the store: what concerns one file ends no turn.
fn failed(path: &str, error: EngineError) -> CallFailure {
    match error {
        EngineError::Store(error) if error.is_about_one_object() => {
            ToolError(format!("{path} cannot be used: a symbolic link, a file or a folder is in its way")).into()
        }
        error => CallFailure::Broken(Box::new(error)),
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
        let Permissions { read_outboxes: reads, send_outboxes: sends, .. } = &self.resume.permissions;
        let card = |name: &AgentName| AgentCard {
            name: name.clone(),
            readable: reads.allows(name),
            addressable: sends.as_ref().is_none_or(|sends| sends.allows(name)),
        };
        present.map(|(name, _)| card(name)).collect()
    }

    async fn read_file(&mut self, path: &str) -> Result<Option<String>, CallFailure> {
        Ok(self.look(path).await?.1)
    }

    async fn write_file(&mut self, path: &str, text: String) -> Result<(), CallFailure> {
        let key = files::key(&self.due.agent, path).map_err(ToolError)?;
        let is_new = match self.look(path).await {
            // What is no text may still be written over: the import keeps it.
            Err(CallFailure::Refused(_)) if self.is_binary(&key.path()) => false,
            looked => looked?.1.is_none(),
        };
        if let Some(other) = self.unwritable(&key.path()) {
            let message = format!("{path} cannot be written: {other} is there, and a file is never a folder");
            return Err(ToolError(message).into());
        }
        self.check_file(&key.path(), text.len(), is_new)?;
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let sha = Sha::of(&bytes);
        let content = files::store_content(self.run, &bytes, &sha, true).await.map_err(|error| failed(path, error))?;
        self.change_file(FileChange { path: key.path(), content, sha256: Some(sha) }, Some(text));
        Ok(())
    }

    async fn delete_file(&mut self, path: &str) -> Result<bool, CallFailure> {
        let key = files::key(&self.due.agent, path).map_err(ToolError)?;
        match self.look(path).await {
            Ok((_, None)) => return Ok(false),
            // What is no text is a file too, and the import keeps it; what is in the way of one is not.
            Err(CallFailure::Refused(error)) if !self.is_binary(&key.path()) => return Err(error.into()),
            Ok((_, Some(_))) | Err(CallFailure::Refused(_)) => {}
            Err(broken) => return Err(broken),
        }
        self.check_file(&key.path(), 0, false)?;
        self.change_file(FileChange { path: key.path(), content: Content::Deleted, sha256: None }, None);
        Ok(true)
    }

    async fn list_files(&mut self, folder: Option<&str>) -> Result<Listing, CallFailure> {
        let own = format!("agents/{}/", self.due.agent);
        let mut listing = Listing::default();
        for (prefix, folder) in listing::areas(&self.due.agent, folder).map_err(ToolError)? {
            let area = match self.listed.get(&prefix.path()) {
                Some(area) => area.clone(),
                None => {
                    let listed = listing::list(self.run, &prefix).await;
                    let area = listed.map_err(|error| failed(&prefix.path(), error))?;
                    self.listed.insert(prefix.path(), area.clone());
                    area
                }
            };
            let (mut files, doubtful) = listing::files(self.run, &area, &folder, &self.seen);
            for (i, path) in doubtful.into_iter().enumerate() {
                if i >= listing::LOOKED_AT {
                    files.insert(path);
                    continue;
                }
                match self.look(&shown(&path, &own).unwrap_or_default()).await {
                    Ok((_, None)) => {}
                    Ok((_, Some(_))) | Err(CallFailure::Refused(_)) => drop(files.insert(path)),
                    Err(broken) => return Err(broken),
                }
            }
            listing.paths.extend(files.iter().filter_map(|path| shown(path, &own)));
            listing.unusable += area.unusable;
            listing.cut |= area.cut;
        }
        listing.paths.sort_unstable();
        Ok(listing)
    }

    fn resume(&self) -> &Resume {
        self.resume
    }

    async fn resume_of(&mut self, name: &AgentName) -> Result<Option<Value>, CallFailure> {
        create::template(self.run, self.resume, name, &mut self.template).await
    }

    fn purse(&self) -> Credits {
        create::purse(self.run, self.due, self.asked_for.iter().chain(&self.since.creates))
    }

    async fn create_agent(&mut self, resume: Resume, credits: Credits) -> Result<(), CallFailure> {
        let asked_for: Vec<&NewAgent> = self.asked_for.iter().chain(&self.since.creates).collect();
        create::check(self.run, self.due, self.resume, &asked_for, &resume, credits)?;
        self.since.creates.push(NewAgent { resume, credits });
        Ok(())
    }

    async fn recorded(&mut self) -> Result<Option<RecordedCall>, CallFailure> {
        let Some(Then { ok, result, files }) = self.then.take() else { return Ok(None) };
        let own = format!("agents/{}/", self.due.agent);
        let mut changes = BTreeMap::new();
        for change in &files {
            let bytes = recorded::content(&self.run.ctx.store, &change.content).await;
            let bytes = bytes.map_err(|error| CallFailure::Broken(Box::new(error)))?;
            let text = bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
            changes.extend(shown(&change.path, &own).map(|path| (path, text)));
        }
        Ok(Some(RecordedCall { ok, result, files: changes }))
    }

    fn call_id(&self) -> Uuid {
        self.call_id
    }

    fn settings(&self) -> &ToolSettings {
        &self.run.settings.org.value.tools
    }
}

/// A path as tools name it.
fn shown(path: &str, own: &str) -> Option<String> {
    let path = path.strip_prefix(own).unwrap_or(path);
    (path.starts_with("workspace/") || path.starts_with("shared/")).then(|| path.to_owned())
}

/// Who may be addressed, for the contract parser.
pub(super) struct AddressBook<'a> {
    pub(super) run: &'a Run,
    pub(super) resume: &'a Resume,
    /// Agents that this turn asks to create: their cursors begin before its messages.
    pub(super) asked_for: Vec<AgentName>,
}

impl crate::domain::contract::Addresses for AddressBook<'_> {
    fn knows(&self, name: &AgentName) -> bool {
        name.is_human() || self.run.knows(name) || self.asked_for.contains(name)
    }

    fn may_address(&self, name: &AgentName) -> bool {
        name.is_human() || self.resume.permissions.send_outboxes.as_ref().is_none_or(|send| send.allows(name))
    }

    fn restricted(&self) -> Option<Vec<AgentName>> {
        let send = self.resume.permissions.send_outboxes.as_ref().filter(|send| !send.is_everybody())?;
        Some(send.names().to_vec())
    }
}
