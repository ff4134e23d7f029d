//! `lemming deliveries`

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::chronicle;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{BAD, Cell, DIM, GOOD, NAME, WARN, one_line};
use crate::delivery::{Courier, Occasion, PassTerms, headway};
use crate::domain::delivery::Rule;
use crate::domain::ids::Sha;
use crate::domain::name::MemoryKey;
use crate::domain::org::OrgConfig;
use crate::domain::time::Tick;
use crate::engine::load;
use crate::record::delivery::{Delivered, Fate, Headway};
use crate::runner::compose::Org;
use crate::runner::delivery::{BUDGET, REQUEST_TIMEOUT};
use crate::runner::local::until_signalled;
use crate::store::{Key, Prefix};
use crate::validate::nearest;

/// So many of the newest records are shown of one rule.
const RECORDS: u64 = 100;

/// Lists what the rules of org.json have sent, what waits, and what was given up; `retry` tries it now.
///
/// With a rule's name: that one, with what became of each tick that it sent something of. The newest come last.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "ACTION")]
pub(in crate::cli) struct DeliveriesArgs {
    #[command(subcommand)]
    action: Option<DeliveriesAction>,
    #[command(flatten)]
    list: ListArgs,
}

/// What is done with deliveries.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum DeliveriesAction {
    List(ListArgs),
    Retry(RetryArgs),
}

/// Lists what the rules have sent, what waits, and what was given up.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListArgs {
    /// Only this rule [default: all]
    rule: Option<String>,
}

/// Forgets for how long receivers were to be left alone, and tries what waits now.
///
/// What is not there yet of new ticks is sent as well. What was given up stays given up.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RetryArgs {
    /// Only this rule [default: all]
    rule: Option<String>,
}

/// A rule and how far it has come.
#[derive(Debug, Serialize)]
struct Shown {
    rule: MemoryKey,
    to: &'static str,
    #[serde(flatten)]
    headway: Value,
    /// What became of each tick, where one rule is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<Vec<Delivered>>,
}

pub(super) async fn run(args: DeliveriesArgs, session: &mut Session) -> Result<Exit, CliError> {
    match args.action {
        Some(DeliveriesAction::Retry(args)) => retry(args.rule.as_deref(), session).await,
        Some(DeliveriesAction::List(args)) => list(args.rule.as_deref(), session).await,
        None => list(args.list.rule.as_deref(), session).await,
    }
}

/// The rule of that name.
fn known(org: &OrgConfig, name: &str) -> Result<MemoryKey, CliError> {
    if let Some(rule) = org.deliver.iter().find(|rule| rule.name.as_str() == name) {
        return Ok(rule.name.clone());
    }
    let error = CliError::new(Exit::NotFound, format!("org.json has no rule of delivery {name:?}"));
    Err(match nearest(name, org.deliver.iter().map(|rule| rule.name.as_str())) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint("`lemming deliveries` lists them"),
    })
}

async fn list(name: Option<&str>, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let settings = chronicle::settings(&org.store).await?;
    let only = name.map(|name| known(&settings, name)).transpose()?;
    let mut all = Vec::new();
    for rule in settings.deliver.iter().filter(|rule| only.as_ref().is_none_or(|only| *only == rule.name)) {
        all.push((rule, headway(&org.store, &rule.name).await?));
    }
    let mut records = None;
    if let (Some(rule), [(_, found)]) = (&only, all.as_slice()) {
        records = Some(read_records(&org, rule, found.as_ref()).await?);
    }
    if session.out.json() {
        let shown: Vec<Shown> = all.iter().map(|(rule, found)| shown(rule, found.as_ref(), &mut records)).collect();
        session.out.document(&json!({ "deliveries": shown }))?;
        return Ok(Exit::Ok);
    }
    tell(&all, records.as_deref(), session)?;
    Ok(Exit::Ok)
}

fn shown(rule: &Rule, found: Option<&Headway>, records: &mut Option<Vec<Delivered>>) -> Shown {
    let headway = json!({
        "begun": found.is_some(),
        "next_tick": found.map(|found| found.next),
        "waiting": found.map_or(0, |found| found.pending.iter().map(|pending| pending.left).sum::<u64>()),
        "pending": found.map(|found| found.pending.clone()).unwrap_or_default(),
        "failures": found.map_or(0, |found| found.failures),
        "not_before": found.and_then(|found| found.not_before),
        "last_delivered": found.and_then(|found| found.last),
        "given_up": found.map(|found| found.given_up.clone()).unwrap_or_default(),
    });
    Shown { rule: rule.name.clone(), to: rule.to.as_str(), headway, records: records.take() }
}

async fn read_records(org: &Org, rule: &MemoryKey, found: Option<&Headway>) -> Result<Vec<Delivered>, CliError> {
    let next = found.map_or(0, |found| found.next.0);
    let after = Key::Delivery(rule.clone(), Tick(next.saturating_sub(RECORDS)));
    let most = usize::try_from(RECORDS).unwrap_or(usize::MAX);
    let mut records = Vec::new();
    for path in org.store.list_after(&Prefix::Deliveries(rule.clone()), &after, most).await? {
        if let Some(key @ Key::Delivery(..)) = Key::parse(&path) {
            records.extend(org.store.read::<Delivered>(&key).await?);
        }
    }
    Ok(records)
}

fn tell(
    all: &[(&Rule, Option<Headway>)],
    records: Option<&[Delivered]>,
    session: &mut Session,
) -> Result<(), CliError> {
    let times = session.times();
    let out = &mut session.out;
    if all.is_empty() {
        out.line("org.json has no rules of delivery: see docs/CONNECT.md")?;
        return Ok(());
    }
    let mut rows =
        vec![["rule", "to", "waiting", "given up", "last delivered", ""].map(|t| Cell::new(t).style(DIM)).to_vec()];
    for (rule, found) in all {
        let pending = found.iter().flat_map(|found| &found.pending);
        let waiting: u64 = pending.clone().map(|pending| pending.left).sum();
        let given_up: u64 = found.iter().flat_map(|found| &found.given_up).map(|given_up| given_up.count).sum();
        let last = found.as_ref().and_then(|found| found.last);
        let last = last.map_or("-".to_owned(), |last| format!("tick {}, {}", last.tick, times.shown(last.at)));
        let error = pending.clone().rev().find_map(|pending| pending.error.clone());
        let again = found.as_ref().and_then(|found| {
            found.not_before.or_else(|| found.pending.iter().filter_map(|pending| pending.not_before).min())
        });
        let said = match (error, again) {
            (Some(error), Some(again)) => format!("{}; again at {}", one_line(&error, 80), times.shown(again)),
            (Some(error), None) => one_line(&error, 80),
            (None, _) => String::new(),
        };
        rows.push(vec![
            Cell::new(rule.name.to_string()).style(NAME),
            Cell::new(rule.to.as_str()),
            Cell::number(waiting).style(if waiting > 0 { WARN } else { GOOD }),
            Cell::number(given_up).style(if given_up > 0 { BAD } else { GOOD }),
            Cell::whole(last),
            Cell::new(said).style(WARN),
        ]);
    }
    out.table(&rows)?;
    for record in records.unwrap_or_default() {
        let mut fates: BTreeMap<&str, usize> = BTreeMap::new();
        for settled in &record.settled {
            *fates.entry(word(settled.fate)).or_default() += 1;
        }
        let fates: Vec<String> = fates.iter().map(|(word, count)| format!("{count} {word}")).collect();
        out.line(format!("tick {}: {}", record.tick, fates.join(", ")))?;
    }
    Ok(())
}

const fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Delivered => "delivered",
        Fate::GivenUp => "given up",
        Fate::Erased => "erased before",
    }
}

async fn retry(name: Option<&str>, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let Some(bytes) = org.store.get(&Key::Org).await? else { return Err(CliError::no_org(&org.place)) };
    let settings = chronicle::settings(&org.store).await?;
    let only = name.map(|name| known(&settings, name)).transpose()?;
    let state = load(&org.store).await?.state;
    let rules = Courier::rules(&settings, only.as_ref()).count();
    let occasion = Occasion { org: settings.into(), org_sha: Sha::of(&bytes), last: state.tick, clock: state.clock };
    let done = until_signalled(
        || {},
        async |stop| {
            let until = Instant::now() + BUDGET;
            let terms = PassTerms { until, timeout: REQUEST_TIMEOUT, stop: &stop, at_once: true, only: only.as_ref() };
            match occasion.last.0 {
                0 => BTreeMap::new(),
                _ => org.courier().pass(&occasion, &terms).await,
            }
        },
    );
    let Some(done) = done.await else { return Ok(Exit::Interrupted) };
    let mut all = BTreeMap::new();
    for (rule, went) in done {
        all.insert(rule, went?);
    }
    let is_left = all.values().any(|went| went.left > 0);
    let exit = if is_left { Exit::Partial } else { Exit::Ok };
    let out = &mut session.out;
    if out.json() {
        out.document(&json!({ "rules": all }))?;
        return Ok(exit);
    }
    if rules == 0 {
        out.line("org.json has no rules of delivery that send from here")?;
    }
    for (rule, went) in &all {
        let error = went.error.as_ref().map(|error| format!(": {}", one_line(error, 120))).unwrap_or_default();
        let (left, given_up) = (went.left, went.given_up);
        let rest = match (left, given_up) {
            (0, 0) => String::new(),
            (left, 0) => format!(", {left} left"),
            (left, given_up) => format!(", {left} left, {given_up} given up"),
        };
        out.line(format!("{rule}: {} delivered{rest}{error}", went.delivered))?;
    }
    Ok(exit)
}
