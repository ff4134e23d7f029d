//! Integration tests, one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking, print what they measured, and take their size from the environment"
)]

#[path = "../audit/mod.rs"]
mod audit;
mod births;
mod bounds;
mod cli;
mod cost;
mod crash;
mod doctor;
mod engine;
mod fork;
mod fsck;
mod gate;
mod gc;
mod help;
mod hostile;
mod jobs;
mod meanwhile;
mod memory;
mod models;
mod money;
mod native;
mod oracle;
mod oracle_model;
mod proof;
mod race;
mod replay;
mod requests;
mod resilience;
mod server;
mod slots;
mod terms;
mod tools;
mod trust;
mod turns;
mod world;
