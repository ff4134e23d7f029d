//! A desk with files and settings, and nothing else.

use std::collections::BTreeMap;

use async_trait::async_trait;
use lemming::domain::memory::Operation;
use lemming::domain::name::MemoryKey;
use lemming::domain::org::OrgTools;
use lemming::tool::{AgentCard, CallFailure, Desk, ToolError};
use serde_json::Value;

#[derive(Debug, Default)]
pub(crate) struct TestDesk {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) settings: OrgTools,
    /// The changes, in their order.
    pub(crate) log: Vec<String>,
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

    async fn change_memory(&mut self, _: MemoryKey, _: Operation, _: Value) -> Result<(), CallFailure> {
        Err(ToolError("there is no memory".to_owned()).into())
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

    fn files(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    fn settings(&self) -> &OrgTools {
        &self.settings
    }
}
