//! The models: slow, wrong, talkative, failing, and logged. What a call costs is decided when it is sent,
//! as providers do, and not when somebody hears the answer.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lemming::domain::credits::Credits;
use lemming::domain::model::{Model, Price, Usage};
use lemming::domain::name::ModelKey;
use lemming::provider::{Answer, CallError, CallErrorKind, Provider, Providers, Request, ToolCall};
use serde_json::{Value, json};

use crate::audit::Call;
use crate::dice::Dice;
use crate::network::Network;
use crate::people::{AGENTS, FILES, MEMORIES};
use crate::process::Process;

/// How models behave, in ten thousand calls each.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moods {
    pub fails: u64,
    pub garbage: u64,
    pub refuses: u64,
    /// Answers that are the last one again, whoever gave it.
    pub repeats: u64,
    /// Answers that do not say what they cost.
    pub silent: u64,
    /// Tool calls in another answer.
    pub tools: u64,
    pub slowest_ms: u64,
    /// Answers that call their tools in the provider's own way.
    pub native: u64,
    /// All that they do with tools is to write two files, and to read them.
    pub writes: bool,
}

/// The models as one process reaches them.
#[derive(Debug, Clone)]
pub struct Minds {
    pub network: Arc<Network>,
    pub process: Arc<Process>,
    pub moods: Moods,
}

#[derive(Debug)]
struct Mind {
    minds: Minds,
    price: Price,
}

#[async_trait]
impl Providers for Minds {
    async fn open(&self, _: &ModelKey, model: &Model) -> Result<Arc<dyn Provider>, CallError> {
        Ok(Arc::new(Mind { minds: self.clone(), price: model.price.clone() }))
    }
}

enum Outcome {
    Says(String),
    Fails(CallErrorKind),
}

impl Mind {
    fn dice(&self) -> &Dice {
        &self.minds.network.dice
    }

    fn outcome(&self, request: &Request) -> Outcome {
        let (dice, moods) = (self.dice(), self.minds.moods);
        if dice.chance(moods.fails) {
            let kinds = [CallErrorKind::Unanswered, CallErrorKind::TimedOut, CallErrorKind::RateLimited];
            return Outcome::Fails(*dice.pick(&kinds));
        }
        if dice.chance(moods.refuses) {
            return Outcome::Fails(*dice.pick(&[CallErrorKind::Refused, CallErrorKind::ContextTooLong]));
        }
        let mut answer = self.answer(request);
        let mut said = self.minds.network.said.lock().expect("what was said");
        // Whoever it was said to.
        if dice.chance(moods.repeats) && !said.is_empty() {
            answer.clone_from(&said);
        }
        said.clone_from(&answer);
        drop(said);
        if dice.chance(moods.garbage) {
            let mut end = usize::try_from(dice.below(answer.len() as u64)).unwrap_or_default();
            while !answer.is_char_boundary(end) {
                end -= 1;
            }
            let garbage = ["", "I am sorry, but", "{\"outbox_entries\": 7}", &answer[..end]];
            return Outcome::Says((*dice.pick(&garbage)).to_owned());
        }
        Outcome::Says(answer)
    }

    fn answer(&self, request: &Request) -> String {
        let (dice, view) = (self.dice(), &request.view);
        let mut heard = String::new();
        for entry in view.inbox.iter().take(3) {
            let _ = write!(heard, " {}", &entry.id.to_string()[..8]);
        }
        // No two answers are the same, as with real models.
        let text = format!("{} in {} at {}, {:x}, heard{heard}", view.agent, view.tick, view.step, dice.next());
        let entries: Vec<Value> = (0..dice.below(3)).map(|i| self.entry(&format!("{text}, {i}"))).collect();
        let memories: Vec<Value> = (0..dice.below(3)).map(|_| self.memory(view.tick.0)).collect();
        let calls: Vec<Value> = match dice.chance(self.minds.moods.tools) {
            true => (0..dice.between(1, 3)).map(|_| self.call(view.tick.0, view.agent.as_str())).collect(),
            false => Vec::new(),
        };
        json!({"notes": text, "outbox_entries": entries, "memory_updates": memories, "tool_calls": calls}).to_string()
    }

    fn entry(&self, text: &str) -> Value {
        let recipients = match self.dice().below(4) {
            0 => json!([self.dice().pick(&AGENTS)]),
            1 => json!([self.dice().pick(&AGENTS), "human"]),
            _ => Value::Null,
        };
        json!({"payload": {"text": text}, "recipients": recipients})
    }

    fn memory(&self, tick: u64) -> Value {
        let dice = self.dice();
        let key = dice.pick(&MEMORIES);
        match dice.below(5) {
            0 => json!({"key": key, "op": "set", "value": dice.below(1_000_000)}),
            1 => json!({"key": key, "op": "merge", "value": {format!("t{tick}"): dice.below(1_000_000)}}),
            2 => json!({"key": key, "op": "delete"}),
            _ => json!({"key": key, "op": "append", "value": dice.below(1_000_000)}),
        }
    }

    fn call(&self, tick: u64, agent: &str) -> Value {
        let dice = self.dice();
        let writes = self.minds.moods.writes;
        let file = if writes { dice.pick(&FILES[1..3]) } else { dice.pick(&FILES) };
        let (tool, arguments) = match dice.below(if writes { 6 } else { 16 }) {
            0..=2 => ("file_read", json!({"path": file})),
            3..=5 => ("file_write", json!({"path": file, "text": format!("{agent} {tick} {:x}", dice.next())})),
            6 => ("file_delete", json!({"path": file})),
            7 => ("file_list", json!({})),
            8 => ("memory_read", json!({"key": dice.pick(&MEMORIES)})),
            9 => (
                "memory_write",
                json!({"key": dice.pick(&MEMORIES), "value": dice.below(1_000_000), "operation": "append"}),
            ),
            10 => ("list_agents", json!({})),
            11 | 12 => ("ring", json!({"at": dice.below(1_000_000)})),
            13 | 14 => ("order", json!({"what": dice.below(1_000_000)})),
            _ => (
                "create_agent",
                json!({"name": format!("kid_{}", dice.below(4)), "credits": 0.02, "resume": {
                    "title": "Kid", "short_description": "Is new.", "instructions": "Begin.",
                    "model": {"key": "m", "max_tokens": 60}, "permissions": {"read_outboxes": [agent]},
                    "schedule": {"run_every_n_ticks": dice.between(1, 3)}}}),
            ),
        };
        json!({"tool": tool, "arguments": arguments})
    }
}

/// An answer with its calls of tools apart from its text.
fn native(text: String) -> (String, Vec<ToolCall>) {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(&text) else { return (text, Vec::new()) };
    let calls = fields.remove("tool_calls").and_then(|calls| serde_json::from_value(calls).ok()).unwrap_or_default();
    (Value::Object(fields).to_string(), calls)
}

#[async_trait]
impl Provider for Mind {
    async fn complete(&self, request: &Request) -> Result<Answer, CallError> {
        let Minds { network, process, moods } = &self.minds;
        process.pass().await;
        let outcome = self.outcome(request);
        let bytes: usize = request.messages.iter().map(|message| message.content.len()).sum();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let usage = Usage {
            input_tokens: network.dice.between(1, bytes.max(1)),
            output_tokens: network.dice.between(1, u64::from(request.max_tokens)),
            ..Usage::default()
        };
        let worst = self.price.worst(bytes, u64::from(request.max_tokens));
        let paid = match &outcome {
            Outcome::Says(_) => self.price.of(usage),
            // A provider may bill for an answer that nobody got.
            Outcome::Fails(kind) if kind.may_have_cost() => *network.dice.pick(&[Credits::ZERO, worst]),
            Outcome::Fails(_) => Credits::ZERO,
        };
        let view = &request.view;
        let call = Call { tick: view.tick, agent: view.agent.clone(), step: view.step, paid };
        network.bucket.note(&format!(
            "{:?} calls the model for {} in {}, step {}",
            process.hand, call.agent, call.tick, call.step
        ));
        {
            let inner = &mut *network.bucket.inner();
            inner.witness.called(&inner.objects, process.by().as_ref(), call);
        }
        tokio::time::sleep(network.dice.time(1, moods.slowest_ms.max(1))).await;
        process.think().await;
        let (outcome, tool_calls) = match outcome {
            Outcome::Says(text) if network.dice.chance(moods.native) => {
                let (text, calls) = native(text);
                (Outcome::Says(text), calls)
            }
            outcome => (outcome, Vec::new()),
        };
        match outcome {
            Outcome::Says(text) => Ok(Answer {
                tool_calls,
                text,
                usage: (!network.dice.chance(moods.silent)).then_some(usage),
                reported_model: None,
                response_id: None,
            }),
            Outcome::Fails(kind) => {
                let retry_after = network.dice.chance(5_000).then(|| Duration::from_secs(network.dice.below(20)));
                Err(CallError { retry_after, ..CallError::new(kind, "simulated") })
            }
        }
    }
}
