//! `create_agent`: a new agent, from the resume of another or from a whole one.
//!
//! The tool makes the resume; what the creator may give away is the desk's to say. The agent is there once the tick is
//! closed, unless somebody else was given the name.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::limits::MAX_RESUME_BYTES;
use super::{CallFailure, Desk, Tool, ToolError, arguments, schema};
use crate::domain::credits::Credits;
use crate::domain::name::AgentName;
use crate::domain::resume::Resume;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The name of the new agent.
    name: AgentName,
    /// What it gets from your credits: its account opens with it.
    credits: Credits,
    /// Whose resume it begins with: an agent that you may read, yourself, or `agent_template`; absent: none.
    #[serde(default)]
    template: Option<AgentName>,
    /// The resume (title, short_description, instructions, model, permissions, schedule); with a template, the fields
    /// that are to differ from it, `null` for those that are to go.
    #[serde(default)]
    resume: Map<String, Value>,
}

#[derive(Debug)]
pub(super) struct CreateAgent;

#[async_trait]
impl Tool for CreateAgent {
    fn name(&self) -> &'static str {
        "create_agent"
    }

    fn description(&self) -> &'static str {
        "Creates an agent, which begins to work after this tick. It may use no tool and no outbox that you may not, and \
         its credits come out of yours."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let Arguments { name, credits, template, resume: changes } = arguments(value)?;
        let mut resume = match template {
            None => json!({}),
            Some(template) => desk.resume_of(&template).await?.ok_or_else(|| {
                ToolError(format!(
                    "{template} is no template: it must be an agent that you may read, or agent_template"
                ))
            })?,
        };
        merge(&mut resume, Value::Object(changes));
        let resume = whole(&name, credits, resume)?;
        desk.create_agent(resume, credits).await?;
        Ok(json!({"name": name, "credits": credits, "begins": "after this tick", "credits_left_to_give": desk.purse()}))
    }
}

/// The resume as it is checked and stored: with its name, and an account that is full with what its creator gave.
fn whole(name: &AgentName, credits: Credits, mut resume: Value) -> Result<Resume, ToolError> {
    let wrong = |error: &dyn std::fmt::Display| ToolError(format!("the resume is not complete or not right: {error}"));
    resume["name"] = json!(name);
    let bytes = resume.to_string().into_bytes();
    if bytes.len() > MAX_RESUME_BYTES {
        return Err(ToolError(format!("the resume has {} bytes, more than {MAX_RESUME_BYTES}", bytes.len())));
    }
    let mut resume = Resume::parse(&bytes, name).map_err(|error| wrong(&error))?;
    resume.credits.max_credits = credits;
    resume.credits.soft_cap = resume.credits.soft_cap.min(Credits::from_micros(credits.micros() / 2));
    Ok(resume)
}

/// Merges as RFC 7396 says: objects field by field, `null` removes, anything else replaces.
fn merge(base: &mut Value, change: Value) {
    let Value::Object(change) = change else {
        *base = change;
        return;
    };
    if !base.is_object() {
        *base = json!({});
    }
    let Value::Object(fields) = base else { return };
    for (name, value) in change {
        if value.is_null() {
            fields.remove(&name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resume_is_merged_over_its_template() {
        let mut resume = json!({"title": "Clerk", "limits": {"max_steps": 3}, "schedule": {"run_every_n_ticks": 2}});
        merge(&mut resume, json!({"title": "Lead", "limits": null, "schedule": {"phase_offset": 1}, "x": {"y": null}}));
        let merged = json!({"title": "Lead", "schedule": {"run_every_n_ticks": 2, "phase_offset": 1}, "x": {}});
        assert_eq!(resume, merged);
    }

    #[test]
    fn a_created_account_is_full_and_its_soft_cap_below_it() {
        let name = AgentName::new("kid").expect("name");
        let resume = json!({"name": "other", "title": "T", "short_description": "D", "instructions": "I", "model": {"key": "m"},
            "credits": {"max_credits": 1_000_000}});
        let resume = whole(&name, Credits::whole(3), resume).expect("resume");
        assert_eq!(resume.name, name);
        assert_eq!(resume.credits.max_credits, Credits::whole(3));
        assert_eq!(resume.credits.soft_cap, Credits::from_micros(1_500_000));
    }
}
