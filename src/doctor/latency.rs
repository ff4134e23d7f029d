//! How long the store's operations take.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::report::{Finding, Latency, Part};

/// Takes the time of operations, by name.
#[derive(Debug, Default)]
pub(super) struct Watch {
    taken: Mutex<BTreeMap<&'static str, Vec<Duration>>>,
}

impl Watch {
    /// Waits for an operation and takes its time, however it ends.
    pub(super) async fn time<T>(&self, operation: &'static str, work: impl Future<Output = T>) -> T {
        let begin = Instant::now();
        let done = work.await;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.entry(operation).or_default().push(begin.elapsed());
        done
    }

    /// The shortest, the one in the middle and the longest of each.
    pub(super) fn latencies(&self) -> Vec<Latency> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.iter().filter_map(|(operation, all)| summary(operation, all)).collect()
    }
}

fn summary(operation: &'static str, all: &[Duration]) -> Option<Latency> {
    let mut ms: Vec<f64> = all.iter().map(|took| (took.as_secs_f64() * 1e6).round() / 1e3).collect();
    ms.sort_by(f64::total_cmp);
    let (min_ms, max_ms) = (*ms.first()?, *ms.last()?);
    Some(Latency { operation, count: ms.len(), min_ms, median_ms: ms[ms.len() / 2], max_ms })
}

/// Whether the store is quick enough for the lease: within a third of it a holder must have shown life.
pub(super) fn judge(latencies: &[Latency], lease_ms: i64) -> Option<Finding> {
    const CHECK: &str = "lease";
    // Listings are no part of holding.
    let of_holding = || latencies.iter().filter(|latency| matches!(latency.operation, "create" | "read" | "overwrite"));
    let median = of_holding().map(|latency| latency.median_ms).max_by(f64::total_cmp)?;
    let max = of_holding().map(|latency| latency.max_ms).max_by(f64::total_cmp)?;
    let lease = Duration::from_millis(lease_ms.unsigned_abs()).as_secs_f64() * 1e3;
    let mend = "raise limits.lease in org.json, or run ticks nearer to the store";
    Some(if median > lease / 3.0 {
        let found = format!(
            "an operation takes {median:.0} ms as a rule, more than a third of the lease of {lease_ms} ms: others take over from runners that are alive"
        );
        Finding::wrong(Part::Store, CHECK, found, mend)
    } else if max > lease / 10.0 {
        let found = format!("an operation took {max:.0} ms, more than a tenth of the lease of {lease_ms} ms");
        Finding::warning(Part::Store, CHECK, found, mend)
    } else {
        Finding::good(Part::Store, CHECK, format!("quick enough for a lease of {lease_ms} ms"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Health;

    #[test]
    fn a_summary_has_the_ends_and_the_middle() {
        let all = [5, 1, 9, 3, 7].map(Duration::from_millis);
        let found = summary("read", &all).expect("a summary");
        assert_eq!((found.count, found.min_ms, found.median_ms, found.max_ms), (5, 1.0, 5.0, 9.0));
        assert_eq!(summary("read", &[]), None);
    }

    #[test]
    fn the_lease_must_be_long_for_what_the_store_takes() {
        let of = |operation, ms: &[u64]| {
            let all: Vec<Duration> = ms.iter().copied().map(Duration::from_millis).collect();
            summary(operation, &all).expect("a summary")
        };
        for (latencies, health) in [
            (vec![of("create", &[20, 30, 40]), of("list", &[29_000])], Some(Health::Good)),
            (vec![of("create", &[20, 30, 40]), of("read", &[5, 3_001, 5])], Some(Health::Warning)),
            (vec![of("read", &[11_000, 12_000])], Some(Health::Wrong)),
            (vec![of("list", &[1])], None),
        ] {
            let found = judge(&latencies, 30_000);
            assert_eq!(found.as_ref().map(|found| found.health), health, "{found:?}");
        }
    }
}
