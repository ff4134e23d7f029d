//! `lemming files list`

use serde_json::json;

use super::place;
use crate::chronicle::files::{FileNote, Place, files};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session};
use crate::cli::output::{Cell, DIM, NAME, one_line};

/// Lists files: of one workspace, of `shared/`, or of all.
///
/// Reads only.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// An agent's name, or `shared` [default: all]
    place: Option<String>,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: ListArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let places = match &args.place {
        Some(name) => vec![place(&org, &moment, name).await?],
        None => moment.agents().await?.into_iter().map(Place::Workspace).chain([Place::Shared]).collect(),
    };
    let mut found: Vec<FileNote> = Vec::new();
    for place in &places {
        found.extend(files(&moment, place).await?);
    }
    let out = &mut session.out;
    if out.json() {
        out.document(&json!({ "files": found }))?;
        return Ok(Exit::Ok);
    }
    if found.is_empty() {
        out.line("no files")?;
    }
    let row = |file: &FileNote| {
        vec![
            Cell::new(one_line(&file.path, 400)),
            Cell::new(file.changed.map_or("not yet read".to_owned(), |tick| format!("tick {tick}"))).style(DIM),
            Cell::new(file.by.as_ref().map_or("", |by| by.as_str())).style(NAME),
        ]
    };
    out.table(&found.iter().map(row).collect::<Vec<_>>())?;
    Ok(Exit::Ok)
}
