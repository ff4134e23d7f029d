//! `lemming credits export`

use futures::StreamExt as _;
use serde_json::json;

use crate::chronicle::ledger::{Line, ledgers};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
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
    let (from, to) = (args.from.max(1), args.to.unwrap_or(last).min(last));
    // Lines on the terminal are their own progress.
    let total = (to + 1).saturating_sub(from);
    let bar = (!session.out.is_on_terminal()).then(|| session.progress(total, "reading ticks"));
    let mut found = ledgers(&org.store, from..=to);
    let mut document = Vec::new();
    if !session.out.json() {
        session.out.line(Line::COLUMNS.join(","))?;
    }
    while let Some(lines) = found.next().await {
        let lines = lines?;
        match session.out.json() {
            true => document.extend(lines),
            false => lines.iter().try_for_each(|line| session.out.line(line.csv()))?,
        }
        bar.iter().for_each(|bar| bar.inc(1));
    }
    drop((found, bar));
    if session.out.json() {
        session.out.document(&json!({ "lines": document }))?;
    }
    Ok(Exit::Ok)
}
