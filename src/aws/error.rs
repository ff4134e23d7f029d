//! Why there are no credentials: what was tried, what was said, what to do; and nothing secret.

use std::collections::BTreeMap;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError as Given;

use crate::causes::causes;

/// What no message may repeat.
const SECRET_VARS: [&str; 3] = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];

/// No credentials. The message is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsError {
    message: String,
    is_final: bool,
    /// Whether they are missing, rather than not to be had from where they should be.
    missing: Option<Missing>,
}

/// There are no credentials anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Missing {
    /// The profile that a person named, and that has none either.
    profile: Option<String>,
}

impl CredentialsError {
    /// None were found anywhere.
    pub(super) fn none(vars: &BTreeMap<String, String>) -> Self {
        let var = |name: &str| vars.get(name).filter(|value| !value.is_empty());
        let profile = var("AWS_PROFILE").map_or("default", String::as_str);
        let instance = match var("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            true => "not the EC2 instance, as AWS_EC2_METADATA_DISABLED says",
            false => "the EC2 instance",
        };
        let message = format!(
            "found no AWS credentials; tried AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the profile {profile} of \
             ~/.aws/config and ~/.aws/credentials, AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN, \
             AWS_CONTAINER_CREDENTIALS_*, {instance}: set one of these, or run `aws sso login`"
        );
        let missing = Missing { profile: var("AWS_PROFILE").cloned() };
        Self { message, is_final: true, missing: Some(missing) }
    }

    /// The source that is configured did not give any.
    pub(super) fn of(given: &Given, vars: &BTreeMap<String, String>) -> Self {
        let is_final = match given {
            Given::CredentialsNotLoaded(_) => return Self::none_because(given, vars),
            Given::InvalidConfiguration(_) => true,
            _ => false,
        };
        Self { message: said(given, vars), is_final, missing: None }
    }

    /// Nobody gave any; a profile that was named and has none is worth a word.
    fn none_because(given: &Given, vars: &BTreeMap<String, String>) -> Self {
        let mut none = Self::none(vars);
        if vars.contains_key("AWS_PROFILE") {
            let why = said(given, vars);
            if why.contains("profile") {
                none.message = format!("{}; {why}", none.message);
            }
        }
        none
    }

    /// The error in a few words.
    #[must_use]
    pub fn brief(&self) -> String {
        match &self.missing {
            Some(Missing { profile: Some(profile) }) => {
                format!("no AWS credentials were found: there is no profile {profile}, or it has none")
            }
            Some(Missing { profile: None }) => "no AWS credentials were found".to_owned(),
            None => self.message.clone(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn mend(&self) -> String {
        match &self.missing {
            Some(Missing { profile: Some(profile) }) => format!(
                "add the profile {profile} to ~/.aws/config or ~/.aws/credentials, name another (profile= or AWS_PROFILE), or set \
                 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ),
            Some(Missing { profile: None }) => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile (profile= or \
                 AWS_PROFILE): docs/STORES.md says where they are looked for"
                    .to_owned()
            }
            None => "mend the source of the credentials that is configured: docs/STORES.md says which comes first"
                .to_owned(),
        }
    }

    /// Says whether trying again cannot help: a person has to do something first.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.is_final
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CredentialsError {}

/// All that is said, on one line, without what a program printed to its standard error, which may be anything.
fn said(given: &Given, vars: &BTreeMap<String, String>) -> String {
    let text = causes(given).join(": ");
    let text = text.split(". Stderr:").next().unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let secrets = SECRET_VARS.iter().filter_map(|name| vars.get(*name)).filter(|secret| secret.len() > 3);
    let text = secrets.fold(text, |text, secret| text.replace(secret.as_str(), "<hidden>"));
    let advice = match &text {
        text if text.contains("external process") => "; run the credential_process of the profile by hand",
        text if text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.eq_ignore_ascii_case("sso")) => {
            "; `aws sso login` begins a new session"
        }
        _ => "",
    };
    format!("no AWS credentials: {text}{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_has_no_credentials_is_named_with_what_to_do() {
        let vars = |profile: &str| BTreeMap::from([("AWS_PROFILE".to_owned(), profile.to_owned())]);
        let named = CredentialsError::none(&vars("nope"));
        assert!(named.brief().contains("no profile nope") && named.mend().contains("the profile nope"), "{named:?}");
        for unnamed in [CredentialsError::none(&vars("")), CredentialsError::none(&BTreeMap::new())] {
            assert_eq!(unnamed.brief(), "no AWS credentials were found");
            assert!(unnamed.mend().contains("AWS_ACCESS_KEY_ID"), "{unnamed:?}");
        }
    }
}
