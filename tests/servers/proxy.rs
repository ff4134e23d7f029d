//! The network between the program and a server: a proxy that drops, delays, cuts and lies on demand.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::campaign::random::Random;
use crate::conformance::own::Trouble;
use crate::http::{Client, Message};
use crate::loopback::{Loopback, Outcome};

/// No client waits longer for an answer.
const LONGEST_SILENCE: Duration = Duration::from_secs(20);

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Everything arrives.
    Fair,
    /// So many requests in a hundred meet with some misfortune.
    Storm(u64),
    /// After so many more requests, every connection is reset, for so long.
    Cut { after: u64, for_ms: u64 },
    /// After so many more requests, nothing arrives and nothing is answered, for so long.
    Silence { after: u64, for_ms: u64 },
}

#[derive(Debug)]
struct State {
    weather: Weather,
    /// When a cut or a silence ends that has begun.
    clears: Option<Instant>,
    random: Random,
    /// What befalls the next puts.
    troubles: VecDeque<Trouble>,
    /// Requests that met with misfortune.
    faults: u64,
    /// Writes that the client has given up and that are still to arrive.
    late: u64,
    /// Writes that arrived after the client had given them up.
    arrived_late: u64,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Pass,
    Befalls(Trouble),
    Delay(Duration),
    HalfAnswer,
    /// The client hears nothing.
    Silence,
    /// The connection breaks at once, and the request arrives so much later.
    Late(Duration),
}

/// A proxy in front of a server.
#[derive(Debug)]
pub struct Proxy {
    loopback: Loopback,
    state: Arc<(Mutex<State>, Condvar)>,
}

fn lock(state: &(Mutex<State>, Condvar)) -> MutexGuard<'_, State> {
    state.0.lock().expect("the state of the network")
}

impl Proxy {
    pub fn start(server: SocketAddr, seed: u64) -> Self {
        let state = State {
            weather: Weather::Fair,
            clears: None,
            random: Random::new(seed),
            troubles: VecDeque::new(),
            faults: 0,
            late: 0,
            arrived_late: 0,
        };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = Arc::clone(&state);
        let loopback = Loopback::start(server, move |request, client| relay(&shared, server, request, client));
        Self { loopback, state }
    }

    pub fn address(&self) -> SocketAddr {
        self.loopback.address()
    }

    /// Lets these befall the next puts, one each.
    pub fn befall(&self, troubles: &[Trouble]) {
        lock(&self.state).troubles.extend(troubles);
    }

    /// Changes the weather. Whoever waits for an answer in vain is let go.
    pub fn set(&self, weather: Weather) {
        let mut state = lock(&self.state);
        (state.weather, state.clears) = (weather, None);
        drop(state);
        self.state.1.notify_all();
    }

    /// Waits until nothing is under way that its sender has given up.
    pub fn settle(&self) {
        let late = self.state.1.wait_while(lock(&self.state), |state| state.late > 0);
        drop(late.expect("the state of the network"));
    }

    /// Requests that met with misfortune so far.
    pub fn faults(&self) -> u64 {
        lock(&self.state).faults
    }

    /// Writes that arrived after their sender had given them up.
    pub fn late_arrivals(&self) -> u64 {
        lock(&self.state).arrived_late
    }
}

impl State {
    fn fate(&mut self, method: &str) -> Fate {
        let is_put = method == "PUT";
        if is_put && let Some(trouble) = self.troubles.pop_front() {
            return Fate::Befalls(trouble);
        }
        if self.clears.is_some_and(|clears| clears <= Instant::now()) {
            (self.weather, self.clears) = (Weather::Fair, None);
        }
        match &mut self.weather {
            Weather::Fair => Fate::Pass,
            Weather::Cut { after: 0, for_ms } => {
                self.clears.get_or_insert(Instant::now() + Duration::from_millis(*for_ms));
                Fate::Befalls(Trouble::ResetBefore)
            }
            Weather::Silence { after: 0, for_ms } => {
                self.clears.get_or_insert(Instant::now() + Duration::from_millis(*for_ms));
                Fate::Silence
            }
            Weather::Cut { after, .. } | Weather::Silence { after, .. } => {
                *after -= 1;
                Fate::Pass
            }
            Weather::Storm(percent) => {
                let percent = *percent;
                if !self.random.chance(percent) {
                    return Fate::Pass;
                }
                match self.random.between(0, if is_put { 8 } else { 6 }) {
                    0 => Fate::Befalls(Trouble::ErrorBefore),
                    1 => Fate::Befalls(Trouble::ErrorAfter),
                    2 => Fate::Befalls(Trouble::ResetAfter),
                    3 => Fate::Befalls(Trouble::ResetBefore),
                    4 | 5 => Fate::Delay(Duration::from_millis(self.random.between(1, 200))),
                    6 => Fate::HalfAnswer,
                    _ => Fate::Late(Duration::from_millis(self.random.between(1, 400))),
                }
            }
        }
    }
}

fn relay(
    state: &Arc<(Mutex<State>, Condvar)>,
    server: SocketAddr,
    request: Message,
    client: &mut Client,
) -> io::Result<Outcome> {
    let fate = {
        let mut state = lock(state);
        let fate = state.fate(request.method());
        state.faults += u64::from(!matches!(fate, Fate::Pass));
        fate
    };
    let busy = || Message::answer("503 Service Unavailable", "<Error><Code>SlowDown</Code></Error>");
    match fate {
        Fate::Pass => client.send(&request).map(Outcome::Answer),
        Fate::Befalls(Trouble::ErrorBefore) => Ok(Outcome::Answer(busy())),
        Fate::Befalls(Trouble::ResetBefore) => Ok(Outcome::Reset),
        Fate::Befalls(Trouble::ConflictBefore) => {
            let body = "<Error><Code>ConditionalRequestConflict</Code></Error>";
            Ok(Outcome::Answer(Message::answer("409 Conflict", body)))
        }
        Fate::Befalls(Trouble::ErrorAfter) => {
            client.send(&request)?;
            let body = "<Error><Code>InternalError</Code></Error>";
            Ok(Outcome::Answer(Message::answer("500 Internal Server Error", body)))
        }
        Fate::Befalls(Trouble::ResetAfter) => client.send(&request).map(|_| Outcome::Reset),
        Fate::Delay(pause) => {
            std::thread::sleep(pause);
            client.send(&request).map(Outcome::Answer)
        }
        Fate::HalfAnswer => client.send(&request).map(Outcome::Half),
        Fate::Silence => {
            let now = lock(state);
            let left = now.clears.map_or(Duration::ZERO, |clears| clears.saturating_duration_since(Instant::now()));
            let silent = |state: &mut State| matches!(state.weather, Weather::Silence { .. });
            drop(state.1.wait_timeout_while(now, left.min(LONGEST_SILENCE), silent).expect("the state of the network"));
            Ok(Outcome::Close)
        }
        Fate::Late(pause) => {
            lock(state).late += 1;
            let state = Arc::clone(state);
            std::thread::spawn(move || {
                std::thread::sleep(pause);
                let arrived = Client::new(server).send(&request).is_ok();
                let mut now = lock(&state);
                now.late -= 1;
                now.arrived_late += u64::from(arrived);
                state.1.notify_all();
            });
            Ok(Outcome::Close)
        }
    }
}
