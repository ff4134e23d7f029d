//! The whole organisation: each file, and what the files say of each other.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use super::file::{self, Read};
use super::{Finding, Findings, ValidateError, delivery, models, one_of, toolbox, tools};
use crate::config::Environment;
use crate::domain::api_key::{ApiKeys, Role, Scope};
use crate::domain::model::ModelRegistry;
use crate::domain::name::{AgentName, HUMAN, ModelKey, TEMPLATE};
use crate::domain::org::{ORG_FORMAT, OrgConfig};
use crate::domain::resume::Resume;
use crate::domain::tools::SandboxRule;
use crate::engine::worst;
use crate::provider::{Providers, network};
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
    environment: &Environment,
    local_root: Option<&Path>,
) -> Result<Findings, ValidateError> {
    check_agents(store, providers, (tools, environment), local_root, None).await
}

/// The same, but of the resumes only those of some agents are read, where it says which: what is changed in a large
/// organisation is checked without reading all of it.
///
/// # Errors
/// As [`check`].
pub async fn check_agents(
    store: &Store,
    providers: &dyn Providers,
    (tools, environment): (&[Arc<dyn Tool>], &Environment),
    local_root: Option<&Path>,
    only: Option<&BTreeSet<AgentName>>,
) -> Result<Findings, ValidateError> {
    if !store.get(&Key::Org).await.map(|bytes| bytes.is_some()).or_else(|error| refused(&error).ok_or(error))? {
        return Err(ValidateError::NoOrg);
    }
    let mut found = Findings::default();
    strays(local_root, &mut found)?;
    let org = file::read::<OrgConfig>(store, &Key::Org.path(), FileKind::Org, &mut found).await?.typed;
    if let Some(org) = &org {
        check_settings(org, &mut found);
        tools::check(org, &mut found);
    }
    let registry = models::check(store, providers, &mut found).await?;
    if let (Some(org), Some(registry)) = (&org, &registry.typed) {
        check_embeddings(org, registry, &mut found);
    }
    check_keys(store, &mut found).await?;
    let builtin = tools.iter().map(|tool| tool.name());
    let (known, toolbox) = toolbox::check(store, environment, builtin, &mut found).await?;
    let resumes = resumes(store, only, &mut found).await?;
    if let Some(org) = &org {
        delivery::check(org, &resumes.names, &mut found);
    }
    let around = Around { org: org.as_ref(), registry: &registry, names: &resumes.names, known: &known };
    if let Some(toolbox) = &toolbox {
        toolbox::check_rules(toolbox, &known, &resumes.names, &mut found);
    }
    for (name, resume) in &resumes.read {
        around.check(&Key::Resume(name.clone()).path(), resume, &mut found);
    }
    if let Some(registry) = &registry.typed {
        let typed = resumes.read.iter().filter_map(|(_, resume)| resume.typed.as_ref());
        let asked = typed.flat_map(|resume| [Some(&resume.model.key), resume.credits.soft_cap_model.as_ref()]);
        let asked = asked.chain(org.iter().map(|org| org.memory.embeddings.as_ref())).flatten();
        found.used = asked.flat_map(|key| registry.candidates(key)).map(|(key, _)| key.clone()).collect();
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
    if org.tools.sandbox == SandboxRule::WhereAvailable {
        let finding = Finding::warning("unsandboxed", &path, "/tools/sandbox");
        let message =
            "where there is no sandbox, `shell` and `python` run what a model says with all that the runner may do";
        found.add(finding.says(message, "leave it out, unless every machine that runs this may be lost"));
    }
    for (i, program) in org.tools.shell.allow.iter().enumerate() {
        let is_name = !program.is_empty() && !program.starts_with('.') && !program.contains(['/', '\0']);
        if !is_name {
            let finding = Finding::error("bad_program", &path, format!("/tools/shell/allow/{i}"));
            found.add(finding.says(format!("is {program:?}"), "must be the name of a program, without its folder"));
        }
    }
    if org.budget.as_ref().is_some_and(|budget| budget.credits.is_zero()) {
        let finding = Finding::warning("no_budget", &path, "/budget/credits");
        found.add(finding.says("is 0: nobody can run before a top-up", "leave `budget` out, or allow something"));
    }
}

/// The API keys, where there are any. What stands in the place of a hash may be the key: it is not repeated.
async fn check_keys(store: &Store, found: &mut Findings) -> Result<(), ValidateError> {
    let path = Key::api_keys().path();
    let keys = file::read::<ApiKeys>(store, &path, FileKind::Keys, found).await?.typed;
    for (name, key) in keys.iter().flat_map(|keys| &keys.keys) {
        if key.allowed().is_empty() {
            let finding = Finding::warning("no_scope", &path, format!("/{name}/scopes"));
            let (roles, scopes) = (Role::ALL.map(Role::as_str).join(", "), Scope::ALL.map(Scope::as_str).join(", "));
            let expected = format!("give it a `role`, one of {roles}, or name some of {scopes}");
            found.add(finding.says("is empty, and there is no role: this key opens nothing", expected));
        }
    }
    Ok(())
}

/// The model that memories are compared with must be one that makes vectors.
fn check_embeddings(org: &OrgConfig, registry: &ModelRegistry, found: &mut Findings) {
    let Some(key) = &org.memory.embeddings else { return };
    let at = |code| Finding::error(code, Key::Org.path(), "/memory/embeddings");
    match registry.models.get(key) {
        None => {
            let known: Vec<&str> = registry.models.keys().map(ModelKey::as_str).collect();
            let message = format!("{} has no model {:?}", Key::Models, key.as_str());
            found.add(at("unknown_model").says(message, one_of(key.as_str(), &known, "models")));
        }
        Some(model) => {
            if let Err(error) = network::check_embeddings(key, model) {
                found.add(
                    at("unusable_model")
                        .says(error.message, "must be a model of embeddings, configured as its provider asks"),
                );
            }
        }
    }
}

struct Resumes {
    names: Vec<AgentName>,
    read: Vec<(AgentName, Read<Resume>)>,
}

async fn resumes(
    store: &Store,
    only: Option<&BTreeSet<AgentName>>,
    found: &mut Findings,
) -> Result<Resumes, ValidateError> {
    let removed = crate::chronicle::removed(store).await?;
    let mut names = Vec::new();
    for folder in store.folders(&Prefix::Agents).await? {
        let path = format!("agents/{folder}");
        match AgentName::new(&folder) {
            // What it said, keeps and has stays; it is no agent.
            Ok(name) if removed.contains(&name) => {}
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
        resume.map(|resume| ((name, resume), found))
    };
    let mut read = Vec::new();
    let asked: Vec<AgentName> =
        names.iter().filter(|name| only.is_none_or(|only| only.contains(*name))).cloned().collect();
    let mut all = stream::iter(asked).map(each).buffered(PARALLEL);
    while let Some(checked) = all.next().await {
        let (resume, more) = checked?;
        found.findings.extend(more.findings);
        read.push(resume);
    }
    drop(all);
    Ok(Resumes { names, read })
}

async fn resume(store: &Store, name: &AgentName, found: &mut Findings) -> Result<Read<Resume>, ValidateError> {
    let path = Key::Resume(name.clone()).path();
    let resume = file::read::<Resume>(store, &path, FileKind::Resume, found).await?;
    let named = resume.json.as_ref().and_then(|json| json.get("name")?.as_str());
    match named {
        // A name that breaks the rule has been reported as such.
        Some(named) if AgentName::new(named).is_ok() && named != name.as_str() => {
            let message = format!("is {named:?}, but the folder is {:?}", name.as_str());
            let expected = format!("must be {:?}, or the folder must be renamed", name.as_str());
            found.add(Finding::error("wrong_name", path, "/name").says(message, expected));
        }
        _ if resume.json.is_none() && found.findings.is_empty() => {
            let message = format!("the folder agents/{name} has no resume.json");
            found.add(Finding::error("missing_file", path, "").says(message, "add one, or remove the folder"));
        }
        _ => {}
    }
    Ok(resume)
}

/// What a resume is checked against. What it names is read from its JSON, so that a wrong shape
/// elsewhere in it hides nothing.
struct Around<'a> {
    org: Option<&'a OrgConfig>,
    registry: &'a Read<ModelRegistry>,
    names: &'a [AgentName],
    known: &'a toolbox::Known,
}

impl Around<'_> {
    fn check(&self, path: &str, resume: &Read<Resume>, found: &mut Findings) {
        let Some(json) = &resume.json else { return };
        self.check_model(path, json, found);
        let agents: Vec<&str> = self.names.iter().map(AgentName::as_str).collect();
        for at in ["/permissions/read_outboxes", "/permissions/send_outboxes"] {
            let is_known = |name: &str| name == "*" || name == HUMAN || agents.contains(&name);
            // A name that breaks the rule has been reported as such.
            let named = |name: &str| AgentName::new(name).is_ok() && !is_known(name);
            check_names(path, json, at, &agents, &named, found);
        }
        self.known.check_permissions(path, json, found);
        if let Some(resume) = &resume.typed {
            self.check_money(path, resume, found);
            if let Some(org) = self.org {
                tools::check_resume(path, resume, org, found);
            }
        }
    }

    fn check_model(&self, path: &str, json: &Value, found: &mut Findings) {
        let Some(models) = self.registry.json.as_ref().and_then(Value::as_object) else { return };
        for at in ["/model/key", "/credits/soft_cap_model"] {
            let Some(key) = json.pointer(at).and_then(Value::as_str) else { continue };
            if models.contains_key(key) || ModelKey::new(key).is_err() {
                continue;
            }
            let known: Vec<&str> = models.keys().map(String::as_str).filter(|key| *key != "$schema").collect();
            let finding = Finding::error("unknown_model", path, at);
            found.add(finding.says(format!("{} has no model {key:?}", Key::Models), one_of(key, &known, "models")));
        }
    }

    fn check_money(&self, path: &str, resume: &Resume, found: &mut Findings) {
        let credits = &resume.credits;
        if credits.soft_cap > credits.max_credits {
            let finding = Finding::warning("soft_cap", path, "/credits/soft_cap");
            let message = format!("is {}, more than max_credits: the warning never ends", credits.soft_cap);
            found.add(finding.says(message, format!("must be less than {}", credits.max_credits)));
        }
        let (Some(org), Some(registry)) = (self.org, &self.registry.typed) else { return };
        let Some(worst) = worst(org, resume, registry, &resume.model.key) else { return };
        let least = worst.least;
        let budget = org.budget.as_ref().map(|budget| budget.credits);
        for (what, limit) in [("credits.max_credits", Some(credits.max_credits)), ("the organisation's budget", budget)]
        {
            if limit.is_some_and(|limit| limit < least) {
                let message = format!("one call may cost {least}, more than {what}: the agent never runs");
                let expected = format!("raise {what}, or lower max_tokens or limits.max_prompt_tokens");
                found.add(Finding::warning("unaffordable", path, "/model").says(message, expected));
            }
        }
    }
}

/// Warns of each agent in the list at `at` that `is_unknown`.
fn check_names(
    path: &str,
    json: &Value,
    at: &str,
    known: &[&str],
    is_unknown: &dyn Fn(&str) -> bool,
    found: &mut Findings,
) {
    let names = json.pointer(at).and_then(Value::as_array).into_iter().flatten().enumerate();
    for (i, name) in names.filter_map(|(i, name)| Some((i, name.as_str()?))).filter(|(_, name)| is_unknown(name)) {
        let finding = Finding::warning("unknown_name", path, format!("{at}/{i}"));
        found.add(finding.says(format!("there is no agent {name:?}"), one_of(name, known, "agents")));
    }
}
