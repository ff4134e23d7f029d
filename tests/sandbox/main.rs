//! `shell`, `python` and the sandbox that they run in: real processes, and inputs by which a model could try
//! to do more than it may. Where the kernel has no sandbox each test says that it was skipped.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "a test of real processes has the real clock and environment")]
#![allow(clippy::unwrap_used, reason = "a test stops at what must not happen")]

mod code;
mod desk;
mod hostile;
mod limits;
mod own;
mod programs;
mod turns;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lemming::sandbox::{Limits, Sandbox, SandboxError, Task};
use lemming::tool::{CallFailure, Tool, sandboxed};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::desk::TestDesk;

/// What stands outside and must not be seen.
const CANARY: &str = "canary-7d1f0c";

/// Programs beyond the default ones, for tests that need a way to misbehave.
const MORE: &[&str] = &[
    "bash", "cat", "chmod", "cp", "dd", "echo", "env", "grep", "head", "id", "kill", "ln", "ls", "mkdir", "mkfifo",
    "mv", "nohup", "rm", "sed", "setsid", "sh", "sleep", "tail", "touch", "yes",
];

/// Small limits, so that reaching them takes no time.
fn small() -> Limits {
    Limits { wall_ms: 6_000, cpu_seconds: 2, processes: 12, scratch_entries: 300, ..Limits::default() }
}

/// A desk, and the tools beside it.
struct World {
    /// Where scratch folders are made, and what lies beside them.
    folder: TempDir,
    desk: TestDesk,
    limits: Limits,
}

impl World {
    /// A world on a system of which nothing is known.
    fn unprobed() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("scratch")).unwrap();
        fs::write(folder.path().join("outside"), CANARY).unwrap();
        // Readable by everybody: it is the sandbox that must say no.
        for path in [folder.path().to_owned(), folder.path().join("outside")] {
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        Self { folder, desk: TestDesk::default(), limits: small() }
    }

    /// Nothing where the kernel has no sandbox; the test says so and ends.
    async fn new() -> Option<Self> {
        let world = Self::unprobed();
        let (name, allow) = ("echo".to_owned(), vec!["echo".to_owned()]);
        let task = Task::Program { name, arguments: Vec::new(), allow, input: String::new() };
        match world.sandbox().run(task, Default::default(), true).await {
            Err(SandboxError::Unavailable(why)) => {
                #[expect(clippy::print_stderr, reason = "a test that did not run should say so")]
                {
                    eprintln!("skipped: no sandbox here: {why}");
                }
                None
            }
            probed => probed.map(|_| world).map_err(|error| panic!("{error}")).ok(),
        }
    }

    /// The same, with programs that can misbehave.
    async fn with_more() -> Option<Self> {
        let mut world = Self::new().await?;
        world.desk.settings.shell.allow = MORE.iter().map(|name| (*name).to_owned()).collect();
        Some(world)
    }

    fn sandbox(&self) -> Sandbox {
        Sandbox::new(env!("CARGO_BIN_EXE_lemming"), self.folder.path().join("scratch")).with_limits(self.limits)
    }

    fn outside(&self) -> PathBuf {
        self.folder.path().join("outside")
    }

    /// Calls a tool; a refusal is its text. Whatever it was, no scratch folder is left and nothing outside changed.
    async fn call(&mut self, tool: &str, arguments: Value) -> Result<Value, String> {
        let tools = sandboxed(&self.sandbox());
        let tool: &Arc<dyn Tool> = tools.iter().find(|known| known.name() == tool).unwrap();
        let result = match tool.call(arguments.clone(), &mut self.desk).await {
            Ok(result) => Ok(result),
            Err(CallFailure::Refused(error)) => Err(error.0),
            Err(broken) => panic!("{arguments}: {broken}"),
        };
        let left: Vec<_> = fs::read_dir(self.folder.path().join("scratch")).unwrap().collect();
        assert!(left.is_empty(), "{arguments} left {left:?}");
        assert_eq!(fs::read_to_string(self.outside()).unwrap(), CANARY, "{arguments}");
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 2, "{arguments}");
        result
    }

    async fn shell(&mut self, words: &[&str]) -> Result<Value, String> {
        self.call("shell", json!({"command": words})).await
    }

    /// Runs a script, in a world that has a shell.
    async fn script(&mut self, script: &str) -> Result<Value, String> {
        self.shell(&["sh", "-c", script]).await
    }

    async fn python(&mut self, code: &str) -> Result<Value, String> {
        self.call("python", json!({"code": code})).await
    }
}

/// A number of seconds that no other process sleeps for, nor one of another run of these tests.
fn mark(n: u32) -> String {
    format!("8{:08}{n:03}", std::process::id())
}

/// A script with the mark in it.
fn marked(script: &str, n: u32) -> String {
    script.replace("MARK", &mark(n))
}

/// The processes whose command line holds a word.
fn running(word: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.ok()?.path();
        let number: u32 = path.file_name()?.to_str()?.parse().ok()?;
        let line = String::from_utf8_lossy(&fs::read(path.join("cmdline")).ok()?).replace('\0', " ");
        (number != std::process::id() && line.contains(word)).then_some(line)
    });
    processes.collect()
}

/// Waits until no process has the word in its command line: those that are killed need a moment.
fn assert_none_is_left(word: &str) {
    let began = Instant::now();
    loop {
        let left = running(word);
        if left.is_empty() {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "still running: {left:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
