//! Texts that a person hands over: in a file, on standard input, or from an editor.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use crate::cli::error::{CliError, Exit};
use crate::config::Environment;

/// The most bytes of a text that is handed over.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The text of a file, or of standard input.
pub(super) fn read(file: &str) -> Result<String, CliError> {
    let failed =
        |error: std::io::Error| CliError::new(Exit::Usage, format!("cannot be read: {error}")).at(file.to_owned(), "");
    let mut text = String::new();
    let read = match file {
        "-" => std::io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text),
        path => std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text)),
    };
    read.map_err(failed)?;
    Ok(text)
}

/// What a person makes of a text in an editor, and the file that it is in; its name begins with `prefix`.
pub(super) async fn in_editor(
    prefix: &str,
    text: &str,
    environment: &Environment,
) -> Result<(String, tempfile::NamedTempFile), CliError> {
    let named = environment.var("VISUAL").or_else(|| environment.var("EDITOR"));
    let Some(named) = named else {
        let error = CliError::new(Exit::Usage, "no editor is named: neither VISUAL nor EDITOR is set");
        return Err(error.hint("name one, or hand over what changes on the command line"));
    };
    let words = shlex::split(named).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| CliError::new(Exit::Usage, format!("the editor {named:?} is no command")))?;
    let failed = |error: std::io::Error| CliError::new(Exit::Failed, format!("the editor {named:?}: {error}"));
    let mut file =
        tempfile::Builder::new().prefix(prefix).suffix(".json").tempfile_in(environment.temporary()).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
    let mut command = tokio::process::Command::new(&words[0]);
    command.args(&words[1..]).arg(file.path()).kill_on_drop(true);
    if !std::io::stdin().is_terminal() {
        command.stdin(std::process::Stdio::null());
    }
    // Standard output is for the one document.
    command.stdout(std::io::stderr());
    let status = command.status().await.map_err(failed)?;
    if !status.success() {
        return Err(CliError::new(Exit::Failed, format!("the editor ended with {status}: nothing was saved")));
    }
    let edited = read(&path(file.path())?)?;
    Ok((edited, file))
}

fn path(path: &Path) -> Result<String, CliError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| CliError::new(Exit::Failed, "the folder of temporary files has a name that is no UTF-8"))
}
