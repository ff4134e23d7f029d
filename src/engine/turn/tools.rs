//! The tool calls of a turn: what is made, what is not made again, and what a turn that is run again takes
//! from its record.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::EngineError;
use super::Turn;
use super::desk::{Bench, Then};
use crate::domain::contract::ToolCall;
use crate::domain::json;
use crate::record::turn::ToolResult;
use crate::tool::{self, CallFailure, ToolError};

/// What the model is told of a call that nobody knows the outcome of.
const UNKNOWN: &str = "the runner that was to make this call ended, perhaps after it had made it; it is not made again: \
                       find out whether it happened before you ask for it again";

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
                bench.saw_doubtful = false;
                let outcome = tool::call(tool.as_ref(), call.arguments.clone(), bench).await;
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
    ToolResult { id: call.id, tool: call.tool, arguments: call.arguments, ok: false, result: why.into() }
}
