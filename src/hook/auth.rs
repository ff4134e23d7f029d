//! Whether a request comes from whoever knows the hook's secret, and what it calls itself.

use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use crate::domain::hook::{DigestEncoding, HookAuth};
use crate::domain::time::Timestamp;
use crate::provider::secret::Secret;
use crate::signature::{SigningKey, is_secret};

/// So far may the time of a signature be from ours. Sources: Standard Webhooks and Slack, both five minutes.
const WINDOW_SECONDS: i64 = 5 * 60;

/// The most bytes of an id or the name of an event that a header brings.
const MAX_WORD_BYTES: usize = 200;

/// The request does not show that its sender knows the secret. Why, nobody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is not signed as this hook asks, or not with its secret")]
pub struct Refused;

/// What the headers of a request that was let in say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// What happened, as the sender calls it.
    pub event: Option<String>,
    /// What tells a delivery from another one, and is the same when it is sent again; none where nothing does.
    pub delivery: Option<String>,
}

/// Lets in who knows the secret.
///
/// # Errors
/// The signature is missing, wrong or too old; all are told alike.
pub fn verify(
    auth: &HookAuth,
    secret: &Secret,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Shown, Refused> {
    // An empty secret is known to everybody.
    if secret.is_empty() {
        return Err(Refused);
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let word = |name: &str| {
        text(name).map(str::trim).filter(|word| !word.is_empty() && word.len() <= MAX_WORD_BYTES).map(str::to_owned)
    };
    let plain = || Shown { event: word("x-event"), delivery: word("idempotency-key").or_else(|| word("webhook-id")) };
    match auth {
        HookAuth::Secret { .. } => {
            let bearer = text("authorization").and_then(|value| {
                let (scheme, token) = value.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
            });
            let presented = text("x-hook-secret").or(bearer).ok_or(Refused)?;
            if is_secret(secret, presented) { Ok(plain()) } else { Err(Refused) }
        }
        HookAuth::Hmac { header, encoding, prefix, .. } => {
            let digest = text(header).and_then(|value| value.trim().strip_prefix(prefix.as_str())).ok_or(Refused)?;
            let key = SigningKey::raw(secret);
            let is_right = match encoding {
                DigestEncoding::Hex => key.is_hex(digest, &[body]),
                DigestEncoding::Base64 => key.is_base64(digest, &[body]),
            };
            if is_right { Ok(plain()) } else { Err(Refused) }
        }
        HookAuth::Github { .. } => {
            let digest = text("x-hub-signature-256").and_then(|value| value.strip_prefix("sha256=")).ok_or(Refused)?;
            if !SigningKey::raw(secret).is_hex(digest, &[body]) {
                return Err(Refused);
            }
            Ok(Shown { event: word("x-github-event"), delivery: word("x-github-delivery") })
        }
        HookAuth::Slack { .. } => {
            let timestamp = text("x-slack-request-timestamp").ok_or(Refused)?;
            let digest = text("x-slack-signature").and_then(|value| value.strip_prefix("v0=")).ok_or(Refused)?;
            let parts: [&[u8]; 4] = [b"v0:", timestamp.as_bytes(), b":", body];
            if !is_recent(timestamp, now) || !SigningKey::raw(secret).is_hex(digest, &parts) {
                return Err(Refused);
            }
            // Events have an id in their body; of what has none, the signed time and the body are what tells it apart.
            let digest = Sha256::new().chain_update(timestamp).chain_update(b":").chain_update(body).finalize();
            let delivery = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            Ok(Shown { event: None, delivery: Some(delivery) })
        }
        HookAuth::Standard { .. } => {
            let id = word("webhook-id").ok_or(Refused)?;
            let timestamp = text("webhook-timestamp").ok_or(Refused)?;
            let signatures = text("webhook-signature").ok_or(Refused)?;
            let key = SigningKey::standard(secret).map_err(|_| Refused)?;
            if !is_recent(timestamp, now) || !key.is_standard(signatures, &id, timestamp, body) {
                return Err(Refused);
            }
            Ok(Shown { event: None, delivery: Some(id) })
        }
    }
}

fn is_recent(timestamp: &str, now: Timestamp) -> bool {
    let said = timestamp.parse::<i64>().ok().filter(|_| timestamp.bytes().all(|byte| byte.is_ascii_digit()));
    let now = now.unix_ms().div_euclid(1_000);
    said.is_some_and(|said| now.abs_diff(said) <= WINDOW_SECONDS.unsigned_abs())
}
