//! The bytes of every record, pinned: `tests/golden/<record>.v<format>.json`.
//!
//! A change that breaks this breaks organisations that exist. Where the change is meant, write a
//! new format and keep the old file; for a field that older versions may ignore, run
//! `UPDATE_GOLDEN=1 cargo test --test golden` and look at the difference.

#![allow(clippy::disallowed_methods, reason = "the variable says whether the files are rewritten")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use lemming::domain::archive::{ArchiveFile, Archived, Because};
use lemming::domain::contract::{ToolCall, Violation};
use lemming::domain::credits::Credits;
use lemming::domain::ids::{Seed, Sha};
use lemming::domain::ingress::{Action, Author, Control, EditedFile, Mail};
use lemming::domain::memory::{MemoryFile, Operation};
use lemming::domain::model::{Price, Usage};
use lemming::domain::name::{AgentName, IngressName, MemoryKey, ModelKey, RunnerId};
use lemming::domain::org::{ForkedFrom, Visibility};
use lemming::domain::outbox::{Importance, Kind, Meta, OutboxEntry};
use lemming::domain::pace::{Anchor, Span};
use lemming::domain::position::Position;
use lemming::domain::prompt::{Message, Role};
use lemming::domain::resume::{ReadList, Resume};
use lemming::domain::schedule::{Schedule, When};
use lemming::domain::time::{Clock, Tick, Timestamp};
use lemming::engine::Head;
use lemming::record::approval::{
    ApprovedCall, CallResult, Decision, Outcome, Pending, Question, Settled, Verdict, Waiting,
};
use lemming::record::chain::{self, Extension, LicenceId, Link};
use lemming::record::closed::{Born, Closed, FileFold, TurnFold};
use lemming::record::delivery::{self, Delivered, Fate, GivenUp, Headway, LastDelivered};
use lemming::record::erased::{Collected, Erasing};
use lemming::record::plan::{
    Admitted, Cause, ClockRange, Credited, Due, Found, Item, Plan, SkipReason, Skipped, Trigger,
};
use lemming::record::recording::{ForkMark, RecordedTick, Recording};
use lemming::record::state::{
    Account, AgentState, BudgetState, Charge, Facts, FileState, LastTurn, MailFailures, Problem, State, Unread,
};
use lemming::record::step::StepRecord;
use lemming::record::turn::{
    Beside, Content, Effects, Exchange, Failure, FailureKind, FileChange, MemoryChange, NewAgent, Read, Receipt, Spent,
    Status, ToolResult, TurnRecord,
};
use lemming::record::{Nonce, Record, RecordError, canonical, decode, encode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.json"))
}

/// Compares bytes with the committed ones, or writes these.
fn pinned(name: &str, bytes: &[u8]) {
    let path = path(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().expect("folder")).expect("folder");
        fs::write(&path, bytes).expect("written");
    }
    let committed = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    assert_eq!(text(bytes), text(&committed), "{name}: the bytes have changed");
}

/// Pins a record: its bytes, that they read back, and that a newer format is refused.
fn check<R: Record + PartialEq + Debug>(name: &str, record: &R) {
    let bytes = encode(record);
    pinned(&format!("{name}.v{}", R::FORMAT), &bytes);
    let read: R = decode(&bytes).expect("a record");
    assert_eq!(&read, record, "{name} does not read back");
    assert_eq!(encode(&read), bytes, "{name} is written differently when read back");

    let mut newer: Value = serde_json::from_slice(&bytes).expect("JSON");
    newer["format"] = json!(R::FORMAT + 1);
    refused_as_newer::<R>(&newer);
    // Whatever else has changed in it.
    refused_as_newer::<R>(&json!({"format": R::FORMAT + 1, "all": "new"}));
    let broken = decode::<R>(br#"{"format": 1, "all": "new"}"#);
    assert!(matches!(broken, Err(RecordError::Malformed { .. })), "{name}: {broken:?}");
}

fn refused_as_newer<R: Record + Debug>(value: &Value) {
    let read = decode::<R>(&canonical::to_bytes(value));
    assert!(matches!(read, Err(RecordError::Newer { found, .. }) if found == R::FORMAT + 1), "{read:?}");
}

fn name(name: &str) -> AgentName {
    AgentName::new(name).expect("name")
}

fn key(key: &str) -> MemoryKey {
    MemoryKey::new(key).expect("key")
}

fn runner() -> RunnerId {
    RunnerId::new("r-7f3a").expect("runner id")
}

fn nonce() -> Nonce {
    Nonce("5d41402abc4b2a76".to_owned())
}

fn sha(of: &str) -> Sha {
    Sha::of(of.as_bytes())
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000 + n)
}

fn micros(micros: u64) -> Credits {
    Credits::from_micros(micros)
}

fn time() -> Timestamp {
    Timestamp::from_unix_ms(1_795_381_380_123)
}

fn anchor() -> Anchor {
    let every: Span = "5m".parse().expect("span");
    Anchor { every, t0: Timestamp::from_unix_ms(1_795_381_200_000), c0: Clock(11) }
}

fn facts() -> Facts {
    let schedule = Schedule {
        run_every_n_ticks: NonZeroU64::new(3).expect("period"),
        phase_offset: -1,
        when: When::OnMessage,
        extra: Map::new(),
    };
    Facts {
        enabled: true,
        schedule,
        reads: ReadList::of(vec![name("bob")]),
        max_credits: Credits::whole(2),
        opening_credits: Some(Credits::whole(1)),
    }
}

fn problem() -> Problem {
    Problem::new("broken_resume", "expected a comma at line 3").of(&name("bob")).at("agents/bob/resume.json")
}

fn mail() -> Mail {
    Mail {
        format: 1,
        id: id(1),
        from: AgentName::human(),
        recipients: Some(vec![name("ada")]),
        kind: Kind::Request,
        payload: Map::from_iter([("text".to_owned(), json!("Should we?"))]),
        tags: vec!["urgent".to_owned()],
        importance: Importance::High,
        reply_to: Some(id(7)),
        thread_id: Some(id(6)),
        sent_at: time(),
        hops: 0,
    }
}

fn control(action: Action) -> Control {
    Control { format: 1, by: Author("anna".to_owned()), sent_at: time(), action }
}

fn entry() -> OutboxEntry {
    OutboxEntry {
        id: Seed(42).entry_id(Tick(12), &name("ada"), 0),
        tick: Tick(12),
        agent: name("ada"),
        kind: Kind::Response,
        payload: Map::from_iter([("brief".to_owned(), json!(1)), ("text".to_owned(), json!("Yes, \"ä\".\n"))]),
        tags: vec!["brief".to_owned()],
        recipients: Some(vec![name("bob"), AgentName::human()]),
        created_at: time(),
        meta: Meta {
            thread_id: Some(id(1)),
            reply_to: Some(id(1)),
            hops: 1,
            importance: Importance::Normal,
            extra: Map::from_iter([("mood".to_owned(), json!("calm"))]),
        },
    }
}

fn usage() -> Usage {
    Usage { input_tokens: 1_200, cached_input_tokens: 1_000, output_tokens: 80, ..Usage::default() }
}

fn receipt() -> Receipt {
    Receipt {
        model: ModelKey::new("desk").expect("key"),
        provider: "scripted".to_owned(),
        model_name: "rules".to_owned(),
        reported_model: Some("rules-1".to_owned()),
        response_id: Some("resp_1".to_owned()),
        usage: Some(usage()),
        price: Price {
            input: micros(500_000),
            cached_input: Some(micros(50_000)),
            cache_write_input: Some(micros(625_000)),
            as_of: Some("2026-11-20".to_owned()),
            output: Credits::whole(2),
            request: micros(10),
        },
        cost_credits: micros(320),
        duration_ms: 41,
        attempts: 1,
        by: runner(),
        request: Some(sha("request")),
        reused: true,
        beside: Some(Beside { paid: micros(320), unanswered: micros(900) }),
    }
}

fn results() -> Vec<ToolResult> {
    vec![ToolResult {
        call: Some(id(81)),
        unknown: true,
        waits: true,
        id: Some("call_1".to_owned()),
        tool: "file_write".to_owned(),
        arguments: json!({"path": "shared/a.md", "text": "A"}),
        ok: true,
        result: json!({"path": "shared/a.md", "bytes": 1}),
    }]
}

fn calls() -> Vec<ToolCall> {
    vec![ToolCall {
        id: Some("call_1".to_owned()),
        tool: "file_write".to_owned(),
        arguments: json!({"path": "shared/a.md", "text": "A"}),
    }]
}

fn prompt() -> Vec<Message> {
    vec![Message::new(Role::System, "You are one agent."), Message::new(Role::User, "# New for you")]
}

fn imports() -> Vec<FileChange> {
    vec![FileChange {
        path: "agents/ada/memory/plan.json".to_owned(),
        content: Content::Text("{}".to_owned()),
        sha256: Some(sha("{}")),
    }]
}

fn violations() -> Vec<Violation> {
    vec![Violation { pointer: "/outbox_entries/0/to".to_owned(), message: "there is no \"bod\": dropped".to_owned() }]
}

fn child() -> Resume {
    let resume = json!({
        "name": "cleo", "title": "Clerk", "short_description": "Files.", "instructions": "File.",
        "model": {"key": "desk", "temperature": 0.5, "max_tokens": 256},
        "permissions": {"read_outboxes": ["*"], "send_outboxes": ["ada"], "tools": ["file_read"]},
        "schedule": {"run_every_n_ticks": 2, "phase_offset": 1, "when": "always"},
        "credits": {"max_credits": 1, "soft_cap": 0.25, "soft_cap_model": "frugal"},
        "limits": {"max_steps": 2},
        "memory": {"max_list_items": 50, "archive_after_ticks": 90, "max_prompt_bytes": 4096, "pinned": ["plan"]},
        "colour": "kept",
    });
    serde_json::from_value(resume).expect("resume")
}

fn effects() -> Effects {
    Effects {
        outbox: vec![entry()],
        memory: vec![
            MemoryChange { key: key("count"), operation: Operation::Set, value: Some(json!(3)) },
            MemoryChange { key: key("old"), operation: Operation::Delete, value: None },
        ],
        archive: vec![
            Archived { key: key("log"), because: Because::Overflow, value: json!(["first", "second"]) },
            Archived { key: key("old"), because: Because::Age, value: json!({"a": 1}) },
        ],
        files: vec![
            FileChange {
                path: "shared/a.md".to_owned(),
                content: Content::Text("A".to_owned()),
                sha256: Some(sha("A")),
            },
            FileChange {
                path: "agents/ada/workspace/big.csv".to_owned(),
                content: Content::Blob(sha("big")),
                sha256: Some(sha("big")),
            },
            FileChange { path: "shared/gone.md".to_owned(), content: Content::Deleted, sha256: None },
        ],
        creates: vec![NewAgent { resume: child(), credits: micros(250_000) }],
    }
}

fn plan() -> Plan {
    let admitted = |n: u128, item| Admitted { name: IngressName::new(id(n).to_string()).expect("name"), item };
    Plan {
        tools: Some(sha("tools")),
        tools_lock: Some(sha("tools lock")),
        decisions: vec![decision()],
        format: 1,
        erased: None,
        nonce: nonce(),
        by: runner(),
        tick: Tick(12),
        clock: Clock(14),
        time: time(),
        trigger: Trigger::Slot { time: time() },
        range: Some(ClockRange { from: Clock(13), to: Clock(14) }),
        anchor: Some(anchor()),
        seed: Seed(42),
        visibility: Visibility::Ordered,
        prompt_version: 1,
        previous: Some(sha("closed 11")),
        org: sha("org"),
        models: sha("models"),
        budget_window: "2026-11-22".to_owned(),
        found: BTreeMap::from([
            (name("ada"), Found::Resume { resume: sha("ada"), facts: facts() }),
            (name("bob"), Found::Broken),
            (name("cleo"), Found::Gone),
        ]),
        due: vec![Due {
            agent: name("ada"),
            rank: 1,
            because: Cause::Mail,
            resume: sha("ada"),
            call_credits: micros(32_384),
            least_credits: micros(33_384),
            attempt_credits: micros(100_000),
            grant_credits: micros(300_000),
        }],
        skipped: vec![Skipped { agent: name("bob"), reason: SkipReason::BrokenResume }],
        shards: vec![vec![name("ada")]],
        ingress: vec![
            admitted(2, Item::Control(control(Action::TopUp { agent: Some(name("ada")), credits: Credits::whole(1) }))),
            admitted(3, Item::Control(control(Action::Pause { agent: None }))),
            admitted(4, Item::Control(control(Action::Resume { agent: Some(name("bob")) }))),
            admitted(
                5,
                Item::Control(control(Action::Memory {
                    agent: name("ada"),
                    key: key("count"),
                    operation: Operation::Set,
                    value: json!(2),
                })),
            ),
            admitted(
                6,
                Item::Control(control(Action::Archive {
                    agent: name("ada"),
                    key: key("log"),
                    keep: NonZeroU32::new(1),
                    unchanged_since: None,
                })),
            ),
            admitted(
                7,
                Item::Control(control(Action::PutBack {
                    agent: name("ada"),
                    key: key("log"),
                    items: vec![json!("first")],
                })),
            ),
            admitted(
                8,
                Item::Control(control(Action::Archive {
                    agent: name("ada"),
                    key: key("old"),
                    keep: None,
                    unchanged_since: Some(Tick(3)),
                })),
            ),
            admitted(
                9,
                Item::Control(control(Action::RestoreFile { path: "shared/notes.md".to_owned(), tick: Tick(2) })),
            ),
            admitted(
                10,
                Item::Control(control(Action::Edited {
                    files: vec![
                        EditedFile {
                            path: "agents/ada/resume.json".to_owned(),
                            before: Some(sha("ada")),
                            after: Some(sha("new")),
                        },
                        EditedFile { path: "removed/cleo.json".to_owned(), before: None, after: Some(sha("cleo")) },
                        EditedFile {
                            path: "agents/cleo/resume.json".to_owned(),
                            before: Some(sha("cleo")),
                            after: None,
                        },
                    ],
                })),
            ),
            admitted(1, Item::Mail(mail())),
        ],
        forgotten: vec![IngressName::new("018f-old").expect("name")],
        credited: vec![
            Credited { agent: Some(name("ada")), credits: micros(900_000) },
            Credited { agent: None, credits: Credits::whole(1) },
        ],
        memory: BTreeMap::from([(
            name("ada"),
            vec![
                MemoryChange { key: key("count"), operation: Operation::Set, value: Some(json!(2)) },
                MemoryChange { key: key("log"), operation: Operation::Set, value: Some(json!(["first", "third"])) },
                MemoryChange { key: key("old"), operation: Operation::Delete, value: None },
            ],
        )]),
        archive: BTreeMap::from([(
            name("ada"),
            vec![
                Archived { key: key("log"), because: Because::Overflow, value: json!(["second"]) },
                Archived { key: key("old"), because: Because::Command, value: json!({"a": 1}) },
            ],
        )]),
        files: vec![
            FileChange {
                path: "shared/notes.md".to_owned(),
                content: Content::Text("as it was".to_owned()),
                sha256: Some(sha("as it was")),
            },
            FileChange { path: "shared/new.md".to_owned(), content: Content::Deleted, sha256: None },
        ],
        problems: vec![problem()],
    }
}

/// A call that waits for a person's yes.
fn question() -> Question {
    Question {
        id: id(80),
        tool: "files__write_file".to_owned(),
        permission: "mcp:files/write_file".to_owned(),
        arguments: json!({"path": "/out/report.md", "content": "Done."}),
        arguments_sha256: sha("arguments"),
        worth_credits: Some(Credits::whole(3)),
        purpose: Some("To hand in the report.".to_owned()),
        expires_at: time(),
    }
}

/// An answer that one had waited for.
fn settled() -> Vec<Settled> {
    vec![Settled {
        id: id(79),
        tool: "files__write_file".to_owned(),
        arguments: json!({"path": "/out/draft.md"}),
        verdict: Verdict::Approved,
        by: Some(Author("anna".to_owned())),
        outcome: Outcome::Made,
        ok: true,
        result: json!({"text": "written"}),
    }]
}

fn decision() -> Decision {
    Decision {
        approval: id(79),
        agent: name("ada"),
        verdict: Verdict::Approved,
        by: Some(Author("anna".to_owned())),
        command: Some(IngressName::new("0197-a").expect("name")),
        arguments: Some(json!({"path": "/out/draft.md"})),
        reason: Some("in another place".to_owned()),
    }
}

fn link(what: Extension) -> Link {
    Link { format: 1, nonce: nonce(), by: runner(), what }
}

fn turn() -> TurnRecord {
    TurnRecord {
        answered: settled(),
        waiting: vec![question()],
        format: 1,
        erased: None,
        nonce: nonce(),
        by: runner(),
        tick: Tick(12),
        agent: name("ada"),
        rank: 1,
        status: Status::Ok,
        failure: None,
        licence: Some(LicenceId { shard: 0, seq: 0 }),
        spent: Spent { paid: micros(640), unanswered: micros(32_384), action: micros(1_000) },
        resume: sha("ada"),
        prompt_version: 1,
        inbox: vec![Read { position: Position::new(Tick(12), 0, 4), id: id(1), from: AgentName::human() }],
        inbox_end: Position::end_of_rank(Tick(12), 1),
        imports: imports(),
        edits_at_start: 1,
        edits_found_after: vec![1],
        unimported: Vec::new(),
        prompt: prompt(),
        exchanges: vec![
            Exchange { answer: "One moment.".to_owned(), tool_calls: calls(), receipt: receipt(), results: results() },
            Exchange { answer: "{}".to_owned(), tool_calls: Vec::new(), receipt: receipt(), results: Vec::new() },
        ],
        journal: vec![sha("step")],
        embeddings: Vec::new(),
        template: Some(sha("template")),
        effects: effects(),
        notes: Some("Done.".to_owned()),
        violations: violations(),
        warnings: vec!["the balance 0.40 is below the soft cap 0.50".to_owned()],
        started_at: time(),
        duration_ms: 95,
    }
}

fn failed_turn() -> TurnRecord {
    TurnRecord {
        status: Status::Failed,
        failure: Some(Failure {
            kind: FailureKind::Crashed,
            message: "the runners ended".to_owned(),
            model: Some(ModelKey::new("frugal").expect("key")),
        }),
        licence: None,
        spent: Spent::default(),
        imports: Vec::new(),
        embeddings: vec![receipt()],
        unimported: imports(),
        exchanges: Vec::new(),
        effects: Effects::default(),
        waiting: Vec::new(),
        notes: None,
        violations: Vec::new(),
        warnings: Vec::new(),
        ..turn()
    }
}

fn step() -> StepRecord {
    StepRecord {
        answered: settled(),
        format: 1,
        nonce: nonce(),
        by: runner(),
        tick: Tick(12),
        agent: name("ada"),
        step: 0,
        prompt: prompt(),
        imports: imports(),
        results: results(),
        effects: effects(),
        violations: violations(),
        answer: "One moment.".to_owned(),
        tool_calls: calls(),
        receipt: receipt(),
    }
}

fn unread() -> Unread {
    Unread {
        position: Position::new(Tick(12), 0, 4),
        id: id(1),
        from: AgentName::human(),
        mail: true,
        to: Some(vec![name("ada")]),
        clock: Clock(14),
        hops: 1,
    }
}

fn charge() -> Charge {
    Charge { paid: micros(1_640), unanswered: micros(32_384), forfeited: micros(100_000) }
}

fn closed() -> Closed {
    let turn = |status, cursor, blamed, dead_letters| TurnFold {
        waiting: vec![Pending {
            id: id(80),
            tool: "files__write_file".to_owned(),
            arguments_sha256: sha("arguments"),
            expires_at: time(),
        }],
        answered: vec![id(79)],
        sha256: sha("turn"),
        status,
        charge: charge(),
        cursor,
        blamed,
        unreached: (status == Status::Failed).then(|| ModelKey::new("frugal").expect("key")),
        dead_letters,
    };
    let end = Position::end_of_rank(Tick(12), 1);
    Closed {
        tools: Some(sha("tools")),
        tools_lock: Some(sha("tools lock")),
        decided: [(id(79), Verdict::Approved)].into(),
        format: 1,
        tick: Tick(12),
        clock: Clock(14),
        time: time(),
        previous: Some(sha("closed 11")),
        plan: sha("plan"),
        chains: vec![vec![sha("hold"), sha("seal")]],
        anchor: Some(anchor()),
        org: sha("org"),
        models: sha("models"),
        found: BTreeMap::from([(name("cleo"), Found::Gone)]),
        turns: BTreeMap::from([
            (name("ada"), turn(Status::Ok, Some(end), None, Vec::new())),
            (name("bob"), turn(Status::Failed, Some(end), Some(end), vec![Position::new(Tick(9), 2, 0)])),
        ]),
        born: BTreeMap::from([(
            name("dora"),
            Born {
                by: name("ada"),
                resume: sha("dora"),
                facts: facts(),
                credits: micros(250_000),
                cursor: Position::end_of_rank(Tick(12), 0),
            },
        )]),
        budget_window: "2026-11-22".to_owned(),
        credited: vec![Credited { agent: None, credits: Credits::whole(1) }],
        paused: Some(true),
        paused_agents: BTreeMap::from([(name("bob"), false)]),
        entries: vec![unread()],
        max_outbox_age_ticks: 100,
        files: vec![
            FileFold { path: "shared/a.md".to_owned(), sha256: Some(sha("A")), agent: Some(name("ada")) },
            FileFold { path: "agents/ada/memory/old.json".to_owned(), sha256: None, agent: None },
        ],
        admitted: vec![IngressName::new(id(1).to_string()).expect("name")],
        forgotten: vec![IngressName::new("018f-old").expect("name")],
        problems: vec![problem()],
    }
}

fn state() -> State {
    let agent = AgentState {
        present: true,
        broken: true,
        paused: true,
        resume: sha("ada"),
        facts: facts(),
        account: Account { balance: micros(1_865_976), received: Credits::whole(2), charged: charge() },
        cursor: Position::end_of_rank(Tick(12), 1),
        last_turn: Some(LastTurn {
            tick: Tick(12),
            status: Status::Failed,
            clock: Some(Clock(12)),
            unreached: Some(ModelKey::new("frugal").expect("key")),
        }),
        turns: 7,
        failures: 2,
        mail_failures: Some(MailFailures { count: 2, first_inbox_end: Position::end_of_rank(Tick(11), 1) }),
    };
    State {
        tools: Some(sha("tools")),
        tools_lock: Some(sha("tools lock")),
        approvals: [(
            id(79),
            Waiting {
                agent: name("ada"),
                tick: Tick(11),
                tool: "files__write_file".to_owned(),
                arguments_sha256: sha("arguments"),
                expires_at: time(),
                verdict: Some(Verdict::Approved),
                decided: Some(Tick(12)),
            },
        )]
        .into(),
        format: 1,
        tick: Tick(12),
        clock: Clock(14),
        time: Some(time()),
        closed: Some(sha("closed 12")),
        anchor: Some(anchor()),
        org: Some(sha("org")),
        models: Some(sha("models")),
        paused: false,
        agents: BTreeMap::from([(name("ada"), agent)]),
        budget: BudgetState { window: "2026-11-22".to_owned(), charged: micros(134_024), topped_up: Credits::whole(1) },
        unread: vec![unread()],
        files: BTreeMap::from([(
            "shared/a.md".to_owned(),
            FileState {
                sha256: Some(sha("A")),
                tick: Tick(12),
                agent: Some(name("ada")),
                deleted: Some(Tick(3)),
                versions: [sha("a").short().to_owned(), sha("A").short().to_owned()].into(),
            },
        )]),
        admitted: BTreeMap::from([(IngressName::new(id(1).to_string()).expect("name"), Tick(12))]),
        problems: vec![problem()],
    }
}

#[test]
fn plans() {
    check("plan", &plan());
    let wake = Plan {
        trigger: Trigger::Wake { named: vec![name("ada")] },
        range: None,
        anchor: None,
        previous: None,
        memory: BTreeMap::new(),
        ..plan()
    };
    check("plan_wake", &wake);
    check("plan_invocation", &Plan { trigger: Trigger::Invocation, anchor: None, ingress: Vec::new(), ..wake });
}

#[test]
fn links() {
    check("link_hold", &link(Extension::Hold { start: vec![name("ada"), name("bob")] }));
    let settled = chain::Settled { seq: 0, agent: name("bob"), paid: micros(640), unanswered: micros(32_384) };
    check("link_release", &link(Extension::Release { spent: vec![settled] }));
    check("link_seal", &link(Extension::Seal));
}

#[test]
fn turns() {
    check("turn", &turn());
    check("turn_failed", &failed_turn());
    check("turn_erased", &turn().stub(sha("turn")));
    let collected = Collected { turns: Tick(8), steps: Tick(9), outbox: Tick(10), ..Collected::nothing() };
    check("collected", &collected);
    let erasing = Erasing {
        format: 1,
        what: "agent ada in tick 12".to_owned(),
        ids: [id(7)].into(),
        texts: ["a secret text".to_owned()].into(),
        blobs: [sha("blob")].into(),
    };
    check("erasing", &erasing);
}

#[test]
fn steps() {
    check(
        "approved_call",
        &ApprovedCall {
            format: 1,
            nonce: nonce(),
            by: runner(),
            tick: Tick(12),
            agent: name("ada"),
            approval: id(79),
            arguments_sha256: Some(sha("arguments")),
        },
    );
    check(
        "call_result",
        &CallResult { format: 1, by: runner(), call: id(79), ok: true, result: json!({"text": "written"}) },
    );
    check("step", &step());
}

#[test]
fn what_a_fork_carries() {
    let usage = Some(usage());
    let recording = Recording {
        format: 1,
        tick: Tick(13),
        agent: name("ada"),
        step: 1,
        model: ModelKey::new("desk").expect("key"),
        answer: "One moment.".to_owned(),
        tool_calls: calls(),
        usage,
        reported_model: Some("rules-1".to_owned()),
        response_id: Some("resp_1".to_owned()),
    };
    check("recorded_answer", &recording);
    let trigger = Trigger::Slot { time: time() };
    check("recorded_tick", &RecordedTick { format: 1, tick: Tick(13), trigger, time: time(), seed: Seed(7) });
    let forked_from = ForkedFrom {
        store: Some("s3://bucket/org".to_owned()),
        name: "What if".to_owned(),
        known_as: "Newsroom".to_owned(),
        tick: Tick(12),
        sha256: sha("closed"),
        recorded_until: Tick(20),
    };
    check("fork_mark", &ForkMark { format: 1, forked_from });
}

#[test]
fn closed_records() {
    check("closed", &closed());
}

#[test]
fn checkpoints() {
    check("checkpoint", &state());
    check("checkpoint_founding", &State::founding());
}

#[test]
fn deliveries() {
    let rule = key("reports");
    let settled = |n, fate, error: Option<&str>| lemming::record::delivery::Settled {
        id: id(n),
        fate,
        at: time(),
        error: error.map(str::to_owned),
    };
    let error = "the receiver answered 500";
    let record = Delivered {
        format: 1,
        nonce: nonce(),
        rule,
        tick: Tick(12),
        settled: vec![
            settled(1, Fate::Delivered, None),
            settled(2, Fate::GivenUp, Some(error)),
            settled(3, Fate::Erased, None),
        ],
    };
    check("delivery", &record);
    let hint = Headway {
        format: 1,
        next: Tick(14),
        pending: vec![delivery::Pending {
            tick: Tick(13),
            settled: vec![settled(4, Fate::Delivered, None)],
            left: 2,
            attempts: 3,
            not_before: Some(time()),
            error: Some(error.to_owned()),
        }],
        failures: 3,
        not_before: Some(time()),
        given_up: vec![GivenUp { tick: Tick(12), count: 1, at: time(), error: error.to_owned() }],
        last: Some(LastDelivered { tick: Tick(13), at: time() }),
    };
    check("delivery_hint", &hint);
    check("delivery_hint_new", &Headway::from(Tick(1)));
}

#[test]
fn heads() {
    check("head", &Head { format: 1, tick: Tick(12), probed: vec!["5f70bf18a0860070".to_owned()] });
}

/// Views and ingress are written by the same canonical function, and read by people and programs.
#[test]
fn views_and_ingress() {
    pinned("outbox_entry", &encode(&entry()));
    let memory = MemoryFile {
        key: key("count"),
        value: json!({"n": 3}),
        timestamp_utc: time(),
        agent: name("ada"),
        operation: Operation::Merge,
        tick: Tick(12),
        stamp: String::new(),
    }
    .stamped();
    pinned("memory_file", &encode(&memory));
    let read: MemoryFile = serde_json::from_slice(&encode(&memory)).expect("a memory file");
    assert!(read.is_ours());
    pinned("mail", &encode(&mail()));
    pinned("control", &encode(&control(Action::TopUp { agent: Some(name("ada")), credits: micros(500_000) })));
    let archived = ArchiveFile {
        key: key("log"),
        value: json!(["first", "second"]),
        because: Because::Overflow,
        timestamp_utc: time(),
        agent: name("ada"),
        tick: Tick(12),
        part: 0,
    };
    pinned("archive_file", &encode(&archived));
    let read: ArchiveFile = serde_json::from_slice(&encode(&archived)).expect("an archive file");
    assert_eq!(read, archived);
}
