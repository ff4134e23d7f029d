//! What a call brings: its arguments, with what is wrong with them named by its place; and the schemas that say so before.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use serde_path_to_error::{Path, Segment};

use super::refusal::Refusal;

/// Reads the arguments of a call.
pub(super) fn parse<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(Value::Object(arguments)).map_err(|error| {
        let pointer = pointer(error.path());
        Refusal::usage(error.into_inner().to_string()).at(pointer)
    })
}

fn pointer(path: &Path) -> String {
    let parts = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => {
            let key = crate::clean::one_line(key, 80);
            Some(format!("/{}", key.replace('~', "~0").replace('/', "~1")))
        }
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    parts.collect()
}

/// The schema of a call's arguments.
pub(super) fn input<T: JsonSchema>() -> JsonObject {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    plain(&mut schema);
    match schema {
        Value::Object(mut schema) => {
            schema.remove("title");
            // The comment on the type is for us.
            schema.remove("description");
            schema.entry("properties").or_insert_with(|| json!({}));
            schema
        }
        _ => JsonObject::new(),
    }
}

/// Takes from a schema what strict clients do not know: the formats of Rust's numbers.
fn plain(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("format").is_some_and(Value::is_string) {
                fields.remove("format");
            }
            fields.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

/// A field of an answer: its name, its JSON type (`?`: it may be null or absent), and what it says.
pub(super) type Field = (&'static str, &'static str, &'static str);

/// The schema of an answer with these fields.
pub(super) fn output(fields: &[Field]) -> JsonObject {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, kind, about) in fields {
        let kind = match kind.strip_suffix('?') {
            Some(kind) => json!([kind, "null"]),
            None => {
                required.push(json!(name));
                json!(kind)
            }
        };
        properties.insert((*name).to_owned(), json!({ "type": kind, "description": about }));
    }
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("required".to_owned(), Value::Array(required));
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        /// How many.
        #[serde(default)]
        limit: Option<u64>,
        names: Vec<String>,
    }

    #[test]
    fn what_is_wrong_with_arguments_is_named_by_its_place() {
        for (arguments, pointer) in [
            (json!({"names": [1]}), json!("/names/0")),
            (json!({"names": [], "limit": -1}), json!("/limit")),
            (json!({"names": [], "evil/~": 1}), json!("/evil~1~0")),
            (json!({}), Value::Null),
        ] {
            let Value::Object(object) = arguments.clone() else { panic!("an object") };
            let refused = parse::<Sample>(object).expect_err("wrong").document();
            assert_eq!(refused["error"]["code"], "usage");
            assert_eq!(refused["error"].get("pointer").cloned().unwrap_or_default(), pointer, "{arguments}: {refused}");
        }
        let read: Sample = parse(JsonObject::from_iter([("names".to_owned(), json!(["a"]))])).expect("arguments");
        assert_eq!((read.limit, read.names), (None, vec!["a".to_owned()]));
    }

    #[test]
    fn schemas_are_plain() {
        let schema = Value::Object(input::<Sample>());
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["limit"]["description"], "How many.");
        assert!(!schema.to_string().contains("uint64"), "{schema}");
        let schema = Value::Object(output(&[("a", "array", "All."), ("b", "string?", "Perhaps.")]));
        assert_eq!(schema["required"], json!(["a"]));
        assert_eq!(schema["properties"]["b"]["type"], json!(["string", "null"]));
    }
}
