//! Any text as the name of a store: no panic, and nothing that is shown holds a password or what the
//! query says.

#![no_main]

use std::error::Error as _;

use lemming::store::open::{OpenError, Opened, open};
use libfuzzer_sys::fuzz_target;

/// Looks like nothing else.
const SECRET: &str = "Zk7qSecretQ7kZ";

fuzz_target!(|text: &str| {
    let _ = opened(text);
    if text.contains(SECRET) {
        // The fuzzer has learnt it, and shows it itself.
        return;
    }
    // Where the text says, as a password and as a value of the query.
    let (scheme, rest) = text.split_once(':').unwrap_or(("s3", text));
    let slashes: String = rest.chars().take_while(|c| "/\\".contains(*c)).take(4).collect();
    let rest = &rest[slashes.len()..];
    let (authority, path) = rest.split_at(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let user: String = authority.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
    if !scheme.eq_ignore_ascii_case("file") {
        // In a name of a file it would be a part of that name.
        hides(&format!("{scheme}:{slashes}{user}:{SECRET}@{host}{path}"));
    }
    let (bare, query) = text.split_once('?').unwrap_or((text, "endpoint"));
    let option = query.split(['=', '&', '#']).next().unwrap_or_default();
    if !option.contains(['\'', '"']) && bare.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme)) {
        hides(&format!("{bare}?{option}={SECRET}"));
        hides(&format!("{bare}?x=1&{option}={SECRET}&allow_http=true"));
    }
});

/// Whether it is taken for a URL at all: a plain path is shown as it stands.
fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn opened(url: &str) -> Result<Opened, OpenError> {
    let env = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_REGION", "x")];
    // Opening sends and creates nothing.
    open(url, env.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

fn hides(url: &str) {
    if !url.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme)) {
        return;
    }
    let shown = match opened(url) {
        Ok(opened) => opened.display,
        Err(error) => {
            let mut shown = format!("{error} {error:?}");
            let mut cause = error.source();
            while let Some(error) = cause {
                shown.push_str(&format!(" {error} {error:?}"));
                cause = error.source();
            }
            shown
        }
    };
    assert!(!shown.contains(SECRET), "{url:?} is shown as {shown}");
}
