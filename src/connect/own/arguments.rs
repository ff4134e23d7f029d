//! The arguments of an own tool against their JSON Schema: nothing is run or sent before they fit.

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

use crate::tool::ToolError;
use crate::tool::limits::{is_shallow, start_of};

/// The longest schema, as JSON. It is part of every prompt of those who may call the tool.
pub(super) const MAX_SCHEMA_BYTES: usize = 32 * 1024;

/// The largest compiled `pattern`.
const MAX_PATTERN_BYTES: usize = 256 * 1024;

/// How many problems of one call are named, and how much of each.
const MAX_PROBLEMS: usize = 5;
const MAX_PROBLEM_BYTES: usize = 300;

/// A schema of arguments.
#[derive(Debug)]
pub(super) struct Arguments {
    schema: Map<String, Value>,
    validator: Validator,
}

impl Arguments {
    /// Reads a schema.
    ///
    /// # Errors
    /// It is none, or none of an object: where in it, and what is wrong.
    pub(super) fn new(schema: &Map<String, Value>) -> Result<Self, (String, String)> {
        let whole = Value::Object(schema.clone());
        let wrong = |why: String| (String::new(), why);
        let bytes = whole.to_string().len();
        if bytes > MAX_SCHEMA_BYTES {
            return Err(wrong(format!("has {bytes} bytes, more than {MAX_SCHEMA_BYTES}")));
        }
        if !is_shallow(&whole) {
            return Err(wrong("nests too deeply".to_owned()));
        }
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(("/type".to_owned(), "is not \"object\"".to_owned()));
        }
        if let Some((pointer, reference)) = references(&whole).into_iter().find(|(_, to)| !is_local(to)) {
            return Err((
                pointer,
                format!("is {:?}: only what stands in the schema itself can be referred to", start_of(reference, 80)),
            ));
        }
        if let Some(pointer) = circle(&whole) {
            return Err((pointer, "refers to itself before anything of the value is read".to_owned()));
        }
        // Patterns are matched in the time that the text takes, whatever a model sends: without look-around.
        let patterns = PatternOptions::regex().size_limit(MAX_PATTERN_BYTES);
        let built = jsonschema::options().offline().with_pattern_options(patterns).build(&whole);
        let validator = built.map_err(|error| {
            (
                error.instance_path().to_string(),
                format!("is no JSON Schema: {}", start_of(&error.to_string(), MAX_PROBLEM_BYTES)),
            )
        })?;
        Ok(Self { schema: schema.clone(), validator })
    }

    /// Refuses what does not fit, so that the model can mend it.
    pub(super) fn check(&self, arguments: &Value) -> Result<(), ToolError> {
        let mut errors = self.validator.iter_errors(arguments);
        let mut problems: Vec<String> = errors
            .by_ref()
            .take(MAX_PROBLEMS)
            .map(|error| {
                let at = error.instance_path().to_string();
                let at = if at.is_empty() { "the arguments" } else { start_of(&at, 100) };
                let rule = error.schema_path().to_string();
                let what = error.masked_with("it").to_string();
                format!("{at}: {} (rule {})", start_of(&what, MAX_PROBLEM_BYTES), start_of(&rule, 200))
            })
            .collect();
        if problems.is_empty() {
            return Ok(());
        }
        if errors.next().is_some() {
            problems.push("and more".to_owned());
        }
        Err(ToolError(format!("wrong arguments: {}", problems.join("; "))))
    }

    /// The schema of one argument.
    pub(super) fn property(&self, name: &str) -> Option<&Value> {
        self.schema.get("properties")?.get(name)
    }

    /// The names of the arguments.
    pub(super) fn names(&self) -> Vec<&str> {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        properties.into_iter().flat_map(|properties| properties.keys().map(String::as_str)).collect()
    }

    /// Says whether an argument must be given.
    pub(super) fn requires(&self, name: &str) -> bool {
        let required = self.schema.get("required").and_then(Value::as_array);
        required.is_some_and(|required| required.iter().any(|required| required == name))
    }

    /// Says whether it takes arguments that it does not name.
    pub(super) fn is_open(&self) -> bool {
        self.schema.get("additionalProperties").is_none_or(|more| more != &Value::Bool(false))
            && self.schema.get("unevaluatedProperties").is_none_or(|more| more != &Value::Bool(false))
    }

    /// Says whether an argument can be a text, a number or a boolean.
    pub(super) fn can_be_plain(&self, name: &str) -> bool {
        let is_plain = |kind: &Value| matches!(kind.as_str(), Some("string" | "number" | "integer" | "boolean"));
        match self.property(name).and_then(|property| property.get("type")) {
            Some(Value::Array(kinds)) => kinds.iter().any(is_plain),
            Some(kind) => is_plain(kind),
            None => true,
        }
    }

    /// Says whether the organisation itself wrote down this value of an argument.
    pub(super) fn lists(&self, name: &str, value: &Value) -> bool {
        let Some(property) = self.property(name) else { return false };
        let among = property.get("enum").and_then(Value::as_array).is_some_and(|values| values.contains(value));
        among || property.get("const") == Some(value)
    }

    /// Says whether the schema has something at this JSON pointer into the arguments.
    pub(super) fn has(&self, pointer: &str) -> bool {
        let whole = Value::Object(self.schema.clone());
        let mut at = &whole;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let of_list = || step.bytes().all(|b| b.is_ascii_digit()).then(|| at.get("items")).flatten();
            let Some(next) = at.get("properties").and_then(|all| all.get(&step)).or_else(of_list) else { return false };
            let target = next.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'));
            at = target.and_then(|to| whole.pointer(to)).unwrap_or(next);
        }
        pointer.starts_with('/')
    }
}

fn is_local(reference: &str) -> bool {
    reference.starts_with('#')
}

/// Every reference of a schema, with where it stands.
fn references(schema: &Value) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    let mut left = vec![(String::new(), schema)];
    while let Some((pointer, value)) = left.pop() {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                    match field.as_str().filter(|_| matches!(name.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef")) {
                        Some(to) => found.push((pointer, to)),
                        None => left.push((pointer, field)),
                    }
                }
            }
            Value::Array(items) => {
                left.extend(items.iter().enumerate().map(|(i, item)| (format!("{pointer}/{i}"), item)));
            }
            _ => {}
        }
    }
    found
}

/// Where a schema refers to itself, by references alone or by keywords that read the same value once more.
///
/// A schema may describe a tree, one level in each round. One that never reads a level is never done.
fn circle(schema: &Value) -> Option<String> {
    references(schema).into_iter().map(|(pointer, _)| pointer).find(|pointer| {
        let start = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        let (mut left, mut seen) = (vec![start.to_owned()], std::collections::BTreeSet::new());
        let mut is_first = true;
        while let Some(at) = left.pop() {
            if at == start && !is_first {
                return true;
            }
            is_first = false;
            if !seen.insert(at.clone()) {
                continue;
            }
            left.extend(same_value(schema, &at));
        }
        false
    })
}

/// The schemas that are applied to the same value as the one at a pointer.
fn same_value(schema: &Value, at: &str) -> Vec<String> {
    let Some(fields) = schema.pointer(at).and_then(Value::as_object) else { return Vec::new() };
    let mut next = Vec::new();
    for (name, field) in fields {
        match (name.as_str(), field) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(to)) => {
                next.extend(to.strip_prefix('#').map(str::to_owned));
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(all)) => {
                next.extend((0..all.len()).map(|i| format!("{at}/{name}/{i}")));
            }
            ("not" | "if" | "then" | "else", _) => next.push(format!("{at}/{name}")),
            ("dependentSchemas", Value::Object(all)) => {
                next.extend(all.keys().map(|key| format!("{at}/{name}/{}", key.replace('~', "~0").replace('/', "~1"))));
            }
            _ => {}
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(schema: Value) -> Result<Arguments, (String, String)> {
        Arguments::new(schema.as_object().expect("an object"))
    }

    #[test]
    fn a_refusal_names_the_place_and_the_rule() {
        let schema = json!({"type": "object", "required": ["city"], "additionalProperties": false, "properties": {
            "city": {"type": "string", "maxLength": 5}, "days": {"type": "integer", "maximum": 7}}});
        let arguments = arguments(schema).expect("a schema");
        assert_eq!(arguments.check(&json!({"city": "Ulm", "days": 7})), Ok(()));
        let refusal = arguments.check(&json!({"days": 8, "x": 1})).expect_err("a refusal").0;
        for part in ["/days: it is greater than the maximum of 7 (rule /properties/days/maximum)", "\"city\"", "'x'"] {
            assert!(refusal.contains(part), "{part} in {refusal}");
        }
        let long = arguments.check(&json!({"city": "x".repeat(1 << 16)})).expect_err("a refusal").0;
        assert!(long.len() < 600, "{} bytes", long.len());
        let many = json!((0..50).map(|i| (format!("x{i}"), json!(i))).collect::<Map<_, _>>());
        assert!(arguments.check(&many).expect_err("a refusal").0.len() < MAX_PROBLEMS * 700);
    }

    #[test]
    fn what_is_no_schema_of_an_object_is_named_with_its_place() {
        for (schema, at) in [
            (json!({}), "/type"),
            (json!({"type": "array"}), "/type"),
            (json!({"type": "object", "properties": {"a": {"type": "text"}}}), "/properties/a/type"),
            (json!({"type": "object", "properties": {"a": {"pattern": "("}}}), "/properties/a/pattern"),
            (json!({"type": "object", "properties": {"a": {"pattern": "(?=a)b"}}}), "/properties/a/pattern"),
            (json!({"type": "object", "properties": {"a": {"$ref": "https://a.example/x"}}}), "/properties/a/$ref"),
            (json!({"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}), "/properties/a/$ref"),
            (json!({"type": "object", "$ref": "#"}), "/$ref"),
            (json!({"type": "object", "allOf": [{"$ref": "#"}]}), "/allOf/0/$ref"),
            (json!({"type": "object", "not": {"$ref": "#"}}), "/not/$ref"),
            (json!({"type": "object", "description": "x".repeat(MAX_SCHEMA_BYTES)}), ""),
        ] {
            let (pointer, why) = arguments(schema.clone()).expect_err("no schema");
            assert_eq!(pointer, at, "{schema}: {why}");
        }
    }

    #[test]
    fn a_schema_may_describe_a_tree() {
        let tree = json!({"type": "object", "properties": {"below": {"type": "array", "items": {"$ref": "#"}}},
            "additionalProperties": false});
        let arguments = arguments(tree).expect("a schema");
        assert_eq!(arguments.check(&json!({"below": [{"below": []}]})), Ok(()));
        assert!(arguments.check(&json!({"below": [{"x": []}]})).is_err());
        assert!(arguments.has("/below") && arguments.has("/below/0/below") && !arguments.has("/x"));
        assert!(!arguments.has("below"));
    }

    #[test]
    fn a_pattern_takes_no_longer_than_the_text() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}});
        let arguments = arguments(schema).expect("a schema");
        assert!(arguments.check(&json!({"a": format!("{}!", "a".repeat(50_000))})).is_err());
    }
}
