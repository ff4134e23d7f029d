//! `lemming cost`

use std::fmt::Write as _;

use serde_json::json;

use crate::chronicle::workload::{Measured, Workload, workload};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{Cell, DIM, GOOD, Output, TITLE, counted, one_line, styled};
use crate::cost::prices::{Prices, Source, Vendor, table};
use crate::cost::{Computer, Group, Line, Load, Mean, Month, Shape, Tokens, Turn, Unit, month};
use crate::domain::credits::Credits;
use crate::domain::model::Usage;
use crate::domain::pace::Span;
use crate::provider::prices;

/// Estimates what an organisation costs in a month, at published prices, before it is deployed or while it runs.
///
/// Three months are shown. Idle: nobody writes, and only agents that do not wait for mail (`when: always`) run. Quiet: besides,
/// mail comes in one slot of twenty, and a tenth of the agents that wait for mail has some. Busy: everybody runs at every fire
/// point. With --agents the organisation is made up; otherwise it is the one at --store, with its schedules, its memory, and
/// the turns of its last ticks. Amounts are US dollars, without taxes and free tiers. Reads only; requests are an upper
/// bound for one runner without faults (docs/COST.md).
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CostArgs {
    /// Makes up an organisation of so many agents that wait for mail, instead of reading one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    agents: Option<u64>,
    /// The length of a slot [default: org.json's pace, or 5m]
    #[arg(long, value_name = "TIME")]
    every: Option<Span>,
    /// So many of them run without mail, too
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, requires = "agents")]
    always: u64,
    /// Each of them may run in every so many slots [default: 1]
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true, requires = "agents")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    run_every: u64,
    #[command(flatten)]
    turn: TurnArgs,
    /// Whose prices [default: as the store's URL says, or else aws]
    #[arg(long, value_name = "VENDOR")]
    provider: Option<Vendor>,
    /// What runs the ticks [default: lambda with a store of AWS, else none, which costs nothing here]
    #[arg(long, value_name = "WHAT")]
    runner: Option<Runner>,
    /// Memory of the function, in megabytes
    #[arg(long, value_name = "MB", default_value_t = 512, value_parser = clap::value_parser!(u64).range(128..=10_240))]
    memory_mb: u64,
    /// The function's processor
    #[arg(long, value_name = "ARCH", default_value = "arm64")]
    arch: Arch,
    /// Leaves out what is free for every account each month
    #[arg(long)]
    free_tier: bool,
    /// How many of the last ticks tell what a turn is
    #[arg(long, value_name = "N", default_value_t = 16, conflicts_with = "agents")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000))]
    ticks: u64,
}

/// What a turn is, where nobody has seen one or it is to be another.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "A mean turn [default: as measured, or else as docs/COST.md says]")]
struct TurnArgs {
    /// Entries that it says
    #[arg(long, value_name = "N")]
    messages: Option<u64>,
    /// Memory keys and files that it changes
    #[arg(long, value_name = "N")]
    changes: Option<u64>,
    /// Memory keys and files that it reads
    #[arg(long, value_name = "N")]
    reads: Option<u64>,
    /// Calls of its model: tools take one more for each step
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    calls: Option<u64>,
    /// Tokens of all its prompts
    #[arg(long, value_name = "TOKENS")]
    input_tokens: Option<u64>,
    /// Tokens of all its answers
    #[arg(long, value_name = "TOKENS")]
    output_tokens: Option<u64>,
    /// How long one call takes
    #[arg(long, value_name = "TIME")]
    call_time: Option<Span>,
    /// The model whose price counts, such as anthropic:claude-haiku-4-5
    #[arg(long, value_name = "PROVIDER:NAME")]
    model: Option<String>,
}

/// What runs the ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Runner {
    /// AWS Lambda on a schedule
    Lambda,
    /// A machine that is there anyway
    None,
}

/// The function's processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Arch {
    Arm64,
    #[value(name = "x86_64")]
    X86,
}

/// A row of the table: its title, and what is counted.
type Count = (&'static str, fn(&Month) -> u64);

/// What the estimate is of.
struct Subject {
    name: String,
    /// What a credit is; tokens are added to dollars only if it is one.
    unit: String,
    shape: Shape,
    workload: Option<Workload>,
}

pub(super) async fn run(args: CostArgs, session: &mut Session) -> Result<Exit, CliError> {
    let named = session.globals.store.as_deref().or_else(|| session.environment.var("LEMMING_STORE"));
    let vendor = args.provider.or_else(|| named.and_then(Vendor::of)).unwrap_or(Vendor::Aws);
    let mut subject = match args.agents {
        Some(agents) => made_up(&args, agents)?,
        None => {
            let org = session.org().await.map_err(|error| match error.exit() {
                Exit::NotFound => error.hint("or make one up: `lemming cost --agents 20 --every 5m`"),
                _ => error,
            })?;
            let workload = workload(&org.store, args.ticks).await?;
            let (name, unit) = (workload.organisation.clone(), workload.unit.clone());
            Subject { name, unit, shape: workload.shape.clone(), workload: Some(workload) }
        }
    };
    if let Some(every) = args.every {
        if every.as_ms() < 1_000 {
            return Err(CliError::new(Exit::Usage, "--every must be at least 1s: nobody is billed for shorter slots"));
        }
        subject.shape.every = every;
    }
    change(&mut subject.shape.turn, &args.turn)?;
    let lambda = match args.runner {
        Some(runner) => runner == Runner::Lambda,
        None => vendor == Vendor::Aws,
    };
    let computer = lambda.then_some(Computer { memory_mb: args.memory_mb, arm64: args.arch == Arch::Arm64 });
    let prices = table();
    let in_dollars = subject.unit.eq_ignore_ascii_case("USD");
    let mut months = [Load::Idle, Load::Quiet, Load::Busy]
        .map(|load| month(&subject.shape, load, &prices, vendor, computer, args.free_tier));
    if !in_dollars {
        // Credits that are no dollars are no part of a sum of dollars.
        for month in &mut months {
            month.lines.iter_mut().filter(|line| line.unit == Unit::Tokens).for_each(|line| line.usd = None);
            month.total_usd = month.lines.iter().filter_map(|line| line.usd).sum();
        }
    }
    let sources = sources(&prices, vendor, computer.is_some());
    if session.out.json() {
        session.out.document(&json!({
            "organisation": subject.name,
            "unit": subject.unit,
            "shape": subject.shape,
            "measured": subject.workload.as_ref().and_then(|workload| workload.measured.as_ref()),
            "charged": subject.workload.as_ref().map(|workload| workload.charged),
            "provider": vendor,
            "function": computer,
            "free_tier": args.free_tier,
            "prices": sources,
            "months": months,
        }))?;
    } else {
        show(&subject, computer, &sources, &months, &mut session.out)?;
    }
    Ok(Exit::Ok)
}

/// The prices that are used.
fn sources(prices: &Prices, vendor: Vendor, lambda: bool) -> Vec<&Source> {
    let mut sources = vec![&prices.stores[&vendor].source];
    if lambda {
        sources.extend([&prices.lambda.source, &prices.scheduler.source, &prices.logs.source]);
    }
    sources
}

fn made_up(args: &CostArgs, agents: u64) -> Result<Subject, CliError> {
    if args.always > agents {
        let message = format!("--always {} is more than --agents {agents}", args.always);
        return Err(CliError::new(Exit::Usage, message));
    }
    let group = |on_message, agents| Group { period: args.run_every, offset: 0, on_message, agents };
    let groups = [group(true, agents - args.always), group(false, args.always)];
    let every = Span::new(std::time::Duration::from_secs(300));
    let shape = Shape {
        agents,
        groups: groups.into_iter().filter(|group| group.agents > 0).collect(),
        every,
        agents_per_hold: 16,
        agents_per_shard: 64,
        max_parallel_turns: 128,
        turn: Turn::assumed(),
    };
    let name = format!("a made-up organisation of {}", counted(agents, "agent"));
    Ok(Subject { name, unit: "USD".to_owned(), shape, workload: None })
}

/// Changes what a turn is, as a person says.
fn change(turn: &mut Turn, args: &TurnArgs) -> Result<(), CliError> {
    let set = |mean: &mut Mean, n: Option<u64>| *mean = n.map_or(*mean, Mean::whole);
    let (before, calls) = (turn.usage(), turn.calls);
    set(&mut turn.messages, args.messages);
    set(&mut turn.changes, args.changes);
    set(&mut turn.reads, args.reads);
    set(&mut turn.calls, args.calls);
    set(&mut turn.input_tokens, args.input_tokens);
    set(&mut turn.output_tokens, args.output_tokens);
    if let Some(time) = args.call_time {
        turn.call_ms = u64::try_from(time.as_ms()).unwrap_or(u64::MAX);
    }
    let Usage { input_tokens, output_tokens, .. } = turn.usage();
    if turn.usage() != before || turn.calls != calls {
        turn.record_bytes = Turn::record_bytes(input_tokens, output_tokens);
    }
    if let Some(model) = &args.model {
        turn.tokens = Some(by_name(model, turn)?);
    } else if turn.usage() != before {
        // What was paid was paid for other turns: the same price a token.
        turn.tokens = turn.tokens.take().map(|tokens| in_proportion(tokens, before, turn.usage()));
    }
    Ok(())
}

/// The price of a turn with so many tokens, at what the model costs.
fn by_name(model: &str, turn: &Turn) -> Result<Tokens, CliError> {
    let Some((provider, name)) = model.split_once(':').filter(|(_, name)| !name.is_empty()) else {
        let error = CliError::new(Exit::Usage, format!("{model:?} is no model: it must be PROVIDER:NAME"));
        return Err(error.hint("such as anthropic:claude-haiku-4-5 or ollama:llama3.2"));
    };
    let Some(known) = prices::price(provider, name) else {
        let error = CliError::new(Exit::Usage, format!("the price table does not know {model}"));
        let names = prices::names().into_iter().filter(|(of, _)| of == provider).map(|(_, name)| name);
        let names: Vec<String> = names.take(20).collect();
        return Err(match names.is_empty() {
            true => error.hint("it has models of openai, anthropic, gemini and bedrock, among others"),
            false => error.hint(format!("of {provider} it has {}", names.join(", "))),
        });
    };
    let of = known.price.as_of.as_deref().map_or(String::new(), |day| format!(" (as of {day})"));
    // A thousand turns, so that a fraction of a millionth is not rounded up for each.
    let Usage { input_tokens, output_tokens, .. } = turn.usage();
    let thousand =
        Usage { input_tokens: input_tokens * 1_000, output_tokens: output_tokens * 1_000, ..Usage::default() };
    Ok(Tokens { credits: known.price.of(thousand), turns: 1_000, measured: false, source: format!("{model}{of}") })
}

fn in_proportion(tokens: Tokens, before: Usage, now: Usage) -> Tokens {
    let sum = |usage: Usage| u128::from(usage.input_tokens + usage.output_tokens).max(1);
    let micros = (u128::from(tokens.credits.micros()) * sum(now)).div_ceil(sum(before));
    let credits = Credits::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
    Tokens { credits, measured: false, source: format!("{}, in proportion to the tokens", tokens.source), ..tokens }
}

fn show(
    subject: &Subject,
    computer: Option<Computer>,
    sources: &[&Source],
    months: &[Month],
    out: &mut Output,
) -> Result<(), CliError> {
    let shape = &subject.shape;
    out.line(styled(TITLE, one_line(&subject.name, 80)))?;
    out.paragraph(made_of(shape))?;
    if let Some(workload) = &subject.workload {
        out.paragraph(history(workload))?;
    }
    out.line("")?;
    let mut head = vec![Cell::new("a month").style(DIM)];
    for title in ["idle", "$", "quiet", "$", "busy", "$"] {
        head.push(Cell::new(format!("{title:>12}")).style(DIM));
    }
    let mut rows = vec![head];
    let counts: [Count; 4] = [
        ("slots with work", |month| month.slots - month.idle_slots),
        ("ticks", |month| month.ticks),
        ("turns", |month| month.turns),
        ("messages from outside", |month| month.messages_in),
    ];
    for (title, count) in counts {
        let mut row = vec![Cell::new(title)];
        row.extend(months.iter().flat_map(|month| [Cell::number(count(month)), Cell::new("")]));
        rows.push(row);
    }
    let lines = months.first().map_or(0, |month| month.lines.len());
    for at in 0..lines {
        let mut row = vec![Cell::new(title(&months[0].lines[at]))];
        for line in months.iter().map(|month| &month.lines[at]) {
            row.extend([Cell::number(quantity(line)), Cell::number(line.usd.map_or("?".to_owned(), dollars))]);
        }
        rows.push(row);
    }
    let mut sum = vec![Cell::new("in all").style(TITLE)];
    for month in months {
        sum.extend([Cell::new(""), Cell::number(dollars(month.total_usd)).style(GOOD)]);
    }
    rows.push(sum);
    out.table(&rows)?;
    out.line("")?;
    let growth: Vec<String> = months
        .iter()
        .map(|month| {
            format!("{} a month, {} in the first year", size(month.growth_bytes), dollars(month.storage_first_year_usd))
        })
        .collect();
    out.paragraph(format!("The bucket grows by (idle; quiet; busy): {}.", growth.join("; ")))?;
    out.paragraph(tokens(subject))?;
    if let Some(Computer { memory_mb, arm64 }) = computer {
        let arch = if arm64 { "arm64" } else { "x86-64" };
        out.paragraph(format!(
            "The function has {memory_mb} MB on {arch}; each call of a model takes {} ms.",
            shape.turn.call_ms
        ))?;
    }
    let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
    out.paragraph(styled(DIM, format!("Prices: {}. See docs/COST.md.", sources.join("; "))))?;
    Ok(())
}

/// What the organisation is made of.
fn made_of(shape: &Shape) -> String {
    let waiting = shape.waiting();
    let always: u64 = shape.groups.iter().filter(|group| !group.on_message).map(|group| group.agents).sum();
    let turn = &shape.turn;
    let mut text = format!(
        "{}: {waiting} wait for mail, {always} run without; a slot every {}, {} a month.",
        counted(shape.agents, "agent"),
        shape.every,
        shape.slots()
    );
    let _ = write!(
        text,
        " A turn, in the mean: calls {}, tokens {} in and {} out, messages read {} and said {}, memories and files read {} and changed {}.",
        turn.calls, turn.input_tokens, turn.output_tokens, turn.entries_read, turn.messages, turn.reads, turn.changes
    );
    text
}

/// What it has really cost, as far as its records tell.
fn history(workload: &Workload) -> String {
    let mut text = format!("Charged to its accounts so far: {} {}", workload.charged.total(), workload.unit);
    match &workload.measured {
        None => text.push_str("; no turn was seen, so what one is was assumed."),
        Some(Measured { first_tick, last_tick, ticks, turns, charged, from, to, .. }) => {
            let _ = write!(
                text,
                "; of it {charged} in {} with {} (tick {first_tick} of {from} to tick {last_tick} of {to}).",
                counted(*ticks, "tick"),
                counted(*turns, "turn")
            );
        }
    }
    if !workload.has_slots {
        let _ = write!(text, " org.json names no pace: a slot of {} is assumed.", workload.shape.every);
    }
    text
}

fn tokens(subject: &Subject) -> String {
    match &subject.shape.turn.tokens {
        None => "What tokens cost is not known: name a model with --model. They are not in the sum.".to_owned(),
        Some(tokens) if !subject.unit.eq_ignore_ascii_case("USD") => {
            let of = format!("{} {} for {}", tokens.credits, subject.unit, counted(tokens.turns, "turn"));
            format!("Tokens: {of} ({}). They are no dollars, and not in the sum.", one_line(&tokens.source, 120))
        }
        Some(tokens) => {
            let of = format!("{} for {}", tokens.credits, counted(tokens.turns, "turn"));
            format!("Tokens: {of} ({}).", one_line(&tokens.source, 120))
        }
    }
}

fn title(line: &Line) -> &'static str {
    match line.item {
        "store_writes" => "store: writes",
        "store_lists" => "store: lists",
        "store_reads" => "store: reads",
        "storage_mean_of_first_year" => "store: kept (mean of the first year)",
        "function_invocations" => "function: invocations",
        "function_gb_seconds" => "function: GB-seconds",
        "schedule" => "schedule",
        "logs" => "logs",
        _ => "tokens of models",
    }
}

fn quantity(line: &Line) -> String {
    match line.unit {
        Unit::ByteMonths | Unit::Bytes => size(line.quantity),
        _ => line.quantity.to_string(),
    }
}

/// A number of bytes for people, rounded up.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", bytes.div_ceil(1_000_000)),
        _ => {
            let tenths = bytes.div_ceil(100_000_000);
            format!("{}.{} GB", tenths / 10, tenths % 10)
        }
    }
}

/// Dollars for people, rounded up to a cent; what is less is said to be.
fn dollars(usd: Credits) -> String {
    let cents = usd.micros().div_ceil(10_000);
    match usd.micros() {
        0 => "0".to_owned(),
        1..10_000 => "<0.01".to_owned(),
        _ => format!("{}.{:02}", cents / 100, cents % 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_up_and_never_shown_as_nothing() {
        for (micros, shown) in [(0, "0"), (1, "<0.01"), (9_999, "<0.01"), (10_001, "0.02"), (12_340_000, "12.34")] {
            assert_eq!(dollars(Credits::from_micros(micros)), shown);
        }
        for (bytes, shown) in
            [(0, "0 B"), (999, "999 B"), (1_001, "2 kB"), (5_000_000, "5 MB"), (1_234_567_890, "1.3 GB")]
        {
            assert_eq!(size(bytes), shown);
        }
    }
}
