//! `lemming files`

mod list;
mod restore;
mod show;

use crate::chronicle::files::Place;
use crate::chronicle::moment::Moment;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, agent_of_any_time};
use crate::domain::path::RelativePath;
use crate::runner::compose::Org;
use crate::store::Key;

/// Shows the files that agents work with, as they are or were, and brings old versions back.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FilesArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Restore(restore::RestoreArgs),
}

pub(super) async fn run(args: FilesArgs, session: &mut Session) -> Result<Exit, CliError> {
    match args.what {
        What::List(args) => list::run(args, session).await,
        What::Show(args) => show::run(args, session).await,
        What::Restore(args) => restore::run(args, session).await,
    }
}

/// The place that a person names: `shared`, or an agent, whose workspace is meant.
async fn place(org: &Org, moment: &Moment, name: &str) -> Result<Place, CliError> {
    match name {
        "shared" => Ok(Place::Shared),
        name => Ok(Place::Workspace(agent_of_any_time(org, moment, name).await?)),
    }
}

/// The file of a whole path, as `files list` prints it.
fn whole(path: &str) -> Result<Key, CliError> {
    match Key::parse(path) {
        Some(key @ (Key::Workspace(..) | Key::Shared(_))) => Ok(key),
        _ => Err(CliError::new(Exit::Usage, format!("{path:?} is no path of a file of a workspace or of shared/"))
            .hint(
                "such as shared/notes.md or agents/NAME/workspace/notes.md; or an agent's name, and the path after it",
            )),
    }
}

/// The file of that path below a place.
fn key(place: &Place, path: &str) -> Result<Key, CliError> {
    let below = |folder: &str| path.strip_prefix(folder).unwrap_or(path).to_owned();
    let (short, whole) = match place {
        Place::Workspace(_) => ("workspace/", format!("{}/", place.path())),
        Place::Shared => ("shared/", String::new()),
    };
    // As tools name it, or as `files list` shows it.
    let path = match path.starts_with(&whole) && !whole.is_empty() {
        true => below(&whole),
        false => below(short),
    };
    let path = RelativePath::new(path).map_err(|error| CliError::new(Exit::Usage, error.to_string()))?;
    Ok(match place {
        Place::Workspace(agent) => Key::Workspace(agent.clone(), path),
        Place::Shared => Key::Shared(path),
    })
}
