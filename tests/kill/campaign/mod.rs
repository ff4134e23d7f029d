//! Real processes in one organisation, many at once, killed with SIGKILL while they work.
//!
//! Batch after batch: mail and top-ups are sent; several `lemming tick` processes are started; each is killed at a
//! random time or as soon as its log shows a chosen phase, a few are stopped for longer than a lease, and a few are
//! told to leave with SIGTERM. Where there is a [`Network`], it is bad in most batches. Then one more process, left in
//! peace, finishes the tick. Now and then, and at the end, [`audit`] goes over the stored bytes and compares them with
//! each other and with the log that the model itself keeps of its calls: that log is the witness of what was paid.

pub mod audit;
pub mod organisation;
pub mod place;
pub mod process;
pub mod random;
pub mod tally;

use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit::{Audit, Totals};
use organisation::{AGENTS, Organisation, POOR};
use place::Place;
use process::{Aim, Ended};
use random::Random;
use tally::{PHASES, Tally};

/// The first audit follows so many batches, each further one twice as many as the one before: it reads
/// everything.
const FIRST_AUDIT: u64 = 12;

/// The way from the runners to the store.
pub trait Network: fmt::Debug + Sync {
    /// Makes it as bad as it is to be for a batch; says whether it is bad at all.
    fn begin(&self, random: &mut Random) -> bool;

    /// Ends it: everything arrives again, and what was still under way has arrived.
    fn end(&self);

    /// Writes that arrived so far after the process that sent them had given them up.
    fn arrived_late(&self) -> u64;
}

/// How an organisation is treated.
#[derive(Clone)]
pub struct Plan<'a> {
    pub visibility: &'static str,
    pub seed: u64,
    /// Where the organisation is, given a folder of this machine.
    pub place: &'a (dyn Fn(&Path) -> Box<dyn Place> + Sync),
    pub network: Option<&'a dyn Network>,
    pub lease: Duration,
    /// How many processes there are in a batch.
    pub runners: RangeInclusive<u64>,
    /// How long a process may take that is left in peace.
    pub patience: Duration,
}

/// Kills until there are enough kills in all organisations that share the tally, and in every phase that is asked for.
pub fn run(plan: &Plan<'_>, kills: u64, every_phase: bool, tally: &Mutex<Tally>) -> Totals {
    let mut course = Course::begin(plan);
    let (mut batches, mut next_audit) = (0, FIRST_AUDIT);
    let enough = || {
        let tally = tally.lock().expect("the tally");
        // A phase that nobody was killed in yet is aimed at first: a few more batches will do.
        let phases = !every_phase || PHASES.iter().all(|phase| tally.of(phase) > 0);
        tally.kills() >= kills && (phases || tally.kills() >= 2 * kills + 100)
    };
    while !enough() {
        let aims = {
            let (tally, random) = (tally.lock().expect("the tally"), &mut course.random);
            let runners = random.between(*plan.runners.start(), *plan.runners.end());
            (0..runners).map(|_| Aim::draw(random, plan.lease, &tally)).collect()
        };
        for ended in course.batch(aims) {
            tally.lock().expect("the tally").count(ended);
        }
        course.in_peace();
        batches += 1;
        if batches == next_audit {
            next_audit *= 2;
            course.audit.run(&course.org, false);
        }
    }
    course.finish()
}

/// What is done to one organisation, step by step.
pub struct Course<'a> {
    plan: &'a Plan<'a>,
    org: Organisation,
    audit: Audit,
    random: Random,
    numbers: AtomicU64,
}

impl<'a> Course<'a> {
    /// A new organisation after its first tick, in peace: what is done once at a place would be all that most of those
    /// who are killed come to.
    pub fn begin(plan: &'a Plan<'a>) -> Self {
        let mut course = Self {
            plan,
            org: Organisation::found(plan.visibility, plan.lease, plan.place),
            audit: Audit::default(),
            random: Random::new(plan.seed),
            numbers: AtomicU64::new(0),
        };
        course.in_peace();
        course
    }

    /// Sends mail, and runs processes that end as they are to end.
    pub fn batch(&mut self, aims: Vec<Aim>) -> Vec<&Ended> {
        self.errands();
        let (plan, org, numbers, random) = (self.plan, &self.org, &self.numbers, &mut self.random);
        let is_bad = plan.network.is_some_and(|network| network.begin(random));
        let ended: Vec<Ended> = std::thread::scope(|scope| {
            let starts = aims.into_iter().map(|aim| {
                let pause = Duration::from_millis(random.between(0, 40));
                scope.spawn(move || {
                    std::thread::sleep(pause);
                    process::run(org, plan.patience, numbers.fetch_add(1, Ordering::Relaxed), aim, is_bad)
                })
            });
            let started: Vec<_> = starts.collect();
            started.into_iter().map(|process| process.join().expect("a process")).collect()
        });
        if let Some(network) = plan.network {
            network.end();
            self.audit.arrived_late = network.arrived_late();
        }
        let numbers: Vec<u64> = ended.iter().map(|ended| ended.number).collect();
        self.audit.processes.extend(ended.into_iter().map(|ended| (ended.number, ended)));
        numbers.iter().map(|number| &self.audit.processes[number]).collect()
    }

    /// One process that nobody disturbs: it must end well, and soon.
    pub fn in_peace(&mut self) {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let ended = process::run(&self.org, self.plan.patience, number, Aim::Never, false);
        assert_eq!(ended.code, Some(0), "the process that finishes: {}", ended.log());
        self.audit.processes.insert(ended.number, ended);
    }

    /// The last audit.
    pub fn finish(mut self) -> Totals {
        // The next tick deletes ingress that the last closer did not come to delete, and so on.
        self.in_peace();
        self.in_peace();
        self.audit.run(&self.org, true)
    }

    /// Mail to somebody or to all, and now and then a top-up for the agent that is always short of money.
    fn errands(&mut self) {
        let (org, random, audit) = (&self.org, &mut self.random, &mut self.audit);
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
}
