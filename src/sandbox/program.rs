//! Runs a program in the scratch folder, which is the helper's directory.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::capture::Capture;
use super::{Changes, End, Limits, Printed, Ran, scratch};

/// What is kept of the standard output.
const MAX_STDOUT_BYTES: usize = 32 << 10;

/// What is kept of the standard error.
const MAX_STDERR_BYTES: usize = 8 << 10;

/// How often it is looked whether the program has ended, in milliseconds.
const LOOK_MS: i64 = 10;

/// After how many looks the scratch folder is measured.
const LOOKS_PER_MEASURE: u64 = 16;

/// The programs of these names that this system has.
pub(super) fn find_all(names: &[String]) -> BTreeMap<String, PathBuf> {
    names.iter().filter_map(|name| Some((name.clone(), find(name)?))).collect()
}

fn find(name: &str) -> Option<PathBuf> {
    if name.is_empty() || name.contains(['/', '\0']) || name.starts_with('.') {
        return None;
    }
    let can_run = |path: &PathBuf| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    // The file itself, not a link to it: what may be executed is granted by file.
    super::PATH.split(':').map(|folder| Path::new(folder).join(name)).find(can_run)?.canonicalize().ok()
}

/// Runs a program with these arguments and this input until it has ended. What it left running is killed by the runner.
pub(super) fn run(
    path: &Path,
    name: &str,
    (arguments, input): (&[String], &str),
    limits: &Limits,
) -> Result<Ran, String> {
    let cannot = |error: std::io::Error| format!("{name} cannot be run: {error}");
    let home = std::path::absolute(scratch::HOME).map_err(cannot)?;
    let mut child = Command::new(path)
        .arg0(name)
        .args(arguments)
        .env_clear()
        .env("PATH", super::PATH)
        .env("LANG", "C.UTF-8")
        .env("HOME", home)
        .stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(cannot)?;
    if let Some(stdin) = child.stdin.take() {
        feed(stdin, input.to_owned()).map_err(cannot)?;
    }
    let max = usize::try_from(limits.output_bytes).unwrap_or(usize::MAX);
    let mut stdout = Capture::new(child.stdout.take(), max).map_err(cannot)?;
    let mut stderr = Capture::new(child.stderr.take(), max).map_err(cannot)?;
    let mut looks = 0_u64;
    let end = loop {
        wait(&[stdout.fd(), stderr.fd()]).map_err(cannot)?;
        let status = child.try_wait().map_err(cannot)?;
        // After the end once more: what it wrote before is in the pipe.
        stdout.read().and_then(|()| stderr.read()).map_err(cannot)?;
        if let Some(status) = status {
            break end(status);
        }
        looks += 1;
        if looks.is_multiple_of(LOOKS_PER_MEASURE) && !scratch::fits(limits) {
            break End::Full;
        }
    };
    Ok(Ran {
        end,
        stdout: Printed::of(&stdout.into_bytes(), MAX_STDOUT_BYTES),
        stderr: Printed::of(&stderr.into_bytes(), MAX_STDERR_BYTES),
        changes: Changes::default(),
    })
}

/// Gives a program its input, beside reading what it says: one that says much before it reads would wait for us, and we
/// for it.
fn feed(mut stdin: ChildStdin, input: String) -> std::io::Result<()> {
    let all = move || {
        // A program may end, or close it, without having read it all.
        let _ = stdin.write_all(input.as_bytes());
    };
    // Not waited for: it ends with the process, should nobody read.
    thread::Builder::new().stack_size(64 << 10).spawn(all).map(|_| ())
}

/// Waits until an output has something, or for a moment.
fn wait(outputs: &[Option<std::os::fd::BorrowedFd<'_>>]) -> std::io::Result<()> {
    let mut outputs: Vec<PollFd<'_>> =
        outputs.iter().flatten().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let moment = Timespec { tv_sec: 0, tv_nsec: LOOK_MS * 1_000_000 };
    match poll(&mut outputs, Some(&moment)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn end(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Code(code),
        (None, signal) => End::Signal(signal.unwrap_or(0)),
    }
}
