//! Money: ceilings, charges, windows, and what becomes of agents without any.

use std::sync::Arc;
use std::time::Duration;

use lemming::chronicle::ledger::{Line, LineKind, ledger};
use lemming::domain::credits::Credits;
use lemming::domain::time::Tick;
use lemming::engine::{Context, Outcome, Progress, Stop, run_tick};
use lemming::provider::{CallError, CallErrorKind};
use lemming::record::chain::{Extension, Link};
use lemming::record::plan::{SkipReason, Trigger};
use lemming::record::turn::{FailureKind, Status, TurnRecord};
use lemming::store::Key;
use lemming::store::faults::{Fault, Faulty, Op};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use serde_json::json;

use crate::audit::Expect;
use crate::world::{World, name, says};

fn micros(micros: u64) -> Credits {
    Credits::from_micros(micros)
}

/// What one call costs at worst, with `cost_per_action`: 32,000 tokens in, 100 out.
const LEAST: u64 = 32_000 + 200 + 1_000;

async fn of_ada(world: &World, change: serde_json::Value) {
    world.found().await;
    world.agent("ada", change).await;
}

#[tokio::test(start_paused = true)]
async fn calls_without_an_answer_stay_at_their_worst_case_and_leave_the_mail() {
    for kind in [CallErrorKind::Unanswered, CallErrorKind::TimedOut] {
        let world = World::new(move |request| match request.view.tick.0 {
            1..=4 => Err(CallError::new(kind, "gone")),
            _ => Ok(says("here")),
        });
        of_ada(&world, json!({})).await;
        world.mail(1, "human", None, "hello").await;
        for _ in 0..4 {
            assert_eq!(world.tick().await.turns[0].status, Status::Failed);
        }
        let turn = world.turn(1, "ada").await;
        assert_eq!(turn.failure.unwrap().kind, FailureKind::Unavailable);
        assert_eq!(turn.spent.paid, Credits::ZERO);
        assert_eq!(world.calls().iter().filter(|call| call.tick.0 == 1).count(), 3);
        let paid: Credits = world.calls().iter().map(|call| call.paid).sum();
        let state = world.state().await;
        assert!(state.agents[&name("ada")].account.charged.unanswered >= paid);
        world.tick().await;
        assert_eq!(world.turn(5, "ada").await.inbox.len(), 1, "an outage gives up no mail");
        world.audit(&Expect::default()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_refuses_costs_nothing() {
    for (kind, calls) in
        [(CallErrorKind::RateLimited, 3), (CallErrorKind::Misconfigured, 1), (CallErrorKind::Refused, 1)]
    {
        let world = World::new(move |_| Err(CallError::new(kind, "no")));
        of_ada(&world, json!({})).await;
        world.tick().await;
        assert_eq!(world.calls().len(), calls);
        assert_eq!(world.state().await.agents[&name("ada")].account.charged.total(), Credits::ZERO, "{kind:?}");
        world.audit(&Expect::default()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn mail_that_fails_three_turns_is_given_up_and_shown() {
    let world = World::new(|request| {
        let poison = request.view.inbox.iter().any(|entry| entry.text() == "poison");
        Ok(if poison { "no".to_owned() } else { says(&request.view.inbox.len().to_string()) })
    });
    of_ada(&world, json!({})).await;
    world.mail(1, "human", None, "poison").await;
    world.tick().await;
    world.mail(2, "human", None, "fine").await;
    world.tick().await;
    let report = world.tick().await;
    assert_eq!(world.closed(3).await.turns[&name("ada")].dead_letters.len(), 1);
    assert!(report.problems.iter().any(|problem| problem.kind == "dead_letters"));
    assert_eq!(world.tick().await.turns[0].status, Status::Ok);
    let read: Vec<String> = world.turn(4, "ada").await.inbox.iter().map(|read| read.position.to_string()).collect();
    assert_eq!(read, ["2.0.0"], "what came later is not given up");
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn a_budget_renews_by_the_day_of_the_plan_and_is_never_overspent() {
    let mut world = World::new(|_| Ok(says("x")));
    world.org["budget"] = json!({"credits": 0.04, "per": "day"});
    of_ada(&world, json!({})).await;
    let mut days = Vec::new();
    for _ in 0..2 {
        let mut ran = 0;
        while world.tick().await.skipped.is_empty() {
            ran += 1;
            assert!(ran < 50, "nothing is charged");
        }
        let plan = world.plan(world.state().await.tick.0).await;
        assert_eq!(plan.skipped[0].reason, SkipReason::NoBudget);
        days.push((ran, plan.budget_window));
        world.clock.advance(Duration::from_secs(86_400));
    }
    // 0.04 - 0.0332 leaves room for six turns of 0.00112, and then a seventh.
    assert_eq!(days, [(7, "2027-01-15".to_owned()), (7, "2027-01-16".to_owned())]);
    world.tick().await;
    assert_eq!(world.state().await.budget.charged, micros(1_120));
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn a_wrong_clock_turns_no_window_back() {
    let mut world = World::new(|_| Ok(says("x")));
    world.org["budget"] = json!({"credits": 0.04, "per": "day"});
    of_ada(&world, json!({})).await;
    world.tick().await;
    world.clock.back(Duration::from_secs(86_400));
    world.tick().await;
    let (first, second) = (world.plan(1).await, world.plan(2).await);
    assert_eq!((first.time, first.budget_window), (second.time, second.budget_window));
    assert_eq!(world.state().await.budget.charged, micros(2 * 1_120));
}

#[tokio::test]
async fn no_top_up_lifts_an_account_above_its_max() {
    let world = World::new(|_| Ok(says("x")));
    of_ada(&world, json!({"credits": {"max_credits": 0.1, "soft_cap": 0.0995}})).await;
    world.command(1, json!({"action": "top_up", "agent": "ada", "credits": 5})).await;
    world.tick().await;
    let balance = |world: World| async move { (world.state().await.agents[&name("ada")].account.balance, world) };
    let (left, world) = balance(world).await;
    assert_eq!(left, micros(100_000 - 1_120));
    assert!(world.turn(1, "ada").await.warnings[0].contains("soft cap"));
    world.command(2, json!({"action": "top_up", "agent": "ada", "credits": 5})).await;
    world.command(3, json!({"action": "top_up", "agent": "ada", "credits": 5})).await;
    world.command(4, json!({"action": "top_up", "agent": "eva", "credits": 5})).await;
    let report = world.tick().await;
    assert!(report.problems.iter().any(|problem| problem.kind == "top_up_refused"));
    let (left, world) = balance(world).await;
    assert_eq!(left, micros(100_000 - 1_120));
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn who_cannot_pay_one_call_is_skipped_until_topped_up() {
    let world = World::new(|_| Ok(says("x")));
    of_ada(&world, json!({"credits": {"max_credits": Credits::from_micros(LEAST)}})).await;
    assert_eq!(world.tick().await.skipped, []);
    let report = world.tick().await;
    assert_eq!((report.skipped[0].reason, report.turns.len()), (SkipReason::NoCredits, 0));
    world.command(1, json!({"action": "top_up", "agent": "ada", "credits": 1})).await;
    assert_eq!(world.tick().await.skipped, []);
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn a_prompt_as_long_as_may_be_fits_the_worst_case_of_one_call() {
    let world = World::new(|_| Ok(says("x")));
    let tools = [
        "memory_read",
        "memory_write",
        "memory_list",
        "memory_search",
        "file_read",
        "file_write",
        "list_agents",
        "memory_delete",
        "file_list",
        "file_delete",
        "file_search",
        "shell",
        "create_agent",
        "web_fetch",
        "web_search",
        "python",
    ];
    let credits = Credits::from_micros(LEAST);
    of_ada(&world, json!({"credits": {"max_credits": credits}, "permissions": {"tools": tools}})).await;
    for number in 1..=40 {
        world.put(&format!("agents/ada/memory/key_{number}.json"), &json!({"value": "fact ".repeat(100)})).await;
        world.mail(number, "human", None, &"word ".repeat(300)).await;
    }
    world.tick().await;
    let turn = world.turn(1, "ada").await;
    assert_eq!(turn.status, Status::Ok, "{:?}", turn.failure);
    assert!(turn.inbox.len() > 1, "{}", turn.inbox.len());
    world.audit(&Expect::default()).await;
}

#[tokio::test]
async fn a_turn_whose_money_runs_out_ends_cleanly() {
    let world = World::new(|request| {
        let calls = json!([{"tool": "list_agents", "arguments": {}}]);
        let text = format!("step {}", request.view.step);
        Ok(json!({"outbox_entries": [{"payload": {"text": text}}], "tool_calls": calls}).to_string())
    });
    let change = json!({"credits": {"max_credits": Credits::from_micros(LEAST + 2_000)}, "permissions": {"tools": ["list_agents"]}});
    of_ada(&world, change).await;
    world.tick().await;
    let turn = world.turn(1, "ada").await;
    assert_eq!(turn.status, Status::Ok);
    assert!((1..8).contains(&turn.exchanges.len()), "the last that fits is final: {}", turn.exchanges.len());
    assert!(turn.violations.iter().any(|violation| violation.message.contains("were not made")));
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn mail_about_mail_ends_at_max_hops() {
    let mut world = World::new(|request| Ok(says(&format!("{} again", request.view.agent))));
    world.org["limits"] = json!({"max_hops": 3});
    world.found().await;
    for agent in ["ada", "bob"] {
        world.agent(agent, json!({"schedule": {"run_every_n_ticks": 1, "when": "on_message"}})).await;
    }
    world.mail(1, "human", Some(&["ada"]), "go").await;
    let mut turns = 0;
    let mut problems = Vec::new();
    for _ in 0..12 {
        let report = world.tick().await;
        turns += report.turns.len();
        problems.extend(report.problems);
    }
    assert_eq!(turns, 4, "hops 1, 2, 3, and 4, which wakes nobody");
    assert_eq!(problems.iter().filter(|problem| problem.kind == "too_many_hops").count(), 1);
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn people_pause_and_resume_agents_and_the_organisation() {
    let world = World::new(|_| Ok(says("x")));
    world.found().await;
    for agent in ["ada", "bob"] {
        world.agent(agent, json!({})).await;
    }
    world.command(1, json!({"action": "pause", "agent": "ada"})).await;
    assert_eq!(world.tick().await.due, [name("bob")]);
    assert_eq!(world.tick().await.due, [name("bob")], "it lasts");
    world.command(2, json!({"action": "pause"})).await;
    let report = world.tick().await;
    assert!(report.due.is_empty() && report.skipped.iter().all(|skipped| skipped.reason == SkipReason::Paused));
    world.command(3, json!({"action": "resume", "agent": "ada"})).await;
    assert!(world.tick().await.due.is_empty());
    world.command(4, json!({"action": "resume"})).await;
    assert_eq!(world.tick().await.due.len(), 2);
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

/// Tells the runner to leave as soon as a turn is committed.
#[derive(Debug)]
struct StopAtCommit(lemming::engine::Stopper);

impl Progress for StopAtCommit {
    fn turn_committed(&self, _record: &TurnRecord) {
        self.0.stop();
    }
}

fn stopping(world: &World) -> (lemming::engine::Stopper, Context) {
    let (sender, stop) = Stop::channel();
    let mut context = world.context();
    context.stop = stop;
    (sender, context)
}

#[tokio::test]
async fn a_runner_that_leaves_between_turns_releases_its_shard() {
    let mut world = World::new(|_| Ok(says("x")));
    world.org["limits"] = json!({"agents_per_hold": 1, "max_parallel_turns": 1});
    world.found().await;
    for agent in ["ada", "bob", "cyd"] {
        world.agent(agent, json!({})).await;
    }
    let (sender, mut context) = stopping(&world);
    context.progress = Arc::new(StopAtCommit(sender));
    let left = run_tick(&context, Trigger::Invocation).await.unwrap();
    assert!(matches!(left, Outcome::Ran(report) if !report.closed && report.turns.len() == 1));
    let link: Link = world.read(Key::Link(lemming::domain::time::Tick(1), 0, 1)).await;
    assert_eq!(link.what, Extension::Release { spent: vec![] });
    // The lease is 30 seconds: the next one does not wait for it.
    let next = tokio::time::timeout(Duration::from_secs(2), world.tick()).await.expect("no waiting");
    assert!(next.closed && next.resumed);
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

/// Lets the next put fail once a turn is committed: that of its view.
#[derive(Debug)]
struct FailAtCommit(Arc<Faulty>);

impl Progress for FailAtCommit {
    fn turn_committed(&self, _record: &TurnRecord) {
        self.0.fail_next(Op::Put, 1, Fault::FailBefore);
    }
}

#[tokio::test(start_paused = true)]
async fn a_view_that_cannot_be_written_stops_the_other_calls_and_releases_the_shard() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let faulty = Arc::new(Faulty::new(objects.clone(), 1));
    let mut world = World::through(objects, faulty.clone(), |_| Ok(says("x")));
    world.thinker.delay = Duration::from_secs(1);
    world.found().await;
    world.agent("ada", json!({})).await;
    world.agent("bob", json!({"permissions": {"read_outboxes": ["ada"]}})).await;
    world.agent("cyd", json!({"permissions": {"read_outboxes": ["bob"]}})).await;
    let mut context = world.context();
    context.progress = Arc::new(FailAtCommit(faulty));
    run_tick(&context, Trigger::Invocation).await.expect_err("the view of ada is not written");
    let link: Link = world.read(Key::Link(lemming::domain::time::Tick(1), 0, 1)).await;
    let Extension::Release { spent } = link.what else { panic!("not released: {link:?}") };
    let agents: Vec<&str> = spent.iter().map(|settled| settled.agent.as_str()).collect();
    assert_eq!(agents, ["bob", "cyd"]);
    // The lease is 30 seconds: the next one does not wait for it.
    let next = tokio::time::timeout(Duration::from_secs(10), world.tick()).await.expect("no waiting");
    assert!(next.closed && next.resumed);
    assert!(world.closed(1).await.turns.values().all(|turn| turn.charge.forfeited == Credits::ZERO));
    world.audit(&Expect::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_arrives_after_its_licence_was_released_is_within_the_grant() {
    let mut came_late = 0;
    for operations in 1..40 {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let faulty = Arc::new(Faulty::new(objects.clone(), 1));
        let of_mind = faulty.clone();
        let once = std::sync::atomic::AtomicBool::new(false);
        let mut world = World::through(objects, faulty.clone(), move |request| {
            if request.view.agent.as_str() == "ada" && !once.swap(true, std::sync::atomic::Ordering::Relaxed) {
                // Her record is on its way for so long, and nobody hears what becomes of it.
                of_mind.fail_next(Op::Put, 1, Fault::Late(operations));
            }
            Ok(says("x"))
        });
        world.org["visibility"] = json!("snapshot");
        world.found().await;
        // What she has is less than one attempt may cost: all of it is granted, and one licence may spend it.
        world.agent("ada", json!({"credits": {"max_credits": 0.05, "soft_cap": 0}})).await;
        world.agent("bob", json!({})).await;
        let mut context = world.context();
        context.progress = Arc::new(FailAtCommit(faulty));
        run_tick(&context, Trigger::Invocation).await.expect_err("the view of bob is not written");
        assert!(world.tick().await.closed);
        let turn = world.turn(1, "ada").await;
        let holds =
            world.all().await.keys().filter(|path| path.contains("/shards/0/") && path.ends_with(".json")).count();
        came_late += u32::from(turn.licence.is_some_and(|licence| licence.seq == 0) && holds > 3);
        let granted = world.plan(1).await.due.iter().find(|due| due.agent == name("ada")).expect("due").grant_credits;
        let charged = world.closed(1).await.turns[&name("ada")].charge.total();
        assert!(charged <= granted, "after {operations} operations: {charged} of {granted}");
        world.audit(&Expect::default()).await;
    }
    assert!(came_late > 0, "it never came after the next hold");
}

/// Stops a runner while the model is thinking.
async fn stop_in_call(world: &World) {
    let (sender, mut context) = stopping(world);
    let mut thinker = world.thinker.clone();
    let mind = thinker.mind.clone();
    thinker.mind = Arc::new(move |request| {
        sender.stop();
        mind(request)
    });
    thinker.delay = Duration::from_secs(5);
    context.providers = Arc::new(thinker);
    let left = run_tick(&context, Trigger::Invocation).await.unwrap();
    assert!(matches!(left, Outcome::Ran(report) if !report.closed));
}

#[tokio::test]
async fn a_stopped_call_is_charged_as_unanswered_and_the_turn_is_made_anew() {
    let world = World::new(|_| Ok(says("x")));
    of_ada(&world, json!({})).await;
    stop_in_call(&world).await;
    world.tick().await;
    let charge = world.closed(1).await.turns[&name("ada")].charge;
    assert_eq!((charge.paid, charge.forfeited), (micros(1_120), Credits::ZERO));
    assert!(charge.unanswered > Credits::ZERO);
    world.audit(&Expect::default()).await;
}

#[tokio::test]
async fn a_grant_that_stopped_calls_use_up_blames_no_mail() {
    let world = World::new(|_| Ok(says("x")));
    of_ada(&world, json!({"credits": {"max_credits": Credits::from_micros(LEAST)}})).await;
    world.mail(1, "human", None, "hello").await;
    stop_in_call(&world).await;
    world.tick().await;
    let turn = world.turn(1, "ada").await;
    assert_eq!(turn.failure.unwrap().kind, FailureKind::OutOfMoney);
    assert_eq!(world.closed(1).await.turns[&name("ada")].blamed, None);
    world.audit(&Expect::default()).await;
}

#[tokio::test(start_paused = true)]
async fn the_ledger_adds_up_to_what_was_charged_and_names_each_call() {
    let world = World::new(|request| match (request.view.tick.0, request.view.step) {
        (2, _) => Err(CallError::new(CallErrorKind::TimedOut, "gone")),
        (_, 0) => Ok(json!({"tool_calls": [{"tool": "list_agents", "arguments": {}}]}).to_string()),
        _ => Ok(says("done")),
    });
    of_ada(&world, json!({"permissions": {"tools": ["list_agents"]}})).await;
    for _ in 0..3 {
        world.tick().await;
    }
    let mut lines = Vec::new();
    for tick in 1..=4 {
        lines.extend(ledger(&world.raw, Tick(tick)).await.expect("ledger"));
    }
    let calls: Vec<_> = lines.iter().filter(|line| line.kind == LineKind::Call).collect();
    assert_eq!(calls.len(), 4);
    assert!(calls.iter().all(|line| line.input_tokens == Some(100) && line.cost == Some(micros(120))));
    let charged: Credits =
        lines.iter().flat_map(|line| [line.paid, line.unanswered, line.forfeited, line.action]).flatten().sum();
    assert_eq!(charged, world.state().await.agents[&name("ada")].account.charged.total());
    assert!(lines.iter().any(|line| line.unanswered > Some(Credits::ZERO)), "{lines:?}");
    let csv = calls[0].csv();
    assert!(csv.starts_with("call,1,2027-01-15T08:00:00.000Z,ada,ok,0,m,test,,,,100,0,0,10,0,,0.00012,,,,,"), "{csv}");
    assert_eq!(csv.split(',').count(), Line::COLUMNS.len());
    let hostile = Line { response_id: Some("=cmd|' /C calc'!A0,\"\n".to_owned()), ..calls[0].clone() };
    assert!(hostile.csv().contains("\"'=cmd|' /C calc'!A0,\"\" \""), "{}", hostile.csv());
}
