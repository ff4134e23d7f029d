//! A past tick made again, whole; and one changed byte in any of the records that it was made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use lemming::domain::ids::Sha;
use lemming::domain::time::Tick;
use lemming::engine::{Code, Proof, Replaying, load_at, prove};
use lemming::provider::Providers;
use lemming::provider::replay::Replay;
use lemming::record::turn::TurnRecord;
use lemming::store::{Key, Store};
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::json;

use crate::world::World;

/// A world with all that a tick is made from: steps, files, blobs, memory, mail, commands, skips, births.
pub async fn world() -> World {
    let mut world = World::new(|request| {
        let view = &request.view;
        let tick = view.tick.0;
        let answer = match (view.agent.as_str(), view.step) {
            ("ada", 0) => json!({
                "tool_calls": [
                    {"tool": "file_write", "arguments": {"path": "shared/board.txt", "text": format!("board {tick}")}},
                    {"tool": "file_write", "arguments": {"path": "workspace/large.txt", "text": "x".repeat(200) + &tick.to_string()}},
                    {"tool": "memory_write", "arguments": {"key": "log", "value": tick, "operation": "append"}},
                    {"tool": "file_read", "arguments": {"path": "shared/plan.txt"}},
                ],
            }),
            ("ada", 1) => json!({"tool_calls": [{"tool": "file_read", "arguments": {"path": "workspace/large.txt"}}]}),
            (agent, step) => json!({
                "outbox_entries": [{"payload": {"text": format!("{agent} {tick} {step}: {}", view.inbox.len())}}],
                "memory_updates": [{"key": "seen", "op": "append", "value": view.inbox.len()}],
            }),
        };
        Ok(answer.to_string())
    });
    world.org["limits"] = json!({"max_inline_bytes": 100, "lease": "5ms"});
    world.org["memory"] = json!({"max_list_items": 2});
    world.found().await;
    let tools = json!(["file_read", "file_write", "memory_write"]);
    world.agent("ada", json!({"permissions": {"tools": tools}, "credits": {"max_credits": 5}})).await;
    world.agent("bob", json!({})).await;
    world.agent("cyd", json!({"schedule": {"run_every_n_ticks": 2}, "credits": {"max_credits": 0.0001}})).await;
    world
}

/// Lives so many ticks, with people at work.
pub async fn live(world: &World, ticks: u64) {
    for tick in 1..=ticks {
        world.raw.put_path("shared/plan.txt", format!("edit {tick} {}", "y".repeat(150)).into()).await.unwrap();
        world.mail(tick, "human", Some(&["bob"]), "hello").await;
        let told = json!({"action": "memory", "agent": "bob", "key": "told", "operation": "append", "value": tick});
        world.command(100 + tick, told).await;
        world.command(200 + tick, json!({"action": "top_up", "agent": "ada", "credits": 1})).await;
        let after = Sha::of(tick.to_string().as_bytes());
        let edited = json!({"action": "edited", "files": [{"path": "agents/cyd/resume.json", "after": after}]});
        world.command(300 + tick, edited).await;
        assert!(world.tick().await.closed);
    }
}

/// The proof of a tick over these objects.
async fn proof(objects: &BTreeMap<String, Bytes>, tick: u64, world: &World) -> Proof {
    let store = Store::new(Arc::new(InMemory::new()), Path::from("org"), true);
    for (path, bytes) in objects {
        store.put_path(path, bytes.clone()).await.unwrap();
    }
    let answers = |record: Arc<TurnRecord>| -> Arc<dyn Providers> { Arc::new(Replay::of(record)) };
    let with = Replaying { store, tools: world.tools.clone(), connector: world.connector.clone(), answers };
    prove(&with, Tick(tick), None).await.unwrap().expect("a planned tick")
}

#[tokio::test]
async fn every_tick_of_a_living_organisation_comes_out_the_same() {
    let world = world().await;
    live(&world, 19).await;
    let (before, calls) = (world.all().await, world.calls());
    for tick in 1..=19 {
        let proof = prove(&world.replaying(), Tick(tick), None).await.unwrap().expect("planned");
        assert!(proof.is_equal(), "tick {tick}: {:#?}", proof.findings);
        assert_eq!(proof.turns.len(), 2, "cyd cannot pay");
    }
    assert!(before.keys().any(|path| path.starts_with("blobs/")));
    assert!(world.plan(2).await.skipped.iter().any(|skipped| skipped.agent.as_str() == "cyd"));
    assert_eq!((world.all().await, world.calls()), (before, calls), "a proof writes nothing and calls nobody");
    assert!(prove(&world.replaying(), Tick(20), None).await.unwrap().is_none());
}

/// What tick 18 was made from: its own records, all that it rests on, and the checkpoint.
fn is_input(path: &str, pinned: &str) -> bool {
    match Key::parse(path) {
        Some(Key::Plan(at) | Key::Link(at, ..) | Key::Step(at, ..) | Key::Turn(at, _)) => at == Tick(18),
        Some(Key::Closed(at)) => (9..=18).contains(&at.0),
        Some(Key::Checkpoint(at)) => at == Tick(16),
        Some(Key::Input(sha) | Key::Blob(sha)) => pinned.contains(sha.as_str()),
        _ => false,
    }
}

#[tokio::test]
async fn one_changed_byte_in_any_record_that_a_tick_was_made_from_is_found() {
    let world = world().await;
    live(&world, 19).await;
    let objects = world.all().await;
    let text = |path: String| String::from_utf8_lossy(&objects[&path]).into_owned();
    let state = serde_json::to_string(&load_at(&world.raw, Tick(17)).await.unwrap()).unwrap();
    let pinned = text(Key::Plan(Tick(18)).path()) + &text("ticks/000000000018/turns/ada.json".to_owned()) + &state;
    let mut changed = BTreeMap::new();
    for (path, bytes) in objects.iter().filter(|(path, _)| is_input(path, &pinned)) {
        let last = bytes.len() - 1;
        let places = [0, 1, last / 7, last / 5, last / 3, last / 2, last * 2 / 3, last * 4 / 5, last];
        for place in places {
            let mut objects = objects.clone();
            let mut bytes = bytes.to_vec();
            bytes[place] ^= 1;
            objects.insert(path.clone(), bytes.into());
            let proof = proof(&objects, 18, &world).await;
            assert!(!proof.is_equal(), "byte {place} of {path} was changed, and nothing was said");
            let is_named = proof.findings.iter().any(|finding| finding.path == *path);
            assert!(is_named, "byte {place} of {path}: another record is named: {:#?}", proof.findings);
        }
        *changed.entry(path.split('/').next().unwrap().to_owned()).or_insert(0) += 1;
    }
    assert_eq!(changed.keys().map(String::as_str).collect::<Vec<_>>(), ["blobs", "checkpoints", "inputs", "ticks"]);
    assert!(changed["ticks"] >= 17 && changed["inputs"] >= 3, "{changed:?}");
}

#[tokio::test]
async fn a_missing_record_is_named() {
    let world = world().await;
    live(&world, 10).await;
    let objects = world.all().await;
    for path in [
        "ticks/000000000010/plan.json",
        "ticks/000000000010/shards/0/0001.json",
        "ticks/000000000010/steps/ada/0.json",
        "ticks/000000000010/turns/bob.json",
        "ticks/000000000009/closed.json",
        &Key::Input(world.plan(10).await.org).path(),
    ] {
        let mut objects = objects.clone();
        objects.remove(path).expect("it was there");
        let proof = proof(&objects, 10, &world).await;
        let found: Vec<_> = proof.findings.iter().filter(|finding| finding.path == path).collect();
        assert!(!found.is_empty(), "{path}: {:#?}", proof.findings);
    }
}

#[tokio::test]
async fn a_forged_tick_whose_hashes_all_fit_does_not_follow_from_its_inputs() {
    let world = world().await;
    live(&world, 3).await;
    let mut objects = world.all().await;
    // A grant that the plan should not have given, with every hash above it made to fit.
    let mut plan = world.plan(3).await;
    plan.due[0].grant_credits += lemming::domain::credits::Credits::whole(1);
    let bytes = Bytes::from(lemming::record::encode(&plan));
    let mut closed = world.closed(3).await;
    closed.plan = lemming::domain::ids::Sha::of(&bytes);
    objects.insert(Key::Plan(Tick(3)).path(), bytes);
    objects.insert(Key::Closed(Tick(3)).path(), lemming::record::encode(&closed).into());
    let proof = proof(&objects, 3, &world).await;
    let found: Vec<_> = proof.findings.iter().map(|found| (found.code, found.difference.clone())).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, Code::WrongPlan);
    assert_eq!(found[0].1.as_ref().map(|difference| difference.pointer.as_str()), Some("/due/0/grant_credits"));
}

#[tokio::test]
async fn an_open_tick_is_proven_as_far_as_it_goes() {
    let world = world().await;
    live(&world, 3).await;
    let mut objects = world.all().await;
    objects.remove(&Key::Closed(Tick(3)).path());
    let whole = proof(&objects, 3, &world).await;
    assert!(whole.is_equal() && whole.closed.is_none(), "{:#?}", whole.findings);
    let turn = "ticks/000000000003/turns/bob.json";
    let mut changed = world.turn(3, "bob").await;
    changed.effects.outbox[0].payload.insert("text".to_owned(), json!("forged"));
    objects.insert(turn.to_owned(), lemming::record::encode(&changed).into());
    let found = proof(&objects, 3, &world).await;
    assert!(found.findings.iter().any(|found| found.path == turn && found.code == Code::WrongTurn), "{found:#?}");
}
