//! Real processes on a local disk, killed while they work: see [`campaign`].
//!
//! There are two organisations, one ordered and one snapshot. The writes of the first are durable, those of the second
//! are not, so that both ways of writing meet kills in every run.
//!
//! - `LEMMING_KILLS`: how many kills, 240 unless it says otherwise; thousands take minutes.
//! - `LEMMING_KILL_FSYNC`: `1` makes the writes of both organisations durable, `0` of none.
//! - `LEMMING_KILL_RUNNERS`: how many processes at once, 3 to 8 unless it says otherwise.
//! - `LEMMING_KILL_SEED`: the seed of times and aims. Processes race, so that a seed repeats the
//!   plan of a run, not the run.
#![cfg(unix)]
#![allow(missing_docs, unreachable_pub, reason = "a test is no library")]
#![allow(clippy::disallowed_methods, reason = "a test of real processes has the real clock and environment")]
#![allow(clippy::print_stdout, reason = "the table of kills is what a person runs this for")]

mod campaign;
mod effects;
mod folder;

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::campaign::audit::Totals;
use crate::campaign::place::Place;
use crate::campaign::tally::{PHASES, Tally};
use crate::campaign::{Plan, run};
use crate::folder::Folder;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

#[test]
fn killed_processes_lose_double_and_overspend_nothing() {
    let kills = number("LEMMING_KILLS").unwrap_or(240);
    let durable = number("LEMMING_KILL_FSYNC").map(|durable| durable != 0);
    let seed = number("LEMMING_KILL_SEED").unwrap_or(u64::from(std::process::id()));
    let runners = number("LEMMING_KILL_RUNNERS").map_or(3..=8, |runners| runners..=runners);
    let began = Instant::now();
    let tally = Mutex::new(Tally::default());
    let worlds =
        [("ordered", seed, durable.unwrap_or(true)), ("snapshot", seed.wrapping_add(1), durable.unwrap_or(false))];
    for (visibility, _, durable) in worlds {
        println!("LEMMING_KILL_SEED={seed}: {kills} kills; {visibility}, fsync {}", if durable { "on" } else { "off" });
    }
    let totals: Vec<Totals> = std::thread::scope(|scope| {
        let worlds = worlds.map(|(visibility, seed, durable)| {
            let (tally, runners) = (&tally, runners.clone());
            scope.spawn(move || {
                let place = |folder: &Path| Box::new(Folder { root: folder.join("org"), durable }) as Box<dyn Place>;
                let (lease, patience) = (Duration::from_millis(200), Duration::from_secs(20));
                let plan = Plan { visibility, seed, place: &place, network: None, lease, runners, patience };
                run(&plan, kills, true, tally)
            })
        });
        worlds.into_iter().map(|world| world.join().expect("the audit of a world")).collect()
    });
    let tally = tally.into_inner().expect("the tally");
    println!("{tally}");
    let totals: Totals = totals.into_iter().sum();
    println!("{totals}\n{:.1} s", began.elapsed().as_secs_f64());
    assert!(tally.kills() >= kills, "{} kills of {kills}", tally.kills());
    for phase in PHASES {
        assert!(tally.of(phase) > 0, "nobody was killed in the phase {phase}");
    }
    totals.check(&tally);
}
