//! Grants: how much of the accounts and the budget a tick sets aside for each due agent.
//!
//! The sum of all grants never exceeds what is there, and no licence exceeds its grant: whoever
//! races, no ceiling can be passed.

use chrono::Datelike;

use crate::domain::credits::Credits;
use crate::domain::model::ModelRegistry;
use crate::domain::name::ModelKey;
use crate::domain::org::{Budget, OrgConfig, Per};
use crate::domain::resume::Resume;
use crate::domain::time::Timestamp;
use crate::mutant::{self, Mutant};
use crate::record::plan::SkipReason;
use crate::record::state::BudgetState;

/// What a turn of one agent may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worst {
    /// q: one model call.
    pub call: Credits,
    /// w: the least that a turn needs.
    pub least: Credits,
    /// r: one attempt at the turn.
    pub attempt: Credits,
}

/// The most tokens of an agent's prompt.
pub(super) fn max_prompt_tokens(org: &OrgConfig, resume: &Resume) -> u64 {
    resume.limits.max_prompt_tokens.unwrap_or(org.limits.max_prompt_tokens).get()
}

/// The most model calls of an agent's turn.
pub(super) fn max_steps(org: &OrgConfig, resume: &Resume) -> u32 {
    resume.limits.max_steps.unwrap_or(org.limits.max_steps).get()
}

/// The model that an agent thinks with: below the soft cap another one, if its resume names one that
/// there is.
#[must_use]
pub fn chosen_model<'a>(resume: &'a Resume, models: &ModelRegistry, balance: Credits) -> &'a ModelKey {
    let frugal = resume.credits.soft_cap_model.as_ref().filter(|key| models.models.contains_key(*key));
    match frugal {
        Some(key) if balance < resume.credits.soft_cap => key,
        _ => &resume.model.key,
    }
}

/// What a turn of this agent may cost, at worst: with that model, or the dearest of its fallbacks.
/// `None`: there is no such model.
#[must_use]
pub fn worst(org: &OrgConfig, resume: &Resume, models: &ModelRegistry, key: &ModelKey) -> Option<Worst> {
    let (prompt, answer) = (max_prompt_tokens(org, resume), u64::from(resume.model.max_tokens.get()));
    let call = models.candidates(key).iter().map(|(_, model)| model.price.worst(prompt, answer)).max()?;
    let least = call + org.credits.cost_per_action;
    let steps = u64::from(max_steps(org, resume));
    let limit = resume.limits.max_turn_credits.unwrap_or(org.limits.max_turn_credits);
    let attempt = limit.min(call.times(steps + 2) + org.credits.cost_per_action).max(least);
    Some(Worst { call, least, attempt })
}

/// What an agent may give to agents that it creates: what its account holds beyond what is set aside for its turn.
pub(super) fn to_give_away(balance: Credits, grant: Credits) -> Credits {
    balance.saturating_sub(grant)
}

/// The window of the budget that `time` lies in, in UTC.
#[must_use]
pub fn budget_window(budget: Option<&Budget>, time: Timestamp) -> String {
    let utc = time.utc();
    match budget.map(|budget| budget.per) {
        Some(Per::Day) => format!("{:04}-{:02}-{:02}", utc.year(), utc.month(), utc.day()),
        Some(Per::Month) => format!("{:04}-{:02}", utc.year(), utc.month()),
        Some(Per::Total) | None => "total".to_owned(),
    }
}

/// What the budget has left; `None`: there is no budget, and no limit.
pub(super) fn budget_left(budget: Option<&Budget>, spent: &BudgetState) -> Option<Credits> {
    budget.map(|budget| (budget.credits + spent.topped_up).saturating_sub(spent.charged))
}

/// One agent that asks for a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    /// What its turn may cost.
    pub(super) worst: Worst,
    /// What its account holds.
    pub(super) balance: Credits,
}

/// Money that did not reach for the least that a turn needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short {
    /// Whose money: the account's, or the organisation's budget.
    pub reason: SkipReason,
    /// The least that the turn needs.
    pub needed: Credits,
    /// What there was, when its turn to be given some came.
    pub had: Credits,
}

/// Gives grants in canonical order, in three passes: what a turn needs at least, then one
/// attempt, then three. Who does not get the least is skipped.
pub(super) fn grant(claims: &[Claim], budget: Option<Credits>) -> Vec<Result<Credits, Short>> {
    // An absent budget is larger than all accounts together.
    let mut left = budget.unwrap_or(Credits::from_micros(u64::MAX));
    if mutant::is(Mutant::GrantsFitTheBudget) {
        left = Credits::from_micros(u64::MAX);
    }
    let mut grants: Vec<Result<Credits, Short>> = claims
        .iter()
        .map(|claim| match claim.worst.least {
            needed if claim.balance < needed || claim.balance.is_zero() => {
                Err(Short { reason: SkipReason::NoCredits, needed, had: claim.balance })
            }
            needed if left < needed || left.is_zero() => Err(Short { reason: SkipReason::NoBudget, needed, had: left }),
            least => {
                left = left.saturating_sub(least);
                Ok(least)
            }
        })
        .collect();
    for attempts in [1, 3] {
        for (claim, granted) in claims.iter().zip(&mut grants) {
            if let Ok(granted) = granted {
                let wanted = claim.worst.attempt.times(attempts).min(claim.balance);
                let more = wanted.saturating_sub(*granted).min(left);
                left = left.saturating_sub(more);
                *granted += more;
            }
        }
    }
    grants
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claim(call: u64, action: u64, attempt: u64, balance: u64) -> Claim {
        let least = call + action;
        let worst = Worst {
            call: Credits::from_micros(call),
            least: Credits::from_micros(least),
            attempt: Credits::from_micros(attempt.max(least)),
        };
        Claim { worst, balance: Credits::from_micros(balance) }
    }

    fn short(short: Short) -> (SkipReason, u64, u64) {
        (short.reason, short.needed.micros(), short.had.micros())
    }

    #[test]
    fn everybody_gets_the_least_before_anybody_gets_more() {
        let claims = [claim(10, 0, 30, 1_000), claim(10, 0, 30, 15), claim(10, 0, 30, 5), claim(10, 0, 30, 1_000)];
        let grants = grant(&claims, Some(Credits::from_micros(50)));
        let micros: Vec<_> = grants.iter().map(|g| g.map(Credits::micros).map_err(short)).collect();
        assert_eq!(micros, [Ok(30), Ok(10), Err((SkipReason::NoCredits, 10, 5)), Ok(10)]);
    }

    #[test]
    fn an_empty_account_or_budget_runs_nothing_even_at_no_cost() {
        let one = |claim, budget| grant(&[claim], budget)[0].map_err(short);
        assert_eq!(one(claim(0, 0, 0, 0), None), Err((SkipReason::NoCredits, 0, 0)));
        assert_eq!(one(claim(0, 0, 0, 5), Some(Credits::ZERO)), Err((SkipReason::NoBudget, 0, 0)));
        assert_eq!(one(claim(0, 0, 0, 5), None), Ok(Credits::ZERO));
        let budget = Some(Credits::from_micros(25));
        let grants = grant(&[claim(10, 0, 10, 99), claim(20, 0, 20, 99)], budget);
        assert_eq!(grants[1].map_err(short), Err((SkipReason::NoBudget, 20, 15)), "after those before it");
    }

    proptest! {
        #[test]
        fn grants_never_exceed_accounts_or_budget(
            claims in prop::collection::vec((0u64..50, 0u64..5, 0u64..200, 0u64..400), 0..20),
            budget in prop::option::of(0u64..1_000),
        ) {
            let claims: Vec<Claim> = claims.into_iter().map(|(q, a, r, b)| claim(q, a, r, b)).collect();
            let grants = grant(&claims, budget.map(Credits::from_micros));
            let total: Credits = grants.iter().filter_map(|g| g.as_ref().ok()).copied().sum();
            if let Some(budget) = budget {
                prop_assert!(total.micros() <= budget);
            }
            for (claim, granted) in claims.iter().zip(&grants) {
                if let Ok(granted) = granted {
                    prop_assert!(*granted >= claim.worst.least);
                    prop_assert!(*granted <= claim.balance);
                    prop_assert!(*granted <= claim.worst.attempt.times(3).max(claim.worst.least));
                }
            }
        }
    }
}
