//! Circuit breakers: a model that does not answer is left alone for a while, then tried by one call.
//!
//! Closed, calls go through. After [`FAILURES`] in a row that may pass by themselves it is open, and
//! calls are refused at no cost. When its time is over it is half-open: one call is made, the others
//! wait for how that ends. What a process knows is in its memo; a new one begins with what the last
//! turns say: half-open for a model that did not answer them. A breaker saves time and money and
//! decides nothing else, so that two processes may well differ about one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Mutex as Turnstile, OwnedMutexGuard};

use super::memo::lock;
use crate::domain::model::Model;
use crate::domain::name::ModelKey;
use crate::domain::time::Timestamp;

/// So many failures in a row open a breaker.
const FAILURES: u32 = 5;

/// How long it stays open at first; doubled each time that the one call fails too.
const OPEN: Duration = Duration::from_secs(30);

/// The longest that it stays open, unless the provider itself asks for more.
const LONGEST_OPEN: Duration = Duration::from_secs(10 * 60);

/// The breakers of all models.
#[derive(Debug, Default)]
pub(super) struct Breakers(Mutex<BTreeMap<ModelKey, Breaker>>);

#[derive(Debug)]
struct Breaker {
    /// Edited settings are a new model, which may well answer.
    model: Model,
    failures: u32,
    open_until: Option<Timestamp>,
    /// Half-open, one goes through at a time.
    turnstile: Arc<Turnstile<()>>,
}

/// The right to make one call. Held while it is made.
#[derive(Debug)]
pub(super) struct Pass {
    _probe: Option<OwnedMutexGuard<()>>,
}

/// The breaker is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    /// So many calls in a row failed.
    pub(super) failures: u32,
    /// For so long no call is made.
    pub(super) left: Duration,
}

enum Way {
    Through,
    Closed(Open),
    Probe(Arc<Turnstile<()>>),
}

impl Breakers {
    /// Waits for the right to call a model. `is_in_trouble`: it did not answer the last turns that
    /// the records tell of.
    pub(super) async fn pass(
        &self,
        key: &ModelKey,
        model: &Model,
        is_in_trouble: bool,
        now: impl Fn() -> Timestamp,
    ) -> Result<Pass, Open> {
        let mut probe = None;
        loop {
            match self.way(key, model, is_in_trouble, now()) {
                Way::Through => return Ok(Pass { _probe: None }),
                Way::Closed(open) => return Err(open),
                // Whoever comes through first calls; the others then see how that ended.
                Way::Probe(_) if probe.is_some() => return Ok(Pass { _probe: probe }),
                Way::Probe(turnstile) => probe = Some(turnstile.lock_owned().await),
            }
        }
    }

    fn way(&self, key: &ModelKey, model: &Model, is_in_trouble: bool, now: Timestamp) -> Way {
        let mut breakers = lock(&self.0);
        let breaker = breakers
            .entry(key.clone())
            .or_insert_with(|| Breaker::new(model.clone(), if is_in_trouble { FAILURES } else { 0 }));
        if breaker.model != *model {
            *breaker = Breaker::new(model.clone(), 0);
        }
        if breaker.failures < FAILURES {
            return Way::Through;
        }
        let left = breaker.open_until.map_or(0, |until| until.unix_ms() - now.unix_ms());
        match u64::try_from(left) {
            Ok(left) if left > 0 => Way::Closed(Open { failures: breaker.failures, left: Duration::from_millis(left) }),
            _ => Way::Probe(Arc::clone(&breaker.turnstile)),
        }
    }

    /// The model answered, if only to refuse.
    pub(super) fn answered(&self, key: &ModelKey) {
        if let Some(breaker) = lock(&self.0).get_mut(key) {
            breaker.failures = 0;
            breaker.open_until = None;
        }
    }

    /// It did not, in a way that may pass by itself. `wait`: how long it asks to be left alone.
    pub(super) fn failed(&self, key: &ModelKey, now: Timestamp, wait: Option<Duration>) {
        if let Some(breaker) = lock(&self.0).get_mut(key) {
            let is_open = breaker.failures >= FAILURES && breaker.open_until.is_some_and(|until| until > now);
            if is_open && wait.is_none() {
                // A call that was on its way when it opened says nothing new.
                return;
            }
            if !is_open {
                breaker.failures = breaker.failures.saturating_add(1);
            }
            let times = breaker.failures.saturating_sub(FAILURES).min(16);
            let open = OPEN.saturating_mul(1 << times).min(LONGEST_OPEN).max(wait.unwrap_or_default());
            let open = i64::try_from(open.as_millis()).unwrap_or(i64::MAX);
            let until = Timestamp::from_unix_ms(now.unix_ms().saturating_add(open));
            breaker.open_until = breaker.open_until.max(Some(until));
        }
    }
}

impl Breaker {
    fn new(model: Model, failures: u32) -> Self {
        Self { model, failures, open_until: None, turnstile: Arc::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(url: &str) -> Model {
        let model = serde_json::json!({"provider": "ollama", "base_url": url, "price": {"input": 0, "output": 0}});
        serde_json::from_value(model).expect("model")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_ms(seconds * 1000)
    }

    #[tokio::test]
    async fn failures_in_a_row_open_it_and_one_call_tries_again() {
        let (breakers, model) = (Breakers::default(), model("http://a"));
        let key = ModelKey::new("m").expect("key");
        let pass = |second| breakers.pass(&key, &model, false, move || at(second));
        for _ in 0..FAILURES {
            pass(0).await.expect("closed");
            breakers.failed(&key, at(0), None);
        }
        assert_eq!(pass(10).await.expect_err("open").left, Duration::from_secs(20));
        let probe = pass(30).await.expect("half-open");
        let mut second = Box::pin(pass(30));
        assert!(futures::poll!(&mut second).is_pending(), "one call at a time");
        breakers.failed(&key, at(30), None);
        drop(probe);
        assert_eq!(second.await.expect_err("open again").left, Duration::from_secs(60));
        let probe = pass(90).await.expect("half-open");
        let waiting = pass(90);
        breakers.answered(&key);
        drop(probe);
        waiting.await.expect("closed");
        pass(90).await.expect("closed");
    }

    #[tokio::test]
    async fn what_the_records_say_begins_it_half_open_and_edited_settings_close_it() {
        let (breakers, old, new) = (Breakers::default(), model("http://a"), model("http://b"));
        let key = ModelKey::new("m").expect("key");
        let probe = breakers.pass(&key, &old, true, || at(0)).await.expect("one call");
        assert!(futures::poll!(Box::pin(breakers.pass(&key, &old, true, || at(0)))).is_pending());
        breakers.failed(&key, at(0), Some(Duration::from_secs(3600)));
        drop(probe);
        let open = breakers.pass(&key, &old, true, || at(1800)).await.expect_err("as the provider asks");
        assert_eq!(open.left, Duration::from_secs(1800));
        breakers.pass(&key, &new, true, || at(0)).await.expect("another model");
    }
}
