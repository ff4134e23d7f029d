//! What `lemming cost` estimates, against what organisations of several shapes really ask of a store that counts.

use std::time::Duration;

use lemming::chronicle::workload::workload;
use lemming::clock::Clock as _;
use lemming::cost::requests::{Work, bytes, requests};
use lemming::cost::{Group, Shape};
use lemming::engine::{Outcome, follow_up, run_tick};
use lemming::record::plan::Trigger;
use lemming::store::counting::Requests;
use serde_json::json;

use crate::world::World;

/// An organisation to be held against its estimate.
#[derive(Debug, Clone, Copy)]
struct Kind {
    agents: u64,
    /// So many are due in every slot; the others once in a year.
    due: u64,
    /// Calls of a turn.
    calls: u64,
    /// Messages from outside in each slot.
    mail: u64,
    /// The estimate is at most so many times what was asked for, in percent: of puts, gets, lists.
    within: [u64; 3],
}

const TICKS: u64 = 16;

async fn found(kind: Kind) -> World {
    let mut world = World::new(move |request| {
        let view = &request.view;
        if u64::from(view.step) + 1 < kind.calls {
            return Ok(json!({"tool_calls": [{"tool": "list_agents", "arguments": {}}]}).to_string());
        }
        Ok(json!({
            "outbox_entries": [{"payload": {"text": format!("{} in {}", view.agent, view.tick)}}],
            "memory_updates": [{"key": format!("m{}", view.tick.0 % 3), "op": "set", "value": view.tick}],
        })
        .to_string())
    });
    world.org["pace"] = json!({"every": "1m"});
    world.org["visibility"] = json!("snapshot");
    world.found().await;
    for i in 0..kind.agents {
        let every = if i < kind.due { 1 } else { 500_000 };
        let reads = if i < kind.due { vec![format!("a{:04}", (i + 1) % kind.due)] } else { vec![] };
        let change = json!({"permissions": {"read_outboxes": reads, "tools": ["list_agents"]},
            "schedule": {"run_every_n_ticks": every}});
        world.agent(&format!("a{i:04}"), change).await;
    }
    world
}

/// Runs a slot as a scheduled runner does: with the look whether to go on.
async fn slot(world: &World) -> (Outcome, Requests) {
    world.clock.advance(Duration::from_secs(60));
    let before = world.requests();
    let ctx = world.context();
    let outcome = run_tick(&ctx, Trigger::Slot { time: world.clock.now() }).await.unwrap();
    follow_up(&ctx, &outcome).await.unwrap();
    (outcome, world.requests() - before)
}

async fn stored(world: &World) -> u64 {
    let kept = |path: &str| path.starts_with("ticks/") || path.starts_with("checkpoints/") || path.contains("/outbox/");
    world.all().await.iter().filter(|(path, _)| kept(path)).map(|(_, bytes)| bytes.len() as u64).sum()
}

fn check(what: &str, kind: Kind, estimated: u64, real: u64, within: u64) {
    assert!(estimated >= real, "{kind:?}: {what}: estimated {estimated}, really {real}");
    assert!(estimated * 100 <= real * within, "{kind:?}: {what}: estimated {estimated}, really {real}");
    println!(
        "{:5} agents, {:4} due, {} calls, {} messages: {what}: estimated {estimated}, really {real}",
        kind.agents, kind.due, kind.calls, kind.mail
    );
}

#[tokio::test]
async fn the_estimate_of_requests_and_bytes_is_never_below_what_is_asked_for_and_not_far_above() {
    for kind in [
        Kind { agents: 3, due: 1, calls: 1, mail: 0, within: [120, 200, 105] },
        Kind { agents: 10, due: 10, calls: 1, mail: 1, within: [120, 200, 105] },
        Kind { agents: 10, due: 5, calls: 3, mail: 0, within: [120, 200, 105] },
        Kind { agents: 200, due: 70, calls: 1, mail: 4, within: [120, 200, 105] },
        Kind { agents: 400, due: 20, calls: 1, mail: 0, within: [120, 200, 105] },
    ] {
        let world = found(kind).await;
        // The memories fill, and checkpoints come round.
        for _ in 0..8 {
            slot(&world).await;
        }
        let (mut real, before, mut number) = (Requests::default(), stored(&world).await, 0);
        for _ in 0..TICKS {
            for _ in 0..kind.mail {
                number += 1;
                world.mail(number, "someone", Some(&["a0000"]), "Hello.").await;
            }
            let (outcome, made) = slot(&world).await;
            assert!(matches!(outcome, Outcome::Ran(report) if report.closed && report.due.len() as u64 == kind.due));
            real = real + made;
        }
        let shape = workload(&world.raw, 16).await.unwrap().shape;
        let work = Work { idle_slots: 0, ticks: TICKS, turns: TICKS * kind.due, ingress: TICKS * kind.mail };
        let estimated = requests(&shape, &work);
        check("puts", kind, estimated.put, real.put, kind.within[0]);
        check("gets", kind, estimated.get, real.get, kind.within[1]);
        check("lists", kind, estimated.list, real.list, kind.within[2]);
        assert_eq!(estimated.delete, real.delete, "{kind:?}");
        check("bytes", kind, bytes(&shape, &work), stored(&world).await - before, 200);
    }
}

#[tokio::test]
async fn the_estimate_of_an_idle_slot_is_never_below_what_is_asked_for() {
    for agents in [4, 150, 600] {
        let kind = Kind { agents, due: 0, calls: 1, mail: 0, within: [100, 200, 105] };
        let world = found(kind).await;
        slot(&world).await;
        let (slots, mut real) = (48, Requests::default());
        for _ in 0..slots {
            let (outcome, made) = slot(&world).await;
            assert!(matches!(outcome, Outcome::Idle { .. }));
            real = real + made;
        }
        let shape = workload(&world.raw, 16).await.unwrap().shape;
        let estimated = requests(&shape, &Work { idle_slots: slots, ..Work::default() });
        assert_eq!((estimated.put, real.put, real.delete), (0, 0, 0));
        check("gets", kind, estimated.get, real.get, kind.within[1]);
        check("lists", kind, estimated.list, real.list, kind.within[2]);
    }
}

#[tokio::test]
async fn a_workload_is_what_the_records_tell() {
    let kind = Kind { agents: 10, due: 5, calls: 3, mail: 2, within: [0; 3] };
    let world = found(kind).await;
    let none = workload(&world.raw, 16).await.unwrap();
    assert_eq!(none.measured, None);
    let group = |period, agents| Group { period, offset: 0, on_message: false, agents };
    assert_eq!(none.shape.groups, [group(1, 5), group(500_000, 5)]);
    let assumed = none.shape.turn.tokens.clone().expect("a price");
    assert!(!assumed.measured && assumed.source.contains("config/models.json: m"), "{assumed:?}");
    for tick in 0..12 {
        world.mail(tick * 2, "someone", Some(&["a0000"]), "Hello.").await;
        world.mail(tick * 2 + 1, "someone", Some(&["a0001"]), "Hello.").await;
        slot(&world).await;
    }
    let before = world.requests();
    let found = workload(&world.store, 8).await.unwrap();
    let made = world.requests() - before;
    let Shape { groups, turn, .. } = &found.shape;
    assert_eq!(*groups, none.shape.groups);
    assert_eq!([turn.calls, turn.messages, turn.changes].map(|mean| mean.to_string()), ["3", "1", "1"]);
    assert_eq!([turn.input_tokens, turn.output_tokens].map(|mean| mean.to_string()), ["300", "30"]);
    // 300 tokens at 1 credit a million, 30 at 2, and 40 turns.
    let paid = turn.tokens.clone().expect("paid");
    assert_eq!((paid.measured, paid.turns, paid.credits.micros()), (true, 40, 40 * 360));
    let measured = found.measured.clone().expect("measured");
    assert_eq!((measured.ticks, measured.turns, measured.ingress), (8, 40, 16));
    assert_eq!((measured.first_tick.0, measured.last_tick.0), (5, 12));
    // 360 millionths of tokens and 1,000 for the action, each turn.
    assert_eq!((measured.charged.micros(), found.charged.total().micros()), (40 * 1_360, 60 * 1_360));
    assert_eq!(made.put, 0);
    assert!(made.get <= 40 + 8 + 20, "{made:?}");
    assert_eq!(serde_json::to_value(&found).unwrap()["shape"]["turn"]["calls"], 3);
}
