//! One function for the bytes of every record: sorted keys, two spaces, no surprises.
//!
//! Written here, and not by serde_json's own writer, so that no feature of a dependency
//! (`preserve_order`) can change the bytes that hashes are made of. A list
//! of plain values stands on one line, everything else on lines of its own.

use std::borrow::Cow;
use std::ops::Range;

use serde::Serialize;

/// The canonical bytes of a value, with a line feed at the end.
///
/// A value that JSON cannot hold (a map with keys that are no text) becomes `null`; no record of
/// ours has one.
#[must_use]
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let compact = serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec());
    let mut writer = Writer { text: &compact, at: 0, out: Vec::with_capacity(compact.len() + compact.len() / 4 + 64) };
    writer.value(0);
    writer.out.push(b'\n');
    writer.out
}

/// Writes JSON anew that serde_json has written without white space: in one pass, and without a
/// tree. What a value looks like does not depend on what stands before it, so fields that come in
/// another order are put in order after they are written.
struct Writer<'a> {
    text: &'a [u8],
    at: usize,
    out: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Takes the next byte if it is this one.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Writes the next value; says whether it is plain.
    fn value(&mut self, depth: usize) -> bool {
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => drop(self.quoted()),
            _ => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let length = rest.iter().position(|byte| b",]}".contains(byte)).unwrap_or(rest.len());
                self.out.extend_from_slice(&rest[..length]);
                self.at += length;
                return true;
            }
        }
        self.text.get(self.at.wrapping_sub(1)) == Some(&b'"')
    }

    fn object(&mut self, depth: usize) {
        self.at += 1;
        self.out.push(b'{');
        if self.take(b'}') {
            return self.out.push(b'}');
        }
        let base = self.out.len();
        let mut fields: Vec<(Cow<'a, str>, Range<usize>)> = Vec::new();
        loop {
            let begin = self.out.len();
            self.line(depth + 1);
            let key = self.quoted();
            self.at += 1;
            self.out.extend_from_slice(b": ");
            self.value(depth + 1);
            fields.push((key, begin..self.out.len()));
            if !self.take(b',') {
                break;
            }
            self.out.push(b',');
        }
        self.at += 1;
        if !fields.is_sorted_by(|(a, _), (b, _)| a < b) {
            self.sort(base, fields);
        }
        self.line(depth);
        self.out.push(b'}');
    }

    /// Puts written fields in the order of their keys; of equal keys the last counts.
    fn sort(&mut self, base: usize, mut fields: Vec<(Cow<'a, str>, Range<usize>)>) {
        let written = self.out.split_off(base);
        fields.reverse();
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        fields.dedup_by(|(later, _), (kept, _)| later == kept);
        for (i, (_, field)) in fields.into_iter().enumerate() {
            if i > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&written[field.start - base..field.end - base]);
        }
    }

    fn list(&mut self, depth: usize) {
        self.at += 1;
        self.out.push(b'[');
        if self.take(b']') {
            return self.out.push(b']');
        }
        let base = self.out.len();
        let (mut ends, mut plain) = (Vec::new(), true);
        loop {
            plain &= self.value(depth + 1);
            ends.push(self.out.len() - base);
            if !self.take(b',') {
                break;
            }
        }
        self.at += 1;
        let written = self.out.split_off(base);
        let mut begin = 0;
        for end in ends {
            if begin > 0 {
                self.out.extend_from_slice(if plain { b", " } else { b"," });
            }
            if !plain {
                self.line(depth + 1);
            }
            self.out.extend_from_slice(&written[begin..end]);
            begin = end;
        }
        if !plain {
            self.line(depth);
        }
        self.out.push(b']');
    }

    fn line(&mut self, depth: usize) {
        self.out.push(b'\n');
        self.out.resize(self.out.len() + 2 * depth, b' ');
    }

    /// Writes a text with our own escapes, and returns what it says.
    fn quoted(&mut self) -> Cow<'a, str> {
        let begin = self.at;
        let mut copied = begin;
        let mut escaped = false;
        self.at += 1;
        while let Some(byte) = self.peek() {
            let (length, ours): (usize, &[u8]) = match (byte, self.text.get(self.at + 1)) {
                (b'"', _) => break,
                (b'\\', Some(b'b')) => (2, b"\\u0008"),
                (b'\\', Some(b'f')) => (2, b"\\u000c"),
                (b'\\', _) => (2, b""),
                (0x7f, _) => (1, b"\\u007f"),
                _ => {
                    self.at += 1;
                    continue;
                }
            };
            escaped |= byte == b'\\';
            if !ours.is_empty() {
                self.out.extend_from_slice(&self.text[copied..self.at]);
                self.out.extend_from_slice(ours);
                copied = self.at + length;
            }
            self.at += length;
        }
        self.at = (self.at + 1).min(self.text.len());
        self.out.extend_from_slice(&self.text[copied.min(self.at)..self.at]);
        let whole = &self.text[begin..self.at];
        if escaped {
            return Cow::Owned(serde_json::from_slice(whole).unwrap_or_default());
        }
        String::from_utf8_lossy(whole.get(1..whole.len().saturating_sub(1)).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// The same bytes, made the plain way: over a tree.
    fn over_a_tree(value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        write(value, 0, &mut out);
        out.push(b'\n');
        out
    }

    fn write(value: &Value, depth: usize, out: &mut Vec<u8>) {
        match value {
            Value::Array(items) if items.is_empty() => out.extend_from_slice(b"[]"),
            Value::Array(items) if items.iter().all(is_plain) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.extend_from_slice(b", ");
                    }
                    write_plain(item, out);
                }
                out.push(b']');
            }
            Value::Array(items) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    begin_line(i, depth + 1, out);
                    write(item, depth + 1, out);
                }
                end_lines(depth, b']', out);
            }
            Value::Object(fields) if fields.is_empty() => out.extend_from_slice(b"{}"),
            Value::Object(fields) => {
                out.push(b'{');
                // Sorted here whatever map serde_json was built with; its own is sorted as it is.
                let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
                if !sorted.is_sorted_by_key(|(key, _)| *key) {
                    sorted.sort_unstable_by_key(|(key, _)| *key);
                }
                for (i, (key, field)) in sorted.into_iter().enumerate() {
                    begin_line(i, depth + 1, out);
                    write_text(key, out);
                    out.extend_from_slice(b": ");
                    write(field, depth + 1, out);
                }
                end_lines(depth, b'}', out);
            }
            plain => write_plain(plain, out),
        }
    }

    fn is_plain(value: &Value) -> bool {
        !matches!(value, Value::Array(_) | Value::Object(_))
    }

    fn begin_line(i: usize, depth: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(if i > 0 { b",\n" } else { b"\n" });
        out.resize(out.len() + 2 * depth, b' ');
    }

    fn end_lines(depth: usize, bracket: u8, out: &mut Vec<u8>) {
        out.push(b'\n');
        out.resize(out.len() + 2 * depth, b' ');
        out.push(bracket);
    }

    fn write_plain(value: &Value, out: &mut Vec<u8>) {
        match value {
            Value::String(text) => write_text(text, out),
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            _ => out.extend_from_slice(b"null"),
        }
    }

    fn write_text(text: &str, out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        out.push(b'"');
        let mut plain = 0;
        for (i, byte) in text.bytes().enumerate() {
            let escape: &[u8] = match byte {
                b'"' => b"\\\"",
                b'\\' => b"\\\\",
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\t' => b"\\t",
                0..0x20 | 0x7f => {
                    &[b'\\', b'u', b'0', b'0', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
                }
                _ => continue,
            };
            out.extend_from_slice(&text.as_bytes()[plain..i]);
            out.extend_from_slice(escape);
            plain = i + 1;
        }
        out.extend_from_slice(&text.as_bytes()[plain..]);
        out.push(b'"');
    }

    #[test]
    fn the_bytes_are_pinned() {
        let value =
            json!({"b": [1, "x", null, 0.01], "a": {"z": [], "y": {}, "x": [{"k": true}]}, "t": "a\"\\\n\u{1}é\u{7f}"});
        let text = String::from_utf8(to_bytes(&value)).expect("utf-8");
        insta::assert_snapshot!(text, @r#"
        {
          "a": {
            "x": [
              {
                "k": true
              }
            ],
            "y": {},
            "z": []
          },
          "b": [1, "x", null, 0.01],
          "t": "a\"\\\n\u0001é\u007f"
        }
        "#);
    }

    fn values() -> impl Strategy<Value = Value> {
        let text = "[a-c\"\\\\\u{1}\u{8}\u{c}\n\t\u{7f}é,:{}\\[\\]]{0,6}";
        let plain = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        plain.prop_recursive(5, 60, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((text, inner), 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// Fields in the order given, doubled ones too, as a struct with flattened parts may have them.
    struct InOrder(Vec<(String, Value)>);

    impl Serialize for InOrder {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
        }
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_plain_way(value in values()) {
            let bytes = to_bytes(&value);
            prop_assert_eq!(String::from_utf8(bytes), String::from_utf8(over_a_tree(&value)));
        }

        #[test]
        fn fields_are_sorted_however_they_come(fields in prop::collection::vec(("[a-c\"]{0,2}", values()), 0..8)) {
            let tree = Value::Object(fields.iter().cloned().collect());
            prop_assert_eq!(String::from_utf8(to_bytes(&InOrder(fields))), String::from_utf8(over_a_tree(&tree)));
        }

        #[test]
        fn every_text_reads_back(text: String) {
            let bytes = to_bytes(&text);
            prop_assert_eq!(serde_json::from_slice::<String>(&bytes).expect("json"), text);
        }
    }
}
