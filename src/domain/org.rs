//! The organisation's settings: `org.json`.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::credits::Credits;
use super::delivery::Rule;
use super::hook::Hook;
use super::ids::Sha;
use super::memory::OrgMemory;
use super::name::MemoryKey;
use super::pace::{CatchUp, Span};
use super::time::Tick;
use super::tools::ToolSettings;

/// The format of an organisation that this version reads and writes.
pub const ORG_FORMAT: u32 = 1;

/// What agents of one tick see of each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// The same result as running the due agents one after another in canonical order.
    #[default]
    Ordered,
    /// Everyone sees closed ticks only.
    Snapshot,
}

/// `pace` of an organisation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pace {
    /// The length of a slot ("5m"); absent: each tick asked for advances the clock by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// What becomes of slots that nobody triggered.
    #[serde(default)]
    pub catch_up: CatchUp,
}

/// The window in which a budget renews itself, in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Never renewed.
    #[default]
    Total,
    /// Every day.
    Day,
    /// Every calendar month.
    Month,
}

/// The ceiling on what the whole organisation may spend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Budget {
    /// Credits in each window.
    pub credits: Credits,
    /// The window.
    #[serde(default)]
    pub per: Per,
}

/// Money rules of the organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OrgCredits {
    /// Charged once for a turn that called its model.
    pub cost_per_action: Credits,
    /// What one credit is, for people.
    pub unit: String,
}

impl Default for OrgCredits {
    fn default() -> Self {
        Self { cost_per_action: Credits::from_micros(10_000), unit: "USD".to_owned() }
    }
}

/// Limits of the organisation; an agent's own may differ where its resume says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OrgLimits {
    /// The most model calls of one turn.
    pub max_steps: NonZeroU32,
    /// Past that many hops an entry is delivered but makes nobody due.
    pub max_hops: u32,
    /// The most tokens of a prompt; what does not fit is left out, with a note.
    pub max_prompt_tokens: NonZeroU64,
    /// The most that one attempt at a turn may cost, in credits.
    pub max_turn_credits: Credits,
    /// The most turns that one runner works on at once.
    pub max_parallel_turns: NonZeroU32,
    /// The most agents that one hold licences.
    pub agents_per_hold: NonZeroU32,
    /// Where a shard may be cut, it is cut at that many agents.
    pub agents_per_shard: NonZeroU32,
    /// The most ingress items that one plan admits.
    pub max_ingress_items: NonZeroU32,
    /// Contents up to that many bytes stand in the record, larger ones in a blob.
    pub max_inline_bytes: NonZeroU32,
    /// The age, in steps of the clock, at which an unread entry expires (never before two periods of its reader).
    pub max_outbox_age_ticks: NonZeroU32,
    /// A holder that showed no life for so long is passed over.
    pub lease: Span,
    /// The time limit of one model call.
    pub call_timeout: Span,
    /// The time limit of one turn. Waiting for a model with `max_concurrency` does not count.
    pub turn_timeout: Span,
}

impl Default for OrgLimits {
    fn default() -> Self {
        let n = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self {
            max_steps: n(8),
            max_hops: 20,
            max_prompt_tokens: NonZeroU64::new(32_000).unwrap_or(NonZeroU64::MIN),
            max_turn_credits: Credits::whole(1),
            max_parallel_turns: n(128),
            agents_per_hold: n(16),
            agents_per_shard: n(64),
            max_ingress_items: n(256),
            max_inline_bytes: n(64 * 1024),
            max_outbox_age_ticks: n(100),
            lease: Span::new(Duration::from_secs(30)),
            call_timeout: Span::new(Duration::from_secs(120)),
            turn_timeout: Span::new(Duration::from_secs(15 * 60)),
        }
    }
}

/// How long `lemming gc` keeps what is old. The default keeps everything, and nothing is given up by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub struct Retention {
    /// Turn records older than that many ticks may be replaced by stubs; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns_after_ticks: Option<NonZeroU64>,
    /// The journals of turns older than that many ticks may be deleted; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps_after_ticks: Option<NonZeroU64>,
    /// Files in outboxes older than that many ticks may be deleted; absent: never. What was said stays in the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox_after_ticks: Option<NonZeroU64>,
}

/// What an organisation is a fork of. Written by `lemming fork`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForkedFrom {
    /// Where the origin was, if it had a place that others can name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// What people called it.
    pub name: String,
    /// What agents are told that their organisation is called: what they were told there, so that they ask the same.
    pub known_as: String,
    /// The last tick that both have.
    #[schemars(with = "u64")]
    pub tick: Tick,
    /// The hash of that tick's closed record.
    #[schemars(with = "String")]
    pub sha256: Sha,
    /// The last tick of the origin whose answers the fork carries.
    #[schemars(with = "u64")]
    pub recorded_until: Tick,
}

/// `org.json`: the settings of an organisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrgConfig {
    /// The format of the organisation's files; this version knows 1.
    pub format: u32,
    /// What people call it.
    #[schemars(length(min = 1))]
    pub name: String,
    /// What agents of one tick see of each other.
    #[serde(default)]
    pub visibility: Visibility,
    /// What advances the clock.
    #[serde(default)]
    pub pace: Pace,
    /// The ceiling on what the whole organisation may spend; absent: the accounts alone limit it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Money rules.
    #[serde(default)]
    pub credits: OrgCredits,
    /// Limits.
    #[serde(default)]
    pub limits: OrgLimits,
    /// How much agents keep at hand.
    #[serde(default, skip_serializing_if = "OrgMemory::is_default")]
    pub memory: OrgMemory,
    /// How long records are kept.
    #[serde(default)]
    pub retention: Retention,
    /// What it is a fork of; absent: of nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<ForkedFrom>,
    /// How tools that reach outside may do so.
    #[serde(default, skip_serializing_if = "ToolSettings::is_default")]
    pub tools: ToolSettings,
    /// What of what is said leaves by itself, and where to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliver: Vec<Rule>,
    /// Names under which others may post, and what becomes of that.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hooks: BTreeMap<MemoryKey, Hook>,
    /// Fields that this version does not know: kept and reported.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

impl OrgConfig {
    /// What its agents are told that it is called.
    #[must_use]
    pub fn known_as(&self) -> &str {
        self.forked_from.as_ref().map_or(&self.name, |forked| &forked.known_as)
    }

    /// Says whether it is a fork that relives a tick of its origin.
    #[must_use]
    pub fn relives(&self, tick: Tick) -> bool {
        let relives = |forked: &ForkedFrom| forked.tick < tick && tick <= forked.recorded_until;
        self.forked_from.as_ref().is_some_and(relives)
    }

    /// The settings of a new organisation.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            format: ORG_FORMAT,
            name: name.into(),
            visibility: Visibility::default(),
            pace: Pace::default(),
            budget: None,
            credits: OrgCredits::default(),
            limits: OrgLimits::default(),
            memory: OrgMemory::default(),
            retention: Retention::default(),
            forked_from: None,
            tools: ToolSettings::default(),
            deliver: Vec::new(),
            hooks: BTreeMap::new(),
            extra: Map::new(),
        }
    }
}
