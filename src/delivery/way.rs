//! One rule's way through the ticks: what is pending, then what is new, and a note of how far it came.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::backoff::{not_before, rests};
use super::carrier::{Failure, Sending, Whose};
use super::parcel::{Hashed, Lot, Parcel, Records};
use super::pass::{Courier, Occasion, PassTerms, RulePass};
use crate::domain::delivery::{Rule, Target};
use crate::domain::time::{Tick, Timestamp};
use crate::record::delivery::{Delivered, Fate, GivenUp, Headway, LastDelivered, Pending, Settled};
use crate::record::{RecordError, encode};
use crate::store::{Key, StoreError};

/// A hint that only moves on does so every so many ticks: each of them costs less to look at again than a write.
const HINT_EVERY: u64 = 8;

/// The most ticks that wait at once while the receiver is in trouble: what comes later would not arrive either, and is not
/// looked at before.
const MAX_PENDING: usize = 32;

/// The most ticks that wait at once where the receiver takes others and refuses these.
const MAX_REFUSED: usize = 512;

/// So many of what was given up lately are named in the hint.
const MAX_GIVEN_UP: usize = 16;

/// The most bytes of an error in a record.
const MAX_ERROR_BYTES: usize = 300;

/// One rule in a pass.
pub(super) struct Way<'a> {
    courier: &'a Courier,
    occasion: &'a Occasion,
    terms: &'a PassTerms<'a>,
    records: &'a Records<'a>,
    rule: &'a Rule,
    headway: Headway,
    /// Why nothing more is tried in this pass.
    trouble: Option<Failure>,
    went: RulePass,
}

/// What became of one attempt.
enum Attempt {
    Arrived,
    Failed(Failure),
    /// There was no time, or no sense in it.
    NotMade,
}

impl<'a> Way<'a> {
    /// Goes on from where the rule was.
    pub(super) async fn go(
        courier: &'a Courier,
        occasion: &'a Occasion,
        terms: &'a PassTerms<'a>,
        records: &'a Records<'a>,
        rule: &'a Rule,
    ) -> Result<RulePass, StoreError> {
        let key = Key::DeliveryHint(rule.name.clone());
        let stored = match courier.store.read::<Headway>(&key).await {
            // One of a tick that there is not is of another organisation, or of this one before it was put back.
            Ok(found) => found.filter(|headway| headway.next <= occasion.last.next()),
            Err(StoreError::Record { source: RecordError::Malformed { .. }, .. }) => None,
            Err(error) => return Err(error),
        };
        let mut headway = match &stored {
            Some(headway) => headway.clone(),
            None => Headway::from(first_of_age(records, occasion).await?),
        };
        let looked = courier.looked.next(&rule.name, stored.as_ref()).filter(|next| *next <= occasion.last.next());
        headway.next = headway.next.max(looked.unwrap_or_default()).max(Tick(1));
        if let Some(forked) = &occasion.org.forked_from {
            // What the origin said, the origin sends.
            headway.next = headway.next.max(forked.tick.next());
        }
        let now = courier.clock.now();
        if terms.at_once {
            (headway.not_before, headway.failures) = (None, 0);
            headway.pending.iter_mut().for_each(|pending| pending.not_before = None);
        }
        let is_resting = rests(headway.not_before, now);
        let mut way =
            Self { courier, occasion, terms, records, rule, headway, trouble: None, went: RulePass::default() };
        let walked = if is_resting { Ok(()) } else { way.walk(now).await };
        way.went.left = way.headway.pending.iter().map(|pending| pending.left).sum();
        way.forget_old();
        let hint = way.note(&key, stored).await?;
        // Only now: whoever ends before the hint is written looks at everything again.
        courier.looked.keep(&rule.name, hint, way.headway.next);
        walked.map(|()| way.went)
    }

    async fn walk(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let mut waiting = std::mem::take(&mut self.headway.pending).into_iter();
        while let Some(pending) = waiting.next() {
            if rests(pending.not_before, now) || self.terms.is_over() {
                self.headway.pending.push(pending);
                continue;
            }
            match self.tick(pending.clone(), false).await {
                Ok(left) => self.headway.pending.extend(left),
                Err(error) => {
                    self.headway.pending.push(pending);
                    self.headway.pending.extend(waiting);
                    return Err(error);
                }
            }
        }
        while self.headway.next <= self.occasion.last
            && self.headway.pending.len() < if self.trouble.is_some() { MAX_PENDING } else { MAX_REFUSED }
            && !self.terms.is_over()
        {
            let tick = self.headway.next;
            let new = Pending { tick, settled: Vec::new(), left: 0, attempts: 0, not_before: None, error: None };
            let left = self.tick(new, true).await?;
            self.headway.pending.extend(left);
            self.headway.next = tick.next();
        }
        Ok(())
    }

    /// Does what can be done of a tick. Says what is left of it.
    async fn tick(&mut self, mut pending: Pending, is_new: bool) -> Result<Option<Pending>, StoreError> {
        let tick = pending.tick;
        let Some(closed) = self.records.closed(tick).await? else { return Ok(None) };
        let is_old = self.is_old(&closed);
        if self.trouble.is_some() && !is_new && !is_old {
            return Ok(Some(pending));
        }
        if is_new && !self.records.knew(&closed.0, self.rule, self.occasion).await? {
            return Ok(None);
        }
        let lot = self.records.lot(self.rule, &closed).await?;
        if lot.is_empty() {
            return Ok(None);
        }
        // Somebody else may have been here, or the hint was lost.
        if is_new && self.courier.store.get(&Key::Delivery(self.rule.name.clone(), tick)).await?.is_some() {
            return Ok(None);
        }
        self.attempt(&mut pending, &lot).await;
        let now = self.courier.clock.now();
        let settled = |pending: &Pending, id: &Uuid| pending.settled.iter().any(|settled| settled.id == *id);
        let left: Vec<Uuid> = lot.parcels.iter().map(|parcel| parcel.id).filter(|id| !settled(&pending, id)).collect();
        pending.left = u64::try_from(left.len()).unwrap_or(u64::MAX);
        if is_old && !left.is_empty() && (pending.attempts > 0 || self.trouble.is_some()) {
            self.give_up(&mut pending, left, now);
        }
        if pending.left > 0 {
            return Ok(Some(pending));
        }
        for id in lot.erased.into_iter().filter(|id| !settled(&pending, id)).collect::<Vec<_>>() {
            pending.settled.push(Settled { id, fate: Fate::Erased, at: now, error: None });
        }
        self.record(pending).await?;
        Ok(None)
    }

    /// Tries all that is left of a tick, some of it side by side.
    async fn attempt(&mut self, pending: &mut Pending, lot: &Lot) {
        let left = lot.parcels.iter().filter(|parcel| !pending.settled.iter().any(|settled| settled.id == parcel.id));
        let left: Vec<&Parcel> = left.collect();
        if let Some(trouble) = &self.trouble {
            pending.error.get_or_insert_with(|| trouble.message.clone());
            return;
        }
        // People read one channel in order; programs have ids and times.
        let at_once = if matches!(self.rule.to, Target::Slack(_)) { 1 } else { 4 };
        let is_in_trouble = AtomicBool::new(false);
        let (this, in_trouble) = (&*self, &is_in_trouble);
        let attempts: Vec<_> =
            left.iter().map(|parcel| async move { (parcel.id, this.carry(parcel, in_trouble).await) }).collect();
        let mut attempts = futures::stream::iter(attempts).buffered(at_once);
        let (mut arrived, mut failed) = (Vec::new(), Vec::new());
        while let Some((id, attempt)) = attempts.next().await {
            match attempt {
                Attempt::Arrived => arrived.push((id, this.courier.clock.now())),
                Attempt::Failed(failure) => failed.push(failure),
                Attempt::NotMade => {}
            }
        }
        drop(attempts);
        for (id, at) in arrived {
            pending.settled.push(Settled { id, fate: Fate::Delivered, at, error: None });
            self.went.delivered += 1;
            self.headway.last = Some(LastDelivered { tick: pending.tick, at });
            (self.headway.failures, self.headway.not_before) = (0, None);
        }
        let now = self.courier.clock.now();
        pending.not_before = None;
        // The receiver's trouble says more than what it says of one.
        failed.sort_by_key(|failure| failure.whose == Whose::Item);
        let Some(worst) = failed.into_iter().next() else { return };
        let message = crate::clean::one_line(&worst.message, MAX_ERROR_BYTES);
        pending.error = Some(message.clone());
        self.went.error = Some(message.clone());
        match worst.whose {
            Whose::Here => {}
            Whose::Item => {
                pending.attempts = pending.attempts.saturating_add(1);
                pending.not_before = Some(not_before(now, pending.attempts, &worst));
            }
            Whose::Receiver => {
                pending.attempts = pending.attempts.saturating_add(1);
                self.headway.failures = self.headway.failures.saturating_add(1);
                self.headway.not_before = Some(not_before(now, self.headway.failures, &worst));
            }
        }
        if worst.whose != Whose::Item {
            self.trouble = Some(Failure { message, ..worst });
        }
    }

    async fn carry(&self, parcel: &Parcel, in_trouble: &AtomicBool) -> Attempt {
        if in_trouble.load(Ordering::Relaxed) || self.terms.is_over() {
            return Attempt::NotMade;
        }
        let sending = Sending { rule: self.rule, org: &self.occasion.org, parcel, now: self.courier.clock.now() };
        let time = self.terms.timeout.min(self.terms.until.saturating_duration_since(Instant::now()));
        let carried = tokio::select! {
            biased;
            carried = timeout(time, self.courier.carrier.carry(sending)) => carried,
            () = self.terms.stop.requested() => return Attempt::NotMade,
        };
        let failure = match carried {
            Ok(Ok(())) => return Attempt::Arrived,
            Ok(Err(failure)) => failure,
            // Our own time was over, and it may be as quick as ever.
            Err(_) if time < self.terms.timeout => return Attempt::NotMade,
            Err(_) => Failure::of_receiver(format!("no answer within {} ms", time.as_millis())),
        };
        if failure.whose != Whose::Item {
            in_trouble.store(true, Ordering::Relaxed);
        }
        Attempt::Failed(failure)
    }

    fn is_old(&self, closed: &Hashed) -> bool {
        let age = self.occasion.clock.0.saturating_sub(closed.0.clock.0);
        age >= i64::from(self.occasion.org.limits.max_outbox_age_ticks.get())
    }

    fn give_up(&mut self, pending: &mut Pending, left: Vec<Uuid>, now: Timestamp) {
        let error = pending.error.clone().unwrap_or_else(|| "it was too old".to_owned());
        let count = pending.left;
        tracing::error!(
            event = "delivery_given_up",
            rule = self.rule.name.as_str(),
            tick = pending.tick.0,
            count,
            error,
            "what did not arrive for limits.max_outbox_age_ticks is given up"
        );
        let given_up = |id| Settled { id, fate: Fate::GivenUp, at: now, error: Some(error.clone()) };
        pending.settled.extend(left.into_iter().map(given_up));
        pending.left = 0;
        self.went.given_up += count;
        self.headway.given_up.push(GivenUp { tick: pending.tick, count, at: now, error: error.clone() });
    }

    /// Creates the record of a tick of which all is settled. Whose record it is, is all the same.
    async fn record(&self, pending: Pending) -> Result<(), StoreError> {
        let Pending { tick, settled, .. } = pending;
        let (rule, nonce) = (self.rule.name.clone(), self.courier.entropy.nonce());
        let key = Key::Delivery(rule.clone(), tick);
        let record = Delivered { format: 1, nonce, rule, tick, settled };
        let _ = self.courier.store.create_own(&key, Bytes::from(encode(&record))).await?;
        Ok(())
    }

    /// What was given up is shown for as long again as it was tried.
    fn forget_old(&mut self) {
        let all = &mut self.headway.given_up;
        let surplus = all.len().saturating_sub(MAX_GIVEN_UP);
        all.drain(..surplus);
        let shown = 2 * u64::from(self.occasion.org.limits.max_outbox_age_ticks.get());
        let last = self.occasion.last.0;
        all.retain(|given_up| last.saturating_sub(given_up.tick.0) <= shown);
    }

    /// Writes the hint, if there is more to say than that nothing was found. Says what lies there then.
    async fn note(&self, key: &Key, stored: Option<Headway>) -> Result<Headway, StoreError> {
        let ours = &self.headway;
        let says_enough = |stored: &Headway| {
            let as_before = Headway { next: stored.next, ..ours.clone() } == *stored;
            as_before && ours.next.0.saturating_sub(stored.next.0) < HINT_EVERY
        };
        if let Some(stored) = stored.filter(says_enough) {
            return Ok(stored);
        }
        self.courier.store.put(key, Bytes::from(encode(ours))).await?;
        Ok(ours.clone())
    }
}

/// The first tick that is young enough to be sent, found by halves: the clock never goes back.
async fn first_of_age(records: &Records<'_>, occasion: &Occasion) -> Result<Tick, StoreError> {
    let age = i64::from(occasion.org.limits.max_outbox_age_ticks.get());
    let (mut low, mut high) = (1, occasion.last.0.max(1));
    while low < high {
        let middle = low + (high - low) / 2;
        let closed = records.closed(Tick(middle)).await?;
        match closed.is_none_or(|closed| occasion.clock.0.saturating_sub(closed.0.clock.0) > age) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Ok(Tick(low))
}
