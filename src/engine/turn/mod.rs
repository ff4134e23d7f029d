//! A turn: one agent's work in one tick, collected in memory. It touches nothing; the commit does.
//!
//! Every model call but the last is journalled, and the first writer of a step wins: whoever
//! resumes the turn adopts the recorded answers and pays for none of them again.

mod approved;
mod call;
mod create;
mod desk;
mod files;
mod inbox;
mod journal;
mod listing;
mod memory;
mod meter;
mod opening;
mod outcome;
mod past;
mod preparation;
mod preview;
mod tools;

use std::sync::Arc;

use self::call::NoAnswer;
use self::desk::{AddressBook, Bench, Load};
pub(super) use self::inbox::Committed;
use self::inbox::Inbox;
use self::journal::{Answered, Journal};
use self::meter::Hours;
pub(super) use self::meter::Meter;
use self::opening::{collect, max_prompt_bytes, models, open};
use self::outcome::{failed, failure, no_answer_failure};
pub(super) use self::past::lay_out;
pub(super) use self::preparation::Preparation;
use self::preparation::Prepared;
pub(super) use self::preview::preview;
use self::tools::{refused, waits};
use super::prompt;
use super::run::Run;
use super::{EngineError, money};
use crate::domain::archive;
use crate::domain::contract::{self, Reply, ToolCall, Violation};
use crate::domain::ids::Sha;
use crate::domain::model::Model;
use crate::domain::name::ModelKey;
use crate::domain::prompt::Message;
use crate::domain::resume::Resume;
use crate::mutant::{self, Mutant};
use crate::provider::{Answer, Request, Role, ToolSpec, TurnView};
use crate::record;
use crate::record::approval::{Question, Settled};
use crate::record::chain::LicenceId;
use crate::record::plan::{Cause, Due};
use crate::record::step::StepRecord;
use crate::record::turn::{Effects, Exchange, Failure, FailureKind, FileChange, Receipt, ToolResult, TurnRecord};
use crate::tool::Tool;

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
    let prepared = preparation.of(run, due, permit.first, permit.recorded).await?;
    let Prepared { resume, tools, specs, journal, memory, .. } = prepared;
    let models = models(run, due, resume);
    if models.is_empty() {
        let inbox = inbox::collect(run, due, committed, usize::MAX).await?;
        let failure = failure(FailureKind::Misconfigured, format!("there is no model {}", resume.model.key));
        return Ok(Attempt::Done(Box::new(failed(run, due, &inbox, failure, began))));
    }
    let max_bytes = max_prompt_bytes(run, resume, &models);
    let inbox = collect(run, due, prepared, max_bytes, committed).await?;
    let hops = if due.because == Cause::Mail { inbox.hops } else { 0 };
    let mut bench = Bench::new(run, due, resume, &inbox.entries, hops, memory.clone(), permit);
    let answered = match journal.answered() {
        Some(answered) => answered,
        // On the heap: few turns have any, and all would carry the room for it.
        None => Box::pin(approved::take_up(run, due, &permit, tools, &mut bench)).await?,
    };
    let prompt = open(run, due, prepared, max_bytes, &inbox, &answered);
    let mut turn = Turn {
        run,
        due,
        resume,
        models,
        hours: Hours::new(began, run.settings.org.value.limits.turn_timeout.duration()),
        specs: specs.clone(),
        tools: tools.clone(),
        permit,
        max_bytes,
        prompt,
        conversation: Vec::new(),
        exchanges: Vec::new(),
        journal: Vec::new(),
        embeddings: Vec::new(),
        template: None,
        imports: Vec::new(),
        edits_at_start: count(&memory.imports),
        edits_found_after: Vec::new(),
        answers_acted_on: 0,
        effects: Effects::default(),
        violations: Vec::new(),
        warnings: memory.warnings.clone(),
        notes: None,
        answered,
        waiting: Vec::new(),
    };
    let ending = turn.converse(&mut bench, &inbox, journal.clone()).await?;
    turn.embeddings = std::mem::take(&mut bench.embeddings);
    turn.template = bench.template.take();
    match ending {
        Ending::Good => Ok(Attempt::Done(Box::new(turn.good(&inbox, began)))),
        Ending::Bad(failure) => {
            turn.import(bench.take().1);
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
    /// The hashes of the steps that it rests on.
    journal: Vec<Sha>,
    embeddings: Vec<Receipt>,
    template: Option<Sha>,
    imports: Vec<FileChange>,
    edits_at_start: u32,
    edits_found_after: Vec<u32>,
    /// Of how many answers the tools have begun.
    answers_acted_on: u32,
    /// Effects up to the last step.
    effects: Effects,
    violations: Vec<Violation>,
    warnings: Vec<String>,
    notes: Option<String>,
    /// Answers to calls that waited, which it began with.
    answered: Vec<Settled>,
    /// Calls that it did not make, and that wait now.
    waiting: Vec<Question>,
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
                        None if let Some(at_hand) = self.at_hand(&request).await? => Ok(at_hand),
                        None => {
                            let models = past::models(&self.permit, &self.exchanges, &self.models);
                            call::call(self.run, self.permit.meter, &self.hours, &models, request).await
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
                let began = if step == 0 { (self.prompt.clone(), self.answered.clone()) } else { Default::default() };
                let record = journal::record(self.run, self.due, step, began, &delta, answer);
                match journal::store(self.run, record).await? {
                    journal::Stored::Ours(record) => {
                        self.journal.push(record::hash(&*record));
                        self.add(bench, &delta.effects, delta.imports, std::mem::take(&mut found));
                        bench.keep();
                        (answered(*record), reply)
                    }
                    journal::Stored::Theirs(record) => {
                        if mutant::is(Mutant::EffectsCountOnce) {
                            self.add(bench, &delta.effects, delta.imports, Vec::new());
                        }
                        bench.go_back();
                        is_adopted = true;
                        if step == 0 {
                            self.prompt.clone_from(&record.prompt);
                            self.answered.clone_from(&record.answered);
                            let pinned = (!mutant::is(Mutant::StepZeroPinsInputs)).then_some(&record.imports[..]);
                            let read = memory::read(self.run, &self.due.agent, pinned).await?;
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
            self.act().await?;
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
                    let place = results.len();
                    let result = match self.question(&call, place) {
                        Some(Ok(question)) => {
                            let told = waits(call, &question);
                            self.waiting.push(question);
                            told
                        }
                        Some(Err(why)) => refused(call, why),
                        None => match Box::pin(self.call_or_stop(bench, call, place, is_adopted)).await? {
                            Some(result) => result,
                            None => return Ok(Ending::Stopped),
                        },
                    };
                    results.push(result);
                }
            }
            if !self.waiting.is_empty() {
                // The turn ends here: what it would say next depends on the answer.
                self.exchanges.push(exchange(answer, results));
                break;
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

    /// Calls a tool, unless the runner is told to leave; it does not wait for a slow tool then, unless the call may not be
    /// made twice: nobody could tell any more whether it was made.
    async fn call_or_stop(
        &self,
        bench: &mut Bench<'_>,
        call: ToolCall,
        place: usize,
        is_adopted: bool,
    ) -> Result<Option<ToolResult>, EngineError> {
        let stop = &self.run.ctx.stop;
        let tool = self.tools.iter().find(|tool| tool.name() == call.tool);
        if tool.is_some_and(|tool| !tool.effect().may_be_made_again()) {
            if stop.is_requested() {
                return Ok(None);
            }
            return self.call_tool(bench, call, place, is_adopted).await.map(Some);
        }
        tokio::select! {
            biased;
            result = self.call_tool(bench, call, place, is_adopted) => result.map(Some),
            () = stop.requested() => Ok(None),
        }
    }

    /// Takes in the final answer.
    async fn finish(&mut self, bench: &mut Bench<'_>, answer: Answered, reply: Reply) -> Result<(), EngineError> {
        if !reply.tool_calls.is_empty() {
            let message = "tool calls of the turn's last answer were not made".to_owned();
            self.violations.push(Violation { pointer: "/tool_calls".to_owned(), message });
        }
        self.act().await?;
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
        self.journal.push(record::hash(record));
        if let Some(last) = self.exchanges.last_mut()
            && last.results != record.results
        {
            last.results.clone_from(&record.results);
            if let Some(message) = self.conversation.last_mut() {
                *message = prompt::results(&record.results, last.tool_calls.len(), true, self.max_bytes / 2);
            }
        }
        self.add(bench, &record.effects, record.imports.clone(), record.violations.clone());
        bench.keep();
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
        self.import(imports);
        self.violations.extend(violations);
        bench.said = self.effects.outbox.len();
        bench.asked_for.clone_from(&self.effects.creates);
    }

    fn import(&mut self, imports: Vec<FileChange>) {
        let at_start = usize::try_from(self.edits_at_start).unwrap_or(usize::MAX).saturating_sub(self.imports.len());
        let later = imports.len().saturating_sub(at_start);
        self.edits_found_after.extend(std::iter::repeat_n(self.answers_acted_on, later));
        self.imports.extend(imports);
    }

    /// Begins to act on the next answer. A turn that is run again comes upon the edits now that it came upon then.
    async fn act(&mut self) -> Result<(), EngineError> {
        self.answers_acted_on += 1;
        past::reveal(self.run, &self.permit, self.answers_acted_on).await
    }

    /// Moves what was done since the last step into the turn, which ends: nothing can be taken back any more.
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

    fn request(&self, bench: &Bench<'_>, inbox: &Inbox, step: u32, results: &[ToolResult]) -> Request {
        // As a record gives them back, whoever has them in memory.
        let mut memory = bench.values().clone();
        memory.values_mut().for_each(serde_json::Value::sort_all_objects);
        let mut results: Vec<serde_json::Value> = results.iter().map(|result| result.result.clone()).collect();
        results.iter_mut().for_each(serde_json::Value::sort_all_objects);
        let mut answered: Vec<_> = self.answered.iter().map(|settled| serde_json::json!(settled)).collect();
        answered.iter_mut().for_each(serde_json::Value::sort_all_objects);
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
                answered,
            },
        }
    }

    /// The answer that is at hand to a request: in a fork, what its origin was answered.
    async fn at_hand(&self, request: &Request) -> Result<Option<(Answer, Receipt)>, EngineError> {
        let again = self.permit.recorded.map(|record| record.exchanges.get(self.exchanges.len()));
        match again {
            Some(Some(exchange)) if exchange.receipt.reused => {
                Ok(call::given_before(self.run, &self.models, request, exchange))
            }
            Some(_) => Ok(None),
            None => call::at_hand(self.run, &self.models, request).await,
        }
    }

    /// Says whether after this request another of the worst kind would fit the licence.
    fn another_would_fit(&self, request: &Request) -> bool {
        let dearest = call::dearest(&self.models, &request.messages, &request.tools, request.max_tokens);
        self.permit.meter.fits(dearest + self.due.call_credits)
    }
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
