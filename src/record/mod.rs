//! The stored shapes: what each record holds, its format version, and its bytes.
//!
//! Every record carries `format`; a newer one than this version knows is refused before anything
//! is held or written. Bytes are made in one place, [`canonical`]. Start with [`plan::Plan`], the
//! immutable input of a tick, then [`turn::TurnRecord`], the commit point, and
//! [`closed::Closed`], what a tick changed.

pub mod approval;
pub mod canonical;
pub mod chain;
pub mod closed;
pub mod delivery;
pub mod erased;
pub mod plan;
pub mod recording;
pub mod state;
pub mod step;
pub mod turn;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::ids::Sha;

/// Random text that tells our own bytes from a rival's equal ones. From the system's entropy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Nonce(pub String);

/// A record with a format version.
pub trait Record: Serialize + DeserializeOwned {
    /// What people call it.
    const KIND: &'static str;
    /// The newest format that this version reads, and the one it writes.
    const FORMAT: u32 = 1;
    /// The format that this value carries.
    fn format(&self) -> u32;
}

macro_rules! record {
    ($type:ty, $kind:literal) => {
        impl $crate::record::Record for $type {
            const KIND: &'static str = $kind;
            fn format(&self) -> u32 {
                self.format
            }
        }
    };
}
use record;

/// Why stored bytes are no record of ours.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A newer version of the program wrote it: this one must not touch the organisation.
    #[error("{kind} has format {found}, newer than {known}, the newest that this version knows: upgrade lemming")]
    Newer {
        /// What record it is.
        kind: &'static str,
        /// The format found.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// Not JSON, or not of the shape: somebody else wrote it, or the store is damaged.
    #[error("{kind} cannot be read")]
    Malformed {
        /// What record it is.
        kind: &'static str,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
}

/// The canonical bytes of a record.
#[must_use]
pub fn encode<R: Serialize>(record: &R) -> Vec<u8> {
    canonical::to_bytes(record)
}

/// The hash of the canonical bytes of a value.
#[must_use]
pub fn hash<T: Serialize>(value: &T) -> Sha {
    canonical::with_bytes(value, Sha::of)
}

/// Reads a record.
///
/// # Errors
/// The bytes are of a newer format, or no record of this kind.
pub fn decode<R: Record>(bytes: &[u8]) -> Result<R, RecordError> {
    #[derive(Deserialize)]
    struct Peek {
        format: u32,
    }
    let newer = |found| RecordError::Newer { kind: R::KIND, found, known: R::FORMAT };
    match serde_json::from_slice::<R>(bytes) {
        Ok(record) if record.format() <= R::FORMAT => Ok(record),
        Ok(record) => Err(newer(record.format())),
        Err(source) => match serde_json::from_slice::<Peek>(bytes) {
            Ok(peek) if peek.format > R::FORMAT => Err(newer(peek.format)),
            _ => Err(RecordError::Malformed { kind: R::KIND, source }),
        },
    }
}
