//! Walks through the records from a cursor on, and says what they tell.
//!
//! A look reads; what was read is then taken. Each record is read once, and each look is bounded: while nothing is open
//! it is one request; in an open tick one, and one more for each shard and each turn that is worked on, up to
//! [`AT_ONE_LOOK`] of either; of a closed tick up to [`CHUNK`] turns. Only where a tick begins is the state before it
//! loaded, once for a walk.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures::stream::{self, StreamExt as _};

use super::cursor::{Cursor, Part, Turn, Turns};
use super::derive::{self, Before};
use super::event::{Told, What};
use crate::chronicle::PARALLEL;
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::domain::time::{Tick, Timestamp};
use crate::engine::{EngineError, apply, load_at};
use crate::record::chain::{Extension, Link};
use crate::record::closed::Closed;
use crate::record::plan::Plan;
use crate::record::state::State;
use crate::record::turn::TurnRecord;
use crate::store::{Key, Store};

/// How many shards, and how many turns, of an open tick one look asks for.
pub const AT_ONE_LOOK: usize = 32;

/// How many turns of a closed tick one look reads.
pub const CHUNK: usize = 16;

/// What comes after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There is more to be told: look again at once.
    Now,
    /// A tick is open: something may happen at any moment.
    Open,
    /// Nothing is open, or all was told up to where the walk ends.
    Idle,
    /// The cursor is of another organisation, or of a time that was taken back: its tick is not there.
    Lost,
}

/// A walk through the records.
#[derive(Debug)]
pub struct Walk {
    store: Store,
    cursor: Cursor,
    /// The state after the last tick of which everything was told; read once a tick comes after it.
    state: Option<State>,
    open: Option<Open>,
    /// Where it ends.
    until: Option<Cursor>,
}

/// The tick of which not everything was told.
#[derive(Debug)]
struct Open {
    plan: Plan,
    places: BTreeMap<AgentName, usize>,
    chains: Vec<Chain>,
    /// The last chain and the last turn that were asked for: the next look begins behind them.
    asked: (usize, usize),
    /// Turns that somebody works on, or has worked on.
    waiting: BTreeSet<usize>,
    /// What was found and not taken yet.
    found: VecDeque<Found>,
    closed: Option<Box<(Closed, Sha)>>,
    /// The end of the latest turn that was read.
    latest: Timestamp,
}

#[derive(Debug, Clone, Default)]
struct Chain {
    next: u32,
    is_sealed: bool,
}

#[derive(Debug)]
enum Found {
    Started(usize),
    Ended(usize, Box<TurnRecord>),
}

impl Open {
    fn new(plan: Plan) -> Self {
        let places = (0..).zip(&plan.due).map(|(place, due)| (due.agent.clone(), place)).collect();
        let (chains, latest) = (vec![Chain::default(); plan.shards.len()], plan.time);
        let (waiting, found) = (BTreeSet::new(), VecDeque::new());
        Self { plan, places, chains, asked: (0, 0), waiting, found, closed: None, latest }
    }

    /// Takes note of a link of a shard's chain.
    fn extend(&mut self, shard: usize, link: Link) {
        let Some(chain) = self.chains.get_mut(shard) else { return };
        chain.next += 1;
        let places = |names: &[AgentName]| -> Vec<usize> {
            names.iter().filter_map(|name| self.places.get(name).copied()).collect()
        };
        match link.what {
            Extension::Hold { start } => {
                let places = places(&start);
                self.found.extend(places.iter().copied().map(Found::Started));
                self.waiting.extend(places);
            }
            Extension::Release { spent } => {
                let names: Vec<AgentName> = spent.into_iter().map(|left| left.agent).collect();
                for place in places(&names) {
                    self.waiting.remove(&place);
                }
            }
            // All its turns are committed, also those that nobody held.
            Extension::Seal => {
                chain.is_sealed = true;
                let places = self.plan.shards.get(shard).map(|names| places(names)).unwrap_or_default();
                self.waiting.extend(places);
            }
        }
    }

    /// Of some places those that come next, `limit` at most, beginning behind the last one.
    fn next(places: impl Iterator<Item = usize> + Clone, last: usize, limit: usize) -> Vec<usize> {
        let later = places.clone().filter(|place| *place > last);
        later.chain(places.filter(|place| *place <= last)).take(limit).collect()
    }
}

impl Walk {
    /// A walk from a cursor on, without end.
    #[must_use]
    pub fn from(store: &Store, cursor: Cursor) -> Self {
        Self { store: store.clone(), cursor, state: None, open: None, until: None }
    }

    /// A walk from the last closed tick of a state on, without end.
    #[must_use]
    pub fn behind(store: &Store, state: State) -> Self {
        let cursor = Cursor::after(state.tick);
        Self { state: Some(state), ..Self::from(store, cursor) }
    }

    /// The same, ending where everything was told that was told at that cursor, and nothing else. There it must be
    /// neither within a plan nor within the end of a turn or of a tick.
    #[must_use]
    pub fn until(self, until: Cursor) -> Self {
        Self { until: Some(until), ..self }
    }

    /// How far it has come.
    #[must_use]
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Reads what there is now. What it found is to be taken before it looks again.
    ///
    /// # Errors
    /// The store failed, or the records contradict each other. What was found before is kept: look again later.
    pub async fn look(&mut self) -> Result<Next, EngineError> {
        if self.until.as_ref().is_some_and(|until| self.cursor.covers(until)) {
            return Ok(Next::Idle);
        }
        let tick = self.cursor.last_whole().next();
        let Some(open) = &mut self.open else { return self.open(tick).await };
        let told = match &self.cursor.part {
            Part::Turns(turns) => turns,
            Part::Closing(_) => return self.look_at_close(tick).await,
            // Its plan is to be taken first.
            Part::Opening(_) | Part::Whole => return Ok(Next::Now),
        };
        if !open.found.is_empty() {
            return Ok(Next::Now);
        }
        if let Some((place, _)) = told.part() {
            if place >= open.plan.due.len() {
                return Ok(Next::Lost);
            }
            let is_there = self.read(tick, vec![place], false).await?;
            return Ok(if is_there { Next::Now } else { Next::Lost });
        }
        if let Some(until) = self.until.as_ref().filter(|until| until.tick == tick).and_then(Cursor::turns) {
            let known =
                (told.first()..open.plan.due.len()).filter(|place| told.get(*place) < until.get(*place)).take(CHUNK);
            let (ended, begun): (Vec<_>, Vec<_>) = known.partition(|place| until.get(*place) == Turn::Ended);
            open.found.extend(begun.iter().copied().map(Found::Started));
            let is_more = !(ended.is_empty() && begun.is_empty());
            self.read(tick, ended, true).await?;
            return Ok(if is_more { Next::Now } else { Next::Idle });
        }
        if open.closed.is_some() || self.read_closed(tick).await? {
            return self.look_at_close(tick).await;
        }
        self.look_at_open(tick).await?;
        Ok(Next::Open)
    }

    /// What was found and is to be told next; nothing where a look is due. `now` is when that is seen of which the
    /// records do not know the time.
    pub fn take(&mut self, now: Timestamp) -> Option<Vec<Told>> {
        let (open, state) = (self.open.as_mut()?, self.state.as_mut()?);
        let (tick, time) = (open.plan.tick, open.plan.time);
        let all_ended = |turns: &Turns| turns.first() >= open.plan.due.len();
        let told = match &self.cursor.part {
            Part::Whole => Some(0),
            Part::Opening(told) => Some(*told),
            Part::Turns(_) | Part::Closing(_) => None,
        };
        if let Some(told) = told {
            let begun = Cursor { tick, part: Part::Opening(told) };
            let events = numbered(derive::opening(&open.plan, state), told, time, |told, all| begun.opening(told, all));
            self.cursor = begun.opening(1, 1);
            return Some(events);
        }
        let told = match (&self.cursor.part, open.found.pop_front()) {
            (Part::Turns(_), Some(found)) => return Some(self.tell(found, now)),
            (Part::Turns(turns), None) if open.closed.is_some() && all_ended(turns) => 0,
            (Part::Closing(told), _) => *told,
            _ => return None,
        };
        let (closed, sha) = *open.closed.take()?;
        let before = Before::of(&closed, state);
        apply(state, &closed, sha);
        let whats = derive::closing(&open.plan, &closed, &before, state, open.latest);
        let events = numbered(whats, told, open.latest, |told, all| self.cursor.closing(told, all));
        self.cursor = Cursor::after(tick);
        self.open = None;
        Some(events)
    }

    /// Tells what was found of a turn.
    fn tell(&mut self, found: Found, now: Timestamp) -> Vec<Told> {
        let Some(open) = &mut self.open else { return Vec::new() };
        let Some(turns) = self.cursor.turns() else { return Vec::new() };
        let (place, turn) = match found {
            Found::Started(place) => (place, None),
            Found::Ended(place, turn) => (place, Some(turn)),
        };
        let mut events = Vec::new();
        if turns.get(place) == Turn::Due
            && let Some(due) = open.plan.due.get(place)
        {
            let time = turn.as_ref().map_or(now, |turn| turn.started_at);
            self.cursor = self.cursor.started(place);
            events.push(Told::new(self.cursor.clone(), time, What::TurnStarted { agent: due.agent.clone() }));
        }
        let Some(turn) = turn else { return events };
        open.waiting.remove(&place);
        let Some(turns) = self.cursor.turns().filter(|turns| turns.get(place) != Turn::Ended) else { return events };
        let told = turns.part().filter(|(partly, _)| *partly == place).map_or(0, |(_, told)| told);
        let ended = turn.ended_at().max(open.plan.time);
        open.latest = open.latest.max(ended);
        let whats = derive::ending(&turn, open.plan.time);
        events.extend(numbered(whats, told, ended, |told, all| self.cursor.ending(place, told, all)));
        self.cursor = self.cursor.ending(place, 1, 1);
        events
    }

    async fn open(&mut self, tick: Tick) -> Result<Next, EngineError> {
        let Some(plan) = self.store.read::<Plan>(&Key::Plan(tick)).await? else {
            return Ok(if self.cursor.part == Part::Whole { Next::Idle } else { Next::Lost });
        };
        if self.state.is_none() {
            self.state = Some(load_at(&self.store, tick.previous()).await?);
        }
        self.open = Some(Open::new(plan));
        Ok(Next::Now)
    }

    async fn read_closed(&mut self, tick: Tick) -> Result<bool, EngineError> {
        let Some((closed, bytes)) = self.store.read_with_bytes::<Closed>(&Key::Closed(tick)).await? else {
            return Ok(false);
        };
        if self.state.as_ref().is_none_or(|state| state.closed != closed.previous) {
            let message = "closed.json does not name the hash of the one before".to_owned();
            return Err(EngineError::Damaged { tick, message });
        }
        let Some(open) = &mut self.open else { return Ok(false) };
        open.closed = Some(Box::new((closed, Sha::of(&bytes))));
        Ok(true)
    }

    /// Reads some of the turns of a closed tick that were not told yet.
    async fn look_at_close(&mut self, tick: Tick) -> Result<Next, EngineError> {
        let Some(open) = &self.open else { return Ok(Next::Now) };
        if open.closed.is_none() && !self.read_closed(tick).await? {
            // Told of a close that there is not.
            return Ok(Next::Lost);
        }
        let (Some(open), Some(turns)) = (&self.open, self.cursor.turns()) else { return Ok(Next::Now) };
        let missing = (turns.first()..open.plan.due.len()).filter(|place| turns.get(*place) != Turn::Ended);
        let missing = missing.take(CHUNK).collect();
        self.read(tick, missing, true).await?;
        Ok(Next::Now)
    }

    async fn look_at_open(&mut self, tick: Tick) -> Result<(), EngineError> {
        let (Some(open), store) = (&mut self.open, &self.store) else { return Ok(()) };
        let unsealed = (0..open.chains.len()).filter(|shard| !open.chains[*shard].is_sealed);
        let shards = Open::next(unsealed, open.asked.0, AT_ONE_LOOK);
        let asked: Vec<(usize, u32)> = shards.iter().map(|shard| (*shard, open.chains[*shard].next)).collect();
        let read = |(shard, next): (usize, u32)| async move {
            let number = u32::try_from(shard).unwrap_or(u32::MAX);
            let mut links = Vec::new();
            for seq in next.. {
                match store.read::<Link>(&Key::Link(tick, number, seq)).await? {
                    Some(link) => links.push(link),
                    None => break,
                }
            }
            Ok::<_, EngineError>((shard, links))
        };
        let mut read = stream::iter(asked).map(read).buffered(PARALLEL);
        while let Some(found) = read.next().await {
            let (shard, links) = found?;
            open.asked.0 = shard;
            links.into_iter().for_each(|link| open.extend(shard, link));
        }
        drop(read);
        let turns = self.cursor.turns();
        let waiting = open.waiting.iter().copied();
        let waiting = waiting.filter(|place| turns.is_some_and(|turns| turns.get(*place) != Turn::Ended));
        let places = Open::next(waiting, open.asked.1, AT_ONE_LOOK);
        self.read(tick, places, false).await?;
        Ok(())
    }

    /// Reads turns, some at once; says whether there was any. Where they `must` be there a missing one is an error.
    async fn read(&mut self, tick: Tick, places: Vec<usize>, must: bool) -> Result<bool, EngineError> {
        let (Some(open), store) = (&mut self.open, &self.store) else { return Ok(false) };
        let names = places.into_iter().filter_map(|place| Some((place, open.plan.due.get(place)?.agent.clone())));
        let names: Vec<(usize, AgentName)> = names.collect();
        let read = |(place, name): (usize, AgentName)| async move {
            let key = Key::Turn(tick, name);
            match store.read::<TurnRecord>(&key).await? {
                None if must => Err(EngineError::Damaged { tick, message: format!("{key} is missing") }),
                turn => Ok((place, turn)),
            }
        };
        let mut read = stream::iter(names).map(read).buffered(PARALLEL);
        let mut is_there = false;
        while let Some(found) = read.next().await {
            let (place, turn) = found?;
            open.asked.1 = place;
            is_there |= turn.is_some();
            open.found.extend(turn.map(|turn| Found::Ended(place, Box::new(turn))));
        }
        Ok(is_there)
    }
}

/// Events with the cursors behind them, without the first ones, which were told.
fn numbered(whats: Vec<What>, told: usize, time: Timestamp, cursor: impl Fn(usize, usize) -> Cursor) -> Vec<Told> {
    let all = whats.len();
    (1..).zip(whats).skip(told).map(|(place, what)| Told::new(cursor(place, all), time, what)).collect()
}
