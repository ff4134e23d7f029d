//! What a provider's refusal means: which kind, what it cost, when to come back.
//!
//! Sources: the pages on errors of OpenAI (platform.openai.com/docs/guides/error-codes), Anthropic
//! (docs.claude.com/en/api/errors), Gemini (ai.google.dev/gemini-api/docs/troubleshooting), Bedrock
//! (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html) and Ollama
//! (docs.ollama.com/api/errors); RFC 9110, 10.2.3, for Retry-After.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::secret::Secret;
use super::{CallCost, CallError, CallErrorKind};

/// The most characters of a provider's own words that are shown.
const SHOWN: usize = 300;

/// The longest wait that is believed.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How prompts that are too long are called, in lower case.
const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "context length",
    "context window",
    "context size",
    "maximum context",
    "prompt is too long",
    "input is too long",
    "input length",
    "too many input tokens",
    "exceeds the maximum number of tokens",
    "too many total text bytes",
    "request_too_large",
];

/// How contents that are not wanted are called.
const UNWANTED: &[&str] = &[
    "content_filter",
    "content_policy",
    "content policy",
    "content management policy",
    "responsibleaipolicyviolation",
    "invalid_prompt",
    "safety system",
    "usage policies",
    "guardrail",
    "blocked by",
];

/// What looks like too many requests and is a bill that is not paid.
const UNPAID: &[&str] =
    &["insufficient_quota", "credit balance is too low", "billing_hard_limit", "billing_not_active"];

/// What an answer with an error status means. The provider's words are shown shortened and without
/// `secrets`; not at all where it does not know who asks, as such answers repeat the key.
pub(super) fn of_status(status: u16, headers: &HeaderMap, body: &str, secrets: &[Secret]) -> CallError {
    let said = said(body);
    let lower = said.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let kind = match status {
        401..=403 => CallErrorKind::Misconfigured,
        429 | 400 if says(UNPAID) => CallErrorKind::Misconfigured,
        429 => CallErrorKind::RateLimited,
        413 => CallErrorKind::ContextTooLong,
        400 | 404 | 422 | 500 if says(TOO_LONG) => CallErrorKind::ContextTooLong,
        400 | 404 | 422 if says(UNWANTED) => CallErrorKind::Refused,
        408 | 504 => CallErrorKind::TimedOut,
        409 | 425 => CallErrorKind::RateLimited,
        // Bedrock's ModelErrorException.
        424 | 500.. => CallErrorKind::Unanswered,
        _ => CallErrorKind::Misconfigured,
    };
    let message = match status {
        401..=403 => format!("the provider does not accept the key, or not for this model (HTTP {status})"),
        _ => format!("HTTP {status}: {}", shown(&said, secrets)),
    };
    let error =
        CallError { retry_after: retry_after(headers).or_else(|| delay(body)), ..CallError::new(kind, message) };
    // A refusal costs nothing; what broke on the way may have cost something, whatever it says.
    if status >= 500 { error.billed(None) } else { error }
}

/// A call that never came to an answer: no connection, or one that broke.
pub(super) fn of_transport(error: &reqwest::Error) -> CallError {
    // The innermost cause says most; none of them holds the URL.
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if error.is_builder() {
        return CallError::misconfigured(
            "the request cannot be made: the address or the key holds what HTTP cannot carry",
        );
    }
    if error.is_connect() {
        return CallError::new(CallErrorKind::Unanswered, format!("cannot connect to the provider: {cause}")).unsent();
    }
    if error.is_timeout() {
        return CallError::new(CallErrorKind::TimedOut, "the provider did not answer in time");
    }
    CallError::new(CallErrorKind::Unanswered, format!("the connection to the provider broke: {cause}"))
}

/// An answer that cannot be read: it may have cost up to its worst case.
pub(super) fn broken(what: &str) -> CallError {
    CallError::new(CallErrorKind::Unanswered, format!("the provider's answer {what}"))
}

/// The error's own words in a body of any provider: its code, type and message.
fn said(body: &str) -> String {
    let Ok(json) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    let error = match &json {
        Value::Array(list) => list.first().unwrap_or(&Value::Null),
        other => other,
    };
    let error = error.get("error").unwrap_or(error);
    if let Some(text) = error.as_str() {
        return text.to_owned();
    }
    let texts = ["code", "type", "__type", "status", "message", "Message"]
        .iter()
        .filter_map(|field| error.get(field).and_then(Value::as_str));
    let texts: Vec<&str> = texts.collect();
    let inner = error.pointer("/innererror/code").and_then(Value::as_str);
    let texts: Vec<&str> = texts.into_iter().chain(inner).collect();
    if texts.is_empty() { body.to_owned() } else { texts.join(": ") }
}

/// A provider's words as people may see them.
pub(super) fn shown(text: &str, secrets: &[Secret]) -> String {
    let text = secrets.iter().fold(text.to_owned(), |text, secret| secret.redact(&text));
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = text.chars().take(SHOWN).map(plain).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    if shown.trim().is_empty() { "no reason given".to_owned() } else { shown }
}

/// How long the provider asks to wait: seconds, or a date, held against the date of the answer.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(wait) = text("retry-after-ms").and_then(|ms| wait(ms, 1000.0)) {
        return Some(wait);
    }
    let after = text("retry-after")?;
    if let Some(wait) = wait(after, 1.0) {
        return Some(wait);
    }
    let until = DateTime::parse_from_rfc2822(after).ok()?;
    let now = DateTime::parse_from_rfc2822(text("date")?).ok()?;
    Some((until - now).to_std().unwrap_or_default().min(LONGEST_WAIT))
}

/// How long an error of Google's asks to wait, in its own words. Source: google.rpc.RetryInfo.
fn delay(body: &str) -> Option<Duration> {
    let json: Value = serde_json::from_str(body).ok()?;
    let error = json.get(0).unwrap_or(&json).get("error")?;
    let delay = |detail: &Value| wait(detail.get("retryDelay")?.as_str()?.strip_suffix('s')?, 1.0);
    error.get("details")?.as_array()?.iter().find_map(delay)
}

/// A wait as a number, of which so many make a second. Some count in fractions.
fn wait(text: &str, per_second: f64) -> Option<Duration> {
    let number: f64 = text.parse().ok().filter(|number: &f64| *number >= 0.0)?;
    // What is no time at all is longer than any that is believed.
    Some(Duration::try_from_secs_f64(number / per_second).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT)))
}

/// The most tokens that are believed: what is more would be no amount of money that a record can hold.
pub(super) const MOST_TOKENS: u64 = 1 << 31;

/// A number of tokens, if it is one that can have been used.
pub(super) fn tokens(value: &Value) -> Option<u64> {
    value.as_u64().filter(|tokens| *tokens <= MOST_TOKENS)
}

/// What an answer is that says nothing and calls nothing: cut off in the middle of its thoughts, where
/// a person must give it more room, or broken.
pub(super) fn empty(is_cut: bool, max_tokens: u32) -> CallError {
    if !is_cut {
        return broken("is empty");
    }
    let why = format!("the model used all {max_tokens} tokens of its answer before it said anything: raise max_tokens");
    CallError::misconfigured(why)
}

impl CallError {
    /// The same error, which cost nothing.
    pub(super) fn free(self) -> Self {
        Self { cost: CallCost::Nothing, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value"))).collect()
    }

    #[test]
    fn each_refusal_has_its_kind() {
        use CallErrorKind::{ContextTooLong, Misconfigured, RateLimited, Refused, TimedOut, Unanswered};
        for (status, body, kind) in [
            (401, r#"{"error":{"message":"Incorrect API key provided: sk-hunter2"}}"#, Misconfigured),
            (403, "{}", Misconfigured),
            (404, r#"{"error":{"code":"model_not_found","message":"no such model"}}"#, Misconfigured),
            (429, r#"{"error":{"code":"rate_limit_exceeded"}}"#, RateLimited),
            (429, r#"{"error":{"code":"insufficient_quota","message":"You exceeded your quota"}}"#, Misconfigured),
            (400, r#"{"error":{"code":"context_length_exceeded"}}"#, ContextTooLong),
            (
                400,
                r#"{"type":"error","error":{"message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
                ContextTooLong,
            ),
            (400, r#"{"message":"Input is too long for requested model."}"#, ContextTooLong),
            (400, r#"{"error":{"code":"content_filter","message":"filtered"}}"#, Refused),
            (400, r#"{"error":{"message":"max_tokens must be positive"}}"#, Misconfigured),
            (413, "", ContextTooLong),
            (424, r#"{"message":"The model failed"}"#, Unanswered),
            (500, "oops", Unanswered),
            (503, "{}", Unanswered),
            (529, r#"{"type":"error","error":{"type":"overloaded_error"}}"#, Unanswered),
            (504, "", TimedOut),
        ] {
            assert_eq!(of_status(status, &HeaderMap::new(), body, &[]).kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn what_a_provider_says_is_shown_short_and_without_the_key() {
        let secret = Secret::new("sk-hunter2");
        let body = format!("{}sk-hunter2 {}", "a", "b".repeat(1000));
        let error = of_status(500, &HeaderMap::new(), &body, std::slice::from_ref(&secret));
        assert!(!error.message.contains("hunter2") && error.message.len() < 400, "{}", error.message);
        let error = of_status(401, &HeaderMap::new(), r#"{"error":"Incorrect key: sk-hun*er2"}"#, &[secret]);
        assert!(!error.message.contains("hun"), "{}", error.message);
    }

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        for (given, wait) in [
            (headers(&[("retry-after", "7")]), Some(7_000)),
            (headers(&[("retry-after", "1.5")]), Some(1_500)),
            (headers(&[("retry-after", "1e300")]), Some(86_400_000)),
            (headers(&[("retry-after", "-1")]), None),
            (headers(&[("retry-after", "NaN")]), None),
            (headers(&[("retry-after-ms", "250"), ("retry-after", "7")]), Some(250)),
            (
                headers(&[("retry-after", "Wed, 25 Nov 2026 10:00:30 GMT"), ("date", "Wed, 25 Nov 2026 10:00:00 GMT")]),
                Some(30_000),
            ),
            (headers(&[("retry-after", "Wed, 25 Nov 2026 10:00:30 GMT")]), None),
            (headers(&[("retry-after", "soon")]), None),
            (headers(&[]), None),
        ] {
            assert_eq!(retry_after(&given), wait.map(Duration::from_millis), "{given:?}");
        }
    }
}
