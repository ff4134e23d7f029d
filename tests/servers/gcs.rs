//! The part of Google Cloud Storage's XML interface that fake-gcs-server lacks, in front of it.
//!
//! The client speaks XML, and the server has no XML PUT (its issue 331) and ignores where a listing begins. So a PUT
//! becomes an upload of the JSON interface, whose condition it has, and listings are filtered.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;

use serde_json::Value;

use crate::http::{Client, Message};
use crate::loopback::{Loopback, Outcome};

/// Starts the front of a server.
pub fn front(server: SocketAddr) -> Loopback {
    Loopback::start(server, move |mut request, client| {
        // It tells the interfaces apart by its own name.
        request.set("Host", &server.to_string());
        let target = request.target().to_owned();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        match (request.method(), path.trim_start_matches('/').split_once('/')) {
            ("PUT", Some((bucket, key))) if query.is_empty() => put(&request, bucket, key, client),
            ("GET", None) => list(&request, query, client),
            ("GET", Some((_, ""))) => list(&request, query, client),
            _ => client.send(&request).map(Outcome::Answer),
        }
    })
}

fn put(request: &Message, bucket: &str, key: &str, client: &mut Client) -> io::Result<Outcome> {
    let mut name = String::new();
    for part in key.split_inclusive(['/', '+', '&']) {
        let (text, end) = part.split_at(part.len() - usize::from(part.ends_with(['/', '+', '&'])));
        name.push_str(text);
        if let Some(byte) = end.bytes().next() {
            write!(name, "%{byte:02X}").expect("a string");
        }
    }
    let condition = match request.get("x-goog-if-generation-match") {
        Some(generation) => format!("&ifGenerationMatch={generation}"),
        None => String::new(),
    };
    let target = format!("/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}{condition}");
    let mut upload = request.clone();
    upload.start = format!("POST {target} HTTP/1.1");
    let stored = client.send(&upload)?;
    if stored.status() != 200 {
        return Ok(Outcome::Answer(stored));
    }
    let object: Value = serde_json::from_slice(&stored.body).map_err(io::Error::other)?;
    let mut answer = Message::answer("200 OK", "");
    answer.set("ETag", object["etag"].as_str().unwrap_or_default());
    answer.set("x-goog-generation", object["generation"].as_str().unwrap_or_default());
    Ok(Outcome::Answer(answer))
}

/// Drops what a listing has at or before the key after which it was to begin.
fn list(request: &Message, query: &str, client: &mut Client) -> io::Result<Outcome> {
    let mut answer = client.send(request)?;
    let after = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "start-after");
    if let Some((_, after)) = after {
        let text = String::from_utf8(answer.body).map_err(io::Error::other)?;
        let mut parts = text.split("<Contents>");
        let mut kept = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (entry, rest) = part.split_once("</Contents>").unwrap_or((part, ""));
            let key =
                entry.split_once("<Key>").and_then(|(_, key)| key.split_once("</Key>")).map_or("", |(key, _)| key);
            if unescape(key).as_str() > &*after {
                write!(kept, "<Contents>{entry}</Contents>").expect("a string");
            }
            kept.push_str(rest);
        }
        answer.body = kept.into_bytes();
        answer.set("Content-Length", &answer.body.len().to_string());
    }
    Ok(Outcome::Answer(answer))
}

fn unescape(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#34;", "\""),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    entities.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain))
}
