//! The work that is under way on a shard: turns, and the writing of views.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures::future::{OptionFuture, try_join_all};
use tokio::task::JoinSet;
use tracing::Instrument;

use super::super::EngineError;
use super::super::commit::Published;
use super::super::fold::Hashed;
use crate::domain::name::AgentName;
use crate::record::turn::TurnRecord;

/// How a turn ended.
pub(super) enum Over {
    /// Committed, and its views are due.
    Committed(Published),
    /// Committed, and its views are written.
    Complete(Hashed<Arc<TurnRecord>>),
    /// Stopped: nothing of it happened but what its meter says.
    Stopped,
}

/// What finished.
pub(super) enum Event {
    /// A turn.
    Turn(AgentName, Result<Over, EngineError>),
    /// What was begun for the sake of others: views, and preparations.
    Aside(Result<(), EngineError>),
}

/// So many writes of views make a task. Waking another thread for each would cost the turns that
/// go on more than the write itself.
const VIEWS_AT_ONCE: usize = 8;

type Views = Pin<Box<dyn Future<Output = Result<(), EngineError>> + Send>>;

/// Tasks of this shard alone. Dropping it stops them all, so that a tick that is dropped is dropped
/// whole.
#[derive(Default)]
pub(super) struct Work {
    tasks: JoinSet<Event>,
    /// A turn beside which no other can run.
    here: Option<Pin<Box<dyn Future<Output = Event> + Send>>>,
    /// Views to be written as soon as nothing else can be done, or there are enough of them.
    views: Vec<Views>,
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

    /// Writes views when whoever waits for what finishes next has nothing better to do.
    pub(super) fn write_views(&mut self, views: impl Future<Output = Result<(), EngineError>> + Send + 'static) {
        self.views.push(Box::pin(views));
        if self.views.len() >= VIEWS_AT_ONCE {
            self.begin_views();
        }
    }

    fn begin_views(&mut self) {
        if !self.views.is_empty() {
            let views = try_join_all(std::mem::take(&mut self.views));
            self.spawn(async move { Event::Aside(views.await.map(drop)) });
        }
    }

    /// Says whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.here.is_none() && self.tasks.is_empty() && self.views.is_empty()
    }

    /// Stops everything, and waits until nothing runs any more.
    pub(super) async fn stop(&mut self) {
        self.here = None;
        self.views.clear();
        self.tasks.shutdown().await;
    }

    /// Waits for what finishes next. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Event> {
        if let Some(here) = self.here.as_mut()
            && let Poll::Ready(event) = futures::poll!(here)
        {
            self.here = None;
            return Some(event);
        }
        self.begin_views();
        let here = OptionFuture::from(self.here.as_mut());
        tokio::select! {
            biased;
            Some(event) = here => {
                self.here = None;
                Some(event)
            }
            Some(done) = self.tasks.join_next() => {
                Some(done.unwrap_or_else(|error| Event::Aside(Err(EngineError::of_task(error)))))
            }
            else => None,
        }
    }
}
