//! How an organisation stands: what is read for the gauges, and the gauges.

use std::collections::BTreeMap;

use super::catalogue::{
    AGENT_BALANCE, AGENT_CHARGED, AGENT_FAILURES, AGENT_TURNS, AGENT_UNREAD, AGENTS, APPROVALS, APPROVALS_AGE, BALANCE,
    BUDGET, BUDGET_CHARGED, BUDGET_LEFT, CHARGED, DELIVERIES, DELIVERIES_LOST, INGRESS, Metric, OPEN_TICK_AGE, PAUSED,
    PROBLEMS, TICK, TICK_AGE, TICK_INTERVAL, TICKS, UNREAD, UNREAD_AGE,
};
use super::text::{Sample, Samples, seconds};
use super::totals::in_credits;
use crate::chronicle::credits::Budget;
use crate::chronicle::moment::Moment;
use crate::chronicle::problems::problems;
use crate::chronicle::status::waiting;
use crate::clean::one_line;
use crate::delivery::{Courier, headway};
use crate::domain::credits::Credits;
use crate::domain::model::ModelRegistry;
use crate::domain::org::OrgConfig;
use crate::domain::time::{Tick, Timestamp};
use crate::engine::EngineError;
use crate::record::closed::Closed;
use crate::record::plan::Plan;
use crate::record::state::{AgentState, Authors, Charge, State};
use crate::store::{Key, Store};

/// Up to so many agents have series of their own.
pub const MOST_AGENTS: usize = 200;

/// So many rules of `deliver` are told of.
pub const MOST_RULES: usize = 50;

/// Problems are looked for anew, and all files read again, after so long.
const LOOK_AGAIN_MS: i64 = 60_000;

/// So many closed ticks are looked through for problems that happened once.
const PROBLEM_TICKS: u64 = 16;

/// How much of an organisation's name is told, in columns.
const TITLE_WIDTH: usize = 100;

/// The states of an agent; the first that applies is told.
const STATES: [&str; 6] = ["broken", "disabled", "paused", "out_of_credits", "failing", "active"];

/// How an organisation stood at the last look.
#[derive(Debug)]
pub(super) struct Standing {
    moment: Moment,
    org: OrgConfig,
    title: String,
    models: ModelRegistry,
    open: Option<Timestamp>,
    ingress: usize,
    deliveries: Vec<(String, u64, u64)>,
    problems: BTreeMap<String, u64>,
    /// When the ticks were planned that the ages below count from.
    times: BTreeMap<Tick, Timestamp>,
    /// When all of it was read.
    read_at: Timestamp,
}

impl Standing {
    /// Reads all of it.
    pub(super) async fn read(store: &Store, now: Timestamp) -> Result<Self, EngineError> {
        let moment = Moment::now(store).await?;
        let org = moment.settings().await?;
        let mut standing = Self {
            title: one_line(&org.name, TITLE_WIDTH),
            org,
            // What cannot be read is among the problems.
            models: moment.models().await.ok().flatten().unwrap_or_default(),
            problems: BTreeMap::new(),
            open: None,
            ingress: 0,
            deliveries: Vec::new(),
            times: BTreeMap::new(),
            read_at: now,
            moment,
        };
        standing.problems = standing.problems(now).await?;
        standing.look(now).await?;
        Ok(standing)
    }

    /// Looks what is new: two or three requests while no tick closes, and one for each rule of `deliver`.
    pub(super) async fn look(&mut self, now: Timestamp) -> Result<(), EngineError> {
        let store = self.moment.store().clone();
        let next = self.state().tick.next();
        if !(0..LOOK_AGAIN_MS).contains(&(now.unix_ms() - self.read_at.unix_ms())) {
            self.moment = Moment::now(&store).await?;
            self.org = self.moment.settings().await?;
            self.title = one_line(&self.org.name, TITLE_WIDTH);
            self.models = self.moment.models().await.ok().flatten().unwrap_or_default();
            self.problems = self.problems(now).await?;
            self.read_at = now;
        } else if store.get(&Key::Closed(next)).await?.is_some() {
            self.moment = Moment::now(&store).await?;
        }
        let next = self.state().tick.next();
        self.open = store.read::<Plan>(&Key::Plan(next)).await?.map(|plan| plan.time);
        self.ingress = waiting(&store, self.state()).await?;
        self.deliveries = self.deliveries(&store).await?;
        self.times = self.times(&store).await?;
        Ok(())
    }

    pub(super) fn state(&self) -> &State {
        &self.moment.state
    }

    /// What people call the organisation, in one line that is not long.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    pub(super) fn models(&self) -> &ModelRegistry {
        &self.models
    }

    /// Problems by kind; of a large organisation those that its last tick found, for looking reads every resume.
    async fn problems(&self, now: Timestamp) -> Result<BTreeMap<String, u64>, EngineError> {
        let mut kinds = BTreeMap::new();
        let found: Vec<String> = match self.agents().count() <= MOST_AGENTS {
            true => problems(&self.moment, now, PROBLEM_TICKS).await?.into_iter().map(|trouble| trouble.kind).collect(),
            false => self.state().problems.iter().map(|problem| problem.kind.clone()).collect(),
        };
        for kind in found {
            *kinds.entry(kind).or_insert(0) += 1;
        }
        Ok(kinds)
    }

    async fn deliveries(&self, store: &Store) -> Result<Vec<(String, u64, u64)>, EngineError> {
        let mut found = Vec::new();
        for rule in Courier::rules(&self.org, None).take(MOST_RULES) {
            let headway = headway(store, &rule.name).await?;
            let waiting = headway.iter().flat_map(|headway| &headway.pending).filter(|pending| pending.error.is_some());
            let waiting = waiting.map(|pending| pending.left).sum();
            let given_up = headway.iter().flat_map(|headway| &headway.given_up).map(|given_up| given_up.count).sum();
            found.push((rule.name.to_string(), waiting, given_up));
        }
        Ok(found)
    }

    /// When the ticks were planned whose oldest mail and questions still wait.
    async fn times(&self, store: &Store) -> Result<BTreeMap<Tick, Timestamp>, EngineError> {
        let mut times = BTreeMap::new();
        for tick in self.oldest_unread().into_iter().chain(self.oldest_question()) {
            let time = match self.times.get(&tick) {
                Some(time) => Some(*time),
                None => store.read::<Closed>(&Key::Closed(tick)).await?.map(|closed| closed.time),
            };
            times.extend(time.map(|time| (tick, time)));
        }
        Ok(times)
    }

    fn oldest_unread(&self) -> Option<Tick> {
        self.state().unread.iter().map(|entry| entry.position.tick).min()
    }

    fn questions(&self) -> impl Iterator<Item = Tick> {
        let open = self.state().approvals.values().filter(|waiting| waiting.verdict.is_none());
        open.map(|waiting| waiting.tick)
    }

    fn oldest_question(&self) -> Option<Tick> {
        self.questions().min()
    }

    fn agents(&self) -> impl Iterator<Item = (&str, &AgentState)> {
        let present = self.state().agents.iter().filter(|(_, agent)| agent.present);
        present.map(|(name, agent)| (name.as_str(), agent))
    }

    /// Tells the gauges, and the counters that the state itself has.
    pub(super) fn tell(&self, name: &str, now: Timestamp, samples: &mut Samples) {
        let state = self.state();
        let mut one = |metric: &'static Metric, sample| samples.add(metric, Some(name), Vec::new(), sample);
        one(&TICKS, Sample::Whole(state.tick.0));
        one(&TICK, Sample::Whole(state.tick.0));
        if let Some(time) = state.time {
            one(&TICK_AGE, age(Some(time), now));
        }
        if let Some(every) = self.org.pace.every {
            one(&TICK_INTERVAL, Sample::Real(every.duration().as_secs_f64()));
        }
        one(&OPEN_TICK_AGE, age(self.open, now));
        one(&PAUSED, Sample::Whole(u64::from(state.paused)));
        one(&UNREAD, Sample::Whole(state.unread.len() as u64));
        let time = |tick: Option<Tick>| tick.and_then(|tick| self.times.get(&tick)).copied();
        one(&UNREAD_AGE, age(time(self.oldest_unread()), now));
        one(&INGRESS, Sample::Whole(self.ingress as u64));
        one(&APPROVALS, Sample::Whole(self.questions().count() as u64));
        one(&APPROVALS_AGE, age(time(self.oldest_question()), now));
        self.tell_money(name, now, samples);
        self.tell_agents(name, samples);
        for (rule, waiting, given_up) in &self.deliveries {
            samples.add(&DELIVERIES, Some(name), vec![rule.clone()], Sample::Whole(*waiting));
            samples.add(&DELIVERIES_LOST, Some(name), vec![rule.clone()], Sample::Whole(*given_up));
        }
        for (kind, count) in &self.problems {
            samples.add(&PROBLEMS, Some(name), vec![kind.clone()], Sample::Whole(*count));
        }
    }

    fn tell_money(&self, name: &str, now: Timestamp, samples: &mut Samples) {
        let mut charged = Charge::default();
        // Of agents that are gone, too: what was charged stays so.
        self.state().agents.values().for_each(|agent| charged += agent.account.charged);
        for (kind, amount) in
            [("paid", charged.paid), ("unanswered", charged.unanswered), ("forfeited", charged.forfeited)]
        {
            samples.add(&CHARGED, Some(name), vec![kind.to_owned()], Sample::Real(in_credits(amount)));
        }
        let mut one = |metric: &'static Metric, amount| {
            samples.add(metric, Some(name), Vec::new(), Sample::Real(in_credits(amount)));
        };
        one(&BALANCE, self.agents().map(|(_, agent)| agent.account.balance).sum::<Credits>());
        if let Some(budget) = Budget::at(&self.org, self.state(), now) {
            one(&BUDGET, budget.credits);
            one(&BUDGET_CHARGED, budget.charged);
            one(&BUDGET_LEFT, budget.left);
        }
    }

    fn tell_agents(&self, name: &str, samples: &mut Samples) {
        let mut states = [0_u64; STATES.len()];
        for (_, agent) in self.agents() {
            let applies = [
                agent.broken,
                !agent.facts.enabled,
                agent.paused,
                agent.account.balance.is_zero(),
                agent.failures > 0,
                true,
            ];
            let at = applies.iter().position(|applies| *applies).unwrap_or(STATES.len() - 1);
            states[at] += 1;
        }
        for (state, count) in STATES.iter().zip(states) {
            samples.add(&AGENTS, Some(name), vec![(*state).to_owned()], Sample::Whole(count));
        }
        if self.agents().count() > MOST_AGENTS {
            return;
        }
        let authors = Authors::of(self.state());
        let present = self.state().agents.iter().filter(|(_, agent)| agent.present);
        for (agent, known) in present {
            let unread = authors.inbox(self.state(), agent, &known.facts.reads).len() as u64;
            let mut one =
                |metric: &'static Metric, sample| samples.add(metric, Some(name), vec![agent.to_string()], sample);
            one(&AGENT_BALANCE, Sample::Real(in_credits(known.account.balance)));
            one(&AGENT_CHARGED, Sample::Real(in_credits(known.account.charged.total())));
            one(&AGENT_TURNS, Sample::Whole(known.turns));
            one(&AGENT_FAILURES, Sample::Whole(u64::from(known.failures)));
            one(&AGENT_UNREAD, Sample::Whole(unread));
        }
    }
}

/// How long something is ago; 0 for nothing.
fn age(since: Option<Timestamp>, now: Timestamp) -> Sample {
    let ms = since.map_or(0, |since| now.unix_ms().saturating_sub(since.unix_ms()));
    Sample::Real(seconds(u64::try_from(ms).unwrap_or(0)))
}
