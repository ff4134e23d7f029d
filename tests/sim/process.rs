//! A process: what it does can stop for minutes at any operation, its clock may be wrong, and it can die.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use lemming::clock::{Clock, Entropy};
use lemming::domain::name::RunnerId;
use lemming::domain::time::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::bucket::Hand;
use crate::network::Network;
use lemming::mutant::{self, Mutant};

/// How a process stumbles.
#[derive(Debug, Clone, Copy, Default)]
pub struct Temper {
    /// At so many of ten thousand operations it stops for a while.
    pub stalls: u64,
    /// For at most so long, in milliseconds.
    pub longest_stall_ms: u64,
    /// By so much its clock is off.
    pub skew_ms: i64,
}

/// A place at which a process stands still: its nth passage, from 1, of all that it does with bucket, models and clock.
#[derive(Debug)]
pub struct Place {
    left: AtomicU64,
    reached: watch::Sender<bool>,
    open: watch::Sender<bool>,
}

impl Place {
    pub fn at(n: u64) -> Arc<Self> {
        Arc::new(Self { left: AtomicU64::new(n), reached: watch::channel(false).0, open: watch::channel(false).0 })
    }

    async fn pass(&self) {
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        if left <= 1 {
            self.reached.send_replace(true);
            let _ = self.open.subscribe().wait_for(|open| *open).await;
        }
    }

    /// Waits until the process stands there.
    pub async fn reached(&self) {
        let _ = self.reached.subscribe().wait_for(|reached| *reached).await;
    }

    /// Lets it go on for good.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

/// A process.
#[derive(Debug)]
pub struct Process {
    pub hand: Hand,
    network: Arc<Network>,
    temper: Temper,
    stopped_until: Mutex<Option<Instant>>,
    place: Option<Arc<Place>>,
    /// Who its invocation is.
    by: Mutex<Option<RunnerId>>,
}

impl Process {
    pub fn new(hand: Hand, network: Arc<Network>, temper: Temper) -> Arc<Self> {
        Self::standing_still(hand, network, temper, None)
    }

    /// A process that stands still at a place.
    pub fn standing_still(hand: Hand, network: Arc<Network>, temper: Temper, place: Option<Arc<Place>>) -> Arc<Self> {
        Arc::new(Self { hand, network, temper, stopped_until: Mutex::default(), place, by: Mutex::default() })
    }

    /// What every operation passes before and after it is made. The system may stop the process here: then all that it
    /// does waits.
    pub async fn pass(&self) {
        self.pass_with(self.temper.stalls).await;
    }

    /// What a call of a model passes: where runners spend their time is where they are found asleep.
    pub async fn think(&self) {
        self.pass_with(self.temper.stalls * 12).await;
    }

    async fn pass_with(&self, stalls: u64) {
        if let Some(place) = &self.place {
            place.pass().await;
        }
        if stalls > 0 && self.network.dice.chance(stalls) {
            let stall = self.network.dice.time(100, self.temper.longest_stall_ms);
            self.network.bucket.note(&format!("{:?} stops for {stall:?}", self.hand));
            let until = Instant::now() + stall;
            let mut stopped = self.stopped_until.lock().expect("gate");
            *stopped = (*stopped).max(Some(until));
        }
        loop {
            let until = *self.stopped_until.lock().expect("gate");
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => return,
            }
        }
    }

    /// Who its invocation is, as far as it has said so.
    pub fn by(&self) -> Option<RunnerId> {
        self.by.lock().expect("by").clone()
    }
}

#[async_trait]
impl Clock for Process {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.network.bucket.now_ms() + self.temper.skew_ms)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
        self.pass().await;
    }
}

impl Entropy for Process {
    fn bytes(&self) -> [u8; 16] {
        // Two processes that draw from one seed take each other's commits for their own.
        if mutant::is(Mutant::OwnEntropy) { [7; 16] } else { self.network.dice.bytes() }
    }

    fn runner_id(&self) -> RunnerId {
        let mut by = self.by.lock().expect("by");
        if let (true, Some(by)) = (mutant::is(Mutant::NewIdentityEachInvocation), by.as_ref()) {
            return by.clone();
        }
        let digits: String = self.bytes()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let new = RunnerId::new(format!("r-{digits}")).expect("a runner id");
        *by = Some(new.clone());
        new
    }
}
