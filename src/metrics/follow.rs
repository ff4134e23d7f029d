//! Follows the closed ticks of an organisation and keeps their totals.
//!
//! The totals are those of an era: they begin anew after every [`ERA`] ticks of the organisation. So they are a function of
//! the records alone: a server that is started again, and another one beside it, tell the same numbers. Where an era
//! begins, Prometheus sees a counter that was reset, which `rate` and `increase` are made for.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::text::Samples;
use super::totals::Totals;
use crate::domain::name::{AgentName, ModelKey};
use crate::domain::time::Tick;
use crate::engine::EngineError;
use crate::record::closed::Closed;
use crate::record::plan::Plan;
use crate::record::turn::TurnRecord;
use crate::store::{Key, Store};

/// After so many ticks the totals begin anew: what a server that is started has to read again at the most.
pub const ERA: u64 = 1_024;

/// A scrape reads no more records than about so many; the next one goes on.
pub const MOST_RECORDS: usize = 2_000;

/// How many records are read at once.
const PARALLEL: usize = 32;

/// Totals, and how far they go.
#[derive(Debug)]
pub(super) struct Follower {
    /// After so many ticks they begin anew.
    era: u64,
    totals: Totals,
    /// The last tick before the era that is counted.
    before_era: Tick,
    /// All ticks of the era up to this one are counted.
    through: Tick,
    /// The tick after it, as far as that is counted.
    part: Option<Part>,
    /// Whether all that was closed was counted once: before that the totals are too small, and nobody may see them.
    caught_up: bool,
}

/// A tick of which some turns are counted.
#[derive(Debug)]
struct Part {
    turns: Vec<AgentName>,
    counted: usize,
}

impl Part {
    fn left(&self) -> &[AgentName] {
        self.turns.get(self.counted..).unwrap_or_default()
    }
}

impl Default for Follower {
    fn default() -> Self {
        Self::of_eras(ERA)
    }
}

impl Follower {
    fn of_eras(era: u64) -> Self {
        let totals = Totals::default();
        Self { era, totals, before_era: Tick(0), through: Tick(0), part: None, caught_up: false }
    }

    /// The last tick before the era of a tick.
    fn before_era(&self, tick: Tick) -> Tick {
        Tick(tick.0.saturating_sub(1) / self.era * self.era)
    }

    /// Counts what was closed since, up to `last`, by reading no more than about `most` records. What is dropped at any
    /// point is gone on with.
    pub(super) async fn follow(&mut self, store: &Store, last: Tick, most: usize) -> Result<(), EngineError> {
        let before = self.before_era(last);
        if self.before_era != before || self.through > last {
            // A server that was there when an era began goes on telling; one that comes later tells nothing too small.
            // Where other records lie than were counted, it begins like one that comes later.
            let caught_up = self.caught_up && self.through <= last;
            *self = Self { before_era: before, through: before, caught_up, ..Self::of_eras(self.era) };
        }
        let mut left = most;
        while self.through < last && left > 0 {
            let tick = self.through.next();
            if self.part.is_none() {
                left = left.saturating_sub(2);
                self.part = Some(self.begin(store, tick).await?);
            }
            let batch: Vec<AgentName> = self.part.iter().flat_map(|part| part.left()).take(left).cloned().collect();
            let read = |agent| async move { store.read::<TurnRecord>(&Key::Turn(tick, agent)).await };
            let turns: Vec<Option<TurnRecord>> = stream::iter(batch).map(read).buffered(PARALLEL).try_collect().await?;
            // From here on nothing waits: what is read is counted once.
            left -= turns.len();
            turns.iter().flatten().for_each(|turn| self.totals.add_turn(turn));
            if let Some(part) = &mut self.part {
                part.counted += turns.len();
            }
            if self.part.as_ref().is_none_or(|part| part.left().is_empty()) {
                self.part = None;
                self.through = tick;
            }
        }
        self.caught_up |= self.through == last;
        Ok(())
    }

    async fn begin(&mut self, store: &Store, tick: Tick) -> Result<Part, EngineError> {
        let (plan, closed) = (Key::Plan(tick), Key::Closed(tick));
        let (plan, closed) = futures::try_join!(store.read::<Plan>(&plan), store.read::<Closed>(&closed))?;
        let missing = |what: &str| EngineError::Damaged { tick, message: format!("{what} is missing") };
        let plan = plan.ok_or_else(|| missing("plan.json"))?;
        let closed = closed.ok_or_else(|| missing("closed.json"))?;
        self.totals.add_tick(&plan, &closed);
        Ok(Part { turns: closed.turns.into_keys().collect(), counted: 0 })
    }

    /// Says of models that they are there.
    pub(super) fn expect<'a>(&mut self, models: impl Iterator<Item = &'a ModelKey>) {
        models.for_each(|model| self.totals.expect(model));
    }

    /// How many closed ticks are not counted yet.
    pub(super) fn behind(&self, last: Tick) -> u64 {
        last.0.saturating_sub(self.through.0)
    }

    /// Tells the totals, unless they are too small.
    pub(super) fn tell(&self, org: &str, samples: &mut Samples) {
        if self.caught_up {
            self.totals.tell(org, samples);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Environment;
    use crate::engine::{Silent, Stop, Terms, run_tick};
    use crate::metrics::text::Exposition;
    use crate::record::plan::Trigger;
    use crate::runner::compose::{Org, open};
    use crate::template;

    /// The template's organisation, after so many ticks; its five agents have a turn in each.
    async fn desk(ticks: u64) -> Org {
        let org = open("memory:///", &Environment::new(["lemming"], [])).expect("a place");
        for (key, text) in template::files(&template::Wishes::default()) {
            org.store.put(&key, text.into()).await.expect("written");
        }
        run(&org, ticks).await;
        org
    }

    async fn run(org: &Org, ticks: u64) {
        for _ in 0..ticks {
            let ctx = org.context(None, Terms::default(), Stop::never(), Arc::new(Silent));
            run_tick(&ctx, Trigger::Invocation).await.expect("a tick");
        }
    }

    async fn told(follower: &mut Follower, org: &Org, last: u64, most: usize) -> String {
        follower.follow(&org.store, Tick(last), most).await.expect("records");
        let mut samples = Samples::default();
        follower.tell("desk", &mut samples);
        Exposition::of(samples).plain
    }

    #[tokio::test]
    async fn nothing_is_told_before_all_is_counted_and_then_all_is() {
        let org = desk(5).await;
        let whole = told(&mut Follower::default(), &org, 5, 1_000).await;
        assert!(!whole.is_empty());
        // Fewer records than a tick has: the next scrape goes on within it.
        for most in [1, 2, 3, 7] {
            let mut follower = Follower::default();
            let mut rounds = 0;
            let by_parts = loop {
                let text = told(&mut follower, &org, 5, most).await;
                if follower.behind(Tick(5)) == 0 {
                    break text;
                }
                assert_eq!(text, "", "with {most} records at a time");
                rounds += 1;
                assert!(rounds < 100, "it does not come to an end with {most} records at a time");
            };
            assert!(rounds > 0);
            assert_eq!(by_parts, whole, "with {most} records at a time");
        }
    }

    #[tokio::test]
    async fn where_an_era_begins_all_servers_begin_anew() {
        let org = desk(0).await;
        let mut kept = Follower::of_eras(3);
        for last in 1..=8 {
            run(&org, 1).await;
            let fresh = told(&mut Follower::of_eras(3), &org, last, 1_000).await;
            assert_eq!(told(&mut kept, &org, last, 1_000).await, fresh, "after tick {last}");
        }
        let only_two = Follower::of_eras(3).before_era(Tick(8));
        assert_eq!(only_two, Tick(6), "the third era has begun with tick 7");
    }

    #[tokio::test]
    async fn an_organisation_that_was_put_back_is_counted_anew() {
        let org = desk(4).await;
        let mut follower = Follower::default();
        told(&mut follower, &org, 4, 1_000).await;
        let fresh = told(&mut Follower::default(), &org, 2, 1_000).await;
        assert_eq!(told(&mut follower, &org, 2, 1_000).await, fresh);
    }

    #[test]
    fn an_era_begins_with_the_tick_after_the_last_of_the_one_before() {
        let of = |tick| Follower::default().before_era(Tick(tick));
        for (tick, before) in [(0, 0), (1, 0), (ERA, 0), (ERA + 1, ERA), (2 * ERA, ERA), (2 * ERA + 1, 2 * ERA)] {
            assert_eq!(of(tick), Tick(before), "of tick {tick}");
        }
    }
}
