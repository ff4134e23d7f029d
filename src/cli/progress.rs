//! What a person who waits for a tick sees on standard error.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cli::output::counted;
use crate::domain::name::{AgentName, RunnerId};
use crate::domain::time::Tick;
use crate::engine::Progress;
use crate::record::turn::TurnRecord;

/// Shows on one line of a terminal who is at work; says for whom it waits, terminal or not.
#[derive(Debug)]
pub(super) struct Shown {
    on_terminal: bool,
    waits: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    at_work: BTreeSet<AgentName>,
    committed: u64,
    waited_for: BTreeSet<(Tick, RunnerId)>,
    line: Line,
    is_stopping: bool,
}

/// How wide the line is.
const WIDTH: usize = 78;

/// The last line of a terminal, on standard error: it is drawn over, and taken back before anything else
/// is written.
#[derive(Debug, Default)]
pub(super) struct Line {
    drawn: String,
}

impl Line {
    /// Draws the line, in place of the one before.
    pub(super) fn draw(&mut self, line: &str) {
        let line: String = line.chars().take(WIDTH).collect();
        if line == self.drawn {
            return;
        }
        self.erase();
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "{line}");
        let _ = stderr.flush();
        self.drawn = line;
    }

    /// Takes the line back.
    pub(super) fn erase(&mut self) {
        if !std::mem::take(&mut self.drawn).is_empty() {
            let mut stderr = std::io::stderr().lock();
            let _ = write!(stderr, "\r{:WIDTH$}\r", "");
            let _ = stderr.flush();
        }
    }
}

impl Shown {
    /// A line of progress, drawn only where a terminal can take it back.
    pub(super) fn new(on_terminal: bool) -> Self {
        Self { on_terminal, waits: true, state: Mutex::default() }
    }

    /// The same for who leaves what others hold: it says nothing of waiting.
    pub(super) fn leaving(self) -> Self {
        Self { waits: false, ..self }
    }

    /// Takes the line back: the tick has ended, or is left, and nobody is at work.
    pub(super) fn clear(&self) {
        let mut state = self.state();
        state.line.erase();
        state.at_work.clear();
        state.committed = 0;
    }

    /// Says that the first Ctrl-C is heard, and what comes of it.
    pub(super) fn stopping(&self) {
        let mut state = self.state();
        state.line.erase();
        // Nothing is drawn any more: it would stand between what is logged.
        state.is_stopping = true;
        match state.at_work.is_empty() {
            true => tracing::warn!(event = "stopping", "stopping"),
            false => tracing::warn!(
                event = "stopping",
                "stopping: calls under way are given up, and the tick is left for the next runner"
            ),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, tick: Tick, state: &mut State) {
        const SHOWN: usize = 4;
        if !self.on_terminal || state.is_stopping {
            return;
        }
        let names: Vec<&str> = state.at_work.iter().take(SHOWN).map(AgentName::as_str).collect();
        if names.is_empty() {
            return state.line.erase();
        }
        let more = if state.at_work.len() > SHOWN { ", …" } else { "" };
        let line =
            format!("tick {tick}: {} done; at work: {}{more}", counted(state.committed, "turn"), names.join(", "));
        state.line.draw(&line);
    }
}

impl Progress for Shown {
    fn turn_started(&self, tick: Tick, agent: &AgentName) {
        let mut state = self.state();
        state.at_work.insert(agent.clone());
        self.draw(tick, &mut state);
    }

    fn turn_committed(&self, record: &TurnRecord) {
        let mut state = self.state();
        state.at_work.remove(&record.agent);
        state.committed += 1;
        self.draw(record.tick, &mut state);
    }

    fn waiting(&self, tick: Tick, shard: u32, holder: &RunnerId) {
        if !self.waits {
            return;
        }
        let mut state = self.state();
        // Said once for each holder: the engine looks again many times a second.
        if state.waited_for.insert((tick, holder.clone())) {
            state.line.erase();
            let mut stderr = std::io::stderr().lock();
            let _ = writeln!(
                stderr,
                "waiting: runner {holder} holds shard {shard} of tick {tick}; it is passed over when it shows no life"
            );
        }
    }
}
