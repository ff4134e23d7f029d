//! One story of nearly all commands, told on a folder and on a bucket, as text and as JSON: both places say the same, and
//! what they say is as it was read by a person.

use std::fmt::Write as _;

use regex::Regex;

use crate::bucket::Bucket;
use crate::place::nameless;
use crate::program::{Program, code, utf8};

/// What a person does, one command a line.
const STORY: &str = r#"
bootstrap
send editor "Should we publish on Sundays?" --importance high
tick --seed 1
agents new helper --title Helper --instructions "Help where you can." --model desk
agents clone helper second --title Second
agents edit helper --set /title=Hand
agents disable second
agents enable second
agents remove second --yes
agents restore second
agents disable helper second
memory set editor note hello
memory set editor list 1 --append
memory set editor list 2 --append
tick --seed 2
memory compact editor list --keep 1
memory archive editor note
tick --seed 3
memory restore editor note
memory delete editor list
tick --seed 4
tick --seed 5
files restore shared/briefs/1.md --at 4
tick --seed 6
status --at 5
inspect critic --turns 0
agents
agents show helper
list-agents
show-agent editor --at 2
inbox
inbox critic --limit 1
messages sundays --limit 2
thread
logs critic
ticks
ticks show 5
ticks why writer --tick 2
ticks why critic --tick 3
diff 4..5
memory list editor
memory get editor count
memory search --all sundays
files list
files show shared/briefs/1.md --at 5
graph --format mermaid
tools show file_write
templates show support_desk
templates analyse
validate
keys
replay 5
tick --dry-run
pause
resume
top-up writer 1
tick --seed 7
templates export kept --name ours --agents helper
templates import kept
export desk.tar.gz
import desk.tar.gz copy
fork --at 3 what-if
apply git --dry-run
diff 0..2 --agent editor
apply git --yes
apply git --yes
gc
gc --dry-run
fsck
"#;

/// What is other each time, or on another machine.
fn steady(text: &str, program: &Program, store: &str) -> String {
    let mut text = text.replace(store, "STORE").replace(&program.path().display().to_string(), "FOLDER");
    for (pattern, word) in [
        ("s3://bucket/place_of_it", "STORE"),
        ("FOLDER/STORE", "STORE"),
        (r"\b[0-9a-f]{64}\b", "SHA256"),
        (r"\b[0-9a-f]{16}\b", "HASH"),
        (r"_[0-9a-f]{16}\b", "_HASH"),
        // A column is as wide as the longest of its times.
        (r" +\d+ ms\b", " N ms"),
        (r"out +time ", "out time "),
        (r"\b\d+ bytes\b", "N bytes"),
        (r#""(duration_ms|llm_duration_ms|bytes)": \d+"#, r#""$1": 0"#),
        // A folder lists more than a bucket, at no cost.
        (r#""(put|get|list|delete)": \d+"#, r#""$1": 0"#),
    ] {
        text = Regex::new(pattern).expect("a pattern").replace_all(&text, word).into_owned();
    }
    Regex::new(r"\b\d{4}-\d\d-\d\d\b").expect("a pattern").replace_all(&nameless(&text), "<day>").into_owned()
}

/// Every command with what it printed, and how it ended.
fn told(program: &Program, store: &str, json: bool) -> String {
    program.write("git/org.json", r#"{ "format": 1, "name": "From git" }"#);
    let mut story = String::new();
    for line in STORY.trim().lines() {
        let words = shlex::split(line).expect("words");
        let mut args = vec!["--store", store];
        args.extend(words.iter().map(String::as_str));
        args.extend(json.then_some("--json"));
        let done = program.command(&args).env("LEMMING_LOG", "error").output().expect("the program");
        let (out, err) = (utf8(&done.stdout), utf8(&done.stderr));
        let _ = writeln!(story, "$ lemming {line}\n{out}{err}= {}\n", code(&done));
    }
    steady(&story, program, store)
}

fn is_told(json: bool, name: &str) {
    let bucket = Bucket::start();
    let (on_disk, on_bucket) = (Program::empty(), Program::empty());
    let disk = told(&on_disk, "place_of_it", json);
    let other = told(&on_bucket, &bucket.url("place_of_it"), json);
    for (disk, bucket) in disk.split("\n$ ").zip(other.split("\n$ ")) {
        assert_eq!(disk, bucket, "it is the same wherever it lies");
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, disk);
    });
}

#[test]
fn a_story_of_all_commands_is_the_same_on_a_folder_and_on_a_bucket() {
    is_told(false, "story");
}

#[test]
fn a_story_of_all_commands_has_the_same_documents_on_a_folder_and_on_a_bucket() {
    is_told(true, "story_json");
}
