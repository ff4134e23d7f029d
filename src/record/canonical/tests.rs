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
fn a_byte_to_escape_is_found_wherever_it_stands() {
    for byte in 0..=u8::MAX {
        for (before, after) in (0..20).flat_map(|before| (0..10).map(move |after| (before, after))) {
            for neighbour in [b' ', b'!', b'#', b'[', b']', b'~', 0x80, 0xa2, 0xff] {
                let mut text = vec![neighbour; before + 1 + after];
                text[before] = byte;
                let expected = ESCAPED[usize::from(byte)].then_some(before);
                assert_eq!(first_escaped(&text), expected, "{byte:#x} at {before} among {neighbour:#x}");
            }
        }
    }
    assert_eq!(first_escaped(b"abcdefg\"\n2345678"), Some(7), "the first of two");
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
            prop::collection::vec((text, inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
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

#[derive(Serialize)]
enum Shape {
    Unit,
    One(f64),
    Two(u8, Option<i64>),
    Named { z: char, a: [Value; 2] },
}

#[test]
fn a_type_is_written_as_its_tree_is() {
    let shapes = vec![
        Shape::Unit,
        Shape::One(1.0e-7),
        Shape::Two(255, None),
        Shape::Named { z: '"', a: [json!({"b": 1, "a": []}), json!(1)] },
    ];
    let by_number = std::collections::BTreeMap::from([(-2, shapes), (10, vec![])]);
    let tree = serde_json::to_value(&by_number).expect("json");
    assert_eq!(String::from_utf8(to_bytes(&by_number)), String::from_utf8(over_a_tree(&tree)));
}

#[test]
fn what_json_cannot_hold_is_null() {
    let no_text = std::collections::BTreeMap::from([(vec![1], 1)]);
    assert_eq!(to_bytes(&no_text), b"null\n");
    assert_eq!(to_bytes(&[f64::NAN]), b"[null]\n");
}
