//! What is behind an error of a store, in a few words, and what to do about it.
//!
//! A bucket's answer is a page of XML in the middle of several sentences about requests; what a person needs is one of a
//! dozen causes.

use std::error::Error;
use std::io::ErrorKind;

use object_store::Error as ObjectError;
use object_store::client::{HttpError, HttpErrorKind};

use crate::aws::CredentialsError;
use crate::causes::{causes, find};

/// Why a store does not do what it was asked, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The cause, where it can be said in a few words.
    pub cause: Option<String>,
    /// What to do.
    pub mend: String,
}

impl Trouble {
    fn new(cause: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), mend: mend.into() }
    }

    fn mend(mend: &str) -> Self {
        Self { cause: None, mend: mend.to_owned() }
    }

    /// Finds out what is behind an error, if it is any of what is known.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        of_disk(error).or_else(|| of_credentials(error)).or_else(|| of_answer(error)).or_else(|| of_network(error)).or_else(
            || {
                Some(Self::mend(match find::<ObjectError>(error)? {
                    ObjectError::PermissionDenied { .. } => REFUSES,
                    ObjectError::Unauthenticated { .. } => {
                        "the store does not know you: check the credentials; docs/STORES.md says where they are looked for"
                    }
                    ObjectError::NotFound { .. } => "check the name of the bucket",
                    _ => return None,
                }))
            },
        )
    }
}

const REFUSES: &str = "the store refuses: check who may read and write there";
const CHECK_NETWORK: &str = "check the network and the endpoint, and try again: whatever was begun goes on from there";
const CHECK_ENDPOINT: &str = "check the endpoint and that the store is up, and try again: whatever was begun goes on";

fn of_disk(error: &(dyn Error + 'static)) -> Option<Trouble> {
    #[cfg(unix)]
    if find::<super::local::SymlinkRefused>(error).is_some() {
        return Some(Trouble::mend(
            "replace the link by what it points to: an organisation must hold all its files itself",
        ));
    }
    Some(Trouble::mend(match find::<std::io::Error>(error)?.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full: make room and try again; nothing is half-done"
        }
        ErrorKind::ReadOnlyFilesystem => "the disk is read-only: use another --store",
        _ => return None,
    }))
}

fn of_credentials(error: &(dyn Error + 'static)) -> Option<Trouble> {
    if let Some(error) = find::<CredentialsError>(error) {
        return Some(Trouble::new(error.brief(), error.mend()));
    }
    let text = causes(error).join(": ");
    if !text.contains("performing token request") {
        return None;
    }
    if text.contains("GCS") {
        let mend = "set GOOGLE_APPLICATION_CREDENTIALS (a file), or run `gcloud auth application-default login`";
        return Some(Trouble::new("no Google credentials were accepted or found", mend));
    }
    let mend = "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or use_azure_cli=true after `az login`";
    text.contains("Azure").then(|| Trouble::new("no Azure credentials were accepted or found", mend))
}

/// What a bucket says in its answer's body.
fn of_answer(error: &(dyn Error + 'static)) -> Option<Trouble> {
    let text = causes(error).join(": ");
    if text.contains("redirect without LOCATION") {
        return Some(Trouble::new("the bucket is in another region", "set region= or AWS_REGION to the bucket's own"));
    }
    let code = element(&text, "Code")?;
    let (cause, mend) = match code {
        "SignatureDoesNotMatch" => ("the secret key does not match the access key", "check AWS_SECRET_ACCESS_KEY"),
        "InvalidAccessKeyId" | "XAdminUserNotFound" => (
            "the store does not know the access key",
            "check AWS_ACCESS_KEY_ID, and that the endpoint is of the store that gave it",
        ),
        "AuthenticationFailed" => {
            ("the account's key or token is wrong", "check AZURE_STORAGE_ACCOUNT_KEY or the token")
        }
        "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired" => (
            "the credentials have expired, or their session token is of others",
            "get new ones, such as by `aws sso login`, and check AWS_SESSION_TOKEN",
        ),
        "NoSuchBucket" | "ContainerNotFound" => {
            ("the bucket does not exist", "create it, or correct its name in the URL")
        }
        "InvalidBucketName" => ("the name is none that a bucket can have", "correct the bucket's name in the URL"),
        "RequestTimeTooSkewed" | "RequestExpired" => {
            ("this machine's clock is off by more than the store bears", "set this machine's clock (NTP)")
        }
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => {
            ("the bucket is in another region", "set region= or AWS_REGION to the bucket's own")
        }
        "AccessDenied" | "AllAccessDisabled" | "AuthorizationPermissionMismatch" | "AuthorizationFailure" => {
            ("the store refuses", "check who may read and write there: docs/STORES.md lists the permissions")
        }
        "SlowDown" | "ServiceUnavailable" | "InternalError" | "ServerBusy" => {
            ("the store has trouble of its own", "try again later: whatever was begun goes on from there")
        }
        _ => {
            let message = element(&text, "Message").unwrap_or("the store says no more than a code");
            let message = message.trim_end_matches('.').split_whitespace().collect::<Vec<_>>().join(" ");
            return Some(Trouble::new(format!("{message} ({code})"), CHECK_ENDPOINT));
        }
    };
    Some(Trouble::new(format!("{cause} ({code})"), mend))
}

/// The text of an XML element, however the page is indented.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let inner = text.split_once(&open)?.1.split_once(&close)?.0.trim();
    (!inner.is_empty()).then_some(inner)
}

fn of_network(error: &(dyn Error + 'static)) -> Option<Trouble> {
    let http = find::<HttpError>(error)?;
    let text = causes(http).join(": ").to_lowercase();
    let says = |words: &str| text.contains(words);
    Some(
        if find::<std::io::Error>(http).is_some_and(|io| io.kind() == ErrorKind::ConnectionRefused)
            || says("connection refused")
        {
            Trouble::new("connection refused: nothing listens at the endpoint", CHECK_ENDPOINT)
        } else if says("dns error") || says("failed to lookup address") {
            Trouble::new("the endpoint's host has no address (DNS)", CHECK_NETWORK)
        } else if says("certificate") {
            Trouble::new(
                "the endpoint's certificate is not trusted",
                "let this machine trust it, or correct the endpoint",
            )
        } else if says("invalidcontenttype") || says("corrupt message") {
            Trouble::new("what answers speaks no TLS", "if plain http is meant, write http:// and allow_http=true")
        } else if http.kind() == HttpErrorKind::Timeout || says("timed out") {
            Trouble::new("the store did not answer in time", CHECK_NETWORK)
        } else {
            Trouble::mend(CHECK_NETWORK)
        },
    )
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn answer(code: &str) -> ObjectError {
        let body = format!(
            "Server returned 403: <?xml?>\n<Error>\n <Code>{code}</Code><Message>It is\n so.</Message></Error>"
        );
        ObjectError::Generic { store: "S3", source: body.into() }
    }

    #[test]
    fn each_answer_of_a_bucket_comes_with_its_own_cause_and_mend() {
        for (code, cause, mend) in [
            ("SignatureDoesNotMatch", "the secret key does not match", "AWS_SECRET_ACCESS_KEY"),
            ("InvalidAccessKeyId", "does not know the access key", "AWS_ACCESS_KEY_ID"),
            ("NoSuchBucket", "the bucket does not exist", "create it"),
            ("ContainerNotFound", "the bucket does not exist", "create it"),
            ("ExpiredToken", "have expired", "aws sso login"),
            ("RequestTimeTooSkewed", "clock", "NTP"),
            ("PermanentRedirect", "another region", "region="),
            ("Teapot", "It is so (Teapot)", "endpoint"),
        ] {
            let found = Trouble::of(&answer(code)).expect(code);
            let said = found.cause.expect("a cause");
            assert!(said.contains(cause) && said.ends_with(&format!("({code})")), "{said}");
            assert!(found.mend.contains(mend), "{code}: {}", found.mend);
        }
        assert_eq!(Trouble::of(&io::Error::other("<Code></Code>")), None);
    }

    #[test]
    fn a_network_that_fails_is_told_from_a_store_that_is_down() {
        let refused = || io::Error::from(ErrorKind::ConnectionRefused);
        for (kind, source, cause) in [
            (HttpErrorKind::Connect, refused(), Some("connection refused: nothing listens at the endpoint")),
            (
                HttpErrorKind::Connect,
                io::Error::other("dns error: x"),
                Some("the endpoint's host has no address (DNS)"),
            ),
            (HttpErrorKind::Timeout, io::Error::other("x"), Some("the store did not answer in time")),
            (HttpErrorKind::Request, io::Error::other("x"), None),
        ] {
            let error = ObjectError::Generic { store: "S3", source: HttpError::new(kind, source).into() };
            let found = Trouble::of(&error).expect("a mend");
            assert_eq!(found.cause.as_deref(), cause);
            assert!(found.mend.contains("endpoint"), "{found:?}");
        }
    }
}
