//! Commands to the organisation that a person may wait for: given, and, where they like, admitted.

use serde_json::{Value, json};

use crate::cli::error::{CliError, Exit};
use crate::cli::follow::LOOK_EVERY;
use crate::cli::globals::Session;
use crate::cli::output::counted;
use crate::cli::problems;
use crate::domain::ingress::Action;
use crate::domain::name::IngressName;
use crate::domain::time::Tick;
use crate::engine::load;
use crate::record::closed::Closed;
use crate::record::state::Problem;
use crate::runner::compose::Org;
use crate::runner::local::until_signalled;
use crate::store::Key;

/// Whether a command waits until a tick has admitted it.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct WaitArgs {
    /// Waits until a tick has admitted it and is closed; Ctrl-C stops the waiting, not the command
    #[arg(long)]
    wait: bool,
}

/// What is ordered, and how it is told.
pub(super) struct Order {
    /// The commands.
    pub(super) actions: Vec<Action>,
    /// What they do, for people: it goes on with "with the next tick".
    pub(super) text: String,
    /// What else stands in the JSON document.
    pub(super) document: Value,
}

/// Puts commands into the ingress, tells when they take effect, and waits for that where a person likes.
pub(super) async fn give(org: &Org, order: Order, wait: WaitArgs, session: &mut Session) -> Result<Exit, CliError> {
    let mut names = Vec::with_capacity(order.actions.len());
    for action in &order.actions {
        names.push(org.postbox().order(action.clone()).await?);
    }
    let out = &mut session.out;
    if !out.json() {
        out.line(format!("{} with the next tick", order.text))?;
        out.flush()?;
    }
    let waited = match wait.wait {
        false => Waited { tick: None, problems: Vec::new(), exit: Exit::Ok },
        true => {
            if out.is_watched() && !out.json() {
                out.note("waiting for a tick; `lemming tick` runs one");
            }
            admitted(org, &names, &order.actions).await?
        }
    };
    if out.json() {
        let mut document = order.document;
        document["ordered"] = json!(names);
        document["commands"] = json!(order.actions);
        document["admitted_in"] = json!(waited.tick);
        document["problems"] = json!(waited.problems);
        out.document(&document)?;
        return Ok(waited.exit);
    }
    match waited.tick {
        Some(tick) => out.line(format!("admitted in tick {tick}"))?,
        None if wait.wait => out.line("not admitted yet; the next tick does it")?,
        None => {}
    }
    problems::lines(&waited.problems).iter().try_for_each(|line| out.line(line))?;
    Ok(waited.exit)
}

struct Waited {
    /// The tick that admitted the last of them.
    tick: Option<Tick>,
    /// Which of them came to nothing.
    problems: Vec<Problem>,
    exit: Exit,
}

/// Waits until closed ticks have admitted all names.
async fn admitted(org: &Org, names: &[IngressName], actions: &[Action]) -> Result<Waited, CliError> {
    let looked = until_signalled(
        || {},
        async |stop| {
            loop {
                let state = load(&org.store).await?.state;
                let ticks: Option<Vec<Tick>> = names.iter().map(|name| state.admitted.get(name).copied()).collect();
                if ticks.is_some() {
                    return Ok(ticks);
                }
                tokio::select! {
                    biased;
                    () = stop.requested() => return Ok::<_, CliError>(None),
                    () = org.clock().sleep(LOOK_EVERY) => {}
                }
            }
        },
    );
    let Some(mut ticks) = looked.await.unwrap_or(Ok(None))? else {
        return Ok(Waited { tick: None, problems: Vec::new(), exit: Exit::Interrupted });
    };
    ticks.sort_unstable();
    ticks.dedup();
    let mut found = Vec::new();
    for tick in &ticks {
        let closed = org.store.read::<Closed>(&Key::Closed(*tick)).await?;
        let told = closed.into_iter().flat_map(|closed| closed.problems);
        found.extend(told.filter(|problem| actions.iter().any(|action| is_of(problem, action))));
    }
    let exit = if found.is_empty() { Exit::Ok } else { Exit::Failed };
    Ok(Waited { tick: ticks.last().copied(), problems: found, exit })
}

/// Says whether a problem is that this command came to nothing.
fn is_of(problem: &Problem, action: &Action) -> bool {
    let path = match action {
        Action::Memory { agent, key, .. } | Action::Archive { agent, key, .. } | Action::PutBack { agent, key, .. } => {
            Key::Memory(agent.clone(), key.clone()).path()
        }
        Action::RestoreFile { path, .. } => path.clone(),
        Action::Approve { approval, .. } | Action::Deny { approval, .. } => Key::ApprovedCall(*approval).path(),
        Action::TopUp { .. } | Action::Pause { .. } | Action::Resume { .. } | Action::Edited { .. } => return false,
    };
    let comes_to_nothing =
        ["approval_refused", "command_without_effect", "not_restored"].contains(&problem.kind.as_str());
    comes_to_nothing && problem.path.as_ref() == Some(&path)
}

/// A number of things, as `3 memories`.
pub(super) fn memories(count: usize) -> String {
    if count == 1 { counted(count, "memory") } else { format!("{count} memories") }
}
