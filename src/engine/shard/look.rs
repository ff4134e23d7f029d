//! A look at shards that others work on: one listing tells how far every chain is and when its holder was last seen, and its
//! last link what there is to do.
//!
//! A listing is a hint: it may lag behind, and then a look says too little and never too much. A seal ends a chain for good,
//! whatever was listed.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::OnceCell;

use super::super::EngineError;
use super::super::fold::Hashed;
use super::super::run::Run;
use super::lease;
use crate::domain::ids::Sha;
use crate::domain::name::RunnerId;
use crate::domain::time::Timestamp;
use crate::record::chain::{Extension, Link};
use crate::store::{Key, Prefix, StoreError};

/// How many links of one chain are read at once.
const LINKS_AT_ONCE: usize = 16;

/// The chain of a sealed shard.
#[derive(Debug)]
pub(in crate::engine) enum Chain {
    /// All its links.
    Whole(Vec<Hashed<Link>>),
    /// The last of them alone, and its number: only whoever closes the tick needs the others.
    Seal(u32, Hashed<Link>),
}

impl Chain {
    /// Who sealed it.
    pub(in crate::engine) fn sealer(&self) -> Option<&RunnerId> {
        match self {
            Self::Whole(links) => links.last(),
            Self::Seal(_, seal) => Some(seal),
        }
        .map(|link| &link.value.by)
    }

    /// All its links: those that were not read are read now.
    pub(in crate::engine) async fn whole(self, run: &Run, shard: u32) -> Result<Vec<Hashed<Link>>, EngineError> {
        let (last, seal) = match self {
            Self::Whole(links) => return Ok(links),
            Self::Seal(last, seal) => (last, seal),
        };
        let read = |seq| async move {
            link(run, shard, seq).await?.ok_or_else(|| {
                let message = format!("link {last} of the chain of shard {shard} is there, and link {seq} is missing");
                EngineError::Damaged { tick: run.tick(), message }
            })
        };
        let mut links: Vec<_> = stream::iter((0..last).map(read)).buffered(LINKS_AT_ONCE).try_collect().await?;
        links.push(seal);
        Ok(links)
    }
}

/// What a look finds.
pub(super) enum Look {
    /// Nothing is left to do.
    Sealed(Chain),
    /// Somebody else holds it, and is alive.
    Busy { holder: RunnerId, look_again: Duration },
    /// It may be for us to go on: its chain is to be read.
    Open,
}

/// A link, if it is there.
pub(super) async fn link(run: &Run, shard: u32, seq: u32) -> Result<Option<Hashed<Link>>, StoreError> {
    let found = run.ctx.store.read_with_bytes::<Link>(&Key::Link(run.tick(), shard, seq)).await?;
    Ok(found.map(|(value, bytes)| Hashed { value, sha: Sha::of(&bytes) }))
}

/// What one listing tells of all chains of a tick. One request for every thousand objects.
#[derive(Debug, Default)]
pub(in crate::engine) struct Listing {
    shards: BTreeMap<u32, Listed>,
    /// What time it was for the store after the listing: asked for once, where somebody holds a shard.
    now: OnceCell<Option<Timestamp>>,
}

/// What is listed of a shard.
#[derive(Debug, Default)]
struct Listed {
    /// The number of the last link, and when it was written.
    last: Option<(u32, Timestamp)>,
    beats: BTreeMap<RunnerId, Timestamp>,
}

impl Listing {
    pub(in crate::engine) async fn read(run: &Run) -> Result<Self, StoreError> {
        let mut shards = BTreeMap::<u32, Listed>::new();
        for (path, written) in run.ctx.store.list_times(&Prefix::Shards(run.tick())).await? {
            match Key::parse(&path) {
                Some(Key::Link(_, shard, seq)) => {
                    let listed = shards.entry(shard).or_default();
                    listed.last = listed.last.max(Some((seq, written)));
                }
                Some(Key::Heartbeat(_, shard, by)) => {
                    shards.entry(shard).or_default().beats.insert(by, written);
                }
                _ => {}
            }
        }
        Ok(Self { shards, now: OnceCell::new() })
    }

    /// Looks at the last link of a shard that is listed.
    ///
    /// Who is alive by the listing is alive: the store's time is asked for after it. Who seems stale may have shown life
    /// since, so that this is looked at again before a shard changes hands.
    pub(super) async fn look(&self, run: &Run, shard: u32) -> Result<Look, EngineError> {
        let Some(listed) = self.shards.get(&shard) else { return Ok(Look::Open) };
        let Some((last, written)) = listed.last else { return Ok(Look::Open) };
        let Some(link) = link(run, shard, last).await? else { return Ok(Look::Open) };
        match link.value.what {
            Extension::Seal => Ok(Look::Sealed(Chain::Seal(last, link))),
            Extension::Hold { .. } if link.value.by != run.by => {
                let holder = link.value.by;
                let seen = Some(written).max(listed.beats.get(&holder).copied());
                let now = *self.now.get_or_try_init(|| lease::now(run, shard)).await?;
                let alive = lease::rest(run, now, seen);
                Ok(alive.map_or(Look::Open, |look_again| Look::Busy { holder, look_again }))
            }
            Extension::Hold { .. } | Extension::Release { .. } => Ok(Look::Open),
        }
    }
}
