//! `lemming tools check`

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{BAD, GOOD, NAME, WARN, clean, counted, styled};
use crate::connect::mcp::accepted::{Differences, is_whole};
use crate::connect::mcp::{CALL_TIME, Server};
use crate::domain::name::ServerName;
use crate::domain::org::OrgConfig;
use crate::domain::toolbox::{AcceptedTools, ServerSandbox, Toolbox};
use crate::runner::compose::Org;
use crate::store::Key;
use crate::validate::nearest;

/// Asks MCP servers whether they still say of their tools what you accepted.
///
/// Ends with 7 if one says something else or nobody has accepted it, with 1 if one cannot be asked. Writes nothing.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CheckArgs {
    /// Only this server
    server: Option<ServerName>,
}

/// What the organisation says of tools that are not built in.
pub(super) struct Config {
    pub(super) toolbox: Toolbox,
    pub(super) accepted: AcceptedTools,
    pub(super) rule: ServerSandbox,
}

/// Reads it as it lies there now.
pub(super) async fn config(org: &Org) -> Result<Config, CliError> {
    let settings = settings(org).await?;
    let (toolbox, accepted) = futures::try_join!(org.store.get(&Key::Tools), org.store.get(&Key::ToolsLock))?;
    let toolbox = read(toolbox, &Key::Tools)?.unwrap_or_default();
    let accepted = read(accepted, &Key::ToolsLock)?.unwrap_or_default();
    Ok(Config { toolbox, accepted, rule: settings.tools.sandbox.into() })
}

/// What `org.json` says.
pub(super) async fn settings(org: &Org) -> Result<OrgConfig, CliError> {
    read(org.store.get(&Key::Org).await?, &Key::Org)?.ok_or_else(|| CliError::no_org(&org.place))
}

fn read<T: DeserializeOwned>(bytes: Option<Bytes>, key: &Key) -> Result<Option<T>, CliError> {
    let Some(bytes) = bytes else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        CliError::new(Exit::Invalid, format!("{key} cannot be read: {error}"))
            .hint("`lemming validate` lists what is wrong")
    })
}

pub(super) fn unknown_server(name: &ServerName, toolbox: &Toolbox) -> CliError {
    let error = CliError::new(Exit::NotFound, format!("{} has no server {name}", Key::Tools));
    match nearest(name.as_str(), toolbox.servers.keys().map(ServerName::as_str)) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint("docs/CONNECT.md says how to name one"),
    }
}

pub(super) async fn run(args: CheckArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let Config { toolbox, accepted, rule } = config(&org).await?;
    if let Some(name) = args.server.as_ref().filter(|name| !toolbox.servers.contains_key(*name)) {
        return Err(unknown_server(name, &toolbox));
    }
    let parts = org.parts();
    let mut exit = Exit::Ok;
    let mut documents: Vec<Value> = Vec::new();
    for (name, server) in
        toolbox.servers.iter().filter(|(name, _)| args.server.as_ref().is_none_or(|only| only == *name))
    {
        let limit = server.terms.timeout.map_or(CALL_TIME, |limit| limit.duration());
        let asked = Server { parts: &parts, name, config: server, rule };
        let listed = session.reading(&org, "asking servers", asked.list(limit)).await;
        let before = accepted.servers.get(name).filter(|list| is_whole(list));
        let (state, differences, error) = match (&listed, before) {
            (Err(error), _) => ("unreachable", Differences::default(), Some(error.to_string())),
            (Ok(listed), None) => ("unaccepted", Differences::between(&[], &listed.tools), None),
            (Ok(listed), Some(before)) => {
                let differences = Differences::between(&before.tools, &listed.tools);
                (if differences.is_empty() { "same" } else { "changed" }, differences, None)
            }
        };
        exit = match (state, exit) {
            ("same", exit) => exit,
            ("unreachable", _) | (_, Exit::Failed) => Exit::Failed,
            _ => Exit::Differs,
        };
        if session.out.json() {
            documents.push(json!({"server": name, "state": state, "differences": differences, "error": error}));
            continue;
        }
        let style = match state {
            "same" => GOOD,
            "unreachable" => BAD,
            _ => WARN,
        };
        let out = &mut session.out;
        out.line(format!("{}: {}", styled(NAME, name), styled(style, state)))?;
        match (state, error) {
            (_, Some(error)) => out.wrapped(format!("  {}", clean(&error)))?,
            ("changed", _) => super::accept::show(&differences, &[], out)?,
            ("unaccepted", _) => {
                out.line(format!(
                    "  {}: `lemming tools accept {name}` shows them",
                    counted(differences.added.len(), "tool")
                ))?;
            }
            _ => {}
        }
    }
    if session.out.json() {
        session.out.document(&json!({"servers": documents}))?;
    } else if toolbox.servers.is_empty() {
        session.out.line(format!("there is no server in {}: docs/CONNECT.md says how to name one", Key::Tools))?;
    }
    Ok(exit)
}
