//! What all requests share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::chores::Chores;
use super::cors::Origins;
use super::keys::KeyRing;
use super::limit::{Limiter, Rate};
use super::live::feed::Feed;
use super::live::seats::Seats;
use super::routes::health::Readiness;
use super::wake::Waker;
use crate::metrics::Metrics;
use crate::runner::compose::Org;

/// How many requests that may read much of the records are answered at once; others wait.
const SEARCHES: usize = 4;

/// Whom the API lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Holders of keys. What a function behind an address of the internet has.
    Keys,
    /// Whoever is on this machine, while there are no keys; holders of keys from then on. Answers to `localhost` and
    /// loopback addresses only, so that no page of the web gets in by a name of its own.
    Local,
    /// Everybody who reaches it, while there are no keys; holders of keys from then on.
    Open,
}

/// What a server may be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whom it lets in.
    pub access: Access,
    /// How often each may ask.
    pub rate: Rate,
    /// A request that takes longer is given up. Below the 29 seconds of an API gateway.
    pub request_timeout: Duration,
    /// Whose pages may ask besides its own.
    pub origins: Origins,
}

impl Settings {
    /// The usual ones.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self {
            access,
            rate: Rate { per_second: 50, burst: 100 },
            request_timeout: Duration::from_secs(25),
            origins: Origins::default(),
        }
    }
}

/// What all requests to one organisation share: its files, its keys, and what wakes it. Those of several organisations at
/// one place also share how often somebody may ask, and the keys above them.
#[derive(Debug, Clone)]
pub struct ApiState {
    pub(super) org: Arc<Org>,
    /// Whether it is no organisation, but the place above several.
    pub(super) is_above: bool,
    /// Where it lies among several; `None`: it is served alone.
    pub(super) folder: Option<String>,
    pub(super) settings: Settings,
    pub(super) keys: Arc<KeyRing>,
    /// The keys of the place above it, where it is one of several.
    pub(super) above: Option<Arc<KeyRing>>,
    pub(super) limiter: Arc<Limiter>,
    /// Turns of requests that may read much of the records.
    pub(super) searches: Arc<Semaphore>,
    pub(super) readiness: Arc<Readiness>,
    pub(super) waker: Arc<dyn Waker>,
    pub(super) chores: Chores,
    /// What is known for scrapes; organisations at one place share it, each by its name.
    pub(super) metrics: Arc<Metrics>,
    /// What happens in it, as it happens.
    pub(super) feed: Arc<Feed>,
    /// Of all organisations together: who listens.
    pub(super) seats: Arc<Seats>,
}

impl ApiState {
    /// The state of a server of this organisation. Asks the store nothing yet.
    #[must_use]
    pub fn new(org: Org, settings: Settings, waker: Arc<dyn Waker>) -> Self {
        let org = Arc::new(org);
        Self {
            keys: Arc::new(KeyRing::new(Arc::clone(&org))),
            is_above: false,
            above: None,
            folder: None,
            limiter: Arc::new(Limiter::new(settings.rate)),
            searches: Arc::new(Semaphore::new(SEARCHES)),
            readiness: Arc::default(),
            feed: Arc::new(Feed::new(Arc::clone(&org))),
            seats: Arc::default(),
            org,
            settings,
            waker,
            chores: Chores::none(),
            metrics: Arc::default(),
        }
    }

    /// The same, with somebody who does what outlives a request.
    #[must_use]
    pub fn with_chores(self, chores: Chores) -> Self {
        Self { chores, ..self }
    }

    /// What does what outlives a request.
    #[must_use]
    pub fn chores(&self) -> &Chores {
        &self.chores
    }

    /// The state of a place above several organisations, which it shares with them.
    #[must_use]
    pub fn above(self) -> Self {
        Self { is_above: true, ..self }
    }

    /// The state of the organisation in this folder of a place that is served as a whole.
    pub(super) fn below(&self, folder: &str, org: Org, waker: Arc<dyn Waker>) -> Self {
        let org = Arc::new(org);
        Self {
            keys: Arc::new(KeyRing::new(Arc::clone(&org))),
            is_above: false,
            above: Some(Arc::clone(&self.keys)),
            folder: Some(folder.to_owned()),
            readiness: Arc::default(),
            feed: Arc::new(Feed::new(Arc::clone(&org))),
            org,
            waker,
            ..self.clone()
        }
    }
}
