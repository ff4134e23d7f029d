//! API keys: how they are made, and how a request's key is looked up.
//!
//! A key is 256 random bits, shown once; the organisation keeps its hash. The file is read again every few seconds, so
//! that a key that was removed opens nothing soon after, on every server and function.

use std::sync::Arc;

use subtle::ConstantTimeEq as _;
use tokio::sync::Mutex;

use super::error::ApiError;
use crate::clock::Entropy;
use crate::domain::api_key::{ApiKey, ApiKeys};
use crate::domain::ids::Sha;
use crate::domain::name::KeyName;
use crate::domain::time::Timestamp;
use crate::provider::secret::Secret;
use crate::runner::compose::Org;
use crate::store::Key;

/// What every key begins with, so that whoever finds one knows what it opens.
const PREFIX: &str = "lemming_";

/// So long the file is not read again.
const FRESH_MS: i64 = 10_000;

/// So long it is not read again even for a key that it does not have: it may be a new one.
const FRESH_FOR_STRANGERS_MS: i64 = 1_000;

/// Makes a key.
#[must_use]
pub fn new_key(entropy: &dyn Entropy) -> Secret {
    let halves = [entropy.nonce().0, entropy.nonce().0];
    Secret::new(format!("{PREFIX}{}", halves.concat()))
}

/// What the organisation keeps of a key.
#[must_use]
pub fn hash(key: &Secret) -> Sha {
    Sha::of(key.expose().as_bytes())
}

/// The key of an organisation that a secret is, if it is any. Takes as long whichever it is, and if it is none.
#[must_use]
pub fn find<'a>(keys: &'a ApiKeys, key: &Secret) -> Option<(&'a KeyName, &'a ApiKey)> {
    let presented = hash(key);
    let mut found = None;
    for (name, known) in &keys.keys {
        if bool::from(known.sha256.as_str().as_bytes().ct_eq(presented.as_str().as_bytes())) {
            found = Some((name, known));
        }
    }
    found
}

/// The keys of an organisation, as they were a moment ago.
#[derive(Debug)]
pub(super) struct KeyRing {
    org: Arc<Org>,
    read: Mutex<Option<(Timestamp, Arc<ApiKeys>)>>,
}

impl KeyRing {
    pub(super) fn new(org: Arc<Org>) -> Self {
        Self { org, read: Mutex::default() }
    }

    /// The keys; those that hold `key`, if there is such a one.
    ///
    /// # Errors
    /// The file cannot be read, or is wrong: then nobody is let in.
    pub(super) async fn holding(&self, key: Option<&Secret>) -> Result<Arc<ApiKeys>, ApiError> {
        // Held while the file is read: a crowd asks for it once.
        let mut read = self.read.lock().await;
        let now = self.org.clock().now();
        if let Some((at, keys)) = read.as_ref() {
            let is_stranger = key.is_some_and(|key| find(keys, key).is_none());
            let fresh = if is_stranger { FRESH_FOR_STRANGERS_MS } else { FRESH_MS };
            if (0..fresh).contains(&(now.unix_ms() - at.unix_ms())) {
                return Ok(Arc::clone(keys));
            }
        }
        let keys = match self.org.store.get(&Key::api_keys()).await? {
            Some(bytes) => parse(&bytes)?,
            None => ApiKeys::default(),
        };
        let keys = Arc::new(keys);
        *read = Some((now, Arc::clone(&keys)));
        Ok(keys)
    }
}

fn parse(bytes: &[u8]) -> Result<ApiKeys, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        // Not what it says: it may repeat what stands there.
        tracing::error!(event = "keys_unreadable", line = error.line(), "config/keys.json is wrong: nobody is let in");
        ApiError::invalid("config/keys.json is wrong: nobody is let in")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;
    use crate::domain::api_key::Scope;

    fn key(secret: &Secret) -> ApiKey {
        ApiKey { sha256: hash(secret), scopes: vec![Scope::Read], created_at: None, extra: serde_json::Map::new() }
    }

    #[test]
    fn a_key_is_found_by_its_hash_and_by_nothing_else() {
        let [ours, theirs] = [new_key(&SystemEntropy), new_key(&SystemEntropy)];
        let name = |name| KeyName::new(name).expect("name");
        let mut keys = ApiKeys::default();
        keys.keys.insert(name("ours"), key(&ours));
        keys.keys.insert(name("other"), key(&new_key(&SystemEntropy)));
        assert_eq!(find(&keys, &ours).map(|found| found.0.as_str()), Some("ours"));
        assert_eq!(find(&keys, &theirs), None);
        assert_eq!(find(&keys, &Secret::new(hash(&ours).as_str())), None, "a hash is no key");
        assert_eq!(find(&keys, &Secret::new("")), None);
    }

    #[test]
    fn keys_have_256_random_bits() {
        let key = new_key(&SystemEntropy);
        let digits = key.expose().strip_prefix(PREFIX).expect("prefix");
        assert_eq!(digits.len(), 64);
        assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digits}");
        assert_ne!(digits[..32], digits[32..]);
    }
}
