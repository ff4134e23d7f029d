//! A look at shards that others work on: one listing tells how far every chain is, and its last link what there is to do.
//!
//! A listing is a hint: it may lag behind, and then a look says too little and never too much. A seal ends a chain for good,
//! whatever was listed.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::super::EngineError;
use super::super::fold::Hashed;
use super::super::run::Run;
use super::lease;
use crate::domain::ids::Sha;
use crate::domain::name::RunnerId;
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

/// The number of the last link of each chain, as far as it is listed. One request for every thousand links.
pub(in crate::engine) async fn last_links(run: &Run) -> Result<BTreeMap<u32, u32>, StoreError> {
    let mut last = BTreeMap::new();
    for path in run.ctx.store.list(&Prefix::Shards(run.tick())).await? {
        if let Some(Key::Link(_, shard, seq)) = Key::parse(&path) {
            let known: &mut u32 = last.entry(shard).or_default();
            *known = seq.max(*known);
        }
    }
    Ok(last)
}

/// Looks at the last link of a chain.
pub(super) async fn at(run: &Run, shard: u32, last: u32) -> Result<Look, EngineError> {
    let Some(link) = link(run, shard, last).await? else { return Ok(Look::Open) };
    match link.value.what {
        Extension::Seal => Ok(Look::Sealed(Chain::Seal(last, link))),
        Extension::Hold { .. } if link.value.by != run.by => {
            let holder = link.value.by;
            let alive = lease::alive_for(run, shard, last, &holder).await?;
            Ok(alive.map_or(Look::Open, |look_again| Look::Busy { holder, look_again }))
        }
        Extension::Hold { .. } | Extension::Release { .. } => Ok(Look::Open),
    }
}
