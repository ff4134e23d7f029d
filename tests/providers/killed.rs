//! The real program, killed and raced, with a model that bills by the token: what the model billed is
//! never more than what is recorded, that never more than what was granted, and no call of the
//! journal is made twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::peer;

const AGENTS: [&str; 3] = ["ada", "bob", "cyd"];

/// Numbers that look like chance and are the same in each run.
#[derive(Debug)]
struct Dice(AtomicU64);

impl Dice {
    fn roll(&self, below: u64) -> u64 {
        let x = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((x ^ (x >> 27)) >> 20) % below
    }
}

/// Tick and agent.
type Turn = (u64, String);

/// A model that keeps the bill of all that it was sent, answered or not.
#[derive(Debug)]
struct Biller {
    root: PathBuf,
    dice: Dice,
    /// What each turn was billed, in millionths.
    bills: Mutex<BTreeMap<Turn, u64>>,
    /// By its id, what an answer was billed.
    answers: Mutex<BTreeMap<String, u64>>,
    /// One runner at a time: whatever is in the journal is known to whoever asks.
    is_alone: AtomicBool,
    repeated: Mutex<Vec<String>>,
}

fn between<'a>(text: &'a str, before: &str, after: char) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{before:?} in {text}"));
    rest.split(after).next().expect("a part")
}

impl Biller {
    /// The answer to one request; `None`: it hangs up.
    fn answer(&self, body: &Value) -> Option<(u16, Value)> {
        let messages = body["messages"].as_array().expect("messages");
        let agent = between(messages[0]["content"].as_str().expect("rules"), "\nName: ", '\n').to_owned();
        let tick: u64 = between(messages[1]["content"].as_str().expect("news"), "\nTick ", ',').parse().expect("tick");
        let step = messages.iter().filter(|message| message["role"] == "tool").count();
        let (has_tools, ask) = (body.get("tools").is_some(), self.dice.roll(12));
        let recorded = self.root.join(format!("ticks/{tick:012}/steps/{agent}/{step}.json"));
        if self.is_alone.load(Ordering::SeqCst) && has_tools && recorded.exists() {
            self.repeated.lock().expect("lock").push(format!("tick {tick}, {agent}, step {step}"));
        }
        if ask == 0 {
            return Some((429, json!({"error": {"message": "slow down"}})));
        }
        // As many tokens as bytes of what was written, and all that the answer may have, now and then.
        let input: u64 =
            messages.iter().filter_map(|message| message["content"].as_str()).map(|s| s.len() as u64).sum();
        let output = if self.dice.roll(4) == 0 { 200 } else { 20 };
        let cost = input + 2 * output;
        *self.bills.lock().expect("lock").entry((tick, agent.clone())).or_default() += cost;
        match ask {
            1 => return Some((500, json!({"error": {"message": "broke"}}))),
            2 => return None,
            _ => {}
        }
        let id = format!("chatcmpl-{}", self.dice.0.fetch_add(1, Ordering::Relaxed));
        self.answers.lock().expect("lock").insert(id.clone(), cost);
        let message = if has_tools && step < 2 {
            let arguments = json!({"key": "log", "operation": "append", "value": id, "cap": 5}).to_string();
            json!({"role": "assistant", "content": null, "tool_calls": [{"id": format!("call_{id}"), "type": "function",
                "function": {"name": "memory_write", "arguments": arguments}}]})
        } else {
            json!({"role": "assistant", "content": json!({"notes": id}).to_string()})
        };
        let choices = json!([{"index": 0, "message": message, "finish_reason": "stop"}]);
        let usage = json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output});
        Some((200, json!({"id": id, "model": "priced", "choices": choices, "usage": usage})))
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let Some(got) = peer::read(&mut stream).await else { return };
        let Some((status, body)) = self.answer(&got.body) else { return };
        tokio::time::sleep(Duration::from_millis(self.dice.roll(40))).await;
        let body = body.to_string();
        let head =
            format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        let _ = stream.write_all(format!("{head}Retry-After: 0\r\nConnection: close\r\n\r\n{body}").as_bytes()).await;
    }
}

async fn bill(root: &Path) -> (Arc<Biller>, String, JoinHandle<()>) {
    let biller = Arc::new(Biller {
        root: root.to_owned(),
        dice: Dice(AtomicU64::new(7)),
        bills: Mutex::default(),
        answers: Mutex::default(),
        is_alone: AtomicBool::new(true),
        repeated: Mutex::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/v1", listener.local_addr().expect("address"));
    let shared = biller.clone();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(shared.clone().serve(stream));
        }
    });
    (biller, url, serving)
}

fn found(root: &Path, url: &str) {
    let write = |path: &str, value: Value| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        std::fs::write(path, value.to_string()).expect("file");
    };
    let limits = json!({"lease": "200ms", "agents_per_hold": 2, "max_steps": 4});
    write("org.json", json!({"format": 1, "name": "Test", "limits": limits}));
    write(
        "config/models.json",
        json!({"m": {"provider": "openai_compatible", "model_name": "priced", "base_url": url,
            "price": {"input": 1, "output": 2}}}),
    );
    for agent in AGENTS {
        let resume = json!({"name": agent, "title": "T", "short_description": "T.", "instructions": "T.",
            "model": {"key": "m", "max_tokens": 200}, "permissions": {"read_outboxes": [], "tools": ["memory_write"]},
            "credits": {"max_credits": 50}});
        write(&format!("agents/{agent}/resume.json"), resume);
    }
}

fn lemming(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
    command.args(["--store", root.to_str().expect("path"), "--json"]).args(args).env_clear();
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn kill(mut child: Child, after_ms: u64) {
    let limit = Duration::from_millis(after_ms);
    if tokio::time::timeout(limit, child.wait()).await.is_err() {
        child.kill().await.expect("killed");
    }
}

async fn document(root: &Path, args: &[&str]) -> Value {
    let output = lemming(root, args).output().await.expect("run");
    assert!(output.status.success(), "{args:?}: {output:?}");
    serde_json::from_slice(&output.stdout).expect("json")
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap_or_else(|error| panic!("{path:?}: {error}"))).expect("json")
}

/// Millionths of an amount of credits.
fn micros(amount: &Value) -> u64 {
    amount.as_f64().map_or(0, |credits| (credits * 1e6).round() as u64)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_racing_runners_repeat_no_step_and_pay_no_more_than_is_recorded_and_granted() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    let (biller, url, serving) = bill(root).await;
    found(root, &url);
    // One at a time, each killed: nothing that is in the journal is asked for again.
    for _ in 0..40 {
        kill(lemming(root, &["tick"]).spawn().expect("spawn"), 50 + biller.dice.roll(250)).await;
    }
    // Two at a time: money alone, as a rival may ask before the step of the other is there.
    biller.is_alone.store(false, Ordering::SeqCst);
    for _ in 0..15 {
        let runs = [(); 2].map(|()| lemming(root, &["tick"]).spawn().expect("spawn"));
        futures::future::join_all(runs.map(|run| kill(run, 50 + biller.dice.roll(400)))).await;
    }
    // Nobody dies: without forfeits, which hide what else is wrong, each call must be on the bill.
    for _ in 0..10 {
        document(root, &["tick"]).await;
    }
    serving.abort();
    assert_eq!(*biller.repeated.lock().expect("lock"), Vec::<String>::new());

    let ledger = document(root, &["credits", "export"]).await;
    let (mut recorded, mut calls) = (BTreeMap::<Turn, u64>::new(), 0);
    let mut ids = std::collections::BTreeSet::new();
    let (mut unanswered, mut forfeited) = (0, 0);
    let answers = biller.answers.lock().expect("lock").clone();
    for line in ledger["lines"].as_array().expect("lines") {
        let turn = (line["tick"].as_u64().expect("tick"), line["agent"].as_str().expect("agent").to_owned());
        if line["kind"] == "call" {
            let id = line["response_id"].as_str().expect("id").to_owned();
            assert_eq!(micros(&line["cost"]), answers[&id], "{line}");
            assert!(ids.insert(id), "an answer counts once: {line}");
            calls += 1;
        } else {
            let charged = ["paid", "unanswered", "forfeited", "action"].map(|class| micros(&line[class]));
            *recorded.entry(turn).or_default() += charged.iter().sum::<u64>();
            unanswered += charged[1];
            forfeited += charged[2];
        }
    }
    let bills = biller.bills.lock().expect("lock").clone();
    let mut granted = BTreeMap::<Turn, u64>::new();
    let last = read(&root.join("head.json"))["tick"].as_u64().expect("tick");
    for tick in 1..=last {
        for due in read(&root.join(format!("ticks/{tick:012}/plan.json")))["due"].as_array().expect("due") {
            let agent = due["agent"].as_str().expect("agent").to_owned();
            granted.insert((tick, agent), micros(&due["grant_credits"]));
        }
    }
    for (turn, billed) in bills.iter() {
        assert!(*billed <= recorded[turn], "{turn:?}: {billed} billed, {} recorded", recorded[turn]);
    }
    for (turn, recorded) in &recorded {
        assert!(*recorded <= granted[turn], "{turn:?}: {recorded} recorded, {} granted", granted[turn]);
    }
    // It was worth the while.
    let seen = format!("{calls} calls, {unanswered} unanswered, {forfeited} forfeited, {last} ticks");
    println!("{seen}");
    assert!(calls > 40 && unanswered > 0 && forfeited > 0 && last > 5, "{seen}");
    let accounts = document(root, &["credits"]).await;
    let total =
        |class: &str| accounts["agents"].as_array().expect("agents").iter().map(|a| micros(&a[class])).sum::<u64>();
    let charged = total("paid") + total("unanswered") + total("forfeited");
    assert_eq!(charged, recorded.values().sum::<u64>(), "{accounts}");
}
