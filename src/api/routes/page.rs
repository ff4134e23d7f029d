//! `/` and what belongs to it: the dashboard's files, as they are in this program.
//!
//! They say nothing of any organisation, and need no key: what the page shows it asks the API for, as anybody does.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::api::error::ApiError;
use crate::ui;

/// What the page may do: load its own modules, styles and images, and ask this server. No script or style stands in it, nothing is
/// evaluated, nobody frames it, and no text becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
     connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What else a browser is told of them.
const HEADERS: [(HeaderName, &str); 3] = [
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    // Asked for each time and sent when it has changed: the next version of the program has other files of these names.
    (header::CACHE_CONTROL, "no-cache"),
];

/// The page, one of its files, or nothing.
pub(in crate::api) async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = match uri.path() {
        "/" => "index.html",
        path => path.strip_prefix('/').unwrap_or(path),
    };
    match ui::file(path).filter(|_| matches!(method, Method::GET | Method::HEAD)) {
        Some(file) => answer(file, &headers),
        None => ApiError::not_found().into_response(),
    }
}

/// `GET /api/docs`: the reference page of the API, which shows `/api/openapi.json`.
pub(in crate::api) async fn docs(headers: HeaderMap) -> Response {
    match ui::file("docs.html") {
        Some(file) => answer(file, &headers),
        None => ApiError::not_found().into_response(),
    }
}

fn answer(file: ui::File, asked: &HeaderMap) -> Response {
    let known = asked.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    let is_known = known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == file.etag);
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, file.content_type)], file.bytes).into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.extend(HeaderValue::from_str(&file.etag).ok().map(|tag| (header::ETAG, tag)));
    response
}
