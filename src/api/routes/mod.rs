//! The routes: one file for each resource.

pub(super) mod health;
pub(super) mod messages;
