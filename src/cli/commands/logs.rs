//! `lemming logs`

use std::time::Duration;

use serde_json::json;

use crate::chronicle;
use crate::chronicle::event::{Event, concerning};

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session, agent_of_any_time};
use crate::cli::output::Output;
use crate::cli::story;
use crate::cli::times::Times;
use crate::domain::time::Tick;
use crate::runner::local::until_signalled;

/// How often `--follow` looks for a new tick.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tells what happened, from the records: turns, messages, violations, skips, money.
///
/// Reads only. The newest comes last. With --json one document {"events": [...]}; with --follow,
/// or with --jsonl, one JSON object a line, with the same fields as the logs.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LogsArgs {
    /// Only what concerns this agent [default: everything]
    agent: Option<String>,
    /// Goes on with each tick that closes, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// How many ticks to begin with
    #[arg(long, value_name = "N", default_value_t = 10)]
    ticks: u64,
    /// At most so many lines, the last ones [default: all of these ticks]
    #[arg(long, value_name = "N", conflicts_with = "follow")]
    lines: Option<usize>,
    /// One JSON object a line
    #[arg(long)]
    jsonl: bool,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: LogsArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    if args.follow && args.at.is_past() {
        return Err(CliError::new(
            Exit::Usage,
            "--follow and --at exclude each other: nothing new happens in the past",
        ));
    }
    let moment = args.at.moment(&org).await?;
    let agent = match &args.agent {
        Some(name) => Some(agent_of_any_time(&org, &moment, name).await?),
        None => None,
    };
    let last = moment.state.tick;
    let first = Tick(last.0.saturating_sub(args.ticks) + 1);
    let lines = args.jsonl || (args.follow && session.out.json());
    let mut tick = first;
    let mut document: Vec<Event> = Vec::new();
    let times = session.times();
    let out = &mut session.out;
    while tick <= last {
        let Some(records) = chronicle::tick(&org.store, tick).await? else { break };
        let told = concerning(&records, agent.as_ref());
        // The last lines are known only once all are there.
        match (lines, out.json(), args.lines) {
            (false, true, _) | (_, _, Some(_)) => document.extend(told),
            _ => tell(&told, lines, &times, out)?,
        }
        tick = tick.next();
    }
    if let Some(most) = args.lines {
        document.drain(..document.len().saturating_sub(most));
    }
    if !lines && out.json() {
        out.document(&json!({ "events": document }))?;
        return Ok(Exit::Ok);
    }
    tell(&document, lines, &times, out)?;
    if !args.follow {
        if last == Tick(0) && !lines {
            out.line("nothing has happened yet; `lemming tick` runs the first tick")?;
        }
        return Ok(Exit::Ok);
    }
    out.flush()?;
    let followed = until_signalled(
        || {},
        async |stop| {
            loop {
                while let Some(records) =
                    chronicle::tick(&org.store, tick).await?.filter(|found| found.closed.is_some())
                {
                    tell(&concerning(&records, agent.as_ref()), lines, &times, out)?;
                    out.flush()?;
                    tick = tick.next();
                }
                tokio::select! {
                    biased;
                    () = stop.requested() => return Ok::<(), CliError>(()),
                    () = org.clock().sleep(LOOK_EVERY) => {}
                }
            }
        },
    );
    followed.await.unwrap_or(Ok(()))?;
    Ok(Exit::Ok)
}

fn tell(events: &[Event], lines: bool, times: &Times, out: &mut Output) -> Result<(), CliError> {
    for event in events {
        if lines {
            out.json_line(event)?;
        } else {
            out.line(story::line(event, Some(times)))?;
        }
    }
    Ok(())
}
