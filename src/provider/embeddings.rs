//! Embeddings: texts as vectors, from OpenAI, whoever speaks as it does, and Ollama.
//!
//! Sources: platform.openai.com/docs/api-reference/embeddings; docs.ollama.com/api/embed.

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::http::Http;
use super::secret::Secret;
use super::{CallError, Embedded, Embedder, fault};
use crate::domain::endpoint::BaseUrl;
use crate::domain::model::Usage;

/// The longest vector that is taken.
const MAX_DIMENSIONS: usize = 16_384;

/// Whose way of asking it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    OpenAi,
    Ollama,
}

/// A model that turns texts into vectors.
#[derive(Debug)]
pub(super) struct Embeddings {
    http: Http,
    url: Url,
    key: Option<Secret>,
    wire: Wire,
}

impl Embeddings {
    /// A model at `at`, or where such models are as a rule.
    ///
    /// # Errors
    /// The address is none that a path can be added to.
    pub(super) fn new(http: Http, at: Option<&BaseUrl>, key: Option<Secret>, wire: Wire) -> Result<Self, CallError> {
        let (usual, path) = match wire {
            Wire::OpenAi => ("https://api.openai.com/v1/", "embeddings"),
            Wire::Ollama => ("http://127.0.0.1:11434/", "api/embed"),
        };
        let wrong = || CallError::misconfigured("base_url is no address that a path can be added to");
        let base = at.map_or_else(|| Url::parse(usual).map_err(|_| wrong()), |at| Ok(at.as_url().clone()))?;
        Ok(Self { http, url: base.join(path).map_err(|_| wrong())?, key, wire })
    }

    fn headers(&self) -> Result<HeaderMap, CallError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &self.key {
            let value = HeaderValue::from_str(&format!("Bearer {}", key.expose()));
            let mut value = value.map_err(|_| CallError::misconfigured("the key holds what no header can carry"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }
}

#[derive(Deserialize)]
struct OpenAiAnswer {
    data: Vec<OpenAiVector>,
    model: Option<String>,
    usage: Option<OpenAiUsage>,
}

#[derive(Deserialize)]
struct OpenAiVector {
    index: usize,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct OpenAiUsage {
    prompt_tokens: u64,
}

#[derive(Deserialize)]
struct OllamaAnswer {
    embeddings: Vec<Vec<f32>>,
    model: Option<String>,
    prompt_eval_count: Option<u64>,
}

fn read(wire: Wire, answer: Value) -> Result<Embedded, CallError> {
    let broken = |_| fault::broken("holds no embeddings");
    let (vectors, tokens, reported_model) = match wire {
        Wire::OpenAi => {
            let mut answer: OpenAiAnswer = serde_json::from_value(answer).map_err(broken)?;
            answer.data.sort_by_key(|vector| vector.index);
            let vectors = answer.data.into_iter().map(|vector| vector.embedding).collect();
            (vectors, answer.usage.map(|usage| usage.prompt_tokens), answer.model)
        }
        Wire::Ollama => {
            let answer: OllamaAnswer = serde_json::from_value(answer).map_err(broken)?;
            (answer.embeddings, answer.prompt_eval_count, answer.model)
        }
    };
    let tokens = tokens.filter(|tokens| *tokens <= fault::MOST_TOKENS);
    let usage = tokens.map(|input_tokens| Usage { input_tokens, ..Usage::default() });
    Ok(Embedded { vectors, usage, reported_model })
}

#[async_trait]
impl Embedder for Embeddings {
    async fn embed(&self, model_name: &str, texts: &[String]) -> Result<Embedded, CallError> {
        let body = match self.wire {
            Wire::OpenAi => json!({"model": model_name, "input": texts, "encoding_format": "float"}),
            Wire::Ollama => json!({"model": model_name, "input": texts}),
        };
        let secrets: Vec<Secret> = self.key.iter().cloned().collect();
        let sent = self.http.post(self.url.clone(), self.headers()?, Bytes::from(body.to_string()), &secrets);
        let embedded = read(self.wire, sent.await?.1)?;
        let length = embedded.vectors.first().map_or(0, Vec::len);
        let sound = |vector: &Vec<f32>| {
            vector.len() == length && (1..=MAX_DIMENSIONS).contains(&length) && vector.iter().all(|x| x.is_finite())
        };
        if embedded.vectors.len() != texts.len() || !embedded.vectors.iter().all(sound) {
            let message = format!("holds no {} vectors of one length", texts.len());
            return Err(fault::broken(&message).billed(embedded.usage));
        }
        Ok(embedded)
    }
}
