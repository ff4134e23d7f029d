//! Tools: what a model can call within its turn. The trait that the engine sees, and the registry.
//!
//! A tool works at a [`Desk`]: it reads through it and leaves its changes there. Nothing of them
//! happens before the turn is committed.

mod file_list;
mod file_read;
mod file_write;
mod list_agents;
mod memory_delete;
mod memory_list;
mod memory_read;
mod memory_search;
mod memory_write;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::archive::Archived;
use crate::domain::memory::Operation;
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::time::Tick;

/// The longest file that a tool reads or writes, in bytes. Source: LeMMing v1.0.0, `file_write`.
pub const MAX_FILE_BYTES: usize = 100 * 1024;

/// The longest memory value that a tool writes, in bytes of JSON. Source: LeMMing v1.0.0, `memory_write`.
pub const MAX_MEMORY_BYTES: usize = 50 * 1024;

/// Why a tool did not do what was asked. The model is told; the turn goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ToolError(pub String);

/// Something that a tool cannot answer for: the store failed, and the turn ends.
#[derive(Debug, thiserror::Error)]
pub enum CallFailure {
    /// The model is told.
    #[error(transparent)]
    Refused(#[from] ToolError),
    /// The turn cannot go on.
    #[error("the store failed under a tool")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An agent as `list_agents` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentCard {
    /// Its name.
    pub name: AgentName,
    /// Whether the caller may read its outbox.
    pub readable: bool,
}

/// A file of the archive.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArchiveNote {
    /// Its path, as `memory_read` takes it.
    pub path: String,
    /// The memory key that it is of, if its name says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<MemoryKey>,
    /// The tick in which it left the memory, if its name says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tick: Option<Tick>,
}

/// What texts mean, as far as it can be compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Meanings {
    /// The organisation names no model for it.
    Unasked,
    /// It does, and that model could not be asked; why, for people.
    Unknown(String),
    /// A vector for each text, in their order: what means the same lies near.
    Vectors(Vec<Arc<[f32]>>),
}

/// What a tool works on: one agent's turn.
#[async_trait]
pub trait Desk: Send {
    /// The value of a memory key, with the changes of this turn.
    fn memory(&self, key: &MemoryKey) -> Option<Value>;
    /// The keys of the memory, with the changes of this turn.
    fn memory_keys(&self) -> Vec<MemoryKey>;
    /// Changes a memory key. An append with `cap` leaves the newest so many items in the list.
    async fn change_memory(
        &mut self,
        key: MemoryKey,
        operation: Operation,
        value: Value,
        cap: Option<NonZeroU32>,
    ) -> Result<(), CallFailure>;
    /// What left the memory in this turn, and will be archived with it.
    fn left_memory(&self) -> Vec<Archived>;
    /// The files of the agent's archive as of the last closed tick, of one key or all, the newest first.
    async fn archive(&mut self, key: Option<&MemoryKey>) -> Result<Vec<ArchiveNote>, CallFailure>;
    /// The texts of files of the agent's archive; none for one that is missing or no text.
    async fn read_archive(&mut self, paths: &[String]) -> Result<Vec<Option<String>>, CallFailure>;
    /// What texts mean. Each is asked for once, and paid for by the turn.
    async fn meanings(&mut self, texts: &[String]) -> Result<Meanings, CallFailure>;
    /// The agents of the organisation.
    fn agents(&self) -> Vec<AgentCard>;
    /// Reads a file of the workspace or of `shared/`, with the changes of this turn.
    async fn read_file(&mut self, path: &str) -> Result<Option<String>, CallFailure>;
    /// Writes a file of the workspace or of `shared/`.
    async fn write_file(&mut self, path: &str, text: String) -> Result<(), CallFailure>;
    /// The files of the workspace and of `shared/` that the records know, with those of this turn.
    fn files(&self) -> Vec<String>;
}

/// A tool.
#[async_trait]
pub trait Tool: Send + Sync + fmt::Debug {
    /// Its name, as a resume permits it and a model calls it.
    fn name(&self) -> &'static str;
    /// What it does, for the model.
    fn description(&self) -> &'static str;
    /// The JSON Schema of its arguments.
    fn arguments(&self) -> Value;
    /// Does it.
    ///
    /// # Errors
    /// [`CallFailure::Refused`]: the model is told why; [`CallFailure::Broken`]: the turn cannot go on.
    async fn call(&self, arguments: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure>;
    /// Says whether this result came from outside of the organisation's files: a turn that is run again
    /// from its record then takes it from there.
    fn asks_outside(&self, _result: &Value) -> bool {
        false
    }
}

/// The built-in tools, by name.
#[must_use]
pub fn builtin() -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(file_list::FileList),
        Arc::new(file_read::FileRead),
        Arc::new(file_write::FileWrite),
        Arc::new(list_agents::ListAgents),
        Arc::new(memory_delete::MemoryDelete),
        Arc::new(memory_list::MemoryList),
        Arc::new(memory_read::MemoryRead),
        Arc::new(memory_search::MemorySearch),
        Arc::new(memory_write::MemoryWrite),
    ]
}

/// Reads the arguments of a call.
fn arguments<T: DeserializeOwned>(value: Value) -> Result<T, ToolError> {
    serde_json::from_value(value).map_err(|error| ToolError(format!("wrong arguments: {error}")))
}

/// The JSON Schema of a tool's arguments.
fn schema<T: JsonSchema>() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>().to_value()
}
