//! What was found, for people and for programs.

use serde::Serialize;

use crate::domain::org::OrgLimits;
use crate::store::Area;

/// How good a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// Could not be tried.
    Skipped,
    /// Works, and will trouble somebody.
    Warning,
    /// Does not work: mend it first.
    Wrong,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The store, and who we are to it.
    Store,
    /// The organisation there: its files, and its models.
    Organisation,
    /// This machine.
    Machine,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub part: Part,
    /// What was tried: a stable name.
    pub check: String,
    /// How good it is.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    fn new(health: Health, part: Part, check: impl Into<String>, found: impl Into<String>) -> Self {
        Self { part, check: check.into(), health, found: found.into(), mend: None }
    }

    pub(super) fn good(part: Part, check: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Health::Good, part, check, found)
    }

    pub(super) fn note(part: Part, check: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Health::Note, part, check, found)
    }

    pub(super) fn skipped(part: Part, check: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Health::Skipped, part, check, found)
    }

    pub(super) fn warning(
        part: Part,
        check: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { mend: Some(mend.into()), ..Self::new(Health::Warning, part, check, found) }
    }

    pub(super) fn wrong(
        part: Part,
        check: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { mend: Some(mend.into()), ..Self::new(Health::Wrong, part, check, found) }
    }
}

/// Whether something may be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum May {
    /// It was done.
    Yes,
    /// The store refuses.
    No,
    /// It was not tried.
    Untried,
    /// It did not work, for another reason.
    Failed(String),
}

/// What the credentials may do with one kind of key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Permission {
    /// The keys: a prefix, or one object.
    pub keys: String,
    #[serde(skip)]
    pub(super) area: Option<Area>,
    /// Whether they may be written.
    pub write: May,
    /// Whether they may be deleted.
    pub delete: May,
}

/// How long one operation took, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Latency {
    /// The operation.
    pub operation: &'static str,
    /// How often it was timed.
    pub count: usize,
    /// The shortest.
    pub min_ms: f64,
    /// The one in the middle.
    pub median_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The store's name, without credentials.
    pub store: String,
    /// What the organisation there is called, if there is one.
    pub organisation: Option<String>,
    /// What was tried, in this order.
    pub findings: Vec<Finding>,
    /// What the credentials may do.
    pub permissions: Vec<Permission>,
    /// How long the operations took.
    pub latencies: Vec<Latency>,
    /// The lease of the organisation, or of one that says nothing else, in milliseconds.
    pub lease_ms: i64,
    /// Objects that could not be deleted again.
    pub left_behind: Vec<String>,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

impl Report {
    pub(super) fn of(place: &str) -> Self {
        Self {
            store: place.to_owned(),
            organisation: None,
            findings: Vec::new(),
            permissions: Vec::new(),
            latencies: Vec::new(),
            lease_ms: OrgLimits::default().lease.as_ms(),
            left_behind: Vec::new(),
            interrupted: false,
        }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// How many findings are of this health.
    #[must_use]
    pub fn count(&self, health: Health) -> usize {
        self.findings.iter().filter(|finding| finding.health == health).count()
    }

    /// Says whether what ticks are made of could be written.
    #[must_use]
    pub fn writes_ticks(&self) -> bool {
        let ticks = self.permissions.iter().find(|permission| permission.area == Some(Area::Ticks));
        ticks.is_some_and(|ticks| ticks.write == May::Yes)
    }

    /// Says whether something could be written, of whatever kind.
    #[must_use]
    pub fn writes_anything(&self) -> bool {
        self.permissions.iter().any(|permission| permission.write == May::Yes)
    }

    /// Says whether something is wrong with this part.
    #[must_use]
    pub fn is_wrong(&self, part: Part) -> bool {
        self.findings.iter().any(|finding| finding.part == part && finding.health == Health::Wrong)
    }
}
