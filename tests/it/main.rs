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

mod agents;
mod apply;
mod approvals;
#[path = "../audit/mod.rs"]
mod audit;
mod births;
mod bounds;
mod bucket;
mod cli;
mod cli_page;
mod commanded;
mod connect;
mod cost;
mod crash;
mod deliveries;
mod diff;
mod doctor;
mod engine;
mod feed;
mod fork;
mod fsck;
mod gate;
mod gc;
mod help;
mod hostile;
mod importance;
mod jobs;
mod mcp;
mod meanwhile;
mod memory;
mod models;
mod money;
mod native;
mod once;
mod oracle;
mod oracle_model;
mod own_tools;
mod place;
mod problems;
mod program;
mod proof;
mod race;
mod reading;
mod readonly;
mod rehearsal;
mod replay;
mod requests;
mod resilience;
mod server;
mod slots;
mod story;
mod surface;
mod talk;
mod templates;
mod terminal;
mod terms;
mod ticks;
mod tools;
mod transfer;
mod trust;
mod turns;
mod why;
mod world;
