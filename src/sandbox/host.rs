//! The runner's side: starts the helper, gives it a job, and waits within the time limit.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{Copied, Limits, Report, Task};

/// How many jobs run at once in one process: each may use all that [`Limits`] allow.
const PARALLEL: usize = 4;

/// How many servers run at once in one process.
const PARALLEL_SERVERS: usize = 8;

/// Why a job was not done. The message is for the model, and for people.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// This system has no sandbox.
    #[error(
        "there is no working sandbox here, so nothing was run ({0}); org.json may allow that with tools.sandbox: \
         \"where_available\""
    )]
    Unavailable(String),
    /// It ran out of time and was killed, with all that it had started.
    #[error("it did not end within {0} seconds and was stopped; nothing of it was kept")]
    TimedOut(f64),
    /// It wanted more memory than it may have.
    #[error("it wanted more memory than it may have and was stopped; nothing of it was kept")]
    OutOfMemory,
    /// It ended before it could answer: most likely a limit was reached.
    #[error("it was stopped ({0}): most likely it reached a limit on memory or time; nothing of it was kept")]
    Died(String),
    /// The helper refuses the job.
    #[error("{0}")]
    Refused(String),
    /// The helper cannot be reached.
    #[error("the sandbox cannot be started: {0}")]
    Broken(String),
}

/// The way into the sandbox.
#[derive(Clone)]
pub struct Sandbox {
    pub(super) program: PathBuf,
    scratch_root: PathBuf,
    limits: Limits,
    places: Arc<Semaphore>,
    pub(super) servers: Arc<Semaphore>,
    /// Whether it has been looked for what dead runners left.
    looked: Arc<AtomicBool>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("program", &self.program).field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// A sandbox whose helper is `program`, and whose scratch folders are made in `scratch_root`.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, scratch_root: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            scratch_root: scratch_root.into(),
            limits: Limits::default(),
            places: Arc::new(Semaphore::new(PARALLEL)),
            servers: Arc::new(Semaphore::new(PARALLEL_SERVERS)),
            looked: Arc::default(),
        }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same with another time limit. Processor time grows with it, and is not less than usual.
    #[must_use]
    pub fn with_time(self, time: Duration) -> Self {
        let wall_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let cpu_seconds = self.limits.cpu_seconds.max(time.as_secs());
        Self { limits: Limits { wall_ms, cpu_seconds, ..self.limits }, ..self }
    }

    /// Does a job. Whatever it started has ended when this returns, and its scratch folder is gone; the
    /// same goes for a future that is dropped.
    ///
    /// # Errors
    /// Nothing of the job may be used.
    #[cfg(unix)]
    pub async fn run(&self, task: Task, files: Copied, required: bool) -> Result<Report, SandboxError> {
        use super::Job;

        let broken = |error: &dyn fmt::Display| SandboxError::Broken(error.to_string());
        let _place = self.places.acquire().await.map_err(|error| broken(&error))?;
        let mut command = tokio::process::Command::new(&self.program);
        command.arg(super::HELPER).env_clear();
        // The allocator takes address space by the gigabyte otherwise, and address space is what is limited.
        command.env("MIMALLOC_ARENA_RESERVE", "16MiB");
        let scratch = match &task {
            Task::Program { .. } => Some(self.scratch().map_err(|error| broken(&error))?),
            Task::Code { .. } | Task::Server(_) => None,
        };
        command.current_dir(scratch.as_ref().map_or(std::path::Path::new("/"), super::remove::Scratch::path));
        let job = Job { task, files, limits: self.limits, required };
        let mut input = serde_json::to_vec(&job).map_err(|error| broken(&error))?;
        input.push(b'\n');
        let report = self.report(&mut command, &input).await?;
        if report.changes().is_some_and(|changes| !changes.are_allowed(&job.files)) {
            return Err(SandboxError::Broken("its answer has changes that no job can make".to_owned()));
        }
        Ok(report)
    }

    #[cfg(unix)]
    pub(super) fn scratch(&self) -> std::io::Result<super::remove::Scratch> {
        let scratch = super::remove::Scratch::new(&self.scratch_root)?;
        if !self.looked.swap(true, Ordering::Relaxed)
            && let Err(error) = scratch.remove_stale()
        {
            tracing::warn!(event = "scratch_left", error = %error, "what dead runners left cannot be removed");
        }
        Ok(scratch)
    }

    #[cfg(unix)]
    async fn report(&self, command: &mut tokio::process::Command, input: &[u8]) -> Result<Report, SandboxError> {
        use std::os::unix::process::ExitStatusExt as _;

        use crate::process::{RunError, converse};

        let finished = match converse(command, input, self.limits.wall(), MAX_REPORT_BYTES).await {
            Ok(finished) => finished,
            Err(RunError::TimedOut) => return Err(SandboxError::TimedOut(self.limits.wall().as_secs_f64())),
            Err(error) => return Err(SandboxError::Broken(crate::causes::causes(&error).join(": "))),
        };
        match serde_json::from_slice(&finished.stdout) {
            Ok(Report::Unconfined(reasons)) => Err(SandboxError::Unavailable(reasons.join("; "))),
            Ok(Report::Refused(reason)) => Err(SandboxError::Refused(reason)),
            Ok(report) => Ok(report),
            // The standard library says so before it aborts.
            Err(_) if finished.stderr.starts_with(b"memory allocation of ") => Err(SandboxError::OutOfMemory),
            Err(_) => Err(match finished.status.signal() {
                Some(signal) => SandboxError::Died(format!("signal {signal}")),
                None => SandboxError::Broken(format!("it gave no answer ({})", finished.status)),
            }),
        }
    }

    /// Does no job: there is no sandbox on this system.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(unix))]
    pub async fn run(&self, _: Task, _: Copied, _: bool) -> Result<Report, SandboxError> {
        Err(SandboxError::Refused(
            "this tool needs Linux, or another Unix and an organisation that allows it".to_owned(),
        ))
    }
}

/// The longest report: changed files, outputs, and what JSON adds to them at worst.
#[cfg(unix)]
const MAX_REPORT_BYTES: usize = 8 * super::MAX_CHANGED_BYTES;
