//! The runner's side of a server: a program that a person chose, spoken to by its standard streams until the call is over.
//!
//! It is killed with all that it started when its [`ServerProcess`] is dropped, whatever happened before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use super::{Sandbox, SandboxError};
use crate::process::Group;

/// What is kept of what a server writes to its standard error, from its end.
const MAX_LAST_WORDS_BYTES: usize = 2 << 10;

/// How long a server that is not spoken to any more may take to end.
const LEAVING: Duration = Duration::from_secs(1);

/// The longest answer of the helper: reasons, each a sentence.
#[cfg(unix)]
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// A server to be started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Served {
    /// What it is called by.
    pub name: String,
    /// The file of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its variables. It has no others.
    pub variables: BTreeMap<String, String>,
    /// The folder that it is started in; absent: an empty one that is thrown away.
    pub folder: Option<PathBuf>,
    /// The places that it may read in the sandbox.
    pub reads: Vec<PathBuf>,
    /// The places that it may write in the sandbox.
    pub writes: Vec<PathBuf>,
}

/// The folder that is thrown away with a server.
#[derive(Debug)]
enum Scrap {
    #[cfg(unix)]
    Scratch {
        _folder: super::remove::Scratch,
    },
    Plain {
        _folder: tempfile::TempDir,
    },
}

/// A server that runs. Dropped, it is killed, with all that it started.
#[derive(Debug)]
pub struct ServerProcess {
    streams: Option<(BufReader<ChildStdout>, ChildStdin)>,
    last_words: Arc<Mutex<Vec<u8>>>,
    listening: JoinHandle<()>,
    // In the order in which they are dropped: the group is killed before its leader is reaped.
    _group: Group,
    _child: Child,
    _scrap: Scrap,
    _place: Option<OwnedSemaphorePermit>,
}

impl ServerProcess {
    /// Starts a server as any program of this user, without a sandbox.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn unconfined(served: &Served, temporary: &Path) -> Result<Self, SandboxError> {
        let broken =
            |error: std::io::Error| SandboxError::Refused(format!("{} cannot be started: {error}", served.name));
        let folder = tempfile::Builder::new().prefix("lemming-server-").tempdir_in(temporary).map_err(broken)?;
        let mut command = Command::new(&served.program);
        #[cfg(unix)]
        command.arg0(&served.name);
        command.args(&served.arguments).env_clear().envs(&served.variables);
        command.current_dir(served.folder.as_deref().unwrap_or(folder.path()));
        let process = Self::of(command, Scrap::Plain { _folder: folder }, None);
        process.map_err(broken)
    }

    fn of(mut command: Command, scrap: Scrap, place: Option<OwnedSemaphorePermit>) -> std::io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let group = Group::of(&child);
        let streams = child.stdout.take().map(BufReader::new).zip(child.stdin.take());
        let last_words = Arc::new(Mutex::new(Vec::new()));
        let (kept, stderr) = (Arc::clone(&last_words), child.stderr.take());
        // Read to its end, so that a server that says much is not stopped by a full pipe.
        let listening = tokio::spawn(async move {
            let Some(mut stderr) = stderr else { return };
            let mut chunk = vec![0; 4 << 10];
            while let Ok(n @ 1..) = stderr.read(&mut chunk).await {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&chunk[..n]);
                let surplus = kept.len().saturating_sub(MAX_LAST_WORDS_BYTES);
                kept.drain(..surplus);
            }
        });
        Ok(Self { streams, last_words, listening, _group: group, _child: child, _scrap: scrap, _place: place })
    }

    /// Its standard output and input, once.
    pub fn streams(&mut self) -> Option<(BufReader<ChildStdout>, ChildStdin)> {
        self.streams.take()
    }

    /// Waits a moment for a server whose streams are closed to end by itself.
    pub async fn leave(&mut self) {
        self.streams = None;
        // Not for the child, which would be reaped, and its group's id perhaps another's before that is killed. Who does not
        // end is killed, which is nobody's failure.
        let _ = tokio::time::timeout(LEAVING, &mut self.listening).await;
    }

    /// The end of what it wrote to its standard error.
    #[must_use]
    pub fn last_words(&self) -> String {
        let kept = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).trim().to_owned()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Sandbox {
    /// Starts a server in the sandbox.
    ///
    /// # Errors
    /// It cannot be started, or not in a sandbox while it is `required`.
    #[cfg(unix)]
    pub async fn serve(&self, served: Served, required: bool) -> Result<ServerProcess, SandboxError> {
        use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

        use super::{Copied, HELPER, Job, Limits, Report, Task};

        let broken = |error: &dyn std::fmt::Display| SandboxError::Broken(error.to_string());
        let place = Arc::clone(&self.servers).acquire_owned().await.map_err(|error| broken(&error))?;
        let scratch = self.scratch().map_err(|error| broken(&error))?;
        let mut command = Command::new(&self.program);
        command.arg(HELPER).env_clear().current_dir(scratch.path());
        let mut served = served;
        // What it keeps at home is thrown away: the user's own home is not for it.
        served.variables.entry("HOME".to_owned()).or_insert_with(|| scratch.path().display().to_string());
        let job = Job { task: Task::Server(served), files: Copied::new(), limits: Limits::of_servers(), required };
        let mut input = serde_json::to_vec(&job).map_err(|error| broken(&error))?;
        input.push(b'\n');
        let scrap = Scrap::Scratch { _folder: scratch };
        let mut process = ServerProcess::of(command, scrap, Some(place)).map_err(|error| broken(&error))?;
        let (mut stdout, mut stdin) =
            process.streams().ok_or_else(|| SandboxError::Broken("it has no streams".to_owned()))?;
        stdin.write_all(&input).await.map_err(|error| broken(&error))?;
        // One line, before the server has said anything.
        let mut line = Vec::new();
        (&mut stdout).take(MAX_ANSWER_BYTES).read_until(b'\n', &mut line).await.map_err(|error| broken(&error))?;
        match serde_json::from_slice(&line) {
            Ok(Report::Serving(_)) => {}
            Ok(Report::Unconfined(reasons)) => return Err(SandboxError::Unavailable(reasons.join("; "))),
            Ok(Report::Refused(reason)) => return Err(SandboxError::Refused(reason)),
            _ => return Err(SandboxError::Broken("it gave no answer".to_owned())),
        }
        process.streams = Some((stdout, stdin));
        Ok(process)
    }

    /// Starts no server: there is no sandbox on this system.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(unix))]
    pub async fn serve(&self, _: Served, _: bool) -> Result<ServerProcess, SandboxError> {
        Err(SandboxError::Refused("there is no sandbox on this system".to_owned()))
    }
}
