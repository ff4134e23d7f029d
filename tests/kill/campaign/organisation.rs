//! The organisation that is worked on: six agents whose model is a small command that keeps a log of
//! its calls.
//!
//! Whatever store the organisation is in, that log and the command are files on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::place::{Objects, Place};

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

/// The most steps of a turn: each process that takes a writer's turn over may ask for tools once more.
pub const MAX_STEPS: usize = 8;

/// The model. Its first act is to write down, in one write, that it was called, for whom and by
/// which process: whatever happens then, the call was paid. Every answer carries the id of its call
/// in all that it says and does. A writer asks for its tools when a process calls it for the first time.
/// The argument is the newest message, which has no bearing on it.
const MODEL: &str = r#"
id="$HOME.$$"
printf '%s %s\n' "$AGENT" "$id" >> "$CALLS"
case $(( $$ % 4 )) in 0) ;; *) sleep "0.0$(( $$ % 7 ))" ;; esac
say() {
  printf '{"notes": "%s", "outbox_entries": [{"payload": {"text": "%s"}}, {"kind": "report", "to": %s, "payload": {"text": "%s to some"}}], ' "$id" "$id" "$TO" "$id"
  printf '"memory_updates": [{"key": "calls", "op": "append", "value": "%s"}, {"key": "last", "op": "set", "value": "%s"}]%s}\n' "$id" "$id" "$1"
}
if [ -n "$WRITER" ] && mkdir "$ASKED/$HOME.$AGENT" 2>/dev/null; then
  say ", \"tool_calls\": [{\"tool\": \"file_write\", \"arguments\": {\"path\": \"shared/board.txt\", \"text\": \"$id\"}}, {\"tool\": \"file_write\", \"arguments\": {\"path\": \"workspace/own.txt\", \"text\": \"$id\"}}]"
  exit
fi
say ""
"#;

/// An organisation, and a folder of this machine with the model and its log.
#[derive(Debug)]
pub struct Organisation {
    folder: TempDir,
    pub visibility: &'static str,
    place: Box<dyn Place>,
}

impl Organisation {
    /// `at` is given the folder, and says where the organisation is to be.
    pub fn found(visibility: &'static str, lease: Duration, at: impl FnOnce(&Path) -> Box<dyn Place>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("asked")).expect("a folder");
        fs::write(folder.path().join("model.sh"), MODEL).expect("a file");
        let place = at(folder.path());
        let org = Self { folder, visibility, place };
        let settings = json!({
            "format": 1,
            "name": "Many hands",
            "visibility": visibility,
            "budget": { "credits": 10_000 },
            "credits": { "cost_per_action": 0.001 },
            "limits": {
                "lease": format!("{}ms", lease.as_millis()), "max_steps": MAX_STEPS,
                "agents_per_hold": 2, "agents_per_shard": 3, "max_outbox_age_ticks": 1_000_000,
            },
        });
        org.place.write("org.json", settings.to_string());
        let models: serde_json::Map<String, Value> =
            AGENTS.iter().map(|agent| (agent.to_string(), org.model(agent))).collect();
        org.place.write("config/models.json", Value::from(models).to_string());
        for agent in AGENTS {
            org.place.write(&format!("agents/{agent}/resume.json"), resume(agent).to_string());
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
            "ASKED": self.folder.path().join("asked").display().to_string(),
            "CALLS": self.calls_path().display().to_string(),
            "TO": to,
            "WRITER": if WRITERS.contains(&agent) { "1" } else { "" },
        });
        json!({
            "provider": "cli",
            "price": { "input": 0, "output": 0, "request": 0.01 },
            "provider_config": { "command": ["/bin/sh", self.folder.path().join("model.sh")], "env": env },
        })
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
        self.lemming_at(self.place.url(), args)
    }

    /// The program, at this organisation as runners reach it.
    pub fn runner(&self, args: &[&str]) -> Command {
        self.lemming_at(self.place.runners_url(), args)
    }

    fn lemming_at(&self, store: String, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command.args(args).args(["--store", &store]).current_dir(self.folder.path());
        command.env_remove("LEMMING_STORE").env_remove("LEMMING_LOG").envs(self.place.env());
        command
    }

    /// What a command prints with `--json`.
    pub fn command(&self, args: &[&str]) -> Value {
        let output = self.lemming(args).arg("--json").output().expect("the program");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("a document")
    }

    /// All that is stored now.
    pub fn objects(&self) -> Objects {
        Objects(self.place.objects())
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
