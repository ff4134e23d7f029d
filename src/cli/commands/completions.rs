//! `lemming completions`

use clap_complete::Shell;

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;

/// Prints a script that completes commands and options in a shell.
///
/// bash: `lemming completions bash > ~/.local/share/bash-completion/completions/lemming`. zsh: into a
/// file `_lemming` in a folder of `$fpath`. fish: `lemming completions fish >
/// ~/.config/fish/completions/lemming.fish`. Print it again after an upgrade.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CompletionsArgs {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, session: &mut Session) -> Result<Exit, CliError> {
    if session.out.json() {
        let error = CliError::new(Exit::Usage, "a script is no JSON document");
        return Err(error.hint("leave --json out"));
    }
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::command(), "lemming", &mut script);
    session.out.raw(&script)?;
    Ok(Exit::Ok)
}
