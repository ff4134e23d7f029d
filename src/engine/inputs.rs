//! What a plan is made from: settings, resumes and ingress, as they lie in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;

use super::memo::Memo;
use super::{Context, EngineError};
use crate::domain::ids::Sha;
use crate::domain::ingress::{Control, MAX_INGRESS_BYTES, MAX_INGRESS_DEPTH, Mail};
use crate::domain::model::ModelRegistry;
use crate::domain::name::AgentName;
use crate::domain::org::{ORG_FORMAT, OrgConfig};
use crate::domain::resume::Resume;
use crate::domain::time::Clock;
use crate::domain::toolbox::{AcceptedTools, Toolbox};
use crate::record::plan::{Admitted, Item, Plan};
use crate::record::state::{Problem, State};
use crate::store::{Key, Prefix, Store, StoreError};
use crate::tool::limits::nests_within;

/// Up to so many agents, every resume is read at every tick.
const READ_ALL: usize = 200;

/// Above that, every resume is read at least once in so many steps of the clock.
const ROTATION: u64 = 16;

/// How many objects are read at once.
const READS_AT_ONCE: usize = 64;

/// So many resumes are read by one task, or more in a large organisation ...
const READS_IN_A_PART: usize = 32;

/// ... so that there are no more tasks than these: each has a request under way.
const MOST_PARTS: usize = 192;

/// A pinned settings file.
#[derive(Debug, Clone)]
pub(super) struct Pinned<T> {
    pub(super) value: Arc<T>,
    pub(super) sha: Sha,
    pub(super) bytes: Bytes,
}

/// The organisation's settings: `org.json` and what lies in `config/`.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) org: Pinned<OrgConfig>,
    pub(super) models: Pinned<ModelRegistry>,
    /// `config/tools.json`, if there is one.
    pub(super) toolbox: Option<Pinned<Toolbox>>,
    /// `config/tools.lock.json`, if there is one.
    pub(super) accepted: Option<Pinned<AcceptedTools>>,
}

/// The hashes of the settings that a plan pins, or a state knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pins<'a> {
    pub(super) org: &'a Sha,
    pub(super) models: &'a Sha,
    pub(super) tools: Option<&'a Sha>,
    pub(super) tools_lock: Option<&'a Sha>,
}

impl<'a> Pins<'a> {
    /// Those of a plan.
    pub(super) fn of(plan: &'a Plan) -> Self {
        let Plan { org, models, tools, tools_lock, .. } = plan;
        Self { org, models, tools: tools.as_ref(), tools_lock: tools_lock.as_ref() }
    }

    /// Those that the last tick of a state used; none before the first.
    pub(super) fn last(state: &'a State) -> Option<Self> {
        let State { org, models, tools, tools_lock, .. } = state;
        let (org, models) = (org.as_ref()?, models.as_ref()?);
        Some(Self { org, models, tools: tools.as_ref(), tools_lock: tools_lock.as_ref() })
    }
}

/// Reads the settings as they lie in the store.
pub(super) async fn settings(store: &Store) -> Result<Settings, EngineError> {
    let (org, models, tools) =
        futures::try_join!(store.get(&Key::Org), store.get(&Key::Models), store.get(&Key::Tools))?;
    // What was accepted of servers means something only beside them.
    let lock = if tools.is_some() { store.get(&Key::ToolsLock).await? } else { None };
    let org = parse_org(org.ok_or(EngineError::NoOrg)?, &Key::Org)?;
    let missing = || EngineError::config(&Key::Models, "", "the file is missing: it must name at least one model");
    let models = parse_pinned(models.ok_or_else(missing)?, &Key::Models)?;
    let toolbox = tools.map(|bytes| parse_pinned(bytes, &Key::Tools)).transpose()?;
    let accepted = lock.map(|bytes| parse_pinned(bytes, &Key::ToolsLock)).transpose()?;
    Ok(Settings { org, models, toolbox, accepted })
}

/// Reads the settings that a plan pins.
pub(super) async fn pinned_settings(store: &Store, pins: Pins<'_>) -> Result<Settings, EngineError> {
    let optional = async |sha: Option<&Sha>| match sha {
        Some(sha) => input(store, sha).await.map(Some),
        None => Ok(None),
    };
    let (org, models, tools, lock) = futures::try_join!(
        input(store, pins.org),
        input(store, pins.models),
        optional(pins.tools),
        optional(pins.tools_lock)
    )?;
    Ok(Settings {
        org: parse_org(org.1, &org.0)?,
        models: parse_pinned(models.1, &models.0)?,
        toolbox: tools.map(|(key, bytes)| parse_pinned(bytes, &key)).transpose()?,
        accepted: lock.map(|(key, bytes)| parse_pinned(bytes, &key)).transpose()?,
    })
}

/// Reads one pinned input.
pub(super) async fn input(store: &Store, sha: &Sha) -> Result<(Key, Bytes), EngineError> {
    let key = Key::Input(sha.clone());
    match store.get(&key).await? {
        Some(bytes) => Ok((key, bytes)),
        None => Err(EngineError::config(&key, "", "the file is missing: the plan of this tick was made from it")),
    }
}

fn parse_org(bytes: Bytes, key: &Key) -> Result<Pinned<OrgConfig>, EngineError> {
    let org: OrgConfig = parse(&bytes, key)?;
    if org.format > ORG_FORMAT {
        let message = format!("{} is newer than {ORG_FORMAT}, which this version knows: upgrade lemming", org.format);
        return Err(EngineError::config(key, "/format", message));
    }
    Ok(Pinned { value: Arc::new(org), sha: Sha::of(&bytes), bytes })
}

fn parse_pinned<T: serde::de::DeserializeOwned>(bytes: Bytes, key: &Key) -> Result<Pinned<T>, EngineError> {
    Ok(Pinned { value: Arc::new(parse(&bytes, key)?), sha: Sha::of(&bytes), bytes })
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8], key: &Key) -> Result<T, EngineError> {
    serde_json::from_slice(bytes).map_err(|error| EngineError::config(key, "", error.to_string()))
}

/// What was found at an agent's folder.
#[derive(Debug, Clone)]
pub(super) enum Checked {
    /// A resume that can be read.
    Resume(Pinned<Resume>),
    /// One that cannot.
    Broken(String),
    /// A folder without one.
    Missing,
}

/// The resume check.
#[derive(Debug, Clone, Default)]
pub(super) struct Check {
    /// Every folder that may be an agent's.
    pub(super) folders: BTreeSet<AgentName>,
    /// Those that were looked into.
    pub(super) checked: BTreeMap<AgentName, Checked>,
    /// Folders that cannot be an agent's.
    pub(super) problems: Vec<Problem>,
    /// Whether resumes that nobody had to read were left out.
    pub(super) rotates: bool,
}

/// Reads the resumes that this tick needs: all of a small organisation; of a large one those that
/// `wanted` names, the new ones, and a sixteenth of the rest.
pub(super) async fn resumes(
    ctx: &Context,
    state: &State,
    clock: Clock,
    wanted: impl Fn(&AgentName) -> bool,
) -> Result<Check, EngineError> {
    let store = &ctx.store;
    let mut check = Check::default();
    for folder in store.folders(&Prefix::Agents).await? {
        match AgentName::new(&folder) {
            Ok(name) if name.may_be_an_agent() => {
                check.folders.insert(name);
            }
            Ok(name) if !name.is_human() => {}
            _ => check.problems.push(
                Problem::new("not_an_agent", "the folder's name must match ^[a-z][a-z0-9_]*$ and not be `human`")
                    .at(format!("agents/{}", folder.escape_debug())),
            ),
        }
    }
    check.rotates = check.folders.len() > READ_ALL;
    let due_in_rotation = |name: &AgentName| {
        let bucket: u64 = name.as_str().bytes().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        bucket % ROTATION == clock.0.rem_euclid(ROTATION.cast_signed()).cast_unsigned()
    };
    let is_new = |name: &AgentName| state.agents.get(name).is_none_or(|agent| !agent.present);
    // Owned names: a closure over borrowed ones could not be sent to another thread.
    let read: Vec<AgentName> = check
        .folders
        .iter()
        .filter(|name| !check.rotates || wanted(name) || is_new(name) || due_in_rotation(name))
        .cloned()
        .collect();
    // In parts, so that all cores read; the tasks are ours, and dropping the set stops them.
    let size = READS_IN_A_PART.max(read.len().div_ceil(MOST_PARTS));
    let parts = read.len().div_ceil(size).max(1);
    let mut reads = JoinSet::new();
    for part in read.chunks(size) {
        let (store, memo, part) = (store.clone(), Arc::clone(&ctx.memo), part.to_vec());
        reads.spawn(async move {
            let one = |name| read_one(&store, &memo, name);
            stream::iter(part).map(one).buffer_unordered(READS_AT_ONCE.div_ceil(parts)).try_collect::<Vec<_>>().await
        });
    }
    while let Some(part) = reads.join_next().await {
        check.checked.extend(part.map_err(EngineError::of_task)??);
    }
    Ok(check)
}

async fn read_one(store: &Store, memo: &Memo, name: AgentName) -> Result<(AgentName, Checked), StoreError> {
    let bytes = match store.get(&Key::Resume(name.clone())).await {
        Ok(bytes) => bytes,
        // A symbolic link or a file that may not be read concerns this agent alone.
        Err(error) if error.is_about_one_object() => return Ok((name, Checked::Broken(error.chain()))),
        Err(error) => return Err(error),
    };
    let checked = check_one(memo, &name, bytes);
    Ok((name, checked))
}

fn check_one(memo: &Memo, name: &AgentName, bytes: Option<Bytes>) -> Checked {
    let Some(bytes) = bytes else { return Checked::Missing };
    let sha = Sha::of(&bytes);
    if let Some(value) = memo.resume(&sha, name) {
        return Checked::Resume(Pinned { value, sha, bytes });
    }
    match Resume::parse(&bytes, name) {
        Ok(resume) => {
            let value = Arc::new(resume);
            memo.keep_resume(sha.clone(), value.clone());
            Checked::Resume(Pinned { value, sha, bytes })
        }
        Err(error) => Checked::Broken(error.to_string()),
    }
}

/// What has come in.
#[derive(Debug, Clone, Default)]
pub(super) struct Ingress {
    /// Every name listed, admitted before or not.
    pub(super) listed: BTreeSet<String>,
    /// What can be admitted: control first, then mail, in name order, bounded.
    pub(super) items: Vec<Admitted>,
    /// Objects that cannot be read: they stay, and are shown.
    pub(super) problems: Vec<Problem>,
}

impl Ingress {
    /// What of it a state has not admitted; for a mutant, which lists before it reads the state.
    pub(super) fn without(mut self, state: &State, limit: usize) -> Self {
        self.items.retain(|admitted| !state.admitted.contains_key(&admitted.name));
        self.items.truncate(limit);
        self
    }
}

/// Says whether something lies in the ingress that was not admitted before. Reads none of it.
pub(super) async fn has_news(store: &Store, state: &State) -> Result<bool, EngineError> {
    let listed = store.list(&Prefix::Ingress).await?;
    Ok(listed.iter().any(|path| match Key::parse(path) {
        Some(Key::Control(name) | Key::Mail(name)) => !state.admitted.contains_key(&name),
        _ => false,
    }))
}

/// Lists the ingress, and reads what was not admitted before.
///
/// Only after the state is read: a name admitted by a tick that closed in between would otherwise
/// be taken for new.
pub(super) async fn ingress(store: &Store, state: &State, limit: usize) -> Result<Ingress, EngineError> {
    let mut found = Ingress::default();
    let mut new = Vec::new();
    for path in store.list(&Prefix::Ingress).await? {
        let name = match Key::parse(&path) {
            Some(Key::Control(name)) => (0, name),
            Some(Key::Mail(name)) => (1, name),
            // Written by `doctor`, and gone in a moment.
            Some(Key::Probe(..)) => continue,
            _ => {
                let message = "not an ingress object: it must be named <uuid>.json";
                found.problems.push(Problem::new("broken_ingress", message).at(path));
                continue;
            }
        };
        found.listed.insert(path.clone());
        if !state.admitted.contains_key(&name.1) {
            new.push((name.0, name.1, path));
        }
    }
    new.sort_unstable();
    let reads = stream::iter(new).map(|(kind, name, path)| async move {
        let bytes = store.get_path(&path).await?;
        Ok::<_, StoreError>((kind, name, path, bytes))
    });
    // What cannot be admitted takes nobody's place, however much of it there is.
    let mut reads = std::pin::pin!(reads.buffered(READS_AT_ONCE.min(limit.max(1))));
    let mut names = BTreeSet::new();
    while let (true, Some(read)) = (found.items.len() < limit, reads.next().await) {
        let (kind, name, path, bytes) = read?;
        // Deleted in between: whoever admitted it closed a tick, and our plan will lose.
        let Some(bytes) = bytes else { continue };
        let item = if bytes.len() > MAX_INGRESS_BYTES {
            Err(format!("has {} bytes, more than {MAX_INGRESS_BYTES}", bytes.len()))
        } else if !names.insert(name.clone()) {
            Err("has the name of another object: names are used once".to_owned())
        } else if kind == 0 {
            read_item::<Control>(&bytes).map(Item::Control)
        } else {
            read_item::<Mail>(&bytes).and_then(|mail| signed(state, mail)).map(Item::Mail)
        };
        match item {
            Ok(item) => found.items.push(Admitted { name, item }),
            Err(message) => found.problems.push(Problem::new("broken_ingress", message).at(path)),
        }
    }
    Ok(found)
}

/// Who may mail is not thereby an agent: agents speak by their own outboxes alone.
fn signed(state: &State, mail: Mail) -> Result<Mail, String> {
    match state.agents.contains_key(&mail.from) {
        true => Err(format!("/from is {}, an agent: it must be `human`, or the name of nobody here", mail.from)),
        false => Ok(mail),
    }
}

fn read_item<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    #[derive(serde::Deserialize)]
    struct Peek {
        format: u32,
    }
    let peek: Peek = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if peek.format != 1 {
        return Err(format!("/format is {}, must be 1", peek.format));
    }
    let document: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if !nests_within(&document, MAX_INGRESS_DEPTH) {
        return Err(format!("nests deeper than {MAX_INGRESS_DEPTH} levels"));
    }
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}
