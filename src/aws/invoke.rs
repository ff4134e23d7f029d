//! Asks AWS Lambda to invoke a function later, by itself (`InvocationType: Event`).
//!
//! Source: AWS Lambda API Reference, `Invoke`.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use reqwest::redirect;
use serde_json::Value;

use super::{Aws, SignError};

/// How long Lambda may take to say that it has heard.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A function, as those that invoke it call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its version or alias, if that was invoked.
    pub qualifier: Option<String>,
}

impl Function {
    /// The function that an ARN names: `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]`.
    #[must_use]
    pub fn of_arn(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.split(':').collect();
        match parts.as_slice() {
            ["arn", _, "lambda", _, _, "function", name, rest @ ..] if !name.is_empty() => {
                Some(Self { name: (*name).to_owned(), qualifier: rest.first().map(|part| (*part).to_owned()) })
            }
            _ => None,
        }
    }
}

/// Why Lambda was not asked, or refused.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// No region is known, or the endpoint is no URL.
    #[error("no AWS region, or AWS_ENDPOINT_URL_LAMBDA is no URL")]
    NoEndpoint,
    /// It cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Lambda did not answer.
    #[error("Lambda did not answer")]
    NoAnswer(#[source] reqwest::Error),
    /// Lambda refused.
    #[error("Lambda refused with status {0}; the role needs lambda:InvokeFunction on the function itself")]
    Refused(u16),
}

/// Asks for one invocation, and does not wait for it.
///
/// # Errors
/// Lambda did not say that it has heard; it may have.
pub async fn invoke_later(aws: &Aws, function: &Function, event: &Value) -> Result<(), InvokeError> {
    let region = aws.region().ok_or(InvokeError::NoEndpoint)?;
    let mut url = aws.endpoint("lambda", "AWS_ENDPOINT_URL_LAMBDA", &region).ok_or(InvokeError::NoEndpoint)?;
    url.path_segments_mut().map_err(|()| InvokeError::NoEndpoint)?.pop_if_empty().extend([
        "2015-03-31",
        "functions",
        &function.name,
        "invocations",
    ]);
    if let Some(qualifier) = &function.qualifier {
        url.query_pairs_mut().append_pair("Qualifier", qualifier);
    }
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-invocation-type", HeaderValue::from_static("Event"));
    let body = Bytes::from(event.to_string());
    let signed = aws.sign("lambda", &region, &url, headers, &body).await?;
    let no_answer = |error: reqwest::Error| InvokeError::NoAnswer(error.without_url());
    let client = reqwest::Client::builder().redirect(redirect::Policy::none()).timeout(TIMEOUT).build();
    let sent = client.map_err(no_answer)?.post(url).headers(signed.headers).body(body).send().await;
    match sent.map_err(no_answer)?.status() {
        status if status.is_success() => Ok(()),
        status => Err(InvokeError::Refused(status.as_u16())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_a_function_and_maybe_its_alias() {
        let function = |name: &str, qualifier: Option<&str>| {
            Some(Function { name: name.to_owned(), qualifier: qualifier.map(str::to_owned) })
        };
        let arn = "arn:aws:lambda:eu-central-1:123456789012:function:desk";
        assert_eq!(Function::of_arn(arn), function("desk", None));
        assert_eq!(Function::of_arn(&format!("{arn}:live")), function("desk", Some("live")));
        for none in ["", "desk", "No header lambda-runtime-invoked-function-arn found.", "arn:aws:s3:::bucket"] {
            assert_eq!(Function::of_arn(none), None, "{none}");
        }
    }
}
