//! A template, or one agent of it, becomes a part of an organisation that there is.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Template;
use super::save::script;
use super::toolbox;
use crate::domain::name::{AgentName, ModelKey, ToolName};
use crate::edit::{self, EditError};
use crate::revision::Revision;
use crate::store::{Key, Store, StoreError};

/// Why it cannot.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The template has no such agent.
    #[error("the template {template} has no agent {agent}")]
    NoAgent {
        /// Which template.
        template: String,
        /// Which agent.
        agent: AgentName,
    },
    /// There is an agent of that name.
    #[error("there is an agent {0} already, or there was one")]
    Taken(AgentName),
    /// Another file lies where one of the template must.
    #[error("{path} is there already, with other content: the model {model} of the template needs its own")]
    Conflict {
        /// Where.
        path: String,
        /// The model that needs it.
        model: ModelKey,
    },
    /// A file cannot be changed.
    #[error("{path}: {source}")]
    Edit {
        /// Which.
        path: String,
        /// Why.
        source: EditError,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// What becomes a part.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// Of which template.
    pub template: &'a Template,
    /// The agents, and the names that they get.
    pub agents: Vec<(AgentName, AgentName)>,
    /// What they think with instead of the template's models.
    pub model: Option<ModelKey>,
    /// Whether files of all come along, where there are none yet.
    pub shared: bool,
}

/// The revision by which agents of a template come in, with the models, scripts, servers and own tools that they
/// need and that are not there.
///
/// # Errors
/// Something of it cannot be.
pub async fn join(store: &Store, part: &Part<'_>) -> Result<Revision, JoinError> {
    let mut revision = Revision::default();
    let (mut models, mut tools) = (Vec::new(), BTreeSet::new());
    for (from, name) in &part.agents {
        let known = part.template.agents.get(from);
        let (Some(resume), Some(bytes)) = (known, part.template.files.get(&Key::Resume(from.clone()))) else {
            let template = part.template.about.name.to_string();
            return Err(JoinError::NoAgent { template, agent: from.clone() });
        };
        let key = Key::Resume(name.clone());
        if store.get(&key).await?.is_some() || store.get(&Key::Removed(name.clone())).await?.is_some() {
            return Err(JoinError::Taken(name.clone()));
        }
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        let mut set = |path: &[&str], value: &Value| {
            let at = |source| JoinError::Edit { path: key.path(), source };
            text = edit::set(&text, path, value).map_err(at)?;
            Ok::<_, JoinError>(())
        };
        if from != name {
            set(&["name"], &json!(name))?;
        }
        match &part.model {
            Some(model) => set(&["model", "key"], &json!(model))?,
            None => {
                models.extend([Some(&resume.model.key), resume.credits.soft_cap_model.as_ref()].into_iter().flatten())
            }
        }
        tools.extend(resume.permissions.tools.iter().cloned());
        revision.set(key, None, Some(Bytes::from(text)));
    }
    let registry = part.template.models();
    let mut needed: Vec<ModelKey> =
        models.into_iter().flat_map(|key| registry.candidates(key)).map(|(key, _)| key.clone()).collect();
    needed.sort_unstable();
    needed.dedup();
    add_models(store, part.template, &needed, &mut revision).await?;
    add_tools(store, part, &tools, &mut revision).await?;
    if part.shared {
        for (key, bytes) in part.template.files.iter().filter(|(key, _)| matches!(key, Key::Shared(_))) {
            if store.get(key).await?.is_none() {
                revision.set(key.clone(), None, Some(bytes.clone()));
            }
        }
    }
    Ok(revision)
}

async fn add_tools(
    store: &Store,
    part: &Part<'_>,
    needed: &BTreeSet<ToolName>,
    revision: &mut Revision,
) -> Result<(), JoinError> {
    let Some(theirs) = part.template.files.get(&Key::Tools) else { return Ok(()) };
    let theirs: Value = serde_json::from_slice(theirs).unwrap_or_default();
    let there = store.get(&Key::Tools).await?;
    let text = there.as_ref().map_or_else(|| "{}\n".into(), |bytes| String::from_utf8_lossy(bytes).into_owned());
    let edited = toolbox::joined(&text, &theirs, needed, &part.agents)
        .map_err(|source| JoinError::Edit { path: Key::Tools.path(), source })?;
    if edited != text {
        revision.set(Key::Tools, there, Some(Bytes::from(edited)));
    }
    Ok(())
}

async fn add_models(
    store: &Store,
    template: &Template,
    needed: &[ModelKey],
    revision: &mut Revision,
) -> Result<(), JoinError> {
    let there = store.get(&Key::Models).await?;
    let text = there.as_ref().map_or_else(|| "{}\n".into(), |bytes| String::from_utf8_lossy(bytes).into_owned());
    let known: Value = serde_json::from_str(&text).unwrap_or_default();
    let theirs: Value =
        template.files.get(&Key::Models).and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    let mut edited = text;
    for key in needed {
        let Some(entry) = theirs.get(key.as_str()).filter(|_| known.get(key.as_str()).is_none()) else { continue };
        edited = edit::set(&edited, &[key.as_str()], entry)
            .map_err(|source| JoinError::Edit { path: Key::Models.path(), source })?;
        let Some(script) = script(entry) else { continue };
        let Some(bytes) = template.files.get(&script) else { continue };
        match store.get(&script).await? {
            None => revision.set(script, None, Some(bytes.clone())),
            Some(there) if there == *bytes => {}
            Some(_) => return Err(JoinError::Conflict { path: script.path(), model: key.clone() }),
        }
    }
    revision.set(Key::Models, there, Some(Bytes::from(edited)));
    Ok(())
}
