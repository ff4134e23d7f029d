//! Ids and hashes: all derived, none drawn here.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::name::AgentName;
use super::time::Tick;

/// The SHA-256 of some bytes, in 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha(std::sync::Arc<str>);

/// A text that is not a SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256: it must be 64 hexadecimal digits in lower case")]
pub struct ShaError;

impl Sha {
    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex(&Sha256::digest(bytes)).into())
    }

    /// The 64 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 16 digits, which the file index keeps of older versions.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..16]
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from(DIGITS[usize::from(d)])).collect()
}

impl TryFrom<String> for Sha {
    type Error = ShaError;
    fn try_from(text: String) -> Result<Self, ShaError> {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 64 && text.bytes().all(digit) { Ok(Self(text.into())) } else { Err(ShaError) }
    }
}

impl From<Sha> for String {
    fn from(sha: Sha) -> Self {
        sha.0.as_ref().to_owned()
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

/// The seed of one tick, pinned in its plan: whoever runs a turn derives the same ids from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// Derives the id of the `index`-th entry of an agent's turn.
    #[must_use]
    pub fn entry_id(self, tick: Tick, agent: &AgentName, index: u32) -> Uuid {
        self.uuid("entry", tick, agent.as_str(), index)
    }

    /// Derives the id of a call that reaches outside: of the call at this place of the answer's, of the turn's so many-th
    /// answer. A service that is told it does the call once; a call that waits for a person's yes keeps it.
    #[must_use]
    pub fn call_id(self, tick: Tick, agent: &AgentName, answer: u32, place: u32) -> Uuid {
        self.uuid("call", tick, agent.as_str(), answer.saturating_mul(1024).saturating_add(place))
    }

    /// Derives a number from 0 to 1023 that spreads the calls of agents that failed together: the same
    /// for the same call, whoever makes it.
    #[must_use]
    pub fn jitter(self, tick: Tick, agent: &AgentName, call: u32) -> u32 {
        let bytes = self.uuid("jitter", tick, agent.as_str(), call).into_bytes();
        u32::from(u16::from_be_bytes([bytes[0], bytes[1]])) % 1024
    }

    fn uuid(self, what: &str, tick: Tick, agent: &str, index: u32) -> Uuid {
        let digest = Sha256::new()
            .chain_update(self.0.to_be_bytes())
            .chain_update(tick.0.to_be_bytes())
            .chain_update(index.to_be_bytes())
            .chain_update(what)
            .chain_update([0])
            .chain_update(agent)
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_lower_case_hex() {
        let sha = Sha::of(b"abc");
        assert_eq!(sha.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Sha::try_from(String::from(sha.clone())), Ok(sha));
        assert!(Sha::try_from("BA".repeat(32)).is_err());
    }

    #[test]
    fn ids_differ_by_each_of_their_parts() {
        let agent = |n| AgentName::new(n).expect("name");
        let base = Seed(1).entry_id(Tick(1), &agent("a"), 0);
        assert_eq!(base, Seed(1).entry_id(Tick(1), &agent("a"), 0));
        assert_ne!(base, Seed(2).entry_id(Tick(1), &agent("a"), 0));
        assert_ne!(base, Seed(1).entry_id(Tick(2), &agent("a"), 0));
        assert_ne!(base, Seed(1).entry_id(Tick(1), &agent("b"), 0));
        assert_ne!(base, Seed(1).entry_id(Tick(1), &agent("a"), 1));
    }
}
