//! LeMMing runs organisations of LLM agents as serverless jobs over a bucket of plain JSON files.
//!
//! Modules in reading order; each may use those above it and none below.

pub mod clock;
pub mod domain;
pub mod engine;
pub mod provider;
pub mod record;
pub mod store;
pub mod tool;
