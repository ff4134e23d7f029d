//! What the values of this domain look like in the API's document, where their types do not say it by themselves.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::credits::Credits;
use super::ids::{Seed, Sha};
use super::name::{AgentName, IngressName, KeyName, MemoryKey, ModelKey, RunnerId, ServerName, ToolName};
use super::position::Position;
use super::time::{Clock, Tick, Timestamp};

/// Says how a type is written.
macro_rules! written {
    ($($type:ty: $name:literal, $about:literal, $object:expr;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $object.description(Some($about)).build().into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    )*};
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn number() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
}

written! {
    AgentName: "AgentName", "The name of an agent; `human`: people.", text().pattern(Some("^[a-z][a-z0-9_]*$"));
    KeyName: "KeyName", "The name of an API key.", text();
    MemoryKey: "MemoryKey", "The key of a memory.", text().pattern(Some("^[A-Za-z0-9_-]+$"));
    ModelKey: "ModelKey", "The key of a model in config/models.json.", text();
    ToolName: "ToolName", "The name of a tool, as a resume permits it.", text();
    ServerName: "ServerName", "The name of an MCP server in config/tools.json.", text();
    IngressName: "IngressName", "The name of a message or command that came from outside; used once.", text();
    RunnerId: "RunnerId", "One invocation of a runner.", text();
    Seed: "Seed", "From which the ids of a tick are derived.", ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    Sha: "Sha256", "A SHA-256, in 64 hexadecimal digits.", text().pattern(Some("^[0-9a-f]{64}$"));
    Position: "Position", "Where an entry stands: its tick, the rank of its turn in it, and its index in the turn.", text();
    Timestamp: "Timestamp", "A moment, UTC, in RFC 3339.", text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    Tick: "Tick", "The number of a tick; they count from 1, and 0 is before the first.", number().minimum(Some(0));
    Clock: "Clock", "The clock that schedules go by; it stands still in ticks by mail alone.", number();
    Credits: "Credits", "An amount, exact to a millionth.", ObjectBuilder::new().schema_type(Type::Number);
}
