//! A bucket that lets everybody read, a home folder, and an environment of one's own.

use std::path::Path;

use lemming::store::open::open;
use object_store::ObjectStoreExt as _;
use tempfile::TempDir;

use crate::peer::{Answer, Peer, Seen, ok};

/// Never to be seen in what a person reads.
pub(crate) const SECRET: &str = "hunter2-hunter2";

/// A home folder and variables, and a bucket on loopback.
#[derive(Debug)]
pub(crate) struct World {
    home: TempDir,
    vars: Vec<(String, String)>,
    pub(crate) bucket: Peer,
}

impl World {
    pub(crate) async fn new() -> Self {
        let home = tempfile::tempdir().expect("folder");
        std::fs::create_dir_all(home.path().join(".aws/sso/cache")).expect("folder");
        let bucket = Peer::start(object).await;
        let mut world = Self { home, vars: Vec::new(), bucket };
        world.set("HOME", world.home.path().display().to_string());
        // Without it a source that is missing is looked for on this machine's own network.
        world.set("AWS_EC2_METADATA_DISABLED", "true");
        world
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.vars.retain(|(known, _)| known != name);
        self.vars.push((name.to_owned(), value.into()));
    }

    pub(crate) fn vars(&self) -> Vec<(String, String)> {
        self.vars.clone()
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        std::fs::write(self.home.path().join(path), text).expect("write");
    }

    /// The URL of the bucket with options.
    pub(crate) fn url(&self, options: &str) -> String {
        format!("s3://bucket/place?endpoint={}&allow_http=true{options}", self.bucket.url)
    }

    pub(crate) fn open(&self, options: &str) -> lemming::store::open::Opened {
        open(&self.url(options), self.vars.clone()).expect("a store")
    }

    /// Reads one object, and says who signed the request and for which region.
    pub(crate) async fn read(&self, options: &str) -> Result<(String, String), String> {
        let opened = self.open(options);
        match opened.store.get(&opened.prefix.clone().join("object")).await {
            Ok(_) => Ok(self.last().signer()),
            Err(error) => Err(self.shown(&error)),
        }
    }

    pub(crate) fn last(&self) -> Seen {
        self.bucket.seen().pop().expect("a request")
    }

    /// An error as people see it, which must hold nothing secret.
    fn shown(&self, error: &object_store::Error) -> String {
        let (display, debug) = (lemming::causes::causes(error).join(": "), format!("{error:?}"));
        assert!(!display.contains(SECRET) && !debug.contains(SECRET), "{display} {debug}");
        display
    }
}

/// Every object is there, and every put succeeds.
fn object(seen: &Seen) -> Answer {
    let headers = vec![("last-modified", "Tue, 03 Nov 2026 10:00:00 GMT".to_owned()), ("etag", "\"e\"".to_owned())];
    match seen.method.as_str() {
        "GET" | "HEAD" => (200, headers, "body".to_owned()),
        _ => (200, headers, String::new()),
    }
}

/// Credentials as STS gives them.
/// Source: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
pub(crate) fn sts(action: &str, key: &str) -> Answer {
    ok(format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><AssumedRoleUser>\
         <Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn><AssumedRoleId>ARO123:s</AssumedRoleId></AssumedRoleUser>\
         <Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>\
         <SessionToken>token-of-{key}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
         </{action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
    ))
}

/// Credentials as a container's and an instance's service gives them.
pub(crate) fn service(key: &str) -> Answer {
    ok(format!(
        "{{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"LastUpdated\":\"2026-11-03T10:00:00Z\",\
         \"AccessKeyId\":\"{key}\",\"SecretAccessKey\":\"{SECRET}\",\"Token\":\"token-of-{key}\",\
         \"Expiration\":\"2099-01-01T00:00:00Z\"}}"
    ))
}
