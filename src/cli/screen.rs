//! A whole terminal that is drawn over and given back as it was, whatever ends the program's use of it.

use std::io::{self, Write as _};

use anstyle::Style;
use crossterm::event::{Event, EventStream, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::{cursor, execute, queue, terminal};
use futures::StreamExt as _;
use unicode_width::UnicodeWidthStr as _;

/// A line: texts and their styles. The texts are clean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row(Vec<(Style, String)>);

impl Row {
    /// The same line with more text.
    pub(super) fn with(mut self, style: Style, text: impl Into<String>) -> Self {
        self.0.push((style, text.into()));
        self
    }

    /// The line cut to so many columns; styles only where `colours` are wanted.
    fn fitted(&self, columns: usize, colours: bool) -> String {
        let mut line = String::new();
        let mut left = columns;
        for (style, text) in &self.0 {
            let shown = super::output::cut(text, left);
            left = left.saturating_sub(shown.width());
            match colours {
                true => line.push_str(&format!("{style}{shown}{style:#}")),
                false => line.push_str(&shown),
            }
        }
        line
    }
}

/// What a person does at the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// They want to leave.
    Quit,
    /// The terminal has another size, or something else that wants it drawn again.
    Redraw,
}

/// The terminal, until it is dropped.
pub(super) struct Screen {
    events: EventStream,
    drawn: Vec<String>,
    size: (u16, u16),
    colours: bool,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It cannot be used; it is as it was.
    pub(super) fn take() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        // From here on dropping it gives the terminal back.
        let colours = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
        let screen = Self { events: EventStream::new(), drawn: Vec::new(), size: (0, 0), colours };
        execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        let (columns, rows) = terminal::size().unwrap_or((80, 24));
        (usize::from(columns), usize::from(rows))
    }

    /// Draws the rows that differ from those that are there.
    ///
    /// # Errors
    /// The terminal cannot be written.
    pub(super) fn draw(&mut self, rows: &[Row]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let size = terminal::size().unwrap_or((80, 24));
        if size != self.size {
            queue!(stdout, terminal::Clear(terminal::ClearType::All))?;
            self.drawn.clear();
            self.size = size;
        }
        let lines: Vec<String> =
            rows.iter().take(usize::from(size.1)).map(|row| row.fitted(usize::from(size.0), self.colours)).collect();
        for (at, line) in (0..size.1).zip(lines.iter().map(String::as_str).chain(std::iter::repeat(""))) {
            let there = self.drawn.get(usize::from(at)).map_or("", String::as_str);
            if line != there {
                queue!(stdout, cursor::MoveTo(0, at), terminal::Clear(terminal::ClearType::CurrentLine))?;
                stdout.write_all(line.as_bytes())?;
            }
        }
        self.drawn = lines;
        stdout.flush()
    }

    /// Waits until the person does something that matters.
    pub(super) async fn event(&mut self) -> Done {
        while let Some(event) = self.events.next().await {
            match event {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => match key.code {
                    KeyCode::Char('q') | KeyCode::Esc => return Done::Quit,
                    KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => return Done::Quit,
                    _ => {}
                },
                Ok(Event::Resize(..)) => return Done::Redraw,
                Ok(_) => {}
                Err(_) => return Done::Quit,
            }
        }
        // The terminal is gone.
        Done::Quit
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = execute!(io::stdout(), cursor::Show, terminal::LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::{BAD, NAME};

    #[test]
    fn a_row_is_cut_to_the_columns_that_there_are() {
        let row = Row::default().with(NAME, "ada").with(BAD, " 日本語 failed");
        for (columns, shown) in
            [(40, "ada 日本語 failed"), (9, "ada 日本…"), (8, "ada 日…"), (3, "ada"), (2, "a…"), (0, "")]
        {
            let fitted = row.fitted(columns, true);
            let plain = anstream::adapter::strip_str(&fitted).to_string();
            assert_eq!(plain, shown, "{columns}");
            assert!(plain.width() <= columns, "{columns}");
            assert_eq!(row.fitted(columns, false), plain);
        }
    }
}
