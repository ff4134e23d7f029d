//! What a turn may still spend: money, under its licence, and time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::credits::Credits;
use crate::domain::time::Timestamp;
use crate::mutant::{self, Mutant};
use crate::record::turn::Spent;

/// What a licence has spent, by its own calls.
#[derive(Debug)]
pub(in super::super) struct Meter {
    ceiling: Credits,
    action: Credits,
    spent: Mutex<(Credits, Credits)>,
    /// What a record says beside, once it is on its way: [`Self::commits`].
    committing: Mutex<Credits>,
}

impl Meter {
    /// The meter of a licence that may spend `ceiling`, `action` of it for the turn itself.
    pub(in super::super) fn new(ceiling: Credits, action: Credits) -> Self {
        Self { ceiling, action, spent: Mutex::default(), committing: Mutex::default() }
    }

    /// Says that so much is spent: for a turn that is run again from its record.
    pub(super) fn set(&self, paid: Credits, unanswered: Credits) {
        self.with(|spent| *spent = (paid, unanswered));
    }

    fn with<T>(&self, change: impl FnOnce(&mut (Credits, Credits)) -> T) -> T {
        change(&mut self.spent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was paid, and what went unanswered.
    pub(in super::super) fn read(&self) -> (Credits, Credits) {
        self.with(|spent| *spent)
    }

    /// A record with this bill is on its way. Whatever is heard of it, it may arrive, and be charged for.
    pub(in super::super) fn commits(&self, bill: &Spent) {
        *self.committing.lock().unwrap_or_else(PoisonError::into_inner) = bill.action;
    }

    /// What the licence counts for if it ends now, without a commit that is known of: paid, and unanswered.
    pub(in super::super) fn released(&self) -> (Credits, Credits) {
        let (paid, unanswered) = self.read();
        (paid + *self.committing.lock().unwrap_or_else(PoisonError::into_inner), unanswered)
    }

    /// What the turn record says of it: `cost_per_action` counts once a call was answered.
    pub(in super::super) fn spent(&self, called: bool) -> Spent {
        let (paid, unanswered) = self.read();
        Spent { paid, unanswered, action: if called { self.action } else { Credits::ZERO } }
    }

    /// Says whether `worst` more would fit the licence.
    pub(in super::super) fn fits(&self, worst: Credits) -> bool {
        self.with(|(paid, unanswered)| *paid + *unanswered + worst + self.action <= self.ceiling)
    }

    pub(super) fn send(&self, worst: Credits) -> bool {
        self.with(|(paid, unanswered)| {
            let fits = *paid + *unanswered + worst + self.action <= self.ceiling;
            let fits = fits || mutant::is(Mutant::RequestsFitTheLicence);
            if fits {
                *unanswered += worst;
            }
            fits
        })
    }

    pub(super) fn settle(&self, worst: Credits, cost: Credits) {
        self.with(|(paid, unanswered)| {
            *unanswered = unanswered.saturating_sub(worst);
            *paid += cost;
        });
    }
}

/// The time that a turn may still take. Waiting for a model's place does not count.
#[derive(Debug)]
pub(super) struct Hours {
    ends: Timestamp,
    limit: Duration,
    waited_ms: AtomicI64,
}

impl Hours {
    /// The time of a turn that began then.
    pub(super) fn new(began: Timestamp, limit: Duration) -> Self {
        let limit_ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        let ends = Timestamp::from_unix_ms(began.unix_ms().saturating_add(limit_ms));
        Self { ends, limit, waited_ms: AtomicI64::new(0) }
    }

    /// What is left, if anything is.
    pub(super) fn left(&self, now: Timestamp) -> Option<Duration> {
        let left = self.ends.unix_ms().saturating_add(self.waited_ms.load(Ordering::Relaxed)) - now.unix_ms();
        u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_millis)
    }

    pub(super) fn waited(&self, since: Timestamp, now: Timestamp) {
        self.waited_ms.fetch_add((now.unix_ms() - since.unix_ms()).max(0), Ordering::Relaxed);
    }

    /// The limit, for people.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }
}
