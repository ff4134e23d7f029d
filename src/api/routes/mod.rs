//! The routes: one file for each resource.

pub(super) mod health;
pub(super) mod hooks;
pub(super) mod mcp;
pub(super) mod messages;
