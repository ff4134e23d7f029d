//! The same changes by a JSON pointer, which reaches into lists as well.

use serde_json::Value;

use super::{EditError, remove_at, set};

/// Sets the value at a JSON pointer. In a list a number replaces an item, and `-` adds one at the end; of the text only
/// the list changes then, and nothing around it.
///
/// # Errors
/// The text is no JSON, the pointer is none, or something on the way is neither object nor list.
pub fn set_pointer(text: &str, pointer: &str, value: &Value) -> Result<String, EditError> {
    let names = names(pointer)?;
    let whole = parse(text)?;
    match list_on_the_way(&whole, &names) {
        None => set(text, &borrowed(&names), value),
        Some((depth, list)) => {
            let mut list = list.clone();
            let said = EditError::NoPlace { pointer: pointer.to_owned(), length: list.len() };
            put(&mut list, &names[depth..], value.clone()).ok_or(said)?;
            set(text, &borrowed(&names[..depth]), &Value::Array(list))
        }
    }
}

/// Takes away what is at a JSON pointer: a member of an object, or an item of a list. A text that has no such member stays
/// as it is.
///
/// # Errors
/// As [`set_pointer`].
pub fn unset_pointer(text: &str, pointer: &str) -> Result<String, EditError> {
    let names = names(pointer)?;
    let whole = parse(text)?;
    match list_on_the_way(&whole, &names) {
        None => remove_at(text, &borrowed(&names)),
        Some((depth, list)) => {
            let mut list = list.clone();
            let said = EditError::NoPlace { pointer: pointer.to_owned(), length: list.len() };
            take(&mut list, &names[depth..]).ok_or(said)?;
            set(text, &borrowed(&names[..depth]), &Value::Array(list))
        }
    }
}

fn parse(text: &str) -> Result<Value, EditError> {
    serde_json::from_str(text).map_err(|error: serde_json::Error| EditError::Json { line: error.line() })
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// The names on the way. Source: RFC 6901.
fn names(pointer: &str) -> Result<Vec<String>, EditError> {
    let rest = pointer.strip_prefix('/').filter(|rest| !rest.is_empty());
    let rest = rest.ok_or_else(|| EditError::NoPointer { pointer: pointer.to_owned() })?;
    Ok(rest.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect())
}

/// The first list that the names lead through, and how many of them lead to it.
fn list_on_the_way<'a>(whole: &'a Value, names: &[String]) -> Option<(usize, &'a Vec<Value>)> {
    let mut value = whole;
    for (depth, name) in names.iter().enumerate() {
        match value {
            Value::Array(list) => return Some((depth, list)),
            Value::Object(members) => value = members.get(name)?,
            _ => return None,
        }
    }
    None
}

fn put(list: &mut Vec<Value>, names: &[String], value: Value) -> Option<()> {
    let (name, rest) = names.split_first()?;
    if name == "-" && rest.is_empty() {
        list.push(value);
        return Some(());
    }
    let item = list.get_mut(name.parse::<usize>().ok()?)?;
    put_into(item, rest, value)
}

fn put_into(item: &mut Value, names: &[String], value: Value) -> Option<()> {
    match (names.split_first(), item) {
        (None, item) => *item = value,
        (Some((name, [])), Value::Object(members)) => drop(members.insert(name.clone(), value)),
        (Some((name, rest)), Value::Object(members)) => return put_into(members.get_mut(name)?, rest, value),
        (Some(_), Value::Array(list)) => return put(list, names, value),
        (Some(_), _) => return None,
    }
    Some(())
}

fn take(list: &mut Vec<Value>, names: &[String]) -> Option<()> {
    let (name, rest) = names.split_first()?;
    let at = name.parse::<usize>().ok().filter(|at| *at < list.len())?;
    let Some((last, parents)) = rest.split_last() else {
        list.remove(at);
        return Some(());
    };
    let mut item = list.get_mut(at)?;
    for parent in parents {
        item = match item {
            Value::Object(members) => members.get_mut(parent)?,
            Value::Array(list) => list.get_mut(parent.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    match item {
        Value::Object(members) => drop(members.remove(last)),
        Value::Array(list) => {
            let at = last.parse::<usize>().ok().filter(|at| *at < list.len())?;
            list.remove(at);
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = "{\n  \"title\": \"A\",\n  \"permissions\": { \"tools\": [\"a\", \"b\"],   \"reads\": [] },\n  \"n\": 1.50\n}\n";

    #[test]
    fn a_pointer_reaches_into_lists_and_leaves_the_rest_to_the_byte() {
        for (pointer, value, from, to) in [("/title", json!("B"), "\"A\"", "\"B\""), ("/n", json!(2), "1.50", "2")] {
            assert_eq!(set_pointer(TEXT, pointer, &value), Ok(TEXT.replace(from, to)), "{pointer}");
        }
        let value = |text: Result<String, EditError>| {
            let text = text.expect("an edit");
            assert!(text.contains("1.50") && text.contains(",   \"reads\": []"), "{text}");
            serde_json::from_str::<Value>(&text).expect("json")["permissions"]["tools"].clone()
        };
        assert_eq!(value(set_pointer(TEXT, "/permissions/tools/1", &json!("c"))), json!(["a", "c"]));
        assert_eq!(value(set_pointer(TEXT, "/permissions/tools/-", &json!("c"))), json!(["a", "b", "c"]));
        assert_eq!(value(unset_pointer(TEXT, "/permissions/tools/0")), json!(["b"]));
        let without = unset_pointer(TEXT, "/permissions/tools").expect("an edit");
        assert_eq!(serde_json::from_str::<Value>(&without).expect("json")["permissions"], json!({"reads": []}));
        assert_eq!(unset_pointer(TEXT, "/none/at/all"), Ok(TEXT.to_owned()));
    }

    #[test]
    fn a_pointer_that_leads_nowhere_is_named() {
        assert_eq!(set_pointer(TEXT, "title", &json!(1)), Err(EditError::NoPointer { pointer: "title".to_owned() }));
        let nowhere = |pointer: &str| EditError::NoPlace { pointer: pointer.to_owned(), length: 2 };
        for pointer in ["/permissions/tools/2", "/permissions/tools/x", "/permissions/tools/0/a"] {
            assert_eq!(set_pointer(TEXT, pointer, &json!(1)), Err(nowhere(pointer)));
        }
        assert_eq!(unset_pointer(TEXT, "/permissions/tools/-"), Err(nowhere("/permissions/tools/-")));
        assert!(matches!(set_pointer(TEXT, "/title/x", &json!(1)), Err(EditError::NoObject { .. })));
    }
}
