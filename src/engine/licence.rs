//! Licences: what each may spend and what it counts for, read off a shard's chain alone.
//!
//! A hold gives one licence for each agent that it starts. The ceilings of an agent's licences
//! never sum to more than its grant, whoever races: each is at most what the grant has left after
//! all licences before it in the chain. That is why a ceiling on money is a proof.

use std::collections::BTreeMap;

use crate::domain::credits::Credits;
use crate::domain::name::{AgentName, RunnerId};
use crate::mutant::{self, Mutant};
use crate::record::chain::{Extension, LicenceId, Link};
use crate::record::plan::Due;

/// After so many licences that ended with their runners, no other is given for a turn.
pub(super) const FORFEITS: u32 = 3;

/// The right to work on one turn, and what it may spend.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Licence {
    pub(super) id: LicenceId,
    pub(super) by: RunnerId,
    /// The most that it may spend.
    pub(super) ceiling: Credits,
    /// What it spent, if its holder released it: paid and unanswered.
    pub(super) settled: Option<(Credits, Credits)>,
}

impl Licence {
    /// What it counts for against the grant.
    fn counts(&self) -> Credits {
        self.settled.map_or(self.ceiling, |(paid, unanswered)| paid + unanswered)
    }
}

/// The licences of one shard, by agent, each agent's in the order of the chain.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Licences(BTreeMap<AgentName, Vec<Licence>>);

impl Licences {
    /// Reads the licences off a chain.
    pub(super) fn of<'a>(
        shard: u32,
        chain: impl IntoIterator<Item = &'a Link>,
        due: impl Fn(&AgentName) -> Option<&'a Due>,
    ) -> Self {
        let mut licences = Self::default();
        for (seq, link) in (0..).zip(chain) {
            licences.extend(LicenceId { shard, seq }, link, &due);
        }
        licences
    }

    /// Reads one more link of the chain.
    pub(super) fn extend<'a>(&mut self, id: LicenceId, link: &Link, due: impl Fn(&AgentName) -> Option<&'a Due>) {
        match &link.what {
            Extension::Hold { start } => {
                for agent in start {
                    let Some(due) = due(agent) else { continue };
                    let left = due.grant_credits.saturating_sub(self.counted(agent));
                    let free = mutant::is(Mutant::LicencesFitTheGrant);
                    let ceiling = if free { due.attempt_credits } else { left.min(due.attempt_credits) };
                    let licence = Licence { id, by: link.by.clone(), ceiling, settled: None };
                    self.0.entry(agent.clone()).or_default().push(licence);
                }
            }
            Extension::Release { spent } => {
                for end in spent {
                    let mine = |licence: &&mut Licence| licence.id.seq == end.seq && licence.by == link.by;
                    let licences = self.0.get_mut(&end.agent);
                    let licence = licences.and_then(|licences| licences.iter_mut().find(mine));
                    // The first release counts: a second could only count for more.
                    if let Some(licence) = licence.filter(|licence| licence.settled.is_none()) {
                        // A release cannot count for more than the licence could spend.
                        let paid = end.paid.min(licence.ceiling);
                        let unanswered = end.unanswered.min(licence.ceiling.saturating_sub(paid));
                        licence.settled = Some((paid, unanswered));
                    }
                }
            }
            Extension::Seal => {}
        }
    }

    /// What is counted against an agent's grant.
    pub(super) fn counted(&self, agent: &AgentName) -> Credits {
        self.of_agent(agent).map(Licence::counts).sum()
    }

    /// How many licences of an agent ended with their runners, if `me` works now.
    pub(super) fn forfeited(&self, agent: &AgentName, me: &RunnerId) -> u32 {
        let lost = self.of_agent(agent).filter(|licence| licence.settled.is_none() && licence.by != *me);
        u32::try_from(lost.count()).unwrap_or(u32::MAX)
    }

    /// The licences of an agent, in the order of the chain.
    pub(super) fn of_agent(&self, agent: &AgentName) -> impl Iterator<Item = &Licence> {
        self.0.get(agent).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Sha;
    use crate::record::Nonce;
    use crate::record::chain::Settled;
    use crate::record::plan::Cause;
    use proptest::prelude::*;

    fn agent() -> AgentName {
        AgentName::new("ada").expect("name")
    }

    fn due(attempt: u64, grant: u64) -> Due {
        Due {
            agent: agent(),
            rank: 1,
            because: Cause::Schedule,
            resume: Sha::of(b""),
            call_credits: Credits::from_micros(attempt / 2),
            least_credits: Credits::from_micros(attempt / 2),
            attempt_credits: Credits::from_micros(attempt),
            grant_credits: Credits::from_micros(grant),
        }
    }

    fn link(by: &str, what: Extension) -> Link {
        Link { format: 1, nonce: Nonce(String::new()), by: RunnerId::new(by).expect("id"), what }
    }

    fn hold(by: &str) -> Link {
        link(by, Extension::Hold { start: vec![agent()] })
    }

    fn release(by: &str, seq: u32, paid: u64, unanswered: u64) -> Link {
        let (paid, unanswered) = (Credits::from_micros(paid), Credits::from_micros(unanswered));
        link(by, Extension::Release { spent: vec![Settled { seq, agent: agent(), paid, unanswered }] })
    }

    #[test]
    fn a_later_licence_is_worth_what_the_grant_has_left() {
        let due = due(10, 25);
        let chain = [hold("a"), hold("b"), hold("c"), hold("d")];
        let licences = Licences::of(0, &chain, |_| Some(&due));
        let ceilings: Vec<u64> = licences.of_agent(&agent()).map(|l| l.ceiling.micros()).collect();
        assert_eq!(ceilings, [10, 10, 5, 0]);
        assert_eq!(licences.forfeited(&agent(), &RunnerId::new("d").expect("id")), 3);
    }

    #[test]
    fn a_released_licence_counts_for_what_it_spent() {
        let due = due(10, 25);
        let chain = [hold("a"), release("a", 0, 2, 1), hold("b"), release("x", 2, 0, 0)];
        let licences = Licences::of(0, &chain, |_| Some(&due));
        assert_eq!(licences.counted(&agent()).micros(), 13, "nobody releases a licence of somebody else");
    }

    proptest! {
        #[test]
        fn no_chain_counts_for_more_than_the_grant(
            attempt in 1u64..50,
            grant in 0u64..200,
            links in prop::collection::vec((0usize..3, any::<bool>(), 0u32..6, 0u64..80, 0u64..80), 0..12),
        ) {
            let due = due(attempt, grant);
            let chain: Vec<Link> = links
                .into_iter()
                .map(|(by, is_hold, seq, paid, unanswered)| {
                    let by = ["a", "b", "c"][by];
                    if is_hold { hold(by) } else { release(by, seq, paid, unanswered) }
                })
                .collect();
            for length in 0..=chain.len() {
                let counted = Licences::of(0, &chain[..length], |_| Some(&due)).counted(&due.agent);
                prop_assert!(counted <= due.grant_credits);
            }
        }
    }
}
