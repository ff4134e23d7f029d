//! Rules of delivery and hooks in `org.json`: what their shape does not say.
//!
//! What stands where a reference should may be the secret itself: no finding repeats it.

use std::collections::BTreeSet;

use url::Url;

use super::{Finding, Findings, one_of};
use crate::config::Environment;
use crate::connect::secrets::{may_travel_to, reference};
use crate::delivery::{check_place, check_url};
use crate::domain::delivery::{Rule, Target};
use crate::domain::hook::{Hook, HookAuth};
use crate::domain::name::{AgentName, HUMAN};
use crate::domain::org::OrgConfig;
use crate::hook;
use crate::store::Key;

/// Checks rules and hooks.
pub(super) fn check(org: &OrgConfig, agents: &[AgentName], found: &mut Findings) {
    let mut names = BTreeSet::new();
    for (i, rule) in org.deliver.iter().enumerate() {
        let at = format!("/deliver/{i}");
        if !names.insert(&rule.name) {
            let message = format!("another rule is called {} as well: only the first counts", rule.name);
            add(found, "repeated_name", &format!("{at}/name"), message, "name each rule differently");
        }
        check_match(rule, &at, agents, found);
        check_target(rule, &format!("{at}/to/{}", rule.to.as_str()), found);
    }
    for (name, hook) in &org.hooks {
        check_hook(hook, &format!("/hooks/{name}"), agents, found);
    }
}

fn add(found: &mut Findings, code: &'static str, at: &str, message: impl Into<String>, expected: impl Into<String>) {
    found.add(Finding::error(code, Key::Org.path(), at).says(message, expected));
}

fn unknown_agents(names: &[AgentName], at: &str, agents: &[AgentName], found: &mut Findings) {
    let known: Vec<&str> = agents.iter().map(AgentName::as_str).collect();
    for (i, name) in names.iter().enumerate().filter(|(_, name)| !agents.contains(name) && !name.is_human()) {
        let finding = Finding::warning("unknown_name", Key::Org.path(), format!("{at}/{i}"));
        found.add(finding.says(
            format!("there is no agent {name:?}", name = name.as_str()),
            one_of(name.as_str(), &known, "agents"),
        ));
    }
}

fn check_match(rule: &Rule, at: &str, agents: &[AgentName], found: &mut Findings) {
    let matches = &rule.matches;
    unknown_agents(&matches.agent, &format!("{at}/match/agent"), agents, found);
    unknown_agents(&matches.to, &format!("{at}/match/to"), agents, found);
    if matches.agent.iter().any(AgentName::is_human) {
        let message = format!("{HUMAN} says nothing that is sent: mail is not");
        add(found, "no_author", &format!("{at}/match/agent"), message, "name agents");
    }
    if matches.problems().is_some() {
        let given =
            [("kind", matches.kind.is_empty()), ("tags", matches.tags.is_empty()), ("to", matches.to.is_empty())];
        for (field, _) in given.into_iter().filter(|(_, is_empty)| !is_empty) {
            let message = "is about entries, and this rule sends problems: it has no effect";
            let expected = "leave it out, or make a rule of its own for entries";
            add(found, "mixed_rule", &format!("{at}/match/{field}"), message, expected);
        }
    }
}

fn check_target(rule: &Rule, at: &str, found: &mut Findings) {
    let url = |url: &str, found: &mut Findings| {
        let wrong = match url.strip_prefix("env:") {
            Some(name) => name.is_empty().then_some("must be env:NAME, the name of an environment variable"),
            None => check_url(url).err(),
        };
        if let Some(expected) = wrong {
            add(found, "bad_url", &format!("{at}/url"), "is no address that can be posted to", expected);
        }
    };
    let place = |place: &str, found: &mut Findings| {
        if let Err(expected) = check_place(place) {
            add(found, "bad_place", &format!("{at}/store"), "is not the same place for every runner", expected);
        }
    };
    match &rule.to {
        Target::Webhook(webhook) => {
            url(&webhook.url, found);
            for (name, value) in &webhook.headers {
                let at = format!("{at}/headers/{}", name.replace('~', "~0").replace('/', "~1"));
                check_reference(reference(value).map_or(value, |(_, reference)| reference), &at, found);
                if name.parse::<http::HeaderName>().is_err() {
                    add(found, "bad_header", &at, "is no name of a header", "such as Authorization");
                }
            }
            let in_the_clear = Url::parse(&webhook.url).is_ok_and(|url| url.scheme() == "http" && !may_travel_to(&url));
            if !webhook.headers.is_empty() && in_the_clear {
                let what = "is http on another machine: the secrets of its headers would travel in the clear";
                add(found, "bad_url", &format!("{at}/url"), what, "https");
            }
            if let Some(secret) = &webhook.secret {
                check_reference(secret, &format!("{at}/secret"), found);
            }
        }
        Target::Slack(slack) => url(&slack.url, found),
        Target::File(file) => place(&file.store, found),
        Target::Ingress(other) => place(&other.store, found),
    }
}

fn check_reference(reference: &str, at: &str, found: &mut Findings) {
    if reference.strip_prefix("env:").is_none_or(str::is_empty) {
        let expected = "must be `env:NAME`, the name of an environment variable: every version of this file is kept";
        add(found, "bad_reference", at, "is no reference to a secret", expected);
    }
}

fn check_hook(hook: &Hook, at: &str, agents: &[AgentName], found: &mut Findings) {
    check_reference(hook.auth.secret(), &format!("{at}/auth/secret"), found);
    if let HookAuth::Hmac { header, .. } = &hook.auth
        && header.parse::<http::HeaderName>().is_err()
    {
        add(found, "bad_header", &format!("{at}/auth/header"), "is no name of a header", "such as X-Signature");
    }
    unknown_agents(hook.to.as_deref().unwrap_or_default(), &format!("{at}/to"), agents, found);
    if hook.to.as_ref().is_some_and(Vec::is_empty) {
        let expected = "name agents, or leave it out: everyone";
        add(found, "no_recipient", &format!("{at}/to"), "names nobody: nobody would read it", expected);
    }
    if let Some(Err(error)) = hook.text.as_deref().map(hook::check) {
        let expected = "must be a template over `hook`, `event` and `body`, such as `{{ event }}: {{ body.title }}`";
        add(found, "bad_template", &format!("{at}/text"), format!("is no template: {error}"), expected);
    }
}

/// Warns of each reference of a rule or a hook that is not set in this environment. Another process may have it.
pub fn check_environment(org: &OrgConfig, environment: &Environment, found: &mut Findings) {
    let mut named: Vec<(String, &str)> = Vec::new();
    for (i, rule) in org.deliver.iter().enumerate() {
        let at = format!("/deliver/{i}/to/{}", rule.to.as_str());
        match &rule.to {
            Target::Webhook(webhook) => {
                named.push((format!("{at}/url"), &webhook.url));
                named.extend(webhook.headers.iter().map(|(name, value)| {
                    (format!("{at}/headers/{name}"), reference(value).map_or("", |(_, reference)| reference))
                }));
                named.extend(webhook.secret.as_deref().map(|secret| (format!("{at}/secret"), secret)));
            }
            Target::Slack(slack) => named.push((format!("{at}/url"), &slack.url)),
            Target::File(_) | Target::Ingress(_) => {}
        }
    }
    named.extend(org.hooks.iter().map(|(name, hook)| (format!("/hooks/{name}/auth/secret"), hook.auth.secret())));
    for (at, reference) in named {
        let Some(name) = reference.strip_prefix("env:").filter(|name| !name.is_empty()) else { continue };
        if environment.var(name).is_none() {
            let finding = Finding::warning("unset_reference", Key::Org.path(), at);
            let message = format!("the environment variable {name} is not set here");
            found.add(finding.says(message, "set it where ticks run, or where the API is served"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn org(value: Value) -> OrgConfig {
        let mut org = json!({"format": 1, "name": "x"});
        for (key, value) in value.as_object().expect("an object") {
            org[key] = value.clone();
        }
        serde_json::from_value(org).expect("org.json")
    }

    fn findings(value: Value) -> Vec<(&'static str, String)> {
        let mut found = Findings::default();
        check(&org(value), &[AgentName::new("ada").expect("name")], &mut found);
        for finding in &found.findings {
            assert!(!finding.to_string().contains("s3cret"), "{finding}");
        }
        found.findings.into_iter().map(|finding| (finding.code, finding.pointer)).collect()
    }

    #[test]
    fn whatever_is_wrong_with_a_rule_is_named() {
        let rule = |matches: Value, to: Value| json!({"deliver": [{"name": "r", "match": matches, "to": to}]});
        let hook = json!({"webhook": {"url": "https://example.com/x", "secret": "env:S"}});
        assert_eq!(findings(rule(json!({"agent": ["ada"], "to": ["human"]}), hook.clone())), []);
        for (matches, to, code, at) in [
            (json!({"agent": ["adda"]}), hook.clone(), "unknown_name", "match/agent/0"),
            (json!({"agent": ["human"]}), hook.clone(), "no_author", "match/agent"),
            (json!({"problems": true, "kind": ["report"]}), hook.clone(), "mixed_rule", "match/kind"),
            (json!({}), json!({"webhook": {"url": "example.com"}}), "bad_url", "to/webhook/url"),
            (json!({}), json!({"webhook": {"url": "https://u:s3cret@a.b"}}), "bad_url", "to/webhook/url"),
            (json!({}), json!({"webhook": {"url": "env:U", "secret": "s3cret"}}), "bad_reference", "to/webhook/secret"),
            (
                json!({}),
                json!({"webhook": {"url": "env:U", "headers": {"Authorization": "Bearer s3cret"}}}),
                "bad_reference",
                "to/webhook/headers/Authorization",
            ),
            (
                json!({}),
                json!({"webhook": {"url": "http://a.example/x", "headers": {"X": "env:T"}}}),
                "bad_url",
                "to/webhook/url",
            ),
            (json!({}), json!({"slack": {"url": "env:"}}), "bad_url", "to/slack/url"),
            (json!({}), json!({"file": {"store": "out"}}), "bad_place", "to/file/store"),
            (json!({}), json!({"ingress": {"store": "../other"}}), "bad_place", "to/ingress/store"),
        ] {
            let found = findings(rule(matches, to));
            assert_eq!(found, [(code, format!("/deliver/0/{at}"))]);
        }
        let twice = json!({"deliver": [{"name": "r", "to": hook}, {"name": "r", "to": {"slack": {"url": "env:S"}}}]});
        assert_eq!(findings(twice), [("repeated_name", "/deliver/1/name".to_owned())]);
    }

    #[test]
    fn whatever_is_wrong_with_a_hook_is_named() {
        let of = |hook: Value| findings(json!({"hooks": {"h": hook}}));
        assert_eq!(of(json!({"auth": {"style": "github", "secret": "env:G"}, "text": "{{ body.x }}"})), []);
        for (hook, code, at) in [
            (json!({"auth": {"style": "secret", "secret": "s3cret"}}), "bad_reference", "auth/secret"),
            (json!({"auth": {"style": "hmac", "secret": "env:S", "header": "a b"}}), "bad_header", "auth/header"),
            (json!({"auth": {"style": "slack", "secret": "env:S"}, "to": []}), "no_recipient", "to"),
            (json!({"auth": {"style": "slack", "secret": "env:S"}, "to": ["bob"]}), "unknown_name", "to/0"),
            (json!({"auth": {"style": "slack", "secret": "env:S"}, "text": "{{ oops"}), "bad_template", "text"),
        ] {
            assert_eq!(of(hook), [(code, format!("/hooks/h/{at}"))]);
        }
    }

    #[test]
    fn references_that_are_not_set_here_are_a_warning() {
        let org = org(json!({
            "deliver": [{"name": "r", "to": {"webhook": {"url": "env:U", "headers": {"X": "Bearer env:T"}, "secret": "env:S"}}}],
            "hooks": {"h": {"auth": {"style": "github", "secret": "env:G"}}},
        }));
        let mut found = Findings::default();
        let environment = Environment::new(["lemming"], [("S".to_owned(), "x".to_owned())]);
        check_environment(&org, &environment, &mut found);
        let at: Vec<&str> = found.findings.iter().map(|finding| finding.pointer.as_str()).collect();
        assert_eq!(at, ["/deliver/0/to/webhook/url", "/deliver/0/to/webhook/headers/X", "/hooks/h/auth/secret"]);
        assert_eq!(found.errors(), 0);
    }
}
