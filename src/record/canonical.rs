//! One function for the bytes of every record: sorted keys, two spaces, no surprises.
//!
//! Written here, and not by serde_json's own writer, so that no feature of a dependency
//! (`preserve_order`, `arbitrary_precision`) can change the bytes that hashes are made of. A list
//! of plain values stands on one line, everything else on lines of its own.

use serde::Serialize;
use serde_json::Value;

/// The canonical bytes of a value, with a line feed at the end.
///
/// A value that JSON cannot hold (a map with keys that are no text) becomes `null`; no record of
/// ours has one.
#[must_use]
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let value = serde_json::to_value(value).unwrap_or(Value::Null);
    let mut out = Vec::with_capacity(8 * 1024);
    write(&value, 0, &mut out);
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

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

    proptest! {
        #[test]
        fn every_text_reads_back(text: String) {
            let bytes = to_bytes(&text);
            prop_assert_eq!(serde_json::from_slice::<String>(&bytes).expect("json"), text);
        }
    }
}
