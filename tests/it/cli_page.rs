//! docs/CLI.md against the program: every command has its section, with its options as they are.
//!
//! `UPDATE_DOCS=1` writes what is made from the program, and adds sections for commands that have none.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Arg, ArgAction, Command};

use crate::help::commands;

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/CLI.md")
}

fn mark(words: &str) -> String {
    format!("<!-- options: {words} -->\n")
}

const END: &str = "<!-- end -->\n";

/// A text on one line of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// How an argument is written: `--limit N`, `-f, --follow`, `AGENT`.
fn written(arg: &Arg) -> String {
    let names =
        arg.get_value_names().unwrap_or_default().iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" ");
    let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let value = if takes { names } else { String::new() };
    let Some(long) = arg.get_long() else { return value };
    let short = arg.get_short().map_or(String::new(), |short| format!("-{short}, "));
    let optional = arg.get_num_args().is_some_and(|count| count.min_values() == 0) && takes;
    let value = match (value.is_empty(), optional) {
        (true, _) => String::new(),
        (false, true) => format!("[={value}]"),
        (false, false) => format!(" {value}"),
    };
    format!("{short}--{long}{value}")
}

/// What the program says of a command.
fn generated(command: &Command) -> String {
    let about = command.get_long_about().or(command.get_about()).expect("what it does").to_string();
    let mut text = String::new();
    for paragraph in about.split("\n\n") {
        let _ = writeln!(text, "{}\n", paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let usage = command.clone().render_usage().to_string();
    let forms: Vec<String> =
        usage.trim_start_matches("Usage: ").lines().map(|form| format!("`{}`", cell(form))).collect();
    let _ = writeln!(text, "{}\n", forms.join(" or "));
    let shown = |arg: &&Arg| {
        !arg.is_global_set() && !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str())
    };
    let rows: Vec<String> = command
        .get_arguments()
        .filter(shown)
        .map(|arg| {
            let help = arg.get_long_help().or(arg.get_help()).map(|help| cell(&help.to_string())).unwrap_or_default();
            let default: Vec<String> =
                arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
            let is_told = default.is_empty() || arg.is_hide_default_value_set() || !arg.get_action().takes_values();
            let default = if is_told { String::new() } else { format!(" [default: {}]", default.join(", ")) };
            format!("| `{}` | {help}{default} |", written(arg))
        })
        .collect();
    if !rows.is_empty() {
        let _ = writeln!(text, "| | |\n| --- | --- |\n{}", rows.join("\n"));
    }
    text.trim_end().to_owned() + "\n"
}

#[test]
fn the_page_has_every_command_with_its_options_as_they_are() {
    let before = std::fs::read_to_string(page()).expect("docs/CLI.md");
    let mut after = before.clone();
    let mut known = BTreeSet::new();
    for (words, command) in commands().into_iter().filter(|(words, _)| !words.is_empty()) {
        let begin = mark(&words);
        if !after.contains(&begin) {
            let _ = write!(after, "\n### `lemming {words}`\n\n{begin}{END}");
        }
        let start = after.find(&begin).expect("a mark") + begin.len();
        let end = start + after[start..].find(END).unwrap_or_else(|| panic!("{words} has no end"));
        after.replace_range(start..end, &generated(&command));
        known.insert(words);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(page(), &after).expect("written");
    } else if let Some((is, should)) = before.lines().zip(after.lines()).find(|(is, should)| is != should) {
        panic!("docs/CLI.md differs; UPDATE_DOCS=1 writes it anew.\n  it is:     {is}\n  should be: {should}");
    }
    assert!(before.lines().count() == after.lines().count() || std::env::var_os("UPDATE_DOCS").is_some());
    let marked: BTreeSet<String> = after
        .lines()
        .filter_map(|line| Some(line.strip_prefix("<!-- options: ")?.strip_suffix(" -->")?.to_owned()))
        .collect();
    assert_eq!(marked, known, "sections of commands that there are not");
    let headings = after.lines().filter(|line| line.starts_with("### `lemming ")).count();
    assert_eq!(headings, known.len(), "a heading for each");
}

/// What a person wrote about a command.
pub fn section(words: &str) -> String {
    let page = std::fs::read_to_string(page()).expect("docs/CLI.md");
    let heading = format!("### `lemming {words}`\n");
    let (_, rest) = page.split_once(&heading).unwrap_or_else(|| panic!("docs/CLI.md has no section of {words}"));
    rest.split("\n### ").next().unwrap_or_default().to_owned()
}
