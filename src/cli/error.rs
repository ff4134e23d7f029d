//! What the command line says when something does not work, and with which exit code it ends.

use std::error::Error;
use std::fmt::Write as _;
use std::io;

use serde_json::{Map, Value};

use crate::causes::causes;
use crate::chronicle::moment::MomentError;
use crate::chronicle::thread::ThreadError;
use crate::clean::clean;
use crate::engine::EngineError;
use crate::ingress::{DraftError, IngressError};
use crate::record::RecordError;
use crate::runner::job::JobError;
use crate::store::StoreError;
use crate::store::open::OpenError;
use crate::store::probe::ProbeError;
use crate::store::trouble::Trouble;
use crate::validate::ValidateError;

/// How a command ended. Scripts may rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Ok,
    /// It did not, for a reason that no other code names.
    Failed,
    /// The command line is wrong; nothing was done.
    Usage,
    /// A file of the organisation is wrong; a person must mend it.
    Invalid,
    /// The store cannot be opened or reached, or it refuses.
    Store,
    /// A tick was begun and is not closed: the next `tick` goes on with it.
    Partial,
    /// There is no organisation, agent or message of that name.
    NotFound,
    /// Asked whether something differs: it does.
    Differs,
    /// A second Ctrl-C; the first, where nothing goes on later.
    Interrupted,
}

impl Exit {
    /// The number that the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Invalid => 3,
            Self::Store => 4,
            Self::Partial => 5,
            Self::NotFound => 6,
            Self::Differs => 7,
            Self::Interrupted => 130,
        }
    }

    /// The word that stands for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Invalid => "invalid",
            Self::Store => "store",
            Self::Partial => "partial",
            Self::NotFound => "not_found",
            Self::Differs => "differs",
            Self::Interrupted => "interrupted",
        }
    }
}

/// The end of `lemming --help`.
pub(super) const HELP_FOOTER: &str = "\
Exit codes:
  0    done
  1    failed
  2    the command line is wrong; nothing was done
  3    a file of the organisation is wrong: see `lemming validate`
  4    the store cannot be opened or reached, or it refuses
  5    a tick was begun and is not closed: the next `lemming tick` goes on with it
  6    there is no such organisation, agent, message or tick
  7    asked whether something differs (`apply --dry-run`): it does
  130  interrupted twice (`doctor` and `demo --chaos`: once)

With --json, standard output holds one JSON document; a failed command leaves it empty and ends
standard error with one line {\"error\": {\"code\", \"message\", \"path\"?, \"pointer\"?, \"causes\"?, \"hint\"?}}.
Who looked and found something wrong (fsck, gc, replay, validate, apply --dry-run) prints what it found.

Environment:
  LEMMING_STORE  the store, where --store does not name one
  LEMMING_LOG    what is logged, such as `debug` or `warn,lemming::store=trace`
  TZ             the zone that times are shown in, where it is not the system's
  NO_COLOR       no colours, not even on a terminal";

/// Why a command failed: what, where, why, and what to do about it.
#[derive(Debug)]
pub struct CliError {
    exit: Exit,
    // Boxed: every command returns one, and hardly ever.
    said: Box<Said>,
}

#[derive(Debug, Default)]
struct Said {
    message: String,
    path: Option<String>,
    pointer: Option<String>,
    causes: Vec<String>,
    hint: Option<String>,
}

impl CliError {
    /// An error of this sort.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, said: Box::new(Said { message: message.into(), ..Said::default() }) }
    }

    /// The same error at a file, and a JSON pointer into it.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>, pointer: impl Into<String>) -> Self {
        self.said.path = Some(path.into());
        self.said.pointer = Some(pointer.into()).filter(|pointer| !pointer.is_empty());
        self
    }

    /// The same error with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.said.hint = Some(hint.into());
        self
    }

    fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        self.said.causes = causes(error);
        if self.said.hint.is_none() {
            self.said.hint = hint_for(error);
        }
        self
    }

    /// How the command ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The message, where and why, without the hint, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let place = match (&self.said.path, &self.said.pointer) {
            (Some(path), Some(pointer)) => format!("{path}#{pointer}: "),
            (Some(path), None) => format!("{path}: "),
            _ => String::new(),
        };
        let causes: String = self.said.causes.iter().map(|cause| format!(": {cause}")).collect();
        format!("{place}{}{causes}", self.said.message)
    }

    /// The error for people: a line for what and where, one for each cause, one for the hint.
    #[must_use]
    pub fn text(&self, label: &str, hint: &str) -> String {
        let mut text = format!("{label} {}\n", clean(&self.said.message));
        if let Some(path) = &self.said.path {
            let pointer = self.said.pointer.as_ref().map(|pointer| format!(" at {pointer}")).unwrap_or_default();
            let _ = writeln!(text, "  in {}", clean(&format!("{path}{pointer}")));
        }
        for cause in &self.said.causes {
            let _ = writeln!(text, "  because: {}", clean(cause));
        }
        if let Some(advice) = &self.said.hint {
            let _ = writeln!(text, "{hint} {}", clean(advice));
        }
        text
    }

    /// The error for programs.
    #[must_use]
    pub fn envelope(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".to_owned(), self.exit.as_str().into());
        error.insert("message".to_owned(), self.said.message.clone().into());
        for (name, value) in [("path", &self.said.path), ("pointer", &self.said.pointer), ("hint", &self.said.hint)] {
            if let Some(value) = value {
                error.insert(name.to_owned(), value.clone().into());
            }
        }
        if !self.said.causes.is_empty() {
            error.insert("causes".to_owned(), self.said.causes.clone().into());
        }
        serde_json::json!({ "error": error })
    }

    /// There is no organisation at this place.
    #[must_use]
    pub fn no_org(place: &str) -> Self {
        Self::new(Exit::NotFound, format!("there is no organisation at {place}: org.json is missing"))
            .hint("`lemming bootstrap` makes one there; --store or LEMMING_STORE names another place")
    }
}

impl CliError {
    /// There is no organisation in a folder directly below this place.
    #[must_use]
    pub fn no_orgs(place: &str) -> Self {
        Self::new(Exit::NotFound, format!("there is no organisation in a folder directly below {place}"))
            .hint("--all is for the place above organisations: for one of them leave it out")
    }
}

fn hint_for(error: &(dyn Error + 'static)) -> Option<String> {
    Trouble::of(error).map(|trouble| trouble.mend)
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let new = |exit, message: &str| Self::new(exit, message).caused_by(&error);
        match &error {
            StoreError::Record { source: RecordError::Newer { .. }, .. } => {
                new(Exit::Store, "a newer version of lemming has worked on this organisation").hint("upgrade lemming")
            }
            StoreError::Record { .. } | StoreError::Conflict { .. } => {
                new(Exit::Store, "the organisation's records are damaged")
            }
            StoreError::Uncertain { .. } => new(Exit::Store, "the outcome is unknown")
                .hint("look whether it happened (`lemming status`) before trying again"),
            StoreError::Store { .. } => new(Exit::Store, "the store failed"),
        }
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::Config { path, pointer, message } => Self::new(Exit::Invalid, message)
                .at(path, pointer)
                .hint("`lemming validate` lists everything that is wrong"),
            EngineError::Untrusted(error) => (*error).into(),
            EngineError::NoOrg => Self::no_org("this place"),
            erased @ EngineError::Erased { .. } => Self::new(Exit::NotFound, erased.to_string()),
            other => Self::new(Exit::Failed, "the tick did not go on").caused_by(&other),
        }
    }
}

impl From<MomentError> for CliError {
    fn from(error: MomentError) -> Self {
        match error {
            MomentError::Engine(error) => error.into(),
            MomentError::NotClosed { .. } => Self::new(Exit::NotFound, error.to_string()),
        }
    }
}

impl From<ThreadError> for CliError {
    fn from(error: ThreadError) -> Self {
        let (exit, hint) = match error {
            ThreadError::Engine(error) => return error.into(),
            ThreadError::NoSuchMessage { .. } => {
                (Exit::NotFound, "`lemming messages` shows the ids; --ticks looks further back")
            }
            ThreadError::Ambiguous { .. } => (Exit::Usage, "give more of the id"),
        };
        Self::new(exit, error.to_string()).hint(hint)
    }
}

impl From<JobError> for CliError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Engine(error) => error.into(),
            JobError::Panic(_) => Self::new(Exit::Failed, error.to_string())
                .hint("please report it, with the tick's records; nothing that is committed is lost"),
        }
    }
}

impl From<IngressError> for CliError {
    fn from(error: IngressError) -> Self {
        match error {
            IngressError::Store(error) => error.into(),
            IngressError::Unreadable => {
                Self::new(Exit::Usage, "this cannot be written so that it reads back the same; nothing was written")
            }
            IngressError::TooLarge { .. } => Self::new(Exit::Usage, format!("{error}; nothing was written"))
                .hint("put what is long into a file under shared/, and say where it is"),
            IngressError::Taken => Self::new(Exit::Store, error.to_string()),
        }
    }
}

impl From<DraftError> for CliError {
    fn from(error: DraftError) -> Self {
        let exit = match &error {
            DraftError::Engine(_) => Exit::Failed,
            DraftError::UnknownAgent { .. } | DraftError::NoSuchMessage { .. } => Exit::NotFound,
            _ => Exit::Usage,
        };
        let hint = error.hint();
        match error {
            DraftError::Engine(error) => (*error).into(),
            error => {
                let said = Self::new(exit, error.to_string());
                hint.into_iter().fold(said, Self::hint)
            }
        }
    }
}

impl From<ValidateError> for CliError {
    fn from(error: ValidateError) -> Self {
        match error {
            ValidateError::Store(error) => error.into(),
            ValidateError::NoOrg => Self::no_org("this place"),
            ValidateError::Walk(error) => {
                Self::new(Exit::Store, "the folder cannot be looked through").caused_by(&error)
            }
        }
    }
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        Self::new(Exit::Store, error.to_string())
    }
}

impl From<ProbeError> for CliError {
    fn from(error: ProbeError) -> Self {
        let hint = match &error {
            ProbeError::Failed(object_store::Error::PermissionDenied { .. }) => Some(
                "let whoever runs ticks write and delete probe/ as well; `lemming doctor` shows what these credentials may do"
                    .to_owned(),
            ),
            ProbeError::Failed(source) => hint_for(source),
            _ => Some(
                "stores that keep the promise: a local folder, AWS S3, R2, MinIO, Google Cloud, Azure; `lemming doctor` \
                 examines this one"
                    .to_owned(),
            ),
        };
        let mut found = Self::new(Exit::Store, error.to_string());
        found.said.causes = error.source().map(causes).unwrap_or_default();
        found.said.hint = hint;
        found
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        // Whoever read our output has seen enough.
        let exit = if error.kind() == io::ErrorKind::BrokenPipe { Exit::Ok } else { Exit::Failed };
        Self::new(exit, "the output cannot be written").caused_by(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use object_store::Error as E;
    use object_store::client::{HttpError, HttpErrorKind};

    #[test]
    fn a_store_that_refuses_comes_with_a_hint_of_what_to_do() {
        let (path, source) = (|| "org.json".to_owned(), || io::Error::other("403").into());
        for (error, hint) in [
            (E::PermissionDenied { path: path(), source: source() }, "who may read and write"),
            (E::Unauthenticated { path: path(), source: source() }, "credentials"),
            (E::NotFound { path: path(), source: source() }, "name of the bucket"),
            (
                E::Generic {
                    store: "S3",
                    source: HttpError::new(HttpErrorKind::Connect, io::Error::other("x")).into(),
                },
                "network",
            ),
        ] {
            let error = StoreError::Store { operation: "reading", path: path(), source: Box::new(error) };
            let said = CliError::from(error).envelope();
            assert!(said["error"]["hint"].as_str().is_some_and(|said| said.contains(hint)), "{hint}: {said}");
        }
    }
}
