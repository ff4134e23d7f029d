//! LeMMing runs organisations of LLM agents as serverless jobs over a bucket of plain JSON files.
//!
//! Read [`domain`], [`record`], [`store`] and [`engine`], in this order: each may use those before it
//! and none after. [`provider`] and [`tool`] are what the engine sees of models and tools;
//! [`runner`] puts all parts together, [`cli`] is what people see, [`api`] what programs
//! do, and [`mcp`] what assistants do.

/// What unit tests and integration tests share calls this crate by its name.
#[cfg(test)]
extern crate self as lemming;

pub mod api;
pub mod aws;
pub mod causes;
pub mod chaos;
pub mod chronicle;
pub mod clean;
pub mod cli;
pub mod clock;
pub mod config;
pub mod configuration;
pub mod connect;
pub mod cost;
mod count;
pub mod delivery;
pub mod doctor;
pub mod domain;
pub mod edit;
pub mod engine;
pub mod hook;
pub mod ingress;
pub mod keep;
pub mod mcp;
pub mod mutant;
mod process;
pub mod provider;
pub mod record;
pub mod recruit;
pub mod revision;
pub mod runner;
pub mod sandbox;
pub mod schema;
pub mod signature;
pub mod store;
pub mod telemetry;
pub mod template;
pub mod tool;
pub mod transfer;
pub mod ui;
pub mod validate;
pub mod version;
