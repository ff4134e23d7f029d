//! The JSON of each type of event, as clients rely on it: made from the records whose bytes are pinned in `tests/golden`.

use serde_json::Value;

use super::cursor::{Cursor, Part};
use super::derive::{self, Before};
use super::event::{MAX_EVENT_BYTES, Told, What};
use super::reset;
use crate::domain::time::{Tick, Timestamp};
use crate::record::closed::Closed;
use crate::record::decode;
use crate::record::plan::Plan;
use crate::record::state::State;
use crate::record::turn::TurnRecord;

const PLAN: &str = include_str!("../../../tests/golden/plan.v1.json");
const TURN: &str = include_str!("../../../tests/golden/turn.v1.json");
const FAILED: &str = include_str!("../../../tests/golden/turn_failed.v1.json");
const CHECKPOINT: &str = include_str!("../../../tests/golden/checkpoint.v1.json");
const CLOSED: &str = include_str!("../../../tests/golden/closed.v1.json");

fn time() -> Timestamp {
    Timestamp::from_unix_ms(1_800_000_000_000)
}

fn told(whats: Vec<What>) -> Vec<Told> {
    let begun = Cursor { tick: Tick(12), part: Part::Opening(0) };
    let all = whats.len();
    (1..).zip(whats).map(|(index, what)| Told::new(begun.opening(index, all), time(), what)).collect()
}

/// All that the records tell, and what no record does.
fn everything() -> Vec<Told> {
    let plan: Plan = decode(PLAN.as_bytes()).expect("a plan");
    let turn: TurnRecord = decode(TURN.as_bytes()).expect("a turn");
    let failed: TurnRecord = decode(FAILED.as_bytes()).expect("a turn");
    let closed: Closed = decode(CLOSED.as_bytes()).expect("a close");
    let mut state = State::founding();
    let mut whats = derive::opening(&plan, &state);
    whats.push(What::TurnStarted { agent: turn.agent.clone() });
    whats.extend(derive::ending(&turn, plan.time));
    whats.extend(derive::ending(&failed, plan.time));
    let known: State = decode(CHECKPOINT.as_bytes()).expect("a state");
    state.agents = known.agents;
    let known: State = decode(CHECKPOINT.as_bytes()).expect("a state");
    state.agents = known.agents;
    let before = Before::of(&closed, &state);
    let sha = crate::domain::ids::Sha::of(CLOSED.as_bytes());
    crate::engine::apply(&mut state, &closed, sha);
    whats.extend(derive::closing(&plan, &closed, &before, &state, plan.time));
    let mut events = told(whats);
    events.push(reset(Cursor::after(Tick(12)), time()));
    events
}

/// What clients rely on: whoever changes a line changes the API.
const PINNED: [(&str, &str); 10] = [
    (
        "tick_opened",
        r#"{"id":"1.12.o1","tick":12,"time":"2027-01-15T08:00:00.000Z","type":"tick_opened","clock":14,"trigger":{"kind":"slot","time":"2026-11-22T21:03:00.123Z"},"due":["ada"],"due_count":1,"skipped":[{"agent":"bob","reason":"broken_resume"}],"skipped_count":1}"#,
    ),
    (
        "turn_started",
        r#"{"id":"1.12.o16","tick":12,"time":"2027-01-15T08:00:00.000Z","type":"turn_started","agent":"ada"}"#,
    ),
    (
        "turn_committed",
        r#"{"id":"1.12.o28","tick":12,"time":"2027-01-15T08:00:00.000Z","type":"turn_committed","agent":"ada","status":"ok","cost_credits":0.034024,"duration_ms":95,"outcome":"ada read 1 and said 1, for 0.034024"}"#,
    ),
    (
        "turn_failed",
        r#"{"id":"1.12.o30","tick":12,"time":"2027-01-15T08:00:00.000Z","type":"turn_failed","agent":"ada","status":"failed","cost_credits":0,"duration_ms":95,"outcome":"ada failed: the runners ended (for 0.00)","reason":"crashed"}"#,
    ),
    (
        "message",
        r#"{"id":"1.12.o14","tick":12,"time":"2027-01-15T08:00:00.000Z","type":"message","message":{"position":"12.0.9","tick":12,"id":"01970000-0000-7000-8000-000000000001","from":"human","to":["ada"],"kind":"request","importance":"high","text":"Should we?","payload":{"text":"Should we?"},"tags":["urgent"],"reply_to":"01970000-0000-7000-8000-000000000007","thread_id":"01970000-0000-7000-8000-000000000006","created_at":"2026-11-22T21:03:00.123Z"}}"#,
    ),
    (
        "credit",
        r#"{"id":"1.12.o35","tick":12,"time":"2027-01-15T08:00:00.000Z","type":"credit","agent":"ada","balance":1.481952,"charged_credits":0.134024,"received_credits":0}"#,
    ),
    (
        "problem",
        r#"{"id":"1.12.o15","tick":12,"time":"2027-01-15T08:00:00.000Z","type":"problem","problem":{"kind":"broken_resume","agent":"bob","path":"agents/bob/resume.json","message":"expected a comma at line 3"}}"#,
    ),
    (
        "log",
        r#"{"id":"1.12.o2","tick":12,"time":"2027-01-15T08:00:00.000Z","type":"log","log":{"timestamp":"2026-11-22T21:03:00.123Z","level":"info","logger":"lemming.story","event":"command","message":"anna tops up ada by 1.00","tick":12,"agent":"ada","action":{"action":"top_up","agent":"ada","credits":1},"by":"anna"}}"#,
    ),
    (
        "tick_closed",
        r#"{"id":"1.12.t0","tick":12,"time":"2027-01-15T08:00:00.000Z","type":"tick_closed","clock":14,"cost_credits":0.268048,"turns":2}"#,
    ),
    (
        "reset",
        r#"{"id":"1.12","tick":12,"time":"2027-01-15T08:00:00.000Z","type":"reset","reason":"what happened since then is not told any more: load anew, and go on from here"}"#,
    ),
];

#[test]
fn each_type_looks_as_it_is_documented() {
    let events = everything();
    let first = |kind: &str| events.iter().find(|event| event.kind == kind).map(|event| event.json.as_str());
    for (kind, json) in PINNED {
        assert_eq!(first(kind), Some(json), "{kind}");
    }
    assert_eq!(PINNED.map(|(kind, _)| kind), What::TYPES);
    for event in &events {
        let id: Cursor = event.cursor.clone().expect("a cursor");
        let value: Value = serde_json::from_str(&event.json).expect("json");
        assert_eq!(value["id"], id.to_string());
    }
}

#[test]
fn no_event_is_long_whatever_models_and_people_write() {
    let long = "ä<\u{202e}\"".repeat(100_000);
    let plan: Plan = decode(PLAN.as_bytes()).expect("a plan");
    let mut turn: TurnRecord = decode(FAILED.as_bytes()).expect("a turn");
    turn.failure.as_mut().expect("a failure").message.clone_from(&long);
    turn.warnings.push(long.clone());
    let ok: TurnRecord = decode(TURN.as_bytes()).expect("a turn");
    turn.effects = ok.effects;
    for entry in &mut turn.effects.outbox {
        entry.payload.insert("text".to_owned(), long.clone().into());
        entry.tags.extend(std::iter::repeat_n(long.clone(), 20));
    }
    let mut plan = plan;
    plan.due = std::iter::repeat_n(plan.due[0].clone(), 20_000).collect();
    plan.problems.push(crate::record::state::Problem::new("x", long));
    let whats = derive::opening(&plan, &State::founding()).into_iter().chain(derive::ending(&turn, plan.time));
    let events = told(whats.collect());
    assert!(events.iter().filter(|event| event.json.contains("\"cut\":true")).count() >= 4);
    for event in events {
        // What is left of a text may need as much again to be escaped.
        assert!(event.json.len() <= 4 * MAX_EVENT_BYTES, "{} has {} bytes", event.kind, event.json.len());
        let value: Value = serde_json::from_str(&event.json).expect("json");
        assert_eq!(value["type"], event.kind);
        assert!(!event.json.contains('\n'), "it is one line");
    }
}
