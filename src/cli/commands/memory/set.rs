//! `lemming memory set`

use serde_json::{Value, json};

use super::key;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, known_agent};
use crate::cli::order::{Order, WaitArgs, give};
use crate::domain::ingress::Action;
use crate::domain::memory::Operation;

/// Sets a memory, or adds to one, with the next tick.
///
/// A value that is JSON is taken as JSON, and anything else as text. `-` reads it from standard input.
#[derive(Debug, clap::Args)]
pub(super) struct SetArgs {
    /// The agent's name
    agent: String,
    /// The key
    key: String,
    /// The value
    #[arg(allow_hyphen_values = true)]
    value: String,
    /// The value is JSON: what is not is an error
    #[arg(long, conflicts_with = "text")]
    json_value: bool,
    /// The value is text, whatever it looks like
    #[arg(long)]
    text: bool,
    /// Adds the value to the end of a list
    #[arg(long, conflicts_with = "merge")]
    append: bool,
    /// Lays the value's fields over an object
    #[arg(long)]
    merge: bool,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn run(args: SetArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let key = key(&args.key)?;
    let agent = known_agent(&org, &args.agent).await?;
    let value = args.read()?;
    let (operation, does) = match (args.append, args.merge) {
        (true, _) => (Operation::Append, "is added to"),
        (_, true) => (Operation::Merge, "is laid over"),
        _ => (Operation::Set, "is set at"),
    };
    if operation == Operation::Merge && !value.is_object() {
        return Err(CliError::new(Exit::Usage, "--merge takes an object, such as '{\"name\": \"value\"}'"));
    }
    let text = format!("the value {does} {key} of {agent}");
    let document = json!({ "agent": agent, "key": key });
    let actions = vec![Action::Memory { agent, key, operation, value }];
    give(&org, Order { actions, text, document }, args.wait, session).await
}

impl SetArgs {
    fn read(&self) -> Result<Value, CliError> {
        let text = match self.value.as_str() {
            "-" => std::io::read_to_string(std::io::stdin()).map_err(|error| {
                CliError::new(Exit::Usage, format!("the value cannot be read from standard input: {error}"))
            })?,
            value => value.to_owned(),
        };
        match (self.text, serde_json::from_str(&text)) {
            (false, Ok(value)) => Ok(value),
            (false, Err(error)) if self.json_value => {
                Err(CliError::new(Exit::Usage, format!("the value is no JSON: {error}")))
            }
            _ => Ok(Value::String(text)),
        }
    }
}
