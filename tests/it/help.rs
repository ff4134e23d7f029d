//! What `lemming help` says, word for word: a file for each command in `snapshots/help`.

use std::collections::BTreeSet;
use std::path::Path;

use lemming::cli::help::GROUPS;

/// The heading of the options that every command has, at the end of each help.
const EVERY: &str = "\nOptions of every command:\n";

/// Every command that a person can type, with what they type, the program itself first.
pub fn commands() -> Vec<(String, clap::Command)> {
    fn collect(words: &str, command: &clap::Command, found: &mut Vec<(String, clap::Command)>) {
        found.push((words.to_owned(), command.clone()));
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            let words = format!("{words} {}", below.get_name());
            collect(words.trim_start(), below, found);
        }
    }
    let mut program = lemming::cli::command().term_width(100);
    program.build();
    let mut found = Vec::new();
    collect("", &program, &mut found);
    found
}

/// The help of a command. Where it is not the whole program's, what follows for every command is left to that.
fn help(words: &str, command: &mut clap::Command) -> String {
    let help = command.render_long_help().to_string();
    if words.is_empty() {
        return help;
    }
    let (own, _) =
        help.split_once(EVERY).unwrap_or_else(|| panic!("{words} lacks the options of every command:\n{help}"));
    own.trim_end().to_owned()
}

#[test]
fn the_help_of_every_command_is_as_it_was_read_by_a_person() {
    insta::with_settings!({ snapshot_path => "snapshots/help", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::allow_duplicates! {
            for (words, mut command) in commands() {
                let name = if words.is_empty() { "lemming".to_owned() } else { words.replace(' ', "_") };
                insta::assert_snapshot!(name, help(&words, &mut command));
            }
        }
    });
}

#[test]
fn no_snapshot_is_of_a_command_that_is_gone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots/help");
    let expected: BTreeSet<String> = commands()
        .into_iter()
        .map(|(words, _)| if words.is_empty() { "lemming".to_owned() } else { words.replace(' ', "_") })
        .map(|name| format!("{name}.snap"))
        .collect();
    let names = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let found: BTreeSet<String> = names.map(|name| name.into_string().expect("text")).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_command_stands_in_one_group_of_the_help() {
    let mut program = lemming::cli::command();
    program.build();
    let known: BTreeSet<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
    let listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
    let once: BTreeSet<&str> = listed.iter().copied().collect();
    assert_eq!(listed.len(), once.len(), "one stands there twice: {listed:?}");
    assert_eq!(once, known);
}

#[test]
fn help_is_a_command_too() {
    for (words, shown) in [(&["help"][..], "Exit codes"), (&["help", "models", "use"], "models use")] {
        let error = lemming::cli::command().try_get_matches_from([&["lemming"], words].concat()).expect_err("help");
        assert_eq!(error.kind(), clap::error::ErrorKind::DisplayHelp, "{words:?}");
        assert!(error.to_string().contains(shown), "{error}");
    }
}

#[test]
fn the_command_line_is_consistent() {
    lemming::cli::command().debug_assert();
}
