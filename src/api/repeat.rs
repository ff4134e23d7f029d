//! Doing something once, however often it is asked for: the header `Idempotency-Key`.
//!
//! The name of a message or command follows from the key, from who asks, and from what is said; the organisation admits a
//! name once. What is said is in it because under a key that was used before, something else would be accepted and never
//! admitted.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::{IntoParams, PartialSchema as _};
use uuid::{Builder, Uuid};

use super::auth::Caller;
use super::error::ApiError;
use crate::ingress::Postbox;
use crate::record::encode;

/// The most bytes of an `Idempotency-Key`.
const MAX_KEY_BYTES: usize = 255;

/// The header by which a request may be sent again, if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IdempotencyKey(Option<String>);

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = format!(
            "New for each message or command, 1 to {MAX_KEY_BYTES} characters of ASCII: with it the request can be sent again"
        );
        let header = ParameterBuilder::new().name("Idempotency-Key").parameter_in(ParameterIn::Header);
        vec![header.description(Some(about)).schema(Some(String::schema())).build()]
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let key = value.to_str().ok().map(str::trim).filter(|key| !key.is_empty() && key.len() <= MAX_KEY_BYTES);
        match key {
            Some(key) => Ok(Self(Some(key.to_owned()))),
            None => Err(ApiError::usage(format!(
                "the header Idempotency-Key must be 1 to {MAX_KEY_BYTES} characters of ASCII, new for each message or command"
            ))),
        }
    }
}

impl IdempotencyKey {
    /// The name of what a caller says: the same for the same key from the same caller with the same content; without a key,
    /// a new one.
    pub(super) fn name(&self, postbox: &Postbox<'_>, caller: &Caller, said: impl IntoIterator<Item = Value>) -> Uuid {
        match &self.0 {
            Some(key) => id_of(key, caller, said),
            None => postbox.new_id(),
        }
    }
}

/// A name that follows from the content. A key that is a UUID of version 7 gives its time to the name, and with it the place
/// among what one tick admits; others come after all that have a time, so that a flood of them keeps nobody out.
fn id_of(key: &str, caller: &Caller, said: impl IntoIterator<Item = Value>) -> Uuid {
    let by = caller.key.as_ref().map(|key| key.as_str());
    let said: Vec<Value> = [json!(by), json!(key)].into_iter().chain(said).collect();
    let digest = Sha256::digest(encode(&said));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    let sent = key.parse::<Uuid>().ok().filter(|id| id.get_version_num() == 7);
    let begin = sent.map_or([0xff; 6], |id| {
        let mut time = [0; 6];
        time.copy_from_slice(&id.as_bytes()[..6]);
        time
    });
    bytes[..6].copy_from_slice(&begin);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::KeyName;

    #[test]
    fn what_is_repeated_has_the_same_name_and_anything_else_has_another() {
        let nobody = Caller { key: None, scopes: Vec::new() };
        let ada = Caller { key: KeyName::new("ada").ok(), scopes: Vec::new() };
        let first = id_of("k", &nobody, [json!("hi")]);
        assert_eq!(first, id_of("k", &nobody, [json!("hi")]));
        assert_ne!(first, id_of("l", &nobody, [json!("hi")]));
        assert_ne!(first, id_of("k", &nobody, [json!("ho")]));
        assert_ne!(first, id_of("k", &ada, [json!("hi")]), "what others send under the same key is theirs");
        assert_eq!(first.get_version_num(), 8);
    }

    #[test]
    fn keys_with_a_time_keep_the_order_of_what_was_sent() {
        let nobody = Caller { key: None, scopes: Vec::new() };
        let key = |ms| Builder::from_unix_timestamp_millis(ms, &[7; 10]).into_uuid().to_string();
        let ids: Vec<String> = (1_700_000_000_000..1_700_000_000_020)
            .map(|ms| id_of(&key(ms), &nobody, [json!("x")]).to_string())
            .collect();
        assert!(ids.is_sorted(), "{ids:?}");
    }
}
