//! Commands that change memories and files: what they lead to, what they leave alone, and what becomes of nothing.

use std::sync::{Arc, Mutex};

use lemming::chronicle::moment::Moment;
use lemming::domain::name::MemoryKey;
use lemming::domain::time::Tick;
use lemming::engine::replay;
use lemming::store::{Key, Prefix};
use serde_json::{Value, json};

use crate::audit::Expect;
use crate::world::{World, merge, name};

/// A world of one agent, `ada`, that answers as it is told for each tick.
async fn of_ada(answers: impl Fn(u64, u32) -> Value + Send + Sync + 'static) -> World {
    let mut world = World::new(move |request| Ok(answers(request.view.tick.0, request.view.step).to_string()));
    world.org["limits"] = json!({"lease": "5ms"});
    world.found().await;
    world.agent("ada", json!({"permissions": {"tools": ["file_write", "file_read", "file_delete"]}})).await;
    world
}

fn keeps(key: &str, op: &str, value: Value) -> Value {
    json!({"memory_updates": [{"key": key, "op": op, "value": value}]})
}

fn writes(path: &str, text: &str) -> Value {
    json!({"tool_calls": [{"tool": "file_write", "arguments": {"path": path, "text": text}}]})
}

async fn memory(world: &World, key: &str) -> Option<Value> {
    let moment = Moment::now(&world.raw).await.unwrap();
    moment.memory(&name("ada")).await.unwrap().remove(&MemoryKey::new(key).unwrap()).map(Result::unwrap)
}

/// What the archive holds of a key, with why and which part it is.
async fn archived(world: &World, key: &str) -> Vec<Value> {
    let prefix = Prefix::Archive(name("ada"), Some(MemoryKey::new(key).unwrap()));
    let mut values = Vec::new();
    for path in world.raw.list(&prefix).await.unwrap() {
        let file: Value = serde_json::from_slice(&world.raw.get_path(&path).await.unwrap().unwrap()).unwrap();
        values.push(json!([file["tick"], file["part"], file["because"], file["value"]]));
    }
    values.sort_by_key(ToString::to_string);
    values
}

async fn text(world: &World, path: &str) -> Option<String> {
    let bytes = world.raw.get_path(path).await.unwrap()?;
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

async fn sound(world: &World) {
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

async fn problems(world: &World) -> Vec<String> {
    world.state().await.problems.into_iter().map(|problem| problem.message).collect()
}

fn archive(key: &str, more: Value) -> Value {
    let mut action = json!({"action": "archive", "agent": "ada", "key": key});
    merge(&mut action, more);
    action
}

#[tokio::test]
async fn a_list_is_compacted_into_the_archive_and_what_its_turn_appends_comes_after() {
    let world = of_ada(|tick, _| match tick {
        1 => keeps("log", "set", json!([1, 2, 3, 4, 5])),
        _ => json!({"memory_updates": [{"key": "log", "op": "append", "value": 6, "cap": 2}]}),
    })
    .await;
    world.tick().await;
    world.command(1, archive("log", json!({"keep": 2}))).await;
    world.tick().await;
    assert_eq!(memory(&world, "log").await, Some(json!([5, 6])));
    let left = json!([[2, 0, "overflow", [1, 2, 3]], [2, 1, "overflow", [4]]]);
    assert_eq!(json!(archived(&world, "log").await), left, "the command's first, then the turn's");
    assert!(
        replay(&world.replaying(), Tick(2), None).await.unwrap().unwrap().iter().all(|turn| turn.difference.is_none())
    );
    sound(&world).await;
}

#[tokio::test]
async fn a_memory_is_archived_whole_and_the_turn_no_longer_sees_it() {
    let seen: Arc<Mutex<Vec<bool>>> = Arc::default();
    let log = Arc::clone(&seen);
    let world = World::new(move |request| {
        log.lock().unwrap().push(request.messages.iter().any(|message| message.content.contains("a secret plan")));
        Ok(match request.view.tick.0 {
            1 => keeps("plan", "set", json!("a secret plan")).to_string(),
            _ => "{}".to_owned(),
        })
    });
    world.found().await;
    world.agent("ada", json!({})).await;
    for tick in 1..=3_u64 {
        if tick == 3 {
            world.command(1, archive("plan", json!({}))).await;
        }
        world.tick().await;
    }
    assert_eq!(*seen.lock().unwrap(), [false, true, false]);
    assert_eq!(memory(&world, "plan").await, None);
    assert_eq!(json!(archived(&world, "plan").await), json!([[3, 0, "command", "a secret plan"]]));
    sound(&world).await;
}

#[tokio::test]
async fn a_memory_that_was_changed_since_stays() {
    let world = of_ada(|tick, _| keeps("plan", "set", json!(tick))).await;
    world.tick().await;
    world.tick().await;
    world.command(1, archive("plan", json!({"unchanged_since": 1}))).await;
    world.tick().await;
    assert_eq!(memory(&world, "plan").await, Some(json!(3)));
    assert!(archived(&world, "plan").await.is_empty());
    assert!(problems(&world).await.is_empty());
    sound(&world).await;
}

#[tokio::test]
async fn items_are_put_back_before_those_that_came_since() {
    let world = of_ada(|tick, _| if tick == 1 { keeps("log", "set", json!([1, 2, 3])) } else { json!({}) }).await;
    world.tick().await;
    world.command(1, archive("log", json!({"keep": 1}))).await;
    world
        .command(2, json!({"action": "memory", "agent": "ada", "key": "log", "operation": "append", "value": 4}))
        .await;
    world.tick().await;
    assert_eq!(memory(&world, "log").await, Some(json!([3, 4])));
    world.command(3, json!({"action": "put_back", "agent": "ada", "key": "log", "items": [1, 2]})).await;
    world.tick().await;
    assert_eq!(memory(&world, "log").await, Some(json!([1, 2, 3, 4])));
    sound(&world).await;
}

#[tokio::test]
async fn a_command_that_comes_to_nothing_is_a_problem_and_changes_nothing() {
    let world = of_ada(|tick, _| if tick == 1 { keeps("plan", "set", json!("text")) } else { json!({}) }).await;
    world.tick().await;
    world.command(1, archive("none", json!({}))).await;
    world.command(2, archive("plan", json!({"keep": 3}))).await;
    world.command(3, json!({"action": "put_back", "agent": "ada", "key": "plan", "items": [1]})).await;
    world.command(4, json!({"action": "restore_file", "path": "shared/none.md", "tick": 1})).await;
    world.command(5, json!({"action": "restore_file", "path": "org.json", "tick": 1})).await;
    world.command(6, json!({"action": "restore_file", "path": "shared/a.md", "tick": 9})).await;
    world.command(7, archive("plan", json!({"agent": "nobody"}))).await;
    world.tick().await;
    insta::assert_snapshot!(problems(&world).await.join("\n"), @"
    the memory none was not archived: there is no such memory
    the memory plan was not compacted: it is no list
    the memory plan got no items back: it is no list any more
    was not restored: there was no such file after tick 1
    was not restored: it is no file of a workspace or of shared/
    was not restored: tick 9 is not closed
    ");
    assert_eq!(memory(&world, "plan").await, Some(json!("text")));
    sound(&world).await;
}

#[tokio::test]
async fn a_file_gets_an_old_version_back_and_the_next_turn_reads_it() {
    let world = of_ada(|tick, step| match (tick, step) {
        (1, 0) => writes("shared/a.md", "first"),
        (2, 0) => writes("shared/a.md", "second"),
        (2, 1) => writes("workspace/b.md", "own"),
        (5, 0) => json!({"tool_calls": [{"tool": "file_read", "arguments": {"path": "shared/a.md"}}]}),
        _ => json!({}),
    })
    .await;
    for _ in 0..3 {
        world.tick().await;
    }
    assert_eq!(text(&world, "shared/a.md").await.as_deref(), Some("second"));
    world.command(1, json!({"action": "restore_file", "path": "shared/a.md", "tick": 1})).await;
    world.command(2, json!({"action": "restore_file", "path": "agents/ada/workspace/b.md", "tick": 1})).await;
    world.tick().await;
    assert_eq!(text(&world, "shared/a.md").await.as_deref(), Some("first"));
    assert_eq!(text(&world, "agents/ada/workspace/b.md").await, None, "after tick 1 there was none");
    world.tick().await;
    let read = &world.turn(5, "ada").await.exchanges[0].results[0].result;
    assert!(read.to_string().contains("first"), "{read}");
    assert!(world.turn(5, "ada").await.imports.is_empty(), "it is a version of ours");
    let then = Moment::of(&world.raw, Some(Tick(4))).await.unwrap();
    let bytes = then.file(&Key::parse("shared/a.md").unwrap()).await.unwrap();
    assert_eq!(bytes.as_deref(), Some(&b"first"[..]), "the plan holds what it restored");
    assert!(
        replay(&world.replaying(), Tick(5), None).await.unwrap().unwrap().iter().all(|turn| turn.difference.is_none())
    );
    sound(&world).await;
}

#[tokio::test]
async fn what_a_turn_writes_in_the_same_tick_counts_instead() {
    let world = of_ada(|tick, step| match (tick, step) {
        (1, 0) => writes("shared/a.md", "first"),
        (2, 0) => writes("shared/a.md", "second"),
        (3, 0) => writes("shared/a.md", "third"),
        _ => json!({}),
    })
    .await;
    world.tick().await;
    world.tick().await;
    world.command(1, json!({"action": "restore_file", "path": "shared/a.md", "tick": 1})).await;
    world.tick().await;
    assert_eq!(text(&world, "shared/a.md").await.as_deref(), Some("third"));
    sound(&world).await;
}

#[tokio::test]
async fn messages_of_mail_stand_where_the_records_say_even_beside_commands_and_with_one_id_twice() {
    use lemming::chronicle::message::{Bounds, newest, of_tick};
    let world = of_ada(|_, _| json!({})).await;
    world.command(1, json!({"action": "pause", "agent": "ada"})).await;
    world.mail(1, "human", None, "one").await;
    let id = "00000000-0000-7000-8000-000000000001";
    let twin = json!({"format": 1, "id": id, "from": "human", "payload": {"text": "two"}, "sent_at": "2027-01-15T08:00:00.000Z"});
    world.put("ingress/mail/twin.json", &twin).await;
    world.tick().await;
    let closed: Vec<_> = world.closed(1).await.entries.iter().map(|entry| entry.position).collect();
    let bounds = Bounds { last: Tick(1), messages: 10, ticks: 10 };
    let found = newest(&world.raw, bounds, |_| true).await.unwrap().messages;
    let told = of_tick(&world.raw, Tick(1)).await.unwrap();
    for messages in [&found, &told] {
        assert_eq!(messages.iter().map(|message| message.position).collect::<Vec<_>>(), closed);
        assert_eq!(messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    }
}
