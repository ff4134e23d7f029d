//! `lemming import`

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::json;

use crate::cli::changes;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{DIM, clean, counted, styled};
use crate::engine::note_probed;
use crate::runner::compose::{self, Org};
use crate::store::Key;
use crate::transfer::Limits;
use crate::transfer::archive::{ImportError, import};
use crate::transfer::original::{Options, Original, OriginalError, import as import_original, is_original};

/// Makes an organisation of an archive of `export`, or of a folder of the original system (LeMMing 1.0.0).
///
/// Nothing is written over anything: where there is an organisation it is refused, and one that was broken off leaves none and can
/// be gone on with. Archives are taken for hostile: paths, links and sizes are checked.
///
/// Of the original system agents, models, credits, memory, files and what nobody has read yet come along; what has no place here is
/// listed with the reason. docs/MIGRATION.md says what becomes of what.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ImportArgs {
    /// An archive, `-` for one on standard input, or a folder of the original system
    source: String,
    /// Where the organisation is to be: a folder, or a bucket with a prefix [default: the store]
    dest: Option<String>,
    /// Takes the API's keys along, where the archive has them
    #[arg(long)]
    with_keys: bool,
    /// The most bytes that an archive may have, unpacked
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().bytes)]
    max_bytes: u64,
    /// Of the original system: what people call the organisation [default: the name of its folder]
    #[arg(long)]
    name: Option<String>,
    /// Of the original system: turns the signs of phase offsets, so that agents run when its code, against its own rule, ran them
    #[arg(long)]
    negate_offsets: bool,
}

pub(super) async fn run(args: ImportArgs, session: &mut Session) -> Result<Exit, CliError> {
    let dest = match &args.dest {
        Some(dest) => compose::open(dest, &session.environment)?,
        None => session.place()?,
    };
    if dest.store.get(&Key::Org).await?.is_some() {
        return Err(taken(&dest));
    }
    let is_file = args.source == "-" || Path::new(&args.source).is_file();
    let exit = if is_file { archive(args, &dest, session).await? } else { original(args, &dest, session).await? };
    let models = dest.store.get(&Key::Models).await?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    changes::warn_of_programs(&models.unwrap_or_default(), &mut session.out);
    Ok(exit)
}

fn taken(dest: &Org) -> CliError {
    CliError::new(Exit::Usage, format!("there is an organisation at {} already: nothing was written", dest.place))
        .hint("name another place as the second argument")
}

async fn archive(args: ImportArgs, dest: &Org, session: &mut Session) -> Result<Exit, CliError> {
    let from: Box<dyn Read + Send> =
        match args.source.as_str() {
            "-" => Box::new(std::io::stdin()),
            path => Box::new(File::open(path).map_err(|error| {
                CliError::new(Exit::Usage, format!("cannot be read: {error}")).at(path.to_owned(), "")
            })?),
        };
    dest.probe().await?;
    let limits = Limits { bytes: args.max_bytes, ..Limits::default() };
    let done = import(from, &dest.store, limits, args.with_keys).await.map_err(|error| match error {
        ImportError::Taken => taken(dest),
        ImportError::Engine(error) => error.into(),
        error @ ImportError::Conflict(_) => {
            CliError::new(Exit::Failed, format!("{error}: there is no organisation yet")).hint("name an empty place")
        }
        error => CliError::new(Exit::Invalid, format!("{}: {error}; there is no organisation", args.source)),
    })?;
    note_probed(&dest.store).await?;
    if session.out.json() {
        session.out.document(&json!({ "from": "archive", "store": dest.place, "imported": done }))?;
        return Ok(Exit::Ok);
    }
    let said = format!("{}, up to tick {}", counted(done.files, "file"), done.tick);
    session.out.line(format!("the organisation is at {}: {said}", dest.place))?;
    session.out.note("note: `lemming fsck` there proves that nobody changed its records on the way");
    if done.keys_left_out {
        session.out.note("note: the API's keys in it were left out; --with-keys takes them along");
    }
    Ok(Exit::Ok)
}

async fn original(args: ImportArgs, dest: &Org, session: &mut Session) -> Result<Exit, CliError> {
    let source = compose::open(&args.source, &session.environment)?;
    if !is_original(&source.store).await? {
        if source.store.get(&Key::Org).await?.is_some() {
            let error = CliError::new(Exit::Usage, format!("{} is an organisation already", source.place));
            return Err(error.hint("`lemming export FILE` and `lemming import FILE DEST` make a copy of it"));
        }
        let message = format!("{} is neither an archive nor a folder of the original system", source.place);
        return Err(CliError::new(Exit::NotFound, message).hint("such a folder has agents/ and lemming/config/"));
    }
    let last = args.source.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    let name = args.name.unwrap_or_else(|| if last.is_empty() || last == "." { "Imported".to_owned() } else { last });
    dest.probe().await?;
    let options = Options { name, negate_offsets: args.negate_offsets };
    let done = import_original(&source.store, dest, &options).await.map_err(|error| match error {
        OriginalError::Engine(error) => error.into(),
        OriginalError::Store(error) => error.into(),
        OriginalError::Validate(error) => error.into(),
        OriginalError::Revision(error) => error.into(),
        OriginalError::Wrong(findings) => {
            let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
            CliError::new(Exit::Invalid, format!("it would not be valid: {}", lines.join("\n")))
                .hint("mend it in the original folder; nothing was written")
        }
        error => CliError::new(Exit::Invalid, format!("{error}: there is no organisation yet")),
    })?;
    note_probed(&dest.store).await?;
    if session.out.json() {
        session.out.document(&json!({ "from": "original", "store": dest.place, "imported": done }))?;
        return Ok(Exit::Ok);
    }
    show(&done, dest, session)?;
    Ok(Exit::Ok)
}

fn show(done: &Original, dest: &Org, session: &mut Session) -> Result<(), CliError> {
    let out = &mut session.out;
    out.line(format!("the organisation is at {}", dest.place))?;
    for (count, what) in [
        (done.agents.len(), "agent"),
        (done.models.len(), "model"),
        (done.memories, "memory file"),
        (done.files, "file"),
        (done.archived, "old message"),
        (done.mail, "unread message"),
    ] {
        out.line(format!("  {}", counted(count, what)))?;
    }
    for note in &done.notes {
        out.wrapped(format!("{} {}", styled(DIM, "note:"), clean(note)))?;
    }
    for left in &done.left_out {
        out.wrapped(format!("{} {}: {}", styled(DIM, "left out:"), clean(&left.path), clean(&left.reason)))?;
    }
    out.note("note: `lemming validate` looks it through; the first `lemming tick` opens the accounts");
    Ok(())
}
