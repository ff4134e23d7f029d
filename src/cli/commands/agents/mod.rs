//! `lemming agents`

mod clone;
mod edit;
mod enable;
mod list;
mod new;
mod remove;
mod restore;
mod show;

use bytes::Bytes;

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, known_agent};
use crate::domain::name::AgentName;
use crate::runner::compose::Org;
use crate::store::Key;

pub(in crate::cli) use self::list::ListArgs;
pub(super) use self::list::{period, run as run_list};
pub(in crate::cli) use self::show::ShowArgs;
pub(super) use self::show::run as run_show;

/// Lists the agents; makes, shows, changes and removes them.
///
/// What is changed is the file that people write, agents/NAME/resume.json: in a folder and in a bucket alike, checked before it
/// is saved, and effective with the next tick. Records and memory are never touched.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "ACTION")]
pub(in crate::cli) struct AgentsArgs {
    #[command(subcommand)]
    action: Option<AgentsAction>,
    #[command(flatten)]
    list: ListArgs,
}

/// What is done with agents.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum AgentsAction {
    List(ListArgs),
    Show(ShowArgs),
    New(Box<new::NewArgs>),
    Clone(clone::CloneArgs),
    Edit(edit::EditArgs),
    Enable(enable::EnableArgs),
    Disable(enable::DisableArgs),
    Remove(remove::RemoveArgs),
    Restore(restore::RestoreArgs),
}

pub(super) async fn run(args: AgentsArgs, session: &mut Session) -> Result<Exit, CliError> {
    match args.action {
        None => list::run(args.list, session).await,
        Some(AgentsAction::List(args)) => list::run(args, session).await,
        Some(AgentsAction::Show(args)) => show::run(args, session).await,
        Some(AgentsAction::New(args)) => new::run(*args, session).await,
        Some(AgentsAction::Clone(args)) => clone::run(args, session).await,
        Some(AgentsAction::Edit(args)) => edit::run(args, session).await,
        Some(AgentsAction::Enable(args)) => enable::run(&args.agents, true, session).await,
        Some(AgentsAction::Disable(args)) => enable::run(&args.agents, false, session).await,
        Some(AgentsAction::Remove(args)) => remove::run(args, session).await,
        Some(AgentsAction::Restore(args)) => restore::run(&args, session).await,
    }
}

/// The resume of an agent that a person names, as it is written.
async fn resume(org: &Org, name: &str) -> Result<(AgentName, String), CliError> {
    let agent = known_agent(org, name).await?;
    let key = Key::Resume(agent.clone());
    let Some(bytes) = org.store.get(&key).await? else {
        let error = CliError::new(Exit::Invalid, "is missing").at(key.path(), "");
        return Err(error.hint("`lemming agents new` writes one"));
    };
    text(&key, &bytes).map(|text| (agent, text))
}

fn text(key: &Key, bytes: &Bytes) -> Result<String, CliError> {
    let text = std::str::from_utf8(bytes);
    text.map(str::to_owned).map_err(|_| CliError::new(Exit::Invalid, "is not UTF-8 text").at(key.path(), ""))
}

/// A name that a new agent may have.
async fn new_name(org: &Org, name: &str) -> Result<AgentName, CliError> {
    let wrong = |message: String| CliError::new(Exit::Usage, message);
    let name = AgentName::new(name).map_err(|error| wrong(error.to_string()))?;
    if !name.may_be_an_agent() {
        return Err(wrong(format!("the name {name} is reserved")));
    }
    if name.as_str() == "all" {
        return Err(wrong("the name all is reserved: `lemming send all` means everybody".to_owned()));
    }
    if org.store.get(&Key::Resume(name.clone())).await?.is_some() {
        let error = wrong(format!("there is an agent {name} already at {}", org.place));
        return Err(error.hint(format!("`lemming agents edit {name}` changes it")));
    }
    if org.store.get(&Key::Removed(name.clone())).await?.is_some() {
        let error =
            wrong(format!("there was an agent {name}, which was removed: what it said and kept is still there"));
        return Err(error.hint(format!("`lemming agents restore {name}` brings it back; or take another name")));
    }
    Ok(name)
}
