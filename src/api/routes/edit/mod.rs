//! The files that people write: checked whole before any is changed, never over what somebody else wrote meanwhile, and noted
//! in the records with who did it.

pub(in crate::api) mod agents;
pub(in crate::api) mod engine;
pub(in crate::api) mod new;
pub(in crate::api) mod resume;
pub(in crate::api) mod settings;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::lookup;
use crate::api::state::ApiState;
use crate::domain::ids::Sha;
use crate::domain::ingress::{Action, Author, EditedFile};
use crate::domain::name::AgentName;
use crate::revision::{Change, Revision, RevisionError};
use crate::store::Key;
use crate::validate::Finding;

/// Whether it is only to be shown.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct DryRun {
    /// Checks and tells what would change, and writes nothing.
    #[serde(default)]
    dry_run: bool,
}

/// What a change of files came to.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Saved {
    /// What it is about: names, as the command line tells them.
    #[serde(flatten)]
    #[schema(inline)]
    about: Map<String, Value>,
    /// Whether it was written; it was not where nothing changes, or it was only to be shown.
    written: bool,
    /// The files, in the order in which they are written: `path`, `change` (`created`, `changed`, `removed`), `difference`.
    #[schema(value_type = Vec<Object>)]
    changes: Vec<Value>,
    /// What there is to say of them: `severity`, `code`, `path`, `pointer`, `message`, `expected`. Errors keep them from being
    /// written; they stand here where it was only to be shown.
    #[schema(value_type = Vec<Object>)]
    findings: Vec<Finding>,
}

/// What becomes of errors that a change brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errors {
    /// They keep it from being written.
    Refuse,
    /// They are told: what is left may be wrong without what is taken away.
    Tell,
}

/// Checks a revision, writes it, notes who did it, and wakes the organisation; with `dry_run`, only checks it.
pub(super) async fn save(
    state: &ApiState,
    caller: &Caller,
    revision: &Revision,
    (errors, DryRun { dry_run }): (Errors, DryRun),
    about: Value,
) -> Result<Saved, ApiError> {
    let verdict = revision.check(&state.org).await?;
    if !dry_run && errors == Errors::Refuse && !verdict.errors.is_empty() {
        return Err(ApiError::unfit(verdict.errors));
    }
    let written = !dry_run && !revision.is_empty();
    if written {
        // Where the request goes, the change and the note of it stay together.
        let (its, by, changes) = (state.clone(), caller.author(), revision.clone());
        let work = async move { write(&its, by, &changes).await };
        state.chores.finish(work).await.unwrap_or_else(|| Err(ApiError::failed()))?;
    }
    let mut findings = verdict.errors;
    findings.extend(verdict.others);
    let about = match about {
        Value::Object(about) => about,
        _ => Map::new(),
    };
    Ok(Saved {
        about,
        written,
        changes: revision.changes().into_iter().map(|change| json!(change)).collect(),
        findings,
    })
}

async fn write(state: &ApiState, by: Author, revision: &Revision) -> Result<(), ApiError> {
    let paths: Vec<String> = revision.changes().into_iter().map(|change| change.key.path()).collect();
    tracing::info!(event = "files_edited", by = by.0, paths = paths.join(", "), "files are edited");
    let went = revision.write(&state.org.store).await;
    let is_written = |change: &Change| match &went {
        Ok(()) => true,
        Err(RevisionError::Meanwhile { written, .. } | RevisionError::Store { written, .. }) => {
            written.contains(&change.key.path())
        }
    };
    // After it was done, so that nothing stands in the records that never was.
    let files: Vec<EditedFile> =
        revision.changes().into_iter().filter(|change| is_written(change)).map(edited).collect();
    if !files.is_empty() {
        state.org.postbox().order_by(by, Action::Edited { files }).await.map_err(|error| {
            ApiError::from(error).hint("the files are changed; that it was you is not in the records, only in the log")
        })?;
        state.waker.wake();
    }
    Ok(went?)
}

fn edited(change: &Change) -> EditedFile {
    let sha = |bytes: &Option<Bytes>| bytes.as_ref().map(|bytes| Sha::of(bytes));
    EditedFile { path: change.key.path(), before: sha(&change.before), after: sha(&change.after) }
}

/// The answer that has a version of a file.
pub(super) fn versioned(saved: Saved, etag: HeaderValue) -> Response {
    (StatusCode::OK, [(header::ETAG, etag)], Json(saved)).into_response()
}

/// The resume of an agent that a path names, as it is written.
pub(super) async fn resume(state: &ApiState, name: &str) -> Result<(AgentName, Bytes), ApiError> {
    let agent = lookup::present(state, name).await?;
    match state.org.store.get(&Key::Resume(agent.clone())).await? {
        Some(bytes) => Ok((agent, bytes)),
        None => Err(ApiError::no_such(format!("the resume of {agent} is missing"))),
    }
}

/// A file as text: whoever changes one value of it needs that.
pub(super) fn text<'a>(key: &Key, bytes: &'a [u8]) -> Result<&'a str, ApiError> {
    std::str::from_utf8(bytes).map_err(|_| ApiError::conflict(format!("{key} is not UTF-8 text")))
}
