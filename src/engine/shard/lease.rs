//! Leases: whether a holder is alive, by the store's clock alone.
//!
//! A holder shows life by its links and, while a wave of turns outlasts a third of the lease, by
//! a heartbeat object. Whoever wants to take over writes an object of its own and compares: both
//! times come from the store.

use std::time::Duration;

use bytes::Bytes;

use super::super::EngineError;
use super::super::run::Run;
use crate::domain::name::RunnerId;
use crate::domain::time::Timestamp;
use crate::store::{Key, StoreError};

/// For how long to leave a live holder alone; `None`: it is stale.
pub(super) async fn alive_for(
    run: &Run,
    shard: u32,
    last_seq: u32,
    holder: &RunnerId,
) -> Result<Option<Duration>, EngineError> {
    let store = &run.ctx.store;
    let tick = run.tick();
    let (link, beat) = (Key::Link(tick, shard, last_seq), Key::Heartbeat(tick, shard, holder.clone()));
    let now = now(run, shard).await?;
    let (link, beat) = futures::try_join!(store.last_modified(&link), store.last_modified(&beat))?;
    Ok(rest(run, now, link.max(beat)))
}

/// What time it is for the store: that of an object which it is given now, in a shard that is not ours.
pub(super) async fn now(run: &Run, shard: u32) -> Result<Option<Timestamp>, StoreError> {
    let own = Key::Heartbeat(run.tick(), shard, run.by.clone());
    run.ctx.store.put(&own, Bytes::from_static(b"{}\n")).await?;
    run.ctx.store.last_modified(&own).await
}

/// For how long to leave a holder alone that was last seen alive at a time; `None`: it is stale.
pub(super) fn rest(run: &Run, now: Option<Timestamp>, seen: Option<Timestamp>) -> Option<Duration> {
    let (Some(now), Some(seen)) = (now, seen) else { return Some(patience(run)) };
    let lease = run.settings.org.value.limits.lease.as_ms();
    let quiet = now.unix_ms().saturating_sub(seen.unix_ms());
    if quiet > lease {
        return None;
    }
    let rest = u64::try_from(lease - quiet.max(0) + 1).unwrap_or(1);
    Some(Duration::from_millis(rest).min(patience(run)))
}

/// How long to wait before a shard in other hands is looked at again.
pub(super) fn patience(run: &Run) -> Duration {
    (run.settings.org.value.limits.lease.duration() / 4).clamp(Duration::from_millis(5), Duration::from_secs(5))
}

/// Shows that we are alive, while turns run for long.
pub(super) struct Heartbeat<'a> {
    run: &'a Run,
    shard: u32,
    next: tokio::time::Instant,
}

impl<'a> Heartbeat<'a> {
    pub(super) fn new(run: &'a Run, shard: u32) -> Self {
        Self { run, shard, next: tokio::time::Instant::now() + Self::pause(run) }
    }

    fn pause(run: &Run) -> Duration {
        run.settings.org.value.limits.lease.duration() / 3
    }

    /// A link of ours has shown it.
    pub(super) fn beaten(&mut self) {
        self.next = tokio::time::Instant::now() + Self::pause(self.run);
    }

    /// Waits for the next beat, and writes it.
    pub(super) async fn beat(&mut self) -> Result<(), EngineError> {
        tokio::time::sleep_until(self.next).await;
        let key = Key::Heartbeat(self.run.tick(), self.shard, self.run.by.clone());
        // A heartbeat that cannot be written costs at most the hold.
        if let Err(error) = self.run.ctx.store.put(&key, Bytes::from_static(b"{}\n")).await {
            tracing::debug!(%error, "a heartbeat was not written");
        }
        self.beaten();
        Ok(())
    }
}
