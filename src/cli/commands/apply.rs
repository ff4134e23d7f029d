//! `lemming apply`

use serde_json::json;

use crate::cli::changes;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{clean, counted};
use crate::configuration::{ConfigurationError, compare};
use crate::domain::name::AgentName;
use crate::runner::compose;

/// Makes org.json, config/ and the resumes equal to those of a folder, such as a checkout of a repository.
///
/// Shows the difference first, and asks; checks all of it before anything is written; writes org.json last. Touches nothing else:
/// no memory, no records, no shared files, and never config/keys.json. What the folder does not have stays, agents too, unless
/// --prune says otherwise. Where nothing differs nothing is written.
///
/// With --dry-run it ends with 0 where nothing would change and with 7 where something would.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ApplyArgs {
    /// The folder, or a place in a bucket: laid out as an organisation is
    dir: String,
    /// Removes the agents that the folder does not have, as `agents remove` does
    #[arg(long)]
    prune: bool,
    /// Checks and shows the difference, and writes nothing
    #[arg(long)]
    dry_run: bool,
    /// Does it without asking
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(args: ApplyArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let source = compose::open(&args.dir, &session.environment)?;
    if source.place == org.place {
        return Err(CliError::new(Exit::Usage, format!("{} is the organisation itself", source.place)));
    }
    let found = compare(&org.store, &source.store, args.prune).await.map_err(|error| match error {
        ConfigurationError::Store(error) => error.into(),
        error => CliError::new(Exit::Usage, format!("{}: {error}: nothing was written", source.place)),
    })?;
    let warnings = changes::check(&org, &found.revision).await?;
    let changed = found.revision.changes();
    let json = session.out.json();
    if !json {
        changes::show(changed.iter().copied(), &mut session.out)?;
        changes::warn(&warnings, &mut session.out);
        if !found.kept.is_empty() {
            let names: Vec<&str> = found.kept.iter().map(AgentName::as_str).collect();
            session.out.note(format!("note: not in the folder, and kept without --prune: {}", names.join(", ")));
        }
        if !found.ignored.is_empty() {
            session.out.note(format!("note: not taken: {}", clean(&found.ignored.join(", "))));
        }
    }
    changes::warn_of_new_programs(&found.revision, &mut session.out);
    let written = !args.dry_run && !changed.is_empty();
    if written {
        changes::confirm(session, args.yes, &format!("change {}", counted(changed.len(), "file")))?;
        found.revision.write(&org.store).await?;
    }
    if json {
        session.out.document(&json!({
            "dir": source.place,
            "store": org.place,
            "written": written,
            "changes": changed,
            "removed": found.removed,
            "kept": found.kept,
            "ignored": found.ignored,
            "warnings": warnings,
        }))?;
    } else {
        let count = counted(changed.len(), "file");
        session.out.line(match (changed.is_empty(), written) {
            (true, _) => "nothing differs".to_owned(),
            (false, true) => format!("changed {count}"),
            (false, false) => format!("{count} would change"),
        })?;
    }
    Ok(if args.dry_run && !changed.is_empty() { Exit::Differs } else { Exit::Ok })
}
