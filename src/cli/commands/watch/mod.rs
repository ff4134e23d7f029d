//! `lemming watch`

mod lines;
mod page;

use std::io::IsTerminal as _;
use std::time::Duration;

use self::lines::Lines;
use crate::chronicle::live::Live;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::screen::{Done, Screen};
use crate::cli::times::Times;
use crate::domain::pace::Span;
use crate::runner::compose::Org;
use crate::runner::local::until_signalled;

/// Shows the organisation as it moves: agents and what they do, messages, spending, problems.
///
/// Reads only, and little: while nothing happens, a look is two requests. q or Ctrl-C ends. Where standard output is
/// no terminal, lines are printed as things happen; with --json the whole view, one JSON object a line, whenever it changes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct WatchArgs {
    /// From one look to the next
    #[arg(long, value_name = "TIME", default_value_t = Span::new(Duration::from_secs(1)))]
    interval: Span,
}

pub(super) async fn run(args: WatchArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let live = Live::begin(&org.store).await?;
    let every = args.interval.duration();
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !session.out.json();
    let times = session.times();
    let watched = match is_terminal {
        true => until_signalled(|| {}, async |stop| on_screen(&org, live, every, &times, &stop).await).await,
        false => until_signalled(|| {}, async |stop| in_lines(&org, live, every, &stop, session).await).await,
    };
    watched.unwrap_or(Ok(()))?;
    Ok(Exit::Ok)
}

/// Redraws the terminal at every look.
async fn on_screen(
    org: &Org,
    mut live: Live,
    every: Duration,
    times: &Times,
    stop: &crate::engine::Stop,
) -> Result<(), CliError> {
    let mut screen = Screen::take()?;
    // What goes wrong once is shown, and looked at again.
    let mut trouble: Option<String> = None;
    loop {
        let now = org.clock().now();
        screen.draw(&page::rows(&live.view(now), times, &org.place, trouble.as_deref(), screen.size()))?;
        let done = tokio::select! {
            biased;
            () = stop.requested() => Done::Quit,
            done = screen.event() => done,
            () = org.clock().sleep(every) => {
                trouble = match live.look().await {
                    Ok(()) => None,
                    Err(error) if error.may_help_later() => Some(crate::causes::causes(&error).join(": ")),
                    Err(error) => return Err(error.into()),
                };
                Done::Redraw
            }
        };
        if done == Done::Quit {
            return Ok(());
        }
    }
}

/// Prints what changed at every look.
async fn in_lines(
    org: &Org,
    mut live: Live,
    every: Duration,
    stop: &crate::engine::Stop,
    session: &mut Session,
) -> Result<(), CliError> {
    let times = session.times();
    let out = &mut session.out;
    let mut lines = Lines::default();
    let mut before = None;
    loop {
        let view = live.view(org.clock().now());
        if before.as_ref() != Some(&view) {
            match out.json() {
                true => out.json_line(&view)?,
                false => lines.tell(&view, &times, out)?,
            }
            out.flush()?;
            before = Some(view);
        }
        tokio::select! {
            biased;
            () = stop.requested() => return Ok(()),
            () = org.clock().sleep(every) => {}
        }
        match live.look().await {
            Err(error) if error.may_help_later() => {
                let error = crate::causes::causes(&error).join(": ");
                tracing::warn!(event = "look_failed", error, "a look failed; it is tried again");
            }
            looked => looked?,
        }
    }
}
