//! Texts of `config/tools.json` with places for arguments: `{name}`.
//!
//! Only a name in braces is a place, so that most programs of `jq` and most JSON stand there as they are; what would be
//! one and is not meant as one is written with two braces: `{{name}}`.

use serde_json::Value;

use crate::tool::ToolError;

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Argument(String),
}

/// A text with places for arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

impl Template {
    /// Reads a template: every text is one.
    pub(super) fn new(mut text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        while let Some(at) = text.find('{') {
            plain.push_str(&text[..at]);
            text = &text[at..];
            if let Some((name, rest)) = name_in(text, "{{", "}}") {
                plain.push_str(&format!("{{{name}}}"));
                text = rest;
            } else if let Some((name, rest)) = name_in(text, "{", "}") {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Argument(name.to_owned()));
                text = rest;
            } else {
                plain.push('{');
                text = &text[1..];
            }
        }
        plain.push_str(text);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Self(pieces)
    }

    /// The names of its arguments.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Argument(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The name of the argument that it begins with, if it begins with one.
    pub(super) fn first(&self) -> Option<&str> {
        match self.0.first() {
            Some(Piece::Argument(name)) => Some(name),
            _ => None,
        }
    }

    /// The text, if it has no place for an argument.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with arguments in their places, each written by `write`; `None`: one of them was not given.
    pub(super) fn fill(
        &self,
        arguments: &Value,
        write: impl Fn(&str, String) -> Result<String, ToolError>,
    ) -> Result<Option<String>, ToolError> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Argument(name) => match arguments.get(name) {
                    Some(value) => filled.push_str(&write(name, plain(name, value)?)?),
                    None => return Ok(None),
                },
            }
        }
        Ok(Some(filled))
    }
}

/// The name at the start of a text, between these braces, and what follows.
fn name_in<'a>(text: &'a str, open: &str, close: &str) -> Option<(&'a str, &'a str)> {
    let (name, rest) = text.strip_prefix(open)?.split_once(close)?;
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (starts && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')).then_some((name, rest))
}

/// An argument as a text: a string as it is, a number or a boolean as JSON.
pub(super) fn plain(name: &str, value: &Value) -> Result<String, ToolError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(ToolError(format!("wrong arguments: /{name} must be a text, a number, true or false here")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fill(template: &str, arguments: Value) -> Option<String> {
        Template::new(template).fill(&arguments, |_, value| Ok(value)).expect("plain arguments")
    }

    #[test]
    fn a_name_in_braces_is_a_place_and_everything_else_is_text() {
        let arguments = json!({"a": "x y", "n": 1.5, "b": true, "a-b": "-", "tricky": "{a}"});
        for (template, filled) in [
            ("", ""),
            ("{a}", "x y"),
            ("--a={a}{n},{b}", "--a=x y1.5,true"),
            ("{a-b}", "-"),
            ("{{a}}", "{a}"),
            ("{{a}} {a}", "{a} x y"),
            ("{ a }", "{ a }"),
            ("{total: .x}", "{total: .x}"),
            ("{\"a\": {a}}", "{\"a\": x y}"),
            ("{", "{"),
            ("{}", "{}"),
            ("}{1}", "}{1}"),
            ("{ä}", "{ä}"),
            // What an argument holds is no template.
            ("{tricky}", "{a}"),
        ] {
            assert_eq!(fill(template, arguments.clone()).as_deref(), Some(filled), "{template}");
        }
        assert_eq!(fill("--a={a}{missing}", arguments), None);
    }

    #[test]
    fn only_plain_values_have_a_place_in_a_text() {
        for value in [json!(null), json!([1]), json!({})] {
            let filled = Template::new("{a}").fill(&json!({"a": value}), |_, value| Ok(value));
            assert!(filled.is_err_and(|error| error.0.contains("/a must be a text")));
        }
    }
}
