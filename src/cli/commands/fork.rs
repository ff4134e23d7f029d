//! `lemming fork`

use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{DIM, clean, counted, styled};
use crate::domain::time::Tick;
use crate::keep::fork::{ForkError, Forked, Wish, fork};
use crate::runner::compose::{self, Org};
use crate::store::Key;

/// Makes a new organisation that is as this one was after a tick: to try what would have become of it.
///
/// Takes along the records up to that tick, with the agents, their memory and files as they were; what came later is not
/// taken, nor is what waits in the ingress. Its accounts go on from that point, and nothing here changes. Where the fork then
/// asks a model the same that this organisation asked, byte for byte, the recorded answer is used, for
/// nothing; only what you change is asked anew. Change a resume or send a message there, `tick`, and `diff` the two.
///
/// The destination must be empty. A fork that was broken off is made to the end by the same command.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ForkArgs {
    /// Where the new organisation is to be: a folder, or a bucket such as s3://bucket/prefix
    #[arg(value_name = "DEST")]
    dest: String,
    /// As it was after this tick [default: the last closed one]
    #[arg(long, value_name = "TICK", value_parser = clap::value_parser!(u64).range(1..))]
    at: Option<u64>,
    /// What people call the new organisation [default: the name of this one, and the tick]
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: Option<String>,
}

pub(super) async fn run(args: ForkArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let dest = compose::open(&args.dest, &session.environment)?;
    if is_within(&org, &dest) {
        let error = CliError::new(Exit::Usage, "the destination lies in the organisation itself; nothing was written");
        return Err(error.hint("name a folder or prefix beside it, such as ../what-if"));
    }
    if dest.store.get(&Key::Org).await?.is_some() {
        return Err(said(ForkError::Taken, &dest));
    }
    dest.probe().await?;
    let wish = Wish {
        at: args.at.map(Tick),
        name: args.name,
        place: Some(org.place.clone()).filter(|_| !org.is_in_memory()),
        probed: dest.store.place().map(str::to_owned).into_iter().collect(),
    };
    let bar = session.progress(None, "going through ticks");
    let draw = |tick: Tick, _: Tick| bar.set(tick.0);
    let forked = fork(&org.store, &dest.store, &wish, &draw).await;
    drop(bar);
    let forked = forked.map_err(|error| said(error, &dest))?;
    show(&forked, &dest, session)?;
    Ok(Exit::Ok)
}

/// Says whether a place is the organisation's, or below it.
fn is_within(org: &Org, dest: &Org) -> bool {
    // What is not there yet lies where its nearest folder lies that is.
    let real = |org: &Org| {
        let root = std::path::absolute(org.local_root.as_ref()?).ok()?;
        root.ancestors().find_map(|folder| {
            let rest = root.strip_prefix(folder).ok()?;
            Some(folder.canonicalize().ok()?.join(rest))
        })
    };
    match (real(org), real(dest)) {
        (Some(org), Some(dest)) => dest.starts_with(org),
        (None, None) => {
            let (org, dest) = (org.place.trim_end_matches('/'), dest.place.trim_end_matches('/'));
            !org.starts_with("memory:") && (dest == org || dest.starts_with(&format!("{org}/")))
        }
        _ => false,
    }
}

fn said(error: ForkError, dest: &Org) -> CliError {
    let place = &dest.place;
    match error {
        ForkError::Moment(error) => error.into(),
        ForkError::Engine(error) => error.into(),
        ForkError::NothingYet => {
            CliError::new(Exit::NotFound, error.to_string()).hint("`lemming tick` runs a first one")
        }
        ForkError::Taken | ForkError::Occupied { .. } => CliError::new(Exit::Failed, format!("{error}: {place}"))
            .hint("a fork needs a place of its own; nothing was written"),
        ForkError::OtherFork { .. } => CliError::new(Exit::Failed, format!("{error}: {place}"))
            .hint("give the same tick to make it to the end, or delete what is there"),
        ForkError::Missing { .. } => CliError::new(Exit::Failed, error.to_string())
            .hint("`lemming fsck` lists everything that is wrong with the origin; the same fork, made again, goes on"),
        ForkError::Edit(error) => CliError::new(Exit::Invalid, error.to_string()).at("org.json", ""),
    }
}

fn show(forked: &Forked, dest: &Org, session: &mut Session) -> Result<(), CliError> {
    let out = &mut session.out;
    if dest.is_in_memory() {
        out.note("note: memory:// lasts as long as this command: nothing is kept");
    }
    if out.json() {
        let mut document = serde_json::to_value(forked).unwrap_or_default();
        document["store"] = dest.place.clone().into();
        out.document(&document)?;
        return Ok(());
    }
    if forked.completed {
        out.line("a fork was begun here before, and is now made to the end")?;
    }
    out.line(format!("{} is at {}", clean(&forked.name), clean(&dest.place)))?;
    let carried = format!(
        "{} taken along; it carries {} of later ticks, and gives them for nothing where it is asked the same",
        counted(forked.ticks, "tick"),
        counted(forked.answers, "answer")
    );
    out.line(styled(DIM, carried))?;
    Ok(())
}
