//! What follows from the records: who may read what, and who is born.

use std::collections::{BTreeMap, BTreeSet};

use lemming::domain::credits::Credits;
use lemming::domain::ids::Sha;
use lemming::domain::name::AgentName;
use lemming::domain::org::Visibility;
use lemming::domain::position::Position;
use lemming::domain::resume::Resume;
use lemming::domain::time::{Clock, Tick};
use lemming::record::closed::Closed;
use lemming::record::encode;
use lemming::record::plan::{Found, Item, Plan};
use lemming::record::turn::TurnRecord;

use super::{Objects, Seen};

pub(super) struct Entry {
    pub(super) position: Position,
    pub(super) id: uuid::Uuid,
    pub(super) from: AgentName,
    pub(super) mail: bool,
    pub(super) to: Option<Vec<AgentName>>,
    pub(super) clock: Clock,
    /// For whom it is too old: whether they still read it is the engine's choice.
    pub(super) expired: BTreeSet<AgentName>,
}

/// What follows from the records, kept by the auditor alone.
#[derive(Default)]
pub(super) struct Book {
    pub(super) entries: Vec<Entry>,
    pub(super) passed: BTreeMap<AgentName, BTreeSet<Position>>,
    pub(super) resumes: BTreeMap<AgentName, Resume>,
    pub(super) gone: BTreeSet<AgentName>,
    /// What people have touched since.
    pub(super) touched: BTreeSet<String>,
    pub(super) blamed: BTreeMap<AgentName, (u32, BTreeSet<Position>)>,
    pub(super) balances: BTreeMap<AgentName, Credits>,
    pub(super) window: String,
    pub(super) budget: (Credits, Credits),
    pub(super) files: BTreeMap<String, Option<Sha>>,
    /// What a record says that a memory file of ours holds.
    pub(super) memories: BTreeMap<String, (AgentName, Tick, serde_json::Value)>,
    pub(super) outbox: BTreeMap<String, Vec<u8>>,
    /// What left memories, by the folder of its key: tick, part and value.
    pub(super) archived: BTreeMap<String, BTreeMap<(Tick, u32), serde_json::Value>>,
    pub(super) admitted: BTreeSet<String>,
}

impl Book {
    pub(super) fn deliver(
        &mut self,
        objects: &Objects,
        plan: &Plan,
        closed: &Closed,
        turns: &BTreeMap<AgentName, TurnRecord>,
        seen: &mut Seen,
    ) {
        let before: BTreeSet<Position> = self.entries.iter().map(|entry| entry.position).collect();
        for (agent, found) in &plan.found {
            if matches!(found, Found::Gone) {
                self.gone.insert(agent.clone());
            } else {
                self.gone.remove(agent);
            }
            if let Found::Resume { resume, .. } = found {
                let bytes = objects.get(&format!("inputs/{resume}.json")).expect("a pinned resume");
                assert_eq!(Sha::of(bytes), *resume);
                self.resumes.insert(agent.clone(), Resume::parse(bytes, agent).expect("a resume"));
                // A new agent reads from the end of the tick before.
                self.passed.entry(agent.clone()).or_insert_with(|| before.clone());
            }
        }
        for (index, admitted) in (0..).zip(&plan.ingress) {
            if let Item::Mail(mail) = &admitted.item {
                self.entries.push(Entry {
                    position: Position::new(plan.tick, 0, index),
                    id: mail.id,
                    from: mail.from.clone(),
                    mail: true,
                    to: mail.recipients.clone(),
                    clock: plan.clock,
                    expired: BTreeSet::new(),
                });
            }
        }
        for due in &plan.due {
            let (turn, fold) = (&turns[&due.agent], &closed.turns[&due.agent]);
            let reads = &self.resumes[&due.agent].permissions.read_outboxes;
            let sees = |entry: &&Entry| {
                plan.visibility == Visibility::Ordered || entry.position.tick < plan.tick || entry.position.rank == 0
            };
            let may = |entry: &Entry| {
                entry.from != due.agent
                    && (entry.mail || reads.allows(&entry.from))
                    && entry.to.as_ref().is_none_or(|to| to.contains(&due.agent))
            };
            let passed = self.passed.get_mut(&due.agent).expect("a due agent is known");
            let visible: Vec<&Entry> = self.entries.iter().filter(sees).collect();
            let unread: Vec<&&Entry> =
                visible.iter().filter(|entry| !passed.contains(&entry.position) && may(entry)).collect();
            let got: Vec<(Position, uuid::Uuid)> = turn.inbox.iter().map(|read| (read.position, read.id)).collect();
            let shown: BTreeSet<Position> = got.iter().map(|(position, _)| *position).collect();
            let alive =
                unread.iter().filter(|entry| shown.contains(&entry.position) || !entry.expired.contains(&due.agent));
            let want: Vec<(Position, uuid::Uuid)> = alive.map(|entry| (entry.position, entry.id)).collect();
            let cut = got.len() < want.len() && Some(turn.inbox_end) == got.last().map(|(position, _)| *position);
            if cut {
                assert_eq!(got, want[..got.len()], "the inbox of {} in tick {}", due.agent, plan.tick);
            } else {
                assert_eq!(got, want, "the inbox of {} in tick {}", due.agent, plan.tick);
            }
            let upto = |end: Position| {
                visible.iter().map(|entry| entry.position).filter(move |position| *position <= end).collect::<Vec<_>>()
            };
            if turn.status.is_good() {
                seen.read += got.len() as u64;
                assert_eq!(fold.cursor, Some(turn.inbox_end));
                passed.extend(upto(turn.inbox_end));
                self.blamed.remove(&due.agent);
                for (index, entry) in (0..).zip(&turn.effects.outbox) {
                    assert_eq!((&entry.agent, entry.tick), (&due.agent, plan.tick));
                    let path = format!("agents/{}/outbox/{:08}_{}.json", due.agent, plan.tick.0, entry.id);
                    assert!(self.outbox.insert(path, encode(entry)).is_none(), "an id was used twice");
                    self.entries.push(Entry {
                        position: Position::new(plan.tick, due.rank, index),
                        id: entry.id,
                        from: entry.agent.clone(),
                        mail: false,
                        to: entry.recipients.clone(),
                        clock: plan.clock,
                        expired: BTreeSet::new(),
                    });
                }
                continue;
            }
            let kind = turn.failure.as_ref().expect("a failed turn says why").kind;
            if kind.mail_can_have_caused() && !got.is_empty() {
                let first = || (0, upto(turn.inbox_end).into_iter().collect());
                let blamed = self.blamed.entry(due.agent.clone()).or_insert_with(first);
                blamed.0 += 1;
                if blamed.0 == 3 {
                    let (_, given_up) = self.blamed.remove(&due.agent).unwrap_or_default();
                    // What is too old for this reader and still there for others may be among them, or be passed over.
                    let alive: BTreeSet<Position> = want.iter().map(|(position, _)| *position).collect();
                    let letters = unread.iter().map(|entry| entry.position).filter(|p| given_up.contains(p));
                    let letters = letters.filter(|p| alive.contains(p) || fold.dead_letters.contains(p));
                    assert_eq!(
                        fold.dead_letters,
                        letters.collect::<Vec<_>>(),
                        "the dead letters of {} in tick {}",
                        due.agent,
                        plan.tick
                    );
                    passed.extend(given_up);
                    continue;
                }
            }
            assert_eq!((fold.cursor, fold.dead_letters.len()), (None, 0), "a failed turn leaves its mail unread");
        }
        self.bear(objects, plan, closed, turns);
        self.age(closed);
    }

    /// Entries expire at the age that the settings say, and for nobody who is there and may read them before two of its
    /// periods. For who is gone, what it could read when it left is kept, and nothing else.
    fn age(&mut self, closed: &Closed) {
        for entry in &mut self.entries {
            let age = closed.clock.0.saturating_sub(entry.clock.0);
            let is_old = age > i64::from(closed.max_outbox_age_ticks);
            let too_late = self.resumes.iter().filter(|(name, resume)| {
                let reads = entry.mail || resume.permissions.read_outboxes.allows(&entry.from);
                let is_gone = self.gone.contains(*name);
                let periods = i64::try_from(resume.schedule.run_every_n_ticks.get().saturating_mul(2));
                (is_gone && !reads) || (is_old && (is_gone || !reads || age > periods.unwrap_or(i64::MAX)))
            });
            entry.expired.extend(too_late.map(|(name, _)| name.clone()));
        }
    }

    /// Of those who ask for a name that nobody ever had, the one of the lowest rank gets it.
    fn bear(&mut self, objects: &Objects, plan: &Plan, closed: &Closed, turns: &BTreeMap<AgentName, TurnRecord>) {
        let mut born = BTreeMap::new();
        for due in &plan.due {
            for child in &turns[&due.agent].effects.creates {
                let name = &child.resume.name;
                if !self.resumes.contains_key(name) && !born.contains_key(name) {
                    born.insert(name.clone(), (due, child));
                }
            }
        }
        assert_eq!(
            born.keys().collect::<Vec<_>>(),
            closed.born.keys().collect::<Vec<_>>(),
            "born in tick {}",
            plan.tick
        );
        for (name, (creator, child)) in born {
            let fold = &closed.born[&name];
            assert_eq!((&fold.by, fold.credits), (&creator.agent, child.credits));
            let bytes = objects.get(&format!("inputs/{}.json", fold.resume)).expect("a pinned resume");
            assert_eq!(Sha::of(bytes), fold.resume);
            let path = format!("agents/{name}/resume.json");
            assert!(self.touched.contains(&path) || objects.get(&path) == Some(bytes), "{path} is another");
            let resume = Resume::parse(bytes, &name).expect("a resume");
            let of_creator = &self.resumes[&creator.agent].permissions;
            assert_eq!(resume.permissions.excess_over(of_creator, &creator.agent), None, "{name}");
            // It reads what its creator said in that turn, and nothing that was said before.
            let said_before = |entry: &&Entry| {
                entry.position.tick < plan.tick
                    || entry.position.rank
                        < creator.rank.min(if plan.visibility == Visibility::Ordered { u32::MAX } else { 1 })
            };
            let before = self.entries.iter().filter(said_before).map(|entry| entry.position).collect();
            assert!(self.passed.insert(name.clone(), before).is_none());
            self.resumes.insert(name, resume);
        }
    }
}
