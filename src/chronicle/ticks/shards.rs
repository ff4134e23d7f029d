//! Who works, or worked, on which part of a tick: read off the shards' chains. Says nothing of who is alive: that takes a
//! write.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use utoipa::ToSchema;

use crate::chronicle::PARALLEL;
use crate::domain::name::{AgentName, RunnerId};
use crate::domain::time::{Tick, Timestamp};
use crate::record::chain::{Extension, Link};
use crate::record::plan::Plan;
use crate::store::{Key, Store, StoreError};

/// A part of a tick.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Shard {
    /// Its number.
    pub shard: u32,
    /// Whose turns, in canonical order.
    pub agents: Vec<AgentName>,
    /// How many links its chain has.
    pub links: u32,
    /// Whether all its turns are committed, and no licence can be added.
    pub sealed: bool,
    /// The runner that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<RunnerId>,
    /// When that runner last showed life, by the store's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sign: Option<Timestamp>,
    /// The licences that were given, in the order of the chain.
    #[serde(skip)]
    pub licences: Vec<(AgentName, RunnerId)>,
}

impl Shard {
    /// How many runners have been given an agent's turn.
    #[must_use]
    pub fn attempts(&self, agent: &AgentName) -> usize {
        self.licences.iter().filter(|(licensed, _)| licensed == agent).count()
    }

    /// The runners that have been given an agent's turn, in order.
    pub fn runners(&self, agent: &AgentName) -> impl Iterator<Item = &RunnerId> {
        self.licences.iter().filter(move |(licensed, _)| licensed == agent).map(|(_, runner)| runner)
    }

    /// The runner that has an agent's turn in hand, if the shard is held by the one that last began it.
    #[must_use]
    pub fn worker(&self, agent: &AgentName) -> Option<&RunnerId> {
        let (_, last) = self.licences.iter().rev().find(|(licensed, _)| licensed == agent)?;
        self.holder.as_ref().filter(|holder| *holder == last)
    }
}

/// The shards of a tick, in order.
///
/// # Errors
/// The store failed, or a record cannot be read.
pub async fn shards(store: &Store, plan: &Plan) -> Result<Vec<Shard>, StoreError> {
    let numbered = (0..).zip(plan.shards.clone());
    let read = |(shard, agents)| one(store, plan.tick, shard, agents);
    stream::iter(numbered).map(read).buffered(PARALLEL).try_collect().await
}

/// The shard that an agent's turn is of; `None` where it is not due.
pub(in crate::chronicle) async fn shard_of(
    store: &Store,
    plan: &Plan,
    agent: &AgentName,
) -> Result<Option<Shard>, StoreError> {
    let mut numbered = (0..).zip(&plan.shards);
    let Some((number, agents)) = numbered.find(|(_, agents)| agents.contains(agent)) else { return Ok(None) };
    Ok(Some(one(store, plan.tick, number, agents.clone()).await?))
}

async fn one(store: &Store, tick: Tick, number: u32, agents: Vec<AgentName>) -> Result<Shard, StoreError> {
    let mut shard =
        Shard { shard: number, agents, links: 0, sealed: false, holder: None, last_sign: None, licences: Vec::new() };
    while let Some(link) = store.read::<Link>(&Key::Link(tick, number, shard.links)).await? {
        shard.links += 1;
        match link.what {
            Extension::Hold { start } => {
                shard.licences.extend(start.into_iter().map(|agent| (agent, link.by.clone())));
                shard.holder = Some(link.by);
            }
            Extension::Release { .. } => {
                shard.holder = shard.holder.take().filter(|holder| *holder != link.by);
            }
            Extension::Seal => {
                shard.sealed = true;
                shard.holder = None;
            }
        }
    }
    if let Some(holder) = &shard.holder {
        let last = Key::Link(tick, number, shard.links.saturating_sub(1));
        let beat = Key::Heartbeat(tick, number, holder.clone());
        let (link, beat) = futures::try_join!(store.last_modified(&last), store.last_modified(&beat))?;
        shard.last_sign = link.max(beat);
    }
    Ok(shard)
}
