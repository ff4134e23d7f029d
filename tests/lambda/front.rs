//! What stands between the emulator, its function and whoever invokes it, and puts right what the emulator of
//! cargo-lambda does otherwise than AWS: its deadlines are no times, and it knows no asynchronous invocations.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::http::{Client, Message};
use crate::loopback::{Loopback, Outcome};

const DEADLINE: &str = "Lambda-Runtime-Deadline-Ms";

/// How many milliseconds an invocation gets unless a test says otherwise: the longest that AWS allows.
const LONGEST_MS: u64 = 900_000;

/// The address that functions and their callers know.
#[derive(Debug)]
pub struct Front {
    loopback: Loopback,
    limit_ms: Arc<AtomicU64>,
    later: Arc<Mutex<Vec<Message>>>,
}

impl Front {
    pub fn start(emulator: SocketAddr) -> Self {
        let limit_ms = Arc::new(AtomicU64::new(LONGEST_MS));
        let later = Arc::new(Mutex::new(Vec::new()));
        let (limit, queued) = (Arc::clone(&limit_ms), Arc::clone(&later));
        let loopback = Loopback::start(emulator, move |request, client| {
            if request.get("X-Amz-Invocation-Type").is_some_and(|kind| kind.eq_ignore_ascii_case("Event")) {
                queued.lock().expect("the queue").push(request.clone());
                // Its answer is nobody's concern, just as in AWS.
                std::thread::spawn(move || Client::new(emulator).send(&request));
                let mut accepted = Message::new("HTTP/1.1 202 Accepted");
                accepted.set("Content-Length", "0");
                return Ok(Outcome::Answer(accepted));
            }
            let mut answer = client.send(&request)?;
            if answer.get(DEADLINE).is_some() {
                let deadline = SystemTime::now() + Duration::from_millis(limit.load(Ordering::Relaxed));
                let since = deadline.duration_since(SystemTime::UNIX_EPOCH).expect("a time");
                answer.set(DEADLINE, &since.as_millis().to_string());
            }
            Ok(Outcome::Answer(answer))
        });
        Self { loopback, limit_ms, later }
    }

    pub fn address(&self) -> SocketAddr {
        self.loopback.address()
    }

    /// How long invocations may take from now on.
    pub fn limit(&self, limit: Duration) {
        self.limit_ms.store(u64::try_from(limit.as_millis()).expect("a short time"), Ordering::Relaxed);
    }

    /// The asynchronous invocations so far.
    pub fn asynchronous(&self) -> Vec<Message> {
        self.later.lock().expect("the queue").clone()
    }
}
