//! `lemming credits export`

use serde_json::json;

use crate::chronicle::ledger::{Line, ledger};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::domain::time::Tick;
use crate::engine::load;
use crate::runner::compose::Org;

/// Writes the ledger as comma-separated values, to hold against a provider's invoice.
///
/// A line of kind `call` for each model call that was answered, with its tokens by class, its cost
/// and the provider's id of the response; a line of kind `turn` for what a turn was charged. The sums
/// of paid, unanswered, forfeited and action are what the accounts were charged.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExportArgs {
    /// As comma-separated values, which is also what it does without
    #[arg(long)]
    csv: bool,
    /// The first tick
    #[arg(long, value_name = "TICK", default_value_t = 1)]
    from: u64,
    /// The last tick [default: the last that is closed]
    #[arg(long, value_name = "TICK")]
    to: Option<u64>,
}

pub(super) async fn run(args: ExportArgs, org: &Org, session: &mut Session) -> Result<Exit, CliError> {
    if args.csv && session.out.json() {
        return Err(CliError::new(Exit::Usage, "--csv and --json exclude each other"));
    }
    let last = load(&org.store).await?.state.tick.0;
    let ticks = args.from.max(1)..=args.to.unwrap_or(last).min(last);
    if session.out.json() {
        let mut lines = Vec::new();
        for tick in ticks {
            lines.extend(ledger(&org.store, Tick(tick)).await?);
        }
        session.out.document(&json!({ "lines": lines }))?;
        return Ok(Exit::Ok);
    }
    session.out.line(Line::COLUMNS.join(","))?;
    for tick in ticks {
        for line in ledger(&org.store, Tick(tick)).await? {
            session.out.line(line.csv())?;
        }
    }
    Ok(Exit::Ok)
}
