//! Proof: what a tick's records say follows from what they name. All is worked out once more and compared byte for
//! byte: the state before, the plan, the prompts and turns, the fold. Calls no model, writes nothing.
//!
//! A changed byte in any record that a tick was made from is found, since each is named by its hash in another: closed
//! records name plan, chains, turns and the closed record before; turns name their journal; the names of inputs and blobs
//! are their hashes; a checkpoint must follow from the one before it.

mod finding;
mod plan;
mod records;
mod state;
mod tick;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

pub use self::finding::{Code, Finding};
pub use self::records::named_contents;
pub use self::tick::{ProvenTick, Prover};
use super::EngineError;
use super::memo::lock;
use super::replay::{Past, Replayed, Replaying};
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::record::closed::{Closed, TurnFold};
use crate::record::plan::Plan;
use crate::record::state::State;
use crate::record::turn::TurnRecord;
use crate::record::{Record, decode};
use crate::store::{Key, Store};

/// A past tick that was made again.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// The tick.
    pub tick: Tick,
    /// The hash of its closed record; absent: it is open, and what there is of it was looked at.
    pub closed: Option<Sha>,
    /// Its turns, run again.
    pub turns: Vec<Replayed>,
    /// All that is wrong with it, and with the records that it was made from.
    pub findings: Vec<Finding>,
}

impl Proof {
    /// Says whether everything came out as it is recorded.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        !self.findings.iter().any(|finding| finding.code.is_error()) && self.turns.iter().all(Replayed::is_equal)
    }

    /// Says whether something of it was given up, so that not all could be made again.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.findings.iter().any(|finding| finding.code == Code::Erased)
    }
}

/// Makes a past tick again, and compares it with its records; of the turns one agent's alone, if one is named. `None`
/// where the tick was not planned.
///
/// # Errors
/// The store failed. Records that are missing, that cannot be read or that contradict each other are findings.
pub async fn prove(with: &Replaying, tick: Tick, agent: Option<&AgentName>) -> Result<Option<Proof>, EngineError> {
    let seen: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let noted = Arc::clone(&seen);
    let inputs = with.store.over(move |path| {
        lock(&noted).insert(path.to_owned());
        true
    });
    let prover = Prover::new(&with.store).reading(inputs.clone());
    if with.store.get(&Key::Plan(tick)).await?.is_none() && with.store.get(&Key::Closed(tick)).await?.is_none() {
        return Ok(None);
    }
    let (before, mut findings) = prover.state(tick.previous()).await?;
    let mut named = BTreeSet::new();
    let mut proof = Proof { tick, closed: None, turns: Vec::new(), findings: Vec::new() };
    if let Some(before) = before
        && let Some(proven) = prover.tick(&before).await?
    {
        findings.extend(proven.findings);
        proof.closed = proven.closed;
        if let Some(found) = proven.found {
            named = found.contents();
            let with = Replaying { store: inputs, ..with.clone() };
            let closed = found.closed.as_ref().map(|closed| &closed.value);
            proof.turns = turns(&with, &found, closed, Arc::new(before), agent, &mut findings).await?;
        }
    }
    if let Some(sha) = &proof.closed {
        next(&with.store, tick, sha, &mut findings).await?;
    }
    let mut seen = std::mem::take(&mut *lock(&seen));
    seen.extend(named.iter().map(Key::path));
    vouch(&with.store, tick, &seen, &named, &mut findings).await?;
    proof.findings = findings;
    Ok(Some(proof))
}

async fn turns(
    with: &Replaying,
    found: &records::Found,
    closed: Option<&Closed>,
    before: Arc<State>,
    agent: Option<&AgentName>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Replayed>, EngineError> {
    let past = Past::new(with, found.plan.clone(), before, found.turns.clone());
    let mut turns = Vec::new();
    for due in found.plan.value.due.iter().filter(|due| agent.is_none_or(|agent| *agent == due.agent)) {
        match past.again(due, closed).await {
            Ok(Some(replayed)) => {
                findings.extend(wrong_turn(found.plan.value.tick, &replayed));
                turns.push(replayed);
            }
            Ok(None) => {}
            Err(error) => findings.push(Finding::of(error, &Key::Turn(found.plan.value.tick, due.agent.clone()))?),
        }
    }
    Ok(turns)
}

fn wrong_turn(tick: Tick, replayed: &Replayed) -> Option<Finding> {
    let key = Key::Turn(tick, replayed.agent.clone());
    if let Some(version) = replayed.other_prompt_version {
        let message = format!("version {version} of the prompt builder made it, and this program has another");
        return Some(Finding::at(Code::OtherVersion, &key, message));
    }
    if replayed.is_erased {
        let message = "it, or what it was made from, was given up: it was not run again";
        return Some(Finding::at(Code::Erased, &key, message));
    }
    let difference = replayed.difference.clone()?;
    Some(Finding::at(Code::WrongTurn, &key, "run again, the turn comes out differently").with(Some(difference)))
}

/// The tick after names the hash of this one's closed record, if there is one.
async fn next(store: &Store, tick: Tick, sha: &Sha, findings: &mut Vec<Finding>) -> Result<(), EngineError> {
    let plan = readable::<Plan>(store, &Key::Plan(tick.next())).await?.map(|(plan, _)| plan.previous);
    let closed = readable::<Closed>(store, &Key::Closed(tick.next())).await?.map(|(closed, _)| closed.previous);
    if let Some(named) = plan.into_iter().chain(closed).find(|named| named.as_ref() != Some(sha)) {
        let named = named.map_or_else(|| "none".to_owned(), String::from);
        let message = format!("its hash is {sha}, and tick {} was made on {named}", tick.next());
        findings.push(Finding::at(Code::WrongHash, &Key::Closed(tick), message));
    }
    Ok(())
}

async fn readable<R: Record>(store: &Store, key: &Key) -> Result<Option<(R, Sha)>, EngineError> {
    let Some(bytes) = store.get(key).await? else { return Ok(None) };
    Ok(decode(&bytes).ok().map(|record| (record, Sha::of(&bytes))))
}

/// Says whether some bytes are a stub of the turn that a closed record names.
fn is_stub_of(bytes: &[u8], named: Option<&TurnFold>) -> bool {
    let stub = decode::<TurnRecord>(bytes).ok().and_then(|turn| turn.erased);
    stub.is_some_and(|erased| named.is_none_or(|fold| fold.sha256 == erased.sha256))
}

/// Says whether some bytes are a stub of the plan that a closed record names.
fn is_stub_of_plan(bytes: &[u8], named: Option<&Closed>) -> bool {
    let stub = decode::<Plan>(bytes).ok().and_then(|plan| plan.erased);
    stub.is_some_and(|erased| named.is_none_or(|closed| closed.plan == erased.sha256))
}

/// Compares the hash of everything that was read with the one that vouches for it.
async fn vouch(
    store: &Store,
    tick: Tick,
    seen: &BTreeSet<String>,
    named: &BTreeSet<Key>,
    findings: &mut Vec<Finding>,
) -> Result<(), EngineError> {
    let mut closed: BTreeMap<Tick, Option<Closed>> = BTreeMap::new();
    for path in seen {
        let Some(key) = Key::parse(path) else { continue };
        let of = match &key {
            Key::Plan(at) | Key::Turn(at, _) | Key::Step(at, ..) if *at < tick => Some(*at),
            Key::Input(_) | Key::Blob(_) | Key::Archive(..) => None,
            _ => continue,
        };
        let Some(bytes) = store.get(&key).await? else {
            // What was given up was looked for in a blob.
            let is_erased = !named.contains(&key) && findings.iter().any(|finding| finding.code == Code::Erased);
            if of.is_none() && !is_erased && !findings.iter().any(|finding| finding.path == *path) {
                findings.push(Finding::at(Code::Missing, &key, "this tick was made from it, and it is missing"));
            }
            continue;
        };
        if let Some(at) = of
            && !closed.contains_key(&at)
        {
            closed.insert(at, readable::<Closed>(store, &Key::Closed(at)).await?.map(|(closed, _)| closed));
        }
        let by = of.and_then(|at| closed.get(&at)?.as_ref());
        let sha = Sha::of(&bytes);
        let vouched = match &key {
            Key::Input(named) | Key::Blob(named) => *named == sha,
            Key::Archive(..) => key.archived_from().is_none() || path.ends_with(&format!("_{}.json", sha.short())),
            Key::Plan(_) if is_stub_of_plan(&bytes, by) => true,
            Key::Plan(_) => by.is_none_or(|closed| closed.plan == sha),
            Key::Turn(_, agent) if is_stub_of(&bytes, by.and_then(|closed| closed.turns.get(agent))) => true,
            Key::Turn(_, agent) => by.and_then(|closed| closed.turns.get(agent)).is_none_or(|turn| turn.sha256 == sha),
            Key::Step(at, agent, step) => {
                let turn = readable::<TurnRecord>(store, &Key::Turn(*at, agent.clone())).await?;
                let place = usize::try_from(*step).unwrap_or(usize::MAX);
                turn.and_then(|(turn, _)| turn.journal.get(place).cloned()).is_none_or(|named| named == sha)
            }
            _ => true,
        };
        if !vouched {
            let message = format!("its hash is {sha}, which is not the one that vouches for it");
            findings.push(Finding::at(Code::WrongHash, &key, message));
        }
    }
    Ok(())
}
