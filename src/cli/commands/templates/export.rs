//! `lemming templates export`

use serde_json::json;

use crate::chronicle;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, known_agent};
use crate::domain::name::MemoryKey;
use crate::runner::compose;
use crate::store::{Created, Store};
use crate::template::save::{SaveError, layout, of};
use crate::template::{About, Requires};

/// Makes a template of the organisation, or of some of its agents.
///
/// It has their resumes, the models that they think with, the scripts of these, the tools of config/tools.json that they may
/// call, and the settings; nothing that they said, keep or have, no keys, and nothing that was accepted of servers. An existing
/// template is not overwritten.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExportArgs {
    /// A new folder, or a place in a bucket
    dest: String,
    /// What it is called: letters, digits, _ and - [default: the name of the folder]
    #[arg(long)]
    name: Option<MemoryKey>,
    /// The agents that are part of it [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    agents: Vec<String>,
    /// What it is for [default: the name of the organisation]
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Its version
    #[arg(long, default_value = "1.0.0", value_name = "VERSION")]
    template_version: String,
    /// Who made it
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Free labels
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    tags: Vec<String>,
}

pub(super) async fn run(args: ExportArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let mut agents = Vec::new();
    for name in &args.agents {
        agents.push(known_agent(&org, name).await?);
    }
    if agents.is_empty() {
        agents = chronicle::agents(&org.store).await?;
    }
    let dest = compose::open(&args.dest, &session.environment)?;
    let name = match args.name {
        Some(name) => name,
        None => {
            let last = args.dest.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            MemoryKey::new(last).map_err(|error| {
                CliError::new(Exit::Usage, error.to_string()).hint("--name says what the template is called")
            })?
        }
    };
    let about = About {
        name,
        description: match args.description {
            Some(description) => description,
            None => chronicle::settings(&org.store).await?.name,
        },
        version: Some(args.template_version),
        author: args.author,
        tags: args.tags,
        requires: Requires::default(),
        demo: None,
    };
    let template = of(&org.store, about, &agents).await?;
    let written = write(&dest.store, layout(&template), &dest.place).await?;
    if session.out.json() {
        let document = json!({ "template": template.about, "dest": dest.place, "agents": agents, "created": written });
        session.out.document(&document)?;
        return Ok(Exit::Ok);
    }
    for path in &written {
        session.out.line(format!("created {path}"))?;
    }
    session.out.line(format!("the template {} is at {}", template.about.name, dest.place))?;
    Ok(Exit::Ok)
}

/// Writes the files of a template where there is none; `template.json` last, so that one which was broken off is none.
async fn write(store: &Store, files: Vec<(String, bytes::Bytes)>, place: &str) -> Result<Vec<String>, CliError> {
    for (path, bytes) in &files {
        if store.get_path(path).await?.is_some_and(|there| there != *bytes) {
            let error = CliError::new(Exit::Usage, format!("{path} is there already at {place}: nothing was written"));
            return Err(error.hint("name another place"));
        }
    }
    let mut written = Vec::new();
    for (path, bytes) in files {
        match store.create_path(&path, bytes).await? {
            Created::Won => written.push(path),
            Created::Lost(_) => {
                return Err(CliError::new(Exit::Failed, format!("somebody else wrote {path} at {place} meanwhile")));
            }
        }
    }
    Ok(written)
}

impl From<SaveError> for CliError {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Store(error) => error.into(),
            other => Self::new(Exit::Invalid, other.to_string()).hint("`lemming validate` says what is wrong"),
        }
    }
}
