//! The clients of buckets at Google and Azure, and what those of all three kinds have in common.
//!
//! Built by hand, as `object_store::parse_url_opts` drops options that it does not know and has no say over retries.

use std::sync::Arc;
use std::time::Duration;

use object_store::azure::{AzureConfigKey as AzureKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey as GoogleKey};
use object_store::{BackoffConfig, ClientConfigKey, Error, ObjectStore, RetryConfig};
use url::Url;

use super::OpenError;
use super::options::{Group, Kind, Options, YES_OR_NO, is_false, is_true};

/// How long one request may take unless an option says otherwise. With [`retries`] this stays below a lease of 30 s.
pub(super) const REQUEST_TIMEOUT: &str = "15 seconds";

/// A client, and the endpoint that it is told to speak to.
pub(super) type Found = (Arc<dyn ObjectStore>, Option<String>);

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

pub(super) fn google(url: &Url, shown: &str, env: &[(String, String)]) -> Result<Found, OpenError> {
    let options = Options::gather(url, env, &GOOGLE)?;
    check_address(options.last(|key| *key == GoogleKey::BaseUrl), "base_url", shown)?;
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_url(without_query(url))
        .with_retry(retries())
        .with_config(GoogleKey::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT);
    for (key, value) in &options.all {
        builder = builder.with_config(*key, value);
    }
    let endpoint = options.last(|key| *key == GoogleKey::BaseUrl).map(str::to_owned);
    Ok((finish(builder.build(), &options, shown)?, endpoint))
}

pub(super) fn azure(url: &Url, shown: &str, env: &[(String, String)]) -> Result<Found, OpenError> {
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
    // The account is in the name of the host only where the URL is one.
    let is_place = |key: &AzureKey| matches!(key, AzureKey::Endpoint | AzureKey::AccountName | AzureKey::UseEmulator);
    let places = options.all.iter().filter(|(key, _)| is_place(key)).map(|(_, value)| value.as_str());
    let place = places.collect::<Vec<_>>().join(" ");
    Ok((finish(builder.build(), &options, shown)?, Some(place)))
}

/// Retries end, with the last request, before a lease of 30 s does: whoever holds one learns in time that it failed.
pub(super) fn retries() -> RetryConfig {
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: 4, retry_timeout: Duration::from_secs(10) }
}

/// The options were taken out of it, and the builders repeat what they are given in their errors.
pub(super) fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

pub(super) fn check_endpoint(
    endpoint: Option<&str>,
    allow_http: Option<&str>,
    shown: &str,
    variable: &'static str,
) -> Result<(), OpenError> {
    check_address(endpoint, "endpoint", shown)?;
    if allow_http.is_some_and(|value| !is_true(Some(value)) && !is_false(value)) {
        return Err(OpenError::BadOption { option: "allow_http", right: YES_OR_NO });
    }
    let plain = endpoint.is_some_and(|endpoint| endpoint.to_ascii_lowercase().starts_with("http://"));
    match plain && !is_true(allow_http) {
        true => Err(OpenError::PlainEndpoint { url: shown.to_owned(), variable }),
        false => Ok(()),
    }
}

/// The clients take an address on trust, and panic at the first request if it is none.
fn check_address(address: Option<&str>, option: &'static str, shown: &str) -> Result<(), OpenError> {
    let is_address = |text: &str| {
        let after = text.find("://").map_or("", |at| &text[at..]);
        // What the parser would mend silently, the clients do not.
        let plain = after.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&byte));
        let parsed = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let nobody = |url: &Url| url.username().is_empty() && url.password().is_none();
        plain && !after.starts_with(":///") && parsed.is_some_and(|url| url.has_host() && nobody(&url))
    };
    match address.is_none_or(is_address) {
        true => Ok(()),
        false => Err(OpenError::BadEndpoint { url: shown.to_owned(), option }),
    }
}

pub(super) fn check_bucket(url: &Url, in_path: bool, shown: &str) -> Result<(), OpenError> {
    let first = url.path_segments().and_then(|mut segments| segments.next()).unwrap_or_default();
    match url.scheme() == "https" && in_path && first.is_empty() {
        true => Err(OpenError::NoBucket { url: shown.to_owned() }),
        false => Ok(()),
    }
}

pub(super) fn finish<K: std::str::FromStr + PartialEq + Clone>(
    built: Result<impl ObjectStore, Error>,
    options: &Options<K>,
    shown: &str,
) -> Result<Arc<dyn ObjectStore>, OpenError> {
    match built {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => {
            let (url, said) = (shown.to_owned(), error.to_string());
            Err(match options.unusable(&said) {
                Some(option) => option,
                None if said.contains("Account must be specified") => OpenError::NoAccount { url },
                None => OpenError::Refused { url, why: options.redact(&said) },
            })
        }
    }
}
