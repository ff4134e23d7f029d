//! `lemming send`

use serde_json::json;

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::domain::outbox::{Importance, Kind};
use crate::ingress::Draft;

/// Sends a message to an agent, or to all.
///
/// The next tick admits it; whoever it is for reads it at its next turn. Answers come to `inbox`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SendArgs {
    /// The agent's name, or `all`
    agent: String,
    /// What is said
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    text: String,
    /// message, report, request, response or status
    #[arg(long, default_value = "message", value_parser = kind)]
    kind: Kind,
    /// normal, high or critical: how early it is shown
    #[arg(long, default_value = "normal", value_parser = importance)]
    importance: Importance,
    /// The message that this one answers: its id, or how its id begins
    #[arg(long, value_name = "ID")]
    reply_to: Option<String>,
}

fn kind(text: &str) -> Result<Kind, String> {
    let all = || Kind::ALL.map(Kind::as_str).join(", ");
    Kind::parse(text).ok_or_else(|| format!("it must be one of {}", all()))
}

fn importance(text: &str) -> Result<Importance, String> {
    Importance::parse(text).ok_or_else(|| "it must be one of normal, high, critical".to_owned())
}

pub(super) async fn run(args: SendArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let draft = Draft {
        recipients: (args.agent != "all").then(|| vec![args.agent.clone()]),
        kind: args.kind,
        importance: args.importance,
        text: args.text,
        reply_to: args.reply_to,
    };
    let letter = draft.check(&org.store).await?;
    let mail = org.postbox().send(letter).await?;
    if session.out.json() {
        session.out.document(&json!({ "sent": mail }))?;
    } else {
        session.out.line(format!("sent {} to {}; the next `lemming tick` delivers it", mail.id, args.agent))?;
    }
    Ok(Exit::Ok)
}
