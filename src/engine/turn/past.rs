//! A past turn that is run again: its files are laid out as it saw them, and its meter is set to what
//! was spent, since what calls cost that were not answered is no more than a number in the record.

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::super::run::Run;
use super::super::{EngineError, recorded};
use super::call::NoAnswer;
use super::memory::Memory;
use super::{Permit, TOO_LATE, TOO_LATE_TO_BEGIN, memory};
use crate::domain::credits::Credits;
use crate::domain::model::Model;
use crate::domain::name::{AgentName, ModelKey, RunnerId};
use crate::provider::{CallError, CallErrorKind};
use crate::record::turn::{Beside, Exchange, FailureKind, FileChange, TurnRecord};
use crate::store::Key;

/// How many files are laid out at once.
const AT_ONCE: usize = 16;

/// Writes the agent's memory and, if it has tools, the files of its workspace and of `shared/` as the
/// records before the tick have them; over them the edits that the turn found.
pub(in super::super) async fn lay_out(run: &Run, agent: &AgentName, record: &TurnRecord) -> Result<(), EngineError> {
    let store = &run.ctx.store;
    let has_tools = match run.due(agent) {
        Some(due) => !run.resume(due).await?.permissions.tools.is_empty(),
        None => false,
    };
    let live = run.state.files.iter().filter(|(_, file)| file.sha256.is_some());
    let keys = live.filter_map(|(path, _)| match Key::parse(path)? {
        key @ Key::Memory(..) if path.starts_with(&format!("agents/{agent}/")) => Some(key),
        Key::Workspace(owner, path) if has_tools && owner == *agent => Some(Key::Workspace(owner, path)),
        key @ Key::Shared(_) if has_tools => Some(key),
        _ => None,
    });
    let keys: Vec<Key> = keys.collect();
    let writes = stream::iter(keys).map(|key| async move {
        let bytes = match &key {
            Key::Memory(agent, of) => recorded::memory(run, &run.state, agent, of).await?,
            key => recorded::file(run, &run.state, &key.path()).await?,
        };
        if let Some(bytes) = bytes {
            store.put(&key, bytes).await?;
        }
        Ok::<_, EngineError>(())
    });
    writes.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    // Records of before they said when the others were found show all from the start.
    let from_the_start =
        if record.edits_found_after.is_empty() { edits(record) } else { edits_at_start(record).unwrap_or_default() };
    for edit in from_the_start {
        lay(run, edit).await?;
    }
    Ok(())
}

/// Lays out the edits that a turn that is run again came upon after so many answers.
pub(super) async fn reveal(run: &Run, permit: &Permit<'_>, answers: u32) -> Result<(), EngineError> {
    let Some(record) = permit.recorded else { return Ok(()) };
    let at_start = usize::try_from(record.edits_at_start).unwrap_or(usize::MAX);
    let later = edits(record).iter().skip(at_start).zip(&record.edits_found_after);
    for (edit, _) in later.filter(|(_, after)| **after == answers) {
        lay(run, edit).await?;
    }
    Ok(())
}

async fn lay(run: &Run, edit: &FileChange) -> Result<(), EngineError> {
    match recorded::content(&run.ctx.store, &edit.content).await? {
        Some(bytes) => run.ctx.store.put_path(&edit.path, bytes).await?,
        None => run.ctx.store.delete_path(&edit.path).await?,
    }
    Ok(())
}

/// The edits of a turn, imported or not.
fn edits(record: &TurnRecord) -> &[FileChange] {
    if record.imports.is_empty() { &record.unimported } else { &record.imports }
}

/// The edits that a turn began with that is run again.
pub(super) fn edits_at_start(record: &TurnRecord) -> Option<&[FileChange]> {
    edits(record).get(..usize::try_from(record.edits_at_start).unwrap_or(usize::MAX))
}

/// Leaves the memories alone that a turn could not read that is run again: no record holds their bytes.
pub(super) fn leave_alone(record: &TurnRecord, memory: &mut Memory) {
    for warning in record.warnings.iter().filter(|warning| warning.ends_with(memory::UNREADABLE)) {
        let path = warning.split(": ").next().unwrap_or_default();
        memory.unreadable.extend(memory::memory_key(path, &record.agent));
        memory.warnings.push(warning.clone());
    }
}

/// What the licence has spent so far and no receipt of the turn shows.
pub(super) fn beside(permit: &Permit<'_>, by: &RunnerId, exchanges: &[Exchange]) -> Option<Beside> {
    let (paid, unanswered) = permit.meter.read();
    let beside = Beside { paid: paid.saturating_sub(own(by, exchanges)), unanswered };
    (beside != Beside::default()).then_some(beside)
}

/// What the answers cost that an invocation asked for itself.
fn own(by: &RunnerId, exchanges: &[Exchange]) -> Credits {
    let own = exchanges.iter().filter(|exchange| exchange.receipt.by == *by);
    own.map(|exchange| exchange.receipt.cost_credits).sum()
}

/// Before a call of a turn that is run again: what its licence had spent by then.
pub(super) fn rewind(permit: &Permit<'_>, exchanges: &[Exchange]) {
    let Some(record) = permit.recorded else { return };
    let own = own(&record.by, exchanges);
    if let Some(exchange) = record.exchanges.get(exchanges.len()) {
        let beside = exchange.receipt.beside.unwrap_or_default();
        permit.meter.set(own + beside.paid, beside.unanswered);
    }
}

/// The models that are asked: of a turn that is run again the one alone that answered then.
pub(super) fn models<'a>(
    permit: &Permit<'_>,
    exchanges: &[Exchange],
    models: &[(&'a ModelKey, &'a Model)],
) -> Vec<(&'a ModelKey, &'a Model)> {
    let answered = permit.recorded.and_then(|record| record.exchanges.get(exchanges.len()));
    let asked = |(key, _): &&(&ModelKey, &Model)| answered.is_none_or(|answered| answered.receipt.model == **key);
    models.iter().filter(asked).copied().collect()
}

/// Why there was no further answer in a turn that is run again, if there was none.
pub(super) fn no_answer(permit: &Permit<'_>, exchanges: &[Exchange]) -> Option<NoAnswer> {
    let record = permit.recorded.filter(|record| record.exchanges.len() <= exchanges.len())?;
    let Some(failure) = &record.failure else {
        let late = record.warnings.iter().any(|warning| warning.starts_with(TOO_LATE));
        return Some(if late { NoAnswer::NoTime } else { NoAnswer::NoMoney });
    };
    let kind = match failure.kind {
        FailureKind::OutOfMoney => return Some(NoAnswer::NoMoney),
        FailureKind::Unavailable if failure.message.starts_with(TOO_LATE_TO_BEGIN) => return Some(NoAnswer::NoTime),
        FailureKind::Unavailable => CallErrorKind::RateLimited,
        FailureKind::ContextTooLong => CallErrorKind::ContextTooLong,
        FailureKind::Misconfigured => CallErrorKind::Misconfigured,
        FailureKind::Refused | FailureKind::Garbage | FailureKind::Crashed => CallErrorKind::Refused,
    };
    let model = failure.model.clone().or_else(|| record.exchanges.last().map(|last| last.receipt.model.clone()));
    // Of other failures the record does not say which model it was, and nobody asks.
    let model = model.unwrap_or_else(|| ModelKey::new("unknown").unwrap_or_else(|_| unreachable!("a plain word")));
    Some(NoAnswer::Failed(model, CallError::new(kind, failure.message.clone())))
}

/// At the end of a turn that is run again: what its licence has spent in all.
pub(super) fn settle(permit: &Permit<'_>) {
    if let Some(TurnRecord { spent, .. }) = permit.recorded {
        permit.meter.set(spent.paid, spent.unanswered);
    }
}
