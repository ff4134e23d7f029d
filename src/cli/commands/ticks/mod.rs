//! `lemming ticks`

mod list;
mod show;
mod why;

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::times::Times;
use crate::record::plan::Trigger;

/// Looks back at ticks: a line for each, the whole of one, and why an agent ran or did not.
///
/// Without ACTION it lists the last ones. Reads only.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "ACTION")]
pub(in crate::cli) struct TicksArgs {
    #[command(subcommand)]
    action: Option<TicksAction>,
    #[command(flatten)]
    list: list::ListArgs,
}

/// What is looked at.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum TicksAction {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Why(why::WhyArgs),
}

pub(super) async fn run(args: TicksArgs, session: &mut Session) -> Result<Exit, CliError> {
    match args.action {
        None => list::run(args.list, session).await,
        Some(TicksAction::List(args)) => list::run(args, session).await,
        Some(TicksAction::Show(args)) => show::run(args, session).await,
        Some(TicksAction::Why(args)) => why::run(args, session).await,
    }
}

/// What asked for a tick, in a few words.
fn trigger(trigger: &Trigger, times: &Times) -> String {
    match trigger {
        Trigger::Invocation => "invocation".to_owned(),
        Trigger::Slot { time } => format!("slot of {}", times.shown(*time)),
        Trigger::Wake { named } if named.is_empty() => "wake".to_owned(),
        Trigger::Wake { named } => {
            let named: Vec<&str> = named.iter().map(|name| name.as_str()).collect();
            format!("wake of {}", named.join(", "))
        }
    }
}
