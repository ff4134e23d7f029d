//! The commands: one file each, with its arguments (whose comments are its help) and `run`.

mod agents;
mod apply;
mod approvals;
mod bootstrap;
mod chat;
mod completions;
mod cost;
mod credits;
mod deliveries;
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
mod mcp;
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

use std::pin::Pin;

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
    Mcp(mcp::McpArgs),
    Keys(keys::KeysArgs),
    Deliveries(deliveries::DeliveriesArgs),
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
            Self::Demo(args) => on_heap(|| demo::run(args, session)).await,
            Self::Doctor(args) => on_heap(|| doctor::run(args, session)).await,
            Self::Bootstrap(args) => on_heap(|| bootstrap::run(args, session)).await,
            Self::Validate(args) => on_heap(|| validate::run(args, session)).await,
            Self::Tick(args) => on_heap(|| tick::run(args, session)).await,
            Self::Run(args) => on_heap(|| run::run(args, session)).await,
            Self::Watch(args) => on_heap(|| watch::run(args, session)).await,
            Self::Status(args) => on_heap(|| status::run(args, session)).await,
            Self::Problems(args) => on_heap(|| problems::run(args, session)).await,
            Self::Inspect(args) => on_heap(|| inspect::run(args, session)).await,
            Self::Agents(args) => on_heap(|| agents::run(args, session)).await,
            Self::ListAgents(args) => on_heap(|| agents::run_list(args, session)).await,
            Self::ShowAgent(args) => on_heap(|| agents::run_show(args, session)).await,
            Self::Templates(args) => on_heap(|| templates::run(args, session)).await,
            Self::Apply(args) => on_heap(|| apply::run(args, session)).await,
            Self::Orgs(args) => on_heap(|| orgs::run(args, session)).await,
            Self::Export(args) => on_heap(|| export::run(args, session)).await,
            Self::Import(args) => on_heap(|| import::run(args, session)).await,
            Self::Send(args) => on_heap(|| send::run(args, session)).await,
            Self::Inbox(args) => on_heap(|| inbox::run(args, session)).await,
            Self::Messages(args) => on_heap(|| messages::run(args, session)).await,
            Self::Thread(args) => on_heap(|| thread::run(args, session)).await,
            Self::Chat(args) => on_heap(|| chat::run(args, session)).await,
            Self::Memory(args) => on_heap(|| memory::run(args, session)).await,
            Self::Files(args) => on_heap(|| files::run(args, session)).await,
            Self::Logs(args) => on_heap(|| logs::run(args, session)).await,
            Self::Ticks(args) => on_heap(|| ticks::run(args, session)).await,
            Self::Diff(args) => on_heap(|| diff::run(args, session)).await,
            Self::Replay(args) => on_heap(|| replay::run(args, session)).await,
            Self::Fork(args) => on_heap(|| fork::run(args, session)).await,
            Self::Fsck(args) => on_heap(|| fsck::run(args, session)).await,
            Self::Gc(args) => on_heap(|| gc::run(args, session)).await,
            Self::Approvals(args) => on_heap(|| approvals::run(args, session)).await,
            Self::Pause(args) => on_heap(|| pause::run(args, session)).await,
            Self::Resume(args) => on_heap(|| pause::run_resume(args, session)).await,
            Self::Credits(args) => on_heap(|| credits::run(args, session)).await,
            Self::TopUp(args) => on_heap(|| credits::run_top_up(args, session)).await,
            Self::Cost(args) => on_heap(|| cost::run(args, session)).await,
            Self::Models(args) => on_heap(|| models::run(args, session)).await,
            Self::Tools(args) => on_heap(|| tools::run(args, session)).await,
            Self::Graph(args) => on_heap(|| graph::run(args, session)).await,
            Self::Serve(args) => on_heap(|| serve::run(args, session)).await,
            Self::Mcp(args) => on_heap(|| mcp::run(args, session)).await,
            Self::Deliveries(args) => on_heap(|| deliveries::run(args, session)).await,
            Self::Keys(args) => on_heap(|| keys::run(args, session)).await,
            Self::Schema(args) => schema::run(&args, session),
            Self::Completions(args) => completions::run(&args, session),
            Self::Man(args) => man::run(&args, session),
        }
    }
}

/// The work of a command, made where it stays. An unoptimised program keeps room on the stack for every arm of a match, and
/// for all commands together that was half of a thread's.
#[inline(never)]
fn on_heap<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::pin(make())
}
