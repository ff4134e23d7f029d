//! The options of a bucket's client: from the URL, where every one must be known, and from the environment, where those
//! of other programs are left alone.

use std::str::FromStr;

use url::Url;

use super::OpenError;

/// What one kind of bucket calls its options.
pub(super) struct Kind<K: 'static> {
    /// Its name in messages.
    pub(super) store: &'static str,
    /// How its environment variables begin.
    pub(super) env_prefix: &'static str,
    /// Environment variables without that prefix which belong to it as well.
    pub(super) env_also: &'static [(&'static str, K)],
    /// Its own options for messages; [`CLIENT`] follow.
    pub(super) known: &'static [&'static str],
    /// Whether an option belongs to one set with others, of which a URL's replace all of the environment's.
    pub(super) group: fn(&K) -> Option<Group>,
}

/// Options that make sense together only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// Who asks. Never shown.
    Credential,
    /// Whom to ask.
    Endpoint,
    /// Which bucket: the URL names it, so it is no option.
    Bucket,
}

/// The options of every client.
pub(super) const CLIENT: &[&str] = &[
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "default_content_type",
    "disable_system_certificates",
    "http1_only",
    "http2_keep_alive_interval",
    "http2_keep_alive_timeout",
    "http2_keep_alive_while_idle",
    "http2_max_frame_size",
    "http2_only",
    "pool_idle_timeout",
    "pool_max_idle_per_host",
    "proxy_ca_certificate",
    "proxy_excludes",
    "proxy_url",
    "randomize_addresses",
    "read_timeout",
    "timeout",
    "user_agent",
];

/// The options in the order they are to be applied.
#[derive(Debug)]
pub(super) struct Options<K> {
    pub(super) all: Vec<(K, String)>,
    /// How many of them, at the end, the URL gave.
    own: usize,
    /// The values of options that messages know by name.
    named: Vec<(&'static str, String)>,
    /// Texts that no message may show.
    secrets: Vec<String>,
}

impl<K: FromStr + PartialEq + Clone> Options<K> {
    /// Collects the options of a URL, and those of the environment that it leaves open.
    pub(super) fn gather(url: &Url, env: &[(String, String)], kind: &Kind<K>) -> Result<Self, OpenError> {
        let mut own: Vec<(K, String)> = Vec::new();
        let mut named = Vec::new();
        let mut note = |name: &str, value: &str| {
            let name = name.to_ascii_lowercase();
            let name = name.strip_prefix(&kind.env_prefix.to_ascii_lowercase()).unwrap_or(&name);
            let known = kind.known.iter().chain(CLIENT).find(|known| **known == name);
            named.extend(known.map(|known| (*known, value.to_owned())));
        };
        for (name, value) in url.query_pairs() {
            let key = name.to_ascii_lowercase().parse().ok().filter(|key| (kind.group)(key) != Some(Group::Bucket));
            match key {
                Some(key) => {
                    note(&name, &value);
                    own.push((key, value.into_owned()));
                }
                None => {
                    let known = [kind.known, CLIENT].concat().join(", ");
                    return Err(OpenError::UnknownOption { store: kind.store, option: name.into_owned(), known });
                }
            }
        }
        let replaced = |key: &K| match (kind.group)(key) {
            Some(Group::Bucket) => true,
            Some(group) => own.iter().any(|(own, _)| own == key || (kind.group)(own) == Some(group)),
            None => own.iter().any(|(own, _)| own == key),
        };
        let mut all: Vec<(K, String)> = env
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| {
                let also = || kind.env_also.iter().find(|(also, _)| also == name).map(|(_, key)| key.clone());
                let key = match name.starts_with(kind.env_prefix) {
                    true => name.to_ascii_lowercase().parse().ok(),
                    false => also(),
                };
                let key = key.filter(|key| !replaced(key))?;
                note(name, value);
                Some((key, value.clone()))
            })
            .collect();
        // What the URL says, each value by itself: a client names it when it cannot use it. So it does with an address of
        // the environment, which may have a password.
        let told = own.iter().chain(all.iter().filter(|(_, value)| value.contains('@')));
        let told: Vec<String> = told.map(|(_, value)| value.clone()).filter(|value| !is_plain(value)).collect();
        let given = own.len();
        all.extend(own);
        let credential = |(key, _): &&(K, String)| (kind.group)(key) == Some(Group::Credential);
        let mut secrets: Vec<String> = all.iter().filter(credential).map(|(_, value)| value.clone()).collect();
        secrets.extend(url.query().map(str::to_owned));
        secrets.extend(told);
        // The longest first, in case one is part of another; a few letters would blot out the message and tell nothing.
        secrets.retain(|secret| secret.len() > 3);
        secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
        Ok(Self { all, own: given, named, secrets })
    }

    /// The value of an option that counts: the last one.
    pub(super) fn last(&self, wanted: impl Fn(&K) -> bool) -> Option<&str> {
        self.all.iter().rev().find(|(key, _)| wanted(key)).map(|(_, value)| value.as_str())
    }

    /// The options that the URL gave.
    pub(super) fn own(&self) -> &[(K, String)] {
        &self.all[self.all.len() - self.own..]
    }

    /// The option that a client could not understand, by what it says: it repeats the value and not the option.
    pub(super) fn unusable(&self, said: &str) -> Option<OpenError> {
        let (before, kind) = said.rsplit_once("\" as ")?;
        let (_, value) = before.split_once("failed to parse \"")?;
        let (option, _) = self.named.iter().find(|(_, known)| known == value)?;
        let right = match kind {
            "boolean" => YES_OR_NO,
            "Duration" => "a time such as 15s or 2m",
            "usize" | "u32" => "a whole number",
            _ => return None,
        };
        Some(OpenError::BadOption { option, right })
    }

    /// A message without credentials.
    pub(super) fn redact(&self, message: &str) -> String {
        self.secrets.iter().fold(message.to_owned(), |message, secret| message.replace(secret, "<hidden>"))
    }
}

/// Yes, no and numbers: they tell nothing, and stand in messages for other reasons.
fn is_plain(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "true" | "false") || value.bytes().all(|byte| byte.is_ascii_digit())
}

/// What an option that the clients take as yes or no must be.
pub(super) const YES_OR_NO: &str = "true or false";

/// What the clients understand as no.
pub(super) fn is_false(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "0" | "false" | "off" | "no" | "n")
}

/// What the clients understand as yes.
pub(super) fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "on" | "yes" | "y"))
}
