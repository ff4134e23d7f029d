//! `lemming export` and `lemming import`: an organisation goes elsewhere whole, and one of the original system comes in.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use lemming::chronicle::moment::Moment;
use lemming::store::{Prefix, Store};
use lemming::transfer::Limits;
use lemming::transfer::archive::{export, import};
use object_store::memory::InMemory;
use object_store::path::Path as At;
use serde_json::{Value, json};

use crate::bucket::Bucket;
use crate::gate::{Gate, Gated};
use crate::program::{Program, code, utf8};
use crate::world::{World, says};

/// An organisation with some history, mail that waits, an edit of a person and a key.
fn lived() -> Program {
    let world = Program::empty();
    world.text(&["bootstrap", "--store", "one"]);
    world.text(&["--store", "one", "send", "editor", "Should we move our backups?"]);
    for _ in 0..10 {
        world.text(&["--store", "one", "tick"]);
    }
    world.write("one/agents/editor/memory/count.json", r#"{ "key": "count", "value": 7 }"#);
    world.write("one/shared/notes of people/ä.md", "by hand");
    world.text(&["--store", "one", "send", "editor", "And the photos?"]);
    world.text(&["--store", "one", "keys", "add", "web", "--scope", "send"]);
    world
}

fn inside(files: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    files.into_iter().filter(|(name, _)| name != "head.json" && name != "config/keys.json").collect()
}

#[test]
fn an_organisation_goes_elsewhere_whole_and_goes_on_there() {
    let world = lived();
    let before = world.files("one");
    let done = world.json(&["--store", "one", "export", "a.tar.gz"]);
    assert_eq!((&done["exported"]["tick"], &done["exported"]["went_on"]), (&json!(10), &json!(false)));
    assert_eq!(world.files("one"), before, "an export only reads");
    assert_eq!(world.refused(&["--store", "one", "export", "a.tar.gz"]).0, 2, "no file is overwritten");
    world.text(&["--store", "one", "export", "b.tar.gz"]);
    let bytes = std::fs::read(world.at("a.tar.gz")).unwrap();
    assert_eq!(bytes, std::fs::read(world.at("b.tar.gz")).unwrap(), "the same organisation gives the same bytes");

    let said = world.run(&["import", "a.tar.gz", "three"]);
    assert!(utf8(&said.stderr).contains("`lemming fsck` there"), "{}", utf8(&said.stderr));
    let done = world.json(&["import", "a.tar.gz", "two"]);
    assert_eq!((&done["from"], &done["imported"]["tick"]), (&json!("archive"), &json!(10)));
    assert_eq!(inside(world.files("two")), inside(before));
    assert!(!world.has("two/config/keys.json"));
    assert_eq!(world.json(&["--store", "two", "validate"])["errors"], json!(0));
    for tick in ["1", "10"] {
        world.text(&["--store", "two", "replay", tick]);
    }
    world.text(&["--store", "two", "export", "c.tar.gz"]);
    assert_eq!(std::fs::read(world.at("c.tar.gz")).unwrap(), bytes, "there and back again");
    let (one, two) = (world.json(&["--store", "one", "tick"]), world.json(&["--store", "two", "tick"]));
    assert_eq!(one["due"], two["due"]);
    let turn = world.json(&["--store", "two", "inspect", "editor", "--turns", "1"]);
    assert!(turn["turns"][0]["record"]["prompt"].to_string().contains("And the photos?"), "mail that waited is read");
    assert_eq!(world.refused(&["import", "a.tar.gz", "two"]).0, 2, "an organisation is not overwritten");
}

#[test]
fn archives_go_through_pipes_and_keys_only_if_both_sides_say_so() {
    let world = lived();
    let output = world.run(&["--store", "one", "export", "--with-keys"]);
    assert_eq!(code(&output), 0, "{}", utf8(&output.stderr));
    assert_eq!(world.refused(&["--store", "one", "export"]).0, 2, "two things on one stream");
    for (args, has_keys) in [(vec!["import", "-", "two"], false), (vec!["import", "-", "three", "--with-keys"], true)] {
        let mut child = world.command(&args).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&output.stdout).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(world.has(&format!("{}/config/keys.json", args[2])), has_keys);
    }
}

#[test]
fn an_import_that_was_broken_off_leaves_no_organisation_and_can_be_gone_on_with() {
    let world = lived();
    world.text(&["--store", "one", "export", "a.tar.gz"]);
    let whole = std::fs::read(world.at("a.tar.gz")).unwrap();
    world.write("half.tar.gz", &whole[..whole.len() * 2 / 3]);
    let (exit, error) = world.refused(&["import", "half.tar.gz", "two"]);
    assert_eq!(exit, 3, "{error}");
    assert!(!world.has("two/org.json") && world.has("two/config"), "something was written, and no organisation");
    assert_eq!(code(&world.run(&["--store", "two", "status"])), 6);
    world.text(&["import", "a.tar.gz", "two"]);
    assert_eq!(world.json(&["--store", "two", "status"])["tick"], 10);
    // Where something else lies there is a conflict, and no organisation.
    world.write("three/shared/notes of people/ä.md", "mine");
    let (exit, error) = world.refused(&["import", "a.tar.gz", "three"]);
    assert!(exit == 1 && error["message"].as_str().unwrap().contains("notes of people"), "{error}");
    assert!(world.read("three/shared/notes of people/ä.md") == "mine" && !world.has("three/org.json"));
    world.write("nothing.tar.gz", "x");
    assert_eq!(world.refused(&["import", "nothing.tar.gz", "four"]).0, 3);
    assert_eq!(world.refused(&["import", "a.tar.gz", "four", "--max-bytes", "1000"]).0, 3);
    assert!(!world.has("four/org.json"));
}

#[test]
fn an_open_tick_stays_behind_and_the_copy_goes_on_from_the_last_closed_one() {
    let world = Program::founded();
    world.text(&["tick"]);
    world.text(&["tick"]);
    // As after a crash before the close.
    std::fs::remove_file(world.at("ticks/000000000002/closed.json")).unwrap();
    std::fs::remove_file(world.at("head.json")).unwrap();
    let done = world.json(&["export", "a.tar.gz"]);
    assert_eq!((&done["exported"]["tick"], &done["exported"]["went_on"]), (&json!(1), &json!(true)));
    world.text(&["import", "a.tar.gz", "copy"]);
    assert!(!world.has("copy/ticks/000000000002/plan.json"));
    assert_eq!(world.files("copy/agents/ada/outbox").len(), 1, "what was said in it is not there either");
    assert_eq!(world.json(&["--store", "copy", "tick"])["tick"], 2);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            std::fs::copy(entry.path(), to).map(|_| ()).unwrap()
        }
    }
}

fn old_office() -> Program {
    let world = Program::empty();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/original"), &world.at("office"));
    world
}

#[test]
fn a_folder_of_the_original_system_comes_in_is_valid_and_runs() {
    let world = old_office();
    let before = world.files("office");
    let done = world.json(&["import", "office", "new"]);
    let imported = &done["imported"];
    assert_eq!(done["from"], "original");
    assert_eq!(imported["agents"], json!(["clerk", "manager", "writer"]));
    assert_eq!((&imported["tick"], &imported["archived"], &imported["memories"]), (&json!(42), &json!(7), &json!(1)));
    let left: Vec<&str> =
        imported["left_out"].as_array().unwrap().iter().map(|left| left["path"].as_str().unwrap()).collect();
    for path in [
        "README.md",
        "agents/agent_template/resume.json",
        "agents/manager/logs/structured.jsonl",
        "agents/manager/memory/broken.json",
        "agents/old_hand/resume.txt",
        "agents/poet/resume.json",
        "lemming/config/credits.json#/gone",
        "lemming/config/models.json#/exotic",
        "lemming/config/models.json#/gpt/provider_config/api_key",
        "lemming/config/models.json#/local/provider_config/env",
        "lemming/config/org_config.json#/base_turn_seconds",
        "lemming/config/org_config.json#/max_turns",
        "lemming/config/org_config.json#/summary_every_n_turns",
        "lemming/config/tools.json",
    ] {
        assert!(left.contains(&path), "{path} is not told of: {left:#?}");
    }
    assert_eq!(world.files("office"), before, "the original stays as it is");
    let written: String =
        world.files("new").iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
    assert!(!written.contains("sk-planted-secret") && !done.to_string().contains("sk-planted-secret"));

    // Money: what was left is what the accounts open with, and what top-ups lift them to is as it was.
    let manager: Value = serde_json::from_str(&world.read("new/agents/manager/resume.json")).unwrap();
    assert_eq!(manager["credits"], json!({ "max_credits": 100.0, "soft_cap": 5, "opening_credits": 9.989999 }));
    assert_eq!(manager["department"], "office", "unknown fields are kept");
    let org: Value = serde_json::from_str(&world.read("new/org.json")).unwrap();
    assert_eq!((&org["name"], &org["credits"]["cost_per_action"]), (&json!("office"), &json!(0.02)));
    let models: Value = serde_json::from_str(&world.read("new/config/models.json")).unwrap();
    assert!(
        models["future"]["price"]["output"].as_f64().unwrap() > 1.0,
        "an unknown price counts as the dearest: {models}"
    );
    let notes = imported["notes"].to_string();
    for word in ["gpt-of-the-future", "opposite sign", "were moved by that", "the highest: 0.02"] {
        assert!(notes.contains(word), "{word} is not in {notes}");
    }

    let found = world.json(&["--store", "new", "validate"]);
    assert_eq!(found["errors"], json!(0), "{found}");
    // The next tick there would have been 43; by the rule the writer runs at 44, clock 2 here.
    let due = world.json(&["--store", "new", "tick"])["due"].to_string();
    assert!(due.contains("manager") && !due.contains("writer") && !due.contains("clerk"), "{due}");
    let turn = world.json(&["--store", "new", "inspect", "manager", "--turns", "1"]);
    let record = &turn["turns"][0]["record"];
    assert_eq!(record["status"], "ok", "{record}");
    let prompt = record["prompt"].to_string();
    for word in [
        "How far is the annual report?",
        "From writer, in tick 42 before the move: The report is begun.",
        "annual report",
    ] {
        assert!(prompt.contains(word), "{word} is not in {prompt}");
    }
    assert!(!prompt.contains("Welcome, everybody"), "what it had read stays read");
    assert!(!prompt.contains("is in my workspace"), "what it had read stays read");
    let account = world.json(&["--store", "new", "agents", "show", "manager"])["account"].clone();
    assert_eq!((&account["received"], &account["balance"]), (&json!(9.989999), &json!(9.969999)));
    // An account that was overdrawn opens empty: its agent waits for a top-up, with its mail.
    let second = world.json(&["--store", "new", "tick"]);
    assert!(second.to_string().contains("no_credits"), "{second}");
    world.text(&["--store", "new", "credits", "top-up", "writer", "5"]);
    for _ in 0..3 {
        world.text(&["--store", "new", "tick"]);
    }
    let turn = world.json(&["--store", "new", "inspect", "writer", "--turns", "1"]);
    let prompt = turn["turns"][0]["record"]["prompt"].to_string();
    assert!(prompt.contains("annual report") && !prompt.contains("Please draft the newsletter"), "{prompt}");
    assert!(world.has("new/agents/writer/workspace/newsletter.md") && world.has("new/shared/style.md"));
    assert_eq!(world.files("new/agents/manager/archive/outbox").len(), 3);
    assert_eq!(world.refused(&["import", "office", "new"]).0, 2);
}

#[test]
fn balances_that_cannot_be_read_are_not_lost_in_silence() {
    let world = old_office();
    world.write("office/lemming/config/credits.json", r#"{ "writer": 5 }"#);
    world.write("office/lemming/config/tick.json", r#""x""#);
    let left_out = world.json(&["import", "office", "new"])["imported"]["left_out"].to_string();
    assert!(left_out.contains("credits.json#/writer") && left_out.contains("tick.json"), "{left_out}");
    world.write("office/lemming/config/credits.json", "[]");
    let left_out = world.json(&["import", "office", "other"])["imported"]["left_out"].to_string();
    assert!(left_out.contains("holds no accounts by name"), "{left_out}");
}

#[test]
fn the_sign_of_the_originals_code_can_be_asked_for_and_what_is_no_such_folder_is_refused() {
    let world = old_office();
    let output = world.run(&["import", "office", "new", "--negate-offsets", "--name", "Ours"]);
    let told = utf8(&output.stderr);
    assert!(
        told.contains(r#"the model local runs a program where the organisation ticks: ["echo","noted:"]"#),
        "{told}"
    );
    assert!(world.read("new/org.json").contains("Ours"));
    // Its code ran the writer where (tick - 1) % 3 == 0: at 43, clock 1 here.
    let writer = world.json(&["--store", "new", "agents", "show", "writer"]);
    assert_eq!(writer["next"][0]["clock"], 1);
    world.text(&["bootstrap", "--store", "other"]);
    let (exit, error) = world.refused(&["import", "other", "third"]);
    assert!(exit == 2 && error["hint"].as_str().unwrap().contains("export"), "{error}");
    std::fs::create_dir_all(world.at("empty")).unwrap();
    assert_eq!(world.refused(&["import", "empty", "third"]).0, 6);
    for resume in ["manager", "writer", "clerk", "poet"] {
        world.write(&format!("office/agents/{resume}/resume.json"), "{");
    }
    assert_eq!(world.refused(&["import", "office", "third"]).0, 3);
    assert!(!world.has("third/org.json"));
}

#[test]
fn on_a_bucket_all_of_it_works_the_same() {
    let bucket = Bucket::start();
    let world = Program::empty();
    let (one, two) = (bucket.url("orgs/one"), bucket.url("orgs/two"));
    let run = |args: &[&str]| world.text(&[&["--store", &one], args].concat());
    run(&["bootstrap", "--template", "support_desk"]);
    run(&["send", "triage", "I want a refund."]);
    run(&["tick"]);
    let resume = || bucket.text("orgs/one/agents/billing/resume.json");
    let written = resume().unwrap();
    run(&["agents", "edit", "billing", "--set", "/title=Money"]);
    assert_eq!(resume(), Some(written.replace("\"Billing\"", "\"Money\"")));
    run(&["agents", "clone", "billing", "payments"]);
    run(&["agents", "disable", "payments"]);
    run(&["agents", "remove", "payments", "--yes"]);
    assert_eq!(bucket.text("orgs/one/agents/payments/resume.json"), None);
    run(&["agents", "restore", "payments"]);
    assert!(
        bucket.text("orgs/one/agents/payments/resume.json").is_some_and(|text| text.contains("\"enabled\": false"))
    );
    assert!(bucket.text("orgs/one/removed/payments.json").is_none());
    // A template in a bucket, and configuration from one.
    let template = bucket.url("templates/ours");
    run(&["templates", "export", &template, "--name", "ours", "--agents", "triage,billing,technical,reviewer"]);
    run(&["templates", "import", &template]);
    assert_eq!(world.json(&["templates", "show", &template])["about"]["name"], "ours");
    world.write("git/org.json", r#"{ "format": 1, "name": "From git" }"#);
    world.write("git/agents/triage/resume.json", bucket.text("orgs/one/agents/triage/resume.json").unwrap());
    let done = world.json(&["--store", &one, "apply", "git", "--yes"]);
    assert_eq!(done["changes"].as_array().map(Vec::len), Some(1), "{done}");
    assert_eq!(code(&world.run(&["--store", &one, "apply", "git", "--dry-run"])), 0);
    // To another place in the bucket, and to a folder.
    run(&["export", "a.tar.gz"]);
    world.text(&["import", "a.tar.gz", &two]);
    world.text(&["import", "a.tar.gz", "here"]);
    let without_hint = |prefix: &str| {
        let mut objects = bucket.below(prefix);
        objects.remove("head.json");
        objects
    };
    assert_eq!(without_hint("orgs/two/"), without_hint("orgs/one/"));
    for place in [&one, &two, "here"] {
        for _ in 0..3 {
            world.text(&["--store", place, "tick"]);
        }
        let inbox = world.json(&["--store", place, "inbox"]);
        assert!(inbox.to_string().contains("to be sent: Within 30 days"), "{inbox}");
    }
    let orgs = world.json(&["orgs", &bucket.url("orgs")]);
    let names: Vec<&str> = orgs["orgs"].as_array().unwrap().iter().map(|org| org["folder"].as_str().unwrap()).collect();
    assert_eq!(names, ["one", "two"], "{orgs}");
    let office = old_office();
    let moved = bucket.url("orgs/moved");
    office.text(&["import", "office", &moved]);
    assert!(office.json(&["--store", &moved, "tick"])["due"].to_string().contains("manager"));
}

/// What is written, for whoever holds the other end.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn mail_that_a_tick_takes_during_an_export_is_not_lost_wherever_it_closes() {
    let mut whole = 0;
    for n in 1.. {
        let world = World::new(|_| Ok(says("yes")));
        world.found().await;
        world.agent("ada", json!({})).await;
        world.tick().await;
        world.mail(1, "human", Some(&["ada"]), "sent before the export began").await;
        let gate = Gate::closing_at(n);
        let gated = Gated { inner: world.objects.clone(), gate: gate.clone() };
        let (from, written) = (Store::new(Arc::new(gated), At::from("org"), true), Written::default());
        let to = Box::new(written.clone());
        let mut export = tokio::spawn(async move { export(&from, to, false).await });
        let (exported, is_over) = tokio::select! {
            biased;
            done = &mut export => (done.unwrap(), true),
            () = gate.hit() => {
                assert!(world.tick().await.closed);
                gate.open();
                (export.await.unwrap(), false)
            }
        };
        if exported.is_ok() {
            whole += 1;
            let bytes = std::io::Cursor::new(written.0.lock().unwrap().clone());
            let copy = Store::new(Arc::new(InMemory::new()), At::from("org"), true);
            import(Box::new(bytes), &copy, Limits::default(), false).await.unwrap();
            let waits = copy.list(&Prefix::Ingress).await.unwrap().len();
            let taken = Moment::now(&copy).await.unwrap().state.admitted.len();
            assert!(waits + taken > 0, "a tick that closed at operation {n} took it along");
        }
        if is_over {
            assert!(n > 20 && whole > 10, "{whole} of {n}");
            break;
        }
    }
}
