//! `lemming memory restore`

use serde_json::{Value, json};

use super::key;
use crate::chronicle::memory::{archive, archived, one};
use crate::chronicle::moment::Moment;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, known_agent};
use crate::cli::order::{Order, WaitArgs, give};
use crate::cli::output::counted;
use crate::domain::archive::{ArchiveFile, Because};
use crate::domain::ingress::Action;
use crate::domain::memory::Operation;
use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::runner::compose::Org;

/// Brings a memory back with the next tick: from the archive, or as it was after a tick.
///
/// From the archive: items of a list go before those that it has now; a whole value is set again. What stays in
/// the archive stays there.
#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// The agent's name
    agent: String,
    /// The key: what last left it; or a path of the archive (`archive/...`), as `memory list --archive` shows them
    key: String,
    /// The value that the key had after this tick, whatever it has now
    #[arg(long, value_name = "TICK")]
    at: Option<u64>,
    /// Replaces what the key has now
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn run(args: RestoreArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let agent = known_agent(&org, &args.agent).await?;
    let order = match args.at {
        Some(tick) => as_it_was(&org, agent, &args.key, Tick(tick)).await?,
        None => from_archive(&org, agent, &args.key, args.replace).await?,
    };
    give(&org, order, args.wait, session).await
}

/// The value of a key after a tick, set again.
async fn as_it_was(org: &Org, agent: AgentName, name: &str, tick: Tick) -> Result<Order, CliError> {
    let key = key(name)?;
    let then = Moment::of(&org.store, Some(tick)).await?;
    let value = one(&then, &agent, &key).await?.and_then(|kept| kept.value);
    let Some(value) = value else {
        let error = CliError::new(Exit::NotFound, format!("{agent} kept nothing at {key} after tick {tick}"));
        return Err(error.hint(format!("`lemming memory list {agent} --at {tick}` shows what it kept")));
    };
    let text = format!("{key} of {agent} is set as it was after tick {tick}");
    let document = json!({ "agent": agent, "key": key, "as_after": tick });
    let actions = vec![Action::Memory { agent, key, operation: Operation::Set, value }];
    Ok(Order { actions, text, document })
}

async fn from_archive(org: &Org, agent: AgentName, name: &str, replace: bool) -> Result<Order, CliError> {
    let moment = Moment::now(&org.store).await?;
    let path = match name.starts_with("archive/") {
        true => name.to_owned(),
        false => {
            let key = key(name)?;
            let newest = archive(&moment, &agent, Some(&key)).await?.into_iter().next();
            let nothing = || CliError::new(Exit::NotFound, format!("nothing of {key} of {agent} is in the archive"));
            newest.ok_or_else(|| nothing().hint("--at TICK brings back the value that it had after a tick"))?.path
        }
    };
    let Some(file) = archived(&moment, &agent, &path).await? else {
        let error = CliError::new(Exit::NotFound, format!("{agent} has no {path}"));
        return Err(error.hint(format!("`lemming memory list {agent} --archive` shows the paths")));
    };
    let file: ArchiveFile =
        file.map_err(|error| CliError::new(Exit::Invalid, error).at(format!("agents/{agent}/{path}"), ""))?;
    let now = one(&moment, &agent, &file.key).await?.and_then(|kept| kept.value);
    let key = file.key;
    let document = json!({ "agent": agent, "key": key, "path": path });
    let (action, text) = match (file.because, file.value) {
        (Because::Overflow, Value::Array(items)) => {
            if now.as_ref().is_some_and(|now| !now.is_array() && !now.is_null()) {
                let error = CliError::new(Exit::Failed, format!("{key} of {agent} is no list any more"));
                return Err(error.hint(format!("`lemming memory get {agent} {path}` shows what left it")));
            }
            let text = format!("{} go back to the beginning of {key} of {agent}", counted(items.len(), "item"));
            (Action::PutBack { agent, key, items }, text)
        }
        (_, value) => {
            if now.is_some() && !replace {
                let error = CliError::new(Exit::Failed, format!("{agent} keeps something else at {key} now"));
                return Err(error.hint("--replace sets what was archived in its place"));
            }
            let text = format!("{key} of {agent} comes back from the archive");
            (Action::Memory { agent, key, operation: Operation::Set, value }, text)
        }
    };
    Ok(Order { actions: vec![action], text, document })
}
