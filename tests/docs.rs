//! The commands of the documents, run as they are written.

#![cfg(unix)]
#![allow(clippy::expect_used, missing_docs, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

/// The `sh` blocks of a document that run the program itself.
fn blocks(document: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in document.lines() {
        match (&mut block, line) {
            (None, "```sh") => block = Some(String::new()),
            (Some(lines), "```") => {
                blocks.push(std::mem::take(lines));
                block = None;
            }
            (Some(lines), line) => {
                lines.push_str(line);
                lines.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks.into_iter().filter(|block| block.lines().any(|line| line.starts_with("lemming "))).collect()
}

fn run_as_written(document: &str) {
    let folder = tempfile::tempdir().expect("folder");
    let program = Path::new(env!("CARGO_BIN_EXE_lemming")).parent().expect("folder of the program");
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", program.display());
    let blocks = blocks(document);
    assert!(!blocks.is_empty(), "the document has no commands");
    for block in blocks {
        let done = Command::new("sh")
            .args(["-euc", &block])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env_remove("LEMMING_STORE")
            .env("LEMMING_LOG", "warn")
            .output()
            .expect("sh");
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{block}\n{out}\n{err}");
    }
}

#[test]
fn the_commands_of_the_page_on_the_command_line_work() {
    run_as_written(include_str!("../docs/CLI.md"));
}

/// A block marked `later` is of a command that is not there yet: it is to be switched on with that.
#[test]
fn the_answers_to_questions_are_commands_that_work() {
    run_as_written(include_str!("../docs/QUESTIONS.md"));
}

/// Its blocks are one session.
#[test]
fn the_story_of_the_tutorial_is_told_by_commands_that_work() {
    let session = blocks(include_str!("../docs/TUTORIAL.md")).concat();
    run_as_written(&format!("```sh\n{session}```\n"));
}

#[test]
fn the_commands_of_the_operations_page_work() {
    run_as_written(include_str!("../docs/OPERATIONS.md"));
}

#[test]
fn the_commands_of_the_models_page_work() {
    run_as_written(include_str!("../docs/MODELS.md"));
}

#[test]
fn the_commands_of_the_page_on_connecting_work() {
    run_as_written(include_str!("../docs/CONNECT.md"));
}

/// On a free port; whatever runs in the background ends with the block.
#[test]
fn the_commands_of_the_api_page_work() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let page = include_str!("../docs/API.md").replace("8080", &port.to_string());
    run_as_written(&page.replace("```sh\n", "```sh\ntrap 'kill $! 2>/dev/null || true' EXIT\n"));
}

#[test]
fn the_commands_of_the_page_on_cost_work_and_print_its_table() {
    let page = include_str!("../docs/COST.md");
    run_as_written(page);
    let table = page.split_once("```console\n").and_then(|(_, rest)| rest.split_once("```")).expect("a table").0;
    let folder = tempfile::tempdir().expect("folder");
    let args = ["cost", "--agents", "20", "--every", "5m", "--model", "anthropic:claude-haiku-4-5"];
    let printed = String::from_utf8(lemming(folder.path(), &args).stdout).expect("text");
    for line in table.lines() {
        assert!(printed.lines().any(|printed| printed == line), "{line:?} is not in\n{printed}");
    }
}

#[test]
fn the_commands_of_the_readme_work() {
    run_as_written(include_str!("../README.md"));
}

#[test]
fn the_transcript_of_the_readme_is_what_the_demo_prints() {
    let readme = include_str!("../README.md");
    let transcript = readme.split_once("```console\n").and_then(|(_, rest)| rest.split_once("```")).expect("it").0;
    let folder = tempfile::tempdir().expect("folder");
    let demo = Command::new(env!("CARGO_BIN_EXE_lemming"))
        .arg("demo")
        .current_dir(folder.path())
        .env_remove("LEMMING_STORE")
        .output()
        .expect("the demo");
    let printed = String::from_utf8_lossy(&demo.stdout);
    // Shortened lines end, and left out lines are, `…`; where the folder lies differs.
    let shown = transcript.lines().filter(|line| !line.starts_with("$ make") && !line.starts_with("everything is in"));
    let shown: Vec<&str> =
        shown.map(|line| line.trim_end_matches('…').trim_end()).filter(|line| !line.is_empty()).collect();
    assert!(shown.len() > 15, "{shown:?}");
    for line in shown {
        assert!(printed.lines().any(|printed| printed.starts_with(line)), "{line:?} is not in\n{printed}");
    }
}

/// Every `json` block of a document.
fn json_blocks(document: &str) -> Vec<Value> {
    let parts = document.split("```json\n").skip(1).map(|rest| rest.split("\n```").next().expect("a part"));
    parts.map(|text| serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in\n{text}"))).collect()
}

fn lemming(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(arguments).current_dir(folder).env_remove("LEMMING_STORE").env("LEMMING_LOG", "warn");
    command.output().expect("the program")
}

fn edit(path: PathBuf, edit: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("json");
    edit(&mut value);
    fs::write(path, value.to_string()).expect("written");
}

/// The settings of a page, put where they belong, are right; the tool calls of a page are understood.
fn holds(settings: &Value) {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    assert!(lemming(root, &["bootstrap"]).status.success());
    let fields = settings.as_object().expect("an object");
    if fields.contains_key("tool") {
        return is_understood(root, settings);
    }
    let merge = |into: &mut Value| {
        for (name, value) in fields {
            into[name] = value.clone();
        }
    };
    let is_of_a_resume = settings["memory"].get("pinned").is_some() || fields.contains_key("model");
    match fields.keys().next().map(String::as_str) {
        Some("$schema") => fs::write(root.join("config/tools.json"), settings.to_string()).expect("written"),
        Some("tools" | "limits") => edit(root.join("org.json"), merge),
        Some("memory") if is_of_a_resume => edit(root.join("agents/editor/resume.json"), merge),
        Some("memory") => {
            edit(root.join("org.json"), merge);
            // The model that it names has a block of its own.
            edit(root.join("config/models.json"), |models| {
                let none = json!({"input": 0, "output": 0});
                models["meaning"] =
                    json!({"provider": "ollama", "model_name": "e", "context_tokens": 2048, "price": none});
            });
        }
        _ if fields.values().all(|model| model.get("provider").is_some()) => {
            edit(root.join("config/models.json"), merge);
        }
        _ => panic!("nobody knows where this belongs: {settings}"),
    }
    let done = lemming(root, &["validate", "--json"]);
    let found: Value = serde_json::from_slice(&done.stdout).expect("findings");
    assert_eq!(found["errors"], 0, "{settings}: {found}");
}

fn is_understood(root: &Path, call: &Value) {
    let rules = json!({"rules": [
        {"agent": "archivist", "answer": {"tool_calls": [call]}},
        {"when": {"step": [0, 1]}, "answer": {}},
    ]});
    fs::write(root.join("config/script.json"), rules.to_string()).expect("written");
    edit(root.join("agents/archivist/resume.json"), |resume| {
        resume["permissions"]["tools"] = json!([call["tool"]]);
        resume["schedule"] = json!({"run_every_n_ticks": 1});
    });
    fs::create_dir_all(root.join("agents/archivist/workspace")).expect("a folder");
    fs::write(root.join("agents/archivist/workspace/log.txt"), "one\ntwo\n").expect("written");
    let done = lemming(root, &["tick"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let turn = fs::read(root.join("ticks/000000000001/turns/archivist.json")).expect("a turn");
    let turn: Value = serde_json::from_slice(&turn).expect("json");
    let result = &turn["exchanges"][0]["results"][0];
    // Not every machine has a sandbox: then that is what it says.
    let text = result["result"].as_str().unwrap_or_default();
    assert!(result["ok"] == true || text.contains("no working sandbox"), "{call}: {result}");
}

#[test]
fn the_settings_and_calls_of_the_pages_on_tools_and_memory_hold() {
    for document in [include_str!("../docs/TOOLS.md"), include_str!("../docs/MEMORY.md")] {
        let blocks = json_blocks(document);
        assert!(blocks.len() >= 3, "{blocks:?}");
        blocks.iter().for_each(holds);
    }
}

#[test]
fn the_servers_of_the_page_on_connecting_are_ones() {
    let blocks = json_blocks(include_str!("../docs/CONNECT.md"));
    let toolboxes: Vec<&Value> = blocks.iter().filter(|block| block.get("servers").is_some()).collect();
    assert!(!toolboxes.is_empty());
    for block in toolboxes {
        let toolbox: lemming::domain::toolbox::Toolbox = serde_json::from_value(block.clone()).expect("a toolbox");
        for (name, server) in &toolbox.servers {
            assert!(server.transport().is_ok(), "{name}");
            assert!(server.terms.extra.is_empty(), "{name}");
        }
    }
}

#[test]
fn every_command_that_a_page_names_is_there_with_its_options() {
    let folder = tempfile::tempdir().expect("folder");
    let mut named = BTreeSet::new();
    for document in [
        include_str!("../README.md"),
        include_str!("../docs/ARCHITECTURE.md"),
        include_str!("../docs/CONNECT.md"),
        include_str!("../docs/COST.md"),
        include_str!("../docs/MEMORY.md"),
        include_str!("../docs/MODELS.md"),
        include_str!("../docs/PROTOCOL.md"),
        include_str!("../docs/QUESTIONS.md"),
        include_str!("../docs/TOOLS.md"),
        include_str!("../infra/README.md"),
        include_str!("../localstack/README.md"),
    ] {
        // In the text, that is: blocks of commands are run as a whole.
        let text: String = document.split("```").step_by(2).collect();
        let quoted = text.split('`').skip(1).step_by(2).filter_map(|code| code.strip_prefix("lemming "));
        named.extend(quoted.map(str::to_owned));
    }
    assert!(named.len() >= 6, "{named:?}");
    for command in named {
        let mut words = command.split_whitespace().map(|word| word.trim_matches(['[', ']'])).peekable();
        while words.next_if(|word| *word == "--store").is_some() {
            words.next();
        }
        let name = words.next().expect("a command");
        if name == "help" {
            continue;
        }
        let help = lemming(folder.path(), &[name, "--help"]);
        assert!(help.status.success(), "`lemming {command}`: there is no {name}");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        for option in words.filter(|word| word.starts_with("--")) {
            assert!(help.contains(option), "`lemming {command}`: {name} has no {option}");
        }
    }
}

/// A line with what differs from run to run left out: numbers, who it was, and how wide columns are.
fn gist(line: &str) -> String {
    let word = |word: &str| -> Option<String> {
        let bare = word.trim_end_matches([',', '.', ':', ';']);
        if lemming::chaos::organisation::AGENTS.contains(&bare) {
            return None;
        }
        let digits = bare.chars().next().is_some_and(|c| c.is_ascii_digit());
        Some(if digits { "0".to_owned() } else { word.to_owned() })
    };
    line.split_whitespace().filter_map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_transcript_of_the_crashes_is_what_the_demo_prints() {
    let readme = include_str!("../README.md");
    let transcript = readme.split_once("$ make chaos\n").and_then(|(_, rest)| rest.split_once("```")).expect("it").0;
    let folder = tempfile::tempdir().expect("folder");
    let demo = Command::new(env!("CARGO_BIN_EXE_lemming"))
        .args(["demo", "--chaos"])
        .current_dir(folder.path())
        .env_remove("LEMMING_STORE")
        .output()
        .expect("the demo");
    let printed = String::from_utf8_lossy(&demo.stdout);
    assert!(demo.status.success(), "{printed}\n{}", String::from_utf8_lossy(&demo.stderr));
    let gists: Vec<String> = printed.lines().map(gist).collect();
    let shown = transcript.lines().filter(|line| !line.starts_with("everything is in") && *line != "…");
    let shown: Vec<&str> = shown.filter(|line| !line.is_empty()).collect();
    assert!(shown.len() > 20, "{shown:?}");
    for line in shown {
        assert!(gists.contains(&gist(line)), "{line:?} is not in\n{printed}");
    }
}

#[test]
fn the_transcript_of_the_stores_page_has_what_doctor_prints() {
    /// The words that a line begins with, health aside: the name of a check, or of keys or an operation.
    fn names(printed: &str) -> Vec<String> {
        let rows = printed.lines().filter_map(|line| line.strip_prefix("  "));
        let name = |row: &str| {
            let mut cells = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
            let first = cells.next()?;
            let is_health = matches!(first, "good" | "note" | "warning" | "WRONG" | "skipped");
            Some(if is_health { cells.next()? } else { first }.to_owned())
        };
        rows.filter_map(name).collect()
    }
    let page = include_str!("../docs/STORES.md");
    let transcript = page.split_once("```console\n").and_then(|(_, rest)| rest.split_once("```")).expect("it").0;
    let doctor = Command::new(env!("CARGO_BIN_EXE_lemming")).args(["doctor", "--store", "memory://"]).output();
    let printed = String::from_utf8(doctor.expect("doctor").stdout).expect("text");
    assert_eq!(names(transcript), names(&printed), "{printed}");
}
