//! `lemming demo --chaos`

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::place::Place;
use crate::chaos::audit::{Findings, audit};
use crate::chaos::model::Model;
use crate::chaos::organisation;
use crate::chaos::play::{At, Happening, PlayError, Played, Stage, Told, play};
use crate::chaos::{KILLS, RUNNERS};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{BAD, Cell, DIM, GOOD, NAME, Output, TITLE, WARN, clean, counted, styled};
use crate::cli::progress::Line;
use crate::domain::credits::Credits;
use crate::engine::Stop;
use crate::record::encode;
use crate::runner::local::until_signalled;
use crate::store::{Created, Key};

/// Where the model's log is left for whoever wants to count for themselves.
const LOG: &str = "config/calls.json";

pub(super) async fn run(place: Place, session: &mut Session) -> Result<Exit, CliError> {
    let Some(program) = session.environment.program() else {
        return Err(CliError::new(Exit::Failed, "the program cannot be found, to be started as a runner"));
    };
    if place.org.is_in_memory() {
        return Err(CliError::new(Exit::Usage, format!("{RUNNERS} processes cannot share {}", place.shown))
            .hint("--dir names a folder, --store a bucket"));
    }
    if !place.is_empty().await? {
        return Err(occupied(&place).await?);
    }
    let (events, model) = mpsc::unbounded_channel();
    let listening = Model::listen(events).await?;
    found(&place, &listening.address).await?;
    let json = session.out.json();
    if !json {
        let title = styled(TITLE, "LeMMing chaos:");
        session
            .out
            .paragraph(format!("{title} {RUNNERS} runners on one organisation; {KILLS} are killed in mid-call."))?;
        session.out.paragraph(styled(DIM, format!("everything is in {}", place.org.place)))?;
        session.out.line("")?;
    }
    let mut live = Live { line: Line::default(), is_watched: session.out.is_watched() && !json, broken: None };
    let out = &mut session.out;
    let done = until_signalled(
        || {},
        async |stop: Stop| {
            let stage = Stage { org: &place.org, store: &place.name, program: &program, model };
            play(stage, &stop, |told, tick, at| live.show(told, tick, at, out)).await
        },
    );
    let done = done.await;
    live.line.erase();
    let played = match done {
        None => return Ok(Exit::Interrupted),
        Some(Err(PlayError::Stopped)) => {
            let message = "stopped: every runner was killed, and nothing is left running";
            return Err(CliError::new(Exit::Interrupted, message).hint(format!(
                "{} is left as it was: it can be read, not run, as the model that it asks has ended; {}",
                place.shown,
                place.removal()
            )));
        }
        Some(Err(error)) => return Err(failed(error)),
        Some(Ok(played)) => played,
    };
    // The model has had its say: nobody may call it any more.
    drop(listening);
    if let Some(error) = live.broken {
        return Err(error.into());
    }
    if let Some(key) = Key::parse(LOG) {
        place.org.store.put(&key, Bytes::from(encode(&json!({ "calls": played.witness.calls })))).await?;
    }
    let findings = audit(&place.org.store, &played.witness).await?;
    let is_good = findings.violations.is_empty();
    if json {
        session.out.document(&document(&place, &played, &findings))?;
    } else {
        Report { played: &played, findings: &findings }.show(&place, &mut session.out)?;
    }
    Ok(if is_good { Exit::Ok } else { Exit::Failed })
}

/// Why this is not played where something is.
async fn occupied(place: &Place) -> Result<CliError, CliError> {
    let is_ours = match Key::parse(organisation::MARKER) {
        Some(key) => place.org.store.get(&key).await?.is_some(),
        None => false,
    };
    Ok(match is_ours {
        true => place.refused("holds an earlier chaos").hint(format!("{}; or name another place", place.removal())),
        false => place.refused("this needs a new place"),
    })
}

/// Makes the organisation, in a store that keeps its promise.
async fn found(place: &Place, address: &str) -> Result<(), CliError> {
    let store = &place.org.store;
    place.org.probe().await?;
    for (key, bytes) in organisation::files(address) {
        match store.create_own(&key, Bytes::from(bytes)).await? {
            Created::Won => {}
            Created::Lost(_) => return Err(place.refused("somebody else is making an organisation there")),
        }
    }
    Ok(())
}

fn failed(error: PlayError) -> CliError {
    match error {
        PlayError::Store(error) => error.into(),
        PlayError::Letter(error) => error.into(),
        error => CliError::new(Exit::Failed, crate::causes::causes(&error).join(": "))
            .hint("nothing is left running; -v shows the log of this process, --dir another folder to try again"),
    }
}

/// What is seen while it is played.
struct Live {
    line: Line,
    is_watched: bool,
    /// Standard output cannot be written.
    broken: Option<std::io::Error>,
}

impl Live {
    fn show(&mut self, told: Option<&Told>, tick: u64, at: &[At], out: &mut Output) {
        if let Some(told) = told
            && !out.json()
        {
            self.line.erase();
            let said = out.paragraph(line(told)).and_then(|()| out.flush());
            self.broken = self.broken.take().or(said.err());
        }
        if self.is_watched && told.is_none() {
            self.line.draw(&board(tick, at));
        }
    }
}

/// The runners, side by side.
fn board(tick: u64, at: &[At]) -> String {
    let one = |(number, at): (usize, &At)| match at {
        At::Rest => format!("{number} -"),
        At::Work(agents) => format!("{number} {}", agents.join("+")),
        At::Dead => format!("{number} ✗"),
    };
    let all: Vec<String> = (1..).zip(at).map(one).collect();
    format!("tick {tick} | {}", all.join(" | "))
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

/// A happening as a line.
fn line(told: &Told) -> String {
    let at = styled(DIM, format!("{:>7}", seconds(told.ms)));
    let runner = |number: &u32| styled(NAME, format!("runner {number}"));
    let what = match &told.what {
        Happening::Started { letters, runners } => format!("{letters} letters are sent, {runners} runners started"),
        Happening::Takes { tick, runner: who, agents } => {
            format!("tick {tick}  {} asks the model for {}", runner(who), agents.join(", "))
        }
        Happening::TakesOver { tick, runner: who, agent, from } => {
            let over = styled(WARN, format!("takes {agent} over"));
            format!("tick {tick}  {} {over} from {}, and asks again", runner(who), runner(from))
        }
        Happening::Killed { tick, runner: who, agents, into_call_ms } => {
            let killed = styled(BAD, "is killed");
            format!(
                "tick {tick}  {} {killed}, {} into its call for {}",
                runner(who),
                seconds(*into_call_ms),
                agents.join(", ")
            )
        }
        Happening::Closed { tick, turns, home } => {
            let (turns, home) = (counted(*turns, "turn"), counted(*home, "letter"));
            styled(GOOD, format!("tick {tick}  is closed: {turns}; {home} came home so far"))
        }
    };
    format!("{at}  {what}")
}

fn document(place: &Place, played: &Played, findings: &Findings) -> Value {
    json!({
        "store": place.org.place,
        "ok": findings.violations.is_empty(),
        "duration_ms": u64::try_from(played.duration.as_millis()).unwrap_or(u64::MAX),
        "runners": RUNNERS,
        "passed_alive": played.passed_alive,
        "witness": played.witness,
        "findings": findings,
        "events": played.told,
    })
}

/// The tables at the end.
struct Report<'a> {
    played: &'a Played,
    findings: &'a Findings,
}

impl Report<'_> {
    fn show(&self, place: &Place, out: &mut Output) -> Result<(), CliError> {
        out.line("")?;
        out.paragraph(styled(TITLE, "What the model was paid, by its own log, and what the records say"))?;
        out.table(&self.money())?;
        out.line("")?;
        out.paragraph(styled(TITLE, "What each crash cost"))?;
        out.table(&self.crashes())?;
        out.line("")?;
        let messages = &self.findings.messages;
        out.paragraph(format!(
            "{} {} to agents: {} read once, {} twice, {} never; {} of {} letters came home",
            styled(TITLE, "Messages:"),
            messages.to_agents,
            messages.once,
            messages.twice,
            messages.never,
            messages.home,
            messages.letters
        ))?;
        self.verdict(out)?;
        out.paragraph("What is left can be read, not run: the model that it asks has ended.")?;
        out.paragraph(styled(DIM, format!("  {}/{LOG}  the model's own log", place.shown.trim_end_matches('/'))))?;
        for line in place.commands(&["status", "credits export"]) {
            out.line(styled(DIM, line))?;
        }
        Ok(())
    }

    fn money(&self) -> Vec<Vec<Cell>> {
        let title = |text: &str| Cell::number(text).style(DIM);
        let heads = ["  tick", "turns", "calls", "really paid", "", "recorded", "", "granted"];
        let mut rows = vec![heads.map(title).to_vec()];
        let row = |name: String, turns: u64, calls: u64, money: [Credits; 3]| {
            let [paid, recorded, granted] = money;
            let is_more = |is: bool| if is { Cell::new(">").style(BAD) } else { Cell::new("<=").style(GOOD) };
            vec![
                Cell::number(name),
                Cell::number(turns),
                Cell::number(calls),
                Cell::number(paid),
                is_more(paid > recorded),
                Cell::number(recorded),
                is_more(recorded > granted),
                Cell::number(granted),
            ]
        };
        let ticks = || self.findings.ticks.iter().filter(|tick| tick.turns > 0);
        for tick in ticks() {
            rows.push(row(tick.tick.to_string(), tick.turns, tick.calls, [tick.paid, tick.recorded, tick.granted]));
        }
        let all = [ticks().map(|t| t.paid).sum(), ticks().map(|t| t.recorded).sum(), ticks().map(|t| t.granted).sum()];
        rows.push(row("all".to_owned(), ticks().map(|t| t.turns).sum(), ticks().map(|t| t.calls).sum(), all));
        rows
    }

    fn crashes(&self) -> Vec<Vec<Cell>> {
        let title = |text: &str| Cell::new(text).style(DIM);
        let heads = ["  killed", "at", "turns lost", "calls lost", "really paid", "recorded", "again after"];
        let mut rows = vec![heads.map(title).to_vec()];
        for told in &self.played.told {
            let Happening::Killed { tick, runner, .. } = &told.what else { continue };
            let crash = self.findings.crashes.get(runner).cloned().unwrap_or_default();
            let lost: Vec<&str> = crash.turns.iter().map(|(_, agent)| agent.as_str()).collect();
            let over = self.played.told.iter().find_map(|later| match &later.what {
                Happening::TakesOver { tick: then, from, .. } if (then, from) == (tick, runner) => Some(later.ms),
                _ => None,
            });
            rows.push(vec![
                Cell::new(format!("  runner {runner}")).style(NAME),
                Cell::number(seconds(told.ms)),
                Cell::new(lost.join(", ")),
                Cell::number(crash.calls_lost),
                Cell::number(crash.paid_in_vain),
                Cell::number(crash.forfeited),
                Cell::number(over.map_or(String::new(), |over| seconds(over - told.ms))),
            ]);
        }
        rows
    }

    fn verdict(&self, out: &mut Output) -> Result<(), CliError> {
        let violations = &self.findings.violations;
        let lost: u64 = self.findings.crashes.values().map(|crash| crash.calls_lost).sum();
        let took = seconds(u64::try_from(self.played.duration.as_millis()).unwrap_or(u64::MAX));
        let kills = self.played.witness.killed.len();
        if self.played.passed_alive > 0 {
            let runners = counted(self.played.passed_alive, "runner");
            out.paragraph(format!("Slower than the lease, and passed over alive: {runners}."))?;
        }
        if violations.is_empty() {
            out.paragraph(format!("{} after {kills} kills, in {took}.", styled(GOOD, "Every invariant holds")))?;
            out.paragraph(format!(
                "Calls paid in vain: {lost}. A call under way when its runner dies may be paid again. Each was \
                 recorded, and inside what had been granted."
            ))?;
            return Ok(());
        }
        let count = match violations.len() {
            1 => "1 invariant is violated".to_owned(),
            n => format!("{n} invariants are violated"),
        };
        out.paragraph(format!("{} after {kills} kills, in {took}:", styled(BAD, count)))?;
        for violation in violations {
            out.paragraph(format!("  {}", styled(BAD, clean(violation).replace('\n', " "))))?;
        }
        Ok(())
    }
}
