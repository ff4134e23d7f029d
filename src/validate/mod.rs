//! Finds everything that is wrong with the files that people write, at once.
//!
//! Each [`Finding`] says in which file, at which JSON pointer, what is wrong, and what would be
//! right. Reads only. An error is what keeps the organisation or an agent from running; a warning
//! is what a person most likely did not mean. Cycles of permissions are legal.

mod delivery;
mod file;
mod models;
mod org;
mod servers;
mod shape;
mod toolbox;
mod tools;
mod unknown;

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::name::{AgentName, ModelKey};
use crate::store::{Key, StoreError};

pub use self::delivery::check_environment;
pub use self::org::{check, check_agents};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Keeps the organisation or an agent from running.
    Error,
    /// Most likely not what was meant.
    Warning,
}

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, ToSchema)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable word for its sort.
    pub code: &'static str,
    /// The file, from the organisation's root.
    pub path: String,
    /// JSON pointer into the file; empty for the whole.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub expected: String,
}

impl Finding {
    fn error(code: &'static str, path: impl Into<String>, pointer: impl Into<String>) -> Self {
        let (path, pointer) = (path.into(), pointer.into());
        Self { severity: Severity::Error, code, path, pointer, message: String::new(), expected: String::new() }
    }

    fn warning(code: &'static str, path: impl Into<String>, pointer: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, path, pointer) }
    }

    fn says(mut self, message: impl Into<String>, expected: impl Into<String>) -> Self {
        self.message = message.into();
        self.expected = expected.into();
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = if self.pointer.is_empty() { "" } else { "#" };
        write!(f, "{}{hash}{}: {}; {}", self.path, self.pointer, self.message, self.expected)
    }
}

/// All that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// By file and pointer.
    pub findings: Vec<Finding>,
    /// How many agents there are.
    pub agents: usize,
    /// How many models there are.
    pub models: usize,
    /// The models that an agent or the organisation's memory may call, with their fallbacks.
    pub used: BTreeSet<ModelKey>,
}

impl Findings {
    /// How many are errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// How many are warnings.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.findings.len() - self.errors()
    }

    fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// There is no organisation here.
    #[error("there is no organisation here: {} is missing", Key::Org)]
    NoOrg,
    /// The folder cannot be walked.
    #[error("the folder cannot be looked through")]
    Walk(#[from] std::io::Error),
}

/// The name nearest to `name`, if one is near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close = |known: &'a str| {
        let likeness = strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase());
        (likeness > 0.8).then_some((likeness, known))
    };
    known.into_iter().filter_map(close).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// What to say to somebody who named an agent that there is not.
#[must_use]
pub fn who_instead(name: &str, agents: &[AgentName]) -> String {
    const SHOWN: usize = 20;
    let known = || agents.iter().map(AgentName::as_str);
    match nearest(name, known()) {
        Some(near) => format!("did you mean {near}?"),
        None if agents.is_empty() => "there are no agents yet: `lemming bootstrap` writes examples".to_owned(),
        None => format!("the agents are {}", known().take(SHOWN).collect::<Vec<_>>().join(", ")),
    }
}

/// `one of a, b, c`, with the nearest named first if one is near.
fn one_of(name: &str, known: &[&str], what: &str) -> String {
    const SHOWN: usize = 12;
    if let Some(near) = nearest(name, known.iter().copied()) {
        return format!("did you mean {near:?}?");
    }
    match known {
        [] => format!("there are no {what} yet"),
        _ if known.len() > SHOWN => format!("must be one of the {} {what}, such as {}", known.len(), known[0]),
        _ => format!("must be one of {}", known.join(", ")),
    }
}
