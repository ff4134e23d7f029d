//! What happens as lines, where there is no terminal to redraw.

use std::collections::BTreeMap;

use crate::chronicle::doing::Doing;
use crate::chronicle::live::View;
use crate::cli::error::CliError;
use crate::cli::letter::{self, Look};
use crate::cli::output::{DIM, Output, TITLE, counted, styled};
use crate::cli::problems;
use crate::cli::times::Times;
use crate::domain::name::AgentName;
use crate::domain::position::Position;
use crate::domain::time::Tick;

/// What has been told.
#[derive(Debug, Default)]
pub(super) struct Lines {
    closed: Option<Tick>,
    open: Option<Tick>,
    doing: BTreeMap<AgentName, Doing>,
    told: Option<Position>,
}

impl Lines {
    /// Tells what a view has that was not told.
    pub(super) fn tell(&mut self, view: &View, times: &Times, out: &mut Output) -> Result<(), CliError> {
        let is_first = self.closed.is_none();
        if self.closed != Some(view.tick) {
            self.closed = Some(view.tick);
            let paused = if view.paused { ", paused" } else { "" };
            let cost = format!("(clock {}): {} charged{paused}", view.clock, view.last_tick_credits);
            let head = if view.tick == Tick(0) {
                "no tick yet".to_owned()
            } else {
                format!("tick {} closed {cost}", view.tick)
            };
            out.line(styled(TITLE, head))?;
            if view.messages_left_out > 0 {
                let more = format!("{} messages more, before these:", view.messages_left_out);
                out.line(format!("  {} {}", styled(DIM, more), styled(DIM, "`lemming messages` shows all")))?;
            }
            for message in &view.messages {
                if self.told.is_none_or(|told| message.position > told) && (!is_first || message.tick == view.tick) {
                    letter::show(message, times, Look { indent: 2, is_short: true, ..Look::default() }, out)?;
                }
            }
            self.told = view.messages.last().map(|message| message.position).or(self.told);
            problems::lines(&view.problems).iter().try_for_each(|line| out.line(format!("  {line}")))?;
        }
        if let Some(open) = &view.open
            && self.open != Some(open.tick)
        {
            self.open = Some(open.tick);
            out.line(styled(TITLE, format!("tick {} open: {}", open.tick, counted(open.turns, "turn"))))?;
        }
        for agent in &view.agents {
            let before = self.doing.insert(agent.name.clone(), agent.doing);
            let is_news = before.map_or(agent.doing != Doing::Idle, |before| before != agent.doing);
            // That a turn is over is told by the next state.
            if is_news && !(agent.doing == Doing::Idle && before == Some(Doing::Done)) {
                let doing = agent.doing.as_str().replace('_', " ");
                out.line(format!("  {} {}", agent.name, styled(DIM, doing)))?;
            }
        }
        Ok(())
    }
}
