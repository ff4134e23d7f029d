//! What of a closed tick a rule sends: entries of good turns and problems, read from the records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::pass::Occasion;
use crate::domain::delivery::Rule;
use crate::domain::ids::Sha;
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::org::OrgConfig;
use crate::domain::outbox::OutboxEntry;
use crate::domain::time::{Tick, Timestamp};
use crate::record::closed::Closed;
use crate::record::state::Problem;
use crate::record::turn::TurnRecord;
use crate::store::{Key, Store, StoreError};

/// So many records of each kind are kept over a pass.
const KEPT: usize = 64;

/// One thing that is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Parcel {
    /// The entry's id, or the one that the problem has by its place. The same however often it is sent.
    pub id: Uuid,
    /// The tick that it is of.
    pub tick: Tick,
    /// The time of that tick.
    pub at: Timestamp,
    /// What it is.
    pub what: What,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Something that an agent said.
    Entry(OutboxEntry),
    /// Something that a person should know.
    Problem(Problem),
}

impl Parcel {
    /// The document that is sent, in the shape that Standard Webhooks asks for. The same bytes however often it is sent, as
    /// long as the rule and the organisation have their names.
    #[must_use]
    pub fn document(&self, org: &OrgConfig, rule: &Rule) -> Value {
        let (kind, data) = match &self.what {
            What::Entry(entry) => ("entry", json!(entry)),
            What::Problem(problem) => {
                let mut data = json!(problem);
                data["id"] = json!(self.id);
                data["tick"] = json!(self.tick);
                ("problem", data)
            }
        };
        json!({ "type": kind, "timestamp": self.at, "organisation": org.name, "rule": rule.name, "data": data })
    }

    /// What it says, for people.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.what {
            What::Entry(entry) => entry.text(),
            What::Problem(problem) => problem.message.clone(),
        }
    }
}

/// The id of a problem: of the closed record with this hash, the one at this place.
#[must_use]
pub fn problem_id(closed: &Sha, place: usize) -> Uuid {
    let place = u64::try_from(place).unwrap_or(u64::MAX);
    let digest = Sha256::new()
        .chain_update("problem")
        .chain_update([0])
        .chain_update(closed.as_str())
        .chain_update(place.to_be_bytes())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// What matches in a tick.
#[derive(Debug, Clone, Default)]
pub(super) struct Lot {
    /// What is to be sent, in the order of the tick.
    pub(super) parcels: Vec<Parcel>,
    /// Entries whose contents were erased before: what their kind and labels were, nobody knows any more.
    pub(super) erased: Vec<Uuid>,
}

impl Lot {
    pub(super) fn is_empty(&self) -> bool {
        self.parcels.is_empty() && self.erased.is_empty()
    }
}

/// A closed record and its hash.
pub(super) type Hashed = Arc<(Closed, Sha)>;

/// A committed turn; none where it is missing, or its contents were erased.
type Turn = Option<Arc<TurnRecord>>;

/// The records that a pass has read, for all its rules.
#[derive(Debug)]
pub(super) struct Records<'a> {
    store: &'a Store,
    closed: Mutex<BTreeMap<Tick, Hashed>>,
    turns: Mutex<BTreeMap<(Tick, AgentName), Turn>>,
    rules: Mutex<BTreeMap<Sha, Option<BTreeSet<MemoryKey>>>>,
}

impl<'a> Records<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self { store, closed: Mutex::default(), turns: Mutex::default(), rules: Mutex::default() }
    }

    /// The closed record of a tick; none where it is missing.
    pub(super) async fn closed(&self, tick: Tick) -> Result<Option<Hashed>, StoreError> {
        if let Some(known) = known(&self.closed, &tick) {
            return Ok(Some(known));
        }
        let Some((closed, bytes)) = self.store.read_with_bytes::<Closed>(&Key::Closed(tick)).await? else {
            return Ok(None);
        };
        let found = Arc::new((closed, Sha::of(&bytes)));
        keep(&self.closed, tick, Arc::clone(&found));
        Ok(Some(found))
    }

    async fn turn(&self, tick: Tick, agent: &AgentName) -> Result<Turn, StoreError> {
        let key = (tick, agent.clone());
        if let Some(known) = known(&self.turns, &key) {
            return Ok(known);
        }
        let found: Option<TurnRecord> = self.store.read(&Key::Turn(tick, agent.clone())).await?;
        let found = found.filter(|turn| turn.erased.is_none()).map(Arc::new);
        keep(&self.turns, key, found.clone());
        Ok(found)
    }

    /// Says whether the `org.json` that a tick used had a rule of this name: a rule is about ticks that were made under it.
    pub(super) async fn knew(&self, closed: &Closed, rule: &Rule, occasion: &Occasion) -> Result<bool, StoreError> {
        if closed.org == occasion.org_sha {
            return Ok(true);
        }
        let names = match known(&self.rules, &closed.org) {
            Some(names) => names,
            None => {
                let bytes = self.store.get(&Key::Input(closed.org.clone())).await?;
                let org = bytes.and_then(|bytes| serde_json::from_slice::<OrgConfig>(&bytes).ok());
                let names = org.map(|org| org.deliver.into_iter().map(|rule| rule.name).collect());
                keep(&self.rules, closed.org.clone(), Clone::clone(&names));
                names
            }
        };
        // Where it cannot be told any more, it is better to send than to lose.
        Ok(names.is_none_or(|names: BTreeSet<MemoryKey>| names.contains(&rule.name)))
    }

    /// What of a tick a rule sends.
    pub(super) async fn lot(&self, rule: &Rule, closed: &(Closed, Sha)) -> Result<Lot, StoreError> {
        match rule.matches.problems() {
            Some(_) => self.problems(rule, closed).await,
            None => self.entries(rule, &closed.0).await,
        }
    }

    async fn entries(&self, rule: &Rule, closed: &Closed) -> Result<Lot, StoreError> {
        let mut lot = Lot::default();
        for said in &closed.entries {
            if said.mail || !rule.matches.may_take(&said.from, said.to.as_deref()) {
                continue;
            }
            let turn = self.turn(closed.tick, &said.from).await?;
            let found = turn.as_ref().and_then(|turn| turn.effects.outbox.iter().find(|entry| entry.id == said.id));
            match found {
                None => lot.erased.push(said.id),
                Some(entry) if rule.matches.takes(entry.kind, &entry.tags) => {
                    let what = What::Entry(entry.clone());
                    lot.parcels.push(Parcel { id: entry.id, tick: closed.tick, at: closed.time, what });
                }
                Some(_) => {}
            }
        }
        Ok(lot)
    }

    /// Problems that the tick before did not have: what stays wrong is sent once.
    async fn problems(&self, rule: &Rule, (closed, sha): &(Closed, Sha)) -> Result<Lot, StoreError> {
        let takes = |problem: &Problem| rule.matches.takes_problem(&problem.kind, problem.agent.as_ref());
        let ours: Vec<_> = closed.problems.iter().enumerate().filter(|(_, problem)| takes(problem)).collect();
        if ours.is_empty() {
            return Ok(Lot::default());
        }
        let before = match closed.tick.0 > 1 {
            true => self.closed(closed.tick.previous()).await?,
            false => None,
        };
        let stood = |problem: &Problem| before.as_ref().is_some_and(|before| before.0.problems.contains(problem));
        let new = ours.into_iter().filter(|(_, problem)| !stood(problem));
        let parcel = |(place, problem): (usize, &Problem)| Parcel {
            id: problem_id(sha, place),
            tick: closed.tick,
            at: closed.time,
            what: What::Problem(problem.clone()),
        };
        Ok(Lot { parcels: new.map(parcel).collect(), erased: Vec::new() })
    }
}

fn known<K: Ord, V: Clone>(kept: &Mutex<BTreeMap<K, V>>, key: &K) -> Option<V> {
    kept.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
}

fn keep<K: Ord, V>(kept: &Mutex<BTreeMap<K, V>>, key: K, value: V) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.insert(key, value);
    if kept.len() > KEPT {
        kept.pop_first();
    }
}
