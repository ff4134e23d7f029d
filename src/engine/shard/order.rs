//! Which turns of a shard may begin: in ordered mode, those for which all that they read of lower
//! rank is committed.

use std::collections::BTreeMap;

use super::super::run::Run;
use crate::domain::name::AgentName;
use crate::domain::org::Visibility;
use crate::mutant::{self, Mutant};

/// The dependencies between the turns of a shard. A turn is known by its place in the shard.
#[derive(Debug)]
pub(super) struct Order {
    places: BTreeMap<AgentName, usize>,
    turns: Vec<Turn>,
    /// All turns before this place are committed.
    first_open: usize,
    /// The last turn that reads everybody.
    last_waiting_for_all: Option<usize>,
    /// How many are not committed.
    open: usize,
}

#[derive(Debug, Default)]
struct Turn {
    is_committed: bool,
    /// Reads everybody, and so waits for all turns before it.
    waits_for_all: bool,
    /// How many turns it waits for by name.
    waits_for: usize,
    /// The turns that wait for it by name.
    awaited_by: Vec<usize>,
}

impl Order {
    /// The order of a shard's agents, given in canonical order.
    pub(super) fn new(run: &Run, agents: &[AgentName]) -> Self {
        let places: BTreeMap<AgentName, usize> =
            agents.iter().enumerate().map(|(place, agent)| (agent.clone(), place)).collect();
        let mut turns: Vec<Turn> = agents.iter().map(|_| Turn::default()).collect();
        if run.plan.value.visibility == Visibility::Ordered {
            for (place, agent) in agents.iter().enumerate() {
                let Some(reads) = run.agent(agent).map(|agent| &agent.facts.reads) else { continue };
                turns[place].waits_for_all = reads.is_everybody();
                if reads.is_everybody() {
                    continue;
                }
                // Who ranks before it and is read by it is in the same shard: no cut parts them.
                for other in reads.names().iter().filter_map(|name| places.get(name)).filter(|other| **other < place) {
                    turns[place].waits_for += 1;
                    turns[*other].awaited_by.push(place);
                }
            }
        }
        let last_waiting_for_all = turns.iter().rposition(|turn| turn.waits_for_all);
        Self { places, open: turns.len(), turns, first_open: 0, last_waiting_for_all }
    }

    /// The place of an agent in the shard.
    pub(super) fn place(&self, agent: &AgentName) -> Option<usize> {
        self.places.get(agent).copied()
    }

    /// Says whether a turn waits for none that is not committed.
    pub(super) fn is_ready(&self, place: usize) -> bool {
        if mutant::is(Mutant::TurnsWaitForWhatTheyRead) {
            return true;
        }
        self.turns
            .get(place)
            .is_some_and(|turn| if turn.waits_for_all { self.first_open >= place } else { turn.waits_for == 0 })
    }

    /// Says whether turns that are not committed wait for this one.
    pub(super) fn is_awaited(&self, place: usize) -> bool {
        self.last_waiting_for_all.is_some_and(|last| last > place)
            || self.turns.get(place).is_some_and(|turn| !turn.awaited_by.is_empty())
    }

    /// Says whether a turn is committed.
    pub(super) fn is_committed(&self, place: usize) -> bool {
        self.turns.get(place).is_some_and(|turn| turn.is_committed)
    }

    /// Says whether all are committed.
    pub(super) fn is_done(&self) -> bool {
        self.open == 0
    }

    /// Notes a committed turn.
    pub(super) fn commit(&mut self, agent: &AgentName) {
        let Some(place) = self.place(agent) else { return };
        let turn = &mut self.turns[place];
        if std::mem::replace(&mut turn.is_committed, true) {
            return;
        }
        self.open -= 1;
        for waiting in std::mem::take(&mut turn.awaited_by) {
            self.turns[waiting].waits_for -= 1;
        }
        while self.is_committed(self.first_open) {
            self.first_open += 1;
        }
    }
}
