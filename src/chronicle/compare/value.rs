//! The difference between two JSON values: what was added, removed or changed, each with its pointer.

use serde::Serialize;
use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices};
use utoipa::ToSchema;

use super::text::{Hunk, hunks};
use crate::domain::json;

/// Longer lists are compared place by place.
const LONGEST_LIST: usize = 4_096;

/// One difference between two values.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ValueChange {
    /// Where, as a JSON pointer (RFC 6901): into the new value, or, for what was removed, into the old one.
    pub pointer: String,
    /// What stood there; absent: it was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What stands there; absent: it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Of a text of several lines: the lines that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<Hunk>>,
}

/// The differences between two values, in the order of the new one; of objects in the order of their fields' names.
#[must_use]
pub(super) fn changes(before: Option<&Value>, after: Option<&Value>) -> Vec<ValueChange> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    found
}

fn compare(pointer: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<ValueChange>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let at = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                compare(&at, before.get(name), after.get(name), found);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => lists(pointer, before, after, found),
        (before, after) => {
            let lines = match (before, after) {
                (Some(Value::String(before)), Some(Value::String(after)))
                    if before.contains('\n') || after.contains('\n') =>
                {
                    hunks(before, after)
                }
                _ => None,
            };
            let (before, after) = (before.cloned(), after.cloned());
            found.push(ValueChange { pointer: pointer.to_owned(), before, after, lines });
        }
    }
}

/// Compares lists by what stays: an item that is put before others is one difference, and not one for each of them.
fn lists(pointer: &str, before: &[Value], after: &[Value], found: &mut Vec<ValueChange>) {
    let mut pairs = |old: std::ops::Range<usize>, new: std::ops::Range<usize>| {
        let both = old.len().min(new.len());
        for i in 0..both {
            compare(
                &format!("{pointer}/{}", new.start + i),
                before.get(old.start + i),
                after.get(new.start + i),
                found,
            );
        }
        for i in old.start + both..old.end {
            compare(&format!("{pointer}/{i}"), before.get(i), None, found);
        }
        for i in new.start + both..new.end {
            compare(&format!("{pointer}/{i}"), None, after.get(i), found);
        }
    };
    if before.len().max(after.len()) > LONGEST_LIST {
        return pairs(0..before.len(), 0..after.len());
    }
    let texts = |list: &[Value]| list.iter().map(json::line).collect::<Vec<_>>();
    for op in capture_diff_slices(Algorithm::Myers, &texts(before), &texts(after)) {
        if !matches!(op, DiffOp::Equal { .. }) {
            pairs(op.old_range(), op.new_range());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn shown(before: Value, after: Value) -> Vec<String> {
        let side = |value: &Option<Value>| value.as_ref().map_or("none".to_owned(), Value::to_string);
        let one =
            |change: &ValueChange| format!("{}: {} -> {}", change.pointer, side(&change.before), side(&change.after));
        changes(Some(&before), Some(&after)).iter().map(one).collect()
    }

    #[test]
    fn differences_are_as_small_as_they_can_be() {
        for (before, after, expected) in [
            (json!({"a": 1}), json!({"a": 1}), vec![]),
            (json!({"a": 1, "b": 2}), json!({"b": 3, "c": 4}), vec!["/a: 1 -> none", "/b: 2 -> 3", "/c: none -> 4"]),
            (json!({"a": null}), json!({}), vec!["/a: null -> none"]),
            (json!([1, 2, 3]), json!([2, 3, 4]), vec!["/0: 1 -> none", "/2: none -> 4"]),
            (json!([{"n": 1, "t": "x"}]), json!([{"n": 1, "t": "y"}]), vec!["/0/t: \"x\" -> \"y\""]),
            (json!({"a/b": {"c~d": [1]}}), json!({"a/b": {"c~d": [2]}}), vec!["/a~1b/c~0d/0: 1 -> 2"]),
            (json!("x"), json!(["x"]), vec![": \"x\" -> [\"x\"]"]),
            (json!({"b": 1, "a": 2}), json!({"a": 2, "b": 1}), vec![]),
        ] {
            assert_eq!(shown(before.clone(), after.clone()), expected, "{before} {after}");
        }
    }

    #[test]
    fn texts_of_several_lines_are_compared_by_lines() {
        let found = changes(Some(&json!({"text": "a\nb\n"})), Some(&json!({"text": "a\nc\n"})));
        assert_eq!(found[0].pointer, "/text");
        assert_eq!(found[0].lines.as_ref().map(Vec::len), Some(1));
        assert_eq!(changes(None, Some(&json!(1)))[0].before, None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (0..4_u8).prop_map(Value::from)];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-c/~]", inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_pointer_leads_to_what_is_said_of_it(before in any_json(), after in any_json()) {
            let found = changes(Some(&before), Some(&after));
            prop_assert_eq!(found.is_empty(), before == after);
            for change in &found {
                prop_assert!(change.before != change.after);
                match &change.after {
                    Some(value) => prop_assert_eq!(after.pointer(&change.pointer), Some(value)),
                    None => prop_assert!(change.before.is_some()),
                }
            }
        }
    }
}
