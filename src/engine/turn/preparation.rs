//! What a turn reads that no other turn of its tick changes: its resume, its journal, its own memory
//! and its last turn. It can be read while the turn still waits for others.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::super::EngineError;
use super::super::run::Run;
use super::journal::Journal;
use super::memory::{self, Memory};
use super::past;
use crate::domain::resume::Resume;
use crate::mutant::{self, Mutant};
use crate::record::plan::Due;
use crate::record::turn::TurnRecord;

/// What was read ahead.
#[derive(Debug)]
pub(in super::super) struct Prepared {
    pub(super) resume: Arc<Resume>,
    /// The steps that are recorded; none where nobody else can have begun the turn.
    pub(super) journal: Journal,
    pub(super) memory: Memory,
    pub(super) last: Option<Arc<TurnRecord>>,
}

/// Reads ahead at most once: whoever comes first does it, and who comes in the meantime waits.
#[derive(Debug, Default)]
pub(in super::super) struct Preparation(OnceCell<Prepared>);

impl Preparation {
    /// What the turn reads of its own. `first`: nobody else can have begun it. `recorded`: it is run again
    /// from this record.
    pub(in super::super) async fn of(
        &self,
        run: &Run,
        due: &Due,
        first: bool,
        recorded: Option<&TurnRecord>,
    ) -> Result<&Prepared, EngineError> {
        self.0.get_or_try_init(|| prepare(run, due, first, recorded)).await
    }
}

async fn prepare(run: &Run, due: &Due, first: bool, recorded: Option<&TurnRecord>) -> Result<Prepared, EngineError> {
    let resume = run.resume(due).await?;
    let journal = if first { Journal::default() } else { Journal::read(run, due).await? };
    let pinned = journal.imports().or_else(|| recorded.and_then(past::edits_at_start));
    let pinned = pinned.filter(|_| !mutant::is(Mutant::StepZeroPinsInputs));
    let mut memory = memory::read(run, &due.agent, pinned).await?;
    if let Some(record) = recorded {
        past::leave_alone(record, &mut memory);
    }
    let last = match run.agent(&due.agent).and_then(|agent| agent.last_turn.as_ref()) {
        Some(last) => run.earlier_turn(last.tick, &due.agent).await?,
        None => None,
    };
    Ok(Prepared { resume, journal, memory, last })
}
