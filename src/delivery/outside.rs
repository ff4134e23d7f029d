//! How things really get outside: POST requests, files, and the mail slots of other organisations.
//!
//! The addresses are an owner's, so that private ones are reached as well; redirects are not followed, and of an answer
//! nothing is read but its status and `Retry-After`. Of a receiver's words nothing gets into a record.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::carrier::{Carrier, Failure, Sending};
use super::parcel::{Parcel, What};
use crate::causes::causes;
use crate::config::Environment;
use crate::connect::secrets::{self, Secrets};
use crate::domain::delivery::{FilePlace, OtherOrg, Slack, Target, Webhook};
use crate::domain::ingress::{MAX_INGRESS_BYTES, Mail};
use crate::domain::name::{AgentName, IngressName};
use crate::domain::outbox::{Importance, Kind};
use crate::provider::http::Http;
use crate::provider::secret::Secret;
use crate::record::encode;
use crate::signature::SigningKey;
use crate::store::open::open;
use crate::store::{Created, Key, Store, StoreError};

/// The most characters of a text for a chat: Slack cuts off longer ones.
const MAX_CHAT_CHARS: usize = 30_000;

/// Carries over HTTP and into stores.
#[derive(Debug)]
pub struct Outside {
    environment: Environment,
    /// The organisation's own place, which nothing is sent to.
    place: String,
    client: OnceLock<Result<Client, String>>,
    stores: Mutex<HashMap<String, Store>>,
}

impl Outside {
    /// A carrier for the organisation at this place. Connects to nothing yet.
    #[must_use]
    pub fn new(environment: Environment, place: String) -> Self {
        Self { environment, place, client: OnceLock::new(), stores: Mutex::default() }
    }

    fn client(&self) -> Result<&Client, Failure> {
        let made = self.client.get_or_init(|| {
            let made = Http::new(self.environment.vars()).map(|http| http.client());
            made.map_err(|error| error.message)
        });
        made.as_ref().map_err(Failure::here)
    }

    /// The address that a text stands for: a reference, or itself. Whoever knows it may post there, so it is a secret.
    fn address(&self, text: &str, secrets: &mut Secrets) -> Result<Url, Failure> {
        let wrong = |why: &str| Failure::here(format!("url: {why}"));
        let url = secrets.resolve(text, &self.environment).map_err(|error| wrong(&error))?;
        secrets.hold(Secret::new(&url));
        parse_url(&url).map_err(wrong)
    }

    fn secret(&self, reference: &str, what: &str) -> Result<Secret, Failure> {
        let value = self.environment.secret(reference);
        value.map(Secret::new).map_err(|error| Failure::here(format!("{what}: {error}")))
    }

    async fn webhook(&self, webhook: &Webhook, sending: Sending<'_>) -> Result<(), Failure> {
        let mut secrets = Secrets::default();
        let url = self.address(&webhook.url, &mut secrets)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &webhook.headers {
            let wrong = |why: &str| Failure::here(format!("headers.{name}: {why}"));
            if secrets::reference(value).is_none() {
                return Err(wrong("must be env:NAME, or a word and env:NAME"));
            }
            if !secrets::may_travel_to(&url) {
                return Err(wrong("the url is http on another machine: the secret would travel in the clear"));
            }
            let value = secrets.resolve(value, &self.environment).map_err(|error| wrong(&error))?;
            let (name, mut value) = match (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
                (Ok(name), Ok(value)) => (name, value),
                _ => return Err(wrong("makes no header of HTTP")),
            };
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let parcel = sending.parcel;
        let body = encode(&parcel.document(sending.org, sending.rule));
        let id = parcel.id.to_string();
        let timestamp = sending.now.unix_ms().div_euclid(1_000);
        let mut own = vec![("webhook-id", id.clone()), ("webhook-timestamp", timestamp.to_string())];
        if let Some(reference) = &webhook.secret {
            let secret = self.secret(reference, "secret")?;
            let key = SigningKey::standard(&secret).map_err(|error| Failure::here(format!("secret: {error}")))?;
            own.push(("webhook-signature", key.standard_signature(&id, timestamp, &body)));
            secrets.hold(secret);
        }
        own.push(("idempotency-key", id));
        for (name, value) in own {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        self.post(url, headers, Bytes::from(body), &secrets).await
    }

    async fn slack(&self, slack: &Slack, sending: Sending<'_>) -> Result<(), Failure> {
        let mut secrets = Secrets::default();
        let url = self.address(&slack.url, &mut secrets)?;
        let body = json!({ "text": chat_text(sending.parcel) }).to_string();
        self.post(url, HeaderMap::new(), Bytes::from(body), &secrets).await
    }

    async fn post(&self, url: Url, mut headers: HeaderMap, body: Bytes, secrets: &Secrets) -> Result<(), Failure> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(value) = headers.get_mut(AUTHORIZATION) {
            value.set_sensitive(true);
        }
        let answer = self.client()?.post(url).headers(headers).body(body).send().await.map_err(|error| {
            let said = causes(&error.without_url()).join(": ");
            Failure::of_receiver(secrets.redact(&said))
        })?;
        // Dropped unread: whatever it says, and however much, is nobody's business.
        judge(answer.status(), answer.headers())
    }

    fn store(&self, place: &str) -> Result<Store, Failure> {
        check_place(place).map_err(|error| Failure::here(format!("store: {error}")))?;
        let known = |stores: &HashMap<String, Store>| stores.get(place).cloned();
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = known(&stores) {
            return Ok(store);
        }
        let variables = self.environment.vars().iter().map(|(name, value)| (name.clone(), value.clone()));
        let opened = open(place, variables).map_err(|error| Failure::here(format!("store: {error}")))?;
        if opened.display.trim_end_matches('/') == self.place.trim_end_matches('/') {
            return Err(Failure::here("store: is this organisation itself"));
        }
        let store = Store::new(opened.store, opened.prefix, opened.lists_freely);
        stores.insert(place.to_owned(), store.clone());
        Ok(store)
    }

    async fn file(&self, place: &FilePlace, sending: Sending<'_>) -> Result<(), Failure> {
        let store = self.store(&place.store)?;
        let mut document = encode(&sending.parcel.document(sending.org, sending.rule));
        document.push(b'\n');
        let name = format!("{:012}_{}.json", sending.parcel.tick.0, sending.parcel.id);
        store.put_path(&name, Bytes::from(document)).await.map_err(of_store)
    }

    async fn ingress(&self, other: &OtherOrg, sending: Sending<'_>) -> Result<(), Failure> {
        let store = self.store(&other.store)?;
        let from = other.sender(&sending.org.name);
        if store.get(&Key::Org).await.map_err(of_store)?.is_none() {
            return Err(Failure::of_receiver("there is no organisation at the other place: org.json is missing"));
        }
        if !from.is_human() && store.get(&Key::Resume(from.clone())).await.map_err(of_store)?.is_some() {
            return Err(Failure::of_receiver(format!(
                "{from} is an agent at the other place: give the rule another `from`"
            )));
        }
        let mail = mail(sending.parcel, from, other.recipients.clone());
        let body = encode(&mail);
        if body.len() > MAX_INGRESS_BYTES {
            let bytes = body.len();
            return Err(Failure::of_item(format!("has {bytes} bytes as mail, more than {MAX_INGRESS_BYTES}")));
        }
        let name = IngressName::new(mail.id.to_string()).map_err(|error| Failure::of_item(error.to_string()))?;
        match store.create_own(&Key::Mail(name), Bytes::from(body)).await.map_err(of_store)? {
            Created::Won => Ok(()),
            // The name is this entry's alone. Under a rule that has changed since, it came in another envelope.
            Created::Lost(there) => match serde_json::from_slice::<Mail>(&there) {
                Ok(there) if there.id == mail.id => Ok(()),
                _ => Err(Failure::of_item("something else has its name in the other organisation's mail slot")),
            },
        }
    }
}

#[async_trait]
impl Carrier for Outside {
    async fn carry(&self, sending: Sending<'_>) -> Result<(), Failure> {
        match &sending.rule.to {
            Target::Webhook(webhook) => self.webhook(webhook, sending).await,
            Target::Slack(slack) => self.slack(slack, sending).await,
            Target::File(place) => self.file(place, sending).await,
            Target::Ingress(other) => self.ingress(other, sending).await,
        }
    }
}

/// Says whether an address can be posted to: a URL of HTTP without a user.
///
/// # Errors
/// It cannot; what would be right.
pub fn check_url(url: &str) -> Result<(), &'static str> {
    parse_url(url).map(drop)
}

fn parse_url(url: &str) -> Result<Url, &'static str> {
    let parsed = Url::parse(url).map_err(|_| "must be a URL such as https://example.com/hook, or env:NAME")?;
    let names_a_user = !parsed.username().is_empty() || parsed.password().is_some();
    match matches!(parsed.scheme(), "http" | "https") && parsed.has_host() && !names_a_user {
        true => Ok(parsed),
        false => Err("must begin with http:// or https:// and name no user"),
    }
}

/// Says whether a place is the same from wherever it is named.
///
/// # Errors
/// It is a path that begins somewhere else for each runner.
pub fn check_place(place: &str) -> Result<(), &'static str> {
    match place.contains("://") || Path::new(place).is_absolute() {
        true => Ok(()),
        false => Err("must be a whole path such as /srv/out, or a bucket such as s3://bucket/prefix"),
    }
}

/// What an answer means.
fn judge(status: StatusCode, headers: &HeaderMap) -> Result<(), Failure> {
    let said = format!("the receiver answered {}", status.as_u16());
    match status.as_u16() {
        200..=299 => Ok(()),
        300..=399 => Err(Failure::of_item(format!("{said}: redirects are not followed, name the final address"))),
        408 | 409 | 425 | 429 | 500..=599 => {
            Err(Failure { retry_after: retry_after(headers), ..Failure::of_receiver(said) })
        }
        _ => Err(Failure::of_item(said)),
    }
}

/// Seconds alone: a date would need a clock that both sides share.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn of_store(error: StoreError) -> Failure {
    Failure::of_receiver(error.brief())
}

/// What a chat shows. Source of the escapes: docs.slack.dev, "Formatting message text", "Escaping text".
fn chat_text(parcel: &Parcel) -> String {
    let head = match &parcel.what {
        What::Entry(entry) => format!("*{}* ({})", entry.agent, entry.kind.as_str()),
        What::Problem(problem) => match &problem.agent {
            Some(agent) => format!("*problem* {} ({agent})", problem.kind),
            None => format!("*problem* {}", problem.kind),
        },
    };
    let text = parcel.text();
    let mut shown: String = text.chars().take(MAX_CHAT_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("{}\n{}", escape(&head), escape(&shown))
}

/// A parcel as mail for another organisation. The same bytes however often it is sent.
fn mail(parcel: &Parcel, from: AgentName, recipients: Option<Vec<AgentName>>) -> Mail {
    let (kind, payload, tags, importance, thread_id, hops) = match &parcel.what {
        What::Entry(entry) => {
            let meta = &entry.meta;
            (entry.kind, entry.payload.clone(), entry.tags.clone(), meta.importance, meta.thread_id, meta.hops)
        }
        What::Problem(problem) => {
            let payload = [
                ("text".to_owned(), Value::from(format!("{}: {}", problem.kind, problem.message))),
                ("problem".to_owned(), json!(problem)),
            ];
            (Kind::Status, payload.into_iter().collect(), Vec::new(), Importance::High, None, 0)
        }
    };
    let (id, sent_at) = (parcel.id, parcel.at);
    Mail { format: 1, id, from, recipients, kind, payload, tags, importance, reply_to: None, thread_id, sent_at, hops }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_means_follows_from_its_status() {
        use super::super::carrier::Whose;
        let judged = |status: u16, after: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.extend(after.map(|value| (RETRY_AFTER, value.parse().expect("a value"))));
            judge(StatusCode::from_u16(status).expect("a status"), &headers).err()
        };
        for status in [200, 201, 204, 299] {
            assert_eq!(judged(status, None), None, "{status}");
        }
        for (status, whose) in [
            (301, Whose::Item),
            (400, Whose::Item),
            (404, Whose::Item),
            (410, Whose::Item),
            (408, Whose::Receiver),
            (409, Whose::Receiver),
            (425, Whose::Receiver),
            (429, Whose::Receiver),
            (500, Whose::Receiver),
            (503, Whose::Receiver),
        ] {
            assert_eq!(judged(status, None).map(|failure| failure.whose), Some(whose), "{status}");
        }
        let wait = |after| judged(429, Some(after)).and_then(|failure| failure.retry_after);
        assert_eq!(wait("30"), Some(Duration::from_secs(30)));
        assert_eq!((wait("-1"), wait("soon"), wait("Wed, 21 Oct 2015 07:28:00 GMT")), (None, None, None));
    }

    #[test]
    fn addresses_and_places_are_whole() {
        for url in ["https://example.com/x", "http://127.0.0.1:8080/", "http://[::1]/x?y=z"] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in ["", "example.com", "ftp://example.com", "https://u:p@example.com", "file:///x", "env:NAME"] {
            assert!(check_url(url).is_err(), "{url}");
        }
        assert!(check_place("/srv/out").is_ok() && check_place("s3://bucket/x").is_ok());
        assert!(check_place("out").is_err() && check_place("./out").is_err() && check_place("").is_err());
    }
}
