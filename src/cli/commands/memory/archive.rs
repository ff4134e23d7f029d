//! `lemming memory archive`

use serde_json::json;

use super::{key, none};
use crate::chronicle::memory::one;
use crate::chronicle::moment::Moment;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, known_agent};
use crate::cli::order::{Order, WaitArgs, give, memories};
use crate::domain::ingress::Action;
use crate::domain::name::MemoryKey;
use crate::store::Key;

/// Takes memories to the archive with the next tick: one, or all that nobody changed for long.
///
/// `restore` brings them back. With --older-than, keys that the resume pins stay, and so does what is changed in the
/// meantime.
#[derive(Debug, clap::Args)]
pub(super) struct ArchiveArgs {
    /// The agent's name
    agent: String,
    /// The key
    #[arg(required_unless_present = "older_than")]
    key: Option<String>,
    /// All keys that nobody changed for so many ticks
    #[arg(long, value_name = "TICKS", conflicts_with = "key")]
    older_than: Option<u64>,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn run(args: ArchiveArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let agent = known_agent(&org, &args.agent).await?;
    let moment = Moment::now(&org.store).await?;
    let last = moment.state.tick;
    let (keys, unchanged_since): (Vec<MemoryKey>, _) = match (&args.key, args.older_than) {
        (Some(name), _) => {
            let key = key(name)?;
            one(&moment, &agent, &key).await?.ok_or_else(|| none(&agent, &key))?;
            (vec![key], None)
        }
        (None, older_than) => {
            let pinned = moment.resume(&agent).await?.map(|resume| resume.memory.pinned).unwrap_or_default();
            let rests = |(path, file): (&String, &crate::record::state::FileState)| {
                let Some(Key::Memory(owner, key)) = Key::parse(path) else { return None };
                let rests = file.sha256.is_some() && file.tick.0.saturating_add(older_than.unwrap_or(0)) <= last.0;
                (owner == agent && rests && !pinned.contains(&key)).then_some(key)
            };
            (moment.state.files.iter().filter_map(rests).collect(), Some(last))
        }
    };
    let document = json!({ "agent": agent, "keys": keys });
    if keys.is_empty() {
        let out = &mut session.out;
        match out.json() {
            true => out.document(&json!({ "agent": agent, "keys": [], "ordered": [] }))?,
            false => out.line(format!("{agent} keeps nothing that rested so long"))?,
        }
        return Ok(Exit::Ok);
    }
    let text = match keys.as_slice() {
        [key] => format!("{key} of {agent} goes to the archive"),
        keys => {
            let names: Vec<&str> = keys.iter().map(MemoryKey::as_str).collect();
            format!("{} of {agent} go to the archive ({})", memories(keys.len()), names.join(", "))
        }
    };
    let archive = |key| Action::Archive { agent: agent.clone(), key, keep: None, unchanged_since };
    let actions = keys.into_iter().map(archive).collect();
    give(&org, Order { actions, text, document }, args.wait, session).await
}
