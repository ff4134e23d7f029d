//! `lemming credits`

mod export;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::chronicle;
use crate::chronicle::credits::{Budget, recent_costs, turns_left};
use crate::chronicle::moment::Moment;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session, known_agent};
use crate::cli::output::{BAD, Cell, DIM, NAME, Output};
use crate::domain::credits::Credits;
use crate::domain::ingress::Action;
use crate::domain::model::ModelRegistry;
use crate::domain::name::AgentName;
use crate::domain::org::OrgConfig;
use crate::domain::resume::Resume;
use crate::engine::{EngineError, chosen_model, load, worst};
use crate::record::state::State;
use crate::runner::compose::Org;

/// What turns cost lately is taken from so many ticks.
const TICKS_BACK: u64 = 32;

/// Shows what is left and what was spent; `top-up` adds credits, `export` gives the ledger.
///
/// Paid: calls with an answer, and the price of actions. Unanswered: calls that were sent and
/// brought no answer, at their worst case. Forfeited: what a runner that died may have spent.
/// Turns left are counted at what turns cost lately, and at the worst case of one.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "ACTION")]
pub(in crate::cli) struct CreditsArgs {
    #[command(subcommand)]
    action: Option<CreditsAction>,
    #[command(flatten)]
    at: AtArgs,
}

/// What is done with credits.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum CreditsAction {
    /// Adds credits to an agent's account, or to the budget, with the next tick
    TopUp(TopUpArgs),
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

/// An agent's money.
#[derive(Debug, Serialize)]
struct AgentCredits {
    agent: AgentName,
    credits_left: Credits,
    max_credits: Option<Credits>,
    soft_cap: Option<Credits>,
    received: Credits,
    paid: Credits,
    unanswered: Credits,
    forfeited: Credits,
    recent_turn_credits: Option<Credits>,
    worst_turn_credits: Option<Credits>,
    turns_left_recent: Option<u64>,
    turns_left_worst: Option<u64>,
}

pub(super) async fn run(args: CreditsArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    match args.action {
        Some(CreditsAction::TopUp(args)) => top_up(args, &org, session).await,
        Some(CreditsAction::Export(args)) => export::run(args, &org, session).await,
        None => show(args.at, &org, session).await,
    }
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

async fn show(at: AtArgs, org: &Org, session: &mut Session) -> Result<Exit, CliError> {
    let moment = at.moment(org).await?;
    let (settings, state) = (moment.settings().await?, &moment.state);
    let recent = recent_costs(&org.store, state.tick, TICKS_BACK).await?;
    let registry: Option<ModelRegistry> = match moment.models().await {
        Ok(registry) => registry,
        // `validate` says what is wrong with it; the accounts stand whatever it is.
        Err(EngineError::Config { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let mut agents = Vec::new();
    for agent in accounts(&moment).await? {
        let resume = moment.resume(&agent).await?.ok();
        agents.push(account(&settings, registry.as_ref(), state, &recent, agent, resume.as_ref()));
    }
    let now = org.clock().now();
    let now = if moment.is_past { state.time.unwrap_or(now) } else { now };
    let budget = Budget::at(&settings, state, now);
    if session.out.json() {
        let unit = &settings.credits.unit;
        session.out.document(&json!({ "tick": state.tick, "unit": unit, "budget": budget, "agents": agents }))?;
    } else {
        table(budget.as_ref(), &agents, &mut session.out)?;
    }
    Ok(Exit::Ok)
}

/// Everybody who has an account, or will have one with the next tick.
async fn accounts(moment: &Moment) -> Result<Vec<AgentName>, EngineError> {
    let mut names = moment.agents().await?;
    names.extend(moment.state.agents.keys().cloned());
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn account(
    settings: &OrgConfig,
    registry: Option<&ModelRegistry>,
    state: &State,
    recent: &BTreeMap<AgentName, Credits>,
    agent: AgentName,
    resume: Option<&Resume>,
) -> AgentCredits {
    let limits = resume.map(|resume| &resume.credits);
    let opening = || limits.map_or(Credits::ZERO, |limits| limits.opening());
    let known = state.agents.get(&agent).map(|known| &known.account);
    let charged = known.map(|account| account.charged).unwrap_or_default();
    let credits_left = known.map_or_else(opening, |account| account.balance);
    let at_worst = resume.and_then(|resume| {
        let registry = registry?;
        let key = chosen_model(resume, registry, credits_left);
        Some(worst(settings, resume, registry, key)?.attempt)
    });
    let recent = recent.get(&agent).copied();
    AgentCredits {
        agent,
        credits_left,
        max_credits: limits.map(|limits| limits.max_credits),
        soft_cap: limits.map(|limits| limits.soft_cap),
        received: known.map_or_else(opening, |account| account.received),
        paid: charged.paid,
        unanswered: charged.unanswered,
        forfeited: charged.forfeited,
        recent_turn_credits: recent,
        worst_turn_credits: at_worst,
        turns_left_recent: recent.and_then(|cost| turns_left(credits_left, cost)),
        turns_left_worst: at_worst.and_then(|cost| turns_left(credits_left, cost)),
    }
}

fn table(budget: Option<&Budget>, agents: &[AgentCredits], out: &mut Output) -> Result<(), CliError> {
    if let Some(budget) = budget {
        out.line(format!("budget {}: {} left of {}", budget.window, budget.left, budget.credits))?;
        out.line("")?;
    }
    let head = ["agent", "left", "paid", "unanswered", "forfeited", "turns left", "at worst"];
    let mut rows = vec![head.iter().map(|title| Cell::new(*title).style(DIM)).collect::<Vec<_>>()];
    for agent in agents {
        let turns = |turns: Option<u64>| turns.map_or("-".to_owned(), |turns| turns.to_string());
        let low = agent.soft_cap.is_some_and(|cap| agent.credits_left < cap);
        let left = Cell::number(agent.credits_left);
        rows.push(vec![
            Cell::new(agent.agent.as_str()).style(NAME),
            if low { left.style(BAD) } else { left },
            Cell::number(agent.paid),
            Cell::number(agent.unanswered),
            Cell::number(agent.forfeited),
            Cell::number(turns(agent.turns_left_recent)),
            Cell::number(turns(agent.turns_left_worst)),
        ]);
    }
    out.table(&rows)?;
    Ok(())
}
