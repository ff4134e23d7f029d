//! The tools of MCP servers: accepted by people, called for models.
//!
//! Start with [`ServerTool`], which is one; [`Server`] talks to the server behind it. A model is told of a tool what
//! `config/tools.lock.json` has, so no server is asked before a tool is called. Refused are lists that were changed by
//! hand, and calls of tools of which a server says something else by now.

pub mod accepted;
mod client;
mod http;
mod name;
mod result;
mod shape;
mod stdio;
mod tool;

use std::sync::Arc;

pub use self::client::{Call, Listed, MAX_TOOLS, Server, ServerError};
pub use self::name::names;
pub use self::shape::{Objection, objections};
pub use self::tool::{CALL_TIME, ServerTool};
use super::Parts;
use crate::domain::toolbox::{AcceptedTools, Toolbox};
use crate::tool::Tool;

/// The tools of servers that people accepted.
pub(super) fn tools(parts: &Parts, toolbox: &Toolbox, accepted: &AcceptedTools) -> Vec<Arc<dyn Tool>> {
    let mut names = names(toolbox, accepted);
    let mut tools: Vec<Arc<dyn Tool>> = Vec::new();
    for (server_name, server) in &toolbox.servers {
        // What nobody accepted in this form no model is told.
        let Some(list) = accepted.servers.get(server_name).filter(|list| accepted::is_whole(list)) else { continue };
        let server = Arc::new(server.clone());
        for tool in &list.tools {
            if let Some(name) = names.remove(&(server_name, tool.name.as_str())) {
                tools.push(Arc::new(ServerTool::new(parts, server_name, &server, tool, name)));
            }
        }
    }
    tools
}
