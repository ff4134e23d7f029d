//! What a client may keep: everything until it has changed, and records of closed ticks for good, for those who say which.
//!
//! Each answer of a reading route has an `ETag`, the hash of its document: who sends it back with `If-None-Match` is told
//! 304 where nothing has changed. An address alone does not say which organisation's tick it is: another one may be served there
//! tomorrow, by another version of this program. So what is made of closed records alone is kept for good where the
//! address has the parameter `v` besides, in which whoever asks puts what identifies it, such as the hash of the closed record.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::error::ApiError;
use crate::domain::ids::Sha;

/// For who asked alone, for good.
const FOREVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// For who asked alone, and asked for each time.
const UNTIL_CHANGED: HeaderValue = HeaderValue::from_static("private, no-cache");

/// That an answer is made of records that nothing changes any more.
#[derive(Debug, Clone, Copy)]
struct Immutable;

/// A document, and whether it is made of records that nothing changes any more.
#[derive(Debug)]
pub(super) struct Told<T> {
    document: T,
    is_immutable: bool,
}

impl<T> Told<T> {
    /// A document as things are now.
    pub(super) fn now(document: T) -> Self {
        Self { document, is_immutable: false }
    }

    /// A document of closed records, if `is_immutable`.
    pub(super) fn of(document: T, is_immutable: bool) -> Self {
        Self { document, is_immutable }
    }
}

impl<T: Serialize> IntoResponse for Told<T> {
    fn into_response(self) -> Response {
        marked(Json(self.document).into_response(), self.is_immutable)
    }
}

/// An answer that is kept for good, if `is_immutable`.
pub(super) fn marked(mut response: Response, is_immutable: bool) -> Response {
    if is_immutable {
        response.extensions_mut().insert(Immutable);
    }
    response
}

/// Goes around every reading route.
pub(super) async fn around(mut request: Request, next: Next) -> Response {
    let is_identified = take_version(&mut request);
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect::<Vec<_>>();
    let response = next.run(request).await;
    if !is_read || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // Whole in memory already: a document is made before it is sent.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else { return ApiError::failed().into_response() };
    let tag = match parts.headers.get(header::ETAG) {
        Some(tag) => tag.clone(),
        None => {
            let tag = format!("\"{}\"", Sha::of(&bytes));
            let Ok(tag) = HeaderValue::from_str(&tag) else { return ApiError::failed().into_response() };
            parts.headers.insert(header::ETAG, tag.clone());
            tag
        }
    };
    let is_for_good = is_identified && parts.extensions.get::<Immutable>().is_some();
    parts.headers.entry(header::CACHE_CONTROL).or_insert(if is_for_good { FOREVER } else { UNTIL_CHANGED });
    // What one key is answered is not for the next.
    parts.headers.append(header::VARY, HeaderValue::from_static("authorization, x-api-key"));
    if known.iter().any(|known| is_among(&tag, known)) {
        parts.status = StatusCode::NOT_MODIFIED;
        forget_body(&mut parts.headers);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Takes the parameter `v` off an address, which is for whoever keeps the answer, and says whether there was one.
fn take_version(request: &mut Request) -> bool {
    let uri = request.uri();
    let Some(query) = uri.query() else { return false };
    let is_version = |part: &&str| part.strip_prefix("v=").is_some_and(|version| !version.is_empty());
    if !query.split('&').any(|part| is_version(&part)) {
        return false;
    }
    let rest: Vec<&str> = query.split('&').filter(|part| !is_version(part)).collect();
    let whole = match rest.is_empty() {
        true => uri.path().to_owned(),
        false => format!("{}?{}", uri.path(), rest.join("&")),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(whole).ok();
    match Uri::from_parts(parts) {
        Ok(uri) => {
            *request.uri_mut() = uri;
            true
        }
        Err(_) => false,
    }
}

/// Says whether a tag is one of those that a client knows. Weakly: what stands between may have compressed the answer.
fn is_among(tag: &HeaderValue, known: &HeaderValue) -> bool {
    let (Ok(tag), Ok(known)) = (tag.to_str(), known.to_str()) else { return false };
    known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// An answer without a body says nothing of one.
fn forget_body(headers: &mut HeaderMap) {
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_DISPOSITION] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_whoever_made_it_weak() {
        let tag = HeaderValue::from_static("\"abc\"");
        for (known, wanted) in [
            ("\"abc\"", true),
            ("W/\"abc\"", true),
            ("\"x\", W/\"abc\"", true),
            ("*", true),
            ("\"ab\"", false),
            ("abc", false),
            ("", false),
        ] {
            assert_eq!(is_among(&tag, &HeaderValue::from_static(known)), wanted, "{known}");
        }
    }
}
