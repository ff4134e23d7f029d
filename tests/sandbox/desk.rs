//! A desk with files and settings, and nothing else.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use async_trait::async_trait;
use lemming::domain::archive::Archived;
use lemming::domain::credits::Credits;
use lemming::domain::memory::Operation;
use lemming::domain::name::{AgentName, MemoryKey};
use lemming::domain::resume::Resume;
use lemming::domain::tools::ToolSettings;
use lemming::tool::{AgentCard, ArchiveNote, CallFailure, Desk, Listing, Meanings, RecordedCall, ToolError};
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct TestDesk {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) settings: ToolSettings,
    /// The changes, in their order.
    pub(crate) log: Vec<String>,
    /// The call as a record has it, if the turn is run again.
    pub(crate) recorded: Option<RecordedCall>,
    resume: Resume,
}

impl Default for TestDesk {
    fn default() -> Self {
        let resume = json!({"name": "ada", "title": "Test", "short_description": "Tests.", "instructions": "Test.",
            "model": {"key": "m"}});
        let resume = serde_json::from_value(resume).expect("resume");
        Self { files: BTreeMap::new(), settings: ToolSettings::default(), log: Vec::new(), recorded: None, resume }
    }
}

impl TestDesk {
    pub(crate) fn put(&mut self, path: &str, text: &str) {
        self.files.insert(path.to_owned(), text.to_owned());
    }
}

#[async_trait]
impl Desk for TestDesk {
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
        _: Option<NonZeroU32>,
    ) -> Result<(), CallFailure> {
        Err(ToolError("there is no memory".to_owned()).into())
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

    async fn read_file(&mut self, path: &str) -> Result<Option<String>, CallFailure> {
        Ok(self.files.get(path).cloned())
    }

    async fn write_file(&mut self, path: &str, text: String) -> Result<(), CallFailure> {
        self.log.push(format!("write {path}"));
        self.files.insert(path.to_owned(), text);
        Ok(())
    }

    async fn delete_file(&mut self, path: &str) -> Result<bool, CallFailure> {
        self.log.push(format!("delete {path}"));
        Ok(self.files.remove(path).is_some())
    }

    async fn list_files(&mut self, _: Option<&str>) -> Result<Listing, CallFailure> {
        Ok(Listing { paths: self.files.keys().cloned().collect(), ..Listing::default() })
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
        Err(ToolError("nobody is created here".to_owned()).into())
    }

    async fn recorded(&mut self) -> Result<Option<RecordedCall>, CallFailure> {
        Ok(self.recorded.clone())
    }
    fn call_id(&self) -> uuid::Uuid {
        uuid::Uuid::nil()
    }
    fn settings(&self) -> &ToolSettings {
        &self.settings
    }
}
