//! The organisation that is worked on: six agents whose model is a small command that keeps a log of
//! its calls.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

pub const AGENTS: [&str; 6] = ["ada", "bob", "cleo", "dan", "eve", "fay"];

/// The agent whose account is nearly empty at all times.
pub const POOR: &str = "eve";

/// Agents that call a tool first, so that their turns have two steps.
pub const WRITERS: [&str; 2] = ["bob", "fay"];

/// The file that the writers write, both of them.
pub const BOARD: &str = "shared/board.txt";

/// The price of one call, and of one turn that made any, in millionths of a credit.
pub const REQUEST: u64 = 10_000;
pub const ACTION: u64 = 1_000;

/// The model. Its first act is to write down, in one write, that it was called, for whom and by
/// which process: whatever happens then, the call was paid. Every answer carries the id of its call
/// in all that it says and does. The argument is the newest message, which has no bearing on it.
const MODEL: &str = r#"
id="$HOME.$$"
printf '%s %s\n' "$AGENT" "$id" >> "$CALLS"
case $(( $$ % 4 )) in 0) ;; *) sleep "0.0$(( $$ % 7 ))" ;; esac
say() {
  printf '{"notes": "%s", "outbox_entries": [{"payload": {"text": "%s"}}, {"kind": "report", "to": %s, "payload": {"text": "%s to some"}}], ' "$id" "$id" "$TO" "$id"
  printf '"memory_updates": [{"key": "calls", "op": "append", "value": "%s"}, {"key": "last", "op": "set", "value": "%s"}]%s}\n' "$id" "$id" "$1"
}
if [ -n "$WRITER" ]; then
  for tick in ticks/*; do :; done
  if [ ! -e "$tick/steps/$AGENT/0.json" ]; then
    say ", \"tool_calls\": [{\"tool\": \"file_write\", \"arguments\": {\"path\": \"shared/board.txt\", \"text\": \"$id\"}}, {\"tool\": \"file_write\", \"arguments\": {\"path\": \"workspace/own.txt\", \"text\": \"$id\"}}]"
    exit
  fi
fi
say ""
"#;

/// An organisation in a temporary folder, with the model's log beside it.
#[derive(Debug)]
pub struct Organisation {
    folder: TempDir,
    pub visibility: String,
    store: String,
}

impl Organisation {
    pub fn found(visibility: &str, durable: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("org");
        let fsync = if durable { "on" } else { "off" };
        let store = format!("file://{}?fsync={fsync}", root.display());
        let org = Self { folder, visibility: visibility.to_owned(), store };
        org.write("config/model.sh", MODEL);
        org.write(
            "org.json",
            &json!({
                "format": 1,
                "name": "Many hands",
                "visibility": visibility,
                "budget": { "credits": 10_000 },
                "credits": { "cost_per_action": 0.001 },
                "limits": {
                    "lease": "200ms", "max_steps": 4, "agents_per_hold": 2, "agents_per_shard": 3,
                    "max_outbox_age_ticks": 1_000_000,
                },
            })
            .to_string(),
        );
        let models: serde_json::Map<String, Value> =
            AGENTS.iter().map(|agent| (agent.to_string(), org.model(agent))).collect();
        org.write("config/models.json", &Value::from(models).to_string());
        for agent in AGENTS {
            org.write(&format!("agents/{agent}/resume.json"), &resume(agent).to_string());
        }
        org
    }

    fn model(&self, agent: &str) -> Value {
        // `human` reads everything; the others only what names them.
        let to = match agent {
            "ada" => r#"["bob", "cleo"]"#,
            "fay" => r#"["dan"]"#,
            _ => r#"["human"]"#,
        };
        let env = json!({
            "AGENT": agent,
            "CALLS": self.calls_path().display().to_string(),
            "TO": to,
            "WRITER": if WRITERS.contains(&agent) { "1" } else { "" },
        });
        json!({
            "provider": "cli",
            "price": { "input": 0, "output": 0, "request": 0.01 },
            "provider_config": { "command": ["/bin/sh", "config/model.sh"], "env": env },
        })
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("org")
    }

    fn calls_path(&self) -> PathBuf {
        self.folder.path().join("calls.log")
    }

    /// What the model wrote down: agent, and the id of the call.
    pub fn calls(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.calls_path()).unwrap_or_default();
        let call = |line: &str| {
            let (agent, id) = line.split_once(' ').expect("agent and id");
            (agent.to_owned(), id.to_owned())
        };
        text.lines().map(call).collect()
    }

    /// The program, at this organisation.
    pub fn lemming(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command.args(args).args(["--store", &self.store]).current_dir(self.folder.path());
        command.env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
        command
    }

    /// What a command prints with `--json`.
    pub fn command(&self, args: &[&str]) -> Value {
        let output = self.lemming(args).arg("--json").output().expect("the program");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("a document")
    }

    /// The bytes of a file, if there is one.
    pub fn read(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        fs::read(self.root().join(path)).ok()
    }

    /// The names in a folder, in order; drafts of killed writers left out, as in every listing.
    pub fn names(&self, path: impl AsRef<Path>) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root().join(path)) else { return Vec::new() };
        let name =
            |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name().into_string().expect("a name");
        let mut names: Vec<String> = entries.map(name).filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }
}

/// Whom an agent reads. In ordered mode ada, bob and cleo are one shard, and the others another.
pub fn reads(agent: &str) -> &'static [&'static str] {
    match agent {
        "ada" => &["dan"],
        "bob" => &["ada"],
        "cleo" => &["ada", "bob"],
        "dan" => &["fay"],
        "eve" => &["dan"],
        _ => &[],
    }
}

/// What an account opens with, in millionths.
pub fn opening(agent: &str) -> u64 {
    if agent == POOR { 500_000 } else { 900_000_000 }
}

fn resume(agent: &str) -> Value {
    let credits = opening(agent) as f64 / 1e6;
    json!({
        "name": agent,
        "title": "Hand",
        "short_description": "Does its part.",
        "instructions": "Do your part.",
        "model": { "key": agent, "max_tokens": 512 },
        "permissions": { "read_outboxes": reads(agent), "tools": ["file_write"] },
        "schedule": { "run_every_n_ticks": if agent == POOR { 2 } else { 1 } },
        "credits": { "max_credits": credits, "soft_cap": 0 },
    })
}
