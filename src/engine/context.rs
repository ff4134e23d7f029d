//! All that a tick has from outside.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use super::memo::Memo;
use crate::clock::{Clock, Entropy};
use crate::domain::ids::Seed;
use crate::domain::name::{AgentName, RunnerId};
use crate::domain::time::Tick;
use crate::mutant::{self, Mutant};
use crate::provider::Providers;
use crate::record::turn::TurnRecord;
use crate::store::Store;
use crate::tool::Tool;

/// Tells a running tick to leave: it starts no new turn, stops its calls and releases its shards.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// A stop that never comes.
    #[must_use]
    pub fn never() -> Self {
        Self(watch::channel(false).1)
    }

    /// A stop, and the sender that brings it about with `true`.
    #[must_use]
    pub fn channel() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Says whether it has come.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it comes; for ever, if nobody can send it any more.
    pub async fn requested(&self) {
        if mutant::is(Mutant::CallsStopBeforeRelease) {
            std::future::pending::<()>().await;
        }
        let mut receiver = self.0.clone();
        if receiver.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
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
    /// Is told how it comes along.
    pub progress: Arc<dyn Progress>,
}
