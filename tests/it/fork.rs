//! Forks: as it was, with its chain; the same asked again costs nothing; the origin is left alone; and a fork that was
//! broken off anywhere is made to the end.

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use lemming::chronicle::moment::Moment;
use lemming::domain::credits::Credits;
use lemming::domain::ids::Seed;
use lemming::domain::time::Tick;
use lemming::engine::{Context, prove, run_tick};
use lemming::keep::fork::{ForkError, Forked, Wish, fork};
use lemming::keep::fsck::{Scope, fsck};
use lemming::provider::Request;
use lemming::record::plan::Trigger;
use lemming::store::{Key, Store};
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::{Value, json};

use crate::gate::{Gate, Gated};
use crate::proof::{live, world};
use crate::world::{World, name};

/// What agents say in a small organisation: each repeats what it hears, with tools and memory.
fn mind(request: &Request) -> String {
    let view = &request.view;
    let heard: Vec<String> = view.inbox.iter().map(|entry| entry.text()).collect();
    match (view.agent.as_str(), view.step) {
        ("ada", 0) => json!({"tool_calls": [
            {"tool": "file_write", "arguments": {"path": "shared/board.txt", "text": format!("{} {heard:?}", view.tick)}},
            {"tool": "memory_write", "arguments": {"key": "log", "value": view.tick, "operation": "append"}},
        ]}),
        (agent, _) => json!({"outbox_entries": [{"payload": {"text": format!("{agent} {}: {}", view.tick, heard.len())}}]}),
    }
    .to_string()
}

async fn origin() -> World {
    let world = World::new(|request| Ok(mind(request)));
    world.found().await;
    world.agent("ada", json!({"permissions": {"tools": ["file_write", "memory_write"]}})).await;
    world.agent("bob", json!({"permissions": {"read_outboxes": ["ada"]}})).await;
    world.agent("cyd", json!({"permissions": {"read_outboxes": []}, "schedule": {"run_every_n_ticks": 2}})).await;
    for _ in 0..14 {
        assert!(world.tick().await.closed);
        world.clock.advance(Duration::from_secs(61));
    }
    world
}

async fn forked(origin: &World, at: u64) -> (World, Forked) {
    let world = World::new(|request| Ok(mind(request)));
    world.clock.advance(Duration::from_secs(100_000));
    let wish = Wish { at: Some(Tick(at)), place: Some("s3://origin/org".to_owned()), ..Wish::default() };
    let made = fork(&origin.raw, &world.raw, &wish, &|_, _| ()).await.unwrap();
    (world, made)
}

async fn is_sound(world: &World) {
    let report = fsck(&world.raw, &Scope::default(), &|_, _| ()).await.unwrap();
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    for tick in 1..=report.ticks {
        let proof = prove(&world.replaying(), Tick(tick), None).await.unwrap().expect("planned");
        assert!(proof.is_equal(), "tick {tick}: {:#?}", proof.findings);
    }
}

#[tokio::test]
async fn a_fork_is_as_its_origin_was_and_relives_what_is_not_changed_for_nothing() {
    let origin = origin().await;
    let (before, paid) = (origin.all().await, origin.calls().len());
    let (fork, made) = forked(&origin, 9).await;
    assert_eq!((made.ticks, made.completed, made.name.as_str()), (9, false, "test (fork at tick 9)"));
    assert_eq!(made.forked_from.recorded_until, Tick(14));
    let state = fork.state().await;
    assert_eq!(state.tick, Tick(9));
    let was = Moment::of(&origin.raw, Some(Tick(9))).await.unwrap();
    assert_eq!(state, was.state);
    let log = Key::Memory(name("ada"), "log".parse().unwrap());
    assert_eq!(fork.raw.get(&log).await.unwrap(), was.file(&log).await.unwrap());
    is_sound(&fork).await;

    for tick in 10..=14 {
        assert!(fork.tick().await.closed);
        assert_eq!(fork.plan(tick).await.time, origin.plan(tick).await.time);
        for agent in ["ada", "bob"] {
            let (new, old) = (fork.turn(tick, agent).await, origin.turn(tick, agent).await);
            assert_eq!((&new.effects, &new.prompt, &new.inbox), (&old.effects, &old.prompt, &old.inbox));
            assert!(new.exchanges.iter().all(|exchange| exchange.receipt.reused));
            assert!(new.exchanges.iter().all(|exchange| exchange.receipt.cost_credits.is_zero()));
            assert_eq!(fork.closed(tick).await.turns[&name(agent)].charge.total(), Credits::ZERO);
        }
    }
    assert_eq!(fork.calls().len(), 0, "nobody was asked");
    let (new, old) = (fork.state().await, origin.state().await);
    assert_eq!(new.agents[&name("ada")].account, was.state.agents[&name("ada")].account, "what was set aside is back");
    assert_eq!((new.unread, new.files), (old.unread, old.files));
    is_sound(&fork).await;

    // And then it lives on, in the present.
    fork.tick().await;
    assert!(!fork.calls().is_empty());
    assert!(fork.plan(15).await.time > origin.plan(14).await.time);
    is_sound(&fork).await;
    assert_eq!((origin.all().await, origin.calls().len()), (before, paid), "the origin is left alone");
}

#[tokio::test]
async fn a_fork_that_is_given_a_seed_draws_its_ids_from_that_one_and_of_today() {
    let origin = origin().await;
    let (fork, _) = forked(&origin, 9).await;
    let seed = Seed(4711);
    let ctx = Context { seed: Some(seed), ..fork.context() };
    run_tick(&ctx, Trigger::Invocation).await.unwrap();
    let plan = fork.plan(10).await;
    assert_eq!(plan.seed, seed);
    assert!(plan.time > origin.plan(14).await.time, "it is not relived");
    is_sound(&fork).await;
}

#[tokio::test]
async fn only_what_was_changed_is_asked_anew_with_all_that_follows_from_it() {
    let origin = origin().await;
    let (fork, _) = forked(&origin, 9).await;
    fork.agent("bob", json!({"instructions": "Be brief.", "permissions": {"read_outboxes": ["ada"]}})).await;
    fork.tick().await;
    let called: Vec<String> = fork.calls().iter().map(|call| call.agent.to_string()).collect();
    assert_eq!(called, ["bob"], "ada reads bob, but ranks before him");
    let bob = fork.turn(10, "bob").await;
    assert!(!bob.exchanges[0].receipt.reused && !bob.exchanges[0].receipt.cost_credits.is_zero());
    assert!(!fork.closed(10).await.turns[&name("bob")].charge.total().is_zero());
    assert!(fork.turn(10, "ada").await.exchanges[0].receipt.reused);
    is_sound(&fork).await;
    // A message to cyd alone: she is asked anew where it shows, and nobody else.
    fork.mail(1, "human", Some(&["cyd"]), "what if?").await;
    fork.tick().await;
    fork.tick().await;
    assert!(fork.calls().iter().any(|call| call.agent == name("cyd")));
    assert!(
        fork.calls().iter().all(|call| call.agent != name("ada")),
        "bob said the same in other words: {:?}",
        fork.calls()
    );
    is_sound(&fork).await;
}

#[tokio::test]
async fn a_fork_of_a_fork_carries_on_with_what_the_first_one_carries() {
    let origin = origin().await;
    let (first, _) = forked(&origin, 5).await;
    first.tick().await;
    let second = World::new(|request| Ok(mind(request)));
    let made = fork(&first.raw, &second.raw, &Wish::default(), &|_, _| ()).await.unwrap();
    assert_eq!((made.forked_from.tick, made.forked_from.recorded_until), (Tick(6), Tick(14)));
    assert_eq!((made.forked_from.name.as_str(), made.forked_from.known_as.as_str()), ("test (fork at tick 5)", "test"));
    for _ in 7..=14 {
        second.tick().await;
    }
    assert_eq!(second.calls().len(), 0);
    is_sound(&second).await;
}

#[tokio::test]
async fn a_tick_of_the_origin_that_has_no_cause_here_does_not_stop_a_fork() {
    let origin = origin().await;
    origin.mail(1, "human", Some(&["bob"]), "hello").await;
    assert!(matches!(
        origin.run(Trigger::Wake { named: vec![name("bob")] }).await.unwrap(),
        lemming::engine::Outcome::Ran(report) if report.closed
    ));
    origin.agent("bob", json!({"schedule": {"when": "on_message"}})).await;
    origin.mail(2, "human", Some(&["bob"]), "hello again").await;
    origin.run(Trigger::Wake { named: Vec::new() }).await.unwrap();
    let (fork, _) = forked(&origin, 15).await;
    // The origin's tick 16 was a wake for mail, which the fork does not have.
    let report = fork.tick().await;
    assert!(report.closed && report.tick == Tick(16), "{report:?}");
    is_sound(&fork).await;
}

#[tokio::test]
async fn a_fork_takes_the_past_as_it_was_with_mail_blobs_edits_and_commands() {
    let origin = world().await;
    live(&origin, 18).await;
    let (fork, _) = forked(&origin, 13).await;
    is_sound(&fork).await;
    let all = fork.all().await;
    assert!(!all.keys().any(|path| path.starts_with("ingress/") || path.starts_with("ticks/000000000014")));
    for path in ["shared/board.txt", "agents/bob/memory/told.json", "agents/ada/workspace/large.txt"] {
        let key = Key::parse(path).unwrap();
        let was = Moment::of(&origin.raw, Some(Tick(13))).await.unwrap().file(&key).await.unwrap();
        assert_eq!(all.get(path).cloned(), was, "{path}");
        assert_ne!(all.get(path), origin.all().await.get(path), "{path}");
    }
    let inputs = |all: &BTreeMap<String, bytes::Bytes>| all.keys().filter(|path| path.starts_with("blobs/")).count();
    assert!(inputs(&all) < inputs(&origin.all().await), "what only later ticks name is not taken");
}

#[tokio::test]
async fn a_fork_takes_templates_along_and_the_resumes_of_those_who_were_removed_by_then() {
    let origin = origin().await;
    let (template, removed) = ("templates/desk/org.json", "removed/cyd.json");
    origin.raw.put_path(template, "{}".into()).await.unwrap();
    let resume = origin.raw.get(&Key::Resume(name("cyd"))).await.unwrap().unwrap();
    origin.raw.put_path(removed, resume.clone()).await.unwrap();
    origin.raw.delete_path("agents/cyd/resume.json").await.unwrap();
    assert!(origin.tick().await.closed);
    let (now, _) = forked(&origin, 15).await;
    let all = now.all().await;
    assert_eq!((all.contains_key(template), all.get(removed)), (true, Some(&resume)));
    assert!(!all.contains_key("agents/cyd/resume.json"));
    is_sound(&now).await;
    let (then, _) = forked(&origin, 9).await;
    let all = then.all().await;
    assert!(all.contains_key(template) && all.contains_key("agents/cyd/resume.json"));
    assert!(!all.contains_key(removed), "it was there");
}

#[tokio::test]
async fn other_things_at_the_destination_are_left_alone() {
    let origin = origin().await;
    let empty = || Store::new(Arc::new(InMemory::new()), Path::from("org"), true);
    let make = |to: Store, at: u64| {
        let origin = origin.raw.clone();
        async move { fork(&origin, &to, &Wish { at: Some(Tick(at)), ..Wish::default() }, &|_, _| ()).await }
    };
    let taken = empty();
    assert!(make(taken.clone(), 3).await.is_ok());
    assert!(matches!(make(taken.clone(), 3).await, Err(ForkError::Taken)));
    let occupied = empty();
    occupied.put_path("notes.txt", "x".into()).await.unwrap();
    assert!(matches!(make(occupied.clone(), 3).await, Err(ForkError::Occupied { path }) if path == "notes.txt"));
    assert_eq!(occupied.list(&lemming::store::Prefix::Everything).await.unwrap(), ["notes.txt"]);
    let half_made = taken;
    half_made.delete_path("org.json").await.unwrap();
    assert!(matches!(make(half_made.clone(), 4).await, Err(ForkError::OtherFork { tick: Tick(3), .. })));
    assert!(make(half_made, 3).await.unwrap().completed);
    assert!(matches!(make(empty(), 15).await, Err(ForkError::Moment(_))));
    let nothing = World::new(|_| Ok("{}".to_owned()));
    nothing.found().await;
    let none = fork(&nothing.raw, &empty(), &Wish::default(), &|_, _| ()).await;
    assert!(matches!(none, Err(ForkError::NothingYet)));
}

#[tokio::test]
async fn a_fork_that_was_broken_off_anywhere_is_made_to_the_end() {
    let origin = World::new(|request| Ok(mind(request)));
    origin.found().await;
    origin.agent("ada", json!({"permissions": {"tools": ["file_write", "memory_write"]}})).await;
    for _ in 0..3 {
        origin.tick().await;
    }
    let wish = Wish { at: Some(Tick(2)), ..Wish::default() };
    let all = |objects: Arc<InMemory>| async move {
        let store = Store::new(objects, Path::from("org"), true);
        let mut all = BTreeMap::new();
        for path in store.list(&lemming::store::Prefix::Everything).await.unwrap() {
            all.insert(path.clone(), store.get_path(&path).await.unwrap().unwrap());
        }
        all
    };
    let whole = Arc::new(InMemory::new());
    fork(&origin.raw, &Store::new(whole.clone(), Path::from("org"), true), &wish, &|_, _| ()).await.unwrap();
    let whole = all(whole).await;
    for n in 1.. {
        let objects = Arc::new(InMemory::new());
        let gate = Gate::closing_at(n);
        let gated = Gated { inner: objects.clone(), gate: gate.clone() };
        let to = Store::new(Arc::new(gated), Path::from("org"), true);
        let done = tokio::select! {
            biased;
            done = fork(&origin.raw, &to, &wish, &|_, _| ()) => { done.unwrap(); true }
            () = gate.hit() => false,
        };
        if !done {
            let plain = Store::new(objects.clone(), Path::from("org"), true);
            match fork(&origin.raw, &plain, &wish, &|_, _| ()).await {
                Ok(_) => {}
                // The last write had landed.
                Err(ForkError::Taken) => {}
                Err(error) => panic!("broken off at {n}: {error}"),
            }
        }
        assert_eq!(all(objects).await, whole, "broken off at {n}");
        if done {
            assert!(n > 40, "only {n} operations");
            break;
        }
    }
}

fn lemming(folder: &std::path::Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(args).current_dir(folder).env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
    command.output().expect("the program")
}

#[test]
fn the_program_forks_the_example_and_the_fork_ticks_for_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("org");
    std::fs::create_dir(&place).expect("a folder");
    let run = |args: &[&str]| {
        let output = lemming(&place, args);
        (
            String::from_utf8(output.stdout).expect("utf-8"),
            String::from_utf8(output.stderr).expect("utf-8"),
            output.status.code(),
        )
    };
    assert_eq!(run(&["bootstrap"]).2, Some(0));
    assert_eq!(run(&["send", "editor", "Write about bees."]).2, Some(0));
    for _ in 0..4 {
        assert_eq!(run(&["tick"]).2, Some(0));
    }
    let (said, error, code) = run(&["fork", "--at", "2", "../what-if", "--name", "What if"]);
    assert_eq!(code, Some(0), "{said}{error}");
    assert!(said.starts_with("What if is at ") && said.contains("what-if\n"), "{said}");
    assert!(said.contains("2 ticks taken along"), "{said}");
    let settings: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("what-if/org.json")).expect("org.json"))
            .expect("JSON");
    assert_eq!((&settings["name"], &settings["forked_from"]["tick"]), (&json!("What if"), &json!(2)));
    let (said, error, code) = run(&["--store", "../what-if", "tick"]);
    assert_eq!(code, Some(0), "{said}{error}");
    assert_eq!(run(&["--store", "../what-if", "fsck"]).2, Some(0));
    assert_eq!(run(&["--store", "../what-if", "replay", "3"]).2, Some(0));
    for (args, code) in [
        (vec!["fork", "../what-if"], 1),
        (vec!["fork", "inside"], 2),
        (vec!["fork", "."], 2),
        (vec!["fork", "--at", "99", "../other"], 6),
        (vec!["fork", "--at", "0", "../other"], 2),
    ] {
        assert_eq!(run(&args).2, Some(code), "{args:?}: {}", run(&args).1);
    }
}
