//! `lemming bootstrap`

use bytes::Bytes;
use serde::Serialize;

use super::models::{Choice, Details, Switched, switch};
use super::templates;
use crate::cli::changes;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::clean;
use crate::domain::model::ModelRegistry;
use crate::domain::pace::Span;
use crate::engine::note_probed;
use crate::runner::compose::Org;
use crate::store::{Created, Key};
use crate::template::{self, Wishes};

/// Makes an organisation from a template, or from the built-in example.
///
/// Creates the files of the template that are missing, and never overwrites one: running it again
/// changes nothing, unless --model names what the agents think with from now on. Before a new organisation is founded the store is probed: one that ignores
/// "create only if absent" is refused, because two runners on it would do everything twice.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BootstrapArgs {
    /// The name of a template (see `lemming templates`), or a folder or bucket that holds one [default: brief_desk]
    #[arg(long, value_name = "NAME|FOLDER|URL")]
    template: Option<String>,
    /// What people call the organisation [default: the name that the template gives it]
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: Option<String>,
    /// The length of its slots, such as 5m, for one that a scheduler ticks [default: none: each `lemming tick` is one]
    #[arg(long, value_name = "TIME")]
    every: Option<Span>,
    /// What the agents think with: PROVIDER:NAME, such as ollama:llama3.2 [default: rules in a file, at no cost]
    #[arg(long, value_name = "PROVIDER:NAME")]
    model: Option<String>,
    #[command(flatten)]
    details: Details,
}

/// What was made.
#[derive(Debug, Serialize)]
pub(super) struct Founded {
    store: String,
    /// Files that were missing.
    pub(super) created: Vec<String>,
    /// Files that were there, and were left as they are.
    kept: Vec<String>,
    /// The model that the agents think with, if one was named.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    switched: Option<Switched>,
}

pub(super) async fn run(args: BootstrapArgs, session: &mut Session) -> Result<Exit, CliError> {
    // A wrong model must not leave an organisation behind.
    let choice = args.model.as_deref().map(|model| Choice::new(model, args.details)).transpose()?;
    if let Some(choice) = &choice {
        choice.check()?;
    }
    let org = session.place()?;
    let wishes = Wishes { name: args.name, every: args.every };
    let template = match &args.template {
        None => template::catalogue::default(),
        Some(name) => templates::open::template(name, None, session).await?,
    };
    if choice.is_none() && !template.files.contains_key(&Key::Models) {
        let error = CliError::new(Exit::Usage, format!("the template {} brings no models along", template.about.name));
        return Err(error.hint("--model PROVIDER:NAME says what its agents think with"));
    }
    if let Some(name) = &args.template
        && lacks_models(&org, &template.models()).await?
    {
        let message = format!("there is another organisation at {}, without the template's models", org.place);
        let hint =
            format!("`lemming agents new --from {}` adds a template's agents, and their models, to it", clean(name));
        return Err(CliError::new(Exit::Usage, message).hint(hint));
    }
    let mut founded = found(&org, template.founding(&wishes)).await?;
    for left in &template.left_out {
        session.out.note(format!("note: {} is not taken along: it {}", clean(&left.path), left.reason));
    }
    changes::warn_of_programs(&template.models(), &mut session.out);
    if org.is_in_memory() {
        session.out.note("note: memory:// lasts as long as this command: nothing is kept");
    }
    if let Some(choice) = &choice {
        let agents = crate::chronicle::agents(&org.store).await?;
        founded.switched = Some(switch(&org, choice, agents).await?);
    }
    if session.out.json() {
        session.out.document(&founded)?;
        return Ok(Exit::Ok);
    }
    for path in &founded.created {
        session.out.line(format!("created {path}"))?;
    }
    if founded.created.is_empty() {
        session.out.line(format!("nothing was missing at {}", org.place))?;
    } else {
        session.out.line(format!("the organisation is at {}", org.place))?;
    }
    if let Some(switched) = &founded.switched {
        session.out.line(format!("its agents think with {}", switched.model))?;
        if let Some(problem) = &switched.problem {
            session.out.note(format!("note: it cannot be called yet: {problem}"));
        }
    }
    if founded.kept.iter().any(|path| *path == Key::Org.path()) {
        if wishes.name.is_some() {
            session.out.note("note: org.json was there and keeps its name; edit it to change the name");
        }
        if wishes.every.is_some() {
            session.out.note("note: org.json was there and keeps its pace; edit `pace.every` in it to change that");
        }
    }
    Ok(Exit::Ok)
}

/// Says whether there is an organisation that has not all of these models: files are never overwritten, and agents without
/// their models would be of no use.
async fn lacks_models(org: &Org, models: &ModelRegistry) -> Result<bool, CliError> {
    if org.store.get(&Key::Org).await?.is_none() {
        return Ok(false);
    }
    let Some(bytes) = org.store.get(&Key::Models).await? else { return Ok(false) };
    let there: Option<ModelRegistry> = serde_json::from_slice(&bytes).ok();
    Ok(there.is_some_and(|there| models.models.keys().any(|key| !there.models.contains_key(key))))
}

/// Creates what is missing.
pub(super) async fn found(org: &Org, files: Vec<(Key, Bytes)>) -> Result<Founded, CliError> {
    let mut founded = Founded { store: org.place.clone(), created: Vec::new(), kept: Vec::new(), switched: None };
    if org.store.get(&Key::Org).await?.is_none() {
        org.probe().await?;
    }
    let removed = crate::chronicle::removed(&org.store).await?;
    for (key, bytes) in files {
        // Nobody who was removed comes back by founding.
        if let Key::Resume(agent) = &key
            && removed.contains(agent)
        {
            founded.kept.push(Key::Removed(agent.clone()).path());
            continue;
        }
        if org.store.get(&key).await?.is_some() {
            founded.kept.push(key.path());
            continue;
        }
        match org.store.create_own(&key, bytes).await? {
            Created::Won => founded.created.push(key.path()),
            Created::Lost(_) => founded.kept.push(key.path()),
        }
    }
    if founded.created.iter().any(|path| *path == Key::Org.path()) {
        note_probed(&org.store).await?;
    }
    Ok(founded)
}
