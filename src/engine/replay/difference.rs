//! The first difference of two records, and what of them may differ.

use serde::Serialize;
use serde_json::Value;

use crate::record::turn::TurnRecord;

/// Where a replayed record differs from the recorded one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// JSON pointer to the first difference.
    pub pointer: String,
    /// What was recorded there; absent: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Value>,
    /// What the replay gave; absent: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replayed: Option<Value>,
}

/// Compares a replayed turn with the recorded one. Not compared: who ran it (`nonce`, `by`), when and how
/// long (`started_at`, `duration_ms`), how often a call was tried (`attempts`), the bills for vectors
/// (`embeddings`), as none are made again, and the hashes of the journal's steps, which name who made them.
pub(super) fn difference(recorded: &TurnRecord, replayed: &TurnRecord) -> Option<Difference> {
    let (recorded, replayed) = (comparable(recorded), comparable(replayed));
    // What the answers were given to comes before what followed from it.
    let causes = ["inbox", "imports", "prompt"].into_iter();
    let of_a_cause =
        causes.filter_map(|name| first(&format!("/{name}"), recorded.get(name), replayed.get(name))).next();
    of_a_cause.or_else(|| first("", Some(&recorded), Some(&replayed)))
}

/// The first difference of any two values, by their JSON.
pub(in super::super) fn first_of<T: Serialize>(recorded: &T, again: &T) -> Option<Difference> {
    let value = |of: &T| serde_json::to_value(of).unwrap_or_default();
    first("", Some(&value(recorded)), Some(&value(again)))
}

fn comparable(record: &TurnRecord) -> Value {
    let mut value = serde_json::to_value(record).unwrap_or_default();
    let remove = |value: &mut Value, names: &[&str]| {
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|name, _| !names.contains(&name.as_str()));
        }
    };
    remove(&mut value, &["nonce", "by", "started_at", "duration_ms", "journal", "embeddings"]);
    for exchange in value["exchanges"].as_array_mut().into_iter().flatten() {
        remove(&mut exchange["receipt"], &["by", "duration_ms", "attempts"]);
    }
    value
}

fn first(at: &str, recorded: Option<&Value>, replayed: Option<&Value>) -> Option<Difference> {
    match (recorded, replayed) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort_unstable();
            names.dedup();
            names.into_iter().find_map(|name| {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                first(&at, a.get(name), b.get(name))
            })
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            (0..a.len().max(b.len())).find_map(|i| first(&format!("{at}/{i}"), a.get(i), b.get(i)))
        }
        (a, b) if a == b => None,
        (a, b) => Some(Difference { pointer: at.to_owned(), recorded: a.cloned(), replayed: b.cloned() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named_by_its_pointer() {
        let difference = |a: Value, b: Value| first("", Some(&a), Some(&b)).map(|found| found.pointer);
        assert_eq!(difference(json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 2}]})), None);
        assert_eq!(difference(json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 3}]})), Some("/a/1/b".to_owned()));
        assert_eq!(difference(json!({"a": [1]}), json!({"a": [1, 2]})), Some("/a/1".to_owned()));
        assert_eq!(difference(json!({"x/y": 1}), json!({})), Some("/x~1y".to_owned()));
        assert_eq!(difference(json!({"b": 1, "a": 1}), json!({"b": 2, "a": 2})), Some("/a".to_owned()));
        assert_eq!(difference(json!([]), json!({})), Some(String::new()));
    }
}
