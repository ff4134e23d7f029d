//! Providers against HTTP peers on loopback that speak each wire format. No network, no key.
//!
//! What the peers answer is taken from the providers' documentation, named at each fixture; what
//! they are sent is held against it.

mod anthropic;
mod bedrock;
mod embeddings;
mod failures;
mod gemini;
mod keys;
mod ollama;
mod openai;
mod peer;
mod world;
