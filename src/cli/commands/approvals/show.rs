//! `lemming approvals show`

use super::list::standing;
use super::{exact, named};
use crate::chronicle::approvals::{Approval, TICKS_BACK, approvals};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session};
use crate::cli::output::{DIM, NAME, TITLE, clean, one_line, styled};
use crate::cli::times::Times;

/// Shows one call that waits or waited: tool, exact arguments, what it is for, the answer, and what came of it.
///
/// Reads only.
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The id, or its first characters
    id: String,
    /// Looks for it in the last N closed ticks, if it does not wait
    #[arg(long, value_name = "N", default_value_t = TICKS_BACK)]
    last: u64,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: ShowArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let all = session.reading(&org, "looking back", approvals(&moment, args.last)).await?;
    let approval = named(&all, &args.id)?;
    if session.out.json() {
        session.out.document(approval)?;
        return Ok(Exit::Ok);
    }
    let times = session.times();
    for line in lines(approval, &times) {
        session.out.line(line)?;
    }
    Ok(Exit::Ok)
}

/// All that there is to know of a call, for people.
pub(super) fn lines(approval: &Approval, times: &Times) -> Vec<String> {
    let (text, style) = standing(approval);
    let mut lines = vec![format!("{}  {}", styled(TITLE, approval.id), styled(style, text))];
    let mut fact = |name: &str, value: String| lines.push(format!("{} {value}", styled(DIM, format!("{name}:"))));
    fact("agent", styled(NAME, &approval.agent));
    let permission = approval.permission.as_deref().unwrap_or(&approval.tool);
    let asked = approval.asked_at.map_or(String::new(), |time| format!(", {}", times.shown(time)));
    fact("tool", one_line(permission, 200));
    fact(
        "asked",
        format!("in tick {}{asked}; can be answered until {}", approval.tick, times.shown(approval.expires_at)),
    );
    if let Some(worth) = approval.worth_credits {
        fact("worth", worth.to_string());
    }
    if let Some(purpose) = &approval.purpose {
        fact("the agent says", clean(purpose).into_owned());
    }
    match &approval.arguments {
        Some(arguments) => fact("arguments", exact(arguments)),
        None => fact("arguments", "given up".to_owned()),
    }
    fact("sha256", approval.arguments_sha256.to_string());
    for sent in &approval.sent {
        let said = if sent.approves { "yes" } else { "no" };
        fact("sent", format!("{} says {said}, {}", one_line(&sent.by.0, 80), times.shown(sent.sent_at)));
    }
    if let Some(answer) = &approval.answer {
        let by = answer.by.as_ref().map_or("nobody".to_owned(), |by| one_line(&by.0, 80));
        let at = answer.at.map_or(String::new(), |time| format!(", {}", times.shown(time)));
        fact("answer", format!("{} by {by} in tick {}{at}", answer.verdict.as_str(), answer.tick));
        if let Some(reason) = &answer.reason {
            fact("reason", clean(reason).into_owned());
        }
        if let Some(arguments) = &answer.arguments {
            fact("arguments of the answer", exact(arguments));
        }
    }
    if let Some(end) = &approval.end {
        if let Some(tick) = end.tick {
            fact("heard", format!("in tick {tick}"));
        }
        if let Some(result) = &end.result {
            fact("result", exact(result));
        }
    }
    lines
}
