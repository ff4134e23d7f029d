//! `lemming --version`, and the build script that finds out what it says: run over folders of every kind.

#![cfg(unix)]
#![allow(clippy::disallowed_methods, clippy::expect_used, missing_docs, reason = "a test of real processes")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A folder with the script, built, and the sources of a package in `sources/`.
struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
        let built = Command::new("rustc")
            .args(["--edition", "2024", "-o"])
            .arg(folder.path().join("script"))
            .arg(script)
            .output()
            .expect("rustc");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let world = Self { folder };
        for file in ["src/lib.rs", "Cargo.toml", "README.md"] {
            world.write(file, "");
        }
        world
    }

    fn sources(&self) -> PathBuf {
        self.folder.path().join("sources")
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.sources().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn git(&self, arguments: &[&str]) -> String {
        let day = "2026-11-25T12:00:00Z";
        let mut git = Command::new("git");
        git.args(["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]);
        git.args(arguments)
            .current_dir(self.sources())
            .env("GIT_COMMITTER_DATE", day)
            .env("GIT_CONFIG_GLOBAL", "/dev/null");
        let done = git.output().expect("git");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text").trim().to_owned()
    }

    /// Makes the sources a checkout with one commit, and names it.
    fn commit(&self) -> String {
        self.git(&["init", "--quiet"]);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "All of it"]);
        self.git(&["rev-parse", "--short=7", "HEAD"])
    }

    /// What the script says of a folder, in a release.
    fn said(&self, folder: &Path) -> String {
        self.said_in(folder, &[("PROFILE", "release")])
    }

    fn said_in(&self, folder: &Path, env: &[(&str, &str)]) -> String {
        let mut script = Command::new(self.folder.path().join("script"));
        script.current_dir(folder).env("CARGO_MANIFEST_DIR", folder).env("CARGO_PKG_VERSION", "2.0.0");
        script.env_remove("LEMMING_COMMIT").env_remove("GIT_DIR").env("GIT_CEILING_DIRECTORIES", "/");
        let done = script.envs(env.iter().copied()).output().expect("the script");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text")
    }

    /// The version that the script finds in a folder.
    fn version(&self, folder: &Path) -> String {
        version(&self.said(folder))
    }
}

fn version(said: &str) -> String {
    let version = said.lines().find_map(|line| line.strip_prefix("cargo::rustc-env=LEMMING_VERSION="));
    version.expect("a version").to_owned()
}

#[test]
fn the_program_says_its_version_and_where_it_comes_from() {
    for flag in ["--version", "-V"] {
        let done = Command::new(env!("CARGO_BIN_EXE_lemming")).arg(flag).output().expect("the program");
        let said = String::from_utf8(done.stdout).expect("text");
        assert_eq!(said, format!("lemming {}\n", lemming::version::LONG));
    }
    assert!(lemming::version::LONG.starts_with(lemming::version::SHORT), "{}", lemming::version::LONG);
    assert_eq!(lemming::version::SHORT, env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_checkout_is_named_by_its_commit_and_its_day() {
    let world = World::new();
    let commit = world.commit();
    assert_eq!(world.version(&world.sources()), format!("2.0.0 ({commit} 2026-11-25)"));
}

#[test]
fn a_worktree_and_a_detached_head_are_named_by_theirs() {
    let world = World::new();
    let commit = world.commit();
    let worktree = world.folder.path().join("worktree");
    world.git(&["worktree", "add", "--quiet", worktree.to_str().expect("text")]);
    world.write("src/lib.rs", "// more");
    world.git(&["commit", "--quiet", "--all", "--message", "More"]);
    assert_eq!(world.version(&worktree), format!("2.0.0 ({commit} 2026-11-25)"));
    world.git(&["checkout", "--quiet", &commit]);
    assert_eq!(world.version(&world.sources()), format!("2.0.0 ({commit} 2026-11-25)"));
}

#[test]
fn changed_sources_are_marked_and_other_changes_are_not() {
    let world = World::new();
    let commit = world.commit();
    world.write("README.md", "other words");
    world.write("notes.txt", "not of the program");
    assert_eq!(world.version(&world.sources()), format!("2.0.0 ({commit} 2026-11-25)"));
    world.write("src/lib.rs", "// changed");
    assert_eq!(world.version(&world.sources()), format!("2.0.0 ({commit}-dirty 2026-11-25)"));
}

#[test]
fn sources_within_another_repository_do_not_bear_its_commit() {
    let world = World::new();
    let inner = world.sources().join("vendor/lemming");
    world.write("vendor/lemming/Cargo.toml", "");
    world.commit();
    assert_eq!(world.version(&inner), "2.0.0");
}

#[test]
fn a_packaged_crate_is_named_by_what_cargo_noted() {
    let world = World::new();
    assert_eq!(world.version(&world.sources()), "2.0.0", "a plain folder");
    let note = |dirty: &str| {
        format!(
            "{{\n  \"git\": {{\n    \"sha1\": \"f14c4fa8d7c9a5ca49d7a5a5bd9bd1e6a0cbd1d8\"{dirty}\n  }},\n  \"path_in_vcs\": \"\"\n}}"
        )
    };
    world.write(".cargo_vcs_info.json", &note(""));
    assert_eq!(world.version(&world.sources()), "2.0.0 (f14c4fa)");
    world.write(".cargo_vcs_info.json", &note(",\n    \"dirty\": true"));
    assert_eq!(world.version(&world.sources()), "2.0.0 (f14c4fa-dirty)");
    world.write(".cargo_vcs_info.json", "{}");
    assert_eq!(world.version(&world.sources()), "2.0.0");
}

#[test]
fn a_commit_that_is_named_counts_before_all_else_and_is_one_line() {
    let world = World::new();
    world.commit();
    for profile in ["release", "debug"] {
        let env = [("PROFILE", profile), ("LEMMING_COMMIT", "abcdef0 2026-01-01")];
        assert_eq!(version(&world.said_in(&world.sources(), &env)), "2.0.0 (abcdef0 2026-01-01)");
    }
    assert_eq!(version(&world.said_in(&world.sources(), &[("PROFILE", "debug")])), "2.0.0 (debug build)");
    let mut script = Command::new(world.folder.path().join("script"));
    script.env("CARGO_MANIFEST_DIR", world.sources()).env("CARGO_PKG_VERSION", "2.0.0").env("PROFILE", "release");
    let done = script.env("LEMMING_COMMIT", "one\ncargo::rustc-cfg=two").output().expect("the script");
    assert!(!done.status.success());
    assert!(String::from_utf8_lossy(&done.stderr).contains("LEMMING_COMMIT is to be a commit and a day"));
}

#[test]
fn what_is_watched_exists_and_a_commit_changes_it() {
    let world = World::new();
    world.commit();
    let watched = |said: &str| -> Vec<PathBuf> {
        let paths = said.lines().filter_map(|line| line.strip_prefix("cargo::rerun-if-changed="));
        paths.filter(|path| *path != "build.rs").map(PathBuf::from).collect()
    };
    let paths = watched(&world.said(&world.sources()));
    // A path that is missing would have the script run, and the program built, each time.
    assert!(paths.iter().all(|path| path.is_absolute() && path.exists()), "{paths:?}");
    assert!(paths.contains(&world.sources().join("src")), "{paths:?}");
    let states = |paths: &[PathBuf]| -> Vec<Vec<u8>> {
        paths.iter().filter(|path| path.is_file()).map(|path| fs::read(path).expect("a file")).collect()
    };
    let before = states(&paths);
    world.git(&["commit", "--quiet", "--allow-empty", "--message", "Nothing new"]);
    assert_ne!(states(&paths), before, "{paths:?}");
    assert!(watched(&world.said_in(&world.sources(), &[("PROFILE", "debug")])).is_empty(), "debug builds watch no git");
}
