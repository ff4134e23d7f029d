//! What one turn may leave: whatever a model or its programs do, records keep a size that a store and a reader can bear.

use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use lemming::domain::memory::Operation;
use lemming::domain::name::MemoryKey;
use lemming::record::encode;
use lemming::record::turn::Content;
use lemming::tool::limits::{
    MAX_AGENTS, MAX_CHANGED_FILE_BYTES, MAX_CHANGED_FILES, MAX_CHANGED_MEMORY_BYTES, MAX_INLINE_IMPORT_BYTES,
    MAX_MEMORY_KEYS,
};
use lemming::tool::{CallFailure, Desk, Tool};
use serde_json::{Value, json};

use crate::audit::Expect;
use crate::tools::{Steps, call, results};
use crate::world::World;

/// A tool that does as much as it is let do, as a program or a model in a loop may, and says how much that was.
#[derive(Debug)]
struct Flood;

#[async_trait]
impl Tool for Flood {
    fn name(&self) -> &'static str {
        "flood"
    }
    fn description(&self) -> &'static str {
        "Does something again and again."
    }
    fn arguments(&self) -> Value {
        json!({"type": "object"})
    }
    async fn call(&self, arguments: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let number = |name: &str| usize::try_from(arguments[name].as_u64().unwrap()).unwrap();
        let (from, times, bytes) = (number("from"), number("times"), number("bytes"));
        let text = "x".repeat(bytes);
        for i in from..from + times {
            let key = |i: usize| MemoryKey::new(format!("k{i}")).unwrap();
            let done = match arguments["what"].as_str().unwrap() {
                "files" => desk.write_file(&format!("workspace/{i}.txt"), text.clone()).await,
                "reads" => desk.read_file(&format!("workspace/{i}.txt")).await.map(drop),
                "keys" => desk.change_memory(key(i), Operation::Set, json!(text), None).await,
                "append" => desk.change_memory(key(i), Operation::Append, json!("y"), NonZeroU32::new(3)).await,
                _ => desk.change_memory(key(0), Operation::Append, json!(text), NonZeroU32::new(1)).await,
            };
            match done {
                Err(CallFailure::Refused(why)) => return Ok(json!({"done": i - from, "why": why.0})),
                done => done?,
            }
        }
        Ok(json!({"done": times}))
    }
}

fn flood(what: &str, from: usize, times: usize, bytes: usize) -> Value {
    call("flood", json!({"what": what, "from": from, "times": times, "bytes": bytes}))
}

async fn of_ada(turns: Vec<Steps>) -> World {
    let mut world = crate::tools::of_ada(turns).await;
    world.org["limits"] = json!({"lease": "5s", "max_turn_credits": 100});
    world.found().await;
    world.tools.push(Arc::new(Flood));
    world.agent("ada", json!({"permissions": {"tools": ["flood", "file_delete"]}})).await;
    world
}

/// How often each flood of a turn was let through.
async fn done(world: &World, tick: u64) -> Vec<u64> {
    let results = results(world, tick).await;
    assert!(results.iter().all(|result| result.ok), "{results:?}");
    results.iter().filter_map(|result| result.result["done"].as_u64()).collect()
}

#[tokio::test]
async fn a_turn_changes_so_many_files_and_no_more() {
    let delete = call("file_delete", json!({"path": "workspace/3.txt"}));
    let world = of_ada(vec![
        vec![vec![flood("files", 0, 600, 1)], vec![flood("files", 600, 600, 1), flood("files", 9, 1, 2)]],
        vec![vec![delete, flood("files", 2000, 1, 1)]],
    ])
    .await;
    world.tick().await;
    let most = MAX_CHANGED_FILES as u64;
    assert_eq!(done(&world, 1).await, [600, most - 600, 0]);
    assert_eq!(world.turn(1, "ada").await.effects.files.len(), MAX_CHANGED_FILES);
    world.tick().await;
    assert_eq!(done(&world, 2).await, [1], "the next turn has room again");
    world.audit(&Expect::default()).await;
}

#[tokio::test]
async fn a_turn_writes_so_many_bytes_of_files_and_no_more() {
    let bytes = 60_000;
    let world = of_ada(vec![vec![
        // The same file again and again takes no more room than once, within one step.
        vec![flood("files", 0, 100, bytes), flood("files", 0, 100, bytes)],
        vec![flood("files", 100, 100, bytes)],
    ]])
    .await;
    world.tick().await;
    let most = (MAX_CHANGED_FILE_BYTES / bytes) as u64;
    assert_eq!(done(&world, 1).await, [100, 100, most - 100]);
    assert!(encode(&world.turn(1, "ada").await).len() < 2 * MAX_CHANGED_FILE_BYTES);
    world.audit(&Expect::default()).await;
}

#[tokio::test]
async fn a_memory_has_so_many_keys_and_a_turn_changes_so_many_bytes_of_it() {
    let world = of_ada(vec![
        vec![vec![flood("keys", 0, MAX_MEMORY_KEYS + 5, 1)], vec![flood("append", 0, 1, 1)]],
        vec![vec![flood("keys", 0, 100, 60_000)]],
        // A little word to each of many long lists stores all of them.
        vec![vec![flood("append", 0, 69, 1)], vec![flood("append", 0, 69, 1)]],
        vec![vec![flood("shed", 0, 200, 60_000)]],
    ])
    .await;
    for _ in 1..=4 {
        world.tick().await;
    }
    let most = (MAX_CHANGED_MEMORY_BYTES / 60_002) as u64;
    assert_eq!(done(&world, 1).await, [MAX_MEMORY_KEYS as u64, 1]);
    assert_eq!(done(&world, 2).await, [most]);
    assert_eq!(done(&world, 3).await, [most, 0]);
    let shed = done(&world, 4).await[0];
    assert!(shed > 60 && shed <= most, "{shed}");
    for tick in 1..=4 {
        let bytes = encode(&world.turn(tick, "ada").await).len();
        assert!(bytes < 3 * MAX_CHANGED_MEMORY_BYTES, "tick {tick}: {bytes}");
    }
    world.audit(&Expect::default()).await;
}

#[tokio::test]
async fn what_is_archived_for_its_age_is_archived_in_turns() {
    let mut world =
        of_ada(vec![vec![vec![flood("keys", 0, 60, 60_000)]], vec![vec![flood("keys", 60, 15, 60_000)]]]).await;
    for _ in 1..=2 {
        world.tick().await;
    }
    world.org["memory"] = json!({"archive_after_ticks": 1});
    world.found().await;
    let mut archived = Vec::new();
    for tick in 3..=5 {
        world.tick().await;
        archived.push(world.turn(tick, "ada").await.effects.archive.len());
    }
    let at_once = MAX_CHANGED_MEMORY_BYTES.div_ceil(60_002);
    assert_eq!(archived, [at_once, 75 - at_once, 0]);
    world.audit(&Expect::default()).await;
}

#[tokio::test]
async fn peoples_files_that_a_turn_meets_do_not_make_its_record_long() {
    let world = of_ada(vec![vec![vec![flood("reads", 0, 150, 1)]]]).await;
    for i in 0..150 {
        let text = "x".repeat(60_000);
        world.raw.put_path(&format!("agents/ada/workspace/{i}.txt"), text.into()).await.unwrap();
    }
    world.tick().await;
    let turn = world.turn(1, "ada").await;
    assert_eq!(turn.imports.len(), 150, "none is lost");
    let inline = turn.imports.iter().filter(|import| matches!(import.content, Content::Text(_))).count();
    assert_eq!(inline, MAX_INLINE_IMPORT_BYTES.div_ceil(60_000));
    assert!(encode(&turn).len() < 2 * MAX_INLINE_IMPORT_BYTES);
    world.audit(&Expect::default()).await;
}

#[tokio::test]
async fn agents_that_cost_nothing_do_not_multiply_without_end() {
    let child =
        |i: usize| call("create_agent", json!({"name": format!("child{i}"), "credits": 0.01, "template": "ada"}));
    let mut world = crate::tools::of_ada(vec![vec![vec![child(0), child(1), child(2)]]]).await;
    world.agent("ada", json!({"permissions": {"tools": ["create_agent"]}, "credits": {"max_credits": 100}})).await;
    for i in 0..MAX_AGENTS - 3 {
        world.agent(&format!("a{i}"), json!({"schedule": {"run_every_n_ticks": 1_000_000, "phase_offset": 7}})).await;
    }
    world.org["limits"] = json!({"lease": "20s"});
    world.found().await;
    world.tick().await;
    let made: Vec<bool> = results(&world, 1).await.iter().map(|result| result.ok).collect();
    assert_eq!(made, [true, true, false], "{:?}", results(&world, 1).await);
}
