//! What a runner works on: one organisation, or every one directly below a place.

use std::collections::BTreeMap;

use futures::StreamExt as _;

use super::compose::Org;
use crate::store::{Key, Prefix, StoreError};

/// How many folders are looked at side by side.
const LOOKS_AT_ONCE: usize = 16;

/// One organisation, or all that are folders directly below a place.
#[derive(Debug)]
pub enum Places {
    /// The organisation itself.
    One(Org),
    /// All below; those that are known are kept, with what their ticks remember, for as long as this process lives.
    Below {
        /// The place above.
        above: Org,
        /// The organisations found there before, by the names of their folders.
        known: BTreeMap<String, Org>,
    },
}

impl Places {
    /// The organisation at a place.
    #[must_use]
    pub fn one(org: Org) -> Self {
        Self::One(org)
    }

    /// The organisations directly below a place.
    #[must_use]
    pub fn below(above: Org) -> Self {
        Self::Below { above, known: BTreeMap::new() }
    }

    /// The organisations that are there now: the one, or the folders with an `org.json`, by name.
    ///
    /// A folder that cannot be looked into is among them: its tick fails, and says why.
    ///
    /// # Errors
    /// The folders cannot be listed.
    pub async fn look(&mut self) -> Result<Vec<(Option<String>, Org)>, StoreError> {
        let (above, known) = match self {
            Self::One(org) => return Ok(vec![(None, org.clone())]),
            Self::Below { above, known } => (above, known),
        };
        let folders = above.store.folders(&Prefix::Everything).await?;
        let looked = futures::stream::iter(folders).map(|name| {
            let org = known.get(&name).cloned().unwrap_or_else(|| above.child(&name));
            async move {
                let is_missing = matches!(org.store.get(&Key::Org).await, Ok(None));
                (!is_missing).then_some((name, org))
            }
        });
        *known = looked.buffered(LOOKS_AT_ONCE).filter_map(std::future::ready).collect().await;
        Ok(known.iter().map(|(name, org)| (Some(name.clone()), org.clone())).collect())
    }
}
