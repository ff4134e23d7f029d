//! `lemming models use`

use std::num::NonZeroU64;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::chronicle;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, known_agent};
use crate::domain::credits::Credits;
use crate::domain::endpoint::{BaseUrl, KeyRef};
use crate::domain::model::{ModelRegistry, Price};
use crate::domain::name::{AgentName, ModelKey};
use crate::edit;
use crate::provider::{known, prices};
use crate::runner::compose::Org;
use crate::store::Key;
use crate::validate::nearest;

/// The window that a model of Ollama gets unless one is named: what most machines have memory for.
const OLLAMA_WINDOW: NonZeroU64 = match NonZeroU64::new(32_768) {
    Some(window) => window,
    None => NonZeroU64::MIN,
};

/// Which model, and what is to be known of it.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Details {
    /// Where the key lies: env:NAME, file:PATH, aws-secretsmanager:ID or aws-ssm:NAME [default: where the provider's
    /// keys usually lie]
    // Parsed by us: clap repeats what it does not understand, and this may be the key itself.
    #[arg(long, value_name = "REFERENCE")]
    key: Option<String>,
    /// The provider's address, for one's own server, Azure, or a gateway [default: the provider's own]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Credits per million tokens, in and out, such as 0.40,1.60 [default: as the price table says]
    #[arg(long, value_name = "IN,OUT", value_parser = price)]
    price: Option<(Credits, Credits)>,
    /// Tokens that prompt and answer must fit in [default: as the price table says]
    #[arg(long, value_name = "TOKENS")]
    context_tokens: Option<NonZeroU64>,
}

/// A model by its provider, with details.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Choice {
    /// The provider's name.
    provider: String,
    /// The provider's name of the model.
    name: String,
    key: Option<KeyRef>,
    base_url: Option<BaseUrl>,
    details: Details,
}

impl Choice {
    /// Reads `PROVIDER:NAME`.
    pub(in crate::cli) fn new(model: &str, details: Details) -> Result<Self, CliError> {
        let wrong = |message: String| CliError::new(Exit::Usage, message);
        let Some((provider, name)) = model.split_once(':').filter(|(_, name)| !name.is_empty()) else {
            let error = wrong(format!("{model:?} is no model: it must be PROVIDER:NAME"));
            return Err(error.hint("such as ollama:llama3.2 or anthropic:claude-haiku-4-5"));
        };
        if !known::is_known(provider) || matches!(provider, "scripted" | "cli") {
            let error = wrong(format!("there is no provider {provider:?} to switch to"));
            return Err(match nearest(provider, known::names()) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error.hint(format!("the providers are {}", known::names().join(", "))),
            });
        }
        if known::needs_base_url(provider) && details.base_url.is_none() {
            return Err(wrong(format!("provider {provider} has no address of its own")).hint("name it with --base-url"));
        }
        let key = details.key.as_deref().map(KeyRef::parse).transpose();
        let key = key.map_err(|error| wrong(format!("what --key names {error}")))?;
        let base_url = details.base_url.as_deref().map(BaseUrl::parse).transpose();
        let base_url = base_url.map_err(|error| wrong(format!("what --base-url names {error}")))?;
        Ok(Self { provider: provider.to_owned(), name: name.to_owned(), key, base_url, details })
    }

    /// Finds out whether the price is known.
    pub(in crate::cli) fn check(&self) -> Result<(), CliError> {
        self.entry().map(|_| ())
    }

    /// The model as `config/models.json` says it.
    fn entry(&self) -> Result<Value, CliError> {
        let listed = prices::price(&self.provider, &self.name);
        let price = match (self.details.price, &listed) {
            (Some((input, output)), _) => Price { input, output, ..prices::free() },
            (None, Some(known)) => known.price.clone(),
            (None, None) => {
                let message =
                    format!("what {}:{} costs is not known, and must not count as nothing", self.provider, self.name);
                let hint = "name its price per million tokens, such as --price 0.40,1.60";
                return Err(CliError::new(Exit::Usage, message).hint(hint));
            }
        };
        let window = listed.and_then(|known| known.context_tokens);
        let ollama = self.provider.starts_with("ollama").then_some(OLLAMA_WINDOW);
        let mut entry = Map::new();
        entry.insert("provider".to_owned(), json!(self.provider));
        entry.insert("model_name".to_owned(), json!(self.name));
        if let Some(url) = &self.base_url {
            entry.insert("base_url".to_owned(), json!(url));
        }
        if let Some(key) = &self.key {
            entry.insert("key".to_owned(), json!(key));
        }
        let mut price = json!(price);
        // A price per request is rare, and an absent one is none.
        if let Some(fields) = price.as_object_mut().filter(|fields| fields.get("request") == Some(&json!(0))) {
            fields.remove("request");
        }
        entry.insert("price".to_owned(), price);
        if let Some(window) = self.details.context_tokens.or(window).or(ollama) {
            entry.insert("context_tokens".to_owned(), json!(window));
        }
        if self.provider == "ollama" {
            // One machine answers one call at a time, and queues the rest against their time limits.
            entry.insert("max_concurrency".to_owned(), json!(1));
        }
        Ok(Value::Object(entry))
    }

    /// The key that the registry has for this model, or gets for it.
    fn key(&self, registry: &ModelRegistry) -> Result<ModelKey, CliError> {
        let same = registry.models.iter().find(|(_, model)| {
            model.provider == self.provider
                && model.model_name == self.name
                && model.base_url == self.base_url.clone().or_else(|| model.base_url.clone())
        });
        if let Some((key, _)) = same {
            return Ok(key.clone());
        }
        let free = |key: &ModelKey| !registry.models.contains_key(key);
        let long = format!("{}:{}", self.provider, self.name);
        let key = ModelKey::new(&self.name).ok().filter(free).or_else(|| ModelKey::new(long).ok().filter(free));
        key.ok_or_else(|| {
            let message = format!("{:?} makes no key that is free in config/models.json", self.name);
            CliError::new(Exit::Usage, message).hint("add the model there by hand")
        })
    }
}

fn price(text: &str) -> Result<(Credits, Credits), String> {
    let (input, output) = text.split_once(',').ok_or("it must be two prices, such as 0.40,1.60")?;
    let one = |text: &str| Credits::parse(text.trim()).map_err(|error| error.to_string());
    Ok((one(input)?, one(output)?))
}

/// Switches the agents to a model, and adds it to config/models.json if it is not there.
///
/// Changes the model's entry and the key in the agents' resumes, and nothing else in these files. A
/// model that the built-in price table does not have needs --price; a local one costs nothing.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct UseArgs {
    /// PROVIDER:NAME, such as ollama:llama3.2, anthropic:claude-haiku-4-5 or openai:gpt-5-mini
    model: String,
    /// The agent that thinks with it; may be given again [default: all agents]
    #[arg(long, value_name = "NAME")]
    agent: Vec<String>,
    #[command(flatten)]
    details: Details,
}

/// What was changed.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Switched {
    pub(in crate::cli) model: ModelKey,
    pub(in crate::cli) price: Price,
    pub(in crate::cli) agents: Vec<AgentName>,
    changed: Vec<String>,
    /// Why it cannot be called yet.
    pub(in crate::cli) problem: Option<String>,
}

pub(super) async fn run(args: UseArgs, session: &mut Session) -> Result<Exit, CliError> {
    let choice = Choice::new(&args.model, args.details)?;
    let org = session.org().await?;
    let mut agents = Vec::new();
    for name in &args.agent {
        agents.push(known_agent(&org, name).await?);
    }
    if agents.is_empty() {
        agents = chronicle::agents(&org.store).await?;
    }
    let switched = switch(&org, &choice, agents).await?;
    if session.out.json() {
        session.out.document(&switched)?;
        return Ok(Exit::Ok);
    }
    let names: Vec<&str> = switched.agents.iter().map(AgentName::as_str).collect();
    let (model, price) = (&switched.model, &switched.price);
    session.out.line(format!("{} think with {model} from now on", names.join(", ")))?;
    let of = price.as_of.as_ref().map_or(String::new(), |day| format!(", as of {day}"));
    session.out.line(format!("a million tokens cost {} in and {} out{of}", price.input, price.output))?;
    for path in &switched.changed {
        session.out.line(format!("changed {path}"))?;
    }
    match &switched.problem {
        Some(problem) => session.out.note(format!("note: it cannot be called yet: {problem}")),
        None => session.out.note(format!("note: `lemming models test {model}` makes one tiny call")),
    }
    Ok(Exit::Ok)
}

/// Puts a model into the registry and into the resumes of `agents`. All edits are made before the
/// first is written.
pub(in crate::cli) async fn switch(org: &Org, choice: &Choice, agents: Vec<AgentName>) -> Result<Switched, CliError> {
    let path = Key::Models.path();
    let models = text(org, &path).await?.unwrap_or_else(|| "{}\n".to_owned());
    let invalid = |path: &str, message: String| CliError::new(Exit::Invalid, message).at(path, "");
    let registry: ModelRegistry = serde_json::from_str(&models)
        .map_err(|error| invalid(&path, error.to_string()).hint("see `lemming validate`"))?;
    let key = choice.key(&registry)?;
    let entry = choice.entry()?;
    let mut edits = Vec::new();
    let mut edited = models.clone();
    if let Some(known) = registry.models.get(&key) {
        // What a person set besides stays.
        let named = [
            ("base_url", choice.base_url.is_some()),
            ("key", choice.key.is_some()),
            ("price", choice.details.price.is_some()),
            ("context_tokens", choice.details.context_tokens.is_some()),
        ];
        for (field, _) in named.into_iter().filter(|(_, is_named)| *is_named) {
            edited = edit::set(&edited, &[key.as_str(), field], &entry[field])
                .map_err(|error| invalid(&path, error.to_string()))?;
        }
        debug_assert_eq!(known.provider, choice.provider);
    } else {
        edited = edit::set(&edited, &[key.as_str()], &entry).map_err(|error| invalid(&path, error.to_string()))?;
    }
    let after: ModelRegistry = serde_json::from_str(&edited).map_err(|error| invalid(&path, error.to_string()))?;
    if edited != models {
        edits.push((path, edited));
    }
    for agent in &agents {
        let path = Key::Resume(agent.clone()).path();
        let Some(resume) = text(org, &path).await? else { continue };
        let edited = edit::set(&resume, &["model", "key"], &json!(key))
            .map_err(|error| invalid(&path, error.to_string()).hint("see `lemming validate`"))?;
        if edited != resume {
            edits.push((path, edited));
        }
    }
    for (path, text) in &edits {
        org.store.put_path(path, Bytes::from(text.clone())).await?;
    }
    let Some(model) = after.models.get(&key) else {
        return Err(invalid(&Key::Models.path(), format!("the model {key} is missing after the edit")));
    };
    let problem = org.providers().open(&key, model).await.err().map(|error| error.message);
    let changed = edits.into_iter().map(|(path, _)| path).collect();
    Ok(Switched { model: key, price: model.price.clone(), agents, changed, problem })
}

async fn text(org: &Org, path: &str) -> Result<Option<String>, CliError> {
    let Some(bytes) = org.store.get_path(path).await? else { return Ok(None) };
    let text = String::from_utf8(bytes.to_vec());
    text.map(Some).map_err(|_| CliError::new(Exit::Invalid, "is not UTF-8 text").at(path, ""))
}
