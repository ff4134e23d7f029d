//! The clients of the three kinds of buckets.
//!
//! Built by hand, as `object_store::parse_url_opts` drops options that it does not know and has no say over retries.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as S3Key};
use object_store::azure::{AzureConfigKey as AzureKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey as GoogleKey};
use object_store::{BackoffConfig, ClientConfigKey, Error, ObjectStore, RetryConfig};
use url::Url;

use super::OpenError;
use super::options::{Group, Kind, Options, is_true};

/// How long one request may take unless an option says otherwise. With [`retries`] this stays below a lease of 30 s.
const REQUEST_TIMEOUT: &str = "15 seconds";

pub(super) const S3: Kind<S3Key> = Kind {
    store: "an S3 bucket",
    env_prefix: "AWS_",
    env_also: &[],
    known: &[
        "access_key_id",
        "checksum_algorithm",
        "conditional_put",
        "container_authorization_token_file",
        "container_credentials_full_uri",
        "container_credentials_relative_uri",
        "copy_if_not_exists",
        "default_region",
        "disable_bulk_delete",
        "disable_tagging",
        "endpoint",
        "endpoint_url_sts",
        "imdsv1_fallback",
        "metadata_endpoint",
        "region",
        "request_payer",
        "role_arn",
        "role_session_name",
        "s3_express",
        "secret_access_key",
        "server_side_encryption",
        "session_token",
        "skip_signature",
        "sse_bucket_key_enabled",
        "sse_customer_key_base64",
        "sse_kms_key_id",
        "unsigned_payload",
        "virtual_hosted_style_request",
        "web_identity_token_file",
    ],
    group: |key| match key {
        S3Key::AccessKeyId
        | S3Key::SecretAccessKey
        | S3Key::Token
        | S3Key::WebIdentityTokenFile
        | S3Key::RoleArn
        | S3Key::RoleSessionName
        | S3Key::ContainerCredentialsRelativeUri
        | S3Key::ContainerCredentialsFullUri
        | S3Key::ContainerAuthorizationTokenFile => Some(Group::Credential),
        S3Key::Endpoint | S3Key::S3Endpoint => Some(Group::Endpoint),
        S3Key::Bucket => Some(Group::Bucket),
        _ => None,
    },
};

pub(super) const GOOGLE: Kind<GoogleKey> = Kind {
    store: "a Google Cloud Storage bucket",
    env_prefix: "GOOGLE_",
    env_also: &[("SERVICE_ACCOUNT", GoogleKey::ServiceAccount)],
    known: &[
        "application_credentials",
        "base_url",
        "bearer_token",
        "service_account",
        "service_account_key",
        "skip_signature",
    ],
    group: |key| match key {
        GoogleKey::ServiceAccount
        | GoogleKey::ServiceAccountKey
        | GoogleKey::ApplicationCredentials
        | GoogleKey::BearerToken => Some(Group::Credential),
        GoogleKey::Bucket => Some(Group::Bucket),
        _ => None,
    },
};

pub(super) const AZURE: Kind<AzureKey> = Kind {
    store: "an Azure container",
    env_prefix: "AZURE_",
    env_also: &[("IDENTITY_ENDPOINT", AzureKey::MsiEndpoint)],
    known: &[
        "access_key",
        "account_name",
        "authority_host",
        "authority_id",
        "client_id",
        "client_secret",
        "credential_type",
        "disable_tagging",
        "encryption_key",
        "endpoint",
        "fabric_cluster_identifier",
        "fabric_session_token",
        "fabric_token_service_url",
        "fabric_workload_host",
        "federated_token_file",
        "msi_endpoint",
        "msi_resource_id",
        "object_id",
        "sas_token",
        "skip_signature",
        "tenant_id",
        "token",
        "use_azure_cli",
        "use_emulator",
        "use_fabric_endpoint",
    ],
    group: |key| match key {
        AzureKey::AccessKey
        | AzureKey::ClientId
        | AzureKey::ClientSecret
        | AzureKey::AuthorityId
        | AzureKey::SasKey
        | AzureKey::Token
        | AzureKey::MsiEndpoint
        | AzureKey::ObjectId
        | AzureKey::MsiResourceId
        | AzureKey::FederatedTokenFile
        | AzureKey::UseAzureCli
        | AzureKey::CredentialType
        | AzureKey::FabricSessionToken => Some(Group::Credential),
        AzureKey::ContainerName => Some(Group::Bucket),
        _ => None,
    },
};

pub(super) fn s3(url: &Url, shown: &str, env: &[(String, String)]) -> Result<Arc<dyn ObjectStore>, OpenError> {
    let options = Options::gather(url, env, &S3)?;
    let is_endpoint = |key: &S3Key| matches!(key, S3Key::Endpoint | S3Key::S3Endpoint);
    let http = options.last(|key| matches!(key, S3Key::Client(ClientConfigKey::AllowHttp)));
    check_endpoint(options.last(is_endpoint), http, shown, "AWS_ALLOW_HTTP")?;
    // The host names the bucket, but for addresses that are only a region or an account.
    let path_style = url.host_str().is_some_and(|host| host.starts_with("s3.") || host.contains(".r2."));
    check_bucket(url, path_style, shown)?;
    let mut builder = AmazonS3Builder::new()
        .with_url(without_query(url))
        .with_retry(retries())
        .with_config(S3Key::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT);
    if options.last(is_endpoint).is_some() {
        // Servers at an endpoint of one's own seldom have a name for each bucket.
        builder = builder.with_virtual_hosted_style_request(false);
    }
    for (key, value) in &options.all {
        builder = builder.with_config(*key, value);
    }
    finish(builder.build(), &options, shown)
}

pub(super) fn google(url: &Url, shown: &str, env: &[(String, String)]) -> Result<Arc<dyn ObjectStore>, OpenError> {
    let options = Options::gather(url, env, &GOOGLE)?;
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_url(without_query(url))
        .with_retry(retries())
        .with_config(GoogleKey::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT);
    for (key, value) in &options.all {
        builder = builder.with_config(*key, value);
    }
    finish(builder.build(), &options, shown)
}

pub(super) fn azure(url: &Url, shown: &str, env: &[(String, String)]) -> Result<Arc<dyn ObjectStore>, OpenError> {
    let options = Options::gather(url, env, &AZURE)?;
    let http = options.last(|key| matches!(key, AzureKey::Client(ClientConfigKey::AllowHttp)));
    check_endpoint(options.last(|key| *key == AzureKey::Endpoint), http, shown, "AZURE_ALLOW_HTTP")?;
    check_bucket(url, url.scheme() == "https", shown)?;
    let mut builder = MicrosoftAzureBuilder::new()
        .with_url(without_query(url))
        .with_retry(retries())
        .with_config(AzureKey::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT);
    for (key, value) in &options.all {
        builder = builder.with_config(*key, value);
    }
    finish(builder.build(), &options, shown)
}

/// Retries end, with the last request, before a lease of 30 s does: whoever holds one learns in time that it failed.
fn retries() -> RetryConfig {
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: 4, retry_timeout: Duration::from_secs(10) }
}

/// The options were taken out of it, and the builders repeat what they are given in their errors.
fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

fn check_endpoint(
    endpoint: Option<&str>,
    allow_http: Option<&str>,
    shown: &str,
    variable: &'static str,
) -> Result<(), OpenError> {
    let plain = endpoint.is_some_and(|endpoint| endpoint.to_ascii_lowercase().starts_with("http://"));
    match plain && !is_true(allow_http) {
        true => Err(OpenError::PlainEndpoint { url: shown.to_owned(), variable }),
        false => Ok(()),
    }
}

fn check_bucket(url: &Url, in_path: bool, shown: &str) -> Result<(), OpenError> {
    let first = url.path_segments().and_then(|mut segments| segments.next()).unwrap_or_default();
    match url.scheme() == "https" && in_path && first.is_empty() {
        true => Err(OpenError::NoBucket { url: shown.to_owned() }),
        false => Ok(()),
    }
}

fn finish<K: std::str::FromStr + PartialEq + Clone>(
    built: Result<impl ObjectStore, Error>,
    options: &Options<K>,
    shown: &str,
) -> Result<Arc<dyn ObjectStore>, OpenError> {
    match built {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(OpenError::Refused { url: shown.to_owned(), why: options.redact(&error.to_string()) }),
    }
}
