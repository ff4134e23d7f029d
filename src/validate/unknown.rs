//! Fields that no schema names: kept and reported, because they are usually misspelt ones.

use serde_json::{Map, Value};

use super::{Finding, Findings, nearest};

/// Adds a warning for each field of `value` that `schema` does not know.
pub(super) fn check(path: &str, schema: &Value, value: &Value, found: &mut Findings) {
    walk(path, schema, schema, value, String::new(), found);
}

fn walk(path: &str, root: &Value, schema: &Value, value: &Value, pointer: String, found: &mut Findings) {
    match value {
        Value::Object(fields) => {
            let mut known = Map::new();
            let mut open = false;
            gather(root, schema, &mut known, &mut open);
            for (name, field) in fields {
                let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                match known.get(name) {
                    Some(schema) => walk(path, root, schema, field, pointer, found),
                    None if open => each(path, root, schema, field, pointer, found),
                    None if known.is_empty() => {}
                    None => {
                        let expected = match nearest(name, known.keys().map(String::as_str)) {
                            Some(near) => format!("did you mean {near:?}? It is kept and has no effect"),
                            None => "it is kept and has no effect".to_owned(),
                        };
                        let message = format!("the field {name:?} is not known");
                        found.add(Finding::warning("unknown_field", path, pointer).says(message, expected));
                    }
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = resolve(root, schema).get("items") {
                for (i, item) in items.iter().enumerate() {
                    walk(path, root, schema, item, format!("{pointer}/{i}"), found);
                }
            }
        }
        _ => {}
    }
}

/// A field of a map, such as a model of the registry.
fn each(path: &str, root: &Value, schema: &Value, field: &Value, pointer: String, found: &mut Findings) {
    let schema = resolve(root, schema);
    let any = schema.get("additionalProperties").filter(|schema| schema.is_object());
    // Our maps have one pattern for all keys; a key that does not match it is an error of its type.
    let by_pattern = || schema.get("patternProperties")?.as_object()?.values().next();
    if let Some(schema) = any.or_else(by_pattern) {
        walk(path, root, schema, field, pointer, found);
    }
}

/// The fields that a schema names, in all of its alternatives, and whether it takes any other.
fn gather(root: &Value, schema: &Value, known: &mut Map<String, Value>, open: &mut bool) {
    let schema = resolve(root, schema);
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        known.extend(properties.clone());
    }
    // `false` is for the shape to report, as an error.
    *open |= schema.get("additionalProperties").is_some() || schema.get("patternProperties").is_some();
    for alternatives in ["anyOf", "oneOf", "allOf"] {
        for alternative in schema.get(alternatives).and_then(Value::as_array).into_iter().flatten() {
            gather(root, alternative, known, open);
        }
    }
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix('#'));
    target.and_then(|at| root.pointer(at)).unwrap_or(schema)
}
