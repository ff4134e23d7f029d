//! The example organisation in `agents/`: its files are right, and its story can be followed.
//!
//! Most of this is without the engine: a plain loop over the scripted provider stands in for it, so
//! that a rule that is wrong shows here and nowhere else. One test has the engine tell the story.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use lemming::clock::{SystemClock, SystemEntropy};
use lemming::domain::contract::{self, Addresses};
use lemming::domain::credits::Credits;
use lemming::domain::ids::Seed;
use lemming::domain::ingress::Mail;
use lemming::domain::model::ModelRegistry;
use lemming::domain::name::{AgentName, IngressName, MemoryKey, TEMPLATE};
use lemming::domain::org::{ORG_FORMAT, OrgConfig, Per};
use lemming::domain::outbox::{Importance, Kind, Meta, OutboxEntry};
use lemming::domain::resume::Resume;
use lemming::domain::schedule::When;
use lemming::domain::time::{Clock, Tick, Timestamp};
use lemming::engine::{Context, Outcome, Silent, Stop, load, run_tick};
use lemming::provider::builtin::{Builtin, Files};
use lemming::provider::script::Script;
use lemming::provider::scripted::Scripted;
use lemming::provider::{Provider, Request, TurnView};
use lemming::record::encode;
use lemming::record::plan::Trigger;
use lemming::record::step::StepRecord;
use lemming::record::turn::Status;
use lemming::store::{Key, Store};
use lemming::tool;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// After a request the organisation is silent again within so many ticks.
const QUIET_AFTER_TICKS: u64 = 24;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("agents")
}

fn file(path: &str) -> Vec<u8> {
    fs::read(folder().join(path)).unwrap_or_else(|error| panic!("agents/{path}: {error}"))
}

fn json_file(path: &str) -> Value {
    serde_json::from_slice(&file(path)).unwrap_or_else(|error| panic!("agents/{path}: {error}"))
}

fn name(name: &str) -> AgentName {
    AgentName::new(name).expect("name")
}

fn resumes() -> BTreeMap<AgentName, Resume> {
    let folders = fs::read_dir(folder()).expect("agents").map(|entry| entry.expect("entry"));
    let folders = folders.filter(|entry| entry.file_type().expect("type").is_dir());
    let names = folders.map(|entry| name(entry.file_name().to_str().expect("text")));
    let read = |name: AgentName| {
        let resume = Resume::parse(&file(&format!("{name}/resume.json")), &name);
        (name.clone(), resume.unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    names.map(read).collect()
}

fn only_schema(extra: &Map<String, Value>, schema: &str) {
    assert_eq!(extra.get("$schema"), Some(&json!(schema)));
    assert_eq!(extra.len(), 1, "unknown fields: {extra:?}");
}

#[test]
fn every_resume_is_right_and_names_only_what_exists() {
    let resumes = resumes();
    let models: ModelRegistry = serde_json::from_slice(&file("models.json")).expect("models.json");
    let tools = tool::builtin();
    let tools: Vec<&str> = tools.iter().map(|tool| tool.name()).collect();
    assert!((4..=6).contains(&resumes.len()));
    for (name, resume) in &resumes {
        assert_ne!(name.as_str(), TEMPLATE);
        only_schema(&resume.extra, "../../schemas/resume.schema.json");
        for extra in [
            &resume.model.extra,
            &resume.permissions.extra,
            &resume.schedule.extra,
            &resume.credits.extra,
            &resume.limits.extra,
        ] {
            assert!(extra.is_empty(), "{name}: unknown fields: {extra:?}");
        }
        assert!(models.models.contains_key(&resume.model.key), "{name}: there is no model {}", resume.model.key);
        let permissions = &resume.permissions;
        let send = permissions.send_outboxes.as_ref().expect("the example says whom each may address");
        for other in permissions.read_outboxes.names().iter().chain(send.names()) {
            assert!(resumes.contains_key(other) && other != name, "{name} names {other}");
        }
        for tool in &permissions.tools {
            assert!(tools.contains(&tool.as_str()), "{name}: there is no tool {tool}");
        }
        assert!(resume.credits.soft_cap < resume.credits.max_credits);
        assert!(resume.limits.max_turn_credits.is_some_and(|most| most < resume.credits.max_credits));
        assert!(resume.instructions.len() > 400, "{name}: instructions that a model could work by");
    }
    let always = resumes.values().filter(|resume| resume.schedule.when == When::Always);
    assert_eq!(always.count(), 1, "an agent that only answers is due by mail");
}

#[test]
fn who_is_addressed_may_read_the_sender() {
    let resumes = resumes();
    for (name, resume) in &resumes {
        for other in resume.permissions.send_outboxes.as_ref().expect("send_outboxes").names() {
            let reads = &resumes[other].permissions.read_outboxes;
            assert!(reads.allows(name), "{other} cannot read what {name} sends");
        }
    }
}

#[test]
fn the_other_files_are_right() {
    let org: OrgConfig = serde_json::from_slice(&file("org.json")).expect("org.json");
    assert_eq!(org.format, ORG_FORMAT);
    only_schema(&org.extra, "schemas/org.schema.json");
    assert_eq!(org.budget.map(|budget| (budget.credits.to_string(), budget.per)), Some(("1.00".to_owned(), Per::Day)));

    let models: ModelRegistry = serde_json::from_slice(&file("models.json")).expect("models.json");
    assert_eq!(models.schema.as_deref(), Some("../schemas/models.schema.json"));
    for (key, model) in &models.models {
        assert!(model.extra.is_empty(), "{key}: unknown fields: {:?}", model.extra);
        assert_eq!(model.provider, "scripted", "{key}: the example needs no key");
        assert!(!model.price.input.is_zero() && !model.price.output.is_zero(), "{key}: credits are really spent");
        assert_eq!(model.provider_config["script"], "config/script.json");
    }

    Script::from_bytes(&file("script.json"), "agents/script.json").expect("script");
    assert_eq!(json_file("script.json")["$schema"], "../schemas/script.schema.json");

    let about = json_file("template.json");
    for field in ["name", "description", "version", "author"] {
        assert!(about[field].as_str().is_some_and(|text| !text.is_empty()), "template.json has no {field}");
    }
    assert!(about["tags"].as_array().is_some_and(|tags| !tags.is_empty()));
    assert!(resumes().contains_key(&name(about["demo"]["to"].as_str().expect("demo.to"))));
}

/// An organisation without an engine: everything in memory, one agent after another.
struct Desk {
    provider: Scripted,
    resumes: BTreeMap<AgentName, Resume>,
    tick: u64,
    /// All that was ever said, in order, and whether it came from outside.
    said: Vec<(OutboxEntry, bool)>,
    /// How much of it each agent has read.
    cursors: BTreeMap<AgentName, usize>,
    memory: BTreeMap<AgentName, BTreeMap<MemoryKey, Value>>,
    files: BTreeMap<String, String>,
    disk_full: bool,
    /// The rules that were used, by number.
    used: BTreeSet<usize>,
    turns: u64,
}

/// The contract's address book of one agent.
struct Book<'a>(&'a BTreeMap<AgentName, Resume>, &'a Resume);

impl Addresses for Book<'_> {
    fn knows(&self, name: &AgentName) -> bool {
        name.is_human() || self.0.contains_key(name)
    }
    fn may_address(&self, name: &AgentName) -> bool {
        name.is_human() || self.1.permissions.send_outboxes.as_ref().is_none_or(|send| send.allows(name))
    }
}

impl Desk {
    fn new() -> Self {
        // Every rule notes its number, so that a test can tell which were used.
        let mut script = json_file("script.json");
        for (i, rule) in script["rules"].as_array_mut().expect("rules").iter_mut().enumerate() {
            let notes = rule["answer"]["notes"].as_str().unwrap_or_default().to_owned();
            rule["answer"]["notes"] = json!(format!("{notes} rule={i}"));
        }
        Self {
            provider: Scripted::new(Arc::new(Script::from_value(script, "agents/script.json").expect("script"))),
            resumes: resumes(),
            tick: 0,
            said: Vec::new(),
            cursors: BTreeMap::new(),
            memory: BTreeMap::new(),
            files: BTreeMap::new(),
            disk_full: false,
            used: BTreeSet::new(),
            turns: 0,
        }
    }

    /// A message from a person; `to` empty: to everyone.
    fn mail(&mut self, to: &[&str], text: &str) {
        let recipients = (!to.is_empty()).then(|| to.iter().map(|to| name(to)).collect());
        let entry = OutboxEntry {
            id: Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000 + self.said.len() as u128),
            tick: Tick(self.tick + 1),
            agent: AgentName::human(),
            kind: Kind::Request,
            payload: Map::from_iter([("text".to_owned(), json!(text))]),
            tags: Vec::new(),
            recipients,
            created_at: Timestamp::from_unix_ms(0),
            meta: Meta::default(),
        };
        self.said.push((entry, true));
    }

    fn inbox(&self, agent: &AgentName) -> Vec<OutboxEntry> {
        let reads = &self.resumes[agent].permissions.read_outboxes;
        let from = self.cursors.get(agent).copied().unwrap_or(0);
        let readable = |entry: &OutboxEntry, mail: bool| {
            entry.agent != *agent
                && (mail || reads.allows(&entry.agent))
                && entry.recipients.as_ref().is_none_or(|to| to.contains(agent))
        };
        self.said[from..]
            .iter()
            .filter(|(entry, mail)| readable(entry, *mail))
            .map(|(entry, _)| entry.clone())
            .collect()
    }

    /// Runs a tick; returns what was said in it as `author -> recipients: text`.
    async fn tick(&mut self) -> Vec<String> {
        self.tick += 1;
        let before = self.said.len();
        let clock = Clock(i64::try_from(self.tick).expect("tick"));
        let is_due = |(name, resume): &(&AgentName, &Resume)| {
            let has_work = resume.schedule.when == When::Always || !self.inbox(name).is_empty();
            resume.schedule.fires_at(clock) && has_work
        };
        let mut due: Vec<_> =
            self.resumes.iter().filter(is_due).map(|(name, resume)| (resume.clone(), name.clone())).collect();
        due.sort_by(|(a, an), (b, bn)| a.schedule.fire_point().cmp(&b.schedule.fire_point()).then_with(|| an.cmp(bn)));
        for (resume, agent) in due {
            self.turn(&agent, &resume, clock).await;
        }
        let line = |(entry, _): &(OutboxEntry, bool)| {
            let to = entry.recipients.iter().flatten().map(AgentName::as_str).collect::<Vec<_>>().join(", ");
            format!("{} -> {to}: {}", entry.agent, entry.text())
        };
        self.said[before..].iter().map(line).collect()
    }

    async fn turn(&mut self, agent: &AgentName, resume: &Resume, clock: Clock) {
        self.turns += 1;
        let inbox = self.inbox(agent);
        let hops = match resume.schedule.when {
            When::OnMessage => inbox.iter().map(|entry| entry.meta.hops + 1).max().unwrap_or(0),
            When::Always => 0,
        };
        let most_steps = resume.limits.max_steps.expect("max_steps").get();
        let (mut results, mut entries) = (Vec::new(), Vec::new());
        let inbox = Arc::new(inbox);
        for step in 0..most_steps {
            let view = TurnView {
                agent: agent.clone(),
                tick: Tick(self.tick),
                clock,
                step,
                inbox: Arc::clone(&inbox),
                memory: Arc::new(self.memory.get(agent).cloned().unwrap_or_default()),
                results: std::mem::take(&mut results),
                answered: Vec::new(),
            };
            let request = Request {
                messages: Vec::new(),
                model_name: String::new(),
                temperature: 0.0,
                max_tokens: resume.model.max_tokens.get(),
                tools: Arc::default(),
                context_tokens: None,
                view,
            };
            let answer = self.provider.complete(&request).await.expect("answer");
            let reply = contract::parse(&answer.text, &Book(&self.resumes, resume));
            assert!(reply.is_contract && reply.violations.is_empty(), "{agent}: {:?}", reply.violations);
            self.note(reply.notes.as_deref().unwrap_or_default());
            for draft in reply.entries {
                let index = u32::try_from(entries.len()).expect("index");
                entries.push(OutboxEntry {
                    id: Seed(7).entry_id(Tick(self.tick), agent, index),
                    tick: Tick(self.tick),
                    agent: agent.clone(),
                    kind: draft.kind,
                    payload: draft.payload,
                    tags: draft.tags,
                    recipients: draft.recipients,
                    created_at: Timestamp::from_unix_ms(0),
                    meta: Meta { reply_to: draft.reply_to, hops, importance: draft.importance, ..Meta::default() },
                });
            }
            let memory = self.memory.entry(agent.clone()).or_default();
            for update in reply.memory_updates {
                let after = update.operation.apply(memory.remove(&update.key), update.value);
                memory.extend(after.map(|value| (update.key, value)));
            }
            if reply.tool_calls.is_empty() {
                break;
            }
            assert!(step + 1 < most_steps, "{agent} still calls tools with its last answer");
            for call in reply.tool_calls {
                assert!(
                    resume.permissions.tools.iter().any(|tool| tool.as_str() == call.tool),
                    "{agent}: {}",
                    call.tool
                );
                results.push(self.call(&call.tool, &call.arguments));
            }
        }
        self.said.extend(entries.into_iter().map(|entry| (entry, false)));
        self.cursors.insert(agent.clone(), self.said.len());
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        match tool {
            "list_agents" => {
                let cards: Vec<Value> = self.resumes.keys().map(|name| json!({"name": name})).collect();
                return json!({"agents": cards});
            }
            "file_read" => {
                let path = arguments["path"].as_str().expect("path");
                return match self.files.get(path) {
                    Some(text) => json!({"path": path, "text": text}),
                    None => json!(format!("there is no file {path}")),
                };
            }
            other => assert_eq!(other, "file_write", "the script calls no other tool"),
        }
        if self.disk_full {
            return json!("no space is left");
        }
        let (path, text) = (arguments["path"].as_str().expect("path"), arguments["text"].as_str().expect("text"));
        self.files.insert(path.to_owned(), text.to_owned());
        json!({"path": path, "bytes": text.len()})
    }

    fn note(&mut self, notes: &str) {
        let numbers = notes.split_whitespace().filter_map(|word| word.strip_prefix("rule=")?.parse::<usize>().ok());
        self.used.extend(numbers);
    }

    /// Ticks on until all should be said; fails if somebody still talks then.
    async fn settle(&mut self) {
        let end = self.tick + QUIET_AFTER_TICKS;
        while self.tick < end {
            self.tick().await;
        }
        for _ in 0..12 {
            let said = self.tick().await;
            assert!(said.is_empty(), "still talking in tick {}: {said:?}", self.tick);
        }
        for (entry, _) in &self.said {
            assert!(entry.meta.hops <= 8, "{} hops: {}", entry.meta.hops, entry.text());
        }
    }

    /// What people got to read, without what the archivist says of the shelf.
    fn answers(&self) -> Vec<&OutboxEntry> {
        let human = AgentName::human();
        let to_human = |entry: &OutboxEntry| entry.recipients.as_ref().is_some_and(|to| to.contains(&human));
        let said = self.said.iter().map(|(entry, _)| entry);
        said.filter(|entry| to_human(entry) && entry.kind != Kind::Status).collect()
    }

    /// Checks that nobody answered an entry twice.
    fn assert_answered_once(&self) {
        let mut seen = BTreeSet::new();
        for (entry, _) in &self.said {
            let Some(answered) = entry.meta.reply_to else { continue };
            let to = entry.recipients.clone().unwrap_or_default();
            assert!(seen.insert((entry.agent.clone(), answered, to)), "answered twice: {}", entry.text());
        }
    }
}

/// The question of the demo.
fn question() -> String {
    json_file("template.json")["demo"]["text"].as_str().expect("demo.text").to_owned()
}

#[tokio::test]
async fn the_demos_question_becomes_a_brief_in_six_ticks() {
    let mut desk = Desk::new();
    desk.mail(&["editor"], &question());
    for (tick, said) in [
        (1, vec!["editor -> human: Thank you.", "editor -> researcher: For brief 1: "]),
        (2, vec!["researcher -> critic: Findings for brief 1. It is a choice between courses of action"]),
        (3, vec!["critic -> editor: Brief 1: the points hold. Two objections."]),
        (4, vec!["editor -> writer: Please write up brief 1: "]),
        (5, vec!["writer -> human, editor, archivist: Brief 1: "]),
        (6, vec!["archivist -> human: The shelf now holds 1 brief."]),
        (7, vec![]),
    ] {
        let lines = desk.tick().await;
        assert_eq!(lines.len(), said.len(), "tick {tick}: {lines:#?}");
        for (line, start) in lines.iter().zip(said) {
            assert!(line.starts_with(start), "tick {tick}: {line}");
        }
    }
    assert_eq!(desk.files.keys().collect::<Vec<_>>(), ["shared/briefs/1.md", "shared/index.md"]);
    let page = &desk.files["shared/briefs/1.md"];
    assert!(page.starts_with("# Brief 1\n\n> Should we"), "{page}");
    assert_eq!(
        desk.files["shared/index.md"],
        format!(
            "# Briefs

- [Brief 1](briefs/1.md): {}
",
            question()
        )
    );
    desk.settle().await;
    desk.assert_answered_once();
    assert!(desk.turns < 20, "{} turns: an agent with nothing to do costs nothing", desk.turns);
}

#[tokio::test]
async fn an_earlier_brief_is_named_where_it_touches_the_same_matter() {
    let mut desk = Desk::new();
    desk.mail(&["editor"], &question());
    desk.settle().await;
    desk.mail(&["editor"], "Who restores the backups when the object storage is down?");
    desk.settle().await;
    assert!(desk.files["shared/briefs/2.md"].contains("touch the same matter: 1."), "{:#?}", desk.files);
    assert!(!desk.files["shared/briefs/1.md"].contains("same matter"));
    assert_eq!(desk.files["shared/index.md"].lines().count(), 4);
}

#[tokio::test]
async fn what_people_add_to_the_index_stays_in_it() {
    let mut desk = Desk::new();
    desk.mail(&["editor"], &question());
    desk.settle().await;
    desk.files.get_mut("shared/index.md").expect("index").push_str("- Ask Ada before you use brief 1\n");
    desk.mail(&["editor"], "Who restores the backups when the object storage is down?");
    desk.settle().await;
    let index = &desk.files["shared/index.md"];
    assert_eq!(index.matches("- [Brief ").count(), 2, "{index}");
    assert!(index.ends_with("\n- Ask Ada before you use brief 1\n"), "{index}");
}

#[tokio::test]
async fn who_asks_what_the_desk_is_for_is_told_who_works_there() {
    let mut desk = Desk::new();
    desk.mail(&["editor"], "Who are you?");
    let said = desk.tick().await;
    assert!(
        said.len() == 1 && said[0].contains(": archivist, critic, editor, researcher, writer. You send"),
        "{said:?}"
    );
}

#[tokio::test]
async fn whatever_a_person_writes_gets_one_answer_and_then_silence() {
    let long = "word ".repeat(3_000);
    for (i, (text, briefs)) in [
        ("Hello there!", 0),
        ("Thank you so much.", 0),
        ("Status?", 0),
        ("What can you do?", 0),
        ("?!", 0),
        ("", 0),
        ("Why did the build fail on Friday?", 1),
        ("How do we plan the summer party?", 1),
        ("Please list three names for our cat.", 1),
        ("How many people live in Lisbon?", 1),
        ("Lisbon or Porto", 1),
        ("Photosynthesis", 1),
        ("Sollen wir umziehen?\n\nDie Miete steigt.", 1),
        ("{{ 7 * 7 }} {% raw %} \" \\ # <b>", 1),
        ("I feel terrible today and do not know what to do.", 1),
        (long.as_str(), 1),
    ]
    .into_iter()
    .enumerate()
    {
        let mut desk = Desk::new();
        for _ in 0..i % 6 {
            desk.tick().await;
        }
        desk.mail(&["editor"], text);
        let asked = desk.tick;
        let said = desk.tick().await;
        assert!(said.iter().any(|line| line.starts_with("editor -> human: ")), "{text}: {said:?}");
        desk.settle().await;
        desk.assert_answered_once();
        assert_eq!(desk.files.keys().filter(|path| path.starts_with("shared/briefs/")).count(), briefs, "{text}");
        assert_eq!(desk.answers().len(), 1 + briefs, "{text}");
        assert!(desk.answers().iter().all(|answer| answer.tick.0 <= asked + 8), "{text}: an answer came late");
        assert!(desk.answers().iter().all(|answer| !answer.text().contains("49")), "a message is never a template");
    }
}

#[tokio::test]
async fn messages_that_come_together_get_numbers_of_their_own() {
    let mut desk = Desk::new();
    for text in ["Hello", "Why is the sky blue?", "Should we hire?", "How do I plan a move?"] {
        desk.mail(&["editor"], text);
    }
    desk.tick().await;
    desk.mail(&["editor"], "Who wrote this?");
    desk.settle().await;
    assert_eq!(desk.files.len(), 4 + 1, "{:?}", desk.files.keys());
    assert_eq!(desk.files["shared/index.md"].matches("\n- ").count(), 4);
    desk.assert_answered_once();
    let asked: BTreeSet<_> = desk.answers().iter().filter_map(|entry| entry.payload.get("brief")?.as_u64()).collect();
    assert_eq!(asked.len(), 4);
}

#[tokio::test]
async fn a_message_to_the_wrong_agent_is_passed_on_and_one_to_all_is_taken_up_once() {
    for to in [vec!["critic"], vec!["researcher"], vec!["writer"], vec!["archivist"], vec![], vec!["editor", "writer"]]
    {
        let mut desk = Desk::new();
        desk.mail(&to, "Should we open a second office?");
        desk.settle().await;
        desk.assert_answered_once();
        assert_eq!(desk.files.len(), 2, "{to:?}: {:?}", desk.files.keys());
    }
}

#[tokio::test]
async fn a_brief_that_cannot_be_filed_still_reaches_the_person() {
    let mut desk = Desk::new();
    desk.disk_full = true;
    desk.mail(&["editor"], &question());
    desk.settle().await;
    let last = desk.answers().last().expect("an answer").text();
    assert!(last.contains("The first step:") && last.contains("no space is left"), "{last}");
}

#[tokio::test]
async fn with_no_mail_at_all_the_desk_says_so_once() {
    let mut desk = Desk::new();
    let mut said = Vec::new();
    for _ in 0..60 {
        said.extend(desk.tick().await);
    }
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(desk.turns, 10);
}

#[tokio::test]
async fn every_rule_is_used() {
    let rules = json_file("script.json")["rules"].as_array().expect("rules").len();
    let mut used = BTreeSet::new();
    for (to, text) in [
        ("editor", "Hello"),
        ("editor", "Thanks"),
        ("editor", "Status"),
        ("editor", "Help"),
        ("editor", "..."),
        ("critic", "Who was it?"),
        ("editor", "Why?"),
        ("editor", "How do we begin?"),
        ("editor", "Tea or coffee?"),
        ("editor", "Tea"),
    ] {
        let mut desk = Desk::new();
        desk.mail(&[to], text);
        desk.settle().await;
        used.extend(desk.used);
    }
    for broken_at in [5, 6] {
        let mut desk = Desk::new();
        // Two at once, so that the archivist files two; then the disk is full for the writer or the archivist.
        desk.mail(&["editor"], "Tea?");
        desk.mail(&["editor"], "Coffee?");
        for tick in 1..=12 {
            desk.disk_full = tick == broken_at;
            desk.tick().await;
        }
        used.extend(desk.used);
    }
    let mut idle = Desk::new();
    idle.settle().await;
    used.extend(idle.used);
    let unused: Vec<_> = (0..rules).filter(|i| !used.contains(i)).collect();
    assert!(unused.is_empty(), "rules that nothing uses: {unused:?}");
}

/// What the scripted provider reads.
#[derive(Debug)]
struct StoredFiles(Store);

#[async_trait]
impl Files for StoredFiles {
    async fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let found = self.0.get_path(path).await.map_err(|error| error.to_string())?;
        found.map(|bytes| bytes.to_vec()).ok_or_else(|| "no such file".to_owned())
    }
}

#[tokio::test]
async fn the_engine_tells_the_same_story_and_charges_for_it() {
    let store = Store::new(Arc::new(InMemory::new()), Path::from("org"), true);
    let put = async |path: String, bytes: Vec<u8>| store.put_path(&path, Bytes::from(bytes)).await.expect("written");
    put("org.json".to_owned(), file("org.json")).await;
    for config in ["models.json", "script.json"] {
        put(format!("config/{config}"), file(config)).await;
    }
    for name in resumes().keys() {
        put(format!("agents/{name}/resume.json"), file(&format!("{name}/resume.json"))).await;
    }
    let mail = Mail {
        format: 1,
        id: Uuid::from_u128(1),
        from: AgentName::human(),
        recipients: Some(vec![name("editor")]),
        kind: Kind::Request,
        payload: Map::from_iter([("text".to_owned(), json!(question()))]),
        tags: Vec::new(),
        importance: Importance::Normal,
        reply_to: None,
        thread_id: None,
        sent_at: Timestamp::from_unix_ms(0),
        hops: 0,
    };
    put(Key::Mail(IngressName::new("m-1").expect("name")).path(), encode(&mail)).await;

    for (tick, who) in [
        (1, vec!["editor"]),
        (2, vec!["researcher"]),
        (3, vec!["critic"]),
        (4, vec!["editor"]),
        (5, vec!["writer"]),
        (6, vec!["archivist", "editor"]),
        (7, vec![]),
    ] {
        let context = Context {
            store: store.clone(),
            providers: Arc::new(Builtin::new(Arc::new(StoredFiles(store.clone())))),
            tools: tool::builtin(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            seed: Some(Seed(7)),
            stop: Stop::never(),
            terms: lemming::engine::Terms::default(),
            memo: Arc::default(),
            connector: Arc::new(lemming::tool::Unconnected),
            progress: Arc::new(Silent),
        };
        let outcome = run_tick(&context, Trigger::Invocation).await.expect("a tick");
        let Outcome::Ran(report) = outcome else {
            assert!(who.is_empty(), "tick {tick}: {outcome:?}");
            continue;
        };
        assert!(report.closed && report.problems.is_empty() && report.skipped.is_empty(), "tick {tick}: {report:?}");
        assert_eq!(report.due.iter().map(AgentName::as_str).collect::<Vec<_>>(), who, "tick {tick}");
        for turn in &report.turns {
            assert_eq!((turn.status, turn.violations), (Status::Ok, 0), "tick {tick}: {turn:?}");
            assert!(
                turn.cost_credits > Credits::from_micros(1_000) && turn.cost_credits < Credits::from_micros(20_000)
            );
        }
    }
    // The journal holds the call that asked for the file.
    let step: Option<StepRecord> = store.read(&Key::Step(Tick(5), name("writer"), 0)).await.expect("answer");
    assert!(step.is_some_and(|step| step.answer.contains("file_write")));
    // The archivist read the index before it wrote it: it was not there yet.
    let step: Option<StepRecord> = store.read(&Key::Step(Tick(6), name("archivist"), 1)).await.expect("answer");
    let step = step.expect("a second step");
    assert!(!step.results[0].ok && step.results[0].result == "there is no file shared/index.md", "{:?}", step.results);
    let text = async |path: &str| {
        let bytes = store.get_path(path).await.expect("answer").unwrap_or_else(|| panic!("{path} is missing"));
        String::from_utf8(bytes.to_vec()).expect("text")
    };
    assert!(text("shared/briefs/1.md").await.contains("Should we move our nightly backups"));
    assert!(text("shared/index.md").await.contains("[Brief 1]"));
    assert!(text("agents/editor/memory/delivered.json").await.contains("\"value\": [1]"));
    let state = load(&store).await.expect("state").state;
    for (name, agent) in &state.agents {
        assert_eq!(state.inbox(name, &agent.facts.reads).count(), 0, "{name} has unread mail");
    }
    assert!(state.budget.charged < Credits::from_micros(100_000), "the demo costs {}", state.budget.charged);
}
