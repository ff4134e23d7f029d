//! The tree as it is listed: what of it the ticks account for, and what is left.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _};

use super::Report;
use crate::domain::ids::Sha;
use crate::domain::time::Tick;
use crate::engine::{Code, EngineError, Finding, ProvenTick};
use crate::store::{Key, Prefix, Store};

/// How many contents are read at once.
const AT_ONCE: usize = 16;

/// All keys of an organisation, by what becomes of them.
#[derive(Debug, Default)]
pub(super) struct Tree {
    from: Tick,
    /// Turns, steps, links of each tick.
    records: BTreeMap<Tick, Vec<Key>>,
    /// Outbox entries that no turn has accounted for yet.
    kept: BTreeSet<Key>,
    /// Memory, workspace and shared files.
    pub(super) files: BTreeSet<String>,
    /// Checkpoints.
    pub(super) checkpoints: Vec<Tick>,
    /// Inputs and blobs.
    contents: BTreeSet<Key>,
    /// Inputs and blobs that records name.
    named: BTreeSet<Key>,
}

impl Tree {
    /// Lists the organisation, and says what is no key of one.
    pub(super) async fn list(store: &Store, from: Option<Tick>, report: &mut Report) -> Result<Self, EngineError> {
        let mut tree = Self { from: from.unwrap_or(Tick(1)), ..Self::default() };
        let listed = store.list(&Prefix::Everything).await?;
        report.objects = listed.len();
        for path in listed {
            tree.take(path, report);
        }
        Ok(tree)
    }

    fn take(&mut self, path: String, report: &mut Report) {
        let Some(key) = Key::parse(&path) else {
            // Of programs that work on the folder, such as git.
            if path.starts_with('.') || path.contains("/.") {
                return;
            }
            let area = path.split('/').next().unwrap_or_default();
            let only_runners = ["ticks", "inputs", "blobs", "checkpoints", "calls", "deliveries"].contains(&area)
                || (area == "agents" && path.split('/').nth(2) == Some("outbox"));
            let (code, message) = match only_runners {
                true => (Code::ForeignFile, "only runners write here, and none wrote this; it has no effect"),
                false => (Code::UnknownKey, "no file of an organisation has this name; it has no effect"),
            };
            report.add(Finding::new(code, path, message));
            return;
        };
        match &key {
            Key::Plan(at) | Key::Closed(at) | Key::Turn(at, _) | Key::Step(at, ..) | Key::Link(at, ..)
                if *at >= self.from =>
            {
                self.records.entry(*at).or_default().push(key);
            }
            Key::Outbox(_, at, _) if *at >= self.from => drop(self.kept.insert(key)),
            Key::Memory(..) | Key::Workspace(..) | Key::Shared(_) => drop(self.files.insert(path)),
            Key::Checkpoint(at) => self.checkpoints.push(*at),
            Key::Input(_) | Key::Blob(_) => drop(self.contents.insert(key)),
            Key::Probe(..) => report.add(Finding::new(Code::Leftover, path, "a probe left it; it may be deleted")),
            _ => {}
        }
    }

    /// The last tick that has records.
    pub(super) fn last_tick(&self) -> Option<Tick> {
        self.records.keys().next_back().copied()
    }

    /// A view that a turn accounts for.
    pub(super) fn expect_view(&mut self, key: &Key) {
        self.kept.remove(key);
    }

    /// Takes in a tick: its records must be of who was due.
    pub(super) fn tick(&mut self, proven: &ProvenTick, tick: Tick, report: &mut Report) {
        self.named.extend(proven.contents.iter().cloned());
        let listed = self.records.remove(&tick).unwrap_or_default();
        // What a turn said whose record cannot be read, nobody knows.
        self.kept.retain(|key| match key {
            Key::Outbox(agent, at, _) => *at != tick || proven.turns.contains_key(agent) || !proven.is_due(agent),
            _ => true,
        });
        let Some(plan) = &proven.plan else { return };
        for key in listed {
            let is_known = match &key {
                Key::Turn(_, agent) | Key::Step(_, agent, _) => plan.due.iter().any(|due| due.agent == *agent),
                Key::Link(_, shard, _) => usize::try_from(*shard).is_ok_and(|shard| shard < plan.shards.len()),
                _ => true,
            };
            if !is_known {
                report.add(Finding::new(Code::Stranger, key.path(), "the plan knows of no such turn or shard"));
            }
        }
    }

    /// Records of ticks that no chain leads to.
    pub(super) fn beyond(&self, last: Tick, report: &mut Report) {
        for key in self.records.range(last.next()..).flat_map(|(_, keys)| keys) {
            let message = format!("tick {last} is the last that a chain leads to");
            report.add(Finding::new(Code::Stranger, key.path(), message));
        }
    }

    /// Compares contents with the hashes that are their names: of all, or of those alone that the ticks name.
    pub(super) async fn contents(&self, store: &Store, all: bool, report: &mut Report) -> Result<(), EngineError> {
        for key in self.named.difference(&self.contents) {
            // Written since it was listed.
            if store.get(key).await?.is_some() {
                continue;
            }
            report.add(Finding::new(Code::Missing, key.path(), "a record names it, and it is missing"));
        }
        let looked_at = self.contents.iter().filter(|key| all || self.named.contains(*key));
        let read = |key: Key| async move { (store.get(&key).await, key) };
        let looked_at: Vec<Key> = looked_at.cloned().collect();
        let mut reads = std::pin::pin!(stream::iter(looked_at).map(read).buffered(AT_ONCE));
        while let Some((bytes, key)) = reads.next().await {
            let Some(bytes) = bytes? else { continue };
            let sha = Sha::of(&bytes);
            let (Key::Input(named) | Key::Blob(named)) = &key else { continue };
            if *named != sha {
                let message = format!("its hash is {sha}, which is not its name");
                report.add(Finding::new(Code::WrongHash, key.path(), message));
            }
        }
        Ok(())
    }

    /// What no turn has accounted for.
    pub(super) fn rest(&self, report: &mut Report) {
        for key in &self.kept {
            report.add(Finding::new(Code::ForeignFile, key.path(), "no turn said this; it has no effect"));
        }
    }
}
