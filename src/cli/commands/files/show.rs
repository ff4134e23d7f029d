//! `lemming files show`

use serde_json::json;

use super::{key, place, whole};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session};
use crate::cli::output::clean;
use crate::domain::ids::Sha;

/// Prints a file, as it is or as it was after a tick.
///
/// Reads only. Text is printed without what could harm a terminal; with --json it is whole, and of what is no text
/// only size and hash are told.
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// An agent's name, or `shared`; or the whole path, as `files list` prints it
    place: String,
    /// The path below its workspace, or below `shared/`
    path: Option<String>,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: ShowArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let key = match &args.path {
        Some(path) => key(&place(&org, &moment, &args.place).await?, path)?,
        None => whole(&args.place)?,
    };
    let Some(bytes) = moment.file(&key).await? else {
        let error = CliError::new(Exit::NotFound, format!("there is no file {key}"));
        return Err(error.hint("`lemming files list` shows those that there are; --at TICK those that there were"));
    };
    let text = std::str::from_utf8(&bytes).ok();
    let out = &mut session.out;
    if out.json() {
        let file = json!({ "path": key.path(), "bytes": bytes.len(), "sha256": Sha::of(&bytes), "text": text });
        out.document(&file)?;
        return Ok(Exit::Ok);
    }
    match text {
        Some(text) => out.line(clean(text))?,
        None => out.line(format!("{key} is no text: {} bytes", bytes.len()))?,
    }
    Ok(Exit::Ok)
}
