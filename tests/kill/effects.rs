//! Real processes killed over calls that reach outside: a receiver over HTTP counts what it gets.
//!
//! `ada` makes two calls a turn that no person is asked about, and that may not be made twice; `bob` asks a person in each of
//! his turns, who says yes before the next tick. Processes are killed at any time and when the receiver has just got a call;
//! others are stopped for longer than a lease, passed over, and come back.
//!
//! What `ada` says is delivered to a webhook of the same receiver, which now and then takes it and answers that it did not:
//! all of it must arrive, and come again under the same id alone.
//!
//! - `LEMMING_ONCE_KILLS`: how many kills, 240 unless it says otherwise; thousands take minutes.
//! - `LEMMING_KILL_SEED`: the seed of times and aims.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver as Events, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::campaign::random::Random;
use crate::number;

/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a runner may be silent.
const LEASE: Duration = Duration::from_millis(60);

/// How many organisations are worked on at once.
const WORLDS: u64 = 4;

/// Where deliveries go.
const HOOK: &str = "/hook";

/// A request that was received: to which path, under which id.
type Request = (String, String);

/// Somebody outside, who writes down each call before it answers.
struct Outside {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    arrivals: Events<()>,
}

impl Outside {
    fn open(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (arrived, arrivals) = channel();
        let log = Arc::clone(&requests);
        // It ends with the test's process.
        std::thread::spawn(move || {
            let mut random = Random::new(seed);
            for stream in listener.incoming() {
                let (log, arrived) = (Arc::clone(&log), arrived.clone());
                let (delay, lies) = (Duration::from_millis(random.between(0, 6)), random.chance(10));
                std::thread::spawn(move || {
                    if let Ok(stream) = stream {
                        serve(stream, delay, lies, &log, &arrived);
                    }
                });
            }
        });
        Self { address, requests, arrivals }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("the log").clone()
    }
}

/// Answers one request. That it came is written down, and told, before anybody gets an answer. One that `lies` takes a
/// delivery and says that it did not.
fn serve(mut stream: TcpStream, delay: Duration, lies: bool, log: &Mutex<Vec<Request>>, arrived: &Sender<()>) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    let end = loop {
        match stream.read(&mut chunk) {
            // Killed before it had said what it wants.
            Ok(0) | Err(_) => return,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
        }
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let length: usize = header("content-length").map_or(0, |length| length.parse().expect("a length"));
    let mut left = length.saturating_sub(bytes.len() - end);
    while left > 0 {
        match stream.read(&mut chunk) {
            // A strict receiver acts on the head alone.
            Ok(0) | Err(_) => break,
            Ok(n) => left = left.saturating_sub(n),
        }
    }
    let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let status = if lies && path == HOOK { "500 Internal Server Error" } else { "200 OK" };
    log.lock().expect("the log").push((path, header("idempotency-key").expect("the id of the call")));
    let _ = arrived.send(());
    std::thread::sleep(delay);
    let body = r#"{"done": true}"#;
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close");
    let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
}

/// An organisation in a folder.
struct World {
    folder: TempDir,
}

impl World {
    fn found(outside: SocketAddr) -> Self {
        let world = Self { folder: tempfile::tempdir().expect("a folder") };
        let org = json!({
            "format": 1, "name": "Letters", "credits": { "cost_per_action": 0 },
            "limits": {
                "lease": format!("{}ms", LEASE.as_millis()), "max_steps": 8,
                // Ticks follow each other in a moment: nothing is too old to be delivered.
                "max_outbox_age_ticks": 1_000_000,
            },
            "deliver": [{
                "name": "hook", "match": { "agent": ["ada"] },
                "to": { "webhook": { "url": format!("http://{outside}{HOOK}") } },
            }],
            "tools": { "web_fetch": { "allow_hosts": [outside.to_string()] } },
        });
        world.write("org.json", &org);
        let calls =
            |tool: &str| json!({ "tool_calls": [{ "tool": tool, "args": { "text": "tick {{ tick }}, {{ step }}" } }] });
        let rules = json!([
            { "agent": "ada", "when": { "step": [0, 1] }, "answer": calls("post") },
            { "agent": "ada", "when": { "step": [2, 3, 4, 5, 6, 7] },
              "answer": { "outbox_entries": [{ "payload": { "text": "tick {{ tick }}" } }] } },
            { "agent": "bob", "when": { "step": 0 }, "answer": calls("pay") },
            { "when": { "step": [0, 1, 2, 3, 4, 5, 6, 7] }, "answer": { "notes": "done" } },
        ]);
        let price = json!({ "input": 0, "output": 0, "request": 0.000_001 });
        let model = json!({ "provider": "scripted", "price": price, "provider_config": { "rules": rules } });
        world.write("config/models.json", &json!({ "m": model }));
        let tool = |path: &str| {
            json!({
                "description": "Posts.",
                "arguments": { "type": "object", "properties": { "text": { "type": "string" } }, "required": ["text"] },
                "http": { "method": "POST", "url": format!("http://{outside}/{path}") },
                "effect": "once",
            })
        };
        let rules = json!([{ "tools": ["post"], "approval": "never" }]);
        let tools = json!({ "tools": { "post": tool("post"), "pay": tool("pay") }, "approvals": { "rules": rules } });
        world.write("config/tools.json", &tools);
        for (agent, tool) in [("ada", "post"), ("bob", "pay")] {
            let resume = json!({
                "name": agent, "title": "Hand", "short_description": "Does its part.", "instructions": "Do it.",
                "model": { "key": "m", "max_tokens": 1000 }, "permissions": { "tools": [tool] },
                "credits": { "max_credits": 1_000_000 },
            });
            world.write(&format!("agents/{agent}/resume.json"), &resume);
        }
        world
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("org")
    }

    fn write(&self, path: &str, value: &Value) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, value.to_string()).expect("a file");
    }

    fn lemming(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lemming"));
        command.args(args).args(["--store", &format!("file://{}?fsync=off", self.root().display())]);
        command.current_dir(self.folder.path()).env_remove("LEMMING_STORE").env("LEMMING_LOG", "error");
        command
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.lemming(args).arg("--json").output().expect("the program");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {}: {stderr}", output.status);
        serde_json::from_slice(&output.stdout).expect("a document")
    }

    /// Says yes to all that waits.
    fn approve_all(&self) {
        let list = self.json(&["approvals", "list"]);
        for approval in list["approvals"].as_array().expect("approvals") {
            if approval["standing"] == "waiting" && approval["sent"] == json!([]) {
                let id = approval["id"].as_str().expect("an id");
                self.json(&["approvals", "approve", id, "--yes"]);
            }
        }
    }

    /// Lets what waits be delivered, until nothing is left.
    fn deliver_all(&self) {
        let began = Instant::now();
        loop {
            let output = self.lemming(&["deliveries", "retry", "--json"]).output().expect("the program");
            match output.status.code() {
                Some(0) => return,
                // Something is left.
                Some(5) => assert!(began.elapsed() < PATIENCE, "deliveries hang"),
                _ => panic!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)),
            }
        }
    }

    fn start(&self) -> Runner {
        let mut command = self.lemming(&["tick", "--json"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program");
        Runner { child }
    }

    /// The committed turns, in order of ticks.
    fn turns(&self) -> Vec<Value> {
        let mut turns: Vec<PathBuf> = Vec::new();
        for tick in read(&self.root().join("ticks")) {
            turns.extend(read(&tick.join("turns")).into_iter().filter(|path| path.is_file()));
        }
        turns.sort();
        let json = |path: &PathBuf| serde_json::from_slice(&fs::read(path).expect("a record")).expect("JSON");
        turns.iter().map(json).collect()
    }
}

/// What lies in a folder; nothing, where there is none.
fn read(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))).collect()
}

/// A `lemming tick`.
struct Runner {
    child: Child,
}

impl Runner {
    fn signal(&self, signal: Signal) -> bool {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")).expect("a pid");
        kill_process(pid, signal).is_ok()
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Waits for its end; says whether it did what it was to.
    fn end(mut self) -> bool {
        let began = Instant::now();
        while self.is_running() {
            assert!(began.elapsed() < PATIENCE, "a process hangs");
            std::thread::sleep(Duration::from_millis(1));
        }
        let output = self.child.wait_with_output().expect("an end");
        let killed = output.status.code().is_none();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(killed || output.status.success(), "{}: {stderr}", output.status);
        !killed
    }
}

/// When a process is killed, or stopped for a while.
#[derive(Debug, Clone, Copy)]
enum Aim {
    /// So long after its start.
    After(Duration),
    /// So long after the receiver has got its so-many-th call.
    Received { nth: u64, then: Duration },
}

impl Aim {
    fn draw(random: &mut Random, whole: Duration) -> Self {
        let micros = |random: &mut Random, most: Duration| {
            Duration::from_micros(random.between(0, u64::try_from(most.as_micros()).expect("a short time")))
        };
        match random.between(0, 99) {
            0..45 => Self::After(micros(random, whole + whole / 4)),
            _ => Self::Received { nth: random.between(1, 3), then: micros(random, Duration::from_millis(8)) },
        }
    }

    /// Waits for the moment; says whether the process is still there then.
    fn wait(self, runner: &mut Runner, arrivals: &Events<()>) -> bool {
        let (mut left, then) = match self {
            Self::After(time) => (0, time),
            Self::Received { nth, then } => (nth, then),
        };
        let began = Instant::now();
        while left > 0 {
            match arrivals.recv_timeout(Duration::from_millis(2)) {
                Ok(()) => left -= 1,
                Err(RecvTimeoutError::Timeout) if runner.is_running() => {
                    assert!(began.elapsed() < PATIENCE, "a process hangs");
                }
                Err(_) => return false,
            }
        }
        std::thread::sleep(then);
        runner.is_running()
    }
}

/// What was found in the records and at the receiver.
#[derive(Debug, Default)]
struct Tally {
    kills: u64,
    stalls: u64,
    ticks: u64,
    made: usize,
    unknown_and_made: usize,
    unknown_and_not: usize,
    approved_made: usize,
    approved_unknown_and_made: usize,
    approved_unknown_and_not: usize,
    delivered: usize,
    delivered_again: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.stalls += other.stalls;
        self.ticks += other.ticks;
        self.made += other.made;
        self.unknown_and_made += other.unknown_and_made;
        self.unknown_and_not += other.unknown_and_not;
        self.approved_made += other.approved_made;
        self.approved_unknown_and_made += other.approved_unknown_and_made;
        self.approved_unknown_and_not += other.approved_unknown_and_not;
        self.delivered += other.delivered;
        self.delivered_again += other.delivered_again;
    }
}

/// Kills so many processes over one organisation, and looks at what is left.
fn campaign(seed: u64, kills: u64) -> Tally {
    let mut random = Random::new(seed);
    let outside = Outside::open(seed);
    let world = World::found(outside.address);
    let mut tally = Tally::default();
    // The first ticks say how long one takes: processes die at any time of it.
    let began = Instant::now();
    for _ in 0..3 {
        assert!(world.start().end());
        world.approve_all();
    }
    let whole = (began.elapsed() / 3).min(Duration::from_secs(2));
    while tally.kills < kills {
        if random.chance(60) {
            world.approve_all();
        }
        while outside.arrivals.try_recv().is_ok() {}
        let aim = Aim::draw(&mut random, whole);
        let mut runner = world.start();
        if !aim.wait(&mut runner, &outside.arrivals) {
            runner.end();
        } else if random.chance(12) {
            // It sleeps for longer than a lease, another one finishes its tick, and it comes back.
            if runner.signal(Signal::STOP) {
                tally.stalls += 1;
                world.start().end();
                runner.signal(Signal::CONT);
            }
            runner.end();
        } else {
            runner.signal(Signal::KILL);
            tally.kills += u64::from(!runner.end());
        }
    }
    // Whatever they left is finished, and what was approved is taken up.
    for _ in 0..4 {
        world.approve_all();
        assert!(world.start().end());
    }
    world.deliver_all();
    audit(&world, &outside.requests(), tally)
}

fn audit(world: &World, requests: &[Request], mut tally: Tally) -> Tally {
    let (deliveries, calls): (Vec<&Request>, Vec<&Request>) = requests.iter().partition(|(path, _)| path == HOOK);
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    calls.iter().for_each(|(_, id)| *times.entry(id).or_default() += 1);
    for (id, times) in &times {
        assert_eq!(*times, 1, "the receiver got the call {id} {times} times");
    }
    let turns = world.turns();
    let (mut named, mut failed): (BTreeSet<String>, usize) = (BTreeSet::new(), 0);
    for turn in &turns {
        failed += usize::from(turn["status"] == "failed");
        let results = turn["exchanges"].as_array().into_iter().flatten();
        for result in results.flat_map(|exchange| exchange["results"].as_array().into_iter().flatten()) {
            let Some(id) = result["call"].as_str().filter(|_| result["waits"] != true) else { continue };
            assert!(named.insert(id.to_owned()), "one id for two calls: {id}");
            match (result["ok"] == true, result["unknown"] == true, times.contains_key(id)) {
                (true, false, true) => tally.made += 1,
                (false, true, true) => tally.unknown_and_made += 1,
                (false, true, false) => tally.unknown_and_not += 1,
                found => panic!("{found:?}: {result}"),
            }
        }
        // An answer whose turn failed is told again to the next one.
        let told = turn["answered"].as_array().into_iter().flatten().filter(|_| turn["status"] != "failed");
        for settled in told {
            let id = settled["id"].as_str().expect("an id");
            assert!(named.insert(id.to_owned()), "one answer is heard twice: {id}");
            assert!(world.root().join(format!("calls/{id}/call.json")).is_file(), "{settled}");
            match (settled["outcome"].as_str().expect("an outcome"), settled["ok"] == true, times.contains_key(id)) {
                ("made", true, true) => tally.approved_made += 1,
                ("unknown", false, true) => tally.approved_unknown_and_made += 1,
                ("unknown", false, false) => tally.approved_unknown_and_not += 1,
                found => panic!("{found:?}: {settled}"),
            }
        }
    }
    let said = turns.iter().filter(|turn| turn["agent"] == "ada" && turn["status"] != "failed");
    let said = said.flat_map(|turn| turn["effects"]["outbox"].as_array().into_iter().flatten());
    let said: BTreeSet<&str> = said.map(|entry| entry["id"].as_str().expect("an id")).collect();
    let arrived: BTreeSet<&str> = deliveries.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(arrived, said, "all that was said arrives, and nothing else");
    (tally.delivered, tally.delivered_again) = (arrived.len(), deliveries.len() - arrived.len());
    // What was received stands in a record: a turn that was given up over its dead runners has none of its calls.
    let nameless = times.keys().filter(|id| !named.contains(**id)).count();
    assert!(nameless <= failed * 3, "{nameless} calls that no record has; {failed} turns were given up");
    let waits = |request: &&&Request| request.0 == "/pay";
    for (_, id) in calls.iter().filter(waits) {
        assert!(world.root().join(format!("calls/{id}/call.json")).is_file(), "nobody said yes to {id}");
    }
    world.json(&["fsck"]);
    tally.ticks = u64::try_from(read(&world.root().join("ticks")).len()).expect("a number");
    tally
}

#[test]
fn a_receiver_never_gets_a_call_twice_whenever_processes_are_killed() {
    let kills = number("LEMMING_ONCE_KILLS").unwrap_or(240);
    let seed = number("LEMMING_KILL_SEED").unwrap_or(u64::from(std::process::id()));
    println!("LEMMING_KILL_SEED={seed}: {kills} kills over calls that may not be made twice");
    let began = Instant::now();
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let worlds: Vec<_> = (0..WORLDS)
            .map(|world| scope.spawn(move || campaign(seed.wrapping_add(world), kills.div_ceil(WORLDS))))
            .collect();
        worlds.into_iter().for_each(|world| tally += world.join().expect("the audit of a world"));
    });
    println!("{tally:#?}\n{:.1} s", began.elapsed().as_secs_f64());
    assert!(tally.kills >= kills, "{} kills of {kills}", tally.kills);
    assert!(tally.made > 0 && tally.approved_made > 0, "{tally:?}");
    assert!(tally.delivered > 0 && tally.delivered_again > 0, "{tally:?}");
    assert!(
        tally.unknown_and_made > 0 && tally.approved_unknown_and_made > 0,
        "nobody was killed over a call: {tally:?}"
    );
}
