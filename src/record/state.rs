//! The state of an organisation after a tick: a checkpoint, rebuilt from the ticks at any time.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::approval::Waiting;
use super::record;
use super::turn::Status;
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::name::{AgentName, IngressName, ModelKey};
use crate::domain::pace::Anchor;
use crate::domain::position::Position;
use crate::domain::resume::{ReadList, Resume};
use crate::domain::schedule::Schedule;
use crate::domain::time::{Clock, Tick, Timestamp};
use crate::mutant::{self, Mutant};

/// Something a person should know, and what to do about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable word for its sort, such as `broken_resume`.
    pub kind: String,
    /// Whom it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// The file it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// What planning reads of a resume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// A disabled agent is never due.
    pub enabled: bool,
    /// When it runs.
    pub schedule: Schedule,
    /// Whose outboxes it reads.
    pub reads: ReadList,
    /// What its account opens with, and what top-ups lift it to.
    pub max_credits: Credits,
    /// What its account opens with, where that is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening_credits: Option<Credits>,
}

impl Problem {
    /// A problem of the organisation, with a stable word for its sort.
    #[must_use]
    pub fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), agent: None, path: None, message: message.into() }
    }

    /// The same problem, of one agent.
    #[must_use]
    pub fn of(self, agent: &AgentName) -> Self {
        Self { agent: Some(agent.clone()), ..self }
    }

    /// The same problem, in one file.
    #[must_use]
    pub fn at(self, path: impl Into<String>) -> Self {
        Self { path: Some(path.into()), ..self }
    }
}

impl Facts {
    /// Takes the facts from a resume.
    #[must_use]
    pub fn of(resume: &Resume) -> Self {
        Self {
            enabled: resume.enabled,
            schedule: resume.schedule.clone(),
            reads: resume.permissions.read_outboxes.clone(),
            max_credits: resume.credits.max_credits,
            opening_credits: Some(resume.credits.opening()).filter(|opening| *opening < resume.credits.max_credits),
        }
    }
}

/// What was charged, by what became of the calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Charge {
    /// Calls with an answer, and `cost_per_action`.
    #[serde(default, skip_serializing_if = "Credits::is_zero_ref")]
    pub paid: Credits,
    /// Calls that were sent and not answered, at their worst case.
    #[serde(default, skip_serializing_if = "Credits::is_zero_ref")]
    pub unanswered: Credits,
    /// Licences that ended with their runner, at their ceiling.
    #[serde(default, skip_serializing_if = "Credits::is_zero_ref")]
    pub forfeited: Credits,
}

impl Charge {
    /// The sum of the three.
    #[must_use]
    pub fn total(self) -> Credits {
        self.paid + self.unanswered + self.forfeited
    }
}

impl std::ops::AddAssign for Charge {
    fn add_assign(&mut self, other: Self) {
        self.paid += other.paid;
        self.unanswered += other.unanswered;
        self.forfeited += other.forfeited;
    }
}

/// An agent's account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// What is left.
    pub balance: Credits,
    /// What was put in: the opening, top-ups, a creator's gift.
    pub received: Credits,
    /// What was charged over all ticks.
    pub charged: Charge,
}

/// How an agent's last turn went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LastTurn {
    /// In which tick.
    pub tick: Tick,
    /// How.
    pub status: Status,
    /// At which clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// The model that did not answer it, if that is why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreached: Option<ModelKey>,
}

/// The failures in a row that the mail can have caused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MailFailures {
    /// How many.
    pub count: u32,
    /// The end of the inbox of the first of them.
    pub first_inbox_end: Position,
}

/// One agent as the records know it. A removed one keeps cursor and balance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentState {
    /// Whether its folder has a resume.
    pub present: bool,
    /// Whether that resume could not be read when it was last checked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broken: bool,
    /// Paused by a person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// The last good version of its resume.
    pub resume: Sha,
    /// What planning reads of it.
    pub facts: Facts,
    /// Its money.
    pub account: Account,
    /// Everything at or below was read, or was not readable.
    pub cursor: Position,
    /// Its last turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_turn: Option<LastTurn>,
    /// How many turns it had.
    pub turns: u64,
    /// How many of its last turns failed in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// Those that the mail can have caused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_failures: Option<MailFailures>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// The organisation's budget in its present window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BudgetState {
    /// The window: `total`, a day (`2026-11-22`) or a month (`2026-11`), in UTC.
    pub window: String,
    /// Charged in it.
    pub charged: Credits,
    /// Added to it by top-ups.
    pub topped_up: Credits,
}

/// An entry that somebody has not read yet; its content is in its turn record or plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unread {
    /// Where it stands.
    pub position: Position,
    /// Its id.
    pub id: Uuid,
    /// Who said it; for admitted mail, the sender that it names.
    pub from: AgentName,
    /// Whether it came through the ingress: then its recipients alone decide who may read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mail: bool,
    /// To whom; absent: everyone who may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<AgentName>>,
    /// The clock of its tick: its age counts from there.
    pub clock: Clock,
    /// How many turns by mail alone led to it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u32,
}

impl Unread {
    /// Says whether an agent with these facts may read the entry.
    #[must_use]
    pub fn readable_by(&self, name: &AgentName, reads: &ReadList) -> bool {
        self.from != *name
            && (self.mail || reads.allows(&self.from))
            && self.to.as_ref().is_none_or(|to| to.contains(name))
    }
}

/// The version of a file that the records hold as true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileState {
    /// The hash of the bytes; absent: deleted.
    pub sha256: Option<Sha>,
    /// The tick that made it so.
    pub tick: Tick,
    /// The agent whose turn record or import holds the content; absent: the plan does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// The tick of our own last deletion: a missing file may be that one, arrived late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Tick>,
    /// First 16 digits of the hashes of older versions of ours, newest last, at most 64.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub versions: VecDeque<String>,
}

impl FileState {
    /// Says whether a missing file may be our own deletion, arrived late, rather than a person's. `looked_at` is the
    /// last tick at which it would have been missed: now, for whoever looks now.
    #[must_use]
    pub fn may_miss_by_our_deletion(&self, looked_at: Tick) -> bool {
        !mutant::is(Mutant::OwnDeletionsAreKnown)
            && self.deleted.is_some_and(|deleted| looked_at.0 <= deleted.0 + OWN_DELETION_TICKS)
    }

    /// Says whether the file was deleted so long ago that nothing need be known of it any more.
    #[must_use]
    pub fn is_long_gone(&self, now: Tick) -> bool {
        self.sha256.is_none() && !self.may_miss_by_our_deletion(now)
    }
}

/// Within so many ticks of our own deletion, a missing file may be that deletion, arrived late.
pub const OWN_DELETION_TICKS: u64 = 64;

/// How many hashes of older versions the index keeps of a file.
pub const KEPT_VERSIONS: usize = 64;

/// `checkpoints/<tick>.json`: the whole state after a tick.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The format of this record.
    pub format: u32,
    /// The last closed tick; 0 before the first.
    pub tick: Tick,
    /// Its clock.
    pub clock: Clock,
    /// Its plan's time; absent before the first.
    pub time: Option<Timestamp>,
    /// The hash of its closed record; absent before the first.
    pub closed: Option<Sha>,
    /// What ties slots to the clock.
    pub anchor: Option<Anchor>,
    /// The last `org.json` used.
    pub org: Option<Sha>,
    /// The last `config/models.json` used.
    pub models: Option<Sha>,
    /// The last `config/tools.json` used, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Sha>,
    /// The last `config/tools.lock.json` used, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools_lock: Option<Sha>,
    /// Paused by a person.
    pub paused: bool,
    /// The agents that ever had an account.
    pub agents: BTreeMap<AgentName, AgentState>,
    /// The budget.
    pub budget: BudgetState,
    /// Entries that somebody has not read yet, in the order of their positions.
    pub unread: Vec<Unread>,
    /// Files by path.
    pub files: BTreeMap<String, FileState>,
    /// Admitted names, and the tick that admitted each: remembered, so that none counts twice.
    pub admitted: BTreeMap<IngressName, Tick>,
    /// Calls that wait for a person's yes, and those whose agent has not heard of the answer yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub approvals: BTreeMap<Uuid, Waiting>,
    /// What the last tick found wrong.
    pub problems: Vec<Problem>,
}
record!(State, "a checkpoint");

impl State {
    /// The state before the first tick.
    #[must_use]
    pub fn founding() -> Self {
        Self { format: 1, ..Self::default() }
    }

    /// The unread entries that an agent may read, in the order of their positions.
    pub fn inbox<'a>(&'a self, name: &'a AgentName, reads: &'a ReadList) -> impl Iterator<Item = &'a Unread> {
        self.unread[self.first_after_cursor(name)..].iter().filter(move |entry| entry.readable_by(name, reads))
    }

    fn first_after_cursor(&self, name: &AgentName) -> usize {
        let cursor = self.agents.get(name).map_or(Position::START, |agent| agent.cursor);
        self.unread.partition_point(|entry| entry.position <= cursor)
    }
}

/// Where each author's unread entries stand, so that an organisation whose agents each read a few is
/// not read through for each of them.
#[derive(Debug, Clone, Default)]
pub struct Authors {
    by_name: BTreeMap<AgentName, Vec<usize>>,
    /// Admitted mail, which anybody may be meant by.
    mail: Vec<usize>,
}

impl Authors {
    /// Sorts the unread entries of a state.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let mut authors = Self::default();
        for (index, entry) in state.unread.iter().enumerate() {
            if entry.mail {
                authors.mail.push(index);
            } else if let Some(entries) = authors.by_name.get_mut(&entry.from) {
                entries.push(index);
            } else {
                authors.by_name.insert(entry.from.clone(), vec![index]);
            }
        }
        authors
    }

    /// What [`State::inbox`] gives for the same state.
    #[must_use]
    pub fn inbox<'a>(&self, state: &'a State, name: &AgentName, reads: &ReadList) -> Vec<&'a Unread> {
        let first = state.first_after_cursor(name);
        let readable = |entry: &&Unread| entry.readable_by(name, reads);
        if reads.is_everybody() {
            return state.unread[first..].iter().filter(readable).collect();
        }
        let named = reads.names().iter().filter_map(|author| self.by_name.get(author));
        let mut found: Vec<usize> = named
            .chain([&self.mail])
            .flat_map(|entries| &entries[entries.partition_point(|at| *at < first)..])
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|index| state.unread.get(index)).filter(readable).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn name(i: u8) -> AgentName {
        AgentName::new(format!("a{i}")).expect("name")
    }

    /// An entry: author, by mail, to whom, whether it stands before or after the reader's cursor.
    type Entry = (u8, bool, Option<Vec<u8>>, bool);

    fn state(reader: &AgentName, entries: &[Entry]) -> State {
        let cursor = Position::end_of_tick(Tick(1));
        let mut state = State::founding();
        let mut old_first = entries.to_vec();
        old_first.sort_by_key(|entry| entry.3);
        for (index, (from, mail, to, new)) in (0..).zip(old_first) {
            state.unread.push(Unread {
                position: Position::new(Tick(if new { 2 } else { 1 }), 1, index),
                id: Uuid::from_u128(index.into()),
                from: name(from),
                mail,
                to: to.map(|to| to.into_iter().map(name).collect()),
                clock: Clock(1),
                hops: 0,
            });
        }
        let agent = json!({
            "present": true, "broken": false, "paused": false, "resume": Sha::of(b""), "cursor": cursor, "turns": 1,
            "last_turn": null, "failures": 0, "mail_failures": null,
            "account": {"balance": 1, "received": 1, "charged": Charge::default()},
            "facts": {"enabled": true, "reads": [], "schedule": {"run_every_n_ticks": 1}, "max_credits": 1},
        });
        state.agents.insert(reader.clone(), serde_json::from_value(agent).expect("agent"));
        state
    }

    proptest! {
        #[test]
        fn the_inbox_by_authors_is_the_inbox(
            entries in prop::collection::vec(
                (0..5_u8, any::<bool>(), prop::option::of(prop::collection::vec(0..5_u8, 0..3)), any::<bool>()), 0..20),
            reads in prop::collection::vec(prop_oneof![(0..5_u8).prop_map(|i| format!("a{i}")), Just("*".to_owned())], 0..4),
        ) {
            let reader = name(0);
            let state = state(&reader, &entries);
            let reads = ReadList::try_from(reads).expect("list");
            let plain: Vec<&Unread> = state.inbox(&reader, &reads).collect();
            prop_assert_eq!(Authors::of(&state).inbox(&state, &reader, &reads), plain);
        }
    }
}
