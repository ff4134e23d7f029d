//! A server at an address, by streamable HTTP: the owner's address, so private networks are allowed; no redirect is
//! followed, no proxy of the environment is asked, and no request is sent a second time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::SseRetryPolicy;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use url::Url;

use super::client::MAX_MESSAGE_BYTES;
use crate::causes::causes;
use crate::config::Environment;
use crate::connect::secrets::{self, Secrets};
use crate::domain::toolbox::McpServer;
use crate::tool::limits::CONNECT_TIME;

/// How much of what a server says of a failure is read.
const MAX_ERROR_BYTES: usize = 2 << 10;

/// How often a stream that broke off is asked for its rest. That sends no call again: by the protocol a rest is asked for
/// by the id of the last event.
const MAX_RESUMED: usize = 3;

/// How a server that lets go of a stream before it has answered is asked for the rest.
#[derive(Debug)]
struct Rest;

impl SseRetryPolicy for Rest {
    fn retry(&self, times: usize) -> Option<Duration> {
        (times < MAX_RESUMED).then_some(Duration::from_millis(250))
    }
}

/// The way to a server at this address. Sends nothing.
pub(super) fn transport(
    url: &str,
    server: &McpServer,
    environment: &Environment,
    secrets: &mut Secrets,
) -> Result<StreamableHttpClientTransport<Client>, String> {
    let url = address(url, server)?;
    let mut headers = HashMap::new();
    for (name, value) in &server.headers {
        let wrong = |why: &str| format!("/headers/{name}: {why}");
        let value = secrets.resolve(value, environment).map_err(|error| wrong(&error))?;
        let key = HeaderName::try_from(name.as_str()).map_err(|_| wrong("no header can have this name"))?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| wrong("no header can hold this value"))?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    let client = Client::builder()
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIME)
        .user_agent(concat!("lemming/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| causes(&error).join(": "))?;
    let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
        .custom_headers(headers)
        .max_sse_event_size(MAX_MESSAGE_BYTES)
        .max_json_response_size(MAX_MESSAGE_BYTES)
        .max_error_response_size(MAX_ERROR_BYTES)
        // It would send the call again.
        .reinit_on_expired_session(false);
    config.retry_config = Arc::new(Rest);
    Ok(StreamableHttpClientTransport::with_client(client, config))
}

/// The address, if a secret may be sent there.
pub(super) fn address(url: &str, server: &McpServer) -> Result<Url, String> {
    let url = Url::parse(url).map_err(|error| format!("/url: no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("/url: must begin with http:// or https:// and name a host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("/url: must name no user: a key goes into /headers, by a reference".to_owned());
    }
    let has_secret = server.headers.values().any(|value| secrets::reference(value).is_some());
    if has_secret && !secrets::may_travel_to(&url) {
        return Err("/url: is http on another machine: the secrets of /headers would travel in the clear".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_travels_to_this_machine_or_encrypted() {
        let with: McpServer = serde_json::from_value(json!({"headers": {"a": "Bearer env:KEY"}})).expect("a server");
        let without = McpServer::default();
        for (url, may, may_without) in [
            ("https://a.example/mcp", true, true),
            ("http://127.0.0.1:1/mcp", true, true),
            ("http://[::1]:1/mcp", true, true),
            ("http://localhost/mcp", true, true),
            ("http://a.example/mcp", false, true),
            ("http://10.0.0.1/mcp", false, true),
            ("ftp://a.example/", false, false),
            ("https://u:p@a.example/", false, false),
            ("a.example", false, false),
        ] {
            assert_eq!((address(url, &with).is_ok(), address(url, &without).is_ok()), (may, may_without), "{url}");
        }
    }
}
