//! An own tool that is an HTTP endpoint: one request, under the rules of `web_fetch` on addresses.
//!
//! A call is sent at most once: no connection is kept, nothing is tried again, and no redirect is followed, so that neither
//! a call nor a secret ever reaches anybody but the host that the organisation wrote down. What a server says back is
//! information for the model; should it repeat a secret, the secret is cut out.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::address::Address;
use super::arguments::Arguments;
use super::headers::{Headers, is_secret};
use super::{DEFAULT_TIME, Found, MAX_TIME, Problem};
use crate::config::Environment;
use crate::connect::secrets::Secrets;
use crate::domain::toolbox::{HttpCall, Terms};
use crate::tool::limits::{MAX_RESULT_BYTES, MAX_TEXT_BYTES, MAX_WEB_BYTES, is_shallow, start_of};
use crate::tool::web::call::{Answer, Call};
use crate::tool::web::{Page, Web};
use crate::tool::web_fetch::readable;
use crate::tool::{CallFailure, Desk, ToolError};

/// Where the id of a call goes if nothing else is said. Source: draft-ietf-httpapi-idempotency-key-header.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// How much of what a server says to a refusal is shown.
const MAX_REFUSAL_BYTES: usize = 1024;

/// An endpoint with places for arguments.
#[derive(Debug)]
pub(super) struct Endpoint {
    method: Method,
    address: Address,
    headers: Headers,
    /// Where the id of a call goes; none with `GET`.
    id_header: Option<HeaderName>,
    time: Duration,
    max_bytes: usize,
    environment: Environment,
    web: Arc<Web>,
}

impl Endpoint {
    /// Reads an endpoint. What is wrong with it is in `found`.
    pub(super) fn new(
        call: &HttpCall,
        arguments: &Arguments,
        terms: &Terms,
        (environment, web): (&Environment, &Arc<Web>),
        found: &mut Found,
    ) -> Option<Self> {
        let method = match call.method.as_str() {
            "GET" => Some(Method::GET),
            "POST" => Some(Method::POST),
            "PUT" => Some(Method::PUT),
            "PATCH" => Some(Method::PATCH),
            "DELETE" => Some(Method::DELETE),
            _ => {
                let problem = Problem::error("bad_method", "/http/method");
                let message = format!("is {:?}", start_of(&call.method, 40));
                found.add(problem.says(message, "must be GET, POST, PUT, PATCH or DELETE, in capital letters"));
                None
            }
        };
        let headers = Headers::new(call, found);
        let id_header =
            match terms.idempotency_key.as_deref().unwrap_or(IDEMPOTENCY_KEY).parse::<HeaderName>() {
                Ok(name) if headers.has(&name) => {
                    let at = if terms.idempotency_key.is_some() { "/idempotency_key" } else { "/http/headers" };
                    let problem = Problem::error("bad_header", at);
                    found.add(problem.says(
                        format!("names the header {name} twice: the id of a call goes there"),
                        "name another one",
                    ));
                    None
                }
                Ok(name) => Some(name),
                Err(_) => {
                    let problem = Problem::error("bad_header", "/idempotency_key");
                    found.add(problem.says("is no name of a header", "such as Idempotency-Key"));
                    None
                }
            };
        let address = match Address::new(&call.url) {
            Ok(address) => address,
            Err(why) => {
                let expected = "must be an address such as `https://api.example.com/orders/{id}`, with places for \
                                arguments in its path and the values of its query alone";
                found.add(Problem::error("bad_url", "/http/url").says(why, expected));
                return None;
            }
        };
        for name in address.names() {
            found.place(arguments, name, "/http/url");
        }
        for name in address.in_path().filter(|name| arguments.property(name).is_some() && !arguments.requires(name)) {
            let problem = Problem::error("optional_argument", "/http/url");
            let message = format!("has {name:?} in its path, which a call may leave out");
            found.add(problem.says(message, format!("add {name:?} to `required` of the arguments")));
        }
        if address.fixed().any(is_secret) {
            let problem = Problem::error("secret_in_file", "/http/url");
            let message = "seems to hold a secret in its query: this file is kept in the records of every tick";
            found.add(problem.says(message, "send it in a header, by reference, and change the one that stood here"));
        }
        let method = method?;
        let id_header = if method == Method::GET { None } else { Some(id_header?) };
        let max_bytes =
            terms.max_result_bytes.map_or(MAX_RESULT_BYTES, |max| usize::try_from(max.get()).unwrap_or(usize::MAX));
        Some(Self {
            method,
            address,
            headers,
            id_header,
            time: terms.timeout.map_or(DEFAULT_TIME, |time| time.duration().min(MAX_TIME)),
            max_bytes: max_bytes.min(MAX_RESULT_BYTES),
            environment: environment.clone(),
            web: Arc::clone(web),
        })
    }

    /// Warns of references to secrets that are not here: they must be where the organisation runs.
    pub(super) fn check_secrets(&self, found: &mut Found) {
        for (name, reference) in self.headers.references() {
            if let Err(error) = self.environment.secret(reference) {
                let problem = Problem::warning("unusable_here", format!("/http/headers/{name}"));
                found.add(problem.says(error, "must be set where the organisation runs"));
            }
        }
    }

    /// Says whether a call only asks, by its method.
    pub(super) fn is_get(&self) -> bool {
        self.method == Method::GET
    }

    pub(super) async fn call(&self, arguments: &Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let has_body = !matches!(self.method, Method::GET | Method::DELETE);
        let url = self.address.fill(arguments, !has_body)?;
        let (mut headers, secrets) = self.headers.resolve(&self.environment)?;
        if let Some(name) = &self.id_header {
            let id =
                HeaderValue::from_str(&desk.call_id().to_string()).map_err(|error| ToolError(error.to_string()))?;
            headers.insert(name.clone(), id);
        }
        let body = has_body.then(|| {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
            arguments.to_string().into_bytes()
        });
        let settings = desk.settings().web_fetch.clone();
        let call = Call { method: self.method.clone(), url: url.clone(), headers, body, time: self.time };
        let answer = self.web.call(call, &settings).await.map_err(|unanswered| {
            let perhaps =
                if unanswered.may_be_done && self.id_header.is_some() { "; it may have been done" } else { "" };
            ToolError(secrets.redact(&format!("{}{perhaps}", unanswered.error)))
        })?;
        let host = url.host_str().unwrap_or("the server").to_owned();
        Ok(told(&host, answer, &secrets, self.max_bytes).await?)
    }
}

/// What the model is told of an answer.
async fn told(host: &str, answer: Answer, secrets: &Secrets, max: usize) -> Result<Value, ToolError> {
    let Answer { status, sent_to, media_type, bytes, page, cut } = answer;
    // Before anything is made of it: what takes a text apart may take a secret apart, and leave it readable.
    let page = page.map(|page| Page { text: secrets.redact(&page.text), ..page });
    if status.is_client_error() || status.is_server_error() {
        let text = page.map(|page| page.text).unwrap_or_default();
        let said = start_of(text.trim(), MAX_REFUSAL_BYTES);
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        return Err(ToolError(format!("{host} answered {status}{said}")));
    }
    if status.is_redirection() {
        let to = sent_to.map_or_else(String::new, |to| format!(" and sends us to {to}"));
        return Err(ToolError(format!(
            "{host} answered {status}{to}: an address is asked once, and no other instead of it"
        )));
    }
    let mut result = json!({"status": status.as_u16()});
    let mut notes = Vec::new();
    if cut {
        notes.push(format!("the answer is longer than {MAX_WEB_BYTES} bytes: the rest was not read"));
    }
    match page {
        _ if bytes == 0 => {}
        None => {
            result["media_type"] = json!(secrets.redact(start_of(&media_type, 120)));
            result["bytes"] = json!(bytes);
            notes.push("this is no text, and cannot be shown".to_owned());
        }
        Some(page) => match parsed(&page, secrets).filter(|json| json.to_string().len() + 100 <= max) {
            Some(json) => result["json"] = json,
            None => {
                let (title, text) = readable(page).await?;
                let text = secrets.redact(&text);
                let shown = start_of(&text, max.min(MAX_TEXT_BYTES));
                if !title.is_empty() {
                    result["title"] = json!(secrets.redact(&title));
                }
                if shown.len() < text.len() {
                    notes.push(format!("the answer has {} bytes: this is its start", text.len()));
                }
                result["text"] = json!(shown);
            }
        },
    }
    if !notes.is_empty() {
        result["note"] = json!(notes.join("; "));
    }
    Ok(result)
}

/// The JSON of an answer that is JSON.
fn parsed(page: &Page, secrets: &Secrets) -> Option<Value> {
    let is_json = page.media_type == "application/json" || page.media_type.ends_with("+json");
    let json = is_json.then(|| serde_json::from_str::<Value>(&page.text).ok()).flatten()?;
    // Written with escapes, a secret was not to be seen in the text.
    is_shallow(&json).then(|| secrets.redact_all(json))
}
