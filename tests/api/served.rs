//! `lemming serve` as a process, asked over real HTTP, and told to end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// So many times a condition is looked at, ten milliseconds apart, before a test gives up.
const LOOKS: usize = 6_000;

/// A server that runs, and ends with the test.
pub struct Served {
    child: Option<Child>,
    stdout: BufReader<ChildStdout>,
    pub url: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Served {
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        let mut command = program(folder);
        command.args(["serve", "--port", "0", "--log-format", "json"]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        if !url.starts_with("http://127.0.0.1:") {
            let _ = child.kill();
            panic!("{line:?} {:?}", child.wait_with_output());
        }
        Self { child: Some(child), stdout, url }
    }

    /// Sends SIGTERM and waits for the end; the code, and what was logged.
    pub fn end(mut self) -> (Option<i32>, String) {
        let child = self.child.take().expect("it runs");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
        kill_process(pid, Signal::TERM).expect("a signal");
        let output = child.wait_with_output().expect("an end");
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text");
        assert_eq!(rest, "", "nothing else goes to standard output");
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    }
}

pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.current_dir(folder).env_remove("LEMMING_STORE").env_remove("LEMMING_LOG");
    command
}

pub fn lemming(folder: &Path, args: &[&str]) -> Output {
    program(folder).args(args).output().expect("the program")
}

pub fn founded() -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    assert!(lemming(folder.path(), &["bootstrap"]).status.success());
    folder
}

pub async fn post(served: &Served, key: Option<&str>, text: &str) -> (StatusCode, Value) {
    let body = json!({"recipients": ["editor"], "text": text}).to_string();
    let mut request = reqwest::Client::new().post(format!("{}/api/messages", served.url)).body(body);
    request = request.header("content-type", "application/json");
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let response = request.send().await.expect("an answer");
    let status = response.status();
    (status, serde_json::from_slice(&response.bytes().await.expect("a body")).expect("json"))
}

/// Waits until `found` gives something.
pub fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = found() {
            return found;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("{what} did not come");
}

fn inbox(folder: &Path) -> Vec<Value> {
    let output = lemming(folder, &["inbox", "--json"]);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    shown["messages"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_posted_is_answered_by_whom_it_wakes() {
    let folder = founded();
    let served = Served::start(folder.path(), &[]);
    let health = reqwest::get(format!("{}/api/health", served.url)).await.expect("an answer");
    assert_eq!(health.status(), 200);
    assert_eq!(health.headers()["x-content-type-options"], "nosniff");
    let (status, sent) = post(&served, None, "Hello s3cret-text").await;
    assert_eq!(status, 201, "{sent}");
    let id = sent["sent"]["id"].clone();
    let answer = wait_for("an answer", || inbox(folder.path()).into_iter().find(|message| message["reply_to"] == id));
    assert_eq!(answer["from"], json!("editor"), "{answer}");
    let (code, log) = served.end();
    assert_eq!(code, Some(0), "{log}");
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let of = |event: &str| events.iter().filter(|line| line["event"] == event).collect::<Vec<_>>();
    assert_eq!((of("serving").len(), of("stopping").len()), (1, 1), "{log}");
    let requests = of("request");
    let routes: Vec<&Value> = requests.iter().map(|line| &line["route"]).collect();
    assert_eq!(routes, [&json!("/api/health"), &json!("/api/messages")], "{log}");
    assert_eq!((&requests[1]["status"], &requests[1]["method"]), (&json!(201), &json!("POST")));
    assert!(!log.contains("s3cret-text"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_open_the_server_and_are_in_no_log_and_no_answer() {
    let folder = founded();
    let added = lemming(folder.path(), &["keys", "add", "hook", "--scope", "send"]);
    let key = String::from_utf8(added.stdout).expect("text").trim().to_owned();
    let served = Served::start(folder.path(), &["-v"]);
    let guess = "lemming_guess-s3cret";
    let mut answers = Vec::new();
    for (key, wanted) in [(None, 401), (Some(guess), 401), (Some(key.as_str()), 201)] {
        let (status, body) = post(&served, key, "Hello").await;
        assert_eq!(status, wanted, "{body}");
        answers.push(body.to_string());
    }
    let bad = reqwest::get(format!("{}/api/{key}?key={key}", served.url)).await.expect("an answer");
    answers.push(bad.text().await.expect("text"));
    wait_for("the wake", || std::fs::read(folder.path().join("ticks/000000000001/closed.json")).ok());
    let (code, log) = served.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains(r#""api_key":"hook""#), "{log}");
    let hash = lemming::domain::ids::Sha::of(key.as_bytes());
    for shown in answers.iter().chain([&log]) {
        for secret in [&key[8..], &guess[8..], hash.as_str()] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    for answer in answers {
        assert!(!answer.contains(folder.path().to_str().expect("path")), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wakes_nobody_takes_messages_and_runs_no_tick() {
    let folder = founded();
    let served = Served::start(folder.path(), &["--no-wake"]);
    for text in ["Hello", "Hello again"] {
        assert_eq!(post(&served, None, text).await.0, 201);
    }
    let (code, log) = served.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(!folder.path().join("ticks").exists(), "{log}");
    let mail = std::fs::read_dir(folder.path().join("ingress/mail")).expect("the mail slot");
    assert_eq!(mail.count(), 2);
}

#[test]
fn an_address_that_others_reach_needs_keys() {
    let folder = founded();
    let refused = lemming(folder.path(), &["serve", "--host", "0.0.0.0", "--port", "0", "--json"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said: Value = serde_json::from_slice(&refused.stderr).expect("an envelope");
    assert!(said["error"]["hint"].as_str().is_some_and(|hint| hint.contains("lemming keys add")), "{said}");
    assert!(refused.stdout.is_empty());
    let nowhere = tempfile::tempdir().expect("folder");
    assert_eq!(lemming(nowhere.path(), &["serve", "--port", "0"]).status.code(), Some(6), "there is no organisation");
    let wrong = lemming(folder.path(), &["serve", "--host", "example.com"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_hands_a_tick_over_that_a_message_began_and_answers_nobody_more() {
    let folder = founded();
    let write =
        |path: &str, value: &Value| std::fs::write(folder.path().join(path), value.to_string()).expect("written");
    let config = json!({"command": ["sh", "-c", "echo begun > ../begun; sleep 600"], "cwd": "config", "timeout": 900});
    let price = json!({"input": 0, "output": 0});
    write(
        "config/models.json",
        &json!({"desk": {"provider": "cli", "model_name": "x", "price": price, "provider_config": config}}),
    );
    let served = Served::start(folder.path(), &[]);
    let url = served.url.clone();
    // A connection that rests, and one that has begun to ask: neither keeps the server.
    let address = url.trim_start_matches("http://").to_owned();
    let resting = TcpStream::connect(&address).expect("a connection");
    let mut begun = TcpStream::connect(&address).expect("a connection");
    begun.write_all(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n").expect("written");
    let (status, body) = post(&served, None, "Hello").await;
    assert_eq!(status, 201, "{body}");
    wait_for("the call", || std::fs::read(folder.path().join("begun")).ok());
    let (code, log) = served.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(TcpStream::connect(&address).is_err(), "nobody listens any more");
    drop((resting, begun));
    let shard = folder.path().join("ticks/000000000001/shards/0");
    let links: Vec<String> = std::fs::read_dir(&shard)
        .expect("the shard")
        .filter_map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).ok())
        .collect();
    assert!(links.iter().any(|link| link.contains("release")), "{links:?}");
    assert!(!folder.path().join("ticks/000000000001/closed.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_at_once_all_arrive() {
    let folder = founded();
    let served = Served::start(folder.path(), &[]);
    let posts = (0..40).map(|n| {
        let served = &served;
        async move { post(served, None, &format!("Hello {n}")).await.0 }
    });
    let statuses = futures::future::join_all(posts).await;
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    let mail = folder.path().join("ingress/mail");
    wait_for("the last wake", || {
        std::fs::read_dir(&mail).map_or(Some(()), |mut left| left.next().is_none().then_some(()))
    });
    let (code, log) = served.end();
    assert_eq!(code, Some(0), "{log}");
    let all = lemming(folder.path(), &["inbox", "editor", "--limit", "100", "--json"]);
    let shown: Value = serde_json::from_slice(&all.stdout).expect("json");
    let texts: std::collections::BTreeSet<&str> =
        shown["messages"].as_array().expect("messages").iter().filter_map(|message| message["text"].as_str()).collect();
    let missing: Vec<usize> = (0..40).filter(|n| !texts.contains(format!("Hello {n}").as_str())).collect();
    assert!(missing.is_empty(), "{missing:?} of {texts:?}\n{log}");
}

#[tokio::test]
async fn over_broken_settings_it_warns_and_takes_messages_all_the_same() {
    let folder = founded();
    std::fs::write(folder.path().join("org.json"), "{").expect("written");
    let served = Served::start(folder.path(), &[]);
    assert_eq!(post(&served, None, "hi").await.0, StatusCode::CREATED);
    let (_, logged) = served.end();
    assert!(logged.contains("warning: ") && logged.contains("lemming validate"), "{logged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_made_talked_to_changed_and_ticked_through_a_server_that_runs() {
    let folder = founded();
    let key = |role: &str| {
        let added = lemming(folder.path(), &["keys", "add", role, "--role", role]);
        String::from_utf8(added.stdout).expect("text").trim().to_owned()
    };
    let (admin, operator) = (key("admin"), key("operator"));
    let served = Served::start(folder.path(), &[]);
    let ask = async |key: &str, method: reqwest::Method, path: &str, version: Option<&str>, body: String| {
        let mut request = reqwest::Client::new().request(method, format!("{}{path}", served.url)).bearer_auth(key);
        request = request.header("content-type", "application/json").body(body);
        if let Some(version) = version {
            request = request.header("if-match", version);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let version = response.headers().get("etag").map(|tag| tag.to_str().expect("text").to_owned());
        let body: Value = serde_json::from_slice(&response.bytes().await.expect("a body")).expect("json");
        (status, version, body)
    };
    let words = json!({"name": "clerk", "title": "Clerk", "instructions": "Answer.", "when": "on_message"}).to_string();
    let (status, _, refused) = ask(&operator, reqwest::Method::POST, "/api/agents", None, words.clone()).await;
    assert_eq!(status, 403, "{refused}");
    let (status, _, made) = ask(&admin, reqwest::Method::POST, "/api/agents", None, words).await;
    assert_eq!((status, &made["agents"]), (201, &json!(["clerk"])), "{made}");
    let hello = json!({"recipients": ["clerk"], "text": "Hello"}).to_string();
    let (status, _, sent) = ask(&operator, reqwest::Method::POST, "/api/messages", None, hello).await;
    assert_eq!(status, 201, "{sent}");
    let clerk_has_run = || {
        let shown = lemming(folder.path(), &["logs", "clerk", "--json"]);
        let events: Value = serde_json::from_slice(&shown.stdout).unwrap_or_default();
        let events = events["events"].as_array().cloned().unwrap_or_default();
        let noted = events.iter().any(|event| event["event"] == "command" && event["by"] == "admin");
        (noted && events.iter().any(|event| event["event"] == "turn")).then_some(())
    };
    wait_for("the clerk's turn, and the note of who made it", clerk_has_run);
    let path = folder.path().join("agents/clerk/resume.json");
    let before = std::fs::read_to_string(&path).expect("a resume");
    let after = before.replace("Answer.", "Answer in one sentence.");
    let version = format!("\"{}\"", lemming::domain::ids::Sha::of(before.as_bytes()));
    let put = async |body: &str| {
        ask(&admin, reqwest::Method::PUT, "/api/agents/clerk/resume", Some(&version), body.to_owned()).await
    };
    let (status, saved, body) = put(&after).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(saved, Some(format!("\"{}\"", lemming::domain::ids::Sha::of(after.as_bytes()))));
    assert_eq!(put(&before).await.0, 412, "it has changed meanwhile");
    assert_eq!(std::fs::read_to_string(&path).expect("a resume"), after);
    let clock = || {
        let shown = lemming(folder.path(), &["status", "--json"]);
        serde_json::from_slice::<Value>(&shown.stdout).ok()?["clock"].as_i64()
    };
    let earlier = clock().expect("a clock");
    let (status, _, asked) = ask(&operator, reqwest::Method::POST, "/api/engine/tick", None, "{}".to_owned()).await;
    assert_eq!((status, &asked["ordered"]["by"]), (202, &json!("operator")), "{asked}");
    wait_for("the tick", || clock().filter(|clock| *clock > earlier));
    let (code, log) = served.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains(&admin[8..]) && !log.contains(&operator[8..]), "{log}");
}

#[test]
fn several_organisations_that_others_reach_need_a_key_above_them_all() {
    let place = tempfile::tempdir().expect("folder");
    for folder in ["desk", "lab"] {
        let inner = place.path().join(folder);
        std::fs::create_dir(&inner).expect("a folder");
        assert!(lemming(&inner, &["bootstrap"]).status.success());
        assert!(lemming(&inner, &["keys", "add", "own", "--role", "admin"]).status.success());
    }
    let refused = lemming(place.path(), &["serve", "--host", "0.0.0.0", "--port", "0", "--json"]);
    assert_eq!(refused.status.code(), Some(2), "keys of some are no key of all: {refused:?}");
    assert!(refused.stdout.is_empty());
    for origin in ["*", "desk.example", "https://desk.example/page"] {
        let wrong = lemming(place.path(), &["serve", "--port", "0", "--allow-origin", origin]);
        assert_eq!(wrong.status.code(), Some(2), "{origin}");
    }
}
