//! Rules of delivery (`deliver` in `org.json`): what of what was said leaves the organisation by itself, and where to.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::{AgentName, MemoryKey};
use super::outbox::Kind;

/// A rule: what matches it is sent to one place, once a tick is closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// Its name, which no other rule has; what it sent is recorded under it.
    pub name: MemoryKey,
    /// What is sent; absent: every entry.
    #[serde(rename = "match", default, skip_serializing_if = "Match::is_everything")]
    pub matches: Match,
    /// Where to.
    pub to: Target,
    /// Whether a fork of the organisation sends as well, of its own ticks. Without it a fork sends nothing by this rule.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forks: bool,
}

/// What is sent. All that is given must hold; of a list, one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Match {
    /// Who said it; of problems, whom they concern.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agent: Vec<AgentName>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kind: Vec<Kind>,
    /// A label that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Somebody whom it names as a recipient. What is said to everyone names nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<AgentName>,
    /// Sends problems instead of entries: all of them, or those of these kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problems: Option<Problems>,
}

/// Which problems are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Problems {
    /// All of them; `false`: none, as if nothing were said of problems.
    All(bool),
    /// Those of these kinds, such as `broken_resume`.
    Kinds(Vec<String>),
}

/// Where a rule sends to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A POST of JSON for each, signed if there is a secret.
    Webhook(Webhook),
    /// A POST of `{"text": ..}` for each, as Slack's incoming webhooks and those of others take it.
    Slack(Slack),
    /// A folder or a bucket: one JSON file for each, `<tick>_<id>.json`.
    File(FilePlace),
    /// The mail slot of another organisation.
    Ingress(OtherOrg),
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Webhook {
    /// Its address, or a reference to it: `env:NAME`.
    pub url: String,
    /// Headers that it is sent, each as a reference: `env:NAME`, or `Bearer env:NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A reference to the secret that signs, `env:NAME`: `whsec_` and base64, or any other text. Absent: no signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// An incoming webhook as Slack has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slack {
    /// Its address, or rather a reference to it, for who knows it may post: `env:NAME`.
    pub url: String,
}

/// A folder or a bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FilePlace {
    /// A folder by its whole path, or a bucket such as `s3://bucket/prefix`.
    pub store: String,
}

/// Another organisation, which the entry reaches as mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OtherOrg {
    /// Where it is: a folder by its whole path, or a bucket such as `s3://bucket/prefix`.
    pub store: String,
    /// The name that the mail has there as its sender, which no agent there may have; absent: the name of this
    /// organisation, as far as it can be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<AgentName>,
    /// Who may read it there; absent: everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipients: Option<Vec<AgentName>>,
}

impl Match {
    /// Says whether nothing is asked of what is sent.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Which problems are sent; `None` where entries are.
    #[must_use]
    pub fn problems(&self) -> Option<&Problems> {
        self.problems.as_ref().filter(|problems| **problems != Problems::All(false))
    }

    /// Says whether an entry with this author and these recipients may match, as far as these tell.
    #[must_use]
    pub fn may_take(&self, from: &AgentName, to: Option<&[AgentName]>) -> bool {
        let names_one = |to: &[AgentName]| self.to.iter().any(|name| to.contains(name));
        self.problems().is_none()
            && (self.agent.is_empty() || self.agent.contains(from))
            && (self.to.is_empty() || to.is_some_and(names_one))
    }

    /// Says whether an entry of this kind and with these labels matches, if [`Self::may_take`] says that it may.
    #[must_use]
    pub fn takes(&self, kind: Kind, tags: &[String]) -> bool {
        (self.kind.is_empty() || self.kind.contains(&kind))
            && (self.tags.is_empty() || self.tags.iter().any(|tag| tags.contains(tag)))
    }

    /// Says whether a problem of this kind, of this agent, matches.
    #[must_use]
    pub fn takes_problem(&self, kind: &str, agent: Option<&AgentName>) -> bool {
        let of_kind = match self.problems() {
            None => false,
            Some(Problems::All(all)) => *all,
            Some(Problems::Kinds(kinds)) => kinds.iter().any(|known| known == kind),
        };
        of_kind && (self.agent.is_empty() || agent.is_some_and(|agent| self.agent.contains(agent)))
    }
}

impl Target {
    /// The sort of place, as it stands in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Slack(_) => "slack",
            Self::File(_) => "file",
            Self::Ingress(_) => "ingress",
        }
    }
}

impl OtherOrg {
    /// The sender that mail from an organisation of this name has.
    ///
    /// What a name may not have becomes `_`; where nothing of it is left, it is `organisation`.
    #[must_use]
    pub fn sender(&self, name: &str) -> AgentName {
        if let Some(from) = &self.from {
            return from.clone();
        }
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let made: String = name.chars().map(plain).take(64).collect();
        let made = made.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches('_');
        let fallback = || AgentName::new("organisation").unwrap_or_else(|_| AgentName::human());
        AgentName::new(made).ok().filter(AgentName::may_be_an_agent).unwrap_or_else(fallback)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn matches(value: Value) -> Match {
        serde_json::from_value(value).expect("a match")
    }

    fn name(name: &str) -> AgentName {
        AgentName::new(name).expect("name")
    }

    #[test]
    fn all_that_is_given_must_hold_and_of_a_list_one() {
        let (ada, human, bob) = (name("ada"), name("human"), name("bob"));
        let to = [human.clone(), bob.clone()];
        for (rule, may, takes) in [
            (json!({}), true, true),
            (json!({"agent": ["bob", "ada"]}), true, true),
            (json!({"agent": ["bob"]}), false, true),
            (json!({"to": ["human"]}), true, true),
            (json!({"to": ["cyd"]}), false, true),
            (json!({"kind": ["report", "status"]}), true, true),
            (json!({"kind": ["message"]}), true, false),
            (json!({"tags": ["x", "daily"]}), true, true),
            (json!({"tags": ["x"]}), true, false),
            (json!({"agent": ["ada"], "kind": ["report"], "tags": ["x"]}), true, false),
            (json!({"problems": false}), true, true),
            (json!({"problems": true}), false, true),
        ] {
            let rule = matches(rule);
            assert_eq!(rule.may_take(&ada, Some(&to)), may, "{rule:?}");
            assert_eq!(rule.takes(Kind::Report, &["daily".to_owned()]), takes, "{rule:?}");
        }
        assert!(!matches(json!({"to": ["human"]})).may_take(&ada, None), "what everyone may read names nobody");
    }

    #[test]
    fn a_rule_of_problems_takes_no_entry() {
        let ada = name("ada");
        let all = matches(json!({"problems": true}));
        assert!(all.takes_problem("broken_resume", None) && all.takes_problem("x", Some(&ada)));
        let some = matches(json!({"problems": ["broken_resume"], "agent": ["ada"]}));
        assert!(some.takes_problem("broken_resume", Some(&ada)));
        assert!(!some.takes_problem("broken_resume", None) && !some.takes_problem("x", Some(&ada)));
        assert!(!matches(json!({})).takes_problem("x", None));
    }

    #[test]
    fn the_sender_elsewhere_is_a_name() {
        let org = |from: Option<&str>| OtherOrg { store: String::new(), from: from.map(name), recipients: None };
        for (organisation, wanted) in [
            ("Newsroom", "newsroom"),
            ("The Daily (Berlin)", "the_daily__berlin"),
            ("42 things", "things"),
            ("ÄÖÜ", "organisation"),
            ("", "organisation"),
            ("Human", "organisation"),
        ] {
            assert_eq!(org(None).sender(organisation).as_str(), wanted, "{organisation:?}");
        }
        assert_eq!(org(Some("desk")).sender("Newsroom").as_str(), "desk");
    }
}
