//! JSON on one line, its fields in order: the same text whatever order they came in.
//!
//! A feature of a dependency (`preserve_order` of serde_json) decides in which order a value keeps its
//! fields. What is compared, hashed or shown to a model must not depend on that.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// A value on one line, the fields of its objects in the order of their names.
#[must_use]
pub fn line(value: &Value) -> String {
    text(&InOrder(value))
}

/// What serde writes of `value`, on one line: for shapes whose fields stand in the order of their names, and whose
/// values are written [`InOrder`].
#[must_use]
pub fn text(value: &impl Serialize) -> String {
    // Only a key that is no text could fail, and no shape of ours has one.
    serde_json::to_string(value).unwrap_or_default()
}

/// Writes a value with the fields of its objects in the order of their names, without a copy of it.
#[derive(Debug, Clone, Copy)]
pub struct InOrder<'a>(pub &'a Value);

/// Writes an object's fields in the order of their names, without a copy of it.
#[derive(Debug, Clone, Copy)]
pub struct FieldsInOrder<'a>(pub &'a Map<String, Value>);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(items) => serializer.collect_seq(items.iter().map(InOrder)),
            Value::Object(fields) => FieldsInOrder(fields).serialize(serializer),
            plain => plain.serialize(serializer),
        }
    }
}

impl Serialize for FieldsInOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields: Vec<(&String, InOrder<'_>)> =
            self.0.iter().map(|(name, field)| (name, InOrder(field))).collect();
        fields.sort_unstable_by_key(|(name, _)| *name);
        serializer.collect_map(fields)
    }
}

/// The same value, with the fields of its objects in the order of their names.
#[must_use]
pub fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            Value::Object(fields.into_iter().map(|(name, field)| (name.clone(), sorted(field))).collect())
        }
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_the_order_of_their_names() {
        let value: Value = serde_json::from_str(r#"{"b": [{"d": 1, "c": 2}], "a": null}"#).expect("json");
        assert_eq!(line(&value), r#"{"a":null,"b":[{"c":2,"d":1}]}"#);
        assert_eq!(line(&value), sorted(&value).to_string());
    }
}
