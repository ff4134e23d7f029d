//! The address of an own tool over HTTP: where it leads the organisation says, arguments say the rest.
//!
//! An argument can be (a part of) one segment of the path or one value of the query, percent-encoded, and nothing else:
//! scheme, host and port have no place for one, and none makes a segment more, less, empty, or `..`.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use super::template::{Template, plain};
use crate::tool::ToolError;
use crate::tool::limits::MAX_URL_BYTES;

/// An address with places for arguments.
#[derive(Debug)]
pub(super) struct Address {
    /// Scheme, host and port.
    root: Url,
    segments: Vec<Template>,
    /// By name.
    query: Vec<(String, Template)>,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// It is none, or an argument stands where none may. The message does not repeat it: it may hold a password.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(why.to_owned());
        if text.len() > MAX_URL_BYTES {
            return Err(format!("has {} bytes, more than {MAX_URL_BYTES}", text.len()));
        }
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return wrong("holds white space or a backslash");
        }
        if text.contains('#') {
            return wrong("has a fragment, which is never sent");
        }
        let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
            return wrong("does not begin with http:// or https://");
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if authority.contains(['{', '}']) {
            return wrong("has a place for an argument in its host or port: where a call goes the organisation says");
        }
        if authority.contains('@') {
            return wrong("names a user: a secret is named by reference, in a header");
        }
        let scheme = &text[..text.len() - authority.len() - rest.len()];
        let root = Url::parse(&format!("{scheme}{authority}/")).map_err(|error| format!("is no URL: {error}"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let segments = path.strip_prefix('/').unwrap_or(path).split('/').map(Template::new).collect();
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if Template::new(name).as_text().is_none() {
                return wrong("has a place for an argument in the name of a field of its query");
            }
            pairs.push((name.to_owned(), Template::new(value)));
        }
        Ok(Self { root, segments, query: pairs })
    }

    /// The names of the arguments in its path.
    pub(super) fn in_path(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().flat_map(Template::names)
    }

    /// The names of all its arguments.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.in_path().chain(self.query.iter().flat_map(|(_, value)| value.names()))
    }

    /// The fields of its query whose values the organisation wrote down itself.
    pub(super) fn fixed(&self) -> impl Iterator<Item = &str> {
        self.query.iter().filter(|(_, value)| value.as_text().is_some()).map(|(name, _)| name.as_str())
    }

    /// The address with arguments in their places; with `rest`, those that have none are its query.
    pub(super) fn fill(&self, arguments: &Value, rest: bool) -> Result<Url, ToolError> {
        let mut path = Vec::new();
        for segment in &self.segments {
            let filled = segment.fill(arguments, |name, value| segment_of(name, &value))?;
            let Some(filled) = filled else {
                let missing = segment.names().find(|name| arguments.get(name).is_none()).unwrap_or_default();
                return Err(ToolError(format!("wrong arguments: /{missing} is needed for the address")));
            };
            // Parts that are harmless each may be `..` together, and `%2e` is as good as a dot.
            if segment.as_text().is_none() && is_dots(&filled.to_ascii_lowercase().replace("%2e", ".")) {
                return Err(ToolError("wrong arguments: they make the path lead elsewhere".to_owned()));
            }
            path.push(filled);
        }
        let mut pairs = Vec::new();
        for (name, value) in &self.query {
            if let Some(value) = value.fill(arguments, |_, value| Ok(encoded(&value)))? {
                pairs.push(format!("{name}={value}"));
            }
        }
        let named: Vec<&str> = self.names().collect();
        let others =
            arguments.as_object().into_iter().flatten().filter(|(name, _)| rest && !named.contains(&name.as_str()));
        // In one order, whatever order the model wrote them in: a record keeps them sorted.
        for (name, value) in others.collect::<BTreeMap<_, _>>() {
            if self.query.iter().any(|(field, _)| *field == encoded(name) || field == name) {
                return Err(ToolError(format!("wrong arguments: /{name} is a field of the address already")));
            }
            let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for value in values {
                pairs.push(format!("{}={}", encoded(name), encoded(&plain(name, value)?)));
            }
        }
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        let whole = format!("{}{}{query}", self.root, path.join("/"));
        let url = Url::parse(&whole).map_err(|error| ToolError(format!("the address is no URL: {error}")))?;
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(ToolError(format!("the address would have more than {MAX_URL_BYTES} bytes")));
        }
        // By construction; if a parser should ever see it in another way, nothing is sent.
        if url.origin() != self.root.origin() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(ToolError("wrong arguments: they make the address lead elsewhere".to_owned()));
        }
        Ok(url)
    }
}

/// An argument as a part of one segment of a path.
fn segment_of(name: &str, value: &str) -> Result<String, ToolError> {
    let refused = |why: &str| Err(ToolError(format!("wrong arguments: /{name} {why}")));
    if value.is_empty() {
        // `/items/` is not one of the items, but all of them.
        return refused("is empty, and stands in the path of the address");
    }
    if value.chars().any(char::is_control) {
        return refused("holds control characters, and stands in the path of the address");
    }
    // Encoded, a slash is no end of a segment; not every server knows that.
    if value.split(['/', '\\']).any(is_dots) {
        return refused("has the segment `.` or `..`, and stands in the path of the address");
    }
    Ok(encoded(value))
}

fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

/// A text of which every byte but those that RFC 3986 calls unreserved is percent-encoded.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fill(address: &str, arguments: Value) -> Result<String, String> {
        let address = Address::new(address).expect("an address");
        address.fill(&arguments, true).map(String::from).map_err(|error| error.0)
    }

    #[test]
    fn arguments_stand_in_path_and_query_and_the_rest_is_the_query() {
        for (address, arguments, url) in [
            ("https://a.example", json!({}), "https://a.example/"),
            ("https://a.example?x=1", json!({}), "https://a.example/?x=1"),
            ("https://a.example/v1/{id}.json", json!({"id": 7}), "https://a.example/v1/7.json"),
            ("https://a.example/{a}/{b}", json!({"a": "x y", "b": "ä"}), "https://a.example/x%20y/%C3%A4"),
            ("https://a.example/s?q={q}&l={l}", json!({"q": "a&b=c#d"}), "https://a.example/s?q=a%26b%3Dc%23d"),
            ("http://a.example:81/s", json!({"b": [1, 2], "a": true}), "http://a.example:81/s?a=true&b=1&b=2"),
            ("https://a.example/{a}", json!({"a": "x", "%": "y z"}), "https://a.example/x?%25=y%20z"),
            ("https://[::1]:8/", json!({}), "https://[::1]:8/"),
        ] {
            assert_eq!(fill(address, arguments).as_deref(), Ok(url), "{address}");
        }
    }

    #[test]
    fn no_argument_leads_elsewhere() {
        for (value, path) in [
            ("?x=1", Ok("/v1/%3Fx%3D1/end")),
            ("#x", Ok("/v1/%23x/end")),
            ("a/b", Ok("/v1/a%2Fb/end")),
            ("%2f", Ok("/v1/%252f/end")),
            ("%2e%2e", Ok("/v1/%252e%252e/end")),
            ("//evil.example", Ok("/v1/%2F%2Fevil.example/end")),
            ("@evil.example", Ok("/v1/%40evil.example/end")),
            ("...", Ok("/v1/.../end")),
            (".", Err("`..`")),
            ("..", Err("`..`")),
            ("../admin", Err("`..`")),
            ("a\\..\\b", Err("`..`")),
            ("x/..", Err("`..`")),
            ("", Err("empty")),
            ("a\r\nHost: evil.example", Err("control")),
            ("a\0", Err("control")),
        ] {
            let filled = fill("https://a.example/v1/{id}/end", json!({"id": value}));
            match path {
                Ok(path) => assert_eq!(filled, Ok(format!("https://a.example{path}")), "{value:?}"),
                Err(why) => assert!(filled.as_ref().is_err_and(|error| error.contains(why)), "{value:?}: {filled:?}"),
            }
        }
        for template in ["https://a.example/.{x}", "https://a.example/%2e{x}", "https://a.example/{x}%2E"] {
            assert!(fill(template, json!({"x": "."})).is_err(), "{template}");
        }
        assert!(fill("https://a.example/{a}{b}", json!({"a": ".", "b": "."})).is_err());
        // In the query anything is a value.
        assert_eq!(
            fill("https://a.example/?q={q}", json!({"q": "../\r\n"})).as_deref(),
            Ok("https://a.example/?q=..%2F%0D%0A")
        );
        assert!(fill("https://a.example/?key=1", json!({"key": 2})).is_err_and(|error| error.contains("already")));
        assert!(fill("https://a.example/", json!({"q": {"a": 1}})).is_err());
        assert!(fill("https://a.example/{a}", json!({})).is_err_and(|error| error.contains("/a is needed")));
        assert!(fill("https://a.example/", json!({"q": "x".repeat(MAX_URL_BYTES)})).is_err());
    }

    #[test]
    fn where_a_call_goes_the_organisation_says() {
        for wrong in [
            "",
            "a.example",
            "/a",
            "ftp://a.example/",
            "{scheme}://a.example/",
            "https://{host}/",
            "https://a.{host}/x",
            "https://a.example:{port}/",
            "https://a.example{x}/",
            "https://{user}@a.example/",
            "https://u:hunter2@a.example/",
            "https:///x",
            "https://a.example\\{x}/",
            "https://a.example/#{x}",
            "https://a.example/ x",
            "https://a.example/?{x}=1",
            "https://a.example/?{x}",
        ] {
            let error = Address::new(wrong).expect_err(wrong);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
