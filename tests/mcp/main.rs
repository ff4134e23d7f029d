//! MCP servers and clients that others write: `make test-mcp` installs them and runs this.
//!
//! - `LEMMING_TEST_MCP`: the folder that they are installed in; without it nothing is tested.
#![cfg(unix)]
#![allow(missing_docs, unreachable_pub, reason = "a test is no library")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test of real processes has the real clock and environment")]
#![allow(clippy::print_stdout, reason = "what was run is what a person runs this for")]

mod example;
mod inspector;
mod servers;

use std::path::PathBuf;

/// Where the servers and the inspector are installed, if they are.
pub fn installed() -> Option<PathBuf> {
    let folder = std::env::var_os("LEMMING_TEST_MCP").map(PathBuf::from);
    if folder.is_none() {
        println!("not run: make test-mcp installs what it needs");
    }
    folder
}
