//! The command line: one file for each command in `commands`, what they share here.
//!
//! Commands talk to people; whatever they find out comes from the modules above, so that another
//! front end finds it out the same way.

mod commands;
pub mod error;
mod follow;
pub mod globals;
mod letter;
mod markdown;
mod order;
pub mod output;
mod problems;
mod progress;
mod screen;
mod story;
mod ticks;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;

use self::commands::Command;
use self::error::{CliError, Exit, HELP_FOOTER};
use self::globals::{GlobalArgs, Session};
use self::output::{BAD, GOOD, Output, clean, styled};
use crate::config::Environment;
use crate::telemetry::{self, LogFormat};
use crate::version;

/// Runs organisations of LLM agents as serverless jobs over a folder or bucket of plain JSON files.
#[derive(Debug, clap::Parser)]
#[command(name = "lemming", version = version::LONG, after_help = HELP_FOOTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    globals: GlobalArgs,
}

/// The command line as clap knows it: for completions, manuals and tests.
#[must_use]
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// The command that words name, as on a command line.
fn parse(words: Vec<String>) -> Result<Command, clap::Error> {
    Cli::try_parse_from(std::iter::once("lemming".to_owned()).chain(words)).map(|cli| cli.command)
}

/// Parses the arguments, runs the command, and says how it ended.
pub async fn run(environment: Environment) -> ExitCode {
    let cli = match Cli::try_parse_from(environment.args()) {
        Ok(cli) => cli,
        Err(error) => return refused(&error, &environment),
    };
    let globals = cli.globals;
    let format = globals.log_format.unwrap_or_else(|| match std::io::stderr().is_terminal() {
        true => LogFormat::Text,
        false => LogFormat::Json,
    });
    let quiet = (cli.command.tells_a_story() && globals.verbose == 0).then_some("warn");
    telemetry::start(format, globals.verbose, environment.var("LEMMING_LOG").or(quiet));
    let out = Output::of_process(globals.json);
    let mut session = Session { globals, environment, out };
    let ended = cli.command.run(&mut session).await;
    let ended = ended.and_then(|exit| Ok(session.out.flush().map(|()| exit)?));
    let exit = ended.unwrap_or_else(|error| {
        report(&error, &mut session.out);
        error.exit()
    });
    ExitCode::from(exit.code())
}

fn report(error: &CliError, out: &mut Output) {
    if error.exit() == Exit::Ok {
        return;
    }
    if out.json() {
        out.note(error.envelope().to_string());
    } else {
        out.note(error.text(&styled(BAD, "error:"), &styled(GOOD, "hint:")).trim_end());
    }
}

/// Help, version, or a wrong command line.
fn refused(error: &clap::Error, environment: &Environment) -> ExitCode {
    let is_help = !error.use_stderr();
    if !is_help && environment.args().iter().any(|arg| arg == "--json") {
        let text = error.to_string();
        // Usage and tips follow after an empty line: they are for people.
        let message = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        let message = clean(message).into_owned();
        Output::of_process(true).note(CliError::new(Exit::Usage, message).envelope().to_string());
    } else {
        // A reader that has gone away needs no help.
        let _ = error.print();
    }
    ExitCode::from(if is_help { Exit::Ok } else { Exit::Usage }.code())
}
