//! One runner stands still at every place in turn: before each operation, while it is on its way, and after
//! it. It is dropped there, or comes back when another has finished; and in the end the books balance.

use std::sync::Arc;
use std::time::Duration;

use lemming::engine::{Memo, Stop, run_tick};
use lemming::record::plan::Trigger;
use serde_json::json;

use crate::audit::{Expect, audit};
use crate::bucket::Hand;
use crate::dice::Dice;
use crate::minds::Moods;
use crate::network::Odds;
use crate::people::{AGENTS, Traits};
use crate::process::{Place, Process, Temper};
use crate::world::{World, in_its_own_time};

/// What becomes of who stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It is dead.
    Dies,
    /// It goes on when others have closed the tick, and the next.
    ComesBackLate,
    /// It goes on while another is at work on the tick.
    ComesBackSoon,
}

/// Stops a runner at every place of a tick of the organisation of a seed. Says how many places there were.
pub fn everywhere(seed: u64, then: Then) -> Result<u64, String> {
    for n in 1.. {
        let at = |why: String| format!("organisation {seed}, stopped at {n}, {then:?}: {why}");
        if !in_its_own_time(at_one_place(seed, n, then)).map_err(at)? {
            return Ok(n - 1);
        }
    }
    Ok(0)
}

/// A small organisation: one to three agents with tools, shared files and mail, half-way through its life.
fn world(seed: u64) -> World {
    let traits = Traits {
        agents: usize::try_from(1 + seed % 3).unwrap_or(1),
        poor: false,
        snapshot: seed % 2 == 1,
        slot_s: 0,
        lease_ms: 2_000,
        calm: false,
        drowsy: false,
    };
    let moods = Moods { tools: 6_000, slowest_ms: 100, ..Moods::default() };
    World::of(Dice::new(seed), traits, moods, Odds { latency_ms: 20, ..Odds::default() }, false)
}

/// Says whether there was such a place.
async fn at_one_place(seed: u64, n: u64, then: Then) -> Result<bool, String> {
    let world = world(seed);
    world.people.found();
    let agents = &AGENTS[..world.traits.agents];
    for agent in agents {
        world.people.resume(agent, true);
    }
    let other = Process::new(Hand::Runner(1), Arc::clone(&world.network), Temper::default());
    let memo = Arc::new(Memo::default());
    world.within("ticks are run", world.ticks(&other, &memo, 2)).await?;
    world.people.mail(None).await;
    world.people.command(json!({"action": "top_up", "agent": agents[0], "credits": 1})).await;
    world.people.write_memory(&format!("agents/{}/memory/log.json", agents[0]));
    world.network.bucket.put(Hand::Person, "shared/board.txt", "edited by a person".into());

    let place = Place::at(n);
    let first =
        Process::standing_still(Hand::Runner(0), Arc::clone(&world.network), Temper::default(), Some(place.clone()));
    let context = world.context(&first, &Arc::new(Memo::default()), Stop::never());
    let mut tick = Box::pin(run_tick(&context, Trigger::Invocation));
    tokio::select! {
        biased;
        done = &mut tick => {
            world.over_with(done);
            return Ok(false);
        }
        () = place.reached() => {}
    }
    match then {
        Then::Dies => {
            drop(tick);
            world.within("another finishes", world.ticks(&other, &memo, 2)).await?;
        }
        Then::ComesBackLate => {
            world.within("another finishes", world.ticks(&other, &memo, 2)).await?;
            place.open();
            world.over_with(tick.await);
        }
        Then::ComesBackSoon => {
            let back = async {
                tokio::time::sleep(Duration::from_millis(2_050 + n % 7 * 30)).await;
                place.open();
                world.over_with(tick.await);
                Ok(())
            };
            let (finished, _) = tokio::join!(world.ticks(&other, &memo, 2), world.within("it comes back", back));
            finished?;
        }
    }
    while world.network.is_busy() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    world.within("ticks go on", world.ticks(&other, &memo, 1)).await?;
    world.look()?;
    // Read by nobody since, the edits may lie there as they are.
    let touched = world.network.bucket.inner().witness.edits.keys().cloned().collect();
    let seen =
        audit(&world.evidence(), &Expect { stale_views: then != Then::Dies, touched, ..Expect::default() }).await;
    match seen.failed {
        0 => Ok(true),
        failed => Err(format!("{failed} turns failed")),
    }
}
