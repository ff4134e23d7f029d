//! What an agent may create: a child with no more permissions than it has, paid from what it may give away.
//!
//! Whether the child comes to be is decided at close, from the records alone (`fold`).

use serde_json::Value;

use super::super::EngineError;
use super::super::inputs::input;
use super::super::money;
use super::super::run::Run;
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::name::{AgentName, TEMPLATE};
use crate::domain::resume::Resume;
use crate::record::plan::Due;
use crate::record::turn::NewAgent;
use crate::store::Key;
use crate::tool::limits::{MAX_AGENTS, MAX_CREATED_AGENTS};
use crate::tool::{CallFailure, ToolError};

/// The resume of the creator, of an agent that it may read, or of the template. `pinned`: the template as
/// this turn has it, once it has looked.
pub(super) async fn template(
    run: &Run,
    creator: &Resume,
    name: &AgentName,
    pinned: &mut Option<Sha>,
) -> Result<Option<Value>, CallFailure> {
    let sha = if name.as_str() == TEMPLATE {
        if pinned.is_none() {
            *pinned = pin(run, name).await.map_err(broken)?;
        }
        pinned.clone()
    } else if *name == creator.name || creator.permissions.read_outboxes.allows(name) {
        run.agent(name).filter(|agent| agent.present).map(|agent| agent.resume.clone())
    } else {
        None
    };
    let Some(sha) = sha else { return Ok(None) };
    let (_, bytes) = input(&run.ctx.store, &sha).await.map_err(broken)?;
    match serde_json::from_slice(&bytes) {
        Ok(resume @ Value::Object(_)) => Ok(Some(resume)),
        _ => Err(ToolError(format!("the resume of {name} is not a JSON object")).into()),
    }
}

fn broken(error: EngineError) -> CallFailure {
    CallFailure::Broken(Box::new(error))
}

/// Makes an input of the template as it stands, so that the turn's record can name it.
async fn pin(run: &Run, name: &AgentName) -> Result<Option<Sha>, EngineError> {
    let store = &run.ctx.store;
    let bytes = match store.get(&Key::Resume(name.clone())).await {
        Ok(bytes) => bytes,
        Err(error) if error.is_about_one_object() => None,
        Err(error) => return Err(error.into()),
    };
    let Some(bytes) = bytes else { return Ok(None) };
    let sha = Sha::of(&bytes);
    store.create_pure(&Key::Input(sha.clone()), bytes).await?;
    Ok(Some(sha))
}

/// What a creator may still give away: what its account holds beyond what this turn may cost, less what it gave.
pub(super) fn purse<'a>(run: &Run, due: &Due, asked_for: impl Iterator<Item = &'a NewAgent>) -> Credits {
    let balance = run.agent(&due.agent).map_or(Credits::ZERO, |agent| agent.account.balance);
    let given: Credits = asked_for.map(|child| child.credits).sum();
    money::to_give_away(balance, due.grant_credits).saturating_sub(given)
}

/// Checks a wish for a child.
pub(super) fn check(
    run: &Run,
    due: &Due,
    creator: &Resume,
    asked_for: &[&NewAgent],
    child: &Resume,
    credits: Credits,
) -> Result<(), ToolError> {
    let name = &child.name;
    let refused = |why: String| Err(ToolError(why));
    if !name.may_be_an_agent() {
        return refused(format!("the name {name} is reserved"));
    }
    if run.state.agents.contains_key(name) || asked_for.iter().any(|other| other.resume.name == *name) {
        return refused(format!("the name {name} is taken: an agent has or had it"));
    }
    if asked_for.len() >= MAX_CREATED_AGENTS {
        return refused(format!("one turn creates at most {MAX_CREATED_AGENTS} agents"));
    }
    let present = run.state.agents.values().filter(|agent| agent.present).count();
    if present + asked_for.len() >= MAX_AGENTS {
        return refused(format!("there are {present} agents: beyond {MAX_AGENTS} people alone add others"));
    }
    if let Some(excess) = child.permissions.excess_over(&creator.permissions, &creator.name) {
        return refused(format!("{name} may be given no more than you have: {excess}"));
    }
    if !run.settings.models.value.models.contains_key(&child.model.key) {
        return refused(format!("/model/key: there is no model {}", child.model.key));
    }
    if credits.is_zero() {
        return refused("an agent needs credits to work with".to_owned());
    }
    let purse = purse(run, due, asked_for.iter().copied());
    if credits > purse {
        return refused(format!("you have {purse} credits to give away beyond what this turn may cost, not {credits}"));
    }
    Ok(())
}
