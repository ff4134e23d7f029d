//! What the command line shows people: exit codes, the graph, money, tools, times, and what other programs complete and
//! page through.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// An organisation in a folder of its own, and the real program.
struct World(TempDir);

impl World {
    /// No model has a price; `rules` say what the agents do.
    fn new(agents: &[Value], rules: &Value) -> Self {
        let world = Self(tempfile::tempdir().expect("a folder"));
        let price = json!({ "input": 0, "output": 0 });
        let config = json!({ "script": "config/script.json" });
        world.write("org.json", &json!({ "format": 1, "name": "Test" }));
        world.write(
            "config/models.json",
            &json!({ "m": { "provider": "scripted", "price": price, "provider_config": config } }),
        );
        world.write("config/script.json", &json!({ "rules": rules }));
        for agent in agents {
            world.write(&format!("agents/{}/resume.json", agent["name"].as_str().expect("a name")), agent);
        }
        world
    }

    fn write(&self, path: &str, value: &Value) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, value.to_string()).expect("written");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command.args(args).current_dir(self.0.path()).env_remove("LEMMING_STORE").env_remove("LEMMING_DEADLINE");
        command.env("LEMMING_LOG", "warn").env("TZ", "<+0100>-1");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program")
    }

    fn text(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert_eq!(done.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text")
    }

    fn json(&self, args: &[&str]) -> Value {
        let text = self.text(&[args, &["--json"]].concat());
        serde_json::from_str(&text).expect("one document")
    }

    fn code(&self, args: &[&str]) -> i32 {
        self.run(args).status.code().expect("an exit code")
    }
}

fn agent(name: &str, reads: &[&str], when: &str) -> Value {
    json!({
        "name": name, "title": format!("The {name}"), "short_description": "Does what it is told.",
        "instructions": "Answer.", "model": { "key": "m" }, "permissions": { "read_outboxes": reads },
        "schedule": { "run_every_n_ticks": 1, "when": when },
    })
}

fn sending(name: &str, reads: &[&str], sends: &[&str]) -> Value {
    let mut agent = agent(name, reads, "always");
    agent["permissions"]["send_outboxes"] = json!(sends);
    agent
}

fn desk() -> World {
    let mut off = agent("off", &["*"], "always");
    off["enabled"] = json!(false);
    let mut tools = agent("tools", &[], "always");
    tools["permissions"]["tools"] = json!(["file_read", "web_search", "file_raed"]);
    World::new(
        &[
            agent("ada", &["bob"], "on_message"),
            agent("bob", &["ada", "ghost"], "on_message"),
            sending("cyd", &["ada"], &["bob"]),
            off,
            tools,
        ],
        &json!([{ "answer": { "outbox_entries": [{ "payload": { "text": "well\u{1b}[31m" } }] } }]),
    )
}

#[test]
fn the_graph_is_what_the_resumes_permit() {
    let world = desk();
    insta::assert_snapshot!(world.text(&["graph"]), @r#"
    5 agents, 3 ways for mail between them
    agent  hears         heard by      reaches
    ada    bob           bob, cyd            2
    bob    ada           ada                 2
    cyd    ada           people alone        0
    off    disabled      disabled            0
    tools  people alone  people alone        0

    note: no agent hears these, and they hear none: tools
    note: no agent hears these; only people do, where it is addressed to them: cyd
    note: disabled, so that these neither read nor write: off
    loop: ada, bob wake each other: if none falls silent, mail that was passed on 20 times wakes nobody any more
    gap: bob reads ghost, and there is no ghost
    gap: cyd may write to bob, which does not read cyd
    "#);
    insta::assert_snapshot!(world.text(&["derive-graph", "--format", "dot"]), @r#"
    digraph organisation {
      rankdir=LR;
      node [shape=box];
      "ada" [shape=ellipse];
      "bob" [shape=ellipse];
      "cyd";
      "off" [style=dashed];
      "tools";
      "ada" -> "bob";
      "ada" -> "cyd";
      "bob" -> "ada";
    }
    "#);
    insta::assert_snapshot!(world.text(&["graph", "--format", "mermaid", "--agent", "ada"]), @r#"
    flowchart LR
      a_ada(["ada"])
      a_bob(["bob"])
      a_cyd["cyd"]
      a_bob --> a_ada
      a_ada --> a_bob
      a_ada --> a_cyd
    "#);
    insta::assert_snapshot!(world.text(&["graph", "--agent", "cyd"]), @r#"
    cyd
    hears: ada
    heard by: nobody
    reaches: 0 agents
    gap: cyd may write to bob, which does not read cyd
    "#);
    insta::assert_snapshot!(world.text(&["graph", "--reach", "ada"]), @r#"
    ada reaches 2 agents
      in 1 step: bob, cyd
    ada is reached by 1 agent
      in 1 step: bob
    "#);
    let graph = world.json(&["graph"]);
    assert_eq!(graph["notes"]["loops"], json!([["ada", "bob"]]));
    assert_eq!(graph["notes"]["mute"], json!(["cyd"]));
    assert_eq!(graph["notes"]["unreachable"], json!(["tools"]));
    assert_eq!(graph["notes"]["disabled"], json!(["off"]));
    assert_eq!(graph["notes"]["gaps"][0], json!({ "agent": "bob", "other": "ghost", "gap": "reads_nobody" }));
    assert_eq!(graph["agents"][0]["hears"], json!(["bob"]));
    assert_eq!(graph["agents"][0]["reaches"], 2);
    assert_eq!(graph["edges"][0], json!({ "from": "ada", "to": "bob" }));
    assert_eq!(world.json(&["graph", "--reach", "ada"])["reaches"], json!({ "bob": 1, "cyd": 1 }));
    world.write("agents/ada/resume.json", &json!("no resume"));
    assert!(world.text(&["graph"]).contains("broken: ada is left out"));
    assert_eq!(world.code(&["graph", "--agent", "ada"]), 3);
    assert_eq!(world.code(&["graph", "--agent", "adda"]), 6);
    assert_eq!(world.code(&["graph", "--reach", "bob", "--format", "dot"]), 2);
    assert_eq!(world.code(&["graph", "--json", "--format", "dot"]), 2);
}

#[test]
fn the_graph_of_a_past_moment_is_what_the_resumes_permitted_then() {
    let world = desk();
    world.text(&["tick"]);
    world.write("agents/ada/resume.json", &agent("ada", &[], "always"));
    assert_eq!(world.json(&["graph", "--agent", "ada"])["agents"][0]["hears"], json!([]));
    assert_eq!(world.json(&["graph", "--agent", "ada", "--at", "1"])["agents"][0]["hears"], json!(["bob"]));
    assert_eq!(world.code(&["graph", "--at", "2"]), 6);
}

#[test]
fn the_graph_of_many_agents_is_a_summary() {
    let many: Vec<Value> = (0..60).map(|i| agent(&format!("a{i:02}"), &["*"], "on_message")).collect();
    let world = World::new(&many, &json!([]));
    let shown = world.text(&["graph"]);
    assert!(shown.starts_with("60 agents, 3540 ways for mail between them\n"), "{shown}");
    assert!(shown.lines().count() < 20, "{shown}");
    assert!(shown.contains("loop: a00, a01") && shown.contains("and 48 more wake each other"), "{shown}");
}

/// Four ticks, in each of which a turn costs 1.
fn spenders() -> World {
    let world = World::new(&[agent("ada", &[], "always"), agent("bob", &[], "on_message")], &json!([{ "answer": {} }]));
    world.write(
        "org.json",
        &json!({ "format": 1, "name": "Test", "credits": { "cost_per_action": 1 }, "budget": { "credits": 10 } }),
    );
    for _ in 0..4 {
        world.text(&["tick"]);
    }
    world
}

#[test]
fn credits_say_how_fast_money_is_spent_and_how_long_it_lasts() {
    let world = spenders();
    let credits = world.json(&["credits"]);
    assert_eq!((&credits["burn"]["ticks"], &credits["burn"]["charged"]), (&json!(4), &json!(4)));
    // They were over within a minute: nobody knows what that makes in a day.
    assert_eq!((&credits["credits_per_tick"], &credits["credits_per_day"]), (&json!(1), &Value::Null));
    let ada = &credits["agents"][0];
    assert_eq!((&ada["credits_left"], &ada["credits_per_tick"]), (&json!(96), &json!(1)));
    assert_eq!(ada["forecast"], json!({ "lasts": "used_up", "ticks": 96, "at": null }));
    assert_eq!(credits["agents"][1]["forecast"], json!({ "lasts": "forever" }));
    assert_eq!(credits["budget_forecast"], json!({ "lasts": "used_up", "ticks": 6, "at": null }));
    insta::assert_snapshot!(world.text(&["credits"]), @r#"
    budget total: 6.00 left of 10.00, used up: in 6 ticks
    1.00 USD a tick, by the last 4 ticks

    agent    left  a day  paid  turns left  at worst  used up
    ada     96.00      -  4.00          96        96  in 96 ticks
    bob    100.00      -  0.00           -       100  never at this rate
    "#);
    assert_eq!(world.json(&["credits", "--ticks", "2"])["burn"]["first_tick"], 3);
    let ledger = world.text(&["credits", "ledger", "--ticks", "2..3"]);
    assert!(ledger.ends_with("2.00 charged in ticks 2 to 3\n"), "{ledger}");
    assert_eq!(ledger.lines().filter(|line| line.contains("turn, ok")).count(), 2, "{ledger}");
    assert_eq!(ledger.lines().filter(|line| line.contains("call of m")).count(), 2, "{ledger}");
    let ledger = world.json(&["credits", "ledger", "--agent", "bob"]);
    assert_eq!((&ledger["lines"], &ledger["charged"]), (&json!([]), &json!(0)));
    let ledger = world.json(&["credits", "ledger", "--ticks", "..2"]);
    assert_eq!((&ledger["from"], &ledger["to"], &ledger["charged"]), (&json!(1), &json!(2), &json!(2)));
    assert_eq!(world.json(&["credits", "export", "--from", "1", "--to", "2"])["lines"], ledger["lines"]);
    let before = World::new(&[agent("ada", &[], "always")], &json!([]));
    assert_eq!(before.json(&["credits"])["agents"][0]["forecast"], json!({ "lasts": "unknown" }));
    assert_eq!(before.text(&["credits", "ledger"]), "no turn was charged in these ticks\n");
}

#[test]
fn top_up_is_a_command_of_its_own_too() {
    let world = spenders();
    let ordered = world.json(&["top-up", "ada", "0.5"]);
    assert_eq!(ordered["command"], json!({ "action": "top_up", "agent": "ada", "credits": 0.5 }));
    assert_eq!(world.code(&["top-up", "org", "0"]), 2);
    assert_eq!(world.code(&["top-up", "adda", "1"]), 6);
}

#[test]
fn tools_say_what_they_touch_and_who_may_call_them() {
    let world = desk();
    let shown = world.text(&["tools"]);
    assert!(
        shown.contains("problem: there is no tool file_raed, which tools may call; did you mean file_read?"),
        "{shown}"
    );
    assert!(shown.contains("problem: web_search: org.json names no search engine"), "{shown}");
    let tools = world.json(&["tools", "list"]);
    let of = |name: &str| {
        let tools = tools["tools"].as_array().expect("tools");
        tools.iter().find(|tool| tool["tool"] == name).expect("the tool").clone()
    };
    assert_eq!((&of("file_read")["reach"], &of("file_read")["agents"]), (&json!("reads"), &json!(["tools"])));
    assert_eq!(of("shell")["reach"], "runs");
    assert_eq!(tools["unknown"], json!([{ "tool": "file_raed", "agents": ["tools"], "nearest": "file_read" }]));
    insta::assert_snapshot!(world.text(&["tools", "show", "file_read"]), @r#"
    file_read  reads
    Returns the text of a file in workspace/ (your own) or shared/ (the organisation's), at most 32 KB at a time.
    who may: tools
    limits: files of 1 MiB; 32 KiB at a time
    arguments:
      path: string. The path: `workspace/...` or `shared/...`.
      from_line (may be absent): integer. The line to begin with, from 1: for the rest of a long file.
    "#);
    assert_eq!(world.json(&["tools", "show", "file_read"]), of("file_read"));
    let unknown = world.run(&["tools", "show", "file_raed", "--json"]);
    assert_eq!(unknown.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean file_read?"));
}

#[test]
fn models_say_who_thinks_with_each() {
    let world = desk();
    assert_eq!(world.json(&["models"])["models"][0]["agents"], json!(["ada", "bob", "cyd", "off", "tools"]));
    assert!(world.text(&["models"]).contains("ada, bob, cyd, off and 1 more"));
}

#[test]
fn times_are_local_for_people_and_utc_where_they_are_asked_for_or_read_by_programs() {
    let world = spenders();
    let status = world.json(&["status"]);
    let utc = chrono::DateTime::parse_from_rfc3339(status["time"].as_str().expect("a time")).expect("RFC 3339");
    assert!(status["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{status}");
    let local = utc.with_timezone(&chrono::FixedOffset::east_opt(3600).expect("an hour"));
    let local = local.format("%Y-%m-%d %H:%M:%S +01:00").to_string();
    let utc = utc.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let shown = world.text(&["status"]);
    assert!(shown.contains(&format!("tick 4 (clock 4), {local}\n")), "{shown}");
    assert!(world.text(&["status", "--utc"]).contains(&utc));
    assert!(world.text(&["logs", "--ticks", "1"]).starts_with(&format!("tick 4  {local}, due: ada\n")));
    let ledger = world.text(&["credits", "ledger", "--ticks", "4"]);
    assert!(ledger.contains(&local), "{ledger}");
    let elsewhere = world.command(&["status"]).env("TZ", "UTC").output().expect("the program");
    assert!(String::from_utf8_lossy(&elsewhere.stdout).contains(&utc));
    let inspected = world.text(&["inspect", "ada", "--turns", "1"]);
    assert!(inspected.contains(" +01:00, read 0"), "{inspected}");
    world.text(&["keys", "add", "me", "--scope", "read"]);
    assert!(world.json(&["keys"])["keys"][0]["created_at"].as_str().is_some_and(|time| time.ends_with('Z')));
    assert!(world.text(&["keys"]).contains(" +01:00"));
}

#[test]
fn the_options_of_the_original_are_there() {
    let world = desk();
    world.text(&["run-once"]);
    world.text(&["send", "ada", "hi", "--importance", "high"]);
    world.text(&["run-once", "--tick", "2"]);
    // Once only, however often it is asked for; and never out of order.
    assert_eq!(world.json(&["run-once", "--tick", "2"])["idle"], "tick_passed");
    assert_eq!(world.code(&["run-once", "--tick", "9"]), 6);
    assert_eq!(world.json(&["status"])["tick"], 2);
    let inspected = world.json(&["inspect", "cyd", "--outbox", "1"]);
    assert_eq!(inspected["outbox"].as_array().map(Vec::len), Some(1));
    assert_eq!(inspected["outbox"][0]["tick"], 2);
    assert_eq!(world.json(&["inspect", "cyd"])["outbox"], json!([]));
    assert!(world.text(&["inspect", "cyd", "--outbox", "2"]).contains("cyd → bob"));
    assert!(world.text(&["inspect", "off", "--outbox", "2"]).contains("it has said nothing yet"));
    let all = world.json(&["logs"])["events"].as_array().expect("events").clone();
    let last = world.json(&["logs", "--lines", "2"])["events"].as_array().expect("events").clone();
    assert_eq!(last[..], all[all.len() - 2..]);
    assert_eq!(world.text(&["logs", "--lines", "3"]).lines().count(), 3);
    let jsonl = world.text(&["logs", "--lines", "2", "--jsonl"]);
    assert_eq!(jsonl.lines().map(|line| serde_json::from_str::<Value>(line).expect("json")).collect::<Vec<_>>(), last);
    assert_eq!(world.json(&["inbox", "--agent", "ada"]), world.json(&["inbox", "ada"]));
    assert_eq!(world.code(&["inbox", "ada", "--agent", "ada"]), 2);
}

#[test]
fn what_agents_wrote_cannot_move_the_cursor() {
    let world = desk();
    world.text(&["tick"]);
    for args in [&["inspect", "cyd", "--outbox", "3"][..], &["logs"], &["inbox", "--all"]] {
        let shown = world.text(args);
        assert!(shown.contains("well") && !shown.contains('\u{1b}'), "{args:?}: {shown}");
    }
}

#[test]
fn completions_and_the_manual_have_every_command() {
    let world = World::new(&[], &json!([]));
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = world.text(&["completions", shell]);
        for word in ["top-up", "graph", "ledger", "utc"] {
            assert!(script.contains(word), "{shell} has no {word}");
        }
    }
    let bash = Command::new("bash").arg("-n").arg("-c").arg(world.text(&["completions", "bash"])).output();
    // Not every machine has one.
    assert!(bash.map_or(true, |checked| checked.status.success()), "bash reads its script");
    assert_eq!(world.code(&["completions", "csh"]), 2);
    assert_eq!(world.code(&["completions", "bash", "--json"]), 2);
    let page = world.text(&["man", "credits", "top-up"]);
    assert!(page.contains(".TH") && page.contains("lemming\\-credits\\-top\\-up"), "{page}");
    assert!(world.text(&["man"]).contains("top\\-up"));
    assert_eq!(world.code(&["man", "credits", "topup"]), 6);
    let written = world.json(&["man", "--all", "pages"]);
    let written: Vec<&str> = written["written"].as_array().expect("paths").iter().filter_map(Value::as_str).collect();
    assert_eq!(written.len(), crate::help::commands().len());
    for path in written {
        let page = std::fs::read_to_string(world.0.path().join(path)).expect("a page");
        assert!(page.contains(".SH SYNOPSIS"), "{path}");
    }
}

#[cfg(unix)]
#[test]
fn every_exit_code_comes_of_a_real_run_and_is_documented() {
    let world = desk();
    world.text(&["tick"]);
    let path = world.0.path().join("ticks/000000000001/turns/cyd.json");
    let mut turn: Value = serde_json::from_slice(&std::fs::read(&path).expect("a turn")).expect("json");
    turn["notes"] = json!("changed");
    std::fs::write(&path, turn.to_string()).expect("written");
    let mut seen = vec![
        (world.code(&["status"]), 0),
        (world.code(&["replay", "1"]), 1),
        (world.code(&["status", "--bogus"]), 2),
        (world.code(&["status", "--store", "nosuch://x"]), 4),
        (world.code(&["inspect", "nobody"]), 6),
    ];
    std::fs::create_dir_all(world.0.path().join("other/agents/cyd")).expect("folders");
    let mut other = sending("cyd", &["ada"], &["bob"]);
    other["title"] = json!("Another");
    world.write("other/agents/cyd/resume.json", &other);
    seen.push((world.code(&["apply", "other", "--dry-run"]), 7));
    world.write("agents/cyd/resume.json", &json!({}));
    seen.push((world.code(&["validate"]), 3));
    // No turn ends within a millisecond: the next invocation runs it.
    world.write("agents/cyd/resume.json", &sending("cyd", &["ada"], &["bob"]));
    world.write("config/script.json", &json!({ "rules": [{ "answer": {}, "fault": { "delay_ms": 60_000 } }] }));
    seen.push((world.code(&["tick", "--deadline", "200ms"]), 5));
    seen.push((interrupted(), 130));
    for (code, expected) in &seen {
        assert_eq!(code, expected, "{seen:?}");
    }
    let help = world.text(&["--help"]);
    let page = include_str!("../../docs/CLI.md");
    for (code, _) in seen {
        assert!(help.lines().any(|line| line.starts_with(&format!("  {code:<4} "))), "{code} is not in the help");
        assert!(page.contains(&format!("\n| {code} | ")), "{code} is not in docs/CLI.md");
    }
}

/// `doctor` at a store that does not answer, and Ctrl-C.
#[cfg(unix)]
fn interrupted() -> i32 {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::sync::mpsc;

    use rustix::process::{Pid, Signal, kill_process};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (asked, again) = mpsc::channel();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for (count, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let _ = lines.find(String::is_empty);
            drop(lines);
            if count == 0 {
                // Who asks once more has heard this answer: by then it listens for signals.
                let answer = "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                let _ = (&stream).write_all(answer.as_bytes());
            } else {
                held.push(stream);
                let _ = asked.send(());
            }
        }
    });
    let store = format!("s3://b?endpoint=http://127.0.0.1:{port}&allow_http=true&access_key_id=i&secret_access_key=k");
    let world = World::new(&[], &json!([]));
    let mut child = world.command(&["doctor", "--store", &store]).stdout(Stdio::null()).spawn().expect("the program");
    again.recv().expect("a request");
    kill_process(Pid::from_child(&child), Signal::INT).expect("a signal");
    child.wait().expect("an end").code().expect("an exit code")
}

#[test]
fn the_command_line_is_wrong_in_one_envelope_too() {
    let world = World::new(&[], &json!([]));
    for args in [
        &["--json", "nonsense"][..],
        &["--json", "credits", "ledger", "--ticks", "9..3"],
        &["--json", "graph", "--format", "png"],
        &["--json", "tools", "show"],
        &["--json"],
    ] {
        let done = world.run(args);
        let told = String::from_utf8(done.stderr).expect("text");
        assert_eq!((done.status.code(), done.stdout.is_empty()), (Some(2), true), "{args:?}: {told}");
        let envelope: Value = serde_json::from_str(told.trim_end()).unwrap_or_else(|_| panic!("{args:?}: {told}"));
        assert_eq!(envelope["error"]["code"], "usage", "{args:?}");
        let message = envelope["error"]["message"].as_str().expect("a message");
        assert!(!message.contains('\n') && !message.contains("Usage:"), "{args:?}: {message:?}");
    }
}

/// What the program prints on a terminal of so many columns; `None` where no `script` makes one.
#[cfg(target_os = "linux")]
fn on_terminal(world: &World, columns: usize, args: &str, variable: &str) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_lemming");
    let line = format!("stty rows 40 cols {columns} && {variable} '{program}' {args}");
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(world.0.path()).env("SHELL", "/bin/sh").env("TERM", "xterm");
    command.env_remove("NO_COLOR").env_remove("LEMMING_STORE").stdin(Stdio::null());
    let done = command.output().ok()?;
    let text = String::from_utf8(done.stdout).expect("text");
    assert!(done.status.success(), "{line}: {text}");
    Some(text.replace('\r', ""))
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_everything_fits_and_has_colours_unless_nobody_wants_them() {
    let mut wide = agent("wide", &["*"], "always");
    wide["title"] = json!("編集長と研究者と記録係と校正者と発行人");
    let world = World::new(&[wide, agent("ada", &["wide"], "on_message")], &json!([{ "answer": {} }]));
    world.text(&["tick"]);
    for columns in [60, 80, 120] {
        for args in ["status", "graph", "tools", "tools show shell", "--help", "inspect ada", "logs"] {
            let Some(shown) = on_terminal(&world, columns, args, "") else {
                println!("SKIPPED: it needs `script` of util-linux, which is not here");
                return;
            };
            let plain = anstream::adapter::strip_str(&shown).to_string();
            for line in plain.lines() {
                let width = unicode_width::UnicodeWidthStr::width(line);
                assert!(width <= columns, "{args} in {columns}: {width} columns: {line:?}");
            }
            assert_ne!(plain, shown, "{args} has colours");
            let without = on_terminal(&world, columns, args, "NO_COLOR=1").expect("a terminal");
            assert_eq!(without.trim_end(), plain.trim_end(), "{args}");
        }
    }
    let status = on_terminal(&world, 60, "status", "NO_COLOR=1").expect("a terminal");
    assert!(status.contains("編集長と") && status.contains('…'), "{status}");
}

#[test]
fn where_no_terminal_is_nothing_is_cut() {
    let world = desk();
    let title = "A title that is much longer than any terminal is wide".repeat(2);
    let mut long = agent("ada", &["bob"], "on_message");
    long["title"] = json!(title);
    world.write("agents/ada/resume.json", &long);
    let shown = world.text(&["graph"]);
    assert!(!shown.contains('…'), "{shown}");
}
