//! Money: what each turn costs, worked out from the chains and the records, against what the closed ticks say; what
//! providers were paid; accounts and budget.

use std::collections::BTreeMap;

use lemming::domain::credits::Credits;
use lemming::domain::ingress::Action;
use lemming::domain::name::{AgentName, RunnerId};
use lemming::domain::org::OrgConfig;
use lemming::domain::time::Tick;
use lemming::record::chain::{Extension, Link};
use lemming::record::closed::Closed;
use lemming::record::decode;
use lemming::record::plan::{Credited, Due, Item, Plan};
use lemming::record::state::{Charge, State};
use lemming::record::turn::TurnRecord;

use super::book::Book;
use super::{Evidence, Expect, paid_in};

impl Book {
    pub(super) fn spend(
        &mut self,
        evidence: &Evidence,
        plan: &Plan,
        closed: &Closed,
        turns: &BTreeMap<AgentName, TurnRecord>,
        expect: &Expect,
    ) {
        for agent in plan.found.keys() {
            if let Some(resume) = self.resumes.get(agent) {
                self.balances.entry(agent.clone()).or_insert(resume.credits.max_credits);
            }
        }
        if self.window != plan.budget_window {
            self.window.clone_from(&plan.budget_window);
            self.budget = Default::default();
        }
        self.top_ups(plan);
        for credited in &plan.credited {
            match &credited.agent {
                None => self.budget.0 += credited.credits,
                Some(agent) => *self.balances.get_mut(agent).expect("an account") += credited.credits,
            }
        }
        let objects = &evidence.objects;
        let paid = paid_in(evidence, plan.tick.0);
        assert!(paid.keys().all(|agent| turns.contains_key(agent)), "a call for somebody who was not due");
        for due in &plan.due {
            let charge = closed.turns[&due.agent].charge;
            let expected = charge_of(evidence, plan, due, &turns[&due.agent]);
            assert_eq!(
                charge, expected,
                "{} in tick {}: the charge, from the chain and the record",
                due.agent, plan.tick
            );
            let paid = paid.get(&due.agent).copied().unwrap_or_default();
            let at = format!("{} in tick {}", due.agent, plan.tick);
            assert!(paid <= charge.total(), "{at}: {paid} was paid, {} is recorded", charge.total());
            assert!(
                charge.total() <= due.grant_credits,
                "{at}: {} is charged, {} was granted",
                charge.total(),
                due.grant_credits
            );
            let balance = self.balances.get_mut(&due.agent).expect("an account");
            *balance = balance.checked_sub(charge.total()).unwrap_or_else(|| panic!("{at}: the account was overdrawn"));
            self.budget.1 += charge.total();
            if expect.exactly_once {
                let action = turns[&due.agent].spent.action;
                assert_eq!(charge.forfeited, Credits::ZERO, "{at}: nothing was forfeited");
                assert_eq!(charge.paid + charge.unanswered, paid + action, "{at}: what was paid is what is recorded");
                let calls = evidence.calls.iter().filter(|call| call.tick == plan.tick && call.agent == due.agent);
                let steps: Vec<u32> = calls.map(|call| call.step).collect();
                let answers = (0..).take(turns[&due.agent].exchanges.len()).collect::<Vec<u32>>();
                if turns[&due.agent].status.is_good() {
                    assert_eq!(steps, answers, "{at}: each call is made once");
                }
            }
        }
        for (name, born) in &closed.born {
            let creator = self.balances.get_mut(&born.by).expect("an account");
            *creator = creator.checked_sub(born.credits).expect("nobody gives what it has not");
            assert!(self.balances.insert(name.clone(), born.credits).is_none(), "{name} has an account already");
        }
        let org = objects.get(&format!("inputs/{}.json", plan.org)).expect("a pinned org.json");
        let org: OrgConfig = serde_json::from_slice(org).expect("org.json");
        if let Some(budget) = &org.budget {
            assert!(self.budget.1 <= budget.credits + self.budget.0, "tick {}: the budget was overspent", plan.tick);
        }
        self.at_a_checkpoint(evidence, plan.tick);
    }

    /// What commands put into accounts: each once, in their order, and no account above its opening.
    fn top_ups(&self, plan: &Plan) {
        let mut balances = self.balances.clone();
        let mut expected = Vec::new();
        for admitted in &plan.ingress {
            let Item::Control(control) = &admitted.item else { continue };
            let Action::TopUp { agent, credits } = &control.action else { continue };
            let credits = match agent {
                None => *credits,
                Some(name) => {
                    let Some(balance) = balances.get_mut(name) else { continue };
                    let room = self.resumes[name].credits.max_credits.saturating_sub(*balance);
                    let credits = room.min(*credits);
                    *balance += credits;
                    credits
                }
            };
            expected.push(Credited { agent: agent.clone(), credits });
        }
        assert_eq!(plan.credited, expected, "the top-ups of tick {}", plan.tick);
    }

    /// A checkpoint has the balances, the budget and the cursors of these books.
    fn at_a_checkpoint(&self, evidence: &Evidence, tick: Tick) {
        let Some(bytes) = evidence.objects.get(&format!("checkpoints/{:012}.json", tick.0)) else { return };
        let state: State = decode(bytes).expect("a checkpoint");
        let stored = state.agents.iter().map(|(name, agent)| (name.clone(), agent.account.balance));
        assert_eq!(stored.collect::<BTreeMap<_, _>>(), self.balances, "the accounts after tick {tick}");
        assert_eq!((state.budget.topped_up, state.budget.charged), self.budget, "the budget after tick {tick}");
    }
}

/// What a turn costs, from the chain of its shard and its record: each licence once. The record's own by what it spent,
/// a released one by what it spent, any other by its ceiling; and no ceiling is more than what the grant has left.
fn charge_of(evidence: &Evidence, plan: &Plan, due: &Due, turn: &TurnRecord) -> Charge {
    struct Licence {
        seq: u32,
        by: RunnerId,
        ceiling: Credits,
        settled: Option<(Credits, Credits)>,
    }
    let shard = plan.shards.iter().position(|shard| shard.contains(&due.agent)).expect("a shard");
    let mut licences: Vec<Licence> = Vec::new();
    for seq in 0.. {
        let path = format!("ticks/{:012}/shards/{shard}/{seq:04}.json", plan.tick.0);
        let Some(bytes) = evidence.objects.get(&path) else { break };
        let link: Link = decode(bytes).expect("a link");
        match link.what {
            Extension::Hold { start } if start.contains(&due.agent) => {
                let counts = |licence: &Licence| licence.settled.map_or(licence.ceiling, |(paid, lost)| paid + lost);
                let counted: Credits = licences.iter().map(counts).sum();
                let ceiling = due.grant_credits.saturating_sub(counted).min(due.attempt_credits);
                licences.push(Licence { seq, by: link.by, ceiling, settled: None });
            }
            Extension::Release { spent } => {
                for end in spent.into_iter().filter(|end| end.agent == due.agent) {
                    let own = |licence: &&mut Licence| licence.seq == end.seq && licence.by == link.by;
                    let licence = licences.iter_mut().find(own).expect("a licence of its own is released");
                    assert!(licence.settled.is_none(), "{path}: a licence is released twice");
                    assert!(end.paid + end.unanswered <= licence.ceiling, "{path}: more was spent than allowed");
                    licence.settled = Some((end.paid, end.unanswered));
                }
            }
            Extension::Hold { .. } | Extension::Seal => {}
        }
    }
    let at = format!("{} in tick {}", due.agent, plan.tick);
    let own = turn.licence.map(|own| licences.iter().find(|licence| licence.seq == own.seq).expect("its licence"));
    let mut charge = Charge::default();
    for licence in &licences {
        if own.is_some_and(|own| own.seq == licence.seq) {
            let spent = &turn.spent;
            assert_eq!(licence.by, turn.by, "{at}: committed under its own licence");
            assert!(spent.paid + spent.unanswered + spent.action <= licence.ceiling, "{at}: spent beyond its ceiling");
            charge.paid += spent.paid + spent.action;
            charge.unanswered += spent.unanswered;
        } else if let Some((paid, unanswered)) = licence.settled {
            charge.paid += paid;
            charge.unanswered += unanswered;
        } else {
            charge.forfeited += licence.ceiling;
        }
    }
    charge
}
