//! `lemming replay`

use serde_json::{Value, json};

use crate::chronicle::moment::Moment;
use crate::cli::error::{CliError, Exit};
use crate::cli::findings;
use crate::cli::globals::{Session, agent_of_any_time, known_agent};
use crate::cli::output::{BAD, DIM, GOOD, NAME, styled};
use crate::domain::time::Tick;
use crate::engine::{Code, Proof, Replayed, prove};

/// Makes a past tick again, from its records alone, and proves that it comes out the same.
///
/// The state before it, its plan, its prompts and turns, and its closed record are worked out once
/// more and compared; every record and input that it was made from must have the hash that another
/// record names. Calls no model and writes nothing: the answers are the recorded ones. Ends with 1
/// unless all is equal, and names each record that is not, with the first difference by its JSON
/// pointer. Of a turn it is not compared who ran it, when and for how long.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ReplayArgs {
    /// The number of the tick
    tick: u64,
    /// Of the turns, only that of this agent [default: all turns of the tick]
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
}

pub(super) async fn run(args: ReplayArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let agent = match &args.agent {
        Some(name) => Some(match known_agent(&org, name).await {
            // One that is removed has the turns that it had.
            Err(error) if error.exit() == Exit::NotFound => {
                agent_of_any_time(&org, &Moment::now(&org.store).await?, name).await?
            }
            known => known?,
        }),
        None => None,
    };
    let with = org.replaying();
    let proving = prove(&with, Tick(args.tick), agent.as_ref());
    let Some(proof) = session.reading(&org, "reading records", proving).await? else {
        let error = CliError::new(Exit::NotFound, format!("tick {} has not been planned", args.tick));
        return Err(error.hint("`lemming status` names the last one"));
    };
    if let (Some(agent), true, true) = (&agent, proof.turns.is_empty(), proof.findings.is_empty()) {
        let error = CliError::new(Exit::NotFound, format!("{agent} has no committed turn in tick {}", args.tick));
        return Err(error.hint("`lemming inspect` shows the turns of an agent"));
    }
    let is_equal = proof.is_equal();
    let out = &mut session.out;
    if out.json() {
        out.document(&document(&proof))?;
        return Ok(if is_equal { Exit::Ok } else { Exit::Failed });
    }
    if proof.turns.is_empty() {
        out.line(styled(DIM, "no turn of this tick is committed"))?;
    }
    for turn in &proof.turns {
        let verdict = match turn.is_equal() {
            true if turn.is_erased => styled(DIM, "erased"),
            true => styled(GOOD, "equal"),
            false => styled(BAD, "different"),
        };
        out.line(format!("{}  {verdict}", styled(NAME, &turn.agent)))?;
    }
    for finding in &proof.findings {
        findings::show(finding, out)?;
    }
    out.line(match (is_equal, &proof.closed) {
        (true, _) if proof.is_erased() => {
            format!("{}  of tick {} something was given up; what is left fits", styled(DIM, "erased"), proof.tick)
        }
        (true, Some(sha)) => {
            format!("{}  tick {} comes out the same; its closed record is {sha}", styled(GOOD, "equal"), proof.tick)
        }
        (true, None) => format!("{}  tick {} is open; what there is of it", styled(GOOD, "equal"), proof.tick),
        (false, _) => format!("{}  tick {} does not follow from its records", styled(BAD, "different"), proof.tick),
    })?;
    Ok(if is_equal { Exit::Ok } else { Exit::Failed })
}

fn document(proof: &Proof) -> Value {
    let is_wrong = |codes: &[Code]| proof.findings.iter().any(|finding| codes.contains(&finding.code));
    json!({
        "tick": proof.tick,
        "equal": proof.is_equal(),
        "erased": proof.is_erased(),
        "closed_sha256": proof.closed,
        "plan_equal": !is_wrong(&[Code::WrongPlan]),
        "fold_equal": !is_wrong(&[Code::WrongFold]),
        "turns": proof.turns.iter().map(turn).collect::<Vec<_>>(),
        "findings": proof.findings.iter().map(findings::document).collect::<Vec<_>>(),
    })
}

fn turn(turn: &Replayed) -> Value {
    json!({
        "agent": turn.agent,
        "equal": turn.is_equal(),
        "other_prompt_version": turn.other_prompt_version,
        "as_closed": turn.is_as_closed,
        "erased": turn.is_erased,
        "difference": turn.difference,
    })
}
