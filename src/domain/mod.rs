//! What an organisation is: names, money, schedules, messages, resumes and settings.
//!
//! Pure and synchronous: nothing in here reads a clock, draws a random number, logs or touches a
//! store. Start with [`resume::Resume`] (what people write), then [`outbox::OutboxEntry`] (what
//! agents say) and [`schedule`] (when they run).

pub mod api_key;
pub mod archive;
pub mod contract;
pub mod credits;
pub mod delivery;
mod document;
pub mod endpoint;
pub mod graph;
pub mod hook;
pub mod ids;
pub mod ingress;
pub mod json;
pub mod memory;
pub mod model;
pub mod name;
pub mod org;
pub mod outbox;
pub mod pace;
pub mod path;
pub mod position;
pub mod prompt;
pub mod resume;
pub mod schedule;
pub mod search;
pub mod time;
pub mod toolbox;
pub mod tools;
