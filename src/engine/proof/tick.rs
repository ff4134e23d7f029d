//! One tick on the state before it: its plan is made again, and its records are folded again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::super::fold::{Hashed, Records, fold, said};
use super::super::inputs::{Pins, Settings, pinned_settings};
use super::super::memo::{Memo, lock};
use super::super::plan::mail_entries;
use super::super::replay::first_of;
use super::super::{CHECKPOINT_EVERY, EngineError, apply};
use super::finding::{Code, Finding};
use super::records::{self, Found};
use super::{plan, state};
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::record::closed::Closed;
use crate::record::encode;
use crate::record::erased::Collected;
use crate::record::plan::Plan;
use crate::record::state::{Authors, State};
use crate::record::turn::TurnRecord;
use crate::store::{Key, Store};
use tokio::sync::OnceCell;

/// Proves ticks of one organisation: what each says must follow from its inputs. Writes nothing.
#[derive(Debug)]
pub struct Prover {
    store: Store,
    /// Where inputs are read from: the same, or one that notes what is read.
    inputs: Store,
    memo: Memo,
    settings: Mutex<BTreeMap<[Option<Sha>; 4], Settings>>,
    collected: OnceCell<Collected>,
}

/// A tick that was looked at.
#[derive(Debug, Default)]
pub struct ProvenTick {
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// Its plan, if it can be read.
    pub plan: Option<Arc<Plan>>,
    /// Its turns, as far as they are committed and can be read.
    pub turns: BTreeMap<AgentName, Arc<TurnRecord>>,
    /// The inputs and blobs that its records name.
    pub contents: BTreeSet<Key>,
    /// The hash of its closed record, if it is closed.
    pub closed: Option<Sha>,
    /// The state after it, if it is closed.
    pub after: Option<State>,
    pub(super) found: Option<Found>,
}

impl ProvenTick {
    /// Says whether an agent was due, as far as that is known: without a plan anybody may have been.
    #[must_use]
    pub fn is_due(&self, agent: &AgentName) -> bool {
        self.plan.as_ref().is_none_or(|plan| plan.due.iter().any(|due| due.agent == *agent))
    }
}

impl Prover {
    /// Proves ticks of the organisation in this store.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self {
            store: store.clone(),
            inputs: store.clone(),
            memo: Memo::default(),
            settings: Mutex::default(),
            collected: OnceCell::new(),
        }
    }

    /// The same, which reads the inputs of ticks from a store that notes what is read.
    pub(super) fn reading(self, inputs: Store) -> Self {
        Self { inputs, ..self }
    }

    /// The state after a tick, proven from the checkpoint before the one that it is loaded from. No state: the records
    /// do not give one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn state(&self, tick: Tick) -> Result<(Option<State>, Vec<Finding>), EngineError> {
        let mut findings = Vec::new();
        let state = state::after(&self.store, tick, &mut findings).await?;
        Ok((state, findings))
    }

    /// Looks at a tick on the state before it; `None` where there is none.
    ///
    /// # Errors
    /// The store failed. Records that contradict each other are findings.
    pub async fn tick(&self, before: &State) -> Result<Option<ProvenTick>, EngineError> {
        let tick = before.tick.next();
        let mut findings = Vec::new();
        let found = records::of_tick(&self.store, tick, &mut findings).await?;
        let Some(found) = found else {
            let closed = self.closed_alone(tick).await?;
            if closed.is_none() && findings.is_empty() {
                return Ok(None);
            }
            let after = closed.as_ref().map(|closed| applied(before, closed));
            let closed = closed.map(|closed| closed.sha);
            return Ok(Some(ProvenTick { findings, closed, after, ..ProvenTick::default() }));
        };
        let closed = found.closed.as_ref().map(|closed| &closed.value.previous);
        findings.extend(state::chain(before, std::iter::once(&found.plan.value.previous).chain(closed)));
        records::journals(&self.store, &found, self.collected().await?, &mut findings).await?;
        if let Err(error) = self.follow(before, &found, &mut findings).await {
            findings.push(Finding::of(error, &Key::Plan(tick))?);
        }
        if found.closed.is_none()
            && self.goes_on_after(tick).await?
            && self.store.get(&Key::Closed(tick)).await?.is_none()
        {
            let message = "it is missing, and later ticks rest on it";
            findings.push(Finding::at(Code::Missing, &Key::Closed(tick), message));
        }
        let after = found.closed.as_ref().map(|closed| applied(before, closed));
        if let (Some(after), true) = (&after, tick.0.is_multiple_of(CHECKPOINT_EVERY))
            && let Some(bytes) = self.store.get(&Key::Checkpoint(tick)).await?
        {
            state::compare_checkpoint(after, &bytes, &mut findings);
        }
        Ok(Some(ProvenTick {
            contents: found.contents(),
            findings,
            plan: Some(Arc::new(found.plan.value.clone())),
            turns: found.turns.iter().map(|(agent, turn)| (agent.clone(), Arc::clone(&turn.value))).collect(),
            closed: found.closed.as_ref().map(|closed| closed.sha.clone()),
            after,
            found: Some(found),
        }))
    }

    /// What was given up.
    ///
    /// # Errors
    /// The store failed, or the note of it cannot be read.
    pub async fn collected(&self) -> Result<&Collected, EngineError> {
        let read = || async { Ok(self.store.read(&Key::Collected).await?.unwrap_or_else(Collected::nothing)) };
        self.collected.get_or_try_init(read).await
    }

    /// Says whether there is a tick after this one, so that this one was closed.
    async fn goes_on_after(&self, tick: Tick) -> Result<bool, EngineError> {
        let next = tick.next();
        Ok(self.store.get(&Key::Plan(next)).await?.is_some() || self.store.get(&Key::Closed(next)).await?.is_some())
    }

    async fn closed_alone(&self, tick: Tick) -> Result<Option<Hashed<Closed>>, EngineError> {
        let mut said = Vec::new();
        match records::read::<Closed>(&self.store, &Key::Closed(tick), &mut said).await? {
            records::Lies::Record(closed) => Ok(Some(closed)),
            _ => Ok(None),
        }
    }

    /// What must follow: the plan from the state and its inputs, the closed record from plan, chains and turns.
    async fn follow(&self, before: &State, found: &Found, findings: &mut Vec<Finding>) -> Result<(), EngineError> {
        let recorded = &found.plan.value;
        let settings = self.settings(recorded).await?;
        let key = Key::Plan(recorded.tick);
        let again = match recorded.erased {
            Some(_) => Ok(recorded.clone()),
            None => plan::again(&self.inputs, &self.memo, before, recorded, &settings).await?,
        };
        match again {
            Ok(again) => {
                if let Some(difference) = first_of(recorded, &again) {
                    let finding = Finding::at(Code::WrongPlan, &key, "the state and the inputs give another plan");
                    findings.push(finding.with(Some(difference)));
                }
            }
            Err(idle) => {
                let message = format!("the state and the inputs give no plan: {idle:?}");
                findings.push(Finding::at(Code::WrongPlan, &key, message));
            }
        }
        findings.extend(passed_over(before, found));
        let Some(closed) = found.closed.as_ref().filter(|_| found.is_whole) else { return Ok(()) };
        let org = &settings.org.value;
        let records = Records { plan: &found.plan, chains: &found.chains, turns: &found.turns, org };
        let again = fold(before, &records);
        if encode(&again) != encode(&closed.value) {
            let message = "the tick's records give another one";
            let finding = Finding::at(Code::WrongFold, &Key::Closed(recorded.tick), message);
            findings.push(finding.with(first_of(&closed.value, &again)));
        }
        for due in &recorded.due {
            let charged = again.turns.get(&due.agent).map(|turn| turn.charge.total()).unwrap_or_default();
            if charged > due.grant_credits {
                let message = format!("{charged} credits were charged, of {} that were granted", due.grant_credits);
                findings.push(Finding::at(Code::Overspent, &Key::Turn(recorded.tick, due.agent.clone()), message));
            }
        }
        Ok(())
    }

    async fn settings(&self, plan: &Plan) -> Result<Settings, EngineError> {
        let key = [Some(&plan.org), Some(&plan.models), plan.tools.as_ref(), plan.tools_lock.as_ref()];
        let key = key.map(|sha| sha.cloned());
        if let Some(settings) = lock(&self.settings).get(&key) {
            return Ok(settings.clone());
        }
        let settings = pinned_settings(&self.inputs, Pins::of(plan)).await?;
        lock(&self.settings).insert(key, settings.clone());
        Ok(settings)
    }
}

/// Good turns whose inbox is not what they could read: every entry after the cursor, up to where the inbox ended.
fn passed_over(before: &State, found: &Found) -> Vec<Finding> {
    let plan = &found.plan.value;
    let mut now = before.clone();
    apply::apply_found(&mut now, plan.found.iter(), plan.tick);
    now.unread.extend(mail_entries(&plan.ingress, plan));
    let good = || {
        let turns = plan.due.iter().filter_map(|due| Some((due, &found.turns.get(&due.agent)?.value)));
        turns.filter(|(_, record)| record.status.is_good())
    };
    now.unread.extend(good().flat_map(|(due, record)| said(plan, due, record)));
    let authors = Authors::of(&now);
    let mut findings = Vec::new();
    for (due, record) in good() {
        let Some(agent) = now.agents.get(&due.agent) else { continue };
        let inbox = authors.inbox(&now, &due.agent, &agent.facts.reads);
        let due_to_read = inbox.iter().map(|entry| entry.position).filter(|position| *position <= record.inbox_end);
        if !due_to_read.eq(record.inbox.iter().map(|read| read.position)) {
            let key = Key::Turn(plan.tick, due.agent.clone());
            let message = "its inbox is not what the agent could read up to where the inbox ended";
            findings.push(Finding::at(Code::WrongTurn, &key, message));
        }
    }
    findings
}

fn applied(before: &State, closed: &Hashed<Closed>) -> State {
    let mut after = before.clone();
    apply::apply(&mut after, &closed.value, closed.sha.clone());
    after
}
