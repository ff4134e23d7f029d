//! `lemming credits`

mod export;
mod ledger;

use serde_json::json;

use crate::chronicle;
use crate::chronicle::accounts::{Accounts, AgentCredits, BURN_TICKS, accounts};
use crate::chronicle::credits::Forecast;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session, known_agent};
use crate::cli::output::{BAD, Cell, DIM, NAME, Output, counted};
use crate::cli::times::Times;
use crate::domain::credits::Credits;
use crate::domain::ingress::Action;
use crate::domain::time::Timestamp;
use crate::engine::{budget_window, load};
use crate::runner::compose::Org;

/// Shows what is left, how fast it is spent and how long it lasts; `ledger` and `export` tell for what.
///
/// How fast: the mean of the last closed ticks, and of the time between them. `used up` is when an
/// account, or the budget, will be, if it goes on like that: a forecast, not a limit.
///
/// Paid: calls with an answer, and the price of actions. Unanswered: calls that were sent and
/// brought no answer, at their worst case. Forfeited: what a runner that died may have spent.
/// Turns left are counted at what turns cost lately, and at the worst case of one.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "ACTION")]
pub(in crate::cli) struct CreditsArgs {
    #[command(subcommand)]
    action: Option<CreditsAction>,
    /// How fast is told by so many closed ticks
    #[arg(long, value_name = "N", default_value_t = BURN_TICKS, value_parser = clap::value_parser!(u64).range(1..))]
    ticks: u64,
    #[command(flatten)]
    at: AtArgs,
}

/// What is done with credits.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum CreditsAction {
    /// Adds credits to an agent's account, or to the budget, with the next tick
    TopUp(TopUpArgs),
    Ledger(ledger::LedgerArgs),
    Export(export::ExportArgs),
}

/// Adds credits to an agent's account, or to the organisation's budget in its present window.
///
/// Takes effect with the next tick. No top-up lifts an account above its max_credits.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TopUpArgs {
    /// The agent's name, or `org` for the budget
    account: String,
    /// How many credits, with at most six decimals
    amount: Credits,
}

pub(super) async fn run(args: CreditsArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    match args.action {
        Some(CreditsAction::TopUp(args)) => top_up(args, &org, session).await,
        Some(CreditsAction::Ledger(args)) => ledger::run(args, &org, session).await,
        Some(CreditsAction::Export(args)) => export::run(args, &org, session).await,
        None => show(args.ticks, args.at, &org, session).await,
    }
}

/// `lemming top-up`: the original's name of `lemming credits top-up`.
pub(super) async fn run_top_up(args: TopUpArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    top_up(args, &org, session).await
}

async fn top_up(args: TopUpArgs, org: &Org, session: &mut Session) -> Result<Exit, CliError> {
    if args.amount.is_zero() {
        return Err(CliError::new(Exit::Usage, "the amount is 0: nothing would be added"));
    }
    let agent = match args.account.as_str() {
        "org" => None,
        name => Some(known_agent(org, name).await?),
    };
    let settings = chronicle::settings(&org.store).await?;
    if agent.is_none() && settings.budget.is_none() {
        let error = CliError::new(Exit::Usage, "the organisation has no budget to top up: the accounts alone limit it");
        return Err(error.hint("name an agent, or set `budget` in org.json"));
    }
    let action = Action::TopUp { agent: agent.clone(), credits: args.amount };
    let name = org.postbox().order(action.clone()).await?;
    if session.out.json() {
        session.out.document(&json!({ "ordered": name, "command": action }))?;
        return Ok(Exit::Ok);
    }
    let whose = agent.as_ref().map_or("the budget".to_owned(), ToString::to_string);
    session.out.line(format!("{} for {whose} with the next tick", args.amount))?;
    if let Some(agent) = agent {
        let state = load(&org.store).await?.state;
        if let Some(known) = state.agents.get(&agent) {
            let room = known.facts.max_credits.saturating_sub(known.account.balance);
            if room < args.amount {
                let max = known.facts.max_credits;
                session.out.note(format!("note: {agent} may hold {max}, so that as of now only {room} of it counts"));
            }
        }
    }
    Ok(Exit::Ok)
}

async fn show(ticks: u64, at: AtArgs, org: &Org, session: &mut Session) -> Result<Exit, CliError> {
    let moment = at.moment(org).await?;
    let found = session.reading(org, "reading ticks", accounts(&moment, org.clock().now(), ticks)).await?;
    if session.out.json() {
        session.out.document(&found)?;
        return Ok(Exit::Ok);
    }
    let settings = moment.settings().await?;
    let Accounts { budget, budget_forecast: forecast, burn, agents, .. } = found;
    let times = session.times();
    let out = &mut session.out;
    if let Some(budget) = &budget {
        let lasts = forecast.map_or(String::new(), |forecast| {
            let is_renewed = |at: Timestamp| budget_window(settings.budget.as_ref(), at) != budget.window;
            match forecast {
                Forecast::UsedUp { at: Some(at), .. } if is_renewed(at) => {
                    ", more than is spent before it is renewed".to_owned()
                }
                Forecast::Unknown => String::new(),
                forecast => format!(", used up: {}", lasts(forecast, &times)),
            }
        });
        out.line(format!("budget {}: {} left of {}{lasts}", budget.window, budget.left, budget.credits))?;
    }
    if let Some(per_tick) = burn.per_tick(&burn.all) {
        let per_day = burn.per_day(&burn.all).map_or(String::new(), |credits| format!(", {credits} a day"));
        let unit = crate::cli::output::one_line(&settings.credits.unit, 20);
        out.line(format!("{per_tick} {unit} a tick{per_day}, by the last {}", counted(burn.ticks, "tick")))?;
    }
    out.line("")?;
    table(&agents, &times, out)?;
    Ok(Exit::Ok)
}

/// How long something lasts, for people.
fn lasts(forecast: Forecast, times: &Times) -> String {
    match forecast {
        Forecast::Unknown => "-".to_owned(),
        Forecast::Forever => "never at this rate".to_owned(),
        Forecast::UsedUp { at: Some(at), .. } => times.day(at),
        Forecast::UsedUp { ticks, at: None } => format!("in {}", counted(ticks, "tick")),
    }
}

fn table(agents: &[AgentCredits], times: &Times, out: &mut Output) -> Result<(), CliError> {
    // What hardly ever happens has no column where it did not.
    let any = |amount: fn(&AgentCredits) -> Credits| agents.iter().any(|agent| !amount(agent).is_zero());
    let (unanswered, forfeited) = (any(|agent| agent.unanswered), any(|agent| agent.forfeited));
    let mut head = vec!["agent", "left", "a day", "paid"];
    head.extend(unanswered.then_some("unanswered"));
    head.extend(forfeited.then_some("forfeited"));
    head.extend(["turns left", "at worst", "used up"]);
    let mut rows = vec![head.iter().map(|title| Cell::new(*title).style(DIM)).collect::<Vec<_>>()];
    for agent in agents {
        let shown = |value: Option<String>| Cell::number(value.unwrap_or_else(|| "-".to_owned()));
        let turns = |turns: Option<u64>| shown(turns.map(|turns| turns.to_string()));
        let low = agent.soft_cap.is_some_and(|cap| agent.credits_left < cap);
        let left = Cell::number(agent.credits_left);
        let mut row = vec![
            Cell::new(agent.agent.as_str()).style(NAME),
            if low { left.style(BAD) } else { left },
            shown(agent.credits_per_day.map(|credits| credits.to_string())),
            Cell::number(agent.paid),
        ];
        row.extend(unanswered.then(|| Cell::number(agent.unanswered)));
        row.extend(forfeited.then(|| Cell::number(agent.forfeited)));
        row.extend([
            turns(agent.turns_left_recent),
            turns(agent.turns_left_worst),
            Cell::whole(lasts(agent.forecast, times)),
        ]);
        rows.push(row);
    }
    out.table(&rows)?;
    Ok(())
}
