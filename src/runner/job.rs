//! A job: one invocation that somebody else starts, on one organisation or on every one below a place.
//!
//! It decides nothing: triggers and terms go to the engine as they are, and what the engine says is gathered.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::{FutureExt as _, StreamExt as _};
use serde::Serialize;
use tracing::Instrument as _;

use super::compose::Org;
use super::invocation::Invocation;
use crate::causes::causes;
use crate::domain::credits::Credits;
use crate::domain::ids::Seed;
use crate::domain::time::{Clock, Tick};
use crate::engine::{Ending, EngineError, Idle, Outcome, Progress, Stop, Terms, TickReport};
use crate::record::plan::Trigger;
use crate::record::turn::Status;
use crate::store::counting::Requests;

/// Organisations worked on side by side.
const ORGANISATIONS_AT_ONCE: usize = 8;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Job {
    /// What asked for it.
    pub trigger: Trigger,
    /// On which terms.
    pub terms: Terms,
    /// The seed of every tick, for runs that are to be repeated.
    pub seed: Option<Seed>,
}

/// Why a job did not go on in an organisation.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The engine says why.
    #[error("the tick did not go on")]
    Engine(#[from] EngineError),
    /// The program has a fault. Other organisations are not touched by it.
    #[error("a fault of the program: {0}")]
    Panic(String),
}

/// How a job went in one organisation.
#[derive(Debug)]
pub struct Done {
    /// What became of its triggers, in order.
    pub outcomes: Vec<Outcome>,
    /// What it asked of the store.
    pub requests: Requests,
    /// Why it did not go on.
    pub error: Option<JobError>,
    /// Whether the time was over before it began.
    pub is_unreached: bool,
}

/// A job in a few numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// How it ended; nothing, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Ending>,
    /// Why it started nothing more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Idle>,
    /// The last tick that it worked on.
    pub tick: Option<Tick>,
    /// Its clock.
    pub clock: Option<Clock>,
    /// How many ticks it worked on.
    pub ticks: usize,
    /// How many turns were due in them.
    pub due: usize,
    /// How many of these are committed.
    pub committed: usize,
    /// How many of the committed failed.
    pub failed: usize,
    /// How many agents were due and did not run.
    pub skipped: usize,
    /// What was charged.
    pub cost_credits: Credits,
    /// How many things a person should know.
    pub problems: usize,
    /// What it asked of the store.
    pub requests: Requests,
}

impl Done {
    /// How it ended, if it did not fail: an open tick counts more than a closed one.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        if self.error.is_some() {
            return None;
        }
        let unreached = self.is_unreached.then_some(Ending::Partial);
        self.outcomes.iter().map(Outcome::ending).chain(unreached).max().or(Some(Ending::Idle))
    }

    /// Says whether the tick that is left open is the one that was asked for, and not one that was open before.
    #[must_use]
    pub fn is_own_tick_open(&self) -> bool {
        self.ticks().last().is_some_and(|tick| !tick.closed && !tick.resumed)
    }

    /// The ticks that it worked on, in order.
    fn ticks(&self) -> impl Iterator<Item = &TickReport> {
        let ran = self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Ran(report) => Some(report),
            Outcome::Idle { .. } => None,
        });
        ran.flat_map(TickReport::in_order)
    }

    /// It in a few numbers.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let turns = || self.ticks().flat_map(|tick| &tick.turns);
        let last = self.ticks().last();
        Summary {
            outcome: self.ending(),
            idle: self.outcomes.last().and_then(|outcome| match outcome {
                Outcome::Idle { reason } => Some(*reason),
                Outcome::Ran(_) => None,
            }),
            tick: last.map(|tick| tick.tick),
            clock: last.map(|tick| tick.clock),
            ticks: self.ticks().count(),
            due: self.ticks().map(|tick| tick.due.len()).sum(),
            committed: turns().count(),
            failed: turns().filter(|turn| turn.status == Status::Failed).count(),
            skipped: self.ticks().map(|tick| tick.skipped.len()).sum(),
            cost_credits: turns().map(|turn| turn.cost_credits).sum(),
            problems: self.ticks().map(|tick| tick.problems.len()).sum(),
            requests: self.requests,
        }
    }
}

/// Does a job in one organisation.
pub async fn run(org: &Org, job: &Job, stop: &Stop, progress: Arc<dyn Progress>) -> Done {
    let before = org.requests();
    let began = org.clock().now();
    let ctx = org.context(job.seed, job.terms, stop.clone(), progress);
    let mut done =
        Done { outcomes: Vec::new(), requests: Requests::default(), error: None, is_unreached: !ctx.may_go_on() };
    if !done.is_unreached {
        let mut invocation = Invocation::new(&ctx, job.trigger.clone()).delivering(org);
        // The futures of a tick own all that they change: after a panic nothing of it is looked at again.
        let work = AssertUnwindSafe(async {
            while let Some(outcome) = invocation.next().await? {
                done.outcomes.push(outcome);
            }
            Ok::<(), EngineError>(())
        });
        done.error = match work.catch_unwind().await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.into()),
            Err(panic) => Some(JobError::Panic(message(panic.as_ref()))),
        };
    }
    done.requests = org.requests() - before;
    log(&done, org.clock().now().unix_ms() - began.unix_ms());
    done
}

/// Does a job in each of these organisations. One that fails stops no other.
///
/// It begins anywhere among them, so that where the time is short no organisation is always the last. The results are
/// in the order of the organisations.
pub async fn run_each(
    organisations: Vec<(Option<String>, Org)>,
    job: &Job,
    stop: &Stop,
    progress: &Arc<dyn Progress>,
) -> Vec<(Option<String>, Done)> {
    let mut organisations: Vec<(usize, (Option<String>, Org))> = organisations.into_iter().enumerate().collect();
    let chance = organisations.first().map_or(0, |(_, (_, org))| usize::from(org.entropy().bytes()[0]));
    let first = chance % organisations.len().max(1);
    organisations.rotate_left(first);
    let work = organisations.into_iter().map(|(at, (name, org))| async move {
        let span = tracing::info_span!("organisation", organisation = name.as_deref());
        let done = run(&org, job, stop, Arc::clone(progress)).instrument(span).await;
        (at, (name, done))
    });
    let mut all: Vec<_> = futures::stream::iter(work).buffer_unordered(ORGANISATIONS_AT_ONCE).collect().await;
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, done)| done).collect()
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it says nothing").to_owned()
}

/// One line for each invocation, for whoever watches a function or a job.
fn log(done: &Done, duration_ms: i64) {
    let Summary { outcome, tick, due, committed, failed, skipped, .. } = done.summary();
    let tick = tick.map(|tick| tick.0);
    // Of the highest level, so that a line has these fields whatever is logged.
    let span = tracing::error_span!("invocation", tick, duration_ms, due, committed, failed, skipped);
    span.in_scope(|| match (&done.error, outcome) {
        (Some(error), _) => tracing::error!(
            event = "tick_failed",
            error = causes(error).join(": "),
            "{error}; what is committed stays, and the next invocation goes on"
        ),
        (None, Some(Ending::Partial)) => {
            tracing::warn!(event = "tick_partial", "a tick is left open: the next invocation goes on with it");
        }
        (None, Some(Ending::Held)) => {
            tracing::info!(event = "tick_held", "other runners are at work on all that is left of the tick");
        }
        (None, outcome) => {
            tracing::info!(event = "invocation_ended", outcome = outcome.map(Ending::as_str), "an invocation is over")
        }
    });
}
