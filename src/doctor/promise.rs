//! What the protocol relies on: that a create is refused where an object is, also when many race; that what was written is
//! read and listed at once, whole; that what was deleted is gone.

use bytes::Bytes;
use futures::future::join_all;

use super::probe::Probe;
use super::report::{Finding, Part, Report};
use super::{Patient, mend};
use crate::store::probe::{RACES, RIVALS};
use crate::store::{Area, Key, Prefix, StoreError};

pub(super) const ANOTHER_STORE: &str = "do not use this store: docs/STORES.md names those that are known to be good";

/// How often the plain operations are tried.
const ROUNDS: usize = 5;

/// What a record holds at most inline, unless the organisation says otherwise.
const LARGE_BYTES: usize = 64 << 10;

/// A clock that is off by more than this is worth a word, in milliseconds.
const SKEW_MS: i64 = 3_000;

/// What is wrong with an answer.
enum Flaw {
    /// The store breaks its promise.
    Lies(String),
    /// It did not answer.
    Failed(StoreError),
}

impl From<StoreError> for Flaw {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

type Tried = Result<String, Flaw>;

fn lies<T>(found: impl Into<String>) -> Result<T, Flaw> {
    Err(Flaw::Lies(found.into()))
}

/// Tries all promises in an area where objects can be written.
pub(super) async fn all(patient: Patient<'_>, probe: &Probe<'_>, area: Area, report: &mut Report) {
    let tell = |report: &mut Report, check: &str, tried: Tried| {
        report.add(match tried {
            Ok(found) => Finding::good(Part::Store, check, found),
            Err(Flaw::Lies(found)) => Finding::wrong(Part::Store, check, found, ANOTHER_STORE),
            Err(Flaw::Failed(error)) => Finding::wrong(Part::Store, check, error.brief(), mend(Some(&error))),
        });
    };
    tell(report, "create", create(probe, area).await);
    tell(report, "create again", create_again(probe, area).await);
    tell(report, "create at once", race(probe, area, "race", 0).await);
    tell(report, "read after write", read_after_write(probe, area).await);
    tell(report, "list after write", list_after_write(patient, probe, area).await);
    tell(report, "delete", delete(probe, area).await);
    tell(report, "large objects", large(probe, area).await);
    clock(patient, probe, area, report).await;
    versions(probe, area, report).await;
}

async fn settled(probe: &Probe<'_>, key: &Key, body: &Bytes) -> Result<bool, Flaw> {
    match probe.create(key, body).await {
        Ok(_) => Ok(true),
        // The client may have tried twice, and met what it had written itself.
        Err(error) if error.is_taken() => Ok(probe.get(key).await?.as_ref() == Some(body)),
        Err(error) => Err(error.into()),
    }
}

async fn create(probe: &Probe<'_>, area: Area) -> Tried {
    for round in 0..ROUNDS {
        let key = probe.key(area, &format!("create{round}"));
        if !settled(probe, &key, &probe.body("first")).await? {
            return lies("a create of an object that is not there was refused");
        }
    }
    Ok("an object that is not there is created".to_owned())
}

async fn create_again(probe: &Probe<'_>, area: Area) -> Tried {
    for round in 0..ROUNDS {
        let key = probe.key(area, &format!("create{round}"));
        match probe.create(&key, &probe.body("second")).await {
            Ok(_) => {
                return lies(
                    "a create of an object that exists was accepted: the store ignores the condition (If-None-Match)",
                );
            }
            Err(error) if error.is_taken() => {}
            Err(error) => return Err(error.into()),
        }
        if probe.get(&key).await? != Some(probe.body("first")) {
            return lies("a create that was refused changed the object all the same");
        }
    }
    Ok("an object that is there is not created again".to_owned())
}

/// Many creates of one key at once; `padding` makes the bodies longer.
async fn race(probe: &Probe<'_>, area: Area, name: &str, padding: usize) -> Tried {
    let body = |rival: usize| Bytes::from([&probe.body(&rival.to_string())[..], &vec![b'.'; padding]].concat());
    let bodies: Vec<Bytes> = (0..RIVALS).map(body).collect();
    for round in 1..=RACES {
        let key = probe.key(area, &format!("{name}{round}"));
        let answers = join_all(bodies.iter().map(|body| probe.race(&key, body))).await;
        let winners: Vec<usize> = (0..RIVALS).filter(|rival| answers[*rival].is_ok()).collect();
        let there = probe.get(&key).await?;
        match winners[..] {
            [winner] if there.as_ref() == Some(&bodies[winner]) => {}
            // The answer of the winner was lost on its way.
            [] if there.as_ref().is_some_and(|there| bodies.contains(there)) => {}
            [] if there.is_none() => {
                let failed = answers.into_iter().filter_map(Result::err).find(|error| !error.is_taken());
                return failed.map_or_else(
                    || lies("of creates at once none won, and nothing is there"),
                    |error| Err(error.into()),
                );
            }
            [_] | [] => return lies("what the winner of several creates at once wrote is not what is there"),
            _ => {
                return lies(format!(
                    "{} of {RIVALS} creates of one object at once were accepted, in race {round} of {RACES}: two runners would both hold a tick",
                    winners.len()
                ));
            }
        }
    }
    Ok(format!("of {RIVALS} creates of one object at once one wins, {RACES} times"))
}

async fn read_after_write(probe: &Probe<'_>, area: Area) -> Tried {
    let key = probe.key(area, "overwrite");
    for round in 0..ROUNDS {
        let body = probe.body(&format!("version {round}"));
        probe.put(&key, &body).await?;
        match probe.get(&key).await? {
            Some(there) if there == body => {}
            Some(_) => return lies("what was read right after a write is older than it"),
            None => return lies("what was written right before is not there"),
        }
    }
    Ok("what was written, or written over, is read at once".to_owned())
}

async fn list_after_write(patient: Patient<'_>, probe: &Probe<'_>, area: Area) -> Tried {
    let keys: Vec<Key> = (0..ROUNDS).map(|n| probe.key(area, &format!("list{n}"))).collect();
    for (n, key) in keys.iter().enumerate() {
        settled(probe, key, &probe.body("list")).await?;
        // The last one before it, so that a full area is not listed whole.
        let before = n.checked_sub(1).map_or_else(|| probe.key(area, "list"), |n| keys[n].clone());
        let prefix = Prefix::Area(area);
        let listed = probe.listing(patient.store.list_after(&prefix, &before, 1 + ROUNDS)).await?;
        if !listed.contains(&key.path()) {
            return lies("what was written right before is not listed");
        }
        if listed.contains(&before.path()) {
            return lies("a listing after a key begins with that key");
        }
    }
    // All of it only where there is nothing else.
    if area == Area::Probe {
        let listed = probe.listing(patient.store.list(&Prefix::Area(area))).await?;
        if keys.iter().any(|key| !listed.contains(&key.path())) {
            return lies("what was written right before is not listed");
        }
    }
    Ok("what was written is listed at once, and after a key only what follows it".to_owned())
}

async fn delete(probe: &Probe<'_>, area: Area) -> Tried {
    let key = probe.key(area, "overwrite");
    if let Err(error) = probe.delete(&key).await {
        return match error.is_denied() {
            true => Ok("these credentials may not delete here".to_owned()),
            false => Err(error.into()),
        };
    }
    if probe.get(&key).await?.is_some() {
        return lies("what was deleted right before is still there");
    }
    probe.delete(&key).await?;
    if !settled(probe, &key, &probe.body("again")).await? {
        return lies("what was deleted cannot be created again");
    }
    Ok("what was deleted is gone, and deleting it again is no error".to_owned())
}

async fn large(probe: &Probe<'_>, area: Area) -> Tried {
    race(probe, area, "large", LARGE_BYTES).await?;
    Ok(format!("the same with {} KiB each", LARGE_BYTES >> 10))
}

async fn clock(patient: Patient<'_>, probe: &Probe<'_>, area: Area, report: &mut Report) {
    const CHECK: &str = "clock";
    let key = probe.key(area, "clock");
    let before = patient.clock.now().unix_ms();
    if probe.put(&key, &probe.body("clock")).await.is_err() {
        return;
    }
    let after = patient.clock.now().unix_ms();
    let Ok(Some(theirs)) = patient.store.last_modified(&key).await else { return };
    let off = skew_ms(before, after, theirs.unix_ms());
    report.add(match off.abs() {
        ms if ms <= SKEW_MS => Finding::good(Part::Store, CHECK, "ours and the store's agree"),
        ms => {
            let way = if off > 0 { "ahead of" } else { "behind" };
            let found = format!("the store's clock is {} s {way} ours", ms / 1_000);
            let mend = "set this machine's clock (NTP): slots begin by it, and a bucket refuses what is signed a quarter of an hour off";
            Finding::warning(Part::Store, CHECK, found, mend)
        }
    });
}

/// How far the store's clock is ahead, in milliseconds, of what it can have been; many stores tell whole seconds only.
fn skew_ms(before: i64, after: i64, theirs: i64) -> i64 {
    let latest = if theirs % 1_000 == 0 { theirs + 999 } else { theirs };
    if theirs > after {
        theirs - after
    } else if latest < before {
        latest - before
    } else {
        0
    }
}

async fn versions(probe: &Probe<'_>, area: Area, report: &mut Report) {
    let key = probe.key(area, "version");
    if let Ok(Some(version)) = probe.create(&key, &probe.body("version")).await
        && tells_of_older_ones(&version)
    {
        let found = "the bucket keeps versions: those of views and hints that were written over are kept, and billed";
        let mend = "add a lifecycle rule that ends noncurrent versions; records are never written over";
        report.add(Finding::warning(Part::Store, "versions", found, mend));
    }
}

/// Google Cloud Storage gives every object a number, whether or not it keeps the older ones.
fn tells_of_older_ones(version: &str) -> bool {
    !version.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_no_version_that_is_kept() {
        for (version, kept) in [
            ("3sL4kqtJlcpXroDTDmJ-rmSpXd3dIbrHY-MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo", true),
            ("2026-11-25T14:37:55.0000000Z", true),
            ("1795617475342000", false),
        ] {
            assert_eq!(tells_of_older_ones(version), kept, "{version}");
        }
    }

    #[test]
    fn a_clock_is_off_only_by_what_latency_and_whole_seconds_cannot_explain() {
        for (before, after, theirs, off) in [
            (10_500, 10_700, 10_600, 0),
            (10_500, 10_700, 10_000, 0),
            (10_500, 10_700, 12_000, 1_300),
            (10_500, 10_700, 9_000, -501),
            (10_500, 10_700, 9_400, -1_100),
        ] {
            assert_eq!(skew_ms(before, after, theirs), off, "{theirs}");
        }
    }
}
