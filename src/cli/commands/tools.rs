//! `lemming tools`

use serde_json::Value;

use crate::chronicle::tools::{ToolCard, Tools, tools};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session};
use crate::cli::output::{BAD, Cell, DIM, NAME, Output, TITLE, WARN, clean, named, styled};
use crate::tool::catalogue::Reach;
use crate::validate::nearest;

/// So many callers are named in a row of the list.
const NAMED: usize = 4;

/// Lists the tools that there are and who may call each; `show` has one with its arguments.
///
/// Who may call what, the resumes say, at permissions.tools. A name there that is no tool is shown
/// as a problem. What a call may touch: reads (only looks), writes (memory, files, agents), runs
/// (programs in a sandbox), outside (somebody else learns what is asked).
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "ACTION")]
pub(in crate::cli) struct ToolsArgs {
    #[command(subcommand)]
    action: Option<ToolsAction>,
    #[command(flatten)]
    list: ListArgs,
}

/// What is shown of tools.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum ToolsAction {
    List(ListArgs),
    Show(ShowArgs),
}

/// Lists the tools that there are and who may call each.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    at: AtArgs,
}

/// Shows a tool: what it does, its arguments, its limits, and who may call it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ShowArgs {
    /// The tool's name
    tool: String,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: ToolsArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let (wanted, at) = match args.action {
        Some(ToolsAction::Show(args)) => (Some(args.tool), args.at),
        Some(ToolsAction::List(args)) => (None, args.at),
        None => (None, args.list.at),
    };
    let (moment, known) = (at.moment(&org).await?, org.tools());
    let found = session.reading(&org, "reading resumes", tools(&moment, &known)).await?;
    let out = &mut session.out;
    let Some(name) = wanted else {
        if out.json() {
            out.document(&found)?
        } else {
            list(&found, out)?
        }
        return Ok(Exit::Ok);
    };
    let Some(card) = found.tools.iter().find(|card| card.tool == name) else {
        let error = CliError::new(Exit::NotFound, format!("there is no tool {name:?}"));
        return Err(match nearest(&name, found.tools.iter().map(|card| card.tool.as_str())) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint("`lemming tools` lists them"),
        });
    };
    if out.json() {
        out.document(card)?
    } else {
        show(card, out)?
    }
    Ok(Exit::Ok)
}

fn list(found: &Tools, out: &mut Output) -> Result<(), CliError> {
    let mut rows = vec![["tool", "effect", "who may", "does"].map(|title| Cell::new(title).style(DIM)).to_vec()];
    rows.extend(found.tools.iter().map(|card| {
        let effect = card.effect.map_or("?", Reach::as_str);
        let callers = Cell::new(named(&card.agents, NAMED));
        let does = card.description.split_inclusive(". ").next().unwrap_or_default().trim_end();
        vec![
            Cell::new(&card.tool).style(NAME),
            Cell::new(effect).style(if effect == "reads" { DIM } else { WARN }),
            if card.agents.is_empty() { callers.style(DIM) } else { callers },
            Cell::new(does),
        ]
    }));
    out.table(&rows)?;
    for card in found.tools.iter().filter(|card| !card.agents.is_empty()) {
        if let Some(problem) = &card.problem {
            out.line(format!("{} {}: {problem}", styled(WARN, "problem:"), card.tool))?;
        }
    }
    for unknown in &found.unknown {
        let meant = unknown.nearest.as_ref().map_or(String::new(), |near| format!("; did you mean {near}?"));
        let who = named(&unknown.agents, NAMED);
        let text = format!("there is no tool {}, which {who} may call{meant}", clean(&unknown.tool));
        out.line(format!("{} {text}", styled(BAD, "problem:")))?;
    }
    Ok(())
}

fn show(card: &ToolCard, out: &mut Output) -> Result<(), CliError> {
    out.line(format!("{}  {}", styled(NAME, &card.tool), styled(TITLE, card.effect.map_or("?", Reach::as_str))))?;
    out.wrapped(&card.description)?;
    out.wrapped(format!("{} {}", styled(DIM, "who may:"), named(&card.agents, usize::MAX)))?;
    if !card.limits.is_empty() {
        out.wrapped(format!("{} {}", styled(DIM, "limits:"), card.limits.join("; ")))?;
    }
    if let Some(problem) = &card.problem {
        out.line(format!("{} {problem}", styled(WARN, "problem:")))?;
    }
    let required = |name: &str| {
        let names = card.arguments["required"].as_array();
        names.is_some_and(|names| names.iter().any(|required| required == name))
    };
    let arguments = card.arguments["properties"].as_object();
    out.line(styled(
        DIM,
        if arguments.is_some_and(|fields| !fields.is_empty()) { "arguments:" } else { "no arguments" },
    ))?;
    for (name, schema) in arguments.into_iter().flatten() {
        let must = if required(name) { "" } else { " (may be absent)" };
        let does = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
        out.wrapped(format!("  {}{must}: {}", styled(NAME, name), kind(schema) + &does))?;
    }
    Ok(())
}

/// The type of an argument, where its schema has a simple one.
fn kind(schema: &Value) -> String {
    match &schema["type"] {
        Value::String(kind) => format!("{kind}. "),
        Value::Array(kinds) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect();
            format!("{}. ", kinds.join(" or "))
        }
        _ => String::new(),
    }
}
