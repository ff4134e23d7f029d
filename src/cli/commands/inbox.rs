//! `lemming inbox`

use serde_json::json;

use crate::chronicle::message::{Bounds, newest};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session, agent_of_any_time};
use crate::cli::letter::{self, Look};
use crate::domain::name::AgentName;
use crate::record::state::Unread;

/// Shows what was said to you; with an agent's name, what that agent may read.
///
/// Reads only: showing a message marks it as read for nobody. The newest come last.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct InboxArgs {
    /// The agent's name [default: what is addressed to you]
    agent: Option<String>,
    /// The same, as an option
    #[arg(long = "agent", value_name = "NAME", conflicts_with = "agent")]
    of: Option<String>,
    /// At most so many messages
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Looks at most so many ticks back
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    ticks: u64,
    /// Everything that was said, whoever it was for
    #[arg(long, conflicts_with_all = ["agent", "of"])]
    all: bool,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: InboxArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let agent = match args.agent.as_ref().or(args.of.as_ref()) {
        Some(name) if name != crate::domain::name::HUMAN => Some(agent_of_any_time(&org, &moment, name).await?),
        _ => None,
    };
    let state = &moment.state;
    let known = agent.as_ref().and_then(|agent| state.agents.get(agent));
    let human = AgentName::human();
    let wanted = |entry: &Unread| match (&agent, known) {
        (Some(agent), Some(known)) => entry.readable_by(agent, &known.facts.reads),
        (Some(_), None) => false,
        (None, _) => args.all || entry.to.as_ref().is_some_and(|to| to.contains(&human)),
    };
    let bounds = Bounds { last: state.tick, messages: args.limit, ticks: args.ticks };
    let mut found = newest(&org.store, bounds, wanted).await?;
    if let Some(known) = known {
        for message in &mut found.messages {
            message.unread = Some(message.position > known.cursor);
        }
    }
    let times = session.times();
    let out = &mut session.out;
    if out.json() {
        let agent = agent.unwrap_or(human);
        out.document(&json!({ "agent": agent, "messages": found.messages, "more": found.more }))?;
        return Ok(Exit::Ok);
    }
    if found.messages.is_empty() {
        out.line("no messages")?;
    }
    for message in &found.messages {
        letter::show(message, &times, Look::default(), out)?;
    }
    if out.is_watched() && found.messages.iter().any(|message| message.reply_to.or(message.thread_id).is_some()) {
        out.note("`lemming thread ID` shows a conversation");
    }
    Ok(Exit::Ok)
}
