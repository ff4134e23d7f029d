//! The terminal: the one place that writes to standard output and standard error.
//!
//! What models and outsiders wrote is hostile: it goes through [`clean`] before a terminal sees it.

use std::io::{self, IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::clean::escape;
pub(super) use crate::clean::{clean, one_line};
pub(super) use crate::count::counted;
use crate::domain::name::AgentName;

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

/// Names in a row, `nobody` where there are none; of more than `most` the first, and how many more.
pub(super) fn named<'a>(names: impl IntoIterator<Item = &'a AgentName>, most: usize) -> String {
    let names: Vec<&str> = names.into_iter().map(AgentName::as_str).collect();
    match names.len().checked_sub(most.saturating_add(1)) {
        _ if names.is_empty() => "nobody".to_owned(),
        None => names.join(", "),
        Some(more) => format!("{} and {} more", names[..most].join(", "), more + 1),
    }
}

/// Standard output and standard error, with colours only where a terminal wants them.
pub struct Output {
    json: bool,
    stdout: Box<dyn Write + Send + Sync>,
    stderr: Box<dyn Write + Send + Sync>,
    stdout_is_terminal: bool,
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
            stdout_is_terminal: io::stdout().is_terminal(),
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

    /// Says whether lines come onto the terminal while they are written, where a bar would be in their way.
    #[must_use]
    pub fn is_on_terminal(&self) -> bool {
        self.stdout_is_terminal
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

    /// Writes what another program reads as it is, such as a script or a page of the manual.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdout.write_all(bytes)
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
    /// On a terminal that is too narrow, columns of text are cut with `…`, the widest first; never numbers and what is
    /// [whole](Cell::whole), nor anything where there is no terminal. What heads a column of numbers stands at its right.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn table(&mut self, rows: &[Vec<Cell>]) -> io::Result<()> {
        table(rows, self.columns).iter().try_for_each(|line| self.line(line))
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

/// How many columns of a terminal a text takes: styles take none, characters of wide scripts two.
pub(super) fn shown_width(text: &str) -> usize {
    let mut shown = 0;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        // Ours alone: whatever others wrote is clean by now.
        shown += before.width();
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    shown + rest.width()
}

/// Between two columns of a table.
const GAP: &str = "  ";

/// A column that is cut keeps so much.
const LEAST_CELL: usize = 8;

/// The lines of a table, which fit into so many columns if they can.
fn table(rows: &[Vec<Cell>], columns: Option<usize>) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let mut widths: Vec<usize> = (0..count).map(|column| cells(column).map(Cell::width).max().unwrap_or(0)).collect();
    if let Some(columns) = columns {
        let is_rigid: Vec<bool> = (0..count).map(|column| cells(column).any(|cell| cell.right || cell.whole)).collect();
        fit(&mut widths, &is_rigid, columns);
    }
    // By the last row: the first one may be a head.
    let is_right: Vec<bool> = rows.last().into_iter().flatten().map(|cell| cell.right).collect();
    let line = |row: &Vec<Cell>| {
        // Nothing is padded at the end of a line, where it would only make it longer than the terminal.
        let last = row.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
        let shown = row.iter().zip(&widths).enumerate().take(last + 1);
        let right = |i: usize| is_right.get(i) == Some(&true);
        let cells: Vec<String> = shown.map(|(i, (cell, width))| cell.padded(*width, right(i), i == last)).collect();
        cells.join(GAP)
    };
    rows.iter().map(line).collect()
}

/// Narrows the columns of text until all fit, the widest first and none below [`LEAST_CELL`]; the first one, which
/// says whose row it is, only where that makes the table fit.
fn fit(widths: &mut [usize], is_rigid: &[bool], columns: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(columns);
    let first = widths.len().min(1);
    for range in [first..widths.len(), 0..first] {
        let room = |column: usize| if is_rigid[column] { 0 } else { widths[column].saturating_sub(LEAST_CELL) };
        if range.end == first && room(0) < excess {
            break;
        }
        while excess > 0 {
            let may_give = |column: &usize| !is_rigid[*column] && widths[*column] > LEAST_CELL;
            let Some(widest) = range.clone().filter(may_give).max_by_key(|column| widths[*column]) else { break };
            widths[widest] -= 1;
            excess -= 1;
        }
    }
}

/// The start of a text that takes at most so many columns, with `…` where something is left out.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if columns == 0 {
        return String::new();
    }
    if text.width() <= columns {
        return text.to_owned();
    }
    let (mut kept, mut width) = (String::new(), 0);
    for c in text.chars() {
        width += c.width().unwrap_or(0);
        if width >= columns {
            break;
        }
        kept.push(c);
    }
    format!("{}…", kept.trim_end())
}

/// A cell of a table.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    style: Style,
    right: bool,
    whole: bool,
}

impl Cell {
    /// A cell of plain text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: Style::new(), right: false, whole: false }
    }

    /// A number, aligned to the right.
    #[must_use]
    pub fn number(text: impl std::fmt::Display) -> Self {
        Self { text: text.to_string(), style: Style::new(), right: true, whole: false }
    }

    /// Text that says nothing once it is cut, such as a time.
    #[must_use]
    pub fn whole(text: impl Into<String>) -> Self {
        Self { whole: true, ..Self::new(text) }
    }

    /// The same cell in a style.
    #[must_use]
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    fn width(&self) -> usize {
        self.text.width()
    }

    fn padded(&self, width: usize, right: bool, is_last: bool) -> String {
        let shown = cut(&self.text, width);
        let space = " ".repeat(width.saturating_sub(shown.width()));
        let text = styled(self.style, shown);
        match (self.right || right, is_last) {
            (true, _) => format!("{space}{text}"),
            (false, true) => text,
            (false, false) => format!("{text}{space}"),
        }
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

    fn plain(rows: &[Vec<Cell>], columns: Option<usize>) -> Vec<String> {
        let lines = table(rows, columns);
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string().trim_end().to_owned()).collect()
    }

    #[test]
    fn a_table_fits_the_terminal_and_is_whole_without_one() {
        let row = |name: &str, title: &str, left: &str, note: &str| {
            vec![Cell::new(name).style(NAME), Cell::new(title), Cell::number(left), Cell::new(note)]
        };
        let rows = [
            row("agent", "title", "credits", ""),
            row("ada", "Head of everything else", "12345.678901", "below its soft cap"),
            row("bob", "編集長と研究者", "1.00", ""),
        ];
        assert_eq!(
            plain(&rows, None),
            [
                "agent  title                         credits",
                "ada    Head of everything else  12345.678901  below its soft cap",
                "bob    編集長と研究者                   1.00",
            ]
        );
        assert_eq!(
            plain(&rows, Some(50)),
            [
                "agent  title                credits",
                "ada    Head of every…  12345.678901  below its so…",
                "bob    編集長と研究者          1.00",
            ]
        );
    }

    #[test]
    fn no_width_breaks_a_table_and_numbers_are_never_cut() {
        let cells = ["a", "ab cd ef gh ij kl", "漢字漢字漢字漢字", "e\u{301}e\u{301}e\u{301}", "👩‍👩‍👧 family of three"];
        let rows: Vec<Vec<Cell>> = cells
            .iter()
            .map(|text| vec![Cell::new(*text), Cell::number(1_234_567_890_u64), Cell::new(*text), Cell::new(*text)])
            .collect();
        for columns in 0..120 {
            for line in plain(&rows, Some(columns)) {
                assert!(line.contains("1234567890"), "{line}");
                // The first column gives way only where that suffices.
                let least = cells.iter().map(|cell| cell.width()).max().unwrap_or(0) + 2 * LEAST_CELL + 16;
                assert!(line.width() <= columns.max(least), "{columns}: {line}");
            }
        }
    }

    #[test]
    fn the_first_of_many_names_are_named_and_the_others_counted() {
        let names: Vec<AgentName> = ["ada", "bob", "cyd"].map(|name| AgentName::new(name).expect("a name")).to_vec();
        for (count, most, shown) in [
            (0, 2, "nobody"),
            (1, 2, "ada"),
            (2, 2, "ada, bob"),
            (3, 2, "ada, bob and 1 more"),
            (3, usize::MAX, "ada, bob, cyd"),
        ] {
            assert_eq!(named(&names[..count], most), shown);
        }
    }

    #[test]
    fn a_text_is_cut_between_characters_and_never_wider_than_asked() {
        for (text, columns, shown) in [
            ("short", 5, "short"),
            ("shorter", 5, "shor…"),
            ("漢字漢字", 8, "漢字漢字"),
            ("漢字漢字", 7, "漢字漢…"),
            ("漢字漢字", 6, "漢字…"),
            ("a b c", 3, "a…"),
            ("abc", 1, "…"),
            ("", 0, ""),
        ] {
            assert_eq!(cut(text, columns), shown, "{text} {columns}");
        }
    }
}
