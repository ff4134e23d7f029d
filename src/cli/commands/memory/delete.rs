//! `lemming memory delete`

use serde_json::{Value, json};

use super::kept_now;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::order::{Order, WaitArgs, give};
use crate::domain::ingress::Action;
use crate::domain::memory::Operation;

/// Deletes a memory with the next tick. `archive` keeps it; the records do in any case.
#[derive(Debug, clap::Args)]
pub(super) struct DeleteArgs {
    /// The agent's name
    agent: String,
    /// The key
    key: String,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn run(args: DeleteArgs, session: &mut Session) -> Result<Exit, CliError> {
    let (org, agent, kept) = kept_now(session, &args.agent, &args.key).await?;
    let key = kept.key;
    let text = format!("{key} of {agent} is deleted");
    let document = json!({ "agent": agent, "key": key });
    let actions = vec![Action::Memory { agent, key, operation: Operation::Delete, value: Value::Null }];
    give(&org, Order { actions, text, document }, args.wait, session).await
}
