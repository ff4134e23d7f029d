//! The worked example of `docs/CONNECT.md`, played as it is written: what a reader types is run, and what the page shows is
//! what comes of it. Of the reader's machine only the places, the address of the webhook and the id differ.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use lemming::provider::secret::Secret;
use lemming::signature::SigningKey;
use serde_json::Value;

use crate::installed;

const PAGE: &str = include_str!("../../docs/CONNECT.md");

/// The id that the page shows.
const ID: &str = "7bf663d3";

/// What was posted: its headers, with names in lower case, and its body.
type Post = (Vec<(String, String)>, Vec<u8>);

/// Takes posts on a free port for as long as the test lasts.
fn receiver() -> (String, Receiver<Post>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/reports", listener.local_addr().expect("its address"));
    let (send, posts) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if send.send(taken(stream)).is_err() {
                break;
            }
        }
    });
    (url, posts)
}

fn taken(mut stream: TcpStream) -> Post {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    let length = header(&headers, "content-length").parse().expect("a length");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").expect("answered");
    (headers, body)
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
}

/// The commands of the section in their order, each with what the page shows of it.
fn commands() -> Vec<(String, Vec<String>)> {
    let section = PAGE.split("\n## ").find(|section| section.starts_with("A worked example\n")).expect("the section");
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for block in section.split("```console\n").skip(1) {
        for line in block.split("\n```").next().expect("a block").lines() {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
                (None, Some((_, shown))) => shown.push(line.to_owned()),
                (None, None) => panic!("{line:?} is shown of no command"),
            }
        }
    }
    commands
}

/// Each shown line is among the printed ones, in this order; `…` stands for what differs, or is left out.
fn assert_shown(command: &str, shown: &[String], printed: &str) {
    let mut lines = printed.lines();
    for wanted in shown.iter().filter(|line| *line != "…") {
        let parts: Vec<&str> = wanted.split('…').collect();
        let fits = |line: &str| {
            let found = parts.iter().try_fold(0, |at, part| line[at..].find(part).map(|found| at + found + part.len()));
            line.starts_with(parts[0]) && found.is_some() && (parts.len() > 1 || line == wanted)
        };
        assert!(lines.any(fits), "{command}: {wanted:?} is not, or not at its place, in\n{printed}");
    }
}

/// The place of the test for the reader's, and its receiver.
fn here(text: &str, place: &Path, url: &str) -> String {
    text.replace("/srv/", &format!("{}/", place.display())).replace("https://example.com/reports", url)
}

#[test]
fn the_worked_example_of_the_page_on_connecting_works_as_it_is_written() {
    let Some(home) = installed() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().canonicalize().expect("a path");
    let (url, posts) = receiver();
    let commands = commands();
    let word = |of: &str| {
        let (_, rest) = commands.iter().find_map(|(command, _)| command.split_once(of)).expect("it is on the page");
        rest.split_whitespace().next().expect("a value").to_owned()
    };
    let program = Path::new(env!("CARGO_BIN_EXE_lemming")).parent().expect("the folder of the program");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").expect("a path"));
    let run = |command: &str| {
        let mut sh = Command::new("sh");
        sh.args(["-euc", command]).current_dir(&place).stdin(Stdio::null());
        sh.env("PATH", &path).env("LEMMING_LOG", "warn").env("LEMMING_STORE", place.join("watch"));
        sh.env("REPORTS_URL", &url).env("REPORTS_SECRET", word("REPORTS_SECRET="));
        let done = sh.output().expect("sh");
        let printed = String::from_utf8(done.stdout).expect("text");
        assert!(done.status.success(), "{command}: {printed}{}", String::from_utf8_lossy(&done.stderr));
        printed
    };
    let (mut id, mut ticks) = (None, 0);
    for (command, shown) in &commands {
        if command.starts_with("npm ") {
            // It is installed already, in the version that is tested.
            std::os::unix::fs::symlink(&home, place.join("mcp")).expect("a link");
            continue;
        }
        if command.starts_with("export ") {
            continue;
        }
        if id.is_none() && shown.iter().any(|line| line.starts_with(ID)) {
            let list: Value = serde_json::from_str(&run("lemming approvals list --json")).expect("JSON");
            id = Some(list["approvals"][0]["id"].as_str().expect("an id")[..ID.len()].to_owned());
        }
        let mine = |text: &str| here(text, &place, &url).replace(ID, id.as_deref().unwrap_or(ID));
        let printed = run(&mine(command));
        assert_shown(command, &shown.iter().map(|line| mine(line)).collect::<Vec<_>>(), &printed);
        if command.contains("bootstrap") {
            settle(&place, &home, &url);
        }
        ticks += usize::from(command == "lemming tick");
        // Nothing is written before somebody said yes and a tick took it in.
        assert_eq!(place.join("watched/SUMMARY.md").exists(), ticks == 2, "after {command}");
    }
    assert_eq!(
        fs::read_to_string(place.join("watched/SUMMARY.md")).expect("written"),
        "# What lies here\n\n- plan.txt: Ship on Friday.\n"
    );
    let key = SigningKey::standard(&Secret::new(word("REPORTS_SECRET="))).expect("a key");
    let sent: Vec<Post> = posts.try_iter().collect();
    let texts: Vec<Value> = sent.iter().map(|(headers, body)| checked(&key, headers, body)).collect();
    assert_eq!(texts, ["New in the folder: plan.txt. May I write SUMMARY.md?", "SUMMARY.md is written."]);
}

/// The reader's places become the test's, where the page says that they stand.
fn settle(place: &Path, home: &Path, url: &str) {
    let path = place.join("watch/config/tools.json");
    let text = fs::read_to_string(&path).expect("the toolbox");
    let shown =
        PAGE.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the toolbox of the page");
    assert_eq!(text, shown, "the page shows another file");
    let org = fs::read_to_string(place.join("watch/org.json")).expect("org.json");
    let rule =
        PAGE.split("`\"deliver\": ").nth(1).and_then(|rest| rest.split('`').next()).expect("the rule of the page");
    let plain = |text: &str| text.split_whitespace().collect::<String>();
    assert!(plain(&org).contains(&plain(rule)), "the page shows another rule: {rule}");
    // The sandbox is given places, not links to them.
    let text = text.replace("/srv/mcp", &home.display().to_string());
    fs::write(path, here(&text, place, url)).expect("written");
}

/// What a post says, if its signature is right.
fn checked(key: &SigningKey, headers: &[(String, String)], body: &[u8]) -> Value {
    let (id, time) = (header(headers, "webhook-id"), header(headers, "webhook-timestamp"));
    let signature = key.standard_signature(id, time.parse().expect("seconds"), body);
    assert_eq!(header(headers, "webhook-signature"), signature);
    let body: Value = serde_json::from_slice(body).expect("JSON");
    assert_eq!((&body["data"]["id"], &body["data"]["agent"]), (&Value::from(id), &Value::from("watcher")));
    body["data"]["payload"]["text"].clone()
}
