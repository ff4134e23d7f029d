//! What a request brings: a JSON document, or parameters. Bounded, and what is wrong with it is named by its place.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use utoipa::IntoParams;

use super::error::ApiError;
use crate::domain::ingress::MAX_INGRESS_BYTES;

/// The most bytes of a body: nothing that an organisation takes is larger.
pub const MAX_BODY_BYTES: usize = MAX_INGRESS_BYTES;

/// The JSON document in a request's body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Document<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Document<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Whole(_, bytes) = Whole::from_request(request, state).await?;
        parse(&bytes).map(Self)
    }
}

/// A request whose body says that it is JSON, read within its limit, for whoever reads it in his own way.
#[derive(Debug)]
pub(super) struct Whole(pub(super) Parts, pub(super) Vec<u8>);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(ApiError::not_json());
        }
        let bytes = read(&parts.headers, body).await?;
        Ok(Self(parts, bytes))
    }
}

/// The parameters of a request: what stands in its address after the question mark.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(error) => Err(wrong(&error)),
        }
    }
}

fn wrong(error: &QueryRejection) -> ApiError {
    let text = error.body_text();
    let why = text.rsplit_once("query string: ").map_or(text.as_str(), |(_, why)| why);
    ApiError::usage(format!("a parameter is wrong: {why}"))
}

/// Parameters of two sorts in one address: those of a route, and those that many routes have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Both<A, B>(pub(super) A, pub(super) B);

/// Parameters that know their names, so that each sort takes its own and what none takes is refused.
pub(super) trait Asked: Sized {
    /// Adds their names.
    fn names(names: &mut Vec<String>);

    /// Reads them from an address.
    ///
    /// # Errors
    /// One is not what it should be.
    fn read(uri: &Uri) -> Result<Self, ApiError>;
}

impl<T: DeserializeOwned + IntoParams> Asked for T {
    fn names(names: &mut Vec<String>) {
        names.extend(T::into_params(|| None).into_iter().map(|parameter| parameter.name));
    }

    fn read(uri: &Uri) -> Result<Self, ApiError> {
        let mut known = Vec::new();
        Self::names(&mut known);
        let own = pairs(uri).filter(|pair| known.iter().any(|name| name == name_of(pair)));
        let own = own.collect::<Vec<_>>().join("&");
        let own = Uri::try_from(format!("/?{own}"))
            .map_err(|_| ApiError::usage("the parameters are no part of an address"))?;
        match Query::try_from_uri(&own) {
            Ok(Query(parameters)) => Ok(parameters),
            Err(error) => Err(wrong(&error)),
        }
    }
}

impl<A: Asked, B: Asked> Asked for Both<A, B> {
    fn names(names: &mut Vec<String>) {
        A::names(names);
        B::names(names);
    }

    fn read(uri: &Uri) -> Result<Self, ApiError> {
        Ok(Self(A::read(uri)?, B::read(uri)?))
    }
}

impl<A: Asked, B: Asked, S: Send + Sync> FromRequestParts<S> for Both<A, B> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut known = Vec::new();
        Self::names(&mut known);
        match pairs(&parts.uri).find(|pair| known.iter().all(|name| name != name_of(pair))) {
            None => Self::read(&parts.uri),
            Some(pair) => {
                let said = ApiError::usage(format!("there is no parameter {:?} here", name_of(pair)));
                Err(said.hint(format!("the parameters are {}", known.join(", "))))
            }
        }
    }
}

fn pairs(uri: &Uri) -> impl Iterator<Item = &str> {
    uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty())
}

fn name_of(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(name, _)| name)
}

/// What a path names, in the order of the path.
#[derive(Debug, Clone)]
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(path) => Ok(Self(path.0)),
            // Ours to explain: what was sent is no number, or no text.
            Err(error) => {
                let text = error.body_text();
                let why = text.rsplit_once("URL: ").map_or(text.as_str(), |(_, why)| why);
                Err(ApiError::usage(format!("the path is wrong: {why}")))
            }
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// A body, up to the limit.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, ApiError> {
    let too_large = || ApiError::too_large(format!("the body must have at most {MAX_BODY_BYTES} bytes"));
    let said = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if said.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(said.unwrap_or(0));
    let mut body = body.into_data_stream();
    while let Some(part) = body.next().await {
        let part = part.map_err(|_| ApiError::usage("the body broke off"))?;
        if bytes.len() + part.len() > MAX_BODY_BYTES {
            return Err(too_large());
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // A list would be taken for the fields in the order of our source.
    if bytes.trim_ascii_start().first().is_some_and(|first| b"[\"-0123456789tfn".contains(first)) {
        return Err(ApiError::usage("the body must be a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let document = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let inner = error.inner();
        match inner.is_data() {
            // Where it stands is said by the pointer, not by a line of what a program wrote.
            true => ApiError::usage(without_place(&inner.to_string())).at(pointer(error.path())),
            false => ApiError::usage(format!("the body is no JSON: {inner}")),
        }
    })?;
    reader.end().map_err(|error| ApiError::usage(format!("the body is no JSON: {error}")))?;
    Ok(document)
}

fn without_place(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(message, _)| message)
}

fn pointer(path: &Path) -> String {
    let parts = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use serde::Deserialize;
    use serde_json::{Value, json};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(rename = "a/b")]
        _names: Vec<u8>,
    }

    #[test]
    fn a_document_is_an_object_and_nothing_else() {
        for text in [r#"[[1]]"#, " [1]", "null", "7", r#""x""#, "true"] {
            let error = parse::<Sample>(text.as_bytes()).expect_err(text).document().to_string();
            assert!(error.contains("must be a JSON object"), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_document_is_named_by_its_place() {
        for (text, pointer, message) in [
            (r#"{"a/b": [1, "x"]}"#, "/a~1b/1", "invalid type"),
            (r#"{"a/b": [], "c": 1}"#, "/c", "unknown field"),
            ("{}", "", "missing field"),
            ("{", "", "the body is no JSON"),
            (r#"{"a/b": []} x"#, "", "the body is no JSON"),
            ("", "", "the body is no JSON"),
        ] {
            let error = parse::<Sample>(text.as_bytes()).expect_err(text);
            let shown = format!("{error:?}");
            assert!(shown.contains(message), "{text}: {shown}");
            let found = shown.split_once("pointer: ").map(|(_, rest)| rest).unwrap_or_default();
            let wanted = if pointer.is_empty() { "None".to_owned() } else { format!("Some({pointer:?})") };
            assert!(found.starts_with(&wanted), "{text}: {shown}");
        }
    }

    #[test]
    fn only_json_is_json() {
        for (kind, wanted) in [
            (Some("application/json"), true),
            (Some("Application/JSON; charset=utf-8"), true),
            (Some("text/plain"), false),
            (Some("application/x-www-form-urlencoded"), false),
            (Some("application/jsonp"), false),
            (None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(kind.map(|kind| (header::CONTENT_TYPE, HeaderValue::from_static(kind))));
            assert_eq!(is_json(&headers), wanted, "{kind:?}");
        }
    }

    #[tokio::test]
    async fn a_body_is_not_read_past_its_limit_whatever_its_length_says() {
        let body = |bytes: usize| Body::from(vec![b' '; bytes]);
        let none = HeaderMap::new();
        assert_eq!(read(&none, body(MAX_BODY_BYTES)).await.expect("body").len(), MAX_BODY_BYTES);
        assert_eq!(read(&none, body(MAX_BODY_BYTES + 1)).await.expect_err("too large").status(), 413);
        let mut lying = HeaderMap::new();
        lying.insert(header::CONTENT_LENGTH, HeaderValue::from(MAX_BODY_BYTES + 1));
        assert_eq!(read(&lying, body(0)).await.expect_err("too large").status(), 413);
        assert_eq!(parse::<Value>(br#"{"a": 1}"#).expect("json"), json!({"a": 1}));
    }
}
