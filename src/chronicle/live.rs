//! An organisation as it moves: what changes from one look to the next, for people who watch.
//!
//! A look while nothing happens is one or two requests; during a tick, one more for each of its first shards and turns
//! that are not committed yet. Only a tick that closes lets the state be loaded anew, and of the messages only its own
//! are read then.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt as _};
use serde::Serialize;

use super::credits::Budget;
use super::doing::{Doing, UnderWay, doing, reasons};
use super::message::Message;
use super::moment::Moment;
use super::search::{Filter, Ticks, search};
use super::{PARALLEL, settings};
use crate::domain::credits::Credits;
use crate::domain::name::AgentName;
use crate::domain::org::OrgConfig;
use crate::domain::time::{Clock, Tick, Timestamp};
use crate::engine::EngineError;
use crate::record::chain::{Extension, Link};
use crate::record::closed::Closed;
use crate::record::plan::{Plan, SkipReason};
use crate::record::state::{Authors, Problem};
use crate::record::turn::TurnRecord;
use crate::store::{Key, Store};

/// How many messages are kept at hand.
const MESSAGES: usize = 30;

/// How far back messages are looked for at the beginning, in ticks.
const TICKS_BACK: u64 = 20;

/// How many shards and how many turns of an open tick one look asks for.
const AT_ONE_LOOK: usize = 32;

/// An agent at a look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentNow {
    /// Its name.
    pub name: AgentName,
    /// What it does.
    pub doing: Doing,
    /// What its account holds, as of the last closed tick.
    pub credits_left: Credits,
    /// How many messages it had not read then.
    pub unread: usize,
    /// The tick of its last turn.
    pub last_turn: Option<Tick>,
}

/// The open tick at a look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenNow {
    /// Its number.
    pub tick: Tick,
    /// When it was planned.
    pub time: Timestamp,
    /// How many turns it has.
    pub turns: usize,
    /// How many of them are known to be committed.
    pub committed: usize,
}

/// What a person who watches sees.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct View {
    /// What people call the organisation.
    pub org: String,
    /// The last closed tick; 0 before the first.
    pub tick: Tick,
    /// Its clock.
    pub clock: Clock,
    /// When it was planned.
    pub time: Option<Timestamp>,
    /// Whether a person paused the organisation.
    pub paused: bool,
    /// A tick that is not closed.
    pub open: Option<OpenNow>,
    /// The agents, by name.
    pub agents: Vec<AgentNow>,
    /// What the last closed tick cost.
    pub last_tick_credits: Credits,
    /// What all agents together were ever charged.
    pub charged_credits: Credits,
    /// The budget, if there is one.
    pub budget: Option<Budget>,
    /// The newest messages, the newest last.
    pub messages: Vec<Message>,
    /// How many messages more were said in the ticks that the last look found closed: too many to be kept at hand.
    pub messages_left_out: usize,
    /// What a person should know.
    pub problems: Vec<Problem>,
}

/// What is known of the open tick.
#[derive(Debug)]
struct Open {
    plan: Plan,
    skipped: BTreeMap<AgentName, SkipReason>,
    turns: UnderWay,
    /// The next link of each shard that is looked at.
    links: Vec<u32>,
}

/// Whoever watches.
#[derive(Debug)]
pub struct Live {
    store: Store,
    org: OrgConfig,
    moment: Moment,
    /// Whose entries are unread at that moment.
    authors: Authors,
    /// Who was due in the last closed tick and did not run.
    skipped: BTreeMap<AgentName, SkipReason>,
    last_tick_credits: Credits,
    messages: Vec<Message>,
    messages_left_out: usize,
    open: Option<Open>,
}

impl Live {
    /// Begins to watch.
    ///
    /// # Errors
    /// There is no organisation, the store failed, or the records contradict each other.
    pub async fn begin(store: &Store) -> Result<Self, EngineError> {
        let moment = Moment::now(store).await?;
        let mut live = Self {
            store: store.clone(),
            org: settings(store).await?,
            authors: Authors::of(&moment.state),
            moment: moment.clone(),
            skipped: BTreeMap::new(),
            last_tick_credits: Credits::ZERO,
            messages: Vec::new(),
            messages_left_out: 0,
            open: None,
        };
        let last = moment.state.tick;
        let org = live.org.clone();
        live.take_in(moment, org, Tick(last.0.saturating_sub(TICKS_BACK).max(1)), last).await?;
        live.look().await?;
        Ok(live)
    }

    /// Looks whether something happened; the view tells what.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn look(&mut self) -> Result<(), EngineError> {
        let next = self.moment.state.tick.next();
        if self.store.get(&Key::Closed(next)).await?.is_some() {
            let moment = Moment::now(&self.store).await?;
            let org = settings(&self.store).await?;
            self.take_in(moment, org, next, next).await?;
        }
        self.look_at_open().await
    }

    /// What there is to see.
    #[must_use]
    pub fn view(&self, now: Timestamp) -> View {
        let state = &self.moment.state;
        let agents = state.agents.iter().filter(|(_, agent)| agent.present).map(|(name, agent)| AgentNow {
            name: name.clone(),
            doing: self.doing(name),
            credits_left: agent.account.balance,
            unread: self.authors.inbox(state, name, &agent.facts.reads).len(),
            last_turn: agent.last_turn.as_ref().map(|turn| turn.tick),
        });
        View {
            org: self.org.name.clone(),
            tick: state.tick,
            clock: state.clock,
            time: state.time,
            paused: state.paused,
            open: self.open.as_ref().map(|open| OpenNow {
                tick: open.plan.tick,
                time: open.plan.time,
                turns: open.plan.due.len(),
                committed: open.turns.committed.len(),
            }),
            agents: agents.collect(),
            last_tick_credits: self.last_tick_credits,
            charged_credits: state.agents.values().map(|agent| agent.account.charged.total()).sum(),
            budget: Budget::at(&self.org, state, now),
            messages: self.messages.clone(),
            messages_left_out: self.messages_left_out,
            problems: state.problems.clone(),
        }
    }

    fn doing(&self, name: &AgentName) -> Doing {
        let open = self.open.as_ref();
        let skipped = open.map_or(&self.skipped, |open| &open.skipped);
        doing(&self.moment.state, name, open.map(|open| &open.turns), skipped)
    }

    /// Takes in what ticks from `first` on brought that are closed at a moment; those from `news` on were not seen
    /// before. All is read before any of it is kept: what fails is looked at again as a whole.
    async fn take_in(&mut self, moment: Moment, org: OrgConfig, first: Tick, news: Tick) -> Result<(), EngineError> {
        let last = moment.state.tick;
        if last == Tick(0) {
            return Ok(());
        }
        // Whoever was away for long sees the newest of it.
        let earliest = Tick(last.0.saturating_sub(TICKS_BACK).max(1));
        let (first, news) = (first.max(earliest), news.max(earliest));
        let found = search(&moment, &Filter::default(), Ticks { first, last }, MESSAGES).await?;
        let (mut said, mut credits) = (0, Credits::ZERO);
        for tick in (news.0..=last.0).map(Tick) {
            if let Some(closed) = self.store.read::<Closed>(&Key::Closed(tick)).await? {
                said += closed.entries.len();
                credits = closed.turns.values().map(|turn| turn.charge.total()).sum();
            }
        }
        let plan = self.store.read::<Plan>(&Key::Plan(last)).await?;
        let shown = found.messages.iter().filter(|message| message.tick >= news).count();
        self.messages_left_out = said.saturating_sub(shown);
        self.messages.extend(found.messages);
        let excess = self.messages.len().saturating_sub(MESSAGES);
        self.messages.drain(..excess);
        self.last_tick_credits = credits;
        self.authors = Authors::of(&moment.state);
        (self.moment, self.org, self.open) = (moment, org, None);
        self.skipped = plan.as_ref().map(reasons).unwrap_or_default();
        Ok(())
    }

    async fn look_at_open(&mut self) -> Result<(), EngineError> {
        let next = self.moment.state.tick.next();
        if self.open.is_none() {
            let Some(plan) = self.store.read::<Plan>(&Key::Plan(next)).await? else { return Ok(()) };
            let links = vec![0; plan.shards.len().min(AT_ONE_LOOK)];
            let due = plan.due.iter().map(|due| due.agent.clone()).collect();
            let (skipped, turns) = (reasons(&plan), UnderWay { due, ..UnderWay::default() });
            self.open = Some(Open { plan, skipped, turns, links });
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        for (shard, link) in (0..).zip(&mut open.links) {
            while let Some(found) = self.store.read::<Link>(&Key::Link(next, shard, *link)).await? {
                *link += 1;
                match found.what {
                    Extension::Hold { start } => open.turns.held.extend(start),
                    Extension::Release { spent } => {
                        open.turns.held.retain(|name| spent.iter().all(|left| left.agent != *name))
                    }
                    Extension::Seal => {}
                }
            }
        }
        let waited_for =
            open.plan.due.iter().map(|due| &due.agent).filter(|name| !open.turns.committed.contains_key(*name));
        let waited_for: Vec<AgentName> = waited_for.take(AT_ONE_LOOK).cloned().collect();
        let store = &self.store;
        let read = |agent: AgentName| async move { store.read::<TurnRecord>(&Key::Turn(next, agent)).await };
        let mut turns = stream::iter(waited_for).map(read).buffered(PARALLEL);
        while let Some(turn) = turns.next().await {
            open.turns.committed.extend(turn?.map(|turn| (turn.agent, turn.status)));
        }
        Ok(())
    }
}
