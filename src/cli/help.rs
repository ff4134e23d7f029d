//! The help of the program as a whole: its commands in groups, made from one table.
//!
//! `clap` lists commands one below the other, which nobody reads with this many.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::output::wrap;

/// The commands by what people want to do, in the order in which they want it.
///
/// A command that is not in it is not in the help: a test compares.
pub const GROUPS: &[(&str, &[&str])] = &[
    ("Begin", &["demo", "bootstrap", "templates", "doctor", "validate", "orgs"]),
    ("Run", &["tick", "run", "pause", "resume", "serve", "mcp"]),
    ("Talk", &["send", "inbox", "chat", "messages", "thread", "watch", "approvals", "deliveries"]),
    ("Look", &["status", "problems", "inspect", "logs", "ticks", "graph", "memory", "files"]),
    ("Agents and models", &["agents", "list-agents", "show-agent", "models", "tools", "apply"]),
    ("Money", &["credits", "top-up", "cost"]),
    ("Look back and prove", &["diff", "replay", "fork", "fsck"]),
    ("Keep and move", &["export", "import", "gc", "keys"]),
    ("The program itself", &["schema", "completions", "man", "help"]),
];

/// How wide help is where nobody's terminal is narrower.
pub(super) const WIDTH: usize = 100;

/// Between the margin and a command, and between a command and what it does.
const GAP: usize = 2;

/// The program with the help of the whole, for a terminal of so many columns.
pub(super) fn grouped(program: Command, columns: usize) -> Command {
    let help = text(&program, columns.min(WIDTH));
    program.override_help(help)
}

fn text(program: &Command, columns: usize) -> String {
    // Its commands hidden: they stand in the groups.
    let mut shown = program.clone().term_width(columns).disable_help_flag(true).arg(
        Arg::new("help")
            .short('h')
            .long("help")
            .action(ArgAction::Help)
            .help_heading(None::<&str>)
            .help("Prints this; `lemming COMMAND --help` tells all of a command"),
    );
    let usage = format!("{} [OPTIONS] <COMMAND>", program.get_name());
    shown = shown.override_usage(usage);
    let names: Vec<String> = shown.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names {
        shown = shown.mut_subcommand(name, |command| command.hide(true));
    }
    let groups = groups(program, columns);
    let template = format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}{{all-args}}{{after-help}}");
    shown.help_template(template).render_help().ansi().to_string()
}

fn groups(program: &Command, columns: usize) -> String {
    let styles = program.get_styles();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let width = GROUPS.iter().flat_map(|(_, names)| *names).map(|name| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (title, names) in GROUPS {
        let mut lines = String::new();
        for name in *names {
            let Some(about) = about(program, name) else { continue };
            let room = columns.saturating_sub(2 * GAP + width).max(20);
            let space = " ".repeat(width - name.len() + GAP);
            let _ = write!(lines, "{:GAP$}{literal}{name}{literal:#}{space}", "");
            for (i, line) in wrap(&about, room).iter().enumerate() {
                let indent = if i == 0 { 0 } else { 2 * GAP + width };
                let _ = writeln!(lines, "{:indent$}{}", "", line.trim());
            }
        }
        if !lines.is_empty() {
            let _ = writeln!(text, "{header}{title}:{header:#}\n{lines}");
        }
    }
    text
}

fn about(program: &Command, name: &str) -> Option<String> {
    if name == "help" {
        return Some("Prints the help of a command".to_owned());
    }
    let about = program.find_subcommand(name)?.get_about()?;
    Some(about.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_stand_within_any_terminal_each_once() {
        let program = crate::cli::plain_command();
        for columns in [40, 60, 80, 100] {
            let shown = groups(&program, columns);
            let shown = anstream::adapter::strip_str(&shown).to_string();
            for line in shown.lines() {
                assert!(line.chars().count() <= columns, "{columns}: {line:?}");
            }
            for command in program.get_subcommands() {
                let begins = |line: &&str| line.split_whitespace().next() == Some(command.get_name());
                let named =
                    shown.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).filter(begins);
                assert_eq!(named.count(), 1, "{}:\n{shown}", command.get_name());
            }
        }
    }
}
