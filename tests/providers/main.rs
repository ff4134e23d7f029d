//! Providers against HTTP peers on loopback that speak each wire format. No network, no key.
//!
//! What the peers answer is taken from the providers' documentation, named at each fixture; what
//! they are sent is held against it.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests fail by panicking, say what they skip, and find their servers in the environment"
)]

mod anthropic;
mod bedrock;
mod embeddings;
mod failures;
mod gemini;
mod independent;
mod keys;
mod killed;
mod ollama;
mod openai;
mod peer;
mod program;
mod secrets;
mod world;
