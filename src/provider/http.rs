//! The HTTP client of all providers: one pool, no redirects. Answers that are read here have a bounded
//! size. `genai` reads its own, whole: those are bounded by the time of a call alone, so that nothing
//! is taken compressed, which could be small on the way and large here.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{NoProxy, Proxy, redirect};
use serde_json::Value;
use url::Url;

use super::secret::Secret;
use super::{CallError, fault};

/// The most bytes of an answer.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// How long a connection may take. The engine limits the whole call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client for as long as an invocation.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
}

impl Http {
    /// Makes the client. Proxies are those of the variables `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
    ///
    /// # Errors
    /// A proxy's address is wrong, or there are no certificates.
    pub(crate) fn new(vars: &BTreeMap<String, String>) -> Result<Self, CallError> {
        Self::made(vars, true)
    }

    /// The same for addresses that begin with `http:` alone: it trusts no certificate, and reads none. Those that a machine
    /// trusts are often more than a hundred files.
    ///
    /// # Errors
    /// A proxy's address is wrong.
    pub(super) fn in_the_clear(vars: &BTreeMap<String, String>) -> Result<Self, CallError> {
        Self::made(vars, false)
    }

    fn made(vars: &BTreeMap<String, String>, mut trusts: bool) -> Result<Self, CallError> {
        let var =
            |name: &str| vars.get(name).or_else(|| vars.get(&name.to_lowercase())).filter(|value| !value.is_empty());
        // A redirect would carry the key to wherever the answer says.
        let mut builder = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("lemming/", env!("CARGO_PKG_VERSION")))
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .no_proxy();
        for name in ["HTTPS_PROXY", "HTTP_PROXY"] {
            if let Some(address) = var(name) {
                trusts |= address.starts_with("https:");
                let proxy = if name == "HTTP_PROXY" { Proxy::http(address) } else { Proxy::https(address) };
                let wrong = |_| CallError::misconfigured(format!("the address in {name} is no address of a proxy"));
                let none = var("NO_PROXY").and_then(|hosts| NoProxy::from_string(hosts));
                builder = builder.proxy(proxy.map_err(wrong)?.no_proxy(none));
            }
        }
        if !trusts {
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| {
            let cause = crate::causes::causes(&error).join(": ");
            CallError::misconfigured(format!("cannot set up HTTPS: {cause}"))
        })?;
        Ok(Self { client })
    }

    /// The client itself, for libraries that send on their own.
    pub(crate) fn client(&self) -> reqwest::Client {
        self.client.clone()
    }

    /// Sends JSON and reads the JSON of the answer.
    ///
    /// # Errors
    /// There is no answer, an error status, or no JSON. No message holds one of `secrets`.
    pub(super) async fn post(
        &self,
        url: Url,
        headers: HeaderMap,
        body: Bytes,
        secrets: &[Secret],
    ) -> Result<(HeaderMap, Value), CallError> {
        let mut request = self.client.post(url).headers(headers);
        request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut response =
            request.body(body).send().await.map_err(|error| fault::of_transport(&error.without_url()))?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let mut read = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| fault::of_transport(&error.without_url()))? {
            if read.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(fault::broken("is longer than 16 MiB"));
            }
            read.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            let text = String::from_utf8_lossy(&read);
            return Err(fault::of_status(status.as_u16(), &headers, &text, secrets));
        }
        let json = serde_json::from_slice(&read).map_err(|_| fault::broken("is not JSON"))?;
        Ok((headers, json))
    }
}
