//! A template of what there is: an organisation, or some of its agents.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{About, Template, requires, toolbox};
use crate::domain::model::ModelRegistry;
use crate::domain::name::AgentName;
use crate::domain::resume::Resume;
use crate::record::encode;
use crate::store::{Key, Store, StoreError};

/// Why no template can be made of it.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// A resume cannot be read.
    #[error("the resume of {agent} cannot be read: {message}")]
    Resume {
        /// Whose.
        agent: AgentName,
        /// Why.
        message: String,
    },
    /// Models or tools cannot be read.
    #[error("{path}: {message}")]
    Settings {
        /// Which file.
        path: Key,
        /// Why.
        message: String,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// A template of some agents of an organisation: their resumes as they are written, the models that they think with, the
/// scripts of these, the servers and own tools that they may call, and the settings. Nothing that they said, keep or have.
///
/// # Errors
/// Something cannot be read.
pub async fn of(store: &Store, mut about: About, names: &[AgentName]) -> Result<Template, SaveError> {
    let (mut files, mut agents) = (BTreeMap::new(), BTreeMap::new());
    for agent in names {
        let key = Key::Resume(agent.clone());
        let bytes = store.get(&key).await?.unwrap_or_default();
        let resume = Resume::parse(&bytes, agent)
            .map_err(|error| SaveError::Resume { agent: agent.clone(), message: error.to_string() })?;
        agents.insert(agent.clone(), resume);
        files.insert(key, bytes);
    }
    about.requires = requires(&agents);
    if let Some(org) = store.get(&Key::Org).await? {
        files.insert(Key::Org, org);
    }
    let models = store.get(&Key::Models).await?.unwrap_or_else(|| Bytes::from_static(b"{}"));
    let wrong = |error: serde_json::Error| SaveError::Settings { path: Key::Models, message: error.to_string() };
    let registry: ModelRegistry = serde_json::from_slice(&models).map_err(wrong)?;
    let asked = about.requires.models.iter();
    let used: BTreeSet<&str> = asked.flat_map(|key| registry.candidates(key)).map(|(key, _)| key.as_str()).collect();
    let mut written: Value = serde_json::from_slice(&models).map_err(wrong)?;
    if let Some(members) = written.as_object_mut() {
        members.retain(|key, _| key == "$schema" || used.contains(key.as_str()));
        for script in members.values().filter_map(script) {
            if let Some(bytes) = store.get(&script).await? {
                files.insert(script, bytes);
            }
        }
        files.insert(Key::Models, Bytes::from(encode(&written)));
    }
    if let Some(tools) = store.get(&Key::Tools).await? {
        let wrong = |error: serde_json::Error| SaveError::Settings { path: Key::Tools, message: error.to_string() };
        let whole: Value = serde_json::from_slice(&tools).map_err(wrong)?;
        files.insert(Key::Tools, Bytes::from(encode(&toolbox::part(whole, &about.requires.tools))));
    }
    Ok(Template { about, readme: None, files, agents, left_out: Vec::new() })
}

/// The script of a model, as `config/models.json` has it.
pub(super) fn script(model: &Value) -> Option<Key> {
    let key = Key::parse(model.pointer("/provider_config/script")?.as_str()?)?;
    (matches!(key, Key::Config(_)) && key != Key::api_keys()).then_some(key)
}

/// The files of a template in a folder of its own, by path: an organisation's layout, and `template.json` last.
#[must_use]
pub fn layout(template: &Template) -> Vec<(String, Bytes)> {
    let mut files: Vec<(String, Bytes)> =
        template.files.iter().map(|(key, bytes)| (key.path(), bytes.clone())).collect();
    let readme = template.readme.clone().unwrap_or_else(|| readme(template));
    files.push(("README.md".to_owned(), Bytes::from(readme)));
    files.push(("template.json".to_owned(), Bytes::from(encode(&json!(template.about)))));
    files
}

/// What a folder says of itself that nobody has described.
fn readme(template: &Template) -> String {
    let about = &template.about;
    let rows: String = template
        .agents
        .iter()
        .map(|(name, resume)| format!("| `{name}` | {} |\n", resume.short_description.replace(['|', '\n'], " ")))
        .collect();
    format!("# {}\n\n{}\n\n| agent | does |\n| --- | --- |\n{rows}", about.name, about.description)
}
