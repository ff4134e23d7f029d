//! What all requests share.

use std::sync::Arc;
use std::time::Duration;

use super::keys::KeyRing;
use super::limit::{Limiter, Rate};
use super::routes::health::Readiness;
use super::wake::Waker;
use crate::runner::compose::Org;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Whom it lets in.
    pub access: Access,
    /// How often each may ask.
    pub rate: Rate,
    /// A request that takes longer is given up. Below the 29 seconds of an API gateway.
    pub request_timeout: Duration,
}

impl Settings {
    /// The usual ones.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self { access, rate: Rate { per_second: 50, burst: 100 }, request_timeout: Duration::from_secs(25) }
    }
}

/// What all requests share: an organisation, its keys, and what wakes it.
#[derive(Debug, Clone)]
pub struct ApiState {
    pub(super) org: Arc<Org>,
    pub(super) settings: Settings,
    pub(super) keys: Arc<KeyRing>,
    pub(super) limiter: Arc<Limiter>,
    pub(super) readiness: Arc<Readiness>,
    pub(super) waker: Arc<dyn Waker>,
}

impl ApiState {
    /// The state of a server of this organisation. Asks the store nothing yet.
    #[must_use]
    pub fn new(org: Org, settings: Settings, waker: Arc<dyn Waker>) -> Self {
        let org = Arc::new(org);
        Self {
            keys: Arc::new(KeyRing::new(Arc::clone(&org))),
            limiter: Arc::new(Limiter::new(settings.rate)),
            readiness: Arc::default(),
            org,
            settings,
            waker,
        }
    }
}
