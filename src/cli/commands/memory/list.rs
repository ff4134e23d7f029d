//! `lemming memory list`

use serde_json::{Value, json};

use crate::chronicle::memory::{Kept, Left, archive, kept};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session, agent_of_any_time};
use crate::cli::order::memories;
use crate::cli::output::{Cell, DIM, NAME, Output, WARN, counted, one_line};

/// How much of a value is shown on its line.
const WIDTH: usize = 60;

/// Lists what an agent keeps: the keys, when each last changed, and how its value begins.
///
/// Reads only.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// The agent's name
    agent: String,
    /// What has left the memory and is kept in the archive, the newest first
    #[arg(long)]
    archive: bool,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: ListArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let agent = agent_of_any_time(&org, &moment, &args.agent).await?;
    let out = &mut session.out;
    if args.archive {
        let left = archive(&moment, &agent, None).await?;
        match out.json() {
            true => out.document(&json!({ "agent": agent, "archive": left }))?,
            false => show_archive(&left, out)?,
        }
        return Ok(Exit::Ok);
    }
    let kept = kept(&moment, &agent).await?;
    if out.json() {
        out.document(&json!({ "agent": agent, "memory": kept }))?;
        return Ok(Exit::Ok);
    }
    if kept.is_empty() {
        out.line(format!("{agent} keeps nothing"))?;
        return Ok(Exit::Ok);
    }
    let head = ["key", "changed", "bytes", "value", ""];
    let mut rows = vec![head.iter().map(|title| Cell::new(*title).style(DIM)).collect::<Vec<_>>()];
    rows.extend(kept.iter().map(row));
    out.table(&rows)?;
    out.line(memories(kept.len()))?;
    Ok(Exit::Ok)
}

fn row(kept: &Kept) -> Vec<Cell> {
    let note = match (&kept.broken, kept.is_edited) {
        (Some(error), _) => format!("cannot be read: {}", one_line(error, WIDTH)),
        (None, true) => "edited by hand; the next turn takes it over".to_owned(),
        (None, false) => String::new(),
    };
    vec![
        Cell::new(kept.key.as_str()).style(NAME),
        Cell::new(kept.changed.map_or("not yet".to_owned(), |tick| format!("tick {tick}"))),
        Cell::number(kept.bytes),
        Cell::new(kept.value.as_ref().map(brief).unwrap_or_default()),
        Cell::new(note).style(WARN),
    ]
}

/// How a value begins.
pub(super) fn brief(value: &Value) -> String {
    match value {
        Value::String(text) => one_line(text, WIDTH),
        Value::Array(items) => format!("{}: {}", counted(items.len(), "item"), one_line(&value.to_string(), WIDTH)),
        value => one_line(&value.to_string(), WIDTH),
    }
}

fn show_archive(left: &[Left], out: &mut Output) -> Result<(), CliError> {
    if left.is_empty() {
        out.line("nothing has left")?;
        return Ok(());
    }
    let row = |left: &Left| {
        vec![
            Cell::new(left.key.as_ref().map_or("", |key| key.as_str())).style(NAME),
            Cell::new(left.tick.map_or("by hand".to_owned(), |tick| format!("tick {tick}"))),
            Cell::new(one_line(&left.path, 200)),
        ]
    };
    out.table(&left.iter().map(row).collect::<Vec<_>>())?;
    Ok(())
}
