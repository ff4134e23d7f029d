//! Who this process is to AWS: one chain of credentials, for buckets and for models.
//!
//! The chain is AWS's own (`aws-config`): variables, profiles with SSO, assumed roles and processes, web identity,
//! container and instance. It is made when it is first asked and then remembered ([`keep`]); a tick that never speaks to
//! AWS pays nothing for it, and keys that stand in the variables go straight. It reads the variables that it is handed,
//! never the process's own.

mod error;
mod http;
pub mod invoke;
pub mod keep;
mod sign;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use aws_config::{BehaviorVersion, ConfigLoader};
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_types::os_shim_internal::{Env, Fs};
use futures::FutureExt as _;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::OnceCell;

pub use self::error::CredentialsError;
use self::http::Client;
use self::keep::{Keeper, Loaded, Source};
pub use self::sign::{SignError, Signed};
use crate::clock::{Clock, SystemClock};
use crate::domain::time::Timestamp;

/// Who this process is to AWS, as its variables and files say.
#[derive(Debug)]
pub struct Aws {
    keeper: Keeper<Chain>,
}

impl Aws {
    /// Takes the variables; reads nothing else yet.
    #[must_use]
    pub fn new(vars: BTreeMap<String, String>) -> Self {
        Self::with_clock(vars, Arc::new(SystemClock))
    }

    /// The same with another clock, which decides when credentials are too old.
    #[must_use]
    pub fn with_clock(vars: BTreeMap<String, String>, clock: Arc<dyn Clock>) -> Self {
        Self { keeper: Keeper::new(Chain { vars, provider: OnceCell::new() }, clock) }
    }

    /// A variable, unless it is empty.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.keeper.source().var(name)
    }

    /// The region that the variables or the profile name. Reads the profile's files; asks nobody.
    #[must_use]
    pub fn region(&self) -> Option<String> {
        let named = self.var("AWS_REGION").or_else(|| self.var("AWS_DEFAULT_REGION"));
        named.map(str::to_owned).or_else(|| self.keeper.source().region_of_profile())
    }

    /// The credentials of now.
    ///
    /// # Errors
    /// There are none, or whoever gives them did not answer. The message says where they were looked for.
    pub async fn credential(&self) -> Result<Arc<AwsCredential>, CredentialsError> {
        self.keeper.credential().await
    }
}

#[async_trait]
impl CredentialProvider for Aws {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        self.credential().await.map_err(|error| match error.is_final() {
            true => object_store::Error::Unauthenticated { path: "credentials".to_owned(), source: error.into() },
            false => object_store::Error::Generic { store: "S3", source: error.into() },
        })
    }
}

/// AWS's chain of sources.
struct Chain {
    vars: BTreeMap<String, String>,
    provider: OnceCell<SharedCredentialsProvider>,
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values may be secret.
        f.debug_struct("Chain").field("vars", &self.vars.keys().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

impl Chain {
    fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Keys that stand in the variables.
    fn keys(&self) -> Option<AwsCredential> {
        let var = |name| self.var(name).map(|value| value.trim().to_owned());
        Some(AwsCredential {
            key_id: var("AWS_ACCESS_KEY_ID")?,
            secret_key: var("AWS_SECRET_ACCESS_KEY")?,
            token: var("AWS_SESSION_TOKEN"),
        })
    }

    fn env(&self) -> Env {
        let vars: Vec<(&str, &str)> = self.vars.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Env::from_slice(&vars)
    }

    fn region_of_profile(&self) -> Option<String> {
        let loaded = async {
            let (disk, env, files) = (Fs::real(), self.env(), Default::default());
            let profiles = aws_config::profile::load(&disk, &env, &files, None).await.ok()?;
            profiles.get("region").map(str::to_owned)
        };
        // Files are read where they are: nothing is waited for.
        loaded.now_or_never().flatten()
    }

    async fn provider(&self) -> Option<&SharedCredentialsProvider> {
        let made = self.provider.get_or_try_init(|| async {
            let loader: ConfigLoader = aws_config::defaults(BehaviorVersion::v2026_01_12());
            let loader = loader.env(self.env()).http_client(Client::new(&self.vars));
            // The region is for the calls to STS and SSO; with one, the instance is not asked for it.
            let region = self.var("AWS_REGION").or_else(|| self.var("AWS_DEFAULT_REGION")).map(str::to_owned);
            let region = region.or_else(|| self.region_of_profile()).unwrap_or_else(|| "us-east-1".to_owned());
            let config = loader.region(aws_config::Region::new(region)).load().await;
            config.credentials_provider().ok_or(())
        });
        made.await.ok()
    }
}

#[async_trait]
impl Source for Chain {
    async fn load(&self) -> Result<Loaded, CredentialsError> {
        if let Some(keys) = self.keys() {
            return Ok(Loaded { credential: keys, expires_at: None });
        }
        let Some(provider) = self.provider().await else {
            return Err(CredentialsError::none(&self.vars));
        };
        let found = provider.provide_credentials().await.map_err(|error| CredentialsError::of(&error, &self.vars))?;
        let since = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(Loaded {
            expires_at: found
                .expiry()
                .map(|time| Timestamp::from_unix_ms(i64::try_from(since(time).as_millis()).unwrap_or(i64::MAX))),
            credential: AwsCredential {
                key_id: found.access_key_id().to_owned(),
                secret_key: found.secret_access_key().to_owned(),
                token: found.session_token().map(str::to_owned),
            },
        })
    }
}
