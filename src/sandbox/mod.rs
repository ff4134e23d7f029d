//! The sandbox: programs and code that a model thought up, in a process that has given up all else.
//!
//! The program starts itself again as a helper ([`Sandbox`] does that; [`helper`] is the other side). The two
//! speak one JSON document each: a [`Job`] in, a [`Report`] out. The helper limits itself and then runs
//! the job, so whatever the job finds a way to do, it can do in there only: it reads the system's
//! libraries and the scratch folder, writes the scratch folder alone, reaches no network, sees no variable of the
//! runner, and is killed with all that it started. Without the means to promise this the helper
//! refuses, unless the organisation has said that it wants the job run all the same.
//!
//! A server that a person chose ([`Served`]) is started in the same way and then spoken to by its standard streams: beside
//! the system's libraries it sees the places that the person named, and nothing else.

mod files;
mod host;
mod report;
mod server;

#[cfg(unix)]
mod capture;
#[cfg(target_os = "linux")]
mod confine;
#[cfg(unix)]
pub mod helper;
#[cfg(unix)]
mod interpreter;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod remove;
#[cfg(unix)]
mod scratch;
#[cfg(unix)]
mod served;
#[cfg(target_os = "linux")]
mod syscalls;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::files::{Changes, Copied, MAX_CHANGED_BYTES, MAX_CHANGED_FILES, MAX_COPIED_BYTES, MAX_COPIED_FILES};
pub use self::host::{Sandbox, SandboxError};
pub use self::report::{End, Printed, Ran, Report, Valued};
pub use self::server::{Served, ServerProcess};

/// The argument that makes the program the helper. It is no command: people have no use for it.
pub const HELPER: &str = "sandbox-helper";

/// Where programs are looked for, and what the job finds in its `PATH`.
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin";

/// What a job may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Time from start to end, in milliseconds. The runner enforces it. Source: LeMMing v1.0.0, `shell`.
    pub wall_ms: u64,
    /// Processor time of one process, in seconds.
    pub cpu_seconds: u64,
    /// Address space of one process, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads at once, beside those that the user has already.
    pub processes: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// The longest file, in bytes.
    pub file_bytes: u64,
    /// Room in the scratch folder, in bytes.
    pub scratch_bytes: u64,
    /// Files and folders in it.
    pub scratch_entries: u64,
    /// What a program may write to each of its outputs, in bytes; past that the output is closed.
    pub output_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_ms: 30_000,
            cpu_seconds: 20,
            memory_bytes: 512 << 20,
            processes: 32,
            open_files: 128,
            file_bytes: 16 << 20,
            scratch_bytes: 64 << 20,
            scratch_entries: 4_000,
            output_bytes: 1 << 20,
        }
    }
}

impl Limits {
    /// What a server may use. Address space is no memory: the engine of Node reserves many gigabytes of it.
    #[must_use]
    pub fn of_servers() -> Self {
        Self {
            cpu_seconds: 120,
            memory_bytes: 64 << 30,
            processes: 256,
            open_files: 1_024,
            file_bytes: 256 << 20,
            ..Self::default()
        }
    }

    /// The time limit.
    #[must_use]
    pub const fn wall(&self) -> Duration {
        Duration::from_millis(self.wall_ms)
    }
}

/// What the helper is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// The work.
    pub task: Task,
    /// The files that it works on.
    pub files: Copied,
    /// What it may use.
    pub limits: Limits,
    /// Refuses to work without a sandbox.
    pub required: bool,
}

/// The work of a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Runs a program in the scratch folder that the helper is started in.
    Program {
        /// Its name.
        name: String,
        /// Its arguments.
        arguments: Vec<String>,
        /// The names of all programs that may be run, this one and those that it starts.
        allow: Vec<String>,
        /// What it reads from its standard input.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        input: String,
    },
    /// Runs Python code in the interpreter, without any folder.
    Code {
        /// The code.
        code: String,
    },
    /// Starts a program that a person chose, and leaves it the helper's standard streams. The helper answers with one line,
    /// [`Report::Serving`], before it does.
    Server(Served),
}
