//! Pages of other origins that may ask: those that a server was told of, by exact name, and by default none.
//!
//! A browser asks first (a preflight) before such a page sends a key or JSON, and lets the page read an answer only where
//! that says so. Refuses `*`: whoever answers to everybody's pages answers to those that an attacker has somebody open.
//! There are no cookies, so that credentials of a browser are never allowed.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use url::Url;

/// What such a page may do.
const METHODS: &str = "GET, HEAD, POST, PUT, DELETE";

/// What it may send along.
const TAKEN: &str =
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-API-Key, X-Request-Id";

/// What of an answer it may see, besides what every page may.
const SHOWN: &str = "ETag, Location, Retry-After, X-Request-Id";

/// So long a browser need not ask again, in seconds.
const MAX_AGE_S: &str = "600";

/// One origin: `https://desk.example`, as browsers send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// A text that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must be an origin, such as https://desk.example or http://localhost:5173: scheme, host and port, and nothing after it"
)]
pub struct OriginError;

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let url = Url::parse(text).map_err(|_| OriginError)?;
        let origin = url.origin().ascii_serialization();
        // What a browser would send, and not something that only looks like it, nor a pattern that would never match.
        let is_whole = !text.contains('*') && text.strip_suffix('/').unwrap_or(text).eq_ignore_ascii_case(&origin);
        match matches!(url.scheme(), "http" | "https") && is_whole {
            true => Ok(Self(origin)),
            false => Err(OriginError),
        }
    }
}

/// The origins whose pages may ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Arc<[Origin]>);

impl FromIterator<Origin> for Origins {
    fn from_iter<I: IntoIterator<Item = Origin>>(origins: I) -> Self {
        Self(origins.into_iter().collect())
    }
}

impl Origins {
    pub(super) fn has(&self, origin: &str) -> bool {
        self.0.iter().any(|known| known.0 == origin)
    }

    /// The origin of the page that asks, if it is one of these.
    pub(super) fn of(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        headers.get(header::ORIGIN).filter(|origin| origin.to_str().is_ok_and(|origin| self.has(origin))).cloned()
    }

    /// Lets a page of these read an answer; of all others a browser keeps it.
    pub(super) fn let_read(&self, origin: Option<HeaderValue>, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        // Whatever keeps answers must not give one page's to another.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(SHOWN));
        }
    }

    /// The answer to a browser that asks on behalf of a page of these whether it may.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        let headers = request.headers();
        let is_question =
            request.method() == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !is_question || self.of(headers).is_none() {
            return None;
        }
        let leave: [(HeaderName, &str); 3] = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, TAKEN),
            (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_S),
        ];
        Some((StatusCode::NO_CONTENT, leave).into_response())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_one_as_browsers_send_it_and_never_a_pattern() {
        for (text, wanted) in [
            ("https://desk.example", Some("https://desk.example")),
            ("https://Desk.Example/", Some("https://desk.example")),
            ("http://localhost:5173", Some("http://localhost:5173")),
            ("http://[::1]:8080", Some("http://[::1]:8080")),
            ("*", None),
            ("null", None),
            ("https://*.example", None),
            ("desk.example", None),
            ("https://desk.example/app", None),
            ("https://desk.example?x", None),
            ("https://user@desk.example", None),
            ("file:///etc", None),
            ("ftp://desk.example", None),
            ("", None),
        ] {
            let origin = text.parse::<Origin>().ok();
            assert_eq!(origin.as_ref().map(|origin| origin.0.as_str()), wanted, "{text}");
        }
    }
}
