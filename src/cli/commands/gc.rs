//! `lemming gc`

use uuid::Uuid;

use crate::chronicle;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{BAD, DIM, GOOD, WARN, clean, counted, styled};
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::time::Tick;
use crate::keep::gc::{Report, What, erase, retain};
use crate::runner::compose::Org;

/// How many paths of a sort are shown.
const SHOWN: usize = 20;

/// Gives up what is old, as `retention` in org.json says, or erases what must go.
///
/// Without anything in `retention` it gives up nothing. `turns_after_ticks` replaces turn records by stubs: who, when, what it
/// cost, what was said to whom, and the record's hash are left, but no text, and the journal and outbox files go with it.
/// `steps_after_ticks` and `outbox_after_ticks` delete those alone. The last 16 ticks are always kept, and whatever a turn to
/// come may need. Plans, chains and closed records stay, so that the history can be checked as before: `fsck` and
/// `replay` say `erased` of the rest.
///
/// --erase, --message and --memory take something out of every record that shows it: those that hold it, those of whoever
/// read it, and all that quote one of its texts of 8 bytes or more word for word. Shorter ones and numbers are not looked
/// for. They show what would go, and do it only with --yes. What must stay for now is told: the same again, later, takes it.
/// What somebody said about it in words of their own is not found, nor are copies outside: forks, exports, the provider's
/// logs.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct GcArgs {
    /// Shows what would go, and leaves everything as it is
    #[arg(long)]
    dry_run: bool,
    /// Erases what this agent did, in all ticks or in one
    #[arg(long, value_name = "AGENT[/TICK]", value_parser = agent, group = "what")]
    erase: Option<What>,
    /// Erases the message of this id
    #[arg(long, value_name = "ID", group = "what")]
    message: Option<Uuid>,
    /// Erases all that was kept under this key of an agent's memory
    #[arg(long, value_name = "AGENT/KEY", value_parser = memory, group = "what")]
    memory: Option<What>,
    /// Erases it, for good
    #[arg(long, requires = "what", conflicts_with = "dry_run")]
    yes: bool,
}

fn agent(text: &str) -> Result<What, String> {
    let (name, tick) = match text.split_once('/') {
        None => (text, None),
        Some((name, tick)) => (name, Some(Tick(tick.parse().map_err(|_| format!("{tick:?} is no number of a tick"))?))),
    };
    Ok(What::Agent(AgentName::new(name).map_err(|error| error.to_string())?, tick))
}

fn memory(text: &str) -> Result<What, String> {
    let (name, key) = text.split_once('/').ok_or("it must be an agent, a slash and a key")?;
    let name = AgentName::new(name).map_err(|error| error.to_string())?;
    Ok(What::Memory(name, MemoryKey::new(key).map_err(|error| error.to_string())?))
}

pub(super) async fn run(args: GcArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let what = args.erase.or(args.message.map(What::Message)).or(args.memory);
    let is_dry = args.dry_run || (what.is_some() && !args.yes);
    let bar = session.progress(None, "going through ticks");
    let draw = |tick: Tick, _: Tick| bar.set(tick.0);
    let done = match &what {
        Some(what) => erase(&org.store, what, is_dry, &draw).await,
        None => {
            let retention = chronicle::settings(&org.store).await?.retention;
            retain(&org.store, &retention, is_dry, &draw).await
        }
    };
    drop(bar);
    let report = done?;
    // What must go and could not is no success; what is only old may stay a little longer.
    let exit = if what.is_some() && !report.kept.is_empty() { Exit::Failed } else { Exit::Ok };
    if session.out.json() {
        let mut document = serde_json::to_value(&report).unwrap_or_default();
        document["dry_run"] = is_dry.into();
        session.out.document(&document)?;
        return Ok(exit);
    }
    show(&report, is_dry, what.is_some(), &org, session)?;
    Ok(exit)
}

fn show(report: &Report, is_dry: bool, is_erasure: bool, org: &Org, session: &mut Session) -> Result<(), CliError> {
    let out = &mut session.out;
    let sorts = [("stub", &report.stubs), ("delete", &report.deleted), ("keep in a blob", &report.blobs)];
    for (verb, paths) in sorts {
        for path in paths.iter().take(SHOWN) {
            out.line(format!("{}  {}", styled(DIM, verb), clean(path)))?;
        }
        if paths.len() > SHOWN {
            out.line(styled(DIM, format!("... and {} more; --json lists all", paths.len() - SHOWN)))?;
        }
    }
    for kept in report.kept.iter().take(SHOWN) {
        out.line(format!("{}  {}: {}", styled(WARN, "stays"), clean(&kept.path), clean(&kept.because)))?;
    }
    if report.kept.len() > SHOWN {
        out.line(styled(DIM, format!("... and {} more; --json lists all", report.kept.len() - SHOWN)))?;
    }
    let numbers = format!(
        "{} became stubs, {} deleted, {} kept in blobs",
        counted(report.stubs.len(), "record"),
        counted(report.deleted.len(), "object"),
        counted(report.blobs.len(), "content")
    );
    match (is_dry, report.is_empty()) {
        (_, true) if is_erasure => out.line(format!("nothing at {} shows it", clean(&org.place)))?,
        (_, true) => out.line("nothing is older than `retention` in org.json says")?,
        (true, false) => {
            out.line(format!("{}  nothing was done; done, it would be: {numbers}", styled(WARN, "dry run")))?
        }
        (false, false) => out.line(format!("{}  {numbers}", styled(GOOD, "done")))?,
    }
    if is_erasure && is_dry && !report.is_empty() {
        out.note("hint: with --yes it is erased, for good");
    }
    if is_erasure && !report.kept.is_empty() {
        out.line(format!("{}  not all of it can go yet: run the same again later", styled(BAD, "incomplete")))?;
    }
    Ok(())
}
