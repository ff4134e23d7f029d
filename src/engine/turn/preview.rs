//! How a turn would begin: its first prompt, and what the call with it may cost. No model is called.

use super::super::EngineError;
use super::super::prompt;
use super::super::rehearsal::Opening;
use super::super::run::Run;
use super::opening::{collect, max_prompt_bytes, models, open};
use super::preparation::Preparation;
use super::{Committed, call, inbox};
use crate::record::plan::Due;

/// The beginning of a turn, with what is committed so far.
pub(in super::super) async fn preview(run: &Run, due: &Due, committed: &Committed) -> Result<Opening, EngineError> {
    let preparation = Preparation::default();
    let prepared = preparation.of(run, due, false, None).await?;
    let models = models(run, due, &prepared.resume);
    let (inbox, prompt) = if models.is_empty() {
        (inbox::collect(run, due, committed, usize::MAX).await?, Vec::new())
    } else {
        let max_bytes = max_prompt_bytes(run, &prepared.resume, &models);
        let inbox = collect(run, due, prepared, max_bytes, committed).await?;
        // An approved call is made by a turn, and not by whoever looks how it would begin.
        let prompt = open(run, due, prepared, max_bytes, &inbox, &[]);
        (inbox, prompt)
    };
    let prompt_bytes = prompt::bytes(&prompt);
    let max_tokens = prepared.resume.model.max_tokens.get();
    Ok(Opening {
        model: models.first().map(|(key, _)| (*key).clone()),
        first_call: call::dearest(&models, &prompt, &prepared.specs, max_tokens),
        recorded_answers: prepared.journal.len(),
        prompt,
        prompt_bytes,
        inbox: inbox.read,
        left_out: inbox.left_out,
        waits_for: Vec::new(),
        waits_for_count: 0,
    })
}
