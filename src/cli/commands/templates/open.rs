//! The template that a person names.

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::domain::name::AgentName;
use crate::runner::compose::{self, Org};
use crate::store::Key;
use crate::template::source::{TemplateError, kept_names, named, read};
use crate::template::{Template, catalogue};
use crate::validate::nearest;

/// The organisation whose own templates count, if there is one at the place that the person names.
pub(in crate::cli::commands) async fn shelf(session: &Session) -> Result<Option<Org>, CliError> {
    let org = session.place()?;
    Ok(org.store.get(&Key::Org).await?.map(|_| org))
}

/// The template of a name, in a folder, or in a bucket.
///
/// # Errors
/// There is none, or it is none.
pub(in crate::cli::commands) async fn template(
    name: &str,
    shelf: Option<&Org>,
    session: &Session,
) -> Result<Template, CliError> {
    let at = |error: TemplateError| match error {
        TemplateError::Store(error) => error.into(),
        TemplateError::NoTemplate => CliError::new(Exit::NotFound, format!("{name}: {error}")),
        error => CliError::new(Exit::Invalid, format!("{name} is no template: {error}")),
    };
    if !is_place(name) {
        if let Some(template) = named(name, shelf.map(|org| &org.store)).await.map_err(at)? {
            return Ok(template);
        }
        if !std::path::Path::new(name).is_dir() {
            return Err(unknown(name, shelf).await?);
        }
    }
    let place = compose::open(name, &session.environment)?;
    read(&place.store).await.map_err(at)
}

/// The template, and the agent of it, that `TEMPLATE[/AGENT]` names.
///
/// # Errors
/// As [`template`].
pub(in crate::cli::commands) async fn with_agent(
    name: &str,
    shelf: Option<&Org>,
    session: &Session,
) -> Result<(Template, Option<AgentName>), CliError> {
    let parts = name.trim_end_matches('/').rsplit_once('/');
    if let Some((front, agent)) = parts.and_then(|(front, agent)| Some((front, AgentName::new(agent).ok()?)))
        && !front.is_empty()
        && !(is_place(name)
            && compose::open(name, &session.environment)?.store.get_path("template.json").await?.is_some())
    {
        return Ok((template(front, shelf, session).await?, Some(agent)));
    }
    Ok((template(name, shelf, session).await?, None))
}

/// A path or a URL, rather than a name.
fn is_place(name: &str) -> bool {
    name.contains(['/', '\\', ':', '.'])
}

async fn unknown(name: &str, shelf: Option<&Org>) -> Result<CliError, CliError> {
    let mut names: Vec<String> = catalogue::all().into_iter().map(|template| template.about.name.to_string()).collect();
    if let Some(org) = shelf {
        names.extend(kept_names(&org.store).await?.iter().map(ToString::to_string));
    }
    let error = CliError::new(Exit::NotFound, format!("there is no template {name:?}"));
    Ok(match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint(format!("there are {}; a folder of that name is ./{name}", names.join(", "))),
    })
}
