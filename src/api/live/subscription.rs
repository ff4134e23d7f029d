//! One who listens: first what he missed, from the records, then what everybody is told.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use super::feed::{Feed, Listener};
use crate::api::chores::Chores;
use crate::causes::causes;
use crate::chronicle::feed::{Cursor, MAX_TICKS_BACK, Next, Told, Walk, reset};
use crate::domain::time::Tick;

/// After so many polls of the follower whatever was told anywhere has been told here: the first may have been under way.
const POLLS: u64 = 2;

/// So often the follower may run away from one who is told what he missed.
const TRIES: u32 = 3;

/// What one who listens hears.
#[derive(Debug)]
pub(in crate::api) enum Heard {
    /// Something happened.
    Event(Arc<Told>),
    /// He took too long. Where he comes back with his cursor, nothing is lost.
    TooSlow,
    /// It is over: the server ends, or it cannot read what he missed.
    Over,
}

/// One who listens.
#[derive(Debug)]
pub(in crate::api) struct Subscription {
    feed: Arc<Feed>,
    chores: Chores,
    listener: Listener,
    phase: Phase,
    /// How far he was told.
    cursor: Cursor,
    /// What he is told next.
    ready: VecDeque<Arc<Told>>,
    tries: u32,
}

#[derive(Debug)]
enum Phase {
    /// Waits until the follower has told all that he knows. `since`: how often it had looked when he began to wait.
    Joining { since: Option<u64>, is_troubled: bool },
    /// Is told what he missed.
    CatchingUp(Box<Walk>),
    /// Is told what everybody is told.
    Live,
}

impl Subscription {
    /// Begins to listen behind a cursor. `None`: nobody follows the records here.
    pub(in crate::api) fn open(feed: &Arc<Feed>, chores: &Chores, after: Cursor) -> Option<Self> {
        let listener = feed.listen(chores)?;
        Some(Self {
            feed: Arc::clone(feed),
            chores: chores.clone(),
            listener,
            phase: Phase::joining(),
            cursor: after,
            ready: VecDeque::new(),
            tries: 0,
        })
    }

    /// How far he was told.
    pub(in crate::api) fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Waits for the next event. May be dropped at any time and asked again: nothing is lost by it.
    pub(in crate::api) async fn next(&mut self) -> Heard {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return self.tell(event);
            }
            // The follower is gone, with the server as a rule.
            if self.listener.seen.has_changed().is_err() {
                return Heard::Over;
            }
            match &mut self.phase {
                Phase::Joining { .. } => {
                    if !self.join().await {
                        return Heard::Over;
                    }
                }
                Phase::CatchingUp(walk) => {
                    let now = self.feed.org().clock().now();
                    if let Some(events) = walk.take(now) {
                        self.ready.extend(events.into_iter().map(Arc::new));
                        continue;
                    }
                    match walk.look().await {
                        Ok(Next::Now) => {}
                        Ok(Next::Idle | Next::Open) => self.phase = Phase::Live,
                        Ok(Next::Lost) => self.reset(),
                        Err(error) => {
                            let causes = causes(&error).join(": ");
                            tracing::error!(
                                event = "catch_up_failed",
                                error = causes,
                                "what was missed cannot be read"
                            );
                            return Heard::Over;
                        }
                    }
                }
                Phase::Live => match self.listener.events.recv().await {
                    Ok(event) => {
                        self.tries = TRIES;
                        return self.tell(event);
                    }
                    Err(RecvError::Closed) => return Heard::Over,
                    // Much has happened while he was told what he missed: then he missed that, too.
                    Err(RecvError::Lagged(_)) if self.tries < TRIES => {
                        self.tries += 1;
                        if !self.listen_again() {
                            return Heard::Over;
                        }
                        self.phase = Phase::joining();
                    }
                    Err(RecvError::Lagged(_)) => return Heard::TooSlow,
                },
            }
        }
    }

    fn tell(&mut self, event: Arc<Told>) -> Heard {
        if let Some(cursor) = &event.cursor {
            self.cursor = cursor.clone();
        }
        Heard::Event(event)
    }

    /// Finds out where to begin; says whether there is anybody to listen to.
    async fn join(&mut self) -> bool {
        let seen = self.listener.seen.borrow_and_update().clone();
        let Phase::Joining { since, is_troubled } = &mut self.phase else { return true };
        let polls = *since.get_or_insert(seen.polls);
        if let Some(trouble) = seen.trouble.filter(|_| !*is_troubled) {
            *is_troubled = true;
            self.ready.push_back(trouble);
            return true;
        }
        let Some(at) = self.listener.at.clone() else {
            if seen.cursor.is_some() {
                return self.listen_again();
            }
            return self.listener.seen.changed().await.is_ok();
        };
        let from = self.cursor.clone();
        if at.covers(&from) {
            if at.last_whole().0 - from.last_whole().0 > MAX_TICKS_BACK {
                self.reset();
            } else {
                self.phase = Phase::CatchingUp(Box::new(Walk::from(&self.feed.org().store, from).until(at)));
            }
            return true;
        }
        if seen.polls < polls + POLLS {
            return self.listener.seen.changed().await.is_ok() && self.listen_again();
        }
        self.reset();
        true
    }

    /// Listens from now on to what is told from now on.
    fn listen_again(&mut self) -> bool {
        match self.feed.listen(&self.chores) {
            Some(listener) => {
                self.listener = listener;
                true
            }
            None => false,
        }
    }

    /// Tells him to load anew, and what the open tick brought.
    fn reset(&mut self) {
        let at = self.listener.at.clone().unwrap_or(Cursor::after(Tick(0)));
        let from = Cursor::after(at.last_whole());
        self.ready.push_back(Arc::new(reset(from.clone(), self.feed.org().clock().now())));
        self.phase = Phase::CatchingUp(Box::new(Walk::from(&self.feed.org().store, from).until(at)));
    }
}

impl Phase {
    fn joining() -> Self {
        Self::Joining { since: None, is_troubled: false }
    }
}
