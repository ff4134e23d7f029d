//! The accounts of an organisation: what each has left, what it was charged, and how far it goes.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::PARALLEL;
use super::credits::{Budget, Burn, Forecast, turns_left};
use super::moment::Moment;
use crate::domain::credits::Credits;
use crate::domain::model::ModelRegistry;
use crate::domain::name::AgentName;
use crate::domain::org::OrgConfig;
use crate::domain::resume::Resume;
use crate::domain::time::{Tick, Timestamp};
use crate::engine::{EngineError, chosen_model, worst};
use crate::record::state::State;

/// So many closed ticks tell how fast credits are spent, where nobody says how many.
pub const BURN_TICKS: u64 = 32;

/// An agent's money.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentCredits {
    /// Whose.
    pub agent: AgentName,
    /// What is left.
    pub credits_left: Credits,
    /// What top-ups lift it to; `null` where the resume cannot be read.
    pub max_credits: Option<Credits>,
    /// Below that a person is told.
    pub soft_cap: Option<Credits>,
    /// What was put in.
    pub received: Credits,
    /// Charged for calls with an answer, and for actions.
    pub paid: Credits,
    /// Charged for calls that brought no answer, at their worst case.
    pub unanswered: Credits,
    /// Charged for what runners that died may have spent.
    pub forfeited: Credits,
    /// What a turn cost lately, on average.
    pub recent_turn_credits: Option<Credits>,
    /// What a turn may cost at worst.
    pub worst_turn_credits: Option<Credits>,
    /// For how many turns it lasts at what they cost lately.
    pub turns_left_recent: Option<u64>,
    /// For how many at their worst.
    pub turns_left_worst: Option<u64>,
    /// What a tick cost lately.
    pub credits_per_tick: Option<Credits>,
    /// What a day cost lately.
    pub credits_per_day: Option<Credits>,
    /// How long it lasts at that rate.
    pub forecast: Forecast,
}

/// What is left to whom, and how long it lasts.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Accounts {
    /// As of this closed tick.
    pub tick: Tick,
    /// What credits are called.
    pub unit: String,
    /// The budget in its present window, if there is one.
    pub budget: Option<Budget>,
    /// How long that lasts.
    pub budget_forecast: Option<Forecast>,
    /// What was spent in the last closed ticks.
    pub burn: Burn,
    /// What a tick cost lately.
    pub credits_per_tick: Option<Credits>,
    /// What a day cost lately.
    pub credits_per_day: Option<Credits>,
    /// Everybody who has an account, or will have one with the next tick.
    pub agents: Vec<AgentCredits>,
}

/// What is left to whom at a moment, and how long it lasts at the rate of the last so many closed ticks.
///
/// # Errors
/// The store failed, or the records contradict each other.
pub async fn accounts(moment: &Moment, now: Timestamp, ticks: u64) -> Result<Accounts, EngineError> {
    let names = holders(moment).await?;
    of(moment, names, now, ticks).await
}

/// The same, of these agents alone.
///
/// # Errors
/// As [`accounts`].
pub async fn of(moment: &Moment, names: Vec<AgentName>, now: Timestamp, ticks: u64) -> Result<Accounts, EngineError> {
    let (settings, state) = (moment.settings().await?, &moment.state);
    let burn = Burn::read(moment.store(), state.tick, ticks).await?;
    let registry: Option<ModelRegistry> = match moment.models().await {
        Ok(registry) => registry,
        // `validate` says what is wrong with it; the accounts stand whatever it is.
        Err(EngineError::Config { .. }) => None,
        Err(error) => return Err(error),
    };
    // What is spent from now on: in ticks that did not run nothing was.
    let now = state.time.map_or(now, |time| if moment.is_past { time } else { time.max(now) });
    let read = |agent: AgentName| async {
        let resume = moment.resume(&agent).await?.ok();
        Ok::<_, EngineError>((agent, resume))
    };
    let resumes: Vec<_> = stream::iter(names).map(read).buffered(PARALLEL).try_collect().await?;
    let mut agents = Vec::with_capacity(resumes.len());
    for (agent, resume) in resumes {
        agents.push(account(&settings, registry.as_ref(), state, (&burn, now), agent, resume.as_ref()));
    }
    let budget = Budget::at(&settings, state, now);
    Ok(Accounts {
        tick: state.tick,
        unit: settings.credits.unit,
        budget_forecast: budget.as_ref().map(|budget| burn.forecast(&burn.all, budget.left, now)),
        budget,
        credits_per_tick: burn.per_tick(&burn.all),
        credits_per_day: burn.per_day(&burn.all),
        burn,
        agents,
    })
}

/// Everybody who has an account, or will have one with the next tick, by name.
///
/// # Errors
/// The store failed.
pub async fn holders(moment: &Moment) -> Result<Vec<AgentName>, EngineError> {
    moment.agents_of_any_time().await
}

fn account(
    settings: &OrgConfig,
    registry: Option<&ModelRegistry>,
    state: &State,
    (burn, now): (&Burn, Timestamp),
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
    let recent = burn.per_turn(&agent);
    let spending = burn.agents.get(&agent).copied().unwrap_or_default();
    AgentCredits {
        credits_per_tick: burn.per_tick(&spending),
        credits_per_day: burn.per_day(&spending),
        forecast: burn.forecast(&spending, credits_left, now),
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
