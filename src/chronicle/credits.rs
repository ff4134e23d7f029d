//! Money as people see it: what is left, what was charged for what, and how far it will go.

use std::collections::BTreeMap;

use chrono::Datelike as _;
use futures::StreamExt as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::closed_back;
use crate::domain::credits::Credits;
use crate::domain::name::AgentName;
use crate::domain::org::OrgConfig;
use crate::domain::time::{Tick, Timestamp};
use crate::engine::{EngineError, budget_window};
use crate::record::state::State;
use crate::store::Store;

/// The budget in its present window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Budget {
    /// The window: `total`, a day or a month, in UTC.
    pub window: String,
    /// What may be spent in it, top-ups included.
    pub credits: Credits,
    /// What was charged in it.
    pub charged: Credits,
    /// What is left of it.
    pub left: Credits,
}

impl Budget {
    /// The budget at a moment; `None` where the organisation has none.
    #[must_use]
    pub fn at(org: &OrgConfig, state: &State, now: Timestamp) -> Option<Self> {
        let budget = org.budget.as_ref()?;
        // As plans do: time never goes back.
        let window = budget_window(Some(budget), state.time.map_or(now, |time| time.max(now)));
        let current = state.budget.window == window;
        let (charged, topped_up) =
            if current { (state.budget.charged, state.budget.topped_up) } else { (Credits::ZERO, Credits::ZERO) };
        let credits = budget.credits + topped_up;
        Some(Self { window, credits, charged, left: credits.saturating_sub(charged) })
    }
}

/// How many turns an amount pays for; `None` where they cost nothing.
#[must_use]
pub fn turns_left(balance: Credits, cost: Credits) -> Option<u64> {
    balance.micros().checked_div(cost.micros())
}

/// What was spent in the last closed ticks: how fast, and by whom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Burn {
    /// How many closed ticks were looked at.
    pub ticks: u64,
    /// The first of them.
    pub first_tick: Option<Tick>,
    /// The last of them.
    pub last_tick: Option<Tick>,
    /// From the first to the last, in milliseconds.
    pub duration_ms: u64,
    /// What all agents spent.
    #[serde(flatten)]
    pub all: Spending,
    /// What each agent spent that had a turn.
    #[serde(skip)]
    pub agents: BTreeMap<AgentName, Spending>,
}

/// What somebody spent in some ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Spending {
    /// Turns that were charged.
    pub turns: u64,
    /// What they were charged.
    pub charged: Credits,
    /// What of it was charged after the first of the ticks: what the time between them is held against.
    #[serde(skip)]
    later: Credits,
}

/// How long an amount lasts at the rate of the last ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "lasts", rename_all = "snake_case")]
pub enum Forecast {
    /// There are no ticks to tell by.
    Unknown,
    /// Nothing is spent.
    Forever,
    /// It is used up.
    UsedUp {
        /// After so many ticks more.
        ticks: u64,
        /// At about this time; none where the ticks do not tell how much time they take.
        at: Option<Timestamp>,
    },
}

/// What a tick charged, and when it was planned.
type TickCharges = (Tick, Timestamp, Vec<(AgentName, Credits)>);

/// Ticks that took less time than that, all together, do not tell how fast money is spent in a day.
const LEAST_MS: u64 = 60_000;

impl Burn {
    /// What was spent in the last `ticks` closed ticks.
    ///
    /// # Errors
    /// The store failed, or the records contradict each other.
    pub async fn read(store: &Store, last: Tick, ticks: u64) -> Result<Self, EngineError> {
        let mut records: Vec<TickCharges> = Vec::new();
        let mut closed = closed_back(store, last, ticks);
        while let Some(record) = closed.next().await {
            let record = record?;
            let charges = record.turns.into_iter().map(|(agent, fold)| (agent, fold.charge.total())).collect();
            records.push((record.tick, record.time, charges));
        }
        records.reverse();
        Ok(Self::of(records))
    }

    /// What was spent in these ticks, in their order.
    fn of(records: Vec<TickCharges>) -> Self {
        let mut burn = Self {
            ticks: records.len() as u64,
            first_tick: records.first().map(|(tick, ..)| *tick),
            last_tick: records.last().map(|(tick, ..)| *tick),
            ..Self::default()
        };
        if let (Some((_, from, _)), Some((_, to, _))) = (records.first(), records.last()) {
            burn.duration_ms = u64::try_from(to.unix_ms() - from.unix_ms()).unwrap_or(0);
        }
        for (i, (_, _, charges)) in records.into_iter().enumerate() {
            for (agent, charged) in charges {
                burn.all.add(charged, i > 0);
                burn.agents.entry(agent).or_default().add(charged, i > 0);
            }
        }
        burn
    }

    /// What somebody spends in a tick, on average.
    #[must_use]
    pub fn per_tick(&self, spending: &Spending) -> Option<Credits> {
        (self.ticks > 0).then(|| Credits::from_micros(spending.charged.micros().div_ceil(self.ticks)))
    }

    /// What somebody spends in a day; `None` where the ticks do not tell how much time they take.
    #[must_use]
    pub fn per_day(&self, spending: &Spending) -> Option<Credits> {
        const DAY_MS: u128 = 24 * 60 * 60 * 1000;
        if self.duration_ms < LEAST_MS {
            return None;
        }
        let micros = (u128::from(spending.later.micros()) * DAY_MS).div_ceil(u128::from(self.duration_ms));
        Some(Credits::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)))
    }

    /// How long an amount lasts that somebody has at a moment.
    #[must_use]
    pub fn forecast(&self, spending: &Spending, left: Credits, now: Timestamp) -> Forecast {
        let (charged, later) = (u128::from(spending.charged.micros()), u128::from(spending.later.micros()));
        if self.ticks == 0 {
            return Forecast::Unknown;
        }
        let share = |of: u64, by: u128| (u128::from(left.micros()) * u128::from(of)).checked_div(by);
        let Some(ticks) = share(self.ticks, charged) else { return Forecast::Forever };
        let at = share(self.duration_ms, later).filter(|_| self.duration_ms >= LEAST_MS).and_then(|ms| {
            let at = now.unix_ms().checked_add(i64::try_from(ms).ok()?)?;
            // What is beyond the calendar has no date.
            chrono::DateTime::from_timestamp_millis(at).filter(|at| at.year() <= 9999).map(Timestamp::new)
        });
        Forecast::UsedUp { ticks: u64::try_from(ticks).unwrap_or(u64::MAX), at }
    }

    /// What a turn of an agent costs lately, on average.
    #[must_use]
    pub fn per_turn(&self, agent: &AgentName) -> Option<Credits> {
        let spending = self.agents.get(agent)?;
        Some(Credits::from_micros(spending.charged.micros().div_ceil(spending.turns.max(1))))
    }
}

impl Spending {
    fn add(&mut self, charged: Credits, is_later: bool) {
        self.turns += 1;
        self.charged += charged;
        if is_later {
            self.later += charged;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    /// The hour of a tick, and what it charged whom.
    type Charges<'a> = (i64, &'a [(&'a str, u64)]);

    fn burn(charges: &[Charges<'_>]) -> Burn {
        let tick = |(n, (hour, charges)): (u64, &Charges<'_>)| {
            let charge =
                |(agent, credits): &(&str, u64)| (AgentName::new(agent).expect("a name"), Credits::whole(*credits));
            (Tick(n), Timestamp::from_unix_ms(hour * HOUR), charges.iter().map(charge).collect())
        };
        Burn::of((1..).zip(charges).map(tick).collect())
    }

    #[test]
    fn what_is_spent_is_held_against_the_ticks_and_the_time_between_them() {
        let burn = burn(&[(0, &[("ada", 2)]), (1, &[("ada", 4), ("bob", 1)]), (4, &[("ada", 6)])]);
        assert_eq!((burn.ticks, burn.duration_ms), (3, 4 * 3_600_000));
        assert_eq!(burn.per_tick(&burn.all), Some(Credits::from_micros(4_333_334)));
        // 11 in four hours; what the first tick cost came before them.
        assert_eq!(burn.per_day(&burn.all), Some(Credits::whole(66)));
        let ada = AgentName::new("ada").expect("a name");
        assert_eq!(burn.per_turn(&ada), Some(Credits::whole(4)));
        let then = Timestamp::from_unix_ms(4 * HOUR);
        let forecast = burn.forecast(&burn.agents[&ada], Credits::whole(10), then);
        // 12 in three ticks; 10 in four hours.
        assert_eq!(forecast, Forecast::UsedUp { ticks: 2, at: Some(Timestamp::from_unix_ms(8 * HOUR)) });
    }

    #[test]
    fn a_forecast_says_what_cannot_be_told() {
        let spent = |charges: &[Charges<'_>]| {
            let burn = burn(charges);
            burn.forecast(&burn.all, Credits::whole(10), Timestamp::from_unix_ms(0))
        };
        assert_eq!(spent(&[]), Forecast::Unknown);
        assert_eq!(spent(&[(0, &[]), (1, &[("ada", 0)])]), Forecast::Forever);
        // One tick takes nobody knows how long.
        assert_eq!(spent(&[(0, &[("ada", 5)])]), Forecast::UsedUp { ticks: 2, at: None });
        assert_eq!(spent(&[(0, &[("ada", 5)]), (0, &[("ada", 5)])]), Forecast::UsedUp { ticks: 2, at: None });
        let burn = burn(&[(0, &[]), (1, &[("ada", 1)])]);
        let most = Credits::from_micros(u64::MAX);
        let forecast = burn.forecast(&burn.all, most, Timestamp::from_unix_ms(i64::MAX));
        assert!(matches!(forecast, Forecast::UsedUp { at: None, .. }), "{forecast:?}");
    }
}
