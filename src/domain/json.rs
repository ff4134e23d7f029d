//! JSON on one line, its fields in order: the same text whatever order they came in.
//!
//! A feature of a dependency (`preserve_order` of serde_json) decides in which order a value keeps its
//! fields. What is compared, hashed or shown to a model must not depend on that.

use serde_json::Value;

/// A value on one line, the fields of its objects in the order of their names.
#[must_use]
pub fn line(value: &Value) -> String {
    sorted(value).to_string()
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
    }
}
