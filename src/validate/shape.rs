//! Shape: a file against the JSON Schema of its type, every problem at once.

use std::sync::OnceLock;

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::{Finding, Findings};
use crate::schema::FileKind;

/// The shape of a kind of file.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) schema: Value,
    /// Our own schemas are tested to compile.
    validator: Option<Validator>,
}

impl Shape {
    /// The shape of a kind, made once: an organisation has a resume for each of a thousand agents.
    pub(super) fn of(kind: FileKind) -> &'static Self {
        static SHAPES: [OnceLock<Shape>; FileKind::ALL.len()] = [const { OnceLock::new() }; FileKind::ALL.len()];
        let make = || {
            let schema = kind.schema();
            let validator = Validator::new(&schema).ok();
            Self { schema, validator }
        };
        SHAPES[kind as usize].get_or_init(make)
    }

    /// Adds what of `value` does not fit.
    pub(super) fn check(&self, path: &str, value: &Value, found: &mut Findings) {
        for error in self.validator.iter().flat_map(|validator| validator.iter_errors(value)) {
            add(path, &error, found);
        }
    }
}

fn add(path: &str, error: &ValidationError<'_>, found: &mut Findings) {
    // An optional field is "this or null": what is wrong with "this" is what people want to know.
    if let Kind::AnyOf { context } | Kind::OneOfNotValid { context } = error.kind() {
        let is_null = |branch: &Vec<ValidationError<'_>>| {
            let null = |kind: &TypeKind| matches!(kind, TypeKind::Single(kind) if kind.to_string() == "null");
            matches!(branch.as_slice(), [only] if matches!(only.kind(), Kind::Type { kind } if null(kind)))
        };
        let real: Vec<_> = context.iter().filter(|branch| !is_null(branch)).collect();
        if let [branch] = real.as_slice() {
            branch.iter().for_each(|error| add(path, error, found));
            return;
        }
    }
    let pointer = error.instance_path().to_string();
    let (code, expected) = expected(error);
    let message = match error.kind() {
        Kind::Required { property } => format!("the field {property} is missing"),
        Kind::Type { .. } => format!("is {}", what(error.instance())),
        _ => format!("is {}", shown(error.instance())),
    };
    found.add(Finding::error(code, path, pointer).says(message, expected));
}

fn expected(error: &ValidationError<'_>) -> (&'static str, String) {
    match error.kind() {
        Kind::Required { property } => ("missing_field", format!("add {property}")),
        Kind::Type { kind: TypeKind::Single(kind) } => {
            ("wrong_type", format!("must be {}", article(&kind.to_string())))
        }
        Kind::Type { kind: TypeKind::Multiple(kinds) } => {
            let kinds: Vec<String> = kinds.iter().map(|kind| article(&kind.to_string())).collect();
            ("wrong_type", format!("must be {}", kinds.join(" or ")))
        }
        Kind::Minimum { limit } => ("out_of_range", format!("must be {limit} or more")),
        Kind::Maximum { limit } => ("out_of_range", format!("must be {limit} or less")),
        Kind::ExclusiveMinimum { limit } => ("out_of_range", format!("must be more than {limit}")),
        Kind::ExclusiveMaximum { limit } => ("out_of_range", format!("must be less than {limit}")),
        Kind::MinLength { limit: 1 } => ("out_of_range", "must not be empty".to_owned()),
        Kind::MinLength { limit } => ("out_of_range", format!("must have at least {limit} characters")),
        Kind::MaxLength { limit } => ("out_of_range", format!("must have at most {limit} characters")),
        Kind::Enum { options } => ("wrong_value", format!("must be one of {options}")),
        Kind::Pattern { pattern } => ("wrong_value", format!("must match {pattern}")),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            let options: Option<Vec<String>> = context.iter().map(|branch| constant(branch)).collect();
            match options {
                Some(options) => ("wrong_value", format!("must be one of {}", options.join(", "))),
                None => ("wrong_value", "must have one of the forms in `lemming schema`".to_owned()),
            }
        }
        _ => ("wrong_shape", error.to_string()),
    }
}

/// The constant that a branch of `oneOf` asks for: that is how the variants of an enum are written.
fn constant(branch: &[ValidationError<'_>]) -> Option<String> {
    branch.iter().find_map(|error| match error.kind() {
        Kind::Constant { expected_value } => Some(expected_value.to_string()),
        Kind::Enum { options } => Some(options.to_string()),
        _ => None,
    })
}

fn article(kind: &str) -> String {
    match kind {
        "null" => "null".to_owned(),
        "array" => "a list".to_owned(),
        "object" => "an object".to_owned(),
        "integer" => "a whole number".to_owned(),
        "string" => "a text".to_owned(),
        other => format!("a {other}"),
    }
}

fn what(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with decimals",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().count() > 60 => format!("a text of {} characters", text.chars().count()),
        Value::Array(_) | Value::Object(_) => what(value).to_owned(),
        plain => plain.to_string(),
    }
}
