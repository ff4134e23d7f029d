//! Memory: one JSON value per key, kept by its agent and editable by people.

use std::num::{NonZeroU32, NonZeroU64};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::ids::Sha;
use super::json::line;
use super::name::{AgentName, MemoryKey, ModelKey};
use super::time::{Tick, Timestamp};

/// What is done to the value of a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// The value becomes this one.
    #[default]
    Set,
    /// The value is added to a list; another value there becomes the list's first element.
    Append,
    /// The fields are laid over an object; another value there is replaced.
    Merge,
    /// The key goes.
    Delete,
}

impl Operation {
    /// Reads an operation as it stands in JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "set" => Some(Self::Set),
            "append" => Some(Self::Append),
            "merge" => Some(Self::Merge),
            "delete" => Some(Self::Delete),
            _ => None,
        }
    }

    /// The value after this operation, from the value before; `None`: there is none.
    #[must_use]
    pub fn apply(self, before: Option<Value>, value: Value) -> Option<Value> {
        match (self, before, value) {
            (Self::Delete, ..) => None,
            (Self::Append, Some(Value::Array(mut list)), value) => {
                list.push(value);
                Some(Value::Array(list))
            }
            (Self::Append, Some(Value::Null) | None, value) => Some(Value::Array(vec![value])),
            (Self::Append, Some(first), value) => Some(Value::Array(vec![first, value])),
            (Self::Merge, Some(Value::Object(mut fields)), Value::Object(new)) => {
                fields.extend(new);
                Some(Value::Object(fields))
            }
            (Self::Set | Self::Merge, _, value) => Some(value),
        }
    }
}

/// `memory` of `org.json`: how much agents keep at hand. What leaves a memory goes to the archive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrgMemory {
    /// The most items of a list: the newest stay. Absent: as many as fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_list_items: Option<NonZeroU32>,
    /// A key that nobody changed for that many ticks is archived. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_after_ticks: Option<NonZeroU64>,
    /// The most bytes of memory in a prompt, of at most a quarter of it. Absent: a quarter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_prompt_bytes: Option<NonZeroU32>,
    /// A key of `config/models.json`: the model that `memory_search` compares meanings with. Absent: words alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embeddings: Option<ModelKey>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

/// `memory` of a resume, where it is to differ from the organisation's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentMemory {
    /// The most items of a list: the newest stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_list_items: Option<NonZeroU32>,
    /// A key that nobody changed for that many ticks is archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_after_ticks: Option<NonZeroU64>,
    /// The most bytes of memory in a prompt, of at most a quarter of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_prompt_bytes: Option<NonZeroU32>,
    /// Keys that are shown first and are never archived for their age.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pinned: Vec<MemoryKey>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

impl OrgMemory {
    /// Says whether all of it is left to the defaults.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl AgentMemory {
    /// Says whether all of it is left to the organisation.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What holds for the agent in an organisation.
    #[must_use]
    pub fn within(&self, org: &OrgMemory) -> Keeping {
        let most = |n: NonZeroU32| usize::try_from(n.get()).unwrap_or(usize::MAX);
        Keeping {
            max_list_items: self.max_list_items.or(org.max_list_items).map(most),
            archive_after_ticks: self.archive_after_ticks.or(org.archive_after_ticks).map(NonZeroU64::get),
            max_prompt_bytes: self.max_prompt_bytes.or(org.max_prompt_bytes).map(most),
            pinned: self.pinned.clone(),
        }
    }
}

/// How an agent's memory is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keeping {
    /// The most items of a list.
    pub max_list_items: Option<usize>,
    /// A key that nobody changed for that many ticks is archived.
    pub archive_after_ticks: Option<u64>,
    /// The most bytes of memory in a prompt.
    pub max_prompt_bytes: Option<usize>,
    /// Keys that are shown first and are never archived for their age.
    pub pinned: Vec<MemoryKey>,
}

/// A memory as it stands in `agents/<agent>/memory/<key>.json`.
///
/// Source of the fields: LeMMing v1.0.0, memory files; `stamp` is new. A file that carries the
/// right stamp is a version that the engine wrote; any other is a person's edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryFile {
    /// The key, equal to the file's name.
    pub key: MemoryKey,
    /// The value.
    pub value: Value,
    /// When it was written: the time of the plan.
    pub timestamp_utc: Timestamp,
    /// Whose memory it is.
    pub agent: AgentName,
    /// What was done last.
    pub operation: Operation,
    /// In which tick.
    pub tick: Tick,
    /// The first 16 hexadecimal digits of the SHA-256 of the other fields.
    #[serde(default)]
    pub stamp: String,
}

impl MemoryFile {
    /// The same file with its stamp.
    #[must_use]
    pub fn stamped(mut self) -> Self {
        self.stamp = self.expected_stamp();
        self
    }

    /// The value in the bytes of a memory file, ours or a person's.
    ///
    /// # Errors
    /// What is wrong with the file, for people.
    pub fn value_in(bytes: &[u8]) -> Result<Value, String> {
        match serde_json::from_slice::<Value>(bytes) {
            Ok(Value::Object(mut fields)) => {
                fields.remove("value").ok_or_else(|| "a memory file must have a `value`".to_owned())
            }
            Ok(_) => Err("a memory file must be a JSON object with a `value`".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Says whether the stamp is of this content, that is, whether the engine wrote it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.stamp == self.expected_stamp()
    }

    fn expected_stamp(&self) -> String {
        let content = json!([self.agent, self.key, self.value, self.timestamp_utc, self.operation, self.tick]);
        Sha::of(line(&content).as_bytes()).short().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_follow_the_reference() {
        use Operation::{Append, Delete, Merge, Set};
        for (operation, before, value, after) in [
            (Set, Some(json!(1)), json!(2), Some(json!(2))),
            (Append, None, json!(1), Some(json!([1]))),
            (Append, Some(json!([1])), json!(2), Some(json!([1, 2]))),
            (Append, Some(json!("a")), json!("b"), Some(json!(["a", "b"]))),
            (Merge, Some(json!({"a": 1, "b": 1})), json!({"b": 2}), Some(json!({"a": 1, "b": 2}))),
            (Merge, Some(json!(1)), json!({"b": 2}), Some(json!({"b": 2}))),
            (Delete, Some(json!(1)), Value::Null, None),
        ] {
            assert_eq!(operation.apply(before.clone(), value.clone()), after, "{operation:?} {before:?} {value}");
        }
    }

    #[test]
    fn a_stamp_tells_our_files_from_edits() {
        let file = MemoryFile {
            key: MemoryKey::new("k").expect("key"),
            value: json!({"b": 1, "a": [2]}),
            timestamp_utc: Timestamp::from_unix_ms(0),
            agent: AgentName::new("ada").expect("name"),
            operation: Operation::Set,
            tick: Tick(3),
            stamp: String::new(),
        }
        .stamped();
        assert!(file.is_ours());
        let read: MemoryFile = serde_json::from_value(crate::domain::json::sorted(&json!(file))).expect("file");
        assert!(read.is_ours(), "whatever order its fields came in");
        let edited = MemoryFile { value: json!(2), ..file };
        assert!(!edited.is_ours());
    }
}
