//! Versions of files that people write: an `ETag` is the hash of the bytes, and `If-Match` says which one is meant.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::{IntoParams, PartialSchema as _};

use super::error::ApiError;
use crate::domain::ids::Sha;

/// The version of a file: the SHA-256 of its bytes, in quotes.
pub(super) fn etag(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{}\"", Sha::of(bytes))).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The versions that may be replaced, if the request names any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IfMatch(Option<Vec<String>>);

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![if_match("The `ETag` of the version that is meant; any, without it", Required::False)]
    }
}

/// The versions that may be replaced, where a request must say which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MustMatch(pub(super) IfMatch);

impl<S: Send + Sync> FromRequestParts<S> for MustMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let named = IfMatch::from_request_parts(parts, state).await?;
        match &named.0 {
            // Any version is none.
            Some(tags) if !tags.iter().any(|tag| tag == "*") => Ok(Self(named)),
            _ => Err(ApiError::needs_version()),
        }
    }
}

impl IntoParams for MustMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![if_match("The `ETag` of the version that is replaced", Required::True)]
    }
}

fn if_match(about: &str, required: Required) -> Parameter {
    let header = ParameterBuilder::new().name("If-Match").parameter_in(ParameterIn::Header).required(required);
    header.description(Some(about)).schema(Some(String::schema())).build()
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut named: Option<Vec<String>> = None;
        for value in parts.headers.get_all(header::IF_MATCH) {
            let text = value.to_str().map_err(|_| ApiError::usage("the header If-Match is no list of ETags"))?;
            let tags = text.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty());
            named.get_or_insert_default().extend(tags);
        }
        Ok(Self(named))
    }
}

impl IfMatch {
    /// Refuses what is there where the request means another version. A weak ETag never matches: every byte counts.
    ///
    /// # Errors
    /// It is another one.
    pub(super) fn check(&self, there: &[u8]) -> Result<(), ApiError> {
        let Some(named) = &self.0 else { return Ok(()) };
        let tag = format!("\"{}\"", Sha::of(there));
        match named.iter().any(|named| named == "*" || *named == tag) {
            true => Ok(()),
            false => Err(ApiError::changed_meanwhile("it is not the version that If-Match names: nothing was written")),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[tokio::test]
    async fn only_the_version_that_is_there_matches() {
        let tag = etag(b"x").to_str().expect("text").to_owned();
        let asked = async |tags: &[&str]| {
            let request = tags.iter().fold(Request::builder(), |request, tag| request.header(header::IF_MATCH, *tag));
            let (mut parts, ()) = request.body(()).expect("a request").into_parts();
            let may = IfMatch::from_request_parts(&mut parts, &()).await.expect("tags");
            (may, MustMatch::from_request_parts(&mut parts, &()).await)
        };
        for right in [vec![tag.as_str()], vec!["\"a\"", &tag], vec![&format!("\"a\", {tag}")]] {
            let (may, must) = asked(&right).await;
            assert!(may.check(b"x").is_ok() && must.expect("a version").0.check(b"x").is_ok(), "{right:?}");
        }
        for wrong in [format!("W/{tag}"), tag.trim_matches('"').to_owned(), String::new()] {
            let (_, must) = asked(&[&wrong]).await;
            assert_eq!(must.expect("a version").0.check(b"x").expect_err("refused").status(), 412, "{wrong}");
        }
        for none in [&[][..], &["*"]] {
            let (may, must) = asked(none).await;
            assert!(may.check(b"x").is_ok(), "any version is meant");
            assert_eq!(must.expect_err("refused").status(), 428, "any version is none");
        }
    }
}
