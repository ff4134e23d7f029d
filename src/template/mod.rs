//! Templates: organisations, or parts of them, to begin with.
//!
//! A template is a folder of resumes with a `template.json`: in the program ([`catalogue`]), in an organisation's own
//! `templates/`, on a disk or in a bucket ([`source`]). What is read from elsewhere is hostile: paths, sizes and names are
//! checked, and nothing but resumes, settings, scripts and shared files is ever taken from it. A template becomes an
//! organisation ([`Template::founding`]), or a part of one ([`join`]); [`analysis`] says who reads whom in either.

pub mod analysis;
pub mod catalogue;
pub mod join;
pub mod save;
pub mod source;
mod toolbox;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::model::ModelRegistry;
use crate::domain::name::{AgentName, MemoryKey, ModelKey, ToolName};
use crate::domain::pace::Span;
use crate::domain::resume::Resume;
use crate::record::encode;
use crate::schema::FileKind;
use crate::store::Key;

/// The name of the template that `bootstrap` takes where none is named.
pub const DEFAULT: &str = "brief_desk";

/// What a template says of itself (`template.json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = TemplateAbout)]
pub struct About {
    /// What it is called.
    pub name: MemoryKey,
    /// What it is for.
    pub description: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Free labels.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What it needs of the organisation that it becomes a part of.
    #[serde(default)]
    pub requires: Requires,
    /// What a person does to see it at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demo: Option<Demo>,
}

/// What a template needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Requires {
    /// The models that its agents think with.
    #[serde(default)]
    pub models: BTreeSet<ModelKey>,
    /// The tools that they call.
    #[serde(default)]
    pub tools: BTreeSet<ToolName>,
    /// Agents that they read or address, and that are not part of it.
    #[serde(default)]
    pub agents: BTreeSet<AgentName>,
}

/// The part that the person plays in the demo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Demo {
    /// How many ticks it takes.
    pub ticks: u64,
    /// After how many of them the person sends the message.
    pub message_after: u64,
    /// To whom.
    pub to: AgentName,
    /// The message.
    pub text: String,
}

/// What a new organisation is to have otherwise than the template.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// What people call it.
    pub name: Option<String>,
    /// The length of its slots, if a scheduler is to tick it.
    pub every: Option<Span>,
}

/// A file that a template has and that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LeftOut {
    /// Where it lies in the template.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// A template, whole and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// What it says of itself.
    pub about: About,
    /// Its description at more length.
    pub readme: Option<String>,
    /// Its files, by their places in an organisation.
    pub files: BTreeMap<Key, Bytes>,
    /// Its agents.
    pub agents: BTreeMap<AgentName, Resume>,
    /// What else lay there.
    pub left_out: Vec<LeftOut>,
}

impl Template {
    /// The models that it brings along.
    #[must_use]
    pub fn models(&self) -> ModelRegistry {
        self.files.get(&Key::Models).and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
    }

    /// What it needs: as its resumes have it, and what it says besides.
    #[must_use]
    pub fn requires(&self) -> Requires {
        let mut needs = requires(&self.agents);
        let said = self.about.requires.clone();
        needs.models.extend(said.models);
        needs.tools.extend(said.tools);
        needs.agents.extend(said.agents.into_iter().filter(|name| !self.agents.contains_key(name)));
        needs
    }

    /// The files of a new organisation, schemas for editors included, `org.json` last: before it is there, there is no
    /// organisation.
    #[must_use]
    pub fn founding(&self, wishes: &Wishes) -> Vec<(Key, Bytes)> {
        let mut files: Vec<(Key, Bytes)> = self.files.iter().map(|(key, bytes)| (key.clone(), bytes.clone())).collect();
        files.retain(|(key, _)| *key != Key::Org);
        files.extend(FileKind::ALL.map(|kind| (kind.key(), Bytes::from(encode(&kind.schema())))));
        let plain = || json!({ "$schema": "schemas/org.schema.json", "format": 1, "name": self.about.name.as_str() });
        let org = self.files.get(&Key::Org).cloned().unwrap_or_else(|| Bytes::from(encode(&plain())));
        files.push((Key::Org, fulfilled(&org, wishes)));
        files
    }
}

/// What agents need besides each other.
fn requires(agents: &BTreeMap<AgentName, Resume>) -> Requires {
    let mut needs = Requires::default();
    for resume in agents.values() {
        let permissions = &resume.permissions;
        needs.models.insert(resume.model.key.clone());
        needs.models.extend(resume.credits.soft_cap_model.clone());
        needs.tools.extend(permissions.tools.iter().cloned());
        let sends = permissions.send_outboxes.iter().flat_map(|list| list.names());
        let named = permissions.read_outboxes.names().iter().chain(sends);
        needs.agents.extend(named.filter(|name| !name.is_human() && !agents.contains_key(*name)).cloned());
    }
    needs
}

/// The same `org.json` as it is wished for; its layout stays where nothing is.
fn fulfilled(org: &Bytes, wishes: &Wishes) -> Bytes {
    if wishes.name.is_none() && wishes.every.is_none() {
        return org.clone();
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(org) else { return org.clone() };
    if let Some(name) = &wishes.name {
        value["name"] = Value::from(name.as_str());
    }
    if let Some(every) = &wishes.every {
        value["pace"] = json!({ "every": every });
    }
    Bytes::from(encode(&value))
}

/// The files of a new organisation by the default template, as text: `org.json` last.
#[must_use]
pub fn files(wishes: &Wishes) -> Vec<(Key, String)> {
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap_or_default();
    catalogue::default().founding(wishes).into_iter().map(|(key, bytes)| (key, text(bytes))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_place_and_org_json_comes_last() {
        let wishes = Wishes { name: Some("Ours".to_owned()), every: Some("5m".parse().expect("a span")) };
        let files = files(&wishes);
        assert_eq!(files.len(), 8 + FileKind::ALL.len());
        let (last, org) = files.last().expect("a file");
        assert_eq!(*last, Key::Org);
        let org: Value = serde_json::from_str(org).expect("json");
        assert_eq!((&org["name"], &org["pace"]), (&json!("Ours"), &json!({"every": "5m"})));
    }
}
