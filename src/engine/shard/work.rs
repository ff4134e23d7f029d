//! The work that is under way on a shard: turns, and the writing of views.

use std::pin::Pin;

use futures::future::OptionFuture;
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument;

use super::super::EngineError;
use super::super::commit::Published;
use crate::domain::name::AgentName;

/// What finished.
pub(super) enum Event {
    /// A turn: committed, or, without a record, stopped.
    Turn(AgentName, Result<Option<Published>, EngineError>),
    /// The views of a turn.
    Views(Result<(), EngineError>),
}

/// Tasks of this shard alone. Dropping it stops them all, so that a tick that is dropped is dropped
/// whole.
#[derive(Default)]
pub(super) struct Work {
    tasks: JoinSet<Event>,
    /// A turn beside which no other can run.
    here: Option<Pin<Box<dyn Future<Output = Event> + Send>>>,
}

impl Work {
    /// Begins something that others may run beside.
    pub(super) fn spawn(&mut self, work: impl Future<Output = Event> + Send + 'static) {
        self.tasks.spawn(work.in_current_span());
    }

    /// Begins something that whoever waits for it runs itself: another thread would have to be woken
    /// for it, and nothing could be done in the meantime.
    pub(super) fn run_here(&mut self, work: impl Future<Output = Event> + Send + 'static) {
        if self.here.is_some() {
            return self.spawn(work);
        }
        self.here = Some(Box::pin(work));
    }

    /// Says whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.here.is_none() && self.tasks.is_empty()
    }

    /// Stops everything, and waits until nothing runs any more.
    pub(super) async fn stop(&mut self) {
        self.here = None;
        self.tasks.shutdown().await;
    }

    /// Waits for what finishes next. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Event> {
        let here = OptionFuture::from(self.here.as_mut());
        tokio::select! {
            biased;
            Some(event) = here => {
                self.here = None;
                Some(event)
            }
            Some(done) = self.tasks.join_next() => Some(finished(done)),
            else => None,
        }
    }
}

/// What a task came to. Its panic is ours: whoever drives the shard must not go on without it.
fn finished(done: Result<Event, JoinError>) -> Event {
    match done {
        Ok(event) => event,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Event::Views(Err(EngineError::Ending)),
        },
    }
}
