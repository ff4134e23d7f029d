//! `lemming tools accept`

use bytes::Bytes;
use serde_json::json;

use super::check::{Config, config, unknown_server};
use crate::clean::visible;
use crate::cli::changes::confirm;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{BAD, DIM, NAME, Output, WARN, counted, styled};
use crate::connect::mcp::accepted::{Change, Differences, accept, is_whole};
use crate::connect::mcp::{CALL_TIME, Listed, Server};
use crate::domain::name::ServerName;
use crate::domain::toolbox::AcceptedTool;
use crate::store::Key;

/// Shows what an MCP server says of its tools, and lets agents call them as described.
///
/// A model is told what the server says, so read it: all that is new or different since you last accepted it is shown word
/// for word, with characters that are not seen as `\u{...}`. It is kept in config/tools.lock.json. A tool of which the
/// server says something else later is not called until you accept that.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AcceptArgs {
    /// The server's name in config/tools.json
    server: ServerName,
    /// Accepts without asking
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(args: AcceptArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let Config { toolbox, accepted: mut lock, rule } = config(&org).await?;
    let name = args.server;
    let Some(server) = toolbox.servers.get(&name) else { return Err(unknown_server(&name, &toolbox)) };
    let parts = org.parts();
    let limit = server.terms.timeout.map_or(CALL_TIME, |limit| limit.duration());
    let asked = Server { parts: &parts, name: &name, config: server, rule };
    let listed = session.reading(&org, "asking the server", asked.list(limit)).await;
    let Listed { tools, left_out } = listed.map_err(|error| CliError::new(Exit::Failed, error.to_string()))?;
    let before = lock.servers.get(&name).filter(|list| is_whole(list));
    let is_new = before.is_none();
    let differences = Differences::between(before.map_or(&[], |list| &list.tools), &tools);
    let accepted = accept(tools, org.clock().now());
    let count = accepted.tools.len();
    let is_needed = is_new || !differences.is_empty();
    if !session.out.json() {
        show(&differences, &left_out, &mut session.out)?;
        if !is_needed {
            session.out.line(format!("{name} says of {} what was accepted", counted(count, "tool")))?;
        }
    }
    if is_needed {
        confirm(session, args.yes, &format!("accept what {name} says of {}", counted(count, "tool")))?;
        lock.servers.insert(name.clone(), accepted);
        let mut text =
            serde_json::to_vec_pretty(&lock).map_err(|error| CliError::new(Exit::Failed, error.to_string()))?;
        text.push(b'\n');
        org.store.put(&Key::ToolsLock, Bytes::from(text)).await?;
    }
    let out = &mut session.out;
    if out.json() {
        let left_out: Vec<_> = left_out.iter().map(|(tool, why)| json!({"tool": tool, "why": why})).collect();
        out.document(&json!({
            "server": name, "tools": count, "differences": differences, "left_out": left_out, "written": is_needed,
        }))?;
    } else if is_needed {
        out.line(format!("accepted: agents whose resumes permit mcp:{name}/TOOL can call {}", counted(count, "tool")))?;
    }
    Ok(Exit::Ok)
}

/// Shows every word that is different.
pub(super) fn show(differences: &Differences, left_out: &[(String, String)], out: &mut Output) -> Result<(), CliError> {
    for tool in &differences.added {
        out.line(format!("{} {}", styled(WARN, "new:"), styled(NAME, visible(&tool.name))))?;
        described(tool, "  ", out)?;
    }
    for Change { accepted, now } in &differences.changed {
        out.line(format!("{} {}", styled(WARN, "changed:"), styled(NAME, visible(&now.name))))?;
        out.line(styled(DIM, "  accepted:"))?;
        described(accepted, "    ", out)?;
        out.line(styled(DIM, "  now:"))?;
        described(now, "    ", out)?;
    }
    for name in &differences.removed {
        out.line(format!("{} {}", styled(WARN, "gone:"), styled(NAME, visible(name))))?;
    }
    for (tool, why) in left_out {
        out.line(format!("{} {}: {}", styled(BAD, "left out:"), visible(tool), visible(why)))?;
    }
    Ok(())
}

fn described(tool: &AcceptedTool, margin: &str, out: &mut Output) -> Result<(), CliError> {
    for line in visible(&tool.description).lines() {
        out.line(format!("{margin}{line}"))?;
    }
    let effect = tool.annotations.effect().as_str();
    out.line(format!("{margin}{} {effect}", styled(DIM, "effect, by what it says:")))?;
    let schema = serde_json::to_string(&tool.arguments).unwrap_or_default();
    out.line(format!("{margin}{} {}", styled(DIM, "arguments:"), visible(&schema)))?;
    Ok(())
}
