//! `lemming templates list`

use serde_json::{Value, json};

use super::open::shelf;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{BAD, Cell, DIM, NAME, one_line};
use crate::template::source::{TemplateError, kept, kept_names};
use crate::template::{Template, catalogue};

/// Lists the templates: those of the program, and those that the organisation keeps.
///
/// Reads only; needs no organisation.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListArgs {}

pub(super) async fn run(_: ListArgs, session: &mut Session) -> Result<Exit, CliError> {
    let mut found: Vec<(String, &str, Result<Template, String>)> = Vec::new();
    if let Some(org) = shelf(session).await? {
        for name in kept_names(&org.store).await? {
            let template = match kept(&org.store, &name).await {
                Ok(Some(template)) => Ok(template),
                Ok(None) => continue,
                Err(TemplateError::Store(error)) => return Err(error.into()),
                Err(error) => Err(error.to_string()),
            };
            found.push((name.to_string(), "organisation", template));
        }
    }
    for template in catalogue::all() {
        // What an organisation keeps under the same name counts.
        if found.iter().all(|(name, ..)| *name != template.about.name.as_str()) {
            found.push((template.about.name.to_string(), "program", Ok(template)));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let out = &mut session.out;
    if out.json() {
        let shown: Vec<Value> = found.iter().map(|(name, of, template)| entry(name, of, template)).collect();
        out.document(&json!({ "templates": shown }))?;
        return Ok(Exit::Ok);
    }
    let mut rows = vec![["template", "of", "agents", "what for"].map(|title| Cell::new(title).style(DIM)).to_vec()];
    rows.extend(found.iter().map(|(name, of, template)| {
        let (agents, what) = match template {
            Ok(template) => (template.agents.len().to_string(), Cell::new(one_line(&template.about.description, 100))),
            Err(error) => ("?".to_owned(), Cell::new(one_line(error, 100)).style(BAD)),
        };
        vec![Cell::new(name.clone()).style(NAME), Cell::new(*of), Cell::number(agents), what]
    }));
    out.table(&rows)?;
    Ok(Exit::Ok)
}

fn entry(name: &str, of: &str, template: &Result<Template, String>) -> Value {
    match template {
        Ok(template) => json!({
            "name": name,
            "of": of,
            "description": template.about.description,
            "version": template.about.version,
            "author": template.about.author,
            "tags": template.about.tags,
            "agents": template.agents.keys().collect::<Vec<_>>(),
        }),
        Err(error) => json!({ "name": name, "of": of, "broken": error }),
    }
}
