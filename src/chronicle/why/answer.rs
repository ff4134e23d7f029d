//! The answers in plain words, with the facts that only they have, and what to do about each.

use serde_json::json;

use super::{Reason, Why};
use crate::chronicle::ticks::Shard;
use crate::count::counted;
use crate::domain::name::AgentName;
use crate::domain::schedule::{Schedule, When};
use crate::engine::{Pause, Verdict, Why as Detail};
use crate::record::closed::TurnFold;
use crate::record::plan::{Plan, SkipReason};
use crate::record::turn::{FailureKind, TurnRecord};

impl Why {
    fn fact(&mut self, name: &str, value: impl serde::Serialize) {
        self.facts.insert(name.to_owned(), json!(value));
    }

    fn say(&mut self, answer: impl Into<String>) {
        self.answer = answer.into();
    }

    /// `was`, or `is` where the tick is not planned yet.
    fn was(&self) -> &'static str {
        if self.state.is_some() { "was" } else { "is" }
    }

    /// `had`, or `has` where the tick is not planned yet.
    fn had(&self) -> &'static str {
        if self.state.is_some() { "had" } else { "has" }
    }

    fn advise(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }
}

/// Why it was due, after "it was due".
fn because(cause: Option<&str>) -> &'static str {
    match cause {
        Some("schedule") => "by its schedule",
        Some("catch_up") => "by its schedule, in a slot that nobody triggered",
        Some("mail") => "as it had mail",
        Some("named") => "as it was named",
        Some("approval") => "as a call of it was answered",
        _ => "",
    }
}

pub(super) fn will_run(agent: &AgentName, why: &Why) -> String {
    let cause = because(why.facts.get("because").and_then(|cause| cause.as_str()));
    let cause = cause.replace("had", "has").replace("was", "is");
    let grant = why.facts.get("grant_credits").map(ToString::to_string).unwrap_or_default();
    format!("{agent} is due {cause}, and may spend up to {grant}")
}

pub(super) fn committed(why: &mut Why, turn: &TurnRecord, fold: Option<&TurnFold>) {
    let spent = turn.spent.paid + turn.spent.unanswered + turn.spent.action;
    let cost = fold.map_or(spent, |fold| fold.charge.total());
    why.fact("cost_credits", cost);
    why.fact("calls", turn.exchanges.len());
    why.fact("read", turn.inbox.len());
    why.fact("said", turn.effects.outbox.len());
    let dead = fold.map(|fold| &fold.dead_letters).filter(|letters| !letters.is_empty());
    if let Some(dead) = dead {
        why.fact("dead_letters", dead);
    }
    let cause = because(why.facts.get("because").and_then(|cause| cause.as_str()));
    let agent = why.agent.clone();
    let (read, said) = (counted(turn.inbox.len(), "message"), counted(turn.effects.outbox.len(), "message"));
    match &turn.failure {
        None if why.reason == Reason::Waiting => {
            why.fact("waiting", turn.waiting.iter().map(|question| question.id).collect::<Vec<_>>());
            let waits = if turn.waiting.len() == 1 { "a call of it waits" } else { "calls of it wait" };
            why.say(format!("{agent} ran, {cause}, and {waits} for a person's yes, for {cost}"));
            why.advise(
                "`lemming approvals list` shows what waits; its turn after the answer begins with what came of it",
            );
        }
        None => why.say(format!("{agent} ran, {cause}: it read {read} and said {said}, for {cost}")),
        Some(failure) => {
            why.fact("failure", failure);
            let given_up = dead.map_or(String::new(), |dead| {
                format!("; it was the third such failure in a row, and {} given up", letters(dead.len()))
            });
            why.say(format!("{agent} ran, {cause}, and failed, for {cost}: {}{given_up}", failure.message));
            why.advise(mend(failure.kind, &agent));
        }
    }
}

fn letters(count: usize) -> String {
    if count == 1 { "1 message was".to_owned() } else { format!("{count} messages were") }
}

/// What to do about a failure.
fn mend(kind: FailureKind, agent: &AgentName) -> String {
    match kind {
        FailureKind::Garbage => {
            format!("`lemming inspect {agent}` shows prompt and answer; another model, or clearer instructions, may help")
        }
        FailureKind::Refused => {
            format!("the provider refuses the prompt: `lemming inspect {agent}` shows it; its mail stays unread")
        }
        FailureKind::ContextTooLong => {
            "lower limits.max_prompt_tokens in org.json, or give the model's context_tokens in config/models.json".to_owned()
        }
        FailureKind::Crashed => {
            "runners died over this turn: their logs say why; memory or time may be too short for it".to_owned()
        }
        FailureKind::Unavailable => {
            "nothing is lost, its mail stays unread: `lemming models test` tries the model; a fallback in config/models.json \
             would step in"
                .to_owned()
        }
        FailureKind::OutOfMoney => {
            "raise limits.max_turn_credits, or lower limits.max_prompt_tokens and the resume's model.max_tokens".to_owned()
        }
        FailureKind::Misconfigured => {
            "`lemming models` and `lemming doctor` say what is missing: the model, its key or its command".to_owned()
        }
    }
}

pub(super) fn open(why: &mut Why, shard: Option<&Shard>, plan: &Plan) {
    let agent = why.agent.clone();
    let Some(shard) = shard.filter(|shard| shard.holder.is_some()) else {
        let cause = because(why.facts.get("because").and_then(|cause| cause.as_str()));
        why.say(format!("{agent} is due, {cause}, and its turn is not committed; no runner has it in hand"));
        why.advise(format!("`lemming tick` goes on with tick {}", plan.tick));
        return;
    };
    let holder = shard.holder.as_ref().map(ToString::to_string).unwrap_or_default();
    let sign = shard.last_sign.map_or(String::new(), |time| format!(", which last showed life at {time}"));
    let started = shard.worker(&agent).is_some();
    why.fact("held_by", &holder);
    why.fact("begun", started);
    why.fact("attempts", shard.attempts(&agent));
    if let Some(time) = shard.last_sign {
        why.fact("last_sign", time);
    }
    let state = if started { "in the hands" } else { "not begun yet, and waits in the hands" };
    why.say(format!("{agent} is due, and its turn is {state} of the runner {holder}{sign}"));
    why.advise("if that runner is gone, `lemming tick` waits until its lease is over and takes the turn over");
}

pub(super) fn skipped(why: &mut Why, detail: &Detail, plan: &Plan) {
    let agent = why.agent.clone();
    let was = why.was();
    match detail {
        Detail::Paused(Pause::Organisation) => {
            why.fact("paused", "organisation");
            why.say(format!("{agent} {was} due, but the organisation is paused"));
            why.advise("`lemming resume` lets it go on");
        }
        Detail::Paused(Pause::Agent) => {
            why.fact("paused", "agent");
            why.say(format!("{agent} {was} due, but it is paused"));
            why.advise(format!("`lemming resume {agent}` lets it go on"));
        }
        Detail::UnknownModel(model) => {
            why.fact("model", model);
            why.say(format!("{agent} {was} due, but there is no model {model} in config/models.json"));
            why.advise(format!("add it to config/models.json, or name another one in agents/{agent}/resume.json"));
        }
        Detail::Failing(until) => {
            let failures = why.facts.get("failures").and_then(serde_json::Value::as_u64).unwrap_or(0);
            why.fact("until_clock", until);
            why.say(format!(
                "{agent} {was} due, but failed {failures} times in a row, and is left alone until clock {until}; its mail is kept"
            ));
            why.advise(format!(
                "`lemming inspect {agent}` shows why it failed; an edit of its resume or of config/models.json ends the rest, \
                 and `lemming tick --wake --agent {agent}` runs it now"
            ));
        }
        Detail::Short(short) => {
            let missing = short.needed.saturating_sub(short.had);
            why.fact("needed_credits", short.needed);
            why.fact("had_credits", short.had);
            why.fact("missing_credits", missing);
            let lacks = match short.needed.is_zero() {
                true => "nothing is left in it, and an empty one runs nothing, not even at no cost".to_owned(),
                false => {
                    format!("a turn needs {} at least, there were {}: {missing} are missing", short.needed, short.had)
                }
            };
            let amount = if missing.is_zero() { "AMOUNT".to_owned() } else { missing.to_string() };
            if short.reason == SkipReason::NoBudget {
                why.fact("budget_window", &plan.budget_window);
                let window = &plan.budget_window;
                why.say(format!("{agent} {was} due, but the organisation's budget ({window}) does not reach: {lacks}"));
                why.advise(format!("`lemming credits top-up org {amount}` or more, or a higher budget in org.json"));
            } else {
                why.say(format!("{agent} {was} due, but its account does not reach: {lacks}"));
                why.advise(format!(
                    "`lemming credits top-up {agent} {amount}` or more; a smaller model.max_tokens or limits.max_prompt_tokens \
                     lowers what a turn needs"
                ));
            }
        }
        Detail::Plain if why.reason == Reason::BrokenResume => {
            let problem = plan.problems.iter().find(|problem| problem.agent.as_ref() == Some(&agent));
            let message = problem.map_or("it cannot be read", |problem| problem.message.as_str());
            why.fact("problem", message);
            why.say(format!("{agent} is not run, because of its resume: {message}"));
            why.advise("`lemming validate` says where, and what would be right");
        }
        Detail::Plain => why.say(format!("{agent} {was} due and does not run: {}", words(why.reason))),
    }
}

/// A reason's word, as words.
fn words(reason: Reason) -> String {
    json!(reason).as_str().unwrap_or_default().replace('_', " ")
}

/// When its schedule fires next, for the end of an answer.
fn next(why: &Why) -> String {
    let Some(next) = why.facts.get("next_clock") else { return String::new() };
    let time = why.facts.get("next_time").and_then(|time| time.as_str());
    match time {
        Some(time) => format!("; it fires next at clock {next}, about {time}"),
        None => format!("; it fires next at clock {next}"),
    }
}

fn rule(schedule: &Schedule) -> String {
    match (schedule.run_every_n_ticks.get(), schedule.phase_offset) {
        (1, _) => "at every clock".to_owned(),
        (n, 0) => format!("every {n} clocks"),
        (n, offset) => format!("every {n} clocks with offset {offset}"),
    }
}

pub(super) fn not_due(why: &mut Why, verdict: &Verdict, plan: &Plan) {
    let (agent, clock) = (why.agent.clone(), plan.clock);
    let Some(state) = &verdict.agent else { return };
    let schedule = &state.facts.schedule;
    let rule = rule(schedule);
    match why.reason {
        Reason::Gone => {
            let was = why.was();
            why.say(format!(
                "{agent} {was} no longer there: its folder or its resume is gone; its account and its place in the mail are kept"
            ));
            why.advise(format!("`lemming agents restore {agent}` brings back who was removed; otherwise write agents/{agent}/resume.json again"));
        }
        Reason::Disabled => {
            why.say(format!("{agent} is disabled: its resume says \"enabled\": false"));
            why.advise(format!("set \"enabled\": true in agents/{agent}/resume.json"));
        }
        Reason::NotScheduled => {
            let next = next(why);
            why.say(format!("{agent} runs {rule}, and clock {clock} is none of these{next}"));
            why.advise(format!(
                "schedule.run_every_n_ticks and phase_offset in its resume say when; `lemming tick --wake --agent {agent}` runs it now"
            ));
        }
        Reason::MissedSlot => {
            let range = plan.range.map_or(String::new(), |range| format!(" from clock {} on", range.from));
            let next = next(why);
            why.say(format!("{agent} runs {rule}, which was in a slot that nobody triggered{range}, and missed slots are passed over{next}"));
            why.advise("\"catch_up\": \"one\" under pace in org.json makes up for missed slots, once");
        }
        Reason::NotWoken => {
            let next = next(why);
            why.say(format!(
                "{agent} runs by its schedule, and this tick was a wake, which runs who waits for mail{next}"
            ));
            why.advise(format!("`lemming tick --wake --agent {agent}` names it; \"when\": \"on_message\" in its schedule lets mail wake it"));
        }
        Reason::NoMail => {
            let had = why.had();
            why.say(format!("{agent} runs only with unread mail, and {had} none that it may read"));
            why.advise(format!(
                "`lemming inbox {agent}` shows what it may read: permissions.read_outboxes in its resume says whom; `lemming send {agent} TEXT` gives it some"
            ));
        }
        Reason::TooManyHops => {
            why.fact("hops", verdict.hops);
            why.fact("max_hops", verdict.org.limits.max_hops);
            why.say(format!(
                "{agent} has {}, but agents have answered each other for more than {} hops, and such mail makes nobody due",
                counted(verdict.unread, "unread message"),
                verdict.org.limits.max_hops
            ));
            why.advise(format!("it is read with the next mail of a person or of a schedule: `lemming send {agent} TEXT`; or raise limits.max_hops in org.json"));
        }
        _ => {}
    }
    if schedule.when == When::OnMessage && matches!(why.reason, Reason::NotScheduled | Reason::MissedSlot) {
        why.answer.push_str(" (and then only with unread mail)");
    }
}

pub(super) fn just_created(why: &mut Why, creator: &AgentName) {
    why.fact("created_by", creator);
    why.say(format!("{creator} created {} in this very tick; it may be due from the next one on", why.agent));
}

pub(super) fn unknown(why: &mut Why) {
    why.say(format!(
        "tick {} did not know {}: it had no folder with a resume when the tick was planned",
        why.tick, why.agent
    ));
    why.advise("ticks that were planned later may know it: leave out --tick");
}

pub(super) fn unexplained(why: &mut Why) {
    why.say(format!("the plan of tick {} leaves {} out, and its records do not say why", why.tick, why.agent));
    why.advise(
        "`lemming replay` tells whether the records are sound; another version of lemming may have planned the tick",
    );
}

/// Only so that the words above and the causes cannot drift apart.
#[cfg(test)]
#[test]
fn every_cause_has_its_words() {
    use crate::record::plan::Cause;
    for cause in [Cause::Schedule, Cause::CatchUp, Cause::Mail, Cause::Named, Cause::Approval] {
        assert!(!because(json!(cause).as_str()).is_empty(), "{cause:?}");
    }
}
