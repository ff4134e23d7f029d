//! The web, as tools reach it: GET alone, within limits, and never into the network that the runner stands in.
//!
//! A model's addresses are hostile. A name is resolved once, by a resolver that leaves out what `address` refuses, and
//! the connection is made to what it let through: what is checked is what is connected to. Addresses that stand in the URL
//! itself are checked there. Every redirect is a new address, and checked as one. Proxies of the environment are ignored.

mod address;
pub(crate) mod call;
pub(super) mod html;

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use encoding_rs::Encoding;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::{Host, Url};

use super::ToolError;
use super::limits::{CONNECT_TIME, MAX_REDIRECTS, MAX_URL_BYTES, MAX_WEB_BYTES, WEB_TIME};
use crate::causes::{causes, find};
use crate::domain::tools::WebFetchSettings;

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolver: Send + Sync + fmt::Debug {
    /// All addresses of a name.
    ///
    /// # Errors
    /// There is none, or nobody can tell.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// A name that leads into a network that is not public.
#[derive(Debug, thiserror::Error)]
#[error("{name} leads to {why}")]
struct NotPublic {
    name: String,
    why: &'static str,
}

/// The resolver of a client: with `public_only` it gives public addresses alone.
#[derive(Debug)]
struct Checked {
    resolver: Arc<dyn Resolver>,
    public_only: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, public_only) = (Arc::clone(&self.resolver), self.public_only);
        Box::pin(async move {
            let found = resolver.resolve(name.as_str()).await?;
            let refused = found.iter().find_map(|address| address::refusal(*address));
            let usable = |address: &IpAddr| !public_only || address::refusal(*address).is_none();
            let usable: Vec<SocketAddr> =
                found.into_iter().filter(usable).map(|address| SocketAddr::new(address, 0)).collect();
            match refused.filter(|_| usable.is_empty()) {
                Some(why) => Err(NotPublic { name: name.as_str().to_owned(), why }.into()),
                None => Ok(Box::new(usable.into_iter()) as Addrs),
            }
        })
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Page {
    /// The address that answered, after redirects.
    pub(crate) url: Url,
    /// The media type, in small letters and without parameters; empty: none was given.
    pub(crate) media_type: String,
    /// The text.
    pub(crate) text: String,
    /// Whether there was more.
    pub(crate) cut: bool,
}

/// The web.
#[derive(Debug)]
pub(crate) struct Web {
    resolver: Arc<dyn Resolver>,
    /// Whether what is sent is sent at most once, whatever becomes of the connection.
    once: bool,
    public: OnceLock<Result<Client, String>>,
    any: OnceLock<Result<Client, String>>,
}

impl Web {
    pub(super) fn new(resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver, once: false, public: OnceLock::new(), any: OnceLock::new() }
    }

    /// The web for requests that may do something: each is sent at most once.
    pub(crate) fn once(resolver: Arc<dyn Resolver>) -> Self {
        Self { once: true, ..Self::new(resolver) }
    }

    /// Fetches a page for a model.
    pub(super) async fn fetch(&self, url: &str, settings: &WebFetchSettings) -> Result<Page, ToolError> {
        within_time(WEB_TIME, self.follow(url, settings)).await
    }

    /// Asks an address that a person has configured. Follows no redirect: the key is for nobody else.
    pub(super) async fn ask(&self, url: Url, headers: HeaderMap) -> Result<Page, ToolError> {
        let asked = async {
            let response = send(self.client(false)?, &url, headers).await?;
            if !response.status().is_success() {
                return Err(ToolError(format!("the search engine answered {}", response.status())));
            }
            read(url, response).await
        };
        within_time(WEB_TIME, asked).await
    }

    async fn follow(&self, url: &str, settings: &WebFetchSettings) -> Result<Page, ToolError> {
        if url.len() > MAX_URL_BYTES {
            return Err(ToolError(format!("the URL has {} bytes, more than {MAX_URL_BYTES}", url.len())));
        }
        let mut url = Url::parse(url).map_err(|error| ToolError(format!("not a URL: {error}")))?;
        for _ in 0..=MAX_REDIRECTS {
            let client = self.client_for(&url, settings)?;
            let response = send(client, &url, HeaderMap::new()).await?;
            let status = response.status();
            if let Some(next) = redirect(&url, &response)? {
                url = next;
            } else if status.is_success() {
                return read(url, response).await;
            } else {
                return Err(ToolError(format!("{} answered {status}", host(&url))));
            }
        }
        Err(ToolError(format!("more than {MAX_REDIRECTS} redirects: the last leads to {}", host(&url))))
    }

    /// Checks an address, and gives the client that may ask it.
    fn client_for(&self, url: &Url, settings: &WebFetchSettings) -> Result<&Client, ToolError> {
        let refused = |why: &str| Err(ToolError(format!("{} may not be fetched: {why}", start(url.as_str()))));
        if !matches!(url.scheme(), "http" | "https") {
            return refused("only http and https are");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("it names a user");
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return refused("it names no host");
        };
        if settings.allows(&host.to_string(), port) {
            return self.client(false);
        }
        let literal = match host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
        };
        match literal.and_then(address::refusal) {
            Some(why) => refused(&format!("it is {why}")),
            None => self.client(true),
        }
    }

    fn client(&self, public_only: bool) -> Result<&Client, ToolError> {
        let client = if public_only { &self.public } else { &self.any };
        let built = client.get_or_init(|| {
            let resolver = Checked { resolver: Arc::clone(&self.resolver), public_only };
            let builder = Client::builder()
                .no_proxy()
                // Whatever features others switch on in the same crate.
                .no_gzip()
                .no_brotli()
                .no_zstd()
                .no_deflate()
                .redirect(Policy::none())
                .referer(false)
                .connect_timeout(CONNECT_TIME)
                .user_agent(concat!("lemming/", env!("CARGO_PKG_VERSION")))
                .dns_resolver(Arc::new(resolver));
            // A request on a connection that had served another one is sent again, unasked, if the server closes it at that
            // moment, and so is one that an HTTP/2 server turns away. Without kept connections and retries no layer does.
            let builder = match self.once {
                true => builder.pool_max_idle_per_host(0).retry(reqwest::retry::never()),
                false => builder,
            };
            builder.build().map_err(|error| causes(&error).join(": "))
        });
        built.as_ref().map_err(|error| ToolError(format!("the web cannot be reached from here: {error}")))
    }
}

async fn within_time<T>(time: Duration, work: impl Future<Output = Result<T, ToolError>>) -> Result<T, ToolError> {
    match tokio::time::timeout(time, work).await {
        Ok(done) => done,
        Err(_) => Err(ToolError(format!("no answer within {} s", time.as_secs_f64()))),
    }
}

async fn send(client: &Client, url: &Url, mut headers: HeaderMap) -> Result<Response, ToolError> {
    let accepted = "text/html,text/plain,application/json,application/xhtml+xml,text/*;q=0.9";
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static(accepted));
    // What is not packed cannot unpack to more than was sent.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    client.get(url.clone()).headers(headers).send().await.map_err(|error| explain(url, error))
}

/// Says what went wrong, without the address's query: it may hold what nobody else should see.
fn explain(url: &Url, error: reqwest::Error) -> ToolError {
    let error = error.without_url();
    if let Some(refused) = find::<NotPublic>(&error) {
        return ToolError(format!("{} may not be fetched: {refused}", host(url)));
    }
    let dyn_error: &(dyn Error + 'static) = &error;
    ToolError(format!("{} did not answer: {}", host(url), causes(dyn_error).join(": ")))
}

/// Where an answer sends us, if it does.
fn redirect(url: &Url, response: &Response) -> Result<Option<Url>, ToolError> {
    let is_redirect = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let Some(location) = response.headers().get(LOCATION).filter(|_| is_redirect) else { return Ok(None) };
    let next = location.to_str().ok().filter(|next| next.len() <= MAX_URL_BYTES).and_then(|next| url.join(next).ok());
    next.map(Some).ok_or_else(|| ToolError(format!("{} sends us to what is no URL", host(url))))
}

/// What was read of an answer.
struct Received {
    media_type: String,
    charset: Option<String>,
    bytes: Vec<u8>,
    cut: bool,
}

impl Received {
    fn text(&self) -> String {
        decode(&self.bytes, self.charset.as_deref())
    }
}

/// Reads an answer of text.
async fn read(url: Url, response: Response) -> Result<Page, ToolError> {
    let received = receive(&url, response, is_text).await?;
    if !is_text(&received.media_type) {
        let shown = start(&received.media_type);
        return Err(ToolError(format!("{} answers with {shown}: only text can be read", host(&url))));
    }
    let text = received.text();
    let Received { media_type, cut, .. } = received;
    if media_type.is_empty() && text.contains('\0') {
        return Err(ToolError(format!("{} answers with what is no text", host(&url))));
    }
    Ok(Page { url, media_type, text, cut })
}

/// Reads an answer, as far as the limit goes; of a media type that is not `wanted` nothing.
async fn receive(url: &Url, mut response: Response, wanted: fn(&str) -> bool) -> Result<Received, ToolError> {
    let header = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let encoding = header(CONTENT_ENCODING).to_ascii_lowercase();
    if !matches!(encoding.as_str(), "" | "identity") {
        return Err(ToolError(format!("{} answers packed, although it was asked not to", host(url))));
    }
    let content_type = header(CONTENT_TYPE).to_ascii_lowercase();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_owned();
    let charset = content_type.split(';').find_map(|part| part.trim().strip_prefix("charset=")).map(str::to_owned);
    let (mut bytes, mut cut) = (Vec::new(), false);
    if !wanted(&media_type) {
        return Ok(Received { media_type, charset, bytes, cut });
    }
    while let Some(chunk) = response.chunk().await.map_err(|error| explain(url, error))? {
        let room = MAX_WEB_BYTES - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            cut = true;
            break;
        }
    }
    Ok(Received { media_type, charset, bytes, cut })
}

fn is_text(media_type: &str) -> bool {
    let subtype = media_type.strip_prefix("application/").unwrap_or_default();
    media_type.is_empty()
        || media_type.starts_with("text/")
        || matches!(subtype, "json" | "xml" | "javascript" | "x-ndjson" | "yaml" | "toml")
        || ["+json", "+xml", "+yaml"].iter().any(|suffix| subtype.ends_with(suffix))
}

/// Text in the charset that the answer names, or its byte order mark, or a page's own head; else UTF-8.
fn decode(bytes: &[u8], charset: Option<&str>) -> String {
    let named = |label: &str| Encoding::for_label(label.trim_matches(['"', '\'', ' ']).as_bytes());
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
    let in_head = || {
        let label = head.split_once("charset=")?.1.trim_start_matches(['"', '\'']);
        named(label.split(['"', '\'', '>', ' ', '/', ';']).next()?)
    };
    let encoding = charset.and_then(named).or_else(in_head).unwrap_or(encoding_rs::UTF_8);
    encoding.decode(bytes).0.into_owned()
}

/// An address as it may stand in a message: without path and query.
fn host(url: &Url) -> String {
    start(url.host_str().unwrap_or("the URL"))
}

fn start(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_by_what_the_answer_says() {
        assert_eq!(decode("ä".as_bytes(), None), "ä");
        assert_eq!(decode(b"\xe4", Some("iso-8859-1")), "ä");
        assert_eq!(decode(b"\xe4", Some("\"ISO-8859-15\"")), "ä");
        assert_eq!(decode(b"<meta charset='latin1'>\xe4", None), "<meta charset='latin1'>ä");
        assert_eq!(decode(b"\xff\xfea\0", None), "a");
        assert_eq!(decode(b"a\xe4", Some("nonsense")), "a\u{fffd}");
    }

    #[test]
    fn only_text_is_read() {
        for text in ["", "text/html", "text/csv", "application/json", "application/ld+json", "application/atom+xml"] {
            assert!(is_text(text), "{text}");
        }
        for other in ["image/png", "application/pdf", "application/octet-stream", "application/zip", "video/mp4", "x"] {
            assert!(!is_text(other), "{other}");
        }
    }
}
