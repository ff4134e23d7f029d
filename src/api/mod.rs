//! The API: what people do on the command line, for programs and pages, over HTTP.
//!
//! It owns who is let in, what a request may look like and what its answer looks like; [`router()`] is the table of
//! contents, without a socket. It refuses to hold rules of the organisation, which it finds where the command line finds
//! them, and to run ticks: whoever serves it is told of mail ([`wake`]). `/mcp` is [`crate::mcp`], behind the same gate. Several
//! organisations at one place are [`place`]; what happens, as it happens, is `live`. Behind a socket it is [`server`], behind a function [`lambda`].

mod at;
pub mod auth;
pub mod body;
mod caching;
pub mod chores;
pub mod cors;
mod document;
pub mod error;
mod etag;
mod hosts;
pub mod keys;
pub mod lambda;
mod layers;
pub mod limit;
mod live;
mod lookup;
mod paging;
mod patient;
pub mod place;
mod repeat;
mod router;
mod routes;
pub mod server;
mod state;
pub mod wake;

pub use self::error::ApiError;
pub use self::router::router;
pub use self::state::{Access, ApiState, Settings};
