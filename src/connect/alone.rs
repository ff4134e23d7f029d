//! A desk at which nobody works: for a call that a person makes to try a tool. It has no files, no memory and no agents, so
//! it is for the organisation's own tools and those of servers, which need none.

use async_trait::async_trait;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::archive::Archived;
use crate::domain::credits::Credits;
use crate::domain::memory::Operation;
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::resume::Resume;
use crate::domain::tools::ToolSettings;
use crate::tool::{AgentCard, ArchiveNote, CallFailure, Desk, Listing, Meanings, ToolError};

/// The desk of a call that no agent makes.
#[derive(Debug)]
pub struct Alone {
    settings: ToolSettings,
    call_id: Uuid,
    resume: Resume,
}

impl Alone {
    /// A desk with these settings, for a call of this id. The resume is of nobody: it permits nothing.
    ///
    /// # Errors
    /// Never, as long as a resume may say as little as this one.
    pub fn new(settings: ToolSettings, call_id: Uuid) -> Result<Self, serde_json::Error> {
        let resume = serde_json::from_value(serde_json::json!({
            "name": "nobody", "title": "Nobody", "short_description": "Tries a tool.", "instructions": "",
            "model": {"key": "none", "max_tokens": 1},
        }))?;
        Ok(Self { settings, call_id, resume })
    }
}

fn nobody<T>() -> Result<T, CallFailure> {
    Err(ToolError("a call that a person makes to try a tool has no files, no memory and no agents".to_owned()).into())
}

#[async_trait]
impl Desk for Alone {
    fn memory(&self, _: &MemoryKey) -> Option<Value> {
        None
    }

    fn memory_keys(&self) -> Vec<MemoryKey> {
        Vec::new()
    }

    async fn change_memory(
        &mut self,
        _: MemoryKey,
        _: Operation,
        _: Value,
        _: Option<std::num::NonZeroU32>,
    ) -> Result<(), CallFailure> {
        nobody()
    }

    fn left_memory(&self) -> Vec<Archived> {
        Vec::new()
    }

    async fn archive(&mut self, _: Option<&MemoryKey>) -> Result<Vec<ArchiveNote>, CallFailure> {
        Ok(Vec::new())
    }

    async fn read_archive(&mut self, paths: &[String]) -> Result<Vec<Option<String>>, CallFailure> {
        Ok(vec![None; paths.len()])
    }

    async fn meanings(&mut self, _: &[String]) -> Result<Meanings, CallFailure> {
        Ok(Meanings::Unasked)
    }

    fn agents(&self) -> Vec<AgentCard> {
        Vec::new()
    }

    async fn read_file(&mut self, _: &str) -> Result<Option<String>, CallFailure> {
        Ok(None)
    }

    async fn write_file(&mut self, _: &str, _: String) -> Result<(), CallFailure> {
        nobody()
    }

    async fn delete_file(&mut self, _: &str) -> Result<bool, CallFailure> {
        nobody()
    }

    async fn list_files(&mut self, _: Option<&str>) -> Result<Listing, CallFailure> {
        Ok(Listing::default())
    }

    fn resume(&self) -> &Resume {
        &self.resume
    }

    async fn resume_of(&mut self, _: &AgentName) -> Result<Option<Value>, CallFailure> {
        Ok(None)
    }

    fn purse(&self) -> Credits {
        Credits::ZERO
    }

    async fn create_agent(&mut self, _: Resume, _: Credits) -> Result<(), CallFailure> {
        nobody()
    }

    fn settings(&self) -> &ToolSettings {
        &self.settings
    }

    fn call_id(&self) -> Uuid {
        self.call_id
    }
}
