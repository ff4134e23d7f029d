//! What stands around the store: the organisation in it, its models, and this machine's sandbox.

use std::collections::BTreeSet;

use super::Patient;
use super::report::{Finding, Part, Report};
use crate::chronicle;
use crate::count::counted;
use crate::domain::model::ModelRegistry;
use crate::domain::name::ModelKey;
use crate::engine::EngineError;
use crate::sandbox::{Copied, Sandbox, SandboxError, Task};
use crate::store::Key;
use crate::validate::{Severity, ValidateError, check};

/// Looks at the organisation, if there is one.
pub(super) async fn organisation(patient: Patient<'_>, is_new: bool, report: &mut Report) {
    const CHECK: &str = "organisation";
    let org = match chronicle::settings(patient.store).await {
        Ok(org) => Some(org),
        Err(EngineError::NoOrg) => {
            let found = match is_new {
                true => {
                    "there is no folder of this name; `lemming bootstrap` makes it and founds an organisation there"
                }
                false => "there is none here; `lemming bootstrap` founds one",
            };
            report.add(Finding::note(Part::Organisation, CHECK, found));
            return;
        }
        // Told below, with its place.
        Err(_) => None,
    };
    if let Some(org) = org {
        report.lease_ms = org.limits.lease.as_ms();
        report.organisation = Some(org.name);
    }
    let mut used = None;
    match check(patient.store, patient.providers, patient.tools, patient.environment, patient.local_root).await {
        Ok(found) => {
            report.add(match found.findings.iter().find(|finding| finding.severity == Severity::Error) {
                Some(first) => {
                    let errors = counted(found.errors(), "error");
                    let wrong = format!("{errors} in the files that people write, such as {first}");
                    Finding::wrong(Part::Organisation, CHECK, wrong, "see `lemming validate`")
                }
                None => {
                    let (agents, models) = (counted(found.agents, "agent"), counted(found.models, "model"));
                    let what = format!("{agents}, {models}, nothing wrong with their files");
                    Finding::good(Part::Organisation, CHECK, what)
                }
            });
            used = Some(found.used);
        }
        Err(ValidateError::NoOrg) => {}
        Err(error) => {
            let found = crate::causes::causes(&error).join(": ");
            report.add(Finding::wrong(Part::Organisation, CHECK, found, "see `lemming validate`"));
        }
    }
    models(patient, used.as_ref(), report).await;
}

/// Whether each model can be opened: its provider is known, and its key is where it says. Never shows the key.
/// `used` are the models that somebody calls, if that is known.
async fn models(patient: Patient<'_>, used: Option<&BTreeSet<ModelKey>>, report: &mut Report) {
    // A registry that cannot be read has been told of.
    let Ok(Some(bytes)) = patient.store.get(&Key::Models).await else { return };
    let Ok(registry) = serde_json::from_slice::<ModelRegistry>(&bytes) else { return };
    let can_run = report.writes_ticks();
    for (key, model) in &registry.models {
        let check = format!("model {key}");
        report.add(match patient.providers.open(key, model).await {
            Ok(_) => {
                let with = if model.key.is_some() { ", its key is there" } else { "" };
                let found = format!("{} is configured{with}; it was not asked", model.provider);
                Finding::good(Part::Organisation, check, found)
            }
            Err(error) => {
                let found = error.message.trim_start_matches(&format!("model {key}: ")).to_owned();
                let mend = "set the key where config/models.json says that it is, or choose another model: `lemming models use`";
                let why = match (can_run, used.is_none_or(|used| used.contains(key))) {
                    (true, true) => None,
                    // Who only looks, or only sends, needs no key.
                    (false, _) => Some("ticks cannot be run from here; elsewhere they may"),
                    (true, false) => Some("no agent uses this model, nor falls back on it: needed only if one is to"),
                };
                match why {
                    None => Finding::wrong(Part::Organisation, check, found, mend),
                    Some(why) => Finding::warning(Part::Organisation, check, found, why),
                }
            }
        });
    }
}

/// Whether programs and code of models can be confined: tries both with what does nothing.
pub(super) async fn sandbox(sandbox: Option<&Sandbox>, report: &mut Report) {
    const CHECK: &str = "sandbox";
    let Some(sandbox) = sandbox else {
        report.add(Finding::skipped(Part::Machine, CHECK, "this process does not know its own program"));
        return;
    };
    let code = sandbox.run(Task::Code { code: "1".to_owned() }, Copied::default(), true).await;
    let name = "true".to_owned();
    let task = Task::Program { name: name.clone(), arguments: Vec::new(), allow: vec![name], input: String::new() };
    let program = sandbox.run(task, Copied::default(), true).await;
    report.add(match code.and(program) {
        Ok(_) => Finding::good(
            Part::Machine,
            CHECK,
            "code and programs of models run confined (Landlock, seccomp, limits), should a resume permit `python` or `shell`",
        ),
        Err(SandboxError::Unavailable(why)) => Finding::warning(
            Part::Machine,
            CHECK,
            format!("code and programs of models cannot be confined here, and are not run: {why}"),
            "run ticks on Linux 6.2 or newer with Landlock and seccomp, if a resume permits `python` or `shell`",
        ),
        Err(error) => Finding::warning(Part::Machine, CHECK, error.to_string(), "see docs/TOOLS.md"),
    });
}
