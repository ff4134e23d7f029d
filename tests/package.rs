//! `infra/package.py`: what it packs, and what it refuses to pack.

#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![allow(clippy::disallowed_methods, clippy::print_stdout, missing_docs, reason = "a test of real processes")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const MACHINE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };

fn is_here(program: &str) -> bool {
    let is_here = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !is_here {
        println!("SKIPPED: it needs {program}, which is not here");
    }
    is_here
}

fn pack(program: &Path, folder: &Path, machine: &str, glibc: &str) -> Output {
    fs::create_dir_all(folder).expect("a folder");
    Command::new("python3")
        .arg("infra/package.py")
        .args(["--machine", machine, "--glibc", glibc, "--program"])
        .arg(program)
        .arg("--zip")
        .arg(folder.join("lemming.zip"))
        .arg("--archive")
        .arg(folder.join("lemming-1.tar.gz"))
        .env("SOURCE_DATE_EPOCH", "1764072000")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("python3")
}

/// A small program, with its symbols or, as a release has it, without.
fn program(folder: &Path, strip: &str) -> PathBuf {
    let (source, program) = (folder.join("hello.rs"), folder.join(strip));
    fs::write(&source, "fn main() { println!(\"hello\") }").expect("a file");
    let built = Command::new("rustc").arg(format!("-Cstrip={strip}")).arg("-o").arg(&program).arg(&source).status();
    assert!(built.expect("rustc").success());
    program
}

#[test]
fn a_package_holds_the_program_and_is_the_same_bytes_each_time() {
    if !is_here("python3") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path(), "symbols");
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    for folder in [&one, &other] {
        let done = pack(&program, folder, MACHINE, "99.0");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(said.contains(&format!("{MACHINE} needs glibc 2.")) && said.contains("lemming.zip ("), "{said}");
        // Another time of the file, and it is still the same package.
        fs::File::open(&program).expect("it").set_modified(std::time::SystemTime::UNIX_EPOCH).expect("a time");
    }
    for name in ["lemming.zip", "lemming-1.tar.gz"] {
        assert!(fs::read(one.join(name)).expect("it") == fs::read(other.join(name)).expect("it"), "{name} differs");
    }
    let unzip = r#"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for info in archive.infolist():
        print(info.filename, oct(info.external_attr >> 16), info.date_time)
        open(sys.argv[2], "wb").write(archive.read(info))
"#;
    let bootstrap = folder.path().join("bootstrap");
    let listed = Command::new("python3").args(["-c", unzip]).arg(one.join("lemming.zip")).arg(&bootstrap).output();
    let listed = String::from_utf8(listed.expect("python3").stdout).expect("text");
    assert_eq!(listed, "bootstrap 0o100755 (2025, 11, 25, 12, 0, 0)\n");
    assert!(fs::read(&bootstrap).expect("it") == fs::read(&program).expect("it"), "the zip holds another program");

    let untar = Command::new("tar").arg("-xzf").arg(one.join("lemming-1.tar.gz")).arg("-C").arg(folder.path()).status();
    assert!(untar.expect("tar").success());
    let unpacked = folder.path().join("lemming-1/lemming");
    assert_eq!(fs::metadata(&unpacked).expect("it").permissions().mode() & 0o777, 0o755);
    assert_eq!(Command::new(&unpacked).output().expect("the program").stdout, b"hello\n");
    assert!(folder.path().join("lemming-1/LICENSE-MIT").exists());
}

#[test]
fn a_program_that_the_runtime_could_not_run_is_not_packed() {
    if !is_here("python3") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (stripped, whole) = (program(folder.path(), "symbols"), program(folder.path(), "none"));
    let text = folder.path().join("text");
    fs::write(&text, "#!/bin/sh\n").expect("a file");
    let other = if MACHINE == "arm64" { "x86_64" } else { "arm64" };
    let refused = [
        (stripped.as_path(), MACHINE, "2.2", "the Lambda runtime has 2.2"),
        (stripped.as_path(), other, "99.0", "is for another machine"),
        (whole.as_path(), MACHINE, "99.0", "is not stripped"),
        (text.as_path(), MACHINE, "99.0", "no 64-bit little-endian ELF file"),
    ];
    for (program, machine, glibc, why) in refused {
        let out = folder.path().join("out");
        let done = pack(program, &out, machine, glibc);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && said.contains(why), "{why}: {said}");
        assert_eq!(fs::read_dir(&out).expect("a folder").count(), 0, "{why}: nothing is left");
    }
}
