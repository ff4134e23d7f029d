//! The command line: help, exit codes, what goes to which stream, and what `validate` finds.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// An organisation in a folder of its own, and the real program.
struct World {
    folder: TempDir,
}

impl World {
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("folder") }
    }

    /// Two agents with a model of no price, whose script has no rule.
    fn founded() -> Self {
        let world = Self::empty();
        world.write("org.json", json!({ "format": 1, "name": "Test" }).to_string());
        let price = json!({ "input": 0, "output": 0 });
        let model =
            json!({ "provider": "scripted", "price": price, "provider_config": { "script": "config/script.json" } });
        world.write("config/models.json", json!({ "m": model }).to_string());
        world.write("config/script.json", r#"{ "rules": [] }"#);
        for agent in ["ada", "bob"] {
            world.write(&format!("agents/{agent}/resume.json"), resume(agent).to_string());
        }
        world
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        std::fs::write(path, text).expect("write");
    }

    /// Every file and its content, to see that nothing changed.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        fn walk(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
            for entry in std::fs::read_dir(folder).expect("folder") {
                let path = entry.expect("entry").path();
                if path.is_dir() && !path.is_symlink() {
                    walk(&path, found);
                } else {
                    found.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
                }
            }
        }
        let mut found = Vec::new();
        walk(self.path(), &mut found);
        found.sort();
        found
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command.args(args).current_dir(self.path()).env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
        command.output().expect("the program")
    }

    /// The findings of `validate` as (severity, code, path, pointer), and its exit code.
    fn validate(&self) -> (Vec<[String; 4]>, i32) {
        let output = self.run(&["validate", "--json"]);
        let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
        let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let findings = document["findings"].as_array().expect("findings");
        let short = |f| [text(f, "severity"), text(f, "code"), text(f, "path"), text(f, "pointer")];
        for finding in findings {
            assert!(!text(finding, "message").is_empty() && !text(finding, "expected").is_empty(), "{finding}");
        }
        (findings.iter().map(short).collect(), code(&output))
    }
}

fn resume(name: &str) -> Value {
    json!({
        "name": name,
        "title": "Agent",
        "short_description": "Does what it is told.",
        "instructions": "Answer.",
        "model": { "key": "m" },
        "permissions": { "read_outboxes": ["ada", "bob"] },
        "schedule": { "run_every_n_ticks": 1 },
    })
}

/// The same resume with one value changed.
fn changed(name: &str, pointer: &str, value: Value) -> String {
    let mut resume = resume(name);
    *resume.pointer_mut(pointer).expect("pointer") = value;
    resume.to_string()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("utf-8")
}

fn envelope(output: &Output) -> Value {
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    let stderr = text(&output.stderr);
    serde_json::from_str(stderr.lines().last().expect("a line")).expect("an envelope")
}

#[test]
fn the_demo_says_that_the_environment_has_no_say_where_it_is_played() {
    let output = World::empty().run(&["demo", "--help"]);
    let shown = text(&output.stdout);
    assert!(
        shown.contains("[default: the folder of --dir; the environment variable LEMMING_STORE has no say]"),
        "{shown}"
    );
    assert!(!shown.contains("or else the current folder"), "{shown}");
    for args in [["--store", "memory://", "demo", "--ticks", "1"], ["demo", "--store", "memory://", "--ticks", "1"]] {
        let world = World::empty();
        let output = world.run(&args);
        let told = text(&output.stdout);
        assert_eq!(code(&output), 0, "{told}{}", text(&output.stderr));
        assert!(told.contains("It was in memory, and is gone"), "{told}");
        assert!(world.files().is_empty(), "nothing is written anywhere else");
    }
}

#[test]
fn a_sound_organisation_is_valid_and_permission_cycles_are_legal() {
    let world = World::founded();
    assert_eq!(world.validate(), (Vec::new(), 0));
}

#[test]
fn every_bad_input_is_named_exactly() {
    let ada = "agents/ada/resume.json";
    let models = "config/models.json";
    let model = |price: &str| {
        format!(r#"{{"m": {{"provider": "scripted", "price": {price}, "provider_config": {{"rules": []}}}}}}"#)
    };
    for (path, content, code, pointer) in [
        (ada, "{ \"name\": \"ada\",".to_owned().into_bytes(), "broken_json", ""),
        (ada, b"\xff\xfe{".to_vec(), "not_utf8", ""),
        (ada, b"\xef\xbb\xbf{}".to_vec(), "broken_json", ""),
        (ada, changed("ada", "/name", json!("eve")).into_bytes(), "wrong_name", "/name"),
        (ada, changed("ada", "/name", json!("Ada")).into_bytes(), "wrong_value", "/name"),
        (ada, changed("ada", "/model/key", json!("mm")).into_bytes(), "unknown_model", "/model/key"),
        (ada, changed("ada", "/short_description", json!("")).into_bytes(), "out_of_range", "/short_description"),
        (ada, changed("ada", "/schedule/run_every_n_ticks", json!(0)).into_bytes(), "out_of_range", "/schedule/run_every_n_ticks"),
        (ada, changed("ada", "/instructions", json!(5)).into_bytes(), "wrong_type", "/instructions"),
        (ada, changed("ada", "/permissions/read_outboxes/1", json!("B B")).into_bytes(), "wrong_value", "/permissions/read_outboxes/1"),
        (models, model(r#"{"input": -1, "output": 0}"#).into_bytes(), "out_of_range", "/m/price/input"),
        (models, model(r#"{"input": 1}"#).into_bytes(), "missing_field", "/m/price"),
        (models, br#"{"m": {"provider": "nosuch", "price": {"input": 0, "output": 0}}}"#.to_vec(), "unknown_provider", "/m/provider"),
        (models, br#"{"m": {"provider": "scripted", "price": {"input": 0, "output": 0}, "provider_config": {"script": "config/none.json"}}}"#.to_vec(), "missing_file", "/m/provider_config/script"),
        ("config/script.json", br#"{"rules": 3}"#.to_vec(), "wrong_type", "/rules"),
        ("org.json", br#"{"format": 2, "name": "Test"}"#.to_vec(), "unknown_format", "/format"),
        ("org.json", br#"{"format": 1, "name": "Test", "budget": {"credits": -2}}"#.to_vec(), "out_of_range", "/budget/credits"),
        ("org.json", br#"{"format": 1, "name": "Test", "pace": {"every": "5 min"}}"#.to_vec(), "wrong_value", "/pace/every"),
        ("org.json", br#"{"format": 1, "name": "Test", "memory": {"max_list_items": 0}}"#.to_vec(), "out_of_range", "/memory/max_list_items"),
        ("org.json", br#"{"format": 1, "name": "Test", "memory": {"embeddings": "none"}}"#.to_vec(), "unknown_model", "/memory/embeddings"),
        ("org.json", br#"{"format": 1, "name": "Test", "memory": {"embeddings": "m"}}"#.to_vec(), "unusable_model", "/memory/embeddings"),
        ("org.json", br#"{"format": 1, "name": "Test", "visibility": "all"}"#.to_vec(), "wrong_value", "/visibility"),
    ] {
        let world = World::founded();
        world.write(path, &content);
        let before = world.files();
        let (found, exit) = world.validate();
        let expected = ["error", code, path, pointer].map(str::to_owned);
        assert_eq!((found, exit), (vec![expected], 3), "{}", String::from_utf8_lossy(&content));
        assert_eq!(world.files(), before);
    }
}

#[test]
fn every_problem_is_reported_at_once() {
    let world = World::founded();
    world.write("agents/eve/notes.txt", "no resume here");
    world.write("agents/Bad-Name/resume.json", "{}");
    world.write("agents/agent_template/resume.json", "{ a template is no agent");
    let mut bob = resume("bob");
    bob["colour"] = json!("red");
    bob["schedule"]["phase_ofset"] = json!(1);
    bob["permissions"]["read_outboxes"] = json!(["ada", "adda"]);
    bob["model"] = json!({ "key": "m", "temperature": 3, "max_tokens": 0 });
    world.write("agents/bob/resume.json", bob.to_string());
    let (found, exit) = world.validate();
    let found: Vec<String> = found.iter().map(|finding| finding.join(" ").trim_end().to_owned()).collect();
    insta::assert_snapshot!(found.join("\n"), @r#"
    error bad_name agents/Bad-Name
    error out_of_range agents/bob/resume.json /model/max_tokens
    error out_of_range agents/bob/resume.json /model/temperature
    warning unknown_field agents/bob/resume.json /colour
    warning unknown_name agents/bob/resume.json /permissions/read_outboxes/1
    warning unknown_field agents/bob/resume.json /schedule/phase_ofset
    error missing_file agents/eve/resume.json
    "#);
    assert_eq!(exit, 3);
}

#[test]
fn warnings_alone_end_with_0() {
    let world = World::founded();
    world.write("agents/bob/resume.json", changed("bob", "/permissions/read_outboxes/0", json!("adda")));
    let (found, exit) = world.validate();
    let place = "/permissions/read_outboxes/0";
    assert_eq!(found, [["warning", "unknown_name", "agents/bob/resume.json", place].map(str::to_owned)]);
    assert_eq!(exit, 0);
}

#[test]
fn an_organisation_without_agents_is_an_error() {
    let world = World::founded();
    std::fs::remove_dir_all(world.path().join("agents")).expect("remove");
    let (found, exit) = world.validate();
    assert_eq!(found, [["error", "no_agents", "agents", ""].map(str::to_owned)]);
    assert_eq!(exit, 3);
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_organisation_is_named() {
    let world = World::founded();
    let outside = tempfile::NamedTempFile::new().expect("file");
    std::fs::write(outside.path(), resume("ada").to_string()).expect("write");
    let link = world.path().join("agents/ada/resume.json");
    std::fs::remove_file(&link).expect("remove");
    std::os::unix::fs::symlink(outside.path(), &link).expect("link");
    let (found, exit) = world.validate();
    assert!(found.contains(&["error", "symlink", "agents/ada/resume.json", ""].map(str::to_owned)), "{found:?}");
    assert_eq!(exit, 3);
}

#[test]
fn bootstrap_twice_changes_nothing_and_the_example_is_valid() {
    let world = World::empty();
    let first = world.run(&["bootstrap", "--name", "Ours"]);
    assert_eq!(code(&first), 0, "{}", text(&first.stderr));
    let before = world.files();
    assert!(text(&std::fs::read(world.path().join("org.json")).expect("org")).contains("Ours"));
    let second = world.run(&["bootstrap", "--json"]);
    let document: Value = serde_json::from_slice(&second.stdout).expect("a document");
    assert_eq!(document["created"], json!([]));
    assert_eq!(world.files(), before);
    assert_eq!(world.validate(), (Vec::new(), 0));
}

#[test]
fn bootstrap_founds_an_organisation_for_a_scheduler_and_changes_the_pace_of_none() {
    let world = World::empty();
    assert_eq!(code(&world.run(&["bootstrap", "--every", "90s"])), 0);
    let pace = || {
        let org = std::fs::read(world.path().join("org.json")).expect("org");
        serde_json::from_slice::<Value>(&org).expect("json")["pace"].clone()
    };
    assert_eq!(pace(), json!({"every": "90s"}));
    assert_eq!(world.validate(), (Vec::new(), 0));
    let again = world.run(&["bootstrap", "--every", "5m"]);
    assert_eq!(code(&again), 0);
    assert!(text(&again.stderr).contains("keeps its pace"), "{}", text(&again.stderr));
    assert_eq!(pace(), json!({"every": "90s"}));
    assert_eq!(code(&world.run(&["bootstrap", "--every", "soon"])), 2);
}

#[test]
fn bootstrap_in_memory_says_that_nothing_is_kept() {
    let output = World::empty().run(&["bootstrap", "--store", "memory://"]);
    assert_eq!(code(&output), 0);
    assert!(text(&output.stderr).contains("nothing is kept"), "{}", text(&output.stderr));
}

#[test]
fn bootstrap_never_overwrites() {
    let world = World::founded();
    let before = world.files();
    assert_eq!(code(&world.run(&["bootstrap"])), 0);
    let after = world.files();
    assert!(before.iter().all(|file| after.contains(file)));
}

#[test]
fn where_there_is_no_organisation_every_command_says_so_and_writes_nothing() {
    for args in [
        vec!["status"],
        vec!["validate"],
        vec!["tick"],
        vec!["run", "--ticks", "1"],
        vec!["inspect", "ada"],
        vec!["send", "ada", "hi"],
        vec!["inbox"],
        vec!["logs"],
        vec!["replay", "1"],
        vec!["pause"],
        vec!["resume"],
        vec!["credits"],
        vec!["credits", "top-up", "org", "1"],
    ] {
        let world = World::empty();
        let output = world.run(&args);
        assert_eq!(code(&output), 6, "{args:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("lemming bootstrap"), "{args:?}");
        assert!(output.stdout.is_empty() && world.files().is_empty(), "{args:?}");
    }
}

#[test]
fn exit_codes_tell_what_went_wrong() {
    let world = World::founded();
    for (args, expected, word) in [
        (vec!["nonsense", "--json"], 2, "usage"),
        (vec!["tick", "--bogus", "--json"], 2, "usage"),
        (vec!["run", "--every", "5 min", "--json"], 2, "usage"),
        (vec!["credits", "top-up", "ada", "-1", "--json"], 2, "usage"),
        (vec!["credits", "top-up", "ada", "0.0000001", "--json"], 2, "usage"),
        (vec!["credits", "top-up", "ada", "0", "--json"], 2, "usage"),
        (vec!["credits", "top-up", "org", "1", "--json"], 2, "usage"),
        (vec!["send", "human", "hi", "--json"], 2, "usage"),
        (vec!["send", "adda", "hi", "--json"], 6, "not_found"),
        (vec!["send", "ada", " ", "--json"], 2, "usage"),
        (vec!["send", "ada", "hi", "--reply-to", "xyz!", "--json"], 2, "usage"),
        (vec!["send", "ada", "hi", "--reply-to", "01234567", "--json"], 6, "not_found"),
        (vec!["pause", "adda", "--json"], 6, "not_found"),
        (vec!["status", "--json", "--store", "nosuch://x"], 4, "store"),
        (vec!["status", "--json", "--store", ""], 4, "store"),
        (vec!["demo", "--json", "--dir", "agents"], 1, "failed"),
    ] {
        let before = world.files();
        let output = world.run(&args);
        assert_eq!(code(&output), expected, "{args:?}: {}", text(&output.stderr));
        assert_eq!(envelope(&output)["error"]["code"], word, "{args:?}");
        assert_eq!(world.files(), before, "{args:?}");
    }
}

#[test]
fn a_message_that_no_tick_would_admit_is_not_sent() {
    let world = World::founded();
    let before = world.files();
    // Six bytes each, once it is JSON.
    let output = world.run(&["send", "ada", &"\u{1}".repeat(45_000), "--json"]);
    assert_eq!(code(&output), 2, "{}", text(&output.stderr));
    let said = envelope(&output)["error"]["message"].to_string();
    assert!(said.contains("more than 262144") && said.contains("nothing was written"), "{said}");
    assert_eq!(world.files(), before);
}

#[test]
fn a_near_name_is_suggested() {
    let output = World::founded().run(&["send", "adda", "hi", "--json"]);
    assert_eq!(envelope(&output)["error"]["hint"], "did you mean ada?");
}

#[test]
fn a_message_and_commands_go_into_the_ingress() {
    let world = World::founded();
    let sent = world.run(&["send", "ada", "hi", "--kind", "request", "--importance", "high", "--json"]);
    let sent: Value = serde_json::from_slice(&sent.stdout).expect("a document");
    let id = sent["sent"]["id"].as_str().expect("id");
    let mail = std::fs::read(world.path().join(format!("ingress/mail/{id}.json"))).expect("mail");
    let mail: Value = serde_json::from_slice(&mail).expect("json");
    assert_eq!(mail["recipients"], json!(["ada"]));
    assert_eq!(
        (&mail["payload"]["text"], &mail["kind"], &mail["importance"]),
        (&json!("hi"), &json!("request"), &json!("high"))
    );
    let everyone = world.run(&["send", "all", "hi", "--json"]);
    let everyone: Value = serde_json::from_slice(&everyone.stdout).expect("a document");
    assert_eq!(everyone["sent"]["recipients"], Value::Null);
    for (args, expected) in [
        (vec!["pause", "--json"], json!({ "action": "pause" })),
        (vec!["resume", "ada", "--json"], json!({ "action": "resume", "agent": "ada" })),
        (
            vec!["credits", "top-up", "ada", "0.5", "--json"],
            json!({ "action": "top_up", "agent": "ada", "credits": 0.5 }),
        ),
    ] {
        let ordered = world.run(&args);
        let ordered: Value = serde_json::from_slice(&ordered.stdout).expect("a document");
        assert_eq!(ordered["command"], expected);
        let name = ordered["ordered"].as_str().expect("name");
        let control = std::fs::read(world.path().join(format!("ingress/control/{name}.json"))).expect("control");
        let control: Value = serde_json::from_slice(&control).expect("json");
        assert_eq!(control["action"], expected["action"]);
    }
    let status = world.run(&["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).expect("a document");
    assert_eq!(status["waiting_ingress"], 5);
}

#[test]
fn commands_that_show_write_nothing() {
    let world = World::founded();
    let before = world.files();
    for args in [
        vec!["status"],
        vec!["inspect", "ada"],
        vec!["inbox"],
        vec!["inbox", "ada"],
        vec!["logs"],
        vec!["credits"],
        vec!["validate"],
    ] {
        for json in [false, true] {
            let mut args = args.clone();
            args.extend(json.then_some("--json"));
            let output = world.run(&args);
            assert_eq!(code(&output), 0, "{args:?}: {}", text(&output.stderr));
            if json {
                serde_json::from_slice::<Value>(&output.stdout).expect("one document");
            }
        }
    }
    assert_eq!(world.files(), before);
}

#[test]
fn a_replay_ends_with_1_if_a_record_was_changed() {
    let world = World::empty();
    world.run(&["bootstrap"]);
    world.run(&["send", "archivist", "hello"]);
    // The archivist runs at every sixth tick.
    for _ in 0..6 {
        assert_eq!(code(&world.run(&["tick"])), 0);
    }
    let before = world.files();
    let equal = world.run(&["replay", "6", "--json"]);
    assert_eq!(code(&equal), 0, "{}", text(&equal.stderr));
    let document: Value = serde_json::from_slice(&equal.stdout).expect("a document");
    let turns = document["turns"].as_array().expect("turns");
    assert!(document["equal"] == true && !turns.is_empty());
    let agent = turns[0]["agent"].as_str().expect("a name").to_owned();
    assert!(text(&world.run(&["replay", "6", "--agent", &agent]).stdout).contains("equal"));
    assert_eq!(code(&world.run(&["replay", "7"])), 6);
    assert_eq!(code(&world.run(&["replay", "6", "--agent", "nobody"])), 6);
    assert_eq!(world.files(), before);
    let path = format!("ticks/000000000006/turns/{agent}.json");
    let mut record: Value =
        serde_json::from_slice(&std::fs::read(world.path().join(&path)).expect("turn")).expect("turn");
    record["notes"] = json!("changed");
    world.write(&path, record.to_string());
    let different = world.run(&["replay", "6", "--agent", &agent]);
    assert_eq!(code(&different), 1);
    let shown = text(&different.stdout);
    assert!(shown.contains("at /notes") && shown.contains("and closed.json names"), "{shown}");
}

#[test]
fn a_tick_says_which_file_is_broken_and_whose_turn_failed_and_each_once() {
    let world = World::founded();
    world.write("agents/bob/resume.json", "{");
    world.write("agents/cleo/resume.json", resume("cleo").to_string());
    world.write("config/script.json", "no rules");
    let told = text(&world.run(&["tick"]).stdout);
    assert!(told.contains("problem: agents/bob/resume.json: EOF while parsing"), "{told}");
    assert_eq!(told.matches("problem: ada, cleo: ").count(), 1, "{told}");
    assert_eq!(told.matches("script.json").count(), 1, "the failure is told once: {told}");
    for args in [["status"], ["problems"]] {
        let told = text(&world.run(&args).stdout);
        assert!(told.contains("bob broken resume since tick 1: agents/bob/resume.json: EOF while parsing"), "{told}");
        assert!(told.contains("lemming agents edit bob"), "what to do: {told}");
        assert_eq!(told.matches("script.json").count(), 2, "once for each of the two: {told}");
    }
}

#[test]
fn status_shows_what_scripts_rely_on() {
    let status = World::founded().run(&["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).expect("a document");
    assert_eq!(status["tick"], 0);
    let ada = &status["agents"][0];
    assert_eq!(ada["name"], "ada");
    assert_eq!(ada["title"], "Agent");
    assert_eq!(ada["enabled"], true);
    assert_eq!(ada["credits_left"], 100);
    assert_eq!(ada["last_turn"], Value::Null);
    assert_eq!(ada["unread"], 0);
}

#[test]
fn the_store_comes_from_the_option_then_the_environment() {
    let world = World::founded();
    let elsewhere = tempfile::tempdir().expect("folder");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command.args(args).current_dir(elsewhere.path()).env("LEMMING_STORE", world.path());
        code(&command.output().expect("the program"))
    };
    assert_eq!(run(&["status"]), 0);
    assert_eq!(run(&["status", "--store", "."]), 6);
}

#[test]
fn schemas_are_documents_that_compile() {
    for kind in ["resume", "org", "models", "script"] {
        let output = World::empty().run(&["schema", kind]);
        let schema: Value = serde_json::from_slice(&output.stdout).expect("a document");
        assert_eq!(schema["$id"], format!("urn:lemming:{kind}:1"));
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(schema["properties"]["$schema"].is_object(), "{kind}");
        jsonschema::validator_for(&schema).expect("a schema");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::process::Stdio;
    let world = World::founded();
    let mut child = Command::new(env!("CARGO_BIN_EXE_lemming"))
        .args(["schema", "resume"])
        .current_dir(world.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn the_demo_tells_a_story_goes_on_and_leaves_other_folders_alone() {
    let world = World::empty();
    let output = world.run(&["demo"]);
    let told = text(&output.stdout);
    assert_eq!(code(&output), 0, "{told}{}", text(&output.stderr));
    for part in ["tick 1", "$ lemming send", "human →", "→ human", "lemming --store demo-org inbox"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    let again = world.run(&["demo", "--ticks", "1", "--json"]);
    let again: Value = serde_json::from_slice(&again.stdout).expect("a document");
    let ticks = again["events"].as_array().expect("events").iter().map(|event| event["tick"].as_u64());
    assert!(ticks.min().flatten() > Some(1));
    world.write("mine/notes.txt", "mine");
    assert_eq!(code(&world.run(&["demo", "--dir", "mine"])), 1);
}

#[test]
fn a_message_is_answered_and_shown_and_showing_reads_nothing() {
    let world = World::founded();
    let say = json!({ "rules": [{ "when": { "from": "human" }, "for_each": "message", "answer": { "outbox_entries": [
        { "kind": "response", "to": "human", "reply_to": "{{ message.id }}", "payload": { "text": "\u{1b}[31mYou said {{ message.text }}" } }
    ] } }] });
    world.write("config/script.json", say.to_string());
    let json_of = |args: &[&str]| -> Value {
        let output = world.run(args);
        assert_eq!(code(&output), 0, "{args:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("one document")
    };
    // An agent reads what comes after the tick that first saw it.
    json_of(&["tick", "--json"]);
    json_of(&["send", "ada", "hello", "--json"]);
    let tick = json_of(&["tick", "--json", "--seed", "7"]);
    assert_eq!((&tick["tick"], &tick["clock"], &tick["closed"]), (&json!(2), &json!(2), &json!(true)));
    assert_eq!(tick["due"], json!(["ada", "bob"]));
    assert_eq!(tick["turns"][0]["agent"], "ada");
    assert_eq!(tick["turns"][0]["status"], "ok");
    assert_eq!(tick["turns"][0]["messages"], 1);
    assert!(tick["turns"][0]["cost_credits"].is_number());
    assert_eq!(tick["skipped"], json!([]));
    for kind in ["put", "get", "list", "delete"] {
        assert!(tick["requests"][kind].is_u64(), "{kind}");
    }
    let before = world.files();
    let inbox = json_of(&["inbox", "--json"]);
    let answer = &inbox["messages"][0];
    assert_eq!(answer["from"], "ada");
    assert_eq!(answer["kind"], "response");
    let shown = text(&world.run(&["inbox"]).stdout);
    assert!(shown.contains("You said hello") && !shown.contains('\u{1b}'), "{shown}");
    let asked = json_of(&["inbox", "ada", "--json"]);
    assert_eq!(asked["messages"][0]["text"], "hello");
    assert_eq!(asked["messages"][0]["unread"], false);
    let logs = json_of(&["logs", "ada", "--json"]);
    let sorts: Vec<&str> =
        logs["events"].as_array().expect("events").iter().filter_map(|e| e["event"].as_str()).collect();
    assert!(sorts.contains(&"message") && sorts.contains(&"turn"), "{sorts:?}");
    let inspected = json_of(&["inspect", "ada", "--json", "--turns", "1"]);
    assert_eq!(inspected["turns"].as_array().map(Vec::len), Some(1));
    assert_eq!(inspected["turns"][0]["record"]["tick"], 2);
    assert!(text(&world.run(&["inspect", "ada"]).stdout).contains("--- answer of m"));
    let credits = json_of(&["credits", "--json"]);
    assert_eq!(credits["agents"][0]["paid"], json!(0.02));
    assert_eq!(world.files(), before);
    let id = answer["id"].as_str().expect("id");
    let replied = json_of(&["send", "ada", "thanks", "--reply-to", &id[..8], "--json"]);
    assert_eq!(replied["sent"]["reply_to"], answer["id"]);
    let run = json_of(&["run", "--ticks", "2", "--every", "1ms", "--json"]);
    assert_eq!(run["ticks"].as_array().map(Vec::len), Some(2));
    json_of(&["pause", "--json"]);
    json_of(&["tick", "--json"]);
    assert_eq!(json_of(&["status", "--json"])["paused"], true);
    // At slot pace a person's tick is the present slot, or, if that has run, a wake.
    world.write("org.json", json!({ "format": 1, "name": "Test", "pace": { "every": "1h" } }).to_string());
    assert_eq!(json_of(&["tick", "--json"])["due"], json!([]));
    assert_eq!(json_of(&["tick", "--json"])["idle"], "paused");
    assert!(text(&world.run(&["tick"]).stdout).contains("nothing to do"));
}

/// The report of `doctor`, its exit code, and the checks that found something wrong.
fn doctor(world: &World, args: &[&str]) -> (Value, i32, Vec<String>) {
    let output = world.run(&[&["doctor", "--json"], args].concat());
    let report: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let findings = report["findings"].as_array().expect("findings");
    let wrong = findings.iter().filter(|finding| finding["health"] == "wrong");
    let wrong = wrong.map(|finding| finding["check"].as_str().expect("a check").to_owned()).collect();
    (report, code(&output), wrong)
}

#[test]
fn doctor_finds_a_folder_good_with_and_without_an_organisation_and_leaves_it_as_it_was() {
    let world = World::founded();
    let before = world.files();
    let (report, exit, wrong) = doctor(&world, &[]);
    assert_eq!((exit, wrong), (0, Vec::new()), "{report}");
    assert_eq!(report["organisation"], "Test");
    assert_eq!(world.files(), before);
    let folders: Vec<_> =
        std::fs::read_dir(world.path()).expect("folder").map(|entry| entry.expect("entry").file_name()).collect();
    assert_eq!(folders.len(), 3, "org.json, config and agents: {folders:?}");
    let (report, exit, _) = doctor(&world, &["--store", "none/yet"]);
    assert_eq!((exit, &report["organisation"]), (0, &Value::Null));
    assert!(report.to_string().contains("there is no folder of this name"), "{report}");
    assert!(!world.path().join("none").exists(), "not even a folder is left");
}

#[test]
fn doctor_says_what_is_wrong_by_its_exit_code_and_how_to_mend_it() {
    let world = World::founded();
    let price = json!({ "input": 0, "output": 0 });
    let script = json!({ "script": "config/script.json" });
    let keyless = |key: &str| json!({ "provider": "openai", "model_name": "x", "price": price, "key": key });
    let ollama = json!({ "provider": "ollama", "model_name": "x", "context_tokens": 8192, "price": price });
    let mut models = json!({
        "m": { "provider": "scripted", "price": price, "provider_config": script },
        "keyless": keyless("env:NO_SUCH_KEY"), "idle": keyless("env:NOR_THIS_KEY"), "local": ollama,
    });
    // A model that nobody calls needs no key; one that another falls back on does.
    world.write("config/models.json", models.to_string());
    let (report, exit, wrong) = doctor(&world, &[]);
    assert_eq!((exit, wrong), (0, Vec::new()), "{report}");
    assert!(report.to_string().contains("ollama is configured; it was not asked"), "{report}");
    models["m"]["fallback"] = json!(["keyless"]);
    world.write("config/models.json", models.to_string());
    let (report, exit, wrong) = doctor(&world, &[]);
    assert_eq!((exit, wrong), (3, vec!["model keyless".to_owned()]), "{report}");
    assert!(report.to_string().contains("the variable NO_SUCH_KEY is not set"), "{report}");
    let finding = |check: &str| {
        let findings = report["findings"].as_array().expect("findings");
        findings.iter().find(|finding| finding["check"] == check).expect("a finding").clone()
    };
    assert_eq!(finding("model idle")["health"], "warning");
    assert!(finding("model idle")["mend"].as_str().is_some_and(|mend| mend.contains("no agent uses")), "{report}");
    assert!(finding("organisation")["found"].as_str().is_some_and(|found| found.starts_with("2 agents, 4 models, ")));
    world.write("agents/ada/resume.json", "{ half-saved");
    let (report, exit, wrong) = doctor(&world, &[]);
    assert_eq!((exit, wrong), (3, vec!["organisation".to_owned(), "model keyless".to_owned()]), "{report}");
    let first = "1 error in the files that people write, such as agents/ada/resume.json: ";
    assert!(report.to_string().contains(first), "{report}");
    let nobody =
        "s3://bucket/org?endpoint=http://127.0.0.1:1&allow_http=true&access_key_id=id&secret_access_key=hunter2hunter2";
    let (report, exit, wrong) = doctor(&world, &["--store", nobody]);
    assert_eq!((exit, wrong), (4, vec!["read".to_owned()]), "{report}");
    assert!(!report.to_string().contains("hunter2"), "{report}");
    let read = &report["findings"][0];
    assert!(
        read["found"]
            .as_str()
            .is_some_and(|found| found.ends_with("connection refused: nothing listens at the endpoint")),
        "{read}"
    );
    assert!(read["mend"].as_str().is_some_and(|mend| mend.contains("that the store is up")), "{read}");
    let text = text(&world.run(&["doctor"]).stdout);
    assert!(text.contains("mend: model keyless: ") && text.contains("WRONG"), "{text}");
}

#[test]
fn cost_reads_an_organisation_or_makes_one_up() {
    let world = World::founded();
    let before = world.files();
    let month = |document: &Value, load: usize, item: &str| {
        let lines = document["months"][load]["lines"].as_array().expect("lines").clone();
        lines.into_iter().find(|line| line["item"] == item).unwrap_or_else(|| panic!("{item} is missing"))
    };
    let done = world.run(&["cost", "--json"]);
    assert_eq!(code(&done), 0, "{}", text(&done.stderr));
    let found: Value = serde_json::from_slice(&done.stdout).expect("a document");
    assert_eq!((&found["organisation"], &found["provider"]), (&json!("Test"), &json!("aws")));
    // Both run in every slot, mail or not, and their model has no price.
    assert_eq!((&found["months"][0]["turns"], &found["months"][2]["turns"]), (&json!(17_532), &json!(17_532)));
    assert_eq!(month(&found, 2, "model_tokens")["usd"], 0);

    let done = world.run(&["cost", "--agents", "100", "--every", "1h", "--provider", "r2", "--json"]);
    let made_up: Value = serde_json::from_slice(&done.stdout).expect("a document");
    assert_eq!((&made_up["months"][0]["turns"], &made_up["months"][0]["slots"]), (&json!(0), &json!(731)));
    assert_eq!(month(&made_up, 2, "model_tokens")["usd"], Value::Null, "nobody said which model");
    assert_eq!(made_up["function"], Value::Null);
    let args = ["cost", "--agents", "100", "--every", "1h", "--model", "openai:gpt-4.1-mini", "--input-tokens", "1000"];
    let done = world.run(&[&args[..], &["--output-tokens", "100", "--json"]].concat());
    let priced: Value = serde_json::from_slice(&done.stdout).expect("a document");
    // 73,100 turns of 1,000 tokens at 0.40 a million and 100 at 1.60.
    assert_eq!(month(&priced, 2, "model_tokens")["usd"], json!(40.936));

    let shown = text(&world.run(&["cost", "--agents", "100"]).stdout);
    for word in
        ["100 agents", "a slot every 5m", "idle", "in all", "Amazon S3 Standard, us-east-1 (as of 20", "--model"]
    {
        assert!(shown.contains(word), "{word:?} is not in\n{shown}");
    }
    assert_eq!(world.files(), before, "it reads only");

    let nowhere = World::empty();
    let done = nowhere.run(&["cost"]);
    assert_eq!(code(&done), 6, "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("lemming cost --agents"), "{}", text(&done.stderr));
    for wrong in
        [&["--agents", "0"][..], &["--agents", "3", "--always", "4"], &["--agents", "3", "--model", "openai:x"]]
    {
        assert_eq!(code(&nowhere.run(&[&["cost"], wrong].concat())), 2, "{wrong:?}");
    }
}

#[test]
fn cost_says_that_the_price_of_a_script_is_made_up() {
    let world = World::empty();
    assert_eq!(code(&world.run(&["bootstrap"])), 0);
    let shown = || text(&world.run(&["cost", "--json"]).stdout);
    assert!(shown().contains("its price is made up"), "before the first turn: {}", shown());
    assert_eq!(code(&world.run(&["tick"])), 0);
    assert_eq!(code(&world.run(&["send", "editor", "hi"])), 0);
    assert_eq!(code(&world.run(&["tick"])), 0);
    assert!(shown().contains("its made-up price"), "of turns: {}", shown());
}
