//! `lemming memory`

mod archive;
mod compact;
mod delete;
mod get;
mod list;
mod restore;
mod search;
mod set;

use crate::chronicle::memory::{Kept, one};
use crate::chronicle::moment::Moment;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, known_agent};
use crate::domain::name::{AgentName, MemoryKey};
use crate::runner::compose::Org;

/// Shows what agents keep, and changes it: by hand, into the archive, and back.
///
/// What changes goes through the ingress as a command: it takes effect with the next tick, before its turns, and stands
/// in the records. A change of a key that the same turn also writes comes first. docs/MEMORY.md tells what memory is.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct MemoryArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    List(list::ListArgs),
    Get(get::GetArgs),
    Set(set::SetArgs),
    Delete(delete::DeleteArgs),
    Search(search::SearchArgs),
    Compact(compact::CompactArgs),
    Archive(archive::ArchiveArgs),
    Restore(restore::RestoreArgs),
}

pub(super) async fn run(args: MemoryArgs, session: &mut Session) -> Result<Exit, CliError> {
    match args.what {
        What::List(args) => list::run(args, session).await,
        What::Get(args) => get::run(args, session).await,
        What::Set(args) => set::run(args, session).await,
        What::Delete(args) => delete::run(args, session).await,
        What::Search(args) => search::run(args, session).await,
        What::Compact(args) => compact::run(args, session).await,
        What::Archive(args) => archive::run(args, session).await,
        What::Restore(args) => restore::run(args, session).await,
    }
}

/// The key that a person names.
fn key(text: &str) -> Result<MemoryKey, CliError> {
    MemoryKey::new(text).map_err(|error| CliError::new(Exit::Usage, error.to_string()))
}

/// What an agent keeps now at a key.
async fn kept_now(session: &Session, agent: &str, name: &str) -> Result<(Org, AgentName, Kept), CliError> {
    let org = session.org().await?;
    let key = key(name)?;
    let agent = known_agent(&org, agent).await?;
    let moment = Moment::now(&org.store).await?;
    match one(&moment, &agent, &key).await? {
        Some(kept) => Ok((org, agent, kept)),
        None => Err(none(&agent, &key)),
    }
}

fn none(agent: &AgentName, key: &MemoryKey) -> CliError {
    CliError::new(Exit::NotFound, format!("{agent} keeps nothing at {key}"))
        .hint(format!("`lemming memory list {agent}` shows the keys; with --archive what has left"))
}
