//! A new resume, from what a person says of the agent: laid out as people lay it out.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::domain::credits::Credits;
use crate::domain::name::{AgentName, ModelKey, ToolName};
use crate::domain::resume::{ReadList, Resume, ResumeError};
use crate::domain::schedule::{Schedule, When};

/// What a person says of a new agent.
#[derive(Debug, Clone)]
pub struct Recruit {
    /// Its name.
    pub name: AgentName,
    /// Its job title.
    pub title: String,
    /// What it is for; absent: its title.
    pub short_description: Option<String>,
    /// What the model is told.
    pub instructions: String,
    /// The model that it thinks with.
    pub model: ModelKey,
    /// Tokens of one answer; absent: the default.
    pub max_tokens: Option<u32>,
    /// Whose outboxes it reads.
    pub reads: ReadList,
    /// Whom its entries may be addressed to; absent: anyone.
    pub sends: Option<ReadList>,
    /// The tools it may call.
    pub tools: Vec<ToolName>,
    /// When it runs.
    pub schedule: Schedule,
    /// What its account opens with; absent: the default.
    pub max_credits: Option<Credits>,
    /// Below what it is warned of; absent: a quarter of `max_credits`, or the default.
    pub soft_cap: Option<Credits>,
    /// Whether it is due from the start.
    pub enabled: bool,
}

impl Recruit {
    /// The resume, as a person would write it.
    ///
    /// # Errors
    /// It would be no resume.
    pub fn text(&self) -> Result<String, ResumeError> {
        let mut text = String::from("{\n");
        let mut line = |name: &str, value: String, is_last: bool| {
            let comma = if is_last { "" } else { "," };
            let _ = writeln!(text, "  {}: {value}{comma}", Value::from(name));
        };
        let description = self.short_description.as_ref().unwrap_or(&self.title);
        line("$schema", quoted("../../schemas/resume.schema.json"), false);
        line("name", quoted(self.name.as_str()), false);
        line("title", quoted(&self.title), false);
        line("short_description", quoted(description), false);
        line("instructions", quoted(&self.instructions), false);
        let mut model = vec![("key", json!(self.model))];
        model.extend(self.max_tokens.map(|tokens| ("max_tokens", json!(tokens))));
        line("model", object(&model), false);
        let mut permissions = vec![("read_outboxes", json!(self.reads))];
        permissions.extend(self.sends.as_ref().map(|sends| ("send_outboxes", json!(sends))));
        permissions.push(("tools", json!(self.tools)));
        line("permissions", object(&permissions), false);
        let mut schedule = vec![
            ("run_every_n_ticks", json!(self.schedule.run_every_n_ticks)),
            ("phase_offset", json!(self.schedule.phase_offset)),
        ];
        schedule.extend((self.schedule.when == When::OnMessage).then(|| ("when", json!(self.schedule.when))));
        let credits = self.credits();
        line("schedule", object(&schedule), credits.is_empty() && self.enabled);
        if !credits.is_empty() {
            line("credits", object(&credits), self.enabled);
        }
        if !self.enabled {
            line("enabled", "false".to_owned(), true);
        }
        text.push_str("}\n");
        Resume::parse(text.as_bytes(), &self.name).map(|_| text)
    }

    fn credits(&self) -> Vec<(&'static str, Value)> {
        let quarter = self.max_credits.map(|max| Credits::from_micros(max.micros() / 4));
        let mut credits = Vec::new();
        credits.extend(self.max_credits.map(|max| ("max_credits", json!(max))));
        credits.extend(self.soft_cap.or(quarter).map(|cap| ("soft_cap", json!(cap))));
        credits
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// An object on one line, in the order given.
fn object(members: &[(&str, Value)]) -> String {
    let one = |(name, value): &(&str, Value)| format!("{}: {}", Value::from(*name), spaced(value));
    format!("{{ {} }}", members.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recruit() -> Recruit {
        Recruit {
            name: AgentName::new("ada").expect("name"),
            title: "Lead".to_owned(),
            short_description: None,
            instructions: "Say \"hi\".\nThen stop.".to_owned(),
            model: ModelKey::new("m").expect("key"),
            max_tokens: None,
            reads: ReadList::of(vec![AgentName::new("bob").expect("name")]),
            sends: None,
            tools: Vec::new(),
            schedule: Schedule::default(),
            max_credits: None,
            soft_cap: None,
            enabled: true,
        }
    }

    #[test]
    fn a_new_resume_is_laid_out_as_a_person_would() {
        let text = Recruit { max_credits: Some(Credits::whole(2)), enabled: false, ..recruit() }.text().expect("text");
        let expected = r#"{
  "$schema": "../../schemas/resume.schema.json",
  "name": "ada",
  "title": "Lead",
  "short_description": "Lead",
  "instructions": "Say \"hi\".\nThen stop.",
  "model": { "key": "m" },
  "permissions": { "read_outboxes": ["bob"], "tools": [] },
  "schedule": { "run_every_n_ticks": 1, "phase_offset": 0 },
  "credits": { "max_credits": 2, "soft_cap": 0.5 },
  "enabled": false
}
"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn what_would_be_no_resume_is_refused() {
        assert!(recruit().text().is_ok());
        assert!(Recruit { title: String::new(), ..recruit() }.text().is_err());
        assert!(Recruit { short_description: Some("x".repeat(201)), ..recruit() }.text().is_err());
    }
}
