//! One runner: this very program, started again with `run`, and what its log says of it.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::organisation::KEY_VARIABLE;
use crate::domain::name::RunnerId;

/// A runner that nobody kills ends by itself after so many ticks, if whoever started it is gone.
const MOST_TICKS: &str = "200";

/// A runner that is told to leave has so long.
const LEAVING: Duration = Duration::from_secs(20);

/// What a runner's log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It holds a shard, under this name.
    Held(RunnerId),
    /// It passed over a holder that showed no life.
    Passed(RunnerId),
}

/// A process.
#[derive(Debug)]
pub struct Runner {
    /// Its number, from 1.
    pub number: u32,
    child: Child,
    log: JoinHandle<Option<String>>,
}

impl Runner {
    /// Starts `program` on the organisation at `store`, as it would be started by hand. What its log
    /// says comes through `said`. It is killed when it is dropped.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        program: &Path,
        store: &str,
        number: u32,
        arguments: &[&str],
        said: mpsc::UnboundedSender<(u32, Said)>,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(["--store", store, "--log-format", "json"]).args(arguments);
        command.env(KEY_VARIABLE, format!("runner-{number}")).env("LEMMING_LOG", "warn,lemming=debug");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        // Ctrl-C on a terminal is for whoever started them, who ends them.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let stderr = child.stderr.take();
        let log = tokio::spawn(async move {
            let mut last = None;
            let Some(stderr) = stderr else { return last };
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
                let name = |field: &str| RunnerId::new(event[field].as_str()?).ok();
                let told = match event["event"].as_str() {
                    Some("shard_held") => name("by").map(Said::Held),
                    Some("shard_passed") => name("holder").map(Said::Passed),
                    _ => None,
                };
                if let Some(told) = told {
                    // Nobody listens any more once the audit has begun.
                    let _ = said.send((number, told));
                }
                if event.get("error").is_some() {
                    last = Some(event["error"].to_string());
                }
            }
            last
        });
        Ok(Self { number, child, log })
    }

    /// Starts a runner that goes on, tick after tick.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_loop(
        program: &Path,
        store: &str,
        number: u32,
        said: mpsc::UnboundedSender<(u32, Said)>,
    ) -> io::Result<Self> {
        Self::start(program, store, number, &["run", "--every", "100ms", "--ticks", MOST_TICKS], said)
    }

    /// Says how it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Kills it, and waits until it is gone. Says whether it was SIGKILL that ended it.
    pub async fn kill(&mut self) -> bool {
        let _ = self.child.start_kill();
        self.child.wait().await.is_ok_and(was_killed)
    }

    /// Waits for its end, and for that of its log; says how it ended, and the last error that it logged.
    pub async fn wait(mut self) -> (Option<ExitStatus>, Option<String>) {
        let ended = match tokio::time::timeout(LEAVING, self.child.wait()).await {
            Ok(ended) => ended.ok(),
            Err(_) => {
                let _ = self.child.kill().await;
                None
            }
        };
        (ended, self.log.await.ok().flatten())
    }

    /// Tells it to leave: it stops its calls and releases what it holds.
    pub fn tell_to_leave(&mut self) {
        #[cfg(unix)]
        if let Some(pid) = self.child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
            // It may have ended by itself, which is as good.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        #[cfg(not(unix))]
        let _ = self.child.start_kill();
    }
}

#[cfg(unix)]
fn was_killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(rustix::process::Signal::KILL.as_raw())
}

#[cfg(not(unix))]
fn was_killed(status: ExitStatus) -> bool {
    !status.success()
}
