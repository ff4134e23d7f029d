//! A request's messages as every provider takes them: with native tool calls, or all in text.

use serde_json::{Value, json};

use super::{Message, Request, Role};

/// A native tool call of an earlier answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call<'a> {
    /// The provider's id, or one of ours where it gave none.
    pub(super) id: String,
    pub(super) tool: &'a str,
    pub(super) arguments: &'a Value,
}

/// What a native tool call returned.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Returned<'a> {
    pub(super) id: String,
    pub(super) tool: &'a str,
    pub(super) content: &'a str,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said<'a> {
    System(&'a str),
    User(String),
    Assistant { text: String, calls: Vec<Call<'a>> },
    Results(Vec<Returned<'a>>),
}

/// Says whether a request goes out with native tools: those who have none left must not see native
/// calls either, as Anthropic and Bedrock refuse calls of tools that they are not told of.
pub(super) fn is_native(request: &Request, wanted: bool) -> bool {
    wanted && !request.tools.is_empty()
}

/// The messages of a request.
pub(super) fn messages(request: &Request, native: bool) -> Vec<Said<'_>> {
    let mut said = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    for (at, message) in request.messages.iter().enumerate() {
        match message.role {
            Role::System => said.push(Said::System(&message.content)),
            Role::User => said.push(Said::User(message.content.clone())),
            Role::Assistant if native => {
                let id = |(i, id): (usize, Option<&String>)| id.cloned().unwrap_or_else(|| format!("call_{at}_{i}"));
                ids = message.calls.iter().map(|call| call.id.as_ref()).enumerate().map(id).collect();
                let calls = message.calls.iter().zip(&ids);
                let calls =
                    calls.map(|(call, id)| Call { id: id.clone(), tool: &call.tool, arguments: &call.arguments });
                said.push(Said::Assistant { text: message.content.clone(), calls: calls.collect() });
            }
            Role::Assistant => said.push(Said::Assistant { text: in_text(message), calls: Vec::new() }),
            Role::Tool if native && !message.results.is_empty() => {
                let results = message.results.iter().enumerate().map(|(i, result)| Returned {
                    id: ids.get(i).cloned().unwrap_or_else(|| result.id.clone()),
                    tool: &result.tool,
                    content: &result.content,
                });
                said.push(Said::Results(results.collect()));
                said.extend(besides(message).map(Said::User));
            }
            Role::Tool => said.push(Said::User(message.content.clone())),
        }
    }
    said
}

/// An answer with native calls for a model that is told of none.
fn in_text(message: &Message) -> String {
    if message.calls.is_empty() {
        return message.content.clone();
    }
    let calls: Vec<Value> =
        message.calls.iter().map(|call| json!({"tool": call.tool, "arguments": call.arguments})).collect();
    let calls = json!({ "tool_calls": calls });
    if message.content.trim().is_empty() { calls.to_string() } else { format!("{}\n{calls}", message.content) }
}

/// What a message of results says beside the native ones, such as results of the contract's own calls.
fn besides(message: &Message) -> Option<String> {
    let mut native: Vec<&str> = message.results.iter().map(|result| result.content.as_str()).collect();
    let is_other = |line: &&str| match native.iter().position(|content| content == line) {
        Some(at) => {
            native.remove(at);
            false
        }
        None => true,
    };
    let rest: Vec<&str> = message.content.lines().filter(is_other).filter(|line| !line.starts_with("# ")).collect();
    let rest = rest.join("\n").trim().to_owned();
    (!rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contract::ToolCall;
    use crate::domain::prompt::CallResult;
    use crate::provider::fixture::request;

    fn looped() -> Request {
        let call = ToolCall { id: None, tool: "file_read".to_owned(), arguments: json!({"path": "a"}) };
        let result =
            CallResult { id: String::new(), tool: "file_read".to_owned(), content: "{\"ok\":true}".to_owned() };
        let mut request = request(vec![]);
        request.messages.push(Message { calls: vec![call], ..Message::new(Role::Assistant, "") });
        let content = "# Results of your tool calls\n\n{\"ok\":true}\n{\"other\":1}\n";
        request.messages.push(Message { results: vec![result], ..Message::new(Role::Tool, content) });
        request
    }

    #[test]
    fn native_calls_and_their_results_share_an_id_and_nothing_is_said_twice() {
        let request = looped();
        let said = messages(&request, true);
        let Said::Assistant { calls, .. } = &said[1] else { panic!("{said:?}") };
        let Said::Results(results) = &said[2] else { panic!("{said:?}") };
        assert_eq!(calls[0].id, results[0].id);
        assert_eq!(said[3], Said::User("{\"other\":1}".to_owned()));
    }

    #[test]
    fn without_native_tools_all_is_text() {
        let request = looped();
        let said = messages(&request, false);
        let calls = "{\"tool_calls\":[{\"tool\":\"file_read\",\"arguments\":{\"path\":\"a\"}}]}".to_owned();
        assert_eq!(said[1], Said::Assistant { text: calls, calls: Vec::new() });
        assert!(matches!(&said[2], Said::User(text) if text.contains("\"ok\":true")));
    }
}
