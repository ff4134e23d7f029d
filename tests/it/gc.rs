//! `gc`: what is old goes as the owner set it, what is needed stays, what must go is gone everywhere; the chain stays
//! valid; and a run that was broken off anywhere is made to the end.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::process::{Command, Output};
use std::sync::Arc;

use bytes::Bytes;
use lemming::chronicle::moment::Moment;
use lemming::domain::org::Retention;
use lemming::domain::time::Tick;
use lemming::engine::{Code, prove};
use lemming::keep::fork::{Wish, fork};
use lemming::keep::fsck::{Scope, fsck};
use lemming::keep::gc::{Report, What, erase, retain};
use lemming::store::{Key, Prefix, Store};
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::json;

use crate::gate::{Gate, Gated};
use crate::program::{Program, code, resume, utf8};
use crate::proof::{live, world};
use crate::world::{World, name};

fn after(turns: Option<u64>, steps: Option<u64>, outbox: Option<u64>) -> Retention {
    let n = |n: Option<u64>| n.and_then(NonZeroU64::new);
    Retention { turns_after_ticks: n(turns), steps_after_ticks: n(steps), outbox_after_ticks: n(outbox) }
}

async fn collect(world: &World, retention: &Retention, is_dry: bool) -> Report {
    retain(&world.raw, retention, is_dry, &|_, _| ()).await.unwrap()
}

/// Only notes of what was given up, and only of these ticks at most.
async fn is_sound(world: &World, erased_until: u64) {
    let report = fsck(&world.raw, &Scope::default(), &|_, _| ()).await.unwrap();
    assert!(report.is_sound(), "{:#?}", report.findings);
    assert!(report.findings.iter().all(|finding| finding.code == Code::Erased), "{:#?}", report.findings);
    for tick in 1..=report.ticks {
        let proof = prove(&world.replaying(), Tick(tick), None).await.unwrap().expect("planned");
        assert!(proof.is_equal(), "tick {tick}: {:#?}", proof.findings);
        // The first tick after them was made from what was given up.
        assert!(tick <= erased_until + 1 || !proof.is_erased(), "tick {tick}: {:#?}", proof.findings);
    }
}

/// An organisation whose files and memories of early ticks still live.
async fn old() -> World {
    let world = world().await;
    world.agent("dan", json!({"schedule": {"run_every_n_ticks": 1000, "phase_offset": -1}})).await;
    live(&world, 26).await;
    world
}

#[tokio::test]
async fn by_default_nothing_is_given_up() {
    let world = old().await;
    let before = world.all().await;
    assert!(collect(&world, &Retention::default(), false).await.is_empty());
    assert_eq!(world.all().await, before);
}

#[tokio::test]
async fn old_turns_become_stubs_and_everything_that_lives_or_is_needed_stays() {
    let world = old().await;
    let before = world.all().await;
    let dry = collect(&world, &after(Some(5), None, None), true).await;
    assert_eq!(world.all().await, before, "a dry run leaves everything as it is");
    let done = collect(&world, &after(Some(5), None, None), false).await;
    assert_eq!(done, dry, "and says what is done");
    // Of 26 ticks the last 16 are always kept, and dan has not read what the others said.
    assert!(done.stubs.is_empty() && !done.kept.is_empty(), "{done:?}");
    is_sound(&world, 10).await;

    let world = world_without_dan().await;
    let before = world.all().await;
    let was = Moment::now(&world.raw).await.unwrap();
    let done = collect(&world, &after(Some(5), None, None), false).await;
    assert_eq!(done.stubs.len(), 20, "two turns in each of ten ticks: {done:?}");
    assert!(done.deleted.iter().any(|path| path.contains("/steps/")), "{done:?}");
    assert!(done.deleted.iter().any(|path| path.contains("/outbox/")), "{done:?}");
    is_sound(&world, 10).await;
    let stub = world.turn(3, "ada").await;
    let whole: lemming::record::turn::TurnRecord = lemming::record::decode(&world_bytes(&before, 3, "ada")).unwrap();
    assert!(stub.erased.is_some() && stub.prompt.is_empty() && stub.effects.memory.is_empty());
    assert_eq!((stub.spent, stub.exchanges.len(), &stub.inbox), (whole.spent, whole.exchanges.len(), &whole.inbox));
    assert_eq!(stub.effects.outbox[0].id, whole.effects.outbox[0].id);
    assert_eq!(stub.effects.outbox[0].text(), "(erased)");
    let text = String::from_utf8_lossy(&world.all().await["ticks/000000000003/turns/ada.json"]).into_owned();
    assert!(!text.contains("board 3") && !text.contains("You are one agent"), "{text}");
    // It lives on as before, and another run has nothing to do.
    let now = Moment::now(&world.raw).await.unwrap();
    assert_eq!(now.state.files.keys().collect::<Vec<_>>(), was.state.files.keys().collect::<Vec<_>>());
    assert!(collect(&world, &after(Some(5), None, None), false).await.is_empty());
    live(&world, 2).await;
    is_sound(&world, 10).await;
    assert_eq!(collect(&world, &after(Some(5), None, None), false).await.stubs.len(), 4);
    is_sound(&world, 12).await;
}

fn world_bytes(all: &BTreeMap<String, Bytes>, tick: u64, agent: &str) -> Bytes {
    all[&Key::Turn(Tick(tick), name(agent)).path()].clone()
}

async fn world_without_dan() -> World {
    let mut world = world().await;
    // What somebody who cannot pay does not read expires.
    world.org["limits"]["max_outbox_age_ticks"] = json!(3);
    world.found().await;
    live(&world, 26).await;
    world
}

#[tokio::test]
async fn a_living_content_of_a_stub_is_kept_in_a_blob() {
    let mut world = World::new(|request| {
        let view = &request.view;
        Ok(match (view.tick.0, view.step) {
            (1, 0) => json!({
                "tool_calls": [{"tool": "file_write", "arguments": {"path": "shared/early.txt", "text": "early"}}],
                "memory_updates": [{"key": "early", "value": "kept from the first tick"}],
            }),
            _ => json!({}),
        }
        .to_string())
    });
    world.org["visibility"] = json!("snapshot");
    world.found().await;
    world.agent("ada", json!({"permissions": {"tools": ["file_write"]}})).await;
    for _ in 0..20 {
        world.tick().await;
    }
    let done = collect(&world, &after(Some(1), None, None), false).await;
    assert_eq!((done.stubs.len(), done.blobs.len()), (4, 2), "{done:?}");
    is_sound(&world, 4).await;
    // A stale view is written again from the blob, and a turn is told of its memory.
    world.raw.delete_path("agents/ada/memory/early.json").await.unwrap();
    let moment = Moment::of(&world.raw, Some(Tick(20))).await.unwrap();
    let memory = moment.memory(&name("ada")).await.unwrap();
    assert_eq!(memory.values().collect::<Vec<_>>(), [&Ok(json!("kept from the first tick"))]);
    let early = moment.file(&Key::parse("shared/early.txt").unwrap()).await.unwrap();
    assert_eq!(early.as_deref(), Some(&b"early"[..]));
    // A fork takes it along.
    let to = Store::new(Arc::new(InMemory::new()), Path::from("org"), true);
    fork(&world.raw, &to, &Wish::default(), &|_, _| ()).await.unwrap();
    let report = fsck(&to, &Scope::default(), &|_, _| ()).await.unwrap();
    assert!(report.is_sound(), "{:#?}", report.findings);
}

#[tokio::test]
async fn steps_and_outboxes_go_alone_and_the_turns_can_still_be_run_again() {
    let world = world_without_dan().await;
    let done = collect(&world, &after(None, Some(3), Some(8)), false).await;
    assert!(done.stubs.is_empty() && done.blobs.is_empty() && done.kept.is_empty());
    let all = world.all().await;
    assert!(!all.keys().any(|path| path.starts_with("ticks/000000000010/steps/")));
    assert!(all.keys().any(|path| path.starts_with("ticks/000000000011/steps/")));
    assert!(!all.keys().any(|path| path.contains("/outbox/00000010_")));
    is_sound(&world, 10).await;
    let proof = prove(&world.replaying(), Tick(5), None).await.unwrap().unwrap();
    assert!(proof.turns.iter().all(|turn| turn.is_equal() && !turn.is_erased), "{proof:?}");
    // A step that is younger than that is a loss.
    world.raw.delete_path("ticks/000000000020/steps/ada/0.json").await.unwrap();
    let report = fsck(&world.raw, &Scope::default(), &|_, _| ()).await.unwrap();
    assert!(report.findings.iter().any(|found| found.code == Code::Missing), "{:#?}", report.findings);
}

#[tokio::test]
async fn a_forged_stub_is_found() {
    let world = world_without_dan().await;
    collect(&world, &after(Some(5), None, None), false).await;
    let mut stub = world.turn(3, "ada").await;
    stub.erased = Some(lemming::record::erased::Erased { sha256: lemming::domain::ids::Sha::of(b"another") });
    world.raw.put(&Key::Turn(Tick(3), name("ada")), lemming::record::encode(&stub).into()).await.unwrap();
    let report = fsck(&world.raw, &Scope::default(), &|_, _| ()).await.unwrap();
    let path = Key::Turn(Tick(3), name("ada")).path();
    assert!(report.findings.iter().any(|found| found.code == Code::WrongHash && found.path == path));
}

async fn objects_of(objects: Arc<InMemory>) -> BTreeMap<String, Bytes> {
    let store = Store::new(objects, Path::from("org"), true);
    let mut all = BTreeMap::new();
    for path in store.list(&Prefix::Everything).await.unwrap() {
        all.insert(path.clone(), store.get_path(&path).await.unwrap().unwrap());
    }
    all
}

async fn copied(all: &BTreeMap<String, Bytes>) -> Arc<InMemory> {
    let objects = Arc::new(InMemory::new());
    let store = Store::new(objects.clone(), Path::from("org"), true);
    for (path, bytes) in all {
        store.put_path(path, bytes.clone()).await.unwrap();
    }
    objects
}

#[tokio::test]
async fn a_run_that_was_broken_off_anywhere_is_made_to_the_end() {
    let mut world = world().await;
    world.org["limits"]["max_outbox_age_ticks"] = json!(3);
    world.found().await;
    live(&world, 19).await;
    let whole = world.all().await;
    let message = What::Message("00000000-0000-7000-8000-000000000002".parse().unwrap());
    for what in [None, Some(message)] {
        let run = |store: Store| {
            let what = what.clone();
            async move {
                match what {
                    None => retain(&store, &after(Some(1), None, None), false, &|_, _| ()).await.unwrap(),
                    Some(what) => erase(&store, &what, false, &|_, _| ()).await.unwrap(),
                }
            }
        };
        let done = copied(&whole).await;
        run(Store::new(done.clone(), Path::from("org"), true)).await;
        let done = objects_of(done).await;
        assert_ne!(done, whole);
        for n in (1..40).chain((40..).step_by(7)) {
            let objects = copied(&whole).await;
            let gate = Gate::closing_at(n);
            let gated = Gated { inner: objects.clone(), gate: gate.clone() };
            let is_over = tokio::select! {
                biased;
                _ = run(Store::new(Arc::new(gated), Path::from("org"), true)) => true,
                () = gate.hit() => false,
            };
            if is_over {
                break;
            }
            run(Store::new(objects.clone(), Path::from("org"), true)).await;
            assert!(objects_of(objects).await == done, "{what:?}, broken off at {n}");
        }
    }
}

#[tokio::test]
async fn a_message_that_must_go_is_gone_from_every_record_and_view() {
    let mut world = World::new(|request| {
        let heard: Vec<String> = request.view.inbox.iter().map(|entry| entry.text()).collect();
        let said = match (request.view.agent.as_str(), request.view.tick.0) {
            ("bob", 2) => format!("I heard: {heard:?}"),
            (agent, tick) => format!("{agent} in {tick}"),
        };
        Ok(json!({"outbox_entries": [{"payload": {"text": said}}]}).to_string())
    });
    world.org["visibility"] = json!("ordered");
    world.found().await;
    for agent in ["ada", "bob"] {
        world.agent(agent, json!({})).await;
    }
    world.tick().await;
    world.mail(1, "human", Some(&["bob"]), "my number is 555-\"0199\"").await;
    for _ in 0..4 {
        world.tick().await;
    }
    let holds = |all: BTreeMap<String, Bytes>| -> Vec<String> {
        let shows = |bytes: &Bytes| String::from_utf8_lossy(bytes).contains("0199");
        all.into_iter().filter(|(_, bytes)| shows(bytes)).map(|(path, _)| path).collect()
    };
    let before = world.all().await;
    assert!(holds(before.clone()).len() >= 4, "{:?}", holds(before.clone()));
    let what = What::Message("00000000-0000-7000-8000-000000000001".parse().unwrap());
    let dry = erase(&world.raw, &what, true, &|_, _| ()).await.unwrap();
    assert_eq!(world.all().await, before);
    let done = erase(&world.raw, &what, false, &|_, _| ()).await.unwrap();
    assert_eq!((&done.stubs, &done.deleted, &done.kept), (&dry.stubs, &dry.deleted, &dry.kept));
    assert!(done.stubs.contains(&Key::Plan(Tick(2)).path()), "{done:?}");
    assert!(done.kept.is_empty(), "{done:?}");
    assert_eq!(holds(world.all().await), Vec::<String>::new());
    is_sound(&world, 5).await;
    assert!(erase(&world.raw, &what, false, &|_, _| ()).await.unwrap().is_empty(), "nothing is left of it");
    world.tick().await;
    is_sound(&world, 5).await;
}

#[tokio::test]
async fn what_an_agent_did_and_a_memory_are_erased_as_far_as_nobody_needs_them() {
    let world = world_without_dan().await;
    let turn = What::Agent(name("bob"), Some(Tick(4)));
    let done = erase(&world.raw, &turn, false, &|_, _| ()).await.unwrap();
    assert!(done.stubs.contains(&Key::Turn(Tick(4), name("bob")).path()), "{done:?}");
    let readers = world.all().await;
    let quotes = |bytes: &Bytes| String::from_utf8_lossy(bytes).contains("bob 4 0:");
    assert!(!readers.values().any(quotes), "who read it shows it no more");
    is_sound(&world, 26).await;
    let memory = What::Memory(name("bob"), "told".parse().unwrap());
    let done = erase(&world.raw, &memory, false, &|_, _| ()).await.unwrap();
    let path = "agents/bob/memory/told.json";
    assert!(done.kept.iter().any(|kept| kept.path == path), "it lives: {:?}", done.kept);
    is_sound(&world, 26).await;
    // An open tick may need what is to go.
    world.raw.delete_path(&Key::Closed(Tick(26)).path()).await.unwrap();
    assert!(erase(&world.raw, &memory, false, &|_, _| ()).await.is_err());
}

fn lemming(folder: &std::path::Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(args).current_dir(folder).env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
    command.output().expect("the program")
}

#[test]
fn the_program_says_what_would_go_and_does_it_only_with_yes() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str]| {
        let output = lemming(folder.path(), args);
        let said = String::from_utf8(output.stdout).expect("utf-8");
        (said, output.status.code(), String::from_utf8(output.stderr).expect("utf-8"))
    };
    run(&["bootstrap"]);
    run(&["send", "editor", "Write about bumblebees."]);
    for _ in 0..13 {
        assert_eq!(run(&["tick"]).1, Some(0));
    }
    let (said, code, _) = run(&["gc"]);
    assert_eq!((said.as_str(), code), ("nothing is older than `retention` in org.json says\n", Some(0)));
    let (said, code, hint) = run(&["gc", "--erase", "editor/1"]);
    // Its memory still tells of it.
    assert_eq!(code, Some(1), "{said}{hint}");
    assert!(said.contains("stub  ticks/000000000001/turns/editor.json") && said.contains("dry run"), "{said}");
    assert!(said.contains("stays  agents/editor/memory/") && said.contains("incomplete"), "{said}");
    assert!(hint.contains("--yes"), "{hint}");
    let (said, code, hint) = run(&["gc", "--erase", "editor/1", "--yes", "--json"]);
    assert!(said.contains("\"dry_run\": false"), "{code:?} {said}{hint}");
    assert_eq!(run(&["fsck"]).1, Some(0), "{}", run(&["fsck"]).0);
    let (said, code, _) = run(&["replay", "1"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("editor  erased"), "{said}");
    for args in [["gc", "--yes"], ["gc", "--erase"], ["gc", "--memory=editor"], ["gc", "--erase=editor/x"]] {
        assert_eq!(run(&args).1, Some(2), "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_beside_running_ticks_is_nothing_that_they_need() {
    let world = world_without_dan().await;
    let retention = after(Some(5), Some(5), Some(5));
    let ticks = async {
        live(&world, 30).await;
    };
    let collections = async {
        let mut given_up = 0;
        for _ in 0..40 {
            given_up += collect(&world, &retention, false).await.stubs.len();
            tokio::task::yield_now().await;
        }
        given_up
    };
    let ((), given_up) = tokio::join!(ticks, collections);
    assert!(given_up > 0, "something was given up");
    let last = world.state().await.tick.0;
    // How late a turn may read what was given up meanwhile depends on who came first.
    is_sound(&world, last).await;
    // Nobody missed anything: the next ticks run as ever.
    live(&world, 2).await;
    is_sound(&world, last).await;
}

#[test]
fn what_was_erased_hides_nothing_else_of_the_past_nor_stops_a_fork() {
    let world = Program::founded();
    // She hears nobody, so that nothing of hers has to go along.
    world.write("agents/cyd/resume.json", resume("cyd").replace(r#"["ada", "bob"]"#, "[]"));
    for _ in 0..5 {
        world.text(&["tick"]);
    }
    world.run(&["gc", "--erase", "ada/2", "--yes"]);
    assert!(world.read("ticks/000000000002/turns/ada.json").contains("erased"), "it is a stub");
    let get = world.run(&["memory", "get", "ada", "said", "--at", "2"]);
    assert!(code(&get) == 6 && utf8(&get.stderr).contains("erased"), "{}", utf8(&get.stderr));
    let kept = world.json(&["memory", "list", "ada", "--at", "2"])["memory"][0].clone();
    assert!(kept["key"] == "said" && kept["broken"].to_string().contains("erased"), "{kept}");
    assert_eq!(world.json(&["memory", "search", "said", "--all", "--at", "2"])["found"][0]["agent"], "cyd");
    let diff = world.json(&["diff", "1..2"]);
    let of = |agent: &str| diff["memory"].as_array().unwrap().iter().find(|one| one["agent"] == agent).unwrap().clone();
    assert_eq!((&of("ada")["erased"], &of("cyd")["erased"]), (&json!(true), &serde_json::Value::Null), "{diff}");
    let beside = Program::empty();
    for at in ["2", "3"] {
        let dest = beside.at(at).display().to_string();
        world.text(&["fork", "--at", at, &dest]);
        assert_eq!(beside.has(&format!("{at}/agents/ada/memory/said.json")), at == "3");
        beside.text(&["--store", at, "tick"]);
        beside.text(&["--store", at, "fsck"]);
    }
}

fn showing(all: &BTreeMap<String, Bytes>, text: &str) -> Vec<String> {
    let shows = |bytes: &Bytes| String::from_utf8_lossy(bytes).contains(text);
    all.iter().filter(|(_, bytes)| shows(bytes)).map(|(path, _)| path.clone()).collect()
}

/// What ada says first, bob quotes.
async fn quoted() -> World {
    let mut world = World::new(|request| {
        let heard: Vec<String> = request.view.inbox.iter().map(|entry| entry.text()).collect();
        let said = match (request.view.agent.as_str(), request.view.tick.0) {
            ("ada", 1) => "the word is xyzzy-4711".to_owned(),
            ("bob", 1 | 2) => format!("I heard: {heard:?}"),
            (agent, tick) => format!("{agent} in {tick}"),
        };
        Ok(json!({"outbox_entries": [{"payload": {"text": said}}]}).to_string())
    });
    world.org["visibility"] = json!("ordered");
    world.found().await;
    for agent in ["ada", "bob"] {
        world.agent(agent, json!({})).await;
    }
    for _ in 0..2 {
        world.tick().await;
    }
    world
}

#[tokio::test]
async fn an_erasure_that_was_incomplete_is_completed_later_and_leaves_no_note_of_it() {
    let world = quoted().await;
    let what = What::Message(world.turn(1, "ada").await.effects.outbox[0].id);
    let first = erase(&world.raw, &what, false, &|_, _| ()).await.unwrap();
    assert!(world.turn(1, "ada").await.erased.is_some() && !first.kept.is_empty(), "{first:?}");
    assert!(!showing(&world.all().await, "xyzzy").is_empty());
    assert!(first.kept.iter().any(|kept| kept.path.starts_with("erasing/")), "{first:?}");
    for _ in 0..3 {
        world.tick().await;
    }
    let dry = erase(&world.raw, &what, true, &|_, _| ()).await.unwrap();
    let second = erase(&world.raw, &what, false, &|_, _| ()).await.unwrap();
    assert_eq!(second, dry);
    assert!(!second.stubs.is_empty() && second.kept.is_empty(), "{second:?}");
    let all = world.all().await;
    assert_eq!(showing(&all, "xyzzy"), Vec::<String>::new());
    assert!(!all.keys().any(|path| path.starts_with("erasing/")), "{all:?}");
    is_sound(&world, 5).await;
    assert!(erase(&world.raw, &what, false, &|_, _| ()).await.unwrap().is_empty(), "nothing is left of it");
}

#[tokio::test]
async fn an_erasure_that_was_broken_off_between_two_stubs_still_finds_every_quotation() {
    let world = quoted().await;
    let what = What::Message(world.turn(1, "ada").await.effects.outbox[0].id);
    for _ in 0..3 {
        world.tick().await;
    }
    let whole = world.all().await;
    for n in 1.. {
        let objects = copied(&whole).await;
        let gate = Gate::closing_at(n);
        let gated = Gated { inner: objects.clone(), gate: gate.clone() };
        let gated = Store::new(Arc::new(gated), Path::from("org"), true);
        let is_over = tokio::select! {
            biased;
            done = erase(&gated, &what, false, &|_, _| ()) => done.is_ok(),
            () = gate.hit() => false,
        };
        let raw = Store::new(objects.clone(), Path::from("org"), true);
        erase(&raw, &what, false, &|_, _| ()).await.unwrap();
        let all = objects_of(objects).await;
        assert_eq!(showing(&all, "xyzzy"), Vec::<String>::new(), "broken off at {n}");
        assert!(!all.keys().any(|path| path.starts_with("erasing/")), "broken off at {n}");
        if is_over {
            break;
        }
    }
}

/// An organisation in which bob keeps something in its first tick.
async fn with_a_memory() -> World {
    let world = World::new(|request| {
        let view = &request.view;
        Ok(match (view.agent.as_str(), view.tick.0) {
            ("bob", 1) => json!({"memory_updates": [{"key": "told", "value": "the word is xyzzy-4711"}]}),
            _ => json!({}),
        }
        .to_string())
    });
    world.found().await;
    world.agent("bob", json!({})).await;
    world.tick().await;
    world
}

/// The same when it was long ago, and lies in a blob that retention made.
async fn with_an_old_memory() -> (World, String) {
    let world = with_a_memory().await;
    for _ in 0..19 {
        world.tick().await;
    }
    let done = collect(&world, &after(Some(1), None, None), false).await;
    let [blob] = done.blobs.as_slice() else { panic!("{done:?}") };
    let delete = json!({"action": "memory", "agent": "bob", "key": "told", "operation": "delete"});
    world.command(1, delete).await;
    for _ in 0..3 {
        world.tick().await;
    }
    (world, blob.clone())
}

#[tokio::test]
async fn a_memory_that_must_go_is_gone_from_the_blob_that_retention_made_of_it() {
    let (world, blob) = with_an_old_memory().await;
    let memory = What::Memory(name("bob"), "told".parse().unwrap());
    let done = erase(&world.raw, &memory, false, &|_, _| ()).await.unwrap();
    assert!(done.deleted.contains(&blob) && done.kept.is_empty(), "{done:?}");
    assert_eq!(showing(&world.all().await, "xyzzy"), Vec::<String>::new());
    is_sound(&world, 23).await;
}

#[tokio::test]
async fn a_memory_that_a_person_archived_is_gone_from_the_archive_and_the_plan() {
    let world = with_a_memory().await;
    world.command(1, json!({"action": "archive", "agent": "bob", "key": "told"})).await;
    for _ in 0..4 {
        world.tick().await;
    }
    let archived = |all: &BTreeMap<String, Bytes>| all.keys().any(|path| path.starts_with("agents/bob/archive/told/"));
    assert!(archived(&world.all().await) && !world.plan(2).await.archive.is_empty());
    let memory = What::Memory(name("bob"), "told".parse().unwrap());
    let done = erase(&world.raw, &memory, false, &|_, _| ()).await.unwrap();
    assert!(done.kept.is_empty(), "{done:?}");
    let all = world.all().await;
    assert_eq!(showing(&all, "xyzzy"), Vec::<String>::new());
    assert!(!archived(&all));
    is_sound(&world, 5).await;
}

#[tokio::test]
async fn no_blob_is_deleted_once_a_tick_has_begun_beside_an_erasure() {
    let (world, blob) = with_an_old_memory().await;
    let whole = world.all().await;
    let next = Key::Plan(world.state().await.tick.next()).path();
    let plan = whole[&Key::Plan(world.state().await.tick).path()].clone();
    let memory = What::Memory(name("bob"), "told".parse().unwrap());
    let mut tried = 0;
    for n in (10..).step_by(10) {
        let objects = copied(&whole).await;
        let raw = Store::new(objects.clone(), Path::from("org"), true);
        let gate = Gate::closing_at(n);
        let gated = Gated { inner: objects.clone(), gate: gate.clone() };
        let gated = Store::new(Arc::new(gated), Path::from("org"), true);
        let begins = async {
            gate.hit().await;
            // Beside the deletion itself nobody can be.
            let is_there = raw.get_path(&blob).await.unwrap().is_some();
            raw.put_path(&next, plan.clone()).await.unwrap();
            gate.open();
            is_there
        };
        let erasure = erase(&gated, &memory, false, &|_, _| ());
        let (done, is_there) = tokio::join!(erasure, begins);
        let Ok(done) = done else { continue };
        if !is_there || tried == 3 {
            break;
        }
        tried += 1;
        assert!(raw.get_path(&blob).await.unwrap().is_some(), "begun at {n}");
        assert!(done.kept.iter().any(|kept| kept.path == blob), "{done:?}");
        // When it is closed, the rest goes.
        raw.delete_path(&next).await.unwrap();
        let done = erase(&raw, &memory, false, &|_, _| ()).await.unwrap();
        assert!(done.deleted.contains(&blob) && done.kept.is_empty(), "{done:?}");
    }
    assert!(tried > 0, "it began beside one");
}

#[tokio::test]
async fn mail_that_nobody_has_taken_yet_goes_with_its_message() {
    let world = quoted().await;
    world.mail(7, "human", Some(&["bob"]), "the number is 0800-4711").await;
    world.mail(8, "human", Some(&["bob"]), "again: the number is 0800-4711").await;
    let what = What::Message("00000000-0000-7000-8000-000000000007".parse().unwrap());
    let done = erase(&world.raw, &what, false, &|_, _| ()).await.unwrap();
    assert_eq!(done.deleted.len(), 1, "{done:?}");
    // Somebody else's waits for its reader.
    let waiting = showing(&world.all().await, "0800");
    assert_eq!(waiting.iter().filter(|path| path.starts_with("ingress/")).count(), 1, "{waiting:?}");
    let is_told = |path: &String| done.kept.iter().any(|kept| kept.path == *path);
    assert!(waiting.iter().all(is_told), "{waiting:?} {done:?}");
}

#[tokio::test]
async fn answers_that_a_fork_carries_go_with_what_they_say() {
    let world = quoted().await;
    world.tick().await;
    let to = Store::new(Arc::new(InMemory::new()), Path::from("org"), true);
    let wish = Wish { at: Some(Tick(1)), ..Wish::default() };
    fork(&world.raw, &to, &wish, &|_, _| ()).await.unwrap();
    let carried = |all: Vec<String>| all.into_iter().filter(|path| path.starts_with("recorded/answers/")).count();
    assert_eq!(carried(to.list(&Prefix::Recorded).await.unwrap()), 4, "of two ticks of two agents");
    // Of bob's, the one that quotes ada; of ada's, both.
    let done = erase(&to, &What::Agent(name("ada"), None), false, &|_, _| ()).await.unwrap();
    assert_eq!(carried(done.deleted.clone()), 3, "{done:?}");
    for path in to.list(&Prefix::Recorded).await.unwrap() {
        let bytes = to.get_path(&path).await.unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("xyzzy"), "{path}");
    }
}
