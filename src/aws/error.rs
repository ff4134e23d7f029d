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
    /// What none were found for, in a few words; none where the message is as short as can be.
    brief: Option<String>,
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
        let brief = match var("AWS_PROFILE") {
            Some(profile) => format!("no AWS credentials were found, also none for the profile {profile}"),
            None => "no AWS credentials were found".to_owned(),
        };
        Self { message, is_final: true, brief: Some(brief) }
    }

    /// The source that is configured did not give any.
    pub(super) fn of(given: &Given, vars: &BTreeMap<String, String>) -> Self {
        let is_final = match given {
            Given::CredentialsNotLoaded(_) => return Self::none_because(given, vars),
            Given::InvalidConfiguration(_) => true,
            _ => false,
        };
        Self { message: said(given, vars), is_final, brief: None }
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
    pub fn brief(&self) -> &str {
        self.brief.as_deref().unwrap_or(&self.message)
    }

    /// What to do about it.
    #[must_use]
    pub fn mend(&self) -> &'static str {
        match self.brief {
            Some(_) => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile that has credentials (profile= or \
                 AWS_PROFILE): docs/STORES.md says where they are looked for"
            }
            None => "mend the source of the credentials that is configured: docs/STORES.md says which comes first",
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
        text if text.to_lowercase().contains("sso") => "; `aws sso login` begins a new session",
        _ => "",
    };
    format!("no AWS credentials: {text}{advice}")
}
