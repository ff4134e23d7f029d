//! An agent at a glance: what its resume says, how it stands, what it does, and when it runs next.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::PARALLEL;
use super::doing::{Doing, Latest, doing};
use super::moment::Moment;
use super::roster::{FiresAt, next_fire_points};
use super::status::{AgentStatus, agent};
use crate::domain::credits::Credits;
use crate::domain::name::{AgentName, ModelKey, ToolName};
use crate::domain::schedule::Schedule;
use crate::engine::EngineError;
use crate::record::state::Authors;

/// How many fire points are told of an agent.
const FIRE_POINTS: usize = 3;

/// An agent at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentCard {
    /// How it stands.
    #[serde(flatten)]
    pub status: AgentStatus,
    /// What it does.
    pub doing: Doing,
    /// How many turns it had.
    pub turns: u64,
    /// What its resume says; that which was read last, where the present one cannot be.
    #[serde(flatten)]
    pub resume: ResumeCard,
    /// The clocks at which it is due next, as its schedule has it.
    pub next: Vec<FiresAt>,
}

/// What a list says of a resume. Everything is `null` or empty where none was ever read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct ResumeCard {
    /// What the agent is for.
    pub short_description: Option<String>,
    /// The model that it thinks with.
    pub model: Option<ModelKey>,
    /// When it runs.
    pub schedule: Option<Schedule>,
    /// Whose outboxes it reads; `*`: everybody's.
    pub reads: Vec<String>,
    /// Whom its entries may be addressed to; `null`: anyone.
    pub sends: Option<Vec<String>>,
    /// The tools it may call.
    pub tools: Vec<ToolName>,
    /// What its account opens with, and what top-ups lift it to.
    pub max_credits: Option<Credits>,
    /// Below that a person is told.
    pub soft_cap: Option<Credits>,
}

/// These agents at a moment, in the order of their names here.
///
/// # Errors
/// The store failed, or a record cannot be read.
pub async fn cards(moment: &Moment, names: Vec<AgentName>) -> Result<Vec<AgentCard>, EngineError> {
    let (authors, latest) = (&Authors::of(&moment.state), &Latest::read(moment).await?);
    stream::iter(names).map(|name| card(moment, authors, latest, name)).buffered(PARALLEL).try_collect().await
}

async fn card(moment: &Moment, authors: &Authors, latest: &Latest, name: AgentName) -> Result<AgentCard, EngineError> {
    let (status, resume) = agent(moment, authors, name).await?;
    let state = &moment.state;
    let does = match (&status.broken, state.agents.contains_key(&status.name)) {
        // No tick has seen it yet: its file says what will come of it.
        (Some(_), false) => Doing::Broken,
        (None, false) if !status.enabled => Doing::Disabled,
        _ => doing(state, &status.name, latest.open.as_ref(), &latest.skipped),
    };
    let schedule = resume.as_ref().filter(|resume| resume.enabled).map(|resume| &resume.schedule);
    let next = schedule.map(|schedule| next_fire_points(schedule, state.clock, state.anchor.as_ref(), FIRE_POINTS));
    let said = resume.map(|resume| ResumeCard {
        short_description: Some(resume.short_description),
        model: Some(resume.model.key),
        schedule: Some(resume.schedule),
        reads: resume.permissions.read_outboxes.into(),
        sends: resume.permissions.send_outboxes.map(Into::into),
        tools: resume.permissions.tools,
        max_credits: Some(resume.credits.max_credits),
        soft_cap: Some(resume.credits.soft_cap),
    });
    Ok(AgentCard {
        doing: does,
        turns: state.agents.get(&status.name).map_or(0, |known| known.turns),
        next: next.unwrap_or_default(),
        resume: said.unwrap_or_default(),
        status,
    })
}
