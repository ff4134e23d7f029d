//! What does not arrive, for people: read from the rules' hints, one request each.

use serde::Serialize;

use super::pass::Courier;
use crate::domain::name::MemoryKey;
use crate::domain::org::OrgConfig;
use crate::domain::time::{Tick, Timestamp};
use crate::record::RecordError;
use crate::record::delivery::{GivenUp, Headway};
use crate::store::{Key, Store, StoreError};

/// A rule of which something did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stuck {
    /// The rule.
    pub rule: MemoryKey,
    /// The sort of place that it sends to: `webhook`, `slack`, `file` or `ingress`.
    pub to: &'static str,
    /// How many entries and problems wait for another attempt.
    pub waiting: u64,
    /// The oldest tick that has one of them.
    pub oldest: Option<Tick>,
    /// How often one of their ticks was tried in vain, or the receiver in a row, whichever is more.
    pub attempts: u32,
    /// When it is tried again; null: at the next opportunity.
    pub next_at: Option<Timestamp>,
    /// What the last attempt came to.
    pub error: Option<String>,
    /// What was given up lately.
    pub given_up: Vec<GivenUp>,
}

/// How far a rule has come; none where it has not begun, or where its hint says nothing.
///
/// # Errors
/// The store failed, or a newer version wrote the hint.
pub async fn headway(store: &Store, rule: &MemoryKey) -> Result<Option<Headway>, StoreError> {
    match store.read(&Key::DeliveryHint(rule.clone())).await {
        Err(StoreError::Record { source: RecordError::Malformed { .. }, .. }) => Ok(None),
        read => read,
    }
}

/// Rules of which something was tried and did not arrive, or was given up lately. Writes nothing.
///
/// # Errors
/// As [`headway`].
pub async fn stuck(store: &Store, org: &OrgConfig, now: Timestamp) -> Result<Vec<Stuck>, StoreError> {
    let mut all = Vec::new();
    for rule in Courier::rules(org, None) {
        let Some(headway) = headway(store, &rule.name).await? else { continue };
        let failed: Vec<_> = headway.pending.iter().filter(|pending| pending.error.is_some()).collect();
        if failed.is_empty() && headway.given_up.is_empty() {
            continue;
        }
        let resting = failed.iter().filter_map(|pending| pending.not_before).min();
        all.push(Stuck {
            rule: rule.name.clone(),
            to: rule.to.as_str(),
            waiting: failed.iter().map(|pending| pending.left).sum(),
            oldest: failed.iter().map(|pending| pending.tick).min(),
            attempts: failed.iter().map(|pending| pending.attempts).max().unwrap_or(0).max(headway.failures),
            next_at: headway.not_before.or(resting).filter(|moment| *moment > now),
            error: failed.iter().rev().find_map(|pending| pending.error.clone()),
            given_up: headway.given_up,
        });
    }
    Ok(all)
}
