//! One model call: paid for before it is sent.
//!
//! Before each request, retries included, the worst case is added to the meter, and must fit the
//! licence; it is replaced when the usage is known. A call that was sent and not answered stays at
//! its worst case.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tracing::Instrument;

use super::super::prompt;
use super::super::run::Run;
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::model::Model;
use crate::domain::name::ModelKey;
use crate::domain::time::Timestamp;
use crate::provider::{Answer, CallError, CallErrorKind, Request};
use crate::record::encode;
use crate::record::turn::{Receipt, Spent};

/// How often a call is made before the turn fails.
const ATTEMPTS: u32 = 3;

/// The pause before the second attempt; doubled before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest that a provider's `Retry-After` is obeyed within a turn.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What a licence has spent, by its own calls.
#[derive(Debug)]
pub(in super::super) struct Meter {
    ceiling: Credits,
    action: Credits,
    spent: Mutex<(Credits, Credits)>,
}

impl Meter {
    /// The meter of a licence that may spend `ceiling`, `action` of it for the turn itself.
    pub(in super::super) fn new(ceiling: Credits, action: Credits) -> Self {
        Self { ceiling, action, spent: Mutex::default() }
    }

    /// Says that so much is spent: for a turn that is run again from its record.
    pub(super) fn set(&self, paid: Credits, unanswered: Credits) {
        self.with(|spent| *spent = (paid, unanswered));
    }

    /// Says that all is spent.
    pub(super) fn fill(&self) {
        self.set(Credits::ZERO, self.ceiling);
    }

    fn with<T>(&self, change: impl FnOnce(&mut (Credits, Credits)) -> T) -> T {
        change(&mut self.spent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was paid, and what went unanswered.
    pub(in super::super) fn read(&self) -> (Credits, Credits) {
        self.with(|spent| *spent)
    }

    /// What the turn record says of it: `cost_per_action` counts once a call was answered.
    pub(in super::super) fn spent(&self, called: bool) -> Spent {
        let (paid, unanswered) = self.read();
        Spent { paid, unanswered, action: if called { self.action } else { Credits::ZERO } }
    }

    /// Says whether `worst` more would fit the licence.
    pub(in super::super) fn fits(&self, worst: Credits) -> bool {
        self.with(|(paid, unanswered)| *paid + *unanswered + worst + self.action <= self.ceiling)
    }

    fn send(&self, worst: Credits) -> bool {
        self.with(|(paid, unanswered)| {
            let fits = *paid + *unanswered + worst + self.action <= self.ceiling;
            if fits {
                *unanswered += worst;
            }
            fits
        })
    }

    fn settle(&self, worst: Credits, cost: Credits) {
        self.with(|(paid, unanswered)| {
            *unanswered = unanswered.saturating_sub(worst);
            *paid += cost;
        });
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(in super::super) enum NoAnswer {
    /// The request does not fit the licence.
    NoMoney,
    /// The runner was told to leave.
    Stopped,
    /// The model gave none.
    Failed(CallError),
}

/// Makes one call, with retries where they may help.
pub(in super::super) async fn call(
    run: &Run,
    meter: &Meter,
    model: &Model,
    key: &ModelKey,
    request: &Request,
) -> Result<(Answer, Receipt), NoAnswer> {
    let (provider, places) = run.provider(key).await.map_err(NoAnswer::Failed)?;
    let worst = worst(model, request);
    let mut pause = FIRST_PAUSE;
    for attempt in 1..=ATTEMPTS {
        // Waiting for a place is not part of the call's time limit.
        let _place = match &places {
            Some(places) => Some(places.acquire().await.map_err(|_| NoAnswer::Stopped)?),
            None => None,
        };
        if run.ctx.stop.is_requested() {
            return Err(NoAnswer::Stopped);
        }
        if !meter.send(worst) {
            return Err(NoAnswer::NoMoney);
        }
        let limit = run.settings.org.value.limits.call_timeout.duration();
        let began = run.ctx.clock.now();
        let span = tracing::debug_span!("model_call", model = %key, step = request.view.step, attempt);
        tracing::debug!(parent: &span, phase = "call", event = "model_call_sent", agent = %request.view.agent, "a model is called");
        let answer = tokio::select! {
            biased;
            () = run.ctx.stop.requested() => return Err(NoAnswer::Stopped),
            answer = tokio::time::timeout(limit, provider.complete(request).instrument(span)) => answer,
        };
        let error = match answer {
            Ok(Ok(answer)) => {
                let cost = answer.usage.map_or(worst, |usage| model.price.of(usage));
                meter.settle(worst, cost);
                let receipt = receipt(run, model, key, request, &answer, cost, began, attempt);
                return Ok((answer, receipt));
            }
            Ok(Err(error)) => error,
            Err(_) => CallError::new(CallErrorKind::TimedOut, format!("no answer within {limit:?}")),
        };
        if !error.kind.may_have_cost() {
            meter.settle(worst, Credits::ZERO);
        }
        if !error.kind.may_help_later() || attempt == ATTEMPTS {
            return Err(NoAnswer::Failed(error));
        }
        tracing::debug!(event = "model_call_retried", agent = %request.view.agent, attempt, error = %error.message,
            backoff_seconds = pause.as_secs_f64(), "a model call failed and is made again");
        tokio::select! {
            biased;
            () = run.ctx.stop.requested() => return Err(NoAnswer::Stopped),
            () = run.ctx.clock.sleep(error.retry_after.unwrap_or(pause).min(LONGEST_PAUSE)) => {}
        }
        pause *= 2;
    }
    unreachable!("the last attempt returns")
}

/// The worst case of one request.
pub(in super::super) fn worst(model: &Model, request: &Request) -> Credits {
    let bytes = prompt::bytes(&request.messages) + prompt::tool_bytes(&request.tools);
    let tokens = u64::try_from(bytes).unwrap_or(u64::MAX);
    model.price.worst(tokens, u64::from(request.max_tokens))
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
        beside: None,
    }
}

/// The hash of all that the model was given. What it is made of stands in the record, the resume and
/// the registry; the hash says whether it was put together the same way.
fn exact(request: &Request) -> Sha {
    let Request { messages, model_name, temperature, max_tokens, tools, context_tokens, view: _ } = request;
    let exact = serde_json::json!([messages, model_name, temperature, max_tokens, tools, context_tokens]);
    Sha::of(&encode(&exact))
}
