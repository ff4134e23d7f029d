//! A message as lines for people: one look for `inbox`, `messages` and `thread`.

use uuid::Uuid;

use crate::chronicle::message::Message;
use crate::cli::error::CliError;
use crate::cli::output::{DIM, MARK, NAME, Output, WARN, clean, styled};
use crate::cli::times::Times;
use crate::domain::outbox::{Importance, Kind};
use crate::domain::search::Wanted;

/// The most lines of a text that is shortened.
const SHORT_LINES: usize = 12;

/// The most characters of a text that is shortened.
const SHORT_CHARS: usize = 1_000;

/// How a message is shown.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look<'a> {
    /// By how many columns its lines are indented.
    pub(super) indent: usize,
    /// Whether a long text is cut.
    pub(super) is_short: bool,
    /// Whether it is the one that was asked for.
    pub(super) is_asked_for: bool,
    /// What was looked for, to be marked.
    pub(super) wanted: Option<&'a Wanted>,
}

/// Shows a message: who said it to whom, what it is, and its text.
pub(super) fn show(message: &Message, times: &Times, look: Look<'_>, out: &mut Output) -> Result<(), CliError> {
    let space = " ".repeat(look.indent);
    let unread = if message.unread == Some(true) { styled(WARN, " unread") } else { String::new() };
    let asked_for = if look.is_asked_for { styled(WARN, "  <- this one") } else { String::new() };
    out.line(format!(
        "{space}{} → {}{unread}  {}{asked_for}",
        styled(NAME, &message.from),
        styled(NAME, message.to_text()),
        styled(DIM, clean(&notes(message, times).join(", ")))
    ))?;
    let text = clean(&message.text);
    let (text, is_cut) = match look.is_short {
        true => short(&text),
        false => (&*text, false),
    };
    for line in text.lines() {
        out.line(format!("{space}  {}", marked(line, look.wanted)))?;
    }
    if is_cut {
        out.line(format!("{space}  {}", styled(DIM, "…")))?;
    }
    Ok(())
}

/// When it was said, its id, and what goes without saying of most messages.
fn notes(message: &Message, times: &Times) -> Vec<String> {
    let mut notes = vec![format!("tick {}", message.tick), times.shown(message.created_at), short_id(message.id)];
    if message.kind != Kind::Message {
        notes.push(message.kind.as_str().to_owned());
    }
    if message.importance != Importance::Normal {
        notes.push(message.importance.as_str().to_owned());
    }
    notes.extend(message.tags.iter().map(|tag| format!("#{}", crate::cli::output::one_line(tag, 40))));
    notes.extend(message.reply_to.map(|id| format!("answers {}", short_id(id))));
    let is_news = |id: &Uuid| Some(*id) != message.reply_to && *id != message.id;
    notes.extend(message.thread_id.filter(is_news).map(|id| format!("thread {}", short_id(id))));
    notes
}

/// How an id begins: enough of it to tell messages apart, and all that a command needs to find one.
pub(super) fn short_id(id: Uuid) -> String {
    id.to_string().chars().take(13).collect()
}

/// The beginning of a long text.
fn short(text: &str) -> (&str, bool) {
    let lines = text.match_indices('\n').nth(SHORT_LINES - 1).map_or(text.len(), |(at, _)| at);
    let chars = text.char_indices().nth(SHORT_CHARS).map_or(text.len(), |(at, _)| at);
    let end = lines.min(chars);
    (&text[..end], !text[end..].trim().is_empty())
}

/// A clean line with the words marked that were looked for.
fn marked(line: &str, wanted: Option<&Wanted>) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut done = 0;
    for mark in wanted.map(|wanted| wanted.marks(line)).unwrap_or_default() {
        shown.push_str(&line[done..mark.start]);
        shown.push_str(&styled(MARK, &line[mark.clone()]));
        done = mark.end;
    }
    shown.push_str(&line[done..]);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_line_or_a_character() {
        assert_eq!(short("one\ntwo"), ("one\ntwo", false));
        let lines = "x\n".repeat(SHORT_LINES + 1);
        assert_eq!(short(&lines).0.lines().count(), SHORT_LINES);
        assert!(short(&lines).1);
        assert!(!short(&"x\n".repeat(SHORT_LINES)).1, "an end of line is nothing more");
        let long = "ä".repeat(SHORT_CHARS + 1);
        assert_eq!(short(&long), (&*"ä".repeat(SHORT_CHARS), true));
    }

    #[test]
    fn what_was_looked_for_is_marked() {
        let wanted = Wanted::new("berlin");
        let shown = marked("to Berlin and Berlin", Some(&wanted));
        assert_eq!(shown, format!("to {} and {}", styled(MARK, "Berlin"), styled(MARK, "Berlin")));
        assert_eq!(marked("plain", None), "plain");
    }
}
