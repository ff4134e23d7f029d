//! `lemming templates show`

use std::collections::BTreeSet;
use std::fmt::Display;

use serde_json::json;

use super::open::{shelf, template};
use crate::chronicle::roster::Sketch;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{Cell, DIM, NAME, TITLE, clean, one_line, styled};
use crate::template::Template;

/// Shows a template: what it is for, its agents, what it needs, and its files.
///
/// Reads only.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ShowArgs {
    /// The name of a template, or a folder or bucket that holds one
    template: String,
}

pub(super) async fn run(args: &ShowArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = shelf(session).await?;
    let template = template(&args.template, org.as_ref(), session).await?;
    if session.out.json() {
        let agents: Vec<_> = template
            .agents
            .iter()
            .map(|(name, resume)| json!({ "name": name, "resume": Sketch::of(resume) }))
            .collect();
        session.out.document(&json!({
            "about": template.about,
            "requires": template.requires(),
            "agents": agents,
            "files": template.files.keys().map(ToString::to_string).collect::<Vec<_>>(),
            "left_out": template.left_out,
            "readme": template.readme,
        }))?;
        return Ok(Exit::Ok);
    }
    show(&template, session)?;
    Ok(Exit::Ok)
}

fn show(template: &Template, session: &mut Session) -> Result<(), CliError> {
    let about = &template.about;
    let out = &mut session.out;
    let version = about.version.as_deref().map_or(String::new(), |version| format!("  {}", one_line(version, 40)));
    out.line(format!("{}{}", styled(TITLE, &about.name), styled(DIM, version)))?;
    out.wrapped(clean(&about.description))?;
    let requires = template.requires();
    for (name, value) in [
        ("by", about.author.clone().unwrap_or_default()),
        ("tags", about.tags.join(", ")),
        ("models", joined(&requires.models)),
        ("tools", joined(&requires.tools)),
        ("needs agents", joined(&requires.agents)),
    ] {
        if !value.is_empty() {
            out.line(format!("{} {}", styled(DIM, format!("{name}:")), one_line(&value, 400)))?;
        }
    }
    out.line("")?;
    let mut rows = vec![["agent", "title", "does"].map(|title| Cell::new(title).style(DIM)).to_vec()];
    rows.extend(template.agents.iter().map(|(name, resume)| {
        vec![
            Cell::new(name.as_str()).style(NAME),
            Cell::new(one_line(&resume.title, 30)),
            Cell::new(one_line(&resume.short_description, 200)),
        ]
    }));
    out.table(&rows)?;
    out.line("")?;
    for key in template.files.keys() {
        out.line(clean(&key.path()))?;
    }
    for left in &template.left_out {
        out.line(format!("{} {}", styled(DIM, "left out:"), clean(&format!("{}: {}", left.path, left.reason))))?;
    }
    if let Some(readme) = &template.readme {
        out.line("")?;
        out.line(clean(readme))?;
    }
    Ok(())
}

fn joined<T: Display>(names: &BTreeSet<T>) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
