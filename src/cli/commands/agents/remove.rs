//! `lemming agents remove`

use bytes::Bytes;
use serde_json::json;

use super::resume;
use crate::cli::changes;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::revision::Revision;
use crate::store::Key;

/// Removes agents: their resumes are put away, and everything else of them stays.
///
/// What they said, kept and did stays readable, and so does the resume, as removed/NAME.json. They are not due any more, and nobody
/// can write to them; `agents restore` brings them back with the same balance and the mail that they had not read.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RemoveArgs {
    /// The agents' names
    #[arg(required = true, value_name = "AGENT")]
    agents: Vec<String>,
    /// Does it without asking
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(args: RemoveArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let mut revision = Revision::default();
    let mut agents = Vec::new();
    for name in &args.agents {
        let (agent, text) = resume(&org, name).await?;
        revision.put_away(&org.store, &agent, Bytes::from(text)).await?;
        agents.push(agent);
    }
    let names: Vec<&str> = agents.iter().map(crate::domain::name::AgentName::as_str).collect();
    let names = names.join(", ");
    changes::confirm(session, args.yes, &format!("remove {names}"))?;
    // Nothing is checked: what is left may be wrong without them, and whoever reads them is told by `validate`.
    revision.write(&org.store).await?;
    if session.out.json() {
        session.out.document(&json!({ "removed": agents, "changes": revision.changes() }))?;
        return Ok(Exit::Ok);
    }
    for agent in &agents {
        session.out.line(format!("{agent} is removed; its resume is {}", Key::Removed(agent.clone())))?;
    }
    session.out.note("note: `lemming agents restore` undoes it; `lemming validate` says who still reads or names whom");
    Ok(Exit::Ok)
}
