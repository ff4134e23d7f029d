//! Ticks on this machine: one, or a loop of them, until a person says stop.

use std::future::Future;
use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::ids::Seed;
use crate::domain::pace::Span;
use crate::engine::{Deadline, EngineError, Outcome, Progress, Stop, Terms};
use crate::record::plan::Trigger;
use crate::runner::compose::Org;
use crate::runner::deadline::within;
use crate::runner::invocation::Invocation;

/// A loop of ticks.
#[derive(Debug, Clone, Copy)]
pub struct Loop {
    /// Ends after so many; absent: never.
    pub ticks: Option<u64>,
    /// From the beginning of one to the beginning of the next, unless it takes longer.
    pub every: Span,
    /// The seed of every tick, for runs that are to be repeated.
    pub seed: Option<Seed>,
}

/// Runs ticks one after another. `report` hears of each; its error ends the loop.
///
/// What may help later (a store that does not answer) is reported and tried again at the next tick.
///
/// # Errors
/// A person has to mend something first, or `report` failed.
pub async fn run_loop<E: From<EngineError>>(
    org: &Org,
    plan: Loop,
    stop: &Stop,
    progress: Arc<dyn Progress>,
    mut report: impl FnMut(Result<&Outcome, &EngineError>) -> Result<(), E>,
) -> Result<(), E> {
    let mut done = 0;
    loop {
        let begin = org.clock().now();
        let ctx = org.context(plan.seed, Terms::default(), stop.clone(), Arc::clone(&progress));
        let mut invocation = Invocation::new(&ctx, Trigger::Invocation).delivering(org);
        loop {
            match invocation.next().await {
                Ok(Some(outcome)) => report(Ok(&outcome))?,
                Ok(None) => break,
                Err(error) if error.may_help_later() => report(Err(&error))?,
                Err(error) => return Err(error.into()),
            }
        }
        done += 1;
        if stop.is_requested() || plan.ticks.is_some_and(|ticks| done >= ticks) {
            return Ok(());
        }
        wait(org.clock(), begin.unix_ms() + plan.every.as_ms(), stop).await;
        if stop.is_requested() {
            return Ok(());
        }
    }
}

async fn wait(clock: &dyn Clock, until_ms: i64, stop: &Stop) {
    let left = u64::try_from(until_ms - clock.now().unix_ms()).unwrap_or(0);
    tokio::select! {
        biased;
        () = stop.requested() => {}
        () = clock.sleep(std::time::Duration::from_millis(left)) => {}
    }
}

/// Does `work` until it is done. The first Ctrl-C or SIGTERM asks it to stop and calls `on_stop`;
/// the second abandons it, which is a crash, and a crash is safe: then the answer is `None`.
pub async fn until_signalled<F: Future>(on_stop: impl FnOnce(), work: impl FnOnce(Stop) -> F) -> Option<F::Output> {
    until_told(None, on_stop, work).await
}

/// The same with a deadline, at which it is asked to stop as well.
pub async fn until_told<F: Future>(
    deadline: Option<Deadline>,
    on_stop: impl FnOnce(),
    work: impl FnOnce(Stop) -> F,
) -> Option<F::Output> {
    let (sender, stop) = Stop::channel();
    let stopper = sender.clone();
    let signals = async {
        let Ok(mut signals) = Signals::new() else { return std::future::pending().await };
        signals.next().await;
        on_stop();
        sender.stop();
        signals.next().await;
    };
    tokio::select! {
        biased;
        // What is done is done, even if the second signal comes at the same moment.
        done = within(deadline, &stopper, work(stop)) => Some(done),
        () = signals => None,
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
