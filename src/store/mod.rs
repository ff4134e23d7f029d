//! Where an organisation lives: a folder, memory, or a bucket.

pub mod counting;
pub mod faults;
#[cfg(unix)]
pub mod local;
pub mod open;
pub mod probe;

#[cfg(test)]
mod conformance;
