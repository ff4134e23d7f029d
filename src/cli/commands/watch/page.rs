//! The page that a terminal shows. Pure: from a view and a size to rows.

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use crate::chronicle::doing::Doing;
use crate::chronicle::live::{AgentNow, View};
use crate::cli::output::{BAD, DIM, GOOD, NAME, TITLE, WARN, counted, cut, one_line};
use crate::cli::problems;
use crate::cli::screen::Row;
use crate::cli::times::Times;

/// How wide the bar of an open tick is.
const BAR: usize = 20;

/// The most problems that are shown.
const PROBLEMS: usize = 4;

/// The rows of a view in so many columns and rows; `trouble`: why the last look failed.
pub(super) fn rows(
    view: &View,
    times: &Times,
    place: &str,
    trouble: Option<&str>,
    (columns, height): (usize, usize),
) -> Vec<Row> {
    let mut rows = head(view, times, place);
    let mut foot = Vec::new();
    let told = problems::lines(&view.problems);
    for line in told.iter().take(PROBLEMS) {
        let text = anstream::adapter::strip_str(line).to_string();
        foot.push(Row::default().with(WARN, one_line(&text, columns.max(1))));
    }
    if told.len() > PROBLEMS {
        foot.push(Row::default().with(DIM, format!("{} more problems: lemming status", told.len() - PROBLEMS)));
    }
    foot.push(match trouble {
        Some(trouble) => Row::default().with(BAD, format!("the last look failed: {}", one_line(trouble, 400))),
        None => Row::default().with(DIM, "q ends"),
    });
    // Agents have half of what is left at most; messages the rest.
    let room = height.saturating_sub(rows.len() + foot.len() + 2);
    let agents = agents(&view.agents, (room / 2).max(3));
    let messages = room.saturating_sub(agents.len());
    rows.push(Row::default());
    rows.extend(agents);
    rows.push(Row::default());
    let newest = view.messages.iter().rev().take(messages.saturating_sub(1)).rev();
    let newest: Vec<Row> = newest
        .map(|message| {
            let text = one_line(&message.text, columns.max(1));
            Row::default()
                .with(DIM, format!("{:>5} ", message.tick))
                .with(NAME, message.from.to_string())
                .with(Style::new(), " → ")
                .with(NAME, message.to_text())
                .with(Style::new(), format!(": {text}"))
        })
        .collect();
    if messages > 0 {
        let title = if newest.is_empty() { "no messages yet" } else { "messages" };
        rows.push(Row::default().with(DIM, title));
        rows.extend(newest);
    }
    while rows.len() + foot.len() < height {
        rows.push(Row::default());
    }
    rows.truncate(height.saturating_sub(foot.len()));
    rows.extend(foot);
    rows.truncate(height);
    rows
}

fn head(view: &View, times: &Times, place: &str) -> Vec<Row> {
    let paused = if view.paused { "  paused" } else { "" };
    let title = Row::default().with(TITLE, one_line(&view.org, 60)).with(DIM, format!("  {place}")).with(WARN, paused);
    let tick = match (&view.open, view.time) {
        (Some(open), _) => {
            let done = (BAR * open.committed).checked_div(open.turns).unwrap_or(BAR).min(BAR);
            let bar = format!("[{}{}]", "#".repeat(done), ".".repeat(BAR - done));
            let text =
                format!("tick {} is open {bar} {} of {}", open.tick, open.committed, counted(open.turns, "turn"));
            Row::default().with(WARN, text)
        }
        (None, None) => Row::default().with(DIM, "no tick yet"),
        (None, Some(time)) => Row::default()
            .with(Style::new(), format!("tick {} (clock {}) {}", view.tick, view.clock, times.shown(time))),
    };
    let mut spent = format!("spent {} in the last tick, {} in all", view.last_tick_credits, view.charged_credits);
    if let Some(budget) = &view.budget {
        spent.push_str(&format!("; budget {}: {} left of {}", budget.window, budget.left, budget.credits));
    }
    vec![title, tick, Row::default().with(Style::new(), spent)]
}

/// The agents in at most so many rows: who does something first.
fn agents(agents: &[AgentNow], most: usize) -> Vec<Row> {
    let mut shown: Vec<&AgentNow> = agents.iter().collect();
    if shown.len() + 1 > most {
        // A stable sort: among equals the names keep their order.
        shown.sort_by_key(|agent| agent.doing);
    }
    let is_cut = shown.len() + 1 > most;
    let left = if is_cut { shown.split_off(most.saturating_sub(2).min(shown.len())).len() } else { 0 };
    let name_width = shown.iter().map(|agent| agent.name.as_str().width()).max().unwrap_or(0).clamp(5, 24);
    let credits_width = shown.iter().map(|agent| agent.credits_left.to_string().len()).max().unwrap_or(0).max(7);
    let title =
        format!("{:name_width$}  {:14}  {:>credits_width$}  {:>6}  last turn", "agent", "", "credits", "unread");
    let mut rows = vec![Row::default().with(DIM, title)];
    for agent in shown {
        let name = cut(agent.name.as_str(), name_width);
        let last = agent.last_turn.map_or("none".to_owned(), |tick| format!("tick {tick}"));
        rows.push(
            Row::default()
                .with(NAME, format!("{name:name_width$}"))
                .with(style(agent.doing), format!("  {:14}", agent.doing.as_str().replace('_', " ")))
                .with(
                    Style::new(),
                    format!("  {:>credits_width$}  {:>6}  {last}", agent.credits_left.to_string(), agent.unread),
                ),
        );
    }
    if left > 0 {
        rows.push(Row::default().with(DIM, format!("{left} more")));
    }
    rows
}

fn style(doing: Doing) -> Style {
    match doing {
        Doing::Thinking | Doing::Done => GOOD,
        Doing::Failed | Doing::Broken => BAD,
        Doing::OutOfCredits | Doing::Paused | Doing::Waiting => WARN,
        Doing::Due => Style::new(),
        Doing::Disabled | Doing::Idle => DIM,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::credits::Credits;
    use crate::domain::name::AgentName;
    use crate::domain::time::{Clock, Tick};

    fn view(agents: usize) -> View {
        let agent = |at: usize| AgentNow {
            name: AgentName::new(format!("agent_{at}")).expect("a name"),
            doing: if at == 7 { Doing::Failed } else { Doing::Idle },
            credits_left: Credits::whole(1),
            unread: at,
            last_turn: None,
        };
        View {
            org: "Test".to_owned(),
            tick: Tick(3),
            clock: Clock(3),
            time: None,
            paused: false,
            open: None,
            agents: (0..agents).map(agent).collect(),
            last_tick_credits: Credits::ZERO,
            charged_credits: Credits::ZERO,
            budget: None,
            messages: Vec::new(),
            messages_left_out: 0,
            problems: Vec::new(),
        }
    }

    #[test]
    fn a_page_has_as_many_rows_as_the_terminal_whatever_its_size() {
        for agents in [0, 1, 3, 500] {
            for height in [1, 2, 5, 10, 24, 100] {
                assert_eq!(
                    rows(&view(agents), &Times::utc(), "here", None, (80, height)).len(),
                    height,
                    "{agents} {height}"
                );
            }
        }
    }

    #[test]
    fn of_many_agents_those_are_shown_that_want_attention() {
        let rows = agents(&view(50).agents, 5);
        let text: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
        assert_eq!(rows.len(), 5);
        assert!(text[1].contains("agent_7"), "{text:?}");
        assert!(text[4].contains("47 more"), "{text:?}");
    }
}
