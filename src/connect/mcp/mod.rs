//! The tools of MCP servers: accepted by people, called for models.

use std::sync::Arc;

use super::Parts;
use crate::domain::toolbox::{AcceptedTools, Toolbox};
use crate::tool::Tool;

/// The tools of servers that people accepted.
pub(super) fn tools(_: &Parts, _: &Toolbox, _: &AcceptedTools) -> Vec<Arc<dyn Tool>> {
    Vec::new()
}
