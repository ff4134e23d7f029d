//! Waking an organisation that has mail, and running a tick that is asked for: one at a time, however much comes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::chores::PAUSES;
use crate::causes::causes;
use crate::engine::{EngineError, Silent, Stop, Terms};
use crate::record::plan::Trigger;
use crate::runner::compose::Org;
use crate::runner::invocation::Invocation;

/// Is told that something has come in. Never waits, and never fails: mail lies in the store whatever becomes of it.
pub trait Waker: Send + Sync + fmt::Debug {
    /// Something has come in.
    fn wake(&self);

    /// A tick was asked for. Says whether one will run here; never waits.
    fn tick(&self) -> bool {
        false
    }

    /// Says whether this process runs ticks at all.
    fn wakes(&self) -> bool {
        true
    }
}

/// Wakes nobody: somebody else sees the mail come in, as a notification of the bucket does for a function.
#[derive(Debug, Clone, Copy, Default)]
pub struct Elsewhere;

impl Waker for Elsewhere {
    fn wake(&self) {}

    fn wakes(&self) -> bool {
        false
    }
}

/// Rung when mail has come, or a tick is asked for, and heard by [`answer`]. However often it is rung, it is heard once.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Rung>);

#[derive(Debug, Default)]
struct Rung {
    notify: Notify,
    /// Whether a tick is asked for, and not only a wake.
    ticks: AtomicBool,
}

impl Waker for Bell {
    fn wake(&self) {
        self.0.notify.notify_one();
    }

    fn tick(&self) -> bool {
        self.0.ticks.store(true, Ordering::SeqCst);
        self.0.notify.notify_one();
        true
    }
}

/// Wakes the organisation each time that the bell was rung, and runs a tick of its schedule where one was asked for, until
/// `stop`.
///
/// At most one tick runs, and at most one more is waited for: what came while one ran is in the next. A stop lets a running
/// tick leave in order; whoever drops this future crashes it, which is safe.
pub async fn answer(bell: &Bell, org: &Org, stop: &Stop) {
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => return,
            () = bell.0.notify.notified() => {}
        }
        // Taken before it runs: whoever asks while it does wants another one.
        let is_tick = bell.0.ticks.swap(false, Ordering::SeqCst);
        let mut pauses = PAUSES.iter();
        while let Err(error) = run(is_tick, org, stop).await {
            let pause = pauses.next().filter(|_| error.may_help_later());
            let causes = causes(&error).join(": ");
            tracing::error!(event = "tick_failed", error = causes, "a tick did not go on");
            let Some(pause) = pause else { break };
            tokio::select! {
                biased;
                () = stop.requested() => return,
                () = org.clock().sleep(*pause) => {}
            }
        }
    }
}

/// One wake, or one tick of the schedule, and what follows from it at once.
async fn run(is_tick: bool, org: &Org, stop: &Stop) -> Result<(), EngineError> {
    let ctx = org.context(None, Terms::default(), stop.clone(), Arc::new(Silent));
    let trigger = if is_tick { Trigger::Invocation } else { Trigger::Wake { named: Vec::new() } };
    let mut invocation = Invocation::new(&ctx, trigger).delivering(org);
    while invocation.next().await?.is_some() {}
    Ok(())
}
