//! The spans of traces: what a tick did, who took how long, and which calls that were.
//!
//! Of a target of their own, so that they are made only where traces are collected, and log lines are what they are
//! without them. Model calls, turns and tools have the attributes of OpenTelemetry's conventions for generative AI
//! (<https://opentelemetry.io/docs/specs/semconv/gen-ai/>). What was said to a model and by one is in none: names, numbers
//! and words of ours are all that there is.

use tracing::Span;
use tracing::field::{Empty, display};
use uuid::Uuid;

use crate::domain::model::Model;
use crate::domain::name::{AgentName, ModelKey};
use crate::domain::time::Tick;
use crate::provider::{Answer, CallError, Request};
use crate::record::plan::{Due, Plan};
use crate::record::turn::TurnRecord;

/// The target of all spans that traces are made of.
pub const TARGET: &str = "otel";

/// So many characters of what a provider says it is are told.
const MOST_CHARS: usize = 128;

/// All that one trigger leads to in an organisation.
#[must_use]
pub fn organisation() -> Span {
    tracing::info_span!(target: TARGET, "organisation", lemming.store = Empty)
}

/// Notes where the organisation is: as people may see it.
pub fn placed(span: &Span, place: &str) {
    span.record("lemming.store", place);
}

/// Finding out what is to do, and pinning it.
#[must_use]
pub fn plan(tick: Tick) -> Span {
    tracing::info_span!(target: TARGET, "plan", lemming.tick = tick.0)
}

/// The work on a tick, from its plan until it is closed or left.
#[must_use]
pub fn tick(plan: &Plan) -> Span {
    tracing::info_span!(target: TARGET, "tick", lemming.tick = plan.tick.0, lemming.clock = plan.clock.0,
        lemming.due = plan.due.len(), lemming.skipped = plan.skipped.len(), lemming.closed = Empty)
}

/// Notes whether a tick is closed, or left for others.
pub fn tick_ended(span: &Span, closed: bool) {
    span.record("lemming.closed", closed);
}

/// One attempt at a turn.
#[must_use]
pub fn turn(tick: Tick, agent: &AgentName) -> Span {
    tracing::info_span!(target: TARGET, "turn", otel.name = format!("invoke_agent {agent}"),
        gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = agent.as_str(), lemming.tick = tick.0,
        lemming.because = Empty, lemming.status = Empty, lemming.calls = Empty, lemming.cost_credits = Empty,
        "error.type" = Empty, otel.status_code = Empty)
}

/// Notes why an agent has a turn.
pub fn turn_due(span: &Span, due: &Due) {
    span.record("lemming.because", word(&due.because));
}

/// Notes how a turn ended that is committed.
pub fn turn_ended(span: &Span, turn: &TurnRecord) {
    if span.is_disabled() {
        return;
    }
    let spent = turn.spent.paid + turn.spent.unanswered + turn.spent.action;
    span.record("lemming.status", turn.status.as_str());
    span.record("lemming.calls", turn.exchanges.len());
    span.record("lemming.cost_credits", display(spent));
    if let Some(failure) = &turn.failure {
        span.record("error.type", word(&failure.kind));
        span.record("otel.status_code", "ERROR");
    }
}

/// One request to a model.
#[must_use]
pub fn model_call(key: &ModelKey, model: &Model, request: &Request, attempt: u32) -> Span {
    tracing::info_span!(target: TARGET, "model_call", otel.name = format!("chat {}", short(&model.model_name)),
        otel.kind = "client", gen_ai.operation.name = "chat", gen_ai.provider.name = provider(&model.provider),
        gen_ai.request.model = short(&model.model_name), gen_ai.request.max_tokens = request.max_tokens,
        gen_ai.agent.name = request.view.agent.as_str(), lemming.model = key.as_str(), lemming.tick = request.view.tick.0,
        lemming.step = request.view.step, lemming.attempt = attempt, gen_ai.response.model = Empty,
        gen_ai.response.id = Empty, gen_ai.usage.input_tokens = Empty, gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty, gen_ai.usage.cache_creation.input_tokens = Empty,
        "error.type" = Empty, otel.status_code = Empty)
}

/// Notes what a model's answer says of itself; nothing of what it says.
pub fn answered(span: &Span, answer: &Answer) {
    if span.is_disabled() {
        return;
    }
    if let Some(model) = &answer.reported_model {
        span.record("gen_ai.response.model", short(model));
    }
    if let Some(id) = &answer.response_id {
        span.record("gen_ai.response.id", short(id));
    }
    if let Some(usage) = &answer.usage {
        span.record("gen_ai.usage.input_tokens", usage.input_tokens);
        span.record("gen_ai.usage.output_tokens", usage.output_tokens);
        span.record("gen_ai.usage.cache_read.input_tokens", usage.cached_input_tokens);
        span.record("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_input_tokens);
    }
}

/// Notes of what sort an error of a call is. Its message may quote the model.
pub fn unanswered(span: &Span, error: &CallError) {
    if span.is_disabled() {
        return;
    }
    span.record("error.type", word(&error.kind));
    span.record("otel.status_code", "ERROR");
}

/// One call of a tool that the agent has; the names of others are a model's own words.
#[must_use]
pub fn tool_call(tool: &str, id: Uuid) -> Span {
    tracing::info_span!(target: TARGET, "tool_call", otel.name = format!("execute_tool {tool}"),
        gen_ai.operation.name = "execute_tool", gen_ai.tool.name = tool, gen_ai.tool.call.id = %id,
        "error.type" = Empty, otel.status_code = Empty)
}

/// Notes that a tool did not do what it was asked.
pub fn tool_refused(span: &Span) {
    span.record("error.type", "tool_error");
    span.record("otel.status_code", "ERROR");
}

/// One request of the API. `route` is the pattern of a route, never the path.
#[must_use]
pub fn http_request(method: &str, route: &str) -> Span {
    tracing::info_span!(target: TARGET, "http_request", otel.name = format!("{method} {route}"), otel.kind = "server",
        http.request.method = method, http.route = route, http.response.status_code = Empty, "error.type" = Empty,
        otel.status_code = Empty)
}

/// Notes how a request was answered.
pub fn http_answered(span: &Span, status: u16) {
    if span.is_disabled() {
        return;
    }
    span.record("http.response.status_code", status);
    if status >= 500 {
        span.record("error.type", status.to_string());
        span.record("otel.status_code", "ERROR");
    }
}

/// The word that stands for it in JSON.
fn word(sort: &impl serde::Serialize) -> String {
    serde_json::to_value(sort).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The name that the conventions have for a provider.
fn provider(name: &str) -> &str {
    match name {
        "gemini" => "gcp.gemini",
        "vertex" => "gcp.vertex_ai",
        "bedrock" => "aws.bedrock",
        "azure" => "azure.ai.openai",
        "xai" => "x_ai",
        "mistral" => "mistral_ai",
        other => other,
    }
}

/// What others name, in one line that is not long.
fn short(name: &str) -> String {
    crate::clean::clean(name).replace('\n', " ").chars().take(MOST_CHARS).collect()
}
