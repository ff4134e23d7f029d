//! Tools: what a model can call within its turn. The trait that the engine sees, and the registry.
//!
//! A tool works at a [`Desk`]: it reads through it and leaves its changes there. Nothing of them
//! happens before the turn is committed.

pub mod catalogue;
mod create_agent;
mod file_delete;
mod file_list;
mod file_read;
mod file_search;
mod file_write;
pub mod limits;
mod list_agents;
mod memory_delete;
mod memory_list;
mod memory_read;
mod memory_search;
mod memory_write;
mod python;
pub(crate) mod scratch;
pub(crate) mod shell;
pub mod web;
pub(crate) mod web_fetch;
mod web_search;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

pub use self::limits::{MAX_FILE_BYTES, MAX_MEMORY_BYTES};
use self::web::{Resolver, SystemResolver, Web};
use crate::config::Environment;
use crate::domain::archive::Archived;
use crate::domain::credits::Credits;
use crate::domain::memory::Operation;
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::resume::Resume;
use crate::domain::time::Tick;
use crate::domain::toolbox::{AcceptedTools, Effect, Toolbox};
use crate::domain::tools::ToolSettings;
use crate::sandbox::Sandbox;

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
    /// Whether the caller may address entries to it.
    pub addressable: bool,
}

/// The files that a listing found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Their paths, `workspace/...` and `shared/...`, sorted.
    pub paths: Vec<String>,
    /// How many lie there under names that no tool can use.
    pub unusable: usize,
    /// Whether there are so many that some were left out.
    pub cut: bool,
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

/// A call as the record of its turn has it.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedCall {
    /// Whether it was done.
    pub ok: bool,
    /// What the model was told.
    pub result: Value,
    /// The files that were changed then, by the call or by others of the same answer, as they were left; none: deleted.
    pub files: BTreeMap<String, Option<String>>,
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
    /// Deletes a file of the workspace or of `shared/`; says whether there was one.
    async fn delete_file(&mut self, path: &str) -> Result<bool, CallFailure>;
    /// The files of the workspace and of `shared/`, those of this turn and those that people put there too; below
    /// `folder`, if one is named.
    async fn list_files(&mut self, folder: Option<&str>) -> Result<Listing, CallFailure>;
    /// The caller's own resume.
    fn resume(&self) -> &Resume;
    /// The resume of an agent whose outbox the caller may read, of the caller, or of the template.
    async fn resume_of(&mut self, name: &AgentName) -> Result<Option<Value>, CallFailure>;
    /// What the caller may still give away in this turn.
    fn purse(&self) -> Credits;
    /// Asks for an agent to be created when the tick closes.
    async fn create_agent(&mut self, resume: Resume, credits: Credits) -> Result<(), CallFailure>;
    /// The call that is being made as the record has it, if the turn is run again: a tool that runs programs runs none
    /// then, and leaves at the desk what they left.
    async fn recorded(&mut self) -> Result<Option<RecordedCall>, CallFailure> {
        Ok(None)
    }
    /// What `org.json` says of tools.
    fn settings(&self) -> &ToolSettings;
    /// The id of the call that is being made: a service that is told it does the call once.
    fn call_id(&self) -> Uuid;
}

/// A tool.
#[async_trait]
pub trait Tool: Send + Sync + fmt::Debug {
    /// Its name, as a model calls it.
    fn name(&self) -> &str;
    /// Its name, as a resume permits it (`permissions.tools`).
    fn permission(&self) -> &str {
        self.name()
    }
    /// What it does, for the model.
    fn description(&self) -> &str;
    /// The JSON Schema of its arguments.
    fn arguments(&self) -> Value;
    /// What a call does outside. One that may not be made twice is not made for an answer that was only adopted, and waits
    /// for a person's yes unless a rule says otherwise.
    fn effect(&self) -> Effect {
        Effect::None
    }
    /// What a call is worth, if that can be told: for rules that ask above an amount.
    fn worth(&self, _arguments: &Value) -> Option<Credits> {
        None
    }
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
    /// The paths of the files that a call changed, as tools name them, by what was asked and what came of it; `None`:
    /// that cannot be told any more, and may be any of the workspace.
    fn changed(&self, _arguments: &Value, _result: &Value) -> Option<Vec<String>> {
        Some(Vec::new())
    }
    /// Says whether the result shows what people put among the files while the turn ran: a turn that is run again
    /// makes the call, for the edits that it finds, and takes the result from its record.
    fn sees_people(&self) -> bool {
        false
    }
}

/// Makes the tools that an organisation brings itself.
pub trait Connector: Send + Sync + fmt::Debug {
    /// The tools of `config/tools.json`: its own, and those of its servers that people accepted. Asks nobody.
    fn tools(&self, toolbox: &Toolbox, accepted: &AcceptedTools) -> Vec<Arc<dyn Tool>>;
}

/// Makes none: for ticks in which an organisation brings no tools.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unconnected;

impl Connector for Unconnected {
    fn tools(&self, _: &Toolbox, _: &AcceptedTools) -> Vec<Arc<dyn Tool>> {
        Vec::new()
    }
}

/// What tools reach outside with.
#[derive(Debug, Clone)]
pub struct Outside {
    /// Where keys are looked up.
    pub environment: Environment,
    /// How names of hosts become addresses.
    pub resolver: Arc<dyn Resolver>,
}

impl Default for Outside {
    fn default() -> Self {
        Self { environment: Environment::default(), resolver: Arc::new(SystemResolver) }
    }
}

/// The built-in tools, by name; without any key.
#[must_use]
pub fn builtin() -> Vec<Arc<dyn Tool>> {
    with(Outside::default())
}

/// The built-in tools, by name.
#[must_use]
pub fn with(outside: Outside) -> Vec<Arc<dyn Tool>> {
    let web = Arc::new(Web::new(outside.resolver));
    vec![
        Arc::new(create_agent::CreateAgent),
        Arc::new(file_delete::FileDelete),
        Arc::new(file_list::FileList),
        Arc::new(file_read::FileRead),
        Arc::new(file_search::FileSearch),
        Arc::new(file_write::FileWrite),
        Arc::new(list_agents::ListAgents),
        Arc::new(memory_delete::MemoryDelete),
        Arc::new(memory_list::MemoryList),
        Arc::new(memory_read::MemoryRead),
        Arc::new(memory_search::MemorySearch),
        Arc::new(memory_write::MemoryWrite),
        Arc::new(web_fetch::WebFetch(Arc::clone(&web))),
        Arc::new(web_search::WebSearch { web, environment: outside.environment }),
    ]
}

/// The tools that run something, in a sandbox.
#[must_use]
pub fn sandboxed(sandbox: &Sandbox) -> Vec<Arc<dyn Tool>> {
    vec![Arc::new(python::Python::new(sandbox.clone())), Arc::new(shell::Shell::new(sandbox.clone()))]
}

/// Calls a tool within the limits of all tools.
///
/// # Errors
/// As [`Tool::call`].
pub async fn call(tool: &dyn Tool, arguments: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
    // A model that has nothing to say may say so.
    let arguments = if arguments.is_null() { Value::Object(serde_json::Map::new()) } else { arguments };
    limits::check_arguments(&arguments)?;
    Ok(limits::bounded(tool.call(arguments, desk).await?))
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
