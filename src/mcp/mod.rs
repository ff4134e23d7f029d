//! The MCP server: an organisation for the assistant that a person already uses, to read and, where a key says so, to act.
//!
//! It owns what such an assistant may call (`tools`), open (`resources`) and ask (`prompts`), and how large an answer
//! may be (`answer`). What it finds out comes from `chronicle`, and every change goes in through the ingress and says
//! who gave it, as on the command line. It refuses to hold rules of the organisation, to run ticks, and to know where keys
//! are kept: whoever serves it brings a [`Gate`]. Texts of agents are data: they stand in JSON, never beside it.

mod answer;
mod arguments;
mod lookup;
mod page;
mod prompts;
mod refusal;
mod resources;
mod rights;
mod server;
mod stdio;
mod tools;

pub use self::answer::MAX_ANSWER_BYTES;
pub use self::refusal::Refusal;
pub use self::rights::{Gate, Rights};
pub use self::server::Server;
pub use self::stdio::{MAX_LINE_BYTES, StdioError, serve};
