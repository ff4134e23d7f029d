//! What all turns of one tick share: plan, settings, state, and the records read so far.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{RwLock, Semaphore};
use uuid::Uuid;

use super::fold::Hashed;
use super::inputs::{Settings, input};
use super::memo::lock;
use super::{Context, EngineError};
use crate::domain::name::{AgentName, ModelKey, RunnerId};
use crate::domain::resume::Resume;
use crate::domain::time::{Tick, Timestamp};
use crate::provider::{CallError, Provider, ToolSpec};
use crate::record::approval::Decision;
use crate::record::plan::{Due, Plan};
use crate::record::state::{AgentState, Authors, State};
use crate::record::turn::TurnRecord;
use crate::store::Key;
use crate::tool::Tool;

/// One invocation's work on one tick.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) ctx: Context,
    /// New in every invocation: a warm process that kept it would take an older hold for its own.
    pub(super) by: RunnerId,
    /// The state before the tick, with what the plan found and credited.
    pub(super) state: Arc<State>,
    pub(super) plan: Hashed<Plan>,
    /// Whose unread entries stand where in that state.
    pub(super) authors: Authors,
    /// The models that did not answer the turns of the tick before.
    in_trouble: BTreeSet<ModelKey>,
    /// Where each due agent stands in the plan.
    due: BTreeMap<AgentName, usize>,
    pub(super) settings: Settings,
    /// The tools that there are in this tick: those of the program, and those that the organisation brings.
    pub(super) tools: Vec<Arc<dyn Tool>>,
    /// Turns at once in this invocation.
    pub(super) permits: Semaphore,
    /// Whether there was once no time left for another turn: then there is none any more.
    leaving: AtomicBool,
    /// A turn that has killed two runners writes here, and is alone.
    pub(super) alone: RwLock<()>,
    plans: Mutex<BTreeMap<Tick, Arc<Plan>>>,
    models: Mutex<BTreeMap<ModelKey, Arc<Semaphore>>>,
    /// By name: to make the schema of a tool's arguments takes longer than most of what a turn does.
    specs: Mutex<BTreeMap<String, ToolSpec>>,
}

impl Run {
    pub(super) fn new(ctx: Context, by: RunnerId, before: &Arc<State>, plan: Hashed<Plan>, settings: Settings) -> Self {
        let mut state = Arc::clone(before);
        let Plan { found, credited, budget_window, decisions, .. } = &plan.value;
        let changes = !found.is_empty() || !credited.is_empty() || !decisions.is_empty();
        if changes || *budget_window != state.budget.window {
            let state = Arc::make_mut(&mut state);
            super::apply::apply_found(state, found.iter(), plan.value.tick);
            super::apply::apply_credited(state, budget_window, credited);
            super::approval::apply_decisions(state, decisions, plan.value.tick);
        }
        let parallel = settings.org.value.limits.max_parallel_turns.get();
        let due = (0..).zip(&plan.value.due).map(|(i, due)| (due.agent.clone(), i)).collect();
        let last = state.agents.values().filter_map(|agent| agent.last_turn.as_ref());
        let in_trouble =
            last.filter(|turn| turn.tick == state.tick).filter_map(|turn| turn.unreached.clone()).collect();
        let mut tools = ctx.tools.clone();
        if let Some(toolbox) = &settings.toolbox {
            let accepted = settings.accepted.as_ref().map(|accepted| Arc::clone(&accepted.value)).unwrap_or_default();
            tools.extend(ctx.connector.tools(&toolbox.value, &accepted));
        }
        Self {
            ctx,
            by,
            tools,
            in_trouble,
            authors: Authors::of(&state),
            state,
            plan,
            due,
            permits: Semaphore::new(usize::try_from(parallel).unwrap_or(1).min(Semaphore::MAX_PERMITS)),
            leaving: AtomicBool::new(false),
            alone: RwLock::new(()),
            settings,
            plans: Mutex::default(),
            models: Mutex::default(),
            specs: Mutex::default(),
        }
    }

    /// Says whether no further turn is started: we were told to leave, or it could not be finished in time.
    pub(super) fn is_leaving(&self) -> bool {
        let is_leaving = self.ctx.stop.is_requested()
            || self.leaving.load(Ordering::Acquire)
            || !self.ctx.has_time_for_a_turn(self.settings.org.value.limits.call_timeout.duration());
        if is_leaving {
            self.leaving.store(true, Ordering::Release);
        }
        is_leaving
    }

    pub(super) fn tick(&self) -> Tick {
        self.plan.value.tick
    }

    pub(super) fn agent(&self, name: &AgentName) -> Option<&AgentState> {
        self.state.agents.get(name)
    }

    /// Milliseconds since a moment, by the context's clock.
    pub(super) fn ms_since(&self, began: Timestamp) -> u64 {
        u64::try_from(self.ctx.clock.now().unix_ms() - began.unix_ms()).unwrap_or(0)
    }

    /// Says whether entries may name this agent: it is one, or is being found in this tick.
    pub(super) fn knows(&self, name: &AgentName) -> bool {
        self.agent(name).is_some_and(|agent| agent.present)
    }

    /// What the plan says of a due agent.
    pub(super) fn due(&self, name: &AgentName) -> Option<&Due> {
        self.due.get(name).and_then(|i| self.plan.value.due.get(*i))
    }

    /// The resume that the plan pins for a due agent.
    pub(super) async fn resume(&self, due: &Due) -> Result<Arc<Resume>, EngineError> {
        if let Some(resume) = self.ctx.memo.resume(&due.resume, &due.agent) {
            return Ok(resume);
        }
        let (key, bytes) = input(&self.ctx.store, &due.resume).await?;
        let resume = Resume::parse(&bytes, &due.agent);
        let resume = Arc::new(resume.map_err(|error| EngineError::config(&key, "", error.to_string()))?);
        self.ctx.memo.keep_resume(due.resume.clone(), resume.clone());
        Ok(resume)
    }

    /// A turn record of an earlier tick.
    pub(super) async fn earlier_turn(
        &self,
        tick: Tick,
        agent: &AgentName,
    ) -> Result<Option<Arc<TurnRecord>>, EngineError> {
        if let Some(record) = self.ctx.memo.turn(tick, agent) {
            return Ok(Some(record));
        }
        let Some(record) = self.ctx.store.read::<TurnRecord>(&Key::Turn(tick, agent.clone())).await? else {
            return Ok(None);
        };
        let record = Arc::new(record);
        self.ctx.memo.keep_turn(record.clone());
        Ok(Some(record))
    }

    /// The plan of this or an earlier tick.
    pub(super) async fn plan_of(&self, tick: Tick) -> Result<Option<Arc<Plan>>, EngineError> {
        if let Some(plan) = lock(&self.plans).get(&tick) {
            return Ok(Some(plan.clone()));
        }
        let Some(plan) = self.ctx.store.read::<Plan>(&Key::Plan(tick)).await? else { return Ok(None) };
        let plan = Arc::new(plan);
        lock(&self.plans).insert(tick, plan.clone());
        Ok(Some(plan))
    }

    /// The answer to a call that waited, from the plan of the tick that admitted it: of this one or an earlier.
    pub(super) async fn decision(&self, tick: Tick, approval: Uuid) -> Result<Option<Decision>, EngineError> {
        let of = |plan: &Plan| plan.decisions.iter().find(|decision| decision.approval == approval).cloned();
        if tick == self.tick() {
            return Ok(of(&self.plan.value));
        }
        Ok(self.plan_of(tick).await?.as_deref().and_then(of))
    }

    /// A tool, as a provider is told of it.
    pub(super) fn spec(&self, tool: &dyn Tool) -> ToolSpec {
        let spec = || ToolSpec {
            name: tool.name().to_owned(),
            description: tool.description().to_owned(),
            arguments: tool.arguments(),
        };
        let mut specs = lock(&self.specs);
        if let Some(spec) = specs.get(tool.name()) {
            return spec.clone();
        }
        specs.entry(tool.name().to_owned()).or_insert_with(spec).clone()
    }

    /// Opens a model's provider, with the model's places for calls at once.
    pub(super) async fn provider(
        &self,
        key: &ModelKey,
    ) -> Result<(Arc<dyn Provider>, Option<Arc<Semaphore>>), CallError> {
        let Some(model) = self.settings.models.value.models.get(key) else {
            let message = format!("the model {key} is not in config/models.json");
            return Err(CallError::new(crate::provider::CallErrorKind::Misconfigured, message));
        };
        let places = model.max_concurrency.map(|n| {
            let n = usize::try_from(n.get()).unwrap_or(1).min(Semaphore::MAX_PERMITS);
            lock(&self.models).entry(key.clone()).or_insert_with(|| Arc::new(Semaphore::new(n))).clone()
        });
        Ok((self.ctx.providers.open(key, model).await?, places))
    }

    /// Says whether a model did not answer the last turns that the records tell of.
    pub(super) fn is_in_trouble(&self, key: &ModelKey) -> bool {
        self.in_trouble.contains(key)
    }
}
