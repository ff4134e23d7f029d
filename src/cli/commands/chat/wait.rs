//! Waiting for an answer: by ticks of our own, or for those of other runners.

use std::sync::Arc;

use uuid::Uuid;

use super::{Chat, Peer};
use crate::chronicle;
use crate::cli::error::CliError;
use crate::cli::follow::LOOK_EVERY;
use crate::cli::globals::Session;
use crate::cli::problems;
use crate::cli::progress::{Line, Shown};
use crate::domain::name::AgentName;
use crate::engine::{Ending, Outcome, Terms};
use crate::record::plan::{Plan, Trigger};
use crate::runner::invocation::Invocation;
use crate::runner::local::until_signalled;
use crate::store::Key;

/// How waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// With an answer.
    Answered,
    /// Nobody has anything to do any more.
    Nothing,
    /// It took more ticks than it may.
    TooLong,
    /// Other runners hold the tick.
    NotClosed,
    /// By the first Ctrl-C.
    Stopped,
    /// By the second.
    Left,
}

impl Chat {
    /// Runs ticks until an answer comes: at slot pace wakes, which keep the clock and run who has mail.
    pub(super) async fn run_ticks(&mut self, sent: Uuid, session: &mut Session) -> Result<Waited, CliError> {
        let has_slots = chronicle::settings(&self.org.store).await?.pace.every.is_some();
        let named: Vec<AgentName> = match &self.peer {
            Peer::Agent(name) => vec![name.clone()],
            Peer::All | Peer::Nobody => Vec::new(),
        };
        let trigger = || match has_slots {
            true => Trigger::Wake { named: named.clone() },
            false => Trigger::Invocation,
        };
        let shown = Arc::new(Shown::new(self.is_terminal && session.out.is_watched()));
        let org = self.org.clone();
        let out = &mut session.out;
        let limit = self.ticks;
        let done = until_signalled(
            || shown.stopping(),
            async |stop| {
                for _ in 0..limit {
                    let ctx = org.context(None, Terms::default(), stop.clone(), shown.clone());
                    let mut invocation = Invocation::new(&ctx, trigger()).delivering(&org);
                    let mut is_idle = true;
                    while let Some(outcome) = invocation.next().await? {
                        shown.clear();
                        if let Outcome::Ran(report) = &outcome {
                            is_idle = false;
                            if !out.json() {
                                problems::lines(&report.problems).iter().for_each(|line| out.note(line));
                            }
                        }
                        if self.news(Some(sent), out).await? {
                            return Ok(Waited::Answered);
                        }
                        if outcome.ending() == Ending::Held {
                            return Ok(Waited::NotClosed);
                        }
                    }
                    match (stop.is_requested(), is_idle || has_slots) {
                        (true, _) => return Ok(Waited::Stopped),
                        (false, true) => return Ok(Waited::Nothing),
                        (false, false) => {}
                    }
                }
                Ok::<_, CliError>(Waited::TooLong)
            },
        );
        let done = done.await;
        shown.clear();
        done.unwrap_or(Ok(Waited::Left))
    }

    /// Waits for the ticks of other runners, and shows who is due in an open one.
    pub(super) async fn await_runners(&mut self, sent: Uuid, session: &mut Session) -> Result<Waited, CliError> {
        let out = &mut session.out;
        let mut line = Line::default();
        let draws = self.is_terminal && out.is_watched();
        let org = self.org.clone();
        let done = until_signalled(
            || {},
            async |stop| {
                loop {
                    let next = self.shown.next();
                    if org.store.get(&Key::Closed(next)).await?.is_some() {
                        line.erase();
                        if self.news(Some(sent), out).await? {
                            return Ok(Waited::Answered);
                        }
                        continue;
                    }
                    if draws {
                        let open = org.store.read::<Plan>(&Key::Plan(next)).await?;
                        line.draw(&at_work(open.as_ref()));
                    }
                    tokio::select! {
                        biased;
                        () = stop.requested() => return Ok::<_, CliError>(Waited::Stopped),
                        () = org.clock().sleep(LOOK_EVERY) => {}
                    }
                }
            },
        );
        let done = done.await;
        line.erase();
        done.unwrap_or(Ok(Waited::Left))
    }
}

/// What there is to wait for.
fn at_work(open: Option<&Plan>) -> String {
    match open {
        None => "waiting for a runner to tick".to_owned(),
        Some(plan) => {
            let names: Vec<&str> = plan.due.iter().take(6).map(|due| due.agent.as_str()).collect();
            let more = if plan.due.len() > names.len() { ", …" } else { "" };
            format!("tick {} is open; due: {}{more}", plan.tick, names.join(", "))
        }
    }
}
