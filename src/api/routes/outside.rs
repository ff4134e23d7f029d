//! `GET /api/ingress` and `GET /api/deliveries`: what comes in with the next tick, and what goes out.

use axum::extract::State;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::body::{Both, Parameters};
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::paging::{Paging, first, from, index};
use crate::api::state::ApiState;
use crate::chronicle::moment::Moment;
use crate::chronicle::settings;
use crate::delivery::headway;
use crate::domain::ingress::{Control, Mail};
use crate::domain::name::{IngressName, MemoryKey};
use crate::domain::time::{Tick, Timestamp};
use crate::record::delivery::{GivenUp, LastDelivered, Pending};
use crate::store::{Key, Prefix};
use crate::validate::nearest;

/// So many objects are read at once.
const PARALLEL: usize = 16;

/// Something that waits for the next tick.
#[derive(Debug, Serialize, ToSchema)]
struct Waits {
    /// Its name.
    name: IngressName,
    /// The command, if it is one that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<Control>,
    /// The message, if it is one that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<Mail>,
    /// Whether it cannot be read: the next tick says why.
    is_broken: bool,
}

/// A page of what waits.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Ingress {
    /// Commands first, then mail, in the order in which they are admitted.
    waiting: Vec<Waits>,
    /// How many objects wait in all.
    count: usize,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// Messages and commands that the next tick will find.
#[utoipa::path(get, path = "/api/ingress", tag = "look", params(Paging), responses((status = 200, body = Ingress)))]
pub(in crate::api) async fn ingress(
    State(state): State<ApiState>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Told<Ingress>, ApiError> {
    let (limit, after) = (paging.limit(20, 100)?, paging.cursor(|text| Some(text.to_owned()))?);
    let store = &state.org.store;
    let admitted = Moment::now(store).await?.state.admitted;
    let mut paths = store.list(&Prefix::Ingress).await?;
    paths.retain(|path| match Key::parse(path) {
        Some(Key::Mail(name) | Key::Control(name)) => !admitted.contains_key(&name),
        _ => false,
    });
    paths.sort_unstable();
    let count = paths.len();
    paths.retain(|path| after.as_ref().is_none_or(|after| path > after));
    let (paths, next_cursor) = first(paths, limit, ToString::to_string);
    let read = |path: String| async move {
        let Some(key) = Key::parse(&path) else { return Ok(None) };
        // Taken by a tick meanwhile.
        let Some(bytes) = store.get(&key).await? else { return Ok(None) };
        let (name, control, mail) = match key {
            Key::Control(name) => (name, serde_json::from_slice(&bytes).ok(), None),
            Key::Mail(name) => (name, None, serde_json::from_slice(&bytes).ok()),
            _ => return Ok(None),
        };
        Ok::<_, ApiError>(Some(Waits { name, is_broken: control.is_none() && mail.is_none(), control, mail }))
    };
    let found: Vec<Option<Waits>> = stream::iter(paths).map(read).buffered(PARALLEL).try_collect().await?;
    Ok(Told::now(Ingress { waiting: found.into_iter().flatten().collect(), count, next_cursor }))
}

/// Which rules are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct OfRule {
    /// Only this rule.
    #[serde(default)]
    rule: Option<String>,
}

/// A rule of `deliver` in org.json, and how far it has come.
#[derive(Debug, Serialize, ToSchema)]
struct Delivery {
    /// Its name.
    rule: MemoryKey,
    /// The sort of place that it sends to: `webhook`, `slack`, `file` or `ingress`.
    to: &'static str,
    /// Whether it has sent, or tried to send, anything yet.
    begun: bool,
    /// The next tick that it looks at.
    next_tick: Option<Tick>,
    /// How many entries and problems wait for another attempt.
    waiting: u64,
    /// The ticks that have some of those.
    pending: Vec<Pending>,
    /// How often in a row the receiver did not take anything.
    failures: u32,
    /// Until then the receiver is left alone.
    not_before: Option<Timestamp>,
    /// What arrived last.
    last_delivered: Option<LastDelivered>,
    /// What was given up lately.
    given_up: Vec<GivenUp>,
}

/// A page of rules.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Deliveries {
    /// In the order of org.json.
    deliveries: Vec<Delivery>,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// What the rules of org.json have sent, what waits, and what was given up.
#[utoipa::path(
    get,
    path = "/api/deliveries",
    tag = "look",
    params(OfRule, Paging),
    responses((status = 200, body = Deliveries)),
)]
pub(in crate::api) async fn deliveries(
    State(state): State<ApiState>,
    Both(asked, paging): Both<OfRule, Paging>,
) -> Result<Told<Deliveries>, ApiError> {
    let (limit, begin) = (paging.limit(20, 100)?, paging.cursor(index)?.unwrap_or(0));
    let store = &state.org.store;
    let org = settings(store).await?;
    let names = || org.deliver.iter().map(|rule| rule.name.as_str());
    if let Some(name) = &asked.rule
        && names().all(|known| known != name)
    {
        let short: String = name.chars().take(80).collect();
        let said = ApiError::no_such(format!("org.json has no rule of delivery {short:?}"));
        return Err(match nearest(&short, names()) {
            Some(near) => said.hint(format!("did you mean {near}?")),
            None => said.hint("`GET /api/deliveries` lists them"),
        });
    }
    let wanted = org.deliver.iter().filter(|rule| asked.rule.as_ref().is_none_or(|name| rule.name.as_str() == name));
    let (rules, next_cursor) = from(wanted, begin, limit);
    let mut deliveries = Vec::with_capacity(rules.len());
    for rule in rules {
        let found = headway(store, &rule.name).await?;
        let begun = found.is_some();
        let pending = found.as_ref().map(|found| found.pending.clone()).unwrap_or_default();
        deliveries.push(Delivery {
            rule: rule.name.clone(),
            to: rule.to.as_str(),
            begun,
            next_tick: found.as_ref().map(|found| found.next),
            waiting: pending.iter().map(|pending| pending.left).sum(),
            pending,
            failures: found.as_ref().map_or(0, |found| found.failures),
            not_before: found.as_ref().and_then(|found| found.not_before),
            last_delivered: found.as_ref().and_then(|found| found.last),
            given_up: found.map(|found| found.given_up).unwrap_or_default(),
        });
    }
    Ok(Told::now(Deliveries { deliveries, next_cursor }))
}
