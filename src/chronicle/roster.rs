//! Who works in an organisation: each agent's resume, and how its account and its inbox stand.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::PARALLEL;
use super::moment::Moment;
use crate::domain::credits::Credits;
use crate::domain::name::{AgentName, ModelKey, ToolName};
use crate::domain::pace::Anchor;
use crate::domain::resume::Resume;
use crate::domain::schedule::Schedule;
use crate::domain::time::{Clock, Timestamp};
use crate::engine::EngineError;
use crate::record::state::{Authors, LastTurn};

/// An agent, as its resume and the last closed tick have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Member {
    /// Its name.
    pub name: AgentName,
    /// What its resume says.
    #[serde(flatten)]
    pub resume: Option<Sketch>,
    /// Why its resume cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// Whether a person paused it.
    pub paused: bool,
    /// What its account holds.
    pub credits_left: Credits,
    /// How many turns it had.
    pub turns: u64,
    /// How the last one went.
    pub last_turn: Option<LastTurn>,
    /// How many messages it has not read yet.
    pub unread: usize,
}

/// What a list says of a resume.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sketch {
    /// The job title.
    pub title: String,
    /// What the agent is for.
    pub short_description: String,
    /// The model that it thinks with.
    pub model: ModelKey,
    /// When it runs.
    pub schedule: Schedule,
    /// Whose outboxes it reads; `*`: everybody's.
    pub reads: Vec<String>,
    /// Whom its entries may be addressed to; absent: anyone.
    pub sends: Option<Vec<String>>,
    /// The tools it may call.
    pub tools: Vec<ToolName>,
    /// What its account opens with.
    pub max_credits: Credits,
    /// A disabled agent is never due.
    pub enabled: bool,
}

impl Sketch {
    /// Takes from a resume what a list says of it.
    #[must_use]
    pub fn of(resume: &Resume) -> Self {
        let permissions = &resume.permissions;
        Self {
            title: resume.title.clone(),
            short_description: resume.short_description.clone(),
            model: resume.model.key.clone(),
            schedule: resume.schedule.clone(),
            reads: permissions.read_outboxes.clone().into(),
            sends: permissions.send_outboxes.clone().map(Into::into),
            tools: permissions.tools.clone(),
            max_credits: resume.credits.max_credits,
            enabled: resume.enabled,
        }
    }
}

/// Every agent of a moment, by name.
///
/// # Errors
/// The store failed.
pub async fn roster(moment: &Moment) -> Result<Vec<Member>, EngineError> {
    members(moment, moment.agents().await?).await
}

/// These agents of a moment, in the order of their names here.
///
/// # Errors
/// The store failed.
pub async fn members(moment: &Moment, names: Vec<AgentName>) -> Result<Vec<Member>, EngineError> {
    let authors = &Authors::of(&moment.state);
    stream::iter(names).map(|name| member(moment, authors, name)).buffered(PARALLEL).try_collect().await
}

async fn member(moment: &Moment, authors: &Authors, name: AgentName) -> Result<Member, EngineError> {
    let read = match moment.resume(&name).await {
        Ok(read) => read,
        // One file that the store refuses, such as a link out of the organisation.
        Err(EngineError::Store(error)) if error.is_final() => Err(crate::causes::causes(&error).join(": ")),
        Err(error) => return Err(error),
    };
    let known = moment.state.agents.get(&name);
    let opening = read.as_ref().map_or(Credits::ZERO, |resume| resume.credits.opening());
    Ok(Member {
        paused: known.is_some_and(|known| known.paused),
        credits_left: known.map_or(opening, |known| known.account.balance),
        turns: known.map_or(0, |known| known.turns),
        last_turn: known.and_then(|known| known.last_turn.clone()),
        unread: known.map_or(0, |known| authors.inbox(&moment.state, &name, &known.facts.reads).len()),
        resume: read.as_ref().ok().map(Sketch::of),
        broken: read.err(),
        name,
    })
}

/// A step of the clock at which an agent is due, and when that is, where slots say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct FiresAt {
    /// The clock.
    pub clock: Clock,
    /// When the slot begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

/// The next fire points of a schedule after a clock, at most `count`.
#[must_use]
pub fn next_fire_points(schedule: &Schedule, after: Clock, anchor: Option<&Anchor>, count: usize) -> Vec<FiresAt> {
    let mut clock = after;
    let next = std::iter::from_fn(|| {
        clock = schedule.next_after(clock)?;
        let slots = anchor.map(|anchor| (anchor, clock.0.checked_sub(anchor.c0.0)));
        let time = slots.and_then(|(anchor, slots)| {
            let ms = slots?.checked_mul(anchor.every.as_ms())?.checked_add(anchor.t0.unix_ms())?;
            Some(Timestamp::from_unix_ms(ms))
        });
        Some(FiresAt { clock, time })
    });
    next.take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_fire_points_come_with_their_time_where_slots_have_one() {
        let schedule: Schedule = serde_json::from_str(r#"{"run_every_n_ticks": 3, "phase_offset": 1}"#).expect("json");
        let clocks = |found: Vec<FiresAt>| found.iter().map(|at| at.clock.0).collect::<Vec<_>>();
        let found = next_fire_points(&schedule, Clock(4), None, 3);
        assert!(found.iter().all(|at| at.time.is_none()));
        assert_eq!(clocks(found), [5, 8, 11]);
        let t0 = Timestamp::from_unix_ms(1_000);
        let anchor = Anchor { every: "1m".parse().expect("a span"), t0, c0: Clock(4) };
        let found = next_fire_points(&schedule, Clock(4), Some(&anchor), 2);
        let times: Vec<_> = found.iter().filter_map(|at| at.time).map(Timestamp::unix_ms).collect();
        assert_eq!(times, [61_000, 241_000]);
        assert!(next_fire_points(&schedule, Clock(i64::MAX), None, 3).is_empty());
    }
}
