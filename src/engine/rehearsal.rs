//! A rehearsal: the next tick, or what is left of an open one, up to the first model call of each turn.
//!
//! It is the engine's own planning, and its own prompts, over a store that takes in memory what a tick would write.
//! No model is called and nothing is written. What agents will say to each other in the tick is not known: who reads
//! others that rank before it is shown with their names.

use std::sync::Arc;

use super::fold::Hashed;
use super::run::Run;
use super::tick::{check_plan, pin_inputs, propose, timed};
use super::turn::{self, Committed};
use super::verdict::{Decision, Verdict, skipped, verdict};
use super::{Context, EngineError, Idle, inputs, load};
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::name::{AgentName, ModelKey};
use crate::domain::org::{OrgConfig, Visibility};
use crate::domain::prompt::Message;
use crate::record::encode;
use crate::record::plan::{Due, Plan, Trigger};
use crate::record::state::State;
use crate::record::turn::{Read, TurnRecord};
use crate::store::Key;

/// So many of those that a turn waits for are named.
const MOST_NAMES: usize = 16;

/// The next tick, as far as it is known before a model is called.
#[derive(Debug)]
pub struct Rehearsal {
    run: Run,
    before: Arc<State>,
    committed: Committed,
    /// Whether the tick is planned already, and open.
    pub is_open: bool,
    /// Why nothing would be started.
    pub idle: Option<Idle>,
}

/// How a turn would begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    /// The model that would think; absent: there is none of that name.
    pub model: Option<ModelKey>,
    /// The first prompt.
    pub prompt: Vec<Message>,
    /// Its bytes: no tokenizer makes more tokens of it.
    pub prompt_bytes: usize,
    /// The messages that it shows.
    pub inbox: Vec<Read>,
    /// How many more there are that do not fit.
    pub left_out: usize,
    /// What the first call may cost at worst, with this prompt.
    pub first_call: Credits,
    /// How many answers of another runner are recorded, and would be used again.
    pub recorded_answers: usize,
    /// Agents that rank before it and that it reads: what they say will be in the prompt as well. At most
    /// sixteen of them, in canonical order.
    pub waits_for: Vec<AgentName>,
    /// How many they are.
    pub waits_for_count: usize,
}

/// Rehearses what a trigger would do. Writes nothing; `Err(Idle)`: the trigger asks for no clock.
///
/// # Errors
/// As [`super::run_tick`].
pub async fn rehearse(ctx: &Context, trigger: &Trigger) -> Result<Result<Rehearsal, Idle>, EngineError> {
    let by = ctx.entropy.runner_id();
    let (before, _) = load::load_known(&ctx.store, &ctx.memo).await?;
    // What a tick would write stays in memory.
    let ctx = Context { store: ctx.store.scratch(), ..ctx.clone() };
    let tick = before.tick.next();
    if let Some((plan, bytes)) = ctx.store.read_with_bytes::<Plan>(&Key::Plan(tick)).await? {
        check_plan(&plan, &before)?;
        let settings = inputs::pinned_settings(&ctx.store, inputs::Pins::of(&plan)).await?;
        let committed = committed(&ctx, &plan).await?;
        let run = Run::new(ctx, by, &before, Hashed { value: plan, sha: Sha::of(&bytes) }, settings);
        return Ok(Ok(Rehearsal { run, before, committed, is_open: true, idle: None }));
    }
    let settings = inputs::settings(&ctx.store).await?;
    let mut relives = true;
    let proposal = loop {
        let (timing, relived) = match timed(&ctx, &settings.org.value, &before, trigger, relives).await? {
            Ok(timed) => timed,
            Err(idle) => return Ok(Err(idle)),
        };
        let proposal = propose(&ctx, &by, &before, &settings, &timing, None, relived.as_ref()).await?;
        // As a tick does that has nothing to relive.
        if relived.is_none() || proposal.draft.idle.is_none() {
            break proposal;
        }
        relives = false;
    };
    let plan = proposal.draft.plan;
    pin_inputs(&ctx, &before, &settings, &proposal.check.checked, &plan).await?;
    let sha = Sha::of(&encode(&plan));
    let run = Run::new(ctx, by, &before, Hashed { value: plan, sha }, settings);
    let idle = proposal.draft.idle;
    Ok(Ok(Rehearsal { run, before, committed: Committed::new(), is_open: false, idle }))
}

/// The turns of an open tick that are committed.
async fn committed(ctx: &Context, plan: &Plan) -> Result<Committed, EngineError> {
    use futures::{StreamExt as _, TryStreamExt as _, stream};
    const AT_ONCE: usize = 16;
    let agents: Vec<AgentName> = plan.due.iter().map(|due| due.agent.clone()).collect();
    let read = |agent: AgentName| async move {
        let found = ctx.store.read_with_bytes::<TurnRecord>(&Key::Turn(plan.tick, agent.clone())).await?;
        Ok::<_, EngineError>(
            found.map(|(value, bytes)| (agent, Hashed { value: Arc::new(value), sha: Sha::of(&bytes) })),
        )
    };
    let found = stream::iter(agents).map(read).buffered(AT_ONCE);
    found.try_filter_map(|turn| async move { Ok(turn) }).try_collect().await
}

impl Rehearsal {
    /// The plan: of an open tick the recorded one, else the one that would be written.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.run.plan.value
    }

    /// The settings of the tick.
    #[must_use]
    pub fn org(&self) -> &OrgConfig {
        &self.run.settings.org.value
    }

    /// The state that the turns begin with: what the plan found and credited counts.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.run.state
    }

    /// The turn of an agent, if it is committed.
    #[must_use]
    pub fn committed(&self, agent: &AgentName) -> Option<&TurnRecord> {
        self.committed.get(agent).map(|turn| turn.value.as_ref())
    }

    /// The due agents whose turns are not committed, in canonical order.
    pub fn left(&self) -> impl Iterator<Item = &Due> {
        self.plan().due.iter().filter(|due| !self.committed.contains_key(&due.agent))
    }

    /// What the plan decides on an agent, and why.
    ///
    /// # Errors
    /// The store failed.
    pub async fn verdict(&self, agent: &AgentName) -> Result<Verdict, EngineError> {
        verdict(&self.run.ctx.store, &self.before, self.plan(), agent).await
    }

    /// What is decided on each that is skipped, and why.
    ///
    /// # Errors
    /// The store failed.
    pub async fn skipped(&self) -> Result<Vec<(AgentName, Decision)>, EngineError> {
        skipped(&self.run.ctx.store, &self.before, self.plan(), self.run.settings.clone()).await
    }

    /// How the turn of a due agent would begin.
    ///
    /// # Errors
    /// The store failed.
    pub async fn opening(&self, due: &Due) -> Result<Opening, EngineError> {
        let opening = turn::preview(&self.run, due, &self.committed).await?;
        let (waits_for, waits_for_count) = self.waits_for(due);
        Ok(Opening { waits_for, waits_for_count, ..opening })
    }

    fn waits_for(&self, due: &Due) -> (Vec<AgentName>, usize) {
        let reads = self.run.agent(&due.agent).map(|agent| &agent.facts.reads);
        let Some(reads) = reads.filter(|_| self.plan().visibility == Visibility::Ordered) else { return (vec![], 0) };
        let is_before = |other: &&Due| other.rank < due.rank && !self.committed.contains_key(&other.agent);
        if reads.is_everybody() {
            let before = || self.plan().due.iter().take_while(|other| other.rank < due.rank).filter(is_before);
            return (before().take(MOST_NAMES).map(|due| due.agent.clone()).collect(), before().count());
        }
        let mut before: Vec<&Due> =
            reads.names().iter().filter_map(|name| self.run.due(name)).filter(is_before).collect();
        before.sort_unstable_by_key(|due| due.rank);
        (before.iter().take(MOST_NAMES).map(|due| due.agent.clone()).collect(), before.len())
    }
}
