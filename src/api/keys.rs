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

/// So long it is not read again even for a key that it does not have, which may be a new one, or because it could not be
/// read: whoever knocks often asks the store no more often.
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
    read: Mutex<Option<(Timestamp, Found)>>,
}

/// What was found where the keys are.
#[derive(Debug, Clone)]
enum Found {
    /// Keys, or no file.
    Keys(Arc<ApiKeys>),
    /// A file that is wrong.
    Wrong,
    /// No answer.
    Nothing,
}

impl KeyRing {
    pub(super) fn new(org: Arc<Org>) -> Self {
        Self { org, read: Mutex::default() }
    }

    /// The keys; new enough to have `key`, if there is such a one.
    ///
    /// # Errors
    /// The file cannot be read, or is wrong: then nobody is let in.
    pub(super) async fn holding(&self, key: Option<&Secret>) -> Result<Arc<ApiKeys>, ApiError> {
        // Held while the file is read: a crowd asks for it once.
        let mut read = self.read.lock().await;
        let now = self.org.clock().now();
        let is_fresh = |at: Timestamp, found: &Found| {
            let is_ours = |keys: &ApiKeys| key.is_none_or(|key| find(keys, key).is_some());
            let fresh = match found {
                Found::Keys(keys) if is_ours(keys) => FRESH_MS,
                _ => FRESH_FOR_STRANGERS_MS,
            };
            (0..fresh).contains(&(now.unix_ms() - at.unix_ms()))
        };
        let found = match read.as_ref() {
            Some((at, found)) if is_fresh(*at, found) => found.clone(),
            _ => {
                let found = self.look().await;
                *read = Some((now, found.clone()));
                found
            }
        };
        match found {
            Found::Keys(keys) => Ok(keys),
            Found::Wrong => Err(ApiError::invalid("config/keys.json is wrong: nobody is let in")),
            Found::Nothing => Err(ApiError::store()),
        }
    }

    async fn look(&self) -> Found {
        let bytes = match self.org.store.get(&Key::api_keys()).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Found::Keys(Arc::default()),
            Err(error) => {
                tracing::error!(
                    event = "keys_unreadable",
                    error = error.brief(),
                    "the keys cannot be read: nobody is let in"
                );
                return Found::Nothing;
            }
        };
        match serde_json::from_slice(&bytes) {
            Ok(keys) => Found::Keys(Arc::new(keys)),
            Err(error) => {
                // Not what it says: it may repeat what stands there.
                let line = error.line();
                tracing::error!(event = "keys_unreadable", line, "config/keys.json is wrong: nobody is let in");
                Found::Wrong
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;
    use crate::domain::api_key::Scope;

    fn key(secret: &Secret) -> ApiKey {
        ApiKey {
            sha256: hash(secret),
            role: None,
            scopes: vec![Scope::Read],
            orgs: None,
            created_at: None,
            extra: serde_json::Map::new(),
        }
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
