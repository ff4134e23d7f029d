//! Signatures of webhooks, made and checked: HMAC with SHA-256 over what is sent, by a secret that both sides know.
//!
//! Sources: Standard Webhooks, `spec/standard-webhooks.md`; docs.github.com, "Validating webhook deliveries";
//! docs.slack.dev, "Verifying requests from Slack". Comparing takes a time that tells nothing of what would be right.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::provider::secret::Secret;

/// What a secret of Standard Webhooks begins with.
const PREFIX: &str = "whsec_";

/// A key to sign with. Shown by nothing.
#[derive(Clone)]
pub struct SigningKey(Vec<u8>);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl SigningKey {
    /// The bytes of the text as they are.
    #[must_use]
    pub fn raw(secret: &Secret) -> Self {
        Self(secret.expose().as_bytes().to_vec())
    }

    /// As Standard Webhooks writes secrets: `whsec_` and base64. Any other text counts as it is.
    ///
    /// # Errors
    /// What follows `whsec_` is no base64.
    pub fn standard(secret: &Secret) -> Result<Self, &'static str> {
        match secret.expose().strip_prefix(PREFIX) {
            None => Ok(Self::raw(secret)),
            Some(encoded) => {
                let decoded = STANDARD.decode(encoded).map_err(|_| "must be base64 after `whsec_`")?;
                Ok(Self(decoded))
            }
        }
    }

    fn mac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        // It takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).unwrap_or_else(|_| unreachable!("any length will do"));
        parts.iter().for_each(|part| mac.update(part));
        mac
    }

    /// The value of `webhook-signature` for a message.
    #[must_use]
    pub fn standard_signature(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signed = self.mac(&[id.as_bytes(), b".", timestamp.to_string().as_bytes(), b".", body]);
        format!("v1,{}", STANDARD.encode(signed.finalize().into_bytes()))
    }

    /// Says whether one of the signatures in `webhook-signature` is right.
    #[must_use]
    pub fn is_standard(&self, signatures: &str, id: &str, timestamp: &str, body: &[u8]) -> bool {
        let parts: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        let ours = |signature: &str| signature.strip_prefix("v1,").and_then(|encoded| STANDARD.decode(encoded).ok());
        // More than a few are nobody's keys in rotation, and each costs a pass over the body.
        signatures.split(' ').filter_map(ours).take(8).any(|digest| self.mac(&parts).verify_slice(&digest).is_ok())
    }

    /// Says whether a digest, in hexadecimal digits, is that of these parts.
    #[must_use]
    pub fn is_hex(&self, digest: &str, parts: &[&[u8]]) -> bool {
        unhex(digest).is_some_and(|digest| self.mac(parts).verify_slice(&digest).is_ok())
    }

    /// Says whether a digest in base64 is that of these parts.
    #[must_use]
    pub fn is_base64(&self, digest: &str, parts: &[&[u8]]) -> bool {
        STANDARD.decode(digest).is_ok_and(|digest| self.mac(parts).verify_slice(&digest).is_ok())
    }
}

/// Says whether a text is the secret, in a time that depends on neither.
#[must_use]
pub fn is_secret(secret: &Secret, presented: &str) -> bool {
    let [ours, theirs] = [secret.expose(), presented].map(|text| Sha256::digest(text.as_bytes()));
    bool::from(ours.as_slice().ct_eq(theirs.as_slice()))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    (text.len() == 64).then(|| pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of standardwebhooks' own libraries (`javascript/src/index.test.ts`, `rust/src/lib.rs`).
    #[test]
    fn the_vector_of_standard_webhooks_is_signed_and_verified() {
        let key = SigningKey::standard(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).expect("a key");
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
        let signature = key.standard_signature(id, 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let others = format!("v1a,AAAA v1,AAAA {signature}");
        assert!(key.is_standard(&others, id, "1614265330", body));
        assert!(!key.is_standard(&signature, id, "1614265331", body));
        assert!(!key.is_standard(&signature, "msg_x", "1614265330", body));
        assert!(!key.is_standard(&signature, id, "1614265330", b"{}"));
        assert!(!key.is_standard("", id, "1614265330", body));
        assert!(SigningKey::standard(&Secret::new("whsec_!")).is_err());
    }

    /// docs.github.com, "Validating webhook deliveries", "Testing the webhook payload validation".
    #[test]
    fn the_vector_of_github_is_verified() {
        let key = SigningKey::raw(&Secret::new("It's a Secret to Everybody"));
        let digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(key.is_hex(digest, &[b"Hello, World!"]));
        assert!(!key.is_hex(digest, &[b"Hello, World?"]));
        for wrong in ["", "75", &digest[..63], &digest.replace('7', "g")] {
            assert!(!key.is_hex(wrong, &[b"Hello, World!"]), "{wrong}");
        }
    }

    /// docs.slack.dev, "Verifying requests from Slack", the example in its steps.
    #[test]
    fn the_vector_of_slack_is_verified() {
        let key = SigningKey::raw(&Secret::new("8f742231b10e8888abcd99yyyzzz85a5"));
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
                    channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
                    response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
                    &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let digest = "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        assert!(key.is_hex(digest, &[b"v0:", b"1531420618", b":", body.as_bytes()]));
        assert!(!key.is_hex(digest, &[b"v0:", b"1531420619", b":", body.as_bytes()]));
    }

    #[test]
    fn secrets_are_compared_whole() {
        let secret = Secret::new("s3cret");
        assert!(is_secret(&secret, "s3cret"));
        for wrong in ["", "s3cre", "s3crets", "S3cret"] {
            assert!(!is_secret(&secret, wrong), "{wrong}");
        }
    }
}
