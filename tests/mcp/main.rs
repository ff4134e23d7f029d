//! The Model Context Protocol with programs that nobody here wrote: `make test-mcp` installs them and runs this.
//!
//! - `LEMMING_TEST_INSPECTOR`: the inspector's program; without it, what needs it is skipped.
#![cfg(unix)]
#![allow(missing_docs, unreachable_pub, reason = "a test is no library")]
#![allow(clippy::disallowed_methods, reason = "a test of real processes has the real environment")]
#![allow(clippy::print_stdout, reason = "what was skipped is what a person wants to know")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod inspector;
