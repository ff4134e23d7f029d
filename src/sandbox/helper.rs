//! The helper: reads a job, gives up what it does not need for it, does it, and answers.
//!
//! It has no other thread while it confines itself, no runtime and no log. Its standard input stays open as
//! long as the runner lives; when it ends, the helper kills its process group, and so itself and all
//! that the job started.

use std::io::{BufRead as _, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use rustix::process::{Signal, getpgrp, getpid, kill_current_process_group, setpgid};

#[cfg(target_os = "linux")]
use super::confine::Places;
use super::{Job, Limits, Report, Served, Task, interpreter, program, scratch, served};
use crate::config::Environment;

/// Who does the work of a runner that is root: somebody whom no system knows, and each time another one, since
/// the limit on processes is none for root, and one for all processes of a user.
/// Source: systemd's `UIDS-GIDS.md`, by which nobody gives these numbers out.
#[cfg(target_os = "linux")]
const FIRST_STRANGER: u32 = 1_900_000_000;

/// Where there are no such users, as in many a container.
#[cfg(target_os = "linux")]
const NOBODY: u32 = 65_534;

/// Says whether this process was started as a helper.
#[must_use]
pub fn is_asked_for(environment: &Environment) -> bool {
    matches!(environment.args(), [_, first] if first == super::HELPER)
}

/// Does one job.
#[must_use]
pub fn main() -> ExitCode {
    let report = read().and_then(|job| work(&job)).unwrap_or_else(Report::Refused);
    let answered = serde_json::to_vec(&report).is_ok_and(|bytes| std::io::stdout().write_all(&bytes).is_ok());
    if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read() -> Result<Job, String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|error| format!("the job cannot be read: {error}"))?;
    serde_json::from_str(&line).map_err(|error| format!("this is no job: {error}"))
}

fn work(job: &Job) -> Result<Report, String> {
    let mut missing = Vec::new();
    missing.extend(close_what_was_inherited().err());
    if getpgrp() != getpid() {
        setpgid(None, None).map_err(|error| format!("it cannot have a process group: {error}"))?;
    }
    if let Task::Server(server) = &job.task {
        return serve(server, job, missing);
    }
    missing.extend(leave_root(matches!(job.task, Task::Program { .. })).err());
    let allowed = match &job.task {
        Task::Program { allow, .. } => {
            scratch::fill(&job.files).map_err(|error| format!("the scratch folder cannot be filled: {error}"))?;
            Some(program::find_all(allow))
        }
        Task::Code { .. } | Task::Server(_) => None,
    };
    missing.extend(limit(&job.limits).err());
    missing.extend(confine(allowed.as_ref().map(|programs| programs.values().map(AsRef::as_ref).collect())));
    if job.required && !missing.is_empty() {
        return Ok(Report::Unconfined(missing));
    }
    watch().map_err(|error| format!("it cannot have a thread: {error}"))?;
    match &job.task {
        Task::Program { name, arguments, input, .. } => {
            let programs = allowed.unwrap_or_default();
            let path = programs.get(name).ok_or_else(|| format!("there is no program {name} on this system"))?;
            let mut ran = program::run(path, name, (arguments, input), &job.limits)?;
            ran.changes = scratch::changes(&job.files);
            ran.changes.notes.extend(unconfined(&missing));
            Ok(Report::Ran(ran))
        }
        Task::Code { code } => {
            let mut valued = interpreter::run(code, &job.files, &job.limits);
            valued.changes.notes.extend(unconfined(&missing));
            Ok(Report::Valued(valued))
        }
        Task::Server(_) => Err("a server is no job that ends".to_owned()),
    }
}

/// Becomes what a server may be, and starts it. It stays the user of the runner, whose files it is to work on, without
/// any right that only root has.
fn serve(server: &Served, job: &Job, mut missing: Vec<String>) -> Result<Report, String> {
    let programs = served::programs(&server.program);
    missing.extend(drop_capabilities().err());
    missing.extend(limit(&job.limits).err());
    missing.extend(confine_server(server, &programs));
    if job.required && !missing.is_empty() {
        return Ok(Report::Unconfined(missing));
    }
    served::run(server, missing)
}

/// Says what the job was run without.
fn unconfined(missing: &[String]) -> Option<String> {
    (!missing.is_empty()).then(|| format!("this ran without a whole sandbox: {}", missing.join("; ")))
}

/// Closes what whoever started the runner left open: a job could read from it.
fn close_what_was_inherited() -> Result<(), String> {
    let numbers = |folder: &str| -> std::io::Result<Vec<i32>> {
        let entries = std::fs::read_dir(folder)?;
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
    };
    let open = numbers("/proc/self/fd").or_else(|_| numbers("/dev/fd"));
    for number in open.map_err(|error| format!("open files cannot be listed: {error}"))?.into_iter().filter(|n| *n > 2)
    {
        // The listing's own has been closed already.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}

/// Becomes a stranger, with the scratch folder.
#[cfg(target_os = "linux")]
fn leave_root(with_folder: bool) -> Result<(), String> {
    use rustix::process::{Gid, Uid, getuid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

    if getuid().is_root() || rustix::process::geteuid().is_root() {
        let become_user = |user: u32| {
            let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
            if with_folder {
                rustix::fs::chown(".", Some(uid), Some(gid))?;
            }
            set_thread_res_gid(gid, gid, gid)?;
            set_thread_res_uid(uid, uid, uid)
        };
        let stranger = FIRST_STRANGER.saturating_add(getpid().as_raw_nonzero().get().unsigned_abs());
        set_thread_groups(&[])
            .and_then(|()| become_user(stranger).or_else(|_| become_user(NOBODY)))
            .map_err(|error| format!("root cannot become another user here: {error}"))?;
    }
    drop_capabilities()
}

/// Gives up what only root may do. What it starts cannot get it back.
#[cfg(target_os = "linux")]
fn drop_capabilities() -> Result<(), String> {
    use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .map_err(|error| format!("capabilities cannot be given up: {error}"))
}

#[cfg(not(target_os = "linux"))]
fn leave_root(_: bool) -> Result<(), String> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn drop_capabilities() -> Result<(), String> {
    Ok(())
}

/// Sets the limits that the kernel keeps, for this process and all that it starts.
#[cfg(target_os = "linux")]
fn limit(limits: &Limits) -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let all = [
        (Resource::Core, 0),
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::As, limits.memory_bytes),
        (Resource::Nproc, tasks_of_user().saturating_add(limits.processes)),
        (Resource::Nofile, limits.open_files),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Msgqueue, 0),
        (Resource::Memlock, 0),
    ];
    for (resource, value) in all {
        // A limit that is lower already stays.
        let maximum = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let value = value.min(maximum);
        // At the first the kernel says which limit it was, at the second it kills.
        let last = if resource == Resource::Cpu { value.saturating_add(1).min(maximum) } else { value };
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(last) })
            .map_err(|error| format!("the limit {resource:?} cannot be set: {error}"))?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn limit(_: &Limits) -> Result<(), String> {
    Ok(())
}

/// How many processes and threads this user has: the kernel's limit counts them all.
#[cfg(target_os = "linux")]
fn tasks_of_user() -> u64 {
    use std::os::unix::fs::MetadataExt as _;

    let uid = rustix::process::getuid().as_raw();
    let tasks = |process: &Path| -> Option<u64> {
        process.file_name()?.to_str()?.parse::<u32>().ok()?;
        // A process that may not be looked into belongs to root as a folder; its status tells the truth.
        let status = std::fs::read_to_string(process.join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        let owner = field("Uid:")?.parse::<u32>().ok().or_else(|| Some(process.metadata().ok()?.uid()))?;
        (owner == uid).then(|| field("Threads:")?.parse().ok()).flatten()
    };
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
    processes.filter_map(|entry| tasks(&entry.ok()?.path())).sum()
}

#[cfg(target_os = "linux")]
fn confine(programs: Option<Vec<&Path>>) -> Vec<String> {
    confine_to(programs.as_deref().map_or(Places::None, Places::Scratch))
}

#[cfg(target_os = "linux")]
fn confine_to(places: Places<'_>) -> Vec<String> {
    let places = super::confine::restrict_places(places).err();
    places.into_iter().chain(super::syscalls::restrict().err()).collect()
}

#[cfg(target_os = "linux")]
fn confine_server(server: &Served, programs: &[std::path::PathBuf]) -> Vec<String> {
    let here = std::path::PathBuf::from(".");
    let reads: Vec<_> = server.reads.iter().chain(&server.folder).cloned().collect();
    let writes: Vec<_> = server.writes.iter().cloned().chain([here]).collect();
    confine_to(Places::Named { programs, reads: &reads, writes: &writes })
}

#[cfg(not(target_os = "linux"))]
fn confine_server(_: &Served, _: &[std::path::PathBuf]) -> Vec<String> {
    confine(None)
}

#[cfg(not(target_os = "linux"))]
fn confine(_: Option<Vec<&Path>>) -> Vec<String> {
    vec!["only Linux has what it is made of".to_owned()]
}

/// Watches the runner's end of the standard input.
fn watch() -> std::io::Result<()> {
    let until_the_end = || {
        let mut byte = [0];
        while std::io::stdin().read(&mut byte).is_ok_and(|n| n > 0) {}
        let _ = kill_current_process_group(Signal::KILL);
    };
    // Not waited for: it ends with the process, which it can only hasten.
    thread::Builder::new().stack_size(64 << 10).spawn(until_the_end).map(|_| ())
}
