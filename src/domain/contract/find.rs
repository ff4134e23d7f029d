//! Finds the contract in a reply: bare, in Markdown fences, in prose, cut off or broken.
//!
//! The text is read once from left to right. Every bracket that stands in prose starts a candidate,
//! whose inside is not searched: what an entry quotes is never mistaken for the reply itself.

use serde_json::{Map, Value};

use super::flaw::Flaws;
use super::scan::{Frame, Outcome, read};
use super::token::Stop;

/// The fields of a reply.
pub(super) const FIELDS: [&str; 4] = ["outbox_entries", "tool_calls", "memory_updates", "notes"];

/// What a candidate holds.
#[derive(Debug)]
pub(super) enum Form {
    /// An object with a field of the contract; `at` is the pointer to it.
    Contract { at: String, fields: Map<String, Value> },
    /// A list of entries without the object around it.
    List(Vec<Value>),
    /// One entry without anything around it.
    Entry(Map<String, Value>),
    /// Part of one entry. Not kept, since what is missing may have been its address; but known, since
    /// it was not said to everyone either.
    Fragment,
}

/// The candidate that counts.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) form: Form,
    pub(super) flaws: Flaws,
    /// Where reading stopped, if before the end of the value.
    pub(super) broken: Option<(Stop, usize)>,
    /// Stands in a Markdown fence.
    fenced: bool,
    /// How many further contracts stand in the text.
    pub(super) others: usize,
}

impl Found {
    /// The greatest rank counts, the first of equals.
    fn rank(&self) -> (u8, bool, bool, bool) {
        let whole = self.broken.is_none();
        let (form, says_something) = match &self.form {
            Form::Contract { fields, .. } => (2, fields.values().any(says_something)),
            Form::List(entries) => (1, !entries.is_empty()),
            Form::Entry(_) => (1, true),
            Form::Fragment => (0, false),
        };
        (form, whole || says_something, self.fenced, whole)
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => false,
    }
}

/// Looks for a contract.
pub(super) fn find(text: &str) -> Option<Found> {
    let bytes = text.as_bytes();
    let (mut at, mut fence) = (0, None);
    let (mut best, mut contracts) = (None::<Found>, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'`' | b'~' => {
                let run = bytes[at..].iter().take_while(|b| **b == byte).count();
                if run >= 3 {
                    fence = match fence {
                        None => Some(byte),
                        Some(open) if open == byte => None,
                        other => other,
                    };
                }
                at += run;
            }
            b'{' | b'[' => {
                let scan = read(text, at);
                let (form, stop) = match scan.outcome {
                    Outcome::Whole(value) => (whole(value), None),
                    Outcome::Broken(open, stop) => {
                        let depth = open.len();
                        (broken(open), Some((stop, depth)))
                    }
                };
                at = scan.end.max(at + 1);
                let Some(form) = form else { continue };
                let broken = stop.map(|(stop, _)| (stop, at));
                if let Some((Stop::Syntax, depth)) = stop {
                    at = past(bytes, at, depth);
                }
                contracts += usize::from(matches!(form, Form::Contract { .. }));
                let found = Found { form, flaws: scan.flaws, broken, fenced: fence.is_some(), others: 0 };
                if best.as_ref().is_none_or(|best| found.rank() > best.rank()) {
                    best = Some(found);
                }
            }
            _ => at += 1,
        }
    }
    if let Some(best) = &mut best {
        best.others = contracts.saturating_sub(1);
    }
    best
}

/// The end of a broken value: its last bracket as far as that can be told, or the end of its fence.
/// What stands inside it is not searched.
fn past(bytes: &[u8], mut at: usize, mut depth: usize) -> usize {
    // Reading stops after the line break that a fence needs before it.
    at = bytes[..at].trim_ascii_end().len();
    let mut in_string = false;
    while depth > 0 {
        match bytes.get(at) {
            None => break,
            Some(b'\\') if in_string => at += 1,
            Some(b'"') => in_string = !in_string,
            Some(b'{' | b'[') if !in_string => depth += 1,
            Some(b'}' | b']') if !in_string => depth -= 1,
            Some(b'\n') => {
                let line = at + 1 + bytes[at + 1..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
                if bytes[line..].starts_with(b"```") || bytes[line..].starts_with(b"~~~") {
                    return line;
                }
            }
            Some(_) => {}
        }
        at += 1;
    }
    at.min(bytes.len())
}

fn has_any(fields: &Map<String, Value>, pending: Option<&String>, names: &[&str]) -> bool {
    names.iter().any(|name| fields.contains_key(*name) || pending.is_some_and(|key| key == name))
}

fn looks_like_an_entry(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| has_any(fields, None, &["payload", "text"]))
}

fn whole(value: Value) -> Option<Form> {
    match value {
        Value::Object(fields) if has_any(&fields, None, &FIELDS) => Some(Form::Contract { at: String::new(), fields }),
        Value::Object(fields) if has_any(&fields, None, &["payload", "text"]) => Some(Form::Entry(fields)),
        Value::Array(elements) => list(elements),
        _ => None,
    }
}

/// The first object decides what a list holds, so that a cut-off list is taken for what it was.
fn list(mut elements: Vec<Value>) -> Option<Form> {
    let first = elements.iter().position(Value::is_object);
    if let Some(index) = first
        && let Value::Object(fields) = &mut elements[index]
        && has_any(fields, None, &FIELDS)
    {
        return Some(Form::Contract { at: format!("/{index}"), fields: std::mem::take(fields) });
    }
    elements.iter().any(looks_like_an_entry).then_some(Form::List(elements))
}

/// Keeps what was whole of a broken value: fields of the contract, and elements of the list in which
/// it broke off.
fn broken(open: Vec<Frame>) -> Option<Form> {
    let mut open = open.into_iter();
    match open.next()? {
        Frame::Object(fields, key, _) => object(String::new(), fields, key, open.next()),
        Frame::List(elements, _) => {
            let only_scalars = !elements.iter().any(Value::is_object);
            let at = format!("/{}", elements.len());
            let whole = list(elements);
            match (whole, open.next()) {
                (None, Some(Frame::Object(fields, key, _))) => match object(at, fields, key, open.next()) {
                    Some(Form::Contract { .. }) if !only_scalars => None,
                    form => form,
                },
                (whole, _) => whole,
            }
        }
    }
}

fn object(at: String, mut fields: Map<String, Value>, key: Option<String>, inner: Option<Frame>) -> Option<Form> {
    if has_any(&fields, key.as_ref(), &FIELDS) {
        if let (Some(key), Some(Frame::List(elements, _))) = (key, inner)
            && key != "notes"
        {
            fields.insert(key, Value::Array(elements));
        }
        return Some(Form::Contract { at, fields });
    }
    has_any(&fields, key.as_ref(), &["payload", "text", "recipients", "to"]).then_some(Form::Fragment)
}
