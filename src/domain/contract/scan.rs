//! Reads one JSON object or list out of any text, mending what models get wrong.
//!
//! An own reader and not `serde_json`, for three reasons: it keeps what was whole before a text broke
//! off, it mends small flaws and counts them, and it neither recurses nor reads a byte twice, so that
//! a hostile reply costs no more than a long one. What is valid JSON it reads as `serde_json` does.

use serde_json::{Map, Value};

use super::flaw::{Flaw, Flaws};
use super::token::{Reader, Stop};

/// Deeper nesting than this ends the reading: a record that holds a reply must stay readable by
/// `serde_json`, which stops at 128.
const MAX_DEPTH: usize = 96;

/// A list or an object that was still open when the reading stopped.
#[derive(Debug)]
pub(super) enum Frame {
    List(Vec<Value>, Expect),
    /// The whole fields, and the key whose value was being read.
    Object(Map<String, Value>, Option<String>, Expect),
}

/// What may come next in an open list or object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// An element, or the end.
    First,
    /// An element: a comma came before.
    Next,
    /// A comma, or the end.
    Comma,
}

impl Frame {
    fn expect(&mut self) -> &mut Expect {
        match self {
            Self::List(_, expect) | Self::Object(_, _, expect) => expect,
        }
    }

    fn is_closed_by(&self, byte: u8) -> bool {
        match self {
            Self::List(..) => byte == b']',
            Self::Object(_, key, _) => byte == b'}' && key.is_none(),
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::List(elements, _) => Value::Array(elements),
            Self::Object(fields, ..) => Value::Object(fields),
        }
    }
}

/// What was read.
#[derive(Debug)]
pub(super) enum Outcome {
    Whole(Value),
    Broken(Vec<Frame>, Stop),
}

/// One reading and where it ended.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) outcome: Outcome,
    pub(super) end: usize,
    pub(super) flaws: Flaws,
}

/// Reads the object or list that starts with the bracket at `start`.
pub(super) fn read(text: &str, start: usize) -> Scan {
    let mut reader = Reader { text, at: start, flaws: Flaws::default() };
    let mut open = Vec::new();
    let outcome = loop {
        match reader.step(&mut open) {
            Ok(None) => {}
            Ok(Some(value)) => break Outcome::Whole(value),
            Err(stop) => break Outcome::Broken(open, stop),
        }
    };
    Scan { outcome, end: reader.at, flaws: reader.flaws }
}

impl Reader<'_> {
    /// Reads one token; gives the outermost value once that is whole.
    fn step(&mut self, open: &mut Vec<Frame>) -> Result<Option<Value>, Stop> {
        self.gap()?;
        let byte = self.peek().ok_or(Stop::End)?;
        if let Some(frame) = open.last_mut() {
            if frame.is_closed_by(byte) {
                if *frame.expect() == Expect::Next {
                    self.flaws.add(Flaw::TrailingComma);
                }
                self.at += 1;
                let whole = open.pop().map_or(Value::Null, Frame::into_value);
                return Ok(self.put(open, whole));
            }
            if *frame.expect() == Expect::Comma {
                if byte != b',' {
                    return Err(Stop::Syntax);
                }
                self.at += 1;
                *frame.expect() = Expect::Next;
                return Ok(None);
            }
            if let Frame::Object(_, key @ None, _) = frame {
                *key = Some(self.key()?);
                return Ok(None);
            }
        }
        let value = match byte {
            b'{' | b'[' if open.len() == MAX_DEPTH => return Err(Stop::Syntax),
            b'{' | b'[' => {
                self.at += 1;
                open.push(if byte == b'[' {
                    Frame::List(Vec::new(), Expect::First)
                } else {
                    Frame::Object(Map::new(), None, Expect::First)
                });
                return Ok(None);
            }
            b'"' => Value::String(self.string()?),
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.literal("true", Value::Bool(true))?,
            b'f' => self.literal("false", Value::Bool(false))?,
            b'n' => self.literal("null", Value::Null)?,
            _ => return Err(Stop::Syntax),
        };
        Ok(self.put(open, value))
    }

    /// Puts a whole value where it belongs; one that belongs nowhere is the outermost.
    fn put(&mut self, open: &mut [Frame], value: Value) -> Option<Value> {
        let Some(frame) = open.last_mut() else { return Some(value) };
        match frame {
            Frame::List(elements, _) => elements.push(value),
            Frame::Object(fields, key, _) => {
                if fields.insert(key.take().unwrap_or_default(), value).is_some() {
                    self.flaws.add(Flaw::DuplicateKey);
                }
            }
        }
        *frame.expect() = Expect::Comma;
        None
    }

    fn key(&mut self) -> Result<String, Stop> {
        if self.peek() != Some(b'"') {
            return Err(Stop::Syntax);
        }
        let key = self.string()?;
        self.gap()?;
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return Err(Stop::Syntax),
            None => return Err(Stop::End),
        }
        Ok(key)
    }
}
