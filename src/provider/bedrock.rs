//! Amazon Bedrock, by its Converse interface, signed as whoever the runner is to AWS: a Lambda with
//! a role needs no key. A Bedrock key, if the model names one, takes the signature's place.
//!
//! Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::aws::Aws;
use super::chat::{self, ToolCalls};
use super::conversation::{self, Said};
use super::http::Http;
use super::secret::Secret;
use super::{Answer, CallError, CallErrorKind, Provider, Request, ToolCall, fault};
use crate::domain::contract;
use crate::domain::endpoint::BaseUrl;
use crate::domain::model::Usage;

/// The service's name in signatures.
const SERVICE: &str = "bedrock";

/// `provider_config` of a model of Bedrock.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BedrockConfig {
    tool_calls: ToolCalls,
    /// Absent: `AWS_REGION`.
    region: Option<String>,
    /// `false`: none is sent, for models that take none.
    temperature: Option<bool>,
    /// `additionalModelRequestFields`.
    #[serde(deserialize_with = "chat::extra_body")]
    extra_body: Map<String, Value>,
}

/// A model of Bedrock.
#[derive(Debug)]
pub(super) struct Bedrock {
    http: Http,
    aws: Arc<Aws>,
    base: Url,
    region: String,
    key: Option<Secret>,
    config: BedrockConfig,
}

impl Bedrock {
    /// A model in the region that its config or the environment names.
    ///
    /// # Errors
    /// Neither names one, or it makes no address.
    pub(super) fn new(
        http: Http,
        aws: Arc<Aws>,
        endpoint: Option<&BaseUrl>,
        key: Option<Secret>,
        config: BedrockConfig,
    ) -> Result<Self, CallError> {
        let region = config.region.clone().map_or_else(|| aws.region(), Ok)?;
        let base = match endpoint {
            Some(url) => url.as_url().clone(),
            None => aws.endpoint("bedrock-runtime", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", &region)?,
        };
        Ok(Self { http, aws, base, region, key, config })
    }

    fn body(&self, request: &Request, native: bool) -> Value {
        let mut system = Vec::new();
        let mut messages: Vec<Value> = Vec::new();
        for said in conversation::messages(request, native) {
            let (role, blocks) = match said {
                Said::System(text) => {
                    system.push(json!({ "text": text }));
                    continue;
                }
                Said::User(text) => ("user", vec![block(&text)]),
                Said::Assistant { text, calls } => {
                    let mut blocks = Vec::new();
                    if !text.trim().is_empty() || calls.is_empty() {
                        blocks.push(block(&text));
                    }
                    blocks.extend(calls.iter().map(
                        |call| json!({"toolUse": {"toolUseId": call.id, "name": call.tool, "input": call.arguments}}),
                    ));
                    ("assistant", blocks)
                }
                Said::Results(results) => {
                    let one = |result: conversation::Returned<'_>| {
                        let content = json!([{ "text": result.content }]);
                        json!({"toolResult": {"toolUseId": result.id, "content": content}})
                    };
                    ("user", results.into_iter().map(one).collect())
                }
            };
            // Roles must alternate.
            match messages
                .last_mut()
                .filter(|last| last["role"] == role)
                .and_then(|last| last["content"].as_array_mut())
            {
                Some(content) => content.extend(blocks),
                None => messages.push(json!({"role": role, "content": blocks})),
            }
        }
        let mut inference = json!({ "maxTokens": request.max_tokens });
        if self.config.temperature != Some(false) {
            inference["temperature"] = json!(request.temperature.min(1.0));
        }
        let mut body = json!({"system": system, "messages": messages, "inferenceConfig": inference});
        if native {
            let tool = |spec: &super::ToolSpec| {
                json!({"toolSpec": {"name": spec.name, "description": spec.description,
                    "inputSchema": {"json": spec.arguments}}})
            };
            body["toolConfig"] = json!({ "tools": request.tools.iter().map(tool).collect::<Vec<_>>() });
        }
        if !self.config.extra_body.is_empty() {
            body["additionalModelRequestFields"] = Value::Object(self.config.extra_body.clone());
        }
        body
    }

    fn url(&self, model: &str) -> Result<Url, CallError> {
        let wrong = |_| CallError::misconfigured("model_name makes no address of Bedrock");
        Url::parse(&format!("{}model/{}/converse", self.base, encoded(model))).map_err(wrong)
    }
}

/// A text block. Bedrock takes no empty ones.
fn block(text: &str) -> Value {
    json!({ "text": if text.trim().is_empty() { "(nothing)" } else { text } })
}

/// A segment of a path, with all but unreserved characters escaped: so AWS's own clients sign it.
fn encoded(segment: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    segment.bytes().map(one).collect()
}

fn usage(answer: &Value) -> Option<Usage> {
    let given = |field: &str| answer.get("usage")?.get(field);
    let number = |field: &str| fault::tokens(given(field)?);
    // Absent is none; what is no number of tokens makes the others worthless.
    let cached = given("cacheReadInputTokens").map_or(Some(0), fault::tokens)?;
    let written = given("cacheWriteInputTokens").map_or(Some(0), fault::tokens)?;
    Some(Usage {
        // `inputTokens` are those beside the cache.
        input_tokens: number("inputTokens")? + cached + written,
        cached_input_tokens: cached,
        cache_write_input_tokens: written,
        output_tokens: number("outputTokens")?,
        reasoning_output_tokens: 0,
    })
}

#[async_trait::async_trait]
impl Provider for Bedrock {
    async fn complete(&self, request: &Request) -> Result<Answer, CallError> {
        let native = conversation::is_native(request, self.config.tool_calls == ToolCalls::Native);
        let url = self.url(&request.model_name)?;
        let body = Bytes::from(self.body(request, native).to_string());
        let (headers, secrets) = match &self.key {
            Some(key) => {
                let wrong = |_| CallError::misconfigured("the key holds what no header can carry");
                let mut bearer = HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(wrong)?;
                bearer.set_sensitive(true);
                (HeaderMap::from_iter([(AUTHORIZATION, bearer)]), vec![key.clone()])
            }
            None => self.aws.sign(SERVICE, &self.region, &url, HeaderMap::new(), &body).await?,
        };
        let (headers, answer) = self.http.post(url, headers, body, &secrets).await?;
        let usage = usage(&answer);
        let failed = |kind, why: &str| Err(CallError::new(kind, why).billed(usage));
        match answer.get("stopReason").and_then(Value::as_str) {
            Some("guardrail_intervened" | "content_filtered" | "refusal") => {
                return failed(CallErrorKind::Refused, "the answer was stopped by a content filter");
            }
            Some("model_context_window_exceeded") => {
                return failed(CallErrorKind::ContextTooLong, "prompt and answer are longer than the model takes");
            }
            _ => {}
        }
        let Some(blocks) = answer.pointer("/output/message/content").and_then(Value::as_array) else {
            return Err(fault::broken("holds no message"));
        };
        let text: String = blocks.iter().filter_map(|block| block.get("text")?.as_str()).collect();
        let call = |block: &Value| {
            let call = block.get("toolUse")?;
            Some(ToolCall {
                id: call.get("toolUseId").and_then(Value::as_str).map(str::to_owned),
                tool: call.get("name")?.as_str()?.to_owned(),
                arguments: call.get("input").cloned().unwrap_or_else(|| json!({})),
            })
        };
        let tool_calls: Vec<ToolCall> = blocks.iter().filter_map(call).take(contract::MAX_TOOL_CALLS).collect();
        if text.trim().is_empty() && tool_calls.is_empty() {
            let is_cut = answer.get("stopReason").and_then(Value::as_str) == Some("max_tokens");
            return Err(fault::empty(is_cut, request.max_tokens).billed(usage));
        }
        Ok(Answer {
            text,
            tool_calls,
            usage,
            reported_model: None,
            response_id: headers.get("x-amzn-requestid").and_then(|id| id.to_str().ok()).map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn a_model_id_is_escaped_as_aws_signs_it() {
        assert_eq!(encoded("anthropic.claude-v1:0"), "anthropic.claude-v1%3A0");
        assert_eq!(encoded("arn:aws:bedrock:x/y"), "arn%3Aaws%3Abedrock%3Ax%2Fy");
    }
}
