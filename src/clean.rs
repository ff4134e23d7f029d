//! Makes text that models and outsiders wrote harmless to a terminal.

use std::borrow::Cow;

/// Text that a terminal may show: line feeds and tabs stay; other control characters, whole escape
/// sequences, and characters that turn or hide what a person reads are gone.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| !is_hostile(c)) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_until(&mut rest, |c| matches!(c, '@'..='~')),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_until(&mut rest, |c| matches!(c, '\u{7}' | '\u{9c}')),
            '\u{2028}' | '\u{2029}' | '\u{85}' => cleaned.push('\n'),
            '\r' if rest.peek() == Some(&'\n') => {}
            '\r' => cleaned.push('\n'),
            c if is_hostile(c) => {}
            c => cleaned.push(c),
        }
    }
    Cow::Owned(cleaned)
}

/// Text in which nothing is hidden: what a terminal may not show, and what a person does not see, stands there as `\u{...}`.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| !is_hostile(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hostile(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Clean text on one line, cut to `width` characters.
#[must_use]
pub fn one_line(text: &str, width: usize) -> String {
    let cleaned = clean(text);
    let mut words = cleaned.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() > width {
        words = words.chars().take(width.saturating_sub(1)).collect();
        words.push('…');
    }
    words
}

fn is_hostile(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || is_invisible(c)
}

/// Turns the direction of what is read, hides it, or breaks a line where none is seen. Joiners stay:
/// scripts and pictographs need them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// After an ESC: a whole sequence goes, so that nothing of it stays behind as text.
fn skip_escape(rest: &mut Rest<'_>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_until(rest, |c| matches!(c, '@'..='~'));
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_until(rest, |c| matches!(c, '\u{7}' | '\u{9c}'));
        }
        Some(' '..='/') => {
            rest.next();
            rest.next();
        }
        Some('0'..='~') => {
            rest.next();
        }
        _ => {}
    }
}

/// A sequence that does not end here is not followed past its line: that would hide honest text.
fn skip_until(rest: &mut Rest<'_>, is_end: fn(char) -> bool) {
    while let Some(c) = rest.next_if(|c| *c != '\n' && *c != '\u{1b}') {
        if is_end(c) {
            return;
        }
    }
    if rest.peek() == Some(&'\u{1b}') {
        // ESC \ ends a string; any other ESC begins a sequence of its own.
        let mut ahead = rest.clone();
        ahead.next();
        if ahead.peek() == Some(&'\\') {
            rest.next();
            rest.next();
        }
    }
}

/// JSON with hostile characters as escapes: the same document, harmless on a terminal.
#[must_use]
pub fn escape(json: &str) -> Cow<'_, str> {
    let hostile = |c: char| is_hostile(c) && c != '\r';
    if json.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(json);
    }
    if !json.chars().any(hostile) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if hostile(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_or_turns_text_reaches_a_terminal() {
        for (hostile, harmless) in [
            ("plain\n\ttext ä 👩‍👩‍👧", "plain\n\ttext ä 👩‍👩‍👧"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\!", "link!"),
            ("\u{9b}2Jgone", "gone"),
            ("\u{1b}cafter a reset", "after a reset"),
            ("\u{1b}(0box", "box"),
            ("unfinished \u{1b}[31\nnext", "unfinished \nnext"),
            ("over\rwrite", "over\nwrite"),
            ("crlf\r\nline", "crlf\nline"),
            ("bell\u{7}back\u{8}space\u{0}", "bellbackspace"),
            ("\u{202e}gpj.exe\u{2066}", "gpj.exe"),
            ("a\u{200b}b\u{feff}c\u{e0041}", "abc"),
            ("one\u{2028}two", "one\ntwo"),
        ] {
            assert_eq!(clean(hostile), harmless, "{hostile:?}");
        }
    }

    #[test]
    fn json_with_hostile_text_stays_the_same_document() {
        let text = "\u{202e}x\u{9b}2J\u{e0041}";
        let json = serde_json::to_string(text).expect("json");
        let escaped = escape(&json);
        assert!(escaped.is_ascii(), "{escaped}");
        assert_eq!(serde_json::from_str::<String>(&escaped).expect("json"), text);
    }

    #[test]
    fn lines_are_cut_to_their_width() {
        assert_eq!(one_line("a\n b\t c", 10), "a b c");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }
}
