//! LeMMing runs organisations of LLM agents as serverless jobs over a bucket of plain JSON files.
//!
//! Modules in reading order; each may use those above it and none below.

pub mod domain;
pub mod provider;
pub mod store;
