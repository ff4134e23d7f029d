//! `lemming tools`

mod accept;
mod check;
mod test;

use serde_json::Value;

use crate::chronicle::tools::{ToolCard, Tools, tools};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session};
use crate::cli::output::{BAD, Cell, DIM, NAME, Output, TITLE, WARN, clean, named, one_line, styled};
use crate::domain::toolbox::Approval;
use crate::tool::catalogue::Reach;
use crate::validate::nearest;

/// So many callers are named in a row of the list.
const NAMED: usize = 4;

/// So much of what a tool does is shown in a row of the list.
const MAX_SHOWN: usize = 300;

/// Lists the tools that there are and who may call each; `show` has one with its arguments.
///
/// Who may call what, the resumes say, at permissions.tools. A name there that is no tool is shown
/// as a problem. What a built-in tool may touch: reads (only looks), writes (memory, files, agents), runs
/// (programs in a sandbox), outside (somebody else learns what is asked). What a call of another does: none (it
/// only looks), repeatable (twice is as good as once), once. The tools of MCP servers are those that a person accepted.
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
    Test(test::TestArgs),
    Accept(accept::AcceptArgs),
    Check(check::CheckArgs),
}

/// Lists the tools that there are, built in, of your own and of servers, and who may call each.
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
    let (wanted, at) = match args.action {
        Some(ToolsAction::Test(args)) => return test::run(args, session).await,
        Some(ToolsAction::Accept(args)) => return accept::run(args, session).await,
        Some(ToolsAction::Check(args)) => return check::run(args, session).await,
        Some(ToolsAction::Show(args)) => (Some(args.tool), args.at),
        Some(ToolsAction::List(args)) => (None, args.at),
        None => (None, args.list.at),
    };
    let org = session.org().await?;
    let (moment, builtin, connector) = (at.moment(&org).await?, org.tools(), org.connector());
    let found = session.reading(&org, "reading resumes", tools(&moment, &builtin, connector.as_ref())).await?;
    let out = &mut session.out;
    let Some(name) = wanted else {
        if out.json() {
            out.document(&found)?
        } else {
            list(&found, out)?
        }
        return Ok(Exit::Ok);
    };
    let Some(card) = found.tools.iter().find(|card| is_named(&name, &card.tool, &card.permission)) else {
        return Err(unknown(&name, found.tools.iter().map(|card| card.tool.as_str())));
    };
    if out.json() {
        out.document(card)?
    } else {
        show(card, out)?
    }
    Ok(Exit::Ok)
}

/// Says whether a person means this tool: by what models call it, as resumes permit it, or by `SERVER/TOOL`.
fn is_named(name: &str, tool: &str, permission: &str) -> bool {
    name == tool || name == permission || permission.strip_prefix("mcp:") == Some(name)
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> CliError {
    let error = CliError::new(Exit::NotFound, format!("there is no tool {name:?}"));
    match nearest(name, known) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint("`lemming tools` lists them"),
    }
}

fn list(found: &Tools, out: &mut Output) -> Result<(), CliError> {
    let mut rows = vec![["tool", "touches", "who may", "does"].map(|title| Cell::new(title).style(DIM)).to_vec()];
    rows.extend(found.tools.iter().map(|card| {
        let touches = touches(card);
        let callers = Cell::new(named(&card.agents, NAMED));
        let does = card.description.split_inclusive(". ").next().unwrap_or_default().trim_end();
        vec![
            Cell::new(if card.server.is_some() { &card.permission } else { &card.tool }).style(NAME),
            Cell::new(touches).style(if matches!(touches, "reads" | "none") { DIM } else { WARN }),
            if card.agents.is_empty() { callers.style(DIM) } else { callers },
            Cell::new(one_line(does, MAX_SHOWN)),
        ]
    }));
    out.table(&rows)?;
    for card in found.tools.iter().filter(|card| !card.agents.is_empty()) {
        if let Some(problem) = &card.problem {
            out.line(format!("{} {}: {problem}", styled(WARN, "problem:"), card.tool))?;
        }
    }
    for server in &found.servers {
        if let Some(problem) = &server.problem {
            out.line(format!("{} {}: {problem}", styled(WARN, "problem:"), server.server))?;
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
    out.line(format!("{}  {}", styled(NAME, &card.tool), styled(TITLE, touches(card))))?;
    out.wrapped(&card.description)?;
    if card.reach.is_none() {
        let waits = match card.approval {
            Approval::Never => "no call waits for a person's yes".to_owned(),
            Approval::Always => "each call waits for a person's yes".to_owned(),
            Approval::Above { credits } => format!("calls worth more than {credits} wait for a person's yes"),
        };
        out.wrapped(format!("{} {waits}", styled(DIM, "asks:")))?;
        out.wrapped(format!("{} {}", styled(DIM, "permission:"), clean(&card.permission)))?;
    }
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
        out.wrapped(format!("  {}{must}: {}", styled(NAME, clean(name)), kind(schema) + &does))?;
    }
    Ok(())
}

/// What a built-in tool may touch, or what a call of another does.
fn touches(card: &ToolCard) -> &'static str {
    card.reach.map_or(card.effect.as_str(), Reach::as_str)
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
