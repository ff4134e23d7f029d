//! Models on the network: what they need, which key, which adapter.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use genai::adapter::AdapterKind;
use serde::Deserialize;

use super::aws::Aws;
use super::bedrock::{Bedrock, BedrockConfig};
use super::chat::{Chat, ChatConfig};
use super::cli::Env;
use super::embeddings::{Embeddings, Wire};
use super::http::Http;
use super::keys::Keys;
use super::known::{self, Known};
use super::ollama::{self, Ollama, OllamaConfig};
use super::secret::Secret;
use super::{CallError, Embedder, Provider};
use crate::domain::endpoint::{BaseUrl, KeyRef};
use crate::domain::model::Model;
use crate::domain::name::ModelKey;

/// What models on the network are reached with.
#[derive(Debug)]
pub(super) struct Network {
    keys: Keys,
    aws: Arc<Aws>,
    http: OnceLock<Http>,
    /// For models at addresses that begin with `http:`.
    in_the_clear: OnceLock<Http>,
}

impl Network {
    /// Keys are read from `vars`, AWS and files; the paths of those that are relative are below `root`.
    pub(super) fn new(vars: BTreeMap<String, String>, root: Option<PathBuf>) -> Self {
        let vars = Env(vars);
        Self {
            aws: Arc::new(Aws::new(vars.clone())),
            keys: Keys { vars, root },
            http: OnceLock::new(),
            in_the_clear: OnceLock::new(),
        }
    }

    /// The client, made when it is first needed: reading certificates takes time.
    fn http(&self) -> Result<Http, CallError> {
        made_once(&self.http, || Http::new(&self.keys.vars.0))
    }

    /// The client for a model.
    fn http_for(&self, model: &Model) -> Result<Http, CallError> {
        match &model.base_url {
            Some(url) if url.as_url().scheme() == "http" => {
                made_once(&self.in_the_clear, || Http::in_the_clear(&self.keys.vars.0))
            }
            _ => self.http(),
        }
    }
}

/// Finds out whether a model can turn texts into vectors. Looks for no key and sends nothing.
///
/// # Errors
/// Its provider has no such models here, or it is configured otherwise than such models are.
pub fn check_embeddings(key: &ModelKey, model: &Model) -> Result<(), CallError> {
    embeddings_wire(key, model)?;
    check_address(key, model)?;
    // What only concerns conversations has no place here.
    config::<NoConfig>(key, model).map(drop)
}

fn embeddings_wire(key: &ModelKey, model: &Model) -> Result<Wire, CallError> {
    match known::known(&model.provider) {
        Some(Known::Hosted(AdapterKind::OpenAI) | Known::OpenAiCompatible) => Ok(Wire::OpenAi),
        Some(Known::Ollama { is_cloud: false }) => Ok(Wire::Ollama),
        _ => Err(CallError::misconfigured(format!(
            "model {key}: there are no embeddings of provider {}: use openai, openai_compatible or ollama",
            model.provider
        ))),
    }
}

/// What every model on the network must say of where it is.
fn check_address(key: &ModelKey, model: &Model) -> Result<(), CallError> {
    let wrong = |message: String| Err(CallError::misconfigured(format!("model {key}: {message}")));
    if model.model_name.is_empty() {
        return wrong("set model_name to the provider's name of the model".to_owned());
    }
    if known::needs_base_url(&model.provider) && model.base_url.is_none() {
        return wrong(format!("provider {} needs base_url", model.provider));
    }
    // A key in the clear is anybody's who sits on the way.
    if model.key.is_some() && model.base_url.as_ref().is_some_and(is_exposed) {
        return wrong("base_url is http on another machine: the key would travel in the clear".to_owned());
    }
    Ok(())
}

/// Finds out whether a model on the network is configured as its provider asks. Looks for no key and
/// sends nothing; says nothing of models that are not on the network.
///
/// # Errors
/// It is not.
pub fn check(key: &ModelKey, model: &Model) -> Result<(), CallError> {
    let Some(known) = known::known(&model.provider).filter(|_| known::is_remote(&model.provider)) else {
        return Ok(());
    };
    check_address(key, model)?;
    let wrong = |message: String| Err(CallError::misconfigured(format!("model {key}: {message}")));
    match known {
        Known::Ollama { .. } if model.context_tokens.is_none() => wrong(ollama::NO_WINDOW.to_owned()),
        Known::Ollama { .. } => config::<OllamaConfig>(key, model).map(drop),
        Known::Bedrock => config::<BedrockConfig>(key, model).map(drop),
        _ => config::<ChatConfig>(key, model).map(drop),
    }
}

impl Network {
    /// The client and the key of a model, if nothing is wrong with what it says of both.
    async fn ready(&self, model: &Model) -> Result<(Http, Option<Secret>), CallError> {
        let secret = self.key(model).await?;
        Ok((self.http_for(model)?, secret))
    }

    /// Opens a model that turns texts into vectors.
    ///
    /// # Errors
    /// There are none of its provider, or it is not configured as its provider asks.
    pub(super) async fn open_embedder(&self, key: &ModelKey, model: &Model) -> Result<Arc<dyn Embedder>, CallError> {
        check_embeddings(key, model)?;
        let (http, secret) = self.ready(model).await?;
        let wire = embeddings_wire(key, model)?;
        Ok(Arc::new(Embeddings::new(http, model.base_url.as_ref(), secret, wire)?))
    }

    /// Opens a model of a provider that is on the network.
    ///
    /// # Errors
    /// It is not configured as its provider asks, or its key is not there.
    pub(super) async fn open(
        &self,
        key: &ModelKey,
        model: &Model,
        known: Known,
    ) -> Result<Arc<dyn Provider>, CallError> {
        check(key, model)?;
        let (http, secret) = self.ready(model).await?;
        let at = model.base_url.as_ref();
        let prices_cache = model.price.cache_write_input.is_some();
        let hosted = |kind, is_azure, secret: Option<Secret>| -> Result<Arc<dyn Provider>, CallError> {
            // A server that needs none is sent something, as its clients do.
            let secret = secret.unwrap_or_else(|| Secret::new("none"));
            let config = config(key, model)?;
            Ok(Arc::new(Chat::new(&http, kind, is_azure, model.base_url.clone(), secret, prices_cache, config)?))
        };
        Ok(match known {
            Known::Hosted(kind) => hosted(kind, false, secret)?,
            Known::Azure => hosted(AdapterKind::OpenAI, true, secret)?,
            Known::OpenAiCompatible => hosted(AdapterKind::OpenAI, false, secret)?,
            Known::Ollama { is_cloud } => {
                let cloud = BaseUrl::parse("https://ollama.com/").ok();
                let at = at.or(cloud.as_ref().filter(|_| is_cloud));
                Arc::new(Ollama::new(http.clone(), at, secret, model.context_tokens, config(key, model)?)?)
            }
            Known::Bedrock => {
                Arc::new(Bedrock::new(http.clone(), Arc::clone(&self.aws), at, secret, config(key, model)?)?)
            }
            Known::Scripted | Known::Cli => return Err(CallError::misconfigured("is not on the network")),
        })
    }

    /// The key that the model names, or the one that its provider's is as a rule. An address of
    /// somebody's own never gets the usual key: it must be named.
    async fn key(&self, model: &Model) -> Result<Option<Secret>, CallError> {
        let usual = known::usual_key(&model.provider);
        let reference = match (&model.key, usual, &model.base_url) {
            (Some(key), _, _) => key.clone(),
            (None, Some(name), None) => KeyRef::Env(name.to_owned()),
            (None, _, _) => return Ok(None),
        };
        self.keys.resolve(&reference, &self.aws, || self.http()).await.map(Some)
    }
}

fn made_once(cell: &OnceLock<Http>, make: impl FnOnce() -> Result<Http, CallError>) -> Result<Http, CallError> {
    match cell.get() {
        Some(http) => Ok(http.clone()),
        None => {
            let http = make()?;
            Ok(cell.get_or_init(|| http).clone())
        }
    }
}

fn is_exposed(url: &BaseUrl) -> bool {
    url.as_url().scheme() == "http" && !url.is_loopback()
}

/// Reads `provider_config`.
///
/// # Errors
/// It is not as the provider asks; an unknown field is an error.
pub(super) fn config<T: serde::de::DeserializeOwned>(key: &ModelKey, model: &Model) -> Result<T, CallError> {
    T::deserialize(&model.provider_config)
        .map_err(|cause| CallError::misconfigured(format!("model {key}: provider_config: {cause}")))
}

/// `provider_config` of a model that takes none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoConfig {}
