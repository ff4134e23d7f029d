//! The model registry: what its shape does not say.
//!
//! What stands in `key` or `base_url` and should not may be a secret: no finding repeats it.

use serde_json::{Map, Value};

use super::file::{self, Read};
use super::{Finding, Findings, ValidateError, one_of};
use crate::domain::credits::Credits;
use crate::domain::endpoint::{BaseUrl, KeyRef};
use crate::domain::model::{Model, ModelRegistry};
use crate::domain::name::ModelKey;
use crate::provider::{Providers, known, network};
use crate::schema::FileKind;
use crate::store::{Key, Store};

/// How fields are called that people put secrets into.
const SECRETS: [&str; 6] = ["api_key", "apikey", "secret", "token", "password", "access_key"];

/// Reads the registry and checks each model.
pub(super) async fn check(
    store: &Store,
    providers: &dyn Providers,
    found: &mut Findings,
) -> Result<Read<ModelRegistry>, ValidateError> {
    let path = Key::Models.path();
    let registry = file::read::<ModelRegistry>(store, &path, FileKind::Models, found).await?;
    // One that is there and wrong has been reported.
    if registry.json.is_none() && found.findings.iter().all(|finding| finding.path != path) {
        let finding = Finding::error("missing_file", &path, "");
        found.add(finding.says("is missing", "it must list the models; `lemming bootstrap` writes an example"));
    }
    let models = registry.json.as_ref().and_then(Value::as_object);
    for (key, model) in models.into_iter().flatten() {
        if let Some(fields) = model.as_object() {
            check_secrets(&path, key, fields, found);
        }
    }
    if let Some(registry) = &registry.typed {
        found.models = registry.models.len();
        for (key, model) in &registry.models {
            check_fallbacks(&path, key, model, registry, found);
            check_cache_price(&path, key, model, found);
            check_provider(store, providers, key, model, found).await?;
        }
    }
    Ok(registry)
}

fn at(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn check_secrets(path: &str, key: &str, fields: &Map<String, Value>, found: &mut Findings) {
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    if let Some(Err(error)) = text("key").map(KeyRef::parse) {
        let finding = Finding::error("bad_key_reference", path, format!("{}/key", at(key)));
        found.add(finding.says(error.to_string(), "such as env:OPENAI_API_KEY"));
    }
    if let Some(Err(error)) = text("base_url").map(BaseUrl::parse) {
        let finding = Finding::error("bad_base_url", path, format!("{}/base_url", at(key)));
        found.add(finding.says(error.to_string(), "such as http://localhost:11434"));
    }
    let config = fields.get("provider_config").and_then(Value::as_object);
    let all = [("", Some(fields)), ("/provider_config", config)];
    for (front, name) in all.into_iter().flat_map(|(front, fields)| {
        fields.into_iter().flat_map(move |fields| fields.keys().map(move |name| (front, name)))
    }) {
        let lower = name.to_lowercase();
        if SECRETS.iter().any(|secret| lower == *secret || lower.ends_with(&format!("_{secret}"))) {
            let finding = Finding::error("secret_in_file", path, format!("{}{front}{}", at(key), at(name)));
            let message = "seems to hold a secret: this file is kept in the records of every tick";
            found.add(finding.says(message, "name the key by reference, in `key`, and change the one that stood here"));
        }
    }
}

fn check_fallbacks(path: &str, key: &ModelKey, model: &Model, registry: &ModelRegistry, found: &mut Findings) {
    let known: Vec<&str> = registry.models.keys().map(ModelKey::as_str).collect();
    for (i, fallback) in model.fallback.iter().enumerate() {
        let pointer = format!("{}/fallback/{i}", at(key.as_str()));
        if fallback == key {
            let finding = Finding::warning("own_fallback", path, pointer);
            found.add(finding.says("is the model itself", "name another one"));
        } else if !registry.models.contains_key(fallback) {
            let finding = Finding::error("unknown_model", path, pointer);
            let expected = one_of(fallback.as_str(), &known, "models");
            found.add(finding.says(format!("there is no model {:?}", fallback.as_str()), expected));
        }
    }
}

/// An hour of Anthropic's cache costs twice the input, and five minutes 1.25 times: a price that says
/// less would record less than is billed. Source: platform.claude.com, "Prompt caching", pricing.
fn check_cache_price(path: &str, key: &ModelKey, model: &Model, found: &mut Findings) {
    let asked = model.provider_config.get("prompt_cache").and_then(Value::as_str);
    // Without a word about it, what has a price is cached for five minutes.
    let asked = asked.or(model.price.cache_write_input.map(|_| "5m"));
    let input = model.price.input;
    let (asked, least) = match asked {
        Some(hour @ "1h") => (hour, input.times(2)),
        Some(minutes @ "5m") => (minutes, Credits::from_micros(input.times(5).micros().div_ceil(4))),
        _ => return,
    };
    let written = model.price.cache_write_input.unwrap_or(input);
    if model.provider == "anthropic" && written < least {
        let finding = Finding::error("price_too_low", path, format!("{}/price/cache_write_input", at(key.as_str())));
        let message = format!("is {written}, but prompt_cache {asked} costs {least} at this price of input");
        found.add(finding.says(message, format!("must be {least} or more")));
    }
}

async fn check_provider(
    store: &Store,
    providers: &dyn Providers,
    key: &ModelKey,
    model: &Model,
    found: &mut Findings,
) -> Result<(), ValidateError> {
    let path = Key::Models.path();
    let at = at(key.as_str());
    if let Some(script) = model.provider_config.get("script").and_then(Value::as_str)
        && model.provider == "scripted"
        && Key::parse(script).is_some()
    {
        let before = found.errors();
        let read = file::read::<Value>(store, script, FileKind::Script, found).await?;
        if found.errors() > before {
            return Ok(());
        }
        if read.json.is_none() {
            let finding = Finding::error("missing_file", &path, format!("{at}/provider_config/script"));
            found.add(finding.says(
                format!("there is no file {script:?}"),
                "must be the path of a script, from the organisation's root",
            ));
            return Ok(());
        }
    }
    if !known::is_known(&model.provider) {
        let finding = Finding::error("unknown_provider", &path, format!("{at}/provider"));
        let message = format!("there is no provider {:?}", model.provider);
        found.add(finding.says(message, one_of(&model.provider, &known::names(), "providers")));
        return Ok(());
    }
    if let Err(error) = network::check(key, model) {
        let finding = Finding::error("unusable_model", &path, at);
        found.add(finding.says(error.message, "must be configured as its provider asks: see docs/MODELS.md"));
        return Ok(());
    }
    if let Err(error) = providers.open(key, model).await {
        // A key may be where the runner is, and not here.
        let finding = match known::is_remote(&model.provider) {
            true => Finding::warning("unusable_here", &path, at),
            false => Finding::error("unusable_model", &path, at),
        };
        found.add(finding.says(error.message, "must be so where the organisation runs"));
    }
    Ok(())
}
