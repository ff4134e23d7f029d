//! `lemming files restore`

use serde_json::json;

use super::{key, place, whole};
use crate::chronicle::moment::Moment;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::order::{Order, WaitArgs, give};
use crate::domain::ingress::Action;
use crate::domain::time::Tick;

/// Gives a file the version back that it had after a tick; deletes it, if it had none.
///
/// Takes effect when the next tick closes. What a turn of that tick writes there counts instead. An old version
/// that is copied over the file by hand would be put right again: it is one that the records know.
#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// An agent's name, or `shared`; or the whole path, as `files list` prints it
    place: String,
    /// The path below its workspace, or below `shared/`
    path: Option<String>,
    /// After which tick
    #[arg(long, value_name = "TICK")]
    at: u64,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn run(args: RestoreArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let then = Moment::of(&org.store, Some(Tick(args.at))).await?;
    let now = Moment::now(&org.store).await?;
    let path = match &args.path {
        // An agent that came later has a workspace too.
        Some(path) => key(&place(&org, &now, &args.place).await?, path)?.path(),
        None => whole(&args.place)?.path(),
    };
    let was_there = then.state.files.get(&path).is_some_and(|file| file.sha256.is_some());
    if !was_there && !now.state.files.contains_key(&path) {
        let error = CliError::new(Exit::NotFound, format!("there was no file {path} after tick {}", args.at));
        return Err(error.hint(format!("`lemming files list --at {}` shows those that there were", args.at)));
    }
    let text = match was_there {
        true => format!("{path} becomes what it was after tick {}", args.at),
        false => format!("{path}, which there was not after tick {}, is deleted", args.at),
    };
    let document = json!({ "path": path, "as_after": args.at, "deletes": !was_there });
    let actions = vec![Action::RestoreFile { path, tick: Tick(args.at) }];
    give(&org, Order { actions, text, document }, args.wait, session).await
}
