//! Commit: the one place that publishes. A turn happens by one put-if-absent of its record; then
//! its views are written. Whoever loses adopts the winner's record and drops all of its own.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::try_join_all;

use super::fold::Hashed;
use super::run::Run;
use super::{EngineError, recorded, view};
use crate::domain::ids::Sha;
use crate::mutant::{self, Mutant};
use crate::record::turn::TurnRecord;
use crate::record::{decode, encode};
use crate::store::{Created, Key, StoreError};

/// A turn that is committed, by us or by somebody else. Its views must still be written.
#[derive(Debug)]
#[must_use = "the views of a committed turn must be written before its shard is sealed"]
pub(super) struct Published(pub(super) Hashed<Arc<TurnRecord>>);

/// Commits a turn.
///
/// # Errors
/// The store refuses, or did not say what became of it: nothing of the turn may be used then.
pub(super) async fn commit(run: &Run, record: TurnRecord) -> Result<Published, EngineError> {
    let key = Key::Turn(record.tick, record.agent.clone());
    tracing::debug!(phase = "commit", event = "turn_commit", tick = record.tick.0, agent = %record.agent,
        "a turn is being committed");
    let bytes = Bytes::from(encode(&record));
    if mutant::is(Mutant::ViewsFollowTheCommit) {
        publish(run, &record).await?;
    }
    let hashed = match run.ctx.store.create_own(&key, bytes.clone()).await? {
        Created::Won => Hashed { value: Arc::new(record), sha: Sha::of(&bytes) },
        Created::Lost(theirs) => {
            if mutant::is(Mutant::LosersDropTheirEffects) {
                publish(run, &record).await?;
            }
            let value: TurnRecord = decode(&theirs).map_err(|source| StoreError::Record { key, source })?;
            Hashed { value: Arc::new(value), sha: Sha::of(&theirs) }
        }
    };
    let record = &hashed.value;
    let spent = record.spent.paid + record.spent.unanswered + record.spent.action;
    let credits_left = run.agent(&record.agent).map(|agent| agent.account.balance.saturating_sub(spent));
    let model_name = record.exchanges.last().map(|exchange| exchange.receipt.model_name.as_str());
    let tool_count: usize = record.exchanges.iter().map(|exchange| exchange.results.len()).sum();
    let llm_duration_ms: u64 = record.exchanges.iter().map(|exchange| exchange.receipt.duration_ms).sum();
    tracing::info!(event = "turn_committed", tick = record.tick.0, agent = %record.agent,
        status = record.status.as_str(), outbox_count = record.effects.outbox.len(),
        memory_updates = record.effects.memory.len(), duration_ms = record.duration_ms, llm_duration_ms, tool_count,
        model_name, credits_left = credits_left.map(tracing::field::display),
        error = record.failure.as_ref().map(|failure| failure.message.as_str()),
        "a turn is committed");
    run.ctx.progress.turn_committed(record);
    run.ctx.memo.keep_turn(hashed.value.clone());
    Ok(Published(hashed))
}

/// Writes the views of a committed turn: outbox entries, own memory, own workspace.
///
/// # Errors
/// The store did not answer, or refuses; whoever resumes the tick writes them again.
pub(super) async fn publish(run: &Run, turn: &TurnRecord) -> Result<(), EngineError> {
    if !turn.status.is_good() {
        return Ok(());
    }
    let store = &run.ctx.store;
    tracing::debug!(phase = "views", event = "views_begun", tick = turn.tick.0, agent = %turn.agent,
        "the views of a turn are being written");
    let entries = turn.effects.outbox.iter().map(|entry| async move {
        let key = Key::Outbox(turn.agent.clone(), turn.tick, entry.id);
        store.put(&key, view::outbox(entry)).await
    });
    let memories = turn.effects.memory.iter().map(|change| async move {
        let key = Key::Memory(turn.agent.clone(), change.key.clone());
        match view::memory(&run.plan.value, &turn.agent, change) {
            Some(bytes) => store.put(&key, bytes).await,
            None => store.delete_path(&key.path()).await,
        }
    });
    // What commands archived in this tick is counted first.
    let commanded = run.plan.value.archive.get(&turn.agent).map_or(0, Vec::len);
    let parts = u32::try_from(commanded).unwrap_or(u32::MAX)..;
    let archived = parts.zip(&turn.effects.archive).map(|(part, archived)| async move {
        let (key, bytes) = view::archive(&run.plan.value, &turn.agent, part, archived);
        // Nobody else has a reason to write there; whoever did, a person, keeps what they wrote.
        store.create_own(&key, bytes).await.map(drop)
    });
    let own = turn.effects.files.iter().filter(|change| match Key::parse(&change.path) {
        Some(Key::Workspace(owner, _)) => owner == turn.agent,
        Some(Key::Shared(_)) => mutant::is(Mutant::SharedFilesFollowTheSeals),
        _ => false,
    });
    let files = own.map(|change| async move {
        let written = match recorded::content(&run.ctx.store, &change.content).await? {
            Some(bytes) => store.put_path(&change.path, bytes).await,
            None => store.delete_path(&change.path).await,
        };
        shown(&change.path, written)?;
        Ok::<_, EngineError>(())
    });
    futures::try_join!(
        async { try_join_all(entries).await.map_err(EngineError::from) },
        async { try_join_all(archived).await.map_err(EngineError::from) },
        async { try_join_all(memories).await.map_err(EngineError::from) },
        try_join_all(files),
    )?;
    Ok(())
}

/// What became of the view of a file. A symbolic link, a file or a folder that is in its way concerns this file alone, and
/// no tick waits for a person to remove it: the content is in the records.
pub(super) fn shown(path: &str, written: Result<(), StoreError>) -> Result<(), StoreError> {
    match written {
        Err(error) if error.is_about_one_object() => {
            tracing::warn!(
                event = "view_not_written",
                path,
                error = error.chain(),
                "a file cannot be written: something is in its way"
            );
            Ok(())
        }
        written => written,
    }
}
