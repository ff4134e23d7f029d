//! `lemming tick`

mod dry;
mod job;

use std::str::FromStr;
use std::sync::Arc;

use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, known_agent};
use crate::cli::output::{BAD, Cell, DIM, GOOD, NAME, Output, TITLE, WARN, counted, one_line, styled};
use crate::cli::problems;
use crate::cli::progress::Shown;
use crate::config::Environment;
use crate::domain::ids::Seed;
use crate::domain::pace::Span;
use crate::domain::time::{Tick, Timestamp};
use crate::engine::{Deadline, Ending, EngineError, Idle, Outcome, Part, Terms, TickReport, run_tick};
use crate::record::plan::Trigger;
use crate::record::turn::Status;
use crate::runner::compose::Org;
use crate::runner::delivery::deliver;
use crate::runner::local::until_told;
use crate::runner::trigger::{part, scheduled_time};
use crate::store::counting::Requests;
use crate::telemetry::spans;

/// Runs one tick, or the rest of an open one.
///
/// Any number may be started at once: one plans, the others help or wait, and nothing is done
/// twice. Where another runner holds the tick, this one waits, says for whom, and takes over if
/// that one shows no life. Ctrl-C stops cleanly: the next `tick` goes on where this one left.
///
/// A scheduler asks with --scheduled: where org.json has a pace, the slot of that time runs once,
/// however often it is asked for (without one, each is a tick). Where other runners hold all that
/// is left of a tick, it ends at once. Agents that wait for mail answer each other tick after
/// tick, within this invocation, as long as they have some.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TickArgs {
    /// A scheduler asks, for the slot of this time: RFC 3339, or the name of a CronJob's Job [default: now]
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true, conflicts_with = "wake")]
    scheduled: Option<Option<Scheduled>>,
    /// Runs only who has mail, and keeps the clock; with nothing to do it starts no tick
    #[arg(long)]
    wake: bool,
    /// Runs this agent as well, mail or not; may be repeated
    #[arg(long, value_name = "NAME", requires = "wake", conflicts_with = "all")]
    agent: Vec<String>,
    /// Leaves the tick to the next invocation before this time is over, counted from now; starts no turn that would not end
    ///
    /// [default: the environment variable LEMMING_DEADLINE, or else none]
    #[arg(long, value_name = "TIME")]
    deadline: Option<Span>,
    /// Begins with its own part of the work, from 0, as one of several runners on one tick, and then helps with the rest
    ///
    /// [default without a value: JOB_COMPLETION_INDEX and LEMMING_SHARDS, or Cloud Run's CLOUD_RUN_TASK_INDEX and
    /// CLOUD_RUN_TASK_COUNT]
    #[arg(long, value_name = "INDEX/COUNT", num_args = 0..=1, require_equals = true)]
    shards: Option<Option<Share>>,
    /// Ticks every organisation in a folder directly below the store; one that fails stops no other
    #[arg(long)]
    all: bool,
    /// Only this tick: where it is closed already, nothing is run, so that asking twice runs it once
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["scheduled", "wake", "all"])]
    tick: Option<u64>,
    /// Draws ids from this seed: the same seed, files and answers give the same records [default: a new one each tick]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Shows who would be due, with which prompt and at what cost at worst; calls no model and writes nothing
    #[arg(long, conflicts_with_all = ["all", "deadline", "shards"])]
    dry_run: bool,
    /// Prints each prompt whole [default: its size]
    #[arg(long, requires = "dry_run")]
    prompts: bool,
}

/// A time that a scheduler meant.
#[derive(Debug, Clone, Copy)]
struct Scheduled(Timestamp);

impl FromStr for Scheduled {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        scheduled_time(text).map(Self)
    }
}

/// A part of a tick's shards.
#[derive(Debug, Clone, Copy)]
struct Share(Part);

impl FromStr for Share {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        part(text).map(Self)
    }
}

impl TickArgs {
    /// Says whether it only shows what would be.
    pub(super) fn is_rehearsal(&self) -> bool {
        self.dry_run
    }
}

pub(super) async fn run(args: TickArgs, session: &mut Session) -> Result<Exit, CliError> {
    if args.dry_run {
        return dry::run(&args, session).await;
    }
    let terms = args.terms(&session.environment)?;
    if args.scheduled.is_some() || args.wake || args.all {
        return job::run(&args, terms, session).await;
    }
    let org = session.org().await?;
    let shown = Arc::new(Shown::new(session.out.is_watched() && !session.out.json()));
    let before = org.requests();
    let done = until_told(
        terms.deadline,
        || shown.stopping(),
        |stop| {
            let ctx = org.context(args.seed.map(Seed), terms, stop, shown.clone());
            let (org, span) = (&org, spans::organisation());
            spans::placed(&span, &org.place);
            let work = async move {
                let outcome = run_tick(&ctx, Trigger::Invocation).await?;
                deliver(org, &ctx, &outcome).await;
                Ok::<_, EngineError>(outcome)
            };
            work.instrument(span)
        },
    );
    let done = done.await;
    shown.clear();
    let Some(outcome) = done else { return Ok(Exit::Interrupted) };
    let outcome = outcome?;
    if let (Outcome::Idle { reason: Idle::TickAhead }, Some(tick)) = (&outcome, args.tick) {
        let error = CliError::new(Exit::NotFound, format!("tick {tick} cannot run: ticks before it have not"));
        return Err(error.hint("`lemming status` names the last one that is closed"));
    }
    let requests = org.requests() - before;
    if session.out.json() {
        session.out.document(&document(&outcome, requests))?;
    } else {
        show(&outcome, &mut session.out)?;
    }
    Ok(exit(outcome.ending()))
}

/// Whose variables say which part is a process's own: its index, and of how many.
const PARTS: [(&str, &str); 2] =
    [("JOB_COMPLETION_INDEX", "LEMMING_SHARDS"), ("CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT")];

/// The part that an Indexed Job of Kubernetes or a job of Cloud Run gives this process.
fn share(environment: &Environment) -> Result<Part, CliError> {
    let wrong = |message: String| CliError::new(Exit::Usage, format!("--shards: {message}"));
    let is_set = |name| environment.var(name).is_some();
    let (index, count) = PARTS.into_iter().find(|(index, count)| is_set(index) || is_set(count)).unwrap_or(PARTS[0]);
    let var = |name| {
        let hint = "an Indexed Job of Kubernetes sets JOB_COMPLETION_INDEX, and LEMMING_SHARDS is to be its `completions`; \
                    Cloud Run sets CLOUD_RUN_TASK_INDEX and CLOUD_RUN_TASK_COUNT; or say which: --shards=0/8";
        environment.var(name).ok_or_else(|| wrong(format!("{name} is not set")).hint(hint))
    };
    let text = format!("{}/{}", var(index)?, var(count)?);
    part(&text).map_err(|error| wrong(format!("{index}/{count}: {error}")))
}

impl TickArgs {
    fn terms(&self, environment: &Environment) -> Result<Terms, CliError> {
        let wrong = |variable: &str, error: String| CliError::new(Exit::Usage, format!("{variable}: {error}"));
        let deadline = match (self.deadline, environment.var("LEMMING_DEADLINE")) {
            (Some(span), _) => Some(span),
            (None, Some(text)) => {
                Some(text.parse::<Span>().map_err(|error| wrong("LEMMING_DEADLINE", error.to_string()))?)
            }
            (None, None) => None,
        };
        let share = match self.shards {
            Some(Some(Share(part))) => Some(part),
            Some(None) => Some(share(environment)?),
            None => None,
        };
        Ok(Terms {
            leaves_what_is_held: self.scheduled.is_some() || self.all,
            deadline: deadline.map(|span| Deadline::after(span.duration())),
            part: share,
            only: self.tick.map(Tick),
            ..Terms::default()
        })
    }

    async fn trigger(&self, org: &Org) -> Result<Trigger, CliError> {
        if self.wake {
            let mut named = Vec::new();
            for name in &self.agent {
                named.push(known_agent(org, name).await?);
            }
            return Ok(Trigger::Wake { named });
        }
        Ok(match self.scheduled {
            Some(when) => Trigger::Slot { time: when.map_or_else(|| org.clock().now(), |when| when.0) },
            None => Trigger::Invocation,
        })
    }
}

/// How a command ends after this.
pub(super) fn exit(ending: Ending) -> Exit {
    match ending {
        Ending::Partial => Exit::Partial,
        Ending::Idle | Ending::Closed | Ending::Held => Exit::Ok,
    }
}

/// The outcome for programs.
pub(super) fn document(outcome: &Outcome, requests: Requests) -> Value {
    let mut document = outcome_document(outcome);
    document["requests"] = json!(requests);
    document
}

fn outcome_document(outcome: &Outcome) -> Value {
    let mut document = match outcome {
        Outcome::Ran(report) => json!(report),
        Outcome::Idle { reason } => json!({
            "idle": reason, "tick": null, "clock": null, "closed": true, "due": [], "turns": [], "skipped": [],
        }),
    };
    document["outcome"] = json!(outcome.ending());
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
    report.in_order().try_for_each(|report| show_tick(report, out))
}

fn show_tick(report: &TickReport, out: &mut Output) -> Result<(), CliError> {
    out.line(headline(report))?;
    let rows: Vec<Vec<Cell>> = report
        .turns
        .iter()
        .map(|turn| {
            let style = match turn.status {
                Status::Ok => GOOD,
                Status::Waiting => WARN,
                Status::Failed => BAD,
            };
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
        (false, _) if !report.held_by.is_empty() => ", not closed: other runners are at work on the rest",
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
        Idle::SlotPassed => "this slot has run, or a later one",
        Idle::TickPassed => "this tick is closed already",
        Idle::TickAhead => "ticks before this one have not run yet",
        Idle::NoTime => "there is no time left for a turn; the next `lemming tick` begins it",
        Idle::NothingToDo => "nobody is due, and nothing has arrived",
        Idle::NoAgents => "there are no agents yet; `lemming bootstrap` writes examples",
        Idle::Paused => "the organisation is paused; `lemming resume` lets it go on",
    }
}
