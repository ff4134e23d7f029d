//! Finds out which commit the program is built from, for `lemming --version`.
//!
//! The first of these that says it: the variable `LEMMING_COMMIT`; git, if the package's folder is the root of a
//! checkout; `.cargo_vcs_info.json`, which cargo puts into a packaged crate. If none does, the version stands alone.
//!
//! A debug build says that it is one, and looks at no commit: else each commit would build everything anew.

#![allow(clippy::disallowed_methods, reason = "the environment is how cargo speaks to a build script")]
#![allow(clippy::print_stdout, reason = "standard output is how a build script speaks to cargo")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the program is made of: a change of anything else makes it no other program.
const SOURCES: [&str; 5] = ["Cargo.lock", "Cargo.toml", "agents", "build.rs", "src"];

/// The variable that names the commit where there is no git, such as in an image's build.
const VARIABLE: &str = "LEMMING_COMMIT";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder"));
    let version = env::var("CARGO_PKG_VERSION").expect("cargo names the version");
    let origin = match (named(), env::var("PROFILE").as_deref()) {
        (Some(commit), _) => Some(commit),
        (None, Ok("debug")) => Some("debug build".to_owned()),
        (None, _) => checked_out(&folder).or_else(|| packed(&folder)),
    };
    let long = origin.map_or_else(|| version.clone(), |origin| format!("{version} ({origin})"));
    println!("cargo::rustc-env=LEMMING_VERSION={long}");
}

fn named() -> Option<String> {
    let commit = env::var(VARIABLE).ok().filter(|commit| !commit.is_empty())?;
    let is_one_line = commit.len() <= 64 && commit.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    assert!(is_one_line, "{VARIABLE} is to be a commit and a day, such as `f14c4fa 2026-11-25`");
    Some(commit)
}

/// The commit of a checkout, its day, and whether what is built differs from it.
fn checked_out(folder: &Path) -> Option<String> {
    // Sources that merely lie within another repository are not of its commit.
    let root = fs::canonicalize(git(folder, &["rev-parse", "--show-toplevel"])?).ok()?;
    if root != fs::canonicalize(folder).ok()? {
        return None;
    }
    let (commit, day) =
        (git(folder, &["rev-parse", "--short=7", "HEAD"])?, git(folder, &["log", "-1", "--format=%cs"])?);
    for source in SOURCES {
        watch(&folder.join(source));
    }
    // In a worktree these lie elsewhere, and git says where. The second changes with every commit of the branch.
    let branch = git(folder, &["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "logs/HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        if let Some(path) = git(folder, &["rev-parse", "--git-path", name]) {
            watch(&folder.join(path));
        }
    }
    let mut changes = vec!["status", "--porcelain", "--untracked-files=no", "--"];
    changes.extend(SOURCES);
    let dirty = if git(folder, &changes)?.is_empty() { "" } else { "-dirty" };
    Some(format!("{commit}{dirty} {day}"))
}

/// What cargo noted of the commit that a crate was packaged from; it notes no day.
fn packed(folder: &Path) -> Option<String> {
    let path = folder.join(".cargo_vcs_info.json");
    let note = fs::read_to_string(&path).ok()?;
    watch(&path);
    let rest = note.split_once("\"sha1\"")?.1;
    let commit =
        rest.split('"').nth(1).filter(|commit| commit.len() >= 7 && commit.chars().all(|c| c.is_ascii_hexdigit()))?;
    let dirty = if rest.contains("\"dirty\": true") { "-dirty" } else { "" };
    Some(format!("{}{dirty}", &commit[..7]))
}

/// Runs git; nothing if it is not here, or has nothing to say of this folder.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    // Looking at the state of files may refresh git's index, and whoever builds may not be allowed to write there.
    let done = Command::new("git").arg("--no-optional-locks").args(arguments).current_dir(folder).output().ok()?;
    let said = String::from_utf8(done.stdout).ok().filter(|_| done.status.success())?;
    Some(said.trim().to_owned())
}

/// Has this script run again when the path changes. One that is missing would have it run each time.
fn watch(path: &Path) {
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}
