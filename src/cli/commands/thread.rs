//! `lemming thread`

use crate::chronicle::message::{Bounds, IdStart, newest};
use crate::chronicle::moment::Moment;
use crate::chronicle::thread::{Said, Thread, thread};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session};
use crate::cli::letter::{self, Look};
use crate::cli::output::{DIM, Output, styled};
use crate::cli::times::Times;

/// How deep answers are indented; deeper ones stand below each other.
const MAX_INDENT: usize = 12;

/// Shows a conversation as a tree: what answers what, with who, when and what.
///
/// Reads only. A conversation is what the message answers, what that answers, and whatever answers one of them or names
/// their thread. With --json the messages stand in the order of the tree, each with its `depth`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ThreadArgs {
    /// A message of it: its id, or how its id begins [default: the newest message]
    id: Option<String>,
    /// At most so many messages: those above the message, and the newest
    #[arg(long, value_name = "N", default_value_t = 200)]
    limit: usize,
    /// Looks at most so many ticks back
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    ticks: u64,
    /// Shows long texts whole
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: ThreadArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let id = args.id.as_deref().map(id_start).transpose()?;
    let moment = args.at.moment(&org).await?;
    let id = match id {
        Some(id) => id,
        None => newest_of_all(&moment, args.ticks).await?,
    };
    let found = session.reading(&org, "reading ticks", thread(&moment, &id, args.ticks, args.limit)).await?;
    match session.out.json() {
        true => session.out.document(&found)?,
        false => show(&found, args.full, &session.times(), &mut session.out)?,
    }
    Ok(Exit::Ok)
}

/// The id of the newest message.
async fn newest_of_all(moment: &Moment, ticks: u64) -> Result<IdStart, CliError> {
    let bounds = Bounds { last: moment.state.tick, messages: 1, ticks };
    let found = newest(moment.store(), bounds, |_| true).await?;
    match found.messages.first() {
        Some(message) => id_start(&message.id.to_string()),
        None => Err(CliError::new(Exit::NotFound, "nobody has said anything yet")
            .hint("`lemming send AGENT TEXT` does, and `lemming tick` delivers it")),
    }
}

/// The id that a person gives, or how it begins.
pub(super) fn id_start(text: &str) -> Result<IdStart, CliError> {
    IdStart::parse(text).ok_or_else(|| {
        CliError::new(Exit::Usage, format!("{text:?} is no id of a message, nor its first four characters or more"))
            .hint("`lemming inbox` and `lemming messages` show the ids")
    })
}

/// Shows a conversation to people.
pub(super) fn show(thread: &Thread, full: bool, times: &Times, out: &mut Output) -> Result<(), CliError> {
    for Said { depth, is_asked_for, message } in &thread.messages {
        let look = Look {
            indent: 2 * (*depth).min(MAX_INDENT),
            is_short: !full,
            is_asked_for: *is_asked_for && thread.messages.len() > 1,
            wanted: None,
        };
        letter::show(message, times, look, out)?;
    }
    if thread.more {
        out.line(styled(DIM, "there may be more of it: --limit and --ticks look further"))?;
    }
    Ok(())
}
