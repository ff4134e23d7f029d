//! A turn: one agent's work in one tick, collected in memory. It touches nothing; the commit does.
//!
//! Every model call but the last is journalled, and the first writer of a step wins: whoever
//! resumes the turn adopts the recorded answers and pays for none of them again.

mod call;
mod create;
mod desk;
mod files;
mod inbox;
mod journal;
mod listing;
mod memory;
mod meter;
mod past;
mod preparation;

use std::sync::Arc;

use serde_json::json;

use self::call::NoAnswer;
use self::desk::{AddressBook, Bench, Load, Then};
pub(super) use self::files::content_bytes;
pub(super) use self::inbox::Committed;
use self::inbox::Inbox;
use self::journal::{Answered, Journal};
use self::meter::Hours;
pub(super) use self::meter::Meter;
pub(super) use self::past::lay_out;
pub(super) use self::preparation::Preparation;
use self::preparation::Prepared;
use super::prompt::{self, News, Recall, ToolNote};
use super::run::Run;
use super::{EngineError, money};
use crate::domain::archive;
use crate::domain::contract::{self, Reply, Violation};
use crate::domain::ids::Sha;
use crate::domain::json;
use crate::domain::model::Model;
use crate::domain::name::ModelKey;
use crate::domain::prompt::Message;
use crate::domain::resume::Resume;
use crate::domain::time::Timestamp;
use crate::provider::{CallErrorKind, Request, Role, ToolSpec, TurnView};
use crate::record::chain::LicenceId;
use crate::record::plan::{Cause, Due};
use crate::record::step::StepRecord;
use crate::record::turn::{
    Effects, Exchange, Failure, FailureKind, FileChange, Receipt, Spent, Status, ToolResult, TurnRecord,
};
use crate::tool::{self, CallFailure, Tool, ToolError};

/// What the model is told of a call that nobody knows the outcome of.
const UNKNOWN: &str = "the runner that was to make this call ended, perhaps after it had made it; it is not made again: \
                       find out whether it happened before you ask for it again";

/// How the warning begins of a turn whose time was over before its last answer.
const TOO_LATE: &str = "the turn ended early: it took longer than";

/// How the failure begins of a turn whose time was over before its first.
const TOO_LATE_TO_BEGIN: &str = "the turn took longer than";

/// What a licence allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Permit<'a> {
    pub(super) licence: LicenceId,
    pub(super) meter: &'a Meter,
    /// Nobody else can have begun this turn: there is no journal to look for.
    pub(super) first: bool,
    /// The turn is run again from this record: what came from outside is taken from there.
    pub(super) recorded: Option<&'a TurnRecord>,
    /// The files that the tools of each of its answers changed, as far as the records tell.
    pub(super) changes: &'a [Vec<FileChange>],
}

/// How an attempt at a turn ended.
#[derive(Debug)]
pub(super) enum Attempt {
    /// To be committed.
    Done(Box<TurnRecord>),
    /// The runner was told to leave; nothing of it happened but what the meter says.
    Stopped,
}

/// Works on a turn under a licence.
pub(super) async fn work(
    run: &Run,
    due: &Due,
    permit: Permit<'_>,
    preparation: &Preparation,
    committed: &Committed,
) -> Result<Attempt, EngineError> {
    let began = run.ctx.clock.now();
    let Prepared { resume, journal, memory, last } = preparation.of(run, due, permit.first, permit.recorded).await?;
    let models = models(run, due, resume);
    if models.is_empty() {
        let inbox = inbox::collect(run, due, committed, usize::MAX).await?;
        let failure = failure(FailureKind::Misconfigured, format!("there is no model {}", resume.model.key));
        return Ok(Attempt::Done(Box::new(failed(run, due, &inbox, failure, began))));
    }
    let max_bytes = max_prompt_bytes(run, resume, &models);
    let tools = permitted_tools(run, resume);
    let system = prompt::system(&run.settings.org.value.name, resume, &notes(&tools));
    let keeping = resume.memory.within(&run.settings.org.value.memory);
    let memory_bytes = prompt::memory_share(max_bytes, &keeping);
    let inbox_bytes = max_bytes.saturating_sub(prompt::bytes(std::slice::from_ref(&system)) + memory_bytes + 4096);
    let inbox = inbox::collect(run, due, committed, inbox_bytes).await?;
    let plan = &run.plan.value;
    let finders: Vec<&'static str> =
        tools.iter().map(|tool| tool.name()).filter(|name| ["memory_read", "memory_search"].contains(name)).collect();
    let news = prompt::news(&News {
        tick: plan.tick,
        clock: plan.clock,
        time: plan.time,
        memory: Recall {
            values: &memory.values,
            changed: &memory.changed,
            pinned: &keeping.pinned,
            finders: &finders,
            max_bytes: memory_bytes,
        },
        last: last.as_deref(),
        inbox: &inbox.entries,
        left_out: inbox.left_out,
    });
    let mut turn = Turn {
        run,
        due,
        resume,
        models,
        hours: Hours::new(began, run.settings.org.value.limits.turn_timeout.duration()),
        specs: specs(&tools),
        tools,
        permit,
        max_bytes,
        prompt: journal.prompt().unwrap_or_else(|| vec![system, news]),
        conversation: Vec::new(),
        exchanges: Vec::new(),
        embeddings: Vec::new(),
        template: None,
        imports: Vec::new(),
        edits_at_start: count(&memory.imports),
        effects: Effects::default(),
        violations: Vec::new(),
        warnings: memory.warnings.clone(),
        notes: None,
    };
    let hops = if due.because == Cause::Mail { inbox.hops } else { 0 };
    let mut bench = Bench::new(run, due, resume, &inbox.entries, hops, memory.clone(), permit);
    let ending = turn.converse(&mut bench, &inbox, journal.clone()).await?;
    turn.embeddings = std::mem::take(&mut bench.embeddings);
    turn.template = bench.template.take();
    match ending {
        Ending::Good => Ok(Attempt::Done(Box::new(turn.good(&inbox, began)))),
        Ending::Bad(failure) => {
            turn.imports.extend(bench.take().1);
            Ok(Attempt::Done(Box::new(turn.bad(&inbox, failure, began))))
        }
        Ending::Stopped => Ok(Attempt::Stopped),
    }
}

/// The record of a turn that gets no licence any more: runners died over it, or its grant is used up.
pub(super) async fn give_up(
    run: &Run,
    due: &Due,
    crashed: bool,
    committed: &Committed,
) -> Result<TurnRecord, EngineError> {
    let began = run.ctx.clock.now();
    let resume = run.resume(due).await?;
    let max_bytes = max_prompt_bytes(run, &resume, &models(run, due, &resume));
    let inbox = inbox::collect(run, due, committed, max_bytes / 2).await?;
    let failure = if crashed {
        let message = "the runners that worked on this turn ended before it was committed, until its grant was used up";
        failure(FailureKind::Crashed, message)
    } else {
        failure(FailureKind::OutOfMoney, "calls that were stopped before they were answered have used up the grant")
    };
    Ok(failed(run, due, &inbox, failure, began))
}

/// How a conversation with the model ended.
enum Ending {
    Good,
    Bad(Failure),
    Stopped,
}

struct Turn<'a> {
    run: &'a Run,
    due: &'a Due,
    resume: &'a Resume,
    /// The model that thinks, and its fallbacks.
    models: Vec<(&'a ModelKey, &'a Model)>,
    hours: Hours,
    tools: Vec<Arc<dyn Tool>>,
    /// The tools, as a provider is told of them.
    specs: Arc<[ToolSpec]>,
    permit: Permit<'a>,
    max_bytes: usize,
    prompt: Vec<Message>,
    /// Answers and results after the prompt.
    conversation: Vec<Message>,
    exchanges: Vec<Exchange>,
    embeddings: Vec<Receipt>,
    template: Option<Sha>,
    imports: Vec<FileChange>,
    edits_at_start: u32,
    /// Effects up to the last step.
    effects: Effects,
    violations: Vec<Violation>,
    warnings: Vec<String>,
    notes: Option<String>,
}

impl Turn<'_> {
    /// Asks, does what the answer says, runs its tools, and asks again, until an answer is final.
    async fn converse(
        &mut self,
        bench: &mut Bench<'_>,
        inbox: &Inbox,
        mut journal: Journal,
    ) -> Result<Ending, EngineError> {
        let max_steps = money::max_steps(&self.run.settings.org.value, self.resume);
        let mut results: Vec<ToolResult> = Vec::new();
        let mut found: Vec<Violation> = Vec::new();
        for step in 0..max_steps {
            let adopted = journal.next(step);
            let mut is_adopted = adopted.is_some();
            let (answer, last) = match adopted {
                Some(record) => {
                    self.adopt(bench, &record).await?;
                    (answered(record), false)
                }
                None => {
                    past::rewind(&self.permit, &self.exchanges);
                    let beside = past::beside(&self.permit, &self.run.by, &self.exchanges);
                    let mut request = self.request(bench, inbox, step, &results);
                    let last = step + 1 == max_steps || !self.another_would_fit(&request);
                    if last {
                        // What it asked for could not be done: it is not tempted.
                        request.tools = Arc::default();
                    }
                    let called = match past::no_answer(&self.permit, &self.exchanges) {
                        Some(no_answer) => Err(no_answer),
                        None => {
                            let models = past::models(&self.permit, &self.exchanges, &self.models);
                            call::call(self.run, self.permit.meter, &self.hours, &models, &request).await
                        }
                    };
                    match called {
                        Ok((answer, receipt)) => {
                            let receipt = Receipt { beside, ..receipt };
                            (Answered { text: answer.text, tool_calls: answer.tool_calls, receipt }, last)
                        }
                        Err(NoAnswer::Stopped) => return Ok(Ending::Stopped),
                        Err(NoAnswer::NoMoney) if step > 0 => {
                            self.warnings.push("the turn ended early: another model call would not fit".to_owned());
                            break;
                        }
                        Err(NoAnswer::NoTime) if step > 0 => {
                            let limit = self.hours.limit();
                            self.warnings.push(format!("{TOO_LATE} {limit:?}"));
                            break;
                        }
                        Err(no_answer) => return Ok(Ending::Bad(no_answer_failure(no_answer, &self.hours))),
                    }
                }
            };
            let reply = self.read(bench, &answer);
            if !reply.is_contract {
                self.exchanges.push(exchange(answer, Vec::new()));
                self.violations.extend(reply.violations);
                let message = "the model's answer holds no contract JSON";
                return Ok(Ending::Bad(failure(FailureKind::Garbage, message)));
            }
            let is_final = reply.tool_calls.is_empty() || last;
            if is_final {
                self.settle(bench, std::mem::take(&mut found));
                self.finish(bench, answer, reply).await?;
                break;
            }
            let (answer, reply) = if is_adopted {
                (answer, reply)
            } else {
                // Stored before its tools run; a rival's answer counts if it was first.
                let (effects, imports) = bench.take();
                let delta = journal::Delta { effects, imports, results: results.clone(), violations: found.clone() };
                let record = journal::record(self.run, self.due, step, &self.prompt, &delta, answer);
                match journal::store(self.run, record).await? {
                    journal::Stored::Ours(record) => {
                        self.add(bench, &delta.effects, delta.imports, std::mem::take(&mut found));
                        (answered(*record), reply)
                    }
                    journal::Stored::Theirs(record) => {
                        bench.go_back();
                        is_adopted = true;
                        if step == 0 {
                            self.prompt.clone_from(&record.prompt);
                            let read = memory::read(self.run, &self.due.agent, Some(&record.imports)).await?;
                            self.edits_at_start = count(&read.imports);
                            bench.begin_with(read);
                        }
                        self.adopt(bench, &record).await?;
                        let answer = answered(*record);
                        let reply = self.read(bench, &answer);
                        (answer, reply)
                    }
                }
            };
            let calls = answer.tool_calls.clone();
            self.conversation.push(Message { calls, ..Message::new(Role::Assistant, answer.text.clone()) });
            results = Vec::new();
            if let Some(next) = journal.peek(step + 1) {
                // What this answer and its tools did is recorded with the next one, and is not done again.
                self.notes = reply.notes.or(self.notes.take());
                found = Vec::new();
                results.clone_from(&next.results);
            } else {
                let calls = reply.tool_calls.clone();
                found = self.take_in(bench, reply).await?;
                for (i, call) in calls.into_iter().enumerate() {
                    // A provider wants an answer to each call of its own kind.
                    if i >= contract::MAX_TOOL_CALLS {
                        results.push(refused(
                            call,
                            format!("not made: an answer may call {} tools", contract::MAX_TOOL_CALLS),
                        ));
                        continue;
                    }
                    let result = tokio::select! {
                        biased;
                        result = self.call_tool(bench, call, results.len(), is_adopted) => result?,
                        // A runner that is told to leave does not wait for a slow tool.
                        () = self.run.ctx.stop.requested() => return Ok(Ending::Stopped),
                    };
                    results.push(result);
                }
            }
            let left = self.max_bytes.saturating_sub(prompt::bytes(&self.prompt) + prompt::bytes(&self.conversation));
            let more = step + 2 < max_steps;
            let native = answer.tool_calls.len();
            let room = left.saturating_sub(64).min(self.max_bytes / 2);
            self.conversation.push(prompt::results(&results, native, more, room));
            self.exchanges.push(exchange(answer, results.clone()));
        }
        bench.tidy();
        self.settle(bench, found);
        Ok(Ending::Good)
    }

    /// Takes in the final answer.
    async fn finish(&mut self, bench: &mut Bench<'_>, answer: Answered, reply: Reply) -> Result<(), EngineError> {
        if !reply.tool_calls.is_empty() {
            let message = "tool calls of the turn's last answer were not made".to_owned();
            self.violations.push(Violation { pointer: "/tool_calls".to_owned(), message });
        }
        let found = self.take_in(bench, reply).await?;
        self.exchanges.push(exchange(answer, Vec::new()));
        self.settle(bench, found);
        Ok(())
    }

    /// What an answer says. Native calls come first, and need no contract beside them.
    fn read(&self, bench: &Bench<'_>, answer: &Answered) -> Reply {
        let book = AddressBook { run: self.run, resume: self.resume, asked_for: bench.asked_for() };
        let mut reply = contract::parse(&answer.text, &book);
        if answer.tool_calls.is_empty() {
            return reply;
        }
        if !reply.is_contract {
            // What a model says while it calls tools is no answer yet.
            let text = answer.text.trim();
            reply = Reply { notes: (!text.is_empty()).then(|| text.to_owned()), ..Reply::default() };
        }
        let mut calls = answer.tool_calls.clone();
        let room = contract::MAX_TOOL_CALLS.saturating_sub(calls.len());
        calls.extend(reply.tool_calls.drain(..).take(room));
        Reply { tool_calls: calls, is_contract: true, ..reply }
    }

    /// Takes what a journalled step holds instead of what this attempt did since the step before.
    async fn adopt(&mut self, bench: &mut Bench<'_>, record: &StepRecord) -> Result<(), EngineError> {
        bench.adopt(&record.effects, &record.imports).await?;
        if let Some(last) = self.exchanges.last_mut()
            && last.results != record.results
        {
            last.results.clone_from(&record.results);
            if let Some(message) = self.conversation.last_mut() {
                *message = prompt::results(&record.results, last.tool_calls.len(), true, self.max_bytes / 2);
            }
        }
        self.add(bench, &record.effects, record.imports.clone(), record.violations.clone());
        Ok(())
    }

    fn add(&mut self, bench: &mut Bench<'_>, effects: &Effects, imports: Vec<FileChange>, violations: Vec<Violation>) {
        self.effects.outbox.extend(effects.outbox.iter().cloned());
        for change in &effects.memory {
            self.effects.memory.retain(|old| old.key != change.key);
            self.effects.memory.push(change.clone());
        }
        for archived in &effects.archive {
            archive::add(&mut self.effects.archive, archived.clone());
        }
        bench.archived.clone_from(&self.effects.archive);
        for change in &effects.files {
            self.effects.files.retain(|old| old.path != change.path);
            self.effects.files.push(change.clone());
        }
        self.effects.creates.extend(effects.creates.iter().cloned());
        bench.load += Load::of(effects, &imports);
        self.imports.extend(imports);
        self.violations.extend(violations);
        bench.said = self.effects.outbox.len();
        bench.asked_for.clone_from(&self.effects.creates);
        bench.keep();
    }

    /// Moves what was done since the last step into the turn.
    fn settle(&mut self, bench: &mut Bench<'_>, violations: Vec<Violation>) {
        let (effects, imports) = bench.take();
        self.add(bench, &effects, imports, violations);
    }

    /// Does what an answer says, apart from its tool calls.
    async fn take_in(&mut self, bench: &mut Bench<'_>, reply: Reply) -> Result<Vec<Violation>, EngineError> {
        let mut violations = reply.violations;
        for draft in reply.entries {
            bench.say(draft);
        }
        for update in reply.memory_updates {
            violations.extend(bench.remember(update.key, update.operation, update.value, update.cap).await?);
        }
        if let Some(notes) = reply.notes {
            self.notes = Some(notes);
        }
        Ok(violations)
    }

    /// Calls a tool. What may not be made twice is not made for an answer that this runner only adopted: whoever wrote
    /// it down may have made the call.
    async fn call_tool(
        &self,
        bench: &mut Bench<'_>,
        call: contract::ToolCall,
        place: usize,
        is_adopted: bool,
    ) -> Result<ToolResult, EngineError> {
        let tool = self.tools.iter().find(|tool| tool.name() == call.tool);
        if let (Some(tool), Some(recorded)) = (tool, self.recorded(&call, place))
            && (!tool.repeatable() || tool.asks_outside(&recorded.result))
        {
            return Ok(recorded.clone());
        }
        let outcome = match tool {
            Some(tool) if is_adopted && !tool.repeatable() => {
                tracing::warn!(event = "tool_outcome_unknown", tick = self.run.tick().0, agent = %self.due.agent,
                    tool_name = %call.tool, "a call that may have been made is not made again");
                let result = json!({"unknown": UNKNOWN});
                return Ok(ToolResult { id: call.id, tool: call.tool, arguments: call.arguments, ok: false, result });
            }
            Some(tool) => {
                bench.then = self.then(&call, place);
                let outcome = tool::call(tool.as_ref(), call.arguments.clone(), bench).await;
                bench.then = None;
                outcome
            }
            None => {
                let message = format!("you have no tool {:?}", call.tool);
                Err(CallFailure::Refused(ToolError(message)))
            }
        };
        if let (Some(tool), Some(recorded), Ok(_)) = (tool, self.recorded(&call, place), &outcome)
            && tool.sees_people()
        {
            return Ok(recorded.clone());
        }
        let (ok, result) = match outcome {
            Ok(result) => (true, result),
            Err(CallFailure::Refused(error)) => (false, error.0.into()),
            Err(CallFailure::Broken(source)) => {
                return Err(source.downcast::<EngineError>().map_or_else(
                    |source| EngineError::Damaged { tick: self.run.tick(), message: source.to_string() },
                    |error| *error,
                ));
            }
        };
        tracing::info!(event = "tool_called", tick = self.run.tick().0, agent = %self.due.agent, tool_name = %call.tool, ok,
            "a tool is called");
        // In the order in which whoever resumes the turn reads it from the journal.
        let (arguments, result) = (json::sorted(&call.arguments), json::sorted(&result));
        Ok(ToolResult { id: call.id, tool: call.tool, arguments, ok, result })
    }

    /// What the same call returned in the turn that is run again.
    fn recorded(&self, call: &contract::ToolCall, place: usize) -> Option<&ToolResult> {
        let result = self.permit.recorded?.exchanges.get(self.exchanges.len())?.results.get(place)?;
        (result.tool == call.tool && result.arguments == call.arguments).then_some(result)
    }

    /// What a tool that runs programs is told of the same call, in a turn that is run again.
    fn then(&self, call: &contract::ToolCall, place: usize) -> Option<Then> {
        self.permit.recorded?;
        let Some(ToolResult { ok, result, .. }) = self.recorded(call, place) else {
            let result = "the record has no such call, and a replay runs no program".into();
            return Some(Then { ok: false, result, files: Vec::new() });
        };
        let files = self.permit.changes.get(self.exchanges.len()).cloned().unwrap_or_default();
        Some(Then { ok: *ok, result: result.clone(), files })
    }

    fn request(&self, bench: &Bench<'_>, inbox: &Inbox, step: u32, results: &[ToolResult]) -> Request {
        // As a record gives them back, whoever has them in memory.
        let mut memory = bench.values().clone();
        memory.values_mut().for_each(serde_json::Value::sort_all_objects);
        let mut results: Vec<serde_json::Value> = results.iter().map(|result| result.result.clone()).collect();
        results.iter_mut().for_each(serde_json::Value::sort_all_objects);
        let messages = self.prompt.iter().chain(&self.conversation).cloned().collect();
        Request {
            messages,
            model_name: self.models.first().map(|(_, model)| model.model_name.clone()).unwrap_or_default(),
            temperature: self.resume.model.temperature,
            max_tokens: self.resume.model.max_tokens.get(),
            tools: self.specs.clone(),
            context_tokens: None,
            view: TurnView {
                agent: self.due.agent.clone(),
                tick: self.run.plan.value.tick,
                clock: self.run.plan.value.clock,
                step,
                inbox: inbox.entries.clone(),
                memory: Arc::new(memory),
                results,
            },
        }
    }

    /// Says whether after this request another of the worst kind would fit the licence.
    fn another_would_fit(&self, request: &Request) -> bool {
        self.permit.meter.fits(call::dearest(&self.models, request) + self.due.call_credits)
    }

    fn good(self, inbox: &Inbox, began: Timestamp) -> TurnRecord {
        past::settle(&self.permit);
        let mut record = base(self.run, self.due, inbox, began);
        record.licence = Some(self.permit.licence);
        record.spent = self.permit.meter.spent(!self.exchanges.is_empty());
        record.warnings = self.warnings;
        record.warnings.extend(soft_cap(self.run, self.due, self.resume, &record.spent));
        record.imports = self.imports;
        record.edits_at_start = self.edits_at_start;
        record.prompt = self.prompt;
        record.exchanges = self.exchanges;
        record.embeddings = self.embeddings;
        record.template = self.template;
        record.effects = self.effects;
        record.notes = self.notes;
        record.violations = self.violations;
        record
    }

    /// A failed turn leaves the mail unread and drops its effects; its calls stay in the record.
    fn bad(self, inbox: &Inbox, failure: Failure, began: Timestamp) -> TurnRecord {
        let mut record = self.good(inbox, began);
        record.status = Status::Failed;
        record.failure = Some(failure);
        record.effects = Effects::default();
        record.unimported = std::mem::take(&mut record.imports);
        record
    }
}

fn refused(call: contract::ToolCall, why: String) -> ToolResult {
    ToolResult { id: call.id, tool: call.tool, arguments: call.arguments, ok: false, result: why.into() }
}

fn count(edits: &[FileChange]) -> u32 {
    u32::try_from(edits.len()).unwrap_or(u32::MAX)
}

fn answered(record: StepRecord) -> Answered {
    Answered { text: record.answer, tool_calls: record.tool_calls, receipt: record.receipt }
}

fn exchange(answer: Answered, results: Vec<ToolResult>) -> Exchange {
    Exchange { answer: answer.text, tool_calls: answer.tool_calls, receipt: answer.receipt, results }
}

fn base(run: &Run, due: &Due, inbox: &Inbox, began: Timestamp) -> TurnRecord {
    TurnRecord {
        format: 1,
        nonce: run.ctx.entropy.nonce(),
        by: run.by.clone(),
        tick: run.tick(),
        agent: due.agent.clone(),
        rank: due.rank,
        status: Status::Ok,
        failure: None,
        licence: None,
        spent: Spent::default(),
        resume: due.resume.clone(),
        prompt_version: prompt::VERSION,
        inbox: inbox.read.clone(),
        inbox_end: inbox.end,
        imports: Vec::new(),
        edits_at_start: 0,
        unimported: Vec::new(),
        prompt: Vec::new(),
        exchanges: Vec::new(),
        embeddings: Vec::new(),
        template: None,
        effects: Effects::default(),
        notes: None,
        violations: Vec::new(),
        warnings: Vec::new(),
        started_at: began,
        duration_ms: run.ms_since(began),
    }
}

fn failed(run: &Run, due: &Due, inbox: &Inbox, failure: Failure, began: Timestamp) -> TurnRecord {
    let mut record = base(run, due, inbox, began);
    record.status = Status::Failed;
    record.failure = Some(failure);
    record
}

fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure { kind, message: message.into(), model: None }
}

fn no_answer_failure(no_answer: NoAnswer, hours: &Hours) -> Failure {
    let (key, error) = match no_answer {
        NoAnswer::Failed(key, error) => (key, error),
        NoAnswer::NoTime => {
            let message = format!("{TOO_LATE_TO_BEGIN} {:?} before its model was called", hours.limit());
            return failure(FailureKind::Unavailable, message);
        }
        NoAnswer::NoMoney | NoAnswer::Stopped => {
            return failure(FailureKind::OutOfMoney, "one model call would not fit what this turn may cost");
        }
    };
    let kind = match error.kind {
        CallErrorKind::Refused => FailureKind::Refused,
        CallErrorKind::ContextTooLong => FailureKind::ContextTooLong,
        CallErrorKind::Misconfigured => FailureKind::Misconfigured,
        CallErrorKind::Unanswered | CallErrorKind::TimedOut | CallErrorKind::RateLimited => FailureKind::Unavailable,
    };
    let model = (kind == FailureKind::Unavailable).then_some(key);
    Failure { model, ..failure(kind, error.message) }
}

/// The model that an agent thinks with in this turn, and its fallbacks; empty where there is none.
fn models<'a>(run: &'a Run, due: &Due, resume: &Resume) -> Vec<(&'a ModelKey, &'a Model)> {
    let registry = &run.settings.models.value;
    // The balance before the turn, as the plan saw it: whoever resumes the turn takes the same model.
    let balance = run.agent(&due.agent).map(|agent| agent.account.balance).unwrap_or_default();
    registry.candidates(money::chosen_model(resume, registry, balance))
}

fn soft_cap(run: &Run, due: &Due, resume: &Resume, spent: &Spent) -> Option<String> {
    let spent = spent.paid + spent.unanswered + spent.action;
    let left = run.agent(&due.agent)?.account.balance.saturating_sub(spent);
    let cap = resume.credits.soft_cap;
    // Who changes models below the cap is doing what a person said, and needs no warning of it.
    let frugal = resume.credits.soft_cap_model.as_ref();
    if frugal.is_some_and(|key| run.settings.models.value.models.contains_key(key)) {
        return None;
    }
    (left < cap).then(|| format!("{left} credits are left, below the soft cap of {cap}"))
}

/// The most bytes of a prompt: no tokenizer makes more tokens than bytes.
fn max_prompt_bytes(run: &Run, resume: &Resume, models: &[(&ModelKey, &Model)]) -> usize {
    let tokens = money::max_prompt_tokens(&run.settings.org.value, resume);
    let answer = u64::from(resume.model.max_tokens.get());
    // A prompt must fit whichever model answers it.
    let window = models.iter().filter_map(|(_, model)| model.context_tokens).min();
    let window = window.map_or(u64::MAX, |context| context.get().saturating_sub(answer));
    usize::try_from(tokens.min(window)).unwrap_or(usize::MAX)
}

fn permitted_tools(run: &Run, resume: &Resume) -> Vec<Arc<dyn Tool>> {
    let allowed = |tool: &&Arc<dyn Tool>| resume.permissions.tools.iter().any(|name| name.as_str() == tool.name());
    run.ctx.tools.iter().filter(allowed).cloned().collect()
}

fn notes(tools: &[Arc<dyn Tool>]) -> Vec<ToolNote> {
    let note = |tool: &Arc<dyn Tool>| ToolNote {
        name: tool.name(),
        description: tool.description(),
        arguments: tool.arguments(),
    };
    tools.iter().map(note).collect()
}

fn specs(tools: &[Arc<dyn Tool>]) -> Arc<[ToolSpec]> {
    let spec = |tool: &Arc<dyn Tool>| ToolSpec {
        name: tool.name().to_owned(),
        description: tool.description().to_owned(),
        arguments: tool.arguments(),
    };
    tools.iter().map(spec).collect()
}
