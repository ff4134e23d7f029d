//! The terminal: the one place that writes to standard output and standard error.
//!
//! What models and outsiders wrote is hostile: it goes through [`clean`] before a terminal sees it.

use std::io::{self, IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::clean::escape;
pub(super) use crate::clean::{clean, one_line};
pub(super) use crate::count::counted;

/// Titles.
pub(super) const TITLE: Style = Style::new().bold();
/// What went well.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// What did not.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What wants attention.
pub(super) const WARN: Style = AnsiColor::Yellow.on_default();
/// What matters less.
pub(super) const DIM: Style = Style::new().dimmed();
/// Names of agents.
pub(super) const NAME: Style = AnsiColor::Cyan.on_default();

/// What was looked for.
pub(super) const MARK: Style = AnsiColor::Yellow.on_default().bold();

/// Text in a style.
pub(super) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Standard output and standard error, with colours only where a terminal wants them.
pub struct Output {
    json: bool,
    stdout: Box<dyn Write + Send + Sync>,
    stderr: Box<dyn Write + Send + Sync>,
    stderr_is_terminal: bool,
    /// How wide the terminal is, where standard output is one.
    columns: Option<usize>,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("json", &self.json).finish_non_exhaustive()
    }
}

impl Output {
    /// The process's own streams. With `json`, standard output holds one JSON document.
    #[must_use]
    pub fn of_process(json: bool) -> Self {
        Self {
            json,
            stdout: Box::new(anstream::AutoStream::auto(io::stdout())),
            stderr: Box::new(anstream::AutoStream::auto(io::stderr())),
            stderr_is_terminal: io::stderr().is_terminal(),
            columns: terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0)),
        }
    }

    /// Says whether standard output is to hold one JSON document.
    #[must_use]
    pub fn json(&self) -> bool {
        self.json
    }

    /// How wide the terminal is, where standard output is one.
    #[must_use]
    pub fn columns(&self) -> Option<usize> {
        self.columns
    }

    /// Says whether a person watches standard error.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.stderr_is_terminal
    }

    /// Writes the one JSON document.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn document(&mut self, document: &impl Serialize) -> io::Result<()> {
        let json = serde_json::to_string_pretty(document)?;
        writeln!(self.stdout, "{}", escape(&json))?;
        self.stdout.flush()
    }

    /// Writes one JSON object on one line.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn json_line(&mut self, document: &impl Serialize) -> io::Result<()> {
        let json = serde_json::to_string(document)?;
        writeln!(self.stdout, "{}", escape(&json))?;
        self.stdout.flush()
    }

    /// Writes a line for people. What comes from outside must have gone through [`clean`].
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn line(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.stdout, "{}", line.as_ref().trim_end())
    }

    /// Writes a line for people as [`Self::line`] does; on a terminal that is narrower it goes on, between two
    /// words, on lines that are indented.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn wrapped(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        let Some(columns) = self.columns else { return self.line(line) };
        wrap(line.as_ref().trim_end(), columns).iter().try_for_each(|line| self.line(line))
    }

    /// Writes a line for people as [`Self::wrapped`] does, and in 80 columns where there is no terminal.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn paragraph(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        let columns = self.columns.unwrap_or(80).min(80);
        wrap(line.as_ref().trim_end(), columns).iter().try_for_each(|line| self.line(line))
    }

    /// Writes the rows of a table in columns; cells must be clean and have no line breaks.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn table(&mut self, rows: &[Vec<Cell>]) -> io::Result<()> {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(Cell::width).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in rows {
            let line: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| cell.padded(*width)).collect();
            self.line(line.join("  "))?;
        }
        Ok(())
    }

    /// Writes a line to standard error, for a person who waits or wonders. Never fails a command.
    pub fn note(&mut self, line: impl AsRef<str>) {
        let _ = writeln!(self.stderr, "{}", line.as_ref());
    }

    /// Everything written is on its way.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

/// The narrowest terminal that lines are wrapped for: in less nothing can be read anyway.
const LEAST_COLUMNS: usize = 20;

/// A line, wrapped between words; the lines after the first are indented by four more than that. A word
/// that fits on no line stays whole. Styles take no room.
pub(super) fn wrap(line: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(LEAST_COLUMNS);
    let indent = line.chars().take_while(|c| *c == ' ').count().min(columns / 2);
    let further = " ".repeat((indent + 4).min(columns / 2));
    let mut lines = vec![" ".repeat(indent)];
    let (mut width, mut begun) = (indent, false);
    for word in line[indent..].split(' ') {
        let room = shown_width(word);
        if begun && width + 1 + room > columns {
            lines.push(further.clone());
            (width, begun) = (further.len(), false);
            if room == 0 {
                continue;
            }
        }
        let Some(last) = lines.last_mut() else { continue };
        if begun {
            last.push(' ');
            width += 1;
        }
        last.push_str(word);
        width += room;
        begun = true;
    }
    lines
}

/// How many characters of a text are shown: those of styles are not.
pub(super) fn shown_width(text: &str) -> usize {
    let mut shown = 0;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            // Ours alone: whatever others wrote is clean by now.
            let _ = rest.by_ref().find(|c| *c == 'm');
        } else {
            shown += 1;
        }
    }
    shown
}

/// A cell of a table.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    style: Style,
    right: bool,
}

impl Cell {
    /// A cell of plain text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: Style::new(), right: false }
    }

    /// A number, aligned to the right.
    #[must_use]
    pub fn number(text: impl std::fmt::Display) -> Self {
        Self { text: text.to_string(), style: Style::new(), right: true }
    }

    /// The same cell in a style.
    #[must_use]
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn padded(&self, width: usize) -> String {
        let space = " ".repeat(width.saturating_sub(self.width()));
        let text = styled(self.style, &self.text);
        if self.right { format!("{space}{text}") } else { format!("{text}{space}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_between_words_and_go_on_indented() {
        for (line, wrapped) in [
            ("short", &["short"][..]),
            ("  one two three four five", &["  one two three four", "      five"]),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b", &["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "    b"]),
            ("a bbbbbbbbbbbbbbbbbbbbbbbbbbbb", &["a", "    bbbbbbbbbbbbbbbbbbbbbbbbbbbb"]),
            ("", &[""]),
        ] {
            assert_eq!(wrap(line, 20), wrapped, "{line:?}");
        }
    }

    #[test]
    fn styles_take_no_room() {
        let line = format!("{} to {}", styled(NAME, "a_name"), styled(NAME, "another_n"));
        assert_eq!(shown_width(&line), "a_name to another_n".len());
        assert_eq!(wrap(&line, 20), std::slice::from_ref(&line));
    }
}
