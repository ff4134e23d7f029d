//! `lemming approvals`

mod approve;
mod deny;
mod edit;
mod list;
mod show;

use serde_json::Value;

use crate::chronicle::approvals::{Approval, Unanswerable, open};
use crate::chronicle::moment::Moment;
use crate::clean::escape;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::domain::time::Timestamp;
use crate::runner::compose::Org;

/// Shows what agents ask a person about, and answers: yes, no, or yes with other arguments.
///
/// A call that may not be made twice, and whatever config/tools.json names, is not made before a person says yes to exactly
/// its arguments. Answers go through the ingress as commands: they take effect with the next tick, and stand in the records.
/// An id may be given by its first characters. docs/CONNECT.md tells what an approval is bound to.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ApprovalsArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Approve(approve::ApproveArgs),
    Deny(deny::DenyArgs),
    Edit(edit::EditArgs),
}

pub(super) async fn run(args: ApprovalsArgs, session: &mut Session) -> Result<Exit, CliError> {
    match args.what {
        What::List(args) => list::run(args, session).await,
        What::Show(args) => show::run(args, session).await,
        What::Approve(args) => approve::run(args, session).await,
        What::Deny(args) => deny::run(args, session).await,
        What::Edit(args) => edit::run(args, session).await,
    }
}

/// The call that a person names by the first characters of its id.
fn named<'a>(all: &'a [Approval], id: &str) -> Result<&'a Approval, CliError> {
    let wanted = id.to_ascii_lowercase();
    let found: Vec<&Approval> =
        all.iter().filter(|approval| !id.is_empty() && approval.id.to_string().starts_with(&wanted)).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(CliError::new(Exit::NotFound, format!("no call {id:?} waits for an answer"))
            .hint("`lemming approvals list` shows what waits; with --last 1000, what was answered")),
        many => {
            let ids: Vec<String> = many.iter().take(4).map(|approval| approval.id.to_string()).collect();
            let error = CliError::new(Exit::Usage, format!("{id:?} begins {} ids", many.len()));
            Err(error.hint(format!("give more of it: {}", ids.join(", "))))
        }
    }
}

/// The call that a person answers, if it still can be answered.
async fn unanswered(org: &Org, id: &str, now: Timestamp) -> Result<Approval, CliError> {
    let moment = Moment::now(&org.store).await?;
    let all = open(&moment).await?;
    let approval = named(&all, id)?;
    approval.answerable(now).map_err(|why| refused(approval, &why))?;
    Ok(approval.clone())
}

/// The arguments that wait, if they are what was asked for.
fn shown(approval: &Approval) -> Result<&Value, CliError> {
    approval.shown().map_err(|why| refused(approval, &why))
}

fn refused(approval: &Approval, why: &Unanswerable) -> CliError {
    let (exit, hint) = match why {
        Unanswerable::Answered { .. } => (Exit::Failed, None),
        Unanswerable::Late(_) => {
            (Exit::Failed, Some("the next tick tells its agent that nobody answered in time; it may ask again"))
        }
        Unanswerable::Unshown => {
            (Exit::Invalid, Some("nobody can say yes to what cannot be shown: deny it; the agent may ask again"))
        }
        Unanswerable::Damaged => (Exit::Invalid, Some("`lemming fsck` tells what is damaged")),
    };
    let error = CliError::new(exit, format!("{}: {why}; nothing was ordered", approval.id));
    hint.into_iter().fold(error, CliError::hint)
}

/// What is ordered, in a sentence that ends with the next tick: of several answers the first one counts.
fn ordered(approval: &Approval, what: &str) -> String {
    let Approval { id, agent, .. } = approval;
    match approval.sent.first() {
        None => format!("{id} of {agent} is {what}"),
        Some(sent) => {
            let said = if sent.approves { "yes" } else { "no" };
            format!("{} has said {said} to {id} of {agent} already, and the first answer counts", sent.by.0)
        }
    }
}

/// JSON as a person must see it before they say yes to it: all of it, and nothing in it that cannot be seen.
fn exact(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut exact = String::with_capacity(text.len());
    for c in escape(&text).chars() {
        if is_unseen(c) {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| exact.push_str(&format!("\\u{unit:04x}")));
        } else {
            exact.push(c);
        }
    }
    exact
}

/// Is drawn as nothing, as a blank, or only as a change of its neighbour. Of blanks there is one that is what it seems.
fn is_unseen(c: char) -> bool {
    (c.is_whitespace() && !c.is_ascii())
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffc}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_person_says_yes_to_is_shown_whole_and_hides_nothing() {
        for (value, shown) in [
            (json!("plain ä 漢"), r#""plain ä 漢""#),
            (json!("a\u{1b}[2Kb"), r#""a\u001b[2Kb""#),
            (json!("\u{202e}txt.exe"), r#""\u202etxt.exe""#),
            (json!("to\u{200d}day"), r#""to\u200dday""#),
            (json!("a\u{a0}b\u{3164}c\u{ad}"), r#""a\u00a0b\u3164c\u00ad""#),
            (json!("\u{e0100}"), r#""\udb40\udd00""#),
            (json!({"b": 1, "a": [true]}), "{\n  \"a\": [\n    true\n  ],\n  \"b\": 1\n}"),
        ] {
            let exact = exact(&crate::domain::json::sorted(&value));
            assert_eq!(exact, shown);
            assert_eq!(serde_json::from_str::<Value>(&exact).expect("the same document"), value);
        }
    }
}
