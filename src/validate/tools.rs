//! What `org.json` says of tools that reach outside.

use url::Url;

use super::{Finding, Findings};
use crate::domain::org::OrgConfig;
use crate::domain::resume::Resume;
use crate::domain::tools::WebSearchSettings;
use crate::store::Key;

/// Checks `tools` of `org.json`.
pub(super) fn check(org: &OrgConfig, found: &mut Findings) {
    for (i, host) in org.tools.web_fetch.allow_hosts.iter().enumerate() {
        if is_host(host) {
            continue;
        }
        let pointer = format!("/tools/web_fetch/allow_hosts/{i}");
        let finding = Finding::warning("bad_host", Key::Org.path(), pointer);
        let expected =
            "must be a host, or host:port, as it stands in a URL: `wiki.internal`, `127.0.0.1:8080`, `[::1]`";
        found.add(finding.says(format!("{host:?} is no host: it allows nothing"), expected));
    }
    if let Some(search) = &org.tools.web_search {
        check_search(search, found);
    }
}

/// Says whether a URL's host, or host and port, can be this text.
fn is_host(host: &str) -> bool {
    let Ok(url) = Url::parse(&format!("http://{host}/")) else { return false };
    let Some(name) = url.host_str() else { return false };
    let host = host.trim();
    // The port that URLs of its scheme leave out is left out here too.
    let port = url.port_or_known_default().unwrap_or(80);
    url.path() == "/" && (host.eq_ignore_ascii_case(name) || host.eq_ignore_ascii_case(&format!("{name}:{port}")))
}

fn check_search(search: &WebSearchSettings, found: &mut Findings) {
    let error = |at: &str| Finding::error("bad_search_engine", Key::Org.path(), format!("/tools/web_search/{at}"));
    let expected = "must be the whole address that is asked, such as `http://localhost:8888/search`, without a user";
    match Url::parse(&search.url) {
        Err(wrong) => found.add(error("url").says(format!("is no URL: {wrong}"), expected)),
        Ok(url)
            if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() =>
        {
            found.add(error("url").says("is no address of the web that can be asked", expected));
        }
        Ok(_) => {}
    }
    // What stands there instead may be the key itself: it is not repeated.
    let is_reference = |key: &String| key.strip_prefix("env:").is_some_and(|name| !name.is_empty());
    if search.key.as_ref().is_some_and(|key| !is_reference(key)) {
        let expected = "must be `env:NAME`, the name of an environment variable: every version of this file is kept";
        found.add(error("key").says("is no reference to a key", expected));
    }
}

/// Checks the tools of an agent against what they need.
pub(super) fn check_resume(path: &str, resume: &Resume, org: &OrgConfig, found: &mut Findings) {
    for (i, tool) in resume.permissions.tools.iter().enumerate() {
        if tool.as_str() == "web_search" && org.tools.web_search.is_none() {
            let finding = Finding::warning("no_search_engine", path, format!("/permissions/tools/{i}"));
            found.add(
                finding.says("is permitted, and there is no search engine", "name one in org.json, tools.web_search"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn findings(tools: Value) -> Vec<(&'static str, String)> {
        let org = json!({"format": 1, "name": "x", "tools": tools});
        let mut found = Findings::default();
        check(&serde_json::from_value(org).expect("org.json"), &mut found);
        for finding in &found.findings {
            assert!(!finding.to_string().contains("s3cret"), "{finding}");
        }
        found.findings.into_iter().map(|finding| (finding.code, finding.pointer)).collect()
    }

    #[test]
    fn hosts_that_allow_nothing_are_named() {
        let hosts = json!([
            "wiki.internal",
            "127.0.0.1:8080",
            "[::1]:80",
            "Wiki.Internal:443",
            "http://a.b/",
            "a.b/c",
            "0x7f.1",
            "",
            "a b"
        ]);
        let at: Vec<String> =
            findings(json!({"web_fetch": {"allow_hosts": hosts}})).into_iter().map(|found| found.1).collect();
        let wrong: Vec<String> = (4..9).map(|i| format!("/tools/web_fetch/allow_hosts/{i}")).collect();
        assert_eq!(at, wrong);
    }

    #[test]
    fn a_search_engine_has_an_address_and_a_reference_to_its_key() {
        let of = |url: &str, key: Value| findings(json!({"web_search": {"url": url, "kind": "brave", "key": key}}));
        assert_eq!(of("https://api.example/search", json!("env:KEY")), []);
        assert_eq!(of("http://localhost:8888/search", Value::Null), []);
        for (url, key, at) in [
            ("api.example", json!("env:KEY"), "url"),
            ("ftp://api.example", json!("env:KEY"), "url"),
            ("https://u:s3cret@api.example", json!("env:KEY"), "url"),
            ("https://api.example", json!("s3cret"), "key"),
            ("https://api.example", json!("env:"), "key"),
        ] {
            assert_eq!(of(url, key), [("bad_search_engine", format!("/tools/web_search/{at}"))], "{url}");
        }
    }
}
