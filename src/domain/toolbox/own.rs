//! A tool of the organisation's own: a command or an HTTP endpoint, with a JSON Schema and no code.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::server::Terms;

/// A tool: what it does, for the model, its arguments, and what is called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnTool {
    /// What it does, for the model.
    #[schemars(length(min = 1, max = 2000))]
    pub description: String,
    /// The JSON Schema of its arguments: of an object.
    #[serde(default = "no_arguments")]
    pub arguments: Map<String, Value>,
    /// A program and its arguments, which runs in the sandbox. `{name}` stands for the argument of that name; all arguments
    /// are given as one JSON document on its standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Or an HTTP endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpCall>,
    /// What holds for its calls.
    #[serde(flatten)]
    pub terms: Terms,
}

fn no_arguments() -> Map<String, Value> {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), Value::Object(Map::new()));
    schema.insert("additionalProperties".to_owned(), false.into());
    schema
}

/// A request of an own tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HttpCall {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    #[schemars(regex(pattern = "^(GET|POST|PUT|PATCH|DELETE)$"))]
    pub method: String,
    /// The address. `{name}` stands for the argument of that name, percent-encoded. With `GET` and `DELETE` the arguments
    /// that the address does not name are its query, with the others all arguments are the body, as JSON.
    pub url: String,
    /// Headers. A secret stands there as a reference: `env:NAME`, or `Bearer env:NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Fields that this version does not know: kept and reported.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}
