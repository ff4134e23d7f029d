//! The tokens of JSON: white space, comments, strings, numbers and literals.

use serde_json::{Number, Value};

use super::flaw::{Flaw, Flaws};

/// Why a value was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The text ended.
    End,
    /// What stands there can be no JSON.
    Syntax,
}

/// A place in a text.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) flaws: Flaws,
}

impl Reader<'_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes white space and comments.
    pub(super) fn gap(&mut self) -> Result<(), Stop> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'/') => self.comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Result<(), Stop> {
        let rest = &self.text[self.at..];
        let end = match rest.as_bytes().get(1) {
            Some(b'/') => rest.find('\n'),
            Some(b'*') => rest[2..].find("*/").map(|n| n + 4),
            Some(_) => return Err(Stop::Syntax),
            None => None,
        };
        self.flaws.add(Flaw::Comment);
        self.at += end.unwrap_or(rest.len());
        if end.is_some() { Ok(()) } else { Err(Stop::End) }
    }

    pub(super) fn literal(&mut self, name: &str, value: Value) -> Result<Value, Stop> {
        let rest = &self.text[self.at..];
        if rest.starts_with(name) {
            self.at += name.len();
            return Ok(value);
        }
        Err(if name.starts_with(rest) { Stop::End } else { Stop::Syntax })
    }

    pub(super) fn number(&mut self) -> Result<Value, Stop> {
        let rest = &self.text[self.at..];
        let part = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
        // A number at the very end may lack digits: it is not whole.
        let length = rest.bytes().position(|b| !part(b)).ok_or(Stop::End)?;
        let digits = &rest[..length];
        let number = match (digits.parse::<u64>(), digits.parse::<i64>(), digits.parse::<f64>()) {
            (Ok(n), ..) => Some(Number::from(n)),
            (_, Ok(n), _) => Some(Number::from(n)),
            (.., Ok(n)) => Number::from_f64(n),
            _ => return Err(Stop::Syntax),
        };
        self.at += length;
        if number.is_none() {
            self.flaws.add(Flaw::NumberRange);
        }
        Ok(number.map_or(Value::Null, Value::Number))
    }

    pub(super) fn string(&mut self) -> Result<String, Stop> {
        self.at += 1;
        let mut read = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = |b: u8| b != b'"' && b != b'\\' && b >= b' ';
            let length = rest.bytes().position(|b| !plain(b)).unwrap_or(rest.len());
            read.push_str(&rest[..length]);
            self.at += length;
            match self.peek().ok_or(Stop::End)? {
                b'"' => {
                    self.at += 1;
                    return Ok(read);
                }
                b'\\' => read.push(self.escape()),
                control => {
                    self.flaws.add(Flaw::ControlCharacter);
                    read.push(char::from(control));
                    self.at += 1;
                }
            }
        }
    }

    /// Reads an escape; a backslash that starts none stands for itself.
    fn escape(&mut self) -> char {
        let simple = match self.text.as_bytes().get(self.at + 1) {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
            Some(b'u') => {
                if let Some(unit) = self.code_unit(self.at) {
                    return self.code_point(unit);
                }
                return self.lone_backslash();
            }
            _ => return self.lone_backslash(),
        };
        self.at += 2;
        simple
    }

    fn lone_backslash(&mut self) -> char {
        self.flaws.add(Flaw::Escape);
        self.at += 1;
        '\\'
    }

    fn code_point(&mut self, unit: u32) -> char {
        self.at += 6;
        let low = match unit {
            0xD800..0xDC00 => self.code_unit(self.at).filter(|low| (0xDC00..0xE000).contains(low)),
            _ => None,
        };
        let point = match low {
            Some(low) => {
                self.at += 6;
                0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
            }
            None => unit,
        };
        char::from_u32(point).unwrap_or_else(|| {
            self.flaws.add(Flaw::Surrogate);
            char::REPLACEMENT_CHARACTER
        })
    }

    /// The four digits of `\uXXXX` at `at`.
    fn code_unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        if hex { u32::from_str_radix(digits, 16).ok() } else { None }
    }
}
