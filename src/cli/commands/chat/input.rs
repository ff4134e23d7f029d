//! What a person types, line by line: with an editor on a terminal, plainly from a pipe.

use std::io::BufRead as _;
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use crate::config::Environment;
use crate::runner::local::until_signalled;

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// A line, or several that are one message.
    Line(String),
    /// Ctrl-C at the prompt.
    Interrupted,
    /// Ctrl-D, the end of a pipe, or SIGTERM.
    End,
}

/// Where lines come from.
pub(super) enum Input {
    /// A terminal.
    Editor(Box<Terminal>),
    /// A pipe or a file.
    Pipe,
}

/// A terminal with an editor, and where its history is kept.
pub(super) struct Terminal {
    /// Away while a line is being typed.
    editor: Option<Editor<Names, FileHistory>>,
    history: Option<PathBuf>,
}

impl Input {
    /// An editor on this terminal, which completes these words: slash commands and names of agents.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub(super) fn terminal(
        environment: &Environment,
        commands: Vec<String>,
        agents: Vec<String>,
    ) -> Result<Self, String> {
        let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true).build();
        let mut editor = Editor::with_config(config).map_err(|error| error.to_string())?;
        editor.set_helper(Some(Names { commands, agents }));
        let history = history_file(environment);
        if let Some(history) = &history {
            // There is none before the first time.
            let _ = editor.load_history(history);
        }
        Ok(Self::Editor(Box::new(Terminal { editor: Some(editor), history })))
    }

    /// Waits for the next line.
    pub(super) async fn next(&mut self, prompt: &str) -> Typed {
        match self {
            Self::Pipe => {
                let read = tokio::task::spawn_blocking(|| {
                    let mut line = String::new();
                    let read = std::io::stdin().lock().read_line(&mut line);
                    read.ok().filter(|bytes| *bytes > 0).map(|_| line)
                });
                let read = until_signalled(
                    || {},
                    async |stop| {
                        tokio::select! {
                            read = read => read.ok().flatten(),
                            () = stop.requested() => None,
                        }
                    },
                );
                read.await.flatten().map_or(Typed::End, Typed::Line)
            }
            Self::Editor(terminal) => terminal.next(prompt).await,
        }
    }
}

impl Terminal {
    async fn next(&mut self, prompt: &str) -> Typed {
        let Some(mut editor) = self.editor.take() else { return Typed::End };
        let prompt = prompt.to_owned();
        let typed = tokio::task::spawn_blocking(move || {
            let line = editor.readline(&prompt);
            (editor, line)
        });
        let Ok((mut editor, line)) = typed.await else { return Typed::End };
        if let (Ok(_), Some(history)) = (&line, &self.history) {
            // Whoever has no folder for it chats without a history.
            let _ = editor.save_history(history);
        }
        self.editor = Some(editor);
        match line {
            // A backslash at its end lets a line go on.
            Ok(line) => Typed::Line(line.replace("\\\n", "\n")),
            Err(ReadlineError::Interrupted) => Typed::Interrupted,
            Err(_) => Typed::End,
        }
    }
}

/// `$XDG_STATE_HOME/lemming/chat_history`, or below `~/.local/state`.
fn history_file(environment: &Environment) -> Option<PathBuf> {
    let state = environment.var("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || environment.var("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let folder = state.or_else(home)?.join("lemming");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("chat_history"))
}

/// The words that are completed.
pub(super) struct Names {
    commands: Vec<String>,
    agents: Vec<String>,
}

impl Helper for Names {}
impl Highlighter for Names {}

impl Hinter for Names {
    type Hint = String;
}

impl Validator for Names {
    fn validate(&self, typed: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match typed.input().ends_with('\\') {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

impl Completer for Names {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(line.get(..at).unwrap_or(line)))
    }
}

impl Names {
    /// Where the word begins that is being typed, and what it may become.
    fn candidates(&self, typed: &str) -> (usize, Vec<String>) {
        let begin = typed.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let word = &typed[begin..];
        let of = |words: &[String]| words.iter().filter(|name| name.starts_with(word)).cloned().collect();
        match word {
            "" if begin == 0 => (0, Vec::new()),
            word if begin == 0 && word.starts_with('/') => (0, of(&self.commands)),
            _ => (begin, of(&self.agents)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_completed_at_the_beginning_and_names_anywhere() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let names = Names { commands: words(&["/thread", "/tick", "/to"]), agents: words(&["ada", "adam", "bob"]) };
        for (typed, begin, expected) in [
            ("/t", 0, &["/thread", "/tick", "/to"][..]),
            ("/th", 0, &["/thread"]),
            ("/to a", 4, &["ada", "adam"]),
            ("ask bo", 4, &["bob"]),
            ("", 0, &[]),
            ("/to ", 4, &["ada", "adam", "bob"]),
            ("größe a", 8, &["ada", "adam"]),
        ] {
            assert_eq!(names.candidates(typed), (begin, words(expected)), "{typed:?}");
        }
    }
}
