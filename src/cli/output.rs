//! The terminal: the one place that writes to standard output and standard error.
//!
//! What models and outsiders wrote is hostile: it goes through [`clean`] before a terminal sees it.

use std::io::{self, IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::clean::escape;
pub(super) use crate::clean::{clean, one_line};

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
        }
    }

    /// Says whether standard output is to hold one JSON document.
    #[must_use]
    pub fn json(&self) -> bool {
        self.json
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
