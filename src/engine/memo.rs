//! What one process remembers of immutable records, and of what follows from them, so that a loop of
//! ticks reads each once; and which models did not answer it.
//!
//! Not state: a process without it, such as the next invocation of a Lambda, reads the same from
//! the store. It belongs to one organisation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::breaker::Breakers;
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::domain::org::OrgConfig;
use crate::domain::resume::Resume;
use crate::domain::time::{Clock, Tick};
use crate::record::state::State;
use crate::record::turn::TurnRecord;

/// How many of each kind are kept; of turns, the newest.
const KEPT: usize = 4096;

/// The settings that a process saw last, and the last tick that it knows to be closed.
#[derive(Debug, Clone)]
pub struct Present {
    /// The settings.
    pub settings: Arc<OrgConfig>,
    /// The hash of the file that has them.
    pub org: Sha,
    /// The last closed tick.
    pub tick: Tick,
    /// Its clock.
    pub clock: Clock,
}

/// Immutable records of one organisation that this process has read or written.
#[derive(Debug, Default)]
pub struct Memo {
    turns: Mutex<BTreeMap<(Tick, AgentName), Arc<TurnRecord>>>,
    resumes: Mutex<BTreeMap<(Sha, AgentName), Arc<Resume>>>,
    vectors: Mutex<BTreeMap<Sha, Arc<[f32]>>>,
    /// The state after the newest tick that was closed here.
    state: Mutex<Option<Arc<State>>>,
    /// The places whose stores were probed, as the hint and this process know.
    probed: Mutex<Vec<String>>,
    /// Which models are left alone.
    pub(super) breakers: Breakers,
    /// How long a turn may well take, by those that were seen here.
    longest_turn: Mutex<Option<Duration>>,
    /// The settings that were read last.
    settings: Mutex<Option<(Sha, Arc<OrgConfig>)>>,
    /// The last tick that is known to be closed.
    last: Mutex<Option<(Tick, Clock)>>,
}

impl Memo {
    /// A committed turn.
    pub(super) fn turn(&self, tick: Tick, agent: &AgentName) -> Option<Arc<TurnRecord>> {
        lock(&self.turns).get(&(tick, agent.clone())).cloned()
    }

    /// Keeps a committed turn.
    pub(super) fn keep_turn(&self, turn: Arc<TurnRecord>) {
        keep(&mut lock(&self.turns), (turn.tick, turn.agent.clone()), turn);
    }

    /// The resume of an agent in the version of that hash.
    pub(super) fn resume(&self, sha: &Sha, agent: &AgentName) -> Option<Arc<Resume>> {
        lock(&self.resumes).get(&(sha.clone(), agent.clone())).cloned()
    }

    /// Keeps a version of a resume that was read and is sound.
    pub(super) fn keep_resume(&self, sha: Sha, resume: Arc<Resume>) {
        keep(&mut lock(&self.resumes), (sha, resume.name.clone()), resume);
    }

    /// The vector of the text of that hash.
    pub(super) fn vector(&self, sha: &Sha) -> Option<Arc<[f32]>> {
        lock(&self.vectors).get(sha).cloned()
    }

    /// Keeps the vector of a text.
    pub(super) fn keep_vector(&self, sha: Sha, vector: Arc<[f32]>) {
        keep(&mut lock(&self.vectors), sha, vector);
    }

    /// The state after a tick, if its closed record is the one with that hash.
    pub(super) fn state_after(&self, tick: Tick, closed: &Sha) -> Option<Arc<State>> {
        lock(&self.state).as_ref().filter(|state| state.tick == tick && state.closed.as_ref() == Some(closed)).cloned()
    }

    /// What this process saw last, for those who come after a tick and ask the store for nothing that is known.
    pub fn present(&self) -> Option<Present> {
        let (org, settings) = lock(&self.settings).clone()?;
        let (tick, clock) = (*lock(&self.last))?;
        Some(Present { settings, org, tick, clock })
    }

    /// Keeps the settings that were read last.
    pub(super) fn keep_settings(&self, org: &Sha, settings: &Arc<OrgConfig>) {
        *lock(&self.settings) = Some((org.clone(), Arc::clone(settings)));
    }

    /// Keeps the last tick that is known to be closed.
    pub(super) fn keep_last(&self, tick: Tick, clock: Clock) {
        *lock(&self.last) = Some((tick, clock));
    }

    /// The places whose stores were probed.
    pub(super) fn probed(&self) -> Vec<String> {
        lock(&self.probed).clone()
    }

    /// Keeps the places whose stores were probed.
    pub(super) fn keep_probed(&self, probed: Vec<String>) {
        *lock(&self.probed) = probed;
    }

    /// How long a turn may well take; nothing, if none was seen here.
    pub(super) fn longest_turn(&self) -> Option<Duration> {
        *lock(&self.longest_turn)
    }

    /// Takes in how long a turn took. One that was long is forgotten little by little.
    pub(super) fn turn_took(&self, took: Duration) {
        let mut longest = lock(&self.longest_turn);
        *longest = Some(longest.map_or(took, |longest| took.max(longest - longest.saturating_sub(took) / 8)));
    }

    /// Keeps the state after a tick that was closed.
    pub(super) fn keep_state(&self, state: Arc<State>) {
        *lock(&self.state) = Some(state);
    }
}

fn keep<K: Ord, V>(kept: &mut BTreeMap<K, V>, key: K, value: V) {
    kept.insert(key, value);
    if kept.len() > KEPT {
        kept.pop_first();
    }
}

/// A lock of a map that no panic can leave half-changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
