//! The price table of common models that comes with the program: dated, and never lower than what
//! is billed. A model that it does not know has no price, rather than none to pay.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::Deserialize;

use super::known;
use crate::domain::credits::Credits;
use crate::domain::model::Price;

/// The table: `prices.json` beside this file.
const TABLE: &str = include_str!("prices.json");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "notes")]
    _notes: Vec<String>,
    providers: BTreeMap<String, List>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    as_of: String,
    #[serde(rename = "source")]
    _source: String,
    models: BTreeMap<String, Listed>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    input: Credits,
    cached_input: Option<Credits>,
    cache_write_input: Option<Credits>,
    output: Credits,
    context_tokens: Option<NonZeroU64>,
}

/// What is known of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What it costs, and of which day that is.
    pub price: Price,
    /// The tokens of prompt and answer that this price is for.
    pub context_tokens: Option<NonZeroU64>,
}

/// What a model costs that runs where we do: nothing per token, explicitly.
#[must_use]
pub fn free() -> Price {
    Price {
        input: Credits::ZERO,
        cached_input: None,
        cache_write_input: None,
        output: Credits::ZERO,
        request: Credits::ZERO,
        as_of: None,
    }
}

/// The price of a provider's model, if the table has it: by its name, or by its name without the
/// date of a snapshot.
///
/// # Panics
/// Never: a test reads the table.
#[must_use]
pub fn price(provider: &str, name: &str) -> Option<Known> {
    if known::is_local(provider) {
        return Some(Known { price: free(), context_tokens: None });
    }
    let table: Table = serde_json::from_str(TABLE).unwrap_or_else(|error| unreachable!("prices.json: {error}"));
    let provider = if matches!(provider, "azure" | "openai_resp") { "openai" } else { provider };
    let list = table.providers.get(provider)?;
    let listed = list.models.get(name).or_else(|| list.models.get(undated(name)))?;
    let price = Price {
        input: listed.input,
        cached_input: listed.cached_input,
        cache_write_input: listed.cache_write_input,
        output: listed.output,
        request: Credits::ZERO,
        as_of: Some(list.as_of.clone()),
    };
    Some(Known { price, context_tokens: listed.context_tokens })
}

/// The models of the table, by provider and name.
#[must_use]
pub fn names() -> Vec<(String, String)> {
    let table: Table = serde_json::from_str(TABLE).unwrap_or_else(|error| unreachable!("prices.json: {error}"));
    let of = |(provider, list): (String, List)| list.models.into_keys().map(move |name| (provider.clone(), name));
    table.providers.into_iter().flat_map(of).collect()
}

/// A name without `-2025-04-14`, `-20250929` or `-latest` at its end.
fn undated(name: &str) -> &str {
    let name = name.strip_suffix("-latest").unwrap_or(name);
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    for length in ["-2025-04-14".len(), "-20250929".len()] {
        if let Some((front, date)) = name.len().checked_sub(length).and_then(|at| name.split_at_checked(at))
            && date.starts_with('-')
            && is_digits(date)
            && date.matches('-').count() == if length == 11 { 3 } else { 1 }
        {
            return front;
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_price_of_the_table_is_whole_and_of_a_known_provider() {
        let names = names();
        assert!(names.len() > 40);
        for (provider, name) in names {
            assert!(known::is_known(&provider), "{provider}");
            let known = price(&provider, &name).expect("price");
            let Price { input, cached_input, cache_write_input, output, as_of, .. } = known.price;
            assert!(!input.is_zero() && !output.is_zero() && as_of.is_some_and(|day| day.len() == 10), "{name}");
            assert!(cached_input.is_none_or(|cached| cached < input), "{name}");
            assert!(cache_write_input.is_none_or(|written| written >= input), "{name}");
        }
    }

    #[test]
    fn a_snapshot_has_the_price_of_its_model_and_an_unknown_model_none() {
        for (provider, name) in [
            ("openai", "gpt-4.1-mini-2025-04-14"),
            ("anthropic", "claude-sonnet-4-5-20250929"),
            ("azure", "gpt-4.1-mini"),
        ] {
            assert!(price(provider, name).is_some(), "{name}");
        }
        for (provider, name) in
            [("openai", "gpt-4.1-mini-2025"), ("openai", "gpt-99"), ("groq", "llama"), ("openai_compatible", "gpt-4.1")]
        {
            assert_eq!(price(provider, name), None, "{name}");
        }
        assert_eq!(price("ollama", "anything").map(|known| known.price), Some(free()));
    }
}
