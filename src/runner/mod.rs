//! Runners: what starts ticks. [`compose`] puts the parts together; all others start [`invocation`]s: [`local`] in a loop
//! on this machine, [`job`] once, for a scheduler, and [`lambda`] whenever an event asks a function to. [`ahead`] starts none,
//! and says what the next one would do.

pub mod ahead;
pub mod compose;
pub mod deadline;
pub mod delivery;
pub mod invocation;
pub mod job;
pub mod lambda;
pub mod local;
pub mod places;
pub mod trigger;
