//! Runs a program to its end, within bounds of time and output.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// What is kept of the standard output, from its beginning.
pub(crate) const MAX_STDOUT_BYTES: usize = 1 << 20;

/// What is kept of the standard error, from its end.
pub(crate) const MAX_STDERR_BYTES: usize = 8 << 10;

/// A program that ran to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    /// Whether there was more on the standard output.
    pub(crate) cut: bool,
    pub(crate) stderr: Vec<u8>,
}

/// Why a program did not run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// It was never started.
    #[error("cannot start")]
    NotStarted(#[source] io::Error),
    /// It ran out of time and was killed.
    #[error("ran out of time")]
    TimedOut,
    /// Its output could not be read.
    #[error("cannot read what it says")]
    Broken(#[source] io::Error),
}

/// Runs `command` without input, until it has ended and its outputs are closed, by those too that it
/// left them to. At the time limit, or when the future is dropped, the program and all that it
/// started in its process group are killed.
pub(crate) async fn run(command: &mut Command, limit: Duration) -> Result<Finished, RunError> {
    command.stdin(Stdio::null());
    finish(command, None, limit, MAX_STDOUT_BYTES).await
}

/// Runs `command` as [`run`] does, with an input. Its standard input stays open until it has ended, so
/// that an end of file tells it that its caller is gone; and when its outputs are closed, whatever is
/// left of its process group is killed.
#[cfg(unix)]
pub(crate) async fn converse(
    command: &mut Command,
    input: &[u8],
    limit: Duration,
    max_stdout_bytes: usize,
) -> Result<Finished, RunError> {
    command.stdin(Stdio::piped());
    finish(command, Some(input), limit, max_stdout_bytes).await
}

async fn finish(
    command: &mut Command,
    input: Option<&[u8]>,
    limit: Duration,
    max_stdout_bytes: usize,
) -> Result<Finished, RunError> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn().map_err(RunError::NotStarted)?;
    // Declared after the child and so dropped before it: the group is killed before the child is reaped.
    let mut group = Group::of(&child);
    let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let finish = async {
        let write = async {
            if let (Some(stdin), Some(input)) = (&mut stdin, input) {
                // Who ends without reading it all says why in another way.
                let _ = stdin.write_all(input).await;
            }
            Ok(())
        };
        let ((stdout, cut), (stderr, _), ()) = tokio::try_join!(
            read(stdout, max_stdout_bytes, End::Head),
            read(stderr, MAX_STDERR_BYTES, End::Tail),
            write
        )?;
        if input.is_some() {
            // Before the leader is reaped: until then the group's id is nobody else's.
            group.kill();
        }
        let status = child.wait().await?;
        Ok(Finished { status, stdout, cut, stderr })
    };
    match tokio::time::timeout(limit, finish).await {
        Ok(Ok(finished)) => {
            group.disarm();
            Ok(finished)
        }
        Ok(Err(error)) => Err(RunError::Broken(error)),
        Err(_) => {
            group.kill();
            // Reaps it, so that no zombie stays.
            let _ = child.kill().await;
            Err(RunError::TimedOut)
        }
    }
}

/// The process group of a child that has not been reaped, so that its id is nobody else's.
#[derive(Debug)]
pub(crate) struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

#[cfg(unix)]
impl Group {
    pub(crate) fn of(child: &Child) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        Self { leader }
    }

    fn disarm(&mut self) {
        self.leader = None;
    }

    fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            // It fails if all of them have ended, which is as good.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

// Elsewhere only the child itself is killed, by `kill_on_drop`.
#[cfg(not(unix))]
impl Group {
    pub(crate) fn of(_: &Child) -> Self {
        Self {}
    }

    fn disarm(&mut self) {}

    fn kill(&mut self) {}
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Which end of an output is kept.
#[derive(Clone, Copy)]
enum End {
    Head,
    Tail,
}

/// Reads to the end, so that the program is never stopped by a full pipe, and keeps `max` bytes;
/// says whether there were more.
async fn read(from: Option<impl AsyncRead + Unpin>, max: usize, keep: End) -> io::Result<(Vec<u8>, bool)> {
    let Some(mut from) = from else { return Ok((Vec::new(), false)) };
    let (mut kept, mut cut) = (Vec::new(), false);
    let mut chunk = vec![0; 16 << 10];
    loop {
        let n = from.read(&mut chunk).await?;
        if n == 0 {
            return Ok((kept, cut));
        }
        let room = max.saturating_sub(kept.len());
        cut |= n > room;
        match keep {
            End::Head => kept.extend_from_slice(&chunk[..n.min(room)]),
            End::Tail => {
                kept.extend_from_slice(&chunk[..n]);
                kept.drain(..kept.len().saturating_sub(max));
            }
        }
    }
}
