//! The ledger: each model call with its tokens, and what each turn was charged, to hold against a
//! provider's invoice.
//!
//! A call that was answered has a line of its own, with what it cost. What an account was charged
//! stands in the line of the turn: an answer that another runner had paid for before it died is
//! charged there as forfeited, and not a second time as paid.

use std::ops::RangeInclusive;

use futures::stream::{self, Stream, StreamExt as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::{PARALLEL, tick};
use crate::domain::credits::Credits;
use crate::domain::name::{AgentName, ModelKey};
use crate::domain::time::{Tick, Timestamp};
use crate::record::turn::{Receipt, Status};
use crate::store::{Store, StoreError};

/// What a line tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// A model call that was answered.
    Call,
    /// What a turn was charged.
    Turn,
}

/// A line of the ledger. Absent fields do not apply.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = LedgerLine)]
pub struct Line {
    /// What it tells of.
    pub kind: LineKind,
    /// The tick.
    pub tick: Tick,
    /// When the tick was planned.
    pub time: Timestamp,
    /// Whose turn.
    pub agent: AgentName,
    /// How the turn ended.
    pub status: Status,
    /// The call within the turn, from 0.
    pub step: Option<usize>,
    /// The model's key.
    pub model: Option<ModelKey>,
    /// The provider.
    pub provider: Option<String>,
    /// The provider's own name of the model.
    pub model_name: Option<String>,
    /// The model that the provider says it used.
    pub reported_model: Option<String>,
    /// The provider's id of the response.
    pub response_id: Option<String>,
    /// Tokens of the prompt, of all classes; absent where the provider does not say.
    pub input_tokens: Option<u64>,
    /// Those that were cached.
    pub cached_input_tokens: Option<u64>,
    /// Those that were written to a cache.
    pub cache_write_input_tokens: Option<u64>,
    /// Tokens of the answer, of all classes.
    pub output_tokens: Option<u64>,
    /// Those that were reasoning.
    pub reasoning_output_tokens: Option<u64>,
    /// The day of the price list.
    pub price_as_of: Option<String>,
    /// What the call cost.
    pub cost: Option<Credits>,
    /// Charged for calls with an answer.
    pub paid: Option<Credits>,
    /// Charged for calls without one.
    pub unanswered: Option<Credits>,
    /// Charged for what a runner that died may have spent.
    pub forfeited: Option<Credits>,
    /// Charged as `cost_per_action`.
    pub action: Option<Credits>,
    /// How long the call took, in milliseconds.
    pub duration_ms: Option<u64>,
}

impl Line {
    /// The names of the columns, in their order.
    pub const COLUMNS: [&'static str; 23] = [
        "kind",
        "tick",
        "time",
        "agent",
        "status",
        "step",
        "model",
        "provider",
        "model_name",
        "reported_model",
        "response_id",
        "input_tokens",
        "cached_input_tokens",
        "cache_write_input_tokens",
        "output_tokens",
        "reasoning_output_tokens",
        "price_as_of",
        "cost",
        "paid",
        "unanswered",
        "forfeited",
        "action",
        "duration_ms",
    ];

    /// What the line adds to the sum of what was charged: that stands in the lines of turns alone.
    #[must_use]
    pub fn charged(&self) -> Credits {
        match self.kind {
            LineKind::Turn => [self.paid, self.unanswered, self.forfeited, self.action].into_iter().flatten().sum(),
            LineKind::Call => Credits::ZERO,
        }
    }

    fn call(front: &Self, step: usize, receipt: &Receipt) -> Self {
        let usage = receipt.usage;
        Self {
            kind: LineKind::Call,
            step: Some(step),
            model: Some(receipt.model.clone()),
            provider: Some(receipt.provider.clone()),
            model_name: Some(receipt.model_name.clone()),
            reported_model: receipt.reported_model.clone(),
            response_id: receipt.response_id.clone(),
            input_tokens: usage.map(|usage| usage.input_tokens),
            cached_input_tokens: usage.map(|usage| usage.cached_input_tokens),
            cache_write_input_tokens: usage.map(|usage| usage.cache_write_input_tokens),
            output_tokens: usage.map(|usage| usage.output_tokens),
            reasoning_output_tokens: usage.map(|usage| usage.reasoning_output_tokens),
            price_as_of: receipt.price.as_of.clone(),
            cost: Some(receipt.cost_credits),
            duration_ms: Some(receipt.duration_ms),
            ..front.clone()
        }
    }

    /// The line as comma-separated values. What providers wrote is quoted, and never a formula to a
    /// program that opens it.
    #[must_use]
    pub fn csv(&self) -> String {
        fn shown<T: ToString>(value: Option<&T>) -> String {
            value.map(T::to_string).unwrap_or_default()
        }
        fn text(value: Option<&String>) -> String {
            let value = value.map(String::as_str).unwrap_or_default();
            if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{value}") } else { value.to_owned() }
        }
        let fields = [
            match self.kind {
                LineKind::Call => "call".to_owned(),
                LineKind::Turn => "turn".to_owned(),
            },
            self.tick.to_string(),
            self.time.to_string(),
            self.agent.to_string(),
            self.status.as_str().to_owned(),
            shown(self.step.as_ref()),
            shown(self.model.as_ref()),
            text(self.provider.as_ref()),
            text(self.model_name.as_ref()),
            text(self.reported_model.as_ref()),
            text(self.response_id.as_ref()),
            shown(self.input_tokens.as_ref()),
            shown(self.cached_input_tokens.as_ref()),
            shown(self.cache_write_input_tokens.as_ref()),
            shown(self.output_tokens.as_ref()),
            shown(self.reasoning_output_tokens.as_ref()),
            text(self.price_as_of.as_ref()),
            shown(self.cost.as_ref()),
            shown(self.paid.as_ref()),
            shown(self.unanswered.as_ref()),
            shown(self.forfeited.as_ref()),
            shown(self.action.as_ref()),
            shown(self.duration_ms.as_ref()),
        ];
        fields.map(|field| quoted(&field)).join(",")
    }
}

/// A field as RFC 4180 quotes it, without control characters.
fn quoted(field: &str) -> String {
    let clean: String = field.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.contains([',', '"', ' ']) { format!("\"{}\"", clean.replace('"', "\"\"")) } else { clean }
}

/// The lines of each of these ticks, in their order; several are read at once.
pub fn ledgers(store: &Store, ticks: RangeInclusive<u64>) -> impl Stream<Item = Result<Vec<Line>, StoreError>> + Unpin {
    let read = move |at| {
        let store = store.clone();
        async move { ledger(&store, Tick(at)).await }
    };
    Box::pin(stream::iter(ticks).map(read).buffered(PARALLEL))
}

/// The lines of a closed tick; none of one that is open or was not planned.
///
/// # Errors
/// The store failed, or a record cannot be read.
pub async fn ledger(store: &Store, at: Tick) -> Result<Vec<Line>, StoreError> {
    let mut lines = Vec::new();
    let Some(records) = tick(store, at).await? else { return Ok(lines) };
    let Some(closed) = records.closed else { return Ok(lines) };
    for turn in &records.turns {
        let Some(fold) = closed.turns.get(&turn.agent) else { continue };
        let front = Line {
            kind: LineKind::Turn,
            tick: at,
            time: records.plan.time,
            agent: turn.agent.clone(),
            status: turn.status,
            step: None,
            model: None,
            provider: None,
            model_name: None,
            reported_model: None,
            response_id: None,
            input_tokens: None,
            cached_input_tokens: None,
            cache_write_input_tokens: None,
            output_tokens: None,
            reasoning_output_tokens: None,
            price_as_of: None,
            cost: None,
            paid: None,
            unanswered: None,
            forfeited: None,
            action: None,
            duration_ms: None,
        };
        let calls = turn.exchanges.iter().enumerate();
        lines.extend(calls.map(|(step, exchange)| Line::call(&front, step, &exchange.receipt)));
        let action = turn.spent.action;
        lines.push(Line {
            // The fold counts the action as paid.
            paid: Some(fold.charge.paid.saturating_sub(action)),
            unanswered: Some(fold.charge.unanswered),
            forfeited: Some(fold.charge.forfeited),
            action: Some(action),
            ..front
        });
    }
    Ok(lines)
}
