//! Fills the templates of a script's answer, within a bound on time and size.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value as Scope};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::{Map, Value};

/// The fuel of one template: a bound on its time, and on its memory at 64 bytes a unit.
const FUEL: u64 = 50_000;

/// The most bytes that all templates of one answer may make.
pub(super) const MAX_ANSWER_BYTES: usize = 1 << 20;

/// What is wrong with a template, and where.
#[derive(Debug)]
pub(super) struct TemplateError {
    pub(super) pointer: String,
    pub(super) cause: String,
}

/// What templates see of `value`.
pub(super) fn data(value: impl Serialize) -> Scope {
    Scope::from(Serde(value))
}

/// Checks that `condition` is an expression.
pub(super) fn check_condition(condition: &str, pointer: &str) -> Result<(), TemplateError> {
    let compiled = Environment::empty().compile_expression(condition).map(drop);
    compiled.map_err(|e| TemplateError { pointer: pointer.to_owned(), cause: e.to_string() })
}

/// Checks that every string in `object` is a template.
pub(super) fn check_object(object: &Map<String, Value>, pointer: &str) -> Result<(), TemplateError> {
    object.iter().try_for_each(|(key, value)| check(value, &child(pointer, key)))
}

fn check(value: &Value, pointer: &str) -> Result<(), TemplateError> {
    match value {
        Value::String(text) => {
            let compiled = Environment::empty().template_from_str(text).map(drop);
            compiled.map_err(|e| TemplateError { pointer: pointer.to_owned(), cause: e.to_string() })
        }
        Value::Array(list) => list.iter().enumerate().try_for_each(|(i, v)| check(v, &format!("{pointer}/{i}"))),
        Value::Object(object) => check_object(object, pointer),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// The pointer to a field, escaped by RFC 6901.
fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Evaluates the templates of one call.
pub(super) struct Filler {
    environment: Environment<'static>,
    left: usize,
}

impl Filler {
    pub(super) fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        // A message may end as its author wrote it.
        // It cannot fail with the usual delimiters.
        environment.set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build().unwrap_or_default());
        // What is missing may be asked for; where it is used, it is a typing error more often than not.
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        Self { environment, left: MAX_ANSWER_BYTES }
    }

    /// Says whether the expression is true.
    pub(super) fn holds(&self, condition: &str, pointer: &str, scope: &Scope) -> Result<bool, TemplateError> {
        let expression = self.environment.compile_expression_owned(condition.to_owned());
        let value = expression.and_then(|e| e.eval(scope.clone()));
        value
            .map(|v| v.is_true())
            .map_err(|e| TemplateError { pointer: format!("{pointer}/when/if"), cause: e.to_string() })
    }

    /// Fills every string of an object.
    pub(super) fn object(
        &mut self,
        object: &Map<String, Value>,
        pointer: &str,
        scope: &Scope,
    ) -> Result<Map<String, Value>, TemplateError> {
        let fill = |(key, value): (&String, &Value)| Ok((key.clone(), self.value(value, &child(pointer, key), scope)?));
        object.iter().map(fill).collect()
    }

    fn value(&mut self, value: &Value, pointer: &str, scope: &Scope) -> Result<Value, TemplateError> {
        Ok(match value {
            Value::String(text) => {
                self.text(text, scope).map_err(|cause| TemplateError { pointer: pointer.to_owned(), cause })?
            }
            Value::Array(list) => {
                let fill = |(i, v)| self.value(v, &format!("{pointer}/{i}"), scope);
                Value::Array(list.iter().enumerate().map(fill).collect::<Result<_, _>>()?)
            }
            Value::Object(object) => Value::Object(self.object(object, pointer, scope)?),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }

    fn text(&mut self, text: &str, scope: &Scope) -> Result<Value, String> {
        let (value, bytes) = match single_expression(text) {
            Some(expression) => {
                let value = self.expression(expression, scope)?;
                let bytes = value.to_string().len();
                (value, bytes)
            }
            None => {
                let text = self.environment.render_str(text, scope.clone()).map_err(|e| e.to_string())?;
                let bytes = text.len();
                (Value::String(text), bytes)
            }
        };
        let too_long = || format!("the answer is longer than {MAX_ANSWER_BYTES} bytes");
        self.left = self.left.checked_sub(bytes).ok_or_else(too_long)?;
        Ok(value)
    }

    fn expression(&self, expression: &str, scope: &Scope) -> Result<Value, String> {
        let expression = self.environment.compile_expression_owned(expression.to_owned()).map_err(|e| e.to_string())?;
        let value = expression.eval(scope.clone()).map_err(|e| e.to_string())?;
        if value.is_undefined() {
            return Err("the expression has no value here; `| default(...)` gives it one".to_owned());
        }
        serde_json::to_value(value).map_err(|e| format!("the value has no form in JSON: {e}"))
    }
}

/// The expression of a string that is `{{ expression }}` and nothing else.
fn single_expression(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    // `{{-` and `-}}` are about white space, which only text has.
    if inner.starts_with(['-', '+']) || inner.ends_with(['-', '+']) {
        return None;
    }
    // `{{ a }} and {{ b }}` begins and ends alike, and its inside is no expression.
    Environment::empty().compile_expression(inner).is_ok().then_some(inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fill(text: &str) -> Result<Value, String> {
        let scope = json!({"n": 2, "list": [1, {"a": "b"}], "name": "<Ada>", "evil": "{{ 7 * 7 }}", "empty": null});
        Filler::new().text(text, &data(scope))
    }

    #[test]
    fn a_single_expression_gives_its_value_and_anything_else_text() {
        for (template, value) in [
            ("plain", json!("plain")),
            ("{{ n }}", json!(2)),
            (" {{n+0.5}} ", json!(2.5)),
            ("{{ list }}", json!([1, {"a": "b"}])),
            ("{{ {'k': {'n': n}} }}", json!({"k": {"n": 2}})),
            ("{{ empty }}", Value::Null),
            ("{{ missing is defined }}", json!(false)),
            ("{{ missing | default(3) }}", json!(3)),
            ("{{ '}} {{' }}", json!("}} {{")),
            ("n={{ n }}", json!("n=2")),
            ("{{ n }}{{ n }}", json!("22")),
            ("{{ n }} and {{ name }}", json!("2 and <Ada>")),
            ("{{- n -}}", json!("2")),
            ("{% if missing %}x{% endif %}\n", json!("\n")),
            ("{{ list | tojson }}!", json!(r#"[1, {"a": "b"}]!"#)),
            ("{{ evil }}", json!("{{ 7 * 7 }}")),
            ("says {{ evil }}", json!("says {{ 7 * 7 }}")),
        ] {
            assert_eq!(fill(template), Ok(value), "{template}");
        }
    }

    #[test]
    fn what_is_missing_or_endless_is_an_error() {
        for bad in [
            "{{ missing }}",
            "a {{ missing }}",
            "{{ list[9].x }}",
            "{{ n.nope() }}",
            "{{ n | nope }}",
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            "{{ 'x' * 999999999 }}",
            "{{ range(99999) | list }}",
        ] {
            assert!(fill(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_answer_has_a_bound_over_all_its_templates() {
        let mut filler = Filler::new();
        let scope = data(json!({"long": "x".repeat(MAX_ANSWER_BYTES / 2)}));
        assert!(filler.text("{{ long }}", &scope).is_ok());
        assert!(filler.text("{{ long }}", &scope).is_err(), "the quotes are one byte too many");
    }

    #[test]
    fn mistakes_are_found_before_the_first_call() {
        let object = json!({"a~/b": ["fine", {"x": "{{ oops"}]});
        let error = check_object(object.as_object().expect("object"), "/answer").expect_err("mistake");
        assert_eq!(error.pointer, "/answer/a~0~1b/1/x");
        assert!(check_condition("memory.x > 2", "").is_ok());
        assert!(check_condition("{{ memory.x }} > 2", "").is_err());
    }
}
