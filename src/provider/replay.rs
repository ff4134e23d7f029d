//! Answers from a record: any past turn runs again at no cost and without a network.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Answer, CallError, CallErrorKind, Provider, Providers, Request};
use crate::domain::model::Model;
use crate::domain::name::ModelKey;
use crate::record::turn::TurnRecord;

/// Gives the answers of one recorded turn, each to the call of its number.
#[derive(Debug, Clone)]
pub struct Replay(Arc<TurnRecord>);

impl Replay {
    /// Gives the answers of this turn.
    #[must_use]
    pub fn of(record: Arc<TurnRecord>) -> Self {
        Self(record)
    }
}

#[async_trait]
impl Providers for Replay {
    async fn open(&self, key: &ModelKey, _: &Model) -> Result<Arc<dyn Provider>, CallError> {
        Ok(Arc::new(Answers { replay: self.clone(), model: key.clone() }))
    }
}

#[derive(Debug)]
struct Answers {
    replay: Replay,
    model: ModelKey,
}

#[async_trait]
impl Provider for Answers {
    async fn complete(&self, request: &Request) -> Result<Answer, CallError> {
        let step = request.view.step;
        let exchange = usize::try_from(step).ok().and_then(|step| self.replay.0.exchanges.get(step));
        let Some(exchange) = exchange else {
            return Err(CallError::new(CallErrorKind::Refused, format!("the record holds no answer {step}")));
        };
        let receipt = &exchange.receipt;
        if receipt.model != self.model {
            // Another model answered then, since this one did not.
            let message = format!("the record holds an answer of {}, not of {}", receipt.model, self.model);
            return Err(CallError::new(CallErrorKind::RateLimited, message));
        }
        Ok(Answer {
            text: exchange.answer.clone(),
            tool_calls: exchange.tool_calls.clone(),
            usage: receipt.usage,
            reported_model: receipt.reported_model.clone(),
            response_id: receipt.response_id.clone(),
        })
    }
}
