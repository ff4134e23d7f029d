//! The resume: everything an agent is, in one file that people edit (`agents/<name>/resume.json`).

use std::num::{NonZeroU32, NonZeroU64};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::credits::Credits;
use super::memory::AgentMemory;
use super::name::{AgentName, ModelKey, ToolName};
use super::schedule::Schedule;

/// Which model an agent thinks with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelChoice {
    /// A key of `config/models.json`.
    pub key: ModelKey,
    /// Sampling temperature, from 0 to 2.
    #[serde(default = "default_temperature")]
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: f64,
    /// The most tokens of one answer, at least 1.
    #[serde(default = "default_max_tokens")]
    pub max_tokens: NonZeroU32,
    /// Fields that this version does not know.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

fn default_temperature() -> f64 {
    0.2
}

fn default_max_tokens() -> NonZeroU32 {
    NonZeroU32::new(2048).unwrap_or(NonZeroU32::MIN)
}

/// Whose outboxes an agent reads: names, or everybody's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct ReadList {
    everybody: bool,
    names: Vec<AgentName>,
}

impl ReadList {
    /// Everybody's outboxes.
    #[must_use]
    pub fn everybody() -> Self {
        Self { everybody: true, names: Vec::new() }
    }

    /// The outboxes of these agents.
    #[must_use]
    pub fn of(names: Vec<AgentName>) -> Self {
        Self { everybody: false, names }
    }

    /// Says whether this agent's outbox may be read.
    #[must_use]
    pub fn allows(&self, name: &AgentName) -> bool {
        self.everybody || self.names.contains(name)
    }

    /// Says whether everybody's outbox may be read (`"*"`).
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.everybody
    }

    /// The first that this list allows, and that `limit` does not; `owner` is always allowed.
    fn excess_over(&self, limit: &Self, owner: &AgentName) -> Option<String> {
        if limit.everybody {
            return None;
        }
        if self.everybody {
            return Some("*".to_owned());
        }
        let beyond = self.names.iter().find(|name| *name != owner && !limit.names.contains(name));
        beyond.map(ToString::to_string)
    }

    /// The names listed, without `"*"`.
    #[must_use]
    pub fn names(&self) -> &[AgentName] {
        &self.names
    }
}

impl TryFrom<Vec<String>> for ReadList {
    type Error = super::name::NameError;
    fn try_from(list: Vec<String>) -> Result<Self, Self::Error> {
        let everybody = list.iter().any(|name| name == "*");
        let names = list.into_iter().filter(|name| name != "*").map(AgentName::try_from);
        Ok(Self { everybody, names: names.collect::<Result<_, _>>()? })
    }
}

impl From<ReadList> for Vec<String> {
    fn from(list: ReadList) -> Self {
        let everybody = list.everybody.then(|| "*".to_owned());
        everybody.into_iter().chain(list.names.into_iter().map(String::from)).collect()
    }
}

impl JsonSchema for ReadList {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ReadList".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Names of agents, or \"*\" for everybody.",
            "type": "array",
            "items": { "type": "string", "pattern": r"^([a-z][a-z0-9_]*|\*)$" },
        })
    }
}

/// What an agent may do. Nothing else grants anything: no role and no name is special.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Permissions {
    /// Whose outboxes the agent reads.
    #[serde(default)]
    pub read_outboxes: ReadList,
    /// Whom its entries may be addressed to; absent: anyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_outboxes: Option<ReadList>,
    /// The tools it may call.
    #[serde(default)]
    pub tools: Vec<ToolName>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

impl Permissions {
    /// What goes beyond `creator`'s own permissions, if anything does. An agent may let what it creates read its own
    /// outbox and write to it: it knows what is said there.
    #[must_use]
    pub fn excess_over(&self, creator: &Self, name: &AgentName) -> Option<String> {
        let covered = |tool: &ToolName| creator.tools.iter().any(|own| own.covers(tool.as_str()));
        if let Some(tool) = self.tools.iter().find(|tool| !covered(tool)) {
            return Some(format!("/permissions/tools: {tool}"));
        }
        if let Some(excess) = self.read_outboxes.excess_over(&creator.read_outboxes, name) {
            return Some(format!("/permissions/read_outboxes: {excess}"));
        }
        let excess = match (&self.send_outboxes, &creator.send_outboxes) {
            (_, None) => None,
            (None, Some(limit)) => ReadList::everybody().excess_over(limit, name),
            (Some(list), Some(limit)) => list.excess_over(limit, name),
        };
        if let Some(excess) = excess {
            return Some(format!("/permissions/send_outboxes: {excess}"));
        }
        // What this version does not know, another may grant something by.
        let unknown = self.extra.iter().find(|(field, value)| creator.extra.get(*field) != Some(value));
        unknown.map(|(field, _)| format!("/permissions/{field}"))
    }
}

/// `credits` of a resume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreditLimits {
    /// What the account opens with; no top-up lifts it above that.
    #[serde(default = "default_max_credits")]
    pub max_credits: Credits,
    /// What the account opens with, where that is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening_credits: Option<Credits>,
    /// A balance below this is a warning, or the end of the usual model.
    #[serde(default = "default_soft_cap")]
    pub soft_cap: Credits,
    /// The model that thinks below the soft cap; absent: the usual one, with a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_cap_model: Option<ModelKey>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

fn default_max_credits() -> Credits {
    Credits::whole(100)
}

fn default_soft_cap() -> Credits {
    Credits::whole(50)
}

impl CreditLimits {
    /// What an account opens with.
    #[must_use]
    pub fn opening(&self) -> Credits {
        self.opening_credits.unwrap_or(self.max_credits).min(self.max_credits)
    }
}

impl Default for CreditLimits {
    fn default() -> Self {
        Self {
            max_credits: default_max_credits(),
            opening_credits: None,
            soft_cap: default_soft_cap(),
            soft_cap_model: None,
            extra: Map::new(),
        }
    }
}

/// Limits of one agent, where they are to differ from the organisation's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentLimits {
    /// The most model calls of one turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<NonZeroU32>,
    /// The most that one attempt at a turn may cost, in credits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_turn_credits: Option<Credits>,
    /// The most tokens of a prompt; what does not fit is left out, with a note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_prompt_tokens: Option<NonZeroU64>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

/// An agent: who it is, how it thinks, whom it reads, when it runs and what it may spend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resume {
    /// Equal to the folder's name.
    pub name: AgentName,
    /// A job title, for people and for the other agents.
    #[schemars(length(min = 1))]
    pub title: String,
    /// What the agent is for, in 1 to 200 characters.
    #[schemars(length(min = 1, max = 200))]
    pub short_description: String,
    /// How the agent works, at more length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_description: Option<String>,
    /// What the model is told.
    pub instructions: String,
    /// Which model it thinks with.
    pub model: ModelChoice,
    /// What it may read and do.
    #[serde(default)]
    pub permissions: Permissions,
    /// When it runs.
    #[serde(default)]
    pub schedule: Schedule,
    /// What it may spend.
    #[serde(default)]
    pub credits: CreditLimits,
    /// Limits that differ from the organisation's.
    #[serde(default)]
    pub limits: AgentLimits,
    /// How much it keeps at hand, where that differs from the organisation's.
    #[serde(default, skip_serializing_if = "AgentMemory::is_default")]
    pub memory: AgentMemory,
    /// A disabled agent is never due.
    #[serde(default = "enabled", skip_serializing_if = "is_enabled")]
    pub enabled: bool,
    /// Fields that this version does not know: kept and reported.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

fn enabled() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_enabled(enabled: &bool) -> bool {
    *enabled
}

/// Why the bytes at `agents/<folder>/resume.json` are no resume.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// Not JSON, or not of the shape.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// The name in the file is not the folder's.
    #[error("`name` is {name}, but the folder is {folder}: they must be equal")]
    WrongFolder {
        /// The name in the file.
        name: AgentName,
        /// The name of the folder.
        folder: AgentName,
    },
    /// The name is reserved.
    #[error("the name {0} is reserved")]
    Reserved(AgentName),
    /// A value is out of its range.
    #[error("{pointer}: {wrong}")]
    Range {
        /// JSON pointer to the value.
        pointer: &'static str,
        /// What is wrong and what would be right.
        wrong: String,
    },
}

impl Resume {
    /// Reads a resume and checks what its own file can tell.
    ///
    /// # Errors
    /// The bytes are no resume of the agent `folder`; the agent is not run.
    pub fn parse(bytes: &[u8], folder: &AgentName) -> Result<Self, ResumeError> {
        let resume: Self = serde_json::from_slice(bytes)?;
        if resume.name != *folder {
            return Err(ResumeError::WrongFolder { name: resume.name, folder: folder.clone() });
        }
        if !resume.name.may_be_an_agent() {
            return Err(ResumeError::Reserved(resume.name));
        }
        let range = |pointer, wrong: String| Err(ResumeError::Range { pointer, wrong });
        if !(0.0..=2.0).contains(&resume.model.temperature) {
            return range("/model/temperature", format!("{} must be from 0 to 2", resume.model.temperature));
        }
        let length = resume.short_description.chars().count();
        if !(1..=200).contains(&length) {
            return range("/short_description", format!("has {length} characters, must have 1 to 200"));
        }
        if resume.title.is_empty() {
            return range("/title", "must not be empty".to_owned());
        }
        Ok(resume)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"{"name":"ada","title":"Lead","short_description":"Leads.","instructions":"Lead.",
        "model":{"key":"m"},"colour":"red","schedule":{"run_every_n_ticks":2,"every":"x"}}"#;

    #[test]
    fn absent_fields_get_the_reference_defaults_and_unknown_ones_are_kept() {
        let ada = AgentName::new("ada").expect("name");
        let resume = Resume::parse(MINIMAL.as_bytes(), &ada).expect("resume");
        assert_eq!(resume.credits.max_credits, Credits::whole(100));
        assert_eq!(resume.credits.soft_cap, Credits::whole(50));
        assert!(resume.enabled);
        let json = serde_json::to_value(&resume).expect("json");
        assert_eq!(json["colour"], "red");
        assert_eq!(json["schedule"]["every"], "x");
    }

    #[test]
    fn nobody_gives_more_than_it_has() {
        let ada = AgentName::new("ada").expect("name");
        let of = |json: &str| serde_json::from_str::<Permissions>(json).expect("permissions");
        let creator = of(r#"{"read_outboxes":["bob"],"send_outboxes":["bob","cyd"],"tools":["a","b"],"new":1}"#);
        for (child, excess) in [
            (r#"{"read_outboxes":["ada","bob"],"send_outboxes":["ada","cyd"],"tools":["b"]}"#, None),
            (r#"{"send_outboxes":[],"new":1}"#, None),
            (r#"{"send_outboxes":[],"tools":["a","c"]}"#, Some("/permissions/tools: c")),
            (r#"{"send_outboxes":[],"read_outboxes":["*"]}"#, Some("/permissions/read_outboxes: *")),
            (r#"{"send_outboxes":[],"read_outboxes":["cyd"]}"#, Some("/permissions/read_outboxes: cyd")),
            (r#"{"send_outboxes":["dan"]}"#, Some("/permissions/send_outboxes: dan")),
            (r#"{}"#, Some("/permissions/send_outboxes: *")),
            (r#"{"send_outboxes":[],"new":2}"#, Some("/permissions/new")),
            (r#"{"send_outboxes":[],"other":true}"#, Some("/permissions/other")),
        ] {
            assert_eq!(of(child).excess_over(&creator, &ada).as_deref(), excess, "{child}");
        }
        let open = of(r#"{"read_outboxes":["*"],"tools":["a"]}"#);
        let child = of(r#"{"read_outboxes":["*"],"send_outboxes":["*"],"tools":["a"]}"#);
        assert_eq!(child.excess_over(&open, &ada), None);
    }

    #[test]
    fn broken_resumes_are_refused() {
        let ada = AgentName::new("ada").expect("name");
        let with = |from: &str, to: &str| Resume::parse(MINIMAL.replace(from, to).as_bytes(), &ada);
        assert!(matches!(with("\"ada\"", "\"bob\""), Err(ResumeError::WrongFolder { .. })));
        assert!(matches!(with("{\"key\":\"m\"}", "{\"key\":\"m\",\"temperature\":3}"), Err(ResumeError::Range { .. })));
        assert!(matches!(with("\"run_every_n_ticks\":2", "\"run_every_n_ticks\":0"), Err(ResumeError::Json(_))));
        assert!(matches!(with("\"Leads.\"", "\"\""), Err(ResumeError::Range { .. })));
        let human = AgentName::human();
        let named = MINIMAL.replace("\"ada\"", "\"human\"");
        assert!(matches!(Resume::parse(named.as_bytes(), &human), Err(ResumeError::Reserved(_))));
    }
}
