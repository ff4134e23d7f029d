//! How a turn opens: the models that it may ask, what it reads of what others said, and the prompt that it begins with.

use uuid::Uuid;

use super::super::EngineError;
use super::super::money;
use super::super::prompt::{self, News, Recall};
use super::super::run::Run;
use super::Committed;
use super::inbox::{self, Inbox};
use super::preparation::Prepared;
use crate::domain::model::Model;
use crate::domain::name::ModelKey;
use crate::domain::prompt::Message;
use crate::domain::resume::Resume;
use crate::record::approval::{Settled, Waiting};
use crate::record::plan::Due;

/// The most bytes of a line that tells of a call that waits.
const WAITING_BYTES: usize = 256;

/// The model that an agent thinks with in this turn, and its fallbacks; empty where there is none.
pub(super) fn models<'a>(run: &'a Run, due: &Due, resume: &Resume) -> Vec<(&'a ModelKey, &'a Model)> {
    let registry = &run.settings.models.value;
    // The balance before the turn, as the plan saw it: whoever resumes the turn takes the same model.
    let balance = run.agent(&due.agent).map(|agent| agent.account.balance).unwrap_or_default();
    registry.candidates(money::chosen_model(resume, registry, balance))
}

/// The most bytes of a prompt: no tokenizer makes more tokens than bytes.
pub(super) fn max_prompt_bytes(run: &Run, resume: &Resume, models: &[(&ModelKey, &Model)]) -> usize {
    let tokens = money::max_prompt_tokens(&run.settings.org.value, resume);
    let answer = u64::from(resume.model.max_tokens.get());
    // A prompt must fit whichever model answers it.
    let window = models.iter().filter_map(|(_, model)| model.context_tokens).min();
    let window = window.map_or(u64::MAX, |context| context.get().saturating_sub(answer));
    usize::try_from(tokens.min(window)).unwrap_or(usize::MAX)
}

/// What a turn reads of what others said.
pub(super) async fn collect(
    run: &Run,
    due: &Due,
    prepared: &Prepared,
    max_bytes: usize,
    committed: &Committed,
) -> Result<Inbox, EngineError> {
    let keeping = prepared.resume.memory.within(&run.settings.org.value.memory);
    let memory_bytes = prompt::memory_share(max_bytes, &keeping);
    let system = prompt::bytes(std::slice::from_ref(&prepared.system));
    // What waits and what came of it stands in the prompt before anything that can be cut.
    let questions =
        |is_answered: bool| questions(run, due).filter(move |(_, asked)| asked.verdict.is_some() == is_answered);
    let answers = if questions(true).next().is_some() { max_bytes / 4 } else { 0 };
    let waiting = questions(false).count() * WAITING_BYTES;
    let inbox_bytes = max_bytes.saturating_sub(system + memory_bytes + answers + waiting + 4096);
    inbox::collect(run, due, committed, inbox_bytes).await
}

/// The calls of an agent that wait, and those of whose answer it has not heard.
fn questions<'a>(run: &'a Run, due: &'a Due) -> impl Iterator<Item = (&'a Uuid, &'a Waiting)> {
    run.state.approvals.iter().filter(|(_, asked)| asked.agent == due.agent)
}

/// The prompt that a turn begins with: the recorded one, if another runner has begun it.
pub(super) fn open(
    run: &Run,
    due: &Due,
    prepared: &Prepared,
    max_bytes: usize,
    inbox: &Inbox,
    answered: &[Settled],
) -> Vec<Message> {
    let Prepared { resume, tools, system, journal, memory, last, .. } = prepared;
    if let Some(prompt) = journal.prompt() {
        return prompt;
    }
    let keeping = resume.memory.within(&run.settings.org.value.memory);
    let plan = &run.plan.value;
    let finders: Vec<&str> =
        tools.iter().map(|tool| tool.name()).filter(|name| ["memory_read", "memory_search"].contains(name)).collect();
    let waiting: Vec<_> = questions(run, due).filter(|(_, asked)| asked.verdict.is_none()).collect();
    let news = prompt::news(&News {
        tick: plan.tick,
        clock: plan.clock,
        time: plan.time,
        memory: Recall {
            values: &memory.values,
            changed: &memory.changed,
            pinned: &keeping.pinned,
            finders: &finders,
            max_bytes: prompt::memory_share(max_bytes, &keeping),
        },
        last: last.as_deref(),
        answered,
        answers_bytes: max_bytes / 4,
        waiting: &waiting,
        inbox: &inbox.entries,
        left_out: inbox.left_out,
    });
    vec![system.clone(), news]
}
