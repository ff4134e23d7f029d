//! Changes one value in a JSON text that a person wrote, and nothing else of it: order, layout and
//! whatever else stands there stay.

mod pointer;

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

pub use self::pointer::{set_pointer, unset_pointer};

/// A text that cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It is no JSON.
    #[error("is no JSON: line {line}")]
    Json {
        /// Where it stops being any.
        line: usize,
    },
    /// On the way there is something else than an object.
    #[error("{pointer} is no object")]
    NoObject {
        /// What is none.
        pointer: String,
    },
    /// It is no JSON pointer.
    #[error("{pointer:?} is no JSON pointer: it must begin with /, as in /model/temperature")]
    NoPointer {
        /// What is none.
        pointer: String,
    },
    /// A list has no such place.
    #[error("{pointer} is no place of the list, which has {length}: a number below that, or - for the end")]
    NoPlace {
        /// What was named.
        pointer: String,
        /// How long the list is.
        length: usize,
    },
}

/// The members of an object, as they stand in the text.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    fn of(object: &'a str) -> Result<Self, serde_json::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        let mut reader = serde_json::Deserializer::from_str(object);
        let members = reader.deserialize_map(InOrder)?;
        reader.end()?;
        Ok(Self(members))
    }
}

/// Sets the value at `path`, the names of members from the outside in. Objects on the way that are
/// not there are added.
///
/// # Errors
/// The text is no JSON, or something on the way is no object.
pub fn set(text: &str, path: &[&str], value: &Value) -> Result<String, EditError> {
    let (from, to, new) = splice(text, 0, path, 0, value)?;
    Ok(format!("{}{new}{}", &text[..from], &text[to..]))
}

/// Removes a member of the outermost object, all of that name; a text that has none stays as it is.
///
/// # Errors
/// The text is no JSON, or no object.
pub fn remove(text: &str, name: &str) -> Result<String, EditError> {
    let mut text = text.to_owned();
    while let Some((from, to)) = member(&text, name)? {
        text.replace_range(from..to, "");
    }
    Ok(text)
}

/// Removes the member at `path`, the names of members from the outside in; a text that has none stays as it is.
///
/// # Errors
/// The text is no JSON, or something on the way is no object.
pub fn remove_at(text: &str, path: &[&str]) -> Result<String, EditError> {
    let Some((name, parents)) = path.split_last() else { return Ok(text.to_owned()) };
    let (mut from, mut to) = (0, text.len());
    for parent in parents {
        let inner = &text[from..to];
        let members = members(inner)?;
        let Some((_, raw)) = members.0.iter().rev().find(|(known, _)| known == parent) else {
            return Ok(text.to_owned());
        };
        from += raw.get().as_ptr().addr() - inner.as_ptr().addr();
        to = from + raw.get().len();
    }
    Ok(format!("{}{}{}", &text[..from], remove(&text[from..to], name)?, &text[to..]))
}

/// Where a member stands, with the comma that goes with it.
fn member(text: &str, name: &str) -> Result<Option<(usize, usize)>, EditError> {
    let members = members(text)?;
    let Some(i) = members.0.iter().position(|(known, _)| known == name) else { return Ok(None) };
    let start = |raw: &RawValue| raw.get().as_ptr().addr() - text.as_ptr().addr();
    let end = |i: usize| members.0.get(i).map(|(_, raw)| start(raw) + raw.get().len());
    let to = end(i).unwrap_or(text.len());
    // From the end of the value before, its comma included; the first one takes the comma after it instead.
    Ok(Some(match i.checked_sub(1).and_then(end) {
        Some(before) => (before, to),
        None => {
            let begin = text.find('{').map_or(0, |brace| brace + 1);
            let comma = text[to..].find(',').filter(|_| members.0.len() > 1).map_or(0, |comma| comma + 1);
            (begin, to + comma)
        }
    }))
}

fn members(text: &str) -> Result<Members<'_>, EditError> {
    Members::of(text).map_err(|error| {
        if error.is_data() {
            EditError::NoObject { pointer: "a value on the way".to_owned() }
        } else {
            EditError::Json { line: error.line() }
        }
    })
}

/// Where to cut, and what to put there.
fn splice(
    text: &str,
    at: usize,
    path: &[&str],
    depth: usize,
    value: &Value,
) -> Result<(usize, usize, String), EditError> {
    let Some((name, rest)) = path.split_first() else {
        return Ok((at, at + text.len(), shown(value, depth)));
    };
    let members = members(text)?;
    let start = |raw: &RawValue| raw.get().as_ptr().addr() - text.as_ptr().addr();
    // Of two members of one name the last counts.
    if let Some((_, raw)) = members.0.iter().rev().find(|(known, _)| known == name) {
        let inner = splice(raw.get(), at + start(raw), rest, depth + 1, value);
        return inner.map_err(|error| match error {
            EditError::NoObject { .. } => EditError::NoObject { pointer: format!("/{}", path[..1].join("/")) },
            other => other,
        });
    }
    let new = rest.iter().rev().fold(value.clone(), |value, name| Value::from_iter([((*name).to_owned(), value)]));
    let indent = "  ".repeat(depth + 1);
    let member = format!("{}: {}", Value::from(*name), shown(&new, depth + 1));
    match members.0.last() {
        Some((_, raw)) => {
            let end = at + start(raw) + raw.get().len();
            // One line stays one line.
            let gap = if text.contains('\n') { format!("\n{indent}") } else { " ".to_owned() };
            Ok((end, end, format!(",{gap}{member}")))
        }
        None => {
            let inside = at + text.find('{').unwrap_or(0) + 1;
            let close = at + text.rfind('}').unwrap_or(text.len());
            Ok((inside, close, format!("\n{indent}{member}\n{}", "  ".repeat(depth))))
        }
    }
}

/// A value in the layout that a person would give it at that depth.
fn shown(value: &Value, depth: usize) -> String {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    pretty.replace('\n', &format!("\n{}", "  ".repeat(depth)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const TEXT: &str = "{\n  \"z\": 1.50,\n  \"model\": { \"key\": \"a\",   \"temperature\": 0.30 },\n  \"b\": []\n}\n";

    #[test]
    fn one_value_changes_and_the_rest_stays_to_the_byte() {
        let edited = set(TEXT, &["model", "key"], &json!("other")).expect("edit");
        assert_eq!(edited, TEXT.replace("\"a\"", "\"other\""));
    }

    #[test]
    fn what_is_not_there_is_added_at_the_end() {
        let edited = set(TEXT, &["c"], &json!({"d": 1})).expect("edit");
        assert_eq!(edited, TEXT.replace("[]\n}", "[],\n  \"c\": {\n    \"d\": 1\n  }\n}"));
        assert_eq!(set("{}", &["a", "b"], &json!(1)).expect("edit"), "{\n  \"a\": {\n    \"b\": 1\n  }\n}");
        assert_eq!(set("{\"a\": 1}", &["b"], &json!(2)).expect("edit"), "{\"a\": 1, \"b\": 2}");
    }

    #[test]
    fn a_member_is_removed_with_its_comma_and_the_rest_stays() {
        for (text, name, left) in [
            ("{\n  \"a\": 1,\n  \"b\": {\"c\": [1, 2]},\n  \"d\": 3\n}\n", "b", "{\n  \"a\": 1,\n  \"d\": 3\n}\n"),
            ("{\n  \"a\": 1,\n  \"b\": 2\n}", "a", "{\n  \"b\": 2\n}"),
            ("{\n  \"a\": 1,\n  \"b\": 2\n}", "b", "{\n  \"a\": 1\n}"),
            ("{ \"a\": 1 }", "a", "{ }"),
            ("{\"a\": 1, \"b\": 2, \"a\": 3}", "a", "{ \"b\": 2}"),
            ("{\"a\": 1}", "b", "{\"a\": 1}"),
        ] {
            assert_eq!(remove(text, name).expect("edit"), left, "{name} of {text}");
        }
        assert_eq!(remove("[]", "a"), Err(EditError::NoObject { pointer: "a value on the way".to_owned() }));
    }

    #[test]
    fn what_cannot_be_changed_is_named() {
        assert_eq!(set("{", &["a"], &json!(1)), Err(EditError::Json { line: 1 }));
        assert_eq!(set(TEXT, &["z", "a"], &json!(1)), Err(EditError::NoObject { pointer: "/z".to_owned() }));
    }

    proptest! {
        #[test]
        fn an_edit_says_what_was_asked_and_nothing_else(
            fields in prop::collection::btree_map("[a-c\"\\\\é]{1,2}", 0..100_u32, 0..5),
            name in "[a-c\"\\\\é]{1,2}",
            pretty in any::<bool>(),
        ) {
            let before = json!(fields);
            let text = if pretty { serde_json::to_string_pretty(&before) } else { serde_json::to_string(&before) };
            let edited = set(&text.expect("json"), &[&name], &json!("new")).expect("edit");
            let mut wanted = before.clone();
            wanted[&name] = json!("new");
            prop_assert_eq!(serde_json::from_str::<Value>(&edited).expect("json"), wanted.clone());
            let without = remove(&edited, &name).expect("removed");
            wanted.as_object_mut().expect("object").remove(&name);
            prop_assert_eq!(serde_json::from_str::<Value>(&without).expect("json"), wanted);
        }
    }
}
