//! The API behind a Lambda function: the events of function URLs and API gateways as requests, and answers as theirs.
//!
//! Three of them, of two shapes: a function URL and an HTTP API send payload 2.0, a REST API sends 1.0. Whatever
//! they send becomes a request or an answer that says why not; nothing in an event makes an invocation fail, because the
//! gateway would make a 502 of that.

use std::collections::BTreeSet;
use std::net::IpAddr;

use aws_lambda_events::apigw::{
    ApiGatewayProxyRequest, ApiGatewayProxyResponse, ApiGatewayV2httpRequest, ApiGatewayV2httpResponse,
};
use aws_lambda_events::encodings::{Base64Data, Body as Content};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use url::form_urlencoded;

use super::auth::Peer;
use super::error::ApiError;

/// The most bytes that a function may answer with.
const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// The id of a request, which the router would make up otherwise.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The shape of an event, and of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    /// 1.0: a REST API.
    Rest,
    /// 2.0: a function URL, or an HTTP API.
    Http,
}

fn payload(event: &Value) -> Option<Payload> {
    let context = event.get("requestContext")?.as_object()?;
    if context.get("http").is_some_and(Value::is_object) {
        return Some(Payload::Http);
    }
    // Load balancers send something like it, and want another answer; sockets have no method.
    let is_rest = event.get("httpMethod").is_some_and(Value::is_string) && !context.contains_key("elb");
    is_rest.then_some(Payload::Rest)
}

/// Says whether an event is a request of HTTP, for [`answer`].
#[must_use]
pub fn is_http(event: &Value) -> bool {
    payload(event).is_some()
}

/// Answers a request of HTTP in the shape that its sender wants. `request_id` is the invocation's: it is in the log and in the
/// answer, unless the client gave one.
pub async fn answer(event: Value, router: &Router, request_id: &str) -> Value {
    let payload = payload(&event).unwrap_or(Payload::Http);
    let request = match payload {
        Payload::Rest => rest(event),
        Payload::Http => http(event),
    };
    let response = match request {
        Ok(mut request) => {
            if let Ok(id) = HeaderValue::from_str(request_id) {
                request.headers_mut().entry(REQUEST_ID).or_insert(id);
            }
            router.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
        }
        Err(refused) => refused.into_response(),
    };
    let response = whole(response).await;
    match payload {
        Payload::Rest => to_rest(response),
        Payload::Http => to_http(response),
    }
}

/// An answer with all of its body, unless it is more than a function may give.
async fn whole(response: Response) -> Response<Vec<u8>> {
    let (parts, body) = response.into_parts();
    match to_bytes(body, MAX_ANSWER_BYTES).await {
        Ok(body) => Response::from_parts(parts, body.to_vec()),
        Err(_) => {
            tracing::error!(
                event = "answer_too_large",
                max_bytes = MAX_ANSWER_BYTES,
                "an answer is too large for a function"
            );
            let failed = ApiError::failed();
            let mut response = Response::new(failed.document().to_string().into_bytes());
            *response.status_mut() = failed.status();
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
    }
}

/// Payload 2.0.
fn http(event: Value) -> Result<Request<Body>, ApiError> {
    let event: ApiGatewayV2httpRequest = serde_json::from_value(event).map_err(unreadable)?;
    let context = event.request_context;
    let uri = uri(
        context.stage.as_deref(),
        event.raw_path.as_deref().unwrap_or_default(),
        event.raw_query_string.as_deref().unwrap_or_default(),
    )?;
    let mut headers = event.headers;
    if let Some(cookies) = event.cookies.and_then(|cookies| HeaderValue::from_str(&cookies.join("; ")).ok()) {
        headers.insert(header::COOKIE, cookies);
    }
    let body = content(event.body, event.is_base64_encoded)?;
    Ok(request(context.http.method, uri, headers, context.http.source_ip.as_deref(), body))
}

/// Payload 1.0.
fn rest(event: Value) -> Result<Request<Body>, ApiError> {
    let query = query(&event);
    let event: ApiGatewayProxyRequest = serde_json::from_value(event).map_err(unreadable)?;
    let context = event.request_context;
    let uri = uri(context.stage.as_deref(), event.path.as_deref().unwrap_or_default(), &query)?;
    let headers = if event.multi_value_headers.is_empty() { event.headers } else { event.multi_value_headers };
    let body = content(event.body, event.is_base64_encoded)?;
    Ok(request(event.http_method, uri, headers, context.identity.source_ip.as_deref(), body))
}

/// The parameters of payload 1.0, which come decoded: the lists where there are any, for they hold all.
fn query(event: &Value) -> String {
    let fields = |name: &str| event.get(name).and_then(Value::as_object).filter(|fields| !fields.is_empty());
    let fields = fields("multiValueQueryStringParameters").or_else(|| fields("queryStringParameters"));
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, values) in fields.into_iter().flatten() {
        let values = values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice);
        query.extend_pairs(values.iter().filter_map(|value| Some((name, value.as_str()?))));
    }
    query.finish()
}

fn unreadable(error: serde_json::Error) -> ApiError {
    // Not what it says: it may repeat the request.
    tracing::warn!(event = "event_unreadable", category = ?error.classify(), "a gateway sent what is no request");
    ApiError::usage("the gateway sent what is no request of HTTP")
}

fn request(method: Method, uri: Uri, headers: HeaderMap, peer: Option<&str>, body: Vec<u8>) -> Request<Body> {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    if let Some(peer) = peer.and_then(|peer| peer.parse::<IpAddr>().ok()) {
        request.extensions_mut().insert(Peer(peer));
    }
    request
}

fn content(body: Option<String>, is_base64: bool) -> Result<Vec<u8>, ApiError> {
    match body {
        None => Ok(Vec::new()),
        Some(text) if !is_base64 => Ok(text.into_bytes()),
        Some(text) => match serde_json::from_value::<Base64Data>(Value::String(text)) {
            Ok(data) => Ok(data.0),
            Err(_) => Err(ApiError::usage("the gateway sent a body that is not base64")),
        },
    }
}

/// The address that was asked for. A stage stands before the path where clients have to name it; the router knows none.
fn uri(stage: Option<&str>, path: &str, query: &str) -> Result<Uri, ApiError> {
    let stage = stage.filter(|stage| !stage.is_empty() && *stage != "$default");
    let path = stage
        .and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage))
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        .unwrap_or(path);
    let mut address = String::with_capacity(path.len() + query.len() + 2);
    if !path.starts_with('/') {
        address.push('/');
    }
    escape(path, &mut address);
    if !query.is_empty() {
        address.push('?');
        // A query has all that a path has, and `?` besides.
        escape(query, &mut address);
    }
    address.parse().map_err(|_| ApiError::usage("the address is too long"))
}

/// Gateways decode paths, or leave them: what may not stand in an address is encoded, and what is encoded stays so.
fn escape(text: &str, address: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'!' | b'$'..=b';' | b'=' | b'@'..=b'Z' | b'_' | b'a'..=b'z' | b'~' => address.push(char::from(byte)),
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
}

fn to_http(response: Response<Vec<u8>>) -> Value {
    let (parts, body) = response.into_parts();
    let (body, is_base64_encoded) = said(body);
    let mut headers = joined(&parts.headers);
    let cookies = parts.headers.get_all(header::SET_COOKIE).iter();
    let cookies = cookies.filter_map(|cookie| Some(cookie.to_str().ok()?.to_owned())).collect();
    headers.remove(header::SET_COOKIE);
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = parts.status.as_u16().into();
    answer.headers = headers;
    answer.cookies = cookies;
    answer.body = Some(body);
    answer.is_base64_encoded = is_base64_encoded;
    json!(answer)
}

fn to_rest(response: Response<Vec<u8>>) -> Value {
    let (parts, body) = response.into_parts();
    let (body, is_base64_encoded) = said(body);
    let mut answer = ApiGatewayProxyResponse::default();
    answer.status_code = parts.status.as_u16().into();
    answer.multi_value_headers = readable(&parts.headers);
    answer.body = Some(body);
    answer.is_base64_encoded = is_base64_encoded;
    json!(answer)
}

/// Text as it is, anything else as base64.
fn said(body: Vec<u8>) -> (Content, bool) {
    match String::from_utf8(body) {
        Ok(text) => (Content::Text(text), false),
        Err(error) => (Content::Binary(error.into_bytes()), true),
    }
}

/// The headers that JSON can hold.
fn readable(headers: &HeaderMap) -> HeaderMap {
    let texts = headers.iter().filter(|(_, value)| value.to_str().is_ok());
    let mut readable = HeaderMap::new();
    for (name, value) in texts {
        readable.append(name, value.clone());
    }
    readable
}

/// The same, each name once: payload 2.0 has no room for more.
fn joined(headers: &HeaderMap) -> HeaderMap {
    let readable = readable(headers);
    let names: BTreeSet<&str> = readable.keys().map(HeaderName::as_str).collect();
    let mut joined = HeaderMap::new();
    for name in names {
        let values: Vec<&str> = readable.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), values.join(", ").parse::<HeaderValue>()) {
            joined.insert(name, value);
        }
    }
    joined
}
