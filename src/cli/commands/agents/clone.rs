//! `lemming agents clone`

use bytes::Bytes;
use serde_json::{Value, json};

use super::{new_name, resume};
use crate::cli::changes;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::edit;
use crate::revision::Revision;
use crate::store::Key;

/// Makes an agent of another's resume, under a new name.
///
/// It begins with an account, an inbox and a memory of its own: of the other one it has the resume alone, with everything in
/// it that a person wrote.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CloneArgs {
    /// Whose resume is taken
    from: String,
    /// The new agent's name
    name: String,
    /// Its job title [default: the other's]
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    title: Option<String>,
    /// What else is different: a JSON pointer into the resume and a value; may be given again
    #[arg(long, value_name = "POINTER=VALUE", value_parser = super::edit::assignment)]
    set: Vec<(String, Value)>,
}

pub(super) async fn run(args: CloneArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let (from, text) = resume(&org, &args.from).await?;
    let name = new_name(&org, &args.name).await?;
    let path = Key::Resume(from.clone()).path();
    let mut sets = vec![("/name".to_owned(), json!(name))];
    sets.extend(args.title.map(|title| ("/title".to_owned(), json!(title))));
    sets.extend(args.set);
    let text = sets.iter().try_fold(text, |text, (pointer, value)| {
        edit::set_pointer(&text, pointer, value)
            .map_err(|error| CliError::new(Exit::Invalid, error.to_string()).at(path.clone(), pointer.clone()))
    })?;
    let mut revision = Revision::default();
    revision.set(Key::Resume(name.clone()), None, Some(Bytes::from(text)));
    let saved = changes::save(&org, &revision).await?;
    if session.out.json() {
        session.out.document(&json!({ "agent": name, "from": from, "saved": saved }))?;
        return Ok(Exit::Ok);
    }
    session.out.line(format!("{name} is made of {from}; the next `lemming tick` knows it"))?;
    changes::warn(&saved.warnings, &mut session.out);
    Ok(Exit::Ok)
}
