//! `lemming templates analyse`

use std::collections::BTreeMap;

use super::open::{shelf, template};
use crate::chronicle;
use crate::cli::commands::agents::period;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{Cell, DIM, NAME, Output, WARN, clean, styled};
use crate::domain::name::AgentName;
use crate::domain::resume::Resume;
use crate::runner::compose::Org;
use crate::store::Key;
use crate::template::analysis::{Analysis, analyse};

/// Says who reads whom and how soon, in a template or in the organisation, and what was hardly meant.
///
/// Reads only. `graph` draws it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AnalyseArgs {
    /// The name of a template, or a folder or bucket that holds one [default: the organisation]
    template: Option<String>,
}

pub(super) async fn run(args: &AnalyseArgs, session: &mut Session) -> Result<Exit, CliError> {
    let agents = match &args.template {
        Some(name) => {
            let org = shelf(session).await?;
            template(name, org.as_ref(), session).await?.agents
        }
        None => resumes(&session.org().await?).await?,
    };
    let analysis = analyse(&agents);
    match session.out.json() {
        true => session.out.document(&analysis)?,
        false => show(&analysis, &mut session.out)?,
    }
    Ok(Exit::Ok)
}

/// The resumes that can be read; `validate` tells of the others.
async fn resumes(org: &Org) -> Result<BTreeMap<AgentName, Resume>, CliError> {
    let mut found = BTreeMap::new();
    for name in chronicle::agents(&org.store).await? {
        let bytes = org.store.get(&Key::Resume(name.clone())).await?;
        if let Some(Ok(resume)) = bytes.map(|bytes| Resume::parse(&bytes, &name)) {
            found.insert(name, resume);
        }
    }
    Ok(found)
}

fn show(analysis: &Analysis, out: &mut Output) -> Result<(), CliError> {
    let mut rows = vec![["agent", "runs", "reads", "read by"].map(|title| Cell::new(title).style(DIM)).to_vec()];
    rows.extend(analysis.agents.iter().map(|rhythm| {
        vec![
            Cell::new(rhythm.agent.as_str()).style(NAME),
            Cell::new(period(&rhythm.schedule)),
            Cell::number(rhythm.reads),
            Cell::number(rhythm.read_by),
        ]
    }));
    out.table(&rows)?;
    if !analysis.readings.is_empty() {
        out.line("")?;
    }
    for reading in &analysis.readings {
        let soon = match reading.within_ticks {
            1 => "in each tick".to_owned(),
            n => format!("within {n} ticks"),
        };
        let only = if reading.addressed { "" } else { ", what is said to all" };
        out.line(format!("{} reads {} {soon}{only}", styled(NAME, &reading.reader), styled(NAME, &reading.author)))?;
    }
    if !analysis.remarks.is_empty() {
        out.line("")?;
    }
    for remark in &analysis.remarks {
        out.line(format!("{} {} {}", styled(WARN, "note:"), remark.agent, clean(&remark.message)))?;
    }
    Ok(())
}
