//! Views: the readable files that follow from the records. Written after what they show is
//! committed, and never trusted by a runner.

use bytes::Bytes;

use crate::domain::archive::{ArchiveFile, Archived};
use crate::domain::ids::Sha;
use crate::domain::memory::MemoryFile;
use crate::domain::name::AgentName;
use crate::domain::outbox::OutboxEntry;
use crate::domain::resume::Resume;
use crate::record::encode;
use crate::record::plan::Plan;
use crate::record::turn::{MemoryChange, TurnRecord};
use crate::store::Key;

/// The files of a committed turn that are written once and never again: its entries in the outbox, and what left its
/// memory for the archive.
#[must_use]
pub fn kept_views(plan: &Plan, turn: &TurnRecord) -> Vec<(Key, Bytes)> {
    if !turn.status.is_good() || turn.erased.is_some() {
        return Vec::new();
    }
    let said = turn.effects.outbox.iter();
    let said = said.map(|entry| (Key::Outbox(turn.agent.clone(), turn.tick, entry.id), outbox(entry)));
    let archived = (0..).zip(&turn.effects.archive).map(|(part, left)| archive(plan, &turn.agent, part, left));
    said.chain(archived).collect()
}

/// The files that show what a plan's commands archived, each with whose memory it left and what left it.
#[must_use]
pub fn commanded_views(plan: &Plan) -> Vec<(&AgentName, &Archived, Key)> {
    let mut views = Vec::new();
    for (agent, archived) in &plan.archive {
        views.extend((0..).zip(archived).map(|(part, left)| (agent, left, archive(plan, agent, part, left).0)));
    }
    views
}

/// The file of one memory key after a change; `None`: there is none.
pub(super) fn memory(plan: &Plan, agent: &AgentName, change: &MemoryChange) -> Option<Bytes> {
    let value = change.value.clone()?;
    let file = MemoryFile {
        key: change.key.clone(),
        value,
        timestamp_utc: plan.time,
        agent: agent.clone(),
        operation: change.operation,
        tick: plan.tick,
        stamp: String::new(),
    };
    Some(encode(&file.stamped()).into())
}

/// The file of what left a memory, and where it lies: its name follows from its content.
pub(super) fn archive(plan: &Plan, agent: &AgentName, part: u32, archived: &Archived) -> (Key, Bytes) {
    let file = ArchiveFile {
        key: archived.key.clone(),
        value: archived.value.clone(),
        because: archived.because,
        timestamp_utc: plan.time,
        agent: agent.clone(),
        tick: plan.tick,
        part,
    };
    let bytes = Bytes::from(encode(&file));
    (Key::archived(agent, &archived.key, plan.tick, &Sha::of(&bytes)), bytes)
}

/// The file of one outbox entry.
pub(super) fn outbox(entry: &OutboxEntry) -> Bytes {
    encode(entry).into()
}

/// The file of a created agent's resume.
pub(super) fn resume(resume: &Resume) -> Bytes {
    encode(resume).into()
}
