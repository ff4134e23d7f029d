//! An organisation of one agent, and processes that work on it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What takes longer hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A model that does not answer as long as the gate is shut. It ends with its organisation.
const MODEL: &str = r#"
printf '%s\n' call >> "$CALLS"
while [ -e "$GATE" ]; do sleep 0.02; done
printf '{"outbox_entries": [{"payload": {"text": "done"}}]}\n'
"#;

/// An organisation of one agent in a temporary folder, with the model's gate and log beside it.
pub struct World {
    pub folder: TempDir,
}

impl World {
    pub fn found(lease: &str) -> Self {
        let world = Self { folder: tempfile::tempdir().expect("a folder") };
        world.write("config/model.sh", MODEL);
        world.write("org.json", json!({ "format": 1, "name": "Test", "limits": { "lease": lease } }).to_string());
        let env = json!({ "CALLS": world.beside("calls"), "GATE": world.beside("gate") });
        let model = json!({
            "provider": "cli",
            "price": { "input": 0, "output": 0, "request": 0.01 },
            "provider_config": { "command": ["/bin/sh", "config/model.sh"], "env": env },
        });
        world.write("config/models.json", json!({ "m": model }).to_string());
        let resume = json!({
            "name": "ada", "title": "Hand", "short_description": "Does its part.", "instructions": "Do it.",
            "model": { "key": "m", "max_tokens": 100 },
        });
        world.write("agents/ada/resume.json", resume.to_string());
        world
    }

    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn root(&self) -> PathBuf {
        self.beside("org")
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub fn shut_gate(&self) {
        fs::write(self.beside("gate"), "").expect("a gate");
    }

    pub fn open_gate(&self) {
        fs::remove_file(self.beside("gate")).expect("a gate");
    }

    pub fn calls(&self) -> usize {
        fs::read_to_string(self.beside("calls")).unwrap_or_default().lines().count()
    }

    pub fn json(&self, path: &str) -> Value {
        let bytes = fs::read(self.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_slice(&bytes).expect("JSON")
    }

    /// Every file with its content.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() && !path.is_symlink() {
                    walk(&path, found);
                } else {
                    let bytes = fs::read(&path).unwrap_or_default();
                    found.insert(path, bytes);
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(&self.root(), &mut found);
        found
    }

    pub fn lemming(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command.args(args).current_dir(self.root()).env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.lemming(args).output().expect("the program")
    }
}

/// A process that goes on while the test looks at what it says.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

impl Running {
    pub fn start(world: &World, args: &[&str]) -> Self {
        let mut command = world.lemming(args);
        command.env("LEMMING_LOG", "warn,lemming=debug").args(["--log-format", "json"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines() {
                if sender.send(line.expect("a line")).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, said: String::new() }
    }

    /// Waits until it says this.
    pub fn until(&mut self, part: &str) -> String {
        let began = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("{part:?} was not said: {}", self.said));
            self.said.push_str(&format!("{line}\n"));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Waits until the model was called so often: the log says it just before.
    pub fn until_called(&mut self, world: &World, times: usize) {
        self.until(r#""phase":"call""#);
        let began = Instant::now();
        while world.calls() < times {
            assert!(began.elapsed() < PATIENCE, "the model is not called: {}", self.said);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")).expect("a pid");
        kill_process(pid, signal).expect("a signal");
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Its exit code, and all that it said.
    pub fn end(mut self) -> (Option<i32>, String) {
        let began = Instant::now();
        while self.is_running() {
            assert!(began.elapsed() < PATIENCE, "it hangs: {}", self.said);
            std::thread::sleep(Duration::from_millis(5));
        }
        for line in self.lines.iter() {
            self.said.push_str(&format!("{line}\n"));
        }
        (self.child.wait().expect("an end").code(), self.said)
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A command that failed: its exit code, and the error that it ended with.
pub fn failed(output: &Output) -> (Option<i32>, Value) {
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    let stderr = text(&output.stderr);
    let last = stderr.lines().last().unwrap_or_default();
    let envelope: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("no envelope: {stderr}"));
    (output.status.code(), envelope["error"].clone())
}
