//! `lemming agents new`

use std::num::{NonZeroU32, NonZeroU64};

use bytes::Bytes;
use serde_json::{Map, json};

use super::new_name;
use crate::cli::changes;
use crate::cli::commands::templates::open;
use crate::cli::editor::read;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::domain::credits::Credits;
use crate::domain::model::ModelRegistry;
use crate::domain::name::{AgentName, ModelKey, ToolName};
use crate::domain::resume::ReadList;
use crate::domain::schedule::{Schedule, When};
use crate::recruit::Recruit;
use crate::revision::Revision;
use crate::runner::compose::Org;
use crate::store::Key;
use crate::template::join::{JoinError, Part, join};

/// Makes an agent, from what you say of it or from a template.
///
/// Its account opens with the next tick, and from then on it hears what is said. Others read it once their resumes say so.
///
/// Examples:
///   lemming agents new poet --title Poet --instructions 'Answer in rhyme.' --reads editor --every 3
///   lemming agents new second_critic --from brief_desk/critic
///   lemming agents new --from support_desk
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(in crate::cli) struct NewArgs {
    /// The agent's name: lower case, digits and _
    #[arg(required_unless_present = "from")]
    name: Option<String>,
    /// Takes an agent of a template, or all of its agents: the name of a template, or a folder or bucket that holds one
    #[arg(long, value_name = "TEMPLATE[/AGENT]", conflicts_with_all = ["title", "instructions", "description", "reads", "sends", "tools", "every", "offset", "when", "max_credits", "soft_cap", "max_tokens", "disabled"])]
    from: Option<String>,
    /// Its job title
    #[arg(long, required_unless_present = "from", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    title: Option<String>,
    /// What it is told; @FILE takes it from a file, @- from standard input
    #[arg(long, required_unless_present = "from", value_name = "TEXT")]
    instructions: Option<String>,
    /// What it is for, in one sentence [default: its title]
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The key of the model that it thinks with [default: the only one that there is; of a template, its own]
    #[arg(long, value_name = "KEY")]
    model: Option<ModelKey>,
    /// Tokens of one answer
    #[arg(long, value_name = "N")]
    max_tokens: Option<NonZeroU32>,
    /// Whose outboxes it reads, or * for everybody's
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    reads: Vec<String>,
    /// Whom it may address, or * [default: anyone]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    sends: Option<Vec<String>>,
    /// The tools that it may call
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    tools: Vec<ToolName>,
    /// How often it runs, in ticks [default: 1]
    #[arg(long, value_name = "N")]
    every: Option<NonZeroU64>,
    /// Moves its fire points: it runs where (clock + offset) is a multiple of N [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    offset: Option<i64>,
    /// always, or on_message: only with unread mail [default: always]
    #[arg(long, value_parser = when)]
    when: Option<When>,
    /// What its account opens with [default: 100]
    #[arg(long, value_name = "CREDITS", value_parser = credits)]
    max_credits: Option<Credits>,
    /// Below what it is warned of [default: a quarter of --max-credits, or 50]
    #[arg(long, value_name = "CREDITS", value_parser = credits)]
    soft_cap: Option<Credits>,
    /// It is not due before `agents enable`
    #[arg(long)]
    disabled: bool,
    /// Checks and shows what would be written, and writes nothing
    #[arg(long)]
    dry_run: bool,
}

fn when(text: &str) -> Result<When, String> {
    match text {
        "always" => Ok(When::Always),
        "on_message" => Ok(When::OnMessage),
        _ => Err("it must be always or on_message".to_owned()),
    }
}

fn credits(text: &str) -> Result<Credits, String> {
    Credits::parse(text).map_err(|error| error.to_string())
}

pub(super) async fn run(args: NewArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let dry_run = args.dry_run;
    let (agents, revision) = match args.from.clone() {
        Some(from) => of_template(&org, &from, &args, session).await?,
        None => of_words(&org, args).await?,
    };
    let warnings = changes::check(&org, &revision).await?;
    changes::warn_of_new_programs(&revision, &mut session.out);
    if !dry_run {
        revision.write(&org.store).await?;
    }
    if session.out.json() {
        let saved = changes::Saved { written: !dry_run, changes: revision.changes(), warnings };
        session.out.document(&json!({ "agents": agents, "saved": saved }))?;
        return Ok(Exit::Ok);
    }
    if dry_run {
        changes::show(revision.changes(), &mut session.out)?;
        session.out.line("nothing was written")?;
    } else {
        for change in revision.changes() {
            session.out.line(format!("wrote {}", change.key))?;
        }
        session.out.note("note: the next `lemming tick` knows it; others read it once their resumes name it");
    }
    changes::warn(&warnings, &mut session.out);
    Ok(Exit::Ok)
}

async fn of_words(org: &Org, args: NewArgs) -> Result<(Vec<AgentName>, Revision), CliError> {
    let name = new_name(org, args.name.as_deref().unwrap_or_default()).await?;
    let list =
        |names: Vec<String>| ReadList::try_from(names).map_err(|error| CliError::new(Exit::Usage, error.to_string()));
    let instructions = match args.instructions.as_deref().unwrap_or_default() {
        text if text.starts_with('@') => read(&text[1..])?,
        text => text.to_owned(),
    };
    let recruit = Recruit {
        title: args.title.unwrap_or_default(),
        short_description: args.description,
        instructions,
        model: match args.model {
            Some(key) => key,
            None => only_model(org).await?,
        },
        max_tokens: args.max_tokens.map(NonZeroU32::get),
        reads: list(args.reads)?,
        sends: args.sends.map(list).transpose()?,
        tools: args.tools,
        schedule: Schedule {
            run_every_n_ticks: args.every.unwrap_or(NonZeroU64::MIN),
            phase_offset: args.offset.unwrap_or(0),
            when: args.when.unwrap_or_default(),
            extra: Map::new(),
        },
        max_credits: args.max_credits,
        soft_cap: args.soft_cap,
        enabled: !args.disabled,
        name: name.clone(),
    };
    let text = recruit.text().map_err(|error| CliError::new(Exit::Usage, error.to_string()))?;
    let mut revision = Revision::default();
    revision.set(Key::Resume(name.clone()), None, Some(Bytes::from(text)));
    Ok((vec![name], revision))
}

/// The model of an organisation that has one: of several a person must choose.
async fn only_model(org: &Org) -> Result<ModelKey, CliError> {
    let path = Key::Models.path();
    let bytes = org.store.get(&Key::Models).await?.unwrap_or_else(|| Bytes::from_static(b"{}"));
    let registry: ModelRegistry = serde_json::from_slice(&bytes).map_err(|error| {
        CliError::new(Exit::Invalid, error.to_string()).at(path.clone(), "").hint("see `lemming validate`")
    })?;
    let keys: Vec<&ModelKey> = registry.models.keys().collect();
    match keys.as_slice() {
        [only] => Ok((*only).clone()),
        [] => {
            Err(CliError::new(Exit::Invalid, "there are no models").at(path, "").hint("`lemming models use` adds one"))
        }
        several => {
            let names = several.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(", ");
            Err(CliError::new(Exit::Usage, "there are several models: name one with --model")
                .hint(format!("they are {names}")))
        }
    }
}

async fn of_template(
    org: &Org,
    from: &str,
    args: &NewArgs,
    session: &Session,
) -> Result<(Vec<AgentName>, Revision), CliError> {
    let (template, one) = open::with_agent(from, Some(org), session).await?;
    let agents = match (&one, &args.name) {
        (Some(agent), Some(name)) => vec![(agent.clone(), new_name(org, name).await?)],
        (Some(agent), None) => vec![(agent.clone(), new_name(org, agent.as_str()).await?)],
        (None, None) => template.agents.keys().map(|agent| (agent.clone(), agent.clone())).collect(),
        (None, Some(_)) => {
            let error = CliError::new(Exit::Usage, format!("{from} names a whole template, which needs no name"));
            let known = template.agents.keys().map(AgentName::as_str).collect::<Vec<_>>().join(", ");
            return Err(error.hint(format!("one agent is {from}/AGENT; it has {known}")));
        }
    };
    let part = Part { template: &template, agents, model: args.model.clone(), shared: one.is_none() };
    let revision = join(&org.store, &part).await?;
    Ok((part.agents.into_iter().map(|(_, name)| name).collect(), revision))
}

impl From<JoinError> for CliError {
    fn from(error: JoinError) -> Self {
        let said = |exit| Self::new(exit, format!("{error}: nothing was written"));
        match error {
            JoinError::Store(error) => error.into(),
            JoinError::NoAgent { .. } => said(Exit::NotFound).hint("`lemming templates show` lists its agents"),
            JoinError::Taken(_) => {
                said(Exit::Usage).hint("`lemming agents new NAME --from TEMPLATE/AGENT` takes one under another name")
            }
            JoinError::Conflict { .. } => {
                said(Exit::Failed).hint("--model KEY has the agents think with a model that is there")
            }
            JoinError::Edit { .. } => said(Exit::Invalid).hint("see `lemming validate`"),
        }
    }
}
