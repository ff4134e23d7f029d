//! What was said: every entry reached each of its readers once and in order, and every letter went
//! through the right hands and came home once.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::{Findings, Records, Witness};
use crate::chaos::organisation::{agents, route};
use crate::domain::name::AgentName;
use crate::domain::position::Position;
use crate::record::plan::Item;

/// What became of what was said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// Messages to agents, people's letters among them.
    pub to_agents: u64,
    /// Of these, such as one good turn of their reader read.
    pub once: u64,
    /// Such as more than one read.
    pub twice: u64,
    /// Such as none read.
    pub never: u64,
    /// Letters that were sent.
    pub letters: u64,
    /// Letters that came home, once each, through the right hands.
    pub home: u64,
}

/// Something that was said to an agent.
struct Entry {
    position: Position,
    id: Uuid,
    to: AgentName,
    /// Good turns of the reader that read it.
    reads: u64,
}

/// What was said so far, and how far everybody has read.
pub(super) struct Letters<'a> {
    witness: &'a Witness,
    entries: Vec<Entry>,
    ids: BTreeSet<Uuid>,
    cursors: BTreeMap<AgentName, Position>,
    /// The hands of the letters that came home, by their numbers.
    home: BTreeMap<u64, Vec<Vec<String>>>,
    admitted: Vec<Uuid>,
    violations: Vec<String>,
}

impl<'a> Letters<'a> {
    pub(super) fn new(witness: &'a Witness) -> Self {
        Self {
            witness,
            entries: Vec::new(),
            ids: BTreeSet::new(),
            cursors: agents().into_iter().map(|agent| (agent, Position::START)).collect(),
            home: BTreeMap::new(),
            admitted: Vec::new(),
            violations: Vec::new(),
        }
    }

    pub(super) fn tick(&mut self, records: &Records) {
        let tick = records.tick;
        let mail = records.plan.ingress.iter().filter_map(|admitted| match &admitted.item {
            Item::Mail(mail) => Some(mail),
            Item::Control(_) => None,
        });
        for (index, mail) in (0..).zip(mail) {
            self.admitted.push(mail.id);
            self.say(Position::new(tick, 0, index), mail.id, mail.recipients.as_deref());
        }
        // Who ranks before a reader is not read in the same tick: everybody sees closed ticks only.
        for turn in records.turns.values() {
            self.read(records, turn);
        }
        for turn in records.turns.values().filter(|turn| turn.status.is_good()) {
            for (index, entry) in (0..).zip(&turn.effects.outbox) {
                self.say(Position::new(tick, turn.rank, index), entry.id, entry.recipients.as_deref());
                if entry.recipients.iter().flatten().any(AgentName::is_human) {
                    let number = entry.payload.get("letter").and_then(serde_json::Value::as_u64).unwrap_or(0);
                    let hands = entry.payload.get("hands").cloned().unwrap_or_default();
                    let hands = serde_json::from_value(hands).unwrap_or_default();
                    self.home.entry(number).or_default().push(hands);
                }
            }
        }
    }

    fn say(&mut self, position: Position, id: Uuid, to: Option<&[AgentName]>) {
        if !self.ids.insert(id) {
            self.violations.push(format!("{position}: the message {id} was said a second time"));
        }
        let Some(to) = to else {
            self.violations.push(format!("{position}: a message to nobody in particular"));
            return;
        };
        for to in to.iter().filter(|to| !to.is_human()) {
            self.entries.push(Entry { position, id, to: to.clone(), reads: 0 });
        }
    }

    /// A turn reads what is after its reader's cursor and for it, in order, and nothing else.
    fn read(&mut self, records: &Records, turn: &crate::record::turn::TurnRecord) {
        let (tick, reader) = (records.tick, &turn.agent);
        let cursor = self.cursors.get(reader).copied().unwrap_or(Position::START);
        let end = Position::end_of_rank(tick, 0);
        let mut unread: Vec<&mut Entry> =
            self.entries.iter_mut().filter(|e| e.to == *reader && e.position > cursor && e.position <= end).collect();
        unread.sort_by_key(|entry| entry.position);
        let read: Vec<(Position, Uuid)> = turn.inbox.iter().map(|read| (read.position, read.id)).collect();
        let expected: Vec<(Position, Uuid)> = unread.iter().map(|entry| (entry.position, entry.id)).collect();
        if read != expected {
            let (read, expected) = (read.len(), expected.len());
            let what = format!("read {read} messages that are not the {expected} that were for it and unread");
            self.violations.push(format!("tick {tick}: {reader} {what}"));
        }
        let folded = records.closed.turns.get(reader).and_then(|fold| fold.cursor);
        if !turn.status.is_good() {
            // Its mail stays unread, unless it is given up after three such turns.
            if let Some(cursor) = folded {
                self.cursors.insert(reader.clone(), cursor);
            }
            return;
        }
        // By what the record says it read, so that what was read twice is seen.
        for (position, id) in read {
            let found = self.entries.iter_mut().find(|e| e.to == *reader && (e.position, e.id) == (position, id));
            if let Some(entry) = found {
                entry.reads += 1;
            }
        }
        if folded != Some(turn.inbox_end) {
            self.violations.push(format!("tick {tick}: the cursor of {reader} is not where its inbox ended"));
        }
        self.cursors.insert(reader.clone(), turn.inbox_end);
    }

    pub(super) fn finish(mut self, findings: &mut Findings) {
        let mut delivered = Delivered { letters: self.witness.letters.len() as u64, ..Delivered::default() };
        for entry in &self.entries {
            delivered.to_agents += 1;
            match entry.reads {
                1 => delivered.once += 1,
                0 => {
                    delivered.never += 1;
                    self.violations.push(format!("{}: {} never read a message to it", entry.position, entry.to));
                }
                n => {
                    delivered.twice += 1;
                    self.violations.push(format!("{}: {} read a message {n} times", entry.position, entry.to));
                }
            }
        }
        let (mut admitted, mut sent) = (self.admitted, self.witness.letters.clone());
        admitted.sort_unstable();
        sent.sort_unstable();
        if admitted != sent {
            let (admitted, sent) = (admitted.len(), sent.len());
            self.violations.push(format!("{sent} letters were sent, and other {admitted} were admitted"));
        }
        for number in 1..=self.witness.letters.len() {
            let right = route(number);
            let came = self.home.remove(&(number as u64)).unwrap_or_default();
            match &came[..] {
                [hands] if *hands == right => delivered.home += 1,
                [hands] => {
                    let hands = hands.join(", ");
                    self.violations.push(format!("letter {number} came home through {hands}"));
                }
                _ => self.violations.push(format!("letter {number} came home {} times", came.len())),
            }
        }
        for number in self.home.keys() {
            self.violations.push(format!("letter {number} came home, and nobody sent it"));
        }
        findings.messages = delivered;
        findings.violations.append(&mut self.violations);
    }
}
