//! `lemming memory get`

use serde_json::{Value, json};

use super::{key, none};
use crate::chronicle::memory::{archived, one};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session, agent_of_any_time};
use crate::cli::output::{Output, clean};

/// Prints one memory: a text as it is, anything else as JSON.
///
/// Reads only.
#[derive(Debug, clap::Args)]
pub(super) struct GetArgs {
    /// The agent's name
    agent: String,
    /// The key, or a path of the archive (`archive/...`), as `memory list` shows them
    key: String,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: GetArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let agent = agent_of_any_time(&org, &moment, &args.agent).await?;
    let out = &mut session.out;
    if args.key.starts_with("archive/") {
        let found = archived(&moment, &agent, &args.key).await?;
        let missing = || CliError::new(Exit::NotFound, format!("{agent} has no {}", args.key));
        let file = found
            .ok_or_else(missing)?
            .map_err(|error| CliError::new(Exit::Invalid, error).at(format!("agents/{agent}/{}", args.key), ""))?;
        match out.json() {
            true => out.document(&json!({ "agent": agent, "path": args.key, "file": file }))?,
            false => show(&file.value, out)?,
        }
        return Ok(Exit::Ok);
    }
    let key = key(&args.key)?;
    let kept = one(&moment, &agent, &key).await?.ok_or_else(|| none(&agent, &key))?;
    if out.json() {
        let mut document = json!(kept);
        document["agent"] = json!(agent);
        out.document(&document)?;
        return Ok(Exit::Ok);
    }
    match (&kept.value, &kept.broken) {
        (Some(value), _) => show(value, out)?,
        (None, error) => {
            let path = format!("agents/{agent}/memory/{key}.json");
            return Err(CliError::new(Exit::Invalid, error.clone().unwrap_or_default())
                .at(path, "")
                .hint("the agent's next turn uses the last recorded value; --at shows it as it was after a tick"));
        }
    }
    Ok(Exit::Ok)
}

fn show(value: &Value, out: &mut Output) -> Result<(), CliError> {
    let text = match value {
        Value::String(text) => text.clone(),
        value => serde_json::to_string_pretty(value).unwrap_or_default(),
    };
    out.line(clean(&text))?;
    Ok(())
}
