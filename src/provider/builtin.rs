//! Opens providers, each model once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::cli::{Cli, CliConfig, Host};
use super::known::{self, Known};
use super::network::{Network, config};
use super::script::Script;
use super::scripted::Scripted;
use super::{CallError, Embedder, Provider, Providers};
use crate::domain::model::Model;
use crate::domain::name::ModelKey;
use crate::domain::path::RelativePath;

/// The largest script in bytes.
const MAX_SCRIPT_BYTES: usize = 1 << 20;

/// The files of an organisation, as far as providers read them.
#[async_trait]
pub trait Files: Send + Sync + fmt::Debug {
    /// Reads the file at `path`, relative to the organisation.
    ///
    /// # Errors
    /// There is no such file, or it cannot be read; the message says so.
    async fn read(&self, path: &str) -> Result<Vec<u8>, String>;
}

/// Opens `scripted` and, where the runner allows it, `cli` and models on the network.
///
/// Lives for one invocation: a script or a key is read once, however many agents and models use it.
#[derive(Debug)]
pub struct Builtin {
    files: Arc<dyn Files>,
    host: Option<Host>,
    network: Option<Network>,
    opened: Mutex<Opened>,
}

#[derive(Debug, Default)]
struct Opened {
    models: BTreeMap<ModelKey, (Model, Arc<dyn Provider>)>,
    scripts: BTreeMap<RelativePath, Arc<Script>>,
}

impl Builtin {
    /// Opens providers that read `files`. No model may run local commands.
    #[must_use]
    pub fn new(files: Arc<dyn Files>) -> Self {
        Self { files, host: None, network: None, opened: Mutex::default() }
    }

    /// Lets models be on the network. Keys are read from `vars`, AWS and files; the paths of those
    /// that are relative are below `root`.
    #[must_use]
    pub fn with_network(mut self, vars: BTreeMap<String, String>, root: Option<PathBuf>) -> Self {
        self.network = Some(Network::new(vars, root));
        self
    }

    /// Lets models run local commands, in what `host` says of this machine.
    #[must_use]
    pub fn with_commands(mut self, host: Host) -> Self {
        self.host = Some(host);
        self
    }

    async fn scripted(&self, key: &ModelKey, model: &Model, opened: &mut Opened) -> Result<Scripted, CallError> {
        let error = |cause: String| CallError::misconfigured(format!("model {key}: {cause}"));
        let script = match config(key, model)? {
            ScriptedConfig { script: Some(path), rules: None } => self.script(key, path, opened).await?,
            ScriptedConfig { script: None, rules: Some(rules) } => {
                let origin = format!("provider_config of model {key}");
                let rules = Value::from_iter([("rules", rules)]);
                Arc::new(Script::from_value(rules, &origin).map_err(|e| error(e.to_string()))?)
            }
            _ => return Err(error("provider_config must have either `script` or `rules`".to_owned())),
        };
        Ok(Scripted::new(script))
    }

    async fn script(&self, key: &ModelKey, path: RelativePath, opened: &mut Opened) -> Result<Arc<Script>, CallError> {
        if let Some(script) = opened.scripts.get(&path) {
            return Ok(Arc::clone(script));
        }
        let error = |cause: String| CallError::misconfigured(format!("model {key}: {cause}"));
        let bytes =
            self.files.read(path.as_str()).await.map_err(|cause| error(format!("cannot read {path}: {cause}")))?;
        if bytes.len() > MAX_SCRIPT_BYTES {
            return Err(error(format!("{path} is longer than {MAX_SCRIPT_BYTES} bytes")));
        }
        let script = Script::from_bytes(&bytes, path.as_str()).map_err(|e| error(e.to_string()))?;
        let script = Arc::new(script);
        opened.scripts.insert(path, Arc::clone(&script));
        Ok(script)
    }

    fn cli(&self, key: &ModelKey, model: &Model) -> Result<Cli, CallError> {
        let host = self.host.as_ref().ok_or_else(|| {
            CallError::misconfigured(format!("model {key}: this runner does not run local commands (provider cli)"))
        })?;
        Cli::new(config::<CliConfig>(key, model)?, host)
            .map_err(|e| CallError { message: format!("model {key}: {e}"), ..e })
    }
}

impl Builtin {
    async fn remote(&self, key: &ModelKey, model: &Model, known: Known) -> Result<Arc<dyn Provider>, CallError> {
        let network = self.network.as_ref().ok_or_else(|| {
            CallError::misconfigured(format!("model {key}: this runner reaches no models on the network"))
        })?;
        let opened = network.open(key, model, known).await;
        opened.map_err(|error| named(key, error))
    }
}

/// The same error, which says which model it is of.
fn named(key: &ModelKey, error: CallError) -> CallError {
    let is_named = error.message.starts_with(&format!("model {key}: "));
    let message = if is_named { error.message } else { format!("model {key}: {}", error.message) };
    CallError { message, ..error }
}

/// `provider_config` of a scripted model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptedConfig {
    script: Option<RelativePath>,
    rules: Option<Value>,
}

#[async_trait]
impl Providers for Builtin {
    async fn open(&self, key: &ModelKey, model: &Model) -> Result<Arc<dyn Provider>, CallError> {
        // Held while a script is read, so that turns that start together read it once.
        let mut opened = self.opened.lock().await;
        if let Some((known, provider)) = opened.models.get(key)
            && known == model
        {
            return Ok(Arc::clone(provider));
        }
        let provider: Arc<dyn Provider> = match known::known(&model.provider) {
            Some(Known::Scripted) => Arc::new(self.scripted(key, model, &mut opened).await?),
            Some(Known::Cli) => Arc::new(self.cli(key, model)?),
            Some(known) => self.remote(key, model, known).await?,
            None => {
                let names = known::names().join(", ");
                let message = format!("model {key}: unknown provider {:?}; there are {names}", model.provider);
                return Err(CallError::misconfigured(message));
            }
        };
        opened.models.insert(key.clone(), (model.clone(), Arc::clone(&provider)));
        Ok(provider)
    }

    async fn open_embedder(&self, key: &ModelKey, model: &Model) -> Result<Arc<dyn Embedder>, CallError> {
        let network = self.network.as_ref().ok_or_else(|| {
            CallError::misconfigured(format!("model {key}: this runner reaches no models on the network"))
        })?;
        let opened = network.open_embedder(key, model).await;
        opened.map_err(|error| named(key, error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use serde_json::json;

    use super::*;
    use crate::provider::CallErrorKind;
    use crate::provider::cli::Env;
    use crate::provider::fixture::request;

    /// One script, and how often it was read.
    #[derive(Debug, Default)]
    struct OneScript(AtomicU32);

    #[async_trait]
    impl Files for OneScript {
        async fn read(&self, path: &str) -> Result<Vec<u8>, String> {
            self.0.fetch_add(1, Ordering::SeqCst);
            match path {
                "config/script.json" => Ok(br#"{"rules": [{"answer": {"notes": "from the file"}}]}"#.to_vec()),
                "config/broken.json" => Ok(br#"{"rules": [{}, {"wen": {}}]}"#.to_vec()),
                _ => Err("no such file".to_owned()),
            }
        }
    }

    fn model(provider: &str, config: Value) -> Model {
        let model = json!({"provider": provider, "price": {"input": 0, "output": 0}, "provider_config": config});
        serde_json::from_value(model).expect("model")
    }

    fn key(key: &str) -> ModelKey {
        ModelKey::new(key).expect("key")
    }

    fn host() -> Host {
        Host { base_env: Env::default(), dir: None, is_contract: |_| false }
    }

    #[tokio::test]
    async fn a_script_is_read_once_however_many_models_use_it() {
        let files = Arc::new(OneScript::default());
        let builtin = Builtin::new(files.clone());
        let model = model("scripted", json!({"script": "config/script.json"}));
        let (a, b) = (key("a"), key("b"));
        let opened = futures::future::join_all([&a, &a, &b, &a].map(|key| builtin.open(key, &model))).await;
        for provider in opened {
            let answer = provider.expect("provider").complete(&request(vec![])).await.expect("answer");
            assert_eq!(answer.text, r#"{"notes":"from the file","outbox_entries":[]}"#);
        }
        assert_eq!(files.0.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_model_that_changed_is_opened_anew() {
        let builtin = Builtin::new(Arc::new(OneScript::default()));
        for notes in ["one", "two", "one"] {
            let model = model("scripted", json!({"rules": [{"answer": {"notes": notes}}]}));
            let provider = builtin.open(&key("m"), &model).await.expect("provider");
            let answer = provider.complete(&request(vec![])).await.expect("answer");
            assert!(answer.text.contains(notes));
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_model_is_named() {
        let without = Builtin::new(Arc::new(OneScript::default()));
        let with = Builtin::new(Arc::new(OneScript::default())).with_commands(host());
        for (builtin, provider, config, said) in [
            (&with, "opnai", json!({}), "unknown provider \"opnai\"; there are openai, anthropic, "),
            (&with, "openai", json!({}), "this runner reaches no models on the network"),
            (&with, "scripted", json!({}), "either `script` or `rules`"),
            (&with, "scripted", json!({"script": "a.json", "rules": []}), "either `script` or `rules`"),
            (&with, "scripted", json!({"script": "../a.json"}), "not a path that may be used"),
            (&with, "scripted", json!({"script": "a.json"}), "cannot read a.json: no such file"),
            (
                &with,
                "scripted",
                json!({"script": "config/broken.json"}),
                "config/broken.json, at /rules/1: unknown field",
            ),
            (&with, "scripted", json!({"rules": [{"when": {"tick": "x"}}]}), "provider_config of model m, at /rules/0"),
            (&with, "cli", json!({"command": []}), "command"),
            (&with, "cli", json!({"command": ["/bin/echo"], "shell": true}), "unknown field `shell`"),
            (&without, "cli", json!({"command": ["/bin/echo"]}), "does not run local commands"),
        ] {
            let error = builtin.open(&key("m"), &model(provider, config)).await.expect_err(said);
            assert_eq!(error.kind, CallErrorKind::Misconfigured);
            assert!(error.message.contains(said), "{error} should say {said}");
            assert!(error.message.starts_with("model m: "), "{error}");
        }
        assert!(with.open(&key("m"), &model("cli", json!({"command": ["/bin/echo"]}))).await.is_ok());
    }
}
