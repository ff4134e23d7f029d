//! The model registry: `config/models.json`, key -> how to reach a model and what it costs.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::credits::Credits;
use super::endpoint::{BaseUrl, KeyRef};
use super::name::ModelKey;

/// What a model costs, in credits. Required, so that an unknown price never counts as zero; a
/// local model's price is an explicit `{"input": 0, "output": 0}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Price {
    /// Per million tokens of the prompt.
    pub input: Credits,
    /// Per million tokens of the prompt that the provider had cached; absent: as `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<Credits>,
    /// Per million tokens of the prompt that the provider wrote into its cache; absent: as `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_input: Option<Credits>,
    /// Per million tokens of the answer, reasoning included.
    pub output: Credits,
    /// Per request, whatever its size.
    #[serde(default)]
    pub request: Credits,
    /// The day of the price list it is from, such as `2026-11-20`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
}

/// Tokens of one model call, by the class they are billed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub input_tokens: u64,
    /// Those of them that the provider had cached.
    #[serde(default)]
    pub cached_input_tokens: u64,
    /// Those of them that the provider wrote into its cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_input_tokens: u64,
    /// Tokens of the answer, reasoning included.
    pub output_tokens: u64,
    /// Those of them that were reasoning.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reasoning_output_tokens: u64,
}

fn is_zero(tokens: &u64) -> bool {
    *tokens == 0
}

impl Price {
    /// What one call cost.
    #[must_use]
    pub fn of(&self, usage: Usage) -> Credits {
        let cached = usage.cached_input_tokens.min(usage.input_tokens);
        let written = usage.cache_write_input_tokens.min(usage.input_tokens - cached);
        self.request
            + self.input.per_million(usage.input_tokens - cached - written)
            + self.cached_input.unwrap_or(self.input).per_million(cached)
            + self.cache_write_input.unwrap_or(self.input).per_million(written)
            + self.output.per_million(usage.output_tokens)
    }

    /// The most that one call can cost with so many tokens.
    #[must_use]
    pub fn worst(&self, input_tokens: u64, output_tokens: u64) -> Credits {
        let dearest = [self.cached_input, self.cache_write_input].into_iter().flatten().max();
        let input = self.input.max(dearest.unwrap_or(self.input));
        self.request + input.per_million(input_tokens) + self.output.per_million(output_tokens)
    }
}

/// One model of the registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// Which provider speaks to it, such as `openai`, `anthropic`, `ollama`, `scripted`: see docs/MODELS.md.
    #[schemars(length(min = 1))]
    pub provider: String,
    /// The provider's own name of the model.
    #[serde(default)]
    pub model_name: String,
    /// The provider's address; absent: its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// Where its key lies; absent: the provider's usual variable, such as `OPENAI_API_KEY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyRef>,
    /// What it costs.
    pub price: Price,
    /// Models that are called in its place while it does not answer, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<ModelKey>,
    /// Tokens that prompt and answer must fit in; absent: not limited here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<NonZeroU64>,
    /// The most calls at once from one runner; absent: not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<NonZeroU32>,
    /// What the provider needs besides: see its documentation.
    #[serde(default)]
    pub provider_config: Map<String, Value>,
    /// Fields that this version does not know: kept and reported.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

/// `config/models.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelRegistry {
    /// The JSON Schema of this file, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The models by key.
    #[serde(flatten)]
    pub models: BTreeMap<ModelKey, Model>,
}

impl ModelRegistry {
    /// The model of that key and, after it, its fallbacks: what one call may come to. Fallbacks of
    /// fallbacks are none. Empty where there is no such model.
    #[must_use]
    pub fn candidates(&self, key: &ModelKey) -> Vec<(&ModelKey, &Model)> {
        let Some((key, model)) = self.models.get_key_value(key) else { return Vec::new() };
        let mut candidates = vec![(key, model)];
        for fallback in &model.fallback {
            if let Some(found) = self.models.get_key_value(fallback)
                && candidates.iter().all(|(known, _)| *known != found.0)
            {
                candidates.push(found);
            }
        }
        candidates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_are_billed_at_their_price() {
        let price: Price = serde_json::from_str(r#"{"input": 3, "cached_input": 0.3, "output": 15, "request": 0.001}"#)
            .expect("price");
        let usage = Usage { input_tokens: 1_000, cached_input_tokens: 400, output_tokens: 100, ..Usage::default() };
        assert_eq!(price.of(usage).micros(), 1_000 + 1_800 + 120 + 1_500);
        assert!(price.worst(1_000, 100) >= price.of(usage));
    }

    #[test]
    fn tokens_written_to_a_cache_are_billed_at_their_price_and_in_the_worst_case() {
        let price: Price =
            serde_json::from_str(r#"{"input": 3, "cached_input": 0.3, "cache_write_input": 3.75, "output": 15}"#)
                .expect("price");
        let usage = Usage {
            input_tokens: 1_000,
            cached_input_tokens: 400,
            cache_write_input_tokens: 500,
            output_tokens: 100,
            reasoning_output_tokens: 60,
        };
        assert_eq!(price.of(usage).micros(), 300 + 120 + 1_875 + 1_500);
        assert_eq!(price.worst(1_000, 100).micros(), 3_750 + 1_500);
    }

    #[test]
    fn a_model_without_a_price_or_with_a_negative_one_is_refused() {
        assert!(serde_json::from_str::<ModelRegistry>(r#"{"m": {"provider": "cli"}}"#).is_err());
        let negative = r#"{"m": {"provider": "cli", "price": {"input": -1, "output": 0}}}"#;
        assert!(serde_json::from_str::<ModelRegistry>(negative).is_err());
    }
}
