//! The example organisation, embedded: what `bootstrap` and `demo` found.
//!
//! The folder `agents/` of this repository holds it: `org.json`, `models.json`, `script.json`,
//! `template.json` and one folder for each agent. Their places in an organisation are decided here.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::name::AgentName;
use crate::domain::pace::Span;
use crate::record::encode;
use crate::schema::FileKind;
use crate::store::Key;

macro_rules! embed {
    ($($path:literal),* $(,)?) => { &[$(($path, include_str!(concat!("../agents/", $path)))),*] };
}

/// The files of the template, by their paths in `agents/`.
const FILES: &[(&str, &str)] = embed![
    "org.json",
    "models.json",
    "script.json",
    "archivist/resume.json",
    "critic/resume.json",
    "editor/resume.json",
    "researcher/resume.json",
    "writer/resume.json",
];

/// What the template says of itself.
const ABOUT: &str = include_str!("../agents/template.json");

/// What a template says of itself (`template.json`).
#[derive(Debug, Clone, Deserialize)]
pub struct About {
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What `demo` does with it.
    pub demo: Demo,
}

/// The part that the person plays in the demo.
#[derive(Debug, Clone, Deserialize)]
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

/// What the embedded template says of itself.
///
/// # Panics
/// Never: a test reads it.
#[must_use]
pub fn about() -> About {
    serde_json::from_str(ABOUT).unwrap_or_else(|error| unreachable!("agents/template.json: {error}"))
}

/// The files of a new organisation, schemas for editors included, `org.json` last: before it is there, there is no organisation.
#[must_use]
pub fn files(wishes: &Wishes) -> Vec<(Key, String)> {
    let mut files: Vec<(Key, String)> =
        FILES.iter().filter_map(|(path, text)| Some((place(path)?, (*text).to_owned()))).collect();
    let schema = |kind: FileKind| (kind.key(), String::from_utf8(encode(&kind.schema())).unwrap_or_default());
    files.extend(FileKind::ALL.map(schema));
    files.sort_by_key(|(key, _)| *key == Key::Org);
    if let Some((Key::Org, text)) = files.last_mut() {
        *text = fulfilled(text, wishes);
    }
    files
}

fn place(path: &str) -> Option<Key> {
    let place = match path.split_once('/') {
        None if path == "org.json" => path.to_owned(),
        None => format!("config/{path}"),
        Some(_) => format!("agents/{path}"),
    };
    Key::parse(&place)
}

/// The same `org.json` as it is wished for, in the layout that a person would give it.
fn fulfilled(org: &str, wishes: &Wishes) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(org) else { return org.to_owned() };
    match wishes {
        Wishes { name: None, every: None } => return org.to_owned(),
        Wishes { name, every } => {
            if let Some(name) = name {
                value["name"] = Value::from(name.as_str());
            }
            if let Some(every) = every {
                value["pace"] = json!({ "every": every });
            }
        }
    }
    String::from_utf8(encode(&value)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_place_and_org_json_comes_last() {
        let wishes = Wishes { name: Some("Ours".to_owned()), every: Some("5m".parse().expect("a span")) };
        let files = files(&wishes);
        assert_eq!(files.len(), FILES.len() + FileKind::ALL.len());
        let (last, org) = files.last().expect("a file");
        assert_eq!(*last, Key::Org);
        let org: Value = serde_json::from_str(org).expect("json");
        assert_eq!((&org["name"], &org["pace"]), (&json!("Ours"), &json!({"every": "5m"})));
    }

    #[test]
    fn the_demo_writes_to_an_agent_of_the_template() {
        let about = about();
        assert!(files(&Wishes::default()).iter().any(|(key, _)| *key == Key::Resume(about.demo.to.clone())));
        assert!(about.demo.message_after < about.demo.ticks);
    }
}
