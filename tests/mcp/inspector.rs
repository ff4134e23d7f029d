//! The inspector's command line drives `lemming mcp` and `/mcp` of `lemming serve`: every tool, resource and prompt.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The organisation of the template after some ticks, in a folder.
struct Place {
    folder: TempDir,
}

/// How the inspector reaches it.
struct Way<'a> {
    place: &'a Place,
    inspector: &'a Path,
    /// Behind `--cli`: a command, or an address.
    target: Vec<String>,
    /// Behind the rest: a header, or a variable.
    with: Vec<String>,
}

impl Place {
    fn founded() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder") };
        place.lemming(&["bootstrap"]);
        place.lemming(&["send", "editor", "Should we move our nightly backups to object storage?"]);
        place.lemming(&["run", "--ticks", "8", "--every", "10ms"]);
        place
    }

    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command.current_dir(self.folder.path()).env_remove("LEMMING_STORE").env("LEMMING_LOG", "warn");
        command
    }

    fn lemming(&self, arguments: &[&str]) -> String {
        let done = self.program().args(arguments).output().expect("the program");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text").trim().to_owned()
    }

    fn key(&self, name: &str, scopes: &[&str]) -> String {
        let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
        self.lemming(&["keys", "add", name].into_iter().chain(scopes).collect::<Vec<_>>())
    }

    fn commands(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("ingress/control")).map_or(0, Iterator::count)
    }
}

impl Way<'_> {
    fn run(&self, method: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.inspector);
        command.arg("--cli").args(&self.target).args(["--method", method]).args(arguments).args(&self.with);
        // What it keeps of servers goes with the test.
        command.env("HOME", self.place.folder.path()).current_dir(self.place.folder.path()).stdin(Stdio::null());
        command.output().expect("the inspector")
    }

    fn ask(&self, method: &str, arguments: &[&str]) -> Value {
        let done = self.run(method, arguments);
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{method} {arguments:?}: {out}{err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{method} {arguments:?}: {error}: {out}"))
    }

    fn call(&self, tool: &str, arguments: &[&str]) -> Value {
        let mut all = vec!["--tool-name", tool];
        for argument in arguments {
            all.extend(["--tool-arg", argument]);
        }
        let result = self.ask("tools/call", &all);
        assert_ne!(result["isError"], true, "{tool}: {result}");
        assert!(result["structuredContent"].is_object(), "{tool}: {result}");
        result["structuredContent"].clone()
    }
}

/// Every tool that reads, with the arguments that it is tried with, and a field that its answer must not have empty.
fn reading(thread: &str) -> Vec<(&'static str, Vec<String>, &'static str)> {
    let arguments = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    vec![
        ("status", arguments(&[]), "tick"),
        ("problems", arguments(&[]), "problems"),
        ("list_agents", arguments(&["limit=2"]), "next_cursor"),
        ("show_agent", arguments(&["agent=editor"]), "turns"),
        ("inbox", arguments(&[]), "messages"),
        ("search_messages", arguments(&["text=backups"]), "messages"),
        ("list_threads", arguments(&[]), "threads"),
        ("read_thread", vec![format!("id={thread}")], "messages"),
        ("why", arguments(&["agent=editor"]), "answers"),
        ("list_ticks", arguments(&["limit=2"]), "next_cursor"),
        ("show_tick", arguments(&["tick=1"]), "turns"),
        ("read_memory", arguments(&["agent=editor"]), "memory"),
        ("search_memory", arguments(&["words=backups"]), "found"),
        ("list_files", arguments(&[]), "files"),
        ("read_file", arguments(&["path=shared/briefs/1.md"]), "text"),
        ("credits", arguments(&[]), "agents"),
        ("ledger", arguments(&["agent=editor"]), "lines"),
        ("list_approvals", arguments(&[]), "approvals"),
    ]
}

/// The tools that change something, as far as the organisation has what they need.
const CHANGING: [(&str, &[&str]); 4] = [
    ("send_message", &["recipients=[\"editor\"]", "text=Well done"]),
    ("top_up", &["account=editor", "credits=1.5"]),
    ("pause", &["agent=editor"]),
    ("resume", &["agent=editor"]),
];

/// Those that need a call that waits: they refuse any other.
const ANSWERING: [(&str, &[&str]); 2] = [
    ("approve_call", &["approval=00000000-0000-7000-8000-000000000000", "arguments_sha256=00"]),
    ("deny_call", &["approval=00000000-0000-7000-8000-000000000000", "reason=No"]),
];

/// Every tool, resource and prompt that a reader has.
fn read_everything(way: &Way<'_>) {
    let listed = way.ask("resources/list", &[]);
    let uris: Vec<&str> =
        listed["resources"].as_array().expect("resources").iter().filter_map(|one| one["uri"].as_str()).collect();
    let threads: Vec<&str> = uris.iter().filter_map(|uri| uri.strip_prefix("lemming://threads/")).collect();
    assert!(uris.contains(&"lemming://agents/editor") && !threads.is_empty(), "{uris:?}");
    for uri in &uris {
        let read = way.ask("resources/read", &["--uri", uri]);
        let text = read["contents"][0]["text"].as_str().expect("a text");
        assert!(serde_json::from_str::<Value>(text).expect("a document").is_object(), "{uri}");
    }
    let templates = way.ask("resources/templates/list", &[]);
    assert_eq!(templates["resourceTemplates"].as_array().map(Vec::len), Some(2));
    for (tool, arguments, field) in reading(threads[0]) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let told = way.call(tool, &arguments);
        // Nothing is wrong with the template, and nobody waits there.
        if !["problems", "list_approvals"].contains(&tool) {
            assert!(![json!([]), Value::Null].contains(&told[field]), "{tool}: {told}");
        }
    }
    let prompts = way.ask("prompts/list", &[]);
    for prompt in prompts["prompts"].as_array().expect("prompts") {
        let mut arguments = vec!["--prompt-name", prompt["name"].as_str().expect("a name")];
        if prompt["name"] == "why_did_it_not_run" {
            arguments.extend(["--prompt-args", "agent=editor"]);
        }
        let got = way.ask("prompts/get", &arguments);
        assert!(got["messages"][0]["content"]["text"].is_string(), "{got}");
    }
}

fn tools(way: &Way<'_>) -> BTreeSet<String> {
    let listed = way.ask("tools/list", &[]);
    let names = listed["tools"].as_array().expect("tools").iter().filter_map(|tool| tool["name"].as_str());
    names.map(str::to_owned).collect()
}

/// With a key for everything: each tool that there is was tried.
fn change_everything(way: &Way<'_>) {
    let before = way.place.commands();
    for (tool, arguments) in CHANGING {
        way.call(tool, arguments);
    }
    assert_eq!(way.place.commands() - before, 3);
    for (tool, arguments) in ANSWERING {
        let mut all = vec!["--tool-name", tool];
        for argument in arguments {
            all.extend(["--tool-arg", argument]);
        }
        let said = way.run("tools/call", &all);
        let said = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert!(said.contains("waits for an answer"), "{tool}: {said}");
    }
    let tried: BTreeSet<String> = reading("").into_iter().map(|(tool, ..)| tool.to_owned()).collect();
    let changing = CHANGING.iter().chain(&ANSWERING).map(|(tool, _)| (*tool).to_owned());
    assert_eq!(tools(way), tried.into_iter().chain(changing).collect::<BTreeSet<_>>(), "every tool is tried");
}

fn inspector() -> Option<PathBuf> {
    Some(crate::installed()?.join("node_modules/.bin/mcp-inspector"))
}

#[test]
fn the_inspector_drives_a_server_on_standard_input_and_output() {
    let Some(inspector) = inspector() else { return };
    let place = Place::founded();
    let key = place.key("desk", &["read", "send", "control"]);
    let target = vec![env!("CARGO_BIN_EXE_lemming").to_owned(), "mcp".to_owned()];
    let way = Way { place: &place, inspector: &inspector, target: target.clone(), with: Vec::new() };
    read_everything(&way);
    assert_eq!(tools(&way).len(), reading("").len(), "without a key nothing can be changed");
    let refused = way.run("tools/call", &["--tool-name", "pause"]);
    let said = format!("{}{}", String::from_utf8_lossy(&refused.stdout), String::from_utf8_lossy(&refused.stderr));
    assert!(said.contains("pause"), "{said}");
    assert_eq!(place.commands(), 0);
    let with = vec!["-e".to_owned(), format!("LEMMING_API_KEY={key}")];
    change_everything(&Way { place: &place, inspector: &inspector, target, with });
}

/// A server that ends with the test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_inspector_drives_a_server_over_http() {
    let Some(inspector) = inspector() else { return };
    let place = Place::founded();
    let [reader, all] = [place.key("reader", &["read"]), place.key("all", &["read", "send", "control"])];
    let mut child = place
        .program()
        .args(["serve", "--port", "0", "--no-wake"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a server");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    let _served = Served(child);
    let url = line.trim().strip_prefix("listening on ").expect("an address").to_owned();
    let way = |key: &str| {
        let target = vec![format!("{url}/mcp"), "--transport".to_owned(), "http".to_owned()];
        let with = vec!["--header".to_owned(), format!("Authorization: Bearer {key}")];
        Way { place: &place, inspector: &inspector, target, with }
    };
    assert!(!way("lemming_0").run("tools/list", &[]).status.success(), "a wrong key opens nothing");
    read_everything(&way(&reader));
    assert_eq!(tools(&way(&reader)).len(), reading("").len(), "who may read sees no more");
    change_everything(&way(&all));
}
