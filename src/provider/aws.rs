//! AWS's services: requests signed as whoever this process is to AWS ([`crate::aws`]), and the keys that lie there.

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use serde_json::{Value, json};
use url::Url;

use super::cli::Env;
use super::http::Http;
use super::secret::Secret;
use super::{CallError, CallErrorKind};
use crate::aws::{Aws as Identity, SignError};

/// AWS's services, as far as models need them.
#[derive(Debug)]
pub(super) struct Aws {
    identity: Identity,
}

impl Aws {
    /// Reads nothing yet but `vars`.
    pub(super) fn new(vars: Env) -> Self {
        Self { identity: Identity::new(vars.0) }
    }

    /// The region that the environment or the profile names.
    ///
    /// # Errors
    /// It names none.
    pub(super) fn region(&self) -> Result<String, CallError> {
        let none = "no AWS region: set AWS_REGION, or `region` in the profile";
        self.identity.region().ok_or_else(|| CallError::misconfigured(none))
    }

    /// Where a service is: as `AWS_ENDPOINT_URL_<SERVICE>` says, or in its region.
    ///
    /// # Errors
    /// It is no URL.
    pub(super) fn endpoint(&self, service: &str, variable: &str, region: &str) -> Result<Url, CallError> {
        let wrong = || CallError::misconfigured(format!("{variable} or the AWS region makes no URL"));
        self.identity.endpoint(service, variable, region).ok_or_else(wrong)
    }

    /// The headers of a signed request, and what of them no message may show.
    ///
    /// # Errors
    /// There are no credentials.
    pub(super) async fn sign(
        &self,
        service: &str,
        region: &str,
        url: &Url,
        headers: HeaderMap,
        body: &Bytes,
    ) -> Result<(HeaderMap, Vec<Secret>), CallError> {
        let signed = self.identity.sign(service, region, url, headers, body).await.map_err(|error| match &error {
            // Whoever gives them did not answer: no model was called, and the next call may find them.
            SignError::Credentials(none) if !none.is_final() => {
                CallError::new(CallErrorKind::Unanswered, error.to_string()).free()
            }
            _ => CallError::misconfigured(error.to_string()),
        })?;
        let mut headers = signed.headers;
        // The client sets it.
        headers.remove(CONTENT_TYPE);
        Ok((headers, signed.secrets.iter().map(Secret::new).collect()))
    }

    /// A secret of Secrets Manager; `ID#field` takes one field of a secret that is a JSON object.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn secret(&self, http: &Http, id: &str) -> Result<Secret, CallError> {
        let (id, field) = id.split_once('#').map_or((id, None), |(id, field)| (id, Some(field)));
        let body = json!({ "SecretId": id });
        let target = "secretsmanager.GetSecretValue";
        let answer = self.ask(http, "secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER", target, id, &body).await?;
        let secret = answer.get("SecretString").and_then(Value::as_str);
        let secret = match (secret, field) {
            (Some(secret), Some(field)) => serde_json::from_str::<Value>(secret)
                .ok()
                .and_then(|object| object.get(field).and_then(Value::as_str).map(Secret::new)),
            (secret, _) => secret.map(Secret::new),
        };
        secret.ok_or_else(|| CallError::misconfigured("the secret is no text, or lacks the field after `#`"))
    }

    /// A parameter of Systems Manager, decrypted.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn parameter(&self, http: &Http, name: &str) -> Result<Secret, CallError> {
        let body = json!({ "Name": name, "WithDecryption": true });
        let answer = self.ask(http, "ssm", "AWS_ENDPOINT_URL_SSM", "AmazonSSM.GetParameter", name, &body).await?;
        let value = answer.pointer("/Parameter/Value").and_then(Value::as_str);
        value.map(Secret::new).ok_or_else(|| CallError::misconfigured("the parameter has no value"))
    }

    async fn ask(
        &self,
        http: &Http,
        service: &str,
        variable: &str,
        target: &str,
        name: &str,
        body: &Value,
    ) -> Result<Value, CallError> {
        // arn:aws:service:REGION:account:...
        let arn = name.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2)).filter(|region| !region.is_empty());
        let region = arn.map_or_else(|| self.region(), |region| Ok(region.to_owned()))?;
        let url = self.endpoint(service, variable, &region)?;
        let mut headers = HeaderMap::new();
        let wrong = |_| CallError::misconfigured("the name of the AWS action is wrong");
        headers.insert(HeaderName::from_static("x-amz-target"), target.parse().map_err(wrong)?);
        let body = Bytes::from(body.to_string());
        let (headers, secrets) = self.sign(service, &region, &url, headers, &body).await?;
        match http.post(url, headers, body, &secrets).await {
            Ok((_, answer)) => Ok(answer),
            // No model was called: nothing was paid.
            Err(error) if error.kind == CallErrorKind::Refused => Err(CallError::misconfigured(error.message)),
            Err(error) => Err(error.free()),
        }
    }
}
