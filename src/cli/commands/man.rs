//! `lemming man`

use std::path::PathBuf;

use serde_json::json;

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::validate::nearest;

/// Prints a page of the manual, for `man`; --all writes every page.
///
/// `lemming man | man -l -` shows the page of the program, `lemming man credits top-up | man -l -`
/// that of a command. `lemming man --all ~/.local/share/man/man1` installs all of them.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ManArgs {
    /// The command [default: the program itself]
    #[arg(value_name = "COMMAND", conflicts_with = "all")]
    of: Vec<String>,
    /// Writes the pages of all commands into this folder
    #[arg(long, value_name = "DIR")]
    all: Option<PathBuf>,
}

/// A page: its name without the section, and its text.
type Page = (String, Vec<u8>);

pub(super) fn run(args: &ManArgs, session: &mut Session) -> Result<Exit, CliError> {
    let mut program = crate::cli::plain_command();
    program.build();
    let out = &mut session.out;
    let Some(folder) = &args.all else {
        if out.json() {
            return Err(CliError::new(Exit::Usage, "a page is no JSON document").hint("leave --json out"));
        }
        out.raw(&page(&find(&program, &args.of)?)?)?;
        return Ok(Exit::Ok);
    };
    let mut pages = Vec::new();
    collect(&program, &mut pages)?;
    let failed = |error: std::io::Error, path: &std::path::Path| {
        CliError::new(Exit::Failed, format!("cannot write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(error, folder))?;
    let mut written = Vec::new();
    for (name, text) in pages {
        let path = folder.join(format!("{name}.1"));
        std::fs::write(&path, text).map_err(|error| failed(error, &path))?;
        written.push(path.display().to_string());
    }
    match out.json() {
        true => out.document(&json!({ "written": written }))?,
        false => out.line(format!("{} pages are in {}", written.len(), folder.display()))?,
    }
    Ok(Exit::Ok)
}

fn find(program: &clap::Command, words: &[String]) -> Result<clap::Command, CliError> {
    let mut found = program;
    for word in words {
        let Some(next) = found.find_subcommand(word).filter(|next| next.get_name() != "help") else {
            let error = CliError::new(Exit::NotFound, format!("there is no command {:?}", words.join(" ")));
            return Err(match nearest(word, found.get_subcommands().map(clap::Command::get_name)) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error.hint("`lemming help` lists the commands"),
            });
        };
        found = next;
    }
    Ok(found.clone())
}

fn collect(command: &clap::Command, pages: &mut Vec<Page>) -> Result<(), CliError> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    pages.push((name, page(command)?));
    let below = command.get_subcommands().filter(|command| command.get_name() != "help" && !command.is_hide_set());
    below.into_iter().try_for_each(|command| collect(command, pages))
}

fn page(command: &clap::Command) -> Result<Vec<u8>, CliError> {
    let mut text = Vec::new();
    // A date would make each build another page; what is left out altogether would shift what follows.
    let man = clap_mangen::Man::new(command.clone()).date(" ").source(concat!("lemming ", env!("CARGO_PKG_VERSION")));
    man.manual("LeMMing").render(&mut text)?;
    Ok(text)
}
