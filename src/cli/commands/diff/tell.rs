//! A comparison for people: what was there alone with a minus, what is there alone with a plus.

use serde_json::Value;

use crate::chronicle::compare::{Change, Comparison, FileDiff, Hunk, MemoryDiff, Pair, Side, Sign, ValueChange};
use crate::chronicle::message::Message;
use crate::cli::error::CliError;
use crate::cli::output::{DIM, GOOD, NAME, Output, TITLE, WARN, clean, one_line, styled};
use crate::cli::times::Times;
use crate::domain::credits::Credits;
use crate::domain::json;

use anstyle::{AnsiColor, Style};

/// What is gone.
const OLD: Style = AnsiColor::Red.on_default();

/// How wide a value may be on its line; the whole is in --json.
const WIDTH: usize = 400;

pub(super) fn tell(
    found: &Comparison,
    places: Option<&[String; 2]>,
    times: &Times,
    out: &mut Output,
) -> Result<(), CliError> {
    head(found, places, times, out)?;
    if found.equal {
        out.line("nothing differs")?;
        return Ok(());
    }
    settings("org.json", &found.settings, out)?;
    settings("config/models.json", &found.models, out)?;
    for diff in &found.agents {
        let name = styled(NAME, &diff.agent);
        out.line("")?;
        match diff.change {
            Change::Added => out.line(format!("{} agent {name}", sign(Sign::New)))?,
            Change::Removed => out.line(format!("{} agent {name}", sign(Sign::Old)))?,
            Change::Changed => out.line(format!("agents/{name}/resume.json"))?,
        }
        values(&diff.resume, out)?;
        if let Some(paused) = &diff.paused {
            let now = if paused.after == Some(true) { "it is paused" } else { "it goes on after a pause" };
            out.line(format!("  {}", styled(WARN, now)))?;
        }
    }
    said(found, out)?;
    found.memory.iter().try_for_each(|diff| memory(diff, out))?;
    found.files.iter().try_for_each(|diff| file(diff, out))?;
    money(found, out)
}

fn head(found: &Comparison, places: Option<&[String; 2]>, times: &Times, out: &mut Output) -> Result<(), CliError> {
    let Some(places) = places else {
        let (from, to) = (found.before.tick, found.after.tick);
        let at = |side: &Side| side.time.map_or(String::new(), |time| format!(" ({})", times.shown(time)));
        let text = format!("after tick {from}{} and after tick {to}{}", at(&found.before), at(&found.after));
        return Ok(out.line(styled(TITLE, text))?);
    };
    for (sign_of, (place, side)) in
        [Sign::Old, Sign::New].into_iter().zip(places.iter().zip([&found.before, &found.after]))
    {
        let style = if sign_of == Sign::Old { OLD } else { GOOD };
        let marks = if sign_of == Sign::Old { "---" } else { "+++" };
        out.line(styled(style, format!("{marks} {}, after tick {}", one_line(place, 200), side.tick)))?;
    }
    let text = match found.common_tick.0 {
        0 => "their records have no tick in common".to_owned(),
        common if common == found.before.tick.0 && common == found.after.tick.0 => {
            format!("their records are the same, up to tick {common}")
        }
        common => format!("their records are the same up to tick {common}, and differ since tick {}", common + 1),
    };
    Ok(out.line(styled(TITLE, text))?)
}

fn sign(sign: Sign) -> String {
    match sign {
        Sign::Old => styled(OLD, "-"),
        Sign::New => styled(GOOD, "+"),
        Sign::Both => " ".to_owned(),
    }
}

fn section(title: String, out: &mut Output) -> Result<(), CliError> {
    out.line("")?;
    Ok(out.line(title)?)
}

fn settings(path: &str, changes: &[ValueChange], out: &mut Output) -> Result<(), CliError> {
    if changes.is_empty() {
        return Ok(());
    }
    section(path.to_owned(), out)?;
    values(changes, out)
}

fn values(changes: &[ValueChange], out: &mut Output) -> Result<(), CliError> {
    for change in changes {
        let pointer = if change.pointer.is_empty() { "the value" } else { &change.pointer };
        let pointer = styled(DIM, one_line(pointer, 200));
        if let Some(lines) = &change.lines {
            out.line(format!("  {pointer}"))?;
            hunks(lines, "    ", out)?;
            continue;
        }
        for (value, side) in [(&change.before, Sign::Old), (&change.after, Sign::New)] {
            if let Some(value) = value {
                let style = if side == Sign::Old { OLD } else { GOOD };
                out.line(format!("{} {pointer} {}", sign(side), styled(style, shown(value))))?;
            }
        }
    }
    Ok(())
}

/// A value on one line.
fn shown(value: &Value) -> String {
    one_line(&json::line(value), WIDTH)
}

fn hunks(hunks: &[Hunk], indent: &str, out: &mut Output) -> Result<(), CliError> {
    for hunk in hunks {
        let Hunk { old_start, old_lines, new_start, new_lines, .. } = hunk;
        out.line(format!(
            "{indent}{}",
            styled(DIM, format!("@@ -{old_start},{old_lines} +{new_start},{new_lines} @@"))
        ))?;
        for line in &hunk.lines {
            let text = clean(&line.text).replace('\n', " ");
            let shown = match line.sign {
                Sign::Both => format!(" {text}"),
                Sign::Old => styled(OLD, format!("-{text}")),
                Sign::New => styled(GOOD, format!("+{text}")),
            };
            out.line(format!("{indent}{shown}"))?;
            if line.no_line_break {
                out.line(format!("{indent}{}", styled(DIM, "\\ no line break at the end")))?;
            }
        }
    }
    Ok(())
}

fn said(found: &Comparison, out: &mut Output) -> Result<(), CliError> {
    let messages = &found.messages;
    if messages.is_empty() {
        return Ok(());
    }
    section("messages".to_owned(), out)?;
    let mut both: Vec<(&Message, Sign)> = messages.removed.iter().map(|message| (message, Sign::Old)).collect();
    both.extend(messages.added.iter().map(|message| (message, Sign::New)));
    // In the order in which they are read, what one side says at a place beside what the other says there.
    both.sort_by_key(|(message, _)| message.position);
    for (message, side) in both {
        let text = one_line(&message.text, WIDTH);
        let who = format!("{} → {}", styled(NAME, &message.from), styled(NAME, message.to_text()));
        out.line(format!("{} {} {who}: {text}", sign(side), styled(DIM, format!("tick {}", message.tick))))?;
    }
    if messages.more {
        out.line(styled(DIM, "  and more: --limit says how many are shown"))?;
    }
    Ok(())
}

fn memory(diff: &MemoryDiff, out: &mut Output) -> Result<(), CliError> {
    let key = format!("memory {} of {}", diff.key, styled(NAME, &diff.agent));
    section(format!("{key}{}", became(diff.change)), out)?;
    if diff.erased {
        out.line(styled(WARN, "  its content is erased"))?;
    }
    values(&diff.value, out)
}

fn became(change: Change) -> String {
    match change {
        Change::Added => styled(GOOD, "  added"),
        Change::Removed => styled(OLD, "  removed"),
        Change::Changed => String::new(),
    }
}

fn file(diff: &FileDiff, out: &mut Output) -> Result<(), CliError> {
    section(format!("{}{}", one_line(&diff.path, 200), became(diff.change)), out)?;
    match &diff.lines {
        Some(lines) => hunks(lines, "", out),
        None => {
            let bytes = |bytes: Option<usize>| bytes.map_or("none".to_owned(), |bytes| format!("{bytes} bytes"));
            let text = format!(
                "  no text, too long or erased: {} before, {} after",
                bytes(diff.before_bytes),
                bytes(diff.after_bytes)
            );
            Ok(out.line(styled(DIM, text))?)
        }
    }
}

fn money(found: &Comparison, out: &mut Output) -> Result<(), CliError> {
    if found.credits.is_empty() && found.budget.is_none() {
        return Ok(());
    }
    section("credits".to_owned(), out)?;
    let shown = |pair: &Pair<Credits>| {
        let one = |credits: Option<Credits>| credits.map_or("none".to_owned(), |credits| credits.to_string());
        format!("{} → {}", one(pair.before), one(pair.after))
    };
    for diff in &found.credits {
        let mut notes = Vec::new();
        for (what, pair) in [("charged", &diff.charged), ("received", &diff.received)] {
            if pair.before != pair.after {
                notes.push(format!("{what} {}", shown(pair)));
            }
        }
        let notes = styled(DIM, notes.join(", "));
        out.line(format!("  {}  {} left  {notes}", styled(NAME, &diff.agent), shown(&diff.credits_left)))?;
    }
    if let Some(budget) = &found.budget {
        let one = |side: &Option<crate::chronicle::compare::BudgetSide>| match side {
            Some(side) => format!("{} charged in {}", side.charged, side.window),
            None => "none".to_owned(),
        };
        out.line(format!("  {}  {} → {}", styled(DIM, "in all"), one(&budget.before), one(&budget.after)))?;
    }
    Ok(())
}
