//! `lemming replay`

use serde_json::{Value, json};

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, known_agent};
use crate::cli::output::{BAD, DIM, GOOD, NAME, Output, clean, one_line, styled};
use crate::domain::time::Tick;
use crate::engine::{Replayed, replay};

/// How much of a value is shown.
const SHOWN_CHARS: usize = 400;

/// Runs the turns of a past tick again, from their records alone, and compares them.
///
/// Calls no model and writes nothing: the answers are the recorded ones. A turn that comes out the
/// same is equal; of any other the first difference is shown, by its JSON pointer. Ends with 1
/// unless all are equal. Who ran a turn, when and for how long is not compared.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ReplayArgs {
    /// The number of the tick
    tick: u64,
    /// Only the turn of this agent [default: all turns of the tick]
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
}

pub(super) async fn run(args: ReplayArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let agent = match &args.agent {
        Some(name) => Some(known_agent(&org, name).await?),
        None => None,
    };
    let with = org.replaying();
    let replaying = replay(&with, Tick(args.tick), agent.as_ref());
    let Some(turns) = session.reading(&org, "reading records", replaying).await? else {
        let error = CliError::new(Exit::NotFound, format!("tick {} has not been planned", args.tick));
        return Err(error.hint("`lemming status` names the last one"));
    };
    if let (Some(agent), true) = (&agent, turns.is_empty()) {
        let error = CliError::new(Exit::NotFound, format!("{agent} has no committed turn in tick {}", args.tick));
        return Err(error.hint("`lemming inspect` shows the turns of an agent"));
    }
    let is_equal = turns.iter().all(Replayed::is_equal);
    let out = &mut session.out;
    if out.json() {
        let turns: Vec<Value> = turns.iter().map(document).collect();
        out.document(&json!({ "tick": args.tick, "equal": is_equal, "turns": turns }))?;
    } else {
        if turns.is_empty() {
            out.line(styled(DIM, "no turn of this tick is committed"))?;
        }
        for turn in &turns {
            show(turn, out)?;
        }
    }
    Ok(if is_equal { Exit::Ok } else { Exit::Failed })
}

fn document(turn: &Replayed) -> Value {
    json!({
        "agent": turn.agent,
        "equal": turn.is_equal(),
        "other_prompt_version": turn.other_prompt_version,
        "as_closed": turn.is_as_closed,
        "difference": turn.difference,
    })
}

fn show(turn: &Replayed, out: &mut Output) -> Result<(), CliError> {
    let verdict = if turn.is_equal() { styled(GOOD, "equal") } else { styled(BAD, "different") };
    out.line(format!("{}  {verdict}", styled(NAME, &turn.agent)))?;
    if !turn.is_as_closed {
        out.line("  the record is not the one that the closed tick names: somebody changed it")?;
    }
    if let Some(version) = turn.other_prompt_version {
        out.line(format!("  version {version} of the prompt builder made the record; this program has another"))?;
    }
    if let Some(difference) = &turn.difference {
        out.line(format!("  at {}", clean(&difference.pointer)))?;
        for (what, value) in [("recorded", &difference.recorded), ("replayed", &difference.replayed)] {
            let value = value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
            out.line(format!("    {} {}", styled(DIM, what), one_line(&value, SHOWN_CHARS)))?;
        }
    }
    Ok(())
}
