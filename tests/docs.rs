//! The commands of the documents, run as they are written.

#![cfg(unix)]
#![allow(clippy::expect_used, missing_docs, reason = "tests fail by panicking")]

use std::path::Path;
use std::process::Command;

/// The `sh` blocks of a document that run the program itself.
fn blocks(document: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in document.lines() {
        match (&mut block, line) {
            (None, "```sh") => block = Some(String::new()),
            (Some(lines), "```") => {
                blocks.push(std::mem::take(lines));
                block = None;
            }
            (Some(lines), line) => {
                lines.push_str(line);
                lines.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks.into_iter().filter(|block| block.lines().any(|line| line.starts_with("lemming "))).collect()
}

fn run_as_written(document: &str) {
    let folder = tempfile::tempdir().expect("folder");
    let program = Path::new(env!("CARGO_BIN_EXE_lemming")).parent().expect("folder of the program");
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", program.display());
    let blocks = blocks(document);
    assert!(!blocks.is_empty(), "the document has no commands");
    for block in blocks {
        let done = Command::new("sh")
            .args(["-euc", &block])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env_remove("LEMMING_STORE")
            .env("LEMMING_LOG", "warn")
            .output()
            .expect("sh");
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{block}\n{out}\n{err}");
    }
}

#[test]
fn the_commands_of_the_models_page_work() {
    run_as_written(include_str!("../docs/MODELS.md"));
}

#[test]
fn the_commands_of_the_readme_work() {
    run_as_written(include_str!("../README.md"));
}

#[test]
fn the_transcript_of_the_readme_is_what_the_demo_prints() {
    let readme = include_str!("../README.md");
    let transcript = readme.split_once("```console\n").and_then(|(_, rest)| rest.split_once("```")).expect("it").0;
    let folder = tempfile::tempdir().expect("folder");
    let demo = Command::new(env!("CARGO_BIN_EXE_lemming"))
        .arg("demo")
        .current_dir(folder.path())
        .env_remove("LEMMING_STORE")
        .output()
        .expect("the demo");
    let printed = String::from_utf8_lossy(&demo.stdout);
    // Shortened lines end, and left out lines are, `…`; where the folder lies differs.
    let shown = transcript.lines().filter(|line| !line.starts_with("$ make") && !line.starts_with("everything is in"));
    let shown: Vec<&str> =
        shown.map(|line| line.trim_end_matches('…').trim_end()).filter(|line| !line.is_empty()).collect();
    assert!(shown.len() > 15, "{shown:?}");
    for line in shown {
        assert!(printed.lines().any(|printed| printed.starts_with(line)), "{line:?} is not in\n{printed}");
    }
}

#[test]
fn the_transcript_of_the_stores_page_has_what_doctor_prints() {
    /// The words that a line begins with, health aside: the name of a check, or of keys or an operation.
    fn names(printed: &str) -> Vec<String> {
        let rows = printed.lines().filter_map(|line| line.strip_prefix("  "));
        let name = |row: &str| {
            let mut cells = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
            let first = cells.next()?;
            let is_health = matches!(first, "good" | "note" | "warning" | "WRONG" | "skipped");
            Some(if is_health { cells.next()? } else { first }.to_owned())
        };
        rows.filter_map(name).collect()
    }
    let page = include_str!("../docs/STORES.md");
    let transcript = page.split_once("```console\n").and_then(|(_, rest)| rest.split_once("```")).expect("it").0;
    let doctor = Command::new(env!("CARGO_BIN_EXE_lemming")).args(["doctor", "--store", "memory://"]).output();
    let printed = String::from_utf8(doctor.expect("doctor").stdout).expect("text");
    assert_eq!(names(transcript), names(&printed), "{printed}");
}
