//! AWS Lambda: the same program, where its environment says that it is a function.
//!
//! A function builds its places once and then does one job for each event. It leaves before its deadline, says how far it
//! came, and may invoke itself to go on with a tick that it had to leave open. It decides nothing about a tick.

mod answer;
pub mod event;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use self::answer::{Failed, answer};
use self::event::{Arrival, Asked, Errand};
use super::compose::{self, Org};
use super::deadline::within;
use super::job::{Done, Job, run_each};
use super::places::Places;
use crate::api::lambda::is_http;
use crate::api::wake::Elsewhere;
use crate::api::{self, Access, ApiState, Settings, place};
use crate::aws::Aws;
use crate::aws::invoke::{Function, invoke_later};
use crate::causes::causes;
use crate::config::Environment;
use crate::domain::name::AgentName;
use crate::domain::pace::Span;
use crate::domain::time::{Tick, Timestamp};
use crate::engine::{Deadline, Ending, Progress, Stop, Terms};
use crate::record::plan::Trigger;
use crate::record::turn::TurnRecord;
use crate::telemetry::traces::{PATIENCE, Traces};
use crate::telemetry::{self, LogFormat};
use crate::version;

/// How often a function invokes itself for one errand.
const CONTINUATIONS: u32 = 100;

/// The longest that an invocation may take. Source: AWS Lambda quotas.
const LONGEST_MS: u64 = 15 * 60 * 1_000;

/// So far may our clock be behind that of Lambda.
const CLOCKS_DIFFER_MS: u64 = 60_000;

/// The variables that the runtime interface needs.
const NEEDED: [&str; 3] =
    ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"];

/// Says whether this process was started as a function.
#[must_use]
pub fn is_asked_for(environment: &Environment) -> bool {
    // A command line is a person's, even on a machine that is itself a function.
    environment.var("AWS_LAMBDA_RUNTIME_API").is_some() && environment.args().len() <= 1
}

/// Answers events until Lambda ends the process.
pub async fn serve(environment: Environment) -> ExitCode {
    let traces = Traces::of(&environment);
    let collected = traces.as_ref().ok().and_then(Option::as_ref);
    telemetry::start(LogFormat::Json, 0, environment.var("LEMMING_LOG"), collected);
    let traces = traces.unwrap_or_else(|error| telemetry::without_traces(&error));
    let function = match Worker::of(&environment) {
        Ok(function) => Arc::new(function),
        Err(error) => {
            // Lambda shows what a function says before it ends.
            tracing::error!(event = "function_not_started", error, "the function cannot be started");
            return ExitCode::FAILURE;
        }
    };
    tracing::info!(
        event = "function_started",
        store = function.place,
        version = version::LONG,
        "the function is ready"
    );
    let runtime = Runtime::new(service_fn(move |event: LambdaEvent<Value>| {
        let (function, traces) = (Arc::clone(&function), traces.clone());
        async move {
            let answer = function.handle(event.payload, &event.context).await;
            if let Some(traces) = traces {
                // Lambda freezes the process as soon as it has the answer.
                traces.flush(patience(event.context.deadline, function.now().await)).await;
            }
            answer
        }
    }));
    match runtime.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(event = "function_ended", error = %error, "the runtime interface does not answer");
            ExitCode::FAILURE
        }
    }
}

/// What a function keeps from one event to the next.
struct Worker {
    /// The place as people may see it.
    place: String,
    /// The bucket's name and the prefix, as notifications name them; none for a place that is no bucket.
    bucket: Option<(String, String)>,
    /// One event at a time is all that Lambda sends; emulators may send more.
    places: Mutex<Places>,
    /// The API; none where there are many organisations.
    api: Option<Router>,
    reinvokes: bool,
    /// The time that a person gives each invocation, if that is less than Lambda does.
    shorter: Option<Span>,
    aws: Aws,
    name: Option<String>,
}

/// Notes whether any turn is committed: what comes to nothing is not tried for ever.
#[derive(Debug, Default)]
struct Advance(AtomicBool);

impl Progress for Advance {
    fn turn_started(&self, _: Tick, _: &AgentName) {}
    fn turn_committed(&self, _: &TurnRecord) {
        self.0.store(true, Ordering::Release);
    }
}

impl Worker {
    fn of(environment: &Environment) -> Result<Self, String> {
        if let Some(missing) = NEEDED.iter().find(|name| environment.var(name).is_none()) {
            return Err(format!("{missing} is not set: this is no function of AWS Lambda"));
        }
        let store = environment.var("LEMMING_STORE").ok_or("LEMMING_STORE is not set: it names the bucket")?;
        let org = compose::open(store, environment).map_err(|error| error.to_string())?;
        let is_many = flag(environment, "LEMMING_ALL")?;
        // Mail is seen to come in by a notification of the bucket.
        let state = |org| ApiState::new(org, Settings::new(Access::Keys), Arc::new(Elsewhere));
        Ok(Self {
            place: org.place.clone(),
            bucket: bucket(&org.place),
            api: (!is_many).then(|| place::alone(state(org.clone()))),
            places: Mutex::new(if is_many { Places::below(org) } else { Places::one(org) }),
            reinvokes: flag(environment, "LEMMING_REINVOKE")?,
            shorter: match environment.var("LEMMING_DEADLINE").map(str::parse::<Span>) {
                Some(Ok(span)) => Some(span),
                Some(Err(error)) => return Err(format!("LEMMING_DEADLINE: {error}")),
                None => None,
            },
            aws: Aws::new(environment.vars().clone()),
            name: environment.var("AWS_LAMBDA_FUNCTION_NAME").map(str::to_owned),
        })
    }

    async fn handle(&self, event: Value, context: &lambda_runtime::Context) -> Result<Value, Diagnostic> {
        if is_http(&event) {
            return match &self.api {
                Some(api) => Ok(api::lambda::answer(event, api, &context.request_id).await),
                None => Ok(no_api()),
            };
        }
        let now = self.now().await;
        let deadline = time_left(context.deadline, now, self.shorter).map(Deadline::after);
        let asked = event::read(&event, now).map_err(|error| {
            tracing::error!(event = "event_unknown", error = %error, "an event cannot be read");
            Failed::event(&error)
        })?;
        let work = match asked {
            Asked::Test => return Ok(json!({ "outcome": "ignored" })),
            Asked::Tick(errand) => self.organisations(&errand).await.map(|found| (errand, found)),
            Asked::Arrived(arrived) => self.woken(&arrived).await.map(|found| (wake(), found)),
        };
        let (errand, organisations) = work.inspect_err(|error| {
            tracing::error!(event = "tick_failed", error = error.message, "an event came to nothing");
        })?;
        if organisations.is_empty() {
            return Ok(json!({ "outcome": "ignored" }));
        }
        let advance = Arc::new(Advance::default());
        let done = self.work(&errand, organisations, deadline, &advance).await;
        let goes_on = advance.0.load(Ordering::Acquire);
        let reinvoked = match self.reinvokes && goes_on && errand.continuation < CONTINUATIONS {
            true => self.reinvoke(&errand, &done, &context.invoked_function_arn).await,
            false => false,
        };
        answer(done, reinvoked).map_err(Diagnostic::from)
    }

    async fn now(&self) -> Timestamp {
        match &*self.places.lock().await {
            Places::One(org) | Places::Below { above: org, .. } => org.clock().now(),
        }
    }

    /// The organisations that an errand is for.
    async fn organisations(&self, errand: &Errand) -> Result<Vec<(Option<String>, Org)>, Failed> {
        let mut places = self.places.lock().await;
        let found = places.look().await.map_err(|error| Failed::store(&error))?;
        let Some(wanted) = &errand.organisation else {
            return match found.is_empty() {
                true => Err(Failed::no_organisation(&self.place)),
                false => Ok(found),
            };
        };
        let one: Vec<_> = found.into_iter().filter(|(name, _)| name.as_ref() == Some(wanted)).collect();
        match one.is_empty() {
            true => Err(Failed::unknown_organisation(wanted, &self.place)),
            false => Ok(one),
        }
    }

    /// The organisations for which something has arrived.
    async fn woken(&self, arrived: &[Arrival]) -> Result<Vec<(Option<String>, Org)>, Failed> {
        let Some((bucket, prefix)) = &self.bucket else { return Ok(Vec::new()) };
        let mut ours = arrived.iter().filter(|arrival| arrival.bucket == *bucket);
        let mut places = self.places.lock().await;
        match &*places {
            Places::One(org) => {
                Ok(ours.any(|arrival| arrival.is_for(prefix)).then(|| (None, org.clone())).into_iter().collect())
            }
            Places::Below { .. } => {
                let names: Vec<&str> = ours.filter_map(|arrival| arrival.organisation_below(prefix)).collect();
                if names.is_empty() {
                    return Ok(Vec::new());
                }
                let found = places.look().await.map_err(|error| Failed::store(&error))?;
                Ok(found
                    .into_iter()
                    .filter(|(name, _)| name.as_deref().is_some_and(|name| names.contains(&name)))
                    .collect())
            }
        }
    }

    async fn work(
        &self,
        errand: &Errand,
        organisations: Vec<(Option<String>, Org)>,
        deadline: Option<Deadline>,
        advance: &Arc<Advance>,
    ) -> Vec<(Option<String>, Done)> {
        let terms = Terms { leaves_what_is_held: true, deadline, goes_on: errand.continuation > 0, ..Terms::default() };
        let job = Job { trigger: errand.trigger.clone(), terms, seed: None };
        let progress: Arc<dyn Progress> = Arc::clone(advance) as _;
        let (stopper, stop) = Stop::channel();
        within(deadline, &stopper, run_each(organisations, &job, &stop, &progress)).await
    }

    /// Has itself invoked again for what is left open. One invocation for each organisation: each has its own time.
    async fn reinvoke(&self, errand: &Errand, done: &[(Option<String>, Done)], arn: &str) -> bool {
        let name = || self.name.clone().map(|name| Function { name, qualifier: None });
        let Some(function) = Function::of_arn(arn).or_else(name) else { return false };
        let mut heard = false;
        for (organisation, done) in done {
            if done.ending() != Some(Ending::Partial) {
                continue;
            }
            let errand = Errand { organisation: organisation.clone(), ..errand.clone() };
            match invoke_later(&self.aws, &function, &errand.continued(done.is_own_tick_open())).await {
                Ok(()) => heard = true,
                Err(error) => tracing::warn!(
                    event = "not_reinvoked",
                    organisation = organisation.as_deref(),
                    error = causes(&error).join(": "),
                    "the tick stays open until the next event"
                ),
            }
        }
        heard
    }
}

/// The answer to a request where no API is.
fn no_api() -> Value {
    let error = json!({ "error": { "code": "not_found", "message": "this function runs many organisations, and has no API",
        "hint": "give the API a function of its own, with LEMMING_STORE at one organisation" } });
    json!({ "statusCode": 404, "headers": { "content-type": "application/json" }, "body": error.to_string() })
}

/// What an arrival asks for.
fn wake() -> Errand {
    Errand { trigger: Trigger::Wake { named: Vec::new() }, organisation: None, continuation: 0 }
}

/// For how long this invocation may go on: as Lambda says, or as the environment does, if that is less.
fn time_left(deadline_ms: u64, now: Timestamp, shorter: Option<Span>) -> Option<Duration> {
    let said = match deadline_ms {
        0 => None,
        // Emulators send the time itself, not the moment at which it is over.
        left if left <= LONGEST_MS => Some(left),
        moment => i64::try_from(moment).ok().map(|moment| u64::try_from(moment - now.unix_ms()).unwrap_or(0)),
    };
    let said = said.filter(|left| *left <= LONGEST_MS + CLOCKS_DIFFER_MS).map(Duration::from_millis);
    said.into_iter().chain(shorter.map(Span::duration)).min()
}

/// How long an invocation waits for a collector: never so long that the time is over which Lambda gives it.
fn patience(deadline_ms: u64, now: Timestamp) -> Duration {
    time_left(deadline_ms, now, None).map_or(PATIENCE, |left| (left / 2).min(PATIENCE))
}

/// The bucket's name and the prefix in it.
fn bucket(place: &str) -> Option<(String, String)> {
    let path = place.strip_prefix("s3://").or_else(|| place.strip_prefix("s3a://"))?;
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    Some((bucket.to_owned(), prefix.trim_matches('/').to_owned()))
}

fn flag(environment: &Environment, name: &str) -> Result<bool, String> {
    match environment.var(name) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(format!("{name} must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(unix_ms: u64, shorter: Option<&str>) -> Option<u128> {
        let now = Timestamp::try_from("2026-11-25T17:30:00Z".to_owned()).expect("a time");
        time_left(unix_ms, now, shorter.map(|span| span.parse().expect(span))).map(|left| left.as_millis())
    }

    #[test]
    fn the_time_left_is_what_lambda_says_or_less() {
        let now = 1_795_627_800_000;
        assert_eq!(left(now + 3_000, None), Some(3_000));
        assert_eq!(left(now + 900_000, Some("1m")), Some(60_000));
        assert_eq!(left(now + 3_000, Some("1m")), Some(3_000));
        assert_eq!(left(now - 1, None), Some(0), "it is over");
        assert_eq!(left(600_000, None), Some(600_000), "emulators send the time itself");
        assert_eq!(left(0, None), None, "or none");
        assert_eq!(left(0, Some("9m")), Some(540_000));
        assert_eq!(left(u64::MAX, None), None, "what is no time of Lambda's is no deadline");
    }

    #[test]
    fn a_collector_is_never_waited_for_until_the_time_is_over() {
        let now = 1_795_627_800_000;
        let patience = |deadline_ms| patience(deadline_ms, Timestamp::from_unix_ms(1_795_627_800_000)).as_millis();
        assert_eq!(patience(now + 900_000), PATIENCE.as_millis());
        assert_eq!(patience(now + 1_000), 500);
        assert_eq!(patience(now - 1), 0);
        assert_eq!(patience(0), PATIENCE.as_millis(), "nobody says");
    }

    #[test]
    fn a_place_names_its_bucket_as_notifications_do() {
        let parts = |bucket: &str, prefix: &str| Some((bucket.to_owned(), prefix.to_owned()));
        assert_eq!(bucket("s3://desks/orgs/desk/"), parts("desks", "orgs/desk"));
        assert_eq!(bucket("s3://desks"), parts("desks", ""));
        assert_eq!(bucket("s3://desks/"), parts("desks", ""));
        assert_eq!(bucket("/tmp/desk"), None);
    }
}
