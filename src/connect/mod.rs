//! The tools that an organisation brings itself: its own commands and HTTP endpoints (`own`), and the tools of MCP
//! servers that people accepted ([`mcp`]).
//!
//! Start with [`Connections`]: it makes tools of what two files say, `config/tools.json` and `config/tools.lock.json`, and
//! asks nobody. Servers and endpoints are reached when a tool is called, and left when the call has ended: no process and
//! no connection outlives a call, so that a function that is frozen between invocations calls them as any other runner.

pub mod alone;
pub mod mcp;
pub(crate) mod own;
pub mod secrets;

use std::sync::Arc;

use crate::config::Environment;
use crate::domain::toolbox::{AcceptedTools, Toolbox};
use crate::sandbox::Sandbox;
use crate::tool::web::{Resolver, SystemResolver};
use crate::tool::{Connector, Tool};

/// What the tools of an organisation reach outside with.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Where secrets are looked up.
    pub environment: Environment,
    /// Where programs run, if this process can start it.
    pub sandbox: Option<Sandbox>,
    /// How names of hosts become addresses.
    pub resolver: Arc<dyn Resolver>,
}

impl Parts {
    /// What a process has: its environment, and the system's resolver.
    #[must_use]
    pub fn new(environment: Environment, sandbox: Option<Sandbox>) -> Self {
        Self { environment, sandbox, resolver: Arc::new(SystemResolver) }
    }
}

/// Makes the tools that an organisation brings itself.
#[derive(Debug, Clone)]
pub struct Connections {
    parts: Parts,
}

impl Connections {
    /// Tools that reach outside with these.
    #[must_use]
    pub const fn new(parts: Parts) -> Self {
        Self { parts }
    }
}

impl Connector for Connections {
    fn tools(&self, toolbox: &Toolbox, accepted: &AcceptedTools) -> Vec<Arc<dyn Tool>> {
        let mut tools = own::tools(&self.parts, toolbox);
        tools.extend(mcp::tools(&self.parts, toolbox, accepted));
        tools
    }
}
