//! The provider `cli`: a local command that answers the newest message.
//!
//! The command is run as it stands, never through a shell, with one argument more: the text of the
//! newest message, or `tick <n>` if there is none. It sees only the directory, `PATH`, `HOME`, `LANG`
//! and the variables that the model gives it. Source: LeMMing v1.0.0, provider `cli`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::process::Command;

use super::{Answer, CallError, CallErrorKind, Provider, Request};
use crate::domain::model::Usage;
use crate::domain::outbox::OutboxEntry;
use crate::domain::pace::Span;
use crate::process::{self, Finished, MAX_STDOUT_BYTES, RunError};

/// The longest text that is passed, in bytes. Linux takes 128 KiB in one argument.
pub const MAX_TEXT_BYTES: usize = 100_000;

/// What of the runner's environment a command sees.
const INHERITED: [&str; 3] = ["HOME", "LANG", "PATH"];

/// How long a command may take if its model does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// What of the standard error goes into a message, in bytes.
const STDERR_SHOWN_BYTES: usize = 4 << 10;

/// Variables of an environment. `Debug` shows their names only: the values may be secret.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Env(pub BTreeMap<String, String>);

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What local commands need of the machine and of the engine.
#[derive(Debug, Clone)]
pub struct Host {
    /// The runner's environment; only `PATH`, `HOME` and `LANG` are passed on.
    pub base_env: Env,
    /// Where commands run, and what a relative `cwd` is relative to; absent: where the runner runs.
    pub dir: Option<PathBuf>,
    /// Says whether a text holds an answer in the engine's contract.
    pub is_contract: fn(&str) -> bool,
}

/// `provider_config` of a model whose provider is `cli`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CliConfig {
    /// The program and its first arguments; a name without a slash is looked up in `PATH`.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// The directory it runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<PathBuf>,
    /// Variables that it sees besides `PATH`, `HOME` and `LANG`.
    #[serde(default)]
    pub env: Env,
    /// How long it may take: seconds, or a text such as `"2m"`. Absent: two minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
}

/// A time limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a number of seconds, or a length of time such as \"30s\"")]
pub enum Timeout {
    /// In seconds.
    Seconds(f64),
    /// With its unit.
    Span(Span),
}

impl Timeout {
    /// The time limit; `None` if it is not above 0 or out of range.
    #[must_use]
    pub fn duration(self) -> Option<Duration> {
        match self {
            Self::Seconds(seconds) => Duration::try_from_secs_f64(seconds).ok().filter(|limit| !limit.is_zero()),
            Self::Span(span) => Some(span.duration()),
        }
    }
}

/// Runs a local command for every call.
///
/// It cannot tell its tokens, so it reports upper bounds: the bytes of the text that it passed and
/// of what the command wrote (a token has at least one byte), the latter at most the call's
/// `max_tokens`, as the engine's own worst case.
#[derive(Debug)]
pub struct Cli {
    config: CliConfig,
    limit: Duration,
    host: Host,
}

impl Cli {
    /// Checks the configuration of a command.
    ///
    /// # Errors
    /// It names no program, a text that no process can be given, or no time limit above 0.
    pub fn new(config: CliConfig, host: &Host) -> Result<Self, CallError> {
        let wrong = |what: &str| CallError::misconfigured(format!("provider_config: {what}"));
        if config.command.first().is_none_or(String::is_empty) {
            return Err(wrong("command must name a program"));
        }
        if config.command.iter().any(|part| part.contains('\0')) {
            return Err(wrong("command must not hold NUL"));
        }
        let valid = |(name, value): (&String, &String)| {
            !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0')
        };
        if !config.env.0.iter().all(valid) {
            return Err(wrong("env must have names without `=`, and no NUL"));
        }
        let limit = config.timeout.map_or(Some(DEFAULT_TIMEOUT), Timeout::duration);
        let limit = limit.ok_or_else(|| wrong("timeout must be above 0"))?;
        Ok(Self { config, limit, host: host.clone() })
    }

    fn command(&self, text: &str) -> Command {
        let mut command = Command::new(&self.config.command[0]);
        command.args(&self.config.command[1..]).arg(text).env_clear();
        let inherited = self.host.base_env.0.iter().filter(|(name, _)| INHERITED.contains(&name.as_str()));
        command.envs(inherited).envs(&self.config.env.0);
        // Joining an absolute `cwd` gives that; an empty path is where the runner runs.
        let dir = self.host.dir.as_deref().unwrap_or(Path::new(""));
        let dir = dir.join(self.config.cwd.as_deref().unwrap_or(Path::new("")));
        if dir.as_os_str() != OsStr::new("") {
            command.current_dir(dir);
        }
        command
    }

    fn error(&self, error: &RunError) -> CallError {
        let program = &self.config.command[0];
        match error {
            RunError::NotStarted(cause) => {
                let kind = match cause.kind() {
                    io::ErrorKind::ArgumentListTooLong => CallErrorKind::ContextTooLong,
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied => {
                        CallErrorKind::Misconfigured
                    }
                    _ => CallErrorKind::Unanswered,
                };
                let hint = match (kind, &self.config.cwd) {
                    (CallErrorKind::Misconfigured, Some(cwd)) => format!(" (in {})", cwd.display()),
                    _ => String::new(),
                };
                CallError::new(kind, format!("cannot start {program}{hint}: {cause}"))
            }
            RunError::TimedOut => {
                let ms = self.limit.as_millis();
                CallError::new(CallErrorKind::TimedOut, format!("{program} was killed: no end within {ms} ms"))
            }
            RunError::Broken(cause) => {
                CallError::new(CallErrorKind::Unanswered, format!("cannot read what {program} says: {cause}"))
            }
        }
    }

    fn failed(&self, finished: &Finished) -> CallError {
        // Hidden before the text is cut, so that the cut leaves no half of a secret.
        let mut said = String::from_utf8_lossy(&finished.stderr).into_owned();
        for value in self.config.env.0.values().filter(|value| value.len() >= 4) {
            said = said.replace(value.as_str(), "[hidden]");
        }
        let said = said[said.ceil_char_boundary(said.len().saturating_sub(STDERR_SHOWN_BYTES))..].trim();
        let (program, status) = (&self.config.command[0], finished.status);
        let colon = if said.is_empty() { "" } else { ": " };
        CallError::new(CallErrorKind::Unanswered, format!("{program} failed ({status}){colon}{said}"))
    }
}

#[async_trait]
impl Provider for Cli {
    async fn complete(&self, request: &Request) -> Result<Answer, CallError> {
        let view = &request.view;
        let text = view.inbox.last().map_or_else(|| format!("tick {}", view.tick), OutboxEntry::text);
        check(&text)?;
        let finished = process::run(&mut self.command(&text), self.limit).await.map_err(|e| self.error(&e))?;
        if !finished.status.success() {
            return Err(self.failed(&finished));
        }
        let said = String::from_utf8_lossy(&finished.stdout);
        let usage = Usage {
            input_tokens: text.len() as u64,
            cached_input_tokens: 0,
            output_tokens: (finished.stdout.len() as u64).min(u64::from(request.max_tokens)),
            ..Usage::default()
        };
        let text = as_contract(&said, finished.cut, (self.host.is_contract)(&said));
        Ok(Answer { text, tool_calls: Vec::new(), usage: Some(usage), reported_model: None, response_id: None })
    }
}

/// Refuses a text that cannot be an argument or could be taken for an option.
fn check(text: &str) -> Result<(), CallError> {
    let refused = |what: &str| CallError::new(CallErrorKind::Refused, format!("the newest message {what}"));
    if text.starts_with('-') {
        return Err(refused("begins with `-`, which the command could take for an option"));
    }
    if text.contains('\0') {
        return Err(refused("holds NUL, which no argument can"));
    }
    if text.len() > MAX_TEXT_BYTES {
        let message = format!("the newest message has {} bytes; a command takes {MAX_TEXT_BYTES}", text.len());
        return Err(CallError::new(CallErrorKind::ContextTooLong, message));
    }
    Ok(())
}

/// What a command wrote, in the engine's contract: as it stands if it holds an answer, else as one
/// message tagged `cli_output`. A command that wrote nothing says nothing.
fn as_contract(said: &str, cut: bool, is_contract: bool) -> String {
    if is_contract {
        return said.to_owned();
    }
    let mut text = said.trim_end().to_owned();
    if text.is_empty() {
        return json!({"outbox_entries": [], "notes": "the command wrote nothing"}).to_string();
    }
    if cut {
        text.push_str(&format!("\n[cut after {MAX_STDOUT_BYTES} bytes]"));
    }
    json!({"outbox_entries": [{"kind": "message", "payload": {"text": text}, "tags": ["cli_output"]}]}).to_string()
}

#[cfg(all(test, unix))]
mod tests;
