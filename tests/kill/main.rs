//! Real processes on a local disk, many at once, killed with SIGKILL while they work.
//!
//! In each of two organisations (one ordered, one snapshot), batch after batch: mail and top-ups
//! are sent; three to eight `lemming tick` processes are started; each is killed at a random time
//! or as soon as its log shows a chosen phase, and a few are told to leave with SIGTERM. Then one
//! more process, left in peace, finishes the tick. Now and then, and at the end, [`audit`] goes
//! over the stored bytes and compares them with each other and with the log that the model itself
//! keeps of its calls: that log is the witness of what was paid.
//!
//! - `LEMMING_KILLS`: how many kills, 240 unless it says otherwise; thousands take minutes.
//! - `LEMMING_KILL_FSYNC=1`: with durable writes, as in earnest; slower.
//! - `LEMMING_KILL_SEED`: the seed of times and aims. Processes race, so that a seed repeats the
//!   plan of a run, not the run.
#![cfg(unix)]
#![allow(missing_docs, unreachable_pub, reason = "a test is no library")]
#![allow(clippy::disallowed_methods, reason = "a test of real processes has the real clock and environment")]
#![allow(clippy::print_stdout, reason = "the table of kills is what a person runs this for")]

mod audit;
mod organisation;
mod process;
mod random;
mod tally;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::audit::{Audit, Totals};
use crate::organisation::{AGENTS, Organisation, POOR};
use crate::process::{Aim, Ended};
use crate::random::Random;
use crate::tally::{PHASES, Tally};

/// The first audit follows so many batches, each further one twice as many as the one before: it reads
/// everything.
const FIRST_AUDIT: u64 = 12;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn killed_processes_lose_double_and_overspend_nothing() {
    let kills = number("LEMMING_KILLS", 240);
    let durable = number("LEMMING_KILL_FSYNC", 0) != 0;
    let seed = number("LEMMING_KILL_SEED", u64::from(std::process::id()));
    println!("LEMMING_KILL_SEED={seed}: {kills} kills, fsync {}", if durable { "on" } else { "off" });
    let began = Instant::now();
    let tally = Mutex::new(Tally::default());
    let worlds = [("ordered", seed), ("snapshot", seed.wrapping_add(1))];
    let totals: Vec<Totals> = std::thread::scope(|scope| {
        let tally = &tally;
        let worlds =
            worlds.map(|(visibility, seed)| scope.spawn(move || world(visibility, seed, durable, kills, tally)));
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

/// Kills in one organisation until there are enough kills in all of them.
fn world(visibility: &str, seed: u64, durable: bool, kills: u64, tally: &Mutex<Tally>) -> Totals {
    let mut random = Random::new(seed);
    let org = Organisation::found(visibility, durable);
    let mut audit = Audit::default();
    let numbers = AtomicU64::new(0);
    let (mut batches, mut next_audit) = (0, FIRST_AUDIT);
    let enough = || {
        let tally = tally.lock().expect("the tally");
        // A phase that nobody was killed in yet is aimed at first: a few more batches will do.
        tally.kills() >= kills && (PHASES.iter().all(|phase| tally.of(phase) > 0) || tally.kills() >= 2 * kills + 100)
    };
    while !enough() {
        errands(&org, &mut random, &mut audit);
        let aims: Vec<Aim> = {
            let tally = tally.lock().expect("the tally");
            (0..random.between(3, 8)).map(|_| Aim::draw(&mut random, &tally)).collect()
        };
        let ended: Vec<Ended> = std::thread::scope(|scope| {
            let (org, numbers) = (&org, &numbers);
            let starts = aims.into_iter().map(|aim| {
                let pause = Duration::from_millis(random.between(0, 40));
                scope.spawn(move || {
                    std::thread::sleep(pause);
                    process::run(org, numbers.fetch_add(1, Ordering::Relaxed), aim)
                })
            });
            let started: Vec<_> = starts.collect();
            started.into_iter().map(|process| process.join().expect("a process")).collect()
        });
        for ended in ended {
            tally.lock().expect("the tally").count(&ended);
            audit.processes.insert(ended.number, ended);
        }
        in_peace(&org, &numbers, &mut audit);
        batches += 1;
        if batches == next_audit {
            next_audit *= 2;
            audit.run(&org, false);
        }
    }
    // The next tick deletes ingress that the last closer did not come to delete, and so on.
    in_peace(&org, &numbers, &mut audit);
    in_peace(&org, &numbers, &mut audit);
    audit.run(&org, true)
}

/// One process that nobody disturbs: it must end well, and soon.
fn in_peace(org: &Organisation, numbers: &AtomicU64, audit: &mut Audit) {
    let ended = process::run(org, numbers.fetch_add(1, Ordering::Relaxed), Aim::Never);
    assert_eq!(ended.code, Some(0), "the process that finishes: {}", ended.log());
    audit.processes.insert(ended.number, ended);
}

/// Mail to somebody or to all, and now and then a top-up for the agent that is always short of money.
fn errands(org: &Organisation, random: &mut Random, audit: &mut Audit) {
    for _ in 0..random.between(1, 3) {
        let to = *random.pick(&[AGENTS[0], AGENTS[1], AGENTS[2], AGENTS[3], AGENTS[4], AGENTS[5], "all"]);
        let sent = org.command(&["send", to, &format!("errand {}", audit.mail.len())]);
        audit.mail.push(sent["sent"]["id"].as_str().expect("an id").to_owned());
    }
    if random.chance(25) {
        let ordered = org.command(&["credits", "top-up", POOR, "0.3"]);
        audit.top_ups.push(ordered["ordered"].as_str().expect("a name").to_owned());
    }
}
