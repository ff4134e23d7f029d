//! Events as lines for people: one look for `logs` and `demo`.

use crate::chronicle::event::Event;
use crate::cli::output::{BAD, DIM, NAME, TITLE, WARN, clean, one_line, styled};
use crate::cli::times::Times;

/// How wide a message may be on its line; the whole is in `logs --json` and `inspect`.
const WIDTH: usize = 400;

/// An event as a line; with `times`, ticks say when they were planned.
pub(super) fn line(event: &Event, times: Option<&Times>) -> String {
    let field = |name: &str| event.fields.get(name);
    let agent = || event.agent.as_ref().map_or("", |agent| agent.as_str());
    match event.event {
        "tick_planned" => {
            let due = field("due").and_then(|due| due.as_array()).into_iter().flatten();
            let due: Vec<&str> = due.filter_map(|name| name.as_str()).collect();
            let due = if due.is_empty() { "nobody is due".to_owned() } else { format!("due: {}", due.join(", ")) };
            let when = times.map_or(String::new(), |times| format!("{}, ", times.shown(event.timestamp)));
            format!("{}  {}", styled(TITLE, format!("tick {}", event.tick)), styled(DIM, when + &due))
        }
        "message" => {
            let to: Vec<&str> = field("recipients")
                .and_then(|to| to.as_array())
                .into_iter()
                .flatten()
                .filter_map(|n| n.as_str())
                .collect();
            let to = if to.is_empty() { "everyone".to_owned() } else { to.join(", ") };
            let text = one_line(field("text").and_then(|text| text.as_str()).unwrap_or_default(), WIDTH);
            let kind = field("kind").and_then(|kind| kind.as_str()).filter(|kind| *kind != "message");
            let kind = kind.map(|kind| styled(DIM, format!(" [{kind}]"))).unwrap_or_default();
            format!("  {} → {}{kind}: {text}", styled(NAME, agent()), styled(NAME, to))
        }
        "turn" if event.level == "info" => styled(DIM, format!("  {}", event.message)),
        "tick_closed" => styled(DIM, format!("  {}", event.message)),
        _ => {
            let text = clean(&event.message).replace('\n', " ");
            match event.level {
                "error" => format!("  {}", styled(BAD, text)),
                "warning" => format!("  {}", styled(WARN, text)),
                _ => format!("  {text}"),
            }
        }
    }
}
