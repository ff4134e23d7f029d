//! What people are told live, as JSON that clients may rely on: docs/API.md has its schema, and tests pin it.

use serde::Serialize;

use super::cursor::Cursor;
use crate::chronicle::event::Event as Story;
use crate::chronicle::message::Message;
use crate::domain::credits::Credits;
use crate::domain::name::AgentName;
use crate::domain::time::{Clock, Tick, Timestamp};
use crate::record::plan::{Skipped, Trigger};
use crate::record::state::Problem;
use crate::record::turn::{FailureKind, Status};

/// An event that is larger than this in JSON is cut, in bytes.
pub const MAX_EVENT_BYTES: usize = 16 * 1024;

/// So much is left of a text that is cut, in bytes.
const CUT_TEXT_BYTES: usize = 4 * 1024;

/// So many names an event lists at most.
pub(super) const MAX_NAMES: usize = 500;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// The cursor behind it. Absent for what no record tells: whoever resumes does so from the event before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// In which tick.
    pub tick: Tick,
    /// When, as exactly as the records know.
    pub time: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: What,
    /// Whether something of it was left out because it is long: the whole is where messages, ticks and logs are read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// A tick was planned. What it admits follows.
    TickOpened {
        /// Its clock.
        clock: Clock,
        /// What asked for it.
        trigger: Trigger,
        /// Who runs, in canonical order; of very many the first.
        due: Vec<AgentName>,
        /// How many run.
        due_count: usize,
        /// Who was due and does not run; of very many the first.
        skipped: Vec<Skipped>,
        /// How many were due and do not run.
        skipped_count: usize,
    },
    /// A runner works on a turn.
    TurnStarted {
        /// Whose.
        agent: AgentName,
    },
    /// A turn is committed, and counts. What it said and did was told before.
    TurnCommitted {
        /// Whose.
        agent: AgentName,
        /// How it ended.
        #[serde(flatten)]
        end: TurnEnd,
    },
    /// A turn is committed as failed: what it was about to say and do was dropped.
    TurnFailed {
        /// Whose.
        agent: AgentName,
        /// How it ended.
        #[serde(flatten)]
        end: TurnEnd,
        /// Why.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<FailureKind>,
    },
    /// A message was said, or came in.
    Message {
        /// The message, as it is everywhere.
        message: Box<Message>,
    },
    /// An account has changed, at the close of a tick.
    Credit {
        /// Whose.
        agent: AgentName,
        /// What it holds now.
        balance: Credits,
        /// What the tick charged to it.
        charged_credits: Credits,
        /// What was put in.
        received_credits: Credits,
    },
    /// Something that a person should know, and that was not so before.
    Problem {
        /// What it is.
        problem: Problem,
    },
    /// Anything else that a tick's story tells.
    Log {
        /// The event, as `lemming logs` tells it.
        log: Box<Story>,
    },
    /// A tick is closed: all that there is of it was told.
    TickClosed {
        /// Its clock.
        clock: Clock,
        /// What it cost.
        cost_credits: Credits,
        /// How many turns it had.
        turns: usize,
    },
    /// Whoever hears this was away for too long, or comes from elsewhere: what they know must be loaded anew. What the
    /// open tick brought follows.
    Reset {
        /// Why, for people.
        reason: String,
    },
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TurnEnd {
    /// Whether its effects count.
    pub status: Status,
    /// What it cost under the licence that committed it.
    pub cost_credits: Credits,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What became of it, for people.
    pub outcome: String,
}

impl What {
    /// All types, as they stand in JSON.
    pub const TYPES: [&'static str; 10] = [
        "tick_opened",
        "turn_started",
        "turn_committed",
        "turn_failed",
        "message",
        "credit",
        "problem",
        "log",
        "tick_closed",
        "reset",
    ];

    /// Its type, as it stands in JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TickOpened { .. } => "tick_opened",
            Self::TurnStarted { .. } => "turn_started",
            Self::TurnCommitted { .. } => "turn_committed",
            Self::TurnFailed { .. } => "turn_failed",
            Self::Message { .. } => "message",
            Self::Credit { .. } => "credit",
            Self::Problem { .. } => "problem",
            Self::Log { .. } => "log",
            Self::TickClosed { .. } => "tick_closed",
            Self::Reset { .. } => "reset",
        }
    }

    /// Leaves out what makes it long.
    fn cut(&mut self) {
        match self {
            Self::Message { message } => {
                shorten(&mut message.text);
                message.payload.clear();
                message.tags.truncate(8);
                message.tags.iter_mut().for_each(shorten);
                message.to.as_mut().into_iter().for_each(|to| to.truncate(MAX_NAMES / 4));
            }
            Self::Log { log } => {
                shorten(&mut log.message);
                log.fields.clear();
            }
            Self::Problem { problem } => {
                shorten(&mut problem.message);
                problem.path.as_mut().into_iter().for_each(shorten);
            }
            Self::TurnCommitted { end, .. } | Self::TurnFailed { end, .. } => shorten(&mut end.outcome),
            Self::TickOpened { due, skipped, trigger, .. } => {
                due.truncate(MAX_NAMES / 4);
                skipped.truncate(MAX_NAMES / 4);
                if let Trigger::Wake { named } = trigger {
                    named.truncate(MAX_NAMES / 4);
                }
            }
            Self::TurnStarted { .. } | Self::Credit { .. } | Self::TickClosed { .. } | Self::Reset { .. } => {}
        }
    }
}

fn shorten(text: &mut String) {
    if text.len() > CUT_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(CUT_TEXT_BYTES));
        text.push('…');
    }
}

/// An event on its way to those who listen: made once, and shared by all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The cursor behind it; absent for what no record tells.
    pub cursor: Option<Cursor>,
    /// Its type.
    pub kind: &'static str,
    /// The event as one line of JSON.
    pub json: String,
}

impl Told {
    /// An event of the records.
    #[must_use]
    pub fn new(cursor: Cursor, time: Timestamp, what: What) -> Self {
        let (tick, id) = (cursor.tick, cursor.to_string());
        Self::of(Some(cursor), Event { id: Some(id), tick, time, what, cut: false })
    }

    /// An event that no record tells.
    #[must_use]
    pub fn aside(tick: Tick, time: Timestamp, what: What) -> Self {
        Self::of(None, Event { id: None, tick, time, what, cut: false })
    }

    fn of(cursor: Option<Cursor>, mut event: Event) -> Self {
        let kind = event.what.kind();
        let mut json = text(&event);
        if json.len() > MAX_EVENT_BYTES {
            event.what.cut();
            event.cut = true;
            json = text(&event);
        }
        Self { cursor, kind, json }
    }
}

fn text(event: &Event) -> String {
    // Names, numbers and texts: there is nothing in it that JSON could not hold.
    serde_json::to_string(event).unwrap_or_else(|_| "{}".to_owned())
}
