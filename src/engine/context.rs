//! All that a tick has from outside.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::memo::Memo;
use super::terms::Terms;
use crate::clock::{Clock, Entropy};
use crate::domain::ids::Seed;
use crate::domain::name::{AgentName, RunnerId};
use crate::domain::time::Tick;
use crate::mutant::{self, Mutant};
use crate::provider::Providers;
use crate::record::turn::TurnRecord;
use crate::store::Store;
use crate::tool::{Connector, Tool};

/// Tells a running tick to leave: it starts no new turn, stops its calls and releases its shards.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Request>);

/// Brings a [`Stop`] about.
#[derive(Debug, Clone)]
pub struct Stopper(Arc<Request>);

/// Not a channel of tokio's `watch`: that wakes whoever waits in an order drawn by chance, and a simulated world would
/// not be the same again.
#[derive(Debug, Default)]
struct Request {
    is_made: AtomicBool,
    made: Notify,
}

impl Stopper {
    /// Makes the request, for good.
    pub fn stop(&self) {
        self.0.is_made.store(true, Ordering::Release);
        self.0.made.notify_waiters();
    }
}

impl Stop {
    /// A stop that never comes.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// A stop, and what brings it about.
    #[must_use]
    pub fn channel() -> (Stopper, Self) {
        let stop = Self::default();
        (Stopper(Arc::clone(&stop.0)), stop)
    }

    /// Says whether it has come.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.is_made.load(Ordering::Acquire)
    }

    /// Waits until it comes; for ever, if nobody brings it about.
    pub async fn requested(&self) {
        if mutant::is(Mutant::CallsStopBeforeRelease) {
            std::future::pending::<()>().await;
        }
        let made = self.0.made.notified();
        if !self.is_requested() {
            made.await;
        }
    }
}

/// Is told how a tick comes along; for people who wait. Decides nothing.
pub trait Progress: Send + Sync + fmt::Debug {
    /// A turn begins.
    fn turn_started(&self, _tick: Tick, _agent: &AgentName) {}
    /// A turn is committed, by us or by somebody else.
    fn turn_committed(&self, _record: &TurnRecord) {}
    /// A shard is in another runner's hands; we look again soon.
    fn waiting(&self, _tick: Tick, _shard: u32, _holder: &RunnerId) {}
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}

/// All that a tick has from outside.
#[derive(Debug, Clone)]
pub struct Context {
    /// The organisation's files.
    pub store: Store,
    /// How models are reached.
    pub providers: Arc<dyn Providers>,
    /// The tools that there are; a resume permits some of them.
    pub tools: Vec<Arc<dyn Tool>>,
    /// Makes those that the organisation brings itself.
    pub connector: Arc<dyn Connector>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Nonces and the runner's identity; the tick's seed too, unless `seed` is given.
    pub entropy: Arc<dyn Entropy>,
    /// Immutable records that this process has seen of this organisation.
    pub memo: Arc<Memo>,
    /// The seed of the next planned tick, for runs that are to be repeated.
    pub seed: Option<Seed>,
    /// Tells the tick to leave.
    pub stop: Stop,
    /// Until when it works, whether it waits for others, and where it begins.
    pub terms: Terms,
    /// Is told how it comes along.
    pub progress: Arc<dyn Progress>,
}

impl Context {
    /// Says whether another tick may be begun: nobody said stop, and there is time for a turn.
    #[must_use]
    pub fn may_go_on(&self) -> bool {
        !self.stop.is_requested() && self.has_time_for_a_turn(Duration::ZERO)
    }

    /// Says whether there is time for one more turn, as long as turns took here before; as `unseen`, if none did.
    pub(super) fn has_time_for_a_turn(&self, unseen: Duration) -> bool {
        let expected = || self.memo.longest_turn().unwrap_or(unseen);
        self.terms.deadline.is_none_or(|deadline| !deadline.is_too_near(expected()))
    }
}
