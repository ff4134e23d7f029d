//! `lemming memory compact`

use std::num::NonZeroU32;

use serde_json::{Value, json};

use super::kept_now;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::order::{Order, WaitArgs, give};
use crate::cli::output::counted;
use crate::domain::ingress::Action;

/// Shortens a list with the next tick: its newest items stay, the others go to the archive.
#[derive(Debug, clap::Args)]
pub(super) struct CompactArgs {
    /// The agent's name
    agent: String,
    /// The key
    key: String,
    /// How many of the newest items stay
    #[arg(long, value_name = "N")]
    keep: NonZeroU32,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn run(args: CompactArgs, session: &mut Session) -> Result<Exit, CliError> {
    let (org, agent, kept) = kept_now(session, &args.agent, &args.key).await?;
    let key = kept.key;
    let Some(Value::Array(items)) = kept.value else {
        let error = CliError::new(Exit::Usage, format!("{key} of {agent} is no list"));
        return Err(error.hint(format!("`lemming memory archive {agent} {key}` archives the whole of it")));
    };
    let excess = items.len().saturating_sub(usize::try_from(args.keep.get()).unwrap_or(usize::MAX));
    let mut document = json!({ "agent": agent, "key": key, "items": items.len(), "excess": excess });
    if excess == 0 {
        let out = &mut session.out;
        document["ordered"] = json!([]);
        match out.json() {
            true => out.document(&document)?,
            false => out.line(format!("{key} of {agent} has {}: nothing to archive", counted(items.len(), "item")))?,
        }
        return Ok(Exit::Ok);
    }
    let text = format!("{} of {key} of {agent}, the oldest, go to the archive", counted(excess, "item"));
    let actions = vec![Action::Archive { agent, key, keep: Some(args.keep), unchanged_since: None }];
    give(&org, Order { actions, text, document }, args.wait, session).await
}
