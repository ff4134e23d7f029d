//! What a server answers to a call, as a model is told it: texts, structured content and links. Images, sounds and other
//! bytes are named with their type and size and not passed on.

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::{Map, Value, json};

use crate::connect::secrets::Secrets;
use crate::tool::limits::start_of;

/// The most parts of an answer that are looked at.
const MAX_PARTS: usize = 256;

/// What a model is told, or why the call failed.
///
/// # Errors
/// The server says that the call failed; what it says of it.
pub(super) fn told(result: CallToolResult, secrets: &Secrets, max_bytes: usize) -> Result<Value, String> {
    let failed = result.is_error == Some(true);
    // Before it is cut: of a secret that is cut itself, the start would be left.
    let value = cut(secrets.redact_all(document(result)), max_bytes);
    if !failed {
        return Ok(value);
    }
    Err(match value.get("text").and_then(Value::as_str) {
        Some(text) if value.as_object().is_some_and(|fields| fields.len() == 1) => text.to_owned(),
        _ => value.to_string(),
    })
}

fn document(result: CallToolResult) -> Value {
    let (mut texts, mut links, mut not_passed) = (Vec::new(), Vec::new(), Vec::new());
    let parts = result.content.len();
    let bytes = |kind: &str, media_type: Option<&str>, base64: &str| {
        format!("{kind} of type {}, about {} bytes", media_type.unwrap_or("unknown"), base64.len() / 4 * 3)
    };
    for part in result.content.into_iter().take(MAX_PARTS) {
        match part {
            ContentBlock::Text(text) => texts.push(text.text),
            ContentBlock::Image(image) => not_passed.push(bytes("an image", Some(&image.mime_type), &image.data)),
            ContentBlock::Audio(audio) => not_passed.push(bytes("a sound", Some(&audio.mime_type), &audio.data)),
            ContentBlock::Resource(embedded) => match embedded.resource {
                ResourceContents::TextResourceContents { uri, text, .. } => texts.push(format!("{uri}:\n{text}")),
                ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
                    not_passed.push(bytes(&format!("the file {uri}"), mime_type.as_deref(), &blob));
                }
                _ => not_passed.push("a file of a sort that this version does not know".to_owned()),
            },
            ContentBlock::ResourceLink(link) => {
                let mut shown = Map::new();
                shown.insert("uri".to_owned(), link.uri.into());
                shown.insert("name".to_owned(), link.name.into());
                shown.extend(link.description.map(|text| ("description".to_owned(), text.into())));
                links.push(Value::Object(shown));
            }
            _ => not_passed.push("a part of a sort that this version does not know".to_owned()),
        }
    }
    if parts > MAX_PARTS {
        not_passed.push(format!("{} more parts", parts - MAX_PARTS));
    }
    let mut text = texts.join("\n\n");
    // By the protocol a server says in a text once more what it says in JSON.
    let is_said = |value: &Value| serde_json::from_str::<Value>(&text).is_ok_and(|text| text == *value);
    if result.structured_content.as_ref().is_some_and(is_said) {
        text.clear();
    }
    let mut told = Map::new();
    if !text.is_empty() || (result.structured_content.is_none() && links.is_empty() && not_passed.is_empty()) {
        told.insert("text".to_owned(), text.into());
    }
    told.extend(result.structured_content.map(|value| ("structured".to_owned(), value)));
    if !links.is_empty() {
        told.insert("links".to_owned(), links.into());
    }
    if !not_passed.is_empty() {
        told.insert("not_passed_on".to_owned(), not_passed.into());
    }
    Value::Object(told)
}

/// The answer, or its start with a note.
fn cut(value: Value, max_bytes: usize) -> Value {
    let whole = value.to_string();
    if whole.len() <= max_bytes {
        return value;
    }
    let note = format!("the result has {} bytes, more than {max_bytes}: this is its start", whole.len());
    let only_text = value.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields["text"].as_str());
    let start = start_of(only_text.unwrap_or(&whole), max_bytes);
    // What JSON adds to a text is not known before it is written: it is halved until it fits.
    let mut room = start.len();
    loop {
        let cut = json!({"start": start_of(start, room), "note": note});
        if room == 0 || cut.to_string().len() <= max_bytes {
            return cut;
        }
        room /= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::secret::Secret;

    fn told_of(result: Value, max: usize) -> Result<Value, String> {
        told(serde_json::from_value(result).expect("a result"), &Secrets::default(), max)
    }

    #[test]
    fn texts_links_and_structured_content_are_passed_on_and_bytes_are_named() {
        let content = json!([
            {"type": "text", "text": "one"},
            {"type": "image", "data": "AAAA", "mimeType": "image/png"},
            {"type": "audio", "data": "AAAAAAAA", "mimeType": "audio/wav"},
            {"type": "resource", "resource": {"uri": "file:///a", "text": "two"}},
            {"type": "resource", "resource": {"uri": "file:///b", "mimeType": "x/y", "blob": "AAAA"}},
            {"type": "resource_link", "uri": "file:///c", "name": "c"},
        ]);
        let told = told_of(json!({"content": content, "structuredContent": {"n": 1}}), 10_000).expect("an answer");
        assert_eq!(
            told,
            json!({
                "text": "one\n\nfile:///a:\ntwo",
                "structured": {"n": 1},
                "links": [{"uri": "file:///c", "name": "c"}],
                "not_passed_on": [
                    "an image of type image/png, about 3 bytes",
                    "a sound of type audio/wav, about 6 bytes",
                    "the file file:///b of type x/y, about 3 bytes",
                ],
            })
        );
    }

    #[test]
    fn what_is_said_twice_is_passed_on_once() {
        let content = json!([{"type": "text", "text": "{\"n\": 1}"}]);
        let told = told_of(json!({"content": content, "structuredContent": {"n": 1}}), 10_000);
        assert_eq!(told, Ok(json!({"structured": {"n": 1}})));
        assert_eq!(told_of(json!({"content": []}), 10_000), Ok(json!({"text": ""})));
    }

    #[test]
    fn a_call_that_failed_is_told_in_the_servers_words() {
        let content = json!([{"type": "text", "text": "no such file"}]);
        assert_eq!(told_of(json!({"content": content, "isError": true}), 10_000), Err("no such file".to_owned()));
    }

    #[test]
    fn a_long_answer_is_cut_to_what_was_agreed() {
        for text in ["x".repeat(5_000), "\"\u{1}ä".repeat(2_000)] {
            let content = json!([{"type": "text", "text": text}]);
            let told = told_of(json!({"content": content}), 1_000).expect("an answer");
            assert!(told.to_string().len() <= 1_000 && told["note"].is_string(), "{told}");
            assert!(told["start"].as_str().is_some_and(|start| start.len() > 50 && text.starts_with(start)), "{told}");
        }
    }

    #[test]
    fn of_a_secret_at_the_cut_nothing_is_left() {
        let mut secrets = Secrets::default();
        secrets.hold(Secret::new("s3cret-of-the-house"));
        let text = "s3cret-of-the-house ".repeat(100);
        for max in 200..260 {
            let content = json!({"content": [{"type": "text", "text": text}]});
            let told = told(serde_json::from_value(content).expect("a result"), &secrets, max).expect("an answer");
            assert!(!told.to_string().contains("s3c"), "{told}");
        }
    }
}
