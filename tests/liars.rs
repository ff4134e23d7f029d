//! Real servers that break the promise of create, and the real program: `localstack/liars.sh` starts them and runs this.
//!
//! Without `LEMMING_TEST_LIARS` nothing is tested: it names stores as `NAME=URL`, with spaces between them.

#![allow(clippy::disallowed_methods, reason = "a test of the outside world asks the environment for it")]

use std::process::{Command, Output};

use bytes::Bytes;
use lemming::store::open::open;
use lemming::store::{Prefix, Store};
use lemming::template::{self, Wishes};
use serde_json::Value;

const VARIABLE: &str = "LEMMING_TEST_LIARS";

/// A server, and the URL of a prefix of its bucket that nobody has used.
struct Liar {
    name: String,
    url: String,
    store: Store,
}

/// The liars that the environment names.
fn liars(test: &str) -> Vec<Liar> {
    let named = std::env::var(VARIABLE).unwrap_or_default();
    if named.trim().is_empty() {
        #[expect(clippy::print_stderr, reason = "a test that did not run should say so")]
        {
            eprintln!("skipped: {VARIABLE} is not set (run make test-liars)");
        }
    }
    let liar = |named: &str| {
        let (name, url) = named.split_once('=').expect("NAME=URL");
        let (bucket, options) = url.split_once('?').expect("options");
        let url = format!("{bucket}-{test}?{options}");
        let opened = open(&url, []).expect("a store");
        Liar { name: name.to_owned(), url, store: Store::new(opened.store, opened.prefix, false) }
    };
    named.split_whitespace().map(liar).collect()
}

impl Liar {
    async fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command.args(args).args(["--json", "--store", &self.url]);
        command.env_clear().env("PATH", "/usr/bin:/bin");
        tokio::task::spawn_blocking(move || command.output()).await.expect("thread").expect("the program")
    }

    async fn objects(&self) -> Vec<String> {
        self.store.list(&Prefix::Everything).await.expect("list")
    }

    /// What the program says when it refuses.
    fn refusal(&self, output: &Output) -> String {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{}: {stderr}", self.name);
        assert!(output.stdout.is_empty(), "{}", self.name);
        let envelope: Value = serde_json::from_str(stderr.lines().last().expect("a line")).expect("an envelope");
        let message = envelope["error"]["message"].as_str().expect("a message").to_owned();
        assert!(message.contains("must not be used for an organisation"), "{}: {message}", self.name);
        assert!(envelope["error"]["hint"].as_str().is_some_and(|hint| hint.contains("stores that keep the promise")));
        message
    }
}

#[tokio::test]
async fn doctor_finds_every_liar_and_leaves_nothing_behind() {
    for liar in liars("doctor") {
        let output = liar.run(&["doctor"]).await;
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        assert_eq!(output.status.code(), Some(4), "{}: {report}", liar.name);
        let health = |check: &str| {
            let found = report["findings"].as_array().expect("findings").iter().find(|found| found["check"] == check);
            found.map(|found| found["health"].as_str().unwrap_or_default().to_owned()).expect(check)
        };
        assert_eq!(health("create"), "good", "{}", liar.name);
        assert_eq!(health("create at once"), "wrong", "{}: {report}", liar.name);
        // The one ignores the condition; the other is right one after another.
        let alone = if liar.name == "s3s-fs" { "good" } else { "wrong" };
        assert_eq!(health("create again"), alone, "{}: {report}", liar.name);
        assert_eq!(report["left_behind"], serde_json::json!([]), "{}", liar.name);
        assert_eq!(liar.objects().await, Vec::<String>::new(), "{}", liar.name);
    }
}

#[tokio::test]
async fn no_organisation_is_founded_on_a_liar() {
    for liar in liars("bootstrap") {
        let output = liar.run(&["bootstrap"]).await;
        liar.refusal(&output);
        assert_eq!(liar.objects().await, Vec::<String>::new(), "{}", liar.name);
    }
}

#[tokio::test]
async fn no_tick_begins_where_an_organisation_was_copied_to_a_liar() {
    for liar in liars("tick") {
        for (key, text) in template::files(&Wishes { name: Some("Copied".to_owned()), every: None }) {
            liar.store.put(&key, Bytes::from(text)).await.expect("copied");
        }
        let before = liar.objects().await;
        for _ in 0..3 {
            let output = liar.run(&["tick"]).await;
            liar.refusal(&output);
            assert_eq!(liar.objects().await, before, "{}", liar.name);
        }
    }
}
