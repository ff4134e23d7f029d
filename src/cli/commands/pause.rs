//! `lemming pause` and `lemming resume`

use serde_json::json;

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, known_agent};
use crate::domain::ingress::Action;

/// Lets an agent, or the whole organisation, rest until `resume`.
///
/// Takes effect with the next tick. A tick that is open is finished.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct PauseArgs {
    /// The agent's name; without one, the whole organisation
    agent: Option<String>,
}

/// Lets an agent, or the whole organisation, go on after `pause`.
///
/// Takes effect with the next tick.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ResumeArgs {
    /// The agent's name; without one, the whole organisation
    agent: Option<String>,
}

pub(super) async fn run(args: PauseArgs, session: &mut Session) -> Result<Exit, CliError> {
    order(args.agent, session, |agent| Action::Pause { agent }, "pauses").await
}

pub(super) async fn run_resume(args: ResumeArgs, session: &mut Session) -> Result<Exit, CliError> {
    order(args.agent, session, |agent| Action::Resume { agent }, "goes on").await
}

async fn order(
    agent: Option<String>,
    session: &mut Session,
    action: fn(Option<crate::domain::name::AgentName>) -> Action,
    what: &str,
) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let agent = match agent {
        Some(name) => Some(known_agent(&org, &name).await?),
        None => None,
    };
    let whose = agent.as_ref().map_or("the organisation".to_owned(), ToString::to_string);
    let action = action(agent);
    let name = org.postbox().order(action.clone()).await?;
    if session.out.json() {
        session.out.document(&json!({ "ordered": name, "command": action }))?;
    } else {
        session.out.line(format!("{whose} {what} with the next tick"))?;
    }
    Ok(Exit::Ok)
}
