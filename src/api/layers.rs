//! What surrounds every request: an id, a time limit, a line in the log, and headers that keep browsers from mischief.
//!
//! Never logged: bodies, keys, parameters, and paths that are no routes.

use std::panic::AssertUnwindSafe;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;

use super::auth::{Caller, Peer};
use super::error::ApiError;
use super::hosts;
use super::state::{Access, ApiState};
use crate::domain::time::Timestamp;

/// The id of a request, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The most bytes of an id that a client gives.
const MAX_ID_BYTES: usize = 128;

/// What an answer of JSON must never become in a browser.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Goes around every request, also around those that nothing answers.
pub(super) async fn around(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let asked = Asked::of(&state, &request);
    let response = answer(&state, request, next).await;
    asked.answered(&state, response)
}

/// The same around a request that is refused before it came to any route.
pub(super) async fn outside(state: &ApiState, request: Request, refused: ApiError) -> Response {
    let asked = Asked::of(state, &request);
    let response = match foreign(state, request.headers()) {
        Err(foreign) => foreign.into_response(),
        Ok(()) => refused.into_response(),
    };
    asked.answered(state, response)
}

/// What is told of a request once it is answered.
struct Asked {
    began: Timestamp,
    id: String,
    method: Method,
    route: String,
    peer: Option<String>,
}

impl Asked {
    fn of(state: &ApiState, request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>();
        Self {
            began: state.org.clock().now(),
            id: id_of(request.headers()).unwrap_or_else(|| state.org.entropy().nonce().0),
            method: request.method().clone(),
            route: route.map_or("-".to_owned(), |path| path.as_str().to_owned()),
            peer: request.extensions().get::<Peer>().map(|peer| peer.0.to_string()),
        }
    }

    fn answered(self, state: &ApiState, mut response: Response) -> Response {
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        if let Ok(id) = HeaderValue::from_str(&self.id) {
            headers.insert(REQUEST_ID, id);
        }
        let caller = response.extensions().get::<Caller>().and_then(|caller| caller.key.clone());
        let duration_ms = state.org.clock().now().unix_ms() - self.began.unix_ms();
        tracing::info!(
            event = "request",
            request_id = self.id,
            method = shown(&self.method),
            route = self.route,
            organisation = state.folder,
            status = response.status().as_u16(),
            duration_ms,
            api_key = caller.as_ref().map(tracing::field::display),
            peer = self.peer,
            "a request was answered"
        );
        response
    }
}

/// Refuses names and pages of others, where that matters.
fn foreign(state: &ApiState, headers: &HeaderMap) -> Result<(), ApiError> {
    match state.settings.access {
        Access::Local => hosts::check(headers),
        Access::Keys | Access::Open => Ok(()),
    }
}

async fn answer(state: &ApiState, request: Request, next: Next) -> Response {
    if let Err(refused) = foreign(state, request.headers()) {
        return refused.into_response();
    }
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(state.settings.request_timeout, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!(event = "request_panicked", "a request met a fault of this program");
            ApiError::failed().into_response()
        }
        Err(_) => ApiError::timeout().into_response(),
    }
}

/// The id that a client gave, if it is one.
fn id_of(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'=');
    (!id.is_empty() && id.len() <= MAX_ID_BYTES && id.bytes().all(plain)).then(|| id.to_owned())
}

/// A method that anybody may make up is not repeated.
fn shown(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE | Method::OPTIONS | Method::PATCH => {
            method.as_str()
        }
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_forge_a_log_line_is_not_taken() {
        let id = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_static(text));
            id_of(&headers)
        };
        assert_eq!(
            id("Root=1-67891233-abcdef012345678912345678").as_deref(),
            Some("Root=1-67891233-abcdef012345678912345678")
        );
        for bad in ["", "a b", "a\"b", "{}", "a\tb"] {
            assert_eq!(id(bad), None, "{bad:?}");
        }
        assert_eq!(id_of(&HeaderMap::new()), None);
    }
}
