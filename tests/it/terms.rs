//! On which terms an invocation works: until when, whether it waits for others, and where it begins.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use lemming::clock::Clock as _;
use lemming::domain::name::RunnerId;
use lemming::domain::time::Tick;
use lemming::engine::{Context, Deadline, Ending, Idle, Outcome, Part, Stop, Terms, TickReport, run_tick};
use lemming::record::chain::{Extension, Link};
use lemming::record::plan::Trigger;
use lemming::runner::deadline::within;
use lemming::runner::invocation::Invocation;
use lemming::store::Key;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::audit::Expect;
use crate::gate::{Gate, Gated};
use crate::world::{World, says};

/// Nothing was done twice.
fn exactly_once() -> Expect {
    Expect { exactly_once: true, ..Expect::default() }
}

async fn independent(agents: usize, limits: Value, delay: Duration) -> World {
    let mut world = World::new(|_| Ok(says("x")));
    world.org["visibility"] = json!("snapshot");
    world.org["limits"] = limits;
    world.thinker.delay = delay;
    world.found().await;
    for agent in 0..agents {
        world.agent(&format!("a{agent:03}"), json!({})).await;
    }
    world
}

fn with(world: &World, terms: Terms) -> Context {
    Context { terms, ..world.context() }
}

fn until(left: Duration) -> Terms {
    Terms { deadline: Some(Deadline::after(left)), ..Terms::default() }
}

const NOT_WAITING: Terms = Terms { leaves_what_is_held: true, deadline: None, goes_on: false, part: None, only: None };

async fn ran(context: &Context, trigger: Trigger) -> TickReport {
    match run_tick(context, trigger).await.unwrap() {
        Outcome::Ran(report) => report,
        Outcome::Idle { reason } => panic!("idle: {reason:?}"),
    }
}

/// Runs one tick by as many runners as it has parts, started together. Somebody closes it.
async fn run_parts(world: &World, count: u32) {
    let count = NonZeroU32::new(count).unwrap();
    let mut runners = JoinSet::new();
    for index in 0..count.get() {
        let context = with(world, Terms { part: Some(Part { index, count }), ..NOT_WAITING });
        runners.spawn(async move { run_tick(&context, Trigger::Invocation).await.unwrap().ending() });
    }
    let mut endings = Vec::new();
    while let Some(ending) = runners.join_next().await {
        endings.push(ending.unwrap());
    }
    assert!(endings.contains(&Ending::Closed), "{endings:?}");
    assert!(endings.iter().all(|ending| matches!(ending, Ending::Closed | Ending::Held)), "{endings:?}");
}

async fn chain(world: &World, shard: u32) -> Vec<Link> {
    let mut links = Vec::new();
    while let Some(link) = world.raw.read(&Key::Link(Tick(1), shard, links.len() as u32)).await.unwrap() {
        links.push(link);
    }
    links
}

#[tokio::test(start_paused = true)]
async fn a_runner_begins_no_turn_that_would_not_end_in_time() {
    let limits = json!({"agents_per_hold": 1, "max_parallel_turns": 1});
    let world = independent(10, limits, Duration::from_millis(900)).await;
    let begin = tokio::time::Instant::now();
    // It leaves after 5 seconds: the fifth turn is over after 4.5, and a sixth would not be.
    let left = ran(&with(&world, until(Duration::from_millis(5_500))), Trigger::Invocation).await;
    assert!(begin.elapsed() < Duration::from_secs(5), "it leaves when there is nothing more that it can do");
    assert_eq!((left.ending(), left.turns.len()), (Ending::Partial, 5));
    assert_eq!(world.calls().len(), 5, "nothing is begun in vain");
    let links = chain(&world, 0).await;
    assert_eq!(links.last().map(|link| &link.what), Some(&Extension::Release { spent: vec![] }));
    // The lease is 30 seconds: the next one does not wait for it.
    let begin = tokio::time::Instant::now();
    let next = ran(&world.context(), Trigger::Invocation).await;
    assert!(next.closed && next.resumed);
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(world.calls().len(), 10);
    world.audit(&exactly_once()).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlasts_the_deadline_is_stopped_and_stays_at_its_worst_case() {
    let world = independent(2, json!({}), Duration::from_secs(60)).await;
    let (stopper, stop) = Stop::channel();
    let context = Context { stop, ..with(&world, until(Duration::from_secs(3))) };
    let deadline = context.terms.deadline;
    let outcome = within(deadline, &stopper, run_tick(&context, Trigger::Invocation)).await.unwrap();
    assert_eq!(outcome.ending(), Ending::Partial);
    let links = chain(&world, 0).await;
    let Some(Extension::Release { spent }) = links.last().map(|link| &link.what) else { panic!("{links:?}") };
    assert_eq!(spent.len(), 2);
    assert!(spent.iter().all(|settled| !settled.unanswered.is_zero() && settled.paid.is_zero()), "{spent:?}");
    let next = ran(&world.context(), Trigger::Invocation).await;
    assert!(next.closed);
    world.audit(&Expect::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_not_planned_when_the_open_tick_took_all_the_time() {
    let mut world = World::new(|_| Ok(says("x")));
    world.org["pace"] = json!({"every": "5m"});
    world.org["limits"] = json!({"max_parallel_turns": 1, "agents_per_hold": 1});
    world.thinker.delay = Duration::from_secs(1);
    world.found().await;
    for agent in ["ada", "bob", "cyd"] {
        world.agent(agent, json!({})).await;
    }
    let slot = |minutes: i64| Trigger::Slot {
        time: lemming::domain::time::Timestamp::from_unix_ms(1_800_000_000_000 + minutes * 60_000),
    };
    let first = ran(&with(&world, until(Duration::from_secs(2))), slot(0)).await;
    assert_eq!((first.ending(), first.turns.len()), (Ending::Partial, 1));
    world.clock.advance(Duration::from_secs(300));
    let context = with(&world, until(Duration::from_millis(2_700)));
    let second = ran(&context, slot(5)).await;
    assert_eq!((second.tick, second.ending()), (Tick(1), Ending::Closed), "it finished the open tick");
    assert!(!context.may_go_on());
    assert!(world.raw.get(&Key::Plan(Tick(2))).await.unwrap().is_none(), "and began no other");
    let third = ran(&world.context(), slot(5)).await;
    assert_eq!((third.tick, third.ending()), (Tick(2), Ending::Closed), "the slot is not lost");
    world.audit(&exactly_once()).await;
}

#[tokio::test]
async fn who_does_not_wait_leaves_what_live_runners_hold() {
    let mut world = independent(2, json!({}), Duration::ZERO).await;
    let gate = Gate::closing_at(1);
    world.thinker.gate = Some(gate.clone());
    let world = Arc::new(world);
    let first = {
        let context = world.context();
        tokio::spawn(async move { run_tick(&context, Trigger::Invocation).await.unwrap() })
    };
    gate.hit().await;
    let before = (world.all().await, world.requests());
    let second = with(&world, NOT_WAITING);
    let left = tokio::time::timeout(Duration::from_secs(2), ran(&second, Trigger::Invocation));
    let left = left.await.expect("no waiting");
    assert_eq!((left.ending(), left.turns.len()), (Ending::Held, 0));
    let holder = chain(&world, 0).await[0].by.clone();
    assert_eq!(left.held_by, [holder]);
    let made = world.requests() - before.1;
    assert_eq!((made.put, made.delete), (1, 0), "one object tells the store's time, and that is all");
    assert_eq!(world.all().await.len(), before.0.len() + 1);
    gate.open();
    assert_eq!(first.await.unwrap().ending(), Ending::Closed);
    assert_eq!(world.calls().len(), 2);
    world.audit(&exactly_once()).await;
}

#[tokio::test(start_paused = true)]
async fn of_runners_that_do_not_wait_the_last_one_at_work_closes() {
    let mut held = 0;
    for seed in 0..40 {
        let limits = json!({"agents_per_hold": 1, "agents_per_shard": 1, "max_parallel_turns": 1 + seed % 3});
        let mut world = slow_store(2 + seed % 5, Duration::from_millis(1 + seed % 4));
        world.org["visibility"] = json!("snapshot");
        world.org["pace"] = json!({"every": "5m"});
        world.org["limits"] = limits;
        world.thinker.delay = Duration::from_millis(20);
        world.start_entropy(seed * 1_000);
        world.found().await;
        for agent in 0..7 {
            world.agent(&format!("a{agent}"), json!({})).await;
        }
        let world = Arc::new(world);
        let mut runners = JoinSet::new();
        for runner in 0..4 {
            let context = with(&world, NOT_WAITING);
            runners.spawn(async move {
                tokio::time::sleep(Duration::from_millis(runner * (seed % 6))).await;
                run_tick(&context, Trigger::Slot { time: context.clock.now() }).await.unwrap().ending()
            });
        }
        let mut endings = Vec::new();
        while let Some(ending) = runners.join_next().await {
            endings.push(ending.unwrap());
        }
        assert!(endings.contains(&Ending::Closed), "seed {seed}: all left an open tick: {endings:?}");
        held += endings.iter().filter(|ending| **ending == Ending::Held).count();
        assert!(!endings.contains(&Ending::Partial), "seed {seed}: {endings:?}");
        world.audit(&exactly_once()).await;
    }
    assert!(held >= 5, "they hardly ever met: {held}");
}

/// A world whose store takes its time now and then, so that runners find each other in all sorts of moments.
fn slow_store(every: u64, nap: Duration) -> World {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let gated = Gated { inner: Arc::clone(&objects), gate: Gate::napping(every, nap) };
    World::through(objects, Arc::new(gated), |_| Ok(says("x")))
}

#[tokio::test(start_paused = true)]
async fn parts_begin_with_their_own_shards_and_help_with_the_rest() {
    let limits = json!({"agents_per_hold": 1, "agents_per_shard": 1, "max_parallel_turns": 1});
    let world = Arc::new(independent(8, limits, Duration::from_millis(100)).await);
    run_parts(&world, 4).await;
    let mut begun: BTreeSet<RunnerId> = BTreeSet::new();
    for index in 0..4 {
        begun.insert(chain(&world, index * 2).await[0].by.clone());
    }
    assert_eq!(begun.len(), 4, "nobody began with another's part");
    let plan = world.plan(1).await;
    assert_eq!(chain(&world, 0).await[0].by, plan.by, "the first part's runner plans, and the others wait for it");
    // One that comes alone does all of it.
    let part = Some(Part { index: 3, count: NonZeroU32::new(4).unwrap() });
    let context = with(&world, Terms { part, ..NOT_WAITING });
    assert_eq!(run_tick(&context, Trigger::Invocation).await.unwrap().ending(), Ending::Closed);
    assert_eq!(world.calls().len(), 16);
    world.audit(&exactly_once()).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_plans_leaves_the_other_parts_their_shards() {
    // By the default limits one runner could hold all four.
    let world = Arc::new(independent(32, json!({"agents_per_shard": 8}), Duration::from_secs(1)).await);
    run_parts(&world, 4).await;
    let mut holders: BTreeSet<RunnerId> = BTreeSet::new();
    for shard in 0..4 {
        holders.insert(chain(&world, shard).await[0].by.clone());
    }
    assert_eq!(holders.len(), 4);
    world.audit(&exactly_once()).await;
}

#[tokio::test(start_paused = true)]
async fn without_slots_an_invocation_that_finishes_a_tick_begins_no_other() {
    let world = independent(4, json!({"max_parallel_turns": 1}), Duration::from_secs(1)).await;
    let slot = || Trigger::Slot { time: world.clock.now() };
    let first = ran(&with(&world, until(Duration::from_secs(3))), slot()).await;
    assert_eq!(first.ending(), Ending::Partial);
    // The same event again, as a scheduler delivers it that heard of no success.
    let second = ran(&world.context(), slot()).await;
    assert_eq!((second.tick, second.ending()), (Tick(1), Ending::Closed));
    assert!(world.raw.get(&Key::Plan(Tick(2))).await.unwrap().is_none());
    // And what a function sends itself, when somebody else has finished it.
    let context = with(&world, Terms { goes_on: true, ..NOT_WAITING });
    for trigger in [slot(), Trigger::Invocation] {
        let outcome = run_tick(&context, trigger).await.unwrap();
        assert_eq!(outcome, Outcome::Idle { reason: Idle::NothingToDo });
    }
    assert_eq!(world.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_tick_is_not_planned_when_there_is_no_time_for_any_turn() {
    let world = independent(1, json!({}), Duration::ZERO).await;
    let context = with(&world, until(Duration::from_secs(60)));
    tokio::time::sleep(Duration::from_secs(50)).await;
    let outcome = run_tick(&context, Trigger::Invocation).await.unwrap();
    assert_eq!((&outcome, outcome.ending()), (&Outcome::Idle { reason: Idle::NoTime }, Ending::Partial));
    assert!(world.raw.get(&Key::Plan(Tick(1))).await.unwrap().is_none());
}

#[tokio::test]
async fn mail_that_finds_a_tick_held_is_read_by_whoever_holds_it() {
    let mut world = World::new(|request| Ok(says(&format!("{} read", request.view.inbox.len()))));
    world.org["pace"] = json!({"every": "1h"});
    world.found().await;
    world.agent("ada", json!({"schedule": {"run_every_n_ticks": 1, "when": "on_message"}})).await;
    ran(&world.context(), Trigger::Slot { time: world.clock.now() }).await;
    world.mail(1, "human", Some(&["ada"]), "one").await;
    let gate = Gate::closing_at(1);
    world.thinker.gate = Some(gate.clone());
    let world = Arc::new(world);
    let first = {
        let context = world.context();
        tokio::spawn(async move {
            let mut invocation = Invocation::new(&context, Trigger::Wake { named: vec![] });
            let mut ticks = Vec::new();
            while let Some(Outcome::Ran(report)) = invocation.next().await.unwrap() {
                ticks.push(report.turns.len());
            }
            ticks
        })
    };
    gate.hit().await;
    world.mail(2, "human", Some(&["ada"]), "two").await;
    let woken = ran(&with(&world, NOT_WAITING), Trigger::Wake { named: vec![] }).await;
    assert_eq!(woken.ending(), Ending::Held, "its mail is not in this tick");
    gate.open();
    assert_eq!(first.await.unwrap(), [1, 1], "one turn for each message");
    assert!(world.raw.list(&lemming::store::Prefix::Ingress).await.unwrap().is_empty());
    world.audit(&exactly_once()).await;
}

#[tokio::test(start_paused = true)]
async fn of_runners_that_seal_at_the_same_moment_one_reads_the_turns_of_all_and_closes() {
    let limits = json!({"agents_per_hold": 8, "agents_per_shard": 8, "max_parallel_turns": 8});
    let world = Arc::new(independent(64, limits, Duration::from_secs(1)).await);
    run_parts(&world, 8).await;
    // What is over is what eight runners read of the plan, of chains, and of each other. Were each to read the turns of all
    // others to close, that would be 392 more.
    let alone = independent(64, json!({}), Duration::ZERO).await;
    alone.tick().await;
    let over = world.requests().get.saturating_sub(alone.requests().get);
    assert!(over < 640, "{} reads by eight runners, {} by one", world.requests().get, alone.requests().get);
    world.audit(&exactly_once()).await;
}

#[tokio::test(start_paused = true)]
async fn one_reads_the_turns_of_all_also_where_that_takes_long() {
    const AGENTS: usize = 1_200;
    // Every request takes 40 ms, and 1,050 turns of others are read 192 at once.
    let mut world = slow_store(1, Duration::from_millis(40));
    world.org["visibility"] = json!("snapshot");
    world.org["limits"] = json!({"agents_per_hold": 150, "agents_per_shard": 150, "max_parallel_turns": 150});
    world.found().await;
    for agent in 0..AGENTS {
        world.agent(&format!("a{agent:04}"), json!({})).await;
    }
    run_parts(&world, 8).await;
    // Resumes and what they are pinned as, the turns for one close, and what eight runners read of the plan and of chains.
    let made = world.requests();
    assert!(made.get < (2 * AGENTS + AGENTS + 400) as u64, "{made:?}");
    world.audit(&exactly_once()).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_one_to_seal_closes_at_once_though_others_sealed_before() {
    for seed in 0..6 {
        let mut world = independent(8, json!({"agents_per_shard": 1}), Duration::from_secs(10)).await;
        world.start_entropy(seed * 1_000);
        let began = tokio::time::Instant::now();
        let mut runners = JoinSet::new();
        for index in 0..8 {
            let part = Some(Part { index, count: NonZeroU32::new(8).unwrap() });
            let context = with(&world, Terms { part, ..NOT_WAITING });
            runners.spawn(async move {
                tokio::time::sleep(Duration::from_millis(300) * index).await;
                run_tick(&context, Trigger::Invocation).await.unwrap().ending()
            });
        }
        let endings = runners.join_all().await;
        assert_eq!(endings.iter().filter(|ending| **ending == Ending::Held).count(), 7, "{endings:?}");
        // The last begins after 2.1 s, and its call takes 10: the others have left by then.
        assert!(began.elapsed() < Duration::from_millis(12_100 + 50), "seed {seed}: {:?}", began.elapsed());
        world.audit(&exactly_once()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_together_make_room_for_one_hold() {
    let mut world = slow_store(1, Duration::from_millis(5));
    world.org["visibility"] = json!("snapshot");
    world.org["limits"] = json!({"agents_per_hold": 4, "max_parallel_turns": 4});
    world.thinker.delay = Duration::from_millis(500);
    world.found().await;
    for agent in 0..16 {
        world.agent(&format!("a{agent:02}"), json!({})).await;
    }
    let began = tokio::time::Instant::now();
    world.tick().await;
    let links = chain(&world, 0).await;
    // Four holds and the seal, and one hold more where an answer came later than by the time of a commit. Were a hold taken as
    // soon as there is room, each wave of answers would need two.
    assert!(links.len() <= 4 + 1 + 1, "{links:?}");
    assert!(began.elapsed() < Duration::from_millis(4 * 500 + 300), "{:?}", began.elapsed());
    world.audit(&exactly_once()).await;
}

/// Four shards of eight agents, each shard a chain of eight holds and a seal.
async fn of_long_chains() -> World {
    let limits = json!({"agents_per_shard": 8, "agents_per_hold": 1, "max_parallel_turns": 1});
    independent(32, limits, Duration::from_secs(1)).await
}

#[tokio::test(start_paused = true)]
async fn a_look_at_the_shards_of_others_is_one_listing_and_the_last_link_of_each() {
    let world = of_long_chains().await;
    let first = world.context();
    let first = tokio::spawn(async move { ran(&first, Trigger::Invocation).await });
    tokio::time::sleep(Duration::from_millis(31_500)).await;
    assert_eq!(world.calls().len(), 32, "three shards are sealed, and the last turn of the fourth runs");
    let before = world.requests();
    let second = ran(&with(&world, NOT_WAITING), Trigger::Invocation).await;
    let made = world.requests() - before;
    assert_eq!(second.ending(), Ending::Held);
    // The state, the plan and what it pins; a last link for each shard; and what time it is for the store.
    assert!(made.list == 1 && made.get <= 7 + 4 + 1, "{made:?}");
    assert!(first.await.unwrap().closed);
    world.audit(&exactly_once()).await;
}

#[tokio::test(start_paused = true)]
async fn a_look_asks_once_what_time_it_is_however_many_shards_are_held() {
    let limits = json!({"agents_per_shard": 1, "agents_per_hold": 1, "max_parallel_turns": 32});
    let world = independent(32, limits, Duration::from_secs(10)).await;
    let first = world.context();
    let first = tokio::spawn(async move { ran(&first, Trigger::Invocation).await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.calls().len(), 32, "all 32 shards are held");
    let before = world.requests();
    let second = ran(&with(&world, NOT_WAITING), Trigger::Invocation).await;
    let made = world.requests() - before;
    assert_eq!(second.ending(), Ending::Held);
    assert!(made.list == 1 && made.get <= 7 + 32 + 1 && made.put == 1, "{made:?}");
    assert!(first.await.unwrap().closed);
    world.audit(&exactly_once()).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_all_shards_sealed_closes_the_tick_to_the_same_bytes() {
    let world = of_long_chains().await;
    assert!(ran(&world.context(), Trigger::Invocation).await.closed);
    let closed = Key::Closed(Tick(1));
    let bytes = world.raw.get(&closed).await.unwrap().expect("closed");
    // As if its runner had died after the last seal.
    world.raw.delete_path(&closed.path()).await.unwrap();
    let before = world.requests();
    let report = ran(&world.context(), Trigger::Invocation).await;
    let made = world.requests() - before;
    assert!(report.closed && report.resumed);
    assert_eq!(world.raw.get(&closed).await.unwrap().expect("closed again"), bytes);
    // Every turn and every link is read once.
    assert!(made.list == 1 && made.get <= 32 + 4 * 9 + 12, "{made:?}");
    assert_eq!(world.calls().len(), 32);
    world.audit(&exactly_once()).await;
}
