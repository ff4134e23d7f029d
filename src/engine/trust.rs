//! Whether the store may be trusted with a tick: it has kept the promise of create, here, before.
//!
//! An organisation is probed where it is founded, but it can be copied to a bucket that accepts the condition of a create
//! and ignores it, or that keeps it only while nobody races. So the hint names the places that were probed, and a place
//! that it does not name is probed before the first thing is written there. This costs no request: the hint is read and
//! written anyway. What has no place, a folder or memory, is taken at its word: its creates are our own code.

use bytes::Bytes;

use super::load::Head;
use super::memo::Memo;
use super::{Context, EngineError};
use crate::domain::time::Tick;
use crate::record::encode;
use crate::store::probe::ProbeError;
use crate::store::{Key, Store, StoreError};

/// So many places a hint names, the last ones that were probed.
const PLACES: usize = 8;

/// Probes the store, unless the hint or this process knows that it was probed.
///
/// # Errors
/// It must not be used, or did not answer.
pub(super) async fn ensure(ctx: &Context) -> Result<(), EngineError> {
    let Some(place) = ctx.store.place() else { return Ok(()) };
    if ctx.memo.probed().iter().any(|probed| probed == place) {
        return Ok(());
    }
    tracing::info!(event = "store_probed", "this organisation is new at this place: its store is probed once");
    ctx.store.probe(&ctx.entropy.nonce().0).await.map_err(Box::new)?;
    remember(&ctx.memo, &ctx.store);
    Ok(())
}

/// Takes over what a hint says was probed.
pub(super) fn take_over(memo: &Memo, store: &Store, hint: Vec<String>) {
    let ours = memo.probed().iter().any(|probed| Some(probed.as_str()) == store.place());
    memo.keep_probed(hint);
    if ours {
        remember(memo, store);
    }
}

fn remember(memo: &Memo, store: &Store) {
    let Some(place) = store.place() else { return };
    let mut probed = memo.probed();
    probed.retain(|known| known != place);
    probed.push(place.to_owned());
    probed.drain(..probed.len().saturating_sub(PLACES));
    memo.keep_probed(probed);
}

/// Says in the hint of a new organisation that its store was probed.
///
/// # Errors
/// The store did not answer, or refuses.
pub async fn note_probed(store: &Store) -> Result<(), StoreError> {
    let Some(place) = store.place() else { return Ok(()) };
    let head = Head { format: 1, tick: Tick(0), probed: vec![place.to_owned()] };
    // A hint that is there is of somebody who knows more.
    let _ = store.create_own(&Key::Head, Bytes::from(encode(&head))).await?;
    Ok(())
}

impl From<Box<ProbeError>> for EngineError {
    fn from(error: Box<ProbeError>) -> Self {
        Self::Untrusted(error)
    }
}
