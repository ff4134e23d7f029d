//! The play: eight runners are started on one organisation, six of them are killed while the model
//! thinks for them, and the others finish.
//!
//! The model is ours, so that nothing is left to luck: a runner that is to die gets no answer, and so
//! dies in the middle of a call, however fast or slow the machine is.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::audit::Witness;
use super::model::{Call, Event};
use super::organisation::{AGENTS, letter};
use super::runner::{Runner, Said};
use super::{KILLS, RUNNERS};
use crate::chronicle;
use crate::domain::name::{AgentName, RunnerId};
use crate::domain::outbox::{Importance, Kind};
use crate::domain::time::Tick;
use crate::engine::Stop;
use crate::ingress::{IngressError, Letter};
use crate::runner::compose::Org;
use crate::store::StoreError;

/// Kills in each tick: a turn whose runners die three times is given up until the next one.
const KILLS_IN_A_TICK: usize = 2;

/// The calls of a tick whose runners are killed, by their order.
const FATAL_CALLS: [usize; KILLS_IN_A_TICK] = [2, 5];

/// For how long a runner that is to die waits for its answer.
const DYING: Duration = Duration::from_millis(450);

/// How often everybody is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Takes of one runner within that time are told together.
const TOGETHER: Duration = Duration::from_millis(150);

/// After so long without an end something is wrong, however slow machine and store are.
const PATIENCE: Duration = Duration::from_secs(240);

/// Something that a person should see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happening {
    /// The runners are started, and the letters sent.
    Started {
        /// How many letters.
        letters: usize,
        /// How many runners.
        runners: u32,
    },
    /// A runner asks the model for agents whose turns nobody else has begun.
    Takes {
        /// Which tick.
        tick: u64,
        /// Which runner.
        runner: u32,
        /// For whom.
        agents: Vec<String>,
    },
    /// A runner begins a turn anew that another has begun.
    TakesOver {
        /// Which tick.
        tick: u64,
        /// Which runner.
        runner: u32,
        /// Whose turn.
        agent: String,
        /// From which runner.
        from: u32,
    },
    /// A runner was killed.
    Killed {
        /// Which tick.
        tick: u64,
        /// Which runner.
        runner: u32,
        /// For whom it was asking the model.
        agents: Vec<String>,
        /// How long the call had been under way, in milliseconds.
        into_call_ms: u64,
    },
    /// A tick is closed.
    Closed {
        /// Which.
        tick: u64,
        /// Its turns.
        turns: usize,
        /// Letters that are home by now.
        home: usize,
    },
}

/// A happening and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Since the start, in milliseconds.
    pub ms: u64,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// What a runner is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// It waits, or looks for work.
    Rest,
    /// It asks the model for these.
    Work(Vec<String>),
    /// It was killed.
    Dead,
}

/// What was played.
#[derive(Debug, Default)]
pub struct Played {
    /// What is known from outside, for the audit.
    pub witness: Witness,
    /// Everything that happened.
    pub told: Vec<Told>,
    /// How long it took.
    pub duration: Duration,
    /// Runners that were passed over alive, being slower than the lease.
    pub passed_alive: usize,
}

/// Why it was not played to its end. Nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// A person asked to stop.
    #[error("stopped: all runners were killed")]
    Stopped,
    /// A process could not be started.
    #[error("a runner cannot be started")]
    NotStarted(#[source] io::Error),
    /// A runner that nobody killed ended.
    #[error("runner {number} ended by itself ({status}): {error}")]
    Ended {
        /// Which.
        number: u32,
        /// How.
        status: String,
        /// The last error that it logged.
        error: String,
    },
    /// The letters did not come home.
    #[error("after {} s {home} of {} letters are home and {kills} of {KILLS} runners killed", PATIENCE.as_secs(), AGENTS.len())]
    NoEnd {
        /// How many came.
        home: usize,
        /// How many runners were killed.
        kills: usize,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A letter could not be sent.
    #[error("a letter was not sent")]
    Letter(#[from] IngressError),
}

/// What the runners are given.
#[derive(Debug)]
pub struct Stage<'a> {
    /// The organisation, as [`super::organisation::files`] makes it.
    pub org: &'a Org,
    /// How the runners are told of it.
    pub store: &'a str,
    /// The program that they run.
    pub program: &'a Path,
    /// What the model tells.
    pub model: mpsc::UnboundedReceiver<Event>,
}

/// Plays it to its end, and tells what happens while it does, with what everybody is at.
///
/// # Errors
/// It did not come to its end. Nothing is left running.
pub async fn play(
    mut stage: Stage<'_>,
    stop: &Stop,
    mut tell: impl FnMut(Option<&Told>, u64, &[At]),
) -> Result<Played, PlayError> {
    let (said, mut says) = mpsc::unbounded_channel();
    let mut scene = Scene::open();
    for (number, agent) in (1..).zip(super::organisation::agents()) {
        scene.send(stage.org, number, agent).await?;
    }
    let mut runners = Vec::new();
    for number in 1..=RUNNERS {
        let runner = Runner::start_loop(stage.program, stage.store, number, said.clone());
        runners.push(runner.map_err(PlayError::NotStarted)?);
    }
    scene.tell(Happening::Started { letters: AGENTS.len(), runners: RUNNERS });
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            () = stop.requested() => return end(runners, PlayError::Stopped).await,
            Some(event) = stage.model.recv() => scene.model(event),
            Some((number, told)) = says.recv() => scene.hear(number, told),
            _ = look.tick() => {
                scene.kill(&mut runners).await;
                scene.tell_takes_of(|_| false);
                match scene.look(stage.org, &mut runners).await {
                    Ok(Some(_)) => break,
                    Ok(None) => {}
                    Err(error) => return end(runners, error).await,
                }
            }
        }
        scene.show(&mut tell);
    }
    scene.show(&mut tell);
    for runner in &mut runners {
        runner.tell_to_leave();
    }
    // Calls that are still asked for are answered: nobody is to die any more.
    let leave = async {
        for runner in runners {
            runner.wait().await;
        }
        // One more, left in peace, closes what is still open.
        let last = Runner::start(stage.program, stage.store, RUNNERS + 1, &["tick"], said.clone());
        let (status, error) = last.map_err(PlayError::NotStarted)?.wait().await;
        match status {
            Some(status) if status.success() => Ok(()),
            status => Err(PlayError::Ended {
                number: RUNNERS + 1,
                status: status.map_or("it did not end".to_owned(), |status| status.to_string()),
                error: error.unwrap_or_else(|| "it logged none".to_owned()),
            }),
        }
    };
    tokio::pin!(leave);
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => return Err(PlayError::Stopped),
            Some(event) = stage.model.recv() => scene.model(event),
            Some((number, told)) = says.recv() => scene.hear(number, told),
            ended = &mut leave => break ended?,
        }
    }
    while let Ok((number, told)) = says.try_recv() {
        scene.hear(number, told);
    }
    Ok(scene.close())
}

/// Kills everybody who is left, and waits until they are gone.
async fn end<T>(mut runners: Vec<Runner>, error: PlayError) -> Result<T, PlayError> {
    futures::future::join_all(runners.iter_mut().map(Runner::kill)).await;
    Err(error)
}

/// A call that has no answer yet.
#[derive(Debug)]
struct Open {
    call: Call,
    since: Instant,
    /// Of a runner that is to die: kept, so that the model does not answer.
    kept: Option<oneshot::Sender<()>>,
}

/// What is known while it is played.
struct Scene {
    began: Instant,
    played: Played,
    /// The newest call of each turn: the others are lost.
    newest: BTreeMap<(u64, String), Call>,
    /// Calls without an answer.
    open: Vec<Open>,
    /// Runners that are to die, when, and in which tick.
    dying: BTreeMap<u32, (Instant, u64)>,
    /// How many calls and kills each tick has had.
    calls: BTreeMap<u64, usize>,
    kills: BTreeMap<u64, usize>,
    takes: BTreeMap<(u64, u32), (Instant, Vec<String>)>,
    passed: BTreeSet<RunnerId>,
    /// The tick that is not closed yet.
    next: u64,
    home: usize,
    /// How much of it was told.
    shown: usize,
}

impl Scene {
    fn open() -> Self {
        Self {
            began: Instant::now(),
            played: Played::default(),
            newest: BTreeMap::new(),
            open: Vec::new(),
            dying: BTreeMap::new(),
            calls: BTreeMap::new(),
            kills: BTreeMap::new(),
            takes: BTreeMap::new(),
            passed: BTreeSet::new(),
            next: 1,
            home: 0,
            shown: 0,
        }
    }

    fn ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn tell(&mut self, what: Happening) {
        let ms = self.ms();
        self.played.told.push(Told { ms, what });
    }

    async fn send(&mut self, org: &Org, number: usize, to: AgentName) -> Result<(), IngressError> {
        let letter = Letter {
            recipients: Some(vec![to]),
            kind: Kind::Request,
            importance: Importance::Normal,
            text: letter(number),
            reply_to: None,
            thread_id: None,
        };
        let mail = org.postbox().send(letter).await?;
        self.played.witness.letters.push(mail.id);
        Ok(())
    }

    fn model(&mut self, event: Event) {
        match event {
            Event::Called { call, answer } => self.call(call, answer),
            Event::Answered(id) => self.open.retain(|open| open.call.id != id),
        }
    }

    /// A call has reached the model: it is paid. Decides whether its runner is to die over it.
    fn call(&mut self, call: Call, answer: oneshot::Sender<()>) {
        self.played.witness.calls.push(call.clone());
        let count = self.calls.entry(call.tick).or_default();
        *count += 1;
        let count = *count;
        let kills = *self.kills.get(&call.tick).unwrap_or(&0);
        let total: usize = self.kills.values().sum();
        // After the ticks in which all kills have their places, any call will do.
        let places = KILLS as usize / KILLS_IN_A_TICK;
        let is_fatal = FATAL_CALLS.get(kills).is_some_and(|fatal| count >= *fatal || call.tick > places as u64);
        let is_dying = self.dying.contains_key(&call.runner) || self.played.witness.killed.contains(&call.runner);
        if !is_dying && is_fatal && total < KILLS as usize && call.runner <= RUNNERS {
            *self.kills.entry(call.tick).or_default() += 1;
            self.dying.insert(call.runner, (Instant::now() + DYING, call.tick));
        }
        let kept = if self.dying.contains_key(&call.runner) {
            Some(answer)
        } else {
            // If the model is gone, so is everything.
            let _ = answer.send(());
            None
        };
        let turn = (call.tick, call.agent.clone());
        match self.newest.insert(turn, call.clone()) {
            Some(before) if before.runner != call.runner => {
                let (tick, runner, from) = (call.tick, call.runner, before.runner);
                self.tell(Happening::TakesOver { tick, runner, agent: call.agent.clone(), from });
            }
            _ => {
                let take = self.takes.entry((call.tick, call.runner)).or_insert_with(|| (Instant::now(), Vec::new()));
                take.1.push(call.agent.clone());
            }
        }
        self.open.push(Open { call, since: Instant::now(), kept });
    }

    /// Tells who took what some time ago, and all that these runners took.
    fn tell_takes_of(&mut self, now: impl Fn(u32) -> bool) {
        let is_due = |(_, runner): &(u64, u32), since: &Instant| now(*runner) || since.elapsed() >= TOGETHER;
        let due: Vec<(u64, u32)> =
            self.takes.iter().filter(|(of, (since, _))| is_due(of, since)).map(|(of, _)| *of).collect();
        for (tick, runner) in due {
            if let Some((_, agents)) = self.takes.remove(&(tick, runner)) {
                self.tell(Happening::Takes { tick, runner, agents });
            }
        }
    }

    fn hear(&mut self, number: u32, said: Said) {
        match said {
            Said::Held(name) => drop(self.played.witness.names.insert(name, number)),
            Said::Passed(holder) => drop(self.passed.insert(holder)),
        }
    }

    /// Kills whose time has come.
    async fn kill(&mut self, runners: &mut Vec<Runner>) {
        let now = Instant::now();
        let due: Vec<(u32, u64)> = self
            .dying
            .iter()
            .filter(|(_, (when, _))| *when <= now)
            .map(|(runner, (_, tick))| (*runner, *tick))
            .collect();
        for (number, tick) in due {
            let Some(at) = runners.iter().position(|runner| runner.number == number) else { continue };
            let mut runner = runners.remove(at);
            if !runner.kill().await {
                // It had ended by itself: it is put back, and seen to have.
                runners.push(runner);
                self.dying.remove(&number);
                continue;
            }
            self.dying.remove(&number);
            self.played.witness.killed.insert(number);
            let asked: Vec<&Open> = self.open.iter().filter(|open| open.call.runner == number).collect();
            let since = asked.iter().filter(|open| open.kept.is_some()).map(|open| open.since).min();
            let into_call_ms = since.map_or(0, |since| u64::try_from(since.elapsed().as_millis()).unwrap_or(0));
            let agents = asked.iter().map(|open| open.call.agent.clone()).collect();
            self.tell_takes_of(|runner| runner == number);
            self.tell(Happening::Killed { tick, runner: number, agents, into_call_ms });
            self.open.retain(|open| open.call.runner != number);
        }
    }

    /// Looks at records and processes; says how many letters are home once all is over.
    async fn look(&mut self, org: &Org, runners: &mut [Runner]) -> Result<Option<usize>, PlayError> {
        while let Some(records) = chronicle::tick(&org.store, Tick(self.next)).await? {
            if records.closed.is_none() {
                break;
            }
            let entries = records.turns.iter().flat_map(|turn| &turn.effects.outbox);
            self.home += entries.filter(|entry| entry.recipients.iter().flatten().any(AgentName::is_human)).count();
            if !records.turns.is_empty() {
                self.tell_takes_of(|_| true);
                self.tell(Happening::Closed { tick: self.next, turns: records.turns.len(), home: self.home });
            }
            self.next += 1;
        }
        for runner in runners {
            if let Some(status) = runner.ended() {
                let error = "its own log says more".to_owned();
                return Err(PlayError::Ended { number: runner.number, status: status.to_string(), error });
            }
        }
        let kills = self.played.witness.killed.len();
        if self.home >= AGENTS.len() && kills >= KILLS as usize && self.dying.is_empty() {
            return Ok(Some(self.home));
        }
        if self.began.elapsed() > PATIENCE {
            return Err(PlayError::NoEnd { home: self.home, kills });
        }
        Ok(None)
    }

    /// Tells what is new, and what everybody is at.
    fn show(&mut self, tell: &mut impl FnMut(Option<&Told>, u64, &[At])) {
        let at: Vec<At> = (1..=RUNNERS).map(|number| self.at(number)).collect();
        while let Some(told) = self.played.told.get(self.shown) {
            tell(Some(told), self.next, &at);
            self.shown += 1;
        }
        tell(None, self.next, &at);
    }

    fn at(&self, runner: u32) -> At {
        if self.played.witness.killed.contains(&runner) {
            return At::Dead;
        }
        let asked = self.open.iter().filter(|open| open.call.runner == runner && open.call.tick == self.next);
        let agents: Vec<String> = asked.map(|open| open.call.agent.clone()).collect();
        if agents.is_empty() { At::Rest } else { At::Work(agents) }
    }

    fn close(self) -> Played {
        let mut played = self.played;
        let Witness { names, killed, .. } = &played.witness;
        let is_alive = |name: &RunnerId| names.get(name).is_some_and(|number| !killed.contains(number));
        played.passed_alive = self.passed.iter().filter(|name| is_alive(name)).count();
        played.duration = self.began.elapsed();
        played
    }
}
