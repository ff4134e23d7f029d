//! Ticks of large organisations over a bucket as slow as S3, by many runners: see docs/BENCHMARKS.md.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a program of the tests: it fails by panicking, prints what it found, and times itself"
)]

mod bucket;
#[path = "../sim/dice.rs"]
mod dice;
mod latency;
mod world;

use clap::Parser;
use lemming::store::counting::Requests;

use self::world::{Case, Figures, simulate};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the real engine over a simulated S3, on a clock that moves when nothing else can.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many agents, all due, in snapshot mode
    #[arg(long, value_delimiter = ',', default_value = "10000")]
    agents: Vec<u64>,
    /// How many runners
    #[arg(long, value_delimiter = ',', default_value = "1,8,64")]
    runners: Vec<u64>,
    /// How long a model thinks at least, in milliseconds
    #[arg(long, default_value_t = 500)]
    model_from: u64,
    /// How long a model thinks at most, in milliseconds
    #[arg(long, default_value_t = 2_000)]
    model_to: u64,
    /// The bucket bears no more than S3 promises for one partition: 3,500 writes and 5,500 reads a second
    #[arg(long)]
    limited: bool,
    /// limits.max_parallel_turns
    #[arg(long, default_value_t = 128)]
    parallel: u64,
    /// limits.agents_per_shard
    #[arg(long, default_value_t = 64)]
    per_shard: u64,
    /// Which tick is measured
    #[arg(long, default_value_t = 2)]
    tick: u64,
    /// One runner begins, and the others come when the plan is there
    #[arg(long)]
    later: bool,
    /// Runners wait for each other, as `lemming tick` does; else they leave what others hold, as a scheduler's do
    #[arg(long)]
    waits: bool,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print what the requests were for
    #[arg(long)]
    folders: bool,
}

/// What S3 takes for these requests in us-east-1, in dollars: see src/cost/prices.json.
fn dollars(made: Requests) -> f64 {
    (made.put + made.list) as f64 * 5e-6 + made.get as f64 * 0.4e-6
}

fn seconds(ms: u64) -> String {
    format!("{:.1}", ms as f64 / 1_000.0)
}

fn row(case: &Case, figures: &Figures, alone_ms: Option<u64>, real: std::time::Duration) {
    let Figures { marks, requests, .. } = figures;
    let speed_up = alone_ms.map_or("-".to_owned(), |ms| format!("{:.1}", ms as f64 / marks.closed_ms as f64));
    let per_turn = |n: u64| format!("{:.2}", n as f64 / figures.turns as f64);
    let cells = [
        case.agents.to_string(),
        case.runners.to_string(),
        seconds(marks.planned_ms),
        seconds(marks.last_seal_ms.saturating_sub(marks.planned_ms)),
        seconds(marks.closed_ms.saturating_sub(marks.last_seal_ms)),
        seconds(marks.closed_ms),
        speed_up,
        seconds(figures.ideal_ms(case)),
        seconds(figures.ended_ms),
        per_turn(requests.put),
        per_turn(requests.get),
        requests.list.to_string(),
        figures.calls.to_string(),
        figures.throttled.to_string(),
        figures.failed.to_string(),
        figures.peak.to_string(),
        format!("{:.3}", dollars(*requests)),
        seconds(figures.runner_ms),
        format!("{:.0}", real.as_secs_f64()),
    ];
    println!("| {} |", cells.join(" | "));
}

fn main() {
    let arguments = Arguments::parse();
    let titles = "agents | runners | plan s | turns s | close s | tick s | speed-up | models alone s | all ended s | \
                  PUT a turn | GET a turn | LIST | calls | throttled | failed | peak | S3 $ | runner s | real s";
    println!("| {titles} |");
    println!("|{}", " --- |".repeat(titles.split('|').count()));
    for agents in &arguments.agents {
        let mut alone = None;
        for runners in &arguments.runners {
            let case = Case {
                agents: *agents,
                due: *agents,
                runners: *runners,
                model_ms: (arguments.model_from, arguments.model_to),
                limited: arguments.limited,
                parallel: arguments.parallel,
                per_shard: arguments.per_shard,
                tick: arguments.tick,
                helpers_come_later: arguments.later,
                waits: arguments.waits,
                seed: arguments.seed,
            };
            let began = std::time::Instant::now();
            let figures = simulate(case);
            if *runners == 1 {
                alone = Some(figures.marks.closed_ms);
            }
            row(&case, &figures, alone, began.elapsed());
            if arguments.folders {
                for (folder, made) in &figures.by_folder {
                    println!(
                        "    {folder}: {} PUT, {} GET, {} LIST, {} DELETE",
                        made.put, made.get, made.list, made.delete
                    );
                }
            }
        }
    }
}
