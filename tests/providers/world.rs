//! Models and requests of the tests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use lemming::domain::contract::ToolCall;
use lemming::domain::model::Model;
use lemming::domain::name::{AgentName, ModelKey};
use lemming::domain::prompt::CallResult;
use lemming::domain::time::{Clock, Tick};
use lemming::provider::builtin::{Builtin, Files};
use lemming::provider::{Answer, CallError, Embedded, Message, Provider, Providers, Request, Role, ToolSpec, TurnView};
use serde_json::{Value, json};

/// The key of all tests. Never to be seen anywhere but in its header.
pub(crate) const KEY: &str = "sk-hunter2-hunter2";

#[derive(Debug)]
pub(crate) struct NoFiles;

#[async_trait]
impl Files for NoFiles {
    async fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("no such file".to_owned())
    }
}

/// Opens a model as `config/models.json` would say it, in an environment that has the key.
pub(crate) async fn open(model: Value) -> Result<Arc<dyn Provider>, CallError> {
    open_with(model, &[("THE_KEY", KEY)], None).await
}

/// Opens a model in an environment of one's own.
pub(crate) async fn open_with(
    mut model: Value,
    vars: &[(&str, &str)],
    root: Option<PathBuf>,
) -> Result<Arc<dyn Provider>, CallError> {
    if model.get("price").is_none() {
        model["price"] = json!({"input": 0, "output": 0});
    }
    let model: Model = serde_json::from_value(model).expect("model");
    let vars: BTreeMap<String, String> = vars.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let builtin = Builtin::new(Arc::new(NoFiles)).with_network(vars, root);
    builtin.open(&ModelKey::new("m").expect("key"), &model).await
}

/// Opens a model and makes one call.
pub(crate) async fn ask(model: Value, request: &Request) -> Result<Answer, CallError> {
    open(model).await.expect("provider").complete(request).await
}

/// Opens a model of embeddings, and asks it for the vectors of texts.
pub(crate) async fn embed(mut model: Value, model_name: &str, texts: &[String]) -> Result<Embedded, CallError> {
    model["price"] = json!({"input": 0, "output": 0});
    let model: Model = serde_json::from_value(model).expect("model");
    let vars = BTreeMap::from([("THE_KEY".to_owned(), KEY.to_owned())]);
    let builtin = Builtin::new(Arc::new(NoFiles)).with_network(vars, None);
    let embedder = builtin.open_embedder(&ModelKey::new("m").expect("key"), &model).await?;
    embedder.embed(model_name, texts).await
}

/// The first call of a turn, with one tool.
pub(crate) fn request(model_name: &str) -> Request {
    let arguments = json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
    let tool = ToolSpec { name: "file_read".to_owned(), description: "Reads a file.".to_owned(), arguments };
    Request {
        messages: vec![
            Message::new(Role::System, "You are one agent of an organisation."),
            Message::new(Role::User, "What is new?"),
        ],
        model_name: model_name.to_owned(),
        temperature: 0.5,
        max_tokens: 500,
        tools: vec![tool].into(),
        context_tokens: None,
        view: TurnView {
            agent: AgentName::new("ada").expect("name"),
            tick: Tick(1),
            clock: Clock(1),
            step: 0,
            inbox: Arc::default(),
            memory: Arc::default(),
            results: Vec::new(),
            answered: Vec::new(),
        },
    }
}

/// The second call of a turn, after a native tool call.
pub(crate) fn second(model_name: &str) -> Request {
    let mut request = request(model_name);
    let call = ToolCall { id: Some("call_1".into()), tool: "file_read".into(), arguments: json!({"path": "a.txt"}) };
    request.messages.push(Message { calls: vec![call], ..Message::new(Role::Assistant, "Let me look.") });
    let content = json!({"tool": "file_read", "ok": true, "result": "text"}).to_string();
    let result = CallResult { id: "call_1".into(), tool: "file_read".into(), content: content.clone() };
    let text = format!("# Results of your tool calls\n\n{content}\n");
    request.messages.push(Message { results: vec![result], ..Message::new(Role::Tool, text) });
    request
}

/// The last call of a turn: no tools are left.
pub(crate) fn last(model_name: &str) -> Request {
    Request { tools: Arc::default(), ..second(model_name) }
}
