//! `lemming approvals deny`

use serde_json::json;

use super::{ordered, unanswered};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::order::{Order, WaitArgs, give};
use crate::domain::ingress::Action;

/// The most bytes of a reason: the agent reads it in its prompt.
const MAX_REASON_BYTES: usize = 4 * 1024;

/// Says no to a call that waits: it is not made, and the agent is told.
#[derive(Debug, clap::Args)]
pub(super) struct DenyArgs {
    /// The id, or its first characters
    id: String,
    /// Why not, for the agent
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn run(args: DenyArgs, session: &mut Session) -> Result<Exit, CliError> {
    let reason = args.reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    if let Some(bytes) = reason.as_ref().map(String::len).filter(|bytes| *bytes > MAX_REASON_BYTES) {
        return Err(CliError::new(Exit::Usage, format!("the reason has {bytes} bytes, more than {MAX_REASON_BYTES}")));
    }
    let org = session.org().await?;
    let approval = unanswered(&org, &args.id, org.clock().now()).await?;
    let action = Action::Deny { approval: approval.id, reason };
    let text = ordered(&approval, "denied");
    let document = json!({ "approval": approval });
    give(&org, Order { actions: vec![action], text, document }, args.wait, session).await
}
