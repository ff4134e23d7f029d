//! What commands have in common that change the files which people write: they check a revision, show it, ask, and write it.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use bytes::Bytes;
use serde::Serialize;

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{BAD, DIM, GOOD, Output, clean, one_line, styled};
use crate::domain::model::ModelRegistry;
use crate::revision::{Change, ChangeKind, Revision, RevisionError, Verdict};
use crate::runner::compose::Org;
use crate::store::Key;
use crate::validate::{Finding, ValidateError};

/// What a revision came to, for programs.
#[derive(Debug, Serialize)]
pub(super) struct Saved<'a> {
    /// Whether it was written; it was not where nothing changes, or it was only to be shown.
    pub(super) written: bool,
    /// The files, in the order in which they are written.
    pub(super) changes: Vec<&'a Change>,
    /// What there is to say of them besides.
    pub(super) warnings: Vec<Finding>,
}

/// Checks a revision.
///
/// # Errors
/// It would bring an error: nothing was written.
pub(super) async fn check(org: &Org, revision: &Revision) -> Result<Vec<Finding>, CliError> {
    let verdict = match revision.check(org).await {
        Err(ValidateError::NoOrg) => return Err(CliError::no_org(&org.place)),
        verdict => verdict?,
    };
    refuse(verdict)
}

/// What there is to say besides, or the errors.
fn refuse(verdict: Verdict) -> Result<Vec<Finding>, CliError> {
    let mut errors = verdict.errors.iter();
    let Some(first) = errors.next() else { return Ok(verdict.others) };
    let message = format!("{}; {}: nothing was written", first.message, first.expected);
    let error = CliError::new(Exit::Invalid, message).at(first.path.clone(), first.pointer.clone());
    let more: Vec<String> = errors.map(ToString::to_string).collect();
    Err(if more.is_empty() { error } else { error.hint(format!("also wrong: {}", more.join("\n"))) })
}

/// Checks a revision and writes it.
///
/// # Errors
/// It would bring an error, somebody else changed a file meanwhile, or the store failed.
pub(super) async fn save<'a>(org: &Org, revision: &'a Revision) -> Result<Saved<'a>, CliError> {
    let warnings = check(org, revision).await?;
    revision.write(&org.store).await?;
    Ok(Saved { written: !revision.is_empty(), changes: revision.changes(), warnings })
}

impl From<RevisionError> for CliError {
    fn from(error: RevisionError) -> Self {
        match error {
            RevisionError::Store { source, .. } => source.into(),
            RevisionError::Meanwhile { path, written } => {
                let said = Self::new(Exit::Failed, "was changed by somebody else in the meantime").at(path, "");
                if written.is_empty() {
                    return said.hint("nothing was written; look at it, and do it again");
                }
                said.hint(format!("look at it, and do it again; this was written: {}", written.join(", ")))
            }
        }
    }
}

/// Shows what differs, file by file.
pub(super) fn show<'a>(changes: impl IntoIterator<Item = &'a Change>, out: &mut Output) -> Result<(), CliError> {
    for change in changes {
        let word = match change.kind() {
            ChangeKind::Created => "new",
            ChangeKind::Changed => "changed",
            ChangeKind::Removed => "removed",
        };
        out.line(format!("{} {}", styled(DIM, format!("{word}:")), clean(&change.key.path())))?;
        for line in change.difference().lines() {
            let line = clean(line);
            out.line(match line.chars().next() {
                Some('+') => styled(GOOD, line),
                Some('-') => styled(BAD, line),
                Some('@') => styled(DIM, line),
                _ => line.into_owned(),
            })?;
        }
    }
    Ok(())
}

/// Says what is not quite right with the files, for a person who wonders.
pub(super) fn warn(warnings: &[Finding], out: &mut Output) {
    for finding in warnings {
        out.note(format!("note: {}", clean(&finding.to_string()).replace('\n', " ")));
    }
}

/// Names the programs that models of others would run: a person should have seen them before the first tick.
pub(super) fn warn_of_programs(models: &ModelRegistry, out: &mut Output) {
    for (key, model) in models.models.iter().filter(|(_, model)| model.provider == "cli") {
        let command = model.provider_config.get("command").map(ToString::to_string).unwrap_or_default();
        out.note(format!(
            "note: the model {key} runs a program where the organisation ticks: {}",
            one_line(&command, 200)
        ));
    }
}

/// Names the programs that a revision brings: those of models that are new in it, or others than before.
pub(super) fn warn_of_new_programs(revision: &Revision, out: &mut Output) {
    for change in revision.changes().iter().filter(|change| change.key == Key::Models) {
        let read = |bytes: &Option<Bytes>| -> ModelRegistry {
            bytes.as_ref().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
        };
        let (before, mut after) = (read(&change.before), read(&change.after));
        after.models.retain(|key, model| before.models.get(key) != Some(model));
        warn_of_programs(&after, out);
    }
}

/// Asks the person, unless `yes` is the answer already.
///
/// # Errors
/// There is nobody to ask; or the answer is no.
pub(super) fn confirm(session: &mut Session, yes: bool, question: &str) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !session.out.is_watched() {
        let error = CliError::new(Exit::Usage, format!("{question}: nobody is there to ask; nothing was written"));
        return Err(error.hint("--yes says that it is meant"));
    }
    session.out.flush()?;
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "{question}? [y/N] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CliError::new(Exit::Failed, "not confirmed: nothing was written")),
    }
}
