//! What a turn reads and writes: memory, files, the journal, and people's hands in them.

use std::sync::Arc;
use std::time::Duration;

use lemming::engine::run_tick;
use lemming::record::plan::Trigger;
use serde_json::{Value, json};

use crate::audit::Expect;
use crate::gate::Gate;
use crate::world::{World, name, says};

/// Runs a tick whose runner dies in its call for `agent` at `step`.
pub async fn die_in_call(world: &World, agent: &'static str, step: u32) {
    die_in(world, agent, step, Trigger::Invocation).await;
}

/// The same, in the first call that a slot leads to.
pub async fn die_in_slot(world: &World, slot: Trigger) {
    die_in(world, "ada", 0, slot).await;
}

async fn die_in(world: &World, agent: &'static str, step: u32, trigger: Trigger) {
    let gate = Gate::closing_at(1);
    let mut context = world.context();
    let mut thinker = world.thinker.clone();
    let (mind, dies) = (thinker.mind.clone(), gate.clone());
    thinker.mind = Arc::new(move |request| {
        if request.view.agent.as_str() == agent && request.view.step == step {
            dies.knock();
        }
        mind(request)
    });
    thinker.delay = Duration::from_millis(1);
    context.providers = Arc::new(thinker);
    tokio::select! {
        biased;
        () = gate.hit() => {}
        done = run_tick(&context, trigger) => panic!("it did not die: {done:?}"),
    }
}

fn answer(fields: Value) -> String {
    fields.to_string()
}

/// A world of one agent, `ada`, that may use all tools.
async fn of_ada(answers: impl Fn(u64, u32, &[Value], &Value) -> Value + Send + Sync + 'static) -> World {
    let mut world = World::new(move |request| {
        let view = &request.view;
        let memory = serde_json::to_value(&*view.memory).unwrap();
        Ok(answer(answers(view.tick.0, view.step, &view.results, &memory)))
    });
    world.org["limits"] = json!({"lease": "5ms", "max_inline_bytes": 20});
    world.found().await;
    let tools = json!(["file_read", "file_write", "file_list", "memory_write", "memory_read"]);
    world.agent("ada", json!({"permissions": {"tools": tools}})).await;
    world
}

fn calls(tools: &[(&str, Value)]) -> Value {
    tools.iter().map(|(tool, arguments)| json!({"tool": tool, "arguments": arguments})).collect()
}

async fn memory(world: &World, key: &str) -> Option<Value> {
    let bytes = world.all().await.get(&format!("agents/ada/memory/{key}.json"))?.clone();
    Some(serde_json::from_slice::<Value>(&bytes).unwrap()["value"].clone())
}

fn shown(world_memory: &Value) -> Value {
    json!({"outbox_entries": [{"payload": {"text": world_memory.to_string()}}]})
}

async fn said(world: &World, tick: u64) -> String {
    let turn = world.turn(tick, "ada").await;
    turn.effects.outbox.iter().map(|entry| entry.text()).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn a_key_that_a_turn_deletes_begins_anew_when_it_appends() {
    let world = of_ada(|tick, _, _, _| match tick {
        1 => json!({"memory_updates": [{"key": "k", "op": "set", "value": ["old"]}]}),
        _ => json!({"memory_updates": [{"key": "k", "op": "delete"}, {"key": "k", "op": "append", "value": "new"}]}),
    })
    .await;
    world.tick().await;
    world.tick().await;
    assert_eq!(memory(&world, "k").await, Some(json!(["new"])));
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn a_memory_that_an_old_deletion_took_while_its_agent_rested_is_written_again() {
    let world = of_ada(|tick, _, _, _| match tick {
        1 => json!({"memory_updates": [{"key": "k", "op": "set", "value": 1}]}),
        2 => json!({"memory_updates": [{"key": "k", "op": "delete"}]}),
        3 => json!({"memory_updates": [{"key": "k", "op": "set", "value": 2}]}),
        _ => json!({}),
    })
    .await;
    world.agent("bob", json!({})).await;
    for _ in 0..3 {
        world.tick().await;
    }
    world.agent("ada", json!({"enabled": false})).await;
    for _ in 4..80 {
        world.tick().await;
    }
    // A runner of tick 2 that stood still goes on.
    world.raw.delete_path("agents/ada/memory/k.json").await.unwrap();
    world.agent("ada", json!({})).await;
    world.tick().await;
    assert_eq!(memory(&world, "k").await, Some(json!(2)));
    assert!(world.turn(80, "ada").await.imports.is_empty());
    // It was there at a turn long after our own deletion: so whoever deletes it now is a person.
    world.raw.delete_path("agents/ada/memory/k.json").await.unwrap();
    world.tick().await;
    assert_eq!(world.turn(81, "ada").await.imports.len(), 1);
    assert_eq!(memory(&world, "k").await, None);
    world.audit(&Expect::default()).await;
}

#[tokio::test]
async fn a_resumed_turn_reads_the_large_file_that_it_wrote_before_the_crash() {
    let text = "long enough not to stand in the record";
    let world = of_ada(move |_, step, results, _| match step {
        0 => json!({"tool_calls": calls(&[("file_write", json!({"path": "workspace/big.txt", "text": text}))])}),
        1 => json!({"tool_calls": calls(&[("file_read", json!({"path": "workspace/big.txt"}))])}),
        _ => shown(&results[0]),
    })
    .await;
    die_in_call(&world, "ada", 2).await;
    world.tick().await;
    assert!(said(&world, 1).await.contains(text), "{}", said(&world, 1).await);
    world.audit(&Expect::default()).await;
}

#[tokio::test]
async fn a_resumed_turn_imports_an_edit_once_as_its_journal_has_it() {
    let world = of_ada(|_, step, results, _| match step {
        0 | 1 => json!({"tool_calls": calls(&[("file_read", json!({"path": "shared/notes.txt"}))])}),
        _ => shown(&results[0]),
    })
    .await;
    world.raw.put_path("shared/notes.txt", "one".into()).await.unwrap();
    die_in_call(&world, "ada", 2).await;
    world.raw.put_path("shared/notes.txt", "two".into()).await.unwrap();
    world.tick().await;
    assert_eq!(world.turn(1, "ada").await.imports.len(), 1);
    assert!(said(&world, 1).await.contains("one"));
    world.tick().await;
    assert!(said(&world, 2).await.contains("two"), "no edit is lost");
    // An old version that a person copies back is undone.
    world.raw.put_path("shared/notes.txt", "one".into()).await.unwrap();
    world.tick().await;
    assert!(said(&world, 3).await.contains("two"));
    assert_eq!(&world.all().await["shared/notes.txt"][..], b"two");
    world.audit(&Expect::default()).await;
}

#[tokio::test]
async fn a_resumed_turn_goes_on_with_the_memory_that_it_began_with() {
    let world = of_ada(|tick, step, results, _| match (tick, step) {
        (1, _) => json!({"memory_updates": [{"key": "k", "op": "set", "value": "own"}]}),
        (_, 0) => json!({"tool_calls": calls(&[("memory_read", json!({"key": "k"}))])}),
        _ => shown(&results[0]),
    })
    .await;
    world.tick().await;
    die_in_call(&world, "ada", 1).await;
    world.put("agents/ada/memory/k.json", &json!({"value": "by hand"})).await;
    // The journal has step 0 and what it was given; its tools run anew.
    world.tick().await;
    assert!(said(&world, 2).await.contains("own"), "{}", said(&world, 2).await);
    world.tick().await;
    assert!(said(&world, 3).await.contains("by hand"), "the next turn sees the edit");
    world.audit(&Expect::default()).await;
}

#[tokio::test]
async fn edits_of_memory_files_are_imported_healed_or_reported() {
    let world = of_ada(|tick, _, _, memory| {
        let mut answer = shown(memory);
        if tick <= 2 {
            answer["memory_updates"] = json!([{"key": "k", "op": "set", "value": format!("own {tick}")}]);
        }
        answer
    })
    .await;
    let path = "agents/ada/memory/k.json";
    world.tick().await;
    let first = world.all().await[path].clone();
    world.tick().await;
    // An older version copied back is undone.
    world.raw.put_path(path, first).await.unwrap();
    world.tick().await;
    assert_eq!(said(&world, 3).await, r#"{"k":"own 2"}"#);
    assert_eq!(memory(&world, "k").await, Some(json!("own 2")));
    // An edit is used and imported; the rest of the file may be missing.
    world.put(path, &json!({"value": "by hand"})).await;
    world.tick().await;
    assert_eq!(said(&world, 4).await, r#"{"k":"by hand"}"#);
    assert_eq!(world.turn(4, "ada").await.imports.len(), 1);
    world.tick().await;
    assert!(world.turn(5, "ada").await.imports.is_empty(), "it is imported once");
    // What is half saved is left alone, and the last recorded value used.
    world.raw.put_path(path, "{\"value\": \"half".into()).await.unwrap();
    let report = world.tick().await;
    assert_eq!(said(&world, 6).await, r#"{"k":"by hand"}"#);
    assert!(report.problems.iter().any(|problem| problem.message.contains("k.json")), "{:?}", report.problems);
    assert_eq!(&world.all().await[path][..], b"{\"value\": \"half");
    // A deletion is an edit.
    world.raw.delete_path(path).await.unwrap();
    world.tick().await;
    assert_eq!(said(&world, 7).await, "{}");
    assert_eq!(world.state().await.files[path].sha256, None);
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn a_memory_that_a_person_adds_is_found_within_eight_turns_on_a_bucket() {
    let world = of_ada(|_, _, _, memory| shown(memory)).await;
    world.put("agents/ada/memory/seeded.json", &json!({"value": 1})).await;
    world.tick().await;
    assert_eq!(said(&world, 1).await, r#"{"seeded":1}"#, "a first turn looks");
    world.put("agents/ada/memory/added.json", &json!({"value": 2})).await;
    for _ in 0..8 {
        world.tick().await;
    }
    assert_eq!(said(&world, 9).await, r#"{"added":2,"seeded":1}"#);
}

#[tokio::test]
async fn a_memory_by_command_is_there_before_the_turns_of_its_tick() {
    let world = of_ada(|tick, _, _, memory| {
        let mut answer = shown(memory);
        if tick == 1 {
            answer["memory_updates"] = json!([{"key": "k", "op": "set", "value": ["own"]}]);
        }
        answer
    })
    .await;
    world.tick().await;
    world
        .command(1, json!({"action": "memory", "agent": "ada", "key": "k", "operation": "append", "value": "told"}))
        .await;
    world
        .command(2, json!({"action": "memory", "agent": "ada", "key": "k", "operation": "append", "value": "twice"}))
        .await;
    world.command(3, json!({"action": "memory", "agent": "ada", "key": "new", "operation": "set", "value": 1})).await;
    world.tick().await;
    assert_eq!(said(&world, 2).await, r#"{"k":["own","told","twice"],"new":1}"#);
    world.command(4, json!({"action": "memory", "agent": "ada", "key": "new", "operation": "delete"})).await;
    world.tick().await;
    assert_eq!(said(&world, 3).await, r#"{"k":["own","told","twice"]}"#);
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn an_agent_may_have_nothing_to_say() {
    for nothing in ["{}", " { }\n", "```json\n{}\n```", "```\n{}\n```"] {
        let world = World::new(move |_| Ok(nothing.to_owned()));
        world.found().await;
        world.agent("ada", json!({})).await;
        let report = world.tick().await;
        assert_eq!(report.turns[0].failure, None, "{nothing:?}");
    }
}

#[tokio::test]
async fn a_resume_that_breaks_keeps_its_agent_alone_from_running() {
    let world = of_ada(|_, _, _, _| json!({})).await;
    world.agent("bob", json!({})).await;
    world.tick().await;
    let good = world.all().await["agents/bob/resume.json"].clone();
    world.raw.put_path("agents/bob/resume.json", "{ broken".into()).await.unwrap();
    let report = world.tick().await;
    assert_eq!(report.due, [name("ada")]);
    assert_eq!(report.skipped.len(), 1);
    assert!(report.problems.iter().any(|problem| problem.kind == "broken_resume"));
    world.raw.put_path("agents/bob/resume.json", good).await.unwrap();
    assert_eq!(world.tick().await.due.len(), 2);
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn an_agent_that_is_gone_for_a_while_finds_its_mail_when_it_returns() {
    let world = World::new(|request| Ok(says(&format!("{} {}", request.view.agent, request.view.tick))));
    world.found().await;
    world.agent("ada", json!({})).await;
    world.agent("bob", json!({"schedule": {"run_every_n_ticks": 3}})).await;
    world.tick().await;
    let resume = world.all().await["agents/bob/resume.json"].clone();
    world.raw.delete_path("agents/bob/resume.json").await.unwrap();
    world.tick().await;
    assert!(!world.state().await.agents[&name("bob")].present);
    world.raw.put_path("agents/bob/resume.json", resume).await.unwrap();
    world.tick().await;
    assert_eq!(world.turn(3, "bob").await.inbox.len(), 3);
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn unread_entries_expire_but_not_before_two_periods_of_who_may_read_them() {
    let mut world = World::new(|request| Ok(says(&format!("{} {}", request.view.agent, request.view.tick))));
    world.org["limits"] = json!({"max_outbox_age_ticks": 2});
    world.found().await;
    world.agent("ada", json!({"permissions": {"read_outboxes": []}})).await;
    world.agent("bob", json!({"schedule": {"run_every_n_ticks": 6}, "permissions": {"read_outboxes": ["ada"]}})).await;
    // It reads nobody, and keeps nothing.
    world.agent("cyd", json!({"schedule": {"run_every_n_ticks": 900}, "permissions": {"read_outboxes": []}})).await;
    for _ in 0..6 {
        world.tick().await;
    }
    assert_eq!(world.turn(6, "bob").await.inbox.len(), 6);
    world.agent("bob", json!({"enabled": false, "permissions": {"read_outboxes": ["ada"]}})).await;
    for _ in 0..6 {
        world.tick().await;
    }
    assert_eq!(world.state().await.unread.len(), 3, "ages 0, 1 and 2");
}

#[tokio::test]
async fn a_message_whose_sender_tries_again_later_is_read_once() {
    let world = World::new(|_| Ok("{}".to_owned()));
    world.found().await;
    world.agent("ada", json!({})).await;
    let mut read = 0;
    for tick in 1..=60 {
        if tick % 7 == 1 {
            world.mail(1, "human", None, "hello").await;
        }
        world.tick().await;
        read += world.turn(tick, "ada").await.inbox.len();
        assert!(!world.all().await.keys().any(|path| path.starts_with("ingress/")));
    }
    assert_eq!(read, 1);
    for _ in 0..10 {
        world.tick().await;
    }
    assert!(world.state().await.admitted.is_empty(), "it is not remembered for ever");
}

#[tokio::test]
async fn what_cannot_be_admitted_takes_nobodys_place() {
    let mut world = World::new(|_| Ok("{}".to_owned()));
    world.org["limits"] = json!({"max_ingress_items": 2});
    world.found().await;
    world.agent("ada", json!({})).await;
    for i in 0..3 {
        world.raw.put_path(&format!("ingress/mail/00000000-broken-{i}.json"), "{".into()).await.unwrap();
    }
    for i in 1..=3 {
        world.mail(i, "human", None, "hello").await;
    }
    world.tick().await;
    assert_eq!(world.turn(1, "ada").await.inbox.len(), 2);
    let report = world.tick().await;
    assert_eq!(world.turn(2, "ada").await.inbox.len(), 1);
    assert_eq!(report.problems.iter().filter(|problem| problem.kind == "broken_ingress").count(), 3);
    assert_eq!(world.all().await.keys().filter(|path| path.starts_with("ingress/")).count(), 3, "they stay");
}
