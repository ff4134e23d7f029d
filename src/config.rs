//! The process's environment: arguments and variables. The one home of `std::env`.
//!
//! Everything else is handed an [`Environment`], so that a test can make one up. Values never show
//! in `Debug`: variables hold credentials.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// The arguments and variables of a process.
#[derive(Clone, Default)]
pub struct Environment {
    args: Vec<OsString>,
    vars: BTreeMap<String, String>,
    program: Option<PathBuf>,
}

impl Environment {
    /// The environment of this process. A variable that is not UTF-8 is left out.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the process's environment")]
    pub fn of_process() -> Self {
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        // By this name it is this very program, even when another one has been installed in its place.
        let itself = Some(PathBuf::from("/proc/self/exe")).filter(|itself| itself.exists());
        let program = itself.or_else(|| std::env::current_exe().ok());
        Self { args: std::env::args_os().collect(), vars: std::env::vars_os().filter_map(text).collect(), program }
    }

    /// An environment made up by whoever calls. The first argument is the program's name.
    #[must_use]
    pub fn new<A: Into<OsString>>(
        args: impl IntoIterator<Item = A>,
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self { args: args.into_iter().map(Into::into).collect(), vars: vars.into_iter().collect(), program: None }
    }

    /// The arguments, the program's name first.
    #[must_use]
    pub fn args(&self) -> &[OsString] {
        &self.args
    }

    /// The program that this process runs; none in an environment that was made up.
    #[must_use]
    pub fn program(&self) -> Option<PathBuf> {
        self.program.clone()
    }

    /// Where temporary files go.
    #[must_use]
    pub fn temporary(&self) -> PathBuf {
        PathBuf::from(self.var("TMPDIR").unwrap_or("/tmp"))
    }

    /// A variable, unless it is empty.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value that a reference to a secret names: `env:NAME`.
    ///
    /// # Errors
    /// It is no such reference, or the variable is not set; the message holds no value.
    pub fn secret(&self, reference: &str) -> Result<&str, String> {
        let name = reference.strip_prefix("env:").filter(|name| !name.is_empty());
        let name = name.ok_or("must be env:NAME, the name of an environment variable")?;
        self.var(name).ok_or_else(|| format!("the environment variable {name} is not set"))
    }

    /// Every variable.
    #[must_use]
    pub fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("args", &self.args).finish_non_exhaustive()
    }
}
