//! Runners: what starts ticks. [`compose`] puts the parts together, [`local`] loops on this machine.

pub mod compose;
pub mod local;
