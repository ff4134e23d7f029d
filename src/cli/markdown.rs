//! Markdown as lines for a terminal: headings, emphasis, lists, quotations and code.
//!
//! What is drawn goes through `clean`, before it is parsed and after: Markdown has names for characters (`&#27;`). Whatever
//! styles a terminal sees are ours.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use unicode_width::UnicodeWidthStr as _;

use crate::cli::output::{DIM, MARK, NAME, TITLE, clean, styled};

/// The narrowest room for text, however deep it stands.
const LEAST_WIDTH: usize = 20;

/// How many quotations and lists within each other have a margin; what stands deeper stands there too.
const DEEPEST: usize = 32;

/// Lines of at most `width` columns, where words allow it.
pub(super) fn lines(text: &str, width: usize) -> Vec<String> {
    let text = clean(text);
    let mut page = Page { width, ..Page::default() };
    for event in Parser::new(&text) {
        page.take(event);
    }
    page.end_block();
    while page.lines.last().is_some_and(String::is_empty) {
        page.lines.pop();
    }
    page.lines
}

#[derive(Debug, Default)]
struct Page {
    width: usize,
    lines: Vec<String>,
    /// Words of the present block, styled, with their widths; `None` breaks the line.
    words: Vec<Option<(String, usize)>>,
    /// Whether the next text goes on in the last word.
    is_glued: bool,
    strong: usize,
    emphasis: usize,
    is_heading: bool,
    is_code: bool,
    /// What stands before the lines of quotations and lists.
    margins: Vec<Margin>,
    /// How many quotations and lists are open that have no margin.
    deeper: usize,
    /// The next number of each open list; none for bullets.
    lists: Vec<Option<u64>>,
    links: Vec<String>,
}

/// What stands before the first line of a block, and before the others.
#[derive(Debug)]
struct Margin {
    first: Option<String>,
    rest: String,
    width: usize,
}

impl Page {
    fn take(&mut self, event: Event<'_>) {
        match event {
            // Pieces that are clean by themselves are clean together: no sequence begins without its first character.
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.is_code => {
                let lines: Vec<String> =
                    clean(&text).lines().map(|line| format!("    {}", styled(DIM, line))).collect();
                lines.into_iter().for_each(|line| self.line(&line));
            }
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&clean(&text)),
            Event::Code(text) => {
                let text = clean(&text);
                self.word(&text, &styled(MARK, &*text));
            }
            Event::SoftBreak => self.is_glued = false,
            Event::HardBreak => {
                self.words.push(None);
                self.is_glued = false;
            }
            Event::Rule => {
                self.end_block();
                self.line(&styled(DIM, "─".repeat(self.room().min(40))));
                self.gap();
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { .. } => {
                self.end_block();
                self.is_heading = true;
            }
            Tag::BlockQuote(_) => {
                self.end_block();
                self.enter(Margin { first: None, rest: styled(DIM, "│ "), width: 2 });
            }
            Tag::CodeBlock(_) => {
                self.end_block();
                self.is_code = true;
            }
            Tag::List(first) => {
                self.end_block();
                self.lists.push(first);
            }
            Tag::Item => {
                self.end_block();
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", number.saturating_sub(1))
                    }
                    _ => "• ".to_owned(),
                };
                let width = mark.width();
                self.enter(Margin { first: Some(mark), rest: " ".repeat(width), width });
            }
            Tag::Emphasis => self.emphasis += 1,
            Tag::Strong => self.strong += 1,
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.links.push(clean(&dest_url).into_owned()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => {
                self.end_block();
                if self.lists.is_empty() {
                    self.gap();
                }
            }
            TagEnd::Heading(_) => {
                self.end_block();
                self.is_heading = false;
            }
            TagEnd::BlockQuote(_) => {
                self.end_block();
                self.trim();
                self.leave();
                self.gap();
            }
            TagEnd::CodeBlock => {
                self.is_code = false;
                self.gap();
            }
            TagEnd::List(_) => {
                self.end_block();
                self.lists.pop();
                if self.lists.is_empty() {
                    self.gap();
                }
            }
            TagEnd::Item => {
                self.end_block();
                self.leave();
            }
            TagEnd::Emphasis => self.emphasis = self.emphasis.saturating_sub(1),
            TagEnd::Strong => self.strong = self.strong.saturating_sub(1),
            TagEnd::Link | TagEnd::Image => {
                if let Some(url) = self.links.pop().filter(|url| !url.is_empty()) {
                    let shown = format!("({url})");
                    self.is_glued = false;
                    self.word(&shown, &styled(DIM, &shown));
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        let mut begins_a_word = text.starts_with(char::is_whitespace);
        for word in text.split_whitespace() {
            if begins_a_word {
                self.is_glued = false;
            }
            let shown = match (self.is_heading, self.strong > 0, self.emphasis > 0) {
                (true, ..) | (_, true, _) => styled(TITLE, word),
                (_, _, true) => styled(NAME.italic().fg_color(None), word),
                _ => word.to_owned(),
            };
            self.word(word, &shown);
            begins_a_word = true;
        }
        if text.ends_with(char::is_whitespace) {
            self.is_glued = false;
        }
    }

    /// Adds a word; `shown` is the same with its style.
    fn word(&mut self, plain: &str, shown: &str) {
        let width = plain.width();
        match self.words.last_mut() {
            Some(Some((last, last_width))) if self.is_glued => {
                last.push_str(shown);
                *last_width += width;
            }
            _ => self.words.push(Some((shown.to_owned(), width))),
        }
        self.is_glued = true;
    }

    /// A quotation or an item of a list begins.
    fn enter(&mut self, margin: Margin) {
        match self.margins.len() {
            DEEPEST.. => self.deeper += 1,
            _ => self.margins.push(margin),
        }
    }

    /// The innermost quotation or item ends.
    fn leave(&mut self) {
        match self.deeper {
            0 => drop(self.margins.pop()),
            deeper => self.deeper = deeper - 1,
        }
    }

    /// How many columns there are for text.
    fn room(&self) -> usize {
        let margins: usize = self.margins.iter().map(|margin| margin.width).sum();
        self.width.saturating_sub(margins).max(LEAST_WIDTH)
    }

    /// Writes the words of the block, wrapped.
    fn end_block(&mut self) {
        let words = std::mem::take(&mut self.words);
        self.is_glued = false;
        if words.is_empty() {
            return;
        }
        let room = self.room();
        let (mut line, mut used) = (String::new(), 0);
        for word in words {
            let Some((word, width)) = word else {
                self.line(&std::mem::take(&mut line));
                used = 0;
                continue;
            };
            if used > 0 && used + 1 + width > room {
                self.line(&std::mem::take(&mut line));
                used = 0;
            }
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(&word);
            used += width;
        }
        self.line(&line);
    }

    fn line(&mut self, text: &str) {
        let mut line = String::new();
        for margin in &mut self.margins {
            match margin.first.take() {
                Some(first) => line.push_str(&first),
                None => line.push_str(&margin.rest),
            }
        }
        line.push_str(text);
        self.lines.push(line);
    }

    /// An empty line, unless there is one.
    fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) && self.margins.is_empty() {
            self.lines.push(String::new());
        }
    }

    fn trim(&mut self) {
        while self.lines.last().is_some_and(String::is_empty) {
            self.lines.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str, width: usize) -> String {
        let lines = lines(text, width);
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn markdown_becomes_lines() {
        let text = "# Plan\nFirst *read*, then **write**. It goes on and on.\n\n- one\n- two `code` here\n  1. deep\n  2. deeper\n\n\
                    > A quotation that is long enough to wrap.\n\n```rust\nfn main() {}\n    indented\n```\n[link](https://a.example) end.\n";
        insta::assert_snapshot!(plain(text, 30), @"
        Plan
        First read, then write. It
        goes on and on.

        • one
        • two code here
          1. deep
          2. deeper

        │ A quotation that is long
        │ enough to wrap.

            fn main() {}
                indented

        link (https://a.example) end.
        ");
    }

    #[test]
    fn a_terminal_sees_no_sequence_but_ours() {
        let shown =
            lines("\u{1b}[2J**bold** \u{1b}]0;title\u{7}`x\u{9b}1m`&#27;[31m [a](http://b/&#27;]0;c)", 60).join("\n");
        let link = styled(DIM, "(http://b/)");
        assert_eq!(shown, format!("{} {}[31m a {link}", styled(TITLE, "bold"), styled(MARK, "x")));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "how long it really takes is what is asked")]
    fn what_stands_deep_takes_no_longer_and_comes_out_again() {
        let begin = std::time::Instant::now();
        let deep = 12_000;
        assert_eq!(plain(&format!("{} deep\n\nafter", ">".repeat(deep)), 80).matches('│').count(), DEEPEST);
        assert!(lines(&">".repeat(deep), 80).is_empty());
        let stairs: String = (1..400).map(|depth| format!("{} step\n\n", ">".repeat(depth))).collect();
        assert!(plain(&stairs, 80).contains("step"));
        let shown = plain(&format!("{} deep\n\nafter\n\n> shallow", ">".repeat(deep)), 80);
        assert!(shown.ends_with("deep\n\nafter\n\n│ shallow"), "{shown}");
        assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(plain("日本語 日本語 日本語 日本語 日本語", 20), "日本語 日本語 日本語\n日本語 日本語");
    }
}
