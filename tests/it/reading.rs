//! Every command that only reads does: it makes no write, and works with credentials that may only read.
//!
//! One table has all commands. One that is not in it fails the test: say what it does, and how it is tried.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::SystemTime;

use serde_json::Value;
use tempfile::TempDir;

use crate::help::commands;
use crate::readonly::{ReadOnlyBucket, tree, walk};

/// What a command does with the store.
enum Does {
    /// Reads it; tried with each of these lists of arguments behind the command's name.
    Reads(&'static [&'static str]),
    /// Reads it, and prints what is no JSON document.
    Prints(&'static [&'static str]),
    /// Reads it where there is something to read, and has an answer where there is not.
    Anywhere(&'static [&'static str]),
    /// Reads it until it is stopped: tests/it/terminal.rs.
    Lives,
    /// Writes to it.
    Writes,
    /// Has no use for it.
    Nothing,
}

use Does::{Anywhere, Lives, Nothing, Prints, Reads, Writes};

/// Every command, but for those that only have commands below them.
const COMMANDS: &[(&str, Does)] = &[
    ("agents", Reads(&["", "--at 2"])),
    ("agents clone", Writes),
    ("agents disable", Writes),
    ("agents edit", Writes),
    ("agents enable", Writes),
    ("agents list", Reads(&["", "--at 2"])),
    ("agents new", Writes),
    ("agents remove", Writes),
    ("agents restore", Writes),
    ("agents show", Reads(&["editor", "editor --at 2"])),
    ("apply", Writes),
    ("approvals approve", Writes),
    ("approvals deny", Writes),
    ("approvals edit", Writes),
    ("approvals list", Reads(&["", "--last 4", "--at 2"])),
    ("approvals show", Reads(&[])),
    ("bootstrap", Writes),
    ("chat", Writes),
    ("completions", Nothing),
    ("cost", Reads(&["", "--provider r2"])),
    ("credits", Reads(&["", "--ticks 2"])),
    ("credits export", Reads(&["", "--from 2 --to 3"])),
    ("credits ledger", Reads(&["", "--agent editor --ticks 1..3"])),
    ("credits top-up", Writes),
    ("deliveries", Reads(&[""])),
    ("deliveries list", Reads(&[""])),
    ("deliveries retry", Writes),
    ("demo", Writes),
    ("diff", Reads(&["2..4", "3", "..2 --agent editor"])),
    ("doctor", Writes),
    ("export", Prints(&["-"])),
    ("files list", Reads(&["", "shared", "shared --at 5"])),
    ("files restore", Writes),
    ("files show", Reads(&["shared briefs/1.md", "shared/briefs/1.md --at 5"])),
    ("fork", Writes),
    ("fsck", Reads(&["", "--from 3"])),
    ("gc", Writes),
    ("graph", Reads(&["", "--agent editor", "--reach editor", "--at 2"])),
    ("import", Writes),
    ("inbox", Reads(&["", "editor --limit 2", "--agent editor", "--all", "--at 2"])),
    ("inspect", Reads(&["editor", "editor --turns 1 --outbox 2", "editor --at 2"])),
    ("keys", Reads(&[""])),
    ("keys add", Writes),
    ("keys list", Reads(&[""])),
    ("keys remove", Writes),
    ("list-agents", Reads(&[""])),
    ("logs", Reads(&["", "editor --ticks 2", "--lines 3"])),
    ("man", Nothing),
    ("mcp", Writes),
    ("memory archive", Writes),
    ("memory compact", Writes),
    ("memory delete", Writes),
    ("memory get", Reads(&["editor count", "editor count --at 2"])),
    ("memory list", Reads(&["editor", "editor --at 2"])),
    ("memory restore", Writes),
    ("memory search", Reads(&["editor sundays", "--all sundays"])),
    ("memory set", Writes),
    ("messages", Reads(&["", "sundays", "--from editor --limit 2", "--at 2"])),
    ("models", Reads(&[""])),
    ("models test", Reads(&["desk"])),
    ("models use", Writes),
    ("orgs", Anywhere(&[""])),
    ("pause", Writes),
    ("problems", Reads(&["", "--last 2"])),
    ("replay", Reads(&["2", "1 --agent editor"])),
    ("resume", Writes),
    ("run", Writes),
    ("schema", Nothing),
    ("send", Writes),
    ("serve", Writes),
    ("show-agent", Reads(&["editor"])),
    ("status", Reads(&[""])),
    ("templates", Anywhere(&[""])),
    ("templates analyse", Reads(&[""])),
    ("templates export", Writes),
    ("templates import", Writes),
    ("templates list", Anywhere(&[""])),
    ("templates show", Anywhere(&["support_desk"])),
    ("thread", Reads(&["", "--at 2 --full"])),
    ("tick", Writes),
    ("ticks", Reads(&["", "--limit 2"])),
    ("ticks list", Reads(&["", "--agent editor", "--at 3"])),
    ("ticks show", Reads(&["", "2"])),
    ("ticks why", Reads(&["editor", "writer --tick 2"])),
    ("tools", Reads(&["", "--at 1"])),
    ("tools accept", Writes),
    ("tools check", Reads(&[""])),
    ("tools list", Reads(&["", "--at 1"])),
    ("tools show", Reads(&["file_read"])),
    ("tools test", Writes),
    ("top-up", Writes),
    ("validate", Reads(&[""])),
    ("watch", Lives),
];

/// What commands do besides: what has no JSON of its own, and what a command that writes does without.
const BESIDES: &[(&str, Does)] = &[
    ("credits export", Prints(&["--csv"])),
    ("graph", Prints(&["--format text", "--format dot", "--format mermaid"])),
    ("gc", Reads(&["--dry-run"])),
    ("logs", Prints(&["--jsonl"])),
    ("messages", Prints(&["--jsonl"])),
    ("tick", Reads(&["--dry-run", "--dry-run --prompts"])),
];

/// The example after a few ticks with a question in it.
pub fn played() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str]| {
        let done = lemming(folder.path().to_str().expect("text"), args, folder.path());
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    run(&["bootstrap"]);
    run(&["send", "editor", "Should we publish on Sundays?"]);
    for seed in ["1", "2", "3", "4", "5", "6"] {
        run(&["tick", "--seed", seed]);
    }
    folder
}

fn lemming(store: &str, args: &[&str], within: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(["--store", store]).args(args).current_dir(within).env("LEMMING_LOG", "warn").env("TZ", "UTC");
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"] {
        command.env_remove(name);
    }
    command.output().expect("the program")
}

/// Every file with its bytes and when it was last changed, and every folder.
fn state(folder: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    walk(folder, &mut |path| {
        let modified = fs::metadata(path).and_then(|file| file.modified()).expect("a time");
        found.insert(path.display().to_string(), (fs::read(path).expect("a file"), modified));
    });
    found
}

/// A command that only reads, with its arguments.
struct Reading {
    name: &'static str,
    words: Vec<&'static str>,
    has_document: bool,
    needs_an_organisation: bool,
}

/// The commands of both tables that only read.
fn readings() -> impl Iterator<Item = Reading> {
    COMMANDS.iter().chain(BESIDES).flat_map(|(name, does)| {
        let tries = match does {
            Reads(tries) | Anywhere(tries) | Prints(tries) => *tries,
            Writes | Lives | Nothing => &[][..],
        };
        tries.iter().map(move |args| Reading {
            name,
            words: name.split(' ').chain(args.split_whitespace()).collect(),
            has_document: !matches!(does, Prints(_)),
            needs_an_organisation: !matches!(does, Anywhere(_)),
        })
    })
}

#[test]
fn every_command_says_whether_it_reads_or_writes() {
    let is_there = |(words, command): (String, clap::Command)| {
        // What only has commands below it does nothing itself.
        let alone = command.is_subcommand_required_set() || words.is_empty();
        (!alone).then_some(words)
    };
    let known: BTreeSet<String> = commands().into_iter().filter_map(is_there).collect();
    let listed: BTreeSet<String> = COMMANDS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(listed, known);
    assert_eq!(COMMANDS.len(), listed.len(), "one is listed twice");
}

#[test]
fn reading_commands_leave_a_folder_as_it_is_and_need_no_more_of_a_bucket_than_reading() {
    let played = played();
    let bucket = ReadOnlyBucket::of(played.path());
    let elsewhere = tempfile::tempdir().expect("a folder");
    let before = state(played.path());
    let folder = played.path().to_str().expect("text");
    for Reading { name, words, has_document, .. } in readings() {
        let args: Vec<&str> = words.iter().copied().chain(has_document.then_some("--json")).collect();
        let [on_disk, on_bucket] = [folder, &bucket.url()].map(|store| lemming(store, &args, elsewhere.path()));
        for done in [&on_disk, &on_bucket] {
            assert_eq!(done.status.code(), Some(0), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
            assert!(!done.stdout.is_empty(), "{words:?} says something");
        }
        assert_eq!(bucket.refused(), Vec::<String>::new(), "{words:?} tried to write");
        if has_document {
            let [disk, bucket] = [&on_disk, &on_bucket].map(|done| document(&done.stdout));
            assert_eq!(disk, bucket, "{words:?}: it is the same wherever it lies");
            is_described(name, &disk);
            let text = lemming(folder, &words, elsewhere.path());
            assert!(text.status.success() && !text.stdout.is_empty(), "{words:?} as text");
        } else {
            assert_eq!(on_disk.stdout, on_bucket.stdout, "{words:?}");
        }
        assert!(state(played.path()) == before, "{words:?} changed a file, or wrote one");
    }
    assert!(tree(elsewhere.path()).is_empty(), "nothing is written where it was started");
}

#[test]
fn where_there_is_no_organisation_every_reading_command_says_so_in_an_envelope() {
    let nothing = tempfile::tempdir().expect("a folder");
    let nowhere = nothing.path().to_str().expect("text");
    let all = readings().filter(|reading| reading.has_document && reading.needs_an_organisation);
    for Reading { name, words, .. } in all {
        for (store, code, word) in [(nowhere, 6, "not_found"), ("nosuch://x", 4, "store")] {
            let args: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
            let done = lemming(store, &args, nothing.path());
            let told = String::from_utf8(done.stderr).expect("text");
            assert_eq!((done.status.code(), done.stdout.is_empty()), (Some(code), true), "{name} at {store}: {told}");
            let envelope: Value = serde_json::from_str(told.lines().last().expect("a line")).expect("an envelope");
            assert_eq!(envelope["error"]["code"], word, "{name} at {store}");
            let hint = envelope["error"]["hint"].as_str().unwrap_or_default();
            assert!(code != 6 || hint.contains("lemming "), "{name}: what is to be done? {envelope}");
        }
    }
    assert!(tree(nothing.path()).is_empty());
}

/// A document without what may differ: where it lies, how long things took, what requests they needed,
/// and when a tick would be that is not planned yet.
fn document(bytes: &[u8]) -> Value {
    let mut document: Value = serde_json::from_slice(bytes).expect("one document");
    without(&mut document, &["store", "place", "duration_ms", "requests", "time"]);
    document
}

/// Removes fields wherever they are.
fn without(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !names.contains(&name.as_str()));
            fields.values_mut().for_each(|value| without(value, names));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| without(value, names)),
        _ => {}
    }
}

/// Every field of a document stands in docs/CLI.md, where its command is told of.
fn is_described(name: &str, document: &Value) {
    let section = crate::cli_page::section(name);
    for field in document.as_object().into_iter().flat_map(|fields| fields.keys()) {
        assert!(section.contains(&format!("`{field}`")), "docs/CLI.md does not tell of `{field}` of `lemming {name}`");
    }
}

#[test]
fn a_writing_command_that_may_not_write_says_so_with_the_code_of_the_store() {
    let played = played();
    let bucket = ReadOnlyBucket::of(played.path());
    let before = tree(played.path());
    for args in [
        &["send", "editor", "hello", "--json"][..],
        &["top-up", "editor", "1", "--json"],
        &["pause", "--json"],
        &["tick", "--json"],
    ] {
        let done = lemming(&bucket.url(), args, played.path());
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(4), "{args:?}: {told}");
        let envelope: Value = serde_json::from_str(told.lines().last().expect("a line")).expect("an envelope");
        assert_eq!(envelope["error"]["code"], "store", "{args:?}");
        assert!(envelope["error"]["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{args:?}: {envelope}");
        assert!(!told.contains("secret_access_key"), "{told}");
    }
    assert!(!bucket.refused().is_empty());
    assert!(tree(played.path()) == before);
}
