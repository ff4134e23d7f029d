//! What a turn has that no other turn of its tick changes: its resume, its tools and what the prompt says of
//! both, its journal, its own memory and its last turn. It can be made ready while the turn still waits for others.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::super::run::Run;
use super::super::{EngineError, prompt};
use super::journal::Journal;
use super::memory::{self, Memory};
use super::past;
use crate::domain::prompt::Message;
use crate::domain::resume::Resume;
use crate::mutant::{self, Mutant};
use crate::provider::ToolSpec;
use crate::record::plan::Due;
use crate::record::turn::TurnRecord;
use crate::tool::Tool;

/// What was read ahead.
#[derive(Debug)]
pub(in super::super) struct Prepared {
    pub(super) resume: Arc<Resume>,
    /// The tools that it may call.
    pub(super) tools: Vec<Arc<dyn Tool>>,
    /// The same, as a provider is told of them.
    pub(super) specs: Arc<[ToolSpec]>,
    /// How its prompt begins.
    pub(super) system: Message,
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
    let tools = permitted_tools(run, &resume);
    let specs: Arc<[ToolSpec]> = tools.iter().map(|tool| run.spec(tool.as_ref())).collect();
    let system = prompt::system(run.settings.org.value.known_as(), &resume, &specs);
    Ok(Prepared { resume, tools, specs, system, journal, memory, last })
}

fn permitted_tools(run: &Run, resume: &Resume) -> Vec<Arc<dyn Tool>> {
    let allowed = |tool: &&Arc<dyn Tool>| resume.permissions.tools.iter().any(|name| name.covers(tool.permission()));
    run.tools.iter().filter(allowed).cloned().collect()
}
