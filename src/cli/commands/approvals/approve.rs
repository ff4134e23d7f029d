//! `lemming approvals approve`

use serde_json::json;

use super::show::lines;
use super::{ordered, shown, unanswered};
use crate::cli::changes::confirm;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::order::{Order, WaitArgs, give};
use crate::domain::ingress::Action;
use crate::record;

/// Says yes to a call that waits: to exactly the arguments that are shown, once.
///
/// On a terminal the call is shown and you are asked. The answer names the hash of those arguments: with any others it is
/// void. With the next tick the agent is due, and the call is made.
#[derive(Debug, clap::Args)]
pub(super) struct ApproveArgs {
    /// The id, or its first characters
    id: String,
    /// Does not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn run(args: ApproveArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let approval = unanswered(&org, &args.id, org.clock().now()).await?;
    let arguments = shown(&approval)?;
    if !session.out.json() {
        let times = session.times();
        for line in lines(&approval, &times) {
            session.out.line(line)?;
        }
    }
    if session.out.json() && !args.yes {
        return Err(nobody_asked());
    }
    confirm(session, args.yes, "say yes to this call")?;
    let action = Action::Approve { approval: approval.id, arguments_sha256: record::hash(arguments), arguments: None };
    let text = ordered(&approval, "approved");
    let document = json!({ "approval": approval });
    give(&org, Order { actions: vec![action], text, document }, args.wait, session).await
}

/// With --json nothing is shown before it is answered.
pub(super) fn nobody_asked() -> CliError {
    CliError::new(Exit::Usage, "with --json nobody is asked: nothing was ordered")
        .hint("`lemming approvals show ID --json` shows what is asked; --yes says that it is meant")
}
