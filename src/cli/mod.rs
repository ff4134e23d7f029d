//! The command line: one file for each command in `commands`, what they share here.
//!
//! Commands talk to people; whatever they find out comes from the modules above, so that another
//! front end finds it out the same way.

mod changes;
mod commands;
mod editor;
pub mod error;
mod findings;
mod follow;
pub mod globals;
pub mod help;
mod letter;
mod markdown;
mod order;
pub mod output;
mod problems;
mod progress;
pub mod progress_bar;
mod screen;
mod story;
mod ticks;
pub mod times;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use self::commands::Command;
use self::error::{CliError, Exit, HELP_FOOTER};
use self::globals::{GlobalArgs, Session};
use self::output::{BAD, GOOD, Output, clean, styled};
use crate::config::Environment;
use crate::telemetry::traces::Traces;
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

/// The command line as clap knows it: for completions and tests.
#[must_use]
pub fn command() -> clap::Command {
    help::grouped(Cli::command(), help::WIDTH)
}

/// The command line with the help that clap makes of it: for pages of the manual.
fn plain_command() -> clap::Command {
    Cli::command()
}

/// The arguments as they are meant, or what to say instead: help, or what is wrong with them.
fn parse(environment: &Environment) -> Result<Cli, clap::Error> {
    let columns = terminal_size::terminal_size().map_or(help::WIDTH, |(columns, _)| usize::from(columns.0));
    let mut command = help::grouped(Cli::command(), columns);
    let mut matches = command.try_get_matches_from_mut(environment.args())?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// The command that words name, as on a command line.
fn parse_words(words: Vec<String>) -> Result<Command, clap::Error> {
    <Cli as clap::Parser>::try_parse_from(std::iter::once("lemming".to_owned()).chain(words)).map(|cli| cli.command)
}

/// Parses the arguments, runs the command, and says how it ended.
pub async fn run(environment: Environment) -> ExitCode {
    let cli = match parse(&environment) {
        Ok(cli) => cli,
        Err(error) => return refused(&error, &environment),
    };
    let globals = cli.globals;
    let format = globals.log_format.unwrap_or_else(|| match std::io::stderr().is_terminal() {
        true => LogFormat::Text,
        false => LogFormat::Json,
    });
    let quiet = (cli.command.tells_a_story() && globals.verbose == 0).then_some("warn");
    let traces = Traces::of(&environment);
    let collected = traces.as_ref().ok().and_then(Option::as_ref);
    telemetry::start(format, globals.verbose, environment.var("LEMMING_LOG").or(quiet), collected);
    let traces = traces.unwrap_or_else(|error| telemetry::without_traces(&error));
    let out = Output::of_process(globals.json);
    let mut session = Session { globals, environment, out };
    let ended = cli.command.run(&mut session).await;
    let ended = ended.and_then(|exit| Ok(session.out.flush().map(|()| exit)?));
    let exit = ended.unwrap_or_else(|error| {
        report(&error, &mut session.out);
        error.exit()
    });
    if let Some(traces) = traces {
        traces.end().await;
    }
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
        // What may be said instead stands on lines of its own.
        let message = clean(message).split_whitespace().collect::<Vec<_>>().join(" ");
        Output::of_process(true).note(CliError::new(Exit::Usage, message).envelope().to_string());
    } else {
        // A reader that has gone away needs no help.
        let _ = error.print();
    }
    ExitCode::from(if is_help { Exit::Ok } else { Exit::Usage }.code())
}
