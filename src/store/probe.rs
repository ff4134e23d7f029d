//! Finds out whether a store keeps the one promise that everything rests on: of many creates of a key, one wins.
//!
//! Some clones of S3 accept the header of a conditional put and ignore it. On such a store two runners would both
//! believe that they hold a tick, so none is trusted before it has been probed once, when an organisation is founded.

use bytes::Bytes;
use futures::future::join_all;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode};

/// How many creates of one key are under way at the same time.
pub const RIVALS: usize = 16;

/// How many such races there are: a store that is wrong now and then must be caught, too. Over s3s-fs 0.14.1, on a machine so
/// busy that requests set out one by one, a race sees two winners four times of five, and five races missed it once in 150.
pub const RACES: usize = 10;

/// How many there are in a folder, where creates are our own and wait for the disk: only its file system can be wrong.
const RACES_IN_A_FOLDER: usize = 2;

/// How much longer the bodies of every second race are: what takes longer to write is raced for longer.
const PADDING_BYTES: usize = 64 << 10;

/// Why a store must not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// It has no conditional put.
    #[error("this store has no create that fails if the object exists, so it must not be used for an organisation")]
    Unsupported(#[source] Error),
    /// It accepted a second create.
    #[error(
        "this store accepted a create of an object that exists: it ignores the condition (If-None-Match) and must not \
         be used for an organisation"
    )]
    Ignored,
    /// It refused the second create and yet stored it, or lost the first.
    #[error(
        "this store changed an object by a create that it refused, or lost what it had accepted: it must not be used \
         for an organisation"
    )]
    Corrupted,
    /// More than one of several creates at the same time won, or none did.
    #[error(
        "{winners} of {RIVALS} creates of one object at the same time were accepted instead of one: this store must \
         not be used for an organisation"
    )]
    Raced {
        /// How many were accepted.
        winners: usize,
    },
    /// It did not answer, so nothing is known.
    #[error("the store could not be probed, and must not be used for an organisation before it was")]
    Failed(#[source] Error),
}

impl ProbeError {
    /// Says whether the store may only have been out of reach.
    #[must_use]
    pub fn may_help_later(&self) -> bool {
        match self {
            Self::Failed(Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) => false,
            Self::Failed(_) => true,
            _ => false,
        }
    }
}

/// Probes a store with a few objects `probe/<nonce>...` below a prefix, and deletes them again.
///
/// `nonce` is new for every probe. A create that reports a conflict although it was applied is understood.
///
/// # Errors
/// [`ProbeError::Failed`] may go away when tried again; any other means that the store must not be used.
pub async fn probe_create(store: &dyn ObjectStore, prefix: &Path, nonce: &str) -> Result<(), ProbeError> {
    probe_with(RACES, store, prefix, nonce).await
}

/// Probes a store in fewer races, if it is a folder or memory.
///
/// # Errors
/// As [`probe_create`].
pub(super) async fn probe(
    store: &dyn ObjectStore,
    prefix: &Path,
    nonce: &str,
    lists_freely: bool,
) -> Result<(), ProbeError> {
    probe_with(if lists_freely { RACES_IN_A_FOLDER } else { RACES }, store, prefix, nonce).await
}

/// The same with so many races.
async fn probe_with(races: usize, store: &dyn ObjectStore, prefix: &Path, nonce: &str) -> Result<(), ProbeError> {
    let folder = prefix.clone().join("probe");
    let mut keys = vec![folder.clone().join(nonce)];
    let mut found = one_after_another(store, &keys[0], nonce).await;
    for race in 1..=races {
        if found.is_ok() {
            let raced = folder.clone().join(format!("{nonce}-race-{race}"));
            let padding = if race % 2 == 0 { PADDING_BYTES } else { 0 };
            found = at_the_same_time(store, &raced, nonce, padding).await;
            keys.push(raced);
        }
    }
    for key in &keys {
        // Best effort: what stays is small, named for what it is and read by nobody.
        let _ = store.delete(key).await;
    }
    found
}

async fn one_after_another(store: &dyn ObjectStore, key: &Path, nonce: &str) -> Result<(), ProbeError> {
    let (first, second) = (format!("{nonce} first"), format!("{nonce} second"));
    match create(store, key, &first).await {
        // A retry inside the client meets what its first attempt has written; the content tells.
        Ok(()) | Err(Error::AlreadyExists { .. }) => {}
        Err(error @ (Error::NotImplemented { .. } | Error::NotSupported { .. })) => {
            return Err(ProbeError::Unsupported(error));
        }
        Err(error) => return Err(ProbeError::Failed(error)),
    }
    expect_content(store, key, &first).await?;
    match create(store, key, &second).await {
        Err(Error::AlreadyExists { .. }) => expect_content(store, key, &first).await,
        Ok(()) => Err(ProbeError::Ignored),
        Err(error) => Err(ProbeError::Failed(error)),
    }
}

async fn at_the_same_time(store: &dyn ObjectStore, key: &Path, nonce: &str, padding: usize) -> Result<(), ProbeError> {
    let padding = ".".repeat(padding);
    let bodies: Vec<String> = (0..RIVALS).map(|rival| format!("{nonce} {rival}{padding}")).collect();
    let answers = join_all(bodies.iter().map(|body| create(store, key, body))).await;
    let winners: Vec<usize> = (0..RIVALS).filter(|&rival| answers[rival].is_ok()).collect();
    match winners[..] {
        [winner] => expect_content(store, key, &bodies[winner]).await,
        // Either the winner's answer was lost, and then its object is there, or nothing was written.
        [] => match read(store, key).await {
            Ok(body) if bodies.iter().any(|own| own.as_bytes() == body) => Ok(()),
            Ok(_) => Err(ProbeError::Corrupted),
            Err(error) => Err(answers
                .into_iter()
                .find_map(|answer| answer.err().filter(|error| !matches!(error, Error::AlreadyExists { .. })))
                .map_or_else(
                    || match error {
                        Error::NotFound { .. } => ProbeError::Raced { winners: 0 },
                        error => ProbeError::Failed(error),
                    },
                    ProbeError::Failed,
                )),
        },
        _ => Err(ProbeError::Raced { winners: winners.len() }),
    }
}

async fn create(store: &dyn ObjectStore, key: &Path, body: &str) -> Result<(), Error> {
    store.put_opts(key, body.to_owned().into(), PutMode::Create.into()).await.map(drop)
}

async fn read(store: &dyn ObjectStore, key: &Path) -> Result<Bytes, Error> {
    store.get(key).await?.bytes().await
}

async fn expect_content(store: &dyn ObjectStore, key: &Path, expected: &str) -> Result<(), ProbeError> {
    match read(store, key).await {
        Ok(body) if body == expected.as_bytes() => Ok(()),
        Ok(_) | Err(Error::NotFound { .. }) => Err(ProbeError::Corrupted),
        Err(error) => Err(ProbeError::Failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::Arc;

    use futures::TryStreamExt as _;
    use object_store::memory::InMemory;

    use crate::store::faults::{Fault, Faulty, Liar, Op};

    async fn probe(store: &dyn ObjectStore) -> Result<(), ProbeError> {
        probe_create(store, &Path::from("org"), "nonce").await
    }

    #[tokio::test]
    async fn an_honest_store_passes_and_nothing_is_left() {
        let store = InMemory::new();
        probe(&store).await.expect("probe");
        let left: Vec<_> = store.list(None).try_collect().await.expect("list");
        assert!(left.is_empty(), "{left:?}");
    }

    #[tokio::test]
    async fn a_store_that_ignores_the_condition_is_refused() {
        let liar = Liar::ignoring(Arc::new(InMemory::new()));
        assert!(matches!(probe(&liar).await, Err(ProbeError::Ignored)));
        let error = at_the_same_time(&liar, &Path::from("k"), "n", 0).await.expect_err("race");
        assert!(error.to_string().starts_with("16 of 16 creates"), "{error}");
    }

    #[tokio::test]
    async fn a_store_that_is_right_one_after_another_and_wrong_together_is_refused() {
        let racer = Liar::racing(Arc::new(InMemory::new()));
        one_after_another(&racer, &Path::from("k"), "n").await.expect("right one after another");
        assert!(matches!(probe(&racer).await, Err(ProbeError::Raced { winners: RIVALS })));
    }

    #[tokio::test]
    async fn our_own_write_reported_as_a_conflict_is_no_reason_to_refuse() {
        for nth in [1, 3] {
            let store = Faulty::new(Arc::new(InMemory::new()), 1);
            store.fail_next(Op::Put, nth, Fault::OwnConflict);
            probe(&store).await.expect("probe");
        }
    }

    #[tokio::test]
    async fn a_store_that_loses_what_it_accepted_or_does_not_answer_is_refused() {
        let store = Faulty::new(Arc::new(InMemory::new()), 1);
        store.fail_next(Op::Put, 1, Fault::FalseConflict);
        assert!(matches!(probe(&store).await, Err(ProbeError::Corrupted)));
        store.fail_next(Op::Put, 1, Fault::FailBefore);
        assert!(matches!(probe(&store).await, Err(ProbeError::Failed(_))));
    }
}
