//! `lemming keys`

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::api::keys::{hash, new_key};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{Cell, DIM, NAME, WARN, one_line};
use crate::domain::api_key::{ApiKey, ApiKeys, Role, Scope};
use crate::domain::name::KeyName;
use crate::edit::{self, EditError};
use crate::runner::compose::Org;
use crate::runner::places::Places;
use crate::store::Key;
use crate::validate::nearest;

/// Lists the API's keys; `add` makes one, `remove` takes one away.
///
/// Each has a name and what it may do. The organisation keeps their hashes alone, in config/keys.json. At a place above several
/// organisations they are the keys of whatever serves them all.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "ACTION")]
pub(in crate::cli) struct KeysArgs {
    #[command(subcommand)]
    action: Option<KeysAction>,
}

/// What is done with keys.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum KeysAction {
    List(ListArgs),
    Add(AddArgs),
    Remove(RemoveArgs),
}

/// Lists the keys: their names and what they may do.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListArgs {}

/// Makes a key and prints it, once: nobody can find it out again.
///
/// Servers know it within a second.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AddArgs {
    /// Whose it is, or what for
    name: KeyName,
    /// What its holder is: viewer, operator (may also send, answer and command) or admin [default: viewer, without --scope]
    #[arg(long, value_name = "ROLE", value_parser = role)]
    role: Option<Role>,
    /// What it may do, one by one: read, send, control or edit; may be given again
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', value_parser = scope)]
    scope: Vec<Scope>,
    /// At a place above several organisations, the folder of one that it opens; may be given again [default: all]
    #[arg(long, value_name = "FOLDER", value_delimiter = ',')]
    org: Vec<String>,
}

/// Takes a key away: it opens nothing any more.
///
/// Servers know it within ten seconds.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RemoveArgs {
    /// The key's name
    name: String,
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| format!("it must be one of {}", Role::ALL.map(Role::as_str).join(", ")))
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| format!("it must be one of {}", Scope::ALL.map(Scope::as_str).join(", ")))
}

pub(super) async fn run(args: KeysArgs, session: &mut Session) -> Result<Exit, CliError> {
    match args.action {
        None | Some(KeysAction::List(_)) => list(session).await,
        Some(KeysAction::Add(args)) => add(args, session).await,
        Some(KeysAction::Remove(args)) => remove(&args.name, session).await,
    }
}

async fn list(session: &mut Session) -> Result<Exit, CliError> {
    let org = place(session).await?;
    let keys = read(&org).await?.keys;
    let times = session.times();
    let out = &mut session.out;
    if out.json() {
        out.document(&json!({ "keys": keys.iter().map(|(name, key)| document(name, key)).collect::<Vec<_>>() }))?;
        return Ok(Exit::Ok);
    }
    if keys.is_empty() {
        out.line("there are no keys: `lemming keys add NAME --role admin` makes one")?;
        return Ok(Exit::Ok);
    }
    let mut rows = vec![["key", "may", "made"].map(|title| Cell::new(title).style(DIM)).to_vec()];
    rows.extend(keys.iter().map(|(name, key)| {
        let mut may: Vec<&str> = key.role.map(Role::as_str).into_iter().collect();
        may.extend(key.scopes.iter().map(|scope| scope.as_str()));
        let mut may = may.join(", ");
        if let Some(orgs) = &key.orgs {
            may.push_str(&format!(" in {}", one_line(&orgs.join(", "), 60)));
        }
        let nothing = key.allowed().is_empty() || key.orgs.as_ref().is_some_and(Vec::is_empty);
        let scopes = if nothing { Cell::new("nothing").style(WARN) } else { Cell::new(may) };
        let made = key.created_at.map_or("-".to_owned(), |made| times.shown(made));
        vec![Cell::new(name.to_string()).style(NAME), scopes, Cell::whole(made)]
    }));
    out.table(&rows)?;
    Ok(Exit::Ok)
}

/// What a listing tells of a key.
fn document(name: &KeyName, key: &ApiKey) -> Value {
    json!({ "name": name, "role": key.role, "scopes": key.allowed(), "orgs": key.orgs, "created_at": key.created_at })
}

/// The organisation, or the place above several.
async fn place(session: &Session) -> Result<Org, CliError> {
    let place = session.place()?;
    if place.store.get(&Key::Org).await?.is_none() && Places::below(place.clone()).look().await?.is_empty() {
        return Err(CliError::no_org(&place.place));
    }
    Ok(place)
}

/// The folders of organisations that a key is for.
async fn folders(org: &Org, named: Vec<String>) -> Result<Option<Vec<String>>, CliError> {
    if named.is_empty() {
        return Ok(None);
    }
    if org.store.get(&Key::Org).await?.is_some() {
        let error = CliError::new(Exit::Usage, "--org is for a place above several organisations, and this is one");
        return Err(error.hint("a key that is kept here opens this organisation alone"));
    }
    let there = Places::below(org.clone()).look().await?;
    let there: Vec<String> = there.into_iter().filter_map(|(folder, _)| folder).collect();
    match named.iter().find(|folder| !there.contains(folder)) {
        None => Ok(Some(named)),
        Some(unknown) => {
            let error = CliError::new(Exit::NotFound, format!("there is no organisation in a folder {unknown:?}"));
            Err(match nearest(unknown, there.iter().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error.hint("`lemming orgs` lists them"),
            })
        }
    }
}

async fn add(args: AddArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = place(session).await?;
    let text = text(&org).await?;
    let name = args.name;
    if parse(&text)?.keys.contains_key(&name) {
        let error = CliError::new(Exit::Usage, format!("there is a key {name} already"));
        return Err(error.hint(format!("`lemming keys remove {name}` takes it away")));
    }
    let mut scopes = args.scope;
    scopes.sort_unstable();
    scopes.dedup();
    let role = args.role.or(scopes.is_empty().then_some(Role::Viewer));
    let orgs = folders(&org, args.org).await?;
    let secret = new_key(org.entropy());
    let created_at = Some(org.clock().now());
    let key = ApiKey { sha256: hash(&secret), role, scopes, orgs, created_at, extra: Map::new() };
    let edited = edit::set(&text, &[name.as_str()], &json!(key)).map_err(|error| wrong(&error))?;
    write(&org, edited).await?;
    let out = &mut session.out;
    if out.json() {
        let mut told = document(&name, &key);
        told["key"] = secret.expose().into();
        out.document(&told)?;
        return Ok(Exit::Ok);
    }
    // Alone on its stream, so that a script can take it.
    out.line(secret.expose())?;
    out.note(format!("note: this is the key {name}: it is shown this once, and kept nowhere"));
    Ok(Exit::Ok)
}

async fn remove(name: &str, session: &mut Session) -> Result<Exit, CliError> {
    let org = place(session).await?;
    let text = text(&org).await?;
    let keys = parse(&text)?.keys;
    if !keys.keys().any(|known| known.as_str() == name) {
        let error = CliError::new(Exit::NotFound, format!("there is no key {name:?}"));
        return Err(match nearest(name, keys.keys().map(KeyName::as_str)) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint("`lemming keys` lists them"),
        });
    }
    write(&org, edit::remove(&text, name).map_err(|error| wrong(&error))?).await?;
    let out = &mut session.out;
    if out.json() {
        out.document(&json!({ "removed": name, "left": keys.len() - 1 }))?;
        return Ok(Exit::Ok);
    }
    out.line(format!("the key {name} opens nothing any more"))?;
    if keys.len() == 1 {
        out.note("note: there are no keys left: a server on this machine alone lets in whoever is on it");
    }
    Ok(Exit::Ok)
}

/// The keys of an organisation.
pub(super) async fn read(org: &Org) -> Result<ApiKeys, CliError> {
    parse(&text(org).await?)
}

async fn text(org: &Org) -> Result<String, CliError> {
    let Some(bytes) = org.store.get(&Key::api_keys()).await? else { return Ok("{}\n".to_owned()) };
    let text = String::from_utf8(bytes.to_vec());
    text.map_err(|_| CliError::new(Exit::Invalid, "is not UTF-8 text").at(Key::api_keys().path(), ""))
}

fn parse(text: &str) -> Result<ApiKeys, CliError> {
    serde_json::from_str(text).map_err(|error| {
        // Not what serde says: it may repeat a key that stands where its hash should.
        let message = format!("is not what it should be: line {}", error.line());
        let error = CliError::new(Exit::Invalid, message).at(Key::api_keys().path(), "");
        error.hint("`lemming validate` says what is wrong")
    })
}

fn wrong(error: &EditError) -> CliError {
    CliError::new(Exit::Invalid, error.to_string()).at(Key::api_keys().path(), "")
}

async fn write(org: &Org, text: String) -> Result<(), CliError> {
    Ok(org.store.put(&Key::api_keys(), Bytes::from(text)).await?)
}
