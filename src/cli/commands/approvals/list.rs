//! `lemming approvals list`

use serde_json::json;

use crate::chronicle::approvals::{Approval, Standing, approvals, open};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session};
use crate::cli::output::{BAD, Cell, DIM, GOOD, NAME, WARN, one_line};
use crate::cli::times::Times;
use crate::record::approval::{Outcome, Verdict};

/// Lists the calls that wait for a person's yes, the oldest first.
///
/// Those are shown too that are answered and whose agents have not heard of it yet. Reads only.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Those too that were answered in the last N closed ticks
    #[arg(long, value_name = "N")]
    last: Option<u64>,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: ListArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let found = match args.last {
        Some(last) => session.reading(&org, "looking back", approvals(&moment, last)).await?,
        None => open(&moment).await?,
    };
    let times = session.times();
    let out = &mut session.out;
    if out.json() {
        out.document(&json!({ "approvals": found }))?;
        return Ok(Exit::Ok);
    }
    if found.is_empty() {
        out.line("nothing waits for a person's yes")?;
        return Ok(Exit::Ok);
    }
    let head = ["id", "agent", "tool", "worth", "asked", "until", ""];
    let mut rows = vec![head.iter().map(|title| Cell::new(*title).style(DIM)).collect::<Vec<_>>()];
    let digits = digits(&found);
    rows.extend(found.iter().map(|approval| row(approval, digits, &times)));
    out.table(&rows)?;
    if found.iter().any(|approval| approval.standing == Standing::Waiting) {
        out.line(styled_hint())?;
    }
    Ok(Exit::Ok)
}

fn styled_hint() -> String {
    crate::cli::output::styled(
        DIM,
        "`lemming approvals approve ID` shows what is asked, and says yes; `deny ID` says no",
    )
}

/// So many characters of the ids tell them apart.
fn digits(found: &[Approval]) -> usize {
    let ids: Vec<String> = found.iter().map(|approval| approval.id.to_string()).collect();
    let is_enough = |digits: &usize| {
        let mut starts: Vec<&str> = ids.iter().map(|id| &id[..*digits]).collect();
        starts.sort_unstable();
        starts.windows(2).all(|pair| pair[0] != pair[1])
    };
    (8..36).find(is_enough).unwrap_or(36)
}

fn row(approval: &Approval, digits: usize, times: &Times) -> Vec<Cell> {
    let worth = approval.worth_credits.map_or("-".to_owned(), |worth| worth.to_string());
    let (text, style) = standing(approval);
    vec![
        Cell::whole(&approval.id.to_string()[..digits]),
        Cell::new(approval.agent.as_str()).style(NAME),
        Cell::new(one_line(approval.permission.as_deref().unwrap_or(&approval.tool), 60)),
        Cell::number(worth),
        Cell::new(format!("tick {}", approval.tick)),
        Cell::new(times.shown(approval.expires_at)),
        Cell::new(text).style(style),
    ]
}

/// How far it is, in words.
pub(super) fn standing(approval: &Approval) -> (String, anstyle::Style) {
    let Some(answer) = &approval.answer else {
        return match approval.sent.first() {
            Some(sent) if sent.approves => ("approved with the next tick".to_owned(), WARN),
            Some(_) => ("denied with the next tick".to_owned(), WARN),
            None => ("waits".to_owned(), WARN),
        };
    };
    let verdict = answer.verdict.as_str();
    let edited = if answer.arguments.is_some() { ", with other arguments" } else { "" };
    let end = approval.end.as_ref();
    match (approval.standing, answer.verdict, end.map(|end| (end.outcome, end.ok))) {
        (Standing::GivenUp, ..) => (format!("{verdict}{edited}; its agent was gone"), WARN),
        (_, Verdict::Approved, Some((Outcome::Made, Some(true)))) => (format!("{verdict}{edited}, made"), GOOD),
        (_, Verdict::Approved, Some((Outcome::Made, _))) => (format!("{verdict}{edited}, made, and failed"), BAD),
        (Standing::Settled, Verdict::Approved, Some((Outcome::Unknown, _))) => {
            (format!("{verdict}{edited}; nobody knows whether it was made"), BAD)
        }
        (_, Verdict::Approved, Some((Outcome::Unknown, _))) => (format!("{verdict}{edited}, and begun"), WARN),
        (Standing::Settled, Verdict::Approved, _) => (format!("{verdict}{edited}, not made"), BAD),
        (_, Verdict::Approved, _) => (format!("{verdict}{edited}, not made yet"), WARN),
        (_, Verdict::Denied | Verdict::Expired, _) => (verdict.to_owned(), DIM),
    }
}
