//! The witness stands beside the bucket, sees every write as it arrives and every call of a model as it is
//! sent, and objects at once to what must never be. The audit comes afterwards, and looks at the whole.
//!
//! It knows the shapes of the records and their keys, and nothing else of the program.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lemming::domain::credits::Credits;
use lemming::domain::ids::Sha;
use lemming::domain::memory::MemoryFile;
use lemming::domain::name::{AgentName, RunnerId};
use lemming::domain::time::Tick;
use lemming::record::approval::{Decision, Verdict};
use lemming::record::chain::{Extension, Link};
use lemming::record::plan::Plan;
use lemming::record::turn::TurnRecord;
use lemming::record::{Record, decode, encode};
use lemming::store::Key;

use serde_json::Value;
use uuid::Uuid;

use crate::audit::Call;
use crate::bucket::{Hand, Object};

type Objects = BTreeMap<String, Object>;

/// What the witness has seen, and what it objects to.
#[derive(Debug, Default)]
pub struct Witness {
    /// Names of ingress that people put there.
    pub sent: BTreeSet<String>,
    /// What people made of files; none: they deleted it.
    pub edits: BTreeMap<String, BTreeSet<Option<Sha>>>,
    /// The provider's own log.
    pub calls: Vec<Call>,
    /// How often the world outside was called, by the id of the call.
    pub reached: BTreeMap<Uuid, u64>,
    /// What committed turns made of files or found there, and in which ticks.
    contents: BTreeMap<String, BTreeMap<Option<Sha>, BTreeSet<Tick>>>,
    /// Files that a committed turn or a command deleted, or found deleted.
    deletions: BTreeSet<String>,
    admitted: BTreeSet<String>,
    objections: Vec<String>,
}

fn read<R: Record>(objects: &Objects, key: &Key) -> Option<R> {
    decode(&objects.get(&key.path())?.bytes).ok()
}

fn there(objects: &Objects, key: &Key) -> bool {
    objects.contains_key(&key.path())
}

/// The chain of a shard.
fn chain(objects: &Objects, tick: Tick, shard: u32) -> Vec<Link> {
    (0..).map_while(|seq| read(objects, &Key::Link(tick, shard, seq))).collect()
}

fn is_sealed(objects: &Objects, tick: Tick, shard: u32) -> bool {
    chain(objects, tick, shard).last().is_some_and(|link| link.what == Extension::Seal)
}

fn is_all_sealed(objects: &Objects, tick: Tick) -> bool {
    read::<Plan>(objects, &Key::Plan(tick))
        .is_some_and(|plan| (0..).zip(&plan.shards).all(|(shard, _)| is_sealed(objects, tick, shard)))
}

/// A record: never changed, never deleted.
fn is_record(key: &Key) -> bool {
    matches!(
        key,
        Key::Plan(_)
            | Key::Link(..)
            | Key::Step(..)
            | Key::Turn(..)
            | Key::Closed(_)
            | Key::Input(_)
            | Key::Blob(_)
            | Key::Checkpoint(_)
            | Key::Archive(..)
            | Key::ApprovedCall(_)
            | Key::CallResult(_)
    )
}

impl Witness {
    /// The first thing that must never be.
    pub fn objection(&self) -> Option<&str> {
        self.objections.first().map(String::as_str)
    }

    /// Says whether the records know a file, there or deleted.
    pub fn is_known(&self, path: &str) -> bool {
        self.contents.contains_key(path)
    }

    /// The files that the records know, there or deleted.
    pub fn known(&self) -> impl Iterator<Item = &String> {
        self.contents.keys()
    }

    pub fn object(&mut self, what: impl Into<String>) {
        self.objections.push(what.into());
    }

    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.object(what());
        }
    }

    /// A write arrives; `objects` are as it finds them.
    pub fn written(&mut self, objects: &Objects, hand: Hand, path: &str, bytes: &Bytes) {
        let Some(key) = Key::parse(path) else {
            self.expect(hand == Hand::Person, || format!("a runner wrote {path}, which is no key"));
            return;
        };
        if hand == Hand::Person {
            match key {
                Key::Mail(name) | Key::Control(name) if serde_json::from_slice::<serde_json::Value>(bytes).is_ok() => {
                    self.sent.insert(name.as_str().to_owned());
                }
                Key::Memory(..) | Key::Workspace(..) | Key::Shared(_) | Key::Resume(_) => {
                    self.edits.entry(path.to_owned()).or_default().insert(Some(Sha::of(bytes)));
                }
                _ => {}
            }
            return;
        }
        if is_record(&key) {
            let same = objects.get(path).is_none_or(|old| old.bytes == *bytes);
            self.expect(same, || format!("{path} was changed: records are not"));
        }
        match key {
            Key::Plan(tick) => self.planned(objects, tick, bytes),
            Key::Link(tick, shard, seq) => self.linked(objects, tick, shard, seq, bytes),
            Key::Turn(tick, agent) => self.committed(objects, tick, &agent, bytes),
            Key::Closed(tick) => {
                self.expect(is_all_sealed(objects, tick), || format!("tick {tick} is closed before all its seals"));
            }
            Key::Outbox(agent, tick, id) => {
                let turn = read::<TurnRecord>(objects, &Key::Turn(tick, agent));
                let said = turn.is_some_and(|turn| {
                    turn.effects.outbox.iter().any(|entry| entry.id == id && encode(entry) == bytes[..])
                });
                self.expect(said, || format!("{path} is written, and no committed turn says so"));
            }
            Key::Memory(..) | Key::Workspace(..) | Key::Shared(_) => self.viewed(objects, &key, path, bytes),
            Key::Org | Key::Models | Key::Config(_) | Key::Mail(_) | Key::Control(_) => {
                self.object(format!("a runner wrote {path}, which is people's"));
            }
            Key::Resume(_) => {
                let new = !objects.contains_key(path);
                self.expect(new, || format!("a runner wrote over {path}"));
            }
            _ => {}
        }
    }

    /// Something is deleted; `objects` are as they were before.
    pub fn deleted(&mut self, objects: &Objects, hand: Hand, path: &str) {
        let key = Key::parse(path);
        if hand == Hand::Person {
            if matches!(key, Some(Key::Memory(..) | Key::Workspace(..) | Key::Shared(_))) {
                self.edits.entry(path.to_owned()).or_default().insert(None);
            }
            return;
        }
        match key {
            Some(key) if is_record(&key) => {
                self.expect(!objects.contains_key(path), || format!("{path} was deleted: records are not"));
            }
            Some(Key::Mail(name) | Key::Control(name)) => {
                let admitted = self.admitted.contains(name.as_str());
                self.expect(admitted, || format!("{path} was deleted before it was admitted"));
            }
            Some(Key::Memory(..) | Key::Workspace(..) | Key::Shared(_)) => {
                let known = self.deletions.contains(path);
                self.expect(known, || format!("a runner deletes {path}, and nothing that is committed says so"));
            }
            Some(Key::Heartbeat(..)) | None => {}
            Some(_) => self.object(format!("a runner deletes {path}")),
        }
    }

    fn planned(&mut self, objects: &Objects, tick: Tick, bytes: &Bytes) {
        let follows = tick == Tick(1) || there(objects, &Key::Closed(tick.previous()));
        self.expect(follows, || format!("tick {tick} is planned before the one before it is closed"));
        match decode::<Plan>(bytes) {
            Ok(plan) => {
                for admitted in &plan.ingress {
                    let first = self.admitted.insert(admitted.name.as_str().to_owned());
                    self.expect(first, || format!("tick {tick} admits {} again", admitted.name));
                }
                // A command is a version of ours from here on.
                for (agent, changes) in &plan.memory {
                    for change in changes {
                        let path = Key::Memory(agent.clone(), change.key.clone()).path();
                        if change.value.is_none() {
                            self.deletions.insert(path.clone());
                        }
                        self.contents.entry(path).or_default();
                    }
                }
                for change in &plan.files {
                    let contents = self.contents.entry(change.path.clone()).or_default();
                    contents.entry(change.sha256.clone()).or_default().insert(tick);
                    if change.sha256.is_none() {
                        self.deletions.insert(change.path.clone());
                    }
                }
            }
            Err(error) => self.object(format!("the plan of tick {tick}: {error}")),
        }
    }

    fn linked(&mut self, objects: &Objects, tick: Tick, shard: u32, seq: u32, bytes: &Bytes) {
        let before = chain(objects, tick, shard);
        let at = format!("link {seq} of shard {shard} in tick {tick}");
        self.expect(before.len() == seq as usize, || format!("{at} leaves a gap"));
        let sealed = before.last().is_some_and(|link| link.what == Extension::Seal);
        self.expect(!sealed, || format!("{at} comes after the seal"));
        let Ok(link) = decode::<Link>(bytes) else { return self.object(format!("{at} is no link")) };
        if link.what != Extension::Seal {
            return;
        }
        let plan = read::<Plan>(objects, &Key::Plan(tick));
        let agents = plan.and_then(|plan| plan.shards.get(shard as usize).cloned()).unwrap_or_default();
        for agent in agents {
            let Some(turn) = read::<TurnRecord>(objects, &Key::Turn(tick, agent.clone())) else {
                self.object(format!("{at} seals, and the turn of {agent} is not committed"));
                continue;
            };
            for entry in &turn.effects.outbox {
                let view = Key::Outbox(agent.clone(), tick, entry.id);
                self.expect(there(objects, &view), || format!("{at} seals, and {view} is not written"));
            }
        }
    }

    fn committed(&mut self, objects: &Objects, tick: Tick, agent: &AgentName, bytes: &Bytes) {
        let at = format!("the turn of {agent} in tick {tick}");
        let plan = read::<Plan>(objects, &Key::Plan(tick));
        let shard = plan.as_ref().and_then(|plan| plan.shards.iter().position(|shard| shard.contains(agent)));
        let Some(shard) = shard else { return self.object(format!("{at} is committed, and it was not due")) };
        let sealed = is_sealed(objects, tick, u32::try_from(shard).unwrap_or_default());
        self.expect(!sealed, || format!("{at} is committed after the seal"));
        let Ok(turn) = decode::<TurnRecord>(bytes) else { return self.object(format!("{at} is no turn record")) };
        for import in &turn.imports {
            let edits = self.edits.get(&import.path);
            let known = edits.is_some_and(|edits| edits.contains(&import.sha256));
            self.expect(known, || format!("{at} takes {} for an edit, and nobody made it", import.path));
        }
        let changes = turn.imports.iter().chain(&turn.effects.files);
        for change in changes {
            let contents = self.contents.entry(change.path.clone()).or_default();
            contents.entry(change.sha256.clone()).or_default().insert(tick);
            if change.sha256.is_none() {
                self.deletions.insert(change.path.clone());
            }
        }
        for change in &turn.effects.memory {
            if change.value.is_none() {
                self.deletions.insert(Key::Memory(agent.clone(), change.key.clone()).path());
            }
            self.contents.entry(Key::Memory(agent.clone(), change.key.clone()).path()).or_default();
        }
    }

    /// A runner writes a view: of something that is committed, and of shared files after all seals.
    fn viewed(&mut self, objects: &Objects, key: &Key, path: &str, bytes: &Bytes) {
        let ticks = self.contents.get(path).and_then(|contents| contents.get(&Some(Sha::of(bytes))));
        let recorded = match (key, ticks) {
            (Key::Shared(_), Some(ticks)) => ticks.iter().any(|tick| is_all_sealed(objects, *tick)),
            (_, Some(_)) => true,
            (Key::Memory(owner, key), None) => {
                let file = serde_json::from_slice::<MemoryFile>(bytes).ok().filter(MemoryFile::is_ours);
                file.is_some_and(|file| {
                    let turn = read::<TurnRecord>(objects, &Key::Turn(file.tick, owner.clone()));
                    let own = turn.is_some_and(|turn| {
                        turn.effects.memory.iter().any(|c| c.key == *key && c.value.as_ref() == Some(&file.value))
                    });
                    let plan = read::<Plan>(objects, &Key::Plan(file.tick));
                    let commanded = plan.and_then(|plan| plan.memory.get(owner).cloned()).unwrap_or_default();
                    own || commanded.iter().any(|c| c.key == *key && c.value.as_ref() == Some(&file.value))
                })
            }
            (_, None) => false,
        };
        self.expect(recorded, || format!("{path} is written, and nothing that is committed says so"));
    }

    /// The world outside is called.
    pub fn reached(&mut self, objects: &Objects, id: Uuid, needs_approval: bool, arguments: &Value) {
        let times = self.reached.entry(id).or_default();
        *times += 1;
        let is_first = *times == 1;
        self.expect(is_first, || format!("the call {id} is made again"));
        if !needs_approval {
            return;
        }
        let plans = objects.iter().filter(|(path, _)| path.ends_with("/plan.json"));
        let decisions =
            plans.filter_map(|(_, object)| decode::<Plan>(&object.bytes).ok()).flat_map(|plan| plan.decisions);
        let approved = |decision: &Decision| decision.approval == id && decision.verdict == Verdict::Approved;
        let Some(decision) = decisions.into_iter().find(approved) else {
            return self.object(format!("the call {id} is made, and nobody said yes"));
        };
        let turns = objects.iter().filter(|(path, _)| path.contains("/turns/"));
        let mut questions =
            turns.filter_map(|(_, object)| decode::<TurnRecord>(&object.bytes).ok()).flat_map(|turn| turn.waiting);
        let asked = questions.find(|question| question.id == id).map(|question| question.arguments);
        let of = decision.arguments.or(asked);
        self.expect(of.as_ref() == Some(arguments), || {
            format!("the call {id} is made with other arguments than shown")
        });
    }

    /// A model is called. Its provider will have been paid that much, whoever hears the answer.
    pub fn called(&mut self, objects: &Objects, by: Option<&RunnerId>, call: Call) {
        let at = format!("a call for {} in tick {}", call.agent, call.tick);
        let Some(plan) = read::<Plan>(objects, &Key::Plan(call.tick)) else {
            return self.object(format!("{at}, which is not planned"));
        };
        let Some(due) = plan.due.iter().find(|due| due.agent == call.agent) else {
            return self.object(format!("{at}, and it is not due"));
        };
        let shard = plan.shards.iter().position(|shard| shard.contains(&call.agent)).unwrap_or_default();
        let chain = chain(objects, call.tick, u32::try_from(shard).unwrap_or_default());
        let hold = chain.iter().rposition(|link| {
            Some(&link.by) == by && matches!(&link.what, Extension::Hold { start } if start.contains(&call.agent))
        });
        match hold {
            None => self.object(format!("{at} without a licence")),
            Some(hold) => {
                let released = |link: &Link| Some(&link.by) == by && matches!(link.what, Extension::Release { .. });
                let after = chain[hold..].iter().any(released);
                self.expect(!after, || format!("{at} after its licence was released"));
            }
        }
        let turn = read::<TurnRecord>(objects, &Key::Turn(call.tick, call.agent.clone()));
        let own = turn.is_some_and(|turn| Some(&turn.by) == by);
        self.expect(!own, || format!("{at} by who has committed that turn"));
        let of_turn = |other: &&Call| (other.tick, &other.agent) == (call.tick, &call.agent);
        let before: Credits = self.calls.iter().filter(of_turn).map(|other| other.paid).sum();
        let paid = before + call.paid;
        self.expect(paid <= due.grant_credits, || format!("{at} takes it to {paid}, of {}", due.grant_credits));
        self.calls.push(call);
    }
}
