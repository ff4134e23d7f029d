//! `lemming mcp`

use std::sync::Arc;

use async_trait::async_trait;

use crate::api::keys::find;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::domain::api_key::{ApiKeys, Scope};
use crate::mcp::{Gate, Refusal, Rights, Server, serve};
use crate::provider::secret::Secret;
use crate::runner::compose::Org;
use crate::runner::local::until_signalled;
use crate::store::Key;

/// Serves the organisation to an assistant on this machine: an editor or a desktop client that speaks MCP.
///
/// The assistant starts this command and talks to it over standard input and output; logs go to standard error. It ends
/// when its input does, or with SIGTERM.
///
/// Everything can be read. To send messages, or to top up, pause and approve, the environment variable LEMMING_API_KEY
/// must hold a key of config/keys.json whose scopes allow it (`lemming keys add NAME --scope read --scope send`); tools
/// that it does not allow are not shown. Over HTTP the same is at /mcp of `lemming serve`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct McpArgs {}

/// The variable that holds a key.
const VARIABLE: &str = "LEMMING_API_KEY";

/// Looks the key up with every request: a person asks seldom, and a key that was removed opens nothing any more.
#[derive(Debug)]
struct KeyFile {
    org: Arc<Org>,
    key: Option<Secret>,
}

#[async_trait]
impl Gate for KeyFile {
    async fn rights(&self) -> Result<Rights, Refusal> {
        let Some(key) = &self.key else { return Ok(Rights::without_key()) };
        let keys = match self.org.store.get(&Key::api_keys()).await? {
            None => ApiKeys::default(),
            // Not what it says: it may repeat a key that stands where its hash should.
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|_| Refusal::invalid("config/keys.json is wrong: no key can be looked up"))?,
        };
        let unknown = || {
            Refusal::forbidden(format!("{VARIABLE} holds no key of this organisation"))
                .hint("`lemming keys` lists those that there are; without the variable everything can be read")
        };
        let (name, key) = find(&keys, key).ok_or_else(unknown)?;
        Ok(Rights::of_key(name, key))
    }
}

pub(super) async fn run(_: McpArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = Arc::new(session.org().await?);
    let gate = KeyFile { org: Arc::clone(&org), key: session.environment.var(VARIABLE).map(Secret::new) };
    // A key that opens nothing is said here, where whoever set it looks.
    let rights = gate.rights().await.map_err(|refusal| refused(&refusal))?;
    rights.need(Scope::Read, "this server").map_err(|refusal| refused(&refusal))?;
    let by = rights.author().0;
    tracing::info!(event = "serving", by, "an assistant is answered on standard input and output");
    let server = Server::new(org, Arc::new(gate));
    let (input, output) = rmcp::transport::stdio();
    let done = until_signalled(
        || tracing::info!(event = "stopping", "the assistant is answered no more"),
        async |stop| serve(server, input, output, &stop).await,
    );
    match done.await {
        Some(Ok(())) => Ok(Exit::Ok),
        Some(Err(error)) => Err(CliError::new(Exit::Failed, error.to_string())
            .hint("this command is started by an assistant: docs/CONNECT.md shows how")),
        None => Ok(Exit::Interrupted),
    }
}

fn refused(refusal: &Refusal) -> CliError {
    let exit = match refusal.code() {
        "store" => Exit::Store,
        "invalid" => Exit::Invalid,
        _ => Exit::Usage,
    };
    CliError::new(exit, refusal.text())
}
