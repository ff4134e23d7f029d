//! `lemming demo`

mod chaos;
mod place;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use self::place::Place;
use super::bootstrap;
use crate::chronicle::event::{Event, events};
use crate::chronicle::{self};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{DIM, Output, TITLE, one_line, styled};
use crate::cli::progress::Shown;
use crate::cli::story;
use crate::domain::ids::Seed;
use crate::domain::outbox::{Importance, Kind};
use crate::domain::path::RelativePath;
use crate::domain::time::Tick;
use crate::engine::{Outcome, Stop, Terms, run_tick};
use crate::ingress::Letter;
use crate::record::plan::Trigger;
use crate::runner::compose::Org;
use crate::runner::local::until_signalled;
use crate::store::Key;
use crate::template::{self, Wishes};

/// Every demo draws the same ids.
const SEED: Seed = Seed(1);

/// Shows a small organisation at work, in a new folder.
///
/// Makes the example organisation, runs a few ticks, sends it a message in between, and tells what
/// happens. Needs no account, key, server or network. A folder that holds a demo goes on with it;
/// any other folder that exists is refused.
///
/// With --chaos it is about crashes: eight runners work on one new organisation, six of them are killed
/// with SIGKILL in the middle of model calls, the others finish, and an audit holds the model's own log
/// of its calls against the records. It ends with exit code 1 if an invariant was violated, and with 130
/// at the first Ctrl-C. What it leaves can be read, not run: the model that it asks ends with it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DemoArgs {
    /// How many ticks [default: 6]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    ticks: Option<u64>,
    /// The folder [default: demo-org, with --chaos chaos-org]; --store names any other place
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Any other place for it, such as s3://bucket/prefix
    ///
    /// [default: the folder of --dir; the environment variable LEMMING_STORE has no say]
    // In place of the option of every command, whose default is another; it is read from there.
    #[arg(long, global = true, value_name = "URL", help_heading = "Options of every command")]
    store: Option<String>,
    /// Kills six of eight runners in the middle of model calls, and audits what they leave
    #[arg(long, conflicts_with = "ticks")]
    chaos: bool,
}

pub(super) async fn run(args: DemoArgs, session: &mut Session) -> Result<Exit, CliError> {
    if args.chaos {
        return chaos::run(Place::of(&args, "chaos-org", session)?, session).await;
    }
    let about = template::catalogue::default().about;
    let Some(demo) = about.demo else { unreachable!("the example is what the demo shows") };
    let place = Place::of(&args, "demo-org", session)?;
    prepare(&place).await?;
    let org = &place.org;
    let json = session.out.json();
    if !json {
        session.out.wrapped(format!("{} {}", styled(TITLE, "LeMMing demo:"), about.description))?;
        session.out.wrapped(styled(DIM, format!("everything is in {}", org.place)))?;
        session.out.line("")?;
    }
    let ticks = args.ticks.unwrap_or(demo.ticks);
    let shown = Arc::new(Shown::new(session.out.is_watched() && !json));
    let out = &mut session.out;
    let done = until_signalled(|| shown.stopping(), |stop| play(&place, &demo, ticks, stop, &shown, out)).await;
    shown.clear();
    let Some(played) = done else { return Ok(Exit::Interrupted) };
    let Played { told, exit, stopped } = played?;
    if json {
        session.out.document(&json!({ "store": org.place, "events": told }))?;
    } else if stopped && !org.is_in_memory() {
        session.out.note(format!("stopped: the same `lemming demo` goes on with it; {}", place.removal()));
    } else {
        farewell(&place, &mut session.out)?;
    }
    Ok(exit)
}

/// What tells a demo's folder from any other.
fn marker() -> Key {
    Key::Config(RelativePath::new("demo.json").unwrap_or_else(|_| unreachable!("a plain name")))
}

/// Founds the example organisation, unless a demo has been here.
async fn prepare(place: &Place) -> Result<(), CliError> {
    let org = &place.org;
    if !place.is_empty().await? && org.store.get(&marker()).await?.is_none() {
        return Err(place.refused("is no demo"));
    }
    let note = json!({ "about": "Made by `lemming demo`, which may go on with it. The whole folder may be deleted." });
    let _ = org.store.create_own(&marker(), Bytes::from(crate::record::encode(&note))).await?;
    bootstrap::found(org, template::catalogue::default().founding(&Wishes::default())).await?;
    Ok(())
}

/// What was played.
struct Played {
    told: Vec<Event>,
    exit: Exit,
    /// By a person, before its end.
    stopped: bool,
}

async fn play(
    place: &Place,
    demo: &template::Demo,
    ticks: u64,
    stop: Stop,
    shown: &Arc<Shown>,
    out: &mut Output,
) -> Result<Played, CliError> {
    let org = &place.org;
    let mut played = Played { told: Vec::new(), exit: Exit::Ok, stopped: false };
    for done in 0..ticks {
        if done == demo.message_after.min(ticks - 1) {
            speak(org, demo, out).await?;
        }
        let ctx = org.context(Some(SEED), Terms::default(), stop.clone(), shown.clone());
        let outcome = run_tick(&ctx, Trigger::Invocation).await;
        shown.clear();
        let outcome = outcome?;
        played.exit = super::tick::exit(outcome.ending());
        if let Outcome::Ran(report) = outcome {
            played.told.extend(tell(org, report.tick, out).await?);
        }
        if stop.is_requested() && (done + 1 < ticks || played.exit != Exit::Ok) {
            played.stopped = true;
            break;
        }
    }
    Ok(played)
}

async fn speak(org: &Org, demo: &template::Demo, out: &mut Output) -> Result<(), CliError> {
    let letter = Letter {
        recipients: Some(vec![demo.to.clone()]),
        kind: Kind::Request,
        importance: Importance::Normal,
        text: demo.text.clone(),
        reply_to: None,
        thread_id: None,
    };
    org.postbox().send(letter).await?;
    if !out.json() {
        out.wrapped(format!("{} lemming send {} {:?}", styled(DIM, "$"), demo.to, one_line(&demo.text, 200)))?;
    }
    Ok(())
}

async fn tell(org: &Org, tick: Tick, out: &mut Output) -> Result<Vec<Event>, CliError> {
    let told = chronicle::tick(&org.store, tick).await?.map(|records| events(&records)).unwrap_or_default();
    if !out.json() {
        for event in &told {
            out.wrapped(story::line(event, None))?;
        }
        out.line("")?;
        out.flush()?;
    }
    Ok(told)
}

fn farewell(place: &Place, out: &mut Output) -> Result<(), CliError> {
    if place.org.is_in_memory() {
        out.wrapped("It was in memory, and is gone; without --store it stays in a folder.")?;
        return Ok(());
    }
    let dir = place.shown.trim_end_matches('/');
    for line in [
        format!("All of it is in {dir}/, as plain JSON:"),
        format!("  {dir}/agents/      who they are (resume.json), what they said (outbox/), what they keep (memory/)"),
        format!("  {dir}/shared/      the files of all: what they wrote"),
        format!("  {dir}/ticks/       the records: the truth, each written once"),
        "Try:".to_owned(),
    ] {
        out.wrapped(line)?;
    }
    let commands = place.commands(&["serve", "status", "inbox", "send all \"How is it going?\"", "tick"]);
    // Whole, so that they can be copied.
    Ok(commands.iter().try_for_each(|line| out.line(line))?)
}
