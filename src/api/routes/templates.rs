//! `GET /api/templates` and one of them: those of the program, and those that the organisation keeps.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::body::{Named, Parameters};
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::paging::{Paging, first};
use crate::api::state::ApiState;
use crate::domain::name::{AgentName, ModelKey};
use crate::template::source::{TemplateError, kept, kept_names, named};
use crate::template::{About, LeftOut, Requires, Template, catalogue};
use crate::validate::nearest;

/// A template in a line.
#[derive(Debug, Serialize, ToSchema)]
struct TemplateNote {
    /// Its name.
    name: String,
    /// Whose it is: `program` or `organisation`.
    of: &'static str,
    /// What it is for; empty where it cannot be read.
    description: String,
    /// Its version.
    version: Option<String>,
    /// Who made it.
    author: Option<String>,
    /// Free labels.
    tags: Vec<String>,
    /// Its agents.
    agents: Vec<AgentName>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
}

impl TemplateNote {
    fn of(name: String, of: &'static str, found: Result<Template, String>) -> Self {
        let broken = found.as_ref().err().cloned();
        let (about, agents) =
            found.map_or((None, Vec::new()), |found| (Some(found.about), found.agents.into_keys().collect()));
        let description = about.as_ref().map(|about| about.description.clone()).unwrap_or_default();
        let tags = about.as_ref().map(|about| about.tags.clone()).unwrap_or_default();
        let (version, author) = about.map_or((None, None), |about| (about.version, about.author));
        Self { name, of, description, version, author, tags, agents, broken }
    }
}

/// A page of templates.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Templates {
    /// By name. What an organisation keeps under the name of one of the program's counts in its place.
    templates: Vec<TemplateNote>,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// The templates, by name.
#[utoipa::path(get, path = "/api/templates", tag = "look", params(Paging), responses((status = 200, body = Templates)))]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Told<Templates>, ApiError> {
    let (limit, after) = (paging.limit(20, 100)?, paging.cursor(|text| Some(text.to_owned()))?);
    let mut found: BTreeMap<String, (&'static str, Result<Template, String>)> = BTreeMap::new();
    for template in catalogue::all() {
        found.insert(template.about.name.to_string(), ("program", Ok(template)));
    }
    for name in kept_names(&state.org.store).await? {
        let template = match kept(&state.org.store, &name).await {
            Ok(Some(template)) => Ok(template),
            Ok(None) => continue,
            Err(TemplateError::Store(error)) => return Err(error.into()),
            Err(error) => Err(error.to_string()),
        };
        found.insert(name.to_string(), ("organisation", template));
    }
    let notes = found.into_iter().map(|(name, (of, template))| TemplateNote::of(name, of, template));
    let left = notes.filter(|note| after.as_ref().is_none_or(|after| note.name > *after));
    let (templates, next_cursor) = first(left, limit, |note| note.name.clone());
    Ok(Told::now(Templates { templates, next_cursor }))
}

/// An agent of a template.
#[derive(Debug, Serialize, ToSchema)]
struct Role {
    /// Its name.
    name: AgentName,
    /// Its job title.
    title: String,
    /// What it is for.
    short_description: String,
    /// The model that it thinks with.
    model: ModelKey,
}

/// A template: what it is for, its agents, what it needs, and its files.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Shown {
    /// What it says of itself.
    about: About,
    /// What it needs of the organisation that it becomes a part of.
    requires: Requires,
    /// Its agents.
    agents: Vec<Role>,
    /// Its files, by their places in an organisation.
    files: Vec<String>,
    /// What else lay there, and why it is not taken.
    left_out: Vec<LeftOut>,
    /// Its description at more length.
    readme: Option<String>,
}

/// One template.
#[utoipa::path(
    get,
    path = "/api/templates/{name}",
    tag = "look",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = Shown)),
)]
pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    Named(name): Named<String>,
) -> Result<Told<Shown>, ApiError> {
    let store = &state.org.store;
    let found = match named(&name, Some(store)).await {
        Ok(found) => found,
        Err(TemplateError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(ApiError::invalid(format!("this template is none: {error}"))),
    };
    let Some(template) = found else {
        let mut names: Vec<String> =
            catalogue::all().into_iter().map(|template| template.about.name.to_string()).collect();
        names.extend(kept_names(store).await?.iter().map(ToString::to_string));
        let short: String = name.chars().take(80).collect();
        let said = ApiError::no_such(format!("there is no template {short:?}"));
        return Err(match nearest(&short, names.iter().map(String::as_str)) {
            Some(near) => said.hint(format!("did you mean {near}?")),
            None => said.hint("`GET /api/templates` lists them"),
        });
    };
    let requires = template.requires();
    let roles = template.agents.into_iter().map(|(name, resume)| Role {
        name,
        title: resume.title,
        short_description: resume.short_description,
        model: resume.model.key,
    });
    Ok(Told::now(Shown {
        requires,
        agents: roles.collect(),
        files: template.files.keys().map(ToString::to_string).collect(),
        left_out: template.left_out,
        readme: template.readme,
        about: template.about,
    }))
}
