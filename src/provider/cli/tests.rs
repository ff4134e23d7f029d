//! Real commands. A shell is only ever a command that a test names, with the text as its `$0` or `$1`.

use serde_json::Value;

use super::*;
use crate::domain::outbox::Kind;
use crate::provider::fixture::{entry, request};

fn host() -> Host {
    let base = [("PATH", "/usr/bin:/bin"), ("HOME", "/nowhere"), ("SECRET_OF_THE_RUNNER", "s3cret")];
    let base = base.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Host { base_env: Env(base.into()), dir: None, is_contract: |text| text.contains("outbox_entries") }
}

fn cli(config: Value) -> Cli {
    Cli::new(serde_json::from_value(config).expect("config"), &host()).expect("cli")
}

fn shell(script: &str) -> Cli {
    cli(json!({"command": ["sh", "-c", script, "sh"]}))
}

fn says(text: &str) -> Request {
    request(vec![entry("ada", Kind::Message, "older", &[]), entry("ada", Kind::Message, text, &[])])
}

/// The text of the one message that an answer holds.
fn output(answer: &Answer) -> String {
    let answer: Value = serde_json::from_str(&answer.text).expect("contract");
    let entries = answer["outbox_entries"].as_array().expect("entries");
    assert_eq!((entries.len(), &entries[0]["tags"]), (1, &json!(["cli_output"])), "{answer}");
    entries[0]["payload"]["text"].as_str().expect("text").to_owned()
}

#[tokio::test]
async fn the_newest_message_is_the_last_argument() {
    let answer = cli(json!({"command": ["/bin/echo", "heard:"]})).complete(&says("$HOME; `id` *")).await;
    let answer = answer.expect("answer");
    assert_eq!(output(&answer), "heard: $HOME; `id` *");
    assert_eq!(answer.usage, Some(Usage { input_tokens: 13, output_tokens: 21, ..Usage::default() }));
}

#[tokio::test]
async fn without_mail_the_argument_is_the_tick() {
    let answer = cli(json!({"command": ["echo"]})).complete(&request(vec![])).await.expect("answer");
    assert_eq!(output(&answer), "tick 3");
}

#[tokio::test]
async fn contract_json_is_passed_on_as_it_stands() {
    let contract = "Here:\n```json\n{\"outbox_entries\": []}\n```";
    let answer = cli(json!({"command": ["printf", "%s"]})).complete(&says(contract)).await.expect("answer");
    assert_eq!(answer.text, contract);
}

#[tokio::test]
async fn a_command_that_writes_nothing_says_nothing() {
    let answer = cli(json!({"command": ["true"]})).complete(&says("hello")).await.expect("answer");
    let says: serde_json::Value = serde_json::from_str(&answer.text).expect("json");
    assert_eq!(says, json!({"notes": "the command wrote nothing", "outbox_entries": []}));
}

#[tokio::test]
async fn texts_that_cannot_be_arguments_are_refused() {
    for (text, kind, said) in [
        ("-rf /", CallErrorKind::Refused, "begins with `-`"),
        ("--help", CallErrorKind::Refused, "begins with `-`"),
        ("a\0b", CallErrorKind::Refused, "NUL"),
        (&"x".repeat(MAX_TEXT_BYTES + 1), CallErrorKind::ContextTooLong, "100001 bytes"),
    ] {
        let error = cli(json!({"command": ["echo"]})).complete(&says(text)).await.expect_err(said);
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(said), "{error}");
    }
    let longest = "x".repeat(MAX_TEXT_BYTES);
    let answer = cli(json!({"command": ["echo"]})).complete(&says(&longest)).await.expect("answer");
    assert_eq!(output(&answer), longest);
}

#[tokio::test]
async fn a_failing_command_is_unanswered_and_tells_the_end_of_its_error() {
    let script = "yes 'a long complaint' | head -c 20000 >&2; echo last words >&2; exit 3";
    let error = shell(script).complete(&says("x")).await.expect_err("failure");
    assert_eq!(error.kind, CallErrorKind::Unanswered);
    assert!(error.message.contains("exit status: 3") && error.message.ends_with("last words"), "{error}");
    assert!(error.message.len() < 5_000);
    let error = shell("kill -9 $$").complete(&says("x")).await.expect_err("failure");
    assert!(error.kind == CallErrorKind::Unanswered && error.message.contains("signal: 9"), "{error}");
}

#[tokio::test]
async fn what_the_model_gives_a_command_is_hidden_in_errors() {
    let command = ["sh", "-c", "echo \"bad key $KEY\" >&2; exit 1", "sh"];
    let cli = cli(json!({"command": command, "env": {"KEY": "sk-12345"}}));
    let error = cli.complete(&says("x")).await.expect_err("failure");
    assert!(error.message.ends_with("bad key [hidden]"), "{error}");
    assert!(!format!("{cli:?}").contains("sk-12345"));
    assert!(!format!("{:?}", host()).contains("s3cret"));
}

#[tokio::test]
async fn a_command_that_cannot_start_is_for_a_person_to_mend() {
    for config in [
        json!({"command": ["/no/such/program"]}),
        json!({"command": ["no-such-program-anywhere"]}),
        json!({"command": ["/etc"]}),
        json!({"command": ["echo"], "cwd": "/no/such/folder"}),
    ] {
        let error = cli(config.clone()).complete(&says("x")).await.expect_err("nothing starts");
        assert_eq!(error.kind, CallErrorKind::Misconfigured, "{config}: {error}");
        assert!(error.message.contains("cannot start"), "{error}");
    }
}

#[tokio::test]
async fn a_command_sees_nothing_of_the_runner_but_path_home_and_lang() {
    let answer = cli(json!({"command": ["sh", "-c", "env", "sh"], "env": {"MINE": "1"}})).complete(&says("x")).await;
    let seen = output(&answer.expect("answer"));
    let mut seen: Vec<_> =
        seen.lines().filter(|l| !["PWD=", "SHLVL=", "_=", "OLDPWD="].iter().any(|p| l.starts_with(p))).collect();
    seen.sort_unstable();
    assert_eq!(seen, ["HOME=/nowhere", "MINE=1", "PATH=/usr/bin:/bin"]);
}

#[tokio::test]
async fn a_relative_directory_is_relative_to_the_host() {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::create_dir(folder.path().join("inner")).expect("folder");
    let host = Host { dir: Some(folder.path().to_owned()), ..host() };
    for (config, expected) in [
        (json!({"command": ["sh", "-c", "pwd -P"]}), folder.path().to_owned()),
        (json!({"command": ["sh", "-c", "pwd -P"], "cwd": "inner"}), folder.path().join("inner")),
        (json!({"command": ["sh", "-c", "pwd -P"], "cwd": "/"}), PathBuf::from("/")),
    ] {
        let cli = Cli::new(serde_json::from_value(config).expect("config"), &host).expect("cli");
        let answer = cli.complete(&says("x")).await.expect("answer");
        assert_eq!(PathBuf::from(output(&answer)), expected.canonicalize().expect("path"));
    }
}

#[tokio::test]
async fn huge_output_is_cut_and_does_not_stop_the_command() {
    let answer = shell("head -c 5000000 /dev/zero | tr '\\0' x; exit 0").complete(&says("x")).await.expect("answer");
    let text = output(&answer);
    assert!(text.ends_with("x\n[cut after 1048576 bytes]"));
    assert_eq!(text.len(), MAX_STDOUT_BYTES + "\n[cut after 1048576 bytes]".len());
    assert_eq!(answer.usage.expect("usage").output_tokens, 1_000, "never above the call's own worst case");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_replaced() {
    let answer = shell("printf 'a\\377b'").complete(&says("x")).await.expect("answer");
    assert_eq!(output(&answer), "a\u{fffd}b");
}

/// Sleeps in a child of the shell, then leaves a file, unless somebody kills it first.
fn sleeper(file: &Path, timeout: Value) -> Cli {
    let script = format!("(sleep 2; echo late > '{}') & wait", file.display());
    cli(json!({"command": ["sh", "-c", script, "sh"], "timeout": timeout}))
}

async fn assert_that_it_is_gone(file: &Path) {
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(!file.exists(), "the command went on");
}

#[tokio::test]
async fn at_the_time_limit_the_command_and_its_children_are_killed() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("late");
    let error = sleeper(&file, json!(0.2)).complete(&says("x")).await.expect_err("time limit");
    assert_eq!((error.kind, error.message.as_str()), (CallErrorKind::TimedOut, "sh was killed: no end within 200 ms"));
    assert_that_it_is_gone(&file).await;
}

#[tokio::test]
async fn a_dropped_call_kills_the_command_and_its_children() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("late");
    let (cli, request) = (sleeper(&file, json!("30s")), says("x"));
    assert!(tokio::time::timeout(Duration::from_millis(200), cli.complete(&request)).await.is_err());
    assert_that_it_is_gone(&file).await;
}

#[test]
fn configurations_that_no_process_can_have_are_refused() {
    for bad in [
        json!({"command": []}),
        json!({"command": [""]}),
        json!({"command": ["a\0"]}),
        json!({"command": ["a"], "env": {"A=B": "1"}}),
        json!({"command": ["a"], "env": {"A": "\0"}}),
        json!({"command": ["a"], "timeout": 0}),
        json!({"command": ["a"], "timeout": -1.5}),
        json!({"command": ["a"], "timeout": 1e300}),
    ] {
        let config = serde_json::from_value(bad.clone()).expect("config");
        assert_eq!(Cli::new(config, &host()).expect_err("mistake").kind, CallErrorKind::Misconfigured, "{bad}");
    }
    for bad in [json!({}), json!({"command": "echo"}), json!({"command": ["a"], "timeout": "soon"})] {
        assert!(serde_json::from_value::<CliConfig>(bad.clone()).is_err(), "{bad}");
    }
    for (timeout, ms) in [(json!(2), 2_000), (json!(0.5), 500), (json!("2m"), 120_000), (Value::Null, 120_000)] {
        assert_eq!(cli(json!({"command": ["a"], "timeout": timeout})).limit, Duration::from_millis(ms));
    }
}
