//! The rules of a scripted model: the format of `config/script.json`. [`Script`] checks such a file.
//!
//! # How rules are tried
//! Rules are tried from the top, and the first that fits decides:
//! - *A rule for the whole turn* (no `for_each`) is the answer, alone. If it has conditions on
//!   messages (`kind`, `from`, `tag`, `text_contains`, `text_matches`), one message of the inbox
//!   must meet all of them.
//! - *A rule with `"for_each": "message"`* answers each message that meets its conditions. From
//!   then on rules for the whole turn no longer count: each message goes to the first `for_each`
//!   rule that it fits, and the answers are joined in the order of the messages (lists are
//!   concatenated, notes put on lines of their own). A message that fits none is left unanswered.
//! - If no rule fits, the answer has no entries and the note `no rule matches`.
//!
//! A rule counts for the first call of a turn unless `when.step` says otherwise. So a rule whose
//! answer has `tool_calls` is followed by one with `"step": 1`, which finds what they returned in
//! `results`; without it the turn ends there.
//!
//! # Templates
//! Every string inside `answer` is a Jinja template. One that is a single `{{ expression }}` gives
//! the value itself, so lists, objects and numbers can be made; any other gives text. What a
//! message says is data and never a template. `when.if` is a bare expression. They see:
//!
//! | name | what it is |
//! | --- | --- |
//! | `agent`, `tick`, `clock`, `step` | the agent's name, the tick, the schedule's clock, the number of the call, from 0 |
//! | `inbox` | the unread entries, oldest first, as they stand in the outbox, each with `.text` besides |
//! | `message` | the message that met the conditions; without conditions on messages the oldest, if any |
//! | `captures` | the named groups of `text_matches`, as in `(?<city>\w+)` |
//! | `memory` | the agent's memory, by key |
//! | `results` | what the tool calls of the previous step returned, in their order |
//! | `answered` | what came of calls that had waited for a person, as the turn began, each with `tool`, `arguments`, `verdict` (`approved`, `denied`, `expired`), `outcome`, `ok` and `result` |
//!
//! An undefined value may be tested (`{% if memory.seen %}`, `memory.count | default(0)`) and is an
//! error where it is used.
//!
//! # An example
//! ```json
#![doc = include_str!("script.example.json")]
//! ```

mod checked;

use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(super) use self::checked::Checked;
pub use self::checked::{Script, ScriptError};
use super::CallErrorKind;
use crate::domain::name::AgentName;
use crate::domain::outbox::Kind;

/// One value, or a list of which any will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AnyOf_{T}")]
#[serde(untagged, expecting = "expected one value of the right form, or a list of such")]
pub enum AnyOf<T> {
    /// This one.
    One(T),
    /// Any of these; an empty list fits nothing.
    List(Vec<T>),
}

impl<T> AnyOf<T> {
    /// Says whether `fits` holds of one of the values.
    pub fn any(&self, fits: impl FnMut(&T) -> bool) -> bool {
        match self {
            Self::One(value) => std::slice::from_ref(value).iter().any(fits),
            Self::List(values) => values.iter().any(fits),
        }
    }
}

/// A file of rules, such as `config/script.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptFile {
    /// The JSON Schema of this file, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// What the script is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The rules, tried from the top.
    pub rules: Vec<Rule>,
}

/// One rule: for whom, when, and what then.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// What the rule is for; has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Whose turns it is for; absent: everyone's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AnyOf<AgentName>>,
    /// What must hold; every condition that is given must.
    pub when: When,
    /// Answers every message that fits, rather than the turn as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub for_each: Option<ForEach>,
    /// The answer in the engine's contract (`outbox_entries`, `tool_calls`, `memory_updates`,
    /// `notes`); every string in it is a template. Absent: an answer with no entries.
    pub answer: Map<String, Value>,
    /// What goes wrong instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// What a rule is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForEach {
    /// Each message of the inbox that meets the conditions.
    Message,
}

/// The conditions of a rule. First those on the turn, then those on a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// Whether there is unread mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbox: Option<InboxIs>,
    /// The tick.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tick: Option<Count>,
    /// The clock that the schedule sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Count>,
    /// The number of the call within the turn; absent: 0, the first.
    pub step: AnyOf<u32>,
    /// An expression that must be true, such as `memory.drafts | length > 2`. It sees what
    /// templates see; for a rule with conditions on messages it is tried with each that meets them.
    #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// The kind of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<AnyOf<Kind>>,
    /// Who wrote the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<AnyOf<AgentName>>,
    /// A tag of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<AnyOf<String>>,
    /// What the message's text contains, in upper or lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_contains: Option<AnyOf<String>>,
    /// A regular expression that matches somewhere in the message's text; templates see its named
    /// groups as `captures`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_matches: Option<String>,
}

impl Default for When {
    fn default() -> Self {
        Self {
            inbox: None,
            tick: None,
            clock: None,
            step: AnyOf::One(0),
            condition: None,
            kind: None,
            from: None,
            tag: None,
            text_contains: None,
            text_matches: None,
        }
    }
}

impl When {
    /// Says whether some condition is on a message.
    #[must_use]
    pub fn is_about_a_message(&self) -> bool {
        self.kind.is_some()
            || self.from.is_some()
            || self.tag.is_some()
            || self.text_contains.is_some()
            || self.text_matches.is_some()
    }
}

/// Whether there is unread mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InboxIs {
    /// There is none.
    Empty,
    /// There is some.
    NotEmpty,
}

/// A condition on a number that counts up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a number, a list of numbers, or {\"every\": N, \"offset\": K}")]
pub enum Count {
    /// This number.
    At(i64),
    /// One of these.
    In(Vec<i64>),
    /// Every so often.
    Every(Every),
}

/// Every so often, by the rule of schedules: where (number + offset) % every is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Every {
    /// The period.
    pub every: NonZeroU64,
    /// Moves the point within the period.
    #[serde(default)]
    pub offset: i64,
}

impl Count {
    /// Says whether the condition holds of `number`.
    #[must_use]
    pub fn holds(&self, number: i64) -> bool {
        match self {
            Self::At(n) => *n == number,
            Self::In(list) => list.contains(&number),
            // In 128 bits, so that no offset overflows.
            Self::Every(Every { every, offset }) => {
                (i128::from(number) + i128::from(*offset)).rem_euclid(i128::from(every.get())) == 0
            }
        }
    }
}

/// What goes wrong with a call: first the delay, then the failure, else the garbage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    /// How long the call takes, in milliseconds.
    pub delay_ms: u64,
    /// The call has no answer, for this cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail: Option<CallErrorKind>,
    /// How long the provider asks to wait after the failure, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The answer is not in the engine's contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub garbage: Option<Garbage>,
}

/// An answer that is not in the engine's contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected true, false or the text to answer with")]
pub enum Garbage {
    /// Whether the answer is a sentence of ours.
    Any(bool),
    /// This text, as it stands.
    Text(String),
}

impl Garbage {
    /// The text to answer with, if any.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Any(false) => None,
            Self::Any(true) => Some("I would rather not say it in JSON."),
            Self::Text(text) => Some(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_has_a_schema_and_reads_back() {
        let schema = schemars::schema_for!(ScriptFile).to_value();
        assert_eq!(schema["required"], serde_json::json!(["rules"]));
        let example = include_bytes!("script.example.json");
        let file: ScriptFile = serde_json::from_slice(example).expect("script");
        let written = serde_json::to_value(&file).expect("JSON");
        assert_eq!(serde_json::from_value::<ScriptFile>(written).expect("script"), file);
    }
}
