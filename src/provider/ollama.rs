//! Ollama, by its own interface.
//!
//! Ollama drops the front of a prompt that is longer than its window, that is, our rules, and says
//! nothing. So each request carries the window's size, asks for an error instead, and an answer
//! whose numbers show that something was dropped is none. The contract's schema goes along as
//! `format`, which holds small models to it.
//!
//! Source: docs.ollama.com/api/chat; `truncate` and `shift` are api/types.go of Ollama 0.12.

use std::num::NonZeroU64;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::chat::{Structured, ToolCalls};
use super::conversation::{self, Said};
use super::http::Http;
use super::secret::Secret;
use super::{Answer, CallError, CallErrorKind, Provider, Request, ToolCall, fault};
use crate::domain::contract;
use crate::domain::endpoint::BaseUrl;
use crate::domain::model::Usage;

/// Where Ollama listens as a rule.
const ADDRESS: &str = "http://127.0.0.1:11434/";

/// What is said of a model without a window: Ollama would choose one.
pub(super) const NO_WINDOW: &str = "set context_tokens to the size of the window: \
                                    Ollama drops the front of prompts that are longer";

/// No tokenizer makes fewer tokens of a prompt than one for so many bytes, runs of one character
/// apart: English has about four bytes a token, Chinese up to six.
const MOST_BYTES_A_TOKEN: usize = 12;

/// `provider_config` of a model of Ollama.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct OllamaConfig {
    /// The contract's `tool_calls` unless it says `native`: `format` and native calls exclude each other.
    tool_calls: Option<ToolCalls>,
    structured_output: Option<Structured>,
    /// Whether, or how hard, a model thinks.
    think: Option<Value>,
    /// For how long the model stays in memory, such as `10m`.
    keep_alive: Option<String>,
    /// More of Ollama's `options`.
    options: Map<String, Value>,
}

/// A model of Ollama.
#[derive(Debug)]
pub(super) struct Ollama {
    http: Http,
    url: Url,
    key: Option<Secret>,
    window: u64,
    config: OllamaConfig,
}

impl Ollama {
    /// A model at `endpoint`, or on this machine.
    ///
    /// # Errors
    /// The model has no `context_tokens`: without it Ollama would choose a window, and drop what does not fit.
    pub(super) fn new(
        http: Http,
        endpoint: Option<&BaseUrl>,
        key: Option<Secret>,
        window: Option<NonZeroU64>,
        config: OllamaConfig,
    ) -> Result<Self, CallError> {
        let wrong = || CallError::misconfigured("base_url is no address of Ollama");
        let base = match endpoint {
            Some(url) => url.as_url().clone(),
            None => Url::parse(ADDRESS).map_err(|_| wrong())?,
        };
        let url = base.join("api/chat").map_err(|_| wrong())?;
        let window = window.ok_or_else(|| CallError::misconfigured(NO_WINDOW))?;
        Ok(Self { http, url, key, window: window.get(), config })
    }

    fn body(&self, request: &Request, native: bool) -> Value {
        let mut options = self.config.options.clone();
        options.insert("num_ctx".to_owned(), self.window.into());
        options.insert("num_predict".to_owned(), request.max_tokens.into());
        options.entry("temperature").or_insert_with(|| json!(request.temperature));
        let messages: Vec<Value> = conversation::messages(request, native).into_iter().flat_map(messages).collect();
        let mut body = json!({
            "model": request.model_name, "stream": false, "options": options, "truncate": false, "shift": false,
            "messages": messages,
        });
        if native {
            let tool = |spec: &super::ToolSpec| {
                json!({"type": "function", "function":
                    {"name": spec.name, "description": spec.description, "parameters": spec.arguments}})
            };
            body["tools"] = request.tools.iter().map(tool).collect();
        } else {
            match self.config.structured_output.unwrap_or(Structured::Schema) {
                Structured::Schema => body["format"] = contract::schema(),
                Structured::Json => body["format"] = "json".into(),
                Structured::Off => {}
            }
        }
        if let Some(think) = &self.config.think {
            body["think"] = think.clone();
        }
        if let Some(keep_alive) = &self.config.keep_alive {
            body["keep_alive"] = keep_alive.as_str().into();
        }
        body
    }

    /// Refuses an answer whose numbers say that part of prompt or answer was dropped.
    fn check_window(&self, request: &Request, answer: &Value, usage: Option<Usage>) -> Result<(), CallError> {
        let too_long = |why: String| Err(CallError::new(CallErrorKind::ContextTooLong, why).billed(usage));
        let window = self.window;
        let Some(usage) = usage else { return Ok(()) };
        if usage.input_tokens + usage.output_tokens >= window {
            return too_long(format!("prompt and answer fill the window of {window} tokens: some of it may be lost"));
        }
        let is_cut = answer.get("done_reason").and_then(Value::as_str) == Some("length");
        if is_cut && usage.output_tokens < u64::from(request.max_tokens) {
            return too_long(format!("the answer ended at the edge of the window of {window} tokens"));
        }
        let least = least_tokens(request);
        if usage.input_tokens < least {
            let read = usage.input_tokens;
            return too_long(format!("Ollama read {read} tokens of a prompt of at least {least}: it dropped the rest"));
        }
        Ok(())
    }
}

/// The fewest tokens that a prompt can have.
fn least_tokens(request: &Request) -> u64 {
    let varied = |text: &str| text.as_bytes().windows(2).filter(|pair| pair[0] != pair[1]).count();
    let bytes: usize = request.messages.iter().map(|message| varied(&message.content)).sum();
    u64::try_from(bytes / MOST_BYTES_A_TOKEN).unwrap_or(u64::MAX)
}

fn messages(said: Said<'_>) -> Vec<Value> {
    match said {
        Said::System(text) => vec![json!({"role": "system", "content": text})],
        Said::User(text) => vec![json!({"role": "user", "content": text})],
        Said::Assistant { text, calls } => {
            let mut message = json!({"role": "assistant", "content": text});
            if !calls.is_empty() {
                let call = |call: &conversation::Call<'_>| {
                    json!({"id": call.id, "function": {"name": call.tool, "arguments": call.arguments}})
                };
                message["tool_calls"] = calls.iter().map(call).collect();
            }
            vec![message]
        }
        Said::Results(results) => results
            .into_iter()
            .map(|result| {
                json!({"role": "tool", "tool_name": result.tool, "tool_call_id": result.id, "content": result.content})
            })
            .collect(),
    }
}

#[async_trait::async_trait]
impl Provider for Ollama {
    async fn complete(&self, request: &Request) -> Result<Answer, CallError> {
        let native = conversation::is_native(request, self.config.tool_calls == Some(ToolCalls::Native));
        let mut headers = HeaderMap::new();
        if let Some(key) = &self.key {
            let wrong = |_| CallError::misconfigured("the key holds what no header can carry");
            let mut bearer = HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(wrong)?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        let body = Bytes::from(self.body(request, native).to_string());
        let (_, answer) = self.http.post(self.url.clone(), headers, body, self.key.as_slice()).await?;
        let number = |field: &str| answer.get(field).and_then(fault::tokens);
        // No prompt has 0 tokens: older versions leave out what they had in memory.
        let read = number("prompt_eval_count").filter(|tokens| *tokens > 0);
        let usage = match (read, number("eval_count")) {
            (Some(input_tokens), Some(output_tokens)) => Some(Usage {
                input_tokens,
                cached_input_tokens: number("prompt_eval_cached_count").unwrap_or(0),
                output_tokens,
                ..Usage::default()
            }),
            _ => None,
        };
        let Some(message) = answer.get("message").filter(|_| answer.get("done") == Some(&Value::Bool(true))) else {
            return Err(fault::broken("holds no message, or is not done"));
        };
        self.check_window(request, &answer, usage)?;
        let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
        let calls = calls.filter_map(|call| {
            Some(ToolCall {
                id: call.get("id").and_then(Value::as_str).map(str::to_owned),
                tool: call.pointer("/function/name")?.as_str()?.to_owned(),
                arguments: call.pointer("/function/arguments").cloned().unwrap_or_else(|| json!({})),
            })
        });
        let tool_calls: Vec<ToolCall> = calls.take(contract::MAX_TOOL_CALLS).collect();
        let text = message.get("content").and_then(Value::as_str).unwrap_or_default().to_owned();
        if text.trim().is_empty() && tool_calls.is_empty() {
            let is_cut = answer.get("done_reason").and_then(Value::as_str) == Some("length");
            return Err(fault::empty(is_cut, request.max_tokens).billed(usage));
        }
        Ok(Answer {
            text,
            tool_calls,
            usage,
            reported_model: answer.get("model").and_then(Value::as_str).map(str::to_owned),
            response_id: None,
        })
    }
}
