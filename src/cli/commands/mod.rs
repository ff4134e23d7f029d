//! The commands: one file each, with its arguments (whose comments are its help) and `run`.

mod bootstrap;
mod cost;
mod credits;
mod demo;
mod doctor;
mod fork;
mod fsck;
mod gc;
mod inbox;
mod inspect;
mod keys;
mod logs;
mod models;
mod pause;
mod replay;
mod run;
mod schema;
mod send;
mod serve;
mod status;
mod tick;
mod validate;

use super::error::{CliError, Exit};
use super::globals::Session;

/// What is to be done. The comments of the arguments are the help.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Demo(demo::DemoArgs),
    Bootstrap(bootstrap::BootstrapArgs),
    Doctor(doctor::DoctorArgs),
    Validate(validate::ValidateArgs),
    #[command(alias = "run-once")]
    Tick(tick::TickArgs),
    Run(run::RunArgs),
    Status(status::StatusArgs),
    Inspect(inspect::InspectArgs),
    Send(send::SendArgs),
    Inbox(inbox::InboxArgs),
    Logs(logs::LogsArgs),
    Replay(replay::ReplayArgs),
    Fork(fork::ForkArgs),
    Fsck(fsck::FsckArgs),
    Gc(gc::GcArgs),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    Credits(credits::CreditsArgs),
    Cost(cost::CostArgs),
    Models(models::ModelsArgs),
    Serve(serve::ServeArgs),
    Keys(keys::KeysArgs),
    Schema(schema::SchemaArgs),
}

impl Command {
    /// Says whether the command tells what happens, so that logs of the same would only be in the way.
    pub(super) fn tells_a_story(&self) -> bool {
        matches!(self, Self::Demo(_))
    }

    pub(super) async fn run(self, session: &mut Session) -> Result<Exit, CliError> {
        match self {
            Self::Demo(args) => demo::run(args, session).await,
            Self::Doctor(args) => doctor::run(args, session).await,
            Self::Bootstrap(args) => bootstrap::run(args, session).await,
            Self::Validate(args) => validate::run(args, session).await,
            Self::Tick(args) => tick::run(args, session).await,
            Self::Run(args) => run::run(args, session).await,
            Self::Status(args) => status::run(args, session).await,
            Self::Inspect(args) => inspect::run(args, session).await,
            Self::Send(args) => send::run(args, session).await,
            Self::Inbox(args) => inbox::run(args, session).await,
            Self::Logs(args) => logs::run(args, session).await,
            Self::Replay(args) => replay::run(args, session).await,
            Self::Fork(args) => fork::run(args, session).await,
            Self::Fsck(args) => fsck::run(args, session).await,
            Self::Gc(args) => gc::run(args, session).await,
            Self::Pause(args) => pause::run(args, session).await,
            Self::Resume(args) => pause::run_resume(args, session).await,
            Self::Credits(args) => credits::run(args, session).await,
            Self::Cost(args) => cost::run(args, session).await,
            Self::Models(args) => models::run(args, session).await,
            Self::Serve(args) => serve::run(args, session).await,
            Self::Keys(args) => keys::run(args, session).await,
            Self::Schema(args) => schema::run(&args, session),
        }
    }
}
