//! The real engine in simulated worlds: see docs/TESTING.md. `make sim` lives through thousands of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "tests fail by panicking; the runner of the simulation uses what these do not"
)]

#[path = "../audit/mod.rs"]
mod audit;
mod bucket;
mod crashes;
mod dice;
mod minds;
mod network;
mod outside;
mod people;
mod process;
mod witness;
mod world;

use crashes::Then;

#[test]
fn worlds_of_all_kinds_keep_every_invariant() {
    for seed in 0..40 {
        if let Err(why) = world::live(seed, false) {
            panic!("seed {seed}: {why}\n  cargo run --profile sim --features sim --bin sim -- --seed {seed} --trace");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in [1, 2, 8] {
        let (once, again) = (world::live(seed, false), world::live(seed, false));
        assert_eq!(once, again, "seed {seed}");
        assert!(once.expect("a world").events > 100);
    }
}

#[test]
fn a_runner_may_die_or_sleep_at_every_place() {
    // Of one agent each; `make sim` has larger organisations.
    for (seed, then) in [(0, Then::Dies), (3, Then::ComesBackSoon)] {
        let places = crashes::everywhere(seed, then).unwrap_or_else(|why| panic!("{why}"));
        assert!(places > 60, "{places} places");
    }
}
