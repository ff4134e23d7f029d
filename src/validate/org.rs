//! The whole organisation: each file, and what the files say of each other.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use super::{Finding, Findings, ValidateError, file, one_of};
use crate::domain::credits::Credits;
use crate::domain::model::{Model, ModelRegistry};
use crate::domain::name::{AgentName, HUMAN, ModelKey, TEMPLATE, ToolName};
use crate::domain::org::{ORG_FORMAT, OrgConfig};
use crate::domain::resume::{ReadList, Resume};
use crate::engine::worst;
use crate::provider::Providers;
use crate::schema::FileKind;
use crate::store::{Key, Prefix, Store};
use crate::tool::Tool;

/// How many resumes are read at once.
const PARALLEL: usize = 16;

/// Checks every file that people write.
///
/// # Errors
/// Nothing can be said: there is no organisation, or the store failed.
pub async fn check(
    store: &Store,
    providers: &dyn Providers,
    tools: &[Arc<dyn Tool>],
    local_root: Option<&Path>,
) -> Result<Findings, ValidateError> {
    if !store.get(&Key::Org).await.map(|bytes| bytes.is_some()).or_else(|error| refused(&error).ok_or(error))? {
        return Err(ValidateError::NoOrg);
    }
    let mut found = Findings::default();
    strays(local_root, &mut found)?;
    let org: Option<OrgConfig> = file::read(store, &Key::Org.path(), FileKind::Org, &mut found).await?;
    if let Some(org) = &org {
        check_settings(org, &mut found);
    }
    let registry: Option<ModelRegistry> = file::read(store, &Key::Models.path(), FileKind::Models, &mut found).await?;
    let has_models = match &registry {
        Some(_) => true,
        // One that is there and wrong has been reported.
        None => found.findings.iter().any(|finding| finding.path == Key::Models.path()),
    };
    if !has_models {
        let finding = Finding::error("missing_file", Key::Models.path(), "");
        found.add(finding.says("is missing", "it must list the models; `lemming bootstrap` writes an example"));
    }
    if let Some(registry) = &registry {
        found.models = registry.models.len();
        for (key, model) in &registry.models {
            check_model(store, providers, key, model, &mut found).await?;
        }
    }
    let resumes = resumes(store, &mut found).await?;
    let around = Around { org: org.as_ref(), registry: registry.as_ref(), names: &resumes.names, tools };
    for resume in &resumes.read {
        around.check(resume, &mut found);
    }
    found.findings.dedup();
    found.findings.sort_by(|a, b| (&a.path, a.severity, &a.pointer).cmp(&(&b.path, b.severity, &b.pointer)));
    Ok(found)
}

/// A file that is there and refused counts as there: what is wrong with it is reported later.
fn refused(error: &crate::store::StoreError) -> Option<bool> {
    #[cfg(unix)]
    if crate::causes::find::<crate::store::local::SymlinkRefused>(error).is_some() {
        return Some(true);
    }
    let _ = error;
    None
}

#[cfg(unix)]
fn strays(local_root: Option<&Path>, found: &mut Findings) -> Result<(), ValidateError> {
    use crate::store::local::{LocalStore, StrayKind};
    let Some(root) = local_root else { return Ok(()) };
    for stray in LocalStore::new(root).strays()? {
        let (code, message, expected) = match stray.kind {
            StrayKind::Symlink => (
                "symlink",
                "is a symbolic link",
                "replace it by what it points to: nothing is read or written through a link",
            ),
            StrayKind::NotAKey => ("bad_name", "has a name that no store can hold", "rename it, in UTF-8"),
            StrayKind::Special => ("special_file", "is a pipe, socket or device", "remove it"),
        };
        found.add(Finding::error(code, stray.path, "").says(message, expected));
    }
    Ok(())
}

#[cfg(not(unix))]
fn strays(_: Option<&Path>, _: &mut Findings) -> Result<(), ValidateError> {
    Ok(())
}

fn check_settings(org: &OrgConfig, found: &mut Findings) {
    let path = Key::Org.path();
    if org.format != ORG_FORMAT {
        let expected = format!("this version of lemming knows {ORG_FORMAT}");
        found.add(Finding::error("unknown_format", &path, "/format").says(format!("is {}", org.format), expected));
    }
    if org.budget.as_ref().is_some_and(|budget| budget.credits.is_zero()) {
        let finding = Finding::warning("no_budget", &path, "/budget/credits");
        found.add(finding.says("is 0: nobody can run before a top-up", "leave `budget` out, or allow something"));
    }
}

async fn check_model(
    store: &Store,
    providers: &dyn Providers,
    key: &ModelKey,
    model: &Model,
    found: &mut Findings,
) -> Result<(), ValidateError> {
    let path = Key::Models.path();
    let at = format!("/{}", key.as_str().replace('~', "~0").replace('/', "~1"));
    if let Some(script) = model.provider_config.get("script").and_then(Value::as_str)
        && model.provider == "scripted"
        && Key::parse(script).is_some()
    {
        let before = found.errors();
        let read: Option<Value> = file::read(store, script, FileKind::Script, found).await?;
        if found.errors() > before {
            return Ok(());
        }
        if read.is_none() {
            let finding = Finding::error("missing_file", &path, format!("{at}/provider_config/script"));
            found.add(finding.says(
                format!("there is no file {script:?}"),
                "must be the path of a script, from the organisation's root",
            ));
            return Ok(());
        }
    }
    if let Err(error) = providers.open(key, model).await {
        let finding = Finding::error("unusable_model", &path, at);
        found.add(finding.says(error.message, "must be a provider of this version, configured as it asks"));
    }
    Ok(())
}

struct Resumes {
    names: Vec<AgentName>,
    read: Vec<Resume>,
}

async fn resumes(store: &Store, found: &mut Findings) -> Result<Resumes, ValidateError> {
    let mut names = Vec::new();
    for folder in store.folders(&Prefix::Agents).await? {
        let path = format!("agents/{folder}");
        match AgentName::new(&folder) {
            Ok(name) if name.may_be_an_agent() => names.push(name),
            Ok(_) if folder == TEMPLATE => {}
            Ok(_) => {
                let finding = Finding::error("reserved_name", path, "");
                found.add(finding.says(format!("the name {HUMAN} is reserved for people"), "rename the folder"));
            }
            Err(error) => {
                let finding = Finding::error("bad_name", path, "");
                found.add(finding.says(error.to_string(), "rename the folder, and `name` in its resume"));
            }
        }
    }
    found.agents = names.len();
    if names.is_empty() {
        let finding = Finding::error("no_agents", "agents", "");
        found.add(
            finding.says("there is no agent", "add agents/<name>/resume.json; `lemming bootstrap` writes examples"),
        );
    }
    let each = |name: AgentName| async move {
        let mut found = Findings::default();
        let resume = resume(store, &name, &mut found).await;
        resume.map(|resume| (resume, found))
    };
    let mut read = Vec::new();
    let mut all = stream::iter(names.clone()).map(each).buffered(PARALLEL);
    while let Some(checked) = all.next().await {
        let (resume, more) = checked?;
        found.findings.extend(more.findings);
        read.extend(resume);
    }
    drop(all);
    Ok(Resumes { names, read })
}

async fn resume(store: &Store, name: &AgentName, found: &mut Findings) -> Result<Option<Resume>, ValidateError> {
    let path = Key::Resume(name.clone()).path();
    let resume: Option<Resume> = file::read(store, &path, FileKind::Resume, found).await?;
    match &resume {
        Some(resume) if resume.name != *name => {
            let message = format!("is {:?}, but the folder is {:?}", resume.name.as_str(), name.as_str());
            let expected = format!("must be {:?}, or the folder must be renamed", name.as_str());
            found.add(Finding::error("wrong_name", path, "/name").says(message, expected));
        }
        None if found.findings.is_empty() => {
            let message = format!("the folder agents/{name} has no resume.json");
            found.add(Finding::error("missing_file", path, "").says(message, "add one, or remove the folder"));
        }
        _ => {}
    }
    Ok(resume)
}

/// What a resume is checked against.
struct Around<'a> {
    org: Option<&'a OrgConfig>,
    registry: Option<&'a ModelRegistry>,
    names: &'a [AgentName],
    tools: &'a [Arc<dyn Tool>],
}

impl Around<'_> {
    fn check(&self, resume: &Resume, found: &mut Findings) {
        let path = Key::Resume(resume.name.clone()).path();
        self.check_model(&path, resume, found);
        let permissions = &resume.permissions;
        self.check_names(&path, "/permissions/read_outboxes", &permissions.read_outboxes, found);
        if let Some(send) = &permissions.send_outboxes {
            self.check_names(&path, "/permissions/send_outboxes", send, found);
        }
        self.check_tools(&path, &permissions.tools, found);
        let credits = &resume.credits;
        if credits.soft_cap > credits.max_credits {
            let finding = Finding::warning("soft_cap", path, "/credits/soft_cap");
            let message = format!("is {}, more than max_credits: the warning never ends", credits.soft_cap);
            found.add(finding.says(message, format!("must be less than {}", credits.max_credits)));
        }
    }

    fn check_model(&self, path: &str, resume: &Resume, found: &mut Findings) {
        let Some(registry) = self.registry else { return };
        let key = &resume.model.key;
        let Some(model) = registry.models.get(key) else {
            let known: Vec<&str> = registry.models.keys().map(ModelKey::as_str).collect();
            let message = format!("{} has no model {:?}", Key::Models, key.as_str());
            let finding = Finding::error("unknown_model", path, "/model/key");
            found.add(finding.says(message, one_of(key.as_str(), &known, "models")));
            return;
        };
        let Some(org) = self.org else { return };
        let cost = worst(org, resume, model);
        let limits: BTreeMap<&str, Option<Credits>> = BTreeMap::from([
            ("credits.max_credits", Some(resume.credits.max_credits)),
            ("the organisation's budget", org.budget.as_ref().map(|budget| budget.credits)),
        ]);
        for (what, limit) in limits {
            if limit.is_some_and(|limit| limit < cost.least) {
                let message = format!("one call may cost {}, more than {what}: the agent never runs", cost.least);
                let expected = format!("raise {what}, or lower max_tokens or limits.max_prompt_tokens");
                found.add(Finding::warning("unaffordable", path, "/model").says(message, expected));
            }
        }
    }

    fn check_names(&self, path: &str, at: &str, list: &ReadList, found: &mut Findings) {
        for (i, name) in list.names().iter().enumerate() {
            if self.names.contains(name) || name.is_human() {
                continue;
            }
            let known: Vec<&str> = self.names.iter().map(AgentName::as_str).collect();
            // "*" among the names moves their places.
            let pointer = if list.is_everybody() { at.to_owned() } else { format!("{at}/{i}") };
            let finding = Finding::warning("unknown_name", path, pointer);
            let message = format!("there is no agent {:?}", name.as_str());
            found.add(finding.says(message, one_of(name.as_str(), &known, "agents")));
        }
    }

    fn check_tools(&self, path: &str, permitted: &[ToolName], found: &mut Findings) {
        for (i, name) in permitted.iter().enumerate() {
            if self.tools.iter().any(|tool| tool.name() == name.as_str()) {
                continue;
            }
            let known: Vec<&str> = self.tools.iter().map(|tool| tool.name()).collect();
            let finding = Finding::warning("unknown_tool", path, format!("/permissions/tools/{i}"));
            let message = format!("there is no tool {:?}", name.as_str());
            found.add(finding.says(message, one_of(name.as_str(), &known, "tools")));
        }
    }
}
