//! `GET /api/config`, `/api/models`, `/api/tools` and `/api/engine/config`: what people set. Secrets are named in these files and never
//! stand in them; `config/keys.json` is read by nobody here.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::agents::as_written;
use crate::api::at::At;
use crate::api::auth::Caller;
use crate::api::body::Parameters;
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::chronicle::settings;
use crate::chronicle::tools::{Tools, tools};
use crate::connect::secrets::reference;
use crate::domain::api_key::Scope;
use crate::store::Key;

/// `org.json` as it is written.
///
/// The tag is the hash of the file's bytes: whoever changes the file says with `If-Match` which version they saw.
#[utoipa::path(
    get,
    path = "/api/config",
    tag = "look",
    responses((status = 200, body = Object, content_type = "application/json")),
)]
pub(in crate::api) async fn config(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    let bytes = state.org.store.get(&Key::Org).await?.ok_or_else(ApiError::no_org)?;
    Ok(as_written(for_eyes_of(&caller, bytes)))
}

/// `config/models.json` as it is written: the models by key, what each costs, and where its key lies.
///
/// The tag is the hash of the file's bytes.
#[utoipa::path(
    get,
    path = "/api/models",
    tag = "look",
    responses((status = 200, body = Object, content_type = "application/json")),
)]
pub(in crate::api) async fn models(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    let missing =
        || ApiError::no_such(format!("{} is missing", Key::Models)).hint("`lemming validate` says what it needs");
    let bytes = state.org.store.get(&Key::Models).await?.ok_or_else(missing)?;
    Ok(as_written(for_eyes_of(&caller, bytes)))
}

/// A file as a caller may see it. Secrets should be named in it and not stand there; where somebody wrote one down all the same, only
/// those see it who may change the file.
fn for_eyes_of(caller: &Caller, bytes: Bytes) -> Bytes {
    if caller.scopes.contains(&Scope::Edit) {
        return bytes;
    }
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(mut document) => match hide(&mut document, "") {
            true => Bytes::from(serde_json::to_vec_pretty(&document).unwrap_or_default()),
            false => bytes,
        },
        // What cannot be read cannot be looked through either.
        Err(_) => Bytes::from_static(b"{}"),
    }
}

/// Hides what may be a secret: a text that is no reference, where secrets stand. Says whether there was any.
fn hide(value: &mut Value, name: &str) -> bool {
    let mut is_any = false;
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                // What stands in these is named by people.
                let within = if matches!(name, "headers" | "env") { name } else { field };
                is_any |= hide(value, within);
            }
        }
        Value::Array(items) => {
            for item in items {
                is_any |= hide(item, name);
            }
        }
        Value::String(text) if is_kept(name) && reference(text).is_none() => {
            HIDDEN.clone_into(text);
            is_any = true;
        }
        _ => {}
    }
    is_any
}

/// What stands for a secret that somebody wrote down.
const HIDDEN: &str = "(hidden)";

/// Says whether secrets stand at fields of this name. An address of a webhook is one: whoever knows it may post there.
fn is_kept(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["headers", "env", "url", "secret", "key", "token", "password", "authorization"].contains(&name.as_str())
        || ["_key", "-key", "_token", "-token", "_secret", "_password"].iter().any(|end| name.ends_with(end))
}

/// The tools that there are, built in and of the organisation's own, and who may call them.
#[utoipa::path(get, path = "/api/tools", tag = "look", params(At), responses((status = 200, body = Tools)))]
pub(in crate::api) async fn toolbox(
    State(state): State<ApiState>,
    Parameters(at): Parameters<At>,
) -> Result<Told<Tools>, ApiError> {
    let (moment, org) = (at.moment(&state).await?, &state.org);
    let found = tools(&moment, &org.tools(), org.connector().as_ref()).await?;
    // Which tools are built in is this program's: another version may know more of them.
    Ok(Told::now(found))
}

/// How often the engine runs, in the words of LeMMing 1.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct EngineConfig {
    /// The length of a slot in seconds, `pace.every`; `null`: whoever runs ticks says how often.
    base_turn_seconds: Option<f64>,
    /// `null`: whoever runs ticks says how many.
    max_turns: Option<u64>,
    /// `null`: summaries are written by agents whose schedules say when.
    summary_every_n_turns: Option<u64>,
    /// After so many ticks a message that nobody has read is no longer kept for reading: `limits.max_outbox_age_ticks`.
    max_outbox_age_ticks: u32,
}

/// What `config/org_config.json` of LeMMing 1 said, as org.json says it.
#[utoipa::path(get, path = "/api/engine/config", tag = "look", responses((status = 200, body = EngineConfig)))]
pub(in crate::api) async fn engine(State(state): State<ApiState>) -> Result<Told<EngineConfig>, ApiError> {
    let org = settings(&state.org.store).await?;
    Ok(Told::now(EngineConfig {
        base_turn_seconds: org.pace.every.map(|every| every.duration().as_secs_f64()),
        max_turns: None,
        summary_every_n_turns: None,
        max_outbox_age_ticks: org.limits.max_outbox_age_ticks.get(),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_that_somebody_wrote_down_is_seen_by_those_alone_who_may_change_the_file() {
        let written = json!({
            "deliver": [{"to": {"slack": {"url": "https://hooks.example/s3cret"}}}],
            "hooks": {"a": {"auth": {"secret": "s3cret"}}},
            "m": {"key": "s3cret", "provider_config": {"headers": {"X": "Bearer s3cret"}, "env": {"A": "s3cret"}}},
            "n": {"key": "env:KEY", "provider_config": {"headers": {"Authorization": "Bearer env:KEY"}}},
            "name": "desk",
        });
        let bytes = Bytes::from(written.to_string());
        let caller = |scopes: &[Scope]| Caller { key: None, scopes: scopes.to_vec() };
        assert_eq!(for_eyes_of(&caller(&Scope::ALL), bytes.clone()), bytes);
        let shown = for_eyes_of(&caller(&[Scope::Read]), bytes);
        let shown: Value = serde_json::from_slice(&shown).expect("json");
        assert!(!shown.to_string().contains("s3cret"), "{shown}");
        assert_eq!((&shown["n"], &shown["name"]), (&written["n"], &written["name"]));
        let plain = Bytes::from_static(b"{ \"name\": \"x\" }\n");
        assert_eq!(for_eyes_of(&caller(&[Scope::Read]), plain.clone()), plain, "to the byte, where nothing is hidden");
        assert_eq!(for_eyes_of(&caller(&[Scope::Read]), Bytes::from_static(b"{s3cret")), Bytes::from_static(b"{}"));
    }
}
