//! What a turn comes to: its record, good or failed.

use super::super::prompt;
use super::super::run::Run;
use super::call::NoAnswer;
use super::inbox::Inbox;
use super::meter::Hours;
use super::{TOO_LATE_TO_BEGIN, Turn, past};
use crate::domain::credits::Credits;
use crate::domain::resume::Resume;
use crate::domain::time::Timestamp;
use crate::mutant::{self, Mutant};
use crate::provider::CallErrorKind;
use crate::record::plan::Due;
use crate::record::turn::{Effects, Failure, FailureKind, Spent, Status, TurnRecord};

impl Turn<'_> {
    pub(super) fn good(self, inbox: &Inbox, began: Timestamp) -> TurnRecord {
        past::settle(&self.permit);
        let mut record = base(self.run, self.due, inbox, began);
        record.licence = Some(self.permit.licence);
        // A turn whose answers were all at hand called nobody.
        let called = self.exchanges.iter().any(|exchange| !exchange.receipt.reused);
        record.spent = self.permit.meter.spent(called);
        if mutant::is(Mutant::TheMeterIsTheBill) {
            let paid = self.exchanges.iter().map(|exchange| exchange.receipt.cost_credits).sum();
            record.spent = Spent { paid, unanswered: Credits::ZERO, ..record.spent };
        }
        record.warnings = self.warnings;
        record.warnings.extend(soft_cap(self.run, self.due, self.resume, &record.spent));
        record.imports = self.imports;
        record.edits_at_start = self.edits_at_start;
        record.edits_found_after = self.edits_found_after;
        record.prompt = self.prompt;
        record.exchanges = self.exchanges;
        record.journal = self.journal;
        record.embeddings = self.embeddings;
        record.template = self.template;
        record.effects = self.effects;
        record.answered = self.answered;
        if !self.waiting.is_empty() {
            record.status = Status::Waiting;
        }
        record.waiting = self.waiting;
        record.notes = self.notes;
        record.violations = self.violations;
        record
    }

    /// A failed turn leaves the mail unread and drops its effects; its calls stay in the record.
    pub(super) fn bad(self, inbox: &Inbox, failure: Failure, began: Timestamp) -> TurnRecord {
        let mut record = self.good(inbox, began);
        record.status = Status::Failed;
        record.failure = Some(failure);
        record.effects = Effects::default();
        record.waiting = Vec::new();
        record.unimported = std::mem::take(&mut record.imports);
        record
    }
}

fn base(run: &Run, due: &Due, inbox: &Inbox, began: Timestamp) -> TurnRecord {
    TurnRecord {
        format: 1,
        erased: None,
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
        edits_found_after: Vec::new(),
        unimported: Vec::new(),
        prompt: Vec::new(),
        exchanges: Vec::new(),
        journal: Vec::new(),
        embeddings: Vec::new(),
        template: None,
        effects: Effects::default(),
        answered: Vec::new(),
        waiting: Vec::new(),
        notes: None,
        violations: Vec::new(),
        warnings: Vec::new(),
        started_at: began,
        duration_ms: run.ms_since(began),
    }
}

/// The record of a turn that failed before it asked its model.
pub(super) fn failed(run: &Run, due: &Due, inbox: &Inbox, failure: Failure, began: Timestamp) -> TurnRecord {
    let mut record = base(run, due, inbox, began);
    record.status = Status::Failed;
    record.failure = Some(failure);
    record
}

pub(super) fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure { kind, message: message.into(), model: None }
}

/// Why a turn fails whose model gave no answer.
pub(super) fn no_answer_failure(no_answer: NoAnswer, hours: &Hours) -> Failure {
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
