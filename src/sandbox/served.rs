//! A server from inside: started with the helper's standard streams, and killed when the runner is gone.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, kill_current_process_group};

use super::{Report, Served};

/// How long a server may take to end by itself when nobody speaks to it any more.
const GRACE: Duration = Duration::from_millis(500);

/// So many interpreters may stand behind one another: a script, `env`, the interpreter itself.
const MAX_INTERPRETERS: usize = 4;

/// The longest line that names an interpreter. Source: execve(2), Linux 5.1.
const MAX_LINE_BYTES: u64 = 255;

/// The program and the interpreters that the kernel or `env` start for it, each the file itself and not a link to it.
pub(super) fn programs(program: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut next = vec![program.to_owned()];
    while let Some(program) = next.pop().filter(|_| found.len() < MAX_INTERPRETERS) {
        next.extend(interpreters(&program));
        found.extend(program.canonicalize());
    }
    found
}

/// What the first line of a script names.
fn interpreters(script: &Path) -> Vec<PathBuf> {
    let mut head = Vec::new();
    let read = File::open(script).and_then(|file| file.take(MAX_LINE_BYTES).read_to_end(&mut head));
    let line = head.strip_prefix(b"#!").and_then(|rest| rest.split(|byte| *byte == b'\n').next());
    let (Ok(_), Some(line)) = (read, line) else { return Vec::new() };
    let line = String::from_utf8_lossy(line).into_owned();
    let mut words = line.split_whitespace();
    let Some(first) = words.next().map(PathBuf::from) else { return Vec::new() };
    let named = match first.file_name().is_some_and(|name| name == "env") {
        true => words.find(|word| !word.starts_with('-') && !word.contains('=')),
        false => None,
    };
    let beside = script.parent().map(Path::to_owned);
    let folders = super::PATH.split(':').map(PathBuf::from).chain(beside);
    let named = named.and_then(|name| folders.map(|folder| folder.join(name)).find(|path| path.is_file()));
    [Some(first), named].into_iter().flatten().collect()
}

/// Says that it begins, starts the server, and waits for its end or the runner's.
pub(super) fn run(server: &Served, missing: Vec<String>) -> Result<Report, String> {
    watch().map_err(|error| format!("it cannot have a thread: {error}"))?;
    let mut line = serde_json::to_vec(&Report::Serving(missing)).map_err(|error| error.to_string())?;
    line.push(b'\n');
    let mut out = std::io::stdout();
    out.write_all(&line).and_then(|()| out.flush()).map_err(|error| error.to_string())?;
    let mut command = Command::new(&server.program);
    command.arg0(&server.name).args(&server.arguments).env_clear().envs(&server.variables);
    if let Some(folder) = &server.folder {
        command.current_dir(folder);
    }
    let ended = command.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit()).status();
    if let Err(error) = ended {
        // The standard output is the server's by now.
        let _ = writeln!(std::io::stderr(), "{} cannot be started: {error}", server.name);
    }
    // Itself too, and what the server left running.
    let _ = kill_current_process_group(Signal::KILL);
    Err("the server has ended".to_owned())
}

/// Watches the runner's end of the standard input without reading from it: that is for the server.
fn watch() -> std::io::Result<()> {
    let until_the_end = || {
        let input = std::io::stdin();
        loop {
            let mut ends = [PollFd::new(&input, PollFlags::empty())];
            match poll(&mut ends, None) {
                Err(rustix::io::Errno::INTR) => {}
                _ => break,
            }
        }
        thread::sleep(GRACE);
        let _ = kill_current_process_group(Signal::KILL);
    };
    // Not waited for: it ends with the process, which it can only hasten.
    thread::Builder::new().stack_size(64 << 10).spawn(until_the_end).map(|_| ())
}
