//! The real program at an organisation of its own, for tests of commands.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder, and the real program in it.
pub struct Program {
    folder: TempDir,
    vars: Vec<(String, String)>,
}

impl Program {
    /// An empty folder.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), vars: Vec::new() }
    }

    /// Two agents with a model of no price, whose script lets each say a word in every turn.
    pub fn founded() -> Self {
        let world = Self::empty();
        world.write("org.json", json!({ "format": 1, "name": "Test" }).to_string());
        let model = json!({
            "provider": "scripted", "price": { "input": 0, "output": 0 },
            "provider_config": { "script": "config/script.json" },
        });
        world.write("config/models.json", json!({ "m": model }).to_string());
        let answer = json!({ "outbox_entries": [{ "payload": { "text": "tick {{ tick }}" } }],
            "memory_updates": [{ "key": "said", "op": "append", "value": "{{ tick }}" }] });
        world.write("config/script.json", json!({ "rules": [{ "answer": answer }] }).to_string());
        for agent in ["ada", "bob"] {
            world.write(&format!("agents/{agent}/resume.json"), resume(agent));
        }
        world
    }

    /// The same with a variable.
    pub fn with_var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn has(&self, path: &str) -> bool {
        self.at(path).exists()
    }

    /// Every file below a folder and its content, to see that nothing changed.
    pub fn files(&self, below: &str) -> Vec<(String, Vec<u8>)> {
        fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.is_symlink() {
                    walk(root, &path, found);
                } else {
                    let name = path.strip_prefix(root).unwrap().display().to_string();
                    found.push((name, std::fs::read(&path).unwrap_or_default()));
                }
            }
        }
        let mut found = Vec::new();
        let root = self.at(below);
        walk(&root, &root, &mut found);
        found.sort();
        found
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        for name in ["LEMMING_STORE", "LEMMING_LOG", "VISUAL", "EDITOR"] {
            command.env_remove(name);
        }
        command
            .env("TZ", "UTC")
            .args(args)
            .current_dir(self.path())
            .envs(self.vars.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a command that works says.
    pub fn text(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(code(&output), 0, "{args:?}: {}{}", utf8(&output.stdout), utf8(&output.stderr));
        utf8(&output.stdout)
    }

    /// The document of a command that works.
    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert_eq!(code(&output), 0, "{args:?}: {}", utf8(&output.stderr));
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", utf8(&output.stdout)))
    }

    /// The exit code of a command that does not work, and the error that it says.
    pub fn refused(&self, args: &[&str]) -> (i32, Value) {
        let output = self.run(&[args, &["--json"]].concat());
        assert!(output.stdout.is_empty(), "{args:?}: {}", utf8(&output.stdout));
        let stderr = utf8(&output.stderr);
        let envelope = stderr.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
        (code(&output), envelope.unwrap_or_else(|| panic!("{args:?}: {stderr}"))["error"].clone())
    }
}

pub fn resume(name: &str) -> String {
    format!(
        "{{\n  \"name\": \"{name}\",\n  \"title\": \"Agent\",\n  \"short_description\": \"Does it.\",\n  \
         \"instructions\": \"Answer.\",\n  \"model\": {{ \"key\": \"m\",   \"temperature\": 0.30 }},\n  \
         \"permissions\": {{ \"read_outboxes\": [\"ada\", \"bob\"] }}\n}}\n"
    )
}

pub fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

pub fn utf8(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
