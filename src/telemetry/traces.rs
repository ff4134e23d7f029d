//! Where traces go: by OTLP over HTTP, as the variables of OpenTelemetry say; nowhere, if they do not.
//!
//! A collector that does not answer keeps nobody waiting for longer than [`Traces::flush`] says, and is complained of once.
//! Source: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/> and
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider};
use reqwest::redirect;
use tokio::runtime::Handle;
use tokio::time::timeout;
use url::Url;

use crate::causes::causes;
use crate::config::Environment;
use crate::connect::secrets::may_travel_to;
use crate::version;

/// How long an end waits for a collector.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// How long one request may take, where nobody says.
const TIMEOUT: Duration = Duration::from_secs(10);

/// No more of an answer is read: nothing in it is needed.
const MOST_ANSWER: usize = 64 << 10;

/// What is wrong with the variables.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// A variable holds what cannot be used.
    #[error("{name}: {message}; no traces are sent")]
    Variable {
        /// Its name.
        name: &'static str,
        /// What is wrong; without the value, which may hold a secret.
        message: &'static str,
    },
    /// There is no client, for want of certificates.
    #[error("cannot set up HTTPS; no traces are sent")]
    Client(#[source] reqwest::Error),
    /// The exporter cannot be made of these variables.
    #[error(
        "the variables of OpenTelemetry ask for what is not there (it speaks http/protobuf, uncompressed); no traces are sent"
    )]
    Exporter,
}

/// What delivers traces.
#[derive(Debug, Clone)]
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// What delivers traces as these variables say; `None`: they ask for none. Must be called within a runtime, which sends
    /// the requests.
    ///
    /// # Errors
    /// A person has to mend a variable. Everything works without traces.
    pub fn of(environment: &Environment) -> Result<Option<Self>, TracesError> {
        let is_off = environment.var("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if is_off || environment.var("OTEL_TRACES_EXPORTER").is_some_and(|value| value != "otlp") {
            return Ok(None);
        }
        let Some((name, endpoint)) = endpoint(environment) else { return Ok(None) };
        let wrong = |message| TracesError::Variable { name, message };
        let url = Url::parse(&endpoint).map_err(|_| wrong("it is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("it must begin with http:// or https://"));
        }
        let headers = headers(environment)?;
        if !headers.is_empty() && !may_travel_to(&url) {
            let message = "headers hold secrets, and go to https:// or to this machine only";
            return Err(TracesError::Variable { name: "OTEL_EXPORTER_OTLP_HEADERS", message });
        }
        for name in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
            if environment.var(name).is_some_and(|protocol| protocol != "http/protobuf") {
                return Err(TracesError::Variable { name, message: "http/protobuf is all that is spoken" });
            }
        }
        let client = reqwest::Client::builder()
            // A redirect would carry the headers to wherever the answer says.
            .redirect(redirect::Policy::none())
            .connect_timeout(TIMEOUT)
            .user_agent(concat!("lemming/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .build()
            .map_err(TracesError::Client)?;
        let limit = limit(environment);
        let collector =
            Collector { client, runtime: Handle::current(), limit, has_failed: Arc::new(AtomicBool::new(false)) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_endpoint(endpoint)
            .with_headers(headers)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(limit)
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(|_| TracesError::Exporter)?;
        // Traces of a tick that is over are delivered soon, though a loop goes on for ever.
        let batches = BatchConfigBuilder::default().with_scheduled_delay(Duration::from_secs(2)).build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .with_sampler(sampler(environment)?)
            .with_resource(resource(environment)?)
            .build();
        Ok(Some(Self { provider }))
    }

    pub(super) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("lemming")
    }

    /// Has everything delivered that ended so far, or gives up after `limit`, which is no error: what is late is tried again
    /// as long as the process lives.
    pub async fn flush(&self, limit: Duration) {
        let provider = self.provider.clone();
        // It blocks. Whatever comes of it was said by the client.
        let _ = timeout(limit, tokio::task::spawn_blocking(move || provider.force_flush())).await;
    }

    /// Has everything delivered, or gives up after [`PATIENCE`]: the process ends.
    pub async fn end(self) {
        let _ =
            timeout(PATIENCE, tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(PATIENCE))).await;
    }
}

/// Sends what the exporter made with the client of all else.
#[derive(Debug)]
struct Collector {
    client: reqwest::Client,
    /// The exporter has a thread of its own, without a runtime.
    runtime: Handle,
    limit: Duration,
    has_failed: Arc<AtomicBool>,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let (client, limit, has_failed) = (self.client.clone(), self.limit, Arc::clone(&self.has_failed));
        let sent = self.runtime.spawn(async move {
            let sent = send(&client, request, limit).await;
            let why = match &sent {
                Ok(answer) if answer.status().is_success() => None,
                Ok(answer) => Some(format!("it answers {}", answer.status().as_u16())),
                Err(error) => Some(error.to_string()),
            };
            // Once, until it works again.
            if has_failed.swap(why.is_some(), Ordering::Relaxed) != why.is_some()
                && let Some(error) = why
            {
                tracing::warn!(
                    event = "traces_not_delivered",
                    error,
                    "the collector takes no traces; ticks go on without"
                );
            }
            sent
        });
        sent.await.map_err(|_| "the process ends")?
    }
}

async fn send(
    client: &reqwest::Client,
    request: http::Request<Bytes>,
    limit: Duration,
) -> Result<http::Response<Bytes>, HttpError> {
    // Without its address, which may hold a key.
    let told = |error: reqwest::Error| HttpError::from(causes(&error.without_url()).join(": "));
    let request = reqwest::Request::try_from(request).map_err(told)?;
    let exchange = async {
        let mut answer = client.execute(request).await.map_err(told)?;
        let mut body = Vec::new();
        while body.len() < MOST_ANSWER
            && let Some(part) = answer.chunk().await.map_err(told)?
        {
            body.extend_from_slice(&part);
        }
        let mut response = http::Response::new(Bytes::from(body));
        *response.status_mut() = answer.status();
        Ok(response)
    };
    timeout(limit, exchange).await.map_err(|_| format!("no answer within {limit:?}"))?
}

/// The address that traces go to, and the variable that says so.
fn endpoint(environment: &Environment) -> Option<(&'static str, String)> {
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let traces = environment.var(TRACES).map(|endpoint| (TRACES, endpoint.to_owned()));
    traces.or_else(|| Some((ALL, format!("{}/v1/traces", environment.var(ALL)?.trim_end_matches('/')))))
}

fn limit(environment: &Environment) -> Duration {
    let said = environment.var("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT").or(environment.var("OTEL_EXPORTER_OTLP_TIMEOUT"));
    said.and_then(|ms| ms.parse().ok()).map_or(TIMEOUT, Duration::from_millis)
}

/// The headers of each request, which as a rule hold a key.
fn headers(environment: &Environment) -> Result<HashMap<String, String>, TracesError> {
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
    const ALL: &str = "OTEL_EXPORTER_OTLP_HEADERS";
    let name = if environment.var(TRACES).is_some() { TRACES } else { ALL };
    Ok(pairs(environment, name)?.into_iter().collect())
}

fn resource(environment: &Environment) -> Result<Resource, TracesError> {
    let said = pairs(environment, "OTEL_RESOURCE_ATTRIBUTES")?;
    let attributes = said.into_iter().map(|(name, value)| KeyValue::new(name, value));
    let mut resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_service_name("lemming")
        .with_attribute(KeyValue::new("service.version", version::SHORT))
        .with_attributes(attributes);
    if let Some(name) = environment.var("OTEL_SERVICE_NAME") {
        resource = resource.with_service_name(name.to_owned());
    }
    Ok(resource.build())
}

/// A list such as `name=value,other=value`, whose values are percent-encoded.
fn pairs(environment: &Environment, name: &'static str) -> Result<Vec<(String, String)>, TracesError> {
    let list = environment.var(name).unwrap_or_default();
    let pair = |part: &str| {
        let (name, value) = part.split_once('=')?;
        Some((decoded(name.trim())?, decoded(value.trim())?)).filter(|(name, _)| !name.is_empty())
    };
    let parts = list.split(',').map(str::trim).filter(|part| !part.is_empty());
    let message = "it must be a list such as name=value,other=value, its values percent-encoded";
    parts.map(|part| pair(part).ok_or(TracesError::Variable { name, message })).collect()
}

/// A text whose bytes may be written as `%20`; `None`: a percent sign stands for no byte, or the bytes are no text.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        // `from_str_radix` takes a sign, too.
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

fn sampler(environment: &Environment) -> Result<Sampler, TracesError> {
    const NAME: &str = "OTEL_TRACES_SAMPLER";
    const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";
    let ratio = || {
        let message = "it must be a number from 0 to 1";
        let ratio = environment.var(RATIO).map_or(Some(1.0), |ratio| ratio.parse::<f64>().ok());
        ratio.filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or(TracesError::Variable { name: RATIO, message })
    };
    let with_parent = |root| Sampler::ParentBased(Box::new(root));
    Ok(match environment.var(NAME).unwrap_or("parentbased_always_on") {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => Sampler::TraceIdRatioBased(ratio()?),
        "parentbased_always_on" => with_parent(Sampler::AlwaysOn),
        "parentbased_always_off" => with_parent(Sampler::AlwaysOff),
        "parentbased_traceidratio" => with_parent(Sampler::TraceIdRatioBased(ratio()?)),
        _ => {
            let message = "it must be always_on, always_off or traceidratio, or one of them after parentbased_";
            return Err(TracesError::Variable { name: NAME, message });
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use opentelemetry::trace::{Span as _, Tracer as _};

    use super::*;

    fn environment(vars: &[(&str, &str)]) -> Environment {
        Environment::new(["lemming"], vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn to(listener: &TcpListener) -> Traces {
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let vars = environment(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
        let traces = Traces::of(&vars).expect("good variables").expect("an endpoint");
        traces.tracer().start("a span that is over").end();
        traces
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_flushed_has_been_delivered() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let traces = to(&listener);
        let collector = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let (mut got, mut part) = (Vec::new(), [0; 4096]);
            while !got.windows(19).any(|bytes| bytes == b"a span that is over") {
                let length = stream.read(&mut part).expect("a request");
                assert!(length > 0, "the request ends early");
                got.extend_from_slice(&part[..length]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("answered");
        });
        traces.flush(Duration::from_secs(60)).await;
        collector.join().expect("all of it has come");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_collector_that_says_nothing_is_left() {
        // It is heard, and never answered.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let traces = to(&listener);
        traces.flush(Duration::from_millis(10)).await;
        drop(listener);
        traces.end().await;
    }

    const HERE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");

    #[tokio::test]
    async fn nothing_is_sent_unless_a_variable_says_where_to() {
        for vars in [
            vec![],
            vec![("OTEL_SERVICE_NAME", "desk")],
            vec![HERE, ("OTEL_SDK_DISABLED", "true")],
            vec![HERE, ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert!(Traces::of(&environment(&vars)).expect("good variables").is_none(), "{vars:?}");
        }
        assert!(Traces::of(&environment(&[HERE])).expect("good variables").is_some());
    }

    #[tokio::test]
    async fn a_variable_that_cannot_be_used_is_named_and_its_value_is_not() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "s3cret"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://s3cret"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "s3cret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "s3cret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "key=s3cret%+1"),
            ("OTEL_RESOURCE_ATTRIBUTES", "=s3cret"),
            ("OTEL_TRACES_SAMPLER", "s3cret"),
        ] {
            let error = Traces::of(&environment(&[HERE, (name, value)])).expect_err(name).to_string();
            assert!(error.starts_with(name) && !error.contains("s3cret"), "{error}");
        }
        let ratio = [HERE, ("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
        assert!(Traces::of(&environment(&ratio)).is_err());
    }

    #[tokio::test]
    async fn a_key_in_a_header_does_not_travel_in_the_clear() {
        let with = |endpoint| {
            let vars = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=s3cret")];
            Traces::of(&environment(&vars)).map(|traces| traces.is_some())
        };
        assert!(with("http://collector:4318").is_err());
        assert!(with("https://collector:4318").expect("encrypted"));
        assert!(with("http://localhost:4318").expect("on this machine"));
    }

    #[test]
    fn an_endpoint_of_traces_is_taken_as_it_is() {
        let of = |vars: &[(&str, &str)]| endpoint(&environment(vars)).map(|(_, endpoint)| endpoint);
        assert_eq!(of(&[HERE]).as_deref(), Some("http://127.0.0.1:4318/v1/traces"));
        let both = [HERE, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/here")];
        assert_eq!(of(&both).as_deref(), Some("http://127.0.0.1:1/here"));
    }

    #[test]
    fn values_of_lists_are_percent_encoded() {
        assert_eq!(decoded("Basic%20abc%3D"), Some("Basic abc=".to_owned()));
        assert_eq!(decoded("%c3%a4"), Some("ä".to_owned()));
        for broken in ["%", "%2", "%zz", "%+1", "%ff", "%\u{e4}1"] {
            assert_eq!(decoded(broken), None, "{broken}");
        }
    }
}
