//! One pass: every rule goes on from where it was, side by side, until the time for it is over.
//!
//! A rule that fails hinders no other. With nothing new a rule costs one request: for its hint.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use serde::Serialize;
use tokio::time::Instant;

use super::carrier::Carrier;
use super::parcel::Records;
use super::way::Way;
use crate::clock::{Clock, Entropy};
use crate::domain::delivery::Rule;
use crate::domain::ids::Sha;
use crate::domain::name::MemoryKey;
use crate::domain::org::OrgConfig;
use crate::domain::time::{Clock as OrgClock, Tick};
use crate::engine::{Present, Stop};
use crate::record::delivery::Headway;
use crate::store::{Store, StoreError};

/// Rules worked on side by side.
const RULES_AT_ONCE: usize = 8;

/// With less time than this left, nothing is begun: what is cut off may have arrived, and is sent again.
const LEAST: Duration = Duration::from_millis(250);

/// How far each rule has looked, as this process knows: ticks without anything to send move no hint.
///
/// It is true beside the hint that lay there, and beside no other: with one that somebody else wrote, or none, what this
/// process passed may be pending nowhere.
#[derive(Debug, Default)]
pub struct Looked(Mutex<BTreeMap<MemoryKey, (Headway, Tick)>>);

impl Looked {
    /// How far the rule has looked beyond this hint.
    pub(super) fn next(&self, rule: &MemoryKey, hint: Option<&Headway>) -> Option<Tick> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(rule).filter(|(beside, _)| Some(beside) == hint).map(|(_, next)| *next)
    }

    /// Keeps how far the rule has looked, beside the hint that lies there now.
    pub(super) fn keep(&self, rule: &MemoryKey, hint: Headway, next: Tick) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(rule.clone(), (hint, next));
    }
}

/// What there is to deliver from: the settings, and the last closed tick.
#[derive(Debug, Clone)]
pub struct Occasion {
    /// The settings, with the rules.
    pub org: Arc<OrgConfig>,
    /// The hash of the file that has them.
    pub org_sha: Sha,
    /// The last closed tick.
    pub last: Tick,
    /// Its clock, by which deliveries age.
    pub clock: OrgClock,
}

impl From<Present> for Occasion {
    fn from(present: Present) -> Self {
        let Present { settings, org, tick, clock } = present;
        Self { org: settings, org_sha: org, last: tick, clock }
    }
}

/// How long a pass may take, and what of it is done.
#[derive(Debug)]
pub struct PassTerms<'a> {
    /// Nothing takes longer than until then.
    pub until: Instant,
    /// The most that one delivery may take.
    pub timeout: Duration,
    /// Tells it to leave.
    pub stop: &'a Stop,
    /// Whether what waits for its next attempt is tried at once.
    pub at_once: bool,
    /// The only rule that is worked on.
    pub only: Option<&'a MemoryKey>,
}

impl PassTerms<'_> {
    /// Says whether nothing more may be begun.
    pub(super) fn is_over(&self) -> bool {
        self.stop.is_requested() || self.until.saturating_duration_since(Instant::now()) < LEAST
    }
}

/// How a pass went for one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RulePass {
    /// How many entries and problems arrived.
    pub delivered: u64,
    /// How many are left for later.
    pub left: u64,
    /// How many were given up.
    pub given_up: u64,
    /// What the last failed attempt came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Delivers what an organisation's rules say.
#[derive(Debug, Clone)]
pub struct Courier {
    /// The organisation's files.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What tells our records from those of others.
    pub entropy: Arc<dyn Entropy>,
    /// How things get outside.
    pub carrier: Arc<dyn Carrier>,
    /// How far this process has looked.
    pub looked: Arc<Looked>,
}

impl Courier {
    /// The rules that send anything: those of a fork only where they say so.
    pub fn rules<'a>(org: &'a OrgConfig, only: Option<&'a MemoryKey>) -> impl Iterator<Item = &'a Rule> {
        let counts =
            move |rule: &&Rule| (org.forked_from.is_none() || rule.forks) && only.is_none_or(|only| *only == rule.name);
        org.deliver.iter().filter(counts)
    }

    /// Goes on with every rule. Without rules it asks nothing of anybody.
    ///
    /// Dropped at any point it loses nothing: what was sent and not noted is sent again, under the same id.
    pub async fn pass(
        &self,
        occasion: &Occasion,
        terms: &PassTerms<'_>,
    ) -> BTreeMap<MemoryKey, Result<RulePass, StoreError>> {
        let records = Records::new(&self.store);
        let work = Self::rules(&occasion.org, terms.only).map(|rule| {
            let records = &records;
            async move { (rule.name.clone(), Way::go(self, occasion, terms, records, rule).await) }
        });
        // Collected first: a closure over borrowed rules could not be sent to another thread.
        let work: Vec<_> = work.collect();
        let mut all = BTreeMap::new();
        let mut done = futures::stream::iter(work).buffer_unordered(RULES_AT_ONCE);
        while let Some((rule, went)) = done.next().await {
            log(&rule, &went);
            // Of two rules of one name the first counts, as `lemming validate` says.
            all.entry(rule).or_insert(went);
        }
        all
    }
}

fn log(rule: &MemoryKey, went: &Result<RulePass, StoreError>) {
    match went {
        Err(error) => tracing::warn!(
            event = "delivery_failed",
            rule = rule.as_str(),
            error = error.brief(),
            "what a rule has sent cannot be read or noted; the next pass goes on"
        ),
        Ok(RulePass { delivered, left, given_up, error: Some(error) }) => tracing::warn!(
            event = "delivery_failed",
            rule = rule.as_str(),
            delivered,
            left,
            given_up,
            error,
            "not everything arrived; it is tried again"
        ),
        Ok(RulePass { delivered, left, .. }) if *delivered > 0 => {
            tracing::info!(event = "delivered", rule = rule.as_str(), delivered, left, "a rule has delivered");
        }
        Ok(_) => {}
    }
}
