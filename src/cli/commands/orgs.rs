//! `lemming orgs`

use futures::StreamExt as _;
use serde::Serialize;
use serde_json::json;

use crate::chronicle;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{BAD, Cell, DIM, GOOD, NAME, WARN, one_line};
use crate::cli::times::Times;
use crate::domain::time::{Clock, Tick, Timestamp};
use crate::engine::{EngineError, load};
use crate::runner::compose::{self, Org};
use crate::runner::places::Places;
use crate::store::Key;

/// How many organisations are looked at side by side.
const PARALLEL: usize = 8;

/// Lists the organisations in the folders directly below a place, and how each stands.
///
/// Reads only. `tick --all` runs one tick of each.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct OrgsArgs {
    /// The place above them: a folder, or a bucket with a prefix [default: the store]
    place: Option<String>,
}

/// How an organisation stands.
#[derive(Debug, Serialize)]
struct Found {
    /// The folder's name; absent: the place itself is one.
    folder: Option<String>,
    store: String,
    #[serde(flatten)]
    stands: Option<Stands>,
    /// Why that cannot be said.
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Stands {
    name: String,
    tick: Tick,
    clock: Clock,
    time: Option<Timestamp>,
    agents: usize,
    paused: bool,
    problems: usize,
}

pub(super) async fn run(args: OrgsArgs, session: &mut Session) -> Result<Exit, CliError> {
    let above = match &args.place {
        Some(place) => compose::open(place, &session.environment)?,
        None => session.place()?,
    };
    let mut places = Vec::new();
    if above.store.get(&Key::Org).await?.is_some() {
        places.push((None, above.clone()));
    }
    let place = above.place.clone();
    places.extend(Places::below(above).look().await?);
    let found: Vec<Found> = futures::stream::iter(places)
        .map(|(folder, org)| async move {
            let stands = look(&org).await;
            let error = stands.as_ref().err().map(|error| crate::causes::causes(error).join(": "));
            Found { folder, store: org.place.clone(), error, stands: stands.ok() }
        })
        .buffered(PARALLEL)
        .collect()
        .await;
    let times = session.times();
    let out = &mut session.out;
    if out.json() {
        out.document(&json!({ "place": place, "orgs": found }))?;
        return Ok(Exit::Ok);
    }
    if found.is_empty() {
        out.line(format!("there is no organisation at {place}, nor in a folder directly below"))?;
        return Ok(Exit::Ok);
    }
    let head = ["folder", "name", "agents", "tick", "last", ""];
    let mut rows = vec![head.map(|title| Cell::new(title).style(DIM)).to_vec()];
    rows.extend(found.iter().map(|org| row(org, &times)));
    out.table(&rows)?;
    Ok(Exit::Ok)
}

async fn look(org: &Org) -> Result<Stands, EngineError> {
    let settings = chronicle::settings(&org.store).await?;
    let state = load(&org.store).await?.state;
    let agents = chronicle::agents(&org.store).await?.len();
    Ok(Stands {
        name: settings.name,
        tick: state.tick,
        clock: state.clock,
        time: state.time,
        agents,
        paused: state.paused,
        problems: state.problems.len(),
    })
}

fn row(found: &Found, times: &Times) -> Vec<Cell> {
    let folder = Cell::new(one_line(found.folder.as_deref().unwrap_or("."), 60)).style(NAME);
    let Some(stands) = &found.stands else {
        let error = one_line(found.error.as_deref().unwrap_or_default(), 80);
        return vec![folder, Cell::new("?"), Cell::new(""), Cell::new(""), Cell::new(""), Cell::new(error).style(BAD)];
    };
    let last = stands.time.map_or("never".to_owned(), |time| times.shown(time));
    let note = match (stands.paused, stands.problems) {
        (true, _) => Cell::new("paused").style(WARN),
        (false, 0) => Cell::new("well").style(GOOD),
        (false, problems) => Cell::new(crate::cli::output::counted(problems, "problem")).style(WARN),
    };
    vec![
        folder,
        Cell::new(one_line(&stands.name, 40)),
        Cell::number(stands.agents),
        Cell::number(stands.tick),
        Cell::new(last),
        note,
    ]
}
