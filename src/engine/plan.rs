//! Plan: who runs in a tick, with how much money. A pure function of state, inputs, ingress and
//! trigger; then one create, whose loser uses the winner's.

use std::collections::{BTreeMap, BTreeSet};

use super::command::Commanded;
use super::due::{Pauses, cause, is_failing};
use super::inputs::{Check, Checked, Ingress, Settings};
use super::money::{Claim, Worst, budget_left, budget_window, chosen_model, grant, worst};
use super::report::Idle;
use super::timing::Timing;
use super::{apply, approval, prompt, shards};
use crate::domain::ids::Seed;
use crate::domain::ingress::Action;
use crate::domain::name::{AgentName, IngressName, RunnerId};
use crate::domain::org::OrgConfig;
use crate::domain::pace::CatchUp;
use crate::domain::position::Position;
use crate::domain::resume::ReadList;
use crate::domain::schedule::{FirePoint, When};
use crate::domain::time::{Clock, Tick};
use crate::mutant::{self, Mutant};
use crate::record::Nonce;
use crate::record::plan::{Admitted, Cause, Credited, Due, Found, Item, Plan, SkipReason, Skipped, Trigger};
use crate::record::state::{AgentState, Authors, Facts, Problem, State, Unread};

/// An admitted name is remembered for at least so many ticks after its admission.
const REMEMBER_ADMITTED: u64 = 64;

/// What a plan is made from.
pub(super) struct Situation<'a> {
    pub(super) state: &'a State,
    pub(super) settings: &'a Settings,
    pub(super) check: &'a Check,
    pub(super) ingress: &'a Ingress,
    pub(super) timing: &'a Timing,
    pub(super) seed: Seed,
    pub(super) by: RunnerId,
    pub(super) nonce: Nonce,
}

/// The admitted mail of a plan as unread entries, at rank 0.
pub(super) fn mail_entries<'a>(ingress: &'a [Admitted], plan: &'a Plan) -> impl Iterator<Item = Unread> + 'a {
    entries_of(ingress, plan.tick, plan.clock)
}

fn entries_of(ingress: &[Admitted], tick: Tick, clock: Clock) -> impl Iterator<Item = Unread> + '_ {
    (0..).zip(ingress).filter_map(move |(index, admitted)| match &admitted.item {
        Item::Control(_) => None,
        Item::Mail(mail) => Some(Unread {
            position: Position::new(tick, 0, index),
            id: mail.id,
            from: mail.from.clone(),
            mail: true,
            to: mail.recipients.clone(),
            clock,
            hops: mail.hops,
        }),
    })
}

/// A plan, and why it would start nothing, if so.
pub(super) struct Draft {
    pub(super) plan: Plan,
    pub(super) idle: Option<Idle>,
}

/// Makes the plan, and says whether there is anything to plan for.
pub(super) fn draft(situation: Situation<'_>, commanded: Commanded) -> Draft {
    let Situation { state, settings, check, ingress, timing, seed, by, nonce } = situation;
    let (org, models) = (&settings.org.value, &settings.models.value);
    let tick = state.tick.next();
    let window = budget_window(org.budget.as_ref(), timing.time);
    let found = found(state, check);
    let mut problems: Vec<Problem> = timing.problem.iter().cloned().collect();
    problems.extend(check.problems.iter().cloned());
    problems.extend(broken_resumes(state, check));
    problems.extend(ingress.problems.iter().cloned());
    problems.extend(commanded.problems);

    // The state as the turns of this tick will find it.
    let mut now = state.clone();
    apply::apply_found(&mut now, found.iter(), tick);
    apply::apply_credited(&mut now, &window, &[]);
    let mut credited = Vec::new();
    for action in ingress.items.iter().filter_map(control) {
        match action {
            Action::TopUp { agent, credits } => match top_up(&now, agent.as_ref(), *credits) {
                Ok(top_up) => {
                    apply::apply_credited(&mut now, &window, std::slice::from_ref(&top_up));
                    credited.push(top_up);
                }
                Err(problem) => problems.push(problem),
            },
            Action::Pause { .. }
            | Action::Resume { .. }
            | Action::Memory { .. }
            | Action::Archive { .. }
            | Action::PutBack { .. }
            | Action::RestoreFile { .. }
            | Action::Approve { .. }
            | Action::Deny { .. }
            | Action::Edited { .. } => {}
        }
    }
    let decisions = approval::decide(state, &ingress.items, timing.time, &mut problems);
    approval::apply_decisions(&mut now, &decisions, tick);
    now.unread.extend(entries_of(&ingress.items, tick, timing.clock));
    let authors = Authors::of(&now);
    let pauses = Pauses::of(&now, &ingress.items);

    // Other models than before may mend what failed.
    let other_models = state.models.as_ref() != Some(&settings.models.sha);
    let mut skipped = Vec::new();
    let mut claims: Vec<(FirePoint, &AgentName, Cause, Worst)> = Vec::new();
    for (name, agent) in &now.agents {
        let Ok(because) = cause(&now, &authors, name, agent, (&timing.trigger, timing.range), org) else { continue };
        let resume = match check.checked.get(name) {
            Some(Checked::Resume(resume)) => &resume.value,
            _ => {
                skipped.push(Skipped { agent: name.clone(), reason: SkipReason::BrokenResume });
                continue;
            }
        };
        if pauses.of_agent(name, agent).is_some() {
            skipped.push(Skipped { agent: name.clone(), reason: SkipReason::Paused });
            continue;
        }
        let key = chosen_model(resume, models, agent.account.balance);
        let Some(worst) = worst(org, resume, models, key) else {
            let message = format!("the model {} is not in config/models.json", resume.model.key);
            problems.push(Problem::new("unknown_model", message).of(name).at(format!("agents/{name}/resume.json")));
            skipped.push(Skipped { agent: name.clone(), reason: SkipReason::UnknownModel });
            continue;
        };
        if because != Cause::Named && !other_models && is_failing(agent, timing.clock) {
            skipped.push(Skipped { agent: name.clone(), reason: SkipReason::Failing });
            continue;
        }
        claims.push((agent.facts.schedule.fire_point(), name, because, worst));
    }
    claims.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1)));

    let money: Vec<Claim> = claims
        .iter()
        .map(|(_, name, _, worst)| Claim { worst: *worst, balance: now.agents[*name].account.balance })
        .collect();
    let mut due = Vec::new();
    for ((_, name, because, worst), granted) in
        claims.iter().zip(grant(&money, budget_left(org.budget.as_ref(), &now.budget)))
    {
        match granted {
            Err(short) => skipped.push(Skipped { agent: (*name).clone(), reason: short.reason }),
            Ok(grant_credits) => due.push(Due {
                agent: (*name).clone(),
                rank: u32::try_from(due.len() + 1).unwrap_or(u32::MAX),
                because: *because,
                resume: now.agents[*name].resume.clone(),
                call_credits: worst.call,
                least_credits: worst.least,
                attempt_credits: worst.attempt,
                grant_credits,
            }),
        }
    }
    skipped.sort_by(|a, b| a.agent.cmp(&b.agent));

    // Above the size at which every resume is read every time, a changed one that was met in
    // rotation must be written down, or the next idle slot would have forgotten it.
    let found_in_rotation = check.rotates && !found.is_empty();
    let idle = if now.agents.is_empty() && check.folders.is_empty() && ingress.items.is_empty() {
        Some(Idle::NoAgents)
    } else if due.is_empty()
        && ingress.items.is_empty()
        && decisions.is_empty()
        && !timing.even_if_idle
        && !found_in_rotation
    {
        Some(if pauses.is_whole() { Idle::Paused } else { Idle::NothingToDo })
    } else {
        None
    };
    let reads: Vec<(&AgentName, &ReadList)> =
        due.iter().map(|due: &Due| (&due.agent, &now.agents[&due.agent].facts.reads)).collect();
    let size = usize::try_from(org.limits.agents_per_shard.get()).unwrap_or(usize::MAX);
    let shards = shards::cut(&reads, org.visibility, size);
    let plan = Plan {
        format: 1,
        erased: None,
        nonce,
        by,
        tick,
        clock: timing.clock,
        time: timing.time,
        trigger: timing.trigger.clone(),
        range: timing.range,
        anchor: timing.anchor,
        seed,
        visibility: org.visibility,
        prompt_version: prompt::VERSION,
        previous: state.closed.clone(),
        org: settings.org.sha.clone(),
        models: settings.models.sha.clone(),
        tools: settings.toolbox.as_ref().map(|toolbox| toolbox.sha.clone()),
        tools_lock: settings.accepted.as_ref().map(|accepted| accepted.sha.clone()),
        budget_window: window,
        found,
        due,
        skipped,
        shards,
        ingress: ingress.items.clone(),
        forgotten: forgotten(state, ingress, tick),
        credited,
        memory: commanded.memory,
        archive: commanded.archive,
        files: commanded.files,
        decisions,
        problems,
    };
    Draft { plan, idle }
}

/// What a command of the ingress asks for.
pub(super) fn control(admitted: &Admitted) -> Option<&Action> {
    match &admitted.item {
        Item::Control(control) => Some(&control.action),
        Item::Mail(_) => None,
    }
}

/// What the resume check found that the state does not know.
fn found(state: &State, check: &Check) -> BTreeMap<AgentName, Found> {
    let mut found = BTreeMap::new();
    for (name, checked) in &check.checked {
        let known = state.agents.get(name);
        match checked {
            Checked::Resume(resume) => {
                let same = |agent: &AgentState| agent.present && !agent.broken && agent.resume == resume.sha;
                if !known.is_some_and(same) {
                    let facts = Facts::of(&resume.value);
                    found.insert(name.clone(), Found::Resume { resume: resume.sha.clone(), facts });
                }
            }
            Checked::Broken(_) if known.is_some_and(|agent| agent.present && !agent.broken) => {
                found.insert(name.clone(), Found::Broken);
            }
            Checked::Missing if known.is_some_and(|agent| agent.present) => {
                found.insert(name.clone(), Found::Gone);
            }
            Checked::Broken(_) | Checked::Missing => {}
        }
    }
    for (name, agent) in &state.agents {
        if agent.present && !check.folders.contains(name) {
            found.insert(name.clone(), Found::Gone);
        }
    }
    found
}

fn broken_resumes<'a>(state: &'a State, check: &'a Check) -> impl Iterator<Item = Problem> + 'a {
    check.checked.iter().filter_map(|(name, checked)| {
        let (kind, message) = match checked {
            Checked::Resume(_) => return None,
            // Told when it went: a folder of one that was removed keeps what it said and kept.
            Checked::Missing if state.agents.get(name).is_some_and(|agent| !agent.present) => return None,
            Checked::Broken(message) => ("broken_resume", message.as_str()),
            Checked::Missing => ("missing_resume", "the folder has no resume.json"),
        };
        Some(Problem::new(kind, message).of(name).at(format!("agents/{name}/resume.json")))
    })
}

/// A top-up as it takes effect: an account is not lifted above its `max_credits`.
fn top_up(
    now: &State,
    agent: Option<&AgentName>,
    credits: crate::domain::credits::Credits,
) -> Result<Credited, Problem> {
    let Some(name) = agent else { return Ok(Credited { agent: None, credits }) };
    let Some(account) = now.agents.get(name) else {
        let message = format!("a top-up of {credits} is for {name}, who is no agent here: nothing was credited");
        return Err(Problem::new("top_up_refused", message).of(name));
    };
    let room = account.facts.max_credits.saturating_sub(account.account.balance);
    Ok(Credited { agent: Some(name.clone()), credits: credits.min(room) })
}

/// The agents that may be due by what the state knows: their resumes must be read.
pub(super) fn may_be_due(state: &State, timing: &Timing, org: &OrgConfig, name: &AgentName) -> bool {
    let Some(agent) = state.agents.get(name) else { return true };
    if state.approvals.values().any(|waiting| waiting.agent == *name) {
        return true;
    }
    // Mail that this plan will admit is not read yet: whoever would be due with it is read too.
    let on_message = agent.facts.schedule.when == When::OnMessage;
    match (&timing.trigger, timing.range) {
        (Trigger::Wake { named }, _) => on_message || named.contains(name),
        (_, Some(range)) => {
            agent.facts.schedule.fires_at(range.to)
                || (org.pace.catch_up == CatchUp::One && agent.facts.schedule.fires_within(range.from, range.to))
        }
        (_, None) => true,
    }
}

/// Admitted names that are old enough and that the listing lacks.
fn forgotten(state: &State, ingress: &Ingress, tick: Tick) -> Vec<IngressName> {
    let listed: BTreeSet<&str> =
        ingress.listed.iter().filter_map(|path| path.rsplit('/').next()?.strip_suffix(".json")).collect();
    let at_once = mutant::is(Mutant::AdmittedNamesAreKept) || mutant::is(Mutant::IngressIsListedLast);
    let remember = if at_once { 1 } else { REMEMBER_ADMITTED };
    let old = state.admitted.iter().filter(|(_, admitted)| tick.0 >= admitted.0 + remember);
    old.map(|(name, _)| name).filter(|name| !listed.contains(name.as_str())).cloned().collect()
}
