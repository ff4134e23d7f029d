//! A plan made again: from the state before, the inputs that it pins, and what it says came from outside.

use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::super::inputs::{Check, Checked, Ingress, Pinned, Settings, input};
use super::super::memo::Memo;
use super::super::plan::{Draft, Situation, draft};
use super::super::report::Idle;
use super::super::{EngineError, apply, command, timing};
use super::records::AT_ONCE;
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::domain::resume::Resume;
use crate::record::plan::{Found, Plan, SkipReason};
use crate::record::state::State;
use crate::store::{Key, Store};

/// Makes the plan again.
///
/// From outside came: who asked and when, which files could not be read and why, what lay in the ingress, seed and
/// names. All else follows: who is due and in which order, who is skipped and why, money, shards, top-ups, memories.
pub(super) async fn again(
    store: &Store,
    memo: &Memo,
    before: &State,
    recorded: &Plan,
    settings: &Settings,
) -> Result<Result<Plan, Idle>, EngineError> {
    let timing = match timing::again(before, &settings.org.value, recorded) {
        Ok(timing) => timing,
        Err(idle) => return Ok(Err(idle)),
    };
    let check = check(store, memo, before, recorded).await?;
    let listed = before.admitted.keys().filter(|name| !recorded.forgotten.contains(name));
    let ingress = Ingress {
        listed: listed.map(|name| Key::Mail(name.clone()).path()).collect(),
        items: recorded.ingress.clone(),
        problems: recorded.problems.iter().filter(|problem| problem.kind == "broken_ingress").cloned().collect(),
    };
    let commanded = command::commanded(store, before, &ingress.items).await?;
    let situation = Situation {
        state: before,
        settings,
        check: &check,
        ingress: &ingress,
        timing: &timing,
        seed: recorded.seed,
        by: recorded.by.clone(),
        nonce: recorded.nonce.clone(),
    };
    let Draft { plan: again, idle } = draft(situation, commanded);
    let mut again = Plan { format: recorded.format, prompt_version: recorded.prompt_version, ..again };
    // Where a version lies is no part of it: a record that was given up has it in a blob.
    for change in &mut again.files {
        let same = recorded.files.iter().find(|of_plan| of_plan.path == change.path && of_plan.sha256 == change.sha256);
        if let Some(of_plan) = same {
            change.content.clone_from(&of_plan.content);
        }
    }
    Ok(idle.map_or(Ok(again), Err))
}

/// The resume check, as far as the plan tells of it: it looked at all who are due, skipped or found.
async fn check(store: &Store, memo: &Memo, before: &State, recorded: &Plan) -> Result<Check, EngineError> {
    let mut now = before.clone();
    apply::apply_found(&mut now, recorded.found.iter(), recorded.tick);
    let mut check = Check { rotates: true, ..Check::default() };
    check.folders.extend(now.agents.iter().filter(|(_, agent)| agent.present).map(|(name, _)| name.clone()));
    let found = recorded.found.iter().filter(|(_, found)| matches!(found, Found::Resume { .. })).map(|(name, _)| name);
    let skipped = recorded.skipped.iter().filter(|skipped| skipped.reason != SkipReason::BrokenResume);
    let looked_at = found.chain(recorded.due.iter().map(|due| &due.agent)).chain(skipped.map(|skipped| &skipped.agent));
    let known = looked_at.filter_map(|name| Some((name.clone(), now.agents.get(name)?.resume.clone())));
    let known: std::collections::BTreeMap<AgentName, Sha> = known.collect();
    let read = |(name, sha): (AgentName, Sha)| async move {
        let checked = resume(store, memo, &name, &sha).await?;
        Ok::<_, EngineError>((name, checked))
    };
    check.checked = stream::iter(known).map(read).buffered(AT_ONCE).try_collect().await?;
    for problem in &recorded.problems {
        match (problem.kind.as_str(), &problem.agent) {
            ("not_an_agent", _) => check.problems.push(problem.clone()),
            ("broken_resume", Some(agent)) => {
                check.folders.insert(agent.clone());
                check.checked.insert(agent.clone(), Checked::Broken(problem.message.clone()));
            }
            ("missing_resume", Some(agent)) => {
                check.folders.insert(agent.clone());
                check.checked.insert(agent.clone(), Checked::Missing);
            }
            _ => {}
        }
    }
    Ok(check)
}

async fn resume(store: &Store, memo: &Memo, name: &AgentName, sha: &Sha) -> Result<Checked, EngineError> {
    let pinned = |value, bytes| Checked::Resume(Pinned { value, sha: sha.clone(), bytes });
    if let Some(value) = memo.resume(sha, name) {
        return Ok(pinned(value, bytes::Bytes::new()));
    }
    let (key, bytes) = input(store, sha).await?;
    let resume = Resume::parse(&bytes, name).map_err(|error| EngineError::config(&key, "", error.to_string()))?;
    let value = Arc::new(resume);
    memo.keep_resume(sha.clone(), value.clone());
    Ok(pinned(value, bytes))
}
