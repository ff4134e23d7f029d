//! `lemming tools test`

use serde_json::{Value, json};

use super::check::config;
use super::{is_named, unknown};
use crate::cli::changes::confirm;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{BAD, DIM, GOOD, clean, styled};
use crate::connect::alone::Alone;
use crate::domain::toolbox::Effect;
use crate::tool::{self, CallFailure};

/// Calls a tool of your own or of an MCP server, really, and shows what an agent would be told.
///
/// It is called as an agent would call it, within the same limits, and no record keeps it. A call that must not be made
/// twice is made after your yes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TestArgs {
    /// The tool: SERVER/TOOL, or its name
    tool: String,
    /// Its arguments, as a JSON object
    #[arg(value_name = "JSON", default_value = "{}", hide_default_value = true)]
    arguments: String,
    /// Calls without asking
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(args: TestArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let arguments: Value = serde_json::from_str(&args.arguments)
        .map_err(|error| CliError::new(Exit::Usage, format!("the arguments are no JSON: {error}")))?;
    if org.tools().iter().any(|tool| tool.name() == args.tool) {
        let error = CliError::new(Exit::Usage, format!("{} is built in: it works on an agent's turn", args.tool));
        return Err(error.hint("only tools of your own and of servers can be tried"));
    }
    let found = config(&org).await?;
    let tools = org.connector().tools(&found.toolbox, &found.accepted);
    let Some(tool) = tools.iter().find(|tool| is_named(&args.tool, tool.name(), tool.permission())) else {
        let server = args.tool.split_once('/').map(|(server, _)| server);
        let is_waiting = |server: &&str| {
            let names = |name: &crate::domain::name::ServerName| name.as_str() == *server;
            found.toolbox.servers.keys().any(names) && !found.accepted.servers.keys().any(names)
        };
        return Err(match server.filter(is_waiting) {
            Some(server) => CliError::new(Exit::NotFound, format!("nobody has accepted the tools of {server}"))
                .hint(format!("`lemming tools accept {server}` shows them")),
            None => unknown(&args.tool, tools.iter().map(|tool| tool.name())),
        });
    };
    if tool.effect() == Effect::Once {
        confirm(session, args.yes, &format!("call {}, which must not be done twice", clean(tool.permission())))?;
    }
    let id = org.postbox().new_id();
    let settings = super::check::settings(&org).await?.tools;
    let mut desk = Alone::new(settings, id).map_err(|error| CliError::new(Exit::Failed, error.to_string()))?;
    let began = org.clock().now();
    let called = session.reading(&org, "calling", tool::call(tool.as_ref(), arguments, &mut desk)).await;
    let took_ms = org.clock().now().unix_ms() - began.unix_ms();
    let (ok, result) = match called {
        Ok(result) => (true, result),
        Err(CallFailure::Refused(error)) => (false, Value::String(error.0)),
        Err(error @ CallFailure::Broken(_)) => return Err(CliError::new(Exit::Failed, error.to_string())),
    };
    let exit = if ok { Exit::Ok } else { Exit::Failed };
    let out = &mut session.out;
    if out.json() {
        out.document(&json!({"tool": tool.name(), "ok": ok, "result": result, "took_ms": took_ms}))?;
        return Ok(exit);
    }
    let said = if ok { styled(GOOD, "answered") } else { styled(BAD, "refused") };
    out.line(format!("{said} {}", styled(DIM, format!("after {took_ms} ms"))))?;
    match &result {
        Value::String(text) => out.line(clean(text))?,
        result => out.line(clean(&serde_json::to_string_pretty(result).unwrap_or_default()))?,
    }
    Ok(exit)
}
