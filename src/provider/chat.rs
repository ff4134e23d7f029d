//! Hosted models, through the `genai` crate: OpenAI and what speaks like it, Anthropic, Gemini, and
//! whatever else that crate knows by name.
//!
//! The crate builds requests and reads answers. Addresses, keys and errors are ours: it would read
//! keys from the environment, and its messages repeat whole requests.

use genai::adapter::AdapterKind;
use genai::chat::{
    CacheControl, ChatMessage, ChatOptions, ChatRequest, ChatResponse, ContentPart, JsonSpec, MessageContent,
    ReasoningEffort, StopReason, Tool, ToolResponse,
};
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, Headers, ModelIden, ServiceTarget, webc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::conversation::{self, Said};
use super::http::Http;
use super::secret::Secret;
use super::{Answer, CallError, CallErrorKind, Provider, Request, ToolCall, fault};
use crate::domain::contract;
use crate::domain::endpoint::BaseUrl;
use crate::domain::model::Usage;

/// How a model calls tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ToolCalls {
    /// In its provider's own way.
    #[default]
    Native,
    /// In the contract's `tool_calls`.
    Contract,
}

/// How a model is held to the contract, beside being told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Structured {
    /// By the contract's JSON Schema.
    Schema,
    /// By being held to JSON.
    Json,
    /// Not at all.
    Off,
}

/// For how long the stable front of a prompt is cached, where that must be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum PromptCache {
    #[serde(rename = "5m")]
    FiveMinutes,
    #[serde(rename = "1h")]
    OneHour,
    #[serde(rename = "off")]
    Off,
}

/// `provider_config` of a hosted model.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ChatConfig {
    tool_calls: ToolCalls,
    structured_output: Option<Structured>,
    reasoning_effort: Option<Effort>,
    /// `false`: none is sent, for models that take none.
    temperature: Option<bool>,
    prompt_cache: Option<PromptCache>,
    /// Fields that are added to the body of each request.
    #[serde(deserialize_with = "extra_body")]
    extra_body: Map<String, Value>,
}

/// Fields of a request that are not for `extra_body`: they would take the place of ours, and what is
/// asked would cost more than the worst case that the money was counted for.
const OURS: &[&str] = &[
    "best_of",
    "candidateCount",
    "contents",
    "functions",
    "generationConfig",
    "generation_config",
    "input",
    "maxOutputTokens",
    "maxTokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "max_tokens_to_sample",
    "messages",
    "model",
    "n",
    "num_predict",
    "prediction",
    "stream",
    "system",
    "systemInstruction",
    "tools",
];

/// Reads `extra_body`.
pub(super) fn extra_body<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Map<String, Value>, D::Error> {
    let extra = Map::deserialize(from)?;
    match extra.keys().find(|name| OURS.contains(&name.as_str())) {
        Some(name) => Err(serde::de::Error::custom(format!("extra_body must not have {name:?}, which is set here"))),
        None => Ok(extra),
    }
}

/// How hard a model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

impl From<Effort> for ReasoningEffort {
    fn from(effort: Effort) -> Self {
        match effort {
            Effort::None => Self::Zero,
            Effort::Minimal => Self::Minimal,
            Effort::Low => Self::Low,
            Effort::Medium => Self::Medium,
            Effort::High => Self::High,
            Effort::Xhigh => Self::XHigh,
            Effort::Max => Self::Max,
        }
    }
}

/// A hosted model.
#[derive(Debug)]
pub(super) struct Chat {
    client: Client,
    kind: AdapterKind,
    endpoint: Option<BaseUrl>,
    key: Secret,
    /// The key goes into `api-key` too: Azure's keys are no bearer tokens.
    is_azure: bool,
    /// Whether the model's price says what writing to a cache costs: else nothing is cached unasked.
    prices_cache: bool,
    config: ChatConfig,
}

impl Chat {
    /// A model of the provider that `kind` is, at `endpoint` or where that provider is.
    ///
    /// # Errors
    /// The client cannot be made.
    pub(super) fn new(
        http: &Http,
        kind: AdapterKind,
        is_azure: bool,
        endpoint: Option<BaseUrl>,
        key: Secret,
        prices_cache: bool,
        config: ChatConfig,
    ) -> Result<Self, CallError> {
        let auth = key.expose().to_owned();
        let client = Client::builder()
            .with_reqwest(http.client())
            .with_auth_resolver_fn(move |_: ModelIden| Ok(Some(AuthData::from_single(auth))))
            .build()
            .map_err(|_| CallError::misconfigured("the client of the provider cannot be made"))?;
        Ok(Self { client, kind, endpoint, key, is_azure, prices_cache, config })
    }

    fn options(&self, request: &Request, native: bool) -> ChatOptions {
        let name = request.model_name.as_str();
        let mut options = ChatOptions::default().with_max_tokens(request.max_tokens).with_capture_raw_body(true);
        if self.config.temperature.unwrap_or(!(self.is_openai() && thinks(name))) {
            // Anthropic's scale ends at 1.
            let highest = if self.kind == AdapterKind::Anthropic { 1.0 } else { 2.0 };
            options = options.with_temperature(request.temperature.min(highest));
        }
        options.reasoning_effort = match self.config.reasoning_effort {
            Some(effort) => Some(effort.into()),
            // The crate takes the end of a name such as `qwen-max` for an effort; a budget of nothing
            // is one that these adapters do not send.
            None if self.is_openai() && ReasoningEffort::from_model_name(name).0.is_some() => {
                Some(ReasoningEffort::Budget(0))
            }
            None => None,
        };
        if self.kind == AdapterKind::Anthropic {
            // A loop of tool calls sends the same front again within seconds; a lone call pays for nothing.
            let standard = if native && self.prices_cache { PromptCache::FiveMinutes } else { PromptCache::Off };
            options.cache_control = match self.config.prompt_cache.unwrap_or(standard) {
                PromptCache::FiveMinutes => Some(CacheControl::Ephemeral5m),
                PromptCache::OneHour => Some(CacheControl::Ephemeral1h),
                PromptCache::Off => None,
            };
        }
        let mut extra = self.config.extra_body.clone();
        match self.structured(native) {
            Structured::Off => {}
            how if self.is_openai() => {
                // Not `strict`: that knows no open objects, and payloads are open.
                let format = match how {
                    Structured::Schema => json!({"type": "json_schema", "json_schema":
                        {"name": "reply", "schema": contract::schema(), "strict": false}}),
                    _ => json!({"type": "json_object"}),
                };
                extra.entry("response_format").or_insert(format);
            }
            _ => options.response_format = Some(JsonSpec::new("reply", contract::schema()).into()),
        }
        if !extra.is_empty() {
            options.extra_body = Some(Value::Object(extra));
        }
        if self.is_azure {
            options.extra_headers = Some(Headers::from(("api-key", self.key.expose())));
        }
        options
    }

    fn is_openai(&self) -> bool {
        !matches!(
            self.kind,
            AdapterKind::Anthropic
                | AdapterKind::Gemini
                | AdapterKind::GeminiIx
                | AdapterKind::OpenAIResp
                | AdapterKind::Cohere
        )
    }

    fn structured(&self, native: bool) -> Structured {
        self.config.structured_output.unwrap_or(match self.kind {
            AdapterKind::OpenAI => Structured::Schema,
            // Gemini before 3 takes a schema or tools, not both.
            AdapterKind::Gemini if !native => Structured::Schema,
            _ => Structured::Off,
        })
    }

    async fn target(&self, name: &str) -> Result<ServiceTarget, CallError> {
        let model = ModelIden::new(self.kind, name.to_owned());
        match &self.endpoint {
            Some(url) => Ok(ServiceTarget {
                endpoint: Endpoint::from_owned(url.to_string()),
                auth: AuthData::from_single(self.key.expose()),
                model,
            }),
            None => self.client.resolve_service_target(model).await.map_err(|error| self.failed(&error)),
        }
    }

    fn failed(&self, error: &genai::Error) -> CallError {
        use genai::Error as E;
        let secrets = std::slice::from_ref(&self.key);
        match error {
            E::WebModelCall { webc_error, .. } | E::WebAdapterCall { webc_error, .. } => match webc_error {
                webc::Error::ResponseFailedStatus { status, body, headers } => {
                    fault::of_status(status.as_u16(), headers, body, secrets)
                }
                webc::Error::Reqwest(error) => fault::of_transport(error),
                _ => fault::broken("is not JSON"),
            },
            E::HttpError { status, body, headers, .. } => fault::of_status(status.as_u16(), headers, body, secrets),
            E::ChatResponseGeneration { response_body, .. } => self.unread(response_body),
            E::ChatResponse { body, .. } => self.unread(body),
            E::RequiresApiKey { .. } | E::NoAuthResolver { .. } | E::NoAuthData { .. } | E::Resolver { .. } => {
                CallError::misconfigured("the model has no key")
            }
            E::NoChatResponse { .. } | E::InvalidJsonResponseElement { .. } => fault::broken("holds no message"),
            // The rest arises before anything is sent.
            _ => CallError::misconfigured("the request cannot be made for this provider"),
        }
    }

    /// An answer with status 200 that the crate cannot read.
    fn unread(&self, body: &Value) -> CallError {
        if let Some(reason) = body.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
            let reason = fault::shown(reason, std::slice::from_ref(&self.key));
            let usage = usage(self.kind, body, &genai::chat::Usage::default());
            return CallError::new(CallErrorKind::Refused, format!("the prompt was blocked: {reason}")).billed(usage);
        }
        fault::broken("lacks what an answer must have")
    }

    fn answer(&self, request: &Request, response: ChatResponse) -> Result<Answer, CallError> {
        let raw = response.captured_raw_body.as_ref().unwrap_or(&Value::Null);
        let usage = usage(self.kind, raw, &response.usage);
        let refused = |why: &str| CallError::new(CallErrorKind::Refused, why).billed(usage);
        if raw.pointer("/choices/0/message/refusal").is_some_and(Value::is_string) {
            return Err(refused("the model refused to answer"));
        }
        let is_cut = match &response.stop_reason {
            Some(StopReason::ContentFilter(_)) => return Err(refused("the answer was stopped by a content filter")),
            Some(StopReason::MaxTokens(why)) if why == "model_context_window_exceeded" => {
                let error =
                    CallError::new(CallErrorKind::ContextTooLong, "prompt and answer are longer than the model takes");
                return Err(error.billed(usage));
            }
            Some(StopReason::MaxTokens(_)) => true,
            _ => false,
        };
        let text = response.content.texts().concat();
        let calls = response.content.tool_calls().into_iter().map(|call| ToolCall {
            id: Some(call.call_id.clone()),
            tool: call.fn_name.clone(),
            arguments: if call.fn_arguments.is_null() { json!({}) } else { call.fn_arguments.clone() },
        });
        let tool_calls: Vec<ToolCall> = calls.take(contract::MAX_TOOL_CALLS).collect();
        if text.trim().is_empty() && tool_calls.is_empty() {
            return Err(fault::empty(is_cut, request.max_tokens).billed(usage));
        }
        let field = |names: [&str; 2]| names.iter().find_map(|name| raw.get(name)?.as_str()).map(str::to_owned);
        Ok(Answer {
            text,
            tool_calls,
            usage,
            reported_model: field(["model", "modelVersion"]),
            response_id: field(["id", "responseId"]),
        })
    }
}

#[async_trait::async_trait]
impl Provider for Chat {
    async fn complete(&self, request: &Request) -> Result<Answer, CallError> {
        let native = conversation::is_native(request, self.config.tool_calls == ToolCalls::Native);
        let mut chat = ChatRequest::new(conversation::messages(request, native).into_iter().map(message).collect());
        if native {
            let tool = |spec: &super::ToolSpec| {
                Tool::new(spec.name.as_str()).with_description(&spec.description).with_schema(spec.arguments.clone())
            };
            chat = chat.with_tools(request.tools.iter().map(tool).collect::<Vec<Tool>>());
        }
        let target = self.target(&request.model_name).await?;
        let options = self.options(request, native);
        let response = self.client.exec_chat(target, chat, Some(&options)).await;
        self.answer(request, response.map_err(|error| self.failed(&error))?)
    }
}

fn message(said: Said<'_>) -> ChatMessage {
    match said {
        Said::System(text) => ChatMessage::system(text),
        Said::User(text) => ChatMessage::user(text),
        Said::Assistant { text, calls } => {
            let mut parts = Vec::new();
            if !text.is_empty() || calls.is_empty() {
                parts.push(ContentPart::from_text(text));
            }
            parts.extend(calls.into_iter().map(|call| {
                ContentPart::ToolCall(genai::chat::ToolCall {
                    call_id: call.id,
                    fn_name: call.tool.to_owned(),
                    fn_arguments: call.arguments.clone(),
                    thought_signatures: None,
                })
            }));
            ChatMessage::assistant(MessageContent::from_parts(parts))
        }
        Said::Results(results) => {
            let one = |result: conversation::Returned<'_>| {
                ToolResponse::new(result.id, result.content).with_fn_name(result.tool)
            };
            ChatMessage::tool(MessageContent::from_tool_responses(results.into_iter().map(one).collect()))
        }
    }
}

/// Says whether a model of OpenAI thinks before it answers: those take no temperature.
/// Source: platform.openai.com/docs/guides/reasoning
fn thinks(name: &str) -> bool {
    ["gpt-5", "gpt-6", "o1", "o3", "o4"].iter().any(|front| name.starts_with(front))
}

/// The tokens of an answer, if the provider says how many: a missing number is never taken for none.
fn usage(kind: AdapterKind, raw: &Value, read: &genai::chat::Usage) -> Option<Usage> {
    let number = |value: Option<i32>| value.and_then(|n| u64::try_from(n).ok());
    let at = |pointer: &str| raw.pointer(pointer).and_then(fault::tokens);
    let (input_tokens, output_tokens) = match kind {
        AdapterKind::Gemini => {
            // An answer without any text has no count of its tokens; thoughts are counted apart.
            let input =
                at("/usageMetadata/promptTokenCount")? + at("/usageMetadata/toolUsePromptTokenCount").unwrap_or(0);
            let output = at("/usageMetadata/candidatesTokenCount").unwrap_or(0)
                + at("/usageMetadata/thoughtsTokenCount").unwrap_or(0);
            let total = at("/usageMetadata/totalTokenCount").unwrap_or(0);
            (input, output.max(total.saturating_sub(input)))
        }
        AdapterKind::Anthropic => {
            // The crate reads a missing number as 0.
            let is_told = at("/usage/input_tokens").and(at("/usage/output_tokens")).is_some();
            is_told.then_some((number(read.prompt_tokens)?, number(read.completion_tokens)?))?
        }
        _ => {
            let (input, output) = (number(read.prompt_tokens)?, number(read.completion_tokens)?);
            // Some count what a model thinks in the total alone.
            let total = number(read.total_tokens).unwrap_or(0);
            (input, output.max(total.saturating_sub(input)))
        }
    };
    let prompt = read.prompt_tokens_details.as_ref();
    let gemini_cached = at("/usageMetadata/cachedContentTokenCount");
    let reasoning = read.completion_tokens_details.as_ref().and_then(|details| number(details.reasoning_tokens));
    Some(Usage {
        input_tokens,
        cached_input_tokens: prompt.and_then(|details| number(details.cached_tokens)).or(gemini_cached).unwrap_or(0),
        cache_write_input_tokens: prompt.and_then(|details| number(details.cache_creation_tokens)).unwrap_or(0),
        output_tokens,
        reasoning_output_tokens: reasoning.or(at("/usageMetadata/thoughtsTokenCount")).unwrap_or(0),
    })
}
