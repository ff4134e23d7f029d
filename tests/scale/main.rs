//! A large organisation in small: the real engine over a bucket as slow as S3, on a clock that moves when nothing else can.
//! `make scale` has the sizes of docs/BENCHMARKS.md.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "tests fail by panicking; the program of the simulation uses what these do not"
)]

mod bucket;
#[path = "../sim/dice.rs"]
mod dice;
mod latency;
mod world;

use std::time::Duration;

use dice::Dice;
use latency::{Kind, draw};
use world::{Case, simulate};

const SMALL: Case = Case {
    agents: 300,
    due: 300,
    runners: 1,
    model_ms: (500, 2_000),
    limited: false,
    parallel: 16,
    per_shard: 16,
    tick: 2,
    helpers_come_later: false,
    waits: false,
    seed: 7,
};

#[test]
fn four_runners_share_a_tick_and_make_no_call_twice() {
    let alone = simulate(SMALL);
    let shared = simulate(Case { runners: 4, ..SMALL });
    for figures in [&alone, &shared] {
        assert_eq!((figures.calls, figures.failed, figures.throttled), (300, 0, 0), "{figures:?}");
        let turns = figures.by_folder.iter().find(|(folder, _)| folder == "ticks/turns").expect("turns").1;
        assert_eq!(turns.put, 300, "{figures:?}");
    }
    // Turns wait for nothing but places to run in: the rest is what each takes beside its model.
    assert!(alone.marks.closed_ms * 2 < alone.ideal_ms(&SMALL) * 5, "{alone:?}");
    assert!(shared.marks.closed_ms * 5 / 2 < alone.marks.closed_ms, "{alone:?}\n{shared:?}");
    // A turn is a record, a message and a memory; a shard of 16 is a hold and a seal.
    assert!(alone.requests.put <= 3 * 300 + 2 * 19 + 4, "{alone:?}");
    // Whoever waits for a tick that another closes is done soon after.
    let waited = simulate(Case { runners: 4, waits: true, ..SMALL });
    assert!(waited.ended_ms < waited.marks.closed_ms + 3_000, "{waited:?}");
}

#[test]
fn the_same_seed_gives_the_same_figures_and_another_one_others() {
    let case = Case { agents: 60, due: 60, runners: 3, limited: true, ..SMALL };
    let (once, again, other) = (simulate(case), simulate(case), simulate(Case { seed: 8, ..case }));
    assert_eq!(once, again);
    assert_ne!(once.marks, other.marks);
}

#[test]
fn a_bucket_that_bears_no_more_slows_ticks_and_loses_nothing() {
    // Who comes to hold what decides more about one tick than the limit does, and a tick that one runner plans for all
    // may stay below it.
    let (mut free_ms, mut limited_ms, mut throttled) = (0, 0, 0);
    for seed in 4..9 {
        let free = Case { agents: 700, due: 700, runners: 12, parallel: 512, model_ms: (1, 2), tick: 1, seed, ..SMALL };
        let (free, limited) = (simulate(free), simulate(Case { limited: true, ..free }));
        assert_eq!((free.throttled, free.calls, limited.calls), (0, 700, 700));
        throttled += limited.throttled;
        free_ms += free.marks.closed_ms;
        limited_ms += limited.marks.closed_ms;
    }
    assert!(throttled > 1_000 && limited_ms > free_ms, "{throttled} {limited_ms} {free_ms}");
}

#[test]
fn the_first_tick_of_a_large_organisation_asks_for_a_bounded_number_of_things_at_once() {
    // It reads every resume, and pins every one.
    let figures = simulate(Case { agents: 8_000, due: 16, tick: 1, model_ms: (1, 2), ..SMALL });
    assert!(figures.peak <= 256, "{figures:?}");
}

#[test]
fn runners_beside_the_one_that_closes_do_not_read_what_others_did() {
    let figures = simulate(Case { runners: 6, helpers_come_later: true, ..SMALL });
    let turns = figures.by_folder.iter().find(|(folder, _)| folder == "ticks/turns").expect("turns").1;
    // An earlier turn and the entry of another for each, what every closer reads, and shards that were looked into.
    assert!(turns.get < 300 * 5, "{figures:?}");
}

#[test]
fn latencies_have_the_quantiles_of_their_table() {
    let dice = Dice::new(3);
    for (kind, median, tail, most) in
        [(Kind::Get, 30, 75, 1_200), (Kind::Put, 60, 120, 2_000), (Kind::List, 60, 120, 2_000)]
    {
        let mut drawn: Vec<Duration> = (0..40_000).map(|_| draw(&dice, kind, 0)).collect();
        drawn.sort_unstable();
        let near = |at: usize, ms: u64| {
            let found = u64::try_from(drawn[at].as_millis()).expect("milliseconds");
            assert!(found.abs_diff(ms) * 10 <= ms, "{kind:?}: {found} ms is not {ms} ms");
        };
        near(20_000, median);
        near(36_000, tail);
        assert!(drawn[39_999] > Duration::from_millis(most / 3) && drawn[39_999] <= Duration::from_millis(most));
    }
    // 85 MB take a second more.
    assert!(draw(&dice, Kind::Put, 85_000_000) >= Duration::from_millis(1_025));
}
