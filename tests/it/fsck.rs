//! `fsck`: corruptions of every kind are found, people's edits are none, and what follows from the records is mended.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output};
use std::sync::Arc;

use bytes::Bytes;
use lemming::domain::ids::Sha;
use lemming::domain::time::Tick;
use lemming::engine::Code;
use lemming::keep::fsck::{Report, Scope, fsck, repair};
use lemming::store::{Key, Prefix, Store};
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::{Value, json};

use crate::proof::{live, world};

type Objects = BTreeMap<String, Bytes>;

async fn lived(ticks: u64) -> Objects {
    let world = world().await;
    live(&world, ticks).await;
    world.all().await
}

async fn store(objects: &Objects) -> Store {
    let store = Store::new(Arc::new(InMemory::new()), Path::from("org"), true);
    for (path, bytes) in objects {
        store.put_path(path, bytes.clone()).await.unwrap();
    }
    store
}

async fn look(objects: &Objects, scope: &Scope) -> Report {
    fsck(&store(objects).await, scope, &|_, _| ()).await.unwrap()
}

/// The codes of what was found, by path.
fn codes(report: &Report) -> BTreeSet<(Code, String)> {
    report.findings.iter().map(|finding| (finding.code, finding.path.clone())).collect()
}

fn first(objects: &Objects, part: &str) -> String {
    objects.keys().find(|path| path.contains(part)).unwrap_or_else(|| panic!("no {part}")).clone()
}

#[tokio::test]
async fn a_sound_organisation_is_sound_from_anywhere_and_nothing_is_written() {
    let objects = lived(18).await;
    for from in [None, Some(Tick(1)), Some(Tick(9)), Some(Tick(12)), Some(Tick(18))] {
        let store = store(&objects).await;
        let report = fsck(&store, &Scope { from, expect: Vec::new() }, &|_, _| ()).await.unwrap();
        assert_eq!(codes(&report), BTreeSet::new(), "from {from:?}: {:#?}", report.findings);
        assert_eq!(report.ticks, 19 - from.unwrap_or(Tick(1)).0);
        assert_eq!(report.objects, objects.len());
        let head = report.head.expect("a head");
        let closed = &objects[&Key::Closed(Tick(18)).path()];
        assert_eq!((head.tick, head.sha256), (Tick(18), Sha::of(closed)));
        assert_eq!(store.list(&Prefix::Everything).await.unwrap().len(), objects.len());
    }
}

#[tokio::test]
async fn every_kind_of_corruption_is_found_where_it_is() {
    let objects = lived(10).await;
    let outbox = first(&objects, "agents/bob/outbox/00000004_");
    let archive = first(&objects, "agents/bob/archive/");
    let input = first(&objects, "inputs/");
    let blob = first(&objects, "blobs/");
    let at = |tick: u64, rest: &str| format!("ticks/{tick:012}/{rest}");
    // What is done to which path, and what is said of it.
    type Change = fn(&[u8]) -> Option<Vec<u8>>;
    let flip: Change = |bytes| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        Some(bytes)
    };
    let gone: Change = |_| None;
    let spaced: Change = |bytes| Some([b" ", bytes].concat());
    let garbage: Change = |_| Some(b"{".to_vec());
    let newer: Change = |bytes| {
        let mut value: Value = serde_json::from_slice(bytes).unwrap();
        value["format"] = json!(99);
        Some(value.to_string().into_bytes())
    };
    let cases: Vec<(String, Change, Code)> = vec![
        (at(4, "plan.json"), flip, Code::WrongHash),
        (at(4, "plan.json"), gone, Code::Missing),
        (at(4, "plan.json"), newer, Code::NewerFormat),
        (at(4, "closed.json"), gone, Code::Missing),
        (at(4, "closed.json"), spaced, Code::NotCanonical),
        (at(4, "closed.json"), spaced, Code::WrongHash),
        (at(4, "turns/ada.json"), flip, Code::WrongHash),
        (at(4, "turns/ada.json"), gone, Code::Missing),
        (at(4, "turns/ada.json"), garbage, Code::Unreadable),
        (at(4, "steps/ada/0.json"), flip, Code::WrongHash),
        (at(4, "steps/ada/1.json"), gone, Code::Missing),
        (at(4, "shards/0/0000.json"), flip, Code::WrongHash),
        (at(4, "shards/0/0001.json"), gone, Code::Missing),
        ("checkpoints/000000000008.json".to_owned(), flip, Code::WrongState),
        ("checkpoints/000000000008.json".to_owned(), garbage, Code::WrongState),
        (input, flip, Code::WrongHash),
        (blob.clone(), flip, Code::WrongHash),
        (blob, gone, Code::Missing),
        (outbox.clone(), flip, Code::StaleView),
        (outbox, gone, Code::MissingView),
        (archive.clone(), flip, Code::StaleView),
        (archive, gone, Code::MissingView),
        ("head.json".to_owned(), garbage, Code::WrongHint),
    ];
    for (path, change, code) in cases {
        let mut changed = objects.clone();
        match change(&objects[&path]) {
            Some(bytes) => drop(changed.insert(path.clone(), bytes.into())),
            None => drop(changed.remove(&path)),
        }
        let report = look(&changed, &Scope::default()).await;
        let found = codes(&report);
        let is_said = match code {
            // Without a closed record the ticks after it have no chain that leads to them.
            Code::Stranger => found.contains(&(code, at(5, "plan.json"))),
            _ => found.contains(&(code, path.clone())),
        };
        assert!(is_said, "{code:?} at {path}: {:#?}", report.findings);
        assert_eq!(report.is_sound(), !code.is_error(), "{path}");
    }
}

#[tokio::test]
async fn what_does_not_belong_is_named() {
    let mut objects = lived(3).await;
    let strangers = [
        ("ticks/000000000002/turns/eve.json", Code::Stranger),
        ("ticks/000000000002/shards/7/0000.json", Code::Stranger),
        ("ticks/000000000009/plan.json", Code::Stranger),
        ("ticks/2/plan.json", Code::ForeignFile),
        ("ticks/notes.txt", Code::ForeignFile),
        ("agents/ada/outbox/note.txt", Code::ForeignFile),
        ("agents/ada/outbox/00000002_00000000-0000-7000-8000-000000000001.json", Code::ForeignFile),
        ("checkpoints/000000000008.json", Code::Stranger),
        ("probe/probe:run:name", Code::Leftover),
        ("README.md", Code::UnknownKey),
    ];
    let link = objects["ticks/000000000002/shards/0/0000.json"].clone();
    for (path, _) in strangers {
        objects.insert(path.to_owned(), link.clone());
    }
    let seal = objects["ticks/000000000002/shards/0/0001.json"].clone();
    objects.insert("ticks/000000000002/shards/0/0002.json".to_owned(), seal);
    objects.insert(".git/config".to_owned(), Bytes::from("x"));
    let found = codes(&look(&objects, &Scope::default()).await);
    let mut expected: BTreeSet<_> = strangers.iter().map(|(path, code)| (*code, (*path).to_owned())).collect();
    expected.insert((Code::Stranger, "ticks/000000000002/shards/0/0002.json".to_owned()));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn peoples_edits_are_named_and_are_no_error() {
    let mut objects = lived(4).await;
    let edits = [
        ("agents/bob/memory/seen.json", Some(json!({"value": "mine"}).to_string())),
        ("agents/bob/memory/new.json", Some(json!({"value": 1}).to_string())),
        ("agents/bob/memory/told.json", Some("{ half".to_owned())),
        ("agents/ada/memory/log.json", None),
        ("agents/ada/workspace/large.txt", Some("mine".to_owned())),
        ("shared/board.txt", None),
    ];
    for (path, text) in &edits {
        match text {
            Some(text) => drop(objects.insert((*path).to_owned(), Bytes::from(text.clone()))),
            None => drop(objects.remove(*path).expect("it was there")),
        }
    }
    let store = store(&objects).await;
    let report = fsck(&store, &Scope::default(), &|_, _| ()).await.unwrap();
    let expected: BTreeSet<_> = edits.iter().map(|(path, _)| (Code::Edited, (*path).to_owned())).collect();
    assert_eq!(codes(&report), expected);
    assert!(report.is_sound());
    assert_eq!(repair(&store, &report, false).await.unwrap(), Vec::<String>::new(), "what a person wrote stays");
    let mended: BTreeSet<String> = repair(&store, &report, true).await.unwrap().into_iter().collect();
    assert_eq!(mended, edits.iter().map(|(path, _)| (*path).to_owned()).collect());
    assert_eq!(codes(&fsck(&store, &Scope::default(), &|_, _| ()).await.unwrap()), BTreeSet::new());
}

#[tokio::test]
async fn repair_writes_again_what_follows_from_the_records_and_nothing_else() {
    let whole = lived(10).await;
    let mut objects = whole.clone();
    let world_before = lived(9).await;
    // An older version of ours, as a delayed write leaves it.
    for path in ["agents/bob/memory/seen.json", "shared/board.txt", "agents/ada/workspace/large.txt"] {
        assert_ne!(objects[path], world_before[path]);
        objects.insert(path.to_owned(), world_before[path].clone());
    }
    objects.remove(&first(&whole, "agents/bob/outbox/00000004_"));
    objects.remove(&first(&whole, "agents/bob/archive/"));
    objects.insert("checkpoints/000000000008.json".to_owned(), Bytes::from("{}"));
    objects.insert("head.json".to_owned(), Bytes::from("{}"));
    let damaged = "ticks/000000000004/steps/ada/0.json";
    objects.remove(damaged);
    let store = store(&objects).await;
    let report = fsck(&store, &Scope::default(), &|_, _| ()).await.unwrap();
    assert_eq!(repair(&store, &report, false).await.unwrap().len(), 7, "{:#?}", report.findings);
    let after = fsck(&store, &Scope::default(), &|_, _| ()).await.unwrap();
    assert_eq!(codes(&after), [(Code::Missing, damaged.to_owned())].into());
    for (path, bytes) in whole.iter().filter(|(path, _)| *path != damaged) {
        assert_eq!(store.get_path(path).await.unwrap().as_ref(), Some(bytes), "{path}");
    }
    // What has changed since it was looked at is left alone.
    store.put_path("agents/bob/memory/seen.json", world_before["agents/bob/memory/seen.json"].clone()).await.unwrap();
    let report = fsck(&store, &Scope::default(), &|_, _| ()).await.unwrap();
    store.put_path("agents/bob/memory/seen.json", Bytes::from("{\"value\": 1}")).await.unwrap();
    assert_eq!(repair(&store, &report, false).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn over_damaged_records_nothing_is_repaired_and_the_gap_is_named() {
    let whole = lived(10).await;
    type Damage = fn(&Bytes) -> Option<Bytes>;
    let damages: [(Key, Damage); 3] = [
        (Key::Closed(Tick(1)), |_| None),
        (Key::Closed(Tick(5)), |bytes| Some(bytes.slice(..bytes.len() / 2))),
        (Key::Closed(Tick(1)), |bytes| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let (paid, one_more) = text.split_once("\"paid\": 0.0").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            Some(format!("{paid}\"paid\": 0.1{one_more}").into())
        }),
    ];
    for (key, damage) in damages {
        let mut objects = whole.clone();
        match damage(&whole[&key.path()]) {
            Some(bytes) => drop(objects.insert(key.path(), bytes)),
            None => drop(objects.remove(&key.path())),
        }
        let store = store(&objects).await;
        let report = fsck(&store, &Scope::default(), &|_, _| ()).await.unwrap();
        assert!(report.is_damaged, "{key}: {:#?}", report.findings);
        assert!(report.findings.iter().any(|finding| finding.path == key.path()), "{key}: {:#?}", report.findings);
        assert_eq!(report.open, None, "{key}: it was closed");
        assert_eq!(repair(&store, &report, true).await.unwrap(), Vec::<String>::new(), "{key}");
        for (path, bytes) in &objects {
            assert_eq!(store.get_path(path).await.unwrap().as_ref(), Some(bytes), "{key}: {path}");
        }
        let strangers = report.findings.iter().filter(|finding| finding.code == Code::Stranger).count();
        assert!(strangers == 0, "{key}: what lies beyond is not judged: {:#?}", report.findings);
    }
}

#[tokio::test]
async fn a_history_that_was_exchanged_is_not_the_one_that_was_noted() {
    let world = world().await;
    live(&world, 3).await;
    let noted = Sha::of(&world.all().await[&Key::Closed(Tick(3)).path()]);
    live_on(&world, 3).await;
    let objects = world.all().await;
    let expect = |tick, sha: &Sha| Scope { from: None, expect: vec![(Tick(tick), sha.clone())] };
    assert!(look(&objects, &expect(3, &noted)).await.is_sound());
    for (tick, sha) in [(3, Sha::of(b"another")), (2, noted.clone()), (7, noted)] {
        let report = look(&objects, &expect(tick, &sha)).await;
        assert_eq!(codes(&report), [(Code::UnexpectedHead, Key::Closed(Tick(tick)).path())].into());
    }
}

async fn live_on(world: &crate::world::World, ticks: u64) {
    for _ in 0..ticks {
        world.tick().await;
    }
}

#[tokio::test]
async fn an_open_tick_is_no_error_and_its_views_may_be_late() {
    let mut objects = lived(4).await;
    objects.remove(&Key::Closed(Tick(4)).path());
    objects.remove(&first(&objects, "agents/bob/outbox/00000004_"));
    let before = lived(3).await;
    objects.insert("shared/board.txt".to_owned(), before["shared/board.txt"].clone());
    objects.insert("agents/bob/memory/seen.json".to_owned(), before["agents/bob/memory/seen.json"].clone());
    objects.insert("head.json".to_owned(), before["head.json"].clone());
    let report = look(&objects, &Scope::default()).await;
    assert_eq!(report.open, Some(Tick(4)));
    // A person's edit that the open tick imports is still one for the closed ticks.
    let found: BTreeSet<_> = codes(&report).into_iter().filter(|(code, _)| *code != Code::Edited).collect();
    assert_eq!(found, [(Code::OpenTick, Key::Plan(Tick(4)).path())].into());
    assert!(report.is_sound());
}

fn lemming(folder: &std::path::Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(args).current_dir(folder).env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
    command.output().expect("the program")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("utf-8")
}

#[test]
fn the_program_proves_breaks_and_mends_the_example() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str]| lemming(folder.path(), args);
    assert!(run(&["bootstrap"]).status.success());
    assert!(run(&["send", "editor", "Write about bees."]).status.success());
    for _ in 0..3 {
        assert!(run(&["tick"]).status.success());
    }
    let output = run(&["fsck"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    assert!(said.starts_with("sound  3 ticks and "), "{said}");
    let head = said.lines().find_map(|line| line.strip_prefix("head: ")).expect("a head").to_owned();
    assert!(head.starts_with("3:") && head.len() == 66, "{head}");
    assert_eq!(run(&["fsck", "--expect", &head, "--from", "2"]).status.code(), Some(0));
    for beyond in ["4", "18446744073709551615"] {
        let output = run(&["fsck", "--from", beyond]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{said}");
        assert!(said.contains("was not planned") && said.contains("the last closed tick is 3"), "{said}");
    }
    let replayed = text(&run(&["replay", "3"]).stdout);
    assert!(
        replayed.contains(&format!("tick 3 comes out the same; its closed record is {}", &head[2..])),
        "{replayed}"
    );

    let outbox = folder.path().join("agents").read_dir().expect("agents").map(|agent| agent.expect("an agent").path());
    let views = outbox.flat_map(|agent| agent.join("outbox").read_dir().into_iter().flatten());
    let view = views.map(|view| view.expect("a view").path()).next().expect("somebody said something");
    std::fs::write(&view, "{}").expect("written");
    let output = run(&["fsck", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!((&document["sound"], &document["findings"][0]["code"]), (&json!(false), &json!("stale_view")));
    let output = run(&["fsck", "--repair"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).starts_with("repaired  agents/"), "{}", text(&output.stdout));

    let closed = folder.path().join("ticks/000000000002/closed.json");
    let bytes = std::fs::read_to_string(&closed).expect("a closed record");
    std::fs::write(&closed, bytes.replacen("\"paid\":", "\"Paid\":", 1) + " ").expect("written");
    let output = run(&["replay", "2"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("wrong_hash  ticks/000000000002/closed.json"), "{}", text(&output.stdout));
    let output = run(&["fsck", "--expect", "3:abc"]);
    assert_eq!(output.status.code(), Some(2));
}
