//! The tree of an organisation: the one place that builds and reads keys.
//!
//! ```text
//! org.json, config/*.json, agents/<agent>/**, shared/**     people's and agents' files
//! removed/<agent>.json, templates/<name>/**                 resumes of removed agents, templates
//! ingress/{mail,control}/<uuidv7>.json                      what comes in
//! inputs/<sha256>.json, blobs/<sha256>                      contents by their hash
//! ticks/<tick:012>/**, checkpoints/<tick:012>.json          the records
//! head.json                                                 a hint
//! calls/<id>/{call,result}.json                             calls that may not be made twice: who makes an approved one, and what it returned
//! deliveries/<rule>/**                                      what was sent outside
//! collected.json                                            what `gc` has given up
//! erasing/<sha256>.json                                     erasures on request that are not at their end
//! recorded/**                                               in a fork: answers of its origin
//! <area>/probe:<run>:<name>                                 what `doctor` writes for a moment; read by nobody
//! ```

use std::fmt;

use object_store::path::{Path, PathPart};
use uuid::Uuid;

use crate::domain::ids::Sha;
use crate::domain::name::{AgentName, IngressName, MemoryKey, RunnerId};
use crate::domain::path::RelativePath;
use crate::domain::time::Tick;

/// Every object that an organisation has, by what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `org.json`.
    Org,
    /// `config/models.json`.
    Models,
    /// `config/tools.json`: the organisation's own tools, MCP servers, approvals.
    Tools,
    /// `config/tools.lock.json`: the tools of MCP servers, as people accepted them.
    ToolsLock,
    /// `config/**`, all but these: keys, scripts.
    Config(RelativePath),
    /// `schemas/<kind>.schema.json`: for editors; read by no runner.
    Schema(MemoryKey),
    /// `agents/<agent>/resume.json`.
    Resume(AgentName),
    /// `removed/<agent>.json`: the resume of an agent that a person removed. No runner reads it.
    Removed(AgentName),
    /// `templates/<name>/**`: a template that the organisation keeps. No runner reads it.
    Template(MemoryKey, RelativePath),
    /// `agents/<agent>/outbox/<tick:08>_<id>.json`: a view.
    Outbox(AgentName, Tick, Uuid),
    /// `agents/<agent>/memory/<key>.json`: a view.
    Memory(AgentName, MemoryKey),
    /// `agents/<agent>/archive/**`.
    Archive(AgentName, RelativePath),
    /// `agents/<agent>/vectors/<sha256>.json`: the vector of a text that was compared with others. A cache.
    Vector(AgentName, Sha),
    /// `agents/<agent>/workspace/**`: views.
    Workspace(AgentName, RelativePath),
    /// `shared/**`: views.
    Shared(RelativePath),
    /// `ingress/mail/<name>.json`.
    Mail(IngressName),
    /// `ingress/control/<name>.json`.
    Control(IngressName),
    /// `inputs/<sha256>.json`.
    Input(Sha),
    /// `blobs/<sha256>`.
    Blob(Sha),
    /// `ticks/<tick:012>/plan.json`.
    Plan(Tick),
    /// `ticks/<tick:012>/shards/<shard>/<seq:04>.json`.
    Link(Tick, u32, u32),
    /// `ticks/<tick:012>/shards/<shard>/hb/<by>`.
    Heartbeat(Tick, u32, RunnerId),
    /// `ticks/<tick:012>/steps/<agent>/<k>.json`.
    Step(Tick, AgentName, u32),
    /// `ticks/<tick:012>/turns/<agent>.json`.
    Turn(Tick, AgentName),
    /// `ticks/<tick:012>/closing.json`: a hint of who was the first to find all shards sealed.
    Closing(Tick),
    /// `ticks/<tick:012>/closed.json`.
    Closed(Tick),
    /// `calls/<id>/call.json`: the one runner that makes the approved call.
    ApprovedCall(Uuid),
    /// `calls/<id>/result.json`: what it returned.
    CallResult(Uuid),
    /// `deliveries/<rule>/<tick:012>.json`: what of a closed tick was sent outside, and how it went.
    Delivery(MemoryKey, Tick),
    /// `deliveries/<rule>/next.json`: a hint of what is to be sent next, and when.
    DeliveryHint(MemoryKey),
    /// `checkpoints/<tick:012>.json`.
    Checkpoint(Tick),
    /// `head.json`.
    Head,
    /// `collected.json`: what `gc` has given up.
    Collected,
    /// `erasing/<sha256>.json`: an erasure on request that is not at its end.
    Erasing(Sha),
    /// `recorded/fork.json`: the mark of a fork.
    ForkMark,
    /// `recorded/answers/<sha256>.json`: in a fork, the answer of the origin to the request of that hash.
    Recorded(Sha),
    /// `recorded/ticks/<tick:012>.json`: in a fork, when a later tick of the origin was.
    RecordedTick(Tick),
    /// `<area>/probe:<run>:<name>`: written to find out whether it can be, and deleted again. No name of a person's or an
    /// agent's file has a colon, so that no reader takes it for one.
    Probe(Area, IngressName, IngressName),
}

/// Parts of the tree that somebody may be allowed to write or not: keys of one kind, or of a few that go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// `probe/`: nothing else is there.
    Probe,
    /// `ticks/`: the records.
    Ticks,
    /// `inputs/`.
    Inputs,
    /// `blobs/`.
    Blobs,
    /// `checkpoints/`.
    Checkpoints,
    /// `calls/`: calls that may not be made twice.
    Calls,
    /// `deliveries/`: what was sent outside.
    Deliveries,
    /// `agents/`: resumes, outboxes, memory, archives, workspaces.
    Agents,
    /// `shared/`.
    Shared,
    /// `ingress/mail/`.
    Mail,
    /// `ingress/control/`.
    Control,
    /// `config/`.
    Config,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Probe,
        Self::Ticks,
        Self::Inputs,
        Self::Blobs,
        Self::Checkpoints,
        Self::Calls,
        Self::Deliveries,
        Self::Agents,
        Self::Shared,
        Self::Mail,
        Self::Control,
        Self::Config,
    ];

    /// The prefix from the organisation's root, without a slash at the end.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Ticks => "ticks",
            Self::Inputs => "inputs",
            Self::Blobs => "blobs",
            Self::Checkpoints => "checkpoints",
            Self::Calls => "calls",
            Self::Deliveries => "deliveries",
            Self::Agents => "agents",
            Self::Shared => "shared",
            Self::Mail => "ingress/mail",
            Self::Control => "ingress/control",
            Self::Config => "config",
        }
    }

    fn parse(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|area| area.path() == path)
    }
}

impl Key {
    /// The path from the organisation's root.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Org => "org.json".to_owned(),
            Self::Models => "config/models.json".to_owned(),
            Self::Tools => "config/tools.json".to_owned(),
            Self::ToolsLock => "config/tools.lock.json".to_owned(),
            Self::Config(path) => format!("config/{path}"),
            Self::Schema(kind) => format!("schemas/{kind}.schema.json"),
            Self::Resume(agent) => format!("agents/{agent}/resume.json"),
            Self::Removed(agent) => format!("removed/{agent}.json"),
            Self::Template(name, path) => format!("templates/{name}/{path}"),
            Self::Outbox(agent, tick, id) => format!("agents/{agent}/outbox/{:08}_{id}.json", tick.0),
            Self::Memory(agent, key) => format!("agents/{agent}/memory/{key}.json"),
            Self::Archive(agent, path) => format!("agents/{agent}/archive/{path}"),
            Self::Vector(agent, sha) => format!("agents/{agent}/vectors/{sha}.json"),
            Self::Workspace(agent, path) => format!("agents/{agent}/workspace/{path}"),
            Self::Shared(path) => format!("shared/{path}"),
            Self::Mail(name) => format!("ingress/mail/{name}.json"),
            Self::Control(name) => format!("ingress/control/{name}.json"),
            Self::Input(sha) => format!("inputs/{sha}.json"),
            Self::Blob(sha) => format!("blobs/{sha}"),
            Self::Plan(tick) => format!("ticks/{:012}/plan.json", tick.0),
            Self::Link(tick, shard, seq) => format!("ticks/{:012}/shards/{shard}/{seq:04}.json", tick.0),
            Self::Heartbeat(tick, shard, by) => format!("ticks/{:012}/shards/{shard}/hb/{by}", tick.0),
            Self::Step(tick, agent, step) => format!("ticks/{:012}/steps/{agent}/{step}.json", tick.0),
            Self::Turn(tick, agent) => format!("ticks/{:012}/turns/{agent}.json", tick.0),
            Self::Closing(tick) => format!("ticks/{:012}/closing.json", tick.0),
            Self::Closed(tick) => format!("ticks/{:012}/closed.json", tick.0),
            Self::ApprovedCall(id) => format!("calls/{id}/call.json"),
            Self::CallResult(id) => format!("calls/{id}/result.json"),
            Self::DeliveryHint(rule) => format!("deliveries/{rule}/next.json"),
            Self::Delivery(rule, tick) => format!("deliveries/{rule}/{:012}.json", tick.0),
            Self::Checkpoint(tick) => format!("checkpoints/{:012}.json", tick.0),
            Self::Head => "head.json".to_owned(),
            Self::Collected => "collected.json".to_owned(),
            Self::Erasing(what) => format!("erasing/{what}.json"),
            Self::ForkMark => "recorded/fork.json".to_owned(),
            Self::Recorded(request) => format!("recorded/answers/{request}.json"),
            Self::RecordedTick(tick) => format!("recorded/ticks/{:012}.json", tick.0),
            Self::Probe(area, run, name) => format!("{}/probe:{run}:{name}", area.path()),
        }
    }

    /// Reads a path from the organisation's root; `None` where no key of ours has it.
    ///
    /// A key is only what [`Self::path`] builds, to the letter: a number with other padding is
    /// no key.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let key = Self::parse_loosely(path)?;
        (key.path() == path).then_some(key)
    }

    fn parse_loosely(path: &str) -> Option<Self> {
        if let Some((area, names)) = path.rsplit_once("/probe:") {
            let (run, name) = names.split_once(':')?;
            return Some(Self::Probe(Area::parse(area)?, IngressName::new(run).ok()?, IngressName::new(name).ok()?));
        }
        let (top, rest) = path.split_once('/').unwrap_or((path, ""));
        match top {
            "org.json" => Some(Self::Org),
            "head.json" => Some(Self::Head),
            "collected.json" => Some(Self::Collected),
            "erasing" => Some(Self::Erasing(Sha::try_from(rest.strip_suffix(".json")?.to_owned()).ok()?)),
            "recorded" => match rest.split_once('/') {
                None => (rest == "fork.json").then_some(Self::ForkMark),
                Some(("answers", name)) => {
                    Some(Self::Recorded(Sha::try_from(name.strip_suffix(".json")?.to_owned()).ok()?))
                }
                Some(("ticks", name)) => Some(Self::RecordedTick(tick(name.strip_suffix(".json")?)?)),
                Some(_) => None,
            },
            "config" if rest == "models.json" => Some(Self::Models),
            "config" if rest == "tools.json" => Some(Self::Tools),
            "config" if rest == "tools.lock.json" => Some(Self::ToolsLock),
            "config" => Some(Self::Config(RelativePath::new(rest).ok()?)),
            "schemas" => Some(Self::Schema(MemoryKey::new(rest.strip_suffix(".schema.json")?).ok()?)),
            "shared" => Some(Self::Shared(RelativePath::new(rest).ok()?)),
            "agents" => {
                let (agent, rest) = rest.split_once('/')?;
                Self::parse_agent(AgentName::new(agent).ok()?, rest)
            }
            "removed" => Some(Self::Removed(AgentName::new(rest.strip_suffix(".json")?).ok()?)),
            "templates" => {
                let (name, path) = rest.split_once('/')?;
                Some(Self::Template(MemoryKey::new(name).ok()?, RelativePath::new(path).ok()?))
            }
            "ingress" => match rest.split_once('/')? {
                ("mail", name) => Some(Self::Mail(IngressName::new(name.strip_suffix(".json")?).ok()?)),
                ("control", name) => Some(Self::Control(IngressName::new(name.strip_suffix(".json")?).ok()?)),
                _ => None,
            },
            "inputs" => Some(Self::Input(Sha::try_from(rest.strip_suffix(".json")?.to_owned()).ok()?)),
            "blobs" => Some(Self::Blob(Sha::try_from(rest.to_owned()).ok()?)),
            "checkpoints" => Some(Self::Checkpoint(tick(rest.strip_suffix(".json")?)?)),
            "calls" => match rest.split_once('/')? {
                (id, "call.json") => Some(Self::ApprovedCall(id.parse().ok()?)),
                (id, "result.json") => Some(Self::CallResult(id.parse().ok()?)),
                _ => None,
            },
            "deliveries" => {
                let (rule, name) = rest.split_once('/')?;
                let rule = MemoryKey::new(rule).ok()?;
                match name.strip_suffix(".json")? {
                    "next" => Some(Self::DeliveryHint(rule)),
                    number => Some(Self::Delivery(rule, tick(number)?)),
                }
            }
            "ticks" => {
                let (number, rest) = rest.split_once('/')?;
                Self::parse_tick(tick(number)?, rest)
            }
            _ => None,
        }
    }

    fn parse_agent(agent: AgentName, rest: &str) -> Option<Self> {
        match rest.split_once('/') {
            None => (rest == "resume.json").then_some(Self::Resume(agent)),
            Some(("outbox", name)) => {
                let (number, id) = name.strip_suffix(".json")?.split_once('_')?;
                Some(Self::Outbox(agent, tick(number)?, id.parse().ok()?))
            }
            Some(("memory", name)) => Some(Self::Memory(agent, MemoryKey::new(name.strip_suffix(".json")?).ok()?)),
            Some(("archive", path)) => Some(Self::Archive(agent, RelativePath::new(path).ok()?)),
            Some(("vectors", name)) => {
                Some(Self::Vector(agent, Sha::try_from(name.strip_suffix(".json")?.to_owned()).ok()?))
            }
            Some(("workspace", path)) => Some(Self::Workspace(agent, RelativePath::new(path).ok()?)),
            Some(_) => None,
        }
    }

    fn parse_tick(tick: Tick, rest: &str) -> Option<Self> {
        let parts: Vec<&str> = rest.split('/').collect();
        let json = |name: &str| name.strip_suffix(".json").map(str::to_owned);
        match parts.as_slice() {
            ["plan.json"] => Some(Self::Plan(tick)),
            ["closing.json"] => Some(Self::Closing(tick)),
            ["closed.json"] => Some(Self::Closed(tick)),
            ["turns", agent] => Some(Self::Turn(tick, AgentName::new(json(agent)?).ok()?)),
            ["steps", agent, step] => Some(Self::Step(tick, AgentName::new(agent).ok()?, json(step)?.parse().ok()?)),
            ["shards", shard, "hb", by] => Some(Self::Heartbeat(tick, shard.parse().ok()?, RunnerId::new(by).ok()?)),
            ["shards", shard, seq] => Some(Self::Link(tick, shard.parse().ok()?, json(seq)?.parse().ok()?)),
            _ => None,
        }
    }

    /// `config/keys.json`: the API keys, hashed.
    #[must_use]
    pub fn api_keys() -> Self {
        Self::Config(RelativePath::new("keys.json").unwrap_or_else(|_| unreachable!("a plain name")))
    }

    /// `agents/<agent>/archive/<key>/<tick:08>_<hash>.json`: what left a memory in a tick. The first 16
    /// digits of the hash of its bytes make writing it again harmless, and nothing else lies there.
    #[must_use]
    pub fn archived(agent: &AgentName, key: &MemoryKey, tick: Tick, sha: &Sha) -> Self {
        let path = RelativePath::new(format!("{key}/{:08}_{}.json", tick.0, sha.short()));
        Self::Archive(agent.clone(), path.unwrap_or_else(|_| unreachable!("a key and digits")))
    }

    /// The memory key and the tick of an archive file that [`Self::archived`] names.
    #[must_use]
    pub fn archived_from(&self) -> Option<(MemoryKey, Tick)> {
        let Self::Archive(_, path) = self else { return None };
        let (key, name) = path.as_str().split_once('/')?;
        let (number, hash) = name.strip_suffix(".json")?.split_once('_')?;
        let is_hash = hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        Some((MemoryKey::new(key).ok()?, tick(number)?)).filter(|_| is_hash)
    }

    /// The file that this path names, if agents and people may both write it.
    #[must_use]
    pub fn is_shared_with_people(&self) -> bool {
        matches!(self, Self::Memory(..) | Self::Workspace(..) | Self::Shared(..))
    }
}

fn tick(digits: &str) -> Option<Tick> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok().map(Tick)).flatten()
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

/// Prefixes that are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prefix {
    /// `agents/`: the folders of the agents.
    Agents,
    /// `agents/<agent>/memory/`.
    Memory(AgentName),
    /// `agents/<agent>/archive/`, or what of it is of one memory key.
    Archive(AgentName, Option<MemoryKey>),
    /// `agents/<agent>/workspace/`.
    Workspace(AgentName),
    /// `shared/`.
    Shared,
    /// `ingress/`: mail and control.
    Ingress,
    /// `removed/`: the resumes of removed agents.
    Removed,
    /// `ticks/<tick>/shards/`: the chains of a tick.
    Shards(Tick),
    /// `templates/`: the templates that the organisation keeps.
    Templates,
    /// `templates/<name>/`.
    Template(MemoryKey),
    /// `deliveries/<rule>/`: what a rule has sent.
    Deliveries(MemoryKey),
    /// `recorded/`: what a fork carries of its origin.
    Recorded,
    /// All of an area.
    Area(Area),
    /// The whole organisation.
    Everything,
}

impl Prefix {
    /// The path from the organisation's root, without a slash at the end.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Agents => "agents".to_owned(),
            Self::Memory(agent) => format!("agents/{agent}/memory"),
            Self::Archive(agent, None) => format!("agents/{agent}/archive"),
            Self::Archive(agent, Some(key)) => format!("agents/{agent}/archive/{key}"),
            Self::Workspace(agent) => format!("agents/{agent}/workspace"),
            Self::Shared => "shared".to_owned(),
            Self::Ingress => "ingress".to_owned(),
            Self::Removed => "removed".to_owned(),
            Self::Shards(tick) => format!("ticks/{:012}/shards", tick.0),
            Self::Templates => "templates".to_owned(),
            Self::Template(name) => format!("templates/{name}"),
            Self::Deliveries(rule) => format!("deliveries/{rule}"),
            Self::Recorded => "recorded".to_owned(),
            Self::Area(area) => area.path().to_owned(),
            Self::Everything => String::new(),
        }
    }
}

/// Joins a path of the organisation to the organisation's place in its store.
///
/// As it stands: a name is not percent-encoded, or people would find `%C3%A4.md` for `ä.md`, and
/// what they put there under its own name would not be found. Only what no store can hold is.
#[must_use]
pub(super) fn under(root: &Path, path: &str) -> Path {
    let whole = if root.is_root() { Path::parse(path) } else { Path::parse(format!("{root}/{path}")) };
    whole.unwrap_or_else(|_| {
        let join = |joined: Path, part| match PathPart::parse(part) {
            Ok(part) => joined.join(part),
            Err(_) => joined.join(part),
        };
        path.split('/').filter(|part| !part.is_empty()).fold(root.clone(), join)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys() -> impl Strategy<Value = Key> {
        let agent = || "[a-z][a-z0-9_]{0,8}".prop_map(|n| AgentName::new(n).expect("name"));
        let key = || "[A-Za-z0-9_-]{1,8}".prop_map(|n| MemoryKey::new(n).expect("key"));
        let name = || "[A-Za-z0-9_-]{1,8}".prop_map(|n| IngressName::new(n).expect("name"));
        let path =
            || "[a-zä]{1,4}(/[a-z ]{0,3}[a-z]\\.json){0,2}".prop_filter_map("path", |p| RelativePath::new(p).ok());
        let sha = || any::<u64>().prop_map(|n| Sha::of(&n.to_be_bytes()));
        let tick = || any::<u64>().prop_map(Tick);
        prop_oneof![
            Just(Key::Org),
            Just(Key::Head),
            Just(Key::ForkMark),
            Just(Key::Collected),
            sha().prop_map(Key::Erasing),
            sha().prop_map(Key::Recorded),
            tick().prop_map(Key::RecordedTick),
            Just(Key::Models),
            path().prop_map(Key::Config),
            key().prop_map(Key::Schema),
            agent().prop_map(Key::Resume),
            agent().prop_map(Key::Removed),
            (key(), path()).prop_map(|(n, p)| Key::Template(n, p)),
            (agent(), tick(), any::<u128>()).prop_map(|(a, t, id)| Key::Outbox(a, t, Uuid::from_u128(id))),
            (agent(), key()).prop_map(|(a, k)| Key::Memory(a, k)),
            (agent(), path()).prop_map(|(a, p)| Key::Archive(a, p)),
            (agent(), sha()).prop_map(|(a, s)| Key::Vector(a, s)),
            (agent(), path()).prop_map(|(a, p)| Key::Workspace(a, p)),
            path().prop_map(Key::Shared),
            name().prop_map(Key::Mail),
            name().prop_map(Key::Control),
            sha().prop_map(Key::Input),
            sha().prop_map(Key::Blob),
            tick().prop_map(Key::Plan),
            (tick(), any::<u32>(), any::<u32>()).prop_map(|(t, s, q)| Key::Link(t, s, q)),
            (tick(), any::<u32>(), "[a-z0-9-]{1,8}").prop_map(|(t, s, by)| Key::Heartbeat(
                t,
                s,
                RunnerId::new(by).expect("runner id")
            )),
            (tick(), agent(), any::<u32>()).prop_map(|(t, a, k)| Key::Step(t, a, k)),
            (tick(), agent()).prop_map(|(t, a)| Key::Turn(t, a)),
            tick().prop_map(Key::Closing),
            tick().prop_map(Key::Closed),
            (key(), tick()).prop_map(|(r, t)| Key::Delivery(r, t)),
            tick().prop_map(Key::Checkpoint),
            (prop::sample::select(Area::ALL.to_vec()), name(), name())
                .prop_map(|(area, run, n)| Key::Probe(area, run, n)),
        ]
    }

    proptest! {
        #[test]
        fn every_key_reads_back(key in keys()) {
            prop_assert_eq!(Key::parse(&key.path()), Some(key));
        }

        #[test]
        fn what_parses_is_built_the_same(path in "[a-z0-9_/.]{0,40}") {
            if let Some(key) = Key::parse(&path) {
                prop_assert_eq!(key.path(), path);
            }
        }

        #[test]
        fn no_key_is_the_folder_of_another(a in keys(), b in keys()) {
            let (a, b) = (a.path(), b.path());
            prop_assert!(!b.starts_with(&format!("{a}/")), "{a} is above {b}");
        }
    }

    #[test]
    fn an_archive_file_says_what_it_is_of() {
        let (ada, log) = (AgentName::new("ada").expect("name"), MemoryKey::new("log").expect("key"));
        let key = Key::archived(&ada, &log, Tick(12), &Sha::of(b"x"));
        assert_eq!(key.path(), "agents/ada/archive/log/00000012_2d711642b726b044.json");
        assert_eq!(Key::parse(&key.path()), Some(key.clone()));
        assert_eq!(key.archived_from(), Some((log, Tick(12))));
        for other in ["agents/ada/archive/log/12_x.json", "agents/ada/archive/a.txt", "agents/ada/memory/log.json"] {
            assert_eq!(Key::parse(other).expect("a key").archived_from(), None, "{other}");
        }
    }

    #[test]
    fn names_stand_in_the_store_as_people_write_them() {
        let root = Path::from("place/org");
        assert_eq!(under(&root, "shared/a b/ä~[1].md").as_ref(), "place/org/shared/a b/ä~[1].md");
        assert_eq!(under(&root, "").as_ref(), "place/org");
        assert_eq!(under(&Path::ROOT, "a/../b").as_ref(), "a/%2E%2E/b");
    }

    #[test]
    fn other_paths_are_no_keys() {
        for path in [
            "",
            "org.json/",
            "agents/Ada/resume.json",
            "agents/ada/resume.json/x",
            "ticks/1/plan.json",
            "ingress/mail/a b.json",
            "ticks/000000000001/turns/a.txt",
            "shared/../org.json",
            "agents/ada/memory/a/b.json",
            "inputs/abc.json",
        ] {
            assert_eq!(Key::parse(path), None, "{path}");
        }
    }
}
