//! `lemming templates`

mod analyse;
mod export;
mod import;
mod list;
pub(super) mod open;
mod show;

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;

/// Lists the templates; shows, makes, keeps and analyses them.
///
/// A template is a folder (or what lies below a prefix of a bucket) of resumes with a `template.json`. `bootstrap --template` makes
/// an organisation of one, `agents new --from` adds its agents to an organisation that there is.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "ACTION")]
pub(in crate::cli) struct TemplatesArgs {
    #[command(subcommand)]
    action: Option<TemplatesAction>,
}

/// What is done with templates.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum TemplatesAction {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    #[command(alias = "analyze")]
    Analyse(analyse::AnalyseArgs),
}

pub(super) async fn run(args: TemplatesArgs, session: &mut Session) -> Result<Exit, CliError> {
    match args.action {
        None => list::run(list::ListArgs {}, session).await,
        Some(TemplatesAction::List(args)) => list::run(args, session).await,
        Some(TemplatesAction::Show(args)) => show::run(&args, session).await,
        Some(TemplatesAction::Export(args)) => export::run(args, session).await,
        Some(TemplatesAction::Import(args)) => import::run(args, session).await,
        Some(TemplatesAction::Analyse(args)) => analyse::run(&args, session).await,
    }
}
