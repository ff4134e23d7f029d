//! `lemming ticks why`

use serde_json::json;

use crate::chronicle::moment::Moment;
use crate::chronicle::why::{Reason, Why, of_tick};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, agent_of_any_time, no_tick};
use crate::cli::output::{BAD, DIM, GOOD, Output, TITLE, WARN, clean, styled};
use crate::domain::time::Tick;
use crate::runner::ahead;

/// Says why an agent ran in a tick, or why it did not, and what to do about it.
///
/// Without --tick it answers for the last closed tick and for the one after it: as the records have that one, if it is
/// open, or else as it would be, as things are now. What would be is worked out by the planning of `tick` itself.
///
/// With --json each answer has a stable `reason`: ran, waiting, failed, in_progress, not_begun, will_run, not_scheduled,
/// missed_slot, not_woken, no_mail, too_many_hops, disabled, gone, unknown, just_created, paused, broken_resume,
/// unknown_model, failing, no_credits, no_budget or unexplained; and the `facts` that it rests on.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct WhyArgs {
    /// The agent's name
    agent: String,
    /// In this tick alone [default: the last closed one, and the one after it]
    #[arg(long, visible_alias = "at", value_name = "TICK")]
    tick: Option<u64>,
}

pub(super) async fn run(args: WhyArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = Moment::now(&org.store).await?;
    let agent = agent_of_any_time(&org, &moment, &args.agent).await?;
    let mut answers = Vec::new();
    if let Some(number) = args.tick {
        match of_tick(&org.store, &agent, Tick(number)).await? {
            Some(why) => answers.push(why),
            None => return Err(no_tick(&org, Some(Tick(number))).await?),
        }
    } else {
        answers = ahead::why(&org, &agent, moment.state.tick).await?;
    }
    let out = &mut session.out;
    if out.json() {
        out.document(&json!({ "agent": agent, "answers": answers }))?;
        return Ok(Exit::Ok);
    }
    answers.iter().try_for_each(|why| tell(why, out))?;
    Ok(Exit::Ok)
}

fn tell(why: &Why, out: &mut Output) -> Result<(), CliError> {
    let title = match why.state {
        None => format!("next, tick {}", why.tick),
        Some(_) => format!("tick {}", why.tick),
    };
    let style = match why.reason {
        Reason::Ran | Reason::WillRun | Reason::Waiting | Reason::InProgress | Reason::NotBegun => GOOD,
        Reason::NotScheduled | Reason::NoMail | Reason::NotWoken | Reason::JustCreated => DIM,
        Reason::Failed | Reason::BrokenResume | Reason::UnknownModel | Reason::Unexplained => BAD,
        _ => WARN,
    };
    let reason = json!(why.reason);
    let reason = styled(style, reason.as_str().unwrap_or_default().replace('_', " "));
    out.line(format!("{} {}  {reason}", styled(TITLE, title), styled(DIM, format!("(clock {})", why.clock))))?;
    out.wrapped(format!("  {}", clean(&why.answer).replace('\n', " ")))?;
    if let Some(model) = why.facts.get("model_in_trouble").and_then(|model| model.as_str()) {
        out.wrapped(format!("  {}", styled(WARN, format!("the model {model} did not answer it last time"))))?;
    }
    if let Some(hint) = &why.hint {
        out.wrapped(format!("  {} {}", styled(GOOD, "hint:"), clean(hint).replace('\n', " ")))?;
    }
    Ok(())
}
