//! `lemming fsck`

use serde_json::{Value, json};

use crate::cli::error::{CliError, Exit};
use crate::cli::findings;
use crate::cli::globals::{Session, no_tick};
use crate::cli::output::{BAD, DIM, GOOD, clean, counted, styled};
use crate::domain::ids::Sha;
use crate::domain::time::Tick;
use crate::keep::fsck::{Report, Scope, fsck, repair};
use crate::store::{Key, Prefix, Store, StoreError};

/// Looks through a whole organisation for damage: every record, hash, view and account.
///
/// Walks through the ticks: each plan and closed record is worked out once more from the state
/// before it, every hash that a record names is compared, and so are money, deliveries, checkpoints,
/// contents and views. A file that a person edited is named, and is no error. Writes nothing, unless
/// --repair is given. Calls no model: `replay` runs the turns of a tick again, too.
///
/// Prints the last closed tick and its hash, on which all of the history rests: note it elsewhere,
/// and --expect it later. Ends with 1 where something is wrong and was not mended.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FsckArgs {
    /// A head that was noted elsewhere, as fsck printed it; may be repeated
    #[arg(long, value_name = "TICK:SHA256", value_parser = noted)]
    expect: Vec<(Tick, Sha)>,
    /// Walks from this tick on, on the checkpoint before it [default: from the first]
    #[arg(long, value_name = "TICK", value_parser = clap::value_parser!(u64).range(1..))]
    from: Option<u64>,
    /// Writes again what follows from the records: outboxes, memory, files, checkpoints, head.json; never a file that a
    /// person edited
    #[arg(long)]
    repair: bool,
    /// With --repair: also over people's edits that no turn has imported yet; they are lost
    #[arg(long, requires = "repair")]
    force_views: bool,
}

fn noted(text: &str) -> Result<(Tick, Sha), String> {
    let (tick, sha) = text.split_once(':').ok_or("it must be a tick, a colon and a SHA-256, such as 12:9f86d0...")?;
    let tick = tick.parse().map_err(|_| format!("{tick:?} is no number of a tick"))?;
    let sha = Sha::try_from(sha.to_owned()).map_err(|error| error.to_string())?;
    Ok((Tick(tick), sha))
}

pub(super) async fn run(args: FsckArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let scope = Scope { from: args.from.map(Tick), expect: args.expect };
    if let Some(from) = scope.from
        && is_beyond(&org.store, from).await?
    {
        return Err(no_tick(&org, Some(from)).await?);
    }
    let bar = session.progress(None, "going through ticks");
    let draw = |tick: Tick, _: Tick| bar.set(tick.0);
    let found = fsck(&org.store, &scope, &draw).await;
    drop(bar);
    let mut report = found?;
    let mut repaired = Vec::new();
    if args.repair {
        repaired = repair(&org.store, &report, args.force_views).await?;
        report.findings.retain(|finding| !repaired.contains(&finding.path));
    }
    let exit = if report.is_sound() { Exit::Ok } else { Exit::Failed };
    if session.out.json() {
        session.out.document(&document(&report, &repaired))?;
        return Ok(exit);
    }
    show(&report, &repaired, session)?;
    Ok(exit)
}

/// Says whether no tick from that one on has a record.
async fn is_beyond(store: &Store, from: Tick) -> Result<bool, StoreError> {
    for key in [Key::Plan(from), Key::Closed(from)] {
        if store.get(&key).await?.is_some() {
            return Ok(false);
        }
    }
    // Of a damaged organisation both may be missing, and later ones be there.
    let is_later = |path: &String| match Key::parse(path) {
        Some(Key::Plan(tick) | Key::Closed(tick)) => tick >= from,
        _ => false,
    };
    Ok(!store.list(&Prefix::Everything).await?.iter().any(is_later))
}

fn document(report: &Report, repaired: &[String]) -> Value {
    json!({
        "sound": report.is_sound(),
        "head": report.head,
        "open": report.open,
        "ticks": report.ticks,
        "objects": report.objects,
        "findings": report.findings.iter().map(findings::document).collect::<Vec<_>>(),
        "repaired": repaired,
    })
}

fn show(report: &Report, repaired: &[String], session: &mut Session) -> Result<(), CliError> {
    let out = &mut session.out;
    for finding in &report.findings {
        findings::show(finding, out)?;
    }
    for path in repaired {
        out.line(format!("{}  {}", styled(GOOD, "repaired"), clean(path)))?;
    }
    let errors = report.findings.iter().filter(|finding| finding.code.is_error()).count();
    let looked = format!("{} and {} were looked at", counted(report.ticks, "tick"), counted(report.objects, "object"));
    let verdict = match errors {
        0 => styled(GOOD, "sound"),
        errors => styled(BAD, counted(errors, "error")),
    };
    out.line(format!("{verdict}  {looked}"))?;
    match &report.head {
        Some(head) => out.line(format!("{} {}:{}", styled(DIM, "head:"), head.tick, head.sha256))?,
        None => out.line(styled(DIM, "no tick is closed"))?,
    }
    if report.is_damaged {
        out.note(
            "hint: put the damaged records back from a copy; until then nothing that follows from them is repaired",
        );
    } else if !report.mends.is_empty() && repaired.is_empty() && errors > 0 {
        out.note("hint: `lemming fsck --repair` writes again what follows from the records");
    }
    Ok(())
}
