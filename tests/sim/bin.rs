//! Lives through simulated worlds, many of them, and through those of every mutant: see docs/TESTING.md.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a program of the tests: it fails by panicking, and prints what it found"
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

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use lemming::mutant::{Mutant, leave_out};

use self::crashes::{Then, everywhere};
use self::world::{Report, live};

// A world is many small allocations: the program's own allocator takes a seventh off its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the real engine in simulated worlds, one for each seed, and audits them.
///
/// Every world is a bucket, two to four runners, people and faults, all from its seed. The exit code is 1 if an
/// invariant was broken, or if a mutant was not caught.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many worlds to live through [default: 2000, or the one of --seed]
    #[arg(long)]
    seeds: Option<u64>,
    /// The first of them; without --seeds, the only one
    #[arg(long)]
    seed: Option<u64>,
    /// Print all that happens (with --seed)
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Leave out each rule of the protocol in turn, until a world shows it or this many have not
    #[arg(long, value_name = "SEEDS", default_value_t = 0, hide_default_value = true)]
    mutants: u64,
    /// Stop a runner at every place of a tick, in so many small organisations
    #[arg(long, value_name = "ORGANISATIONS", default_value_t = 0, hide_default_value = true)]
    crashes: u64,
    /// Leave out one rule, by its name
    #[arg(long, value_name = "RULE")]
    mutant: Option<String>,
}

/// What many worlds came to.
#[derive(Debug, Default)]
struct Sum {
    worlds: u64,
    report: Report,
    virtual_ms: u64,
    /// What must never be, by its words without numbers: how often, and where first.
    violations: BTreeMap<String, (u64, u64, String)>,
}

impl Sum {
    fn add(&mut self, seed: u64, lived: Result<Report, String>) {
        self.worlds += 1;
        match lived {
            Ok(report) => {
                self.report.add(&report);
                self.virtual_ms += u64::try_from(report.virtual_ms).unwrap_or_default();
            }
            Err(why) => {
                let kind = why.lines().next().unwrap_or_default();
                let kind: String = kind.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).take(70).collect();
                let first = self.violations.entry(kind).or_insert((0, seed, why.clone()));
                first.0 += 1;
                if seed < first.1 {
                    (first.1, first.2) = (seed, why);
                }
            }
        }
    }
}

impl Sum {
    fn wrong(&self) -> u64 {
        self.violations.values().map(|(count, ..)| count).sum()
    }
}

/// Lives through the worlds of these seeds, on all cores; to the first that is wrong, if asked.
fn worlds(seeds: std::ops::Range<u64>, loud: bool, to_the_first: bool) -> Sum {
    let (next, found, sum) = (AtomicU64::new(seeds.start), AtomicBool::new(false), Mutex::new(Sum::default()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..if loud { 1 } else { cores } {
            scope.spawn(|| {
                while !(to_the_first && found.load(Ordering::Relaxed)) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let lived = live(seed, loud);
                    found.fetch_or(lived.is_err(), Ordering::Relaxed);
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.add(seed, lived);
                    if sum.worlds.is_multiple_of(1_000) {
                        eprintln!("{} worlds, {} of them wrong", sum.worlds, sum.wrong());
                    }
                }
            });
        }
    });
    sum.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn print(sum: &Sum) {
    let Report { seen, crashes, faults, events, .. } = sum.report;
    println!(
        "{} worlds, {} hours of theirs: {} ticks, {} turns ({} failed), {} model calls, {} steps, {} entries read, \
         {} edits imported, {} agents born, {} holds of which {} were released, {} turns with money forfeited, {} crashes, {} faults, {} events",
        sum.worlds,
        sum.virtual_ms / 3_600_000,
        seen.ticks,
        seen.turns,
        seen.failed,
        seen.calls,
        seen.steps,
        seen.read,
        seen.imports,
        seen.born,
        seen.holds,
        seen.releases,
        seen.forfeited,
        crashes,
        faults,
        events
    );
    for (count, seed, why) in sum.violations.values() {
        println!("{count} times, first with seed {seed}: {}", why.chars().take(600).collect::<String>());
        println!("  cargo run --profile sim --features sim --bin sim -- --seed {seed} --trace");
    }
}

/// Lives without each rule in turn. Says whether every loss was seen: in a world that is well with the rule.
fn mutants(rules: &[Mutant], first: u64, most: u64) -> bool {
    let mut all_caught = true;
    for rule in rules {
        let (mut from, end) = (first, first.saturating_add(most));
        let caught = loop {
            leave_out(Some(*rule));
            let sum = worlds(from..end, false, true);
            leave_out(None);
            let Some((_, seed, why)) = sum.violations.into_values().min_by_key(|(_, seed, _)| *seed) else {
                break None;
            };
            if live(seed, false).is_ok() {
                break Some((seed, why));
            }
            from = seed + 1;
        };
        match &caught {
            Some((seed, why)) => {
                let why: String = why.lines().next().unwrap_or_default().chars().take(110).collect();
                println!("{rule:?}: caught with seed {seed}: {why}");
            }
            None => println!("{rule:?}: NOT CAUGHT in {most} worlds"),
        }
        all_caught &= caught.is_some();
    }
    all_caught
}

/// Stops a runner everywhere. Says whether all was well each time.
fn crashes(organisations: u64) -> bool {
    let all = (0..organisations)
        .flat_map(|seed| [Then::Dies, Then::ComesBackLate, Then::ComesBackSoon].map(|then| (seed, then)));
    let all: Vec<(u64, Then)> = all.collect();
    let (next, places, is_good) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(true));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some((seed, then)) = all.get(usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap()) {
                    match everywhere(*seed, *then) {
                        Ok(found) => drop(places.fetch_add(found, Ordering::Relaxed)),
                        Err(why) => {
                            println!("{why}");
                            is_good.store(false, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    println!("{} places to stop a runner at, in {organisations} organisations", places.into_inner());
    is_good.into_inner()
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // What is wrong in a world is reported once, with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let first = arguments.seed.unwrap_or(0);
    let seeds = arguments.seeds.unwrap_or(if arguments.seed.is_some() { 1 } else { 2_000 });
    let named = arguments.mutant.as_deref();
    let rule = named.and_then(|name| Mutant::ALL.into_iter().find(|rule| format!("{rule:?}") == name));
    if let (Some(name), None) = (named, rule) {
        eprintln!("error: there is no rule {name}: they are {:?}", Mutant::ALL);
        return ExitCode::from(2);
    }
    let mut is_good = true;
    if rule.is_none() || arguments.trace {
        leave_out(rule);
        let sum = worlds(first..first.saturating_add(seeds), arguments.trace, false);
        leave_out(None);
        print(&sum);
        is_good &= sum.violations.is_empty();
    } else if let Some(rule) = rule {
        return if mutants(&[rule], first, seeds) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if arguments.crashes > 0 {
        is_good &= crashes(arguments.crashes);
    }
    if arguments.mutants > 0 {
        is_good &= mutants(&Mutant::ALL, first, arguments.mutants);
    }
    println!("{}", if is_good { "simulation: ok" } else { "simulation: FAILED" });
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
