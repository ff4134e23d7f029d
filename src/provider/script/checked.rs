//! The check of a script: what passes it can only fail on what a call brings.

use regex::Regex;
use serde_json::Value;

use super::{Rule, ScriptFile};
use crate::provider::template::{self, TemplateError};

/// A mistake in a script. A person must mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}, at {pointer}: {cause}")]
pub struct ScriptError {
    /// The file, or the model whose configuration holds the rules.
    pub origin: String,
    /// Where in it, as a JSON pointer.
    pub pointer: String,
    /// What is wrong there.
    pub cause: String,
}

/// A rule that has been checked.
#[derive(Debug)]
pub(in crate::provider) struct Checked {
    pub(in crate::provider) rule: Rule,
    pub(in crate::provider) pointer: String,
    pub(in crate::provider) text_matches: Option<Regex>,
}

/// Rules that have been checked: expressions, templates and regular expressions all compile.
#[derive(Debug)]
pub struct Script {
    pub(in crate::provider) origin: String,
    pub(in crate::provider) rules: Vec<Checked>,
}

impl Script {
    /// Reads a script from the bytes of a file; `origin` names it in messages.
    ///
    /// # Errors
    /// The bytes are not JSON, or not a script: the message says where and why.
    pub fn from_bytes(bytes: &[u8], origin: &str) -> Result<Self, ScriptError> {
        let file = serde_json::from_slice(bytes).map_err(|cause| ScriptError {
            origin: origin.to_owned(),
            pointer: "/".to_owned(),
            cause: format!("not JSON: {cause}"),
        })?;
        Self::from_value(file, origin)
    }

    /// Reads a script from JSON; `origin` names it in messages.
    ///
    /// # Errors
    /// The value is not a script: the message says where and why.
    pub fn from_value(mut file: Value, origin: &str) -> Result<Self, ScriptError> {
        let error = |pointer: &str, cause: String| ScriptError {
            origin: origin.to_owned(),
            pointer: pointer.to_owned(),
            cause,
        };
        // Rules one by one, so that a mistake is named by its rule: serde does not say where it was.
        let rules = match file.get_mut("rules").map(Value::take) {
            Some(Value::Array(rules)) => rules,
            _ => return Err(error("/rules", "expected a list of rules".to_owned())),
        };
        file["rules"] = Value::Array(Vec::new());
        serde_json::from_value::<ScriptFile>(file).map_err(|cause| error("/", cause.to_string()))?;
        let mut checked = Vec::with_capacity(rules.len());
        for (i, rule) in rules.into_iter().enumerate() {
            let pointer = format!("/rules/{i}");
            let rule = serde_json::from_value(rule).map_err(|cause| error(&pointer, cause.to_string()))?;
            checked.push(check(rule, pointer).map_err(|e| error(&e.pointer, e.cause))?);
        }
        Ok(Self { origin: origin.to_owned(), rules: checked })
    }

    pub(in crate::provider) fn error(&self, e: TemplateError) -> ScriptError {
        ScriptError { origin: self.origin.clone(), pointer: e.pointer, cause: e.cause }
    }
}

fn check(rule: Rule, pointer: String) -> Result<Checked, TemplateError> {
    if let Some(condition) = &rule.when.condition {
        template::check_condition(condition, &format!("{pointer}/when/if"))?;
    }
    template::check_object(&rule.answer, &format!("{pointer}/answer"))?;
    let text_matches = rule
        .when
        .text_matches
        .as_deref()
        .map(Regex::new)
        .transpose()
        .map_err(|e| TemplateError { pointer: format!("{pointer}/when/text_matches"), cause: e.to_string() })?;
    Ok(Checked { rule, pointer, text_matches })
}
