//! JSON Schemas of the files that people write, generated from the types that read them.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::domain::api_key::ApiKeys;
use crate::domain::model::ModelRegistry;
use crate::domain::name::MemoryKey;
use crate::domain::org::OrgConfig;
use crate::domain::resume::Resume;
use crate::domain::toolbox::{AcceptedTools, Toolbox};
use crate::store::Key;

/// A kind of file that people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `agents/<name>/resume.json`.
    Resume,
    /// `org.json`.
    Org,
    /// `config/models.json`.
    Models,
    /// The rules of a scripted model.
    Script,
    /// `config/keys.json`.
    Keys,
    /// `config/tools.json`.
    Tools,
    /// `config/tools.lock.json`.
    ToolsLock,
}

impl FileKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Resume, Self::Org, Self::Models, Self::Script, Self::Keys, Self::Tools, Self::ToolsLock];

    /// The kind as people write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::Org => "org",
            Self::Models => "models",
            Self::Script => "script",
            Self::Keys => "keys",
            Self::Tools => "tools",
            Self::ToolsLock => "tools-lock",
        }
    }

    /// Where an organisation keeps the schema, so that `$schema` can point to it.
    #[must_use]
    pub fn key(self) -> Key {
        let kind = MemoryKey::new(self.as_str()).unwrap_or_else(|_| unreachable!("a plain word"));
        Key::Schema(kind)
    }

    /// The schema of such files.
    #[must_use]
    pub fn schema(self) -> Value {
        let schema = match self {
            Self::Resume => of::<Resume>(),
            Self::Org => of::<OrgConfig>(),
            Self::Models => of::<ModelRegistry>(),
            Self::Script => of::<crate::provider::script::ScriptFile>(),
            Self::Keys => of::<ApiKeys>(),
            Self::Tools => of::<Toolbox>(),
            Self::ToolsLock => of::<AcceptedTools>(),
        };
        let mut schema = schema.to_value();
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("$id".to_owned(), format!("urn:lemming:{}:1", self.as_str()).into());
            let properties = fields.entry("properties").or_insert_with(|| Value::Object(serde_json::Map::new()));
            if let Some(properties) = properties.as_object_mut() {
                properties.entry("$schema").or_insert_with(|| {
                    serde_json::json!({ "type": "string", "description": "The JSON Schema of this file, for editors." })
                });
            }
        }
        schema
    }
}

fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}
