//! `lemming/config/`: the settings, the models and the tick counter of the original.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Draft;
use crate::domain::credits::Credits;
use crate::domain::endpoint::BaseUrl;
use crate::domain::model::Price;
use crate::domain::name::ModelKey;
use crate::provider::{known, prices};
use crate::record::encode;
use crate::store::Key;

/// The window that a model of Ollama gets: what most machines have memory for.
const OLLAMA_WINDOW: u64 = 32_768;

/// What an unknown model of an unknown provider is taken to cost: dearer than all in the price table.
const DEAREST: (u64, u64) = (100, 300);

/// How the original's settings are called that have no place here, and what to use instead.
const NO_PLACE: [(&str, &str); 3] = [
    ("base_turn_seconds", "`lemming run --every TIME` says how often, or `pace.every` in org.json for a scheduler"),
    ("max_turns", "`lemming run --ticks N` says how many"),
    ("summary_every_n_turns", "an agent that runs every N ticks and reads everybody writes summaries"),
];

/// The number in `tick.json`.
pub(super) fn tick(value: &Value) -> u64 {
    number(value).unwrap_or(0)
}

fn number(value: &Value) -> Option<u64> {
    let named = ["current_tick", "tick", "last_tick"].iter().find_map(|name| value.get(name));
    named.unwrap_or(value).as_u64()
}

/// Names what `credits.json` and `tick.json` hold that is not what it should be: no balance is lost in silence.
pub(super) fn name_what_is_wrong(credits: &Value, tick: &Value, draft: &mut Draft) {
    let path = "lemming/config/credits.json";
    if !credits.is_null() && !credits.is_object() {
        draft.leave(path, "holds no accounts by name: balances are those that the resumes say");
    }
    for (name, account) in entries(credits).filter(|(_, account)| !account.is_object()) {
        draft.leave(format!("{path}#/{name}"), format!("is {account}, and no account"));
    }
    if !tick.is_null() && number(tick).is_none() {
        draft.leave("lemming/config/tick.json", "holds no number of a tick: offsets stay as they are");
    }
}

/// An amount of the original, which held floats: rounded down to a millionth, and never below 0.
pub(super) fn amount(value: Option<&Value>) -> Option<Credits> {
    let text = match value? {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    if text.starts_with('-') {
        return Some(Credits::ZERO);
    }
    let text = match text.split_once('.') {
        Some((whole, decimals)) if decimals.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{whole}.{}", &decimals[..decimals.len().min(6)])
        }
        // Less than a millionth, as a float is written.
        _ if text.contains("e-") => "0".to_owned(),
        _ => text,
    };
    Credits::parse(&text).ok()
}

/// `org_config.json` and what an action cost become `org.json`.
pub(super) fn org(settings: &Value, credits: &Value, name: &str, draft: &mut Draft) {
    let path = "lemming/config/org_config.json";
    let mut org = json!({ "$schema": "schemas/org.schema.json", "format": 1, "name": name });
    for (field, value) in settings.as_object().into_iter().flatten() {
        match NO_PLACE.iter().find(|(known, _)| known == field) {
            Some((_, instead)) => draft.leave(format!("{path}#/{field}"), format!("is {value}: {instead}")),
            None if field == "max_outbox_age_ticks"
                && value.as_u64().is_some_and(|age| (1..=u64::from(u32::MAX)).contains(&age)) =>
            {
                draft.max_age = value.as_u64().unwrap_or(draft.max_age);
                org["limits"] = json!({ "max_outbox_age_ticks": value });
            }
            None => draft.leave(format!("{path}#/{field}"), "is a setting that has no counterpart here"),
        }
    }
    let mut costs: Vec<Credits> =
        accounts(credits).filter_map(|(_, account)| amount(account.get("cost_per_action"))).collect();
    costs.sort_unstable();
    costs.dedup();
    if let Some(cost) = costs.last() {
        org["credits"] = json!({ "cost_per_action": cost });
        if costs.len() > 1 {
            draft.note(format!(
                "what an action costs differed between agents; here it is one for all, the highest: {cost}"
            ));
        }
    }
    draft.written.insert(Key::Org, Bytes::from(encode(&org)));
}

/// The accounts in `credits.json` by name.
pub(super) fn accounts(credits: &Value) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
    entries(credits).filter_map(|(name, account)| Some((name, account.as_object()?)))
}

fn entries(credits: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let agents = credits.get("agents").filter(|agents| agents.is_object()).unwrap_or(credits);
    agents.as_object().into_iter().flatten()
}

/// `models.json` becomes `config/models.json`: with a price for each, and without any key.
pub(super) fn models(models: &Value, draft: &mut Draft) {
    let mut registry = Map::new();
    registry.insert("$schema".to_owned(), json!("../schemas/models.schema.json"));
    let models = models.get("models").filter(|models| models.is_object()).unwrap_or(models);
    for (key, model) in models.as_object().into_iter().flatten() {
        let at = format!("lemming/config/models.json#/{key}");
        let Ok(key) = ModelKey::new(key) else {
            draft.leave(at, format!("its key must match {}", ModelKey::PATTERN));
            continue;
        };
        let provider = model.get("provider").and_then(Value::as_str).unwrap_or_default();
        if !known::is_known(provider) || provider == "scripted" {
            draft.leave(at, format!("there is no provider {provider:?} here; `lemming models use` adds another model"));
            continue;
        }
        let entry = entry(&key, provider, model, &at, draft);
        registry.insert(key.to_string(), entry);
        draft.done.models.push(key);
    }
    draft.written.insert(Key::Models, Bytes::from(encode(&Value::Object(registry))));
}

fn entry(key: &ModelKey, provider: &str, model: &Value, at: &str, draft: &mut Draft) -> Value {
    let name = model.get("model_name").and_then(Value::as_str).unwrap_or_default();
    let listed = prices::price(provider, name);
    let price = match &listed {
        Some(known) => known.price.clone(),
        None if matches!(provider, "ollama" | "cli") => prices::free(),
        None => {
            let (price, of) = dearest(provider);
            draft.note(format!(
                "what the model {key} ({provider}:{name}) costs is not known: it counts as much as {of}, {} and {} per \
                 million tokens, until config/models.json says better",
                price.input, price.output
            ));
            price
        }
    };
    let mut entry = json!({ "provider": provider, "model_name": name, "price": price });
    if let Some(fields) = entry["price"].as_object_mut().filter(|fields| fields.get("request") == Some(&json!(0))) {
        fields.remove("request");
    }
    if let Some(window) = listed.and_then(|known| known.context_tokens) {
        entry["context_tokens"] = json!(window);
    }
    if provider == "ollama" {
        entry["context_tokens"] = json!(OLLAMA_WINDOW);
        entry["max_concurrency"] = json!(1);
    }
    let mut config = Map::new();
    for (field, value) in model.get("provider_config").and_then(Value::as_object).into_iter().flatten() {
        let is_address = ["base_url", "api_base", "host", "url", "endpoint"].contains(&field.as_str());
        let address = value.as_str().filter(|_| is_address && provider != "cli").map(BaseUrl::parse);
        match (address, field.as_str()) {
            (Some(Ok(address)), _) => entry["base_url"] = json!(address),
            (None, "command" | "cwd" | "timeout") if provider == "cli" => {
                config.insert(field.clone(), value.clone());
            }
            // Variables of a program are how it is given keys.
            (None, "env") if provider == "cli" => draft.leave(
                format!("{at}/provider_config/env"),
                "keys are never copied, and a program's variables may hold some: set what it needs where the \
                 organisation ticks, or write it into config/models.json again",
            ),
            // Its value may be the key: it is not repeated.
            (None, name) if name.to_lowercase().contains("key") || name.to_lowercase().contains("token") => draft.leave(
                format!("{at}/provider_config/{field}"),
                "keys are named by reference here, such as \"key\": \"env:OPENAI_API_KEY\"; without one the provider's usual variable counts",
            ),
            _ => draft.leave(format!("{at}/provider_config/{field}"), "is an option that this provider does not have here"),
        }
    }
    if !config.is_empty() {
        entry["provider_config"] = Value::Object(config);
    }
    entry
}

/// The dearest price of a provider: an unknown one must not count as nothing.
fn dearest(provider: &str) -> (Price, String) {
    let names = prices::names().into_iter().filter(|(of, _)| of == provider);
    let known = names.filter_map(|(of, name)| Some((prices::price(&of, &name)?.price, format!("{of}:{name}"))));
    known.max_by_key(|(price, _)| (price.output, price.input)).unwrap_or_else(|| {
        let price = Price { input: Credits::whole(DEAREST.0), output: Credits::whole(DEAREST.1), ..prices::free() };
        (price, "the dearest there is".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_that_drifted_are_rounded_down_and_never_below_nothing() {
        for (value, amount_in_micros) in [
            (json!(9.99), Some(9_990_000)),
            (json!(9.989999999999998), Some(9_989_999)),
            (json!(100), Some(100_000_000)),
            (json!(-0.3), Some(0)),
            (json!(1e-9), Some(0)),
            (json!("2.5"), Some(2_500_000)),
            (json!(null), None),
            (json!("much"), None),
        ] {
            assert_eq!(amount(Some(&value)).map(Credits::micros), amount_in_micros, "{value}");
        }
    }

    #[test]
    fn the_tick_counter_is_read_in_each_of_its_forms() {
        for (value, found) in
            [(json!({"current_tick": 7}), 7), (json!({"tick": 8}), 8), (json!(9), 9), (json!(null), 0)]
        {
            assert_eq!(tick(&value), found, "{value}");
        }
    }
}
