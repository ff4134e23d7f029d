//! Numbers of organisations for Prometheus: derived from the records, so that they are true wherever the ticks ran.
//!
//! [`catalogue`] names them. What the state knows (what was ever charged, how many turns each agent had) is told as it
//! stands there; what only the records of turns know is added up tick by tick. A scrape asks the store a bounded number
//! of requests, and whoever scrapes at the same time is answered once. Nothing here writes, or runs a tick.
//!
//! Labels hold names of organisations, agents, models and rules, and words of ours: nothing that a model or a sender wrote.

pub mod catalogue;
mod follow;
mod standing;
mod text;
mod totals;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use tokio::sync::Mutex;

pub use self::follow::{ERA, MOST_RECORDS};
pub use self::standing::{MOST_AGENTS, MOST_RULES};
pub use self::text::Exposition;
pub use self::totals::MOST_MODELS;

use self::catalogue::{BEHIND, BUILD, READ_ERRORS, STORE_REQUESTS, Sort, UP};
use self::follow::Follower;
use self::standing::Standing;
use self::text::{Sample, Samples, Spread};
use crate::causes::causes;
use crate::domain::time::Timestamp;
use crate::engine::EngineError;
use crate::runner::compose::Org;
use crate::version;

/// So long an answer is given again.
const FRESH_MS: i64 = 2_000;

/// What an organisation is called that is served alone, and whose name cannot be read.
const ALONE: &str = "default";

/// So many organisations are told of in one answer.
pub const MOST_ORGANISATIONS: usize = 100;

/// How many organisations are read at once.
const ORGANISATIONS_AT_ONCE: usize = 8;

/// Every organisation of a place may have so many records read at a scrape.
const LEAST_RECORDS: usize = 50;

/// What is known of organisations from one scrape to the next.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Each has a lock of its own, so that several are read at once; they are held under that of all.
    organisations: BTreeMap<String, Arc<Mutex<Watched>>>,
    answered: Option<(Timestamp, Vec<String>, Arc<Exposition>)>,
}

/// An organisation that is scraped.
#[derive(Debug, Default)]
struct Watched {
    standing: Option<Standing>,
    follower: Follower,
    errors: u64,
}

impl Metrics {
    /// The metrics of these organisations, each by its folder: that is its label `org`. One without, which is served alone, is
    /// told by the name that org.json gives it. An organisation that cannot be read is told
    /// of as such, and keeps no other from being told.
    ///
    /// A crowd asks the stores once: who comes meanwhile waits, and gets the same.
    pub async fn scrape(&self, organisations: &[(Option<String>, Org)], now: Timestamp) -> Arc<Exposition> {
        let mut known = self.0.lock().await;
        let name_of = |folder: &Option<String>| folder.clone().unwrap_or_else(|| ALONE.to_owned());
        let names: Vec<String> = organisations.iter().map(|(folder, _)| name_of(folder)).collect();
        if let Some((at, of, told)) = &known.answered
            && *of == names
            && (0..FRESH_MS).contains(&(now.unix_ms() - at.unix_ms()))
        {
            return Arc::clone(told);
        }
        let most = (MOST_RECORDS / names.len().max(1)).max(LEAST_RECORDS);
        let mut watched = Vec::with_capacity(names.len());
        for (name, (folder, org)) in names.iter().zip(organisations) {
            let one = known.organisations.entry(name.clone()).or_default();
            watched.push((folder.clone(), org.clone(), Arc::clone(one)));
        }
        let look = |(folder, org, watched): (Option<String>, Org, Arc<Mutex<Watched>>)| async move {
            watched.lock().await.samples(folder.as_deref(), &org, now, most).await
        };
        let mut samples = Samples::default();
        samples.add(&BUILD, None, vec![version::SHORT.to_owned()], Sample::Whole(1));
        let mut told = stream::iter(watched).map(look).buffered(ORGANISATIONS_AT_ONCE);
        while let Some(found) = told.next().await {
            samples.extend(found);
        }
        drop(told);
        let told = Arc::new(Exposition::of(samples));
        known.answered = Some((now, names, Arc::clone(&told)));
        told
    }
}

impl Watched {
    async fn samples(&mut self, folder: Option<&str>, org: &Org, now: Timestamp, most: usize) -> Samples {
        let mut samples = Samples::default();
        let read = self.look(org, now, most).await;
        let title = || self.standing.as_ref().map(|standing| standing.title().to_owned());
        let name = &*folder.map(str::to_owned).or_else(title).unwrap_or_else(|| ALONE.to_owned());
        let mut one = |metric, value| samples.add(metric, Some(name), Vec::new(), Sample::Whole(value));
        one(&UP, u64::from(read.is_ok()));
        if let Err(error) = read {
            self.errors += 1;
            let error = causes(&error).join(": ");
            tracing::warn!(event = "metrics_unread", organisation = name, error, "the metrics cannot be read");
        } else if let Some(standing) = &self.standing {
            one(&BEHIND, self.follower.behind(standing.state().tick));
            standing.tell(name, now, &mut samples);
            self.follower.tell(name, &mut samples);
        }
        samples.add(&READ_ERRORS, Some(name), Vec::new(), Sample::Whole(self.errors));
        let requests = org.requests();
        for (class, count) in
            [("put", requests.put), ("get", requests.get), ("list", requests.list), ("delete", requests.delete)]
        {
            samples.add(&STORE_REQUESTS, Some(name), vec![class.to_owned()], Sample::Whole(count));
        }
        samples
    }

    async fn look(&mut self, org: &Org, now: Timestamp, most: usize) -> Result<(), EngineError> {
        match &mut self.standing {
            Some(standing) => standing.look(now).await?,
            None => self.standing = Some(Standing::read(&org.store, now).await?),
        }
        let Some(standing) = &self.standing else { return Ok(()) };
        self.follower.follow(&org.store, standing.state().tick, most).await?;
        self.follower.expect(standing.models().models.keys());
        Ok(())
    }
}

/// One sample of every metric, of an organisation `desk`: what a tool that checks names and help needs.
#[must_use]
pub fn example() -> Exposition {
    let mut samples = Samples::default();
    for metric in catalogue::ALL {
        let values = metric.labels.iter().map(|label| format!("a_{label}")).collect();
        let org = (metric.stem != BUILD.stem).then_some("desk");
        let sample = match metric.sort {
            Sort::Counter | Sort::Gauge => Sample::Whole(1),
            Sort::Histogram => Sample::Spread(Spread::new(&[1.0])),
        };
        samples.add(metric, org, values, sample);
    }
    Exposition::of(samples)
}
