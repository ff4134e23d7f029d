//! The requests of a tick on a bucket, counted, against the bounds of the protocol.

use std::time::Duration;

use lemming::clock::Clock as _;
use lemming::engine::Outcome;
use lemming::record::plan::Trigger;
use lemming::store::counting::Requests;
use serde_json::json;

use crate::audit::Expect;
use crate::world::World;

const DUE: u64 = 10;

/// An organisation of `n` agents of which ten are due at every tick; each says one thing to all and
/// keeps one memory key.
async fn of(n: u64) -> World {
    let mut world = World::new(|request| {
        let view = &request.view;
        let text = format!("{} {}", view.agent, view.tick);
        Ok(json!({
            "outbox_entries": [{"payload": {"text": text}}],
            "memory_updates": [{"key": "last", "op": "set", "value": view.tick}],
        })
        .to_string())
    });
    world.org["pace"] = json!({"every": "1m"});
    world.found().await;
    for i in 0..n {
        // The others are due a year from now.
        let every = if i < DUE { 1 } else { 500_000 };
        let reads: Vec<String> = (0..DUE).map(|i| format!("a{i:04}")).collect();
        let change = json!({"permissions": {"read_outboxes": if i < DUE { reads } else { vec![] }},
            "schedule": {"run_every_n_ticks": every}});
        world.agent(&format!("a{i:04}"), change).await;
    }
    world
}

async fn slot(world: &World, advance: bool) -> (Outcome, Requests) {
    if advance {
        world.clock.advance(Duration::from_secs(60));
    }
    let before = world.requests();
    let outcome = world.run(Trigger::Slot { time: world.clock.now() }).await.unwrap();
    (outcome, world.requests() - before)
}

/// The bounds of the protocol for ten due agents in one shard that say one thing and keep one key.
fn check(n: u64, tick: u64, made: Requests) {
    let (d, s, m, k, i) = (DUE, 1, DUE, DUE, 0);
    let checkpoint = u64::from(tick.is_multiple_of(8));
    let resumes = if n <= 200 { n } else { d + (n - d).div_ceil(16) + (n - d) / 64 };
    assert!(made.put <= d + m + k + d.div_ceil(16) + 2 * s + 4 + checkpoint, "{n} agents, tick {tick}: {made:?}");
    assert!(made.list <= d.div_ceil(8) + 2 + n / 1000, "{n} agents, tick {tick}: {made:?}");
    assert!(made.get <= resumes + d * 2 + i + 15, "{n} agents, tick {tick}: {made:?}");
    assert_eq!(made.delete, i);
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the numbers that the documentation gives")]
async fn a_ticks_requests_stay_within_the_bounds_and_flat_over_its_history() {
    println!("agents  tick   PUT   GET  LIST  DELETE");
    for (n, ticks) in [(10, 64), (200, 28), (2_000, 36)] {
        let world = of(n).await;
        let mut window = Vec::new();
        for tick in 1..=ticks {
            let (outcome, made) = slot(&world, true).await;
            assert!(matches!(outcome, Outcome::Ran(report) if report.closed && report.due.len() as u64 == DUE));
            if tick > 10 {
                check(n, tick, made);
                window.push(made);
            }
            if [20, 28, 60].contains(&tick) {
                println!("{n:6} {tick:5} {:5} {:5} {:5} {:7}", made.put, made.get, made.list, made.delete);
            }
        }
        // Over sixteen ticks all rotations come round: the last sixteen cost what the first did.
        let sum = |ticks: &[Requests]| ticks.iter().copied().fold(Requests::default(), |sum, made| sum + made);
        let (first, last) = (sum(&window[..16]), sum(&window[window.len() - 16..]));
        assert_eq!((first.put, first.get, first.list), (last.put, last.get, last.list), "{n} agents");
        println!("{n:6}  mean {:5} {:5} {:5.1}", last.put / 16, last.get / 16, last.list as f64 / 16.0);
        if n == 10 {
            world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
        }
        let (again, made) = slot(&world, false).await;
        assert!(matches!(again, Outcome::Idle { .. }));
        assert_eq!((made.put, made.delete), (0, 0));
    }
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the numbers that the documentation gives")]
async fn a_slot_in_which_nobody_is_due_writes_nothing() {
    for n in [10, 300] {
        let mut world = of(0).await;
        world.org["pace"] = json!({"every": "1m"});
        world.found().await;
        for i in 0..n {
            let change = json!({"schedule": {"run_every_n_ticks": 500_000, "when": "always"}});
            world.agent(&format!("a{i:04}"), change).await;
        }
        assert!(matches!(slot(&world, true).await.0, Outcome::Ran(_)), "the first slot anchors the clock");
        for _ in 0..20 {
            let before = world.all().await;
            let (outcome, made) = slot(&world, true).await;
            assert!(matches!(outcome, Outcome::Idle { .. }));
            assert_eq!((made.put, made.delete), (0, 0));
            assert_eq!(world.all().await, before);
            println!("idle slot of {n} agents: {} GET, {} LIST", made.get, made.list);
        }
    }
}
