//! `credits` and `ledger`: what is left, how long it lasts, and what it was spent on.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Tool};
use crate::chronicle::credits::{Budget, Burn, turns_left};
use crate::chronicle::ledger::ledger;
use crate::chronicle::moment::Moment;
use crate::domain::credits::Credits as Amount;
use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::mcp::arguments::Field;
use crate::mcp::lookup;
use crate::mcp::page::{self, Page};
use crate::mcp::refusal::Refusal;

/// How fast credits are spent is told by so many closed ticks.
const BURN_TICKS: u64 = 32;

/// The most ticks that one page of the ledger reads.
const LEDGER_TICKS: u64 = 200;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreditsArguments {
    /// At most so many agents, 1 to 100; 50 without it.
    #[serde(default)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

pub(super) struct Credits;

impl Tool for Credits {
    type Arguments = CreditsArguments;
    const NAME: &'static str = "credits";
    const TITLE: &'static str = "What is left, and how long it lasts";
    const ABOUT: &'static str = "Says what the budget and each account have left, what was charged in all, and how fast it is spent by the last 32 closed ticks, with a forecast of when it is used up. Paid: calls with an answer, and actions. Unanswered: calls that brought no answer, at their worst case. Forfeited: what a runner that died may have spent.";
    const FIELDS: &'static [Field] = &[
        ("tick", "integer", "As of this closed tick."),
        ("unit", "string", "What credits are called."),
        ("budget", "object?", "The budget in its window, if there is one."),
        ("credits_per_tick", "number?", "What a tick cost lately."),
        ("credits_per_day", "number?", "What a day cost lately."),
        (
            "agents",
            "array",
            "Each with agent, credits_left, max_credits, received, paid, unanswered, forfeited, recent_turn_credits, turns_left and forecast.",
        ),
        ("next_cursor", "string?", "Where the next page begins, if there is one."),
    ];

    async fn call(call: Call<'_>, arguments: CreditsArguments) -> Result<Value, Refusal> {
        let after = page::cursor(arguments.cursor.as_deref(), |text| AgentName::new(text).ok())?;
        let mut page = Page::new(arguments.limit, 50)?;
        let moment = Moment::now(&call.org.store).await?;
        let (settings, state) = (moment.settings().await?, &moment.state);
        let burn = Burn::read(&call.org.store, state.tick, BURN_TICKS).await?;
        let now = call.org.clock().now();
        let now = state.time.map_or(now, |time| time.max(now));
        let (mut last, mut next) = (None, None);
        for (agent, known) in &state.agents {
            if after.as_ref().is_some_and(|after| agent <= after) {
                continue;
            }
            let account = &known.account;
            let spending = burn.agents.get(agent).copied().unwrap_or_default();
            let recent = burn.per_turn(agent);
            let line = json!({
                "agent": agent,
                "credits_left": account.balance,
                "max_credits": known.facts.max_credits,
                "received": account.received,
                "paid": account.charged.paid,
                "unanswered": account.charged.unanswered,
                "forfeited": account.charged.forfeited,
                "recent_turn_credits": recent,
                "turns_left": recent.and_then(|cost| turns_left(account.balance, cost)),
                "forecast": burn.forecast(&spending, account.balance, now),
            });
            if !page.takes(line) {
                next = last;
                break;
            }
            last = Some(agent);
        }
        Ok(json!({
            "tick": state.tick,
            "unit": settings.credits.unit,
            "budget": Budget::at(&settings, state, now),
            "credits_per_tick": burn.per_tick(&burn.all),
            "credits_per_day": burn.per_day(&burn.all),
            "agents": page.items(),
            "next_cursor": next,
        }))
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LedgerArguments {
    /// Only the turns of this agent.
    #[serde(default)]
    agent: Option<String>,
    /// At most so many lines, 1 to 100; 50 without it.
    #[serde(default)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

pub(super) struct Ledger;

impl Tool for Ledger {
    type Arguments = LedgerArguments;
    const NAME: &'static str = "ledger";
    const TITLE: &'static str = "What credits were spent on";
    const ABOUT: &'static str = "Shows what each turn was charged and what each of its model calls cost, tick by tick, the newest tick first. What is charged stands in the lines of turns (kind `turn`); lines of calls say what each cost. A page reads at most 200 ticks.";
    const FIELDS: &'static [Field] = &[
        ("lines", "array", "Lines of turns and of their calls, the newest tick first."),
        ("charged", "number", "What the lines of turns on this page add up to."),
        ("from", "integer", "The oldest tick of this page."),
        ("to", "integer", "The newest tick of this page."),
        ("next_cursor", "string?", "Where older lines begin, if there may be any."),
    ];

    async fn call(call: Call<'_>, arguments: LedgerArguments) -> Result<Value, Refusal> {
        let read = |text: &str| {
            let (tick, line) = text.split_once('.')?;
            Some((tick.parse::<u64>().ok()?, line.parse::<usize>().ok()?))
        };
        let from = page::cursor(arguments.cursor.as_deref(), read)?;
        let mut page = Page::new(arguments.limit, 50)?;
        let moment = Moment::now(&call.org.store).await?;
        let agent = match arguments.agent.as_deref() {
            Some(name) => Some(lookup::of_any_time(&moment, name, "/agent").await?),
            None => None,
        };
        let closed = moment.state.tick.0;
        let (to, mut skip) = from.map_or((closed, 0), |(tick, line)| (tick.min(closed), line));
        let (mut tick, mut charged, mut next) = (to, Amount::ZERO, None);
        let oldest = to.saturating_sub(LEDGER_TICKS - 1).max(1);
        'ticks: while tick >= oldest {
            let lines = ledger(&call.org.store, Tick(tick)).await?;
            let wanted = lines.iter().filter(|line| agent.as_ref().is_none_or(|agent| line.agent == *agent));
            for (index, line) in wanted.enumerate().skip(skip) {
                if !page.takes(json!(line)) {
                    next = Some(format!("{tick}.{index}"));
                    break 'ticks;
                }
                charged += line.charged();
            }
            skip = 0;
            tick -= 1;
        }
        let back_to = if next.is_some() { tick } else { (tick + 1).min(to) };
        if next.is_none() && tick >= 1 {
            next = Some(format!("{tick}.0"));
        }
        Ok(json!({ "lines": page.items(), "charged": charged, "from": back_to, "to": to, "next_cursor": next }))
    }
}
