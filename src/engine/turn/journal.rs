//! The journal of a turn: its non-final answers, each stored before the tools that it asks for run.

use std::collections::VecDeque;

use bytes::Bytes;

use super::super::EngineError;
use super::super::run::Run;
use crate::domain::contract::{ToolCall, Violation};
use crate::domain::prompt::Message;
use crate::mutant::{self, Mutant};
use crate::record::approval::Settled;
use crate::record::plan::Due;
use crate::record::step::StepRecord;
use crate::record::turn::{Effects, FileChange, Receipt, ToolResult};
use crate::record::{decode, encode};
use crate::store::{Created, Key, StoreError};

/// What an attempt did since the step before.
#[derive(Debug, Clone, Default)]
pub(super) struct Delta {
    pub(super) effects: Effects,
    pub(super) imports: Vec<FileChange>,
    pub(super) results: Vec<ToolResult>,
    pub(super) violations: Vec<Violation>,
}

/// A model's answer and its bill.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) text: String,
    pub(super) tool_calls: Vec<ToolCall>,
    pub(super) receipt: Receipt,
}

/// The steps that are recorded of a turn.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal(VecDeque<StepRecord>);

impl Journal {
    /// Reads the steps from 0, as far as they go.
    pub(super) async fn read(run: &Run, due: &Due) -> Result<Self, EngineError> {
        let mut steps = VecDeque::new();
        for k in 0.. {
            let key = Key::Step(run.tick(), due.agent.clone(), k);
            match run.ctx.store.read::<StepRecord>(&key).await? {
                Some(step) => steps.push_back(step),
                None => break,
            }
        }
        Ok(Self(steps))
    }

    /// How many answers are recorded.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The edits that step 0 pins, if there is one.
    pub(super) fn imports(&self) -> Option<&[FileChange]> {
        self.0.front().map(|step| step.imports.as_slice())
    }

    /// The prompt that step 0 pins, if there is one.
    pub(super) fn prompt(&self) -> Option<Vec<Message>> {
        self.0.front().map(|step| step.prompt.clone())
    }

    /// The answers to calls that waited, as step 0 pins them, if there is one.
    pub(super) fn answered(&self) -> Option<Vec<Settled>> {
        self.0.front().map(|step| step.answered.clone())
    }

    /// The record of a step that is yet to be taken.
    pub(super) fn peek(&self, step: u32) -> Option<&StepRecord> {
        self.0.front().filter(|record| record.step == step)
    }

    /// The recorded answer of this step.
    pub(super) fn next(&mut self, step: u32) -> Option<StepRecord> {
        self.0.pop_front_if(|record| record.step == step)
    }
}

/// A step as it is to be stored. Step 0 has what the turn began with: the prompt, and answers to calls that waited.
pub(super) fn record(
    run: &Run,
    due: &Due,
    step: u32,
    (prompt, answered): (Vec<Message>, Vec<Settled>),
    delta: &Delta,
    answer: Answered,
) -> StepRecord {
    StepRecord {
        format: 1,
        nonce: run.ctx.entropy.nonce(),
        by: run.by.clone(),
        tick: run.tick(),
        agent: due.agent.clone(),
        step,
        prompt,
        answered,
        imports: delta.imports.clone(),
        results: delta.results.clone(),
        effects: delta.effects.clone(),
        violations: delta.violations.clone(),
        answer: answer.text,
        tool_calls: answer.tool_calls,
        receipt: answer.receipt,
    }
}

/// Whose step counts.
pub(super) enum Stored {
    /// Ours.
    Ours(Box<StepRecord>),
    /// A rival's, which was first: it is adopted, with all that led to it.
    Theirs(Box<StepRecord>),
}

/// Stores a step; the first writer wins.
pub(super) async fn store(run: &Run, record: StepRecord) -> Result<Stored, EngineError> {
    let key = Key::Step(record.tick, record.agent.clone(), record.step);
    tracing::debug!(phase = "journal", event = "step_journalled", tick = record.tick.0, agent = %record.agent, step = record.step,
        "a step goes into the journal");
    match run.ctx.store.create_own(&key, Bytes::from(encode(&record))).await? {
        Created::Won => Ok(Stored::Ours(Box::new(record))),
        Created::Lost(_) if mutant::is(Mutant::TheJournalDecides) => Ok(Stored::Ours(Box::new(record))),
        Created::Lost(bytes) => {
            let theirs = decode(&bytes).map_err(|source| StoreError::Record { key, source })?;
            Ok(Stored::Theirs(Box::new(theirs)))
        }
    }
}
