//! The records of one tick as they lie there, whatever is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};

use super::super::EngineError;
use super::super::fold::Hashed;
use super::finding::{Code, Finding};
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::record::chain::{Extension, Link};
use crate::record::closed::Closed;
use crate::record::erased::Collected;
use crate::record::plan::{self, Plan};
use crate::record::step::StepRecord;
use crate::record::turn::{Content, TurnRecord};
use crate::record::{Record, decode, encode};
use crate::store::{Key, Store};

/// How many records are read at once.
pub(super) const AT_ONCE: usize = 32;

/// All records of a tick that can be read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) plan: Hashed<Plan>,
    pub(super) chains: Vec<Vec<Hashed<Link>>>,
    pub(super) turns: BTreeMap<AgentName, Hashed<Arc<TurnRecord>>>,
    pub(super) closed: Option<Hashed<Closed>>,
    /// Whether every record is there and can be read.
    pub(super) is_whole: bool,
}

impl Found {
    /// The inputs and blobs that the tick's records name.
    pub(super) fn contents(&self) -> BTreeSet<Key> {
        let closed = self.closed.as_ref().map(|closed| &closed.value);
        named_contents(&self.plan.value, self.turns.values().map(|turn| &*turn.value), closed)
    }
}

/// The inputs and blobs that the records of a tick name.
pub fn named_contents<'a>(
    plan: &Plan,
    turns: impl Iterator<Item = &'a TurnRecord>,
    closed: Option<&Closed>,
) -> BTreeSet<Key> {
    let settings = [&plan.org, &plan.models].into_iter().chain(&plan.tools).chain(&plan.tools_lock);
    let mut named: BTreeSet<Key> = settings.map(|sha| Key::Input(sha.clone())).collect();
    named.extend(plan.due.iter().map(|due| Key::Input(due.resume.clone())));
    named.extend(plan.found.values().filter_map(|found| match found {
        plan::Found::Resume { resume, .. } => Some(Key::Input(resume.clone())),
        plan::Found::Gone | plan::Found::Broken => None,
    }));
    let born = closed.into_iter().flat_map(|closed| closed.born.values());
    named.extend(born.map(|born| Key::Input(born.resume.clone())));
    // Of one that was given up, only what is live still has its contents.
    for record in turns.filter(|record| record.erased.is_none()) {
        named.extend(record.template.iter().map(|sha| Key::Input(sha.clone())));
        let changes = record.effects.files.iter().chain(&record.imports).chain(&record.unimported);
        named.extend(changes.filter_map(|change| match &change.content {
            Content::Blob(sha) => Some(Key::Blob(sha.clone())),
            Content::Text(_) | Content::Deleted => None,
        }));
    }
    named
}

/// What lies at the key of a record.
pub(super) enum Lies<R> {
    Record(Hashed<R>),
    Nothing,
    /// It cannot be read, which is said among the findings.
    Rubbish(Sha),
}

/// Reads a record; says among the findings what is wrong with its bytes.
pub(super) async fn read<R: Record>(
    store: &Store,
    key: &Key,
    findings: &mut Vec<Finding>,
) -> Result<Lies<R>, EngineError> {
    Ok(take(key, store.get(key).await?, findings))
}

/// The same with the bytes at hand.
pub(super) fn take<R: Record>(key: &Key, bytes: Option<Bytes>, findings: &mut Vec<Finding>) -> Lies<R> {
    let Some(bytes) = bytes else { return Lies::Nothing };
    let sha = Sha::of(&bytes);
    match decode::<R>(&bytes) {
        Ok(value) => {
            if encode(&value) != bytes {
                let message = "the bytes are not those that this record is written with";
                findings.push(Finding::at(Code::NotCanonical, key, message));
            }
            Lies::Record(Hashed { value, sha })
        }
        Err(error) => {
            findings.push(Finding::unreadable(key, &error));
            Lies::Rubbish(sha)
        }
    }
}

/// Reads all records of a tick, and compares their hashes with those that the closed record names. `None` where there
/// is no plan that can be read.
pub(super) async fn of_tick(
    store: &Store,
    tick: Tick,
    findings: &mut Vec<Finding>,
) -> Result<Option<Found>, EngineError> {
    let (plan_key, closed_key) = (Key::Plan(tick), Key::Closed(tick));
    let closed = match read::<Closed>(store, &closed_key, findings).await? {
        Lies::Record(closed) => Some(closed),
        Lies::Nothing | Lies::Rubbish(_) => None,
    };
    let plan = match read::<Plan>(store, &plan_key, findings).await? {
        Lies::Record(plan) => plan,
        Lies::Rubbish(sha) => {
            compare(&plan_key, &sha, closed.as_ref().map(|closed| &closed.value.plan), findings);
            return Ok(None);
        }
        Lies::Nothing => {
            if closed.is_some() {
                findings.push(Finding::at(Code::Missing, &plan_key, "the tick is closed, and its plan is missing"));
            }
            return Ok(None);
        }
    };
    let mut plan = plan;
    if let Some(erased) = &plan.value.erased {
        plan.sha = erased.sha256.clone();
        let message = "something in it was given up: it is not made again, nor the tick folded";
        findings.push(Finding::at(Code::Erased, &plan_key, message));
    }
    let named = closed.as_ref().map(|closed| &closed.value);
    compare(&plan_key, &plan.sha, named.map(|closed| &closed.plan), findings);
    let mut found = Found {
        chains: Vec::new(),
        turns: BTreeMap::new(),
        closed: closed.clone(),
        is_whole: plan.value.erased.is_none(),
        plan,
    };
    chains(store, &mut found, findings).await?;
    turns(store, &mut found, findings).await?;
    Ok(Some(found))
}

fn compare(key: &Key, sha: &Sha, named: Option<&Sha>, findings: &mut Vec<Finding>) {
    if let Some(named) = named.filter(|named| *named != sha) {
        let message = format!("its hash is {sha}, and closed.json names {named}");
        findings.push(Finding::at(Code::WrongHash, key, message));
    }
}

async fn chains(store: &Store, found: &mut Found, findings: &mut Vec<Finding>) -> Result<(), EngineError> {
    let tick = found.plan.value.tick;
    for (shard, agents) in (0..).zip(&found.plan.value.shards) {
        let named = found.closed.as_ref().and_then(|closed| closed.value.chains.get(found.chains.len()));
        let mut chain: Vec<Hashed<Link>> = Vec::new();
        let mut is_sealed = false;
        for seq in 0.. {
            let key = Key::Link(tick, shard, seq);
            let named = named.map(|chain| chain.get(chain_place(seq)));
            match read::<Link>(store, &key, findings).await? {
                Lies::Nothing => {
                    if named.flatten().is_some() {
                        findings.push(Finding::at(Code::Missing, &key, "closed.json names a link that is missing"));
                        found.is_whole = false;
                    }
                    break;
                }
                Lies::Rubbish(sha) => {
                    compare(&key, &sha, named.flatten(), findings);
                    found.is_whole = false;
                }
                Lies::Record(link) => {
                    compare(&key, &link.sha, named.flatten(), findings);
                    if is_sealed || named == Some(None) {
                        findings.push(Finding::at(Code::Stranger, &key, "a link after the seal of its shard"));
                        break;
                    }
                    is_sealed = link.value.what == Extension::Seal;
                    if let Extension::Hold { start } = &link.value.what
                        && let Some(agent) = start.iter().find(|agent| !agents.contains(agent))
                    {
                        let message = format!("it starts the turn of {agent}, who is not in this shard");
                        findings.push(Finding::at(Code::Stranger, &key, message));
                    }
                    chain.push(link);
                }
            }
        }
        if found.closed.is_some() && !is_sealed {
            let key = Key::Link(tick, shard, u32::try_from(chain.len()).unwrap_or(u32::MAX));
            findings.push(Finding::at(Code::Missing, &key, "the tick is closed, and this shard has no seal"));
            found.is_whole = false;
        }
        found.chains.push(chain);
    }
    Ok(())
}

fn chain_place(seq: u32) -> usize {
    usize::try_from(seq).unwrap_or(usize::MAX)
}

async fn turns(store: &Store, found: &mut Found, findings: &mut Vec<Finding>) -> Result<(), EngineError> {
    let plan = &found.plan.value;
    let keys: Vec<Key> = plan.due.iter().map(|due| Key::Turn(plan.tick, due.agent.clone())).collect();
    let get = |key: Key| async move { store.get(&key).await };
    let mut reads = std::pin::pin!(stream::iter(keys).map(get).buffered(AT_ONCE));
    for due in &plan.due {
        let Some(bytes) = reads.next().await else { break };
        let key = Key::Turn(plan.tick, due.agent.clone());
        let named = found.closed.as_ref().map(|closed| closed.value.turns.get(&due.agent));
        match take::<TurnRecord>(&key, bytes?, findings) {
            Lies::Nothing => {
                if named.is_some() {
                    findings.push(Finding::at(Code::Missing, &key, "the tick is closed, and this turn is missing"));
                }
                found.is_whole = false;
            }
            Lies::Rubbish(sha) => {
                compare(&key, &sha, named.flatten().map(|fold| &fold.sha256), findings);
                found.is_whole = false;
            }
            Lies::Record(Hashed { value, sha }) => {
                // A stub names the hash of what it stands in for.
                let sha = value.erased.as_ref().map_or(sha, |erased| erased.sha256.clone());
                if value.erased.is_some() {
                    found.is_whole = false;
                    let message = "its contents were given up: the turn is not run again, nor the tick folded";
                    findings.push(Finding::at(Code::Erased, &key, message));
                    if let Some(fold) = named.flatten()
                        && fold.status != value.status
                    {
                        findings.push(Finding::at(Code::WrongHash, &key, "closed.json names another status"));
                    }
                }
                compare(&key, &sha, named.flatten().map(|fold| &fold.sha256), findings);
                if (value.tick, &value.agent, value.rank, &value.resume)
                    != (plan.tick, &due.agent, due.rank, &due.resume)
                {
                    let message = "the record is of another turn than the plan's: tick, agent, rank or resume differ";
                    findings.push(Finding::at(Code::WrongTurn, &key, message));
                }
                found.turns.insert(due.agent.clone(), Hashed { value: Arc::new(value), sha });
            }
        }
    }
    Ok(())
}

/// Compares the journal of each turn with what its record names.
pub(super) async fn journals(
    store: &Store,
    found: &Found,
    collected: &Collected,
    findings: &mut Vec<Finding>,
) -> Result<(), EngineError> {
    for (agent, turn) in &found.turns {
        let record = &turn.value;
        for (step, named) in (0_u32..).zip(&record.journal) {
            let key = Key::Step(record.tick, agent.clone(), step);
            let sha = match read::<StepRecord>(store, &key, findings).await? {
                Lies::Record(step) => step.sha,
                Lies::Rubbish(sha) => sha,
                Lies::Nothing if record.erased.is_some() => continue,
                Lies::Nothing if record.tick <= collected.steps => {
                    findings.push(Finding::at(Code::Erased, &key, "the turn rests on this step, which was given up"));
                    continue;
                }
                Lies::Nothing => {
                    findings.push(Finding::at(Code::Missing, &key, "the turn rests on this step, and it is missing"));
                    continue;
                }
            };
            if sha != *named {
                let message = format!("its hash is {sha}, and the turn's record names {named}");
                findings.push(Finding::at(Code::WrongHash, &key, message));
            }
        }
        if record.journal.is_empty() {
            without_hashes(store, record, findings).await?;
        }
    }
    Ok(())
}

/// The journal of a turn of before records named its hashes: what it says must be what the turn says.
async fn without_hashes(store: &Store, record: &TurnRecord, findings: &mut Vec<Finding>) -> Result<(), EngineError> {
    for (step, exchange) in (0_u32..).zip(&record.exchanges) {
        let key = Key::Step(record.tick, record.agent.clone(), step);
        let Lies::Record(found) = read::<StepRecord>(store, &key, findings).await? else { break };
        let is_last = chain_place(step) + 1 == record.exchanges.len();
        // A last answer is no step: a rival's may stand there.
        if is_last || !record.status.is_good() {
            break;
        }
        if found.value.answer != exchange.answer || found.value.receipt != exchange.receipt {
            findings.push(Finding::at(Code::WrongHash, &key, "it is not the answer that the turn's record holds"));
        }
    }
    Ok(())
}
