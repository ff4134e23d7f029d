//! Calls that wait for a person's yes, and what became of those that waited: read from the state and the records.
//!
//! What waits is in the state, wherever it was asked; what was answered and heard of is looked for in as many closed ticks
//! as whoever asks allows. An answer counts from the plan that admits it: one that lies in the ingress until then is shown
//! beside the question, and so is one of a tick that is still open.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::moment::Moment;
use super::{PARALLEL, closed_back};
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::ingress::{Action, Author, Control};
use crate::domain::name::{AgentName, IngressName};
use crate::domain::time::{Tick, Timestamp};
use crate::engine::{EngineError, load_at};
use crate::record;
use crate::record::approval::{ApprovedCall, CallResult, Decision, Outcome, Question, Settled, Verdict};
use crate::record::plan::Plan;
use crate::record::state::State;
use crate::record::turn::TurnRecord;
use crate::store::{Key, Prefix, Store};

/// How many closed ticks are looked through, where nobody says how many.
pub const TICKS_BACK: u64 = 64;

/// The most commands that lie in the ingress of which the answers are told.
const MOST_SENT: usize = 256;

/// How far a call is that a person is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nobody has answered.
    Waiting,
    /// It is answered, and its agent has not heard of that.
    Answered,
    /// Its agent has heard of the answer.
    Settled,
    /// Its agent was gone before it heard of the answer: nothing came of it.
    GivenUp,
}

impl Standing {
    /// The word as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Answered => "answered",
            Self::Settled => "settled",
            Self::GivenUp => "given_up",
        }
    }
}

/// An answer that a tick has admitted, or time's.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ApprovalAnswer)]
pub struct Answer {
    /// The answer.
    pub verdict: Verdict,
    /// In which tick it was admitted.
    pub tick: Tick,
    /// The time of that tick.
    pub at: Option<Timestamp>,
    /// Who gave it; `null`: nobody did in time.
    pub by: Option<Author>,
    /// By which command.
    pub command: Option<IngressName>,
    /// The arguments that the call is made with instead of those that were asked for.
    pub arguments: Option<Value>,
    /// Why not.
    pub reason: Option<String>,
}

/// What came of an answered call.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ApprovalEnd)]
pub struct End {
    /// Whether the call was made.
    pub outcome: Outcome,
    /// In which tick the agent heard of it; `null`: it has not yet.
    pub tick: Option<Tick>,
    /// Whether it did what was asked; `null`: nobody knows.
    pub ok: Option<bool>,
    /// What it returned, or why it was not made; `null` where that was given up or is not known.
    pub result: Option<Value>,
}

/// An answer that no tick has admitted yet.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SentAnswer)]
pub struct Sent {
    /// The command.
    pub command: IngressName,
    /// Who gave it.
    pub by: Author,
    /// When.
    pub sent_at: Timestamp,
    /// Whether it says yes.
    pub approves: bool,
}

/// A call that a person is or was asked about.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Approval {
    /// Its id, which is the call's.
    pub id: Uuid,
    /// How far it is.
    pub standing: Standing,
    /// Who asks.
    pub agent: AgentName,
    /// In which tick it asked.
    pub tick: Tick,
    /// The tool, as a model calls it.
    pub tool: String,
    /// The tool, as resumes permit it; `null` where the record of the turn is gone.
    pub permission: Option<String>,
    /// Exactly these arguments; `null` where they were given up.
    pub arguments: Option<Value>,
    /// The hash of their canonical bytes: who says yes says it to this.
    pub arguments_sha256: Sha,
    /// What the call is worth, if that can be told.
    pub worth_credits: Option<Credits>,
    /// What it is for, in the model's own words.
    pub purpose: Option<String>,
    /// The time of the tick that asks.
    pub asked_at: Option<Timestamp>,
    /// Unanswered until then, it is answered by no.
    pub expires_at: Timestamp,
    /// Answers that no tick has admitted yet, the oldest first.
    pub sent: Vec<Sent>,
    /// The answer.
    pub answer: Option<Answer>,
    /// What came of it.
    pub end: Option<End>,
}

/// Why a call cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    /// It has been.
    #[error("it was answered in tick {tick}: {}{}", .verdict.as_str(), .by.as_ref().map_or(String::new(), |by| format!(" by {}", by.0)))]
    Answered {
        /// In which tick.
        tick: Tick,
        /// How.
        verdict: Verdict,
        /// By whom; none: by time.
        by: Option<Author>,
    },
    /// Its time is over.
    #[error("it could be answered until {0}")]
    Late(Timestamp),
    /// Nobody can say yes to what cannot be shown.
    #[error("its arguments were given up")]
    Unshown,
    /// Nor to something else than what waits.
    #[error("the record of its turn has other arguments than those that wait")]
    Damaged,
}

impl Approval {
    /// Says whether it can still be answered.
    ///
    /// # Errors
    /// It has been, or its time is over.
    pub fn answerable(&self, now: Timestamp) -> Result<(), Unanswerable> {
        if let Some(Answer { tick, verdict, by, .. }) = &self.answer {
            return Err(Unanswerable::Answered { tick: *tick, verdict: *verdict, by: by.clone() });
        }
        if self.expires_at <= now { Err(Unanswerable::Late(self.expires_at)) } else { Ok(()) }
    }

    /// The arguments that wait, as a person must see them before they say yes.
    ///
    /// # Errors
    /// They were given up, or are not those of the hash.
    pub fn shown(&self) -> Result<&Value, Unanswerable> {
        let arguments = self.arguments.as_ref().ok_or(Unanswerable::Unshown)?;
        match record::hash(arguments) == self.arguments_sha256 {
            true => Ok(arguments),
            false => Err(Unanswerable::Damaged),
        }
    }
}

/// What can be told of a question before its records are read.
#[derive(Debug, Clone)]
struct Seen {
    agent: AgentName,
    tick: Tick,
    tool: String,
    arguments_sha256: Sha,
    expires_at: Timestamp,
    standing: Standing,
    verdict: Option<Verdict>,
    decided: Option<Tick>,
    heard: Option<Tick>,
}

/// The calls that wait at a moment and those that were answered in the last so many ticks before it: what waits first, the
/// oldest first; then what was answered, the newest first.
///
/// # Errors
/// The store failed, or the records contradict each other.
pub async fn approvals(moment: &Moment, ticks: u64) -> Result<Vec<Approval>, EngineError> {
    let mut seen = waiting(&moment.state);
    look_back(moment, ticks, &mut seen).await?;
    told(moment, seen).await
}

/// The calls of which the agents have not heard the answer at a moment, as [`approvals`] tells them.
///
/// # Errors
/// As [`approvals`].
pub async fn open(moment: &Moment) -> Result<Vec<Approval>, EngineError> {
    told(moment, waiting(&moment.state)).await
}

/// Some of those, by their ids.
///
/// # Errors
/// As [`approvals`].
pub async fn of(moment: &Moment, ids: &[Uuid]) -> Result<Vec<Approval>, EngineError> {
    let mut seen = waiting(&moment.state);
    seen.retain(|id, _| ids.contains(id));
    told(moment, seen).await
}

fn waiting(state: &State) -> BTreeMap<Uuid, Seen> {
    let all = state.approvals.iter().map(|(id, waiting)| {
        let standing = if waiting.verdict.is_some() { Standing::Answered } else { Standing::Waiting };
        let seen = Seen {
            agent: waiting.agent.clone(),
            tick: waiting.tick,
            tool: waiting.tool.clone(),
            arguments_sha256: waiting.arguments_sha256.clone(),
            expires_at: waiting.expires_at,
            standing,
            verdict: waiting.verdict,
            decided: waiting.decided,
            heard: None,
        };
        (*id, seen)
    });
    all.collect()
}

/// Finds the questions of the last ticks that are no longer in the state.
async fn look_back(moment: &Moment, ticks: u64, seen: &mut BTreeMap<Uuid, Seen>) -> Result<(), EngineError> {
    let last = moment.state.tick;
    let first = Tick((last.0.saturating_sub(ticks) + 1).max(1));
    let mut asked: BTreeMap<Uuid, Seen> = BTreeMap::new();
    let mut decided: BTreeMap<Uuid, (Verdict, Tick)> = BTreeMap::new();
    let mut heard: BTreeMap<Uuid, Tick> = BTreeMap::new();
    let mut back = closed_back(moment.store(), last, ticks);
    while let Some(closed) = back.next().await {
        let closed = closed?;
        decided.extend(closed.decided.iter().map(|(id, verdict)| (*id, (*verdict, closed.tick))));
        for (agent, turn) in &closed.turns {
            heard.extend(turn.answered.iter().map(|id| (*id, closed.tick)));
            for question in &turn.waiting {
                let seen = Seen {
                    agent: agent.clone(),
                    tick: closed.tick,
                    tool: question.tool.clone(),
                    arguments_sha256: question.arguments_sha256.clone(),
                    expires_at: question.expires_at,
                    standing: Standing::GivenUp,
                    verdict: None,
                    decided: None,
                    heard: None,
                };
                asked.insert(question.id, seen);
            }
        }
    }
    drop(back);
    let ended: BTreeSet<Uuid> =
        decided.keys().chain(heard.keys()).filter(|id| !seen.contains_key(id)).copied().collect();
    if ended.iter().any(|id| !asked.contains_key(id)) {
        // Asked before the first tick that is looked at: the state before that one has it.
        for (id, old) in waiting(&load_at(moment.store(), first.previous()).await?) {
            asked.entry(id).or_insert(Seen { standing: Standing::GivenUp, ..old });
        }
    }
    for id in ended {
        let Some(mut found) = asked.remove(&id) else { continue };
        if let Some((verdict, tick)) = decided.get(&id) {
            (found.verdict, found.decided) = (Some(*verdict), Some(*tick));
        }
        found.heard = heard.get(&id).copied();
        if found.heard.is_some() {
            found.standing = Standing::Settled;
        }
        seen.insert(id, found);
    }
    Ok(())
}

/// Reads what the records say of questions.
async fn told(moment: &Moment, seen: BTreeMap<Uuid, Seen>) -> Result<Vec<Approval>, EngineError> {
    let mut seen = seen;
    let store = moment.store();
    let any_open = seen.values().any(|seen| seen.heard.is_none());
    let under_way = if any_open && !moment.is_past { open_plan(moment).await? } else { None };
    for decision in under_way.iter().flat_map(|plan| &plan.decisions) {
        if let Some(waiting) = seen.get_mut(&decision.approval) {
            (waiting.verdict, waiting.decided) = (Some(decision.verdict), under_way.as_ref().map(|plan| plan.tick));
            waiting.standing = Standing::Answered;
        }
    }
    let any_waits = seen.values().any(|seen| seen.standing == Standing::Waiting);
    let mut sent = if any_waits && !moment.is_past {
        let taken = under_way.iter().flat_map(|plan| plan.ingress.iter().map(|admitted| &admitted.name)).collect();
        sent(moment, &taken).await?
    } else {
        BTreeMap::new()
    };
    let turns: BTreeSet<(Tick, AgentName)> = seen
        .values()
        .flat_map(|seen| [Some(seen.tick), seen.heard].into_iter().flatten().map(|tick| (tick, seen.agent.clone())))
        .collect();
    let turns: BTreeMap<(Tick, AgentName), Option<TurnRecord>> =
        read(turns, |(tick, agent)| async move { store.read::<TurnRecord>(&Key::Turn(tick, agent)).await }).await?;
    let plans: BTreeSet<Tick> =
        seen.values().flat_map(|seen| [Some(seen.tick), seen.decided].into_iter().flatten()).collect();
    let plans: BTreeMap<Tick, Option<Plan>> =
        read(plans, |tick| async move { store.read::<Plan>(&Key::Plan(tick)).await }).await?;
    let answered = seen.iter().filter(|(_, seen)| seen.standing == Standing::Answered && !moment.is_past);
    let answered: BTreeSet<Uuid> = answered.map(|(id, _)| *id).collect();
    let made: BTreeMap<Uuid, Option<End>> = read(answered, |id| made(store, id)).await?;
    let mut found: Vec<Approval> = seen
        .into_iter()
        .map(|(id, seen)| {
            let turn = |tick: Tick| turns.get(&(tick, seen.agent.clone())).and_then(Option::as_ref);
            let question = turn(seen.tick).and_then(|turn| turn.waiting.iter().find(|question| question.id == id));
            let settled = seen.heard.and_then(&turn);
            let settled = settled.and_then(|turn| turn.answered.iter().find(|settled| settled.id == id));
            let plan = |tick: Tick| plans.get(&tick).and_then(Option::as_ref);
            let answer = seen.verdict.zip(seen.decided).map(|(verdict, tick)| {
                let decisions = plan(tick).map(|plan| &plan.decisions);
                let decision = decisions.and_then(|all| all.iter().find(|decision| decision.approval == id));
                answer(verdict, tick, plan(tick), decision)
            });
            Approval {
                id,
                standing: seen.standing,
                tick: seen.tick,
                permission: question.map(|question| question.permission.clone()),
                arguments: question
                    .map(|question| &question.arguments)
                    .filter(|arguments| !arguments.is_null())
                    .cloned(),
                worth_credits: question.and_then(|question| question.worth_credits),
                purpose: question.and_then(|question: &Question| question.purpose.clone()),
                asked_at: plan(seen.tick).map(|plan| plan.time),
                expires_at: seen.expires_at,
                sent: sent.remove(&id).unwrap_or_default(),
                end: match (settled, seen.heard) {
                    (Some(settled), Some(tick)) => Some(end(settled, tick)),
                    _ => made.get(&id).cloned().flatten(),
                },
                answer,
                agent: seen.agent,
                tool: seen.tool,
                arguments_sha256: seen.arguments_sha256,
            }
        })
        .collect();
    found.sort_by_key(|approval| {
        let newest = approval.answer.as_ref().map(|answer| std::cmp::Reverse(answer.tick));
        // What waits longest comes first; of what is answered, what was answered last.
        let since = if newest.is_none() { approval.tick } else { Tick(0) };
        (approval.standing != Standing::Waiting, newest, since, approval.id)
    });
    Ok(found)
}

/// Reads something for each of several things.
async fn read<K: Ord + Clone, T, E, F>(of: BTreeSet<K>, one: impl Fn(K) -> F) -> Result<BTreeMap<K, T>, EngineError>
where
    F: Future<Output = Result<T, E>>,
    EngineError: From<E>,
{
    let each = stream::iter(of.into_iter().map(|key| (key.clone(), one(key))));
    each.map(|(key, reading)| async move { Ok((key, reading.await?)) }).buffered(PARALLEL).try_collect().await
}

/// The plan of the tick that is open.
async fn open_plan(moment: &Moment) -> Result<Option<Plan>, EngineError> {
    Ok(moment.store().read::<Plan>(&Key::Plan(moment.state.tick.next())).await?)
}

fn answer(verdict: Verdict, tick: Tick, plan: Option<&Plan>, decision: Option<&Decision>) -> Answer {
    Answer {
        verdict,
        tick,
        at: plan.map(|plan| plan.time),
        by: decision.and_then(|decision| decision.by.clone()),
        command: decision.and_then(|decision| decision.command.clone()),
        arguments: decision.and_then(|decision| decision.arguments.clone()),
        reason: decision.and_then(|decision| decision.reason.clone()),
    }
}

fn end(settled: &Settled, tick: Tick) -> End {
    End {
        outcome: settled.outcome,
        tick: Some(tick),
        ok: (settled.outcome != Outcome::Unknown).then_some(settled.ok),
        result: Some(settled.result.clone()).filter(|result| !result.is_null()),
    }
}

/// What has come of an approved call whose agent has not heard of it: a runner may be at it.
async fn made(store: &Store, id: Uuid) -> Result<Option<End>, EngineError> {
    let Some(call) = store.read::<ApprovedCall>(&Key::ApprovedCall(id)).await? else { return Ok(None) };
    if call.arguments_sha256.is_none() {
        return Ok(Some(End { outcome: Outcome::NotMade, tick: None, ok: Some(false), result: None }));
    }
    Ok(Some(match store.read::<CallResult>(&Key::CallResult(id)).await? {
        Some(made) => End { outcome: Outcome::Made, tick: None, ok: Some(made.ok), result: Some(made.result) },
        None => End { outcome: Outcome::Unknown, tick: None, ok: None, result: None },
    }))
}

/// The answers that lie in the ingress, by question.
async fn sent(moment: &Moment, taken: &BTreeSet<&IngressName>) -> Result<BTreeMap<Uuid, Vec<Sent>>, EngineError> {
    let paths = moment.store().list(&Prefix::Ingress).await?;
    let names = paths.iter().filter_map(|path| match Key::parse(path) {
        Some(Key::Control(name)) if !moment.state.admitted.contains_key(&name) && !taken.contains(&name) => Some(name),
        _ => None,
    });
    let names: BTreeSet<IngressName> = names.take(MOST_SENT).collect();
    let store = moment.store();
    // What cannot be read is told by whoever would admit it.
    let control = |name: IngressName| async move {
        let bytes = store.get(&Key::Control(name)).await?;
        Ok::<_, EngineError>(bytes.and_then(|bytes| serde_json::from_slice::<Control>(&bytes).ok()))
    };
    let mut sent: BTreeMap<Uuid, Vec<Sent>> = BTreeMap::new();
    for (command, control) in read(names, control).await? {
        let Some(control) = control else { continue };
        let (approval, approves) = match &control.action {
            Action::Approve { approval, .. } => (*approval, true),
            Action::Deny { approval, .. } => (*approval, false),
            _ => continue,
        };
        let Control { by, sent_at, .. } = control;
        sent.entry(approval).or_default().push(Sent { command, by, sent_at, approves });
    }
    Ok(sent)
}
