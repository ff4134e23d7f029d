//! The only conditional write, and the only way to commit: put-if-absent, owned.
//!
//! A create that reports "already exists", or any error, may be our own write that landed: the
//! client retried after a lost answer, or the server applied it and then failed (S3 reports its
//! 409 as "already exists" although nothing exists). So whatever is not a plain success is
//! settled by reading: our own bytes mean won, other bytes mean lost, nothing means try the same
//! bytes again. Our bytes differ from a rival's by their nonce.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{Key, Store, StoreError};
use crate::mutant::{self, Mutant};

/// How often the same bytes are tried before the outcome is given up as unknown.
const TRIES: u32 = 5;

/// After this long no further try is begun. The client retries too, so that in a network that answers nothing a single
/// try takes as long as two of its requests may: five of them would outlast every lease, and the life of a Lambda.
const ENOUGH: Duration = Duration::from_secs(10);

/// The pause before the second try; doubled before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The outcome of a create.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a lost create means that somebody else's bytes count"]
pub enum Created {
    /// Our bytes are there.
    Won,
    /// These bytes of somebody else are there, and stay.
    Lost(Bytes),
}

impl Store {
    /// Creates the object at `key` if there is none, and finds out whose bytes are there.
    ///
    /// # Errors
    /// The store refuses for good (permission, configuration), or has no room: nothing was written by this call. Or
    /// neither could be seen, [`StoreError::Uncertain`]: it is not won, and whoever asked reads again later.
    pub async fn create_own(&self, key: &Key, body: Bytes) -> Result<Created, StoreError> {
        Ok(self.create_settled(key, body).await?.0)
    }

    /// The same, and whether the store itself said that it is ours: otherwise that was found by reading.
    async fn create_settled(&self, key: &Key, body: Bytes) -> Result<(Created, bool), StoreError> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let failed = match self.create_once(key, body.clone()).await {
                Ok(_) => return Ok((Created::Won, true)),
                // Of a later try it would say nothing about the ones before it, which may have been applied.
                Err(error) if error.is_final() && attempt == 1 => return Err(error),
                Err(error) => error,
            };
            if mutant::is(Mutant::ErrorsAreSettledByReading) {
                return Ok((Created::Won, true));
            }
            tracing::debug!(key = %key, attempt, error = %failed, "a create is settled by reading");
            match self.get(key).await {
                Ok(Some(found)) if found == body => return Ok((Created::Won, false)),
                Ok(Some(found)) => return Ok((Created::Lost(found), false)),
                // A disk without room has written nothing, and will not a moment later.
                Ok(None) if failed.is_for_want_of_room() => return Err(failed),
                Ok(None) => {}
                Err(error) if error.is_final() => {
                    return Err(StoreError::Uncertain { key: key.clone(), source: Box::new(error) });
                }
                Err(error) => tracing::debug!(key = %key, attempt, %error, "a create cannot be settled yet"),
            }
            if attempt == TRIES || began.elapsed() >= ENOUGH {
                return Err(StoreError::Uncertain { key: key.clone(), source: Box::new(failed) });
            }
            self.pause(pause).await;
            pause *= 2;
            attempt += 1;
        }
    }

    /// Creates a file at a path from the root, where that is no organisation: a template in a folder of its own. What is
    /// there already is found out as with [`Self::create_own`], and nothing is committed by it.
    ///
    /// # Errors
    /// As [`Self::create_own`].
    pub async fn create_path(&self, path: &str, body: Bytes) -> Result<Created, StoreError> {
        match self.create_once_at(path, body.clone()).await {
            Ok(_) => Ok(Created::Won),
            Err(error) => match self.get_path(path).await? {
                Some(there) if there == body => Ok(Created::Won),
                Some(there) => Ok(Created::Lost(there)),
                None => Err(error),
            },
        }
    }

    /// Creates an object whose bytes are a pure function of its key's meaning: equal bytes from
    /// anybody are success. Says whether they are known to be new, so that what follows is told once, or not at all.
    ///
    /// # Errors
    /// Other bytes are there, which means that the store or a record is damaged; or the store
    /// refuses, or its answer stays unknown.
    pub async fn create_pure(&self, key: &Key, body: Bytes) -> Result<bool, StoreError> {
        match self.create_settled(key, body).await? {
            (Created::Won, is_new) => Ok(is_new),
            (Created::Lost(_), _) => Err(StoreError::Conflict { key: key.clone() }),
        }
    }
}
