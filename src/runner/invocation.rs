//! One invocation: what a trigger asks for, the wakes that follow from it at once, and what leaves by itself after each.

use tracing::{Instrument as _, Span};

use super::compose::Org;
use super::delivery::deliver;
use crate::engine::{Context, EngineError, Outcome, follow_up, run_tick};
use crate::record::plan::Trigger;
use crate::telemetry::spans;

/// The ticks of one invocation, one after another.
#[derive(Debug)]
pub struct Invocation<'a> {
    org: Option<&'a Org>,
    ctx: &'a Context,
    next: Option<Result<Trigger, EngineError>>,
    span: Span,
}

impl<'a> Invocation<'a> {
    /// An invocation that begins with what `trigger` asks for.
    #[must_use]
    pub fn new(ctx: &'a Context, trigger: Trigger) -> Self {
        Self { org: None, ctx, next: Some(Ok(trigger)), span: spans::organisation() }
    }

    /// The same, which after each of its triggers delivers what the rules of this organisation say.
    #[must_use]
    pub fn delivering(self, org: &'a Org) -> Self {
        spans::placed(&self.span, &org.place);
        Self { org: Some(org), ..self }
    }

    /// What became of the next trigger; nothing, when no other follows or there is no time for it.
    ///
    /// # Errors
    /// As [`run_tick`]. Nothing follows an error.
    pub async fn next(&mut self) -> Result<Option<Outcome>, EngineError> {
        let Some(trigger) = self.next.take().transpose()? else { return Ok(None) };
        let span = self.span.clone();
        let work = async {
            let outcome = run_tick(self.ctx, trigger).await?;
            if let Some(org) = self.org {
                deliver(org, self.ctx, &outcome).await;
            }
            if self.ctx.may_go_on() {
                // What is done is told, whatever becomes of the question what follows.
                self.next = follow_up(self.ctx, &outcome).await.transpose();
            }
            Ok(Some(outcome))
        };
        work.instrument(span).await
    }
}
