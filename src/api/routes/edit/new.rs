//! `POST /api/agents` and `POST /api/agents/clone`: new agents, from what is said of them, from a whole resume, from a
//! template, or from another agent.

use std::num::{NonZeroU32, NonZeroU64};

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{DryRun, Errors, Saved, resume, save, text};
use crate::api::auth::Caller;
use crate::api::body::{Document, Parameters};
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::domain::credits::Credits;
use crate::domain::model::ModelRegistry;
use crate::domain::name::{AgentName, ModelKey, ToolName};
use crate::domain::resume::ReadList;
use crate::domain::schedule::{Schedule, When};
use crate::edit;
use crate::recruit::Recruit;
use crate::revision::Revision;
use crate::store::Key;
use crate::template::join::{JoinError, Part, join};
use crate::template::source::{TemplateError, named};

/// A new agent: what is said of it (`name`, `title`, `instructions` and, if they are to differ, the others), or its whole
/// `resume`, or `from` which template it comes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::api) struct NewAgent {
    /// Its name: lower case, digits and `_`. With `resume` it stands there; with `from` it is the template's, if it is absent.
    name: Option<String>,
    /// The whole resume.
    #[schema(value_type = Option<Object>)]
    resume: Option<Box<RawValue>>,
    /// `TEMPLATE/AGENT`, or `TEMPLATE` for all of its agents: one of the program's templates, or one that the organisation keeps.
    from: Option<String>,
    /// The key of the model that it thinks with; absent: the only one that there is; of a template, its own.
    model: Option<ModelKey>,
    /// Its job title.
    title: Option<String>,
    /// What it is told.
    instructions: Option<String>,
    /// What it is for, in one sentence; absent: its title.
    description: Option<String>,
    /// Tokens of one answer.
    #[schema(value_type = Option<u32>, minimum = 1)]
    max_tokens: Option<NonZeroU32>,
    /// Whose outboxes it reads, or `["*"]`: everybody's.
    reads: Option<Vec<String>>,
    /// Whom it may address, or `["*"]`; absent: anyone.
    sends: Option<Vec<String>>,
    /// The tools that it may call.
    #[schema(value_type = Option<Vec<String>>)]
    tools: Option<Vec<ToolName>>,
    /// How often it runs, in ticks; absent: 1.
    #[schema(value_type = Option<u64>, minimum = 1)]
    every: Option<NonZeroU64>,
    /// Moves its fire points: it runs where (clock + offset) is a multiple of `every`; absent: 0.
    offset: Option<i64>,
    /// `always`, or `on_message`: only with unread mail; absent: `always`.
    #[schema(value_type = Option<String>)]
    when: Option<When>,
    /// What its account opens with; absent: 100.
    max_credits: Option<Credits>,
    /// Below what it is warned of; absent: a quarter of `max_credits`, or 50.
    soft_cap: Option<Credits>,
    /// Whether it is due from the start; absent: true.
    enabled: Option<bool>,
}

impl NewAgent {
    /// What was said besides the name, the model, and where it comes from.
    fn said(&self) -> Option<&'static str> {
        [
            ("/title", self.title.is_some()),
            ("/instructions", self.instructions.is_some()),
            ("/description", self.description.is_some()),
            ("/max_tokens", self.max_tokens.is_some()),
            ("/reads", self.reads.is_some()),
            ("/sends", self.sends.is_some()),
            ("/tools", self.tools.is_some()),
            ("/every", self.every.is_some()),
            ("/offset", self.offset.is_some()),
            ("/when", self.when.is_some()),
            ("/max_credits", self.max_credits.is_some()),
            ("/soft_cap", self.soft_cap.is_some()),
            ("/enabled", self.enabled.is_some()),
        ]
        .into_iter()
        .find_map(|(pointer, is_said)| is_said.then_some(pointer))
    }
}

/// Makes an agent, or all agents of a template.
///
/// Nothing is written over: a name that is taken is 409. The account opens with the next tick, and from then on the agent hears what is
/// said; others read it once their resumes say so.
#[utoipa::path(
    post,
    path = "/api/agents",
    tag = "edit",
    params(DryRun),
    request_body = NewAgent,
    responses(
        (status = 200, description = "with `dry_run`: nothing was written", body = Saved),
        (status = 201, body = Saved),
    ),
)]
pub(in crate::api) async fn create(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Parameters(dry): Parameters<DryRun>,
    Document(new): Document<NewAgent>,
) -> Result<(StatusCode, Json<Saved>), ApiError> {
    let alone = |what: &str, pointer: &str| {
        Err(ApiError::usage(format!("{what} says all of it: what else is to be said is no part of this")).at(pointer))
    };
    let (agents, revision) = match (&new.resume, &new.from) {
        (Some(_), Some(_)) => return alone("a whole resume", "/from"),
        (Some(resume), None) => match (new.said(), &new.name, &new.model) {
            (Some(pointer), ..) => return alone("a whole resume", pointer),
            (_, Some(_), _) => return alone("a whole resume", "/name"),
            (.., Some(_)) => return alone("a whole resume", "/model"),
            _ => of_resume(&state, resume.get()).await?,
        },
        (None, Some(from)) => match new.said() {
            Some(pointer) => return alone("a template", pointer),
            None => of_template(&state, from, &new).await?,
        },
        (None, None) => of_words(&state, new).await?,
    };
    made(&state, &caller, &revision, dry, json!({ "agents": agents })).await
}

/// Whose resume is taken, and for whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Clone {
    /// Whose resume is taken.
    from: String,
    /// The new agent's name.
    name: String,
    /// Its job title; absent: the other's.
    #[serde(default)]
    title: Option<String>,
}

/// Makes an agent of another's resume, under a new name.
///
/// It begins with an account, an inbox and a memory of its own: of the other one it has the resume alone.
#[utoipa::path(
    post,
    path = "/api/agents/clone",
    tag = "edit",
    params(DryRun),
    request_body = Clone,
    responses(
        (status = 200, description = "with `dry_run`: nothing was written", body = Saved),
        (status = 201, body = Saved),
    ),
)]
pub(in crate::api) async fn clone(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Parameters(dry): Parameters<DryRun>,
    Document(Clone { from, name, title }): Document<Clone>,
) -> Result<(StatusCode, Json<Saved>), ApiError> {
    let (from, bytes) = resume(&state, &from).await.map_err(|error| error.in_document("/from"))?;
    let name = new_name(&state, &name, "/name").await?;
    let key = Key::Resume(from.clone());
    let mut after = text(&key, &bytes)?.to_owned();
    for (field, value) in [("name", Some(json!(name))), ("title", title.map(|title| json!(title)))] {
        let Some(value) = value else { continue };
        after = edit::set(&after, &[field], &value).map_err(|error| ApiError::conflict(format!("{key} {error}")))?;
    }
    let mut revision = Revision::default();
    revision.set(Key::Resume(name.clone()), None, Some(Bytes::from(after)));
    made(&state, &caller, &revision, dry, json!({ "agent": name, "from": from })).await
}

async fn made(
    state: &ApiState,
    caller: &Caller,
    revision: &Revision,
    dry: DryRun,
    about: Value,
) -> Result<(StatusCode, Json<Saved>), ApiError> {
    let status = if dry.dry_run { StatusCode::OK } else { StatusCode::CREATED };
    let saved = save(state, caller, revision, (Errors::Refuse, dry), about).await?;
    Ok((status, Json(saved)))
}

/// A name that a new agent may have.
async fn new_name(state: &ApiState, name: &str, pointer: &str) -> Result<AgentName, ApiError> {
    let wrong = |message: String| ApiError::usage(message).at(pointer);
    let name = AgentName::new(name).map_err(|error| wrong(error.to_string()))?;
    // `all` means everybody where a message is sent.
    if !name.may_be_an_agent() || name.as_str() == "all" {
        return Err(wrong(format!("the name {name} is reserved")));
    }
    let store = &state.org.store;
    if store.get(&Key::Resume(name.clone())).await?.is_some() {
        return Err(ApiError::conflict(format!("there is an agent {name} already")).at(pointer));
    }
    if store.get(&Key::Removed(name.clone())).await?.is_some() {
        let message = format!("there was an agent {name}, which was removed: what it said and kept is still there");
        return Err(ApiError::conflict(message).at(pointer).hint("restore it, or take another name"));
    }
    Ok(name)
}

type New = (Vec<AgentName>, Revision);

async fn of_resume(state: &ApiState, resume: &str) -> Result<New, ApiError> {
    let value: Value =
        serde_json::from_str(resume).map_err(|error| ApiError::usage(error.to_string()).at("/resume"))?;
    let named = value.get("name").and_then(Value::as_str);
    let named = named.ok_or_else(|| ApiError::usage("a resume has a name").at("/resume/name"))?;
    let name = new_name(state, named, "/resume/name").await?;
    // What comes on one line was written by a program, and is laid out for the people who will read it.
    let text = match resume.contains('\n') {
        true => resume.to_owned(),
        false => serde_json::to_string_pretty(&value).unwrap_or_else(|_| resume.to_owned()),
    };
    let mut revision = Revision::default();
    revision.set(Key::Resume(name.clone()), None, Some(Bytes::from(format!("{text}\n"))));
    Ok((vec![name], revision))
}

async fn of_words(state: &ApiState, new: NewAgent) -> Result<New, ApiError> {
    let said = |value: Option<String>, field: &str| {
        value.filter(|value| !value.trim().is_empty()).ok_or_else(|| {
            ApiError::usage(format!("a new agent needs {field}"))
                .at(format!("/{field}"))
                .hint("`name`, `title` and `instructions`; or its whole `resume`; or `from` which template it comes")
        })
    };
    let list = |names: Vec<String>, pointer: &str| {
        ReadList::try_from(names).map_err(|error| ApiError::usage(error.to_string()).at(pointer))
    };
    let name = new_name(state, &said(new.name, "name")?, "/name").await?;
    let recruit = Recruit {
        title: said(new.title, "title")?,
        short_description: new.description,
        instructions: said(new.instructions, "instructions")?,
        model: match new.model {
            Some(key) => key,
            None => only_model(state).await?,
        },
        max_tokens: new.max_tokens.map(NonZeroU32::get),
        reads: list(new.reads.unwrap_or_default(), "/reads")?,
        sends: new.sends.map(|names| list(names, "/sends")).transpose()?,
        tools: new.tools.unwrap_or_default(),
        schedule: Schedule {
            run_every_n_ticks: new.every.unwrap_or(NonZeroU64::MIN),
            phase_offset: new.offset.unwrap_or(0),
            when: new.when.unwrap_or_default(),
            extra: Map::new(),
        },
        max_credits: new.max_credits,
        soft_cap: new.soft_cap,
        enabled: new.enabled.unwrap_or(true),
        name: name.clone(),
    };
    let text = recruit.text().map_err(|error| ApiError::usage(error.to_string()))?;
    let mut revision = Revision::default();
    revision.set(Key::Resume(name.clone()), None, Some(Bytes::from(text)));
    Ok((vec![name], revision))
}

/// The model of an organisation that has one: of several somebody must choose.
async fn only_model(state: &ApiState) -> Result<ModelKey, ApiError> {
    let bytes = state.org.store.get(&Key::Models).await?.unwrap_or_else(|| Bytes::from_static(b"{}"));
    let wrong = |_| ApiError::conflict(format!("{} is wrong", Key::Models)).hint("`lemming validate` says what");
    let registry: ModelRegistry = serde_json::from_slice(&bytes).map_err(wrong)?;
    let keys: Vec<&ModelKey> = registry.models.keys().collect();
    match keys.as_slice() {
        [only] => Ok((*only).clone()),
        [] => Err(ApiError::conflict("there are no models").hint("`PUT /api/models` adds one")),
        several => {
            let names = several.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(", ");
            let error = ApiError::usage("there are several models: name one").at("/model");
            Err(error.hint(format!("they are {names}")))
        }
    }
}

/// Agents of a template of the program, or of one that the organisation keeps. Refuses folders and addresses: what they are is the
/// matter of whoever sits at the machine.
async fn of_template(state: &ApiState, from: &str, new: &NewAgent) -> Result<New, ApiError> {
    let (template, one) = match from.split_once('/') {
        None => (from, None),
        Some((template, agent)) => {
            let agent = AgentName::new(agent).map_err(|error| ApiError::usage(error.to_string()).at("/from"))?;
            (template, Some(agent))
        }
    };
    let found = named(template, Some(&state.org.store)).await.map_err(|error| match error {
        TemplateError::Store(error) => error.into(),
        error => ApiError::conflict(format!("it is no template: {error}")).at("/from"),
    })?;
    let unknown = || ApiError::names_nothing("there is no template of that name").at("/from");
    let found = found.ok_or_else(|| unknown().hint("`lemming templates` lists them"))?;
    let agents = match (one, &new.name) {
        (Some(agent), Some(name)) => vec![(agent, new_name(state, name, "/name").await?)],
        (Some(agent), None) => {
            let name = new_name(state, agent.as_str(), "/from").await?;
            vec![(agent, name)]
        }
        (None, None) => found.agents.keys().map(|agent| (agent.clone(), agent.clone())).collect(),
        (None, Some(_)) => {
            let known = found.agents.keys().map(AgentName::as_str).collect::<Vec<_>>().join(", ");
            let error = ApiError::usage("a whole template needs no name").at("/name");
            return Err(error.hint(format!("one agent is TEMPLATE/AGENT; it has {known}")));
        }
    };
    let whole = !from.contains('/');
    let part = Part { template: &found, agents, model: new.model.clone(), shared: whole };
    let revision = join(&state.org.store, &part).await.map_err(|error| match error {
        JoinError::Store(error) => ApiError::from(error),
        JoinError::NoAgent { .. } => ApiError::names_nothing(error.to_string()).at("/from"),
        JoinError::Taken(_) | JoinError::Conflict { .. } | JoinError::Edit { .. } => {
            ApiError::conflict(format!("{error}: nothing was written"))
        }
    })?;
    Ok((part.agents.into_iter().map(|(_, name)| name).collect(), revision))
}
