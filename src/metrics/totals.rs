//! What closed ticks add up to: a pure function of their records.

use std::collections::BTreeMap;

use super::catalogue::{
    DEAD_LETTERS, DECIDED, FAILURES, MESSAGES, MODEL_CALLS, MODEL_COST, MODEL_DURATION, MODEL_RETRIES, Metric, SKIPPED,
    TOKENS, TOOL_CALLS, TURN_DURATION, TURNS, VIOLATIONS,
};
use super::text::{Sample, Samples, Spread};
use crate::domain::credits::Credits;
use crate::domain::model::Usage;
use crate::domain::name::ModelKey;
use crate::record::approval::Verdict;
use crate::record::closed::Closed;
use crate::record::plan::{Plan, SkipReason};
use crate::record::turn::{FailureKind, Receipt, Status, ToolResult, TurnRecord};

/// So many models have series of their own; the calls of others are told together, as `_others`.
pub const MOST_MODELS: usize = 100;

/// No key of a model begins like that.
const OTHERS: &str = "_others";

/// The bounds of how long a call of a model takes, in seconds: from a model on this machine to the longest time limits.
const CALL_BOUNDS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0];

/// The bounds of how long a turn takes, in seconds.
const TURN_BOUNDS: &[f64] = &[0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0];

const STATUSES: [Status; 3] = [Status::Ok, Status::Failed, Status::Waiting];

const FAILURE_KINDS: [(FailureKind, &str); 7] = [
    (FailureKind::Garbage, "garbage"),
    (FailureKind::Refused, "refused"),
    (FailureKind::ContextTooLong, "context_too_long"),
    (FailureKind::Crashed, "crashed"),
    (FailureKind::Unavailable, "unavailable"),
    (FailureKind::OutOfMoney, "out_of_money"),
    (FailureKind::Misconfigured, "misconfigured"),
];

const REASONS: [SkipReason; 6] = [
    SkipReason::NoCredits,
    SkipReason::NoBudget,
    SkipReason::Paused,
    SkipReason::UnknownModel,
    SkipReason::BrokenResume,
    SkipReason::Failing,
];

const VERDICTS: [Verdict; 3] = [Verdict::Approved, Verdict::Denied, Verdict::Expired];

const OUTCOMES: [&str; 4] = ["ok", "error", "waiting", "unknown"];

/// What the calls of one model add up to.
#[derive(Debug, Clone, PartialEq)]
struct ModelTotals {
    calls: u64,
    retries: u64,
    duration: Spread,
    usage: Usage,
    cost: Credits,
}

impl ModelTotals {
    fn new() -> Self {
        Self { calls: 0, retries: 0, duration: Spread::new(CALL_BOUNDS), usage: Usage::default(), cost: Credits::ZERO }
    }

    fn add(&mut self, receipt: &Receipt) {
        self.calls += 1;
        self.retries += u64::from(receipt.attempts.saturating_sub(1));
        self.duration.add_ms(receipt.duration_ms);
        self.cost += receipt.cost_credits;
        let Some(usage) = receipt.usage else { return };
        let total = &mut self.usage;
        for (sum, tokens) in [
            (&mut total.input_tokens, usage.input_tokens),
            (&mut total.cached_input_tokens, usage.cached_input_tokens),
            (&mut total.cache_write_input_tokens, usage.cache_write_input_tokens),
            (&mut total.output_tokens, usage.output_tokens),
            (&mut total.reasoning_output_tokens, usage.reasoning_output_tokens),
        ] {
            // A provider may say anything.
            *sum = sum.saturating_add(tokens);
        }
    }
}

/// What closed ticks add up to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Totals {
    turns: [u64; STATUSES.len()],
    failures: [u64; FAILURE_KINDS.len()],
    skipped: [u64; REASONS.len()],
    decided: [u64; VERDICTS.len()],
    tool_calls: [u64; OUTCOMES.len()],
    turn_duration: Spread,
    violations: u64,
    dead_letters: u64,
    said: u64,
    admitted: u64,
    models: BTreeMap<String, ModelTotals>,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            turns: [0; STATUSES.len()],
            failures: [0; FAILURE_KINDS.len()],
            skipped: [0; REASONS.len()],
            decided: [0; VERDICTS.len()],
            tool_calls: [0; OUTCOMES.len()],
            turn_duration: Spread::new(TURN_BOUNDS),
            violations: 0,
            dead_letters: 0,
            said: 0,
            admitted: 0,
            models: BTreeMap::new(),
        }
    }
}

impl Totals {
    /// Adds what plan and closed record of a tick say.
    pub(super) fn add_tick(&mut self, plan: &Plan, closed: &Closed) {
        for skipped in &plan.skipped {
            add_one(&mut self.skipped, REASONS.iter().position(|reason| *reason == skipped.reason));
        }
        for fold in closed.turns.values() {
            add_one(&mut self.turns, STATUSES.iter().position(|status| *status == fold.status));
            self.dead_letters += fold.dead_letters.len() as u64;
        }
        for decided in closed.decided.values() {
            add_one(&mut self.decided, VERDICTS.iter().position(|verdict| verdict == decided));
        }
        let mail = closed.entries.iter().filter(|entry| entry.mail).count();
        self.admitted += mail as u64;
        self.said += (closed.entries.len() - mail) as u64;
    }

    /// Adds what the record of a turn says.
    pub(super) fn add_turn(&mut self, turn: &TurnRecord) {
        if let Some(failure) = &turn.failure {
            add_one(&mut self.failures, FAILURE_KINDS.iter().position(|(kind, _)| *kind == failure.kind));
        }
        self.violations += turn.violations.len() as u64;
        self.turn_duration.add_ms(turn.duration_ms);
        for exchange in &turn.exchanges {
            // An answer that a fork took over was nobody's call.
            if !exchange.receipt.reused {
                self.model(&exchange.receipt.model).add(&exchange.receipt);
            }
            for result in &exchange.results {
                add_one(&mut self.tool_calls, OUTCOMES.iter().position(|known| *known == outcome(result)));
            }
        }
        for receipt in &turn.embeddings {
            self.model(&receipt.model).add(receipt);
        }
    }

    /// Says of a model that it is there: a series that is not told before its first call has no first rise.
    pub(super) fn expect(&mut self, model: &ModelKey) {
        self.model(model);
    }

    fn model(&mut self, key: &ModelKey) -> &mut ModelTotals {
        let has_room = self.models.len() < MOST_MODELS || self.models.contains_key(key.as_str());
        let key = if has_room { key.as_str() } else { OTHERS };
        self.models.entry(key.to_owned()).or_insert_with(ModelTotals::new)
    }

    /// Tells them.
    pub(super) fn tell(&self, org: &str, samples: &mut Samples) {
        let mut one = |metric: &'static Metric, value: Option<&str>, count: u64| {
            samples.add(metric, Some(org), value.map(str::to_owned).into_iter().collect(), Sample::Whole(count));
        };
        for (status, count) in STATUSES.iter().zip(self.turns) {
            one(&TURNS, Some(status.as_str()), count);
        }
        for ((_, kind), count) in FAILURE_KINDS.iter().zip(self.failures) {
            one(&FAILURES, Some(kind), count);
        }
        for (reason, count) in REASONS.iter().zip(self.skipped) {
            one(&SKIPPED, Some(reason.as_str()), count);
        }
        for (verdict, count) in VERDICTS.iter().zip(self.decided) {
            one(&DECIDED, Some(verdict.as_str()), count);
        }
        for (outcome, count) in OUTCOMES.iter().zip(self.tool_calls) {
            one(&TOOL_CALLS, Some(outcome), count);
        }
        one(&MESSAGES, Some("agents"), self.said);
        one(&MESSAGES, Some("outside"), self.admitted);
        one(&VIOLATIONS, None, self.violations);
        one(&DEAD_LETTERS, None, self.dead_letters);
        samples.add(&TURN_DURATION, Some(org), Vec::new(), Sample::Spread(self.turn_duration.clone()));
        for (model, totals) in &self.models {
            let mut one = |metric: &'static Metric, sample| samples.add(metric, Some(org), vec![model.clone()], sample);
            one(&MODEL_CALLS, Sample::Whole(totals.calls));
            one(&MODEL_RETRIES, Sample::Whole(totals.retries));
            one(&MODEL_DURATION, Sample::Spread(totals.duration.clone()));
            one(&MODEL_COST, Sample::Real(in_credits(totals.cost)));
            let usage = &totals.usage;
            for (kind, tokens) in [
                ("input", usage.input_tokens),
                ("cached_input", usage.cached_input_tokens),
                ("cache_write_input", usage.cache_write_input_tokens),
                ("output", usage.output_tokens),
                ("reasoning_output", usage.reasoning_output_tokens),
            ] {
                samples.add(&TOKENS, Some(org), vec![model.clone(), kind.to_owned()], Sample::Whole(tokens));
            }
        }
    }
}

fn add_one<const N: usize>(counts: &mut [u64; N], at: Option<usize>) {
    if let Some(count) = at.and_then(|at| counts.get_mut(at)) {
        *count += 1;
    }
}

fn outcome(result: &ToolResult) -> &'static str {
    match result {
        ToolResult { waits: true, .. } => "waiting",
        ToolResult { unknown: true, .. } => "unknown",
        ToolResult { ok: true, .. } => "ok",
        ToolResult { .. } => "error",
    }
}

/// An amount as whoever scrapes has numbers. No record is made from it.
#[expect(clippy::cast_precision_loss, reason = "exact to the digit up to nine billion credits")]
pub(super) fn in_credits(amount: Credits) -> f64 {
    amount.micros() as f64 / 1_000_000.0
}
