//! The commands: one file each, with its arguments (whose comments are its help) and `run`.

mod agents;
mod apply;
mod approvals;
mod bootstrap;
mod chat;
mod completions;
mod cost;
mod credits;
mod demo;
mod diff;
mod doctor;
mod export;
mod files;
mod fork;
mod fsck;
mod gc;
mod graph;
mod import;
mod inbox;
mod inspect;
mod keys;
mod logs;
mod man;
mod memory;
mod messages;
mod models;
mod orgs;
mod pause;
mod problems;
mod replay;
mod run;
mod schema;
mod send;
mod serve;
mod status;
mod templates;
mod thread;
mod tick;
mod ticks;
mod tools;
mod validate;
mod watch;

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
    Problems(problems::ProblemsArgs),
    Watch(watch::WatchArgs),
    Inspect(inspect::InspectArgs),
    Agents(agents::AgentsArgs),
    ListAgents(agents::ListArgs),
    ShowAgent(agents::ShowArgs),
    Templates(templates::TemplatesArgs),
    Apply(apply::ApplyArgs),
    Orgs(orgs::OrgsArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Send(send::SendArgs),
    Inbox(inbox::InboxArgs),
    Messages(messages::MessagesArgs),
    Thread(thread::ThreadArgs),
    Chat(chat::ChatArgs),
    Memory(memory::MemoryArgs),
    Files(files::FilesArgs),
    Logs(logs::LogsArgs),
    Ticks(ticks::TicksArgs),
    Diff(diff::DiffArgs),
    Replay(replay::ReplayArgs),
    Fork(fork::ForkArgs),
    Fsck(fsck::FsckArgs),
    Gc(gc::GcArgs),
    Approvals(approvals::ApprovalsArgs),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    Credits(credits::CreditsArgs),
    TopUp(credits::TopUpArgs),
    Cost(cost::CostArgs),
    Models(models::ModelsArgs),
    Tools(tools::ToolsArgs),
    #[command(alias = "derive-graph")]
    Graph(graph::GraphArgs),
    Serve(serve::ServeArgs),
    Keys(keys::KeysArgs),
    Schema(schema::SchemaArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Command {
    /// Says whether the command tells what happens, so that logs of the same would only be in the way.
    pub(super) fn tells_a_story(&self) -> bool {
        match self {
            Self::Demo(_) | Self::Chat(_) | Self::Watch(_) => true,
            // What happens there is a past tick, or none.
            Self::Replay(_) | Self::Fsck(_) => true,
            Self::Tick(args) => args.is_rehearsal(),
            _ => false,
        }
    }

    pub(super) async fn run(self, session: &mut Session) -> Result<Exit, CliError> {
        match self {
            Self::Demo(args) => demo::run(args, session).await,
            Self::Doctor(args) => doctor::run(args, session).await,
            Self::Bootstrap(args) => bootstrap::run(args, session).await,
            Self::Validate(args) => validate::run(args, session).await,
            Self::Tick(args) => tick::run(args, session).await,
            Self::Run(args) => run::run(args, session).await,
            Self::Watch(args) => watch::run(args, session).await,
            Self::Status(args) => status::run(args, session).await,
            Self::Problems(args) => problems::run(args, session).await,
            Self::Inspect(args) => inspect::run(args, session).await,
            Self::Agents(args) => agents::run(args, session).await,
            Self::ListAgents(args) => agents::run_list(args, session).await,
            Self::ShowAgent(args) => agents::run_show(args, session).await,
            Self::Templates(args) => templates::run(args, session).await,
            Self::Apply(args) => apply::run(args, session).await,
            Self::Orgs(args) => orgs::run(args, session).await,
            Self::Export(args) => export::run(args, session).await,
            Self::Import(args) => import::run(args, session).await,
            Self::Send(args) => send::run(args, session).await,
            Self::Inbox(args) => inbox::run(args, session).await,
            Self::Messages(args) => messages::run(args, session).await,
            Self::Thread(args) => thread::run(args, session).await,
            Self::Chat(args) => chat::run(args, session).await,
            Self::Memory(args) => memory::run(args, session).await,
            Self::Files(args) => files::run(args, session).await,
            Self::Logs(args) => logs::run(args, session).await,
            Self::Ticks(args) => ticks::run(args, session).await,
            Self::Diff(args) => diff::run(args, session).await,
            Self::Replay(args) => replay::run(args, session).await,
            Self::Fork(args) => fork::run(args, session).await,
            Self::Fsck(args) => fsck::run(args, session).await,
            Self::Gc(args) => gc::run(args, session).await,
            Self::Approvals(args) => approvals::run(args, session).await,
            Self::Pause(args) => pause::run(args, session).await,
            Self::Resume(args) => pause::run_resume(args, session).await,
            Self::Credits(args) => credits::run(args, session).await,
            Self::TopUp(args) => credits::run_top_up(args, session).await,
            Self::Cost(args) => cost::run(args, session).await,
            Self::Models(args) => models::run(args, session).await,
            Self::Tools(args) => tools::run(args, session).await,
            Self::Graph(args) => graph::run(args, session).await,
            Self::Serve(args) => serve::run(args, session).await,
            Self::Keys(args) => keys::run(args, session).await,
            Self::Schema(args) => schema::run(&args, session),
            Self::Completions(args) => completions::run(&args, session),
            Self::Man(args) => man::run(&args, session),
        }
    }
}
