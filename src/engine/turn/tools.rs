//! The tool calls of a turn: what is made, what is not made again, and what a turn that is run again takes
//! from its record.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};
use tracing::Instrument as _;
use uuid::Uuid;

use super::super::run::Run;
use super::super::{EngineError, approval};
use super::Turn;
use super::desk::{Bench, Then};
use crate::domain::contract::ToolCall;
use crate::domain::json;
use crate::domain::time::Timestamp;
use crate::domain::toolbox::{Approval, Effect};
use crate::mutant::{self, Mutant};
use crate::record;
use crate::record::approval::{CallResult, Question};
use crate::record::turn::ToolResult;
use crate::store::Key;
use crate::telemetry::spans;
use crate::tool::{self, CallFailure, ToolError};

/// What the model is told of a call that nobody knows the outcome of.
const UNKNOWN: &str = "the runner that was to make this call ended, perhaps after it had made it; it is not made again: \
                       find out whether it happened before you ask for it again";

/// What the model would be told of a call that waits: its turn ends, and the next one begins with the answer.
const WAITS: &str = "a person is asked first; your turn after the answer begins with what came of it";

impl Turn<'_> {
    /// Calls a tool. What may not be made twice is not made for an answer that this runner only adopted: whoever wrote
    /// it down may have made the call.
    pub(super) async fn call_tool(
        &self,
        bench: &mut Bench<'_>,
        call: ToolCall,
        place: usize,
        is_adopted: bool,
    ) -> Result<ToolResult, EngineError> {
        let tool = self.tools.iter().find(|tool| tool.name() == call.tool);
        let id = self.call_id(place);
        let is_made_again = mutant::is(Mutant::OutsideCallsAreMadeOnce);
        if let (Some(tool), Some(recorded)) = (tool, self.recorded(&call, place))
            && (tool.effect() != Effect::None || tool.asks_outside(&recorded.result))
        {
            return Ok(recorded.clone());
        }
        let outcome = match tool {
            Some(tool) if is_adopted && !tool.effect().may_be_made_again() && !is_made_again => {
                let call = ToolCall { arguments: json::sorted(&call.arguments), ..call };
                let made: Option<CallResult> = self.run.ctx.store.read(&Key::CallResult(id)).await?;
                if let Some(made) = made {
                    return Ok(ToolResult { call: Some(id), ..told(call, made.ok, made.result) });
                }
                tracing::warn!(event = "tool_outcome_unknown", tick = self.run.tick().0, agent = %self.due.agent,
                    tool_name = %call.tool, "a call that may have been made is not made again");
                let result = json!({"unknown": UNKNOWN});
                return Ok(ToolResult { call: Some(id), unknown: true, ..told(call, false, result) });
            }
            Some(tool) => {
                bench.call_id = id;
                bench.then = self.then(&call, place);
                bench.saw_doubtful = false;
                let span = spans::tool_call(tool.name(), id);
                let made = tool::call(tool.as_ref(), call.arguments.clone(), bench);
                let outcome = made.instrument(span.clone()).await;
                if outcome.is_err() {
                    spans::tool_refused(&span);
                }
                // One that runs programs has taken it, and left what the files held at the end of its answer.
                if self.permit.recorded.is_some() && bench.then.take().is_none() {
                    self.changed_again(place).iter().for_each(|path| bench.doubt(path));
                }
                outcome
            }
            None => {
                let message = format!("you have no tool {:?}", call.tool);
                Err(CallFailure::Refused(ToolError(message)))
            }
        };
        if let (Some(tool), Some(recorded)) = (tool, self.recorded(&call, place)) {
            let is_broken = matches!(outcome, Err(CallFailure::Broken(_)));
            if (tool.sees_people() && outcome.is_ok()) || (bench.saw_doubtful && !is_broken) {
                return Ok(recorded.clone());
            }
        }
        let (ok, result) = match outcome {
            Ok(result) => (true, result),
            Err(CallFailure::Refused(error)) => (false, error.0.into()),
            Err(CallFailure::Broken(source)) => return Err(broken(self.run, source)),
        };
        tracing::info!(event = "tool_called", tick = self.run.tick().0, agent = %self.due.agent, tool_name = %call.tool, ok,
            "a tool is called");
        // In the order in which whoever resumes the turn reads it from the journal.
        let (arguments, result) = (json::sorted(&call.arguments), json::sorted(&result));
        let reached = tool.is_some_and(|tool| tool.effect() != Effect::None);
        if tool.is_some_and(|tool| !tool.effect().may_be_made_again()) && self.permit.recorded.is_none() {
            // At once, and not with the next step: whoever takes the turn over could not ask again.
            let made = CallResult { format: 1, by: self.run.by.clone(), call: id, ok, result: result.clone() };
            let bytes = Bytes::from(record::encode(&made));
            self.run.ctx.store.create_pure(&Key::CallResult(id), bytes).await?;
        }
        Ok(ToolResult { call: reached.then_some(id), ..told(ToolCall { arguments, ..call }, ok, result) })
    }

    /// The id of the call at this place of the present answer's.
    fn call_id(&self, place: usize) -> Uuid {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let plan = &self.run.plan.value;
        plan.seed.call_id(plan.tick, &self.due.agent, number(self.exchanges.len()), number(place))
    }

    /// The question that a call is to a person, if it waits for one; or why it cannot even be asked.
    pub(super) fn question(&self, call: &ToolCall, place: usize) -> Option<Result<Question, String>> {
        let tool = self.tools.iter().find(|tool| tool.name() == call.tool)?;
        let agent = &self.due.agent;
        let effect = tool.effect();
        let toolbox = self.run.settings.toolbox.as_ref().map(|pinned| &*pinned.value);
        let rule = toolbox.map_or(Approval::of(effect), |toolbox| toolbox.approval(tool.permission(), effect, agent));
        // What a fork relives its origin has done: no answer of then is a yes to do it once more.
        let is_done = effect == Effect::Once && self.run.settings.org.value.relives(self.run.tick());
        let rule = if is_done { Approval::Always } else { rule };
        let arguments = json::sorted(&call.arguments);
        let worth = tool.worth(&arguments);
        if !rule.is_needed(worth) {
            return None;
        }
        let unanswered = self.run.state.approvals.values().filter(|waiting| waiting.verdict.is_none());
        let waiting = unanswered.filter(|waiting| waiting.agent == *agent);
        if waiting.count() + self.waiting.len() >= approval::MOST_WAITING {
            let most = approval::MOST_WAITING;
            return Some(Err(format!("not asked: {most} of your calls wait for a person's yes already")));
        }
        if let Err(error) = tool::limits::check_arguments(&arguments) {
            return Some(Err(error.0));
        }
        let expire_after = toolbox
            .map(|toolbox| toolbox.approvals.expire_after)
            .unwrap_or_else(|| crate::domain::toolbox::Approvals::default().expire_after);
        let time = self.run.plan.value.time;
        Some(Ok(Question {
            id: self.call_id(place),
            tool: call.tool.clone(),
            permission: tool.permission().to_owned(),
            arguments_sha256: record::hash(&arguments),
            arguments,
            worth_credits: worth,
            purpose: self.notes.clone(),
            expires_at: Timestamp::from_unix_ms(time.unix_ms().saturating_add(expire_after.as_ms())),
        }))
    }

    /// What the same call returned in the turn that is run again.
    fn recorded(&self, call: &ToolCall, place: usize) -> Option<&ToolResult> {
        let result = self.permit.recorded?.exchanges.get(self.exchanges.len())?.results.get(place)?;
        (result.tool == call.tool && result.arguments == call.arguments).then_some(result)
    }

    /// The files that a call of the recorded turn changed and a later one of the same answer changed again: no record
    /// has what they held in between.
    fn changed_again(&self, place: usize) -> BTreeSet<String> {
        let exchange = self.permit.recorded.and_then(|record| record.exchanges.get(self.exchanges.len()));
        let Some(results) = exchange.map(|exchange| &exchange.results) else { return BTreeSet::new() };
        let changed = |result: &ToolResult| {
            let tool = self.tools.iter().find(|tool| result.ok && tool.name() == result.tool);
            let named = tool.map_or(Some(Vec::new()), |tool| tool.changed(&result.arguments, &result.result));
            named.unwrap_or_else(|| self.changed_workspace())
        };
        let later: BTreeSet<String> = results.iter().skip(place + 1).flat_map(changed).collect();
        results.get(place).into_iter().flat_map(changed).filter(|path| later.contains(path)).collect()
    }

    /// The files of the workspace that the tools of this answer changed.
    fn changed_workspace(&self) -> Vec<String> {
        let own = format!("agents/{}/", self.due.agent);
        let files = self.permit.changes.get(self.exchanges.len()).into_iter().flatten();
        let named = files.filter_map(|change| change.path.strip_prefix(&own)).map(str::to_owned);
        named.filter(|path| path.starts_with("workspace/")).collect()
    }

    /// What a tool that runs programs is told of the same call, in a turn that is run again.
    fn then(&self, call: &ToolCall, place: usize) -> Option<Then> {
        self.permit.recorded?;
        let Some(ToolResult { ok, result, .. }) = self.recorded(call, place) else {
            let result = "the record has no such call, and a replay runs no program".into();
            return Some(Then { ok: false, result, files: Vec::new() });
        };
        let files = self.permit.changes.get(self.exchanges.len()).cloned().unwrap_or_default();
        Some(Then { ok: *ok, result: result.clone(), files })
    }
}

/// The answer to a call that is not made.
pub(super) fn refused(call: ToolCall, why: String) -> ToolResult {
    told(call, false, why.into())
}

/// The answer to a call that waits for a person's yes.
pub(super) fn waits(call: ToolCall, question: &Question) -> ToolResult {
    let result = json!({"waiting": WAITS, "approval": question.id});
    let arguments = question.arguments.clone();
    ToolResult { call: Some(question.id), waits: true, ..told(ToolCall { arguments, ..call }, false, result) }
}

fn told(call: ToolCall, ok: bool, result: Value) -> ToolResult {
    let ToolCall { id, tool, arguments, .. } = call;
    ToolResult { id, tool, arguments, ok, result, call: None, unknown: false, waits: false }
}

/// What a turn fails with whose tool cannot answer for what happened.
pub(super) fn broken(run: &Run, source: Box<dyn std::error::Error + Send + Sync>) -> EngineError {
    source
        .downcast::<EngineError>()
        .map_or_else(|source| EngineError::Damaged { tick: run.tick(), message: source.to_string() }, |error| *error)
}
