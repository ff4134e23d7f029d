//! `lemming agents show`

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::list::period;
use crate::chronicle::roster::{FiresAt, next_fire_points};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session, agent_of_any_time};
use crate::cli::output::{BAD, DIM, GOOD, NAME, Output, TITLE, WARN, clean, one_line, styled};
use crate::cli::times::Times;
use crate::domain::name::AgentName;
use crate::domain::resume::Resume;
use crate::record::state::AgentState;
use crate::store::Key;
use crate::validate::{Finding, Severity, check_agents};

/// How many fire points are shown.
const FIRE_POINTS: usize = 5;

/// Shows one agent: its resume as it is written, what is wrong with it, when it runs next, and its account.
///
/// Reads only. What it thought and said is shown by `inspect`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ShowArgs {
    /// The agent's name
    agent: String,
    #[command(flatten)]
    at: AtArgs,
}

/// What is shown.
struct Shown<'a> {
    agent: &'a AgentName,
    text: Option<&'a str>,
    resume: Result<&'a Resume, &'a String>,
    findings: &'a [Finding],
    next: &'a [FiresAt],
    known: Option<&'a AgentState>,
    unread: usize,
}

pub(in crate::cli::commands) async fn run(args: ShowArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let agent = agent_of_any_time(&org, &moment, &args.agent).await?;
    let bytes = moment.resume_bytes(&agent).await?;
    let resume = moment.resume(&agent).await?;
    let findings = match moment.is_past {
        // Of a version of the past nothing can be mended.
        true => Vec::new(),
        false => {
            let only = BTreeSet::from([agent.clone()]);
            let found =
                check_agents(&org.store, org.providers().as_ref(), &org.every_tool().await?, None, Some(&only)).await?;
            let path = Key::Resume(agent.clone()).path();
            found.findings.into_iter().filter(|finding| finding.path == path).collect()
        }
    };
    let state = &moment.state;
    let paced = moment.settings().await.ok().is_some_and(|settings| settings.pace.every.is_some());
    let anchor = state.anchor.as_ref().filter(|_| paced);
    let next = match &resume {
        Ok(resume) if resume.enabled => next_fire_points(&resume.schedule, state.clock, anchor, FIRE_POINTS),
        _ => Vec::new(),
    };
    let known = state.agents.get(&agent);
    let shown = Shown {
        agent: &agent,
        text: bytes.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok()),
        resume: resume.as_ref(),
        findings: &findings,
        next: &next,
        known,
        unread: known.map_or(0, |known| state.inbox(&agent, &known.facts.reads).count()),
    };
    match session.out.json() {
        true => session.out.document(&document(&shown))?,
        false => show(&shown, &session.times(), &mut session.out)?,
    }
    Ok(Exit::Ok)
}

fn document(shown: &Shown<'_>) -> Value {
    json!({
        "agent": shown.agent,
        // As it is written, fields that this version does not know included; what is no JSON is in `broken`.
        "resume": shown.text.and_then(|text| serde_json::from_str::<Value>(text).ok()),
        "text": shown.text,
        "broken": shown.resume.err(),
        "findings": shown.findings,
        "next": shown.next,
        "account": shown.known.map(|known| &known.account),
        "paused": shown.known.is_some_and(|known| known.paused),
        "cursor": shown.known.map(|known| known.cursor),
        "unread": shown.unread,
        "turns": shown.known.map_or(0, |known| known.turns),
        "last_turn": shown.known.and_then(|known| known.last_turn.as_ref()),
    })
}

fn show(shown: &Shown<'_>, times: &Times, out: &mut Output) -> Result<(), CliError> {
    let title = match (shown.resume, shown.text) {
        (Ok(resume), _) => styled(TITLE, one_line(&resume.title, 80)),
        (Err(error), None) => styled(WARN, clean(error)),
        (Err(_), Some(_)) => String::new(),
    };
    out.line(format!("{}  {title}", styled(NAME, shown.agent)))?;
    for finding in shown.findings {
        let style = if finding.severity == Severity::Error { BAD } else { WARN };
        let text = clean(&finding.to_string()).replace('\n', " ");
        out.line(format!("{} {text}", styled(style, "problem:")))?;
    }
    if let Ok(resume) = shown.resume {
        let next: Vec<String> = shown.next.iter().map(|fires| at(fires, times)).collect();
        let next = match (resume.enabled, next.is_empty()) {
            (false, _) => "never: it is disabled".to_owned(),
            (true, true) => "never again".to_owned(),
            _ => next.join(", "),
        };
        out.line(format!("{} {}", styled(DIM, "runs:"), period(&resume.schedule)))?;
        out.wrapped(format!("{} {next}", styled(DIM, "next at clock:")))?;
    }
    let account = match (shown.known, shown.resume) {
        (Some(known), _) => format!(
            "{} left; {} received, {} charged",
            known.account.balance,
            known.account.received,
            known.account.charged.total()
        ),
        (None, Ok(resume)) => format!("opens with {} at the next tick", resume.credits.opening()),
        (None, Err(_)) => "none yet".to_owned(),
    };
    out.line(format!("{} {account}", styled(DIM, "account:")))?;
    if let Some(known) = shown.known {
        let paused = if known.paused { styled(WARN, ", paused") } else { String::new() };
        let last = known.last_turn.as_ref().map_or("no turn yet".to_owned(), |turn| {
            let style = if turn.status.is_good() { GOOD } else { BAD };
            format!("the last {} in tick {}", styled(style, turn.status.as_str()), turn.tick)
        });
        out.line(format!("{} {}, {last}; {} unread{paused}", styled(DIM, "turns:"), known.turns, shown.unread))?;
    }
    out.line(styled(DIM, format!("--- {}", Key::Resume(shown.agent.clone()))))?;
    match shown.text {
        Some(text) => out.line(clean(text))?,
        None => out.line(styled(BAD, "missing, or no text"))?,
    }
    Ok(())
}

fn at(fires: &FiresAt, times: &Times) -> String {
    match fires.time {
        Some(time) => format!("{} ({})", fires.clock, times.shown(time)),
        None => fires.clock.to_string(),
    }
}
