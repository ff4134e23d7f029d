//! Which version of the program this is, and from which commit. `build.rs` finds it out.

/// The version alone: `2.0.0`.
pub const SHORT: &str = env!("CARGO_PKG_VERSION");

/// The version with where it comes from: `2.0.0 (f14c4fa 2026-11-25)`.
///
/// `f14c4fa-dirty` if the sources differed from that commit; `2.0.0 (debug build)` in a debug build; the version alone
/// where nothing tells the commit.
pub const LONG: &str = env!("LEMMING_VERSION");
