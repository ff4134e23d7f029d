//! Memory: one JSON value per key, kept by its agent and editable by people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ids::Sha;
use super::name::{AgentName, MemoryKey};
use super::time::{Tick, Timestamp};

/// What is done to the value of a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

    /// Says whether the stamp is of this content, that is, whether the engine wrote it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.stamp == self.expected_stamp()
    }

    fn expected_stamp(&self) -> String {
        let content = json!([self.agent, self.key, self.value, self.timestamp_utc, self.operation, self.tick]);
        Sha::of(content.to_string().as_bytes()).short().to_owned()
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
        let edited = MemoryFile { value: json!(2), ..file };
        assert!(!edited.is_ours());
    }
}
