//! `lemming tick` for schedulers: one invocation with all that follows from it, on one organisation or on many.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{TickArgs, exit, outcome_document, show};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{BAD, NAME, styled};
use crate::cli::progress::Shown;
use crate::domain::ids::Seed;
use crate::engine::{Progress, Terms};
use crate::runner::job::{Done, Job, run_each};
use crate::runner::local::until_told;
use crate::runner::places::Places;

/// Does the job, tells of each organisation, and ends as the worst of them.
pub(super) async fn run(args: &TickArgs, terms: Terms, session: &mut Session) -> Result<Exit, CliError> {
    let place = if args.all { session.place()? } else { session.org().await? };
    let job = Job { trigger: args.trigger(&place).await?, terms, seed: args.seed.map(Seed) };
    let mut places = if args.all { Places::below(place.clone()) } else { Places::one(place.clone()) };
    let organisations = places.look().await?;
    if organisations.is_empty() {
        return Err(CliError::no_orgs(&place.place));
    }
    let shown = Shown::new(!args.all && session.out.is_watched() && !session.out.json());
    let shown = Arc::new(if terms.leaves_what_is_held { shown.leaving() } else { shown });
    let progress: Arc<dyn Progress> = shown.clone();
    let done = until_told(
        terms.deadline,
        || shown.stopping(),
        |stop| {
            let (job, progress) = (&job, &progress);
            async move { run_each(organisations, job, &stop, progress).await }
        },
    );
    let done = done.await;
    shown.clear();
    let Some(done) = done else { return Ok(Exit::Interrupted) };
    let told: Vec<Told> = done.into_iter().map(|(name, done)| Told::new(name, done)).collect();
    let worst = told.iter().map(Told::exit).max_by_key(rank).unwrap_or(Exit::Ok);
    match <[Told; 1]>::try_from(told) {
        Ok([one]) if !args.all => one.tell_alone(session)?,
        Ok([one]) => tell_all(vec![one], session)?,
        Err(told) => tell_all(told, session)?,
    }
    Ok(worst)
}

/// How bad an exit is: a failure is worse than an open tick.
fn rank(exit: &Exit) -> u8 {
    match exit {
        Exit::Ok => 0,
        Exit::Partial => 1,
        _ => 2,
    }
}

/// What there is to tell of one organisation.
struct Told {
    name: Option<String>,
    document: Value,
    done: Done,
    error: Option<CliError>,
}

impl Told {
    fn new(name: Option<String>, mut done: Done) -> Self {
        let ticks: Vec<Value> = done.outcomes.iter().map(outcome_document).collect();
        let mut document = json!({ "outcome": done.ending(), "ticks": ticks, "requests": done.requests });
        if let Some(name) = &name {
            document["organisation"] = name.as_str().into();
        }
        let error = done.error.take().map(CliError::from);
        if let Some(error) = &error {
            document["error"] = error.envelope()["error"].clone();
            document["outcome"] = Value::Null;
        }
        Self { name, document, done, error }
    }

    fn exit(&self) -> Exit {
        match (&self.error, self.done.ending()) {
            (Some(error), _) => error.exit(),
            (None, Some(ending)) => exit(ending),
            (None, None) => Exit::Failed,
        }
    }

    /// As the only one: its failure is the command's.
    fn tell_alone(self, session: &mut Session) -> Result<(), CliError> {
        if !session.out.json() {
            self.tell(session)?;
        }
        match self.error {
            Some(error) => Err(error),
            None if session.out.json() => Ok(session.out.document(&self.document)?),
            None => Ok(()),
        }
    }

    fn tell(&self, session: &mut Session) -> Result<(), CliError> {
        if self.done.is_unreached {
            session.out.line("not reached: the time was over before")?;
        }
        self.done.outcomes.iter().try_for_each(|outcome| show(outcome, &mut session.out))
    }
}

/// One after another: a failure is told with the rest.
fn tell_all(told: Vec<Told>, session: &mut Session) -> Result<(), CliError> {
    if session.out.json() {
        let documents: Vec<Value> = told.into_iter().map(|told| told.document).collect();
        return Ok(session.out.document(&json!({ "organisations": documents }))?);
    }
    for told in told {
        session.out.line(styled(NAME, told.name.as_deref().unwrap_or_default()))?;
        told.tell(session)?;
        if let Some(error) = &told.error {
            session.out.line(error.text(&styled(BAD, "failed:"), "hint:").trim_end())?;
        }
    }
    Ok(())
}
