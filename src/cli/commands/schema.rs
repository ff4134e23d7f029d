//! `lemming schema`

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::schema::FileKind;

/// Prints the JSON Schema of a file that people write.
///
/// Point `$schema` of the file to it, and editors complete and check.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SchemaArgs {
    /// resume, org, models, script, keys, tools or tools-lock
    #[arg(value_parser = kind)]
    kind: FileKind,
}

fn kind(text: &str) -> Result<FileKind, String> {
    let known = FileKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    known.ok_or_else(|| format!("it must be one of {}", FileKind::ALL.map(FileKind::as_str).join(", ")))
}

pub(super) fn run(args: &SchemaArgs, session: &mut Session) -> Result<Exit, CliError> {
    session.out.document(&args.kind.schema())?;
    Ok(Exit::Ok)
}
