//! Signs a request to one of AWS's services (Signature Version 4) as whoever this process is to AWS.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use object_store::aws::AwsAuthorizer;
use object_store::client::{HttpRequest, HttpRequestBody};
use url::Url;

use super::{Aws, CredentialsError};

/// Why a request is not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// There are no credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// It cannot be made a request at all.
    #[error("the request to AWS cannot be signed")]
    Request,
}

/// The headers of a signed request.
#[derive(Debug)]
pub struct Signed {
    /// All headers, those given included.
    pub headers: HeaderMap,
    /// What of them no message may show.
    pub secrets: Vec<String>,
}

impl Aws {
    /// Where a service is: as `AWS_ENDPOINT_URL_<SERVICE>` says, which is `variable`, or in its region. `None`: that is
    /// no URL.
    #[must_use]
    pub fn endpoint(&self, service: &str, variable: &str, region: &str) -> Option<Url> {
        let standard = format!("https://{service}.{region}.amazonaws.com/");
        Url::parse(self.var(variable).unwrap_or(&standard)).ok()
    }

    /// Signs a POST of JSON to a service.
    ///
    /// # Errors
    /// There are no credentials, or no request can be made of this.
    pub async fn sign(
        &self,
        service: &str,
        region: &str,
        url: &Url,
        mut headers: HeaderMap,
        body: &Bytes,
    ) -> Result<Signed, SignError> {
        let credential = self.credential().await?;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut request: HttpRequest = http::Request::builder()
            .method(Method::POST)
            .uri(url.as_str())
            .body(HttpRequestBody::from(body.clone()))
            .map_err(|_| SignError::Request)?;
        *request.headers_mut() = headers;
        let signer = AwsAuthorizer::new(&credential, service, region);
        signer.try_authorize(&mut request, None).map_err(|_| SignError::Request)?;
        let headers = std::mem::take(request.headers_mut());
        let secrets = [Some(credential.secret_key.as_str()), credential.token.as_deref()];
        Ok(Signed { headers, secrets: secrets.into_iter().flatten().map(str::to_owned).collect() })
    }
}
