//! A disk that refuses some calls: injected into the program by a filter of system calls, and by permissions.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::world::{World, failed, text};

/// Somebody with no rights of his own.
const NOBODY: u32 = 65534;

/// What the tick after a failed one must leave: one turn of one call, its message once, and a closed record.
fn check_finished(world: &World, output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let tick: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!((&tick["tick"], &tick["closed"]), (&json!(1), &json!(true)), "{tick}");
    assert_eq!(tick["turns"][0]["status"], "ok", "{tick}");
    assert_eq!(world.calls(), 1, "a call was made twice");
    let said = fs::read_dir(world.root().join("agents/ada/outbox")).expect("an outbox");
    assert_eq!(said.count(), 1, "one message, and no draft");
    assert!(world.root().join("ticks/000000000001/closed.json").exists());
}

/// Runs a tick in which these system calls fail; nothing where there is no such filter.
#[cfg(target_os = "linux")]
fn tick_with(world: &World, store: &str, calls: &[i64], errno: u32) -> Option<Output> {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    let architecture = std::env::consts::ARCH.try_into().ok()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno), architecture);
    let filter: BpfProgram = filter.expect("a filter").try_into().expect("a program");
    let mut command = world.lemming(&["tick", "--json", "--store", store]);
    // A filter is for good and for children too: a thread of its own has it.
    let thread = std::thread::spawn(move || {
        apply_filter(&filter).ok()?;
        Some(command.output().expect("the program"))
    });
    thread.join().expect("a thread")
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fails_is_named_and_the_next_tick_goes_on() {
    let fsync = [libc::SYS_fsync, libc::SYS_fdatasync].as_slice();
    let link = [libc::SYS_linkat].as_slice();
    for (calls, errno, what, hint) in [
        (fsync, libc::EIO, "Input/output error", None),
        (fsync, libc::ENOSPC, "No space left", Some("full")),
        (link, libc::ENOSPC, "No space left", Some("full")),
        (link, libc::EDQUOT, "quota", Some("full")),
        (link, libc::EROFS, "Read-only", Some("read-only")),
        (link, libc::EACCES, "Permission denied", Some("who may")),
    ] {
        let world = World::found("200ms");
        let before = world.files();
        let store = format!("file://{}", world.root().display());
        let errno = u32::try_from(errno).expect("a number");
        let Some(output) = tick_with(&world, &store, calls, errno) else { return };
        let (code, error) = failed(&output);
        assert_eq!((code, &error["code"]), (Some(4), &json!("store")), "{what}: {error}");
        assert!(error["causes"].to_string().to_lowercase().contains(&what.to_lowercase()), "{what}: {error}");
        if let Some(hint) = hint {
            assert!(error["hint"].as_str().is_some_and(|text| text.contains(hint)), "{what}: {error}");
        }
        assert_eq!(world.files(), before, "{what}: something was written");
        check_finished(&world, &world.run(&["tick", "--json"]));
    }
}

/// The same failure of the disk is not even met by a store that was told not to wait for it.
#[cfg(target_os = "linux")]
#[test]
fn the_disk_is_waited_for_unless_the_store_says_otherwise() {
    let fsync = [libc::SYS_fsync, libc::SYS_fdatasync];
    let errno = u32::try_from(libc::EIO).expect("a number");
    for (options, code) in [("", 4), ("?fsync=on", 4), ("?fsync=off", 0)] {
        let world = World::found("30s");
        let store = format!("file://{}{options}", world.root().display());
        let Some(output) = tick_with(&world, &store, &fsync, errno) else { return };
        assert_eq!(output.status.code(), Some(code), "{store}: {}", text(&output.stderr));
    }
    // A plain path, as most people name a folder.
    let world = World::found("30s");
    let output = tick_with(&world, &world.root().display().to_string(), &fsync, errno).expect("as before");
    assert_eq!(failed(&output).0, Some(4));
}

/// Gives a folder and all below it to a person, with these permissions for folders.
fn give(folder: &Path, owner: Option<u32>, mode: u32) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            give(&path, owner, mode);
        } else {
            chown(&path, owner, owner).expect("an owner");
        }
    }
    chown(folder, owner, owner).expect("an owner");
    fs::set_permissions(folder, Permissions::from_mode(mode)).expect("permissions");
}

#[test]
fn a_folder_that_is_shut_is_named_and_the_next_tick_goes_on() {
    // Root may everything, so that somebody else must run.
    let other = rustix::process::geteuid().is_root().then_some(NOBODY);
    for (shut, mode, calls) in [
        // Nothing can be begun; nothing can be read; the turn is committed, and its view cannot be written.
        ("ticks", 0o555, 0),
        ("agents", 0o000, 0),
        ("agents/ada/outbox", 0o555, 1),
    ] {
        let world = World::found("200ms");
        let program = program_for(&world, other.is_some());
        for folder in ["ticks", "agents/ada/outbox"] {
            fs::create_dir_all(world.root().join(folder)).expect("a folder");
        }
        give(world.folder.path(), other, 0o755);
        let shut = world.root().join(shut);
        fs::set_permissions(&shut, Permissions::from_mode(mode)).expect("permissions");
        let tick = || {
            let mut command = std::process::Command::new(&program);
            command.args(["tick", "--json"]).current_dir(world.root());
            command.env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
            if let Some(other) = other {
                command.uid(other).gid(other);
            }
            command.output().expect("the program")
        };
        let (code, error) = failed(&tick());
        assert_eq!((code, &error["code"]), (Some(4), &json!("store")), "{}: {error}", shut.display());
        assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("who may")), "{}: {error}", shut.display());
        assert!(error["causes"].to_string().contains("Permission denied"), "{}: {error}", shut.display());
        assert_eq!(world.calls(), calls, "{}", shut.display());
        fs::set_permissions(&shut, Permissions::from_mode(0o755)).expect("permissions");
        check_finished(&world, &tick());
    }
}

#[test]
fn doctor_says_of_a_folder_that_is_shut_whether_ticks_can_run() {
    let other = rustix::process::geteuid().is_root().then_some(NOBODY);
    for (shut, mode, expected, last) in [
        (".", 0o000, 4, "1 wrong, 1 warning"),
        (".", 0o555, 0, "nothing is wrong; these credentials can only look: they cannot run ticks"),
        ("ticks", 0o555, 0, "nothing is wrong; these credentials cannot run ticks"),
        ("ticks", 0o755, 0, "nothing is wrong"),
    ] {
        let world = World::found("10m");
        let program = program_for(&world, other.is_some());
        fs::create_dir_all(world.root().join("ticks")).expect("a folder");
        give(world.folder.path(), other, 0o755);
        let below = if shut == "." { 0o555 } else { 0o755 };
        for folder in ["agents", "agents/ada", "config", "ticks"] {
            let folder = world.root().join(folder);
            if folder.exists() {
                fs::set_permissions(&folder, Permissions::from_mode(below)).expect("permissions");
            }
        }
        let shut = world.root().join(shut);
        fs::set_permissions(&shut, Permissions::from_mode(mode)).expect("permissions");
        let mut command = std::process::Command::new(&program);
        command.args(["doctor", "--store"]).arg(world.root()).current_dir("/");
        command.env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
        if let Some(other) = other {
            command.uid(other).gid(other);
        }
        let output = command.output().expect("the program");
        fs::set_permissions(&shut, Permissions::from_mode(0o755)).expect("permissions");
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(expected), "{}: {said}", shut.display());
        assert_eq!(said.lines().last(), Some(last), "{}: {said}", shut.display());
    }
}

/// The program where the other person can reach it: it may have been built in a folder that is nobody else's business.
fn program_for(world: &World, other: bool) -> PathBuf {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_lemming"));
    if !other {
        return built;
    }
    let copy = world.beside("lemming");
    fs::copy(&built, &copy).expect("a copy");
    copy
}
