//! One `lemming tick` process: how it is to end, and how it ended.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::organisation::Organisation;
use super::random::Random;
use super::tally::{PHASES, Tally};

/// The exit code of a process that its store failed.
const STORE_FAILED: i32 = 4;

/// When a process is killed.
#[derive(Debug, Clone)]
pub enum Aim {
    /// Never.
    Never,
    /// So long after its start.
    After(Duration),
    /// So long after its log shows the phase for the `nth` time.
    At { phase: &'static str, nth: u64, then: Duration },
    /// It is stopped for longer than a lease when its log shows the phase, so that it goes on after it was
    /// passed over.
    Stall { phase: &'static str, pause: Duration },
    /// So long after its log shows a call it is told to leave, and so long after that it is killed, if it is
    /// still there.
    Leave { then: Duration, kill: Option<Duration> },
}

impl Aim {
    /// Times follow the lease: it is chosen by how fast the store is.
    pub fn draw(random: &mut Random, lease: Duration, tally: &Tally) -> Self {
        let lease = u64::try_from(lease.as_micros()).expect("a short time");
        let micros = |random: &mut Random, most: u64| Duration::from_micros(random.between(0, most));
        match random.between(0, 99) {
            0..25 => Self::After(micros(random, lease * 3 / 4)),
            25..80 => {
                let phase = if random.chance(40) { tally.rarest() } else { *random.pick(&PHASES) };
                // A close has several writes and deletes to be stopped between.
                let most = if phase == "close" { lease / 40 } else { lease / 100 };
                Self::At { phase, nth: random.between(1, 2), then: micros(random, most) }
            }
            80..88 => {
                let pause = Duration::from_micros(random.between(lease / 2, 3 * lease));
                let phase = *random.pick(&PHASES);
                Self::Stall { phase, pause }
            }
            88..97 => {
                let kill = if random.chance(40) { Some(micros(random, lease / 10)) } else { None };
                Self::Leave { then: micros(random, lease * 3 / 20), kill }
            }
            _ => Self::Never,
        }
    }
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ended {
    pub number: u64,
    /// Whether SIGKILL is what ended it.
    pub killed: bool,
    /// Whether it got SIGTERM while it was alive.
    pub terminated: bool,
    /// Its exit code, if it ended by itself.
    pub code: Option<i32>,
    /// Whether it gave up because it could not reach the store.
    pub cut_off: bool,
    /// The last phase that it logged.
    pub phase: Option<String>,
    /// The tick that it worked on.
    pub tick: Option<u64>,
    /// Who it was in the records, if it ever held a shard.
    pub runner: Option<String>,
    /// Whom it passed over as stale.
    pub passed: Vec<String>,
    lines: Vec<String>,
}

impl Ended {
    /// Whether it ended because of us.
    pub fn was_ended(&self) -> bool {
        self.killed || self.terminated || self.cut_off
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.lines.concat()
    }
}

/// Starts a process, ends it as it is to be ended, and waits for it. `is_bad`: the network may keep it from the store.
pub fn run(org: &Organisation, patience: Duration, number: u64, aim: Aim, is_bad: bool) -> Ended {
    let args = ["tick", "--json", "--log-format", "json"];
    let mut child = org
        .runner(&args)
        // The model's command sees only this of the environment: so it can tell whose call it is.
        .env("HOME", format!("p{number}"))
        .env("LEMMING_LOG", "warn,lemming=debug")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let began = Instant::now();
    let stderr = child.stderr.take().expect("a pipe");
    let (sender, phases) = channel();
    let reader = std::thread::spawn(move || {
        let mut lines = Vec::new();
        let mut stderr = BufReader::new(stderr);
        loop {
            let mut line = String::new();
            if stderr.read_line(&mut line).expect("the log") == 0 {
                return lines;
            }
            if let Some(phase) = field(&line, "phase") {
                // Nobody listens any more once the process is being ended.
                let _ = sender.send(phase.to_owned());
            }
            lines.push(line);
        }
    });
    let terminated = end(&mut child, began, patience, aim, &phases);
    let status = child.wait().expect("an end");
    let lines = reader.join().expect("the log");
    let mut ended = Ended {
        number,
        killed: status.signal() == Some(9),
        terminated,
        code: status.code(),
        cut_off: is_bad && status.code() == Some(STORE_FAILED),
        phase: None,
        tick: None,
        runner: None,
        passed: Vec::new(),
        lines,
    };
    ended.read_log();
    assert_ne!(status.signal(), Some(6), "process {number} hangs: {}", ended.log());
    assert!(
        // SIGTERM before the program listens is a kill like any other, and not counted.
        ended.killed || ended.cut_off || ended.code == Some(0) || (terminated && [None, Some(5)].contains(&ended.code)),
        "process {number} ended with {status}: {}",
        ended.log()
    );
    if ended.cut_off {
        ended.check_complaint();
    }
    ended
}

impl Ended {
    /// The error that it ended with.
    pub fn complaint(&self) -> Value {
        let last = self.lines.last().map(String::as_str).unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|_| panic!("no envelope: {}", self.log()))
    }

    /// Whoever is cut off says so in one document that a program can read.
    fn check_complaint(&self) {
        let envelope = self.complaint();
        assert_eq!(envelope["error"]["code"], "store", "process {}: {}", self.number, self.log());
        assert!(envelope["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{envelope}");
    }

    fn read_log(&mut self) {
        for line in &self.lines {
            // A killed process may leave half a line.
            let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
            let text = |name: &str| line[name].as_str().map(str::to_owned);
            self.phase = text("phase").or(self.phase.take());
            if let Some(tick) = line["tick"].as_u64() {
                assert!(self.tick.is_none_or(|known| known == tick), "two ticks in one invocation: {line}");
                self.tick = Some(tick);
            }
            match line["event"].as_str() {
                Some("shard_held") => self.runner = text("by"),
                Some("shard_passed") => self.passed.extend(text("holder")),
                _ => {}
            }
        }
    }
}

/// Waits for the moment, and sends the signal; says whether a SIGTERM reached it.
fn end(child: &mut Child, began: Instant, patience: Duration, aim: Aim, phases: &Receiver<String>) -> bool {
    let left = |after: Duration| after.saturating_sub(began.elapsed());
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
    // Says whether the log shows the phase so often before the process ends.
    let wait_for = |phase: &str, nth: u64| {
        let mut seen = 0;
        while seen < nth {
            match phases.recv_timeout(left(patience)) {
                Ok(logged) => seen += u64::from(logged == phase),
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => {
                    // A signal that is used for nothing else: the caller shows the log.
                    kill_process(pid, Signal::ABORT).expect("a signal");
                    return false;
                }
            }
        }
        true
    };
    match aim {
        Aim::Never => wait_for("", u64::MAX),
        Aim::After(time) => {
            std::thread::sleep(left(time));
            child.kill().expect("a signal");
            false
        }
        Aim::At { phase, nth, then } => {
            if wait_for(phase, nth) {
                std::thread::sleep(then);
                child.kill().expect("a signal");
            }
            false
        }
        Aim::Stall { phase, pause } => {
            if wait_for(phase, 1) && kill_process(pid, Signal::STOP).is_ok() {
                std::thread::sleep(pause);
                kill_process(pid, Signal::CONT).expect("a signal");
            }
            wait_for("", u64::MAX)
        }
        Aim::Leave { then, kill } => {
            if !wait_for("call", 1) {
                return false;
            }
            std::thread::sleep(then);
            if child.try_wait().expect("a child").is_some() {
                return false;
            }
            let reached = kill_process(pid, Signal::TERM).is_ok();
            if let Some(kill) = kill {
                std::thread::sleep(kill);
                child.kill().expect("a signal");
            }
            reached
        }
    }
}

/// The text of a field of a JSON line, without reading all of it.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("\"{name}\":\""))?;
    rest.split('"').next()
}
