//! Keys: from a reference in `config/models.json` to the secret, read when a model is opened.

use std::path::PathBuf;

use super::CallError;
use super::aws::Aws;
use super::cli::Env;
use super::http::Http;
use super::secret::Secret;
use crate::domain::endpoint::KeyRef;

/// The largest file that a key is read from, in bytes.
const MAX_KEY_BYTES: u64 = 64 * 1024;

/// Where keys may lie.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) vars: Env,
    /// What relative paths are below.
    pub(super) root: Option<PathBuf>,
}

impl Keys {
    /// Reads the key that a reference names.
    ///
    /// # Errors
    /// It is not there or cannot be read. The message names the reference and nothing of the key.
    pub(super) async fn resolve(
        &self,
        key: &KeyRef,
        aws: &Aws,
        http: impl FnOnce() -> Result<Http, CallError>,
    ) -> Result<Secret, CallError> {
        let secret = match key {
            KeyRef::Env(name) => match self.vars.0.get(name).filter(|value| !value.trim().is_empty()) {
                Some(value) => Secret::new(value),
                None => return Err(CallError::misconfigured(format!("the variable {name} is not set"))),
            },
            KeyRef::File(path) => self.file(path)?,
            KeyRef::SecretsManager(id) => aws.secret(&http()?, id).await.map_err(|error| at(key, error))?,
            KeyRef::Ssm(name) => aws.parameter(&http()?, name).await.map_err(|error| at(key, error))?,
        };
        if secret.is_empty() {
            return Err(CallError::misconfigured(format!("the key at {key} is empty")));
        }
        if !secret.expose().chars().all(|c| c.is_ascii_graphic()) {
            return Err(CallError::misconfigured(format!("the key at {key} holds what no header can carry")));
        }
        Ok(secret)
    }

    fn file(&self, path: &str) -> Result<Secret, CallError> {
        let error = |why: String| CallError::misconfigured(format!("cannot read the key in file {path}: {why}"));
        let full = match &self.root {
            Some(root) => root.join(path),
            None if std::path::Path::new(path).is_absolute() => PathBuf::from(path),
            None => return Err(error("the organisation is no folder, so that the path must be absolute".to_owned())),
        };
        let found = std::fs::metadata(&full).map_err(|cause| error(cause.to_string()))?;
        if !found.is_file() || found.len() > MAX_KEY_BYTES {
            return Err(error(format!("it is no file of at most {MAX_KEY_BYTES} bytes")));
        }
        // Not a text: what stands in it is not repeated.
        let text = std::fs::read_to_string(&full).map_err(|cause| error(cause.kind().to_string()))?;
        Ok(Secret::new(text))
    }
}

fn at(key: &KeyRef, error: CallError) -> CallError {
    CallError { message: format!("cannot read the key at {key}: {}", error.message), ..error }
}
