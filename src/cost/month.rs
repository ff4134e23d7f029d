//! A month of an organisation, under a load, at the prices of the table.

use serde::Serialize;

use super::Shape;
use super::prices::{Prices, Vendor};
use super::requests::{Work, bytes, requests};
use crate::domain::credits::Credits;
use crate::store::counting::Requests;

/// In a quiet organisation mail comes in one slot of so many ...
const QUIET_ONE_SLOT_IN: u64 = 20;

/// ... and then one in so many of the agents that wait for mail has some.
const QUIET_ONE_AGENT_IN: u64 = 10;

/// A round trip to the bucket, in milliseconds: generous.
const ROUND_TRIP_MS: u64 = 60;

/// Round trips, one after another, of a look at a slot, and of a tick beside its turns.
const LOOK_TRIPS: u64 = 8;
const TICK_TRIPS: u64 = 20;

/// Round trips of a turn beside its calls.
const TURN_TRIPS: u64 = 5;

/// Reads at once.
const READS_AT_ONCE: u64 = 64;

/// What the runtime takes before the function begins, if each invocation were a cold one.
const INIT_MS: u64 = 200;

/// Bytes of log lines: of an invocation, with those of the runtime; of a tick; of a turn.
const LOG_BYTES: (u64, u64, u64) = (900, 1_000, 600);

/// What happens in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// Nobody writes: only agents that do not wait for mail run.
    Idle,
    /// Mail comes in one slot of twenty.
    Quiet,
    /// Everybody has mail at each of their fire points.
    Busy,
}

/// How much is billed of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Requests to the store.
    Requests,
    /// Bytes, kept for a month.
    ByteMonths,
    /// Invocations of a function, or of a schedule.
    Invocations,
    /// Seconds with a gigabyte of memory.
    GbSeconds,
    /// Bytes of log lines.
    Bytes,
    /// Tokens, of prompts and answers.
    Tokens,
}

/// A line of the bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What is billed.
    pub item: &'static str,
    /// How much of it.
    pub quantity: u64,
    /// In what.
    pub unit: Unit,
    /// What it costs; absent: nobody knows the price.
    pub usd: Option<Credits>,
}

/// What runs the ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Computer {
    /// Memory of the function, in megabytes.
    pub memory_mb: u64,
    /// Whether it runs on arm64; else on x86-64.
    pub arm64: bool,
}

/// A month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Month {
    /// What happens in it.
    pub load: Load,
    /// Slots.
    pub slots: u64,
    /// Slots in which nothing is to do, and nothing is written.
    pub idle_slots: u64,
    /// Ticks.
    pub ticks: u64,
    /// Turns.
    pub turns: u64,
    /// Messages from outside.
    pub messages_in: u64,
    /// Requests to the store.
    pub requests: Requests,
    /// Bytes that the bucket grows by.
    pub growth_bytes: u64,
    /// What is kept costs in the first year, if all is kept.
    pub storage_first_year_usd: Credits,
    /// The bill.
    pub lines: Vec<Line>,
    /// The sum of its lines with a price.
    pub total_usd: Credits,
}

/// What a month comes to.
#[must_use]
pub fn month(
    shape: &Shape,
    load: Load,
    prices: &Prices,
    vendor: Vendor,
    computer: Option<Computer>,
    free_tier: bool,
) -> Month {
    let slots = shape.slots();
    let work = work(shape, load);
    let mut made = requests(shape, &work);
    // Whoever sends a message puts it there.
    made.put += work.ingress;
    let growth_bytes = bytes(shape, &work);
    let free = |free: u64| if free_tier { free } else { 0 };
    let store = &prices.stores[&vendor];
    // Writes and lists share what is free of them.
    let free_writes = free(store.free_writes_and_lists).min(made.put);
    let free_lists = free(store.free_writes_and_lists) - free_writes;
    let per_million = |price: Credits, quantity: u64, free: u64| Some(price.per_million(quantity.saturating_sub(free)));
    // Kept from the month on in which it was written: on average of the first twelve months, six months' growth.
    let kept = growth_bytes.saturating_mul(6);
    let gb = |price: Credits, bytes: u64, free_gb: u64| {
        let billed = bytes.saturating_sub(free_gb.saturating_mul(1_000_000_000));
        Credits::from_micros(scaled(price.micros(), billed, 1_000_000_000))
    };
    let mut lines = vec![
        line("store_writes", made.put, Unit::Requests, per_million(store.write_per_million, made.put, free_writes)),
        line("store_lists", made.list, Unit::Requests, per_million(store.list_per_million, made.list, free_lists)),
        line(
            "store_reads",
            made.get,
            Unit::Requests,
            per_million(store.read_per_million, made.get, free(store.free_reads)),
        ),
        line(
            "storage_mean_of_first_year",
            kept,
            Unit::ByteMonths,
            Some(gb(store.gb_month, kept, free(store.free_gb_months))),
        ),
    ];
    if let Some(computer) = computer {
        let invocations = slots.saturating_add(work.ingress);
        let gb_seconds = gb_seconds(shape, &work, invocations, computer);
        let lambda = &prices.lambda;
        let second = match computer.arm64 {
            true => lambda.arm64_per_million_gb_seconds,
            false => lambda.x86_64_per_million_gb_seconds,
        };
        let requests = per_million(lambda.requests_per_million, invocations, free(lambda.free_requests));
        lines.push(line("function_invocations", invocations, Unit::Invocations, requests));
        let seconds = per_million(second, gb_seconds, free(lambda.free_gb_seconds));
        lines.push(line("function_gb_seconds", gb_seconds, Unit::GbSeconds, seconds));
        let fires =
            per_million(prices.scheduler.invocations_per_million, slots, free(prices.scheduler.free_invocations));
        lines.push(line("schedule", slots, Unit::Invocations, fires));
        let (of_call, of_tick, of_turn) = LOG_BYTES;
        let logged = invocations.saturating_mul(of_call)
            + work.ticks.saturating_mul(of_tick)
            + work.turns.saturating_mul(of_turn);
        let logs = &prices.logs;
        let price = gb(logs.gb_in, logged, free(logs.free_gb)) + gb(logs.gb_month, logged, 0);
        lines.push(line("logs", logged, Unit::Bytes, Some(price)));
    }
    let tokens = shape.turn.input_tokens.times(work.turns) + shape.turn.output_tokens.times(work.turns);
    let price = match (&shape.turn.tokens, work.turns) {
        (_, 0) => Some(Credits::ZERO),
        (None, _) => None,
        (Some(tokens), turns) => {
            Some(Credits::from_micros(scaled(tokens.credits.micros(), turns, tokens.turns.max(1))))
        }
    };
    lines.push(line("model_tokens", tokens, Unit::Tokens, price));
    Month {
        load,
        slots,
        idle_slots: work.idle_slots,
        ticks: work.ticks,
        turns: work.turns,
        messages_in: work.ingress,
        requests: made,
        growth_bytes,
        // Half of each month's growth in its own month, all of it in those after: 72 of twelve times twelve.
        storage_first_year_usd: gb(store.gb_month, growth_bytes.saturating_mul(72), 12 * free(store.free_gb_months)),
        total_usd: lines.iter().filter_map(|line| line.usd).sum(),
        lines,
    }
}

fn line(item: &'static str, quantity: u64, unit: Unit, usd: Option<Credits>) -> Line {
    Line { item, quantity, unit, usd }
}

/// `amount` × `n` / `of`, rounded up.
fn scaled(amount: u64, n: u64, of: u64) -> u64 {
    u64::try_from((u128::from(amount) * u128::from(n)).div_ceil(u128::from(of.max(1)))).unwrap_or(u64::MAX)
}

/// What is done in a month.
fn work(shape: &Shape, load: Load) -> Work {
    let slots = shape.slots();
    let (always, waits) = (|group: &super::Group| !group.on_message, shape.waiting());
    let (ticks, turns, ingress) = match load {
        Load::Idle => (shape.slots_that_fire(always), shape.turns(always), 0),
        Load::Quiet => {
            let with_mail = slots.div_ceil(QUIET_ONE_SLOT_IN);
            let ticks = shape.slots_that_fire(always).saturating_add(with_mail).min(slots);
            let turns =
                shape.turns(always).saturating_add(with_mail.saturating_mul(waits.div_ceil(QUIET_ONE_AGENT_IN)));
            (ticks, turns, with_mail)
        }
        Load::Busy => {
            let ticks = shape.slots_that_fire(|_| true);
            (ticks, shape.turns(|_| true), ticks)
        }
    };
    Work { idle_slots: slots.saturating_sub(ticks), ticks, turns, ingress }
}

/// Seconds with a gigabyte: of looks, of ticks, and of turns as many at once as may be.
fn gb_seconds(shape: &Shape, work: &Work, invocations: u64, computer: Computer) -> u64 {
    let turn = &shape.turn;
    let turn_ms = turn.calls.times(turn.call_ms).saturating_add(TURN_TRIPS * ROUND_TRIP_MS);
    // As many waves as the turns of a tick take; in a tick that is half empty, one.
    let waves = work.turns.div_ceil(shape.max_parallel_turns.max(1)).max(work.ticks.min(work.turns));
    let resumes = shape.agents.div_ceil(READS_AT_ONCE).saturating_mul(ROUND_TRIP_MS);
    let look_ms = INIT_MS + LOOK_TRIPS * ROUND_TRIP_MS + resumes;
    let ms = u128::from(invocations) * u128::from(look_ms)
        + u128::from(work.ticks) * u128::from(TICK_TRIPS * ROUND_TRIP_MS)
        + u128::from(waves) * u128::from(turn_ms);
    u64::try_from((ms * u128::from(computer.memory_mb)).div_ceil(1_024_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::prices::table;
    use super::super::{Group, Mean, Tokens, Turn};
    use super::*;

    fn shape(agents: u64, on_message: bool) -> Shape {
        Shape {
            agents,
            groups: vec![Group { period: 1, offset: 0, on_message, agents }],
            every: "5m".parse().expect("span"),
            agents_per_hold: 16,
            agents_per_shard: 64,
            max_parallel_turns: 128,
            turn: Turn {
                messages: Mean::whole(1),
                changes: Mean::whole(1),
                reads: Mean::whole(2),
                entries_read: Mean::whole(1),
                calls: Mean::whole(1),
                input_tokens: Mean::whole(3_000),
                output_tokens: Mean::whole(400),
                record_bytes: Mean::whole(16_000),
                call_ms: 5_000,
                tokens: Some(Tokens {
                    credits: Credits::whole(5),
                    turns: 1_000,
                    measured: false,
                    source: "a test".to_owned(),
                }),
            },
        }
    }

    const ARM: Option<Computer> = Some(Computer { memory_mb: 512, arm64: true });

    fn of(shape: &Shape, load: Load, free_tier: bool) -> Month {
        month(shape, load, &table(), Vendor::Aws, ARM, free_tier)
    }

    fn usd(month: &Month, item: &str) -> u64 {
        month.lines.iter().find(|line| line.item == item).and_then(|line| line.usd).expect(item).micros()
    }

    #[test]
    fn an_idle_organisation_writes_nothing_and_pays_no_model() {
        let idle = of(&shape(10, true), Load::Idle, false);
        assert_eq!((idle.slots, idle.idle_slots, idle.ticks, idle.turns), (8_766, 8_766, 0, 0));
        assert_eq!((idle.requests.put, idle.growth_bytes), (0, 0));
        assert_eq!(usd(&idle, "model_tokens"), 0);
        // 8,766 looks: 10 resumes and 15 other reads, 2 lists, each.
        assert_eq!((idle.requests.get, idle.requests.list), (8_766 * 25, 8_766 * 2));
        assert_eq!(usd(&idle, "store_reads"), 87_660);
        assert_eq!(usd(&idle, "store_lists"), 87_660);
        assert_eq!(usd(&idle, "schedule"), 8_766);
        assert!(idle.total_usd < Credits::whole(1), "{}", idle.total_usd);
        let free = of(&shape(10, true), Load::Idle, true);
        assert_eq!((usd(&free, "function_gb_seconds"), usd(&free, "schedule")), (0, 0));
        assert!(free.total_usd < idle.total_usd);
    }

    #[test]
    fn agents_that_do_not_wait_for_mail_run_in_an_idle_organisation_too() {
        let idle = of(&shape(10, false), Load::Idle, false);
        let busy = of(&shape(10, true), Load::Busy, false);
        assert_eq!((idle.ticks, idle.turns), (busy.ticks, busy.turns));
        assert_eq!(busy.turns, 87_660);
        assert_eq!(usd(&busy, "model_tokens"), 438_300_000);
    }

    #[test]
    fn every_load_costs_more_than_the_one_before() {
        for agents in [1, 10, 250, 5_000] {
            let shape = shape(agents, true);
            let months = [Load::Idle, Load::Quiet, Load::Busy].map(|load| of(&shape, load, false));
            for (less, more) in months.iter().zip(&months[1..]) {
                assert!(less.total_usd < more.total_usd, "{agents}: {less:?}\n{more:?}");
                for (less, more) in less.lines.iter().zip(&more.lines) {
                    assert!(less.usd <= more.usd, "{agents}: {less:?} {more:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_kept_costs_half_of_its_first_month_and_all_of_those_after() {
        let mut shape = shape(1, true);
        shape.turn.record_bytes = Mean::whole(100_000);
        let busy = of(&shape, Load::Busy, false);
        let price = table().stores[&Vendor::Aws].gb_month.micros();
        let halves: u128 = (0..12).map(|month| 2 * month + 1).sum();
        let year = (u128::from(busy.growth_bytes) * halves / 2 * u128::from(price)).div_ceil(1_000_000_000);
        assert_eq!(u128::from(busy.storage_first_year_usd.micros()), year);
        assert!(u128::from(usd(&busy, "storage_mean_of_first_year")) * 12 >= year);
    }

    #[test]
    fn an_unknown_price_is_no_price_of_nothing() {
        let mut shape = shape(10, true);
        shape.turn.tokens = None;
        let busy = of(&shape, Load::Busy, false);
        let tokens = busy.lines.iter().find(|line| line.item == "model_tokens").expect("tokens");
        assert_eq!((tokens.usd, tokens.quantity), (None, 87_660 * 3_400));
        let without = month(&shape, Load::Busy, &table(), Vendor::R2, None, false);
        assert!(without.lines.iter().all(|line| !line.item.starts_with("function")));
    }
}
