//! Hooks: what others post under a name becomes mail, if they show who they are.
//!
//! Pure: a request's headers and body go in, a message or a refusal comes out. It refuses to say which part of a signature
//! was wrong, and to let a body into a message whole that no tick would admit. The API serves it (`POST /api/hooks/NAME`).

mod auth;
mod post;
mod text;

pub use self::auth::{Refused, Shown, verify};
pub use self::post::{Post, challenge, read};
pub use self::text::{check, fill};
