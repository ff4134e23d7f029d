//! How the chain speaks to STS, SSO, containers and instances: by the one HTTP client that all else uses, so that there
//! is one TLS stack, and one set of certificates.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use bytes::Bytes;
use reqwest::{NoProxy, Proxy, redirect};

/// The longest answer: credentials are short.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// How long it may take to connect, and then to answer, where the chain does not say.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Makes connections as the chain wants them: an instance's address must answer sooner than STS.
#[derive(Debug)]
pub(super) struct Client {
    proxy: Option<(String, Option<String>)>,
    made: Arc<Mutex<BTreeMap<Duration, reqwest::Client>>>,
}

impl Client {
    /// `HTTPS_PROXY` and `NO_PROXY` count. What is plain http is on this machine or beside it, where no proxy is.
    pub(super) fn new(vars: &BTreeMap<String, String>) -> Self {
        let var = |name: &str| {
            let value = vars.get(name).or_else(|| vars.get(&name.to_lowercase()));
            value.filter(|value| !value.is_empty()).cloned()
        };
        Self { proxy: var("HTTPS_PROXY").map(|proxy| (proxy, var("NO_PROXY"))), made: Arc::default() }
    }

    fn client(&self, connect: Duration) -> Result<reqwest::Client, ConnectorError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&connect) {
            return Ok(client.clone());
        }
        let mut builder =
            reqwest::Client::builder().redirect(redirect::Policy::none()).connect_timeout(connect).no_proxy();
        if let Some((address, none)) = &self.proxy {
            let wrong = |_| ConnectorError::user("HTTPS_PROXY is no address of a proxy".into());
            let none = none.as_deref().and_then(NoProxy::from_string);
            builder = builder.proxy(Proxy::https(address).map_err(wrong)?.no_proxy(none));
        }
        let client = builder.build().map_err(|error| ConnectorError::other(error.into(), None))?;
        made.insert(connect, client.clone());
        Ok(client)
    }
}

impl HttpClient for Client {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let connect = settings.connect_timeout().unwrap_or(TIMEOUT);
        let answer = connect + settings.read_timeout().unwrap_or(TIMEOUT);
        SharedHttpConnector::new(Connector { client: self.client(connect), answer })
    }
}

#[derive(Debug)]
struct Connector {
    client: Result<reqwest::Client, ConnectorError>,
    answer: Duration,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = match &self.client {
            Ok(client) => client.clone(),
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.to_string().into()))),
        };
        let answer = self.answer;
        HttpConnectorFuture::new(async move {
            let sent = send(client, request);
            let late = |_| ConnectorError::timeout("no answer in time".into());
            tokio::time::timeout(answer, sent).await.map_err(late)?
        })
    }
}

async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = body.bytes().map(Bytes::copy_from_slice).ok_or_else(|| ConnectorError::user("no body".into()))?;
    let request = reqwest::Request::try_from(http::Request::from_parts(parts, body))
        .map_err(|error| ConnectorError::user(error.into()))?;
    let mut response = client.execute(request).await.map_err(of_transport)?;
    let mut read = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(of_transport)? {
        if read.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(ConnectorError::other("the answer is longer than 1 MiB".into(), None));
        }
        read.extend_from_slice(&chunk);
    }
    let mut answer = http::Response::new(read.into());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

/// Without its address: one may hold a token.
fn of_transport(error: reqwest::Error) -> ConnectorError {
    let error = error.without_url();
    match error.is_timeout() {
        true => ConnectorError::timeout(error.into()),
        false => ConnectorError::io(error.into()),
    }
}
