//! The API: its router without a socket, behind a function's events, and as a process that is served.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, unreachable_pub, reason = "tests fail by panicking")]

mod access;
mod caching;
mod documented;
mod function;
mod hooks;
mod keys;
mod mcp;
mod messages;
mod page;
mod place;
mod probes;
mod reads;
#[cfg(unix)]
mod served;
mod wakes;
mod worked;
mod world;
