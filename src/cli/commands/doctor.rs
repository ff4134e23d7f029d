//! `lemming doctor`

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{BAD, Cell, DIM, GOOD, Output, TITLE, WARN, counted, one_line, styled};
use crate::doctor::report::{Finding, Health, May, Part, Report};
use crate::doctor::{Patient, examine};
use crate::runner::local::until_signalled;

/// The longest text in a row.
const WIDTH: usize = 200;

/// Examines the store, the credentials, the models' keys and this machine, and says how to mend what is wrong.
///
/// Tries what ticks rely on: that of 16 creates of one object at once one wins, that what was
/// written is read and listed at once, the clocks, the latency, and what the credentials may do with
/// each kind of key. Works without an organisation, and with credentials that may only read. Its
/// objects are called probe:*, are read by nobody, and are deleted again; it calls no model.
/// Ends with 4 if ticks must not be run on this store, with 3 if something is wrong with the
/// organisation or a model's key, with 130 if it was interrupted; warnings alone end with 0.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DoctorArgs {}

pub(super) async fn run(_: DoctorArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.place()?;
    let (providers, tools) = (org.providers(), org.tools());
    let patient = Patient {
        store: &org.store,
        place: &org.place,
        local_root: org.local_root.as_deref(),
        clock: org.clock(),
        entropy: org.entropy(),
        providers: providers.as_ref(),
        environment: org.environment(),
        tools: &tools,
        sandbox: org.sandbox(),
    };
    let examined = until_signalled(|| {}, |stop| async move { examine(patient, &stop).await }).await;
    let Some(report) = examined else { return Ok(Exit::Interrupted) };
    if session.out.json() {
        session.out.document(&report)?;
    } else {
        show(&report, &mut session.out)?;
    }
    Ok(exit(&report))
}

/// How the command ends.
fn exit(report: &Report) -> Exit {
    if report.interrupted {
        Exit::Interrupted
    } else if report.is_wrong(Part::Store) {
        Exit::Store
    } else if report.is_wrong(Part::Organisation) {
        Exit::Invalid
    } else {
        Exit::Ok
    }
}

fn show(report: &Report, out: &mut Output) -> Result<(), CliError> {
    let name = report.organisation.as_deref().map(|name| one_line(name, 80)).unwrap_or_default();
    out.line(format!("{}  {}", styled(TITLE, &report.store), styled(DIM, name)))?;
    for (part, title) in
        [(Part::Store, "the store"), (Part::Organisation, "the organisation"), (Part::Machine, "this machine")]
    {
        let findings: Vec<&Finding> = report.findings.iter().filter(|finding| finding.part == part).collect();
        if findings.is_empty() {
            continue;
        }
        out.line("")?;
        out.line(styled(TITLE, title))?;
        out.table(&findings.iter().map(|finding| row(finding)).collect::<Vec<_>>())?;
    }
    show_permissions(report, out)?;
    show_latencies(report, out)?;
    out.line("")?;
    for finding in &report.findings {
        if let Some(mend) = &finding.mend {
            let label = styled(if finding.health == Health::Wrong { BAD } else { WARN }, "mend:");
            out.line(format!("{label} {}: {}", one_line(&finding.check, 60), one_line(mend, WIDTH)))?;
        }
    }
    for path in &report.left_behind {
        out.line(format!("{} {}", styled(WARN, "left behind:"), one_line(path, WIDTH)))?;
    }
    let (wrong, warnings) = (report.count(Health::Wrong), report.count(Health::Warning));
    let may = match (report.writes_ticks(), report.writes_anything()) {
        (true, _) => "",
        (false, true) => "; these credentials cannot run ticks",
        (false, false) => "; these credentials can only look: they cannot run ticks",
    };
    let warned = counted(warnings, "warning");
    let summary = match (report.interrupted, wrong, warnings) {
        (true, ..) => styled(WARN, "interrupted: not all was tried"),
        (false, 0, 0) if may.is_empty() => styled(GOOD, "nothing is wrong"),
        (false, 0, 0) => styled(WARN, format!("nothing is wrong{may}")),
        (false, 0, _) => styled(WARN, format!("nothing is wrong; {warned}{may}")),
        _ => styled(BAD, format!("{wrong} wrong, {warned}")),
    };
    Ok(out.line(summary)?)
}

fn row(finding: &Finding) -> Vec<Cell> {
    let (word, style) = match finding.health {
        Health::Good => ("good", GOOD),
        Health::Note => ("note", DIM),
        Health::Skipped => ("skipped", DIM),
        Health::Warning => ("warning", WARN),
        Health::Wrong => ("WRONG", BAD),
    };
    vec![
        Cell::new(format!("  {word}")).style(style),
        Cell::new(one_line(&finding.check, 40)),
        Cell::new(one_line(&finding.found, WIDTH)),
    ]
}

fn show_permissions(report: &Report, out: &mut Output) -> Result<(), CliError> {
    if report.permissions.is_empty() {
        return Ok(());
    }
    out.line("")?;
    let mut rows = vec![["these credentials", "write", "delete"].map(|title| Cell::new(title).style(DIM)).to_vec()];
    rows.extend(report.permissions.iter().map(|permission| {
        vec![Cell::new(format!("  {}", permission.keys)), may(&permission.write), may(&permission.delete)]
    }));
    Ok(out.table(&rows)?)
}

fn may(may: &May) -> Cell {
    match may {
        May::Yes => Cell::new("yes").style(GOOD),
        May::No => Cell::new("no").style(WARN),
        May::Untried => Cell::new("-").style(DIM),
        May::Failed(_) => Cell::new("failed").style(BAD),
    }
}

fn show_latencies(report: &Report, out: &mut Output) -> Result<(), CliError> {
    if report.latencies.is_empty() {
        return Ok(());
    }
    out.line("")?;
    let titles = ["milliseconds", "min", "median", "max"];
    let mut rows = vec![titles.map(|title| Cell::new(title).style(DIM)).to_vec()];
    rows.extend(report.latencies.iter().map(|latency| {
        let mut cells = vec![Cell::new(format!("  {}", latency.operation))];
        let all = [latency.min_ms, latency.median_ms, latency.max_ms];
        cells.extend(all.map(|ms| Cell::number(format!("{ms:.1}"))));
        cells
    }));
    Ok(out.table(&rows)?)
}
