//! Slots, wakes, and what is refused before anything is written.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use lemming::clock::Clock as _;
use lemming::domain::time::Clock;
use lemming::engine::{EngineError, Idle, Outcome, TickReport};
use lemming::record::plan::{Cause, Trigger};
use lemming::store::faults::Liar;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use serde_json::{Value, json};

use crate::audit::Expect;
use crate::world::{World, name, says};

const MINUTE: Duration = Duration::from_secs(60);

async fn paced(catch_up: &str) -> World {
    let mut world = World::new(|request| Ok(says(&format!("{} {}", request.view.agent, request.view.clock))));
    world.org["pace"] = json!({"every": "5m", "catch_up": catch_up});
    world.found().await;
    world
}

fn slot(world: &World) -> Trigger {
    Trigger::Slot { time: world.clock.now() }
}

async fn ran(world: &World, trigger: Trigger) -> TickReport {
    match world.run(trigger).await.unwrap() {
        Outcome::Ran(report) => report,
        Outcome::Idle { reason } => panic!("idle: {reason:?}"),
    }
}

async fn idle(world: &World, trigger: Trigger) -> Idle {
    let (before, requests) = (world.all().await, world.requests());
    let outcome = world.run(trigger).await.unwrap();
    let Outcome::Idle { reason } = outcome else { panic!("not idle: {outcome:?}") };
    let made = world.requests() - requests;
    assert_eq!((made.put, made.delete), (0, 0), "an idle trigger writes nothing");
    assert_eq!(world.all().await, before);
    reason
}

#[tokio::test]
async fn a_slot_runs_once_however_often_it_is_triggered() {
    let world = paced("skip").await;
    world.agent("ada", json!({"schedule": {"run_every_n_ticks": 2}})).await;
    let first = slot(&world);
    assert_eq!(ran(&world, first.clone()).await.due, [], "the first slot is anchored; clock 1 is nobody's");
    assert_eq!(idle(&world, first.clone()).await, Idle::SlotPassed);
    world.clock.advance(MINUTE);
    assert_eq!(idle(&world, slot(&world)).await, Idle::SlotPassed, "jitter stays inside the slot");
    world.clock.advance(4 * MINUTE);
    assert_eq!(ran(&world, slot(&world)).await.due, [name("ada")]);
    assert_eq!(idle(&world, first).await, Idle::SlotPassed, "an old slot comes late");
    world.clock.advance(5 * MINUTE);
    assert_eq!(idle(&world, slot(&world)).await, Idle::NothingToDo, "nobody is due");
    world.clock.advance(5 * MINUTE);
    let third = ran(&world, slot(&world)).await;
    assert_eq!((third.clock, third.due.len()), (Clock(4), 1), "the idle slot was counted");
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedulers_that_race_for_a_slot_run_it_once() {
    let mut world = paced("skip").await;
    world.org["limits"] = json!({"lease": "200ms"});
    world.found().await;
    let world = Arc::new(world);
    world.agent("ada", json!({})).await;
    for round in 0..10 {
        let trigger = slot(&world);
        let race: Vec<_> = (0..3)
            .map(|_| {
                let (world, trigger) = (world.clone(), trigger.clone());
                tokio::spawn(async move { world.run(trigger).await.unwrap() })
            })
            .collect();
        for run in race {
            run.await.unwrap();
        }
        assert_eq!(world.state().await.tick.0, round + 1);
        world.clock.advance(5 * MINUTE);
    }
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn missed_slots_are_skipped_or_caught_up_once() {
    for (catch_up, due) in [("skip", 0), ("one", 1)] {
        let world = paced(catch_up).await;
        world.agent("ada", json!({"schedule": {"run_every_n_ticks": 2}})).await;
        world.agent("bob", json!({"schedule": {"run_every_n_ticks": 5}})).await;
        ran(&world, slot(&world)).await;
        world.clock.advance(20 * MINUTE);
        // Clocks 2 to 5; bob is due at 5, ada was at 2 and 4.
        let report = ran(&world, slot(&world)).await;
        assert_eq!((report.clock, report.due.len()), (Clock(5), 1 + due), "{catch_up}");
        let plan = world.plan(2).await;
        assert!(plan.due.iter().filter(|due| due.agent == name("ada")).all(|due| due.because == Cause::CatchUp));
        assert_eq!(plan.range.map(|range| (range.from, range.to)), Some((Clock(2), Clock(5))));
    }
}

#[tokio::test]
async fn a_wake_runs_who_has_mail_and_who_is_named() {
    let world = paced("skip").await;
    for (agent, when) in [("ada", "always"), ("bob", "on_message"), ("cyd", "on_message"), ("dan", "always")] {
        let reads = json!({"read_outboxes": []});
        world.agent(agent, json!({"schedule": {"run_every_n_ticks": 1, "when": when}, "permissions": reads})).await;
    }
    let wake = |named: &[&str]| Trigger::Wake { named: named.iter().map(|agent| name(agent)).collect() };
    assert_eq!(ran(&world, slot(&world)).await.due, [name("ada"), name("dan")]);
    assert_eq!(idle(&world, wake(&[])).await, Idle::NothingToDo);
    world.mail(1, "human", Some(&["bob"]), "hello").await;
    let report = ran(&world, wake(&["dan"])).await;
    assert_eq!((report.clock, report.due), (Clock(1), vec![name("bob"), name("dan")]));
    assert_eq!(world.plan(2).await.due[0].because, Cause::Mail);
    // A person's tick is the slot, or, if that has run, a wake.
    world.mail(2, "human", Some(&["cyd"]), "hello").await;
    assert_eq!(ran(&world, Trigger::Invocation).await.due, [name("cyd")]);
    assert_eq!(idle(&world, Trigger::Invocation).await, Idle::NothingToDo);
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn a_trigger_finishes_an_open_tick_and_then_runs_its_own() {
    let mut world = paced("skip").await;
    world.org["limits"] = json!({"lease": "5ms"});
    world.found().await;
    world.agent("ada", json!({})).await;
    crate::turns::die_in_slot(&world, slot(&world)).await;
    world.clock.advance(5 * MINUTE);
    let report = ran(&world, slot(&world)).await;
    assert_eq!((report.tick.0, report.clock), (2, Clock(2)));
    let first = report.finished_first.expect("it says which");
    assert_eq!((first.tick.0, first.resumed, first.closed, first.turns.len()), (1, true, true, 1));
    assert_eq!(world.turn(1, "ada").await.tick.0, 1);
    world.audit(&Expect::default()).await;
}

#[tokio::test]
async fn a_clock_that_ran_ahead_is_mended_once() {
    let world = paced("skip").await;
    world.agent("ada", json!({})).await;
    ran(&world, slot(&world)).await;
    world.clock.advance(1000 * MINUTE);
    ran(&world, slot(&world)).await;
    world.clock.back(990 * MINUTE);
    let report = ran(&world, slot(&world)).await;
    assert!(report.problems.iter().any(|problem| problem.kind == "clock_ahead"), "{:?}", report.problems);
    assert_eq!(idle(&world, slot(&world)).await, Idle::SlotPassed, "a redelivery does no harm");
    world.clock.advance(5 * MINUTE);
    let next = ran(&world, slot(&world)).await;
    assert_eq!(next.clock.0, report.clock.0 + 1);
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

async fn refused(world: &World) -> EngineError {
    let before = world.all().await;
    let error = world.run(Trigger::Invocation).await.expect_err("refused");
    assert_eq!(world.all().await, before, "nothing is written");
    error
}

#[tokio::test]
async fn broken_settings_and_newer_formats_start_nothing() {
    let world = World::new(|_| Ok(says("x")));
    assert!(matches!(refused(&world).await, EngineError::NoOrg));
    world.found().await;
    world.agent("ada", json!({})).await;
    world.tick().await;
    let (org, models) = (world.all().await["org.json"].clone(), world.all().await["config/models.json"].clone());
    for (path, text) in [
        ("org.json", "{ half".to_owned()),
        ("org.json", json!({"format": 2, "name": "newer"}).to_string()),
        ("org.json", json!({"format": 1, "name": "x", "budget": {"credits": -1}}).to_string()),
        ("config/models.json", "[]".to_owned()),
        ("config/models.json", json!({"m": {"provider": "test", "price": {"input": -1, "output": 0}}}).to_string()),
    ] {
        world.raw.put_path(path, text.into()).await.unwrap();
        let error = refused(&world).await;
        assert!(matches!(&error, EngineError::Config { path: named, .. } if named == path), "{error}");
        world.raw.put_path("org.json", org.clone()).await.unwrap();
        world.raw.put_path("config/models.json", models.clone()).await.unwrap();
    }
    world.tick().await;
}

#[tokio::test]
async fn records_of_a_newer_format_stop_a_runner_before_it_writes() {
    let world = World::new(|_| Ok(says("x")));
    world.found().await;
    world.agent("ada", json!({})).await;
    for _ in 0..9 {
        world.tick().await;
    }
    let all = world.all().await;
    for path in ["ticks/000000000009/closed.json", "checkpoints/000000000008.json"] {
        newer(&world, &all[path], path).await;
        let error = refused(&world).await;
        assert!(matches!(error, EngineError::Store(_)) && !error.may_help_later(), "{path}: {error}");
        world.raw.put_path(path, all[path].clone()).await.unwrap();
    }
    newer(&world, &all["ticks/000000000009/plan.json"], "ticks/000000000010/plan.json").await;
    refused(&world).await;
    world.raw.delete_path("ticks/000000000010/plan.json").await.unwrap();
    world.tick().await;
}

async fn newer(world: &World, bytes: &Bytes, path: &str) {
    let mut value: Value = serde_json::from_slice(bytes).unwrap();
    value["format"] = json!(2);
    world.put(path, &value).await;
}

#[tokio::test]
async fn a_hint_that_lies_is_harmless() {
    let world = World::new(|_| Ok(says("x")));
    world.found().await;
    world.agent("ada", json!({})).await;
    for _ in 0..19 {
        world.tick().await;
    }
    let state = world.state().await;
    for hint in ["0", "1", "7", "18", "20", "400", "18446744073709551615", "-1", "\"x\""] {
        let text = format!("{{\"format\": 1, \"tick\": {hint}}}");
        world.raw.put_path("head.json", text.into()).await.unwrap();
        assert_eq!(world.state().await, state, "{hint}");
    }
    for garbage in ["", "{", "[]", "{\"format\": 9, \"tick\": 3}"] {
        world.raw.put_path("head.json", garbage.into()).await.unwrap();
        assert_eq!(world.state().await, state, "{garbage}");
    }
    assert_eq!(world.tick().await.tick.0, 20);
}

/// A store that may only be read, or in which nothing may be deleted.
#[derive(Debug)]
struct ReadOnly(Arc<dyn ObjectStore>, Writes);

#[derive(Debug, PartialEq)]
enum Writes {
    Denied,
    Allowed,
}

impl std::fmt::Display for ReadOnly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReadOnly")
    }
}

fn denied(path: &Path) -> Error {
    Error::PermissionDenied { path: path.to_string(), source: "read only".into() }
}

#[async_trait]
impl ObjectStore for ReadOnly {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match self.1 {
            Writes::Denied => Err(denied(path)),
            Writes::Allowed => self.0.put_opts(path, payload, options).await,
        }
    }
    async fn put_multipart_opts(&self, path: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(denied(path))
    }
    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(path, options).await
    }
    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        paths.map(|path| path.and_then(|path| Err(denied(&path)))).boxed()
    }
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }
    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }
    async fn copy_opts(&self, _: &Path, to: &Path, _: CopyOptions) -> Result<()> {
        Err(denied(to))
    }
}

#[tokio::test]
async fn a_store_that_may_only_be_read_gives_an_error_at_once_and_no_call() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let world = World::through(objects.clone(), Arc::new(ReadOnly(objects, Writes::Denied)), |_| Ok(says("x")));
    world.found().await;
    world.agent("ada", json!({})).await;
    let began = tokio::time::Instant::now();
    let error = refused(&world).await;
    assert!(!error.may_help_later(), "{error}");
    assert!(began.elapsed() < Duration::from_secs(1), "no retries against a refusal");
    assert!(world.calls().is_empty());
}

#[tokio::test]
async fn a_store_in_which_nothing_may_be_deleted_stops_no_tick_and_admits_nothing_twice() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let world = World::through(objects.clone(), Arc::new(ReadOnly(objects, Writes::Allowed)), |_| Ok(says("x")));
    world.found().await;
    world.agent("ada", json!({})).await;
    world.mail(1, "human", None, "hello").await;
    for tick in 1..80 {
        world.tick().await;
        assert_eq!(world.turn(tick, "ada").await.inbox.len(), usize::from(tick == 1));
    }
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn one_runner_on_a_store_that_ignores_put_if_absent_still_keeps_its_books() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let world = World::through(objects.clone(), Arc::new(Liar::ignoring(objects)), |_| Ok(says("x")));
    world.found().await;
    world.agent("ada", json!({})).await;
    for _ in 0..3 {
        world.tick().await;
    }
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
    // It is refused where a store is opened, by its probe.
    let liar = Liar::ignoring(world.objects.clone());
    let found = lemming::store::probe::probe_create(&liar, &Path::from("org"), "n").await;
    assert!(found.is_err(), "{found:?}");
}
