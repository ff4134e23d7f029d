//! Close: the fold of all records of a tick, in one create. Then what may be late: the ingress is
//! cleared, the hint moved, and now and then a checkpoint written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{join_all, try_join_all};

use super::commit::shown;
use super::fold::{Hashed, Records, fold};
use super::load::{CHECKPOINT_EVERY, Head};
use super::run::Run;
use super::turn::Committed;
use super::{EngineError, apply, recorded, view};
use crate::domain::ids::Sha;
use crate::domain::time::Tick;
use crate::record::chain::Link;
use crate::record::closed::Closed;
use crate::record::encode;
use crate::record::plan::Item;
use crate::record::state::State;
use crate::record::turn::{Content, FileChange};
use crate::store::{Created, Key, Store, StoreError};

/// Closes a tick whose shards are all sealed. `before` is the state that it was planned on.
pub(super) async fn close(
    run: &Run,
    before: &State,
    chains: Vec<Vec<Hashed<Link>>>,
    turns: &Committed,
) -> Result<Closed, EngineError> {
    let plan = &run.plan.value;
    for due in &plan.due {
        if !turns.contains_key(&due.agent) {
            let message = format!("its shard is sealed, but the turn of {} is missing", due.agent);
            return Err(EngineError::Damaged { tick: plan.tick, message });
        }
    }
    let records = Records { plan: &run.plan, chains: &chains, turns, org: &run.settings.org.value };
    let closed = fold(before, &records);
    tracing::debug!(phase = "close", event = "tick_closing", tick = plan.tick.0, "a tick is being closed");
    write_common_files(run, turns).await?;
    write_resumes(run, turns, &closed).await?;
    let bytes = Bytes::from(encode(&closed));
    let is_ours = run.ctx.store.create_pure(&Key::Closed(plan.tick), bytes.clone()).await?;
    let charged: crate::domain::credits::Credits = closed.turns.values().map(|turn| turn.charge.total()).sum();
    // Others may close it at the same moment, and who adds up what a log says counts each line.
    if is_ours {
        tracing::info!(event = "tick_closed", tick = plan.tick.0, clock = plan.clock.0, agent_count = plan.due.len(),
            cost_credits = %charged, "a tick is closed");
    }
    after(run, before, &closed, &bytes).await?;
    Ok(closed)
}

/// Shared files, and what was commanded of memories and files: before the close, after every commit.
async fn write_common_files(run: &Run, turns: &Committed) -> Result<(), EngineError> {
    let plan = &run.plan.value;
    let good = || {
        let turns = plan.due.iter().filter_map(|due| turns.get(&due.agent));
        turns.map(|turn| &turn.value).filter(|turn| turn.status.is_good())
    };
    // A restored file that a turn has written or taken over from a person is theirs.
    let taken: BTreeSet<&str> = good()
        .flat_map(|turn| turn.effects.files.iter().chain(&turn.imports))
        .map(|change| change.path.as_str())
        .collect();
    let restored = plan.files.iter().filter(|change| !taken.contains(change.path.as_str()));
    let mut shared: BTreeMap<&str, &FileChange> = restored.map(|change| (change.path.as_str(), change)).collect();
    for change in good().flat_map(|turn| &turn.effects.files) {
        if matches!(Key::parse(&change.path), Some(Key::Shared(_))) {
            // Conflicts go to the highest rank.
            shared.insert(&change.path, change);
        }
    }
    let store = &run.ctx.store;
    try_join_all(shared.into_values().map(|change| async move {
        let written = match recorded::content(&run.ctx.store, &change.content).await? {
            Some(bytes) => store.put_path(&change.path, bytes).await,
            None if change.content == Content::Deleted => store.delete_path(&change.path).await,
            None => Ok(()),
        };
        shown(&change.path, written)?;
        Ok::<_, EngineError>(())
    }))
    .await?;
    for (agent, archived) in &plan.archive {
        for (part, archived) in (0..).zip(archived) {
            let (key, bytes) = view::archive(plan, agent, part, archived);
            // As the views of a turn's archive: what a person put there stays.
            store.create_own(&key, bytes).await.map(drop)?;
        }
    }
    for (agent, changes) in &plan.memory {
        for change in changes {
            let over = turns.get(agent).is_some_and(|turn| {
                turn.value.status.is_good() && turn.value.effects.memory.iter().any(|own| own.key == change.key)
            });
            if over {
                continue;
            }
            let key = Key::Memory(agent.clone(), change.key.clone());
            match view::memory(plan, agent, change) {
                Some(bytes) => store.put(&key, bytes).await?,
                None => store.delete_path(&key.path()).await?,
            }
        }
    }
    Ok(())
}

/// The resumes of created agents: created, never overwritten.
async fn write_resumes(run: &Run, turns: &Committed, closed: &Closed) -> Result<(), EngineError> {
    for (name, born) in &closed.born {
        let Some(creator) = turns.get(&born.by) else { continue };
        let Some(child) = creator.value.effects.creates.iter().find(|child| child.resume.name == *name) else {
            continue;
        };
        let bytes = view::resume(&child.resume);
        run.ctx.store.create_pure(&Key::Input(born.resume.clone()), bytes.clone()).await?;
        let key = Key::Resume(name.clone());
        match run.ctx.store.create_own(&key, bytes).await {
            // A resume that a person put there in the meantime stays.
            Ok(Created::Won | Created::Lost(_)) => {}
            Err(error) => shown(&key.path(), Err(error))?,
        }
    }
    Ok(())
}

/// What follows from a closed tick. None of it is needed: whoever comes next does without, or
/// does it again.
async fn after(run: &Run, before: &State, closed: &Closed, bytes: &Bytes) -> Result<(), EngineError> {
    let store = &run.ctx.store;
    let admitted = run.plan.value.ingress.iter().map(|admitted| match &admitted.item {
        Item::Control(_) => Key::Control(admitted.name.clone()),
        Item::Mail(_) => Key::Mail(admitted.name.clone()),
    });
    delete(store, admitted.map(|key| key.path())).await;
    let head = Head { format: 1, tick: closed.tick, probed: run.ctx.memo.probed() };
    if let Err(error) = store.put(&Key::Head, Bytes::from(encode(&head))).await {
        tracing::warn!(event = "hint_not_written", tick = closed.tick.0, %error, "the hint of the last tick was not written");
    }
    let mut state = before.clone();
    apply::apply(&mut state, closed, Sha::of(bytes));
    if closed.tick.0.is_multiple_of(CHECKPOINT_EVERY) {
        write_checkpoint(store, state.tick, Bytes::from(encode(&state))).await?;
    }
    run.ctx.memo.keep_state(Arc::new(state));
    Ok(())
}

/// Deletes ingress that is admitted. What stays is remembered, ignored, and deleted again.
pub(super) async fn delete(store: &Store, paths: impl Iterator<Item = String>) {
    let deletes = paths.map(|path| async move {
        if let Err(error) = store.delete_path(&path).await {
            tracing::warn!(
                event = "ingress_not_deleted",
                path,
                error = error.chain(),
                "admitted ingress was not deleted"
            );
        }
    });
    join_all(deletes).await;
}

/// Writes the checkpoint of a tick, over a damaged one if need be: it is a cache, and its bytes follow from the ticks.
pub(super) async fn write_checkpoint(store: &Store, tick: Tick, bytes: Bytes) -> Result<(), EngineError> {
    let key = Key::Checkpoint(tick);
    match store.create_pure(&key, bytes.clone()).await {
        Err(StoreError::Conflict { .. }) => Ok(store.put(&key, bytes).await?),
        written => Ok(written.map(drop)?),
    }
}
