//! `lemming approvals edit`

use std::sync::Arc;

use serde_json::{Value, json};

use super::approve::nobody_asked;
use super::show::lines;
use super::{exact, ordered, shown, unanswered};
use crate::cli::changes::confirm;
use crate::cli::editor::{in_editor, read};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::order::{Order, WaitArgs, give};
use crate::cli::output::{DIM, styled};
use crate::domain::ingress::Action;
use crate::domain::json as canonical;
use crate::domain::toolbox::{AcceptedTools, Toolbox};
use crate::record;
use crate::runner::compose::Org;
use crate::store::Key;
use crate::tool::{Tool, limits};

/// How much of what is wrong is told.
const MOST_FINDINGS: usize = 5;

/// Says yes to a call that waits, with other arguments than it was asked for with.
///
/// Without ARGUMENTS those that wait are opened in $VISUAL, or else $EDITOR. What comes back must be a JSON object that fits
/// the tool's schema. The agent is told with what the call was made.
#[derive(Debug, clap::Args)]
pub(super) struct EditArgs {
    /// The id, or its first characters
    id: String,
    /// The arguments as JSON; `-` reads them from standard input
    arguments: Option<String>,
    /// Does not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn run(args: EditArgs, session: &mut Session) -> Result<Exit, CliError> {
    if session.out.json() && !args.yes {
        return Err(nobody_asked());
    }
    let org = session.org().await?;
    let approval = unanswered(&org, &args.id, org.clock().now()).await?;
    let asked = shown(&approval)?;
    let text = match args.arguments.as_deref() {
        Some("-") => read("-")?,
        Some(arguments) => arguments.to_owned(),
        None => in_editor("arguments-", &format!("{}\n", exact(asked)), &session.environment).await?.0,
    };
    let arguments: Value = serde_json::from_str(&text).map_err(|error| wrong(format!("are no JSON: {error}")))?;
    let arguments = canonical::sorted(&arguments);
    check(&org, &approval.tool, &arguments).await?;
    if record::hash(&arguments) == approval.arguments_sha256 {
        let error = wrong("are those that were asked for".to_owned());
        return Err(error.hint(format!("`lemming approvals approve {}` says yes to them", approval.id)));
    }
    if !session.out.json() {
        let times = session.times();
        for line in lines(&approval, &times) {
            session.out.line(line)?;
        }
        session.out.line(format!("{} {}", styled(DIM, "instead:"), exact(&arguments)))?;
    }
    confirm(session, args.yes, "say yes to the call with these arguments instead")?;
    let action =
        Action::Approve { approval: approval.id, arguments_sha256: record::hash(asked), arguments: Some(arguments) };
    let text = ordered(&approval, "approved with other arguments");
    let document = json!({ "approval": approval });
    give(&org, Order { actions: vec![action], text, document }, args.wait, session).await
}

fn wrong(what: String) -> CliError {
    CliError::new(Exit::Usage, format!("the arguments {what}; nothing was ordered"))
}

/// Whether a call of the tool could be made with these arguments.
async fn check(org: &Org, tool: &str, arguments: &Value) -> Result<(), CliError> {
    if !arguments.is_object() {
        return Err(wrong("must be a JSON object".to_owned()));
    }
    limits::check_arguments(arguments).map_err(|error| CliError::new(Exit::Usage, error.0))?;
    let tools = tools(org).await?;
    // A schema that is none says nothing, as to the model.
    let schema = tools.iter().find(|known| known.name() == tool).map(|tool| tool.arguments());
    let Some(validator) = schema.and_then(|schema| jsonschema::Validator::new(&schema).ok()) else { return Ok(()) };
    let found: Vec<String> = validator
        .iter_errors(arguments)
        .take(MOST_FINDINGS)
        .map(|error| match error.instance_path().as_str() {
            "" => error.to_string(),
            at => format!("{at}: {error}"),
        })
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(wrong(format!("do not fit the schema of {tool}: {}", found.join("; "))))
}

/// The tools that there are, as far as their files can be read: whoever runs ticks says what is wrong with these.
async fn tools(org: &Org) -> Result<Vec<Arc<dyn Tool>>, CliError> {
    let (toolbox, accepted) = futures::try_join!(org.store.get(&Key::Tools), org.store.get(&Key::ToolsLock))?;
    let toolbox = toolbox.and_then(|bytes| serde_json::from_slice::<Toolbox>(&bytes).ok());
    let accepted = accepted.and_then(|bytes| serde_json::from_slice::<AcceptedTools>(&bytes).ok()).unwrap_or_default();
    let mut tools = org.tools();
    tools.extend(toolbox.iter().flat_map(|toolbox| org.connector().tools(toolbox, &accepted)));
    Ok(tools)
}
