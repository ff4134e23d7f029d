//! The live events of one organisation, and who follows its records for all who listen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, watch};

use crate::api::chores::{Chores, PAUSES};
use crate::causes::causes;
use crate::chronicle::feed::{Cursor, Next, Told, Walk, What, reset};
use crate::domain::time::Tick;
use crate::engine::{EngineError, Stop, load};
use crate::record::state::Problem;
use crate::runner::compose::Org;
use crate::store::StoreError;

/// How many events lie ready for whoever is behind the others. Each is at most some 16 KiB, and lies there once.
const READY: usize = 2048;

/// Where so many lie ready the follower waits for those who are behind.
const CROWDED: usize = READY / 2;

/// How long it waits at a time, and how often before it goes on without them.
const BREATH: Duration = Duration::from_millis(5);
const BREATHS: u32 = 400;

/// How long the follower rests between two looks.
#[derive(Debug, Clone, Copy)]
struct Pace {
    open: Duration,
    idle: Duration,
}

impl Pace {
    /// On a disk a look costs nothing; of a bucket it is a request or more.
    const DISK: Self = Self { open: Duration::from_millis(200), idle: Duration::from_millis(500) };
    const BUCKET: Self = Self { open: Duration::from_secs(1), idle: Duration::from_secs(2) };
}

/// The live events of one organisation.
#[derive(Debug)]
pub(in crate::api) struct Feed {
    org: Arc<Org>,
    /// Whom the follower tells, while there is one.
    running: Mutex<Option<Running>>,
}

/// Those whom one follower tells. Each follower has its own: one that is about to end tells nobody whom the next one tells.
#[derive(Debug, Clone)]
struct Running {
    events: broadcast::Sender<Arc<Told>>,
    seen: watch::Sender<Seen>,
}

/// How far the follower is.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// How far it has told; nothing before it first read the records.
    pub(super) cursor: Option<Cursor>,
    /// How often it has looked and found nothing more.
    pub(super) polls: u64,
    /// Why it cannot go on, as it was told.
    pub(super) trouble: Option<Arc<Told>>,
}

/// One who listens: what is told from now on, and up to where it was told before.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) events: broadcast::Receiver<Arc<Told>>,
    pub(super) seen: watch::Receiver<Seen>,
    /// Where the follower stood when this one began to listen.
    pub(super) at: Option<Cursor>,
}

impl Feed {
    pub(in crate::api) fn new(org: Arc<Org>) -> Self {
        Self { org, running: Mutex::default() }
    }

    pub(super) fn org(&self) -> &Org {
        &self.org
    }

    /// Begins to listen, and has the records followed if nobody does yet. `None`: nobody can, behind a function or once the
    /// server ends.
    pub(super) fn listen(self: &Arc<Self>, chores: &Chores) -> Option<Listener> {
        let mut running = self.lock();
        if running.is_none() {
            let feed = Arc::clone(self);
            let (events, seen) = (broadcast::Sender::new(READY), watch::Sender::default());
            let mine = Running { events, seen };
            let told = mine.clone();
            if !chores.add(|stop| feed.follow(stop, told)) {
                return None;
            }
            *running = Some(mine);
        }
        let running = running.as_ref()?;
        let at = running.seen.borrow().cursor.clone();
        Some(Listener { events: running.events.subscribe(), seen: running.seen.subscribe(), at })
    }

    /// Follows the records until `stop`, while somebody listens. However it ends, it is over for all of them.
    async fn follow(self: Arc<Self>, stop: Stop, running: Running) {
        let end = End { feed: &self, running };
        tokio::select! {
            biased;
            () = stop.requested() => {}
            () = self.tell(&end.running) => {}
        }
    }

    async fn tell(&self, mine: &Running) {
        let pace = if self.org.store.lists_freely() { Pace::DISK } else { Pace::BUCKET };
        let (mut walk, mut pauses) = (None, PAUSES.iter());
        loop {
            let pause = match self.poll(mine, &mut walk).await {
                Ok(next) => {
                    pauses = PAUSES.iter();
                    if next == Next::Open { pace.open } else { pace.idle }
                }
                Err(error) => {
                    self.fail(mine, &error);
                    if matches!(error, EngineError::Damaged { .. }) {
                        // Perhaps others were put in their place.
                        walk = None;
                    }
                    pauses.next().copied().unwrap_or(PAUSES[PAUSES.len() - 1])
                }
            };
            if self.ends_unheard(mine) {
                return;
            }
            self.org.clock().sleep(pause).await;
        }
    }

    /// Tells what there is to tell by now.
    async fn poll(&self, mine: &Running, walk: &mut Option<Walk>) -> Result<Next, EngineError> {
        let mut patience = BREATHS;
        loop {
            let now = self.org.clock().now();
            let followed = match walk {
                Some(walk) => walk,
                None => {
                    let begun = Walk::behind(&self.org.store, load(&self.org.store).await?.state);
                    self.begin(mine, begun.cursor());
                    walk.insert(begun)
                }
            };
            let next = followed.look().await?;
            while let Some(events) = followed.take(now) {
                self.breathe(mine, &mut patience).await;
                self.publish(mine, events, followed.cursor());
            }
            match next {
                Next::Now => {}
                Next::Lost => *walk = None,
                Next::Open | Next::Idle => {
                    self.change(mine, |running| {
                        running.seen.send_modify(|seen| (seen.polls, seen.trouble) = (seen.polls + 1, None));
                    });
                    return Ok(next);
                }
            }
        }
    }

    /// Waits for those who are behind, but not for ever: one who has gone to sleep does not keep the others.
    async fn breathe(&self, mine: &Running, patience: &mut u32) {
        let is_crowded = || mine.events.len() >= CROWDED;
        while is_crowded() && *patience > 0 {
            *patience -= 1;
            self.org.clock().sleep(BREATH).await;
        }
    }

    /// Begins anew at a cursor. Who was told of anything else before must load anew.
    fn begin(&self, mine: &Running, cursor: &Cursor) {
        let now = self.org.clock().now();
        self.change(mine, |running| {
            let is_known = running.seen.borrow().cursor.as_ref().is_none_or(|known| known == cursor);
            if !is_known {
                let _ = running.events.send(Arc::new(reset(cursor.clone(), now)));
            }
            running.seen.send_modify(|seen| seen.cursor = Some(cursor.clone()));
        });
    }

    fn publish(&self, mine: &Running, events: Vec<Told>, cursor: &Cursor) {
        // In one piece: whoever begins to listen does so behind all of it, or before.
        self.change(mine, |running| {
            for event in events {
                let _ = running.events.send(Arc::new(event));
            }
            running.seen.send_modify(|seen| seen.cursor = Some(cursor.clone()));
        });
    }

    /// Tells once that the records cannot be read. What the store says is in the log only.
    fn fail(&self, mine: &Running, error: &EngineError) {
        let causes = causes(error).join(": ");
        tracing::error!(event = "follow_failed", error = causes, "the records cannot be followed");
        let now = self.org.clock().now();
        self.change(mine, |running| {
            let (tick, is_told) = {
                let seen = running.seen.borrow();
                (seen.cursor.as_ref().map_or(Tick(0), Cursor::last_whole), seen.trouble.is_some())
            };
            if is_told {
                return;
            }
            let problem = match error {
                EngineError::Store(StoreError::Store { .. } | StoreError::Uncertain { .. }) => {
                    Problem::new("store", "the store cannot be read; what happens is told later")
                }
                _ => Problem::new("records", "the records cannot be read: `lemming fsck` says what is wrong with them"),
            };
            let told = Arc::new(Told::aside(tick, now, What::Problem { problem }));
            let _ = running.events.send(Arc::clone(&told));
            running.seen.send_modify(|seen| seen.trouble = Some(told));
        });
    }

    /// Ends if nobody listens any more.
    fn ends_unheard(&self, mine: &Running) -> bool {
        let mut running = self.lock();
        let is_unheard = mine.events.receiver_count() == 0;
        if is_unheard {
            forget(&mut running, mine);
        }
        is_unheard
    }

    /// Tells all who listen now something, as their follower would.
    #[cfg(test)]
    pub(super) fn tell_all(&self, events: Vec<Told>, cursor: &Cursor) {
        let running = self.lock().clone();
        if let Some(running) = running {
            self.publish(&running, events, cursor);
        }
    }

    #[cfg(test)]
    pub(super) fn is_followed(&self) -> bool {
        self.lock().is_some()
    }

    /// Tells those of one follower something, while nobody begins to listen.
    fn change(&self, mine: &Running, change: impl FnOnce(&Running)) {
        let _held = self.lock();
        change(mine);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        // Nothing that is half done is left by whoever panicked.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// However following ends, those who listen must not wait for ever.
struct End<'a> {
    feed: &'a Feed,
    running: Running,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        forget(&mut self.feed.lock(), &self.running);
    }
}

/// Those whom a follower told are told nothing more. Those of another are not concerned.
fn forget(running: &mut Option<Running>, mine: &Running) {
    if running.as_ref().is_some_and(|running| running.events.same_channel(&mine.events)) {
        *running = None;
    }
}
