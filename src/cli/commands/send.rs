//! `lemming send`

use serde_json::json;
use uuid::Uuid;

use crate::chronicle::message::{Bounds, newest};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, known_agent};
use crate::domain::name::HUMAN;
use crate::domain::outbox::{Importance, Kind};
use crate::engine::load;
use crate::ingress::Letter;
use crate::runner::compose::Org;

/// How far back the message that is answered is looked for, in ticks.
const TICKS_BACK: u64 = 200;

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
    #[arg(long, value_name = "ID", value_parser = id_prefix)]
    reply_to: Option<String>,
}

fn kind(text: &str) -> Result<Kind, String> {
    let all = || Kind::ALL.map(Kind::as_str).join(", ");
    Kind::parse(text).ok_or_else(|| format!("it must be one of {}", all()))
}

fn importance(text: &str) -> Result<Importance, String> {
    Importance::parse(text).ok_or_else(|| "it must be one of normal, high, critical".to_owned())
}

fn id_prefix(text: &str) -> Result<String, String> {
    let id = text.to_ascii_lowercase();
    let plain = (4..=36).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if plain { Ok(id) } else { Err("it must be an id, or its first four characters or more".to_owned()) }
}

pub(super) async fn run(args: SendArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let recipients = match args.agent.as_str() {
        "all" => None,
        HUMAN => {
            return Err(CliError::new(Exit::Usage, "human is you: a message goes to an agent, or to all"));
        }
        name => Some(vec![known_agent(&org, name).await?]),
    };
    let (reply_to, thread_id) = match &args.reply_to {
        Some(id) => answered(&org, id).await?,
        None => (None, None),
    };
    let letter =
        Letter { recipients, kind: args.kind, importance: args.importance, text: args.text, reply_to, thread_id };
    let mail = org.postbox().send(letter).await?;
    if session.out.json() {
        session.out.document(&json!({ "sent": mail }))?;
    } else {
        session.out.line(format!("sent {} to {}; the next `lemming tick` delivers it", mail.id, args.agent))?;
    }
    Ok(Exit::Ok)
}

/// The message that is answered, and its conversation.
async fn answered(org: &Org, id: &str) -> Result<(Option<Uuid>, Option<Uuid>), CliError> {
    let last = load(&org.store).await?.state.tick;
    let bounds = Bounds { last, messages: 2, ticks: TICKS_BACK };
    let found = newest(&org.store, bounds, |entry| entry.id.to_string().starts_with(id)).await?;
    match (found.messages.as_slice(), id.parse::<Uuid>()) {
        ([message], _) => Ok((Some(message.id), Some(message.thread_id.unwrap_or(message.id)))),
        // Older than was looked at: the whole id still says which one.
        ([], Ok(id)) if found.more => Ok((Some(id), None)),
        ([], _) => {
            let error =
                CliError::new(Exit::NotFound, format!("there is no message {id} in the last {TICKS_BACK} ticks"));
            Err(error.hint("`lemming inbox` shows the ids"))
        }
        _ => {
            Err(CliError::new(Exit::Usage, format!("more than one message begins with {id}"))
                .hint("give more of the id"))
        }
    }
}
