//! `lemming run`

use std::sync::Arc;

use serde_json::{Value, json};

use super::tick;
use crate::chronicle;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::progress::Shown;
use crate::domain::ids::Seed;
use crate::domain::pace::Span;
use crate::engine::Outcome;
use crate::runner::local::{Loop, run_loop, until_signalled};

/// How often ticks run where neither the person nor org.json says.
const EVERY: std::time::Duration = std::time::Duration::from_secs(10);

/// Runs ticks one after another, until Ctrl-C.
///
/// The first Ctrl-C (or SIGTERM) stops cleanly, the second at once; either way the next runner
/// goes on where this one left. Trouble that passes, such as a store that does not answer, is
/// logged and tried again at the next tick.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RunArgs {
    /// Ends after so many ticks; those with nothing to do count too [default: goes on until Ctrl-C]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    ticks: Option<u64>,
    /// From the beginning of one tick to that of the next [default: org.json's pace, or 10s]
    #[arg(long, value_name = "TIME")]
    every: Option<Span>,
    /// Draws ids from this seed: the same seed, files and answers give the same records [default: a new one each tick]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

pub(super) async fn run(args: RunArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let pace = match args.every {
        Some(_) => args.every,
        None => chronicle::settings(&org.store).await?.pace.every,
    };
    let plan = Loop { ticks: args.ticks, every: pace.unwrap_or(Span::new(EVERY)), seed: args.seed.map(Seed) };
    let shown = Arc::new(Shown::new(session.out.is_watched() && !session.out.json()));
    let mut reports: Vec<Value> = Vec::new();
    let mut exit = Exit::Ok;
    let out = &mut session.out;
    if out.is_watched() && !out.json() {
        out.note(format!("a tick every {}; Ctrl-C stops", plan.every));
    }
    let done = until_signalled(
        || shown.stopping(),
        async |stop| {
            let mut before = org.requests();
            run_loop(&org, plan, &stop, shown.clone(), |outcome| {
                shown.clear();
                let outcome: &Outcome = match outcome {
                    Ok(outcome) => outcome,
                    Err(error) => {
                        let causes = crate::causes::causes(error).join(": ");
                        tracing::warn!(
                            event = "tick_failed",
                            error = causes,
                            "a tick did not go on; it is tried again"
                        );
                        return Ok(());
                    }
                };
                exit = tick::exit(outcome.ending());
                let requests = org.requests() - before;
                before = org.requests();
                match (out.json(), outcome) {
                    // A loop without an end is no one document: only one that ends is kept.
                    (true, _) if plan.ticks.is_some() => reports.push(tick::document(outcome, requests)),
                    (true, _) => out.json_line(&tick::document(outcome, requests))?,
                    (false, Outcome::Idle { .. }) => {}
                    (false, Outcome::Ran(_)) => tick::show(outcome, out)?,
                }
                Ok::<(), CliError>(())
            })
            .await
        },
    );
    let done = done.await;
    shown.clear();
    let Some(result) = done else { return Ok(Exit::Interrupted) };
    result?;
    if session.out.json() && plan.ticks.is_some() {
        session.out.document(&json!({ "ticks": reports, "requests": org.requests() }))?;
    }
    Ok(exit)
}
