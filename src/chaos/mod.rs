//! Crashes on purpose: runners of one small organisation are killed in the middle of model calls, and
//! an audit says what that cost.
//!
//! [`organisation`] is what they work on, [`model`] answers them and keeps the witness of what was
//! paid, [`runner`] is one process, and [`play`] starts and kills them. [`audit`] then goes over the
//! records: it takes nothing from the engine but the shapes of what is stored.
//!
//! It claims what the protocol claims: a call under way when its runner dies may be paid again, inside
//! the ceiling that was set aside for it.

pub mod audit;
pub mod model;
pub mod organisation;
pub mod play;
pub mod runner;

/// How many runners there are.
pub const RUNNERS: u32 = 8;

/// How many of them are killed.
pub const KILLS: u32 = 6;
