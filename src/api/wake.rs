//! Waking an organisation that has mail: one tick at a time, however many messages come.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::causes::causes;
use crate::engine::{EngineError, Silent, Stop, Terms};
use crate::record::plan::Trigger;
use crate::runner::compose::Org;
use crate::runner::invocation::Invocation;

/// Pauses before a wake that the store kept from working is tried again; then the next scheduled tick does it.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
];

/// Is told that something has come in. Never waits, and never fails: mail lies in the store whatever becomes of it.
pub trait Waker: Send + Sync + fmt::Debug {
    /// Something has come in.
    fn wake(&self);

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

/// Rung when mail has come, and heard by [`answer`]. However often it is rung, it is heard once.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Waker for Bell {
    fn wake(&self) {
        self.0.notify_one();
    }
}

/// Wakes the organisation each time that the bell was rung, until `stop`.
///
/// At most one tick runs, and at most one more is waited for: what came while one ran is in the next. A stop lets a running
/// tick leave in order; whoever drops this future crashes it, which is safe.
pub async fn answer(bell: &Bell, org: &Org, stop: &Stop) {
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => return,
            () = bell.0.notified() => {}
        }
        let mut pauses = PAUSES.iter();
        while let Err(error) = wake(org, stop).await {
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

/// One wake, and what follows from it at once.
async fn wake(org: &Org, stop: &Stop) -> Result<(), EngineError> {
    let ctx = org.context(None, Terms::default(), stop.clone(), Arc::new(Silent));
    let mut invocation = Invocation::new(&ctx, Trigger::Wake { named: Vec::new() }).delivering(org);
    while invocation.next().await?.is_some() {}
    Ok(())
}
