//! `lemming agents enable` and `lemming agents disable`

use bytes::Bytes;
use serde_json::{Value, json};

use super::resume;
use crate::cli::changes;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::edit;
use crate::revision::Revision;
use crate::store::Key;

/// Makes disabled agents due again.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct EnableArgs {
    /// The agents' names
    #[arg(required = true, value_name = "AGENT")]
    pub(super) agents: Vec<String>,
}

/// Keeps agents from being due: `enabled` is false in their resumes.
///
/// Their mail waits. `pause` does the same for a while, without a change of any file.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DisableArgs {
    /// The agents' names
    #[arg(required = true, value_name = "AGENT")]
    pub(super) agents: Vec<String>,
}

pub(super) async fn run(names: &[String], enabled: bool, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let mut revision = Revision::default();
    let (mut changed, mut kept) = (Vec::new(), Vec::new());
    for name in names {
        let (agent, before) = resume(&org, name).await?;
        let key = Key::Resume(agent.clone());
        let wrong = |message: String| CliError::new(Exit::Invalid, message).at(key.path(), "");
        let value: Value = serde_json::from_str(&before).map_err(|error| wrong(error.to_string()))?;
        let is_enabled = value.get("enabled").is_none_or(|enabled| *enabled == Value::Bool(true));
        if is_enabled == enabled {
            kept.push(agent);
            continue;
        }
        let after =
            edit::set(&before, &["enabled"], &Value::Bool(enabled)).map_err(|error| wrong(error.to_string()))?;
        revision.set(key, Some(Bytes::from(before)), Some(Bytes::from(after)));
        changed.push(agent);
    }
    let saved = changes::save(&org, &revision).await?;
    let word = if enabled { "enabled" } else { "disabled" };
    if session.out.json() {
        session.out.document(&json!({ word: changed, "unchanged": kept, "saved": saved }))?;
        return Ok(Exit::Ok);
    }
    for agent in &changed {
        session.out.line(format!("{agent} is {word} from the next tick on"))?;
    }
    for agent in &kept {
        session.out.line(format!("{agent} was {word} already"))?;
    }
    changes::warn(&saved.warnings, &mut session.out);
    Ok(Exit::Ok)
}
