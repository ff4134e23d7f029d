//! `lemming models`

mod check;
mod switch;
mod trial;

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session};

pub(super) use switch::{Choice, Details, Switched, switch};

/// Lists the models and checks each; `use` switches to another one, `test` calls one.
///
/// Checks whether the provider is known, the key can be found and the price is given. Calls none
/// and spends nothing.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "ACTION")]
pub(in crate::cli) struct ModelsArgs {
    #[command(subcommand)]
    action: Option<ModelsAction>,
    #[command(flatten)]
    at: AtArgs,
}

/// What is done with models.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum ModelsAction {
    Use(switch::UseArgs),
    Test(trial::TestArgs),
}

pub(super) async fn run(args: ModelsArgs, session: &mut Session) -> Result<Exit, CliError> {
    match args.action {
        None => check::run(args.at, session).await,
        Some(ModelsAction::Use(args)) => switch::run(args, session).await,
        Some(ModelsAction::Test(args)) => trial::run(args, session).await,
    }
}
