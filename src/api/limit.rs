//! How often somebody may ask: a bucket of tokens for each key, and for each address without one.
//!
//! In this process's memory, and bounded: several servers, or several instances of a function, count apart.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::auth::Caller;
use crate::domain::name::{KeyName, MemoryKey};
use crate::domain::time::Timestamp;

/// So many buckets are kept; the one that was used longest ago makes room.
const MAX_BUCKETS: usize = 10_000;

/// What one request takes, in the unit that buckets are counted in.
const TOKEN: u64 = 1_000;

/// How often each may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second, in the long run.
    pub per_second: u64,
    /// Requests at once, after a rest.
    pub burst: u64,
}

/// Whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// The holder of a key, in the organisation that was asked: another one may have a key of that name.
    Key(Option<String>, KeyName),
    /// An address without a key; of IPv6 the network that a household has.
    Address(IpAddr),
    /// Whoever knows the secret of a hook.
    Hook(Option<String>, MemoryKey),
    /// Nobody that the server could see.
    Unknown,
}

impl Who {
    /// Whoever asks with this key, or from this address without one.
    pub(super) fn of(caller: &Caller, address: Option<IpAddr>, folder: Option<&str>) -> Self {
        let of_key = |name| Self::Key(folder.map(ToOwned::to_owned), name);
        caller.key.clone().map_or_else(|| Self::at(address), of_key)
    }

    pub(super) fn at(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V6(address)) => {
                let network = Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX));
                Self::Address(network.into())
            }
            Some(address) => Self::Address(address),
            None => Self::Unknown,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: u64,
    at_ms: i64,
}

/// The buckets.
#[derive(Debug)]
pub(super) struct Limiter {
    rate: Rate,
    buckets: Mutex<HashMap<Who, Bucket>>,
}

impl Limiter {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Takes a token, or says how long it takes until there is one.
    pub(super) fn take(&self, who: &Who, now: Timestamp) -> Result<(), Duration> {
        let now_ms = now.unix_ms();
        let full = self.rate.burst.max(1) * TOKEN;
        // A thousandth of a token for each request a second, in each millisecond.
        let per_ms = self.rate.per_second.max(1);
        let mut buckets = self.lock();
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(who) {
            make_room(&mut buckets, |bucket| refilled(bucket, now_ms, per_ms, full) == full);
        }
        let bucket = buckets.entry(who.clone()).or_insert(Bucket { left: full, at_ms: now_ms });
        *bucket = Bucket { left: refilled(bucket, now_ms, per_ms, full), at_ms: now_ms };
        match bucket.left.checked_sub(TOKEN) {
            Some(left) => {
                bucket.left = left;
                Ok(())
            }
            None => Err(Duration::from_millis((TOKEN - bucket.left).div_ceil(per_ms))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Who, Bucket>> {
        // Whatever panicked in here left numbers, and any numbers will do.
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is in a bucket by now. A clock that went back fills nothing.
fn refilled(bucket: &Bucket, now_ms: i64, per_ms: u64, full: u64) -> u64 {
    let passed = u64::try_from(now_ms - bucket.at_ms).unwrap_or(0);
    bucket.left.saturating_add(passed.saturating_mul(per_ms)).min(full)
}

/// A full bucket says no more than none; where there is no full one, the oldest goes.
fn make_room(buckets: &mut HashMap<Who, Bucket>, is_full: impl Fn(&Bucket) -> bool) {
    buckets.retain(|_, bucket| !is_full(bucket));
    if buckets.len() >= MAX_BUCKETS
        && let Some(oldest) = buckets.iter().min_by_key(|(_, bucket)| bucket.at_ms).map(|(who, _)| who.clone())
    {
        buckets.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    #[test]
    fn a_burst_is_let_through_and_then_the_rate_counts() {
        let limiter = Limiter::new(Rate { per_second: 2, burst: 3 });
        let who = Who::at("192.0.2.1".parse().ok());
        for _ in 0..3 {
            assert_eq!(limiter.take(&who, at(0)), Ok(()));
        }
        assert_eq!(limiter.take(&who, at(0)), Err(Duration::from_millis(500)));
        assert_eq!(limiter.take(&who, at(499)), Err(Duration::from_millis(1)));
        assert_eq!(limiter.take(&who, at(500)), Ok(()));
        assert_eq!(limiter.take(&who, at(100)), Err(Duration::from_millis(500)), "a clock that goes back");
        let key = Who::Key(None, KeyName::new("a").expect("name"));
        assert_eq!(limiter.take(&key, at(500)), Ok(()), "others are not concerned");
    }

    #[test]
    fn a_household_of_ipv6_is_one_and_mapped_addresses_are_what_they_map() {
        let who = |text: &str| Who::at(text.parse().ok());
        assert_eq!(who("2001:db8::1"), who("2001:db8::ffff:1"));
        assert_ne!(who("2001:db8:0:1::1"), who("2001:db8::1"));
        assert_eq!(who("::ffff:192.0.2.1"), who("192.0.2.1"));
        assert_eq!(Who::at(None), Who::Unknown);
    }

    #[test]
    fn the_buckets_are_bounded() {
        let limiter = Limiter::new(Rate { per_second: 1, burst: 2 });
        for n in 0..u32::try_from(MAX_BUCKETS).expect("number") + 50 {
            let who = Who::Address(IpAddr::from(n.to_be_bytes()));
            assert_eq!(limiter.take(&who, at(i64::from(n) / 100)), Ok(()));
        }
        assert_eq!(limiter.lock().len(), MAX_BUCKETS);
    }
}
