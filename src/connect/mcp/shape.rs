//! What is wrong with how `config/tools.json` describes a server, as far as the file alone tells: no server is asked, and no
//! value that may be a secret is repeated.

use std::path::Path;

use reqwest::header::HeaderName;

use super::http;
use crate::connect::own::names_a_secret;
use crate::connect::secrets::reference;
use crate::domain::toolbox::{McpServer, Transport};

/// Something that is wrong with a server.
#[derive(Debug, PartialEq, Eq)]
pub struct Objection {
    /// Where, from the server on.
    pub pointer: String,
    /// What.
    pub message: String,
    /// What would be right.
    pub expected: &'static str,
    /// Whether it may be meant all the same.
    pub is_doubt: bool,
}

/// All that is wrong with a server that has an address or a command.
#[must_use]
pub fn objections(server: &McpServer) -> Vec<Objection> {
    let mut found = Vec::new();
    let mut add = |pointer: String, message: String, expected, is_doubt| {
        found.push(Objection { pointer, message, expected, is_doubt });
    };
    if let Ok(Transport::Http(url)) = server.transport()
        && let Err(error) = http::address(url, server)
    {
        let message = error.strip_prefix("/url: ").unwrap_or(&error).to_owned();
        add("/url".to_owned(), message, "must be an address such as https://tracker.example/mcp", false);
    }
    let is_literal = |name: &str, text: &str| names_a_secret(name) && reference(text).is_none();
    let literal = "seems to hold a secret: this file is kept in the records of every tick";
    let by_reference = "name it by reference, `env:NAME` or `Bearer env:NAME`, and change the one that stood here";
    for (name, text) in &server.headers {
        let at = format!("/headers/{}", escaped(name));
        if HeaderName::try_from(name.as_str()).is_err() {
            add(at, "is no name of a header".to_owned(), "such as Authorization", false);
        } else if is_literal(name, text) {
            add(at, literal.to_owned(), by_reference, false);
        }
    }
    for (name, _) in server.env.iter().filter(|(name, text)| is_literal(name, text)) {
        add(format!("/env/{}", escaped(name)), literal.to_owned(), by_reference, true);
    }
    let numbered = |list: &str, places: &[String]| -> Vec<(String, String)> {
        places.iter().enumerate().map(|(i, place)| (format!("/{list}/{i}"), place.clone())).collect()
    };
    let folder = server.cwd.iter().map(|place| ("/cwd".to_owned(), place.clone()));
    let places = numbered("reads", &server.reads).into_iter().chain(numbered("writes", &server.writes)).chain(folder);
    for (at, place) in places.filter(|(_, place)| !Path::new(place).is_absolute()) {
        add(at, format!("{place:?} is no absolute path"), "must be a whole path such as /srv/reports", false);
    }
    found
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_no_call_could_use_is_named_before_one_is_made() {
        let at = |server: Value| -> Vec<(String, bool)> {
            let found = objections(&serde_json::from_value(server).expect("a server"));
            assert!(!format!("{found:?}").contains("hunter2"));
            found.into_iter().map(|objection| (objection.pointer, objection.is_doubt)).collect()
        };
        let wrong = |pointer: &str| (pointer.to_owned(), false);
        assert!(
            at(json!({"url": "https://a.example/", "headers": {"X-Team": "a", "Authorization": "env:A"}})).is_empty()
        );
        assert_eq!(at(json!({"url": "ftp://a.example/"})), [wrong("/url")]);
        let headers = json!({"url": "https://a.example/", "headers": {"Authorization": "Bearer hunter2", "a b": "x"}});
        assert_eq!(at(headers), [wrong("/headers/Authorization"), wrong("/headers/a b")]);
        let program = json!({
            "command": ["a"], "cwd": "here", "reads": ["/srv", "srv"], "writes": ["~/out"],
            "env": {"API_TOKEN": "hunter2", "MODE": "quick"},
        });
        let doubt = ("/env/API_TOKEN".to_owned(), true);
        assert_eq!(at(program), [doubt, wrong("/reads/1"), wrong("/writes/0"), wrong("/cwd")]);
    }
}
