//! One file for each resource.

pub(super) mod agents;
pub(super) mod approvals;
pub(super) mod credits;
pub(super) mod diff;
pub(super) mod files;
pub(super) mod health;
pub(super) mod hooks;
pub(super) mod mcp;
pub(super) mod me;
pub(super) mod memory;
pub(super) mod messages;
pub(super) mod openapi;
pub(super) mod org_graph;
pub(super) mod orgs;
pub(super) mod page;
pub(super) mod problems;
pub(super) mod status;
pub(super) mod talk;
pub(super) mod threads;
pub(super) mod ticks;
pub(super) mod turns;
