//! `lemming diff`: two ticks, or two organisations.

use lemming::chronicle::compare::{Change, Comparison, Wanted, compare};
use lemming::chronicle::moment::Moment;
use lemming::domain::time::Tick;
use lemming::record::plan::Trigger;
use lemming::store::Store;
use serde_json::{Value, json};

use crate::ticks::{code, founded};
use crate::world::{World, name, says};

const ALL: Wanted = Wanted { agent: None, messages: 100 };

async fn at(store: &Store, tick: u64) -> Moment {
    Moment::of(store, Some(Tick(tick))).await.expect("a closed tick")
}

async fn between(world: &World, from: u64, to: u64) -> Comparison {
    compare(&at(&world.raw, from).await, &at(&world.raw, to).await, &ALL).await.expect("a comparison")
}

/// A world in which ada keeps a log, writes files, and says a word that `word` gives.
async fn world(word: &'static str) -> World {
    let world = World::new(move |request| {
        let view = &request.view;
        Ok(match (view.agent.as_str(), view.step) {
            ("ada", 0) => {
                let text = format!("# Board\n\n{}\nend\n", view.tick);
                let write =
                    |path: &str, text: &str| json!({"tool": "file_write", "arguments": {"path": path, "text": text}});
                let mut updates = vec![
                    json!({"key": "log", "op": "append", "value": view.tick.0}),
                    json!({"key": "same", "value": {"a": 1}}),
                    json!({"key": "state", "value": {"tick": view.tick.0, "who": "ada"}}),
                ];
                updates.extend((view.tick.0 == 1).then(|| json!({"key": "kept", "value": {"by": "ada"}})));
                let calls = [write("shared/board.md", &text), write("workspace/same.txt", "same")];
                json!({"tool_calls": calls, "memory_updates": updates}).to_string()
            }
            (agent, _) => says(&format!("{agent}: {word}")),
        })
    });
    world.found().await;
    world.agent("ada", json!({"permissions": {"tools": ["file_write"]}})).await;
    world
}

#[tokio::test]
async fn what_ticks_changed_is_told_field_by_field_and_line_by_line() {
    let mut world = world("hello").await;
    world.tick().await;
    world.agent("ada", json!({"title": "Other", "permissions": {"tools": ["file_write"]}})).await;
    world.agent("bob", json!({})).await;
    world.org["budget"] = json!({"credits": 5, "per": "total"});
    world.put("org.json", &world.org).await;
    world.tick().await;
    let found = between(&world, 1, 2).await;
    assert!(!found.equal);
    assert_eq!(found.common_tick, Tick(1));
    let settings: Vec<&str> = found.settings.iter().map(|change| change.pointer.as_str()).collect();
    assert_eq!((settings, found.models.len()), (vec!["/budget"], 0));
    let agents: Vec<(&str, Change)> = found.agents.iter().map(|diff| (diff.agent.as_str(), diff.change)).collect();
    assert_eq!(agents, [("ada", Change::Changed), ("bob", Change::Added)]);
    assert_eq!(json!(found.agents[0].resume), json!([{"pointer": "/title", "before": "Test", "after": "Other"}]));
    let memory: Vec<(&str, Value)> = found.memory.iter().map(|diff| (diff.key.as_str(), json!(diff.value))).collect();
    assert_eq!(
        memory,
        [
            ("log", json!([{"pointer": "/1", "after": 2}])),
            ("state", json!([{"pointer": "/tick", "before": 1, "after": 2}])),
        ],
        "what was set anew to the same value is no difference"
    );
    assert_eq!(found.files.len(), 1, "nor is what was written anew");
    let lines = found.files[0].lines.as_ref().expect("a text");
    let changed: Vec<String> = lines[0]
        .lines
        .iter()
        .map(|line| format!("{}{}", json!(line.sign).as_str().unwrap(), line.text))
        .filter(|line| !line.starts_with(' '))
        .collect();
    assert_eq!((found.files[0].path.as_str(), changed), ("shared/board.md", vec!["-1".to_owned(), "+2".to_owned()]));
    let said: Vec<(u64, &str)> =
        found.messages.added.iter().map(|message| (message.tick.0, message.text.as_str())).collect();
    assert_eq!(said, [(2, "ada: hello"), (2, "bob: hello")]);
    assert!(found.messages.removed.is_empty() && !found.messages.more);
    let ada = &found.credits[0];
    assert_eq!(ada.agent, name("ada"));
    let (before, after) = (ada.charged.before.unwrap(), ada.charged.after.unwrap());
    assert_eq!(world.closed(2).await.turns[&name("ada")].charge.total(), after.saturating_sub(before));
    assert_eq!(found.credits[1].credits_left.before, None, "bob had no account");
    assert!(found.budget.is_some());
}

#[tokio::test]
async fn nothing_is_different_from_itself_and_everything_from_the_beginning() {
    let world = world("hello").await;
    for _ in 0..3 {
        world.tick().await;
    }
    assert!(between(&world, 2, 2).await.equal);
    let all = between(&world, 0, 3).await;
    assert_eq!(all.common_tick, Tick(0));
    assert!(all.memory.iter().all(|diff| diff.change == Change::Added));
    assert_eq!(all.messages.added.len(), 3);
    let few = Wanted { messages: 2, ..ALL };
    let few = compare(&at(&world.raw, 0).await, &at(&world.raw, 3).await, &few).await.unwrap();
    assert_eq!((few.messages.added.len(), few.messages.more), (2, true));
    let back = between(&world, 3, 1).await;
    assert_eq!(json!(back.memory[0].value), json!([{"pointer": "/1", "before": 2}, {"pointer": "/2", "before": 3}]));
}

#[tokio::test]
async fn one_agent_is_compared_alone() {
    let mut world = world("hello").await;
    world.agent("bob", json!({})).await;
    world.org["budget"] = json!({"credits": 5, "per": "total"});
    world.put("org.json", &world.org).await;
    world.tick().await;
    let only = |agent: &str| Wanted { agent: Some(name(agent)), messages: 100 };
    let (before, after) = (at(&world.raw, 0).await, at(&world.raw, 1).await);
    let bob = compare(&before, &after, &only("bob")).await.unwrap();
    assert_eq!((bob.memory.len(), bob.files.len(), bob.messages.added.len()), (0, 0, 1));
    assert_eq!((bob.agents.len(), bob.credits.len(), bob.budget), (1, 1, None));
    let ada = compare(&before, &after, &only("ada")).await.unwrap();
    let files: Vec<&str> = ada.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["agents/ada/workspace/same.txt", "shared/board.md"], "what she wrote for all is hers");
}

#[tokio::test]
async fn what_people_edit_delete_and_command_is_told() {
    let world = world("hello").await;
    world.tick().await;
    world.put("agents/ada/memory/kept.json", &json!({"value": {"by": "hand"}})).await;
    world.command(1, json!({"action": "memory", "agent": "ada", "key": "told", "operation": "set", "value": 2})).await;
    let of = |found: &Comparison, key: &str| {
        let diff = found.memory.iter().find(|diff| diff.key.as_str() == key);
        diff.map(|diff| (diff.change, json!(diff.value)))
    };
    let edited = compare(&at(&world.raw, 1).await, &Moment::now(&world.raw).await.unwrap(), &ALL).await.unwrap();
    assert!(edited.equal, "nobody has read the edit yet");
    world.tick().await;
    let found = between(&world, 1, 2).await;
    let edit = json!([{"pointer": "/by", "before": "ada", "after": "hand"}]);
    assert_eq!(of(&found, "kept"), Some((Change::Changed, edit)));
    assert_eq!(of(&found, "told"), Some((Change::Added, json!([{"pointer": "", "after": 2}]))));
    world.raw.delete_path("agents/ada/memory/kept.json").await.unwrap();
    world.tick().await;
    let gone = json!([{"pointer": "", "before": {"by": "hand"}}]);
    assert_eq!(of(&between(&world, 2, 3).await, "kept"), Some((Change::Removed, gone)));
}

/// The same objects, once more, in a store of their own.
async fn copied(world: &World, word: &'static str) -> World {
    let other = self::world(word).await;
    for (path, bytes) in world.all().await {
        other.raw.put_path(&path, bytes).await.unwrap();
    }
    other
}

#[tokio::test]
async fn two_organisations_differ_since_the_tick_in_which_they_parted() {
    let origin = world("hello").await;
    for _ in 0..5 {
        origin.tick().await;
    }
    let fork = copied(&origin, "goodbye").await;
    let (one, other) = (Moment::now(&origin.raw).await.unwrap(), Moment::now(&fork.raw).await.unwrap());
    let same = compare(&one, &other, &ALL).await.unwrap();
    assert!(same.equal, "{same:?}");
    assert_eq!(same.common_tick, Tick(5));
    for _ in 0..3 {
        origin.run(Trigger::Invocation).await.unwrap();
    }
    for _ in 0..2 {
        fork.run(Trigger::Invocation).await.unwrap();
    }
    // An edit in the fork that no tick has seen.
    fork.agent("ada", json!({"title": "Other", "permissions": {"tools": ["file_write"]}})).await;
    let (one, other) = (Moment::now(&origin.raw).await.unwrap(), Moment::now(&fork.raw).await.unwrap());
    let found = compare(&one, &other, &ALL).await.unwrap();
    assert_eq!((found.common_tick, found.before.tick, found.after.tick), (Tick(5), Tick(8), Tick(7)));
    assert_eq!(json!(found.agents[0].resume), json!([{"pointer": "/title", "before": "Test", "after": "Other"}]));
    let said = |messages: &[lemming::chronicle::message::Message]| {
        messages.iter().map(|message| (message.tick.0, message.text.clone())).collect::<Vec<_>>()
    };
    let hello = |tick| (tick, "ada: hello".to_owned());
    assert_eq!(said(&found.messages.removed), [hello(6), hello(7), hello(8)]);
    assert_eq!(said(&found.messages.added), [6, 7].map(|tick| (tick, "ada: goodbye".to_owned())));
    assert_eq!(json!(found.memory[0].value), json!([{"pointer": "/7", "before": 8}]));
    // At tick 7 both had done the same, but for the words.
    let (one, other) = (at(&origin.raw, 7).await, at(&fork.raw, 7).await);
    let then = compare(&one, &other, &ALL).await.unwrap();
    assert_eq!((then.memory.len(), then.files.len(), then.agents.len()), (0, 0, 0), "{then:?}");
    assert_eq!((then.messages.removed.len(), then.messages.added.len(), then.equal), (2, 2, false));
    let stranger = world("hello").await;
    stranger.agent("zed", json!({})).await;
    stranger.tick().await;
    let stranger = Moment::now(&stranger.raw).await.unwrap();
    assert_eq!(compare(&one, &stranger, &ALL).await.unwrap().common_tick, Tick(0));
}

#[tokio::test]
async fn where_two_organisations_parted_is_found_in_few_requests() {
    let origin = world("hello").await;
    for _ in 0..40 {
        origin.tick().await;
    }
    // One that parted early, as a fork at tick 3 would.
    let fork = world("goodbye").await;
    for (path, bytes) in origin.all().await {
        let tick = path.split('/').nth(1).and_then(|part| part.trim_end_matches(".json").parse::<u64>().ok());
        if path != "head.json" && tick.is_none_or(|tick| tick <= 3) {
            fork.raw.put_path(&path, bytes).await.unwrap();
        }
    }
    for _ in 0..30 {
        fork.run(Trigger::Invocation).await.unwrap();
    }
    let (one, other) = (at(&origin.store, 30).await, at(&fork.store, 30).await);
    let before = origin.requests();
    let found = compare(&one, &other, &Wanted { messages: 0, ..ALL }).await.unwrap();
    assert_eq!(found.common_tick, Tick(3));
    let made = origin.requests() - before;
    assert_eq!((made.put, made.list, made.delete), (0, 0, 0));
    assert!(made.get < 60, "{made:?}");
}

#[test]
fn a_diff_of_ticks_is_printed_for_people_and_for_programs() {
    let folder = founded();
    folder.ticks(1);
    folder.agent(
        "ada",
        &json!({ "title": "Other\u{1b}[2J", "permissions": { "read_outboxes": [], "tools": ["file_write"] } }),
    );
    folder.ticks(1);
    insta::assert_snapshot!(folder.told(&["diff", "1..2"]), @r#"
    after tick 1 (YYYY-MM-DD HH:MM:SS UTC) and after tick 2 (YYYY-MM-DD HH:MM:SS UTC)

    agents/ada/resume.json
    - /title "Agent"
    + /title "Other\u001b[2J"

    messages
    + tick 2 ada → bob: done
    + tick 2 bob → human: thanks

    memory log of ada
    + /1 2

    shared/board.md
    @@ -1,1 +1,1 @@
    -tick 1
    +tick 2

    credits
      ada  99.998878 → 99.997756 left  charged 0.001122 → 0.002244
      bob  100.00 → 99.998962 left  charged 0.00 → 0.001038
      in all  0.001122 charged in total → 0.003282 charged in total
    "#);
    assert_eq!(folder.told(&["diff", "2"]), folder.told(&["diff", "1..2"]));
    assert_eq!(folder.told(&["diff", "1.."]), folder.told(&["diff", "1..2"]));
    assert_eq!(folder.told(&["diff", "2..2"]).lines().last(), Some("nothing differs"));
    let found = folder.document(&["diff", "..2"]);
    assert_eq!((&found["before"]["tick"], &found["after"]["tick"]), (&json!(0), &json!(2)));
    assert_eq!((&found["common_tick"], &found["equal"]), (&json!(0), &json!(false)));
    for (args, exit, told) in [
        (&["diff", "2..1"][..], 2, "2..1 goes backwards"),
        (&["diff", "x"], 2, "is no range of ticks"),
        (&["diff", "1..9"], 6, "tick 9 is not closed"),
        (&["diff", "1", "--agent", "bo"], 6, "there is no agent \"bo\" on either side"),
        (&["diff", "1", "--at", "1"], 2, "required"),
        (&["diff", "nowhere", "."], 6, "there is no organisation at"),
    ] {
        let (code, said) = folder.refused(args);
        assert!(code == exit && said.contains(told), "{args:?}: {code} {said}");
    }
}

#[test]
fn two_organisations_are_compared_by_naming_both() {
    let (one, other) = (founded(), tempfile::tempdir().expect("a folder"));
    one.ticks(2);
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        let done = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status().expect("cp");
        assert!(done.success());
    };
    let fork = other.path().join("fork");
    copy(one.path(), &fork);
    let fork = fork.to_str().expect("utf-8");
    let told = |args: &[&str]| one.told(args).replace(fork, "FORK");
    let place = one.path().to_str().expect("utf-8");
    let same = told(&["diff", place, fork]);
    assert!(same.ends_with("their records are the same, up to tick 2\nnothing differs"), "{same}");
    let rules = json!({ "rules": [{ "answer": { "outbox_entries": [{ "payload": { "text": "else" } }] } }] });
    std::fs::write(format!("{fork}/config/script.json"), rules.to_string()).expect("written");
    assert_eq!(code(&one.run(&["--store", fork, "tick"])), 0);
    one.ticks(1);
    insta::assert_snapshot!(told(&["diff", place, fork]), @r#"
    --- PLACE, after tick 3
    +++ FORK, after tick 3
    their records are the same up to tick 2, and differ since tick 3

    messages
    - tick 3 ada → bob: done
    + tick 3 ada → everyone: else

    memory log of ada
    - /2 3

    shared/board.md
    @@ -1,1 +1,1 @@
    -tick 3
    +tick 2

    credits
      ada  99.996634 → 99.996732 left  charged 0.003366 → 0.003268
      in all  0.004404 charged in total → 0.004306 charged in total
    "#);
    let found = one.document(&["diff", ".", fork, "--at", "2"]);
    assert_eq!(
        (&found["equal"], &found["common_tick"], &found["after"]["store"]),
        (&json!(true), &json!(2), &json!(fork))
    );
}
