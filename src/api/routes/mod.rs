//! One file for each resource.

pub(super) mod health;
pub(super) mod hooks;
pub(super) mod mcp;
pub(super) mod me;
pub(super) mod messages;
pub(super) mod openapi;
pub(super) mod orgs;
pub(super) mod page;
pub(super) mod status;
