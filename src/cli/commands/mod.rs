//! The commands: one file each, with its arguments (whose comments are its help) and `run`.

mod bootstrap;
mod credits;
mod demo;
mod inbox;
mod inspect;
mod logs;
mod pause;
mod run;
mod schema;
mod send;
mod status;
mod tick;
mod validate;

use super::error::{CliError, Exit};
use super::globals::Session;

/// What is to be done.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Shows a small organisation at work, in a new folder
    Demo(demo::DemoArgs),
    /// Makes an organisation from the built-in example; creates what is missing, changes nothing
    Bootstrap(bootstrap::BootstrapArgs),
    /// Lists everything that is wrong with the files that people write
    Validate(validate::ValidateArgs),
    /// Runs one tick, or the rest of an open one
    #[command(alias = "run-once")]
    Tick(tick::TickArgs),
    /// Runs ticks one after another, until Ctrl-C
    Run(run::RunArgs),
    /// Shows how the organisation stands
    Status(status::StatusArgs),
    /// Shows one agent: its resume, its last turns, its memory
    Inspect(inspect::InspectArgs),
    /// Sends a message to an agent, or to all
    Send(send::SendArgs),
    /// Shows what was said to you, or what an agent may read
    Inbox(inbox::InboxArgs),
    /// Tells what happened, tick by tick
    Logs(logs::LogsArgs),
    /// Lets an agent, or all, rest until `resume`
    Pause(pause::PauseArgs),
    /// Undoes `pause`
    Resume(pause::ResumeArgs),
    /// Shows what is left and what was spent; adds credits
    Credits(credits::CreditsArgs),
    /// Prints the JSON Schema of a file that people write
    Schema(schema::SchemaArgs),
}

impl Command {
    pub(super) async fn run(self, session: &mut Session) -> Result<Exit, CliError> {
        match self {
            Self::Demo(args) => demo::run(args, session).await,
            Self::Bootstrap(args) => bootstrap::run(args, session).await,
            Self::Validate(args) => validate::run(args, session).await,
            Self::Tick(args) => tick::run(args, session).await,
            Self::Run(args) => run::run(args, session).await,
            Self::Status(args) => status::run(args, session).await,
            Self::Inspect(args) => inspect::run(args, session).await,
            Self::Send(args) => send::run(args, session).await,
            Self::Inbox(args) => inbox::run(args, session).await,
            Self::Logs(args) => logs::run(args, session).await,
            Self::Pause(args) => pause::run(args, session).await,
            Self::Resume(args) => pause::run_resume(args, session).await,
            Self::Credits(args) => credits::run(args, session).await,
            Self::Schema(args) => schema::run(&args, session),
        }
    }
}
