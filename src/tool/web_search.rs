//! `web_search`: what the organisation's search engine finds.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::limits::{MAX_QUERY_CHARS, MAX_SEARCH_RESULTS, start_of};
use super::web::{Web, html};
use super::{CallFailure, Desk, Tool, ToolError, arguments, schema};
use crate::config::Environment;
use crate::domain::tools::{SearchKind, WebSearchSettings};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// What to look for.
    query: String,
}

#[derive(Debug)]
pub(super) struct WebSearch {
    pub(super) web: Arc<Web>,
    /// Where `env:NAME` is looked up.
    pub(super) environment: Environment,
}

#[async_trait]
impl Tool for WebSearch {
    fn name(&self) -> &'static str {
        "web_search"
    }

    fn description(&self) -> &'static str {
        "Asks the organisation's search engine; returns titles, addresses and excerpts, for web_fetch."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    fn asks_outside(&self, _: &Value) -> bool {
        true
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let query = arguments::<Arguments>(value)?.query;
        let length = query.chars().count();
        if query.trim().is_empty() || length > MAX_QUERY_CHARS {
            return Err(
                ToolError(format!("the query has {length} characters, must have 1 to {MAX_QUERY_CHARS}")).into()
            );
        }
        let Some(settings) = &desk.settings().web_search else {
            let message = "this organisation has no search engine: a person may name one in org.json, tools.web_search";
            return Err(ToolError(message.to_owned()).into());
        };
        let (url, headers) = request(settings, &self.environment, &query)?;
        let kind = settings.kind;
        let page = self.web.ask(url, headers).await?;
        let answer: Value = serde_json::from_str(&page.text).map_err(|_| {
            ToolError(
                "the search engine did not answer with JSON (SearXNG: is its format json switched on?)".to_owned(),
            )
        })?;
        Ok(json!({"results": results(kind, &answer)}))
    }
}

/// The request to a search engine.
fn request(
    settings: &WebSearchSettings,
    environment: &Environment,
    query: &str,
) -> Result<(Url, HeaderMap), ToolError> {
    let wrong = |what: String| ToolError(format!("org.json, tools.web_search: {what}"));
    let mut url = Url::parse(&settings.url).map_err(|error| wrong(format!("url: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("url must begin with http:// or https:// and name no user".to_owned()));
    }
    let key = match &settings.key {
        Some(reference) => Some(environment.secret(reference).map_err(|error| wrong(format!("key: {error}")))?),
        None => None,
    };
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let mut pairs = url.query_pairs_mut();
    pairs.append_pair("q", query);
    let header = match settings.kind {
        SearchKind::Searxng => {
            pairs.append_pair("format", "json");
            key.map(|key| (AUTHORIZATION, format!("Bearer {key}")))
        }
        SearchKind::Brave => {
            pairs.append_pair("count", &MAX_SEARCH_RESULTS.to_string());
            key.map(|key| (HeaderName::from_static("x-subscription-token"), key.to_owned()))
        }
    };
    drop(pairs);
    if let Some((name, value)) = header {
        let mut value =
            HeaderValue::from_str(&value).map_err(|_| wrong("key: no header can hold its value".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok((url, headers))
}

/// What the model is shown of an answer. Sources: docs.searxng.org, "Search API"; api-dashboard.search.brave.com, "Web search".
fn results(kind: SearchKind, answer: &Value) -> Vec<Value> {
    let (list, text) = match kind {
        SearchKind::Searxng => (&answer["results"], "content"),
        SearchKind::Brave => (&answer["web"]["results"], "description"),
    };
    let field = |result: &Value, name: &str, max: usize| {
        let text = html::plain(start_of(result[name].as_str().unwrap_or_default(), 4 * max));
        start_of(&text, max).to_owned()
    };
    let shown = |result: &Value| {
        let url = result["url"].as_str().filter(|url| url.len() <= 2048)?;
        Some(json!({"title": field(result, "title", 200), "url": url, "text": field(result, text, 500)}))
    };
    list.as_array().into_iter().flatten().filter_map(shown).take(MAX_SEARCH_RESULTS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(settings: Value) -> WebSearchSettings {
        serde_json::from_value(settings).expect("settings")
    }

    #[test]
    fn a_query_and_a_key_go_where_the_engine_looks_for_them() {
        let environment = Environment::new(["lemming"], [("KEY".to_owned(), "s3cret".to_owned())]);
        let brave = settings(json!({"url": "https://b.example/res?x=1", "kind": "brave", "key": "env:KEY"}));
        let (url, headers) = request(&brave, &environment, "a&b=c").expect("request");
        assert_eq!(url.as_str(), "https://b.example/res?x=1&q=a%26b%3Dc&count=10");
        assert_eq!(headers["x-subscription-token"], "s3cret");
        assert!(!format!("{headers:?}").contains("s3cret"));
        let searxng = settings(json!({"url": "http://localhost:8888/search", "kind": "searxng"}));
        let (url, headers) = request(&searxng, &environment, "ä").expect("request");
        assert_eq!(url.as_str(), "http://localhost:8888/search?q=%C3%A4&format=json");
        assert!(!headers.contains_key(AUTHORIZATION));
    }

    #[test]
    fn what_is_wrong_with_the_settings_is_named_without_the_key() {
        let environment = Environment::new(["lemming"], [("BAD".to_owned(), "s3\ncret".to_owned())]);
        for (url, key, said) in [
            ("nonsense", None, "url: "),
            ("file:///etc/passwd", None, "must begin with http"),
            ("http://a:b@c.example/", None, "name no user"),
            ("http://c.example/", Some("env:MISSING"), "MISSING"),
            ("http://c.example/", Some("plain"), "env:NAME"),
            ("http://c.example/", Some("env:BAD"), "no header can hold"),
        ] {
            let settings = settings(json!({"url": url, "kind": "brave", "key": key}));
            let error = request(&settings, &environment, "q").expect_err(said);
            assert!(error.0.contains(said) && !error.0.contains("cret"), "{error}");
        }
    }

    #[test]
    fn both_engines_answers_are_read() {
        let result = json!([{"title": "A <b>title</b>", "url": "https://x.example", "content": "C", "description": "D"}, {"url": 5}]);
        let shown = results(SearchKind::Searxng, &json!({"results": result}));
        assert_eq!(shown, [json!({"title": "A title", "url": "https://x.example", "text": "C"})]);
        let shown = results(SearchKind::Brave, &json!({"web": {"results": result}}));
        assert_eq!(shown[0]["text"], "D");
        assert!(results(SearchKind::Brave, &json!([1])).is_empty());
    }
}
