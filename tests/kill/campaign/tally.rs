//! How many processes were killed, and what they were about to do.

use std::collections::BTreeMap;
use std::fmt;

use super::process::Ended;

/// The phases in which at least one process must have been killed.
pub const PHASES: [&str; 8] = ["plan", "hold", "call", "journal", "commit", "views", "seal", "close"];

/// Before the first phase: the process starts, loads the state, or waits for another.
const NONE: &str = "load";

/// Kills by the last phase that the killed process logged.
#[derive(Debug, Default)]
pub struct Tally {
    kills: BTreeMap<String, u64>,
    /// Processes of the batches, killed or not.
    started: u64,
    /// Processes that were told to leave with SIGTERM and ended by themselves.
    left: u64,
    /// Processes that gave up because they could not reach the store.
    cut_off: u64,
}

impl Tally {
    pub fn count(&mut self, ended: &Ended) {
        self.started += 1;
        if ended.killed {
            *self.kills.entry(ended.phase.clone().unwrap_or_else(|| NONE.to_owned())).or_default() += 1;
        } else if ended.terminated {
            self.left += 1;
        } else if ended.cut_off {
            self.cut_off += 1;
        }
    }

    pub fn kills(&self) -> u64 {
        self.kills.values().sum()
    }

    pub fn left(&self) -> u64 {
        self.left
    }

    pub fn cut_off(&self) -> u64 {
        self.cut_off
    }

    pub fn of(&self, phase: &str) -> u64 {
        self.kills.get(phase).copied().unwrap_or(0)
    }

    /// The phase with the fewest kills so far.
    pub fn rarest(&self) -> &'static str {
        PHASES.into_iter().min_by_key(|phase| self.of(phase)).unwrap_or(PHASES[0])
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for phase in [NONE].iter().chain(&PHASES).chain(&["release"]) {
            write!(f, "{phase:>9}")?;
        }
        writeln!(f, "{:>9}", "kills")?;
        for phase in [NONE].iter().chain(&PHASES).chain(&["release"]) {
            write!(f, "{:>9}", self.of(phase))?;
        }
        writeln!(f, "{:>9}", self.kills())?;
        write!(
            f,
            "of {} processes; {} more left on SIGTERM, {} could not reach the store",
            self.started, self.left, self.cut_off
        )
    }
}
