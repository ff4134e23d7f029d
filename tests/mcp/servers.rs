//! Real servers serve agents in ticks of the real program: over standard streams in the sandbox, and over HTTP.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::installed;

const SECRET: &str = "hunter2-of-the-owner";

/// An organisation on a disk, with one agent who makes these calls in its first turn and reports what came of them.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new(toolbox: &Value, calls: &Value) -> Self {
        let desk = Self { folder: tempfile::tempdir().expect("a folder") };
        let rules = json!([
            {"when": {"step": 0}, "answer": {"tool_calls": calls}},
            {"when": {"step": 1}, "answer": {"outbox_entries": [
                {"kind": "report", "to": "human", "payload": {"text": "{{ results | tojson }}"}},
            ]}},
        ]);
        desk.put("org.json", &json!({"format": 1, "name": "desk"}));
        let price = json!({"input": 0, "output": 0});
        desk.put(
            "config/models.json",
            &json!({"m": {"provider": "scripted", "price": price, "provider_config": {"rules": rules}}}),
        );
        desk.put("config/tools.json", toolbox);
        let tools: Vec<String> =
            toolbox["servers"].as_object().expect("servers").keys().map(|name| format!("mcp:{name}/*")).collect();
        desk.put(
            "agents/ada/resume.json",
            &json!({
                "name": "ada", "title": "Ada", "short_description": "Calls.", "instructions": "Call.",
                "model": {"key": "m", "max_tokens": 100}, "permissions": {"tools": tools},
            }),
        );
        desk
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("org")
    }

    fn put(&self, path: &str, value: &Value) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, serde_json::to_vec_pretty(value).expect("JSON")).expect("a file");
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_lemming"))
            .args(args)
            .env("LEMMING_STORE", self.root())
            .env("OWNER_SECRET", SECRET)
            .stdin(Stdio::null())
            .output()
            .expect("the program")
    }

    fn good(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{args:?}: {said}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// What the calls of the first turn came to.
    fn results(&self) -> Vec<Value> {
        let mut turns = Vec::new();
        walk(&self.root(), &mut |path, bytes| {
            if path.to_string_lossy().contains("/turns/") {
                turns.push(serde_json::from_slice::<Value>(bytes).expect("a turn"));
            }
        });
        let [turn] = &turns[..] else { panic!("{} turns", turns.len()) };
        turn["exchanges"][0]["results"].as_array().unwrap_or_else(|| panic!("no results: {turn}")).clone()
    }

    /// No byte of the organisation is of the secret.
    fn assert_secret_is_kept(&self) {
        walk(&self.root(), &mut |path, bytes| {
            let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!found, "the secret is in {}", path.display());
        });
    }
}

fn walk(folder: &Path, look: &mut dyn FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, look);
        } else {
            look(&path, &fs::read(&path).expect("a file"));
        }
    }
}

fn script(home: &Path, package: &str) -> String {
    home.join(format!("node_modules/@modelcontextprotocol/{package}/dist/index.js")).display().to_string()
}

/// Where Python and its libraries lie, for the sandbox.
fn python_reads(home: &Path) -> Vec<String> {
    let itself = home.join("python/bin/python3").canonicalize().expect("python");
    let installed = itself.parent().and_then(Path::parent).expect("a folder").display().to_string();
    vec![home.display().to_string(), installed]
}

#[test]
fn the_filesystem_server_reads_and_writes_the_places_that_it_was_given_and_no_others() {
    let Some(home) = installed() else { return };
    let place = tempfile::tempdir().expect("a folder");
    let place_path = place.path().canonicalize().expect("a path");
    fs::write(place_path.join("note.txt"), "the cat is on the mat").expect("a file");
    let at = |name: &str| place_path.join(name).display().to_string();
    let toolbox = json!({
        "servers": {"files": {
            "command": ["node", script(&home, "server-filesystem"), place_path.display().to_string(), "/etc"],
            "reads": [home.display().to_string()],
            "writes": [place_path.display().to_string()],
        }},
        "approvals": {"rules": [{"tools": ["mcp:files/write_file"], "approval": "never"}]},
    });
    let calls = json!([
        {"tool": "files__read_text_file", "args": {"path": at("note.txt")}},
        {"tool": "files__write_file", "args": {"path": at("new.txt"), "content": "written"}},
        {"tool": "files__read_text_file", "args": {"path": "/etc/passwd"}},
    ]);
    let desk = Desk::new(&toolbox, &calls);
    let shown = desk.good(&["tools", "accept", "files", "--yes"]);
    assert!(shown.contains("new: read_text_file") && shown.contains("accepted:"), "{shown}");
    desk.good(&["tools", "check"]);
    desk.good(&["tick"]);
    let results = desk.results();
    assert_eq!(results[0]["ok"], true, "{results:?}");
    assert!(results[0]["result"].to_string().contains("the cat is on the mat"), "{results:?}");
    assert_eq!(results[1]["ok"], true, "{results:?}");
    assert_eq!(fs::read_to_string(place_path.join("new.txt")).expect("a file"), "written");
    // The server would, by its arguments; the sandbox does not let it.
    assert_eq!(results[2]["ok"], false, "{results:?}");
    assert!(!results[2].to_string().contains("root:"), "{results:?}");
    desk.good(&["replay", "1"]);
}

#[test]
fn the_server_of_the_time_tells_it_from_the_sandbox() {
    let Some(home) = installed() else { return };
    let program = home.join("python/bin/mcp-server-time").display().to_string();
    let toolbox = json!({"servers": {"time": {
        "command": [program, "--local-timezone", "UTC"],
        "reads": python_reads(&home),
        "effect": "none",
    }}});
    let convert = json!({"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"});
    let desk = Desk::new(&toolbox, &json!([{"tool": "time__convert_time", "args": convert}]));
    desk.good(&["tools", "accept", "time", "--yes"]);
    let shown = desk.good(&["tools", "test", "time/convert_time", &convert.to_string(), "--json"]);
    assert!(shown.contains("21:00"), "{shown}");
    desk.good(&["tick"]);
    let results = desk.results();
    assert!(results[0]["ok"] == true && results[0]["result"].to_string().contains("21:00"), "{results:?}");
}

#[test]
fn the_server_that_has_everything_serves_over_standard_streams_and_keeps_no_secret() {
    let Some(home) = installed() else { return };
    let toolbox = json!({"servers": {"every": {
        "command": ["node", script(&home, "server-everything"), "stdio"],
        "reads": [home.display().to_string()],
        "env": {"TOKEN": "env:OWNER_SECRET"},
        "effect": "none",
    }}});
    let desk = Desk::new(
        &toolbox,
        &json!([
            {"tool": "every__echo", "args": {"message": "hello"}},
            {"tool": "every__get-sum", "args": {"a": 2, "b": 3}},
            {"tool": "every__get-env", "args": {}},
            {"tool": "every__get-tiny-image", "args": {}},
            {"tool": "every__get-structured-content", "args": {"location": "New York"}},
            {"tool": "every__echo", "args": {"message": 7}},
        ]),
    );
    desk.good(&["tools", "accept", "every", "--yes"]);
    desk.good(&["tick"]);
    let results = desk.results();
    let said: Vec<String> = results.iter().map(|result| result["result"].to_string()).collect();
    assert!(said[0].contains("hello") && said[1].contains('5'), "{said:?}");
    assert!(said[2].contains("[redacted]"), "{said:?}");
    assert!(said[3].contains("an image of type image/png"), "{said:?}");
    assert!(results[4]["result"]["structured"].is_object(), "{said:?}");
    assert_eq!(results[5]["ok"], false, "{said:?}");
    desk.assert_secret_is_kept();
    desk.good(&["replay", "1"]);
}

/// A server on a free port, until it is dropped.
struct Listening {
    child: Child,
    url: String,
}

impl Listening {
    fn start(home: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
        let mut child = Command::new("node")
            .args([script(home, "server-everything"), "streamableHttp".to_owned()])
            .env("PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node");
        let mut lines = BufReader::new(child.stderr.take().expect("its errors")).lines();
        // It says so when it listens.
        let listens = |line: &String| line.contains("listening") || line.contains(&port.to_string());
        assert!(lines.by_ref().map_while(Result::ok).any(|line| listens(&line)), "it does not listen");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url: format!("http://127.0.0.1:{port}/mcp") }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_server_that_has_everything_serves_over_http_and_fails_the_call_alone_when_it_is_down() {
    let Some(home) = installed() else { return };
    let server = Listening::start(&home);
    let toolbox = json!({"servers": {"every": {
        "url": server.url, "headers": {"authorization": "Bearer env:OWNER_SECRET"}, "effect": "none",
    }}});
    let desk = Desk::new(&toolbox, &json!([{"tool": "every__echo", "args": {"message": "over HTTP"}}]));
    desk.good(&["tools", "accept", "every", "--yes"]);
    assert!(desk.good(&["tools", "check"]).contains("same"));
    desk.good(&["tick"]);
    let results = desk.results();
    assert!(results[0]["result"].to_string().contains("over HTTP"), "{results:?}");
    drop(server);
    let down = desk.run(&["tools", "test", "every/echo", r#"{"message": "anybody?"}"#]);
    let said = format!("{}{}", String::from_utf8_lossy(&down.stdout), String::from_utf8_lossy(&down.stderr));
    assert!(down.status.code() == Some(1) && said.contains("the server every cannot be used"), "{said}");
    assert!(!said.contains(SECRET), "{said}");
    desk.good(&["tick"]);
    desk.good(&["replay", "1"]);
    desk.assert_secret_is_kept();
}
