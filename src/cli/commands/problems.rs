//! `lemming problems`

use serde_json::json;

use crate::chronicle::moment::Moment;
use crate::chronicle::problems::{TICKS_BACK, problems};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::counted;
use crate::cli::problems::troubles;

/// Shows all that is wrong, in one place, each with what to do about it.
///
/// Agents whose turns fail or that are left alone, that have no credits left or mail that they do not read; calls that wait
/// for a person's yes, and those that nobody knows the outcome of; messages that were given up; a tick that nobody works
/// on; files that cannot be read, and tools that nobody accepted. Reads only.
///
/// With --json each has a stable `kind`, and `do`: the command that mends it, or that shows more of it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ProblemsArgs {
    /// Looks for what happened in the last N closed ticks
    #[arg(long, value_name = "N", default_value_t = TICKS_BACK)]
    last: u64,
    /// Ends with exit code 1 if there are any
    #[arg(long)]
    check: bool,
}

pub(super) async fn run(args: ProblemsArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = Moment::now(&org.store).await?;
    let looking = problems(&moment, org.clock().now(), args.last);
    let found = session.reading(&org, "looking for what is wrong", looking).await?;
    let out = &mut session.out;
    if out.json() {
        out.document(&json!({ "problems": found }))?;
    } else if found.is_empty() {
        out.line("nothing is wrong")?;
    } else {
        troubles(&found, out)?;
        out.line(counted(found.len(), "problem"))?;
    }
    Ok(if args.check && !found.is_empty() { Exit::Failed } else { Exit::Ok })
}
