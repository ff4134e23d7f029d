//! The audit: the stored records, checked against each other and against what is known from outside:
//! the model's log, the processes, and the letters that were sent.
//!
//! It takes nothing from the engine but the shapes of records and works everything out once more:
//! hashes ([`self`]), licences and charges ([`money`]), who must have read what ([`letters`]). It
//! does not stop at the first thing that is wrong.

pub mod letters;
pub mod money;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::letters::{Delivered, Letters};
use self::money::{Crash, Money, TickMoney};
use super::model::Call;
use crate::domain::ids::Sha;
use crate::domain::name::{AgentName, RunnerId};
use crate::domain::time::Tick;
use crate::record::chain::{Extension, Link};
use crate::record::closed::Closed;
use crate::record::plan::Plan;
use crate::record::turn::TurnRecord;
use crate::record::{Record, decode};
use crate::store::{Key, Store, StoreError};

/// What is known from outside of the organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// The model's log.
    pub calls: Vec<Call>,
    /// The process behind each name that runners have in the records.
    pub names: BTreeMap<RunnerId, u32>,
    /// The processes that were killed.
    pub killed: BTreeSet<u32>,
    /// The ids of the letters that were sent, in their order.
    pub letters: Vec<Uuid>,
}

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Findings {
    /// The money of each tick.
    pub ticks: Vec<TickMoney>,
    /// What became of what was said.
    pub messages: Delivered,
    /// What each crash cost, by the number of the runner.
    pub crashes: BTreeMap<u32, Crash>,
    /// Everything that is wrong: nothing, if the invariants hold.
    pub violations: Vec<String>,
}

/// The records of a closed tick.
struct Records {
    tick: Tick,
    plan: Plan,
    closed: Closed,
    /// The links of each shard.
    chains: Vec<Vec<Link>>,
    turns: BTreeMap<AgentName, TurnRecord>,
}

/// Goes over every tick. Nobody may be at work.
///
/// # Errors
/// The store failed. What is wrong with the records is no error but a finding.
pub async fn audit(store: &Store, witness: &Witness) -> Result<Findings, StoreError> {
    let mut reader = Reader { store, violations: Vec::new() };
    let mut money = Money::new(witness);
    let mut letters = Letters::new(witness);
    let mut previous = None;
    let mut tick = Tick(1);
    while reader.store.get(&Key::Plan(tick)).await?.is_some() {
        let Some((records, closed)) = reader.tick(tick, previous.as_ref()).await? else { break };
        previous = Some(closed);
        money.tick(&records);
        letters.tick(&records);
        tick = Tick(tick.0 + 1);
    }
    let mut findings = Findings { violations: reader.violations, ..Findings::default() };
    money.finish(&mut findings);
    letters.finish(&mut findings);
    Ok(findings)
}

struct Reader<'a> {
    store: &'a Store,
    violations: Vec<String>,
}

impl Reader<'_> {
    /// The records of a tick, and the hash of what closed it; `None`, and a violation, where one is not
    /// there or cannot be read.
    async fn tick(&mut self, tick: Tick, previous: Option<&Sha>) -> Result<Option<(Records, Sha)>, StoreError> {
        let plan = self.read::<Plan>(&Key::Plan(tick), None).await?;
        let closed = self.read::<Closed>(&Key::Closed(tick), None).await?;
        let (Some((plan, plan_sha)), Some((closed, closed_sha))) = (plan, closed) else { return Ok(None) };
        if (plan.tick, closed.tick) != (tick, tick) {
            self.wrong(format!("tick {tick}: plan and closed record are of ticks {} and {}", plan.tick, closed.tick));
        }
        if plan.previous.as_ref() != previous || closed.previous.as_ref() != previous {
            self.wrong(format!("tick {tick}: it does not follow the closed record before it"));
        }
        if closed.plan != plan_sha {
            self.wrong(format!("tick {tick}: plan.json is not what the closed record names"));
        }
        let mut records = Records { tick, plan, closed, chains: Vec::new(), turns: BTreeMap::new() };
        if records.plan.shards.len() != records.closed.chains.len() {
            self.wrong(format!("tick {tick}: the closed record does not name the chain of every shard"));
        }
        for (shard, shas) in (0..).zip(records.closed.chains.clone()) {
            let chain = self.chain(tick, shard, &shas).await?;
            records.chains.push(chain);
        }
        let due: BTreeSet<AgentName> = records.plan.due.iter().map(|due| due.agent.clone()).collect();
        let folded: BTreeSet<AgentName> = records.closed.turns.keys().cloned().collect();
        if due != folded {
            self.wrong(format!("tick {tick}: the closed record does not name a turn for everybody who was due"));
        }
        for agent in due {
            let sha = records.closed.turns.get(&agent).map(|fold| fold.sha256.clone());
            if let Some((turn, _)) = self.read::<TurnRecord>(&Key::Turn(tick, agent.clone()), sha.as_ref()).await? {
                if (turn.tick, &turn.agent) != (tick, &agent) {
                    self.wrong(format!("tick {tick}: the turn of {agent} says that it is another one"));
                }
                records.turns.insert(agent, turn);
            }
        }
        Ok(Some((records, closed_sha)))
    }

    async fn chain(&mut self, tick: Tick, shard: u32, shas: &[Sha]) -> Result<Vec<Link>, StoreError> {
        let mut chain = Vec::new();
        for (seq, sha) in (0..).zip(shas) {
            chain.extend(self.read::<Link>(&Key::Link(tick, shard, seq), Some(sha)).await?.map(|(link, _)| link));
        }
        let beyond = Key::Link(tick, shard, u32::try_from(shas.len()).unwrap_or(u32::MAX));
        if self.store.get(&beyond).await?.is_some() {
            self.wrong(format!("{}: a link after the end of its chain", beyond.path()));
        }
        let seals = chain.iter().filter(|link| link.what == Extension::Seal).count();
        if seals != 1 || chain.last().is_none_or(|link| link.what != Extension::Seal) {
            self.wrong(format!("tick {tick}: shard {shard} is not sealed once, at its end"));
        }
        Ok(chain)
    }

    /// A record that must be there, of these very bytes.
    async fn read<R: Record>(&mut self, key: &Key, sha: Option<&Sha>) -> Result<Option<(R, Sha)>, StoreError> {
        let Some(bytes) = self.store.get(key).await? else {
            self.wrong(format!("{} is missing", key.path()));
            return Ok(None);
        };
        let found = Sha::of(&bytes);
        if sha.is_some_and(|sha| *sha != found) {
            self.wrong(format!("{} is not what was closed: its hash differs", key.path()));
        }
        match decode::<R>(&bytes) {
            Ok(record) => Ok(Some((record, found))),
            Err(error) => {
                self.wrong(format!("{}: {error}", key.path()));
                Ok(None)
            }
        }
    }

    fn wrong(&mut self, what: String) {
        self.violations.push(what);
    }
}
