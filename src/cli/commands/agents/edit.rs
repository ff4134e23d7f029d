//! `lemming agents edit`

use bytes::Bytes;
use serde_json::{Value, json};

use super::resume;
use crate::cli::changes;
use crate::cli::editor::{in_editor, read};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::domain::name::AgentName;
use crate::edit;
use crate::revision::Revision;
use crate::store::Key;

/// Changes an agent's resume: in your editor, or value by value with --set.
///
/// Without --set, --unset or --file the resume is opened in $VISUAL, or else $EDITOR, from wherever it lies. What comes back is checked
/// before it is saved, and not saved over what somebody else wrote meanwhile. --set keeps the layout of the rest.
///
/// Examples:
///   lemming agents edit writer
///   lemming agents edit writer --set /schedule/run_every_n_ticks=3 --set '/title=Senior writer'
///   lemming agents edit writer --set /permissions/read_outboxes/-=critic --unset /credits/soft_cap
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(in crate::cli) struct EditArgs {
    /// The agent's name
    agent: String,
    /// A JSON pointer into the resume and its value, as JSON or else as text; `-` is the end of a list; may be given again
    #[arg(long, value_name = "POINTER=VALUE", value_parser = assignment)]
    set: Vec<(String, Value)>,
    /// A JSON pointer to what is taken away; may be given again
    #[arg(long, value_name = "POINTER")]
    unset: Vec<String>,
    /// A file with the whole new resume; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["set", "unset"])]
    file: Option<String>,
    /// Checks and shows the difference, and saves nothing
    #[arg(long)]
    dry_run: bool,
}

/// Reads `POINTER=VALUE`.
pub(super) fn assignment(text: &str) -> Result<(String, Value), String> {
    let (pointer, value) = text.split_once('=').ok_or("it must be POINTER=VALUE, such as /model/temperature=0.3")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((pointer.to_owned(), value))
}

pub(super) async fn run(args: EditArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let (agent, before) = resume(&org, &args.agent).await?;
    let (after, kept) = match &args.file {
        Some(file) => (read(file)?, None),
        None if args.set.is_empty() && args.unset.is_empty() => {
            let (text, file) = in_editor(&format!("{agent}-"), &before, &session.environment).await?;
            (text, Some(file))
        }
        None => (changed(&agent, &before, &args)?, None),
    };
    let mut revision = Revision::default();
    let key = Key::Resume(agent.clone());
    revision.set(key, Some(Bytes::from(before)), Some(Bytes::from(after)));
    let warnings = match changes::check(&org, &revision).await {
        Ok(warnings) => warnings,
        Err(error) => return Err(keep(error, kept)),
    };
    if !args.dry_run
        && let Err(error) = revision.write(&org.store).await
    {
        return Err(keep(error.into(), kept));
    }
    let written = !args.dry_run && !revision.is_empty();
    if session.out.json() {
        let saved = changes::Saved { written, changes: revision.changes(), warnings };
        session.out.document(&json!({ "agent": agent, "saved": saved }))?;
        return Ok(Exit::Ok);
    }
    changes::show(revision.changes(), &mut session.out)?;
    session.out.line(match (written, revision.is_empty()) {
        (_, true) => "nothing changes".to_owned(),
        (true, _) => format!("saved; the next `lemming tick` goes by {agent}'s new resume"),
        (false, _) => "not saved".to_owned(),
    })?;
    changes::warn(&warnings, &mut session.out);
    Ok(Exit::Ok)
}

fn changed(agent: &AgentName, text: &str, args: &EditArgs) -> Result<String, CliError> {
    let path = Key::Resume(agent.clone()).path();
    let at = |pointer: &str, error: &edit::EditError| {
        CliError::new(Exit::Usage, error.to_string()).at(path.clone(), pointer.to_owned())
    };
    let mut text = text.to_owned();
    for pointer in &args.unset {
        text = edit::unset_pointer(&text, pointer).map_err(|error| at(pointer, &error))?;
    }
    for (pointer, value) in &args.set {
        text = edit::set_pointer(&text, pointer, value).map_err(|error| at(pointer, &error))?;
    }
    Ok(text)
}

/// A person's text is not lost because something is wrong with it.
fn keep(error: CliError, file: Option<tempfile::NamedTempFile>) -> CliError {
    match file.map(tempfile::NamedTempFile::keep) {
        Some(Ok((_, path))) => {
            let path = path.display();
            error.hint(format!("your text is kept in {path}: mend it, and `lemming agents edit ... --file {path}`"))
        }
        _ => error,
    }
}
