//! What operators see of organisations: metrics, traces, and the rules and panels that are made of them.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests fail by panicking")]

mod collector;
mod metrics;
mod names;
mod traces;
