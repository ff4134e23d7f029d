//! `lemming ticks`, `lemming tick --dry-run` and `--at`: the real program on a folder.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// An organisation in a folder of its own, and the real program.
pub struct Folder(TempDir);

/// An agent who writes a board and keeps a count, and one who answers her. Only what they say costs something, so that no
/// cost depends on how a prompt is worded.
pub fn founded() -> Folder {
    let folder = Folder(tempfile::tempdir().expect("a folder"));
    folder.write("org.json", &json!({ "format": 1, "name": "Test", "credits": { "cost_per_action": 0.001 } }));
    let price = json!({ "input": 0, "output": 2 });
    let config = json!({ "script": "config/script.json" });
    folder.write(
        "config/models.json",
        &json!({ "m": { "provider": "scripted", "price": price, "provider_config": config } }),
    );
    let board =
        json!({ "tool": "file_write", "arguments": { "path": "shared/board.md", "text": "tick {{ tick }}\n" } });
    let rules = json!([
        { "when": { "if": "agent == 'ada'" }, "answer": { "tool_calls": [board],
            "memory_updates": [{ "key": "log", "op": "append", "value": "{{ tick }}" }] } },
        { "when": { "if": "agent == 'ada'", "step": 1 }, "answer": { "outbox_entries": [{ "payload": { "text": "done" }, "recipients": ["bob"] }] } },
        { "when": { "if": "agent == 'bob'" }, "answer": { "outbox_entries": [{ "payload": { "text": "thanks" }, "recipients": ["human"] }] } },
    ]);
    folder.write("config/script.json", &json!({ "rules": rules }));
    folder.agent("ada", &json!({ "permissions": { "read_outboxes": [], "tools": ["file_write"] } }));
    let schedule = json!({ "run_every_n_ticks": 2, "when": "on_message" });
    folder.agent("bob", &json!({ "permissions": { "read_outboxes": ["ada"] }, "schedule": schedule }));
    folder
}

impl Folder {
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, path: &str, value: &Value) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, value.to_string()).expect("written");
    }

    pub fn agent(&self, name: &str, change: &Value) {
        let mut resume = json!({ "name": name, "title": "Agent", "short_description": "Does.", "instructions": "Answer.",
            "model": { "key": "m", "max_tokens": 100 }, "permissions": { "read_outboxes": [] },
            "schedule": { "run_every_n_ticks": 1 } });
        crate::world::merge(&mut resume, change.clone());
        self.write(&format!("agents/{name}/resume.json"), &resume);
    }

    pub fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command
            .args(args)
            .current_dir(self.path())
            .env_remove("LEMMING_STORE")
            .env("LEMMING_LOG", "error")
            .env("TZ", "UTC");
        command.env_remove("LEMMING_DEADLINE").output().expect("the program")
    }

    /// Runs it, and says what it printed, without what is other each time: times, and hashes.
    pub fn told(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(code(&output), 0, "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        steady(&String::from_utf8_lossy(&output.stdout), self.path())
    }

    pub fn document(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert_eq!(code(&output), 0, "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("one document")
    }

    /// How it ended, and the error's message and hint.
    pub fn refused(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        assert!(output.stdout.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
        (code(&output), steady(&String::from_utf8_lossy(&output.stderr), self.path()))
    }

    pub fn ticks(&self, count: usize) {
        for _ in 0..count {
            self.told(&["tick", "--seed", "7"]);
        }
    }
}

pub fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

/// A text without what is other each time.
fn steady(text: &str, place: &Path) -> String {
    let mut text = text.replace(&place.display().to_string(), "PLACE");
    for (pattern, word) in [
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "YYYY-MM-DD HH:MM:SS UTC"),
        (r"\b[0-9a-f]{64}\b", "SHA256"),
        (r"\b[0-9a-f]{16}\b", "HASHHASHHASHHASH"),
        (r" +\d+ ms", " N ms"),
        (r"out +time +read", "out  time  read"),
        (r"attempts +prompt +inbox", "attempts  prompt  inbox"),
        (r" +\d+ bytes", " N bytes"),
    ] {
        text = regex::Regex::new(pattern).expect("a pattern").replace_all(&text, word).into_owned();
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[test]
fn ticks_are_listed_with_what_they_did_and_cost() {
    let folder = founded();
    assert_eq!(folder.told(&["ticks", "list"]), "no tick yet; `lemming tick` runs the first");
    folder.ticks(3);
    insta::assert_snapshot!(folder.told(&["ticks", "list"]), @r#"
    tick  clock  time                     trigger     due  ok  failed  skipped  said  mail      cost  hash
       3      3  YYYY-MM-DD HH:MM:SS UTC  invocation    1   1       0        0     1     0  0.001122  HASHHASHHASHHASH
       2      2  YYYY-MM-DD HH:MM:SS UTC  invocation    2   2       0        0     2     0   0.00216  HASHHASHHASHHASH
       1      1  YYYY-MM-DD HH:MM:SS UTC  invocation    1   1       0        0     1     0  0.001122  HASHHASHHASHHASH
    "#);
    insta::assert_snapshot!(folder.told(&["ticks", "list", "--agent", "bob"]), @r#"
    tick  clock  time                     trigger     due  ok  failed  skipped  said  mail     cost  hash
       2      2  YYYY-MM-DD HH:MM:SS UTC  invocation    2   2       0        0     2     0  0.00216  HASHHASHHASHHASH
    "#);
    let found = folder.document(&["ticks", "list", "--limit", "1", "--at", "2"]);
    let row = &found["ticks"][0];
    assert_eq!(
        (&row["tick"], &row["state"], &row["ok"], &row["messages"]),
        (&json!(2), &json!("closed"), &json!(2), &json!(2))
    );
    assert_eq!((&row["trigger"]["kind"], &found["more"]), (&json!("invocation"), &json!(true)));
    let shown = folder.document(&["ticks", "show", "2"]);
    assert_eq!(row["sha256"], shown["hashes"]["closed"]);
    assert_eq!(row["cost_credits"], shown["cost_credits"]);
    let third = folder.document(&["ticks", "show", "3"]);
    assert_eq!(third["hashes"]["previous"], shown["hashes"]["closed"], "the chain");
    assert!(
        folder.refused(&["ticks", "list", "--at", "9"]).1.contains("tick 9 is not closed; the last closed tick is 3")
    );
}

#[test]
fn a_tick_is_shown_whole() {
    let folder = founded();
    folder.told(&["send", "bob", "hello\u{1b}[2J"]);
    folder.agent("cy", &json!({ "credits": { "max_credits": 0.001 } }));
    folder.ticks(2);
    let shown = folder.document(&["ticks", "show", "2"]);
    let mut told = folder.told(&["ticks", "show", "2"]);
    for turn in shown["turns"].as_array().expect("turns") {
        // However the prompt is worded.
        told = told.replace(&format!("{:>5}", turn["input_tokens"].as_u64().expect("tokens")), "   IN");
    }
    insta::assert_snapshot!(told, @r#"
    tick 2 closed  clock 2, YYYY-MM-DD HH:MM:SS UTC, invocation

    2 turns, 0.00216 charged
      agent  because   status      cost  calls  tools  tokens in  out  time  read  said
      ada    schedule  ok      0.001122      2      1         IN   61 N ms     0     1
      bob    mail      ok      0.001038      1      0         IN   19 N ms     3     1
      cy  skipped: no credits
      `lemming ticks why AGENT --tick 2` says more

    messages
      ada → bob: done
      bob → human: thanks

    changes
      ada  memory append log
      ada  wrote shared/board.md

    hashes
      closed       SHA256
      previous     SHA256
      plan         SHA256
      org.json     SHA256
      models.json  SHA256
    "#);
    let ada = &shown["turns"][0];
    let facts =
        ["agent", "because", "status", "calls", "tool_calls", "attempts", "said", "memory_updates", "file_changes"];
    assert_eq!(
        facts.map(|fact| ada[fact].clone()),
        [json!("ada"), json!("schedule"), json!("ok"), json!(2), json!(1), json!(1), json!(1), json!(1), json!(1)]
    );
    assert_eq!(shown["skipped"], json!([{ "agent": "cy", "reason": "no_credits" }]));
    assert_eq!(shown["files"][0]["path"], "shared/board.md");
    assert_eq!(folder.document(&["ticks", "show"]), shown, "the last one, where none is open");
    let first = folder.document(&["ticks", "show", "1"]);
    assert_eq!(first["inputs"]["resumes"].as_array().map(Vec::len), Some(3));
    assert_eq!(first["messages"][0]["text"], "hello\u{1b}[2J", "nothing is lost to programs");
    assert!(!folder.told(&["ticks", "show", "1"]).contains('\u{1b}'), "and a terminal is not fooled");
    let (code, told) = folder.refused(&["ticks", "show", "9"]);
    assert_eq!(
        (code, told.as_str()),
        (6, "error: tick 9 was not planned\nhint: the last closed tick is 2; `lemming ticks list` shows them")
    );
}

#[test]
fn why_answers_for_the_last_tick_and_the_next() {
    let folder = founded();
    folder.agent("cy", &json!({ "credits": { "max_credits": 0.001 } }));
    folder.ticks(1);
    insta::assert_snapshot!(folder.told(&["ticks", "why", "bob"]), @r#"
    tick 1 (clock 1)  not scheduled
      bob runs every 2 clocks, and clock 1 is none of these; it fires next at clock 2 (and then only with unread mail)
      hint: schedule.run_every_n_ticks and phase_offset in its resume say when; `lemming tick --wake --agent bob` runs it now
    next, tick 2 (clock 2)  will run
      bob is due as it has mail, and may spend up to 0.009
    "#);
    insta::assert_snapshot!(folder.told(&["ticks", "why", "cy", "--tick", "1"]), @r#"
    tick 1 (clock 1)  no credits
      cy was due, but its account does not reach: a turn needs 0.0012 at least, there were 0.001: 0.0002 are missing
      hint: `lemming credits top-up cy 0.0002` or more; a smaller model.max_tokens or limits.max_prompt_tokens lowers what a turn needs
    "#);
    let found = folder.document(&["ticks", "why", "bob"]);
    let reasons: Vec<&Value> =
        found["answers"].as_array().expect("answers").iter().map(|answer| &answer["reason"]).collect();
    assert_eq!(reasons, ["not_scheduled", "will_run"]);
    assert_eq!((&found["answers"][0]["state"], &found["answers"][1]["state"]), (&json!("closed"), &Value::Null));
    let (code, told) = folder.refused(&["ticks", "why", "bo"]);
    assert_eq!((code, told.lines().next()), (6, Some("error: there is no agent \"bo\" at PLACE")));
    assert_eq!(folder.refused(&["ticks", "why", "bob", "--tick", "7"]).0, 6);
}

#[test]
fn a_dry_run_tells_what_the_tick_would_do() {
    let folder = founded();
    folder.agent("cy", &json!({ "credits": { "max_credits": 0.001 } }));
    folder.told(&["send", "bob", "hello"]);
    insta::assert_snapshot!(folder.told(&["tick", "--dry-run"]), @r#"
    tick 1 (clock 1) would run 1 turn
    it would admit 1 message and 0 commands
      agent  because   model     has  first call   turn  all attempts  prompt  inbox
      ada    schedule  m      100.00      0.0002  0.003         0.009 N bytes  0 messages
      cy  skipped: no credits, 0.0012 needed and 0.001 there
    at worst 0.003, and 0.009 if every runner dies over every turn
    nothing was called, and nothing was written
    "#);
    let found = folder.document(&["tick", "--dry-run", "--prompts"]);
    assert_eq!((&found["dry_run"], &found["tick"], &found["open"]), (&json!(true), &json!(1), &json!(false)));
    assert_eq!((&found["requests"]["put"], &found["requests"]["delete"]), (&json!(0), &json!(0)));
    assert_eq!(found["due"][0]["prompt"][0]["role"], "system");
    assert!(!folder.path().join("ticks").exists(), "nothing is written");
    folder.ticks(1);
    let inspected = folder.document(&["inspect", "ada"]);
    let (then, now) = (&inspected["turns"][0]["record"]["prompt"], &found["due"][0]["prompt"]);
    assert_eq!(then[0], now[0], "the prompt that was shown is the one that was sent, but for the time");
    let wake = folder.document(&["tick", "--dry-run", "--wake", "--agent", "bob"]);
    let due: Vec<&Value> = wake["due"].as_array().expect("due").iter().map(|due| &due["agent"]).collect();
    assert_eq!((due, &wake["due"][0]["because"]), (vec![&json!("bob")], &json!("named")));
    assert!(
        folder.told(&["tick", "--dry-run", "--wake"]).starts_with("tick 2 (clock 1) would run 1 turn"),
        "bob has mail"
    );
    assert_eq!(folder.refused(&["tick", "--dry-run", "--all"]).0, 2);
    assert_eq!(folder.refused(&["tick", "--prompts"]).0, 2);
}

#[test]
fn a_past_tick_is_shown_by_every_command_that_reads() {
    let folder = founded();
    folder.ticks(2);
    let before = folder.document(&["status"]);
    let credits = folder.document(&["credits"]);
    let (logs, models) = (folder.told(&["logs"]), folder.document(&["models"]));
    // What people do afterwards is no part of the past.
    folder.agent("eve", &json!({}));
    folder.agent("bob", &json!({ "title": "Other", "enabled": false }));
    folder.write("org.json", &json!({ "format": 1, "name": "Other" }));
    let models_now = json!({ "n": { "provider": "scripted", "price": { "input": 0, "output": 0 },
        "provider_config": { "rules": [] } } });
    folder.write("config/models.json", &models_now);
    folder.told(&["send", "bob", "hello"]);
    folder.ticks(1);
    let then = folder.document(&["status", "--at", "2"]);
    assert_eq!(then, before);
    assert_eq!((&then["open"], &then["waiting_ingress"]), (&Value::Null, &json!(0)));
    assert_eq!(folder.document(&["credits", "--at", "2"]), credits);
    assert_eq!(folder.told(&["logs", "--at", "2"]), logs);
    assert_eq!(folder.document(&["models", "--at", "2"]), models);
    assert_ne!(folder.document(&["status"]), before);
    // Before the first tick nobody was known.
    assert_eq!(folder.document(&["status", "--at", "0"])["agents"], json!([]));
    for command in [&["status"][..], &["credits"], &["logs"], &["models"], &["inbox"], &["inspect", "ada"]] {
        let (code, told) = folder.refused(&[command, &["--at", "9"]].concat());
        assert_eq!(
            (code, told.lines().next()),
            (6, Some("error: tick 9 is not closed; the last closed tick is 3")),
            "{command:?}"
        );
    }
    assert_eq!(folder.refused(&["logs", "--follow", "--at", "2"]).0, 2);
}
