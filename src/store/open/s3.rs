//! The client of an S3 bucket: object_store's, with AWS's own chain of credentials ([`crate::aws`]).
//!
//! Keys that the URL or the variables hold go straight to the client; everything else is the chain's, which is asked at
//! the first request.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use object_store::ClientConfigKey;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as S3Key};
use url::Url;

use super::OpenError;
use super::bucket::{Found, REQUEST_TIMEOUT, check_bucket, check_endpoint, finish, retries, without_query};
use super::options::{Group, Kind, Options, is_true};
use crate::aws::Aws;

/// An option of an S3 bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum S3Option {
    /// One of the client's.
    Client(S3Key),
    /// The profile of `~/.aws/config` and `~/.aws/credentials`.
    Profile,
}

impl FromStr for S3Option {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name.parse() {
            _ if matches!(name, "profile" | "aws_profile") => Ok(Self::Profile),
            // The client's own chain has it, and is not used: an instance must speak version 2 of its interface.
            Ok(S3Key::ImdsV1Fallback) | Err(_) => Err(()),
            Ok(key) => Ok(Self::Client(key)),
        }
    }
}

pub(super) const S3: Kind<S3Option> = Kind {
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
        "metadata_endpoint",
        "profile",
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
        S3Option::Client(S3Key::Endpoint | S3Key::S3Endpoint) => Some(Group::Endpoint),
        S3Option::Client(S3Key::Bucket) => Some(Group::Bucket),
        key => CREDENTIALS.iter().any(|(credential, _)| credential == key).then_some(Group::Credential),
    },
};

/// The options that say who asks, and what AWS calls them.
const CREDENTIALS: [(S3Option, &str); 10] = [
    (S3Option::Profile, "AWS_PROFILE"),
    (S3Option::Client(S3Key::AccessKeyId), "AWS_ACCESS_KEY_ID"),
    (S3Option::Client(S3Key::SecretAccessKey), "AWS_SECRET_ACCESS_KEY"),
    (S3Option::Client(S3Key::Token), "AWS_SESSION_TOKEN"),
    (S3Option::Client(S3Key::WebIdentityTokenFile), "AWS_WEB_IDENTITY_TOKEN_FILE"),
    (S3Option::Client(S3Key::RoleArn), "AWS_ROLE_ARN"),
    (S3Option::Client(S3Key::RoleSessionName), "AWS_ROLE_SESSION_NAME"),
    (S3Option::Client(S3Key::ContainerCredentialsRelativeUri), "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    (S3Option::Client(S3Key::ContainerCredentialsFullUri), "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    (S3Option::Client(S3Key::ContainerAuthorizationTokenFile), "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
];

/// The options that say whom the chain asks, and what AWS calls them.
const PLACES: [(S3Option, &str); 4] = [
    (S3Option::Client(S3Key::StsEndpoint), "AWS_ENDPOINT_URL_STS"),
    (S3Option::Client(S3Key::MetadataEndpoint), "AWS_EC2_METADATA_SERVICE_ENDPOINT"),
    (S3Option::Client(S3Key::DefaultRegion), "AWS_DEFAULT_REGION"),
    (S3Option::Client(S3Key::Region), "AWS_REGION"),
];

pub(super) fn s3(url: &Url, shown: &str, env: &[(String, String)]) -> Result<Found, OpenError> {
    let options = Options::gather(url, env, &S3)?;
    let endpoint = options.last(|key| matches!(key, S3Option::Client(S3Key::Endpoint | S3Key::S3Endpoint)));
    let http = options.last(|key| matches!(key, S3Option::Client(S3Key::Client(ClientConfigKey::AllowHttp))));
    check_endpoint(endpoint, http, shown, "AWS_ALLOW_HTTP")?;
    // The host names the bucket, but for addresses that are only a region or an account.
    let path_style = url.host_str().is_some_and(|host| host.starts_with("s3.") || host.contains(".r2."));
    check_bucket(url, path_style, shown)?;
    let mut builder = AmazonS3Builder::new()
        .with_url(without_query(url))
        .with_retry(retries())
        .with_config(S3Key::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT);
    if endpoint.is_some() {
        // Servers at an endpoint of one's own seldom have a name for each bucket.
        builder = builder.with_virtual_hosted_style_request(false);
    }
    // Who is spoken to in the clear shows no certificate, and those that the machine trusts are often more than a hundred files to
    // read. (The identity has clients of its own.)
    let proxied = |name: &str| ["http_proxy", "all_proxy"].contains(&name.to_ascii_lowercase().as_str());
    let is_proxied = env.iter().any(|(name, address)| proxied(name) && address.starts_with("https:"))
        || options.last(|key| matches!(key, S3Option::Client(S3Key::Client(ClientConfigKey::ProxyUrl)))).is_some();
    if endpoint.is_some_and(|endpoint| endpoint.starts_with("http:")) && !is_proxied {
        builder = builder.with_config(S3Key::Client(ClientConfigKey::NoSystemCertificates), "true");
    }
    let identity = Aws::new(variables(&options, env));
    if options.last(|key| matches!(key, S3Option::Client(S3Key::Region | S3Key::DefaultRegion))).is_none()
        && let Some(region) = identity.region()
    {
        builder = builder.with_region(region);
    }
    for (key, value) in &options.all {
        if let S3Option::Client(key) = key {
            builder = builder.with_config(*key, value);
        }
    }
    let has = |wanted: S3Key| options.last(|key| *key == S3Option::Client(wanted)).is_some();
    let unsigned = is_true(options.last(|key| *key == S3Option::Client(S3Key::SkipSignature)));
    if !unsigned && !has(S3Key::AccessKeyId) && !has(S3Key::SecretAccessKey) {
        builder = builder.with_credentials(Arc::new(identity));
    }
    Ok((finish(builder.build(), &options, shown)?, endpoint.map(str::to_owned)))
}

/// The variables that the chain is to see: the process's, with the URL's options in the place of those that they replace.
fn variables(options: &Options<S3Option>, env: &[(String, String)]) -> BTreeMap<String, String> {
    let mut vars: BTreeMap<String, String> = env.iter().cloned().collect();
    if options.own().iter().any(|(key, _)| (S3.group)(key) == Some(Group::Credential)) {
        for (_, name) in CREDENTIALS {
            vars.remove(name);
        }
    }
    for (key, value) in &options.all {
        if let Some((_, name)) = CREDENTIALS.iter().chain(&PLACES).find(|(known, _)| known == key) {
            vars.insert((*name).to_owned(), value.clone());
        }
    }
    vars
}
