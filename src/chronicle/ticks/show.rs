//! One tick, whole: what it was made from, who ran and how it went, and what it changed.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::TickState;
use super::shards::{Shard, shards};
use crate::chronicle::event::messages;
use crate::chronicle::message::Message;
use crate::chronicle::{TickRecords, settings_of, tick as records_of};
use crate::domain::archive::Because;
use crate::domain::credits::Credits;
use crate::domain::ids::{Seed, Sha};
use crate::domain::memory::Operation;
use crate::domain::name::{AgentName, MemoryKey, RunnerId};
use crate::domain::org::Visibility;
use crate::domain::pace::CatchUp;
use crate::domain::position::Position;
use crate::domain::time::{Clock, Tick, Timestamp};
use crate::engine::EngineError;
use crate::record::approval::Decision;
use crate::record::closed::{Closed, TurnFold};
use crate::record::plan::{Admitted, Cause, Credited, Due, Found, Plan, Skipped, Trigger};
use crate::record::state::{Charge, Problem};
use crate::record::turn::{Content, Failure, TurnRecord};
use crate::store::{Key, Store};

/// One tick, whole.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TickView {
    /// Its number.
    pub tick: Tick,
    /// Its clock.
    pub clock: Clock,
    /// When it was planned.
    pub time: Timestamp,
    /// Where it stands.
    pub state: TickState,
    /// What asked for it.
    pub trigger: Trigger,
    /// Slots before its own that nobody triggered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<Missed>,
    /// What it was made from.
    pub inputs: Inputs,
    /// Those that were due, in canonical order, and how their turns went.
    pub turns: Vec<TurnLine>,
    /// Those that were due and did not run, and why.
    pub skipped: Vec<Skipped>,
    /// Who worked on which part.
    pub shards: Vec<Shard>,
    /// What was said, admitted mail first, in the order in which it is read.
    pub messages: Vec<Message>,
    /// Memories at new values.
    pub memory: Vec<MemoryLine>,
    /// Files at new versions.
    pub files: Vec<FileLine>,
    /// Agents that turns created, and by whom.
    pub created: BTreeMap<AgentName, AgentName>,
    /// What a person should know.
    pub problems: Vec<Problem>,
    /// What was charged; of an open tick nothing is yet.
    pub cost_credits: Credits,
    /// The hashes of its records.
    pub hashes: Hashes,
}

/// Slots that nobody triggered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Missed {
    /// The first.
    pub from: Clock,
    /// The last.
    pub to: Clock,
    /// Whether those that were due in them were due in this tick, or passed over.
    pub caught_up: bool,
}

/// What a tick was made from.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Inputs {
    /// The runner that planned it.
    pub by: RunnerId,
    /// From which ids are derived.
    pub seed: Seed,
    /// What agents saw of each other.
    pub visibility: Visibility,
    /// The version of the prompt builder.
    pub prompt_version: u32,
    /// The window of the budget.
    pub budget_window: String,
    /// Resumes that were new, changed, broken or gone.
    pub resumes: Vec<FoundLine>,
    /// Messages and commands that it admitted.
    pub ingress: Vec<Admitted>,
    /// Top-ups as they took effect.
    pub credited: Vec<Credited>,
    /// Answers to calls that waited for a person, as they took effect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
}

/// A resume that was new, changed, broken or gone.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FoundLine {
    /// Whose.
    pub agent: AgentName,
    /// `resume`, `broken` or `gone`.
    pub found: &'static str,
    /// The hash of the new version, which lies at `inputs/<sha256>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<Sha>,
}

/// One due agent, and how its turn went.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TurnLine {
    /// Who.
    pub agent: AgentName,
    /// The place in canonical order, from 1.
    pub rank: u32,
    /// Why it was due.
    pub because: Cause,
    /// `ok`, `failed`, `waiting`, or `open` where it is not committed.
    pub status: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What all attempts together may cost.
    pub grant_credits: Credits,
    /// What it cost: once the tick is closed what was charged for all attempts, before that what the committed one spent.
    pub cost_credits: Credits,
    /// What was charged, by what became of the calls; once the tick is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<Charge>,
    /// How many runners were given the turn.
    pub attempts: usize,
    /// The runner that has it in hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<RunnerId>,
    /// The provider's name of the model that answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_name: Option<String>,
    /// Calls of the model that were answered.
    pub calls: usize,
    /// Calls of tools.
    pub tool_calls: usize,
    /// Tokens of its prompts, of all classes, as far as the provider tells.
    pub input_tokens: u64,
    /// Tokens of its answers.
    pub output_tokens: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How long of that it waited for the model.
    pub llm_duration_ms: u64,
    /// Messages that it read.
    pub read: usize,
    /// Messages that it said.
    pub said: usize,
    /// Memories that it changed.
    pub memory_updates: usize,
    /// Files that it changed.
    pub file_changes: usize,
    /// How often its answers broke the contract.
    pub violations: usize,
    /// Messages that were given up after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dead_letters: Vec<Position>,
    /// Calls that had waited for a person, and of whose answer it heard.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<Uuid>,
    /// Calls that wait for a person's yes after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Uuid>,
    /// The resume that it ran with.
    pub resume: Sha,
    /// The hash of its record, once the tick is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha>,
}

/// A memory at a new value.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MemoryLine {
    /// Whose.
    pub agent: AgentName,
    /// The key.
    pub key: MemoryKey,
    /// What was done.
    pub operation: Operation,
    /// Whether a person's command did it, and not the agent.
    pub by_command: bool,
    /// Why the old value, or a part of it, went into the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<Because>,
}

/// A file at a new version.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FileLine {
    /// Where it lies.
    pub path: String,
    /// Whose turn wrote or found it.
    pub agent: AgentName,
    /// Whether it is a person's edit, which the turn found.
    pub imported: bool,
    /// The hash of its bytes; `null`: deleted.
    pub sha256: Option<Sha>,
}

/// The hashes of a tick's records. `closed` vouches for all others, and by `previous` for all ticks before.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Hashes {
    /// The closed record.
    pub closed: Option<Sha>,
    /// The closed record of the tick before.
    pub previous: Option<Sha>,
    /// The plan.
    pub plan: Sha,
    /// The `org.json` that was used.
    pub org: Sha,
    /// The `config/models.json` that was used.
    pub models: Sha,
    /// The `config/tools.json` that was used, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Sha>,
    /// The `config/tools.lock.json` that was used, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools_lock: Option<Sha>,
}

/// Reads one tick, closed or open; `None` where it was not planned.
///
/// # Errors
/// The store failed, or a record cannot be read.
pub async fn show(store: &Store, number: Tick) -> Result<Option<TickView>, EngineError> {
    let Some(records) = records_of(store, number).await? else { return Ok(None) };
    let plan = &records.plan;
    let (org, shards, plan_bytes, closed_bytes) = futures::try_join!(
        settings_of(store, &plan.org),
        async { Ok(shards(store, plan).await?) },
        async { Ok(store.get(&Key::Plan(number)).await?) },
        async { Ok(store.get(&Key::Closed(number)).await?) }
    )?;
    let closed = records.closed.as_ref();
    let by_agent: BTreeMap<&AgentName, &TurnRecord> = records.turns.iter().map(|turn| (&turn.agent, turn)).collect();
    let held = shards.iter().flat_map(|shard| shard.agents.iter().map(move |agent| (agent, shard)));
    let held: BTreeMap<&AgentName, &Shard> = held.collect();
    let find = |due: &Due| (by_agent.get(&due.agent).copied(), held.get(&due.agent).copied());
    let turns = plan.due.iter().map(|due| line(due, closed, find(due))).collect();
    let missed = plan.range.filter(|range| range.from < range.to).map(|range| Missed {
        from: range.from,
        to: Clock(range.to.0 - 1),
        caught_up: org.pace.catch_up == CatchUp::One,
    });
    let charged = closed.map(|closed| closed.turns.values().map(|turn| turn.charge.total()).sum());
    let created = closed.iter().flat_map(|closed| &closed.born).map(|(agent, born)| (agent.clone(), born.by.clone()));
    Ok(Some(TickView {
        tick: plan.tick,
        clock: plan.clock,
        time: plan.time,
        state: if closed.is_some() { TickState::Closed } else { TickState::Open },
        trigger: plan.trigger.clone(),
        missed,
        inputs: inputs(plan),
        turns,
        skipped: plan.skipped.clone(),
        messages: messages(&records),
        memory: memory(&records),
        files: files(&records),
        created: created.collect(),
        problems: closed.map_or_else(|| plan.problems.clone(), |closed| closed.problems.clone()),
        cost_credits: charged.unwrap_or_default(),
        hashes: Hashes {
            closed: closed.and(closed_bytes).map(|bytes| Sha::of(&bytes)),
            previous: plan.previous.clone(),
            plan: Sha::of(&plan_bytes.unwrap_or_default()),
            org: plan.org.clone(),
            models: plan.models.clone(),
            tools: plan.tools.clone(),
            tools_lock: plan.tools_lock.clone(),
        },
        shards,
    }))
}

fn inputs(plan: &Plan) -> Inputs {
    let found = |(agent, found): (&AgentName, &Found)| {
        let (word, resume) = match found {
            Found::Resume { resume, .. } => ("resume", Some(resume.clone())),
            Found::Gone => ("gone", None),
            Found::Broken => ("broken", None),
        };
        FoundLine { agent: agent.clone(), found: word, resume }
    };
    Inputs {
        by: plan.by.clone(),
        seed: plan.seed,
        visibility: plan.visibility,
        prompt_version: plan.prompt_version,
        budget_window: plan.budget_window.clone(),
        resumes: plan.found.iter().map(found).collect(),
        ingress: plan.ingress.clone(),
        credited: plan.credited.clone(),
        decisions: plan.decisions.clone(),
    }
}

/// What a tick tells of one that was due in it.
pub(in crate::chronicle) fn line(
    due: &Due,
    closed: Option<&Closed>,
    (turn, shard): (Option<&TurnRecord>, Option<&Shard>),
) -> TurnLine {
    let fold = closed.and_then(|closed| closed.turns.get(&due.agent));
    let count = |of: fn(&TurnRecord) -> usize| turn.map_or(0, of);
    let receipts = || turn.into_iter().flat_map(|turn| &turn.exchanges).map(|exchange| &exchange.receipt);
    let usage = || receipts().filter_map(|receipt| receipt.usage);
    let spent = turn.map_or(Credits::ZERO, |turn| turn.spent.paid + turn.spent.unanswered + turn.spent.action);
    TurnLine {
        agent: due.agent.clone(),
        rank: due.rank,
        because: due.because,
        status: turn.map_or("open", |turn| turn.status.as_str()),
        failure: turn.and_then(|turn| turn.failure.clone()),
        grant_credits: due.grant_credits,
        cost_credits: fold.map_or(spent, |fold| fold.charge.total()),
        charge: fold.map(|fold| fold.charge),
        attempts: shard.map_or(0, |shard| shard.attempts(&due.agent)),
        held_by: shard.filter(|_| turn.is_none()).and_then(|shard| shard.worker(&due.agent)).cloned(),
        model_name: receipts().next_back().map(|receipt| receipt.model_name.clone()),
        calls: count(|turn| turn.exchanges.len()),
        tool_calls: count(|turn| turn.exchanges.iter().map(|exchange| exchange.results.len()).sum()),
        input_tokens: usage().map(|usage| usage.input_tokens).sum(),
        output_tokens: usage().map(|usage| usage.output_tokens).sum(),
        duration_ms: turn.map_or(0, |turn| turn.duration_ms),
        llm_duration_ms: receipts().map(|receipt| receipt.duration_ms).sum(),
        read: count(|turn| turn.inbox.len()),
        said: count(|turn| turn.effects.outbox.len()),
        memory_updates: count(|turn| turn.effects.memory.len()),
        file_changes: count(|turn| turn.effects.files.len()),
        violations: count(|turn| turn.violations.len()),
        dead_letters: fold.map(|fold: &TurnFold| fold.dead_letters.clone()).unwrap_or_default(),
        answered: turn.map(|turn| turn.answered.iter().map(|settled| settled.id).collect()).unwrap_or_default(),
        waiting: turn.map(|turn| turn.waiting.iter().map(|question| question.id).collect()).unwrap_or_default(),
        resume: due.resume.clone(),
        sha256: fold.map(|fold| fold.sha256.clone()),
    }
}

fn memory(records: &TickRecords) -> Vec<MemoryLine> {
    let commanded = records.plan.memory.iter().flat_map(|(agent, changes)| {
        changes.iter().map(move |change| MemoryLine {
            agent: agent.clone(),
            key: change.key.clone(),
            operation: change.operation,
            by_command: true,
            archived: None,
        })
    });
    let kept = records.turns.iter().flat_map(|turn| {
        turn.effects.memory.iter().map(move |change| MemoryLine {
            agent: turn.agent.clone(),
            key: change.key.clone(),
            operation: change.operation,
            by_command: false,
            archived: turn.effects.archive.iter().find(|gone| gone.key == change.key).map(|gone| gone.because),
        })
    });
    commanded.chain(kept).collect()
}

fn files(records: &TickRecords) -> Vec<FileLine> {
    let mut files = Vec::new();
    for turn in &records.turns {
        let imported = turn.imports.iter().map(|change| (change, true));
        let written = turn.effects.files.iter().map(|change| (change, false));
        files.extend(imported.chain(written).map(|(change, imported)| FileLine {
            path: change.path.clone(),
            agent: turn.agent.clone(),
            imported,
            sha256: change.sha256.clone().filter(|_| change.content != Content::Deleted),
        }));
    }
    files
}
