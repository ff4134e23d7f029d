//! `lemming templates import`

use serde_json::json;

use super::open::template;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{DIM, clean, styled};
use crate::domain::name::MemoryKey;
use crate::revision::Revision;
use crate::store::Prefix;
use crate::template::source::shelf;

/// Keeps a template in the organisation, under templates/: from then on it has a name there.
///
/// Nothing runs differently for it: `agents new --from NAME` takes its agents in.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ImportArgs {
    /// A folder or bucket that holds a template, or the name of one
    source: String,
    /// What it is called here [default: its own name]
    #[arg(long)]
    name: Option<MemoryKey>,
    /// Replaces one of the same name
    #[arg(long)]
    replace: bool,
}

pub(super) async fn run(args: ImportArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let mut template = template(&args.source, None, session).await?;
    if let Some(name) = args.name {
        template.about.name = name;
    }
    let name = template.about.name.clone();
    let there = org.store.list(&Prefix::Template(name.clone())).await?;
    let files = shelf(&template, &name).map_err(|error| CliError::new(Exit::Invalid, error.to_string()))?;
    let mut revision = Revision::default();
    for (key, bytes) in &files {
        revision.put(&org.store, key.clone(), Some(bytes.clone())).await?;
    }
    for key in there.iter().filter_map(|path| crate::store::Key::parse(path)) {
        if files.iter().all(|(kept, _)| *kept != key) {
            revision.put(&org.store, key, None).await?;
        }
    }
    if !there.is_empty() && !revision.is_empty() && !args.replace {
        let error = CliError::new(Exit::Usage, format!("there is a template {name} here already, and it differs"));
        return Err(error.hint("--replace puts this one in its place; --name keeps both"));
    }
    revision.write(&org.store).await?;
    if session.out.json() {
        session.out.document(&json!({
            "template": template.about,
            "changes": revision.changes(),
            "left_out": template.left_out,
        }))?;
        return Ok(Exit::Ok);
    }
    for left in &template.left_out {
        session.out.line(format!(
            "{} {}",
            styled(DIM, "left out:"),
            clean(&format!("{}: {}", left.path, left.reason))
        ))?;
    }
    session
        .out
        .line(format!("the template {name} is kept here; `lemming agents new --from {name}` takes its agents in"))?;
    Ok(Exit::Ok)
}
