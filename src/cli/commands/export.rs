//! `lemming export`

use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{clean, counted};
use crate::transfer::archive::{ExportError, export};

/// Writes the whole organisation into one archive: files, records, memory, and mail that waits.
///
/// It is a gzipped tar, which `import` makes an organisation of anywhere else. It holds everything up to the last closed tick; an
/// open tick and the API's keys stay behind. The same organisation gives the same bytes. Reads only.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExportArgs {
    /// The file, which must not be there yet; `-` is standard output
    #[arg(default_value = "-")]
    file: String,
    /// Takes config/keys.json along: whoever holds a key of this organisation is then let in to the copy, too
    #[arg(long)]
    with_keys: bool,
}

pub(super) async fn run(args: ExportArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let is_stdout = args.file == "-";
    if is_stdout && session.out.json() {
        let error = CliError::new(Exit::Usage, "standard output holds either the archive or the document of --json");
        return Err(error.hint("name a file"));
    }
    if is_stdout && std::io::stdout().is_terminal() {
        return Err(CliError::new(Exit::Usage, "an archive is nothing for a terminal").hint("name a file"));
    }
    let failed = |error: std::io::Error| {
        CliError::new(Exit::Failed, format!("cannot be written: {error}")).at(args.file.clone(), "")
    };
    let mut part: Option<tempfile::NamedTempFile> = None;
    let to: Box<dyn Write + Send> = if is_stdout {
        Box::new(std::io::stdout())
    } else {
        if Path::new(&args.file).exists() {
            return Err(CliError::new(Exit::Usage, "is there already")
                .at(args.file.clone(), "")
                .hint("name another file"));
        }
        // Under another name until it is whole.
        let folder = Path::new(&args.file).parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
        let file = tempfile::Builder::new().prefix(".lemming-export-").tempfile_in(folder).map_err(failed)?;
        let to = file.reopen().map_err(failed)?;
        part = Some(file);
        Box::new(std::io::BufWriter::new(to))
    };
    let done = session.reading(&org, "exporting", export(&org.store, to, args.with_keys)).await?;
    if let Some(part) = part {
        part.as_file().sync_all().map_err(failed)?;
        part.persist_noclobber(&args.file).map_err(|error| failed(error.error))?;
    }
    if session.out.json() {
        session.out.document(&json!({ "store": org.place, "file": args.file, "exported": done }))?;
        return Ok(Exit::Ok);
    }
    let said = format!("{}, {} bytes, up to tick {}", counted(done.files, "file"), done.bytes, done.tick);
    session.out.note(format!("exported {}: {said}", org.place));
    for path in done.left_behind.iter().take(20) {
        session.out.note(format!("note: {} is no part of the organisation, and stays behind", clean(path)));
    }
    if done.went_on {
        session.out.note("note: a tick is open or was begun meanwhile: what agents changed in it counts as a person's edit in the copy; `lemming tick` finishes it, `lemming pause` keeps others from beginning");
    }
    Ok(Exit::Ok)
}

impl From<ExportError> for CliError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Engine(error) => error.into(),
            ExportError::WentOn => Self::new(Exit::Failed, format!("{error}: the archive would lack it"))
                .hint("do it again; `lemming pause` keeps the organisation still meanwhile"),
            ExportError::Write(source) => Self::new(Exit::Failed, format!("the archive cannot be written: {source}")),
        }
    }
}
