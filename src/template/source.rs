//! Reading a template: from the program, from an organisation's own, from a folder, a bucket or an archive.
//!
//! Two layouts are understood: an organisation's (`org.json`, `config/**`, `agents/NAME/resume.json`, `shared/**`) and a flat one,
//! where each agent has a folder and `models.json` and scripts lie beside them.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::{About, LeftOut, Template, catalogue};
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::path::RelativePath;
use crate::domain::resume::{Resume, ResumeError};
use crate::store::{Key, Prefix, Store, StoreError};

/// The most files of a template.
pub const MAX_FILES: usize = 2_000;

/// The most bytes of one of its files.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The most bytes of all of them.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// How many files are read at once.
const PARALLEL: usize = 16;

/// Why something is no template. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It has no `template.json`.
    #[error("there is no template.json: a template is a folder of resumes that has one")]
    NoTemplate,
    /// A file is not what it should be.
    #[error("{path}: {message}")]
    Wrong {
        /// Where it lies in the template.
        path: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// It has no agents.
    #[error("it has no agents: a template has a folder with a resume.json for each")]
    NoAgents,
    /// It is larger than any template.
    #[error("{0}: a template is small; `lemming templates export` makes one of an organisation")]
    TooLarge(String),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// A file as it was found.
#[derive(Debug, Clone)]
pub struct Found {
    path: String,
    bytes: Bytes,
}

impl Found {
    /// A file at a path from the template's root.
    #[must_use]
    pub fn new(path: impl Into<String>, bytes: Bytes) -> Self {
        Self { path: path.into(), bytes }
    }
}

/// The template of that name: an organisation's own, or one of the program.
///
/// # Errors
/// The organisation's own is none.
pub async fn named(name: &str, org: Option<&Store>) -> Result<Option<Template>, TemplateError> {
    if let (Ok(name), Some(store)) = (MemoryKey::new(name), org)
        && let Some(template) = kept(store, &name).await?
    {
        return Ok(Some(template));
    }
    Ok(catalogue::named(name))
}

/// The names of the templates that an organisation keeps.
///
/// # Errors
/// The store failed.
pub async fn kept_names(store: &Store) -> Result<Vec<MemoryKey>, StoreError> {
    let folders = store.folders(&Prefix::Templates).await?;
    Ok(folders.into_iter().filter_map(|name| MemoryKey::new(name).ok()).collect())
}

/// A template that an organisation keeps.
///
/// # Errors
/// It is none, or the store failed.
pub async fn kept(store: &Store, name: &MemoryKey) -> Result<Option<Template>, TemplateError> {
    let prefix = Prefix::Template(name.clone());
    let front = format!("{}/", prefix.path());
    let found = files(store, &prefix, &front).await?;
    if found.is_empty() { Ok(None) } else { assemble(found).map(Some) }
}

/// The template in a folder or below a prefix.
///
/// # Errors
/// It is none, or the store failed.
pub async fn read(store: &Store) -> Result<Template, TemplateError> {
    assemble(files(store, &Prefix::Everything, "").await?)
}

async fn files(store: &Store, prefix: &Prefix, front: &str) -> Result<Vec<Found>, TemplateError> {
    let listed = store.list_sizes(prefix, MAX_FILES).await?;
    let Some(listed) = listed else {
        return Err(TemplateError::TooLarge(format!("it has more than {MAX_FILES} files")));
    };
    let bytes: u64 = listed.iter().map(|(_, bytes)| bytes).sum();
    if bytes > MAX_BYTES {
        return Err(TemplateError::TooLarge(format!("it has {bytes} bytes, more than {MAX_BYTES}")));
    }
    if let Some((path, bytes)) = listed.iter().find(|(_, bytes)| *bytes > MAX_FILE_BYTES) {
        return Err(TemplateError::TooLarge(format!("{path} has {bytes} bytes, more than {MAX_FILE_BYTES}")));
    }
    let read = |path: String| async move {
        let bytes = store.get_path(&path).await?;
        let name = path.strip_prefix(front).unwrap_or(&path).to_owned();
        Ok::<_, StoreError>(bytes.map(|bytes| Found::new(name, bytes)))
    };
    let reads = stream::iter(listed.into_iter().map(|(path, _)| read(path))).buffered(PARALLEL);
    Ok(reads.try_filter_map(|found| async move { Ok(found) }).try_collect().await?)
}

/// Where a file of a template belongs in an organisation; why it does not.
fn place(path: &str) -> Result<Key, &'static str> {
    let key = |path: &str| Key::parse(path).ok_or("its path is none that an organisation has");
    let (top, rest) = path.split_once('/').unwrap_or(("", path));
    let key = match top {
        "" if rest == "org.json" => key(path)?,
        "" if Key::parse(rest).is_some() => return Err("is what runners write: no part of a template"),
        // Flat: what is no folder of an agent belongs to the configuration.
        "" if std::path::Path::new(rest).extension().is_some_and(|end| end == "json") => {
            key(&format!("config/{path}"))?
        }
        "" => return Err("is no part of an organisation"),
        "agents" | "config" | "shared" => key(path)?,
        _ => key(&format!("agents/{path}"))?,
    };
    match key {
        // Whoever holds such a key elsewhere would be let in here.
        _ if key == Key::api_keys() => Err("keys are no part of a template"),
        // Who runs the organisation reads what servers say, and accepts it or not.
        Key::ToolsLock => Err("what one person accepted nobody else has: `lemming tools accept`"),
        Key::Org | Key::Models | Key::Tools | Key::Config(_) | Key::Resume(_) | Key::Shared(_) => Ok(key),
        _ => Err("is what agents said, keep or did: no part of a template"),
    }
}

/// Puts a template together from its files.
///
/// # Errors
/// It is none.
pub fn assemble(found: Vec<Found>) -> Result<Template, TemplateError> {
    let wrong = |path: &str, message: String| TemplateError::Wrong { path: path.to_owned(), message };
    let (mut about, mut readme) = (None, None);
    let (mut files, mut agents, mut left_out) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for Found { path, bytes } in found {
        let text = || std::str::from_utf8(&bytes).map(str::to_owned);
        match path.as_str() {
            "template.json" => {
                let read: About = serde_json::from_slice(&bytes).map_err(|error| wrong(&path, error.to_string()))?;
                about = Some(read);
                continue;
            }
            "README.md" => {
                readme = text().ok();
                continue;
            }
            _ => {}
        }
        let key = match place(&path) {
            Ok(key) => key,
            Err(reason) => {
                left_out.push(LeftOut { path, reason: reason.to_owned() });
                continue;
            }
        };
        match &key {
            Key::Resume(name) => drop(agents.insert(name.clone(), resume(name, &path, &bytes)?)),
            Key::Org | Key::Models | Key::Tools | Key::Config(_) if text().is_err() => {
                return Err(wrong(&path, "is not UTF-8 text".to_owned()));
            }
            _ => {}
        }
        if files.insert(key.clone(), bytes).is_some() {
            return Err(wrong(&path, format!("another file of the template is {key}, too")));
        }
    }
    let about = about.ok_or(TemplateError::NoTemplate)?;
    if agents.is_empty() {
        return Err(TemplateError::NoAgents);
    }
    Ok(Template { about, readme, files, agents, left_out })
}

fn resume(name: &AgentName, path: &str, bytes: &Bytes) -> Result<Resume, TemplateError> {
    Resume::parse(bytes, name)
        .map_err(|error: ResumeError| TemplateError::Wrong { path: path.to_owned(), message: error.to_string() })
}

/// The places of a template's files in an organisation's own templates.
///
/// # Errors
/// A path is longer than one can be there.
pub fn shelf(template: &Template, name: &MemoryKey) -> Result<Vec<(Key, Bytes)>, TemplateError> {
    let mut files = Vec::new();
    for (path, bytes) in super::save::layout(template) {
        let relative = RelativePath::new(path.clone())
            .map_err(|error| TemplateError::Wrong { path, message: error.to_string() })?;
        files.push((Key::Template(name.clone(), relative), bytes));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: &str = r#"{"name": "t", "description": "d"}"#;
    const ADA: &str =
        r#"{"name": "ada", "title": "A", "short_description": "a", "instructions": "", "model": {"key": "m"}}"#;

    fn of(files: &[(&str, &str)]) -> Result<Template, TemplateError> {
        assemble(files.iter().map(|(path, text)| Found::new(*path, Bytes::copy_from_slice(text.as_bytes()))).collect())
    }

    #[test]
    fn both_layouts_come_to_the_same() {
        let flat = of(&[("template.json", ABOUT), ("ada/resume.json", ADA), ("models.json", "{}"), ("s.json", "{}")]);
        let whole = of(&[
            ("agents/ada/resume.json", ADA),
            ("config/models.json", "{}"),
            ("config/s.json", "{}"),
            ("template.json", ABOUT),
        ]);
        assert_eq!(flat.expect("flat"), whole.expect("whole"));
    }

    #[test]
    fn what_is_no_part_of_a_template_is_left_out_and_named() {
        let files = [
            ("template.json", ABOUT),
            ("ada/resume.json", ADA),
            ("config/keys.json", "{}"),
            ("keys.json", "{}"),
            ("config/tools.lock.json", "{}"),
            ("head.json", "{}"),
            ("agents/ada/memory/a.json", "{}"),
            ("ticks/000000000001/plan.json", "{}"),
            ("../up/resume.json", ADA),
            ("shared/../../up.md", "x"),
            ("ada/../../../up/resume.json", ADA),
            ("build.sh", "x"),
            ("shared/notes.md", "x"),
        ];
        let template = of(&files).expect("a template");
        let left: Vec<&str> = template.left_out.iter().map(|left| left.path.as_str()).collect();
        assert_eq!(
            left,
            [
                "config/keys.json",
                "keys.json",
                "config/tools.lock.json",
                "head.json",
                "agents/ada/memory/a.json",
                "ticks/000000000001/plan.json",
                "../up/resume.json",
                "shared/../../up.md",
                "ada/../../../up/resume.json",
                "build.sh"
            ]
        );
        let kept: Vec<String> = template.files.keys().map(Key::path).collect();
        assert_eq!(kept, ["agents/ada/resume.json", "shared/notes.md"]);
    }

    #[test]
    fn what_is_no_template_says_why() {
        for (files, said) in [
            (vec![("ada/resume.json", ADA)], "there is no template.json"),
            (vec![("template.json", ABOUT)], "it has no agents"),
            (vec![("template.json", r#"{"name": "../t", "description": ""}"#)], "template.json: "),
            (vec![("template.json", ABOUT), ("bob/resume.json", ADA)], "bob/resume.json: `name` is ada"),
            (vec![("template.json", ABOUT), ("ada/resume.json", ADA), ("agents/ada/resume.json", ADA)], "another file"),
        ] {
            let error = of(&files).expect_err("no template").to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
