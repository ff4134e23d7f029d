//! Examines a store and what stands around it: whether the protocol can rely on them, and what to do if not.
//!
//! Everything is tried with objects of its own ([`Key::Probe`]), which no reader takes for
//! anything and which are deleted again, also after an interruption. It never changes an object that it did not make, calls
//! no model, and does not mind credentials that may only read. Start with [`examine`].

mod around;
mod latency;
mod permissions;
mod probe;
mod promise;
pub mod report;

use std::path::Path;
use std::sync::Arc;

use self::probe::Probe;
use self::report::{Finding, Part, Report};
use crate::clock::{Clock, Entropy};
use crate::config::Environment;
use crate::count::counted;
use crate::domain::name::IngressName;
use crate::engine::Stop;
use crate::provider::Providers;
use crate::sandbox::Sandbox;
use crate::store::trouble::Trouble;
use crate::store::{Area, Key, Store, StoreError};
use crate::tool::Tool;

/// Who is examined.
#[derive(Debug, Clone, Copy)]
pub struct Patient<'a> {
    /// The store.
    pub store: &'a Store,
    /// Its name, as people may see it.
    pub place: &'a str,
    /// Its folder, if it is on a disk.
    pub local_root: Option<&'a Path>,
    /// Our clock.
    pub clock: &'a dyn Clock,
    /// Names for the objects.
    pub entropy: &'a dyn Entropy,
    /// How models are reached.
    pub providers: &'a dyn Providers,
    /// Where secrets are looked up.
    pub environment: &'a Environment,
    /// The tools that there are.
    pub tools: &'a [Arc<dyn Tool>],
    /// Where programs of models run.
    pub sandbox: Option<&'a Sandbox>,
}

/// Tries everything, until it is done or told to stop; then removes what it made.
pub async fn examine(patient: Patient<'_>, stop: &Stop) -> Report {
    let nonce = patient.entropy.nonce().0;
    let run = IngressName::new(nonce).unwrap_or_else(|_| unreachable!("hexadecimal digits make a name"));
    let probe = Probe::new(patient.store, patient.local_root, run);
    let mut report = Report::of(patient.place);
    let is_new = patient.local_root.is_some_and(|root| !root.exists());
    tokio::select! {
        () = all(patient, &probe, is_new, &mut report) => {}
        () = stop.requested() => report.interrupted = true,
    }
    report.latencies = probe.latencies();
    if let Some(found) = latency::judge(&report.latencies, report.lease_ms) {
        report.add(found);
    }
    report.left_behind = probe.clean(report.interrupted).await;
    if !report.left_behind.is_empty() {
        let found = format!("{} of this examination could not be deleted", counted(report.left_behind.len(), "object"));
        let mend = "delete them by hand; nothing reads them";
        report.add(Finding::warning(Part::Store, "left behind", found, mend));
    }
    report
}

async fn all(patient: Patient<'_>, probe: &Probe<'_>, is_new: bool, report: &mut Report) {
    let may_read = reach(patient.store, probe, report).await;
    if may_read.is_some() {
        let permissions = permissions::all(patient.store, probe).await;
        let area = permissions::judge(&permissions, may_read == Some(true), report);
        report.permissions = permissions;
        match area {
            Some(area) => promise::all(patient, probe, area, report).await,
            None => report.add(Finding::skipped(
                Part::Store,
                "promises",
                "nothing can be written with these credentials, so nothing could be tried",
            )),
        }
        if may_read == Some(true) {
            around::organisation(patient, is_new, report).await;
        }
    }
    around::sandbox(patient.sandbox, report).await;
}

/// Finds out whether the store answers. `None`: it does not, or does not know us; otherwise whether it lets us read.
async fn reach(store: &Store, probe: &Probe<'_>, report: &mut Report) -> Option<bool> {
    const CHECK: &str = "read";
    let missing = probe.key(Area::Probe, "missing");
    let (org, nothing) = (store.get(&Key::Org).await, store.get(&missing).await);
    let folders = store.folders(&crate::store::Prefix::Agents).await;
    match (org, nothing, folders) {
        (Ok(_), Ok(None), Ok(_)) => {
            report.add(Finding::good(
                Part::Store,
                CHECK,
                "objects and listings can be read; a missing object is missing",
            ));
            Some(true)
        }
        (Ok(_), Ok(Some(_)), _) => {
            let found = "an object that nobody wrote is there";
            report.add(Finding::wrong(Part::Store, CHECK, found, promise::ANOTHER_STORE));
            None
        }
        (Ok(_), Err(error), _) if error.is_denied() => {
            let found = "reading an object that is missing is refused instead of answered";
            let mend =
                "let these credentials list the bucket (s3:ListBucket): without it S3 says 403 for what is not there";
            report.add(Finding::wrong(Part::Store, CHECK, found, mend));
            Some(false)
        }
        (org, nothing, folders) => {
            let errors = [org.err(), nothing.err(), folders.err()];
            // Whoever may read nothing may still be meant to send.
            let denied = errors.iter().flatten().all(StoreError::is_denied);
            let error = errors.into_iter().flatten().next();
            let found = error.as_ref().map_or_else(String::new, StoreError::brief);
            report.add(match denied {
                true => Finding::warning(
                    Part::Store,
                    CHECK,
                    found,
                    "let these credentials read and list, unless they are to send only",
                ),
                false => Finding::wrong(Part::Store, CHECK, found, mend(error.as_ref())),
            });
            denied.then_some(false)
        }
    }
}

/// What to do about a store that does not answer as it should.
fn mend(error: Option<&StoreError>) -> String {
    let Some(error) = error else { return "try again; nothing is half-done".to_owned() };
    match error {
        StoreError::Store { source, .. }
            if matches!(
                **source,
                object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }
            ) =>
        {
            promise::ANOTHER_STORE.to_owned()
        }
        _ => Trouble::of(error).map_or_else(
            || "check the URL, the endpoint and the network, and that the store is up".to_owned(),
            |trouble| trouble.mend,
        ),
    }
}
