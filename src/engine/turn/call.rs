//! One model call: paid for before it is sent.
//!
//! Before each request, retries included, the worst case is added to the meter, and must fit the
//! licence; it is replaced when the usage is known. A call that was sent and not answered stays at
//! its worst case. A model that does not answer is tried again, then replaced by its fallbacks, and
//! left alone for a while (`breaker`).

use std::time::Duration;

use tokio::sync::Semaphore;
use tracing::Instrument;

use super::super::EngineError;
use super::super::prompt;
use super::super::run::Run;
use super::meter::{Hours, Meter};
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::model::Model;
use crate::domain::name::ModelKey;
use crate::domain::prompt::Message;
use crate::domain::time::Timestamp;
use crate::mutant::{self, Mutant};
use crate::provider::{Answer, CallCost, CallError, CallErrorKind, Provider, Request, ToolSpec};
use crate::record;
use crate::record::recording::Recording;
use crate::record::turn::{Exchange, Receipt};
use crate::store::Key;
use crate::telemetry::spans;

/// How often a call is made before the turn fails.
const ATTEMPTS: u32 = 3;

/// The pause before the second attempt, give or take a half; doubled before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest that a turn waits because a provider asks for it; who asks for more is not asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug)]
pub(in super::super) enum NoAnswer {
    /// The request does not fit the licence.
    NoMoney,
    /// The turn's time is over.
    NoTime,
    /// The runner was told to leave.
    Stopped,
    /// The model of that key gave none.
    Failed(ModelKey, CallError),
}

/// Makes one call: to the first of `models` that answers, with retries where they may help.
pub(in super::super) async fn call(
    run: &Run,
    meter: &Meter,
    hours: &Hours,
    models: &[(&ModelKey, &Model)],
    mut request: Request,
) -> Result<(Answer, Receipt), NoAnswer> {
    let mut unreached = None;
    for (at, (key, model)) in models.iter().enumerate() {
        request.model_name.clone_from(&model.model_name);
        request.context_tokens = model.context_tokens.map(std::num::NonZeroU64::get);
        let line = Line { run, meter, hours, key, model, request: &request };
        let (failed, error) = match line.call().await {
            Err(NoAnswer::Failed(failed, error)) => (failed, error),
            // Why the models before did not answer says more than that no other can be paid for.
            Err(NoAnswer::NoMoney | NoAnswer::NoTime) if unreached.is_some() => break,
            ended => return ended,
        };
        // A fallback that is not set up is none.
        let is_none = at > 0 && error.kind == CallErrorKind::Misconfigured;
        if !error.kind.may_help_later() && !is_none {
            return Err(NoAnswer::Failed(failed, error));
        }
        if let Some((next, _)) = models.get(at + 1) {
            tracing::warn!(event = "model_replaced", agent = %request.view.agent, model = %key, by = %next,
                error = %error.message, "a model does not answer, and its fallback is called");
        }
        if !is_none {
            unreached = Some((failed, error));
        }
    }
    Err(unreached.map_or(NoAnswer::NoMoney, |(failed, error)| NoAnswer::Failed(failed, error)))
}

/// In a fork: the answer of its origin to this very request, whichever of the models gave it. It costs nothing, and needs
/// neither a model nor its key.
pub(in super::super) async fn at_hand(
    run: &Run,
    models: &[(&ModelKey, &Model)],
    request: &Request,
) -> Result<Option<(Answer, Receipt)>, EngineError> {
    if !run.settings.org.value.relives(run.tick()) {
        return Ok(None);
    }
    for (key, model) in models {
        let request = addressed(request, model);
        let Some(found) = run.ctx.store.read::<Recording>(&Key::Recorded(exact(&request))).await? else { continue };
        let Recording { answer, tool_calls, usage, reported_model, response_id, .. } = found;
        let answer = Answer { text: answer, tool_calls, usage, reported_model, response_id };
        tracing::debug!(event = "answer_reused", agent = %request.view.agent, model = %key,
            "the organisation that this one was forked from got an answer to this request: nobody is asked");
        return Ok(Some(reused(run, key, model, &request, answer)));
    }
    Ok(None)
}

/// The same of a turn that is run again, from its record.
pub(in super::super) fn given_before(
    run: &Run,
    models: &[(&ModelKey, &Model)],
    request: &Request,
    exchange: &Exchange,
) -> Option<(Answer, Receipt)> {
    let Exchange { answer, tool_calls, receipt, .. } = exchange;
    let (key, model) = models.iter().find(|(key, _)| **key == receipt.model)?;
    let answer = Answer {
        text: answer.clone(),
        tool_calls: tool_calls.clone(),
        usage: receipt.usage,
        reported_model: receipt.reported_model.clone(),
        response_id: receipt.response_id.clone(),
    };
    Some(reused(run, key, model, &addressed(request, model), answer))
}

fn reused(run: &Run, key: &ModelKey, model: &Model, request: &Request, answer: Answer) -> (Answer, Receipt) {
    let receipt = receipt(run, model, key, request, &answer, Credits::ZERO, run.ctx.clock.now(), 0);
    (answer, Receipt { reused: true, ..receipt })
}

/// A request as a model gets it.
fn addressed(request: &Request, model: &Model) -> Request {
    let context_tokens = model.context_tokens.map(std::num::NonZeroU64::get);
    Request { model_name: model.model_name.clone(), context_tokens, ..request.clone() }
}

/// One model and what it is asked.
struct Line<'a> {
    run: &'a Run,
    meter: &'a Meter,
    hours: &'a Hours,
    key: &'a ModelKey,
    model: &'a Model,
    request: &'a Request,
}

impl Line<'_> {
    fn failed(&self, error: CallError) -> NoAnswer {
        NoAnswer::Failed(self.key.clone(), error)
    }

    fn now(&self) -> Timestamp {
        self.run.ctx.clock.now()
    }

    async fn call(&self) -> Result<(Answer, Receipt), NoAnswer> {
        let (provider, places) = self.run.provider(self.key).await.map_err(|error| self.failed(error))?;
        let mut before = None;
        for attempt in 1..=ATTEMPTS {
            let error = match self.attempt(provider.as_ref(), places.as_deref(), attempt).await {
                Ok(Ok(answered)) => return Ok(answered),
                Ok(Err(error)) => error,
                // That there is no other attempt has a reason, which says more.
                Err(NoAnswer::NoMoney | NoAnswer::NoTime) if before.is_some() => {
                    return Err(before.map_or(NoAnswer::NoMoney, |error| self.failed(error)));
                }
                Err(ended) => return Err(ended),
            };
            if !error.kind.may_help_later() || attempt == ATTEMPTS {
                return Err(self.failed(error));
            }
            // Spread as well where the provider says how long: it says the same to all that it turned away.
            let asked = error.retry_after.unwrap_or_default();
            let pause = asked + self.pause(attempt);
            // Who asks for more time than there is would be asked too early.
            if asked > LONGEST_PAUSE || self.hours.left(self.now()).is_none_or(|left| left <= pause) {
                return Err(self.failed(error));
            }
            tracing::debug!(event = "model_call_retried", agent = %self.request.view.agent, attempt, model = %self.key,
                error = %error.message, backoff_seconds = pause.as_secs_f64(), "a model call failed and is made again");
            tokio::select! {
                biased;
                () = self.run.ctx.stop.requested() => return Err(NoAnswer::Stopped),
                () = self.run.ctx.clock.sleep(pause) => {}
            }
            before = Some(error);
        }
        unreachable!("the last attempt returns")
    }

    /// Makes one request. The inner error may help later; the outer one ends the call.
    async fn attempt(
        &self,
        provider: &dyn Provider,
        places: Option<&Semaphore>,
        attempt: u32,
    ) -> Result<Result<(Answer, Receipt), CallError>, NoAnswer> {
        let Self { run, meter, key, model, request, .. } = self;
        let waiting = self.now();
        // Waiting for a place is not part of any time limit.
        let _place = match places {
            Some(places) => tokio::select! {
                biased;
                () = run.ctx.stop.requested() => return Err(NoAnswer::Stopped),
                place = places.acquire() => Some(place.map_err(|_| NoAnswer::Stopped)?),
            },
            None => None,
        };
        let breakers = &run.ctx.memo.breakers;
        let pass = tokio::select! {
            biased;
            () = run.ctx.stop.requested() => return Err(NoAnswer::Stopped),
            pass = breakers.pass(key, model, run.is_in_trouble(key), || run.ctx.clock.now()) => pass,
        };
        self.hours.waited(waiting, self.now());
        let _pass = match pass {
            Ok(pass) => pass,
            Err(open) => {
                let message = format!(
                    "the model {key} did not answer {} calls in a row and is left alone for {} more seconds",
                    open.failures,
                    open.left.as_secs().max(1)
                );
                return Err(self.failed(CallError::new(CallErrorKind::Unanswered, message).unsent()));
            }
        };
        let worst = worst(model, request);
        let left = self.hours.left(self.now()).ok_or(NoAnswer::NoTime)?;
        if !meter.send(worst) {
            return Err(NoAnswer::NoMoney);
        }
        let limit = run.settings.org.value.limits.call_timeout.duration().min(left);
        let began = self.now();
        let span = tracing::debug_span!("model_call", model = %key, step = request.view.step, attempt);
        tracing::debug!(parent: &span, phase = "call", event = "model_call_sent", agent = %request.view.agent, "a model is called");
        let traced = spans::model_call(key, model, request, attempt);
        let complete = provider.complete(request).instrument(traced.clone()).instrument(span);
        let answer = tokio::select! {
            biased;
            () = run.ctx.stop.requested() => return Err(NoAnswer::Stopped),
            answer = tokio::time::timeout(limit, complete) => answer,
        };
        let error = match answer {
            Ok(Ok(answer)) => {
                spans::answered(&traced, &answer);
                let cost = answer.usage.map_or(worst, |usage| model.price.of(usage));
                meter.settle(worst, cost);
                breakers.answered(key);
                let receipt = receipt(run, model, key, request, &answer, cost, began, attempt);
                return Ok(Ok((answer, receipt)));
            }
            Ok(Err(error)) => error,
            Err(_) => CallError::new(CallErrorKind::TimedOut, format!("no answer within {limit:?}")),
        };
        spans::unanswered(&traced, &error);
        match error.cost {
            CallCost::Nothing => meter.settle(worst, Credits::ZERO),
            CallCost::Used(usage) => meter.settle(worst, model.price.of(usage)),
            CallCost::Unknown if mutant::is(Mutant::UnansweredCallsAreMetered) => meter.settle(worst, Credits::ZERO),
            CallCost::Unknown => {}
        }
        if error.kind.may_help_later() {
            breakers.failed(key, self.now(), error.retry_after);
        } else {
            breakers.answered(key);
        }
        Ok(Err(error))
    }

    /// The pause after an attempt: doubled each time, and spread, so that agents that failed together
    /// do not come back together.
    fn pause(&self, attempt: u32) -> Duration {
        let view = &self.request.view;
        let call = view.step.wrapping_mul(64).wrapping_add(attempt);
        let jitter = self.run.plan.value.seed.jitter(view.tick, &view.agent, call);
        // From half to one and a half times the doubled pause.
        FIRST_PAUSE * (1 << (attempt - 1).min(8)) * (512 + jitter) / 1024
    }
}

/// The worst case of one request, whichever of the models answers it.
pub(in super::super) fn dearest(
    models: &[(&ModelKey, &Model)],
    messages: &[Message],
    tools: &[ToolSpec],
    max_tokens: u32,
) -> Credits {
    let (tokens, answer) = (most_tokens(messages, tools), u64::from(max_tokens));
    models.iter().map(|(_, model)| model.price.worst(tokens, answer)).max().unwrap_or_default()
}

/// The worst case of one request to a model.
fn worst(model: &Model, request: &Request) -> Credits {
    model.price.worst(most_tokens(&request.messages, &request.tools), u64::from(request.max_tokens))
}

/// No more tokens than so many go in, whichever the model.
fn most_tokens(messages: &[Message], tools: &[ToolSpec]) -> u64 {
    let bytes = prompt::bytes(messages) + prompt::tool_bytes(tools) + prompt::schema_bytes();
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[expect(clippy::too_many_arguments, reason = "a receipt says all of a call")]
fn receipt(
    run: &Run,
    model: &Model,
    key: &ModelKey,
    request: &Request,
    answer: &Answer,
    cost_credits: Credits,
    began: Timestamp,
    attempts: u32,
) -> Receipt {
    Receipt {
        model: key.clone(),
        provider: model.provider.clone(),
        model_name: model.model_name.clone(),
        reported_model: answer.reported_model.clone(),
        response_id: answer.response_id.clone(),
        usage: answer.usage,
        price: model.price.clone(),
        cost_credits,
        duration_ms: run.ms_since(began),
        attempts,
        by: run.by.clone(),
        request: Some(exact(request)),
        reused: false,
        beside: None,
    }
}

/// The hash of all that the model was given. What it is made of stands in the record, the resume and
/// the registry; the hash says whether it was put together the same way.
fn exact(request: &Request) -> Sha {
    let Request { messages, model_name, temperature, max_tokens, tools, context_tokens, view: _ } = request;
    record::hash(&(messages, model_name, temperature, max_tokens, tools, context_tokens))
}
