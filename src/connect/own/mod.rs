//! The organisation's own tools: commands and HTTP endpoints of `config/tools.json`.
//!
//! A tool is read once for each tick, with its schema, and by the same code when the file is checked: what [`problems`]
//! calls an error is a tool that refuses every call and says why.

mod address;
mod arguments;
mod command;
mod headers;
mod http;
mod template;

pub(super) use self::headers::is_secret as names_a_secret;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use self::arguments::Arguments;
use self::command::Command;
use self::http::Endpoint;
use super::Parts;
use crate::domain::credits::Credits;
use crate::domain::json::sorted;
use crate::domain::name::ToolName;
use crate::domain::toolbox::{Effect, OwnTool, Toolbox, Worth};
use crate::tool::limits::MAX_RESULT_BYTES;
use crate::tool::web::Web;
use crate::tool::{CallFailure, Desk, Tool, ToolError, catalogue, scratch};

/// The time limit of a call if nothing else is said.
const DEFAULT_TIME: Duration = Duration::from_secs(30);

/// The longest time limit of a call: a tick waits for it.
const MAX_TIME: Duration = Duration::from_secs(300);

/// The longest name that every provider takes. Sources: the references of `OpenAI`, Anthropic and Bedrock, names of tools.
const MAX_NAME_BYTES: usize = 64;

/// Something that is wrong with a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Whether the tool cannot be called because of it.
    pub(crate) is_error: bool,
    /// A stable word for its sort.
    pub(crate) code: &'static str,
    /// Where, below the tool.
    pub(crate) pointer: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What would be right.
    pub(crate) expected: String,
}

impl Problem {
    fn error(code: &'static str, pointer: impl Into<String>) -> Self {
        Self { is_error: true, code, pointer: pointer.into(), message: String::new(), expected: String::new() }
    }

    fn warning(code: &'static str, pointer: impl Into<String>) -> Self {
        Self { is_error: false, ..Self::error(code, pointer) }
    }

    fn says(mut self, message: impl Into<String>, expected: impl Into<String>) -> Self {
        self.message = message.into();
        self.expected = expected.into();
        self
    }
}

/// All that is wrong with a tool.
#[derive(Debug, Default)]
struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Checks a place for an argument.
    fn place(&mut self, arguments: &Arguments, name: &str, at: &str) {
        if arguments.property(name).is_none() {
            let known = arguments.names();
            let expected = match crate::validate::nearest(name, known.iter().copied()) {
                Some(near) => format!(
                    "did you mean {{{near}}}? A name in braces that is meant as it stands has two of them: {{{{{name}}}}}"
                ),
                None => format!(
                    "add {name:?} to `properties` of the arguments, or write {{{{{name}}}}} if it is meant as it stands"
                ),
            };
            self.add(
                Problem::error("unknown_argument", at)
                    .says(format!("has {{{name}}}, and there is no such argument"), expected),
            );
        } else if !arguments.can_be_plain(name) {
            let message = format!("has {{{name}}}, which is never a text, a number or a boolean");
            let expected =
                "leave it out: a command is given all arguments on its standard input, an endpoint in the body";
            self.add(Problem::error("wrong_argument", at).says(message, expected));
        }
    }
}

/// What a tool is made of.
#[derive(Debug)]
enum Kind {
    Command(Command),
    Http(Endpoint),
}

/// A tool that can be called, or why it cannot.
type Ready = Result<(Arguments, Kind), String>;

/// A tool of the organisation's own.
#[derive(Debug)]
struct Own {
    name: String,
    description: String,
    schema: Value,
    effect: Effect,
    worth: Option<Worth>,
    ready: Ready,
}

/// The organisation's own tools.
pub(super) fn tools(parts: &Parts, toolbox: &Toolbox) -> Vec<Arc<dyn Tool>> {
    let web = Arc::new(Web::once(Arc::clone(&parts.resolver)));
    let make = |(name, tool): (&ToolName, &OwnTool)| -> Option<Arc<dyn Tool>> {
        if let Some(problem) = name_problem(name) {
            // A provider would refuse every request that has it.
            tracing::warn!(event = "tool_left_out", tool_name = name.as_str(), why = %problem.message, "an own tool is left out");
            return None;
        }
        Some(Arc::new(Own::new(name, tool, parts, &web)))
    };
    toolbox.tools.iter().filter_map(make).collect()
}

/// What is wrong with a tool, every problem at once.
pub(crate) fn problems(name: &ToolName, tool: &OwnTool, parts: &Parts) -> Vec<Problem> {
    let mut found = Found::default();
    found.0.extend(name_problem(name));
    let web = Arc::new(Web::once(Arc::clone(&parts.resolver)));
    if let Some((_, Kind::Http(endpoint))) = read(tool, parts, &web, &mut found) {
        endpoint.check_secrets(&mut found);
        if endpoint.is_get() && tool.terms.effect.is_none() {
            let problem = Problem::warning("no_effect_said", "");
            let message = "has no `effect`, so that each call waits for a person's yes";
            found.add(
                problem.says(message, "say `\"effect\": \"none\"` if it only looks, or `\"once\"` if it is meant"),
            );
        }
    }
    found.0
}

fn name_problem(name: &ToolName) -> Option<Problem> {
    let error = |message: &str, expected: &str| Some(Problem::error("bad_tool_name", "").says(message, expected));
    if catalogue::facts(name.as_str()).is_some() {
        return error("has the name of a built-in tool", "rename it");
    }
    let is_plain = name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !is_plain || name.as_str().len() > MAX_NAME_BYTES {
        return error(
            "has a name that not every model takes",
            "must be at most 64 letters, digits, `_` and `-`, and begin with a letter",
        );
    }
    None
}

/// Reads a tool. What is wrong with it is in `found`; with an error there is none.
fn read(tool: &OwnTool, parts: &Parts, web: &Arc<Web>, found: &mut Found) -> Option<(Arguments, Kind)> {
    let terms = &tool.terms;
    if terms.timeout.is_some_and(|time| time.duration() > MAX_TIME) {
        let problem = Problem::error("out_of_range", "/timeout");
        found.add(problem.says("is longer than a tick waits", format!("must be {} s or less", MAX_TIME.as_secs())));
    }
    if terms.max_result_bytes.is_some_and(|max| usize::try_from(max.get()).is_ok_and(|max| max > MAX_RESULT_BYTES)) {
        let problem = Problem::warning("out_of_range", "/max_result_bytes");
        found.add(problem.says("is more than any result may have", format!("must be {MAX_RESULT_BYTES} or less")));
    }
    let arguments = match Arguments::new(&tool.arguments) {
        Ok(arguments) => arguments,
        Err((pointer, why)) => {
            let problem = Problem::error("bad_schema", format!("/arguments{pointer}"));
            found.add(
                problem.says(why, "must be the JSON Schema of an object: `\"type\": \"object\"` and `properties`"),
            );
            // What else is wrong is found by the names alone.
            Arguments::new(&names_of(&tool.arguments)).ok()?
        }
    };
    if arguments.is_open() {
        let problem = Problem::warning("open_arguments", "/arguments");
        let message = "takes arguments that it does not name, and passes them on";
        found.add(problem.says(message, "add `\"additionalProperties\": false`"));
    }
    if let Some(Worth::Argument(pointer)) = &terms.worth
        && !arguments.has(pointer)
    {
        let problem = Problem::warning("unknown_argument", "/worth/argument");
        let message = format!(
            "is {pointer:?}, which the arguments do not have: every call waits that a rule asks for above an amount"
        );
        found.add(problem.says(message, "must be a JSON pointer into the arguments, such as /amount"));
    }
    let kind = match (&tool.command, &tool.http) {
        (Some(command), None) => {
            Command::new(command, &arguments, terms, parts.sandbox.as_ref(), found).map(Kind::Command)
        }
        (None, Some(call)) => Endpoint::new(call, &arguments, terms, (&parts.environment, web), found).map(Kind::Http),
        (Some(_), Some(_)) => {
            let problem = Problem::error("ambiguous_tool", "");
            found.add(problem.says("has a command and http", "must have one of them"));
            None
        }
        (None, None) => {
            let problem = Problem::error("empty_tool", "");
            found.add(problem.says("has neither a command nor http", "must have one of them"));
            None
        }
    };
    if found.0.iter().any(|problem| problem.is_error) {
        return None;
    }
    kind.map(|kind| (arguments, kind))
}

/// A schema of arguments of the same names, each of which may be anything.
fn names_of(schema: &Map<String, Value>) -> Map<String, Value> {
    let names = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let properties: Map<String, Value> = names.map(|(name, _)| (name.clone(), json!({}))).collect();
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let required: BTreeSet<&str> = required.filter_map(Value::as_str).collect();
    let whole = [
        ("type", json!("object")),
        ("properties", properties.into()),
        ("required", json!(required)),
        ("additionalProperties", json!(false)),
    ];
    whole.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

impl Own {
    fn new(name: &ToolName, tool: &OwnTool, parts: &Parts, web: &Arc<Web>) -> Self {
        let mut found = Found::default();
        let made = read(tool, parts, web, &mut found);
        let ready = made.ok_or_else(|| {
            let problem = found.0.iter().find(|problem| problem.is_error);
            let why = problem.map_or_else(String::new, |problem| format!("{}: {}", problem.pointer, problem.message));
            format!("config/tools.json is wrong, /tools/{name}{why}")
        });
        let schema = match &ready {
            Ok(_) => Value::Object(tool.arguments.clone()),
            // What is no schema must not reach a provider: it would refuse the whole request.
            Err(_) => json!({"type": "object", "properties": {}}),
        };
        let effect = match &ready {
            Ok((_, Kind::Command(command))) => command.effect(),
            Ok((_, Kind::Http(_))) => tool.terms.effect.unwrap_or_default(),
            // It does nothing.
            Err(_) => Effect::None,
        };
        let (description, worth) = (tool.description.clone(), tool.terms.worth.clone());
        Self { name: name.to_string(), description, schema, effect, worth, ready }
    }
}

#[async_trait]
impl Tool for Own {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn arguments(&self) -> Value {
        self.schema.clone()
    }

    fn effect(&self) -> Effect {
        self.effect
    }

    fn worth(&self, arguments: &Value) -> Option<Credits> {
        self.worth.as_ref()?.of(arguments)
    }

    fn asks_outside(&self, _: &Value) -> bool {
        matches!(self.ready, Ok((_, Kind::Http(_))))
    }

    fn changed(&self, _: &Value, result: &Value) -> Option<Vec<String>> {
        match &self.ready {
            Ok((_, Kind::Command(command))) if command.keeps_files() => scratch::changed(result),
            _ => Some(Vec::new()),
        }
    }

    async fn call(&self, arguments: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let (schema, kind) = self.ready.as_ref().map_err(|why| ToolError(why.clone()))?;
        schema.check(&arguments)?;
        // In one order, as records keep them: what is sent is what was shown to whoever was asked.
        let arguments = sorted(&arguments);
        match kind {
            Kind::Command(command) => command.call(schema, &arguments, desk).await,
            Kind::Http(endpoint) => endpoint.call(&arguments, desk).await,
        }
    }
}
