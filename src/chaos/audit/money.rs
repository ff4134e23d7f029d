//! Money: what was really paid, by the model's own log, is at most what is recorded, and that at most
//! what was granted; for each agent in each tick.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Findings, Records, Witness};
use crate::chaos::model::Call;
use crate::chaos::organisation::{OPENING, PRICE};
use crate::domain::credits::Credits;
use crate::domain::name::{AgentName, RunnerId};
use crate::domain::time::Tick;
use crate::record::chain::{Extension, LicenceId};
use crate::record::plan::Due;
use crate::record::state::Charge;
use crate::record::turn::TurnRecord;

/// The money of one tick.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TickMoney {
    /// The tick.
    pub tick: u64,
    /// How many agents were due.
    pub turns: u64,
    /// How many calls the model's log has.
    pub calls: u64,
    /// What they cost.
    pub paid: Credits,
    /// What was charged.
    pub recorded: Credits,
    /// What was set aside for it beforehand.
    pub granted: Credits,
}

/// What the crash of one runner cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Crash {
    /// Calls that it made and whose answers are in no turn.
    pub calls_lost: u64,
    /// What these cost.
    pub paid_in_vain: Credits,
    /// What was charged for its licences, which nobody could settle any more: the worst case.
    pub forfeited: Credits,
    /// Its licences that ended with it: tick and agent.
    pub turns: BTreeSet<(u64, String)>,
}

/// The right to work on a turn.
struct Licence {
    id: LicenceId,
    by: RunnerId,
    ceiling: Credits,
    /// Paid and unanswered, if it was released.
    settled: Option<(Credits, Credits)>,
}

impl Licence {
    fn counts(&self) -> Credits {
        self.settled.map_or(self.ceiling, |(paid, unanswered)| paid + unanswered)
    }
}

/// The books so far.
pub(super) struct Money<'a> {
    witness: &'a Witness,
    by_id: BTreeMap<&'a str, &'a Call>,
    /// Answers that count in a turn.
    used: BTreeSet<&'a str>,
    /// Turns that were licensed more than once.
    contested: BTreeSet<(u64, String)>,
    charged: BTreeMap<AgentName, Credits>,
    ticks: Vec<TickMoney>,
    crashes: BTreeMap<u32, Crash>,
    violations: Vec<String>,
}

impl<'a> Money<'a> {
    pub(super) fn new(witness: &'a Witness) -> Self {
        let mut money = Self {
            witness,
            by_id: BTreeMap::new(),
            used: BTreeSet::new(),
            contested: BTreeSet::new(),
            charged: BTreeMap::new(),
            ticks: Vec::new(),
            crashes: witness.killed.iter().map(|runner| (*runner, Crash::default())).collect(),
            violations: Vec::new(),
        };
        for call in &witness.calls {
            if money.by_id.insert(&call.id, call).is_some() {
                money.violations.push(format!("the model's log has {} twice", call.id));
            }
        }
        money
    }

    pub(super) fn tick(&mut self, records: &Records) {
        let tick = records.tick;
        let mut sum = TickMoney { tick: tick.0, ..TickMoney::default() };
        let mut licences = self.licences(records);
        for due in &records.plan.due {
            let of_agent = licences.remove(&due.agent).unwrap_or_default();
            if of_agent.len() > 1 {
                self.contested.insert((tick.0, due.agent.to_string()));
            }
            let Some(turn) = records.turns.get(&due.agent) else { continue };
            self.answers(tick, turn);
            let charge = self.charge(tick, turn, &of_agent);
            let folded = records.closed.turns.get(&due.agent).map(|fold| fold.charge).unwrap_or_default();
            if charge != folded {
                let (agent, found, right) = (&due.agent, folded.total(), charge.total());
                self.wrong(tick, format!("{agent} was charged {found}, and its licences come to {right}"));
            }
            self.weigh(tick, due, folded.total(), &of_agent, &mut sum);
        }
        for agent in licences.keys() {
            self.violations.push(format!("tick {tick}: {agent} was licensed, and was not due"));
        }
        let due: BTreeSet<&str> = records.plan.due.iter().map(|due| due.agent.as_str()).collect();
        for call in self.witness.calls.iter().filter(|call| call.tick == tick.0 && !due.contains(call.agent.as_str())) {
            self.violations.push(format!("tick {tick}: {} was for {}, who was not due", call.id, call.agent));
        }
        self.ticks.push(sum);
    }

    /// The licences of a tick, by agent, in the order of the chains.
    fn licences(&mut self, records: &Records) -> BTreeMap<AgentName, Vec<Licence>> {
        let tick = records.tick;
        let due: BTreeMap<&AgentName, &Due> = records.plan.due.iter().map(|due| (&due.agent, due)).collect();
        let mut licences: BTreeMap<AgentName, Vec<Licence>> = BTreeMap::new();
        for (shard, chain) in (0..).zip(&records.chains) {
            for (seq, link) in (0..).zip(chain) {
                match &link.what {
                    Extension::Hold { start } => {
                        for agent in start {
                            let of_agent = licences.entry(agent.clone()).or_default();
                            let counted: Credits = of_agent.iter().map(Licence::counts).sum();
                            let (grant, attempt) =
                                due.get(agent).map(|due| (due.grant_credits, due.attempt_credits)).unwrap_or_default();
                            let ceiling = attempt.min(grant.saturating_sub(counted));
                            let id = LicenceId { shard, seq };
                            of_agent.push(Licence { id, by: link.by.clone(), ceiling, settled: None });
                        }
                    }
                    Extension::Release { spent } => {
                        for end in spent {
                            let of_agent = licences.entry(end.agent.clone()).or_default();
                            let ours = |l: &&mut Licence| l.id.seq == end.seq && l.by == link.by;
                            match of_agent.iter_mut().find(ours) {
                                Some(licence) if end.paid + end.unanswered <= licence.ceiling => {
                                    licence.settled = Some((end.paid, end.unanswered));
                                }
                                _ => self.violations.push(format!(
                                    "tick {tick}: shard {shard} is released for {} without a licence that covers it",
                                    end.agent
                                )),
                            }
                        }
                    }
                    Extension::Seal => {}
                }
            }
        }
        licences
    }

    /// Each answer of a turn is one that the model gave, for this turn, and counts once.
    fn answers(&mut self, tick: Tick, turn: &TurnRecord) {
        for exchange in &turn.exchanges {
            let receipt = &exchange.receipt;
            let id = receipt.response_id.as_deref().unwrap_or("an answer without an id");
            let Some(call) = self.by_id.get(id).copied() else {
                self.wrong(tick, format!("{} counts {id}, which the model's log does not have", turn.agent));
                continue;
            };
            if !self.used.insert(&call.id) {
                self.wrong(tick, format!("{id} counts twice"));
            }
            if (call.tick, call.agent.as_str()) != (tick.0, turn.agent.as_str()) {
                let meant = format!("was made for {} in tick {}", call.agent, call.tick);
                self.wrong(tick, format!("{} counts {id}, which {meant}", turn.agent));
            }
            if self.witness.names.get(&receipt.by) != Some(&call.runner) {
                self.wrong(tick, format!("{id} was asked for by runner {}, not by {}", call.runner, receipt.by));
            }
            if receipt.cost_credits < PRICE {
                self.wrong(tick, format!("{id} is recorded at {}, and cost {PRICE}", receipt.cost_credits));
            }
        }
    }

    /// What an agent is charged: every licence once, by what it spent or, if nobody can tell, at its ceiling.
    fn charge(&mut self, tick: Tick, turn: &TurnRecord, licences: &[Licence]) -> Charge {
        let mut charge = Charge::default();
        for licence in licences {
            if turn.licence == Some(licence.id) {
                let spent = turn.spent;
                if turn.by != licence.by {
                    self.wrong(tick, format!("{} was committed under another runner's licence", turn.agent));
                }
                if spent.paid + spent.unanswered + spent.action > licence.ceiling {
                    self.wrong(tick, format!("{} spent more than its licence allows", turn.agent));
                }
                charge.paid += spent.paid + spent.action;
                charge.unanswered += spent.unanswered;
            } else if let Some((paid, unanswered)) = licence.settled {
                charge.paid += paid;
                charge.unanswered += unanswered;
            } else {
                charge.forfeited += licence.ceiling;
                if let Some(crash) = self.witness.names.get(&licence.by).and_then(|n| self.crashes.get_mut(n)) {
                    crash.forfeited += licence.ceiling;
                    crash.turns.insert((tick.0, turn.agent.to_string()));
                }
            }
        }
        charge
    }

    /// Paid is at most recorded, recorded at most granted, and no call was made without a licence.
    fn weigh(&mut self, tick: Tick, due: &Due, recorded: Credits, licences: &[Licence], sum: &mut TickMoney) {
        let agent = due.agent.as_str();
        let calls = self.witness.calls.iter().filter(|call| (call.tick, call.agent.as_str()) == (tick.0, agent));
        let calls: Vec<&Call> = calls.collect();
        let paid = PRICE.times(calls.len() as u64);
        if paid > recorded {
            self.wrong(tick, format!("the model was paid {paid} for {agent}, and {recorded} is recorded"));
        }
        if recorded > due.grant_credits {
            self.wrong(tick, format!("{agent} was charged {recorded} of a grant of {}", due.grant_credits));
        }
        for call in calls
            .iter()
            .filter(|call| !licences.iter().any(|licence| self.witness.names.get(&licence.by) == Some(&call.runner)))
        {
            let what = format!("runner {} made {} for {agent} without a licence", call.runner, call.id);
            self.violations.push(format!("tick {tick}: {what}"));
        }
        let charged = self.charged.entry(due.agent.clone()).or_default();
        *charged += recorded;
        sum.turns += 1;
        sum.calls += calls.len() as u64;
        sum.paid += paid;
        sum.recorded += recorded;
        sum.granted += due.grant_credits;
    }

    fn wrong(&mut self, tick: Tick, what: impl AsRef<str>) {
        self.violations.push(format!("tick {tick}: {}", what.as_ref()));
    }

    pub(super) fn finish(mut self, findings: &mut Findings) {
        for (agent, charged) in &self.charged {
            if *charged > OPENING {
                self.violations.push(format!("{agent} was charged {charged}, and had {OPENING}"));
            }
        }
        let known = |tick: u64| self.ticks.iter().any(|sum| sum.tick == tick);
        for call in &self.witness.calls {
            if !known(call.tick) {
                self.violations.push(format!("{} was made in tick {}, which is not closed", call.id, call.tick));
            }
            if self.used.contains(call.id.as_str()) {
                continue;
            }
            // Paid, and in no turn: by a runner that was killed, or where another worked on the same turn.
            match self.crashes.get_mut(&call.runner) {
                Some(crash) => {
                    crash.calls_lost += 1;
                    crash.paid_in_vain += PRICE;
                }
                None if self.contested.contains(&(call.tick, call.agent.clone())) => {}
                None => self.violations.push(format!(
                    "tick {}: {} of runner {} is in no turn, and nobody disturbed it",
                    call.tick, call.id, call.runner
                )),
            }
        }
        findings.ticks = self.ticks;
        findings.crashes = self.crashes;
        findings.violations.append(&mut self.violations);
    }
}
