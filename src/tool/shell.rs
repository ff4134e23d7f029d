//! `shell`: runs an allowed program on a copy of the files. No shell is involved.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::scratch::{self, Done, Outcome};
use super::{CallFailure, Desk, Tool, ToolError, arguments, schema};
use crate::sandbox::{Changes, End, Report, Sandbox, Task};

/// The most words of a command.
pub(crate) const MAX_WORDS: usize = 256;

/// The longest command, in bytes.
pub(crate) const MAX_COMMAND_BYTES: usize = 32 * 1024;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The program and its arguments: a list of words, or one line that is split as a shell would.
    command: Command,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Command {
    Words(Vec<String>),
    Line(String),
}

#[derive(Debug)]
pub(super) struct Shell {
    sandbox: Sandbox,
}

impl Shell {
    pub(super) fn new(sandbox: Sandbox) -> Self {
        Self { sandbox }
    }
}

#[async_trait]
impl Tool for Shell {
    fn name(&self) -> &'static str {
        "shell"
    }

    fn description(&self) -> &'static str {
        "Runs one program (such as grep, ls, cat, head, tail, jq; the organisation says which) in a folder that holds \
         copies of workspace/ and shared/. Changes in workspace/ are kept, shared/ can only be read. There is no \
         shell: no pipes, no redirections, no patterns of file names. No absolute paths, no `..`, no network."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    fn changed(&self, _arguments: &Value, result: &Value) -> Option<Vec<String>> {
        scratch::changed(result)
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let words = words(arguments::<Arguments>(value)?.command)?;
        let allow = desk.settings().shell.allow.clone();
        let Some((name, rest)) = words.split_first() else {
            return Err(ToolError("the command is empty".to_owned()).into());
        };
        check(name, rest, &allow)?;
        let task = Task::Program { name: name.clone(), arguments: rest.to_vec(), allow, input: String::new() };
        let mut done = match scratch::run(Some(&self.sandbox), task, scratch::is_required(desk), desk).await? {
            Outcome::Done(done) => done,
            Outcome::Repeated(result) => return Ok(result),
        };
        let (changes, result) = told(&mut done)?;
        done.keep(changes, result, desk).await
    }
}

/// What a program did to the files, and what it said and how it ended, for the model.
pub(crate) fn told(done: &mut Done) -> Result<(Changes, Value), ToolError> {
    let Report::Ran(ran) = std::mem::replace(&mut done.report, Report::Refused(String::new())) else {
        return Err(ToolError("the sandbox answered something else than was asked".to_owned()));
    };
    let mut result = json!({"stdout": scratch::text(ran.stdout), "stderr": scratch::text(ran.stderr)});
    match ran.end {
        End::Code(code) => result["exit_code"] = code.into(),
        End::Signal(signal) => {
            result["signal"] = signal.into();
            done.notes.extend(cause(signal).map(|cause| format!("it was stopped: {cause}")));
        }
        End::Full => return Err(ToolError("it filled its folder and was stopped; nothing of it was kept".to_owned())),
    }
    Ok((ran.changes, result))
}

/// What a signal of the limits means. Source: signal(7).
fn cause(signal: i32) -> Option<&'static str> {
    match signal {
        9 => Some("it was killed"),
        13 => Some("it wrote more than anybody reads"),
        24 => Some("it used more processor time than it may"),
        25 => Some("it wrote a longer file than it may"),
        _ => None,
    }
}

/// The words of a command.
fn words(command: Command) -> Result<Vec<String>, ToolError> {
    let line = match command {
        Command::Words(words) => return Ok(words),
        Command::Line(line) => line,
    };
    let words = shlex::split(&line).ok_or_else(|| ToolError("the command has a quote without its end".to_owned()))?;
    let operators = ["|", "||", "&", "&&", ";", "<", "<<", ">", ">>", "2>", "2>&1", "&>"];
    match words.iter().find(|word| operators.contains(&word.as_str())) {
        Some(operator) => Err(ToolError(format!(
            "there is no shell that knows {operator:?}: run one program at a time, or give a list of words if it is meant \
             as such"
        ))),
        None => Ok(words),
    }
}

/// Refuses what is not allowed. What this lets through that it should not, the sandbox stops.
fn check(name: &str, rest: &[String], allow: &[String]) -> Result<(), ToolError> {
    if !allow.iter().any(|allowed| allowed == name) || name.contains('/') {
        let name: String = name.chars().take(80).collect();
        return Err(ToolError(format!("{name:?} is not allowed: it must be one of {}", allow.join(", "))));
    }
    let bytes: usize = rest.iter().map(String::len).sum();
    if rest.len() >= MAX_WORDS || bytes > MAX_COMMAND_BYTES {
        return Err(ToolError(format!("a command has at most {MAX_WORDS} words and {MAX_COMMAND_BYTES} bytes")));
    }
    for word in rest {
        if let Some(why) = objection(word) {
            let word: String = word.chars().take(80).collect();
            return Err(ToolError(format!("the argument {word:?} {why}")));
        }
    }
    Ok(())
}

/// Why an argument may not be given to a program that nothing keeps in its folder.
pub(crate) fn objection(word: &str) -> Option<&'static str> {
    if word.contains('\0') {
        return Some("holds NUL, which no argument can");
    }
    // Also where a path follows an option: `--file=/etc/passwd`, `-f/etc/passwd`.
    let option = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')).and_then(|rest| rest.get(1..));
    let pieces = || word.split(['=', ':', ',']).chain(option);
    if pieces().any(|piece| piece.starts_with('/') || piece.starts_with('~')) {
        return Some("is an absolute path: paths begin with workspace/ or shared/");
    }
    if pieces().any(|piece| piece.split('/').any(|segment| segment == "..")) {
        return Some("has the segment `..`: paths begin with workspace/ or shared/");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Result<Vec<String>, ToolError> {
        words(Command::Line(line.to_owned()))
    }

    #[test]
    fn a_line_is_split_as_a_shell_would_and_operators_are_named() {
        assert_eq!(split(r#"grep -n "a b" 'c d'"#), Ok(["grep", "-n", "a b", "c d"].map(str::to_owned).into()));
        for line in ["ls | cat", "cat a > b", "ls && ls", "ls ;  ls ; ls", "cat < a"] {
            assert!(split(line).is_err_and(|error| error.0.contains("no shell")), "{line}");
        }
        assert!(split("cat 'a").is_err());
        assert_eq!(words(Command::Words(vec!["echo".to_owned(), "|".to_owned()])).expect("words").len(), 2);
    }

    #[test]
    fn paths_that_lead_outside_are_refused_and_others_are_not() {
        for bad in [
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/../../b",
            "--file=/etc/passwd",
            "-f/etc/passwd",
            "--x=../y",
            "~/.ssh",
            "~root",
            "-f../x",
            "a:/b",
            "workspace/..",
            "a\0b",
            "--a=b=/c",
        ] {
            assert!(objection(bad).is_some(), "{bad:?}");
        }
        for good in ["workspace/a.md", "-n", "--", "-", "a..b", ".a | .b", "1/2", "-A3", "x=y", "...", "--color=never"]
        {
            assert!(objection(good).is_none(), "{good:?}");
        }
    }
}
