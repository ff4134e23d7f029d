//! Versions of files that people write: an `ETag` is the hash of the bytes, and `If-Match` says which one is meant.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};

use super::error::ApiError;
use crate::domain::ids::Sha;

/// The version of a file: the SHA-256 of its bytes, in quotes.
pub(super) fn etag(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{}\"", Sha::of(bytes))).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The versions that may be replaced, if the request names any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IfMatch(Option<Vec<String>>);

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

    /// The same, where a request must say which version it means.
    ///
    /// # Errors
    /// It does not say, or it is another one.
    pub(super) fn must(&self, there: &[u8]) -> Result<(), ApiError> {
        match &self.0 {
            // Any version is none.
            Some(named) if !named.iter().any(|named| named == "*") => self.check(there),
            _ => Err(ApiError::needs_version()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_that_is_there_matches() {
        let tag = etag(b"x").to_str().expect("text").to_owned();
        let named = |tags: &[&str]| IfMatch(Some(tags.iter().map(|tag| (*tag).to_owned()).collect()));
        assert!(named(&[&tag]).must(b"x").is_ok() && named(&["\"a\"", &tag]).must(b"x").is_ok());
        assert!(named(&["*"]).check(b"x").is_ok());
        assert_eq!(named(&["*"]).must(b"x").expect_err("refused").status(), 428, "any version is none");
        for wrong in [format!("W/{tag}"), tag.trim_matches('"').to_owned(), String::new()] {
            assert_eq!(named(&[&wrong]).must(b"x").expect_err("refused").status(), 412, "{wrong}");
        }
        assert_eq!(named(&[]).must(b"x").expect_err("refused").status(), 412);
        assert_eq!(IfMatch(None).must(b"x").expect_err("refused").status(), 428);
        assert!(IfMatch(None).check(b"x").is_ok());
    }
}
