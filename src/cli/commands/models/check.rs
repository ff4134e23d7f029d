//! `lemming models`: the list.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::chronicle;
use crate::chronicle::moment::Moment;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session};
use crate::cli::output::{BAD, Cell, DIM, GOOD, NAME, clean, named, one_line, styled};
use crate::domain::endpoint::{BaseUrl, KeyRef};
use crate::domain::model::{Model, ModelRegistry, Price};
use crate::domain::name::{AgentName, ModelKey};
use crate::domain::resume::Resume;
use crate::provider::known;
use crate::runner::compose::Org;
use crate::store::Key;

/// So many who think with a model are named.
const NAMED: usize = 4;

/// A model, and whether it can be used.
#[derive(Debug, Serialize)]
struct Checked {
    key: ModelKey,
    provider: String,
    model_name: String,
    base_url: Option<BaseUrl>,
    /// Where its key lies: as the model says, or as is usual.
    key_ref: Option<KeyRef>,
    price: Price,
    context_tokens: Option<u64>,
    fallback: Vec<ModelKey>,
    /// Who thinks with it.
    agents: Vec<AgentName>,
    usable: bool,
    /// Why it cannot be used.
    problem: Option<String>,
}

/// The registry of an organisation.
pub(super) async fn registry(org: &Org) -> Result<ModelRegistry, CliError> {
    let path = Key::Models.path();
    let Some(bytes) = org.store.get(&Key::Models).await? else {
        let error = CliError::new(Exit::Invalid, "there are no models").at(path, "");
        return Err(error.hint("`lemming models use PROVIDER:NAME` adds one"));
    };
    // serde's message never repeats what stood in `key` or `base_url`.
    serde_json::from_slice(&bytes)
        .map_err(|error| CliError::new(Exit::Invalid, error.to_string()).at(path, "").hint("see `lemming validate`"))
}

/// The agents by the model that their resumes name.
pub(super) async fn agents(org: &Org) -> Result<BTreeMap<ModelKey, Vec<AgentName>>, CliError> {
    let mut by_model: BTreeMap<ModelKey, Vec<AgentName>> = BTreeMap::new();
    for agent in chronicle::agents(&org.store).await? {
        let resume = org.store.get(&Key::Resume(agent.clone())).await?;
        if let Some(Ok(resume)) = resume.map(|bytes| Resume::parse(&bytes, &agent)) {
            by_model.entry(resume.model.key).or_default().push(agent);
        }
    }
    Ok(by_model)
}

/// The registry of a past tick, and who thought with which model.
async fn then(moment: &Moment) -> Result<(ModelRegistry, BTreeMap<ModelKey, Vec<AgentName>>), CliError> {
    let mut by_model: BTreeMap<ModelKey, Vec<AgentName>> = BTreeMap::new();
    for agent in moment.agents().await? {
        if let Ok(resume) = moment.resume(&agent).await? {
            by_model.entry(resume.model.key).or_default().push(agent);
        }
    }
    Ok((moment.models().await?.unwrap_or_default(), by_model))
}

/// Where a model's key lies.
fn key_ref(model: &Model) -> Option<KeyRef> {
    let usual = || known::usual_key(&model.provider).filter(|_| model.base_url.is_none());
    model.key.clone().or_else(|| usual().map(|name| KeyRef::Env(name.to_owned())))
}

pub(super) async fn run(at: AtArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let (registry, mut agents) = match at.is_past() {
        false => (registry(&org).await?, agents(&org).await?),
        true => then(&at.moment(&org).await?).await?,
    };
    let providers = org.providers();
    let mut checked = Vec::new();
    for (key, model) in registry.models {
        let problem = providers.open(&key, &model).await.err().map(|error| error.message);
        checked.push(Checked {
            agents: agents.remove(&key).unwrap_or_default(),
            key_ref: key_ref(&model),
            provider: model.provider,
            model_name: model.model_name,
            base_url: model.base_url,
            price: model.price,
            context_tokens: model.context_tokens.map(std::num::NonZeroU64::get),
            fallback: model.fallback,
            usable: problem.is_none(),
            problem,
            key,
        });
    }
    let exit = if checked.iter().all(|model| model.usable) { Exit::Ok } else { Exit::Invalid };
    if session.out.json() {
        session.out.document(&json!({ "models": checked }))?;
        return Ok(exit);
    }
    let head = ["model", "provider", "name", "key", "in", "cached", "out", "as of", "agents", ""];
    let mut rows = vec![head.iter().map(|title| Cell::new(*title).style(DIM)).collect::<Vec<_>>()];
    for model in &checked {
        let shown = |text: &str| Cell::new(one_line(text, 40));
        rows.push(vec![
            shown(model.key.as_str()).style(NAME),
            shown(&model.provider),
            shown(&model.model_name),
            shown(&model.key_ref.as_ref().map_or("-".to_owned(), ToString::to_string)),
            Cell::number(model.price.input),
            Cell::number(model.price.cached_input.map_or("-".to_owned(), |price| price.to_string())),
            Cell::number(model.price.output),
            shown(model.price.as_of.as_deref().unwrap_or("-")),
            Cell::new(named(&model.agents, NAMED)),
            if model.usable { Cell::new("ok").style(GOOD) } else { Cell::new("unusable").style(BAD) },
        ]);
    }
    session.out.table(&rows)?;
    for problem in checked.iter().filter_map(|model| model.problem.as_deref()) {
        session.out.line(format!("{} {}", styled(BAD, "error:"), clean(problem).replace('\n', " ")))?;
    }
    Ok(exit)
}
