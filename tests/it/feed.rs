//! What is told live: each event once, wherever the ticks run, whoever listens and however often they begin again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lemming::chronicle::feed::{Cursor, MAX_TICKS_BACK, Next, Told, Walk, page};
use lemming::domain::time::{Tick, Timestamp};
use lemming::engine::{Outcome, run_tick};
use lemming::provider::{CallError, CallErrorKind};
use lemming::record::plan::Trigger;
use lemming::store::Store;
use serde_json::{Value, json};

use crate::world::{World, says};

fn now() -> Timestamp {
    Timestamp::from_unix_ms(0)
}

/// An event without what depends on who tells it, and when.
fn said(event: &Told) -> String {
    let mut value: Value = serde_json::from_str(&event.json).expect("json");
    let fields = value.as_object_mut().expect("an object");
    fields.remove("id");
    fields.remove("time");
    if let Some(Value::Object(log)) = fields.get_mut("log") {
        log.remove("timestamp");
    }
    value.to_string()
}

/// All that there is to be told now, in one walk.
async fn all(store: &Store, after: Cursor) -> Vec<Told> {
    let mut walk = Walk::from(store, after);
    let mut told = Vec::new();
    while walk.look().await.expect("a look") == Next::Now {
        while let Some(events) = walk.take(now()) {
            told.extend(events);
        }
    }
    while let Some(events) = walk.take(now()) {
        told.extend(events);
    }
    told
}

fn counted(events: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for event in events {
        *counts.entry(event.as_str()).or_default() += 1;
    }
    counts
}

/// A turn begins before it ends, all of it lies between the plan and the close, and each close is of the tick before.
fn assert_in_order(events: &[String]) {
    let (mut open, mut started): (Option<Value>, Vec<Value>) = (None, Vec::new());
    for event in events {
        let event: Value = serde_json::from_str(event).expect("json");
        let (tick, agent) = (event["tick"].clone(), event["agent"].clone());
        match event["type"].as_str().expect("a type") {
            "tick_opened" => {
                assert_eq!(open.replace(tick), None, "{event}");
                started.clear();
            }
            "tick_closed" => assert_eq!(open.take(), Some(tick), "{event}"),
            "turn_started" => started.push(agent),
            "turn_committed" | "turn_failed" => {
                assert!(started.contains(&agent), "{event}");
                assert_eq!(open, Some(tick), "{event}");
            }
            _ => assert_eq!(open, Some(tick), "{event}"),
        }
    }
}

/// Six agents who talk, of whom one fails in every second tick, in shards of two that are held one by one.
async fn busy() -> Arc<World> {
    let mut world = World::new(|request| {
        let view = &request.view;
        if view.agent.as_str() == "fay" && view.tick.0.is_multiple_of(2) {
            return Err(CallError::new(CallErrorKind::Refused, "no"));
        }
        let mut answer: Value = serde_json::from_str(&says(&format!("{} in {}", view.agent, view.tick))).unwrap();
        answer["memory_updates"] = json!([{"key": "seen", "op": "set", "value": view.tick}]);
        Ok(answer.to_string())
    });
    world.thinker.delay = Duration::from_millis(3);
    world.org["limits"] = json!({"agents_per_shard": 2, "agents_per_hold": 1, "max_parallel_turns": 2});
    world.found().await;
    for name in ["ada", "bob", "cyd", "dan", "eve", "fay"] {
        world.agent(name, json!({})).await;
    }
    Arc::new(world)
}

/// Looks and takes until all ticks are closed, by a walk that goes on.
async fn listen(world: &World, is_over: &AtomicBool) -> Vec<Told> {
    let mut walk = Walk::from(&world.raw, Cursor::after(Tick(0)));
    let mut told = Vec::new();
    loop {
        let was_over = is_over.load(Ordering::SeqCst);
        let next = walk.look().await.expect("a look");
        while let Some(events) = walk.take(now()) {
            told.extend(events);
        }
        match next {
            Next::Lost => panic!("lost at {}", walk.cursor()),
            Next::Idle if was_over => return told,
            Next::Now => {}
            Next::Idle | Next::Open => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

/// The same, by pages of one to three events, each asked for with no more than the text of the last cursor.
async fn ask(world: &World, is_over: &AtomicBool) -> Vec<Told> {
    let (mut after, mut told) = (Cursor::after(Tick(0)), Vec::new());
    loop {
        let was_over = is_over.load(Ordering::SeqCst);
        let limit = 1 + told.len() % 3;
        let found = page(&world.raw, Some(after), limit, now()).await.expect("a page");
        assert!(found.events.len() <= limit);
        if found.events.is_empty() && !found.more && was_over {
            return told;
        }
        told.extend(found.events);
        after = found.cursor.to_string().parse().expect("a cursor");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whoever_listens_is_told_everything_once_while_runners_race() {
    let world = busy().await;
    let is_over = AtomicBool::new(false);
    let run = async {
        for round in 0..4_u64 {
            world.mail(round + 1, "human", Some(&["ada"]), &format!("round {round}")).await;
            world.command(round + 1, json!({"action": "top_up", "agent": "bob", "credits": 1})).await;
            let slot = || async {
                match run_tick(&world.context(), Trigger::Invocation).await.expect("a tick") {
                    Outcome::Ran(_) | Outcome::Idle { .. } => {}
                }
            };
            tokio::join!(world.tick(), slot(), slot());
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let ((), walked, asked) = tokio::join!(run, listen(&world, &is_over), ask(&world, &is_over));
    let later = all(&world.raw, Cursor::after(Tick(0))).await;
    let texts = |events: &[Told]| events.iter().map(said).collect::<Vec<_>>();
    let (walked, asked, later) = (texts(&walked), texts(&asked), texts(&later));
    for (who, told) in [("walked", &walked), ("asked", &asked), ("later", &later)] {
        assert_in_order(told);
        let doubled: Vec<_> = counted(told).into_iter().filter(|(_, count)| *count > 1).collect();
        assert!(doubled.is_empty(), "{who}: {doubled:?}");
    }
    assert_eq!(counted(&walked), counted(&later));
    assert_eq!(counted(&asked), counted(&later));
    let of = |kind: &str| later.iter().filter(|event| event.contains(&format!("\"type\":\"{kind}\""))).count();
    let ticks = usize::try_from(world.state().await.tick.0).unwrap();
    assert!(ticks >= 4);
    assert_eq!((of("tick_opened"), of("tick_closed")), (ticks, ticks));
    assert_eq!(of("turn_started"), of("turn_committed") + of("turn_failed"));
    for kind in ["turn_committed", "turn_failed", "message", "credit", "log"] {
        assert!(of(kind) > 0, "{kind}: {later:#?}");
    }
}

#[tokio::test]
async fn behind_each_event_there_is_exactly_what_came_after_it() {
    let world = busy().await;
    for _ in 0..2 {
        world.tick().await;
    }
    let told = all(&world.raw, Cursor::after(Tick(0))).await;
    let texts: Vec<String> = told.iter().map(said).collect();
    for (index, event) in told.iter().enumerate() {
        let cursor: Cursor = event.cursor.as_ref().expect("a cursor").to_string().parse().expect("a cursor");
        let rest: Vec<String> = all(&world.raw, cursor).await.iter().map(said).collect();
        assert_eq!(rest, texts[index + 1..], "behind {}", event.json);
    }
}

#[tokio::test]
async fn a_walk_with_an_end_tells_what_lies_between_two_cursors_and_no_more() {
    let world = busy().await;
    world.tick().await;
    let told = all(&world.raw, Cursor::after(Tick(0))).await;
    // Where a follower may stand: behind a plan, and behind the beginnings and the ends of turns.
    let rests = |event: &&Told| ["turn_started", "turn_committed", "turn_failed", "tick_closed"].contains(&event.kind);
    for (end, until) in told.iter().enumerate().filter(|(_, event)| rests(event)) {
        let mut walk = Walk::from(&world.raw, Cursor::after(Tick(0))).until(until.cursor.clone().expect("a cursor"));
        let mut between = Vec::new();
        while walk.look().await.expect("a look") == Next::Now {
            while let Some(events) = walk.take(now()) {
                between.extend(events.iter().map(said));
            }
        }
        let mut texts: Vec<String> = told[..=end].iter().map(said).collect();
        // Turns end in no order; each of them is in its own.
        assert_in_order(&between);
        texts.sort();
        between.sort();
        assert_eq!(between, texts, "up to {}", until.json);
        assert_eq!(walk.cursor(), until.cursor.as_ref().expect("a cursor"));
    }
}

#[tokio::test]
async fn to_ask_while_nothing_happens_is_two_requests_and_to_look_is_one() {
    let world = busy().await;
    world.tick().await;
    let before = world.requests();
    let found = page(&world.store, Some(Cursor::after(Tick(1))), 100, now()).await.expect("a page");
    assert_eq!((found.events.len(), found.more, found.cursor), (0, false, Cursor::after(Tick(1))));
    let asked = world.requests() - before;
    assert_eq!((asked.get, asked.put, asked.list, asked.delete), (2, 0, 0, 0));
    let mut walk = Walk::from(&world.store, Cursor::after(Tick(1)));
    for _ in 0..3 {
        let before = world.requests();
        assert_eq!(walk.look().await.expect("a look"), Next::Idle);
        let looked = world.requests() - before;
        assert_eq!((looked.get, looked.put, looked.list, looked.delete), (1, 0, 0, 0));
    }
}

#[tokio::test]
async fn each_record_of_a_tick_is_read_once() {
    let world = busy().await;
    world.tick().await;
    let before = world.requests();
    let told = all(&world.store, Cursor::after(Tick(0))).await;
    assert!(told.len() > 20, "{}", told.len());
    let read = world.requests() - before;
    // Plan, close, six turns; what a look at the next plan takes; the state before the first tick takes none.
    assert_eq!((read.get, read.put, read.list, read.delete), (9, 0, 0, 0));
}

#[tokio::test]
async fn whoever_was_away_too_long_or_comes_from_elsewhere_is_told_to_load_anew() {
    let world = World::new(|_| Ok(says("hi")));
    world.found().await;
    world.agent("ada", json!({})).await;
    for _ in 0..=MAX_TICKS_BACK {
        world.tick().await;
    }
    let last = Tick(MAX_TICKS_BACK + 1);
    let near = page(&world.raw, Some(Cursor::after(Tick(1))), 1, now()).await.expect("a page");
    assert_eq!(near.events[0].kind, "tick_opened", "{near:?}");
    for away in ["1.0", "1.102", "1.90000", "1.18446744073709551614", "1.102.t0.b1", "1.101.c9", "1.103.o2"] {
        let Ok(cursor) = away.parse::<Cursor>() else { continue };
        let found = page(&world.raw, Some(cursor), 100, now()).await.expect("a page");
        let kinds: Vec<&str> = found.events.iter().map(|event| event.kind).collect();
        // A place behind all events of a close is as good as the end of it.
        let wanted: &[&str] = if away == "1.101.c9" { &[] } else { &["reset"] };
        assert_eq!((kinds.as_slice(), found.cursor), (wanted, Cursor::after(last)), "{away}");
    }
    let first = page(&world.raw, None, 100, now()).await.expect("a page");
    assert_eq!((first.events.len(), first.cursor), (0, Cursor::after(last)), "nothing is open");
}
