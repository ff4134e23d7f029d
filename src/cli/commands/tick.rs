//! `lemming tick`

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{BAD, Cell, DIM, GOOD, NAME, Output, TITLE, WARN, counted, one_line, styled};
use crate::cli::problems;
use crate::cli::progress::Shown;
use crate::domain::ids::Seed;
use crate::engine::{Idle, Outcome, TickReport, run_tick};
use crate::record::plan::Trigger;
use crate::record::turn::Status;
use crate::runner::local::until_signalled;
use crate::store::counting::Requests;

/// Runs one tick, or the rest of an open one.
///
/// Any number may be started at once: one plans, the others help or wait, and nothing is done
/// twice. Where another runner holds the tick, this one waits, says for whom, and takes over if
/// that one shows no life. Ctrl-C stops cleanly: the next `tick` goes on where this one left.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TickArgs {
    /// Draws ids from this seed: the same seed, files and answers give the same records [default: a new one each tick]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

pub(super) async fn run(args: TickArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let shown = Arc::new(Shown::new(session.out.is_watched() && !session.out.json()));
    let before = org.requests();
    let done = until_signalled(
        || shown.stopping(),
        |stop| {
            let ctx = org.context(args.seed.map(Seed), stop, shown.clone());
            async move { run_tick(&ctx, Trigger::Invocation).await }
        },
    );
    let done = done.await;
    shown.clear();
    let Some(outcome) = done else { return Ok(Exit::Interrupted) };
    let outcome = outcome?;
    let requests = org.requests() - before;
    if session.out.json() {
        session.out.document(&document(&outcome, requests))?;
    } else {
        show(&outcome, &mut session.out)?;
    }
    Ok(exit(&outcome))
}

/// How a command ends after this outcome.
pub(super) fn exit(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Ran(report) if !report.closed => Exit::Partial,
        _ => Exit::Ok,
    }
}

/// The outcome for programs.
pub(super) fn document(outcome: &Outcome, requests: Requests) -> Value {
    let mut document = match outcome {
        Outcome::Ran(report) => json!(report),
        Outcome::Idle { reason } => json!({
            "idle": reason, "tick": null, "clock": null, "closed": true, "due": [], "turns": [], "skipped": [],
        }),
    };
    document["requests"] = json!(requests);
    document
}

/// The outcome for people.
pub(super) fn show(outcome: &Outcome, out: &mut Output) -> Result<(), CliError> {
    let report = match outcome {
        Outcome::Ran(report) => report,
        Outcome::Idle { reason } => {
            out.line(format!("nothing to do: {}", idle(*reason)))?;
            return Ok(());
        }
    };
    out.line(headline(report))?;
    let rows: Vec<Vec<Cell>> = report
        .turns
        .iter()
        .map(|turn| {
            let style = if turn.status == Status::Failed { BAD } else { GOOD };
            // A closed tick tells its failures below, whole.
            let is_told = |failure: &&String| report.problems.iter().any(|problem| problem.message == **failure);
            let failure = turn.failure.as_ref().filter(|failure| !is_told(failure));
            let failure = failure.map(|failure| one_line(failure, 80));
            let violations = match turn.violations {
                0 => String::new(),
                n => format!("{} of the contract", counted(n, "violation")),
            };
            vec![
                Cell::new(format!("  {}", turn.agent)).style(NAME),
                Cell::new(turn.status.as_str()).style(style),
                Cell::number(turn.cost_credits),
                Cell::new(counted(turn.messages, "message")),
                Cell::new(failure.unwrap_or(violations)).style(WARN),
            ]
        })
        .collect();
    out.table(&rows)?;
    for skipped in &report.skipped {
        let reason = skipped.reason.as_str().replace('_', " ");
        out.line(format!("  {}  {}", styled(NAME, &skipped.agent), styled(WARN, format!("skipped: {reason}"))))?;
    }
    problems::lines(&report.problems).iter().try_for_each(|line| out.line(format!("  {line}")))?;
    Ok(())
}

fn headline(report: &TickReport) -> String {
    let state = match (report.closed, report.resumed) {
        (true, false) => "",
        (true, true) => ", begun by another runner",
        (false, _) => ", not closed: the next `lemming tick` goes on with it",
    };
    let due = match report.due.len() {
        0 => "nobody is due".to_owned(),
        n => format!("{n} due"),
    };
    format!(
        "{} {}",
        styled(TITLE, format!("tick {}", report.tick)),
        styled(DIM, format!("(clock {}): {due}{state}", report.clock))
    )
}

fn idle(reason: Idle) -> &'static str {
    match reason {
        Idle::SlotPassed => "this slot has run",
        Idle::NothingToDo => "nobody is due, and nothing has arrived",
        Idle::NoAgents => "there are no agents yet; `lemming bootstrap` writes examples",
        Idle::Paused => "the organisation is paused; `lemming resume` lets it go on",
    }
}
