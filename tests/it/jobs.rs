//! `lemming tick` as schedulers start it: the real program on organisations in folders.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Organisations in folders of one folder.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Founds one whose agents think for `delay_ms` and say one word, at slots of an hour.
    fn found(&self, name: &str, agents: usize, delay_ms: u64, limits: Value) {
        let write = |path: &str, value: Value| {
            let path = self.path(name).join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, value.to_string()).expect("written");
        };
        write(
            "org.json",
            json!({ "format": 1, "name": name, "visibility": "snapshot", "pace": { "every": "1h" }, "limits": limits }),
        );
        let price = json!({ "input": 0, "output": 0 });
        let config = json!({ "script": "config/script.json" });
        write(
            "config/models.json",
            json!({ "m": { "provider": "scripted", "price": price, "provider_config": config } }),
        );
        let answer = json!({ "outbox_entries": [{ "payload": { "text": "x" } }] });
        let rule = json!({ "answer": answer, "fault": { "delay_ms": delay_ms } });
        write("config/script.json", json!({ "rules": [rule] }));
        for agent in 0..agents {
            let agent = format!("a{agent}");
            write(
                &format!("agents/{agent}/resume.json"),
                json!({ "name": agent, "title": "T", "short_description": "D.", "instructions": "Say x.",
                        "model": { "key": "m" }, "permissions": { "read_outboxes": [] } }),
            );
        }
    }

    fn files(&self, name: &str) -> usize {
        fn count(folder: &Path) -> usize {
            let entries = std::fs::read_dir(folder).expect("a folder");
            entries
                .map(|entry| entry.expect("an entry").path())
                .map(|path| if path.is_dir() { count(&path) } else { 1 })
                .sum()
        }
        count(&self.path(name))
    }

    fn command(&self, name: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command.args(["--store", self.path(name).to_str().expect("utf-8"), "--json"]).args(args);
        for variable in [
            "LEMMING_STORE",
            "LEMMING_LOG",
            "LEMMING_DEADLINE",
            "LEMMING_SHARDS",
            "JOB_COMPLETION_INDEX",
            "CLOUD_RUN_TASK_INDEX",
            "CLOUD_RUN_TASK_COUNT",
        ] {
            command.env_remove(variable);
        }
        command
    }

    fn run(&self, name: &str, args: &[&str]) -> Output {
        self.command(name, args).output().expect("the program")
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

fn document(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

fn error(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str::<Value>(last).unwrap_or_else(|_| panic!("{text}"))["error"].clone()
}

#[test]
fn a_schedulers_slot_runs_once_whoever_asks_again() {
    let folder = Folder::new();
    folder.found("desk", 2, 0, json!({}));
    // Of one and the same hour: what Kubernetes calls the Job, and the same moment a little later.
    let first = folder.run("desk", &["tick", "--scheduled=tick-29932890"]);
    assert_eq!(code(&first), 0);
    let said = document(&first);
    assert_eq!((&said["outcome"], &said["ticks"][0]["turns"].as_array().map(Vec::len)), (&json!("closed"), &Some(2)));
    assert_eq!(said["ticks"][0]["turns"][1]["status"], "ok", "{said}");
    let files = folder.files("desk");
    for again in ["--scheduled=tick-29932890", "--scheduled=2026-11-29T17:45:00Z"] {
        let again = folder.run("desk", &["tick", again]);
        assert_eq!(code(&again), 0);
        let said = document(&again);
        assert_eq!((&said["outcome"], &said["ticks"][0]["idle"]), (&json!("idle"), &json!("slot_passed")), "{said}");
        assert_eq!(said["requests"]["put"], 0);
    }
    assert_eq!(folder.files("desk"), files, "nothing is written");
}

#[test]
fn a_wake_runs_who_is_named_and_nobody_else() {
    let folder = Folder::new();
    folder.found("desk", 2, 0, json!({}));
    assert_eq!(code(&folder.run("desk", &["tick", "--scheduled"])), 0);
    let nothing = document(&folder.run("desk", &["tick", "--wake"]));
    assert_eq!(nothing["ticks"][0]["idle"], "nothing_to_do", "{nothing}");
    let woken = document(&folder.run("desk", &["tick", "--wake", "--agent", "a1"]));
    assert_eq!((&woken["outcome"], &woken["ticks"][0]["due"]), (&json!("closed"), &json!(["a1"])), "{woken}");
    let unknown = folder.run("desk", &["tick", "--wake", "--agent", "a7"]);
    assert_eq!((code(&unknown), error(&unknown)["code"].clone()), (6, json!("not_found")));
}

#[test]
fn a_deadline_leaves_the_tick_to_the_next_invocation_which_waits_for_nobody() {
    let folder = Folder::new();
    folder.found("desk", 6, 700, json!({ "agents_per_hold": 1, "max_parallel_turns": 1 }));
    let mut command = folder.command("desk", &["tick", "--scheduled"]);
    let first = command.env("LEMMING_DEADLINE", "3s").output().expect("the program");
    assert_eq!(code(&first), 5, "{}", String::from_utf8_lossy(&first.stderr));
    let said = document(&first);
    assert_eq!(said["outcome"], "partial");
    let done = said["ticks"][0]["turns"].as_array().expect("turns").len();
    assert!((1..6).contains(&done), "{said}");
    // The lease is 30 seconds.
    let begin = Instant::now();
    let second = folder.run("desk", &["tick", "--scheduled"]);
    assert_eq!((code(&second), &document(&second)["outcome"]), (0, &json!("closed")));
    assert!(begin.elapsed() < Duration::from_secs(25), "the holds were released");
}

#[test]
fn all_ticks_every_organisation_and_one_that_fails_stops_no_other() {
    let folder = Folder::new();
    for name in ["broken", "desk", "lab"] {
        folder.found(name, 1, 0, json!({}));
    }
    std::fs::write(folder.path("broken").join("org.json"), "{ \"format\": 1, ").expect("written");
    std::fs::create_dir(folder.path("notes")).expect("a folder");
    let output = folder.run("", &["tick", "--scheduled", "--all"]);
    let said = document(&output);
    let found: Vec<(&Value, &Value, &Value)> = said["organisations"]
        .as_array()
        .expect("organisations")
        .iter()
        .map(|one| (&one["organisation"], &one["outcome"], &one["error"]["code"]))
        .collect();
    let (closed, null) = (json!("closed"), Value::Null);
    assert_eq!(
        found,
        [
            (&json!("broken"), &null, &json!("invalid")),
            (&json!("desk"), &closed, &null),
            (&json!("lab"), &closed, &null)
        ]
    );
    assert_eq!(code(&output), 3, "it ends as the worst of them");
    let none = folder.run("desk", &["tick", "--all"]);
    assert_eq!((code(&none), error(&none)["code"].clone()), (6, json!("not_found")));
}

#[test]
fn pods_of_an_indexed_job_work_on_one_tick() {
    let folder = Folder::new();
    folder.found("desk", 8, 200, json!({ "agents_per_shard": 2, "max_parallel_turns": 1, "agents_per_hold": 1 }));
    let pods: Vec<_> = (0..4)
        .map(|index| {
            let mut command = folder.command("desk", &["tick", "--scheduled=tick-29932890", "--shards"]);
            // Half of them as Kubernetes starts them, half as Cloud Run does.
            let (of, count) = match index % 2 {
                0 => ("JOB_COMPLETION_INDEX", "LEMMING_SHARDS"),
                _ => ("CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT"),
            };
            command.env(of, index.to_string()).env(count, "4");
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().expect("the program")
        })
        .collect();
    let mut endings = Vec::new();
    for pod in pods {
        let output = pod.wait_with_output().expect("the program");
        assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
        endings.push(document(&output)["outcome"].as_str().expect("an outcome").to_owned());
    }
    assert!(endings.iter().any(|ending| ending == "closed"), "{endings:?}");
    let turns = std::fs::read_dir(folder.path("desk").join("ticks/000000000001/turns")).expect("turns");
    assert_eq!(turns.count(), 8);
    assert!(!folder.path("desk").join("ticks/000000000002").exists(), "one slot is one tick");
}

#[test]
fn what_a_scheduler_says_wrong_is_refused_before_anything_is_done() {
    let folder = Folder::new();
    folder.found("desk", 1, 0, json!({}));
    let files = folder.files("desk");
    for (args, variables, word) in [
        (&["tick", "--scheduled=soon"][..], &[][..], "soon"),
        (&["tick", "--scheduled", "--wake"], &[], "--wake"),
        (&["tick", "--agent", "a0"], &[], "--wake"),
        (&["tick", "--deadline", "5"], &[], "length of time"),
        (&["tick", "--scheduled"], &[("LEMMING_DEADLINE", "soon")], "LEMMING_DEADLINE"),
        (&["tick", "--shards"], &[("LEMMING_SHARDS", "4")], "JOB_COMPLETION_INDEX"),
        (&["tick", "--shards"], &[("LEMMING_SHARDS", "4"), ("JOB_COMPLETION_INDEX", "4")], "INDEX/COUNT"),
        (
            &["tick", "--shards"],
            &[("CLOUD_RUN_TASK_INDEX", "x"), ("CLOUD_RUN_TASK_COUNT", "4")],
            "CLOUD_RUN_TASK_INDEX",
        ),
        (&["tick", "--shards=9/8"], &[], "INDEX/COUNT"),
    ] {
        let mut command = folder.command("desk", args);
        let output = command.envs(variables.iter().copied()).output().expect("the program");
        let said = error(&output);
        assert_eq!((code(&output), &said["code"]), (2, &json!("usage")), "{args:?}: {said}");
        assert!(said["message"].as_str().is_some_and(|message| message.contains(word)), "{args:?}: {said}");
    }
    assert_eq!(folder.files("desk"), files);
}
