//! `GET /api/credits/ledger` and `GET /api/spend`: what credits were spent on, line by line and in sums.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::body::{Both, Parameters};
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::lookup;
use crate::api::paging::Paging;
use crate::api::state::ApiState;
use crate::chronicle::ledger::{Line, ledger, ledgers};
use crate::chronicle::moment::Moment;
use crate::chronicle::spend::{Spend, spend};
use crate::domain::credits::Credits;
use crate::domain::name::AgentName;
use crate::domain::time::Tick;

/// The most ticks that one page of lines reads.
const PAGE_TICKS: u64 = 200;

/// The most ticks of one file of comma-separated values.
const CSV_TICKS: u64 = 1_000;

/// The most ticks that sums are made of.
const SPEND_TICKS: u64 = 10_000;

/// Which lines are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Lines {
    /// Only the turns of this agent.
    #[serde(default)]
    agent: Option<String>,
    /// The oldest tick; 1 without it.
    #[serde(default)]
    from: Option<u64>,
    /// The newest tick; the last closed one without it.
    #[serde(default)]
    to: Option<u64>,
}

/// A page of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Ledger {
    /// Lines of turns and of their calls, the newest tick first.
    lines: Vec<Line>,
    /// What the lines of turns on this page add up to.
    charged: Credits,
    /// Where older lines begin; `null` at the end. A page may be short, or empty, and older ones follow.
    next_cursor: Option<String>,
}

/// What each turn was charged and each of its model calls cost, the newest tick first.
///
/// With `Accept: text/csv` the lines of up to 1,000 ticks come as comma-separated values, the oldest tick first, to hold against a
/// provider's invoice; `limit` and `cursor` do not count then.
#[utoipa::path(
    get,
    path = "/api/credits/ledger",
    tag = "look",
    params(Lines, Paging),
    responses((status = 200, content((Ledger = "application/json"), (String = "text/csv")))),
)]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Both(asked, paging): Both<Lines, Paging>,
) -> Result<Response, ApiError> {
    let place = |text: &str| {
        let (tick, line) = text.split_once('.')?;
        Some((tick.parse::<u64>().ok()?, line.parse::<usize>().ok()?))
    };
    let (limit, begin) = (paging.limit(20, 100)?, paging.cursor(place)?);
    let moment = Moment::now(&state.org.store).await?;
    let agent = lookup::among(&moment, asked.agent.as_deref()).await?;
    let closed = moment.state.tick.0;
    let (first, last) = (asked.from.unwrap_or(1).max(1), asked.to.unwrap_or(closed).min(closed));
    if asked.from.zip(asked.to).is_some_and(|(from, to)| from > to) {
        return Err(ApiError::usage("the parameters from and to go backwards: the earlier tick comes first"));
    }
    if wants_csv(&headers) {
        return csv(&moment, (asked.from, first, last), agent.as_ref()).await;
    }
    let mut page = Ledger { lines: Vec::new(), charged: Credits::ZERO, next_cursor: None };
    let (mut tick, mut skip) = begin.map_or((last, 0), |(tick, line)| (tick.min(last), line));
    let oldest = tick.saturating_sub(PAGE_TICKS - 1).max(first);
    while tick >= oldest && tick > 0 {
        let lines = ledger(moment.store(), Tick(tick)).await?;
        let wanted = lines.into_iter().filter(|line| agent.as_ref().is_none_or(|agent| line.agent == *agent));
        for (index, line) in wanted.enumerate().skip(skip) {
            if page.lines.len() >= limit {
                page.next_cursor = Some(format!("{tick}.{index}"));
                return Ok(Told::now(page).into_response());
            }
            page.charged += line.charged();
            page.lines.push(line);
        }
        skip = 0;
        tick -= 1;
    }
    page.next_cursor = (tick >= first).then(|| format!("{tick}.0"));
    Ok(Told::now(page).into_response())
}

fn wants_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "text/csv"))
}

async fn csv(
    moment: &Moment,
    (from, first, last): (Option<u64>, u64, u64),
    agent: Option<&AgentName>,
) -> Result<Response, ApiError> {
    // Without a beginning, as much as there may be.
    let first = if from.is_none() { first.max((last + 1).saturating_sub(CSV_TICKS)) } else { first };
    if (last + 1).saturating_sub(first) > CSV_TICKS {
        return Err(ApiError::usage(format!("the parameters from and to may be {CSV_TICKS} ticks apart as text/csv")));
    }
    let mut text = format!("{}\n", Line::COLUMNS.join(","));
    let mut found = ledgers(moment.store(), first..=last);
    while let Some(lines) = found.next().await {
        for line in lines?.iter().filter(|line| agent.is_none_or(|agent| line.agent == *agent)) {
            text.push_str(&line.csv());
            text.push('\n');
        }
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"ledger.csv\"")),
    ];
    Ok((headers, text).into_response())
}

/// Of how many ticks sums are asked for.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Back {
    /// The last so many closed ticks; 1,000 without it.
    #[serde(default)]
    #[param(minimum = 1, maximum = 10000)]
    ticks: Option<u64>,
}

/// What was spent in the last ticks, by agent, by model and by day, how fast, how long it lasts, and the ceilings.
///
/// Paid, unanswered and forfeited are told apart: what calls with an answer cost, what calls without one may have, and what runners
/// that died may have spent.
#[utoipa::path(get, path = "/api/spend", tag = "look", params(Back), responses((status = 200, body = Spend)))]
pub(in crate::api) async fn sums(
    State(state): State<ApiState>,
    Parameters(back): Parameters<Back>,
) -> Result<Told<Spend>, ApiError> {
    let ticks = back.ticks.unwrap_or(1_000);
    if !(1..=SPEND_TICKS).contains(&ticks) {
        return Err(ApiError::usage(format!("the parameter ticks must be 1 to {SPEND_TICKS}")));
    }
    let moment = Moment::now(&state.org.store).await?;
    Ok(Told::now(spend(&moment, state.org.clock().now(), ticks).await?))
}
