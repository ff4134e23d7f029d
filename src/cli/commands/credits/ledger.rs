//! `lemming credits ledger`

use std::str::FromStr;

use futures::StreamExt as _;
use serde_json::json;

use crate::chronicle::ledger::{Line, LineKind, ledgers};
use crate::chronicle::moment::Moment;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, agent_of_any_time};
use crate::cli::output::{Cell, DIM, NAME, one_line, styled};
use crate::domain::credits::Credits;
use crate::runner::compose::Org;

/// So many ticks are shown where nobody says which.
const TICKS_BACK: u64 = 32;

/// Shows what each turn was charged and each model call cost, tick by tick.
///
/// A line of a turn says what its account was charged; the lines of its calls, what each of them
/// cost. `credits export` has the same as comma-separated values, with all that is known.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LedgerArgs {
    /// Only the turns of this agent [default: everybody's]
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The ticks: A..B (both included), A.., ..B, or one [default: the last 32 that are closed]
    #[arg(long, value_name = "A..B")]
    ticks: Option<Ticks>,
}

/// A range of ticks; an end that is open is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    from: Option<u64>,
    to: Option<u64>,
}

impl FromStr for Ticks {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "it must be ticks such as 3..9, 3.., ..9 or 3".to_owned();
        let end = |text: &str| match text {
            "" => Ok(None),
            text => text.parse::<u64>().map(Some).map_err(|_| wrong()),
        };
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let ticks = Self { from: end(from)?, to: end(to)? };
        match (ticks.from, ticks.to) {
            (None, None) => Err(wrong()),
            (Some(from), Some(to)) if from > to => Err(format!("{from} comes after {to}")),
            _ => Ok(ticks),
        }
    }
}

pub(super) async fn run(args: LedgerArgs, org: &Org, session: &mut Session) -> Result<Exit, CliError> {
    let moment = Moment::now(&org.store).await?;
    let agent = match &args.agent {
        Some(name) => Some(agent_of_any_time(org, &moment, name).await?),
        None => None,
    };
    let last = moment.state.tick.0;
    let (from, to) = match args.ticks {
        Some(ticks) => (ticks.from.unwrap_or(1), ticks.to.unwrap_or(last).min(last)),
        None => (last.saturating_sub(TICKS_BACK - 1), last),
    };
    let from = from.max(1);
    let bar = session.progress((to + 1).saturating_sub(from), "reading ticks");
    let mut lines: Vec<Line> = Vec::new();
    let mut found = ledgers(&org.store, from..=to);
    while let Some(tick) = found.next().await {
        lines.extend(tick?.into_iter().filter(|line| agent.as_ref().is_none_or(|agent| line.agent == *agent)));
        bar.inc(1);
    }
    drop((found, bar));
    let charged = lines.iter().map(Line::charged).sum::<Credits>();
    if session.out.json() {
        let document = json!({ "from": from, "to": to, "charged": charged, "lines": lines });
        session.out.document(&document)?;
        return Ok(Exit::Ok);
    }
    let times = session.times();
    let out = &mut session.out;
    if lines.is_empty() {
        out.line("no turn was charged in these ticks")?;
        return Ok(Exit::Ok);
    }
    let head = ["tick", "when", "agent", "what", "tokens in", "out", "cost", "charged"];
    let mut rows = vec![head.map(|title| Cell::new(title).style(DIM)).to_vec()];
    for line in &lines {
        let number = |number: Option<String>| Cell::number(number.unwrap_or_default());
        let what = match line.kind {
            LineKind::Turn => format!("turn, {}", line.status.as_str()),
            LineKind::Call => format!("  call of {}", line.model.as_ref().map_or("?", |model| model.as_str())),
        };
        let total = (line.kind == LineKind::Turn).then(|| line.charged().to_string());
        rows.push(vec![
            Cell::number(line.tick),
            Cell::whole(times.shown(line.time)),
            Cell::new(line.agent.as_str()).style(NAME),
            Cell::new(one_line(&what, 60)),
            number(line.input_tokens.map(|tokens| tokens.to_string())),
            number(line.output_tokens.map(|tokens| tokens.to_string())),
            number(line.cost.map(|cost| cost.to_string())),
            number(total),
        ]);
    }
    out.table(&rows)?;
    out.line(styled(DIM, format!("{charged} charged in ticks {from} to {to}")))?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_one_or_a_range_with_an_end_at_least() {
        let ticks = |from: Option<u64>, to: Option<u64>| Ok(Ticks { from, to });
        for (text, read) in [
            ("3..9", ticks(Some(3), Some(9))),
            ("3..", ticks(Some(3), None)),
            ("..9", ticks(None, Some(9))),
            ("3", ticks(Some(3), Some(3))),
        ] {
            assert_eq!(text.parse::<Ticks>(), read, "{text}");
        }
        for text in ["", "..", "a", "9..3", "-1..3", "1...3", "1..2..3"] {
            assert!(text.parse::<Ticks>().is_err(), "{text}");
        }
    }
}
