//! AWS: credentials by the same chain as the store's, and signed requests.
//!
//! The chain is object_store's (variables, web identity, container, instance), with the shared
//! credentials file before the instance. AWS's own crates would add minutes to a build for three
//! requests. Single sign-on is not known here: `aws configure export-credentials` is its way in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsAuthorizer, AwsCredential, AwsCredentialProvider};
use object_store::client::{HttpRequest, HttpRequestBody};
use object_store::{ClientOptions, RetryConfig};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use super::http::Http;
use super::secret::Secret;
use super::{CallError, CallErrorKind};

/// How long the instance's own address may take to answer: there is none on most machines.
const INSTANCE_TIMEOUT: Duration = Duration::from_secs(2);

/// Who this process is to AWS.
#[derive(Debug)]
pub(super) struct Aws {
    vars: BTreeMap<String, String>,
    provider: OnceCell<AwsCredentialProvider>,
}

impl Aws {
    /// Reads nothing yet but `vars`.
    pub(super) fn new(vars: BTreeMap<String, String>) -> Self {
        Self { vars, provider: OnceCell::new() }
    }

    fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The region that the environment names.
    ///
    /// # Errors
    /// It names none.
    pub(super) fn region(&self) -> Result<String, CallError> {
        let region = self.var("AWS_REGION").or_else(|| self.var("AWS_DEFAULT_REGION"));
        region.map(str::to_owned).ok_or_else(|| CallError::misconfigured("no AWS region: set AWS_REGION"))
    }

    /// Where a service is: as `AWS_ENDPOINT_URL_<SERVICE>` says, or in its region.
    ///
    /// # Errors
    /// It is no URL.
    pub(super) fn endpoint(&self, service: &str, variable: &str, region: &str) -> Result<Url, CallError> {
        let standard = format!("https://{service}.{region}.amazonaws.com/");
        let endpoint = self.var(variable).unwrap_or(&standard);
        Url::parse(endpoint).map_err(|_| CallError::misconfigured(format!("{variable} or the AWS region makes no URL")))
    }

    async fn provider(&self) -> Result<&AwsCredentialProvider, CallError> {
        self.provider
            .get_or_try_init(|| async {
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name("unused")
                    .with_region("us-east-1")
                    .with_retry(RetryConfig {
                        max_retries: 1,
                        retry_timeout: INSTANCE_TIMEOUT,
                        ..RetryConfig::default()
                    })
                    .with_client_options(ClientOptions::new().with_timeout(INSTANCE_TIMEOUT).with_allow_http(true));
                for (name, value) in &self.vars {
                    let is_credential = CHAIN.contains(&name.as_str());
                    if let (true, Ok(key)) = (is_credential, AmazonS3ConfigKey::from_str(&name.to_lowercase())) {
                        builder = builder.with_config(key, value);
                    }
                }
                if let Some((id, secret, token)) = self.shared_file() {
                    builder = builder.with_access_key_id(id).with_secret_access_key(secret);
                    if let Some(token) = token {
                        builder = builder.with_token(token);
                    }
                }
                let wrong = |_| CallError::misconfigured("the AWS variables contradict each other");
                Ok(Arc::clone(builder.build().map_err(wrong)?.credentials()))
            })
            .await
    }

    /// The keys of a profile in the shared credentials file, unless the environment says who we are.
    fn shared_file(&self) -> Option<(String, String, Option<String>)> {
        if CHAIN.iter().any(|name| self.var(name).is_some()) {
            return None;
        }
        let standard = || Some(PathBuf::from(self.var("HOME")?).join(".aws/credentials"));
        let path = self.var("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from).or_else(standard)?;
        let text = std::fs::read_to_string(path).ok()?;
        profile(&text, self.var("AWS_PROFILE").unwrap_or("default"))
    }

    async fn credential(&self) -> Result<Arc<AwsCredential>, CallError> {
        // What the chain says in detail may name addresses and files; it says no more than this.
        self.provider().await?.get_credential().await.map_err(|_| {
            let hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role";
            CallError::misconfigured(format!("found no AWS credentials: {hint}"))
        })
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
        mut headers: HeaderMap,
        body: &Bytes,
    ) -> Result<(HeaderMap, Vec<Secret>), CallError> {
        let credential = self.credential().await?;
        let cannot = || CallError::misconfigured("the request to AWS cannot be signed");
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut request: HttpRequest = http::Request::builder()
            .method(http::Method::POST)
            .uri(url.as_str())
            .body(HttpRequestBody::from(body.clone()))
            .map_err(|_| cannot())?;
        *request.headers_mut() = headers;
        AwsAuthorizer::new(&credential, service, region).try_authorize(&mut request, None).map_err(|_| cannot())?;
        let mut headers = std::mem::take(request.headers_mut());
        // The client sets it.
        headers.remove(CONTENT_TYPE);
        let secrets = [Some(credential.secret_key.as_str()), credential.token.as_deref()];
        Ok((headers, secrets.into_iter().flatten().map(Secret::new).collect()))
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

/// The variables that say who we are.
const CHAIN: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_METADATA_ENDPOINT",
];

/// Reads the keys of one profile.
/// Source: docs.aws.amazon.com/sdkref/latest/guide/file-format.html
fn profile(text: &str, wanted: &str) -> Option<(String, String, Option<String>)> {
    let mut at = false;
    let mut found = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            at = name.trim() == wanted;
        } else if let (true, Some((name, value))) = (at, line.split_once('=')) {
            found.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
    let mut take = |name| found.remove(name);
    Some((take("aws_access_key_id")?, take("aws_secret_access_key")?, take("aws_session_token")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_off_the_shared_file() {
        let text =
            "# mine\n[default]\naws_access_key_id = A\naws_secret_access_key=B=\n\n[other]\naws_access_key_id=C\n";
        assert_eq!(profile(text, "default"), Some(("A".to_owned(), "B=".to_owned(), None)));
        assert_eq!(profile(text, "other"), None);
    }
}
