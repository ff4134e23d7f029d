//! `lemming bootstrap`

use bytes::Bytes;
use serde::Serialize;

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::runner::compose::Org;
use crate::store::{Created, Key, StoreError};
use crate::template;

/// Makes an organisation from the built-in example.
///
/// Creates the files of the example that are missing, and never overwrites one: running it again
/// changes nothing. Before a new organisation is founded the store is probed: one that ignores
/// "create only if absent" is refused, because two runners on it would do everything twice.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BootstrapArgs {
    /// What people call the organisation
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: Option<String>,
}

/// What was made.
#[derive(Debug, Serialize)]
pub(super) struct Founded {
    store: String,
    /// Files that were missing.
    pub(super) created: Vec<String>,
    /// Files that were there, and were left as they are.
    kept: Vec<String>,
}

pub(super) async fn run(args: BootstrapArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.place()?;
    let founded = found(&org, args.name.as_deref()).await?;
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
    if args.name.is_some() && founded.kept.iter().any(|path| *path == Key::Org.path()) {
        session.out.note("note: org.json was there and keeps its name; edit it to change the name");
    }
    Ok(Exit::Ok)
}

/// Creates what is missing.
pub(super) async fn found(org: &Org, name: Option<&str>) -> Result<Founded, CliError> {
    let mut founded = Founded { store: org.place.clone(), created: Vec::new(), kept: Vec::new() };
    if org.store.get(&Key::Org).await?.is_none() {
        org.probe().await?;
    }
    for (key, text) in template::files(name) {
        if org.store.get(&key).await?.is_some() {
            founded.kept.push(key.path());
            continue;
        }
        match org.store.create_own(&key, Bytes::from(text)).await? {
            Created::Won => founded.created.push(key.path()),
            Created::Lost(_) => founded.kept.push(key.path()),
            Created::Unknown => return Err(StoreError::Uncertain { key }.into()),
        }
    }
    Ok(founded)
}
