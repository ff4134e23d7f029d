//! What a turn begins with if calls of its agent were answered: an approved one is made now, once.
//!
//! Whoever makes it writes `calls/<id>/call.json` first. That name is used once in the life of the organisation, so that
//! of all runners that work on this turn, on a later one, or come back from a long sleep, one alone makes the call. What it
//! returned goes to `calls/<id>/result.json`, before the turn goes on: whoever takes the turn over reads it there. If
//! the call is written down and no result is, nobody knows whether it was made, and the turn says so.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tracing::Instrument as _;
use uuid::Uuid;

use super::super::EngineError;
use super::super::run::Run;
use super::Permit;
use super::desk::{Bench, Then};
use crate::domain::json as order;
use crate::domain::toolbox::Effect;
use crate::mutant::{self, Mutant};
use crate::record::approval::{ApprovedCall, CallResult, Decision, Outcome, Settled, Verdict, Waiting};
use crate::record::plan::Due;
use crate::record::turn::TurnRecord;
use crate::record::{self, encode};
use crate::store::{Created, Key};
use crate::telemetry::spans;
use crate::tool::{self, CallFailure, Tool};

/// What the agent is told of an approved call that nobody knows the outcome of.
const UNKNOWN: &str = "it was approved, and the runner that was to make it ended, perhaps after it had made it; it is not \
                       made again: find out whether it happened before you ask for it again";

/// The answers that an agent has not heard of yet, with the calls that were approved made.
pub(super) async fn take_up(
    run: &Run,
    due: &Due,
    permit: &Permit<'_>,
    tools: &[Arc<dyn Tool>],
    bench: &mut Bench<'_>,
) -> Result<Vec<Settled>, EngineError> {
    if let Some(record) = permit.recorded {
        return again(run, record, tools, bench).await;
    }
    let mut answered = Vec::new();
    for (id, waiting) in run.state.approvals.iter().filter(|(_, waiting)| waiting.agent == due.agent) {
        let (Some(verdict), Some(decided)) = (waiting.verdict, waiting.decided) else { continue };
        let decision = run.decision(decided, *id).await?;
        let edited = decision.as_ref().and_then(|decision| decision.arguments.clone());
        let asked = asked(run, *id, waiting).await?;
        let arguments = order::sorted(&edited.or(asked).unwrap_or(Value::Null));
        let (outcome, ok, result) = match verdict {
            Verdict::Approved => {
                // Without the record of the answer nobody knows whether it was to other arguments.
                let arguments = Some(&arguments).filter(|arguments| !arguments.is_null() && decision.is_some());
                make(run, due, tools, bench, (*id, &waiting.tool, arguments)).await?
            }
            Verdict::Denied => (Outcome::NotMade, false, denied(decision.as_ref())),
            Verdict::Expired => (Outcome::NotMade, false, "nobody answered in time".into()),
        };
        answered.push(Settled {
            id: *id,
            tool: waiting.tool.clone(),
            arguments,
            verdict,
            by: decision.and_then(|decision| decision.by),
            outcome,
            ok,
            result: order::sorted(&result),
        });
    }
    Ok(answered)
}

/// The arguments that a call was asked for with.
async fn asked(run: &Run, id: Uuid, waiting: &Waiting) -> Result<Option<Value>, EngineError> {
    let record = run.earlier_turn(waiting.tick, &waiting.agent).await?;
    let question = record.as_ref().and_then(|record| record.waiting.iter().find(|question| question.id == id));
    // What was given up is not what was shown.
    let is_whole = |arguments: &&Value| record::hash(*arguments) == waiting.arguments_sha256;
    Ok(question.map(|question| &question.arguments).filter(is_whole).cloned())
}

fn denied(decision: Option<&Decision>) -> Value {
    match decision.and_then(|decision| decision.reason.as_deref()) {
        Some(reason) => format!("a person said no: {reason}").into(),
        None => "a person said no".into(),
    }
}

/// What came of a call: whether it was made, whether it did what was asked, and what it returned.
type Made = (Outcome, bool, Value);

/// Makes an approved call, if nobody has begun to and it still can be made.
async fn make(
    run: &Run,
    due: &Due,
    tools: &[Arc<dyn Tool>],
    bench: &mut Bench<'_>,
    (id, name, arguments): (Uuid, &str, Option<&Value>),
) -> Result<Made, EngineError> {
    let tool = tools.iter().find(|tool| tool.name() == name);
    let (tool, arguments) = match (tool, arguments) {
        (_, None) => return withhold(run, due, id, "what it was to be made with was given up".to_owned()).await,
        (None, _) => {
            let why = format!("it was approved, but you have no tool {name:?} any more");
            return withhold(run, due, id, why).await;
        }
        (Some(tool), Some(arguments)) => (tool, arguments),
    };
    if tool.effect() == Effect::None {
        // All that it changes lies at the desk, and happens with the commit or not at all. If its effect was another one
        // before, it may have been begun in a turn that came to nothing.
        if let Some(begun) = begun(run, due, id).await? {
            return Ok(begun);
        }
        let (ok, result) = call(run, tool.as_ref(), bench, id, arguments).await?;
        return Ok((Outcome::Made, ok, result));
    }
    let intent = claim(run, due, id, Some(arguments));
    if !is_ours(run, id, &intent).await? && !mutant::is(Mutant::ApprovedCallsAreMadeOnce) {
        return Ok(begun(run, due, id).await?.unwrap_or_else(unknown));
    }
    let (ok, result) = call(run, tool.as_ref(), bench, id, arguments).await?;
    let made = CallResult { format: 1, by: run.by.clone(), call: id, ok, result };
    run.ctx.store.create_pure(&Key::CallResult(id), Bytes::from(encode(&made))).await?;
    tracing::info!(event = "approved_call_made", tick = run.tick().0, agent = %due.agent, tool_name = name, ok,
        "an approved call is made");
    Ok((Outcome::Made, made.ok, made.result))
}

/// Makes an approved call no more, unless somebody has begun it: the name is taken, so that no runner that slept makes it
/// after the records say that it was not.
async fn withhold(run: &Run, due: &Due, id: Uuid, why: String) -> Result<Made, EngineError> {
    if is_ours(run, id, &claim(run, due, id, None)).await? {
        return Ok((Outcome::NotMade, false, why.into()));
    }
    Ok(begun(run, due, id).await?.unwrap_or_else(unknown))
}

fn claim(run: &Run, due: &Due, id: Uuid, arguments: Option<&Value>) -> ApprovedCall {
    ApprovedCall {
        format: 1,
        nonce: run.ctx.entropy.nonce(),
        by: run.by.clone(),
        tick: run.tick(),
        agent: due.agent.clone(),
        approval: id,
        arguments_sha256: arguments.map(record::hash),
    }
}

async fn is_ours(run: &Run, id: Uuid, claim: &ApprovedCall) -> Result<bool, EngineError> {
    let created = run.ctx.store.create_own(&Key::ApprovedCall(id), Bytes::from(encode(claim))).await?;
    Ok(matches!(created, Created::Won))
}

/// What came of a call whose name somebody has taken; none: nobody has.
async fn begun(run: &Run, due: &Due, id: Uuid) -> Result<Option<Made>, EngineError> {
    let store = &run.ctx.store;
    let Some(claim) = store.read::<ApprovedCall>(&Key::ApprovedCall(id)).await? else { return Ok(None) };
    if claim.arguments_sha256.is_none() {
        return Ok(Some((Outcome::NotMade, false, "it was approved, and could not be made any more".into())));
    }
    if let Some(made) = store.read::<CallResult>(&Key::CallResult(id)).await? {
        return Ok(Some((Outcome::Made, made.ok, made.result)));
    }
    tracing::warn!(event = "approved_call_unknown", tick = run.tick().0, agent = %due.agent, call = %id,
        "an approved call that may have been made is not made again");
    Ok(Some(unknown()))
}

fn unknown() -> Made {
    (Outcome::Unknown, false, json!({"unknown": UNKNOWN}))
}

async fn call(
    run: &Run,
    tool: &dyn Tool,
    bench: &mut Bench<'_>,
    id: Uuid,
    arguments: &Value,
) -> Result<(bool, Value), EngineError> {
    bench.call_id = id;
    let span = spans::tool_call(tool.name(), id);
    let made = tool::call(tool, arguments.clone(), bench).instrument(span.clone()).await;
    if made.is_err() {
        spans::tool_refused(&span);
    }
    match made {
        Ok(result) => Ok((true, order::sorted(&result))),
        Err(CallFailure::Refused(error)) => Ok((false, error.0.into())),
        Err(CallFailure::Broken(source)) => Err(super::tools::broken(run, source)),
    }
}

/// What a turn that is run again began with: calls that left their changes at its desk leave them there again.
async fn again(
    run: &Run,
    record: &TurnRecord,
    tools: &[Arc<dyn Tool>],
    bench: &mut Bench<'_>,
) -> Result<Vec<Settled>, EngineError> {
    for made in record.answered.iter().filter(|answered| answered.outcome == Outcome::Made) {
        let tool = tools.iter().find(|tool| tool.name() == made.tool);
        let at_desk = |tool: &&Arc<dyn Tool>| tool.effect() == Effect::None && !tool.asks_outside(&made.result);
        if let Some(tool) = tool.filter(at_desk) {
            let files = record.effects.files.clone();
            bench.then = Some(Then { ok: made.ok, result: made.result.clone(), files });
            call(run, tool.as_ref(), bench, made.id, &made.arguments).await?;
            bench.then = None;
        }
    }
    Ok(record.answered.clone())
}
