//! An own tool that is a program: it runs in the sandbox of `shell`, on copies of the files.

use std::time::Duration;

use serde_json::Value;

use super::arguments::Arguments;
use super::template::Template;
use super::{DEFAULT_TIME, Found, MAX_TIME, Problem};
use crate::domain::toolbox::{Effect, Terms};
use crate::domain::tools::SandboxRule;
use crate::sandbox::{Changes, Sandbox, Task};
use crate::tool::limits::{MAX_RESULT_BYTES, is_shallow, start_of};
use crate::tool::scratch::{self, Outcome};
use crate::tool::shell::{self, MAX_COMMAND_BYTES, MAX_WORDS};
use crate::tool::{CallFailure, Desk, ToolError};

/// A program with places for arguments.
#[derive(Debug)]
pub(super) struct Command {
    program: String,
    words: Vec<Template>,
    time: Duration,
    max_bytes: usize,
    /// What the organisation says that it does outside; absent: nothing, because it cannot.
    effect: Option<Effect>,
    sandbox: Option<Sandbox>,
}

impl Command {
    /// Reads a command. What is wrong with it is in `found`.
    pub(super) fn new(
        command: &[String],
        arguments: &Arguments,
        terms: &Terms,
        sandbox: Option<&Sandbox>,
        found: &mut Found,
    ) -> Option<Self> {
        let expected =
            "must begin with the name of a program, without its folder: it is looked for where the system's are";
        let Some((program, words)) = command.split_first() else {
            found.add(Problem::error("bad_program", "/command").says("is empty", expected));
            return None;
        };
        let is_name = !program.is_empty() && !program.starts_with(['.', '-']) && !program.contains(['/', '\0', '{']);
        if !is_name {
            found.add(
                Problem::error("bad_program", "/command/0").says(format!("is {:?}", start_of(program, 80)), expected),
            );
        }
        if command.len() > MAX_WORDS || command.iter().map(String::len).sum::<usize>() > MAX_COMMAND_BYTES {
            let expected = format!("must have at most {MAX_WORDS} words and {MAX_COMMAND_BYTES} bytes");
            found.add(Problem::error("out_of_range", "/command").says("is too long", expected));
        }
        let templates: Vec<Template> = words.iter().map(|word| Template::new(word)).collect();
        for (i, (word, template)) in (1..).zip(words.iter().zip(&templates)) {
            if word.contains('\0') {
                let problem = Problem::error("bad_word", format!("/command/{i}"));
                found.add(problem.says("holds NUL, which no argument can", "leave it out"));
            }
            for name in template.names() {
                found.place(arguments, name, &format!("/command/{i}"));
            }
        }
        if terms.idempotency_key.is_some() {
            let problem = Problem::warning("no_effect", "/idempotency_key");
            found.add(problem.says("is said of a command, which has no header", "leave it out"));
        }
        let max_bytes =
            terms.max_result_bytes.map_or(MAX_RESULT_BYTES, |max| usize::try_from(max.get()).unwrap_or(usize::MAX));
        Some(Self {
            program: program.clone(),
            words: templates,
            time: terms.timeout.map_or(DEFAULT_TIME, |time| time.duration().min(MAX_TIME)),
            max_bytes,
            effect: terms.effect,
            sandbox: sandbox.cloned(),
        })
    }

    /// What a call does outside. In the sandbox it reaches no network and writes nothing but copies, so that all that it
    /// does lies at the desk; and without one it is only run if the organisation says what it does then.
    pub(super) fn effect(&self) -> Effect {
        self.effect.unwrap_or(Effect::None)
    }

    /// Says whether changes of files become the turn's. Of a call that is taken from a record nothing but the result is,
    /// and calls that do something outside are.
    pub(super) fn keeps_files(&self) -> bool {
        self.effect() == Effect::None
    }

    pub(super) async fn call(
        &self,
        schema: &Arguments,
        arguments: &Value,
        desk: &mut dyn Desk,
    ) -> Result<Value, CallFailure> {
        let allowed = desk.settings().sandbox == SandboxRule::WhereAvailable;
        let required = !allowed || self.effect.is_none();
        let words = self.words(schema, arguments, required)?;
        let task = Task::Program {
            name: self.program.clone(),
            arguments: words,
            allow: vec![self.program.clone()],
            input: format!("{arguments}\n"),
        };
        let sandbox = self.sandbox.clone().map(|sandbox| sandbox.with_time(self.time));
        let mut done = match scratch::run(sandbox.as_ref(), task, required, desk).await? {
            Outcome::Done(done) => done,
            Outcome::Repeated(result) => return Ok(result),
        };
        let (mut changes, result) = shell::told(&mut done)?;
        let changed = !changes.written.is_empty() || !changes.deleted.is_empty();
        if changed && !self.keeps_files() {
            changes = Changes { notes: changes.notes, ..Changes::default() };
            let effect = self.effect().as_str();
            changes.notes.push(format!("changes of files were not kept: the tool's effect is {effect:?}"));
        }
        done.keep(changes, shown(result, self.max_bytes), desk).await
    }

    /// The arguments of the program.
    fn words(&self, schema: &Arguments, arguments: &Value, required: bool) -> Result<Vec<String>, ToolError> {
        let mut words = Vec::new();
        let mut only_operands = false;
        for template in &self.words {
            only_operands |= template.as_text() == Some("--");
            let filled = template.fill(arguments, |name, value| {
                if value.contains('\0') {
                    return Err(ToolError(format!("wrong arguments: /{name} holds NUL, which no argument can")));
                }
                // Nothing keeps it in its folder but this.
                if let Some(why) = shell::objection(&value).filter(|_| !required) {
                    return Err(ToolError(format!("wrong arguments: /{name} {why}")));
                }
                Ok(value)
            })?;
            // An argument that was not given takes the word with it that it stands in: `--days={days}`.
            let Some(word) = filled else { continue };
            let is_listed =
                || template.names().all(|name| arguments.get(name).is_some_and(|value| schema.lists(name, value)));
            if let Some(name) = template.first()
                && word.starts_with('-')
                && !only_operands
                && !is_listed()
            {
                return Err(ToolError(format!(
                    "wrong arguments: /{name} begins with `-`: the program would take it for an option"
                )));
            }
            words.push(word);
        }
        let bytes: usize = words.iter().map(String::len).sum();
        if bytes > MAX_COMMAND_BYTES {
            let message =
                format!("wrong arguments: the command would have {bytes} bytes, more than {MAX_COMMAND_BYTES}");
            return Err(ToolError(message));
        }
        Ok(words)
    }
}

/// The result of a program, with its output as JSON if it is a list or an object, within `max` bytes.
fn shown(mut result: Value, max: usize) -> Value {
    let is_long = result.to_string().len() > max;
    let Some(fields) = result.as_object_mut() else { return result };
    let parsed = fields.get("stdout").and_then(Value::as_str).and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(json) = parsed.filter(|json| !is_long && (json.is_object() || json.is_array()) && is_shallow(json)) {
        fields.remove("stdout");
        fields.insert("json".to_owned(), json);
    } else if is_long {
        for (name, max) in [("stdout", max - max / 4), ("stderr", max / 4)] {
            if let Some(Value::String(text)) = fields.get_mut(name)
                && text.len() > max
            {
                let left = text.len() - start_of(text, max).len();
                text.truncate(text.len() - left);
                text.push_str(&format!("\n[at least {left} bytes more]"));
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(schema: Value) -> Arguments {
        Arguments::new(schema.as_object().expect("an object")).expect("a schema")
    }

    fn words(command: &[&str], properties: Value, arguments: Value) -> Result<Vec<String>, String> {
        let schema = schema(json!({"type": "object", "properties": properties}));
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let mut found = Found::default();
        let made = Command::new(&command, &schema, &Terms::default(), None, &mut found).expect("a command");
        assert_eq!(found.0, []);
        made.words(&schema, &arguments, true).map_err(|error| error.0)
    }

    #[test]
    fn arguments_become_words_and_what_was_not_given_takes_its_word_with_it() {
        let properties = json!({"a": {}, "n": {}, "b": {}});
        let command = ["p", "-x", "{a}", "--n={n}", "{{a}}", "{b}"];
        let made = words(&command, properties.clone(), json!({"a": "x y; $(z)", "n": 2, "b": false}));
        assert_eq!(made, Ok(["-x", "x y; $(z)", "--n=2", "{a}", "false"].map(str::to_owned).into()));
        assert_eq!(words(&command, properties, json!({"a": ""})), Ok(["-x", "", "{a}"].map(str::to_owned).into()));
    }

    #[test]
    fn no_argument_becomes_an_option_by_accident() {
        let free = json!({"a": {"type": "string"}, "b": {}});
        for command in [vec!["p", "{a}"], vec!["p", "{a}.txt"], vec!["p", "-x", "{a}"], vec!["p", "{b}{a}"]] {
            let made = words(&command, free.clone(), json!({"a": "--delete", "b": ""}));
            assert!(made.as_ref().is_err_and(|error| error.contains("option")), "{command:?}: {made:?}");
        }
        assert!(words(&["p", "{b}"], free.clone(), json!({"b": -1})).is_err());
        for command in [vec!["p", "--", "{a}"], vec!["p", "--name={a}"], vec!["p", "x{a}"]] {
            assert!(words(&command, free.clone(), json!({"a": "--delete"})).is_ok(), "{command:?}");
        }
        let listed = json!({"a": {"enum": ["-l", "-a"]}, "b": {}});
        assert_eq!(words(&["p", "{a}"], listed.clone(), json!({"a": "-l"})), Ok(vec!["-l".to_owned()]));
        assert!(words(&["p", "{a}{b}"], listed, json!({"a": "-l", "b": "x"})).is_err());
    }

    #[test]
    fn nul_and_what_is_too_long_never_reach_a_program() {
        let properties = json!({"a": {}});
        assert!(
            words(&["p", "{a}"], properties.clone(), json!({"a": "x\0y"})).is_err_and(|error| error.contains("NUL"))
        );
        assert!(words(&["p", "{a}"], properties.clone(), json!({"a": "x".repeat(MAX_COMMAND_BYTES + 1)})).is_err());
        assert!(words(&["p", "{a}"], properties, json!({"a": ["x"]})).is_err());
    }

    #[test]
    fn a_list_or_an_object_is_given_as_json_and_what_is_long_is_cut() {
        let of = |stdout: &str, max| shown(json!({"stdout": stdout, "stderr": "e", "exit_code": 0}), max);
        assert_eq!(of("{\"a\": [1]}\n", 1000), json!({"json": {"a": [1]}, "stderr": "e", "exit_code": 0}));
        assert_eq!(of("42\n", 1000)["stdout"], "42\n");
        assert_eq!(of(&format!("{}1{}", "[".repeat(100), "]".repeat(100)), 1000).get("json"), None);
        let cut = of(&"ä".repeat(1000), 400);
        assert!(cut["stdout"].as_str().expect("text").ends_with("more]") && cut.to_string().len() < 500, "{cut}");
    }
}
