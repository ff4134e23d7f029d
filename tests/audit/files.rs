//! Files: the index against the records, the views against both, the archive.

use std::collections::BTreeMap;

use lemming::domain::archive::ArchiveFile;
use lemming::domain::ids::Sha;
use lemming::domain::memory::MemoryFile;
use lemming::domain::name::AgentName;
use lemming::domain::time::Tick;
use lemming::record::closed::Closed;
use lemming::record::plan::Plan;
use lemming::record::turn::{Content, TurnRecord};

use super::book::Book;
use super::{Expect, Objects};

impl Book {
    pub(super) fn file(&mut self, plan: &Plan, closed: &Closed, turns: &BTreeMap<AgentName, TurnRecord>) {
        for change in &closed.files {
            self.memories.remove(&change.path);
            self.files.insert(change.path.clone(), change.sha256.clone());
        }
        let mut note = |agent: &AgentName, changes: &[lemming::record::turn::MemoryChange]| {
            for change in changes {
                let path = format!("agents/{agent}/memory/{}.json", change.key);
                match &change.value {
                    Some(value) => self.memories.insert(path, (agent.clone(), plan.tick, value.clone())),
                    None => self.memories.remove(&path),
                };
            }
        };
        for (agent, changes) in &plan.memory {
            note(agent, changes);
        }
        for due in &plan.due {
            note(&due.agent, &turns[&due.agent].effects.memory);
        }
        let commanded = plan.archive.iter().map(|(agent, archived)| (agent, 0, archived));
        let own = turns.values().map(|turn| {
            let before = plan.archive.get(&turn.agent).map_or(0, Vec::len);
            (&turn.agent, u32::try_from(before).unwrap(), &turn.effects.archive)
        });
        for (agent, first, archived) in commanded.chain(own) {
            for (part, archived) in (first..).zip(archived) {
                let folder = format!("agents/{agent}/archive/{}", archived.key);
                self.archived.entry(folder).or_default().insert((plan.tick, part), archived.value.clone());
            }
        }
        // The index holds what the last record of a path says, imports before writes.
        let mut last: BTreeMap<&str, Option<Sha>> = BTreeMap::new();
        let in_order = || plan.due.iter().map(|due| &turns[&due.agent]);
        for change in &plan.files {
            last.insert(&change.path, change.sha256.clone());
        }
        for change in in_order().flat_map(|turn| &turn.imports) {
            last.insert(&change.path, change.sha256.clone());
        }
        for change in in_order().flat_map(|turn| &turn.effects.files) {
            last.insert(&change.path, change.sha256.clone());
        }
        for (path, sha) in last {
            let written = in_order().any(|turn| {
                turn.effects.memory.iter().any(|c| format!("agents/{}/memory/{}.json", turn.agent, c.key) == path)
            });
            if !written {
                self.memories.remove(path);
                assert_eq!(self.files[path], sha, "{path} after tick {}", plan.tick);
            }
        }
        for change in turns.values().flat_map(|turn| turn.effects.files.iter().chain(&turn.imports)) {
            if let Content::Text(text) = &change.content {
                assert_eq!(Some(Sha::of(text.as_bytes())), change.sha256, "{}", change.path);
            }
        }
    }

    pub(super) fn views(&self, objects: &Objects, last: u64, expect: &Expect) {
        for (path, bytes) in &self.outbox {
            assert_eq!(objects.get(path).map(|b| &b[..]), Some(&bytes[..]), "the view {path}");
        }
        for path in objects.keys().filter(|path| path.contains("/outbox/")) {
            let tick = path.split("/outbox/").nth(1).and_then(|name| name[..8].parse::<u64>().ok()).unwrap();
            assert!(self.outbox.contains_key(path) || tick > last, "{path} is of no committed turn");
        }
        self.archive(objects, last);
        // What an open tick has committed may be ahead of the closed ones.
        let open = format!("ticks/{:012}/", last + 1);
        let is_open = objects.keys().any(|path| path.starts_with(&open));
        if expect.stale_views || is_open {
            return;
        }
        for (path, sha) in self.files.iter().filter(|(path, _)| !expect.touched.contains(*path)) {
            assert_eq!(objects.get(path).map(|bytes| Sha::of(bytes)), *sha, "the view {path}");
        }
        for (path, (agent, tick, value)) in self.memories.iter().filter(|(path, _)| !expect.touched.contains(*path)) {
            let file: MemoryFile = serde_json::from_slice(&objects[path]).expect("a memory file");
            assert!(file.is_ours());
            assert_eq!((&file.agent, file.tick, &file.value), (agent, *tick, value), "the view {path}");
        }
    }

    /// What left memories lies in the archive, each once, and nothing else does.
    fn archive(&self, objects: &Objects, last: u64) {
        let mut found: BTreeMap<String, BTreeMap<(Tick, u32), serde_json::Value>> = BTreeMap::new();
        for (path, bytes) in objects.iter().filter(|(path, _)| path.contains("/archive/")) {
            let file: ArchiveFile = serde_json::from_slice(bytes).expect("an archive file");
            let (folder, name) = path.rsplit_once('/').expect("a folder");
            assert_eq!(name, format!("{:08}_{}.json", file.tick.0, Sha::of(bytes).short()), "{path}");
            assert_eq!(folder, format!("agents/{}/archive/{}", file.agent, file.key), "{path}");
            if file.tick.0 <= last {
                let old = found.entry(folder.to_owned()).or_default().insert((file.tick, file.part), file.value);
                assert_eq!(old, None, "{path} is there twice");
            }
        }
        assert_eq!(found, self.archived);
    }
}
